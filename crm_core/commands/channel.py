"""`python -m crm_core channel`: which shops are read, and how."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import typer

from crm_core.access.people import person_of_this_machine
from crm_core.commands.console import (
    confirmed,
    err,
    opened,
    out,
    plain,
    row,
    secret,
    secret_from_stdin,
    table,
)
from crm_core.commands.trouble import trouble_of
from crm_core.errors import BadInput
from crm_core.insight.health import channel_health
from crm_core.magento.auth import AdminPassword, Bearer, Credentials, OAuth
from crm_core.magento.check import CheckReport
from crm_core.sync import channels, setting_up
from crm_core.sync.channels import Channel
from crm_core.sync.removal import removal_of, remove_channel
from crm_core.sync.rules import USUAL, Rules

commands = typer.Typer(no_args_is_help=True, help="Which Magento shops are read, and how.")

_SECRETS = (
    "Other users of this machine can see a command line, and shells remember it: leave secrets away to be asked "
    "for them, or set the variable named beside the option."
)
_CREDENTIALS = "Credentials"

Name = Annotated[str, typer.Argument(help="Name of the channel.", show_default=False)]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="MAGENTO_TOKEN", help="An integration's access token, sent as bearer.", rich_help_panel=_CREDENTIALS
    ),
]
ConsumerKey = Annotated[
    str | None,
    typer.Option(envvar="MAGENTO_CONSUMER_KEY", help="OAuth 1.0a: first of four.", rich_help_panel=_CREDENTIALS),
]
ConsumerSecret = Annotated[
    str | None, typer.Option(envvar="MAGENTO_CONSUMER_SECRET", help="OAuth 1.0a.", rich_help_panel=_CREDENTIALS)
]
AccessToken = Annotated[
    str | None, typer.Option(envvar="MAGENTO_ACCESS_TOKEN", help="OAuth 1.0a.", rich_help_panel=_CREDENTIALS)
]
AccessTokenSecret = Annotated[
    str | None, typer.Option(envvar="MAGENTO_ACCESS_TOKEN_SECRET", help="OAuth 1.0a.", rich_help_panel=_CREDENTIALS)
]
Username = Annotated[
    str | None,
    typer.Option(
        help="An admin user without two-factor sign-in; the password is asked for, or MAGENTO_PASSWORD.",
        rich_help_panel=_CREDENTIALS,
    ),
]
PasswordStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from the standard input.", rich_help_panel=_CREDENTIALS),
]
Password = Annotated[str | None, typer.Option(envvar="MAGENTO_PASSWORD", hidden=True)]
NoCheck = Annotated[bool, typer.Option("--no-check", help="Save without asking the shop first.")]
AdminUrl = Annotated[
    str | None, typer.Option(help="Address of the Magento admin, such as https://shop.example/admin; links lead there.")
]
SecretKeysOff = Annotated[
    bool | None,
    typer.Option("--secret-keys-off/--secret-keys-on", help="Whether the admin's addresses work without secret keys."),
]
Websites = Annotated[
    list[str] | None, typer.Option("--website", help="Code of a website in scope; may be repeated. None: all.")
]
StartDate = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Records created before this day (UTC) are not read."),
]
Every = Annotated[int | None, typer.Option(help="Seconds between two looks at the shop.", metavar="SECONDS")]
Overlap = Annotated[
    int | None, typer.Option(help="Seconds that a look reaches back, for late commits.", metavar="SECONDS")
]
Connections = Annotated[int | None, typer.Option(help="Requests to the shop at the same time.")]
PageSize = Annotated[int | None, typer.Option(help="Records asked for at once.")]
Totals = Annotated[int | None, typer.Option(help="Open carts whose total each look reads, the dearest first. 0: none.")]


@commands.command("add", epilog=_SECRETS)
def add(
    name: Name,
    url: Annotated[str, typer.Argument(help="Base URL of the shop, such as https://shop.example.", show_default=False)],
    token: Token = None,
    consumer_key: ConsumerKey = None,
    consumer_secret: ConsumerSecret = None,
    access_token: AccessToken = None,
    access_token_secret: AccessTokenSecret = None,
    username: Username = None,
    password_stdin: PasswordStdin = False,
    password: Password = None,
    allow_writes: Annotated[bool, typer.Option("--allow-writes", help="Let people place orders there.")] = False,
    admin_url: AdminUrl = None,
    secret_keys_off: SecretKeysOff = None,
    website: Websites = None,
    start_date: StartDate = None,
    every: Every = None,
    overlap: Overlap = None,
    connections: Connections = None,
    page_size: PageSize = None,
    totals: Totals = None,
    demo: Annotated[bool, typer.Option("--demo", help="It is a demo store, not a real shop.")] = False,
    no_check: NoCheck = False,
) -> None:
    """Connect a shop. It is checked first, and read by the worker at once."""
    credentials = _credentials(
        token, consumer_key, consumer_secret, access_token, access_token_secret, username, password, password_stdin
    )
    rules = _changed(
        USUAL,
        allow_writes=allow_writes,
        admin_url=admin_url,
        secret_keys_off=secret_keys_off,
        website=website,
        start_date=start_date,
        every=every,
        overlap=overlap,
        connections=connections,
        page_size=page_size,
        totals=totals,
    )
    with opened() as store:
        channel = setting_up.add_channel(
            store,
            name,
            url,
            credentials,
            rules,
            person=person_of_this_machine(),
            is_demo=demo,
            check_first=not no_check,
        )
    out.print(_rules_of(channel), soft_wrap=True)
    out.print("A running worker starts at once. Without one: python -m crm_core sync")


@commands.command("list")
def list_() -> None:
    """All channels, and what keeps one from being read."""
    with opened() as store:
        known = channels.channels(store)
        troubles = {each.id: trouble_of(each) for each in channel_health(store, count_rows=False)}
    if not known:
        out.print("No channel is set up yet. Add one: python -m crm_core channel add NAME URL")
        return
    made = table("Name", "Shop", "Websites", "Sign-in", "Writes", "Every", "State")
    for channel in known:
        scope = "all" if channel.website_ids is None else ", ".join(map(str, sorted(channel.website_ids)))
        row(
            made,
            channel.name,
            channel.base_url,
            scope,
            channel.credentials_kind,
            "allowed" if channel.allow_writes else "read-only",
            f"{channel.every_seconds} s",
            troubles.get(channel.id) or "running",
        )
    out.print(made)


@commands.command("check")
def check(name: Name) -> None:
    """Ask the shop whether all is well, and say in words what is not. A paused channel resumes if it is."""
    with opened() as store:
        report = setting_up.check_channel(store, name)
    _print(report)
    if not report.is_usable:
        raise typer.Exit(1)


@commands.command("set")
def set_(
    name: Name,
    allow_writes: Annotated[
        bool | None, typer.Option("--allow-writes/--read-only", help="Whether people may place orders there.")
    ] = None,
    rename: Annotated[str | None, typer.Option(help="A new name.")] = None,
    url: Annotated[str | None, typer.Option(help="The same shop at a new address.")] = None,
    admin_url: AdminUrl = None,
    secret_keys_off: SecretKeysOff = None,
    website: Websites = None,
    all_websites: Annotated[bool, typer.Option("--all-websites", help="All websites are in scope.")] = False,
    start_date: StartDate = None,
    every: Every = None,
    overlap: Overlap = None,
    connections: Connections = None,
    page_size: PageSize = None,
    totals: Totals = None,
) -> None:
    """Change what is named, keep the rest. At a new address a paused channel resumes."""
    if website and all_websites:
        raise BadInput("Name websites or say --all-websites, not both.")
    with opened() as store:
        change = partial(
            _changed,
            allow_writes=allow_writes,
            admin_url=admin_url,
            secret_keys_off=secret_keys_off,
            website=website,
            start_date=start_date,
            every=every,
            overlap=overlap,
            connections=connections,
            page_size=page_size,
            totals=totals,
            all_websites=all_websites,
        )
        channel = setting_up.change_channel(store, name, change, new_name=rename, new_url=url)
    out.print(_rules_of(channel), soft_wrap=True)


@commands.command("credentials", epilog=_SECRETS)
def credentials(
    name: Name,
    token: Token = None,
    consumer_key: ConsumerKey = None,
    consumer_secret: ConsumerSecret = None,
    access_token: AccessToken = None,
    access_token_secret: AccessTokenSecret = None,
    username: Username = None,
    password_stdin: PasswordStdin = False,
    password: Password = None,
    no_check: NoCheck = False,
) -> None:
    """Give a channel new credentials. They are checked first; a paused channel resumes."""
    given = _credentials(
        token, consumer_key, consumer_secret, access_token, access_token_secret, username, password, password_stdin
    )
    with opened() as store:
        channel = setting_up.set_credentials(store, name, given, check_first=not no_check)
    out.print(f"Channel “{channel.name}” has new credentials and is read at once.")


@commands.command("remove")
def remove(name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do it without a question.")] = False) -> None:
    """Remove a channel, and what was mirrored if no other channel reads the same shop."""
    with opened() as store:
        out.print(str(removal_of(store, name)), soft_wrap=True)
        if not confirmed("Remove it?", yes=yes):
            out.print("Nothing was removed.")
            return
        with err.status("Removing"):
            removal = remove_channel(store, name)
    out.print(f"Channel “{removal.channel.name}” is removed.")


def _credentials(
    token: str | None,
    consumer_key: str | None,
    consumer_secret: str | None,
    access_token: str | None,
    access_token_secret: str | None,
    username: str | None,
    password: str | None,
    password_stdin: bool,
) -> Credentials:
    """Credentials of the kind whose options were given; what is missing of that kind is asked for."""
    oauth = {
        "--consumer-key": consumer_key,
        "--consumer-secret": consumer_secret,
        "--access-token": access_token,
        "--access-token-secret": access_token_secret,
    }
    kinds = (token is not None, any(value is not None for value in oauth.values()), username is not None)
    if sum(kinds) > 1:
        raise BadInput("Give one kind of credentials: --token, or the four OAuth values, or --username.")
    if username is not None:
        if password_stdin:
            return AdminPassword(username, secret_from_stdin("password"))
        hint = "use --password-stdin, or set MAGENTO_PASSWORD."
        return AdminPassword(username, secret(password, f"Password of {username}", hint))
    if kinds[1]:
        values = [
            secret(value, f"OAuth value {option[2:]}", f"use {option}, or set MAGENTO_{_variable(option)}.")
            for option, value in oauth.items()
        ]
        return OAuth(*values)
    return Bearer(secret(token, "Integration token", "use --token, or set MAGENTO_TOKEN."))


def _variable(option: str) -> str:
    return option[2:].replace("-", "_").upper()


def _changed(
    rules: Rules,
    *,
    allow_writes: bool | None,
    admin_url: str | None,
    secret_keys_off: bool | None,
    website: list[str] | None,
    start_date: datetime | None,
    every: int | None,
    overlap: int | None,
    connections: int | None,
    page_size: int | None,
    totals: int | None,
    all_websites: bool = False,
) -> Rules:
    """The rules with what was named on the command line."""
    named = {
        "allow_writes": allow_writes,
        "admin_url": admin_url,
        "secret_keys_off": secret_keys_off,
        "websites": tuple(website) if website else None,
        "start_date": None if start_date is None else start_date.replace(tzinfo=UTC),
        "every_seconds": every,
        "overlap_seconds": overlap,
        "connections": connections,
        "page_size": page_size,
        "totals_a_run": totals,
    }
    rules = replace(rules, **{key: value for key, value in named.items() if value is not None})  # type: ignore[arg-type]
    return replace(rules, websites=None) if all_websites else rules


def _rules_of(channel: Channel) -> str:
    """What the channel reads, how often, and whether it may write; else how that is allowed."""
    reads = f"Channel “{channel.name}” reads {channel.base_url} every {channel.every_seconds} seconds."
    if channel.allow_writes:
        return f"{reads} People may place orders there."
    allow = f"python -m crm_core channel set {shlex.quote(channel.name)} --allow-writes"
    return f"{reads} It is read-only; to allow orders: {allow}"


def _print(report: CheckReport) -> None:
    for finding in report.findings:
        mark = {"ok": "ok     ", "warning": "warning", "problem": "PROBLEM"}[finding.level.value]
        out.print(f"{mark}  {plain(finding.title)}", soft_wrap=True)
        if finding.advice:
            out.print(f"         {plain(finding.advice)}", soft_wrap=True)
