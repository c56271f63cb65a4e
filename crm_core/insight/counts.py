"""How many rows a filter matches and what they sum to: from the rollups where they know, else exact up to a limit.

The rollups know the status, store view and currency of carts and orders, the day on which an order was created or last
updated and a cart likewise, and the website, group and newsletter of customers. For any other condition the matching
rows are counted up to LIMIT: beyond, the answer is "10,000+". Their statuses are counted in full, in one go through an
index, unless that takes too long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from sqlalchemy import Column, ColumnElement, Connection, Table, func, select

from crm_core.errors import TooSlow
from crm_core.insight.directory import Directory, directory
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.own_days import own_days
from crm_core.insight.periods import Today, span
from crm_core.insight.statuses import (
    StatusStyle,
    cart_status_rank,
    cart_status_style,
    order_status_rank,
    order_status_style,
)
from crm_core.insight.where import ROWS, in_own_days, in_scope, scope_of, unindexed, where
from crm_core.store.database import Store
from crm_core.store.keys import origin_of
from crm_core.store.tables import (
    CART_STATUSES,
    cart_day_total,
    cart_status_total,
    customer_total,
    order_day_total,
    order_status_total,
)

LIMIT = 10_000
"""Rows that are counted one by one at most."""

RARE = 5_000
"""Rows of a status up to which SQLite finds them faster by an index of the status than by reading the wide index."""

COUNT_SECONDS = 2.0
"""Time after which counting is given up: the count is then unknown."""


@dataclass(frozen=True)
class Count:
    """A number of rows: exact, or at least `value` (shown "10,000+"); None: it took too long to count."""

    value: int | None
    exact: bool = True

    def __str__(self) -> str:
        if self.value is None:
            return "many"
        return f"{self.value:,}" if self.exact else f"{self.value:,}+"


@dataclass(frozen=True)
class Sum:
    """An amount of one currency, never mixed with another one."""

    currency: str
    amount: Decimal


@dataclass(frozen=True)
class StatusCount:
    """The rows of one status; `state` is the order's state (that of most of them), empty for carts."""

    status: str
    state: str
    style: StatusStyle
    count: Count


@dataclass(frozen=True)
class Tally:
    """The rows that match, and their sums per currency, biggest first; no sums where counting them all was too dear."""

    matching: Count
    sums: tuple[Sum, ...]


@dataclass(frozen=True)
class Cell:
    """Cells of a rollup, added up to what counting needs; `amount` is in its currency, which is empty for none."""

    status: str
    currency: str
    rows: int
    amount: Decimal


def status_counts(
    store: Store, wanted: Filter, *, today: Today | None = None, names: Directory | None = None
) -> list[StatusCount]:
    """The matching rows by status, whatever status the filter asks for; every status of a cart, those of orders in use.

    In the order in which carts and orders go through them. `today`: what presets count back from, now if None.
    """
    today = today or Today.now()
    names = names or directory(store)
    free = replace(wanted, statuses=())
    states, cells = store.kept(("statuses", free, today, names), lambda: _statuses(store, free, names, today))
    if cells is not None:
        found = {status: Count(sum(cell.rows for cell in cells if cell.status == status)) for status in states}
    else:
        found = _counted_by_status(store, free, names, today, states)
    states = {**dict.fromkeys(found, ""), **states}
    return [
        StatusCount(status, state, _style(wanted, status, state), found[status])
        for status, state in sorted(states.items(), key=lambda each: (_rank(wanted, *each), each[0]))
    ]


def _statuses(
    store: Store, wanted: Filter, names: Directory, today: Today
) -> tuple[Mapping[str, str], list[Cell] | None]:
    with store.reading() as connection:
        return _states(connection, wanted), rollup_cells(connection, wanted, names, today)


def tally_of(cells: Sequence[Cell]) -> Tally:
    """The count and the sums of rollup cells."""
    sums: dict[str, Decimal] = {}
    for cell in (cell for cell in cells if cell.currency):
        sums[cell.currency] = sums.get(cell.currency, Decimal(0)) + cell.amount
    return Tally(Count(sum(cell.rows for cell in cells)), sorted_sums(sums))


def total_rows(connection: Connection, wanted: Filter) -> int:
    """All rows of the screen, but for gone ones; carts with items, or every cart if the filter wants empty ones too."""
    if wanted.screen == "customers":
        return int(connection.scalar(select(func.coalesce(func.sum(customer_total.c.customers), 0))) or 0)
    if wanted.screen == "orders":
        query = select(func.coalesce(func.sum(order_status_total.c.orders), 0))
    else:
        query = select(func.coalesce(func.sum(cart_status_total.c.carts), 0))
        if wanted.with_items:
            query = query.where(cart_status_total.c.is_filled)
    return int(connection.scalar(query) or 0)


def currencies_of(connection: Connection, screen: Screen) -> list[str]:
    """The base currencies that rows of the screen have; none for customers."""
    if screen == "customers":
        return []
    table = order_status_total if screen == "orders" else cart_status_total
    return sorted(connection.scalars(select(table.c.base_currency).distinct()))


def status_rows(connection: Connection, wanted: Filter) -> int:
    """Rows that have one of the filter's statuses, whatever else it asks for; empty carts count too."""
    table = order_status_total if wanted.screen == "orders" else cart_status_total
    measure = table.c.orders if wanted.screen == "orders" else table.c.carts
    query = select(func.coalesce(func.sum(measure), 0)).where(table.c.status.in_(wanted.statuses))
    return int(connection.scalar(query) or 0)


@dataclass(frozen=True)
class Rollup:
    """A rollup that knows a filter's rows: its table, the column with their number, and the filter as conditions."""

    table: Table
    rows: Column[int]
    conditions: tuple[ColumnElement[bool], ...]


