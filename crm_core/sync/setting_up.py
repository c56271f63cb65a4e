"""Setting channels up: added, changed, given credentials and checked, with what a person said held to the rules.

Whatever is set up or found in order is read at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select, update

from crm_core.errors import BadInput
from crm_core.magento.auth import Bearer, Credentials
from crm_core.magento.check import CheckReport, normalise_base_url
from crm_core.magento.shop import Magento
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.tables import ENTITIES
from crm_core.sync.channels import (
    Channel,
    channel_by_name,
    channel_in,
    channels,
    channels_of_shop,
    clients,
    credentials_of,
    make_due_in,
    pause,
    resume_in,
)
from crm_core.sync.clients import checked, connect, kind_of, require_usable, sealed_credentials
from crm_core.sync.rules import USUAL, Rules, pick_websites

LONGEST_NAME = 80
DEMO_EVERY_SECONDS = 30
_DEMO_PERSON = "demo"
"""Who adds the demo store's channel; no person of that name adds one with the address of this machine's own."""


def add_channel(
    store: Store,
    name: str,
    url: str,
    credentials: Credentials,
    rules: Rules = USUAL,
    *,
    person: str,
    is_demo: bool = False,
    check_first: bool = True,
) -> Channel:
    """The new channel, due to be read at once. The credentials are encrypted before they are stored.

    With `check_first` the shop is asked first, and ChannelError tells what is wrong and what to do. Raises BadInput
    for a name that is taken, a web address that cannot be one, or websites that another channel already reads.
    """
    name = _valid_name(name)
    base_url = normalise_base_url(url)
    values = rules.columns()
    if check_first:
        base_url = require_usable(checked(base_url, credentials)).base_url
    website_ids = None
    if rules.websites is not None:
        website_ids = _asked_website_ids(Magento(connect(base_url, credentials, connections=1)), rules.websites)
    sealed = sealed_credentials(credentials)
    now = datetime.now(UTC)
    with _setting_up(store) as connection:
        _require_free(connection, name)
        shop_id = connection.scalar(select(tables.shop.c.id).where(tables.shop.c.base_url == base_url))
        if shop_id is None:
            shop_id = connection.execute(
                insert(tables.shop).values(base_url=base_url, created_at=now).returning(tables.shop.c.id)
            ).scalar_one()
        _require_disjoint(connection, shop_id, website_ids)
        channel_id = connection.execute(
            insert(tables.channel)
            .values(
                **values,
                shop_id=shop_id,
                name=name,
                credentials=sealed,
                credentials_kind=kind_of(credentials),
                website_ids=_scope_text(website_ids),
                is_demo=is_demo,
                created_at=now,
                created_by=person,
            )
            .returning(tables.channel.c.id)
        ).scalar_one()
        connection.execute(
            insert(tables.sync_state),
            [{"channel_id": channel_id, "entity": entity, "due_at": now} for entity in ENTITIES],
        )
        return channel_in(connection, channel_id)


def change_channel(
    store: Store,
    name: str,
    change: Callable[[Rules], Rules],
    *,
    new_name: str | None = None,
    new_url: str | None = None,
) -> Channel:
    """The channel with its rules as `change` makes them, read by them at once. Raises as `add_channel`.

    A paused one resumes only at a new address: another rule mends neither a refused sign-in, which must not be tried
    again, nor what a person paused it for. `change` gets the rules as they are when they are written, so what somebody
    else changed meanwhile stays; it is called twice. `new_url` is for the same shop at another address: everything
    mirrored stays, for all channels of the shop. Where more is in scope than before, everything is read anew once, as
    old records do not show up as changed.
    """
    channel = channel_by_name(store, name)
    websites = change(channel.rules).websites
    is_other_scope = websites != channel.rules.websites
    website_ids = None
    if is_other_scope and websites is not None:
        website_ids = _known_website_ids(store, channel.shop_id, websites)
        if website_ids is None:
            website_ids = _asked_website_ids(clients(store, channel)[0], websites)
    with _setting_up(store) as connection:
        channel = channel_in(connection, channel.id)
        values = change(channel.rules).columns()
        if new_name is not None:
            values["name"] = _valid_name(new_name)
            _require_free(connection, values["name"], but=channel.id)
        if is_other_scope:
            _require_disjoint(connection, channel.shop_id, website_ids, but=channel.id)
            values["website_ids"] = _scope_text(website_ids)
        connection.execute(update(tables.channel).where(tables.channel.c.id == channel.id).values(**values))
        if new_url is not None:
            _move(connection, channel.shop_id, normalise_base_url(new_url))
            resume_in(connection, channel.id)
        else:
            make_due_in(connection, channel.id)
        changed = channel_in(connection, channel.id)
        if _has_more(channel, changed):
            connection.execute(
                update(tables.sync_state)
                .where(tables.sync_state.c.channel_id == channel.id, tables.sync_state.c.entity != "stores")
                .values(requested_full=True)
            )
        return changed


def set_credentials(store: Store, name: str, credentials: Credentials, *, check_first: bool = True) -> Channel:
    """The channel with new credentials, encrypted; it is resumed and read at once. Raises ChannelError as the check."""
    channel = channel_by_name(store, name)
    if check_first:
        require_usable(checked(channel.base_url, credentials))
    sealed = sealed_credentials(credentials)
    with store.writing() as connection:
        connection.execute(
            update(tables.channel)
            .where(tables.channel.c.id == channel.id)
            .values(credentials=sealed, credentials_kind=kind_of(credentials))
        )
        resume_in(connection, channel.id)
        return channel_in(connection, channel.id)


def ensure_demo_channel(store: Store, url: str, *, is_allowed: bool) -> bool:
    """Whether the demo store is to run: if allowed, and no other channel exists. Then its channel stands, at `url`.

    Else its channel, if any, is paused: nothing answers there. A demo store that somebody added is their own: it
    counts as another channel.
    """
    known = channels(store)
    demo = next((channel for channel in known if channel.is_demo and channel.created_by == _DEMO_PERSON), None)
    why_not = None if is_allowed else "The demo store is switched off (CRM_DEMO)."
    if any(channel != demo for channel in known):
        why_not = "The demo store does not run beside another one. Remove this channel."
    if why_not is not None:
        if demo is not None:
            pause(store, demo.id, why_not)
        return False
    if demo is None:
        rules = Rules(admin_url=f"{url}/admin", allow_writes=True, every_seconds=DEMO_EVERY_SECONDS)
        add_channel(
            store, "Demo store", url, Bearer("demo"), rules, person=_DEMO_PERSON, is_demo=True, check_first=False
        )
        return True
    with store.writing() as connection:
        _move(connection, demo.shop_id, normalise_base_url(url))
        resume_in(connection, demo.id)
    return True


def check_channel(store: Store, name: str) -> CheckReport:
    """What the shop says now to the channel's address and credentials, in words.

    If the shop can be read, the channel resumes, under /index.php if the API was found only there.
    """
    channel = channel_by_name(store, name)
    report = checked(channel.base_url, credentials_of(store, channel))
    if report.is_usable:
        with store.writing() as connection:
            _move(connection, channel.shop_id, report.base_url)
            resume_in(connection, channel.id)
    return report


# ---- the rows -------------------------------------------------------------------------------------------------------


@contextmanager
def _setting_up(store: Store) -> Iterator[Connection]:
    """A write transaction for one at a time: names and scopes are compared with all there are."""
    with store.writing() as connection:
        if store.dialect_name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE channel IN SHARE ROW EXCLUSIVE MODE")
        yield connection


def _move(connection: Connection, shop_id: int, base_url: str) -> None:
    taken = connection.scalar(select(tables.shop.c.id).where(tables.shop.c.base_url == base_url))
    if taken not in {None, shop_id}:
        raise BadInput(f"{base_url} is known as another shop already. Add a channel for it instead.")
    connection.execute(update(tables.shop).where(tables.shop.c.id == shop_id).values(base_url=base_url))


def _has_more(before: Channel, now: Channel) -> bool:
    """Whether records are in scope now that were not before."""
    websites = before.website_ids is not None and (
        now.website_ids is None or bool(now.website_ids - before.website_ids)
    )
    start = before.start_date is not None and (now.start_date is None or now.start_date < before.start_date)
    return websites or start


def _require_free(connection: Connection, name: str, but: int | None = None) -> None:
    for row in connection.execute(select(tables.channel.c.id, tables.channel.c.name)):
        if row.id != but and row.name.casefold() == name.casefold():
            raise BadInput(f"There is already a channel “{row.name}”. Choose another name.")


def _require_disjoint(
    connection: Connection, shop_id: int, website_ids: frozenset[int] | None, but: int | None = None
) -> None:
    for other in channels_of_shop(connection, shop_id):
        if other.id == but:
            continue
        if website_ids is None or other.website_ids is None or website_ids & other.website_ids:
            raise BadInput(
                f"The channel “{other.name}” already reads this shop"
                + ("" if other.website_ids is None else f", websites {_ids_text(other.website_ids)}")
                + ". Channels of one shop need different websites: choose them in the settings of that one first, "
                "then name those of this one."
            )


# ---- what people may say --------------------------------------------------------------------------------------------


def _valid_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(f"A channel needs a name of 1 to {LONGEST_NAME} printable characters.")
    return name


def _scope_text(website_ids: frozenset[int] | None) -> str | None:
    return None if website_ids is None else json.dumps(sorted(website_ids))


def _ids_text(website_ids: frozenset[int]) -> str:
    return ", ".join(str(id_) for id_ in sorted(website_ids))


def _asked_website_ids(magento: Magento, wanted: Sequence[str]) -> frozenset[int]:
    """The shop's ids of the websites named by code or id, asked from the shop."""
    return pick_websites(wanted, {website.code: website.id for website in magento.websites()})


def _known_website_ids(store: Store, shop_id: int, wanted: Sequence[str]) -> frozenset[int] | None:
    """The same from the mirror; None if it does not know them all."""
    with store.reading() as connection:
        rows = connection.execute(
            select(tables.website.c.code, tables.website.c.origin_id).where(tables.website.c.shop_id == shop_id)
        )
        known = {row.code: row.origin_id for row in rows}
    try:
        return pick_websites(wanted, known)
    except BadInput:
        return None
