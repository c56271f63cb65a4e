"""`python -m crm_core migrate` and `doctor`: bring the store up to date, and say whether this installation can run."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable
from functools import partial

import typer

from crm_core.access.secrets import seal, unseal
from crm_core.commands.console import age, opened, out, plain
from crm_core.commands.trouble import is_stopped, trouble_of
from crm_core.errors import ChannelError, DeskError, SetupError
from crm_core.insight.health import channel_health
from crm_core.settings import settings
from crm_core.store.database import Store
from crm_core.store.engines import describe, parse_url
from crm_core.store.indexes import ensure_indexes
from crm_core.store.schema import SCHEMA_VERSION
from crm_core.store.schema import migrate as migrate_store
from crm_core.sync.channels import Channel, channels, open_shop
from crm_core.sync.schedule import last_successes


def migrate() -> None:
    """Make the store, or bring it up to this program's version. Safe to run again."""
    url = settings().store_url
    done = migrate_store(url)
    where = describe(parse_url(url))
    out.print(f"{where} {'is now' if done else 'was already'} of version {SCHEMA_VERSION}.", soft_wrap=True)
    with opened() as store:
        for name in ensure_indexes(store):
            out.print(f"Built the index {name}, which an import had left out.")


def doctor() -> None:
    """Say what is fit and what is not: store, key, channels, port. Makes a missing store and key; asks no shop."""
    fit = [_look("", _store_works), _look("Key: ", _key_works), _look("Port of the app: ", _port_is_usable)]
    if fit[0]:
        with opened() as store:
            known = channels(store)
            fit += [_look(f"Channel “{channel.name}”: ", partial(_channel_opens, store, channel)) for channel in known]
            if not known:
                out.print("         No channel yet. Add one: python -m crm_core channel add NAME URL")
    if not all(fit):
        raise typer.Exit(1)


def _look(what: str, look: Callable[[], str]) -> bool:
    try:
        found = look()
    except DeskError as trouble:
        out.print(f"PROBLEM  {what}{plain(str(trouble))}", soft_wrap=True)
        return False
    out.print(f"ok       {what}{plain(found)}", soft_wrap=True)
    return True


def _store_works() -> str:
    with opened() as store:
        store.check_writable()
        return f"{store} is of version {SCHEMA_VERSION} and can be written."


def _key_works() -> str:
    unseal(seal(b"doctor"))
    if settings().secret_key.get_secret_value():
        return "from CRM_SECRET_KEY"
    return f"from a file in {settings().data_dir}, readable by its owner only"


def _port_is_usable() -> str:
    here = settings()
    family = socket.AF_INET6 if ":" in here.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        if probe.connect_ex((here.host, here.port)) == 0:
            return f"{here.host}:{here.port} answers; the app, or something else, runs there (CRM_PORT)"
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((here.host, here.port))
        except OSError as error:
            raise SetupError(
                f"{here.host}:{here.port} can't be used ({error.strerror}). Set CRM_HOST and CRM_PORT."
            ) from error
    return f"{here.host}:{here.port} is free"


def _channel_opens(store: Store, channel: Channel) -> str:
    shop = open_shop(store, channel)
    health = next(each for each in channel_health(store, count_rows=False) if each.id == channel.id)
    trouble = trouble_of(health)
    if trouble is not None and is_stopped(health):
        raise ChannelError(f"{trouble} Once it is mended: python -m crm_core channel check {shlex.quote(channel.name)}")
    stands = f"{channel.base_url}, {len(shop.store_views)} store views, {_reading(store, channel.id)}"
    return stands if trouble is None else f"{stands}; {trouble}"


def _reading(store: Store, channel_id: int) -> str:
    """What of the channel was never read; else what was read longest ago, and when."""
    successes = last_successes(store, channel_id)
    never = [entity for entity, moment in successes.items() if moment is None]
    if never:
        return f"not read yet: {', '.join(never)}"
    moment, entity = min((moment, entity) for entity, moment in successes.items() if moment is not None)
    return f"read longest ago: {entity}, {age(moment)}"
