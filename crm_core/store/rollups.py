"""Rollups: counts and sums of orders, carts and customers, one narrow table per dimension, always equal to a recount.

They change by (new - old) in the transaction that changes the rows. On PostgreSQL its writer must have locked those
rows (FOR UPDATE, in the order of their ids) before it read the old facts; where two may add the same row at once there
is nothing to lock yet, so writers that add rows lock the row of the shop first. Deltas are applied in sorted key order,
so writers never wait for each other in a circle. A rollup row whose count and sums reach 0 is deleted.

Facts hold driver values: amounts and quantities in units of 1/10000, moments in milliseconds, days by `day_for_driver`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, text

from crm_core.store.tables import (
    cart_created_total,
    cart_day_total,
    cart_status_total,
    customer_total,
    order_day_total,
    order_month_total,
    order_status_total,
    order_updated_total,
)
from crm_core.store.upsert import day_for_driver, mark_for_driver

_DAY = 86_400_000
_FIRST_DAY = date(1970, 1, 1).toordinal()

NO_GROUP = -1
"""The group in customer_total of customers of whom the shop names none."""

_Key = tuple[Any, ...]


class OrderFacts(NamedTuple):
    """What the rollups must know of an order; amounts in units of 1/10000 of its website's base currency.

    `updated_at` is in milliseconds.
    """

    shop_id: int
    store_id: int
    local_day: str | date
    status: str
    state: str
    base_currency: str
    base_grand_total: int
    base_total_refunded: int
    updated_at: int
    is_gone: bool


class CartFacts(NamedTuple):
    """What the rollups must know of a cart; amount and quantity in units of 1/10000, moments in milliseconds."""

    shop_id: int
    store_id: int
    status: str
    base_currency: str
    items_qty: int
    base_subtotal: int
    created_at: int
    updated_at: int


class CustomerFacts(NamedTuple):
    """What the rollups must know of a customer; None: the shop does not say."""

    shop_id: int
    website_id: int
    group_id: int | None
    is_subscribed: bool | None
    is_gone: bool


@dataclass(frozen=True)
class Difference:
    """A rollup row that is not what a recount gives; measures in the order of the table's columns, in its units."""

    rollup: str
    key: tuple[Any, ...]
    kept: tuple[int, ...]
    counted: tuple[int, ...]

    def __str__(self) -> str:
        key = ", ".join(map(str, self.key))
        return f"{self.rollup} ({key}): kept {self.kept}, counted {self.counted}"


@dataclass(frozen=True)
class _Rollup:
    table: Table
    measures: tuple[str, ...]
    recount: Mapping[str, str]

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.table.primary_key.columns)


def _both(sql: str) -> Mapping[str, str]:
    return {"sqlite": sql, "postgresql": sql}


def _by_utc_day(sql: str, moment: str) -> Mapping[str, str]:
    """The statement with the UTC day of that column for its {day}."""
    return {
        "sqlite": sql.format(day=f"date({moment} / 1000, 'unixepoch')"),
        "postgresql": sql.format(day=f"(to_timestamp({moment} / 1000) AT TIME ZONE 'UTC')::date"),
    }


