"""Channels: which shops are read, with which credentials and by which rules, and how one is opened.

A shop is one Magento, by its base URL; a channel is that shop with the websites in scope. Channels of one shop never
overlap, so a record belongs to one channel at most.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, delete, select, update

from crm_core.errors import ChannelError, NotFound, PermissionMissing, SetupError, StoreUnusable, WrongAddress
from crm_core.magento.auth import Credentials
from crm_core.magento.checkout import Checkout
from crm_core.magento.shop import Magento
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.tables import ENTITIES
from crm_core.sync.clients import clients_of, unsealed_credentials
from crm_core.sync.rules import Rules


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
    totals_a_run: int
    """Carts whose totals a run of carts reads by id without anybody asking."""
    start_date: datetime | None
    """Records created before are not mirrored."""
    paused_at: datetime | None
    paused_reason: str | None
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
            totals_a_run=self.totals_a_run,
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
        return channel_in(connection, channel_id)


def channel_of_store(store: Store, shop_id: int, store_id: int) -> Channel | None:
    """The channel that has the store view (by its origin id) in scope; None if no channel has."""
    with store.reading() as connection:
        website_id = connection.scalar(
            select(tables.store_view.c.website_id).where(
                tables.store_view.c.shop_id == shop_id, tables.store_view.c.origin_id == store_id
            )
        )
        found = channels_of_shop(connection, shop_id)
    if website_id is None:
        return next((channel for channel in found if channel.website_ids is None), None)
    return next((channel for channel in found if channel.covers(website_id)), None)


def channel_of_website(store: Store, shop_id: int, website_id: int) -> Channel | None:
    """The channel that has the website (by its origin id) in scope; None if no channel has."""
    with store.reading() as connection:
        return next((each for each in channels_of_shop(connection, shop_id) if each.covers(website_id)), None)


def unread(what: str) -> tuple[str, str]:
    """That no channel reads `what`, such as "this cart's store view", and what to do about it: two sentences."""
    return f"No channel reads {what}.", "Add its website to a channel under Channels."


def required(channel: Channel | None) -> Channel:
    """The channel that reads a record. Raises ChannelError, saying what to do, if none does."""
    if channel is None:
        raise ChannelError(" ".join(unread("this record's store view")))
    return channel


def lease_name(channel_id: int, entity: str) -> str:
    """The name of the lease that whoever reads this entity of this channel must hold."""
    return f"read:{channel_id}:{entity}"


# ---- pausing --------------------------------------------------------------------------------------------------------


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
        resume_in(connection, channel_id)


@contextmanager
def opened(store: Store, channel: Channel) -> Iterator[OpenShop]:
    """The shop, opened through the channel: the way in for whoever asks it anything, a person or the worker.

    What only a person can mend pauses the channel, as by `pausing_on_trouble`. Raises what `open_shop` raises, too.
    """
    with pausing_on_trouble(store, channel):
        yield open_shop(store, channel)


@contextmanager
def pausing_on_trouble(store: Store, channel: Channel) -> Iterator[None]:
    """Pause the channel if the block raises what only a person can mend (sign-in, key, address); raise it on.

    A failed sign-in must not be repeated: the sixth locks the account (observed on Magento 2.4.7). An address where the
    shop was read before is not wrong: a deployment, a page about maintenance, a firewall or a certificate that ran out
    keep it away for a while, so what was asked only fails, and the schedule tries again. A missing permission stops
    only what needs it, and a busy store is not the channel's fault: neither pauses it. `opened` does this; by itself it
    is for those who make something else of the error inside.
    """
    try:
        yield
    except (PermissionMissing, StoreUnusable):
        raise
    except SetupError as trouble:
        if not (isinstance(trouble, WrongAddress) and _was_read(store, channel.id)):
            pause(store, channel.id, str(trouble))
        raise


def _was_read(store: Store, channel_id: int) -> bool:
    """Whether anything of the shop was ever read to its end through the channel."""
    state = tables.sync_state.c
    with store.reading() as connection:
        found = connection.scalar(
            select(state.channel_id).where(state.channel_id == channel_id, state.last_success_at.is_not(None)).limit(1)
        )
    return found is not None


# ---- opening --------------------------------------------------------------------------------------------------------


def open_shop(store: Store, channel: Channel) -> OpenShop:
    """The channel with its clients, the same ones for all callers in this process until somebody sets it going anew.

    Nothing is asked of the shop, and nothing paused: see `opened`. The channel and its store views are read afresh.
    Raises ChannelError if it is paused, and SetupError if the credentials cannot be decrypted.
    """
    with store.reading() as connection:
        channel = channel_in(connection, channel.id)
        views = connection.execute(
            select(tables.store_view).where(tables.store_view.c.shop_id == channel.shop_id)
        ).all()
    _require_running(channel)
    magento, checkout = clients(store, channel)
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


def hold_open(connection: Connection, channel: Channel) -> None:
    """Until the transaction ends nobody pauses or removes the channel: what it writes is not left behind by a removal.

    For writers without a lease. Raises NotFound if it was removed since it was opened, ChannelError if it was paused.
    """
    # SQLite has one writer at a time anyway, and no such lock.
    connection.execute(select(tables.channel.c.id).where(tables.channel.c.id == channel.id).with_for_update(read=True))
    _require_running(channel_in(connection, channel.id))


def _require_running(channel: Channel) -> None:
    if channel.paused_at is not None:
        raise ChannelError(f"The channel “{channel.name}” is paused: {channel.paused_reason}")


def clients(store: Store, channel: Channel) -> tuple[Magento, Checkout]:
    """The channel's clients, also while it is paused. Raises SetupError if the credentials cannot be decrypted."""
    sealed, resumed_at = _sealed(store, channel)
    return clients_of(channel.id, store.url, channel.base_url, sealed, channel.connections, resumed_at=resumed_at)