def rollup_of(wanted: Filter, names: Directory, today: Today, *, day: Column[date] | None = None) -> Rollup | None:
    """The rollup of the filter's carts or orders, on request the one that has this column of days.

    None if the filter asks for what it does not know. Periods are of a cart's last update, in UTC, or of an order's
    creation, in its store's own zone.
    """
    is_orders = wanted.screen == "orders"
    usual_day = order_day_total.c.local_day if is_orders else cart_day_total.c.updated_day
    period = wanted.created if is_orders else wanted.updated
    if day is None and period:
        day = usual_day
    known = {"channel", "store", "currency"}
    if day is None or day is usual_day:
        known |= {"status", "created" if is_orders else "updated"}
    if day is None or is_orders:
        known.add("items")
    if wanted.screen == "customers" or any(condition.key not in known for condition in wanted.conditions()):
        return None
    by_status = order_status_total if is_orders else cart_status_total
    table = by_status if day is None else day.table
    rows = table.c.orders if is_orders else table.c.carts
    conditions: list[ColumnElement[bool]] = []
    if table is cart_status_total and wanted.with_items:
        conditions.append(cart_status_total.c.is_filled)
    scope = scope_of(wanted, names)
    if period and is_orders:
        conditions += in_own_days(usual_day, own_days(period, names, scope, today))
    elif period:
        conditions.append(usual_day.between(*span(period.utc_days(today))))
    if wanted.statuses:
        conditions.append(table.c.status.in_(wanted.statuses))
    if wanted.currency:
        conditions.append(table.c.base_currency == wanted.currency)
    if scope is not None:
        conditions.append(in_scope(table, table.c.store_id, scope))
    return Rollup(table, rows, tuple(conditions))


def rollup_cells(connection: Connection, wanted: Filter, names: Directory, today: Today) -> list[Cell] | None:
    """The rollup cells that make up the filter's rows; None if it asks for what no rollup knows."""
    if wanted.screen == "customers":
        return _customer_cells(connection, wanted, names)
    rollup = rollup_of(wanted, names, today)
    if rollup is None:
        return None
    table = rollup.table.c
    amount = table.base_grand_total if wanted.screen == "orders" else table.base_subtotal
    query = select(
        table.status, table.base_currency, func.sum(rollup.rows).label("rows"), func.sum(amount).label("amount")
    )
    return [
        Cell(row.status, row.base_currency, int(row.rows), row.amount)
        for row in connection.execute(query.where(*rollup.conditions).group_by(table.status, table.base_currency))
    ]


def _customer_cells(connection: Connection, wanted: Filter, names: Directory) -> list[Cell] | None:
    if any(condition.key not in {"channel", "website", "group", "newsletter"} for condition in wanted.conditions()):
        return None
    scope = scope_of(wanted, names)
    groups = {origin_of(key) for key in wanted.groups}
    return [
        Cell("", "", _readers(row.customers, row.subscribed, wanted.is_subscribed), Decimal(0))
        for row in connection.execute(select(customer_total))
        if (scope is None or scope.holds(row.shop_id, row.website_id))
        and (not groups or (row.shop_id, row.group_id) in groups)
    ]


def _readers(customers: int, subscribed: int, is_subscribed: bool | None) -> int:
    """How many of the customers get the newsletter, or do not; None: it does not matter."""
    return customers if is_subscribed is None else subscribed if is_subscribed else customers - subscribed


def _counted_by_status(
    store: Store, wanted: Filter, names: Directory, today: Today, states: Mapping[str, str]
) -> dict[str, Count]:
    """The rows by status, counted in one go through the wide index or an index of a condition."""
    table = ROWS[wanted.screen].table

    def count() -> dict[str, Count]:
        with store.reading(COUNT_SECONDS) as connection:
            # Grouped by what SQLite takes for no index: it would walk the index of the status and look into every row.
            status = unindexed(connection, table.c.status)
            query = select(table.c.status, func.count().label("rows")).group_by(status)
            rows = connection.execute(query.where(*where(connection, wanted, names, today))).all()
        return {row.status: Count(row.rows) for row in rows}

    try:
        return dict.fromkeys(states, Count(0)) | store.kept(("counted by status", wanted, today, names), count)
    except TooSlow:
        return {status: Count(None, exact=False) for status in states}


def has_rare_status(connection: Connection, wanted: Filter) -> bool:
    """Whether so few rows have one of the filter's statuses that an index of the status finds them best."""
    return bool(wanted.statuses) and status_rows(connection, wanted) <= RARE


def sorted_sums(sums: Mapping[str, Decimal]) -> tuple[Sum, ...]:
    """The amounts per currency, biggest first."""
    return tuple(
        Sum(currency, amount) for currency, amount in sorted(sums.items(), key=lambda each: (-each[1], each[0]))
    )


def _states(connection: Connection, wanted: Filter) -> dict[str, str]:
    """Every status with its state: that of most orders, since a shop may give one status to several states."""
    if wanted.screen == "carts":
        return dict.fromkeys(CART_STATUSES, "")
    query = (
        select(
            order_status_total.c.status, order_status_total.c.state, func.sum(order_status_total.c.orders).label("n")
        )
        .group_by(order_status_total.c.status, order_status_total.c.state)
        .order_by("n")
    )
    return {row.status: row.state for row in connection.execute(query)}


def _style(wanted: Filter, status: str, state: str) -> StatusStyle:
    return cart_status_style(status) if wanted.screen == "carts" else order_status_style(state, status)


def _rank(wanted: Filter, status: str, state: str) -> int:
    return cart_status_rank(status) if wanted.screen == "carts" else order_status_rank(state)
