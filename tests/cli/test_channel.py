"""`channel`: add, list, check, set, credentials, remove."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from crm_core.magento.auth import AdminPassword
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.sync.channels import channel_by_name, channels, pause
from tests.cli.conftest import Desk
from tests.served import Served


def test_a_channel_is_added_after_a_check_and_read_only(desk: Desk, store: Store, served: Served) -> None:
    said = desk("channel", "add", "My shop", served.url, "--token", "demo", "--admin-url", f"{served.url}/admin")
    assert said.status == 0, said.err
    assert "read-only" in said.out
    assert "set 'My shop' --allow-writes" in said.out
    channel = channel_by_name(store, "My shop")
    assert not channel.allow_writes
    assert channel.created_by == "anna"
    assert channel.admin_url == f"{served.url}/admin"


def test_whether_the_admins_addresses_need_secret_keys_can_be_said_and_taken_back(
    desk: Desk, store: Store, served: Served
) -> None:
    assert desk("channel", "add", "Shop", served.url, "--token", "demo").status == 0
    assert not channel_by_name(store, "Shop").secret_keys_off
    for option, is_off in (("--secret-keys-off", True), ("--secret-keys-on", False)):
        said = desk("channel", "set", "Shop", option, "--admin-url", f"{served.url}/admin_1a2b")
        assert said.status == 0, said.err
        channel = channel_by_name(store, "Shop")
        assert (channel.secret_keys_off, channel.admin_url) == (is_off, f"{served.url}/admin_1a2b")


def test_every_rule_can_be_given_and_changed(desk: Desk, store: Store, served: Served) -> None:
    given = (
        "--website",
        "base",
        "--start-date",
        "2026-01-31",
        "--every",
        "60",
        "--overlap",
        "120",
        "--page-size",
        "50",
        "--totals",
        "20",
    )
    said = desk("channel", "add", "Shop", served.url, "--token", "demo", "--allow-writes", *given)
    assert said.status == 0, said.err
    channel = channel_by_name(store, "Shop")
    assert (channel.every_seconds, channel.page_size, channel.allow_writes) == (60, 50, True)
    assert channel.totals_a_run == 20
    assert channel.website_ids == frozenset({1})
    assert str(channel.start_date) == "2026-01-31 00:00:00+00:00"
    said = desk("channel", "set", "Shop", "--read-only", "--all-websites", "--connections", "3", "--rename", "Desk")
    assert said.status == 0, said.err
    changed = channel_by_name(store, "Desk")
    assert (changed.every_seconds, changed.connections, changed.allow_writes) == (60, 3, False)
    assert "every 60 seconds. It is read-only" in said.out
    assert changed.website_ids is None


def test_secrets_come_from_the_environment_and_are_never_said(
    desk: Desk, store: Store, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = ("key-abcdefgh", "secret-abcdefgh", "token-abcdefgh", "token-secret-abcdefgh")
    served.shop.add_consumer(*values)
    names = ("CONSUMER_KEY", "CONSUMER_SECRET", "ACCESS_TOKEN", "ACCESS_TOKEN_SECRET")
    for name, value in zip(names, values, strict=True):
        monkeypatch.setenv(f"MAGENTO_{name}", value)
    answers = [desk("channel", "add", "Shop", served.url), desk("channel", "list"), desk("channel", "check", "Shop")]
    assert [said.status for said in answers] == [0, 0, 0]
    assert channel_by_name(store, "Shop").credentials_kind == "oauth"
    for said in answers:
        for value in values:
            assert value not in said.out + said.err


def test_a_password_comes_from_the_standard_input(desk: Desk, store: Store, served: Served) -> None:
    served.shop.add_admin("anna", "right horse")
    said = desk("channel", "add", "Shop", served.url, "--username", "anna", "--password-stdin", stdin="right horse\n")
    assert said.status == 0, said.err
    assert channel_by_name(store, "Shop").credentials_kind == "password"
    assert "right horse" not in said.out + said.err
    assert "right horse" not in repr(AdminPassword("anna", "right horse"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Integration token is missing: use --token, or set MAGENTO_TOKEN."),
        (("--username", "anna"), "set MAGENTO_PASSWORD"),
        (("--username", "anna", "--password-stdin"), "holds no password"),
        (("--consumer-key", "x"), "MAGENTO_CONSUMER_SECRET"),
        (("--token", "x", "--username", "anna"), "one kind of credentials"),
        (("--token", "demo", "--every", "1"), "between 10 and"),
        (("--token", "demo", "--website", "uk"), "It has: base, us"),
    ],
)
def test_words_that_are_off_end_with_status_2_and_the_next_step(
    desk: Desk, store: Store, served: Served, arguments: tuple[str, ...], told: str
) -> None:
    said = desk("channel", "add", "Shop", served.url, *arguments)
    assert said.status == 2
    assert told in said.err
    assert "Traceback" not in said.err
    assert channels(store) == []


def test_a_shop_that_cannot_be_read_ends_with_status_1_and_is_not_saved(
    desk: Desk, store: Store, served: Served
) -> None:
    said = desk("channel", "add", "Shop", served.url, "--token", "wrong-token-1234")
    assert said.status == 1
    assert "enable_integration_as_bearer" in said.err
    assert "wrong-token-1234" not in said.err
    assert channels(store) == []
    said = desk("channel", "add", "Shop", "http://127.0.0.1:1", "--token", "demo", "--no-check")
    assert said.status == 0
    assert [channel.name for channel in channels(store)] == ["Shop"]


def test_the_list_says_which_are_paused_and_why(desk: Desk, store: Store, served: Served) -> None:
    assert "No channel is set up yet" in desk("channel", "list").out
    desk("channel", "add", "Shop", served.url, "--token", "demo")
    pause(store, channel_by_name(store, "Shop").id, "The password is wrong.")
    said = desk("channel", "list")
    assert "The password is wrong." in said.out
    assert served.url in said.out


def test_the_list_says_what_fails_and_when_it_is_tried_again(desk: Desk, store: Store, served: Served) -> None:
    desk("channel", "add", "Shop", served.url, "--token", "demo")
    assert desk("channel", "list").out.rstrip().endswith("running")
    _fail(store, "orders", 1, timedelta(seconds=-1))
    assert "orders failed at the last turn: The shop is away. Tried again at once." in desk("channel", "list").out
    _fail(store, "orders", 5, timedelta(minutes=10))
    _fail(store, "carts", 5, timedelta(minutes=12))
    assert "orders, carts stopped: The shop is away. Tried again in 9 min." in desk("channel", "list").out
    now = datetime.now(UTC)
    with store.writing() as connection:
        run = {"channel_id": 1, "entity": "carts", "kind": "tick", "started_at": now, "renewed_at": now}
        connection.execute(insert(tables.sync_run).values(**run))
    assert "orders, carts stopped: The shop is away. Being tried again now." in desk("channel", "list").out


def _fail(store: Store, entity: str, failures: int, wait: timedelta) -> None:
    """The entity was read once, then failed so often, and is due after `wait`."""
    now = datetime.now(UTC)
    with store.writing() as connection:
        connection.execute(
            update(tables.sync_state)
            .where(tables.sync_state.c.entity == entity)
            .values(failures=failures, last_error="The shop is away.", last_success_at=now, due_at=now + wait)
        )


def test_a_check_says_what_is_missing_and_resumes_when_nothing_is(desk: Desk, store: Store, served: Served) -> None:
    served.shop.add_token("narrow", {"Magento_Backend::store", "Magento_Cart::manage"})
    desk("channel", "add", "Shop", served.url, "--token", "narrow", "--no-check")
    said = desk("channel", "check", "Shop")
    assert said.status == 1
    assert "PROBLEM  The permission Magento_Sales::actions_view is missing" in said.out
    pause(store, channel_by_name(store, "Shop").id, "Something.")
    served.shop.add_token("narrow")
    assert desk("channel", "check", "Shop").status == 0
    assert channel_by_name(store, "Shop").paused_at is None


def test_new_credentials_replace_the_old_ones(desk: Desk, served: Served) -> None:
    desk("channel", "add", "Shop", served.url, "--token", "wrong", "--no-check")
    assert desk("channel", "check", "Shop").status == 1
    assert desk("channel", "credentials", "Shop", "--token", "also-wrong").status == 1
    assert desk("channel", "credentials", "Shop", "--token", "demo").status == 0
    assert desk("channel", "check", "Shop").status == 0


def test_removing_says_what_goes_and_needs_a_yes(desk: Desk, store: Store, served: Served) -> None:
    desk("channel", "add", "Shop", served.url, "--token", "demo")
    assert desk("sync", "--channel", "Shop").status == 0
    said = desk("channel", "remove", "Shop")
    assert said.status == 2
    assert "12 customers" in said.out
    assert "--yes" in said.err
    assert len(channels(store)) == 1
    assert desk("channel", "remove", "shop", "--yes").status == 0
    assert channels(store) == []


def test_an_unknown_channel_is_told_with_those_that_exist(desk: Desk, served: Served) -> None:
    desk("channel", "add", "Shop", served.url, "--token", "demo")
    for command in ("check", "set", "remove"):
        said = desk("channel", command, "Ship")
        assert said.status == 2
        assert "Channels: Shop." in said.err
