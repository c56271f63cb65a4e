"""The day and hour of an order in its store's own time zone, and their rebuilding when a store's zone changes."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Connection, bindparam, select, update

from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.rollups import Deltas, OrderFacts
from crm_core.store.types import instant_to_milliseconds, money_to_units
from crm_core.store.upsert import day_for_driver
from crm_core.sync.stores import MovedZone

CHUNK = 2_000
"""Orders that one transaction looks at."""


def take_over_zone(store: Store, shop_id: int, moved: MovedZone, chunk: int = CHUNK) -> int:
    """The store view has its new time zone, and all of its orders their days and hours in it; how many were changed.

    The caller holds the lease on the orders of every channel of the shop, so no run writes days of the old zone
    meanwhile. Works in short transactions; killed half-way, the zone still stands as moved and the next run goes on.
    The second walk finds what a person's Synchronise wrote in the old zone during the first.
    """
    changed = _rebuild_days(store, shop_id, moved, chunk)
    with store.writing() as connection:
        connection.execute(
            update(tables.store_view)
            .where(tables.store_view.c.id == record_key(shop_id, moved.store_id))
            .values(timezone=moved.zone.key)
        )
    return changed + _rebuild_days(store, shop_id, moved, chunk)


def _rebuild_days(store: Store, shop_id: int, moved: MovedZone, chunk: int) -> int:
    last, changed = record_key(shop_id, 0), 0
    while True:
        with store.writing() as connection:
            step = _rebuild_chunk(connection, shop_id, moved, last, chunk)
        if step is None:
            return changed
        last, changed = step[0], changed + step[1]


def _rebuild_chunk(
    connection: Connection, shop_id: int, moved: MovedZone, after: int, chunk: int
) -> tuple[int, int] | None:
    """The last id looked at and how many orders changed; None if there are no more."""
    order = tables.order.c
    rows = connection.execute(
        select(tables.order)
        .with_only_columns(
            order.id,
            order.created_at,
            order.updated_at,
            order.local_day,
            order.local_hour,
            order.status,
            order.state,
            order.base_currency,
            order.base_grand_total,
            order.base_total_refunded,
            order.gone_at,
        )
        .where(order.id > after, order.shop_id == shop_id, order.store_id == moved.store_id)
        .order_by(order.id)
        .limit(chunk)
        .with_for_update()
    ).all()
    if not rows:
        return None
    dialect = connection.dialect.name
    deltas = Deltas(dialect)
    changes = []
    for row in rows:
        local = row.created_at.astimezone(moved.zone)
        if (row.local_day, row.local_hour) == (local.date(), local.hour):
            continue
        changes.append({"key": row.id, "day": local.date(), "hour": local.hour})
        old = OrderFacts(
            shop_id=shop_id,
            store_id=moved.store_id,
            local_day=day_for_driver(row.local_day, dialect),
            status=row.status,
            state=row.state,
            base_currency=row.base_currency,
            base_grand_total=money_to_units(row.base_grand_total),
            base_total_refunded=money_to_units(row.base_total_refunded or Decimal()),
            updated_at=instant_to_milliseconds(row.updated_at),
            is_gone=row.gone_at is not None,
        )
        deltas.orders(old, old._replace(local_day=day_for_driver(local.date(), dialect)))
    if changes:
        connection.execute(
            update(tables.order)
            .where(order.id == bindparam("key"))
            .values(local_day=bindparam("day"), local_hour=bindparam("hour")),
            changes,
        )
        deltas.apply(connection)
    return rows[-1].id, len(changes)
