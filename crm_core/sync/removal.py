"""Removing a channel, and the mirrored records that no channel has in scope any more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select, update

from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.rollups import CartFacts, CustomerFacts, Deltas, OrderFacts
from crm_core.store.upsert import delete_lines
from crm_core.sync.channels import Channel, channel_by_name, channels, channels_of_shop, take_leases
from crm_core.sync.lookups import rows_where

BEING_REMOVED = "It is being removed. Remove it again to finish."
"""Why a channel is paused whose removal was cut off."""

_CHUNK = 2_000
_SMALL = (tables.website, tables.store_view, tables.customer_group)
_LINES = {tables.cart: tables.cart_item, tables.order: tables.order_item}
_ORDER_FACTS = (
    "shop_id", "store_id", "local_day", "status", "state", "base_currency", "base_grand_total",
    "coalesce(base_total_refunded, 0)", "updated_at", "gone_at IS NOT NULL",
)  # fmt: skip
_CUSTOMER_FACTS = ("shop_id", "website_id", "group_id", "is_subscribed", "gone_at IS NOT NULL")


@dataclass(frozen=True)
class Removal:
    """What goes with a channel: counts of the mirrored records that no other channel has in scope."""

    channel: Channel
    customers: int
    orders: int
    carts: int
    attempts_unsettled: int
    """Attempts to place an order, of carts that go, whose outcome is not known yet."""

    def __str__(self) -> str:
        told = (
            f"The channel “{self.channel.name}” goes, with its credentials and what only it has mirrored from "
            f"{self.channel.base_url}: {self.customers:,} customers, {self.orders:,} orders, {self.carts:,} carts, and "
            "the decisions made on them. The history of what people did is kept. Nothing changes in the shop."
        )
        if self.attempts_unsettled:
            told += (
                f" Attempts to place an order whose outcome is not known yet: {self.attempts_unsettled:,}. Without the "
                "channel nobody asks the shop for it: wait until none is “Not settled” under Attempts."
            )
        return told


def removal_of(store: Store, name: str) -> Removal:
    """What `remove_channel` would delete. Raises NotFound."""
    channel = channel_by_name(store, name)
    with store.reading() as connection:
        left = _others(connection, channel.shop_id, channel.id)
        counts = {
            table: connection.scalar(
                select(func.count()).select_from(table).where(_uncovered(connection, channel.shop_id, table, left))
            )
            or 0
            for table in (tables.customer, tables.order, tables.cart)
        }
        attempt, cart = tables.attempt.c, tables.cart.c
        unsettled = connection.scalar(
            select(func.count())
            .join_from(
                tables.attempt,
                tables.cart,
                and_(attempt.shop_id == cart.shop_id, attempt.cart_origin_id == cart.origin_id),
            )
            .where(
                attempt.state.in_(tables.UNSETTLED_ATTEMPTS), _uncovered(connection, channel.shop_id, tables.cart, left)
            )
        )
    return Removal(channel, counts[tables.customer], counts[tables.order], counts[tables.cart], unsettled or 0)


def remove_channel(store: Store, name: str) -> Removal:
    """The channel is gone, and the mirrored records that no other has in scope; attempts and events are kept.

    Works in short transactions that keep the figures right; killed half-way, the channel stands paused with that reason
    and removing it again goes on. Whoever reads the shop at that moment loses the lease and writes nothing more.
    """
    removal = removal_of(store, name)
    channel = removal.channel
    with store.writing() as connection:
        connection.execute(
            update(tables.channel)
            .where(tables.channel.c.id == channel.id)
            .values(paused_at=datetime.now(UTC), paused_reason=BEING_REMOVED)
        )
        take_leases(connection, channel.id)
    _forget(store, channel.shop_id, but=channel.id)
    with store.writing() as connection:
        if not _others(connection, channel.shop_id, channel.id):
            for table in _SMALL:
                connection.execute(delete(table).where(table.c.shop_id == channel.shop_id))
        connection.execute(delete(tables.channel).where(tables.channel.c.id == channel.id))
    return removal


def forget_uncovered(store: Store) -> None:
    """Mirrored records of websites that no channel has in scope any more are dropped, with their figures.

    For shops that some channel reads: the scope of a channel was narrowed, or a run under way wrote after a removal.
    """
    for shop_id in sorted({channel.shop_id for channel in channels(store)}):
        _forget(store, shop_id)


def _others(connection: Connection, shop_id: int, but: int | None) -> list[Channel]:
    """The other channels of the shop."""
    return [channel for channel in channels_of_shop(connection, shop_id) if channel.id != but]


def _forget(store: Store, shop_id: int, but: int | None = None) -> None:
    """Drop what no channel but that one has in scope; a channel that is added or widened meanwhile counts."""
    for table in (tables.cart, tables.order, tables.customer):
        while True:
            # Looked for outside the write transaction: it may take a walk through the whole table.
            with store.reading() as connection:
                left = _others(connection, shop_id, but)
                if any(channel.website_ids is None for channel in left):
                    return
                uncovered = _uncovered(connection, shop_id, table, left)
                keys = list(connection.scalars(select(table.c.id).where(uncovered).order_by(table.c.id).limit(_CHUNK)))
            if not keys:
                break
            with store.writing() as connection:
                _delete(connection, table, keys)


def _delete(connection: Connection, table: Table, keys: list[int]) -> None:
    deltas = Deltas(connection.dialect.name)
    if table is tables.order:
        for row in rows_where(connection, table, _ORDER_FACTS, "id", keys, lock=True):
            deltas.orders(OrderFacts(*row), None)
    elif table is tables.cart:
        for row in rows_where(connection, table, CartFacts._fields, "id", keys, lock=True):
            deltas.carts(CartFacts(*row), None)
    else:
        for row in rows_where(connection, table, _CUSTOMER_FACTS, "id", keys, lock=True):
            deltas.customers(CustomerFacts(*row), None)
    if table in _LINES:
        delete_lines(connection, _LINES[table], keys)
    connection.execute(delete(table).where(table.c.id.in_(keys)))
    deltas.apply(connection)


def _uncovered(connection: Connection, shop_id: int, table: Table, left: Collection[Channel]) -> ColumnElement[bool]:
    """The shop's records that none of the channels left has in scope: by key range, and by website or store view."""
    of_shop = table.c.id.between(record_key(shop_id, 0), record_key(shop_id + 1, 0) - 1)
    if not left:
        return of_shop
    websites = [
        id_
        for id_ in connection.scalars(select(tables.website.c.origin_id).where(tables.website.c.shop_id == shop_id))
        if not any(channel.covers(id_) for channel in left)
    ]
    if table is tables.customer:
        return and_(of_shop, table.c.website_id.in_(websites))
    views = select(tables.store_view.c.origin_id).where(
        tables.store_view.c.shop_id == shop_id, tables.store_view.c.website_id.in_(websites)
    )
    return and_(of_shop, table.c.store_id.in_(list(connection.scalars(views))))