def credentials_of(store: Store, channel: Channel) -> Credentials:
    """The channel's credentials in clear. Raises SetupError if they cannot be decrypted."""
    return unsealed_credentials(_sealed(store, channel)[0])


def _sealed(store: Store, channel: Channel) -> tuple[bytes, datetime | None]:
    """The channel's credentials, sealed, and when it was last set going again."""
    with store.reading() as connection:
        row = connection.execute(
            select(tables.channel.c.credentials, tables.channel.c.resumed_at).where(tables.channel.c.id == channel.id)
        ).one_or_none()
    if row is None:
        raise NotFound(f"The channel “{channel.name}” was removed.")
    return row.credentials, row.resumed_at


# ---- the rows -------------------------------------------------------------------------------------------------------


def _select() -> Select[Any]:
    return select(tables.channel, tables.shop.c.base_url).join(
        tables.shop, tables.shop.c.id == tables.channel.c.shop_id
    )


def channel_in(connection: Connection, channel_id: int) -> Channel:
    """The channel with that id, as the transaction sees it. Raises NotFound."""
    row = connection.execute(_select().where(tables.channel.c.id == channel_id)).one_or_none()
    if row is None:
        raise NotFound("This channel was removed.")
    return _channel(row)


def channels_of_shop(connection: Connection, shop_id: int) -> list[Channel]:
    """The channels of the shop, as the transaction sees them, oldest first."""
    rows = connection.execute(_select().where(tables.channel.c.shop_id == shop_id).order_by(tables.channel.c.id))
    return [_channel(row) for row in rows]


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
        totals_a_run=row.totals_a_run,
        start_date=row.start_date,
        paused_at=row.paused_at,
        paused_reason=row.paused_reason,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def resume_in(connection: Connection, channel_id: int) -> None:
    """With the transaction's commit the channel is read again, at once.

    By new clients in every process: the ones before may remember a sign-in that the shop refused then.
    """
    connection.execute(
        update(tables.channel)
        .where(tables.channel.c.id == channel_id)
        .values(paused_at=None, paused_reason=None, resumed_at=datetime.now(UTC))
    )
    make_due_in(connection, channel_id)


def make_due_in(connection: Connection, channel_id: int) -> None:
    """With the transaction's commit everything of the channel is due at once; while it is paused it still waits."""
    for entity in sorted(ENTITIES):  # in the order in which everybody locks these rows
        connection.execute(
            update(tables.sync_state)
            .where(tables.sync_state.c.channel_id == channel_id, tables.sync_state.c.entity == entity)
            .values(due_at=datetime.now(UTC), failures=0, last_error=None)
        )