_ORDERS_BY_STATUS = _Rollup(
    order_status_total,
    ("orders", "base_grand_total"),
    _both(
        "SELECT shop_id, store_id, status, state, base_currency, count(*), sum(base_grand_total)"
        " FROM sales_order WHERE gone_at IS NULL GROUP BY 1, 2, 3, 4, 5"
    ),
)
_ORDERS_BY_DAY = _Rollup(
    order_day_total,
    ("orders", "base_grand_total", "base_total_refunded"),
    _both(
        "SELECT local_day, shop_id, store_id, status, state, base_currency,"
        " count(*), sum(base_grand_total), sum(coalesce(base_total_refunded, 0))"
        " FROM sales_order WHERE gone_at IS NULL GROUP BY 1, 2, 3, 4, 5, 6"
    ),
)
_ORDERS_BY_MONTH = _Rollup(
    order_month_total,
    ("orders", "base_grand_total", "base_total_refunded"),
    {
        dialect_name: f"SELECT {month} AS local_month, shop_id, store_id, status, state, base_currency,"
        " count(*), sum(base_grand_total), sum(coalesce(base_total_refunded, 0))"
        " FROM sales_order WHERE gone_at IS NULL GROUP BY 1, 2, 3, 4, 5, 6"
        for dialect_name, month in (
            ("sqlite", "date(local_day, 'start of month')"),
            ("postgresql", "date_trunc('month', local_day)::date"),
        )
    },
)
_CARTS_BY_STATUS = _Rollup(
    cart_status_total,
    ("carts", "base_subtotal"),
    _both(
        "SELECT shop_id, store_id, status, items_qty > 0 AS is_filled, base_currency, count(*), sum(base_subtotal)"
        " FROM cart GROUP BY 1, 2, 3, 4, 5"
    ),
)
_CARTS_BY_DAY = _Rollup(
    cart_day_total,
    ("carts", "base_subtotal"),
    _by_utc_day(
        "SELECT {day} AS updated_day, shop_id, store_id, status, base_currency, count(*), sum(base_subtotal)"
        " FROM cart WHERE items_qty > 0 GROUP BY 1, 2, 3, 4, 5",
        "updated_at",
    ),
)
_ORDERS_BY_UPDATE = _Rollup(
    order_updated_total,
    ("orders",),
    _by_utc_day(
        "SELECT {day} AS updated_day, shop_id, store_id, base_currency, count(*)"
        " FROM sales_order WHERE gone_at IS NULL GROUP BY 1, 2, 3, 4",
        "updated_at",
    ),
)
_CARTS_BY_CREATION = _Rollup(
    cart_created_total,
    ("carts",),
    _by_utc_day(
        "SELECT {day} AS created_day, shop_id, store_id, base_currency, count(*)"
        " FROM cart WHERE items_qty > 0 GROUP BY 1, 2, 3, 4",
        "created_at",
    ),
)
_CUSTOMERS = _Rollup(
    customer_total,
    ("customers", "subscribed"),
    _both(
        f"SELECT shop_id, website_id, coalesce(group_id, {NO_GROUP}), count(*),"
        " sum(CASE WHEN is_subscribed THEN 1 ELSE 0 END)"
        " FROM customer WHERE gone_at IS NULL GROUP BY 1, 2, 3"
    ),
)
_ROLLUPS = (
    _ORDERS_BY_STATUS,
    _ORDERS_BY_DAY,
    _ORDERS_BY_MONTH,
    _ORDERS_BY_UPDATE,
    _CARTS_BY_STATUS,
    _CARTS_BY_DAY,
    _CARTS_BY_CREATION,
    _CUSTOMERS,
)


