"""Removing a channel, and with the last channel of a shop everything mirrored from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Table, delete, func, select, update

from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.sync.channels import ENTITIES, Channel, channel_by_name
from crm_core.sync.schedule import lease_name

_CHUNK = 2_000
_RECORDS: tuple[tuple[Table, Table | None], ...] = (
    (tables.cart, tables.cart_item),
    (tables.order, tables.order_item),
    (tables.customer, None),
)
_ROLLUPS = (
    tables.order_status_total,
    tables.order_day_total,
    tables.cart_status_total,
    tables.cart_day_total,
)
_SMALL = (tables.website, tables.store_view, tables.customer_group)


@dataclass(frozen=True)
class Removal:
    """What goes with a channel: counts of mirrored records, none if another channel reads the same shop."""

    channel: Channel
    customers: int
    orders: int
    carts: int
    sibling: str | None
    """Name of another channel of the shop, for which the mirror stays."""

    def __str__(self) -> str:
        if self.sibling is not None:
            return (
                f"The channel “{self.channel.name}” goes, with its credentials. What was mirrored stays: "
                f"the channel “{self.sibling}” reads the same shop."
            )
        return (
            f"The channel “{self.channel.name}” goes, with its credentials and everything mirrored from "
            f"{self.channel.base_url}: {self.customers:,} customers, {self.orders:,} orders, {self.carts:,} carts, and "
            "the decisions made on them. The history of what people did is kept. Nothing changes in the shop."
        )


def removal_of(store: Store, name: str) -> Removal:
    """What `remove_channel` would delete. Raises NotFound."""
    channel = channel_by_name(store, name)
    with store.reading() as connection:
        sibling = connection.scalar(
            select(tables.channel.c.name).where(
                tables.channel.c.shop_id == channel.shop_id, tables.channel.c.id != channel.id
            )
        )
        counts = {}
        for table, _ in _RECORDS:
            count = select(func.count()).select_from(table).where(_of_shop(table, channel.shop_id))
            counts[table.name] = 0 if sibling is not None else connection.scalar(count) or 0
    return Removal(channel, counts["customer"], counts["sales_order"], counts["cart"], sibling)


def remove_channel(store: Store, name: str) -> Removal:
    """The channel is gone, and with the last one of a shop its mirror and figures; attempts and events are kept.

    Works in short transactions; killed half-way, the channel stands paused with that reason and removing it again
    goes on. Whoever reads the shop at that moment loses the lease and writes nothing more.
    """
    removal = removal_of(store, name)
    channel = removal.channel
    with store.writing() as connection:
        connection.execute(
            update(tables.channel)
            .where(tables.channel.c.id == channel.id)
            .values(paused_at=datetime.now(UTC), paused_reason="It is being removed. Remove it again to finish.")
        )
        leases = [lease_name(channel.id, entity) for entity in ENTITIES]
        connection.execute(delete(tables.lease).where(tables.lease.c.name.in_(leases)))
        if removal.sibling is None:
            for table in _ROLLUPS:
                connection.execute(delete(table).where(table.c.shop_id == channel.shop_id))
    if removal.sibling is None:
        for table, lines in _RECORDS:
            while _delete_chunk(store, table, lines, channel.shop_id):
                pass
    with store.writing() as connection:
        if removal.sibling is None:
            for table in _SMALL:
                connection.execute(delete(table).where(table.c.shop_id == channel.shop_id))
        connection.execute(delete(tables.channel).where(tables.channel.c.id == channel.id))
    return removal


def _delete_chunk(store: Store, table: Table, lines: Table | None, shop_id: int) -> bool:
    with store.writing() as connection:
        keys = list(
            connection.scalars(select(table.c.id).where(_of_shop(table, shop_id)).order_by(table.c.id).limit(_CHUNK))
        )
        if not keys:
            return False
        if lines is not None:
            record = next(iter(lines.primary_key.columns))
            connection.execute(delete(lines).where(record.between(keys[0], keys[-1])))
        connection.execute(delete(table).where(table.c.id.between(keys[0], keys[-1])))
        return True


def _of_shop(table: Table, shop_id: int) -> ColumnElement[bool]:
    """By the key's range, which is the table's own order."""
    return table.c.id.between(record_key(shop_id, 0), record_key(shop_id + 1, 0) - 1)
