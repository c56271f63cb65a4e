"""Channels: which shops are read, with which credentials and by which rules, and how one is opened.

A shop is one Magento, by its base URL; a channel is that shop with the websites in scope. Channels of one shop never
overlap, so a record belongs to one channel at most.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from crm_core.errors import BadInput, ChannelError, NotFound, PermissionMissing, SetupError, StoreUnusable
from crm_core.magento.auth import Bearer, Credentials
from crm_core.magento.check import CheckReport, normalise_base_url
from crm_core.magento.checkout import Checkout
from crm_core.magento.shop import Magento
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.sync.clients import (
    checked,
    clients_of,
    connect,
    kind_of,
    require_usable,
    sealed_credentials,
    unsealed_credentials,
)
from crm_core.sync.rules import USUAL, Rules, pick_websites

ENTITIES = ("stores", "customers", "orders", "carts")
"""What is mirrored of a shop, in the order of work: an order tells what became of its cart, so it comes first."""

LONGEST_NAME = 80
DEMO_EVERY_SECONDS = 30


@dataclass(frozen=True)
class Channel:
    """A shop with the websites in scope and the rules for reading it. Never holds a secret."""

    id: int
    shop_id: int
    name: str
    base_url: str
    admin_url: str | None
    secret_keys_off: bool
    credentials_kind: str
    website_ids: frozenset[int] | None
    """Origin ids of the websites in scope; None: all."""
    allow_writes: bool
    is_demo: bool
    every_seconds: int
    overlap: timedelta
    """How far a window reaches back, for rows that the shop committed late."""
    connections: int
    """Requests to the shop at the same time."""
    page_size: int
    start_date: datetime | None
    """Records created before are not mirrored."""
    paused_at: datetime | None
    paused_reason: str | None
    checked_at: datetime | None
    created_at: datetime
    created_by: str

    def covers(self, website_id: int) -> bool:
        """Whether the website is in scope."""
        return self.website_ids is None or website_id in self.website_ids

    @property
    def rules(self) -> Rules:
        """The rules as a person may set them, to change one with dataclasses.replace."""
        return Rules(
            admin_url=self.admin_url,
            secret_keys_off=self.secret_keys_off,
            websites=None if self.website_ids is None else tuple(str(id_) for id_ in sorted(self.website_ids)),
            allow_writes=self.allow_writes,
            every_seconds=self.every_seconds,
            overlap_seconds=int(self.overlap.total_seconds()),
            connections=self.connections,
            page_size=self.page_size,
            start_date=self.start_date,
        )


@dataclass(frozen=True)
class StoreViewRow:
    """What reading and placing need to know of a store view."""

    code: str
    website_id: int
    timezone: ZoneInfo
    base_currency: str
    is_active: bool
    """False also when the shop no longer has it."""


@dataclass(frozen=True)
class OpenShop:
    """A channel ready to be read and written: its rules, its clients, and its store views in scope by origin id."""

    channel: Channel
    magento: Magento
    checkout: Checkout
    store_views: Mapping[int, StoreViewRow]


# ---- looking up -----------------------------------------------------------------------------------------------------


def channels(store: Store) -> list[Channel]:
    """All channels, by name."""
    with store.reading() as connection:
        return [_channel(row) for row in connection.execute(_select().order_by(tables.channel.c.name))]


def channel_by_name(store: Store, name: str) -> Channel:
    """The channel of that name. Raises NotFound, naming those that exist."""
    known = channels(store)
    for channel in known:
        if channel.name.casefold() == name.strip().casefold():
            return channel
    names = ", ".join(channel.name for channel in known)
    raise NotFound(
        f"There is no channel “{name}”. " + (f"Channels: {names}." if known else "No channel is set up yet.")
    )


def channel_by_id(store: Store, channel_id: int) -> Channel:
    """The channel with that id. Raises NotFound."""
    with store.reading() as connection:
        return _by_id(connection, channel_id)


def channel_of_store(store: Store, shop_id: int, store_id: int) -> Channel | None:
    """The channel that has the store view (by its origin id) in scope; None if no channel has."""
    with store.reading() as connection:
        website_id = connection.scalar(
            select(tables.store_view.c.website_id).where(
                tables.store_view.c.shop_id == shop_id, tables.store_view.c.origin_id == store_id
            )
        )
        rows = connection.execute(_select().where(tables.channel.c.shop_id == shop_id).order_by(tables.channel.c.id))
        found = [_channel(row) for row in rows]
    if website_id is None:
        return next((channel for channel in found if channel.website_ids is None), None)
    return next((channel for channel in found if channel.covers(website_id)), None)


def lease_name(channel_id: int, entity: str) -> str:
    """The name of the lease that whoever reads this entity of this channel must hold."""
    return f"read:{channel_id}:{entity}"


# ---- setting up -----------------------------------------------------------------------------------------------------


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
    with store.writing() as connection:
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
                checked_at=now if check_first else None,
                created_at=now,
                created_by=person,
            )
            .returning(tables.channel.c.id)
        ).scalar_one()
        connection.execute(
            insert(tables.sync_state),
            [{"channel_id": channel_id, "entity": entity, "due_at": now} for entity in ENTITIES],
        )
        return _by_id(connection, channel_id)


def change_channel(
    store: Store, name: str, rules: Rules, *, new_name: str | None = None, new_url: str | None = None
) -> Channel:
    """The channel with all its rules swapped for `rules`; it is resumed and read at once. Raises as `add_channel`.

    `new_url` is for the same shop at another address: everything mirrored stays, for all channels of the shop. Where
    more is in scope than before, everything is read anew once, as old records do not show up as changed.
    """
    channel = channel_by_name(store, name)
    values = rules.columns()
    if new_name is not None:
        values["name"] = _valid_name(new_name)
    if rules.websites is None:
        website_ids = None
    else:
        website_ids = _known_website_ids(store, channel.shop_id, rules.websites)
        if website_ids is None:
            website_ids = _asked_website_ids(_clients(store, channel)[0], rules.websites)
    with store.writing() as connection:
        if new_name is not None and values["name"] != channel.name:
            _require_free(connection, values["name"], but=channel.id)
        _require_disjoint(connection, channel.shop_id, website_ids, but=channel.id)
        values["website_ids"] = _scope_text(website_ids)
        connection.execute(update(tables.channel).where(tables.channel.c.id == channel.id).values(**values))
        if new_url is not None:
            _move(connection, channel.shop_id, normalise_base_url(new_url))
        _resume(connection, channel.id)
        changed = _by_id(connection, channel.id)
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
        _resume(connection, channel.id)
        return _by_id(connection, channel.id)


def ensure_demo_channel(store: Store, url: str) -> bool:
    """Whether the demo store is wanted, which is while no other channel exists; then its channel stands, at `url`.

    With another channel in place, the demo's own one, if any, is paused: nothing answers there.
    """
    known = channels(store)
    if any(not channel.is_demo for channel in known):
        for channel in known:
            if channel.is_demo:
                pause(store, channel.id, "The demo store does not run beside a real one. Remove this channel.")
        return False
    demo = next(iter(known), None)
    if demo is None:
        rules = Rules(admin_url=f"{url}/admin", allow_writes=True, every_seconds=DEMO_EVERY_SECONDS)
        add_channel(store, "Demo store", url, Bearer("demo"), rules, person="demo", is_demo=True, check_first=False)
        return True
    with store.writing() as connection:
        _move(connection, demo.shop_id, normalise_base_url(url))
        _resume(connection, demo.id)
    return True


# ---- checking and pausing -------------------------------------------------------------------------------------------


def check_channel(store: Store, name: str) -> CheckReport:
    """What the shop says now to the channel's address and credentials, in words.

    If the shop can be read, the channel resumes, under /index.php if the API was found only there.
    """
    channel = channel_by_name(store, name)
    report = checked(channel.base_url, unsealed_credentials(_sealed(store, channel)))
    with store.writing() as connection:
        connection.execute(
            update(tables.channel).where(tables.channel.c.id == channel.id).values(checked_at=datetime.now(UTC))
        )
        if report.is_usable:
            _move(connection, channel.shop_id, report.base_url)
            _resume(connection, channel.id)
    return report


def pause(store: Store, channel_id: int, reason: str) -> None:
    """Nothing is read from or written to the shop through this channel until it resumes; the first reason stands.

    Runs under way lose their lease and end with the next commit they try.
    """
    with store.writing() as connection:
        connection.execute(
            update(tables.channel)
            .where(tables.channel.c.id == channel_id, tables.channel.c.paused_at.is_(None))
            .values(paused_at=datetime.now(UTC), paused_reason=reason)
        )
        take_leases(connection, channel_id)


def take_leases(connection: Connection, channel_id: int) -> None:
    """Whoever reads this channel can commit nothing more."""
    names = [lease_name(channel_id, entity) for entity in ENTITIES]
    connection.execute(delete(tables.lease).where(tables.lease.c.name.in_(names)))


def resume(store: Store, channel_id: int) -> None:
    """The channel is read again, at once."""
    with store.writing() as connection:
        _resume(connection, channel_id)


@contextmanager
def pausing_on_trouble(store: Store, channel: Channel) -> Iterator[None]:
    """Pause the channel if the block raises what only a person can mend (sign-in, address, key); raise it on.

    A missing permission stops only what needs it, and a busy store is not the channel's fault: neither pauses it. A
    failed sign-in must not be repeated: the sixth locks the account (observed on Magento 2.4.7).
    """
    try:
        yield
    except (PermissionMissing, StoreUnusable):
        raise
    except SetupError as trouble:
        pause(store, channel.id, str(trouble))
        raise


# ---- opening --------------------------------------------------------------------------------------------------------


def open_shop(store: Store, channel: Channel) -> OpenShop:
    """The channel with its clients, the same ones for all callers in this process while its credentials stand.

    The channel and its store views are read afresh. Raises ChannelError if it is paused, and SetupError if the
    credentials cannot be decrypted.
    """
    with store.reading() as connection:
        channel = _by_id(connection, channel.id)
        views = connection.execute(
            select(tables.store_view).where(tables.store_view.c.shop_id == channel.shop_id)
        ).all()
    if channel.paused_at is not None:
        raise ChannelError(f"The channel “{channel.name}” is paused: {channel.paused_reason}")
    magento, checkout = _clients(store, channel)
    store_views = {
        view.origin_id: StoreViewRow(
            code=view.code,
            website_id=view.website_id,
            timezone=ZoneInfo(view.timezone),
            base_currency=view.base_currency,
            is_active=view.is_active,
        )
        for view in views
        if channel.covers(view.website_id)
    }
    return OpenShop(channel, magento, checkout, store_views)


def _clients(store: Store, channel: Channel) -> tuple[Magento, Checkout]:
    return clients_of(channel.id, store.url, channel.base_url, _sealed(store, channel), channel.connections)


def _sealed(store: Store, channel: Channel) -> bytes:
    with store.reading() as connection:
        sealed: bytes | None = connection.scalar(
            select(tables.channel.c.credentials).where(tables.channel.c.id == channel.id)
        )
    if sealed is None:
        raise NotFound(f"The channel “{channel.name}” was removed.")
    return sealed


# ---- the rows -------------------------------------------------------------------------------------------------------


def _select() -> Select[Any]:
    return select(tables.channel, tables.shop.c.base_url).join(
        tables.shop, tables.shop.c.id == tables.channel.c.shop_id
    )


def _by_id(connection: Connection, channel_id: int) -> Channel:
    row = connection.execute(_select().where(tables.channel.c.id == channel_id)).one_or_none()
    if row is None:
        raise NotFound("This channel was removed.")
    return _channel(row)


def _channel(row: Row[Any]) -> Channel:
    return Channel(
        id=row.id,
        shop_id=row.shop_id,
        name=row.name,
        base_url=row.base_url,
        admin_url=row.admin_url,
        secret_keys_off=row.secret_keys_off,
        credentials_kind=row.credentials_kind,
        website_ids=None if row.website_ids is None else frozenset(json.loads(row.website_ids)),
        allow_writes=row.allow_writes,
        is_demo=row.is_demo,
        every_seconds=row.every_seconds,
        overlap=timedelta(seconds=row.overlap_seconds),
        connections=row.connections,
        page_size=row.page_size,
        start_date=row.start_date,
        paused_at=row.paused_at,
        paused_reason=row.paused_reason,
        checked_at=row.checked_at,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _move(connection: Connection, shop_id: int, base_url: str) -> None:
    taken = connection.scalar(select(tables.shop.c.id).where(tables.shop.c.base_url == base_url))
    if taken not in {None, shop_id}:
        raise BadInput(f"{base_url} is known as another shop already. Add a channel for it instead.")
    connection.execute(update(tables.shop).where(tables.shop.c.id == shop_id).values(base_url=base_url))


def _resume(connection: Connection, channel_id: int) -> None:
    connection.execute(
        update(tables.channel).where(tables.channel.c.id == channel_id).values(paused_at=None, paused_reason=None)
    )
    for entity in sorted(ENTITIES):  # in the order in which everybody locks these rows
        connection.execute(
            update(tables.sync_state)
            .where(tables.sync_state.c.channel_id == channel_id, tables.sync_state.c.entity == entity)
            .values(due_at=datetime.now(UTC), failures=0, last_error=None)
        )


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
    others = connection.execute(_select().where(tables.channel.c.shop_id == shop_id))
    for other in map(_channel, others):
        if other.id == but:
            continue
        if website_ids is None or other.website_ids is None or website_ids & other.website_ids:
            raise BadInput(
                f"The channel “{other.name}” already reads this shop"
                + ("" if other.website_ids is None else f", websites {_ids_text(other.website_ids)}")
                + ". Channels of one shop need different websites: name those of each with --website."
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