class Deltas:
    """The differences that a transaction makes to the rollups, collected record by record and applied at its end."""

    def __init__(self, dialect_name: str) -> None:
        self._dialect_name = dialect_name
        self._orders_by_day: dict[_Key, list[int]] = {}
        self._orders_by_update: dict[_Key, list[int]] = {}
        self._carts_by_status: dict[_Key, list[int]] = {}
        self._carts_by_day: dict[_Key, list[int]] = {}
        self._carts_by_creation: dict[_Key, list[int]] = {}
        self._customers: dict[_Key, list[int]] = {}

    def orders(self, old: OrderFacts | None, new: OrderFacts | None) -> None:
        """An order changes from `old` to `new`; None: it was not there, or is not there any more."""
        if old != new:
            if old is not None:
                self._order(old, -1)
            if new is not None:
                self._order(new, 1)

    def carts(self, old: CartFacts | None, new: CartFacts | None) -> None:
        """A cart changes from `old` to `new`; None: it was not there, or is not there any more."""
        if old != new:
            if old is not None:
                self._cart(old, -1)
            if new is not None:
                self._cart(new, 1)

    def customers(self, old: CustomerFacts | None, new: CustomerFacts | None) -> None:
        """A customer changes from `old` to `new`; None: it was not there, or is not there any more."""
        if old != new:
            if old is not None:
                self._customer(old, -1)
            if new is not None:
                self._customer(new, 1)

    def apply(self, connection: Connection) -> None:
        """The rollups hold the collected differences afterwards, and nothing is collected any more."""
        # Counted here and not order by order: they are the same without the day, or with its month.
        orders_by_status: dict[_Key, list[int]] = {}
        orders_by_month: dict[_Key, list[int]] = {}
        for (day, *of_status), (orders, grand_total, refunded) in self._orders_by_day.items():
            by_status = orders_by_status.setdefault(tuple(of_status), [0, 0])
            by_status[0] += orders
            by_status[1] += grand_total
            by_month = orders_by_month.setdefault((_month(day), *of_status), [0, 0, 0])
            by_month[0] += orders
            by_month[1] += grand_total
            by_month[2] += refunded
        for rollup, deltas in (
            (_ORDERS_BY_STATUS, orders_by_status),
            (_ORDERS_BY_DAY, self._orders_by_day),
            (_ORDERS_BY_MONTH, orders_by_month),
            (_ORDERS_BY_UPDATE, self._orders_by_update),
            (_CARTS_BY_STATUS, self._carts_by_status),
            (_CARTS_BY_DAY, self._carts_by_day),
            (_CARTS_BY_CREATION, self._carts_by_creation),
            (_CUSTOMERS, self._customers),
        ):
            changed = [(*key, *values) for key, values in sorted(deltas.items()) if any(values)]
            deltas.clear()
            if not changed:
                continue
            add, drop_empty = _statements(rollup.table, rollup.measures, self._dialect_name)
            connection.exec_driver_sql(add, changed)
            width = len(rollup.key)
            emptied = [row[:width] for row in changed if row[width] < 0]
            if emptied:
                connection.exec_driver_sql(drop_empty, emptied)

    def _order(self, facts: OrderFacts, sign: int) -> None:
        shop_id, store_id, day, status, state, currency, grand_total, refunded, updated_at, is_gone = facts
        if is_gone:
            return
        by_day = self._orders_by_day.setdefault((day, shop_id, store_id, status, state, currency), [0, 0, 0])
        by_day[0] += sign
        by_day[1] += sign * grand_total
        by_day[2] += sign * refunded
        updated = _day(updated_at // _DAY, self._dialect_name)
        self._orders_by_update.setdefault((updated, shop_id, store_id, currency), [0])[0] += sign

    def _cart(self, facts: CartFacts, sign: int) -> None:
        shop_id, store_id, status, currency, items_qty, subtotal, created_at, updated_at = facts
        is_filled = items_qty > 0
        by_status = self._carts_by_status.setdefault((shop_id, store_id, status, is_filled, currency), [0, 0])
        by_status[0] += sign
        by_status[1] += sign * subtotal
        if is_filled:
            day = _day(updated_at // _DAY, self._dialect_name)
            by_day = self._carts_by_day.setdefault((day, shop_id, store_id, status, currency), [0, 0])
            by_day[0] += sign
            by_day[1] += sign * subtotal
            created = _day(created_at // _DAY, self._dialect_name)
            self._carts_by_creation.setdefault((created, shop_id, store_id, currency), [0])[0] += sign

    def _customer(self, facts: CustomerFacts, sign: int) -> None:
        if facts.is_gone:
            return
        group_id = NO_GROUP if facts.group_id is None else facts.group_id
        total = self._customers.setdefault((facts.shop_id, facts.website_id, group_id), [0, 0])
        total[0] += sign
        total[1] += sign * bool(facts.is_subscribed)


def recount(connection: Connection) -> list[Difference]:
    """Every rollup row that differs from a count of the rows themselves; a reading connection gives one snapshot."""
    differences = []
    for rollup in _ROLLUPS:
        width = len(rollup.key)
        names = ", ".join((*rollup.key, *rollup.measures))
        kept = _by_key(connection.execute(text(f"SELECT {names} FROM {rollup.table.name}")).all(), width)
        counted = _by_key(connection.execute(text(rollup.recount[connection.dialect.name])).all(), width)
        nothing = (0,) * len(rollup.measures)
        differences += [
            Difference(rollup.table.name, key, kept.get(key, nothing), counted.get(key, nothing))
            for key in sorted(kept.keys() | counted.keys())
            if kept.get(key, nothing) != counted.get(key, nothing)
        ]
    return differences


def rebuild(connection: Connection) -> None:
    """The rollups are a fresh count of the rows, whatever they held; needs a writing connection.

    Writers of pages wait until it is committed and then add their differences to the fresh count.
    """
    if connection.dialect.name == "postgresql":
        names = ", ".join(rollup.table.name for rollup in _ROLLUPS)
        connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
    for rollup in _ROLLUPS:
        names = ", ".join((*rollup.key, *rollup.measures))
        connection.execute(text(f"DELETE FROM {rollup.table.name}"))
        recounted = rollup.recount[connection.dialect.name]
        connection.execute(text(f"INSERT INTO {rollup.table.name} ({names}) {recounted}"))


def _by_key(rows: Sequence[Any], width: int) -> dict[_Key, tuple[int, ...]]:
    return {tuple(row[:width]): tuple(map(int, row[width:])) for row in rows}


@cache
def _statements(table: Table, measures: tuple[str, ...], dialect_name: str) -> tuple[str, str]:
    mark = mark_for_driver(dialect_name)
    key = [column.name for column in table.primary_key.columns]
    names = (*key, *measures)
    added = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in measures)
    add = (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))}) "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {added}"
    )
    is_row = " AND ".join(f"{name} = {mark}" for name in key)
    is_empty = " AND ".join(f"{name} = 0" for name in measures)
    return add, f"DELETE FROM {table.name} WHERE {is_row} AND {is_empty}"


@cache
def _day(number: int, dialect_name: str) -> str | date:
    return day_for_driver(date.fromordinal(_FIRST_DAY + number), dialect_name)


def _month(day: str | date) -> str | date:
    """The first day of its month, as the driver takes it."""
    return f"{day[:-2]}01" if isinstance(day, str) else day.replace(day=1)
