"""The dashboard's figures, all from the rollups: what was sold, beside the period before, and what lies in carts.

Revenue is the grand total of orders that are neither cancelled nor gone from the shop, less what was refunded; "orders"
counts the same orders, and the average is revenue by orders. Every figure is of one base currency: currencies are never
added up. A day is the store's own day for orders and UTC's for carts, which count by their last update; so the last so
many days may begin and end on another day in one store than in another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Table, func, select, type_coerce

from crm_core.insight.directory import Directory, Scope, directory
from crm_core.insight.freshness import freshness
from crm_core.insight.own_days import OwnDays, own_days
from crm_core.insight.periods import Period, Today, span, whole_months
from crm_core.insight.statuses import (
    CANCELLED_STATE,
    StatusStyle,
    cart_status_rank,
    cart_status_style,
    order_status_rank,
    order_status_style,
)
from crm_core.insight.where import in_own_days, in_scope
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.tables import (
    CART_STATUSES,
    cart_day_total,
    cart_status_total,
    order_day_total,
    order_month_total,
    order_status_total,
)
from crm_core.store.types import units_to_money

_PLACES = Decimal("0.0001")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Figure:
    """A figure of the period, of the period before (None: not known), and by day; None where nothing can be divided."""

    value: Decimal | None
    previous: Decimal | None
    by_day: tuple[Decimal | None, ...]

    @property
    def change(self) -> Decimal | None:
        """The change against the period before as a share of it, 0.124 for +12.4 %; None after nothing or less."""
        if self.value is None or self.previous is None or self.previous <= 0:
            return None
        return ((self.value - self.previous) / self.previous).quantize(_PLACES, ROUND_HALF_UP)


@dataclass(frozen=True)
class StatusFigure:
    """The rows of one status: how many, and their amount in the dashboard's currency. `state` is empty for carts."""

    status: str
    state: str
    style: StatusStyle
    rows: int
    amount: Decimal


@dataclass(frozen=True)
class StoreFigure:
    """What one store view sold in the period; `key` is its record key."""

    key: int
    channel: str
    store_view: str
    orders: int
    revenue: Decimal


@dataclass(frozen=True)
class Dashboard:
    """The figures of a period, `first` to `final` and, beside it, the period as long before it: `length` days each.

    From `first` to `final` lie more days than that while it is tomorrow already in one store and today in another: each
    has figures of `length` of them.

    All amounts are in `currency`; `currencies` are all that the channels in scope have figures in, the one with the
    most orders first. `days` and the figures by day belong together; `previous_revenue_by_day` is of as
    many days before. `open_carts` counts carts with items that are open now; by day: of those, the ones
    last updated that day. `as_of` and `importing` are those of crm_core.insight.freshness.
    """

    currency: str
    currencies: tuple[str, ...]
    first: date
    final: date
    length: int
    previous_first: date
    previous_final: date
    days: tuple[date, ...]
    revenue: Figure
    orders: Figure
    average_order: Figure
    open_carts: Figure
    open_carts_value: Figure
    previous_revenue_by_day: tuple[Decimal, ...]
    previous_orders_by_day: tuple[int, ...]
    orders_by_status: tuple[StatusFigure, ...]
    carts_by_status: tuple[StatusFigure, ...]
    revenue_by_store: tuple[StoreFigure, ...]
    as_of: datetime | None
    importing: tuple[str, ...]


def dashboard(store: Store, period: Period, channel_id: int | None, currency: str | None, today: Today) -> Dashboard:
    """The figures of one channel, or of all, in one currency: the given one, or else the one with the most orders.

    A currency that nothing there is in counts as none given. A period that is open at one end begins with the first
    order there is, or ends today, where it is tomorrow first.
    """
    names = directory(store)
    what = ("dashboard", period, channel_id, currency, today, names)
    return store.kept(what, lambda: _dashboard(store, period, channel_id, currency, today, names))


def _dashboard(
    store: Store, period: Period, channel_id: int | None, currency: str | None, today: Today, names: Directory
) -> Dashboard:
    with store.reading() as connection:
        scope = names.scope(() if channel_id is None else (channel_id,), ())
        runs = _runs(connection, period, names, scope, today)
        first, final = runs[0].first, runs[-1].final
        length, before = runs[0].length, runs[0].before
        open_carts = _open_carts(connection, scope)
        currencies = _currencies(connection, scope, open_carts)
        if currency not in currencies:
            currency = currencies[0] if currencies else ""
        sold, sold_before = _sold_by_day(connection, scope, currency, runs)
        orders = _orders_of(connection, scope, currency, runs)
        carts_first, carts_final = period.utc_days(today)
        carts = _carts_of(scope, currency, *span((carts_first or first, carts_final)))
        cart_days = _open_carts_by_day(connection, carts)
        carts_by_status = _carts_by_status(connection, carts)
        fresh = freshness(connection, ("orders", "carts"), names, () if channel_id is None else (channel_id,))
    now = [sold.get(day, _NOTHING) for day in _days(first, final)]
    previous_final = final - length * _DAY if before < first else first
    then = [sold_before.get(day, _NOTHING) for day in _days(before, previous_final)] if before < first else []
    lying = [cart_days.get(day, _NOTHING) for day in _days(first, final)]
    sold_now, sold_then = _total(now), _total(tuple(sold_before.values()))
    return Dashboard(
        currency=currency,
        currencies=currencies,
        first=first,
        final=final,
        length=length,
        previous_first=before,
        previous_final=previous_final,
        days=tuple(_days(first, final)),
        revenue=Figure(sold_now.amount, sold_then.amount, tuple(each.amount for each in now)),
        orders=Figure(Decimal(sold_now.rows), Decimal(sold_then.rows), tuple(Decimal(each.rows) for each in now)),
        average_order=Figure(sold_now.average, sold_then.average, tuple(each.average for each in now)),
        open_carts=Figure(
            Decimal(open_carts.get(currency, _NOTHING).rows), None, tuple(Decimal(each.rows) for each in lying)
        ),
        open_carts_value=Figure(open_carts.get(currency, _NOTHING).amount, None, tuple(each.amount for each in lying)),
        previous_revenue_by_day=tuple(each.amount for each in then),
        previous_orders_by_day=tuple(each.rows for each in then),
        orders_by_status=_by_status(orders),
        carts_by_status=carts_by_status,
        revenue_by_store=_by_store(orders, names),
        as_of=fresh.as_of,
        importing=fresh.importing,
    )


class _Tally(NamedTuple):
    """Rows and their amount in units of 1/10000: whole numbers, which are exact and quick to add up."""

    rows: int
    units: int

    @property
    def amount(self) -> Decimal:
        return units_to_money(self.units)

    def plus(self, rows: int, units: int) -> _Tally:
        return _Tally(self.rows + rows, self.units + units)

    @property
    def average(self) -> Decimal | None:
        return (self.amount / self.rows).quantize(_PLACES, ROUND_HALF_UP) if self.rows else None


_NOTHING = _Tally(0, 0)


def _units(column: Column[Any]) -> ColumnElement[int]:
    return func.sum(type_coerce(column, BigInteger))


def _in_scope(table: Table, scope: Scope | None) -> list[ColumnElement[bool]]:
    return [] if scope is None else [in_scope(table, table.c.store_id, scope)]


class _Run(NamedTuple):
    """The days of the period in some store views; those of none that is known are of the earliest run."""

    first: date
    final: date
    views: frozenset[tuple[int, int]]

    @property
    def length(self) -> int:
        return (self.final - self.first).days + 1

    @property
    def before(self) -> date:
        """The first day of the period as long before."""
        return self.first - self.length * _DAY if (self.first - date.min).days > self.length else date.min


def _runs(
    connection: Connection, period: Period, names: Directory, scope: Scope | None, today: Today
) -> tuple[_Run, ...]:
    """The days of the period, the earliest run first; a period that has days of its own has one run for all."""
    days = own_days(period, names, scope, today)
    if period.preset is None:
        first, final, _ = days[0]
        latest = own_days(Period(preset="today"), names, scope, today)[-1].final or today.utc
        final = final or max(latest, first or latest)
        if first is None:
            earliest = select(func.min(order_day_total.c.local_day)).where(*_in_scope(order_day_total, scope))
            first = min(connection.scalar(earliest) or final, final)
        return (_Run(first, final, frozenset()),)
    return tuple(_Run(*span(each[:2]), each.views) for each in days)


def _currencies(connection: Connection, scope: Scope | None, open_carts: Mapping[str, _Tally]) -> tuple[str, ...]:
    """Currencies of all orders there are, most orders first, then those that only open carts have."""
    query = select(order_status_total.c.base_currency, func.sum(order_status_total.c.orders)).where(
        *_in_scope(order_status_total, scope)
    )
    orders: dict[str, int] = dict.fromkeys(open_carts, 0)
    for currency, number in connection.execute(query.group_by(order_status_total.c.base_currency)):
        orders[currency] = int(number)
    return tuple(sorted(orders, key=lambda currency: (-orders[currency], currency)))


def _of_period(
    day: Column[date], scope: Scope | None, currency: str, first: date, final: date
) -> list[ColumnElement[bool]]:
    table = day.table
    return [day.between(first, final), table.c.base_currency == currency, *_in_scope(table, scope)]


def _sales(table: Table) -> list[ColumnElement[int]]:
    return [func.sum(table.c.orders), _units(table.c.base_grand_total), _units(table.c.base_total_refunded)]


def _sold_by_day(
    connection: Connection, scope: Scope | None, currency: str, runs: Sequence[_Run]
) -> tuple[dict[date, _Tally], dict[date, _Tally]]:
    """What was sold on each day of the period, and of the period before."""
    table, day = order_day_total.c, order_day_total.c.local_day
    earliest, latest = runs[0], runs[-1]
    now: dict[date, _Tally] = {}
    then: dict[date, _Tally] = {}
    # The few days at the beginnings that are in some stores' period only are asked for by store.
    edges: set[date] = set()
    if len(runs) > 1:
        edges = {*_days(earliest.before, latest.before - _DAY), *_days(earliest.first, latest.first - _DAY)}
    conditions = _of_period(day, scope, currency, earliest.before, latest.final)
    conditions.append(table.state != CANCELLED_STATE)
    sales = _sales(order_day_total)
    for each, *sold in connection.execute(select(day, *sales).where(*conditions).group_by(day)):
        if each not in edges:
            (now if each >= latest.first else then)[each] = _sold(*sold)
    if edges:
        run_of = {view: run for run in runs for view in run.views}
        by = (day, table.shop_id, table.store_id)
        by_store = select(*by, *sales).where(*conditions, day.in_(sorted(edges))).group_by(*by)
        for each, shop_id, store_id, *sold in connection.execute(by_store):
            run = run_of.get((shop_id, store_id), earliest)
            if each >= run.before:
                days = now if each >= run.first else then
                days[each] = days.get(each, _NOTHING).plus(*_sold(*sold))
    return now, then


def _sold(orders: int, total: int, refunded: int) -> _Tally:
    return _Tally(int(orders), int(total) - int(refunded))


class _Orders(NamedTuple):
    """Some orders of one store view and status in the period; amounts in units of 1/10000."""

    shop_id: int
    store_id: int
    status: str
    state: str
    orders: int
    total: int
    refunded: int


def _orders_of(connection: Connection, scope: Scope | None, currency: str, runs: Sequence[_Run]) -> list[_Orders]:
    """All orders of the period: of its whole months by month, of the rest by day."""
    first, final = runs[-1].first, runs[-1].final
    day, month = order_day_total.c.local_day, order_month_total.c.local_month
    parts = [(day, first, final)]
    if months := whole_months(first, final):
        begin, end = months
        parts = [(month, begin, end)]
        if first < begin:
            parts.append((day, first, begin - _DAY))
        if end < final:
            parts.append((day, end + _DAY, final))
    if runs[0].first < first:  # days that are in some stores' period only
        parts.append((day, runs[0].first, first - _DAY))
    days = [OwnDays(*run) for run in runs]
    found = []
    for column, since, until in parts:
        table = column.table.c
        by = (table.shop_id, table.store_id, table.status, table.state)
        query = select(*by, *_sales(column.table)).where(*_of_period(column, scope, currency, since, until))
        if since < first:
            query = query.where(*in_own_days(column, days))
        found += [_Orders(*row[:4], *map(int, row[4:])) for row in connection.execute(query.group_by(*by))]
    return found


def _by_status(found: Sequence[_Orders]) -> tuple[StatusFigure, ...]:
    """By status; where a shop gives one status to several states, the state of most of its orders sets the style."""
    tallies: dict[str, _Tally] = {}
    states: dict[str, dict[str, int]] = {}
    for each in found:
        tallies[each.status] = tallies.get(each.status, _NOTHING).plus(each.orders, each.total)
        of_status = states.setdefault(each.status, {})
        of_status[each.state] = of_status.get(each.state, 0) + each.orders
    figures = []
    for status, tally in tallies.items():
        _, state = max((orders, state) for state, orders in states[status].items())
        figures.append(StatusFigure(status, state, order_status_style(state, status), tally.rows, tally.amount))
    return tuple(sorted(figures, key=lambda each: (order_status_rank(each.state), each.status)))


def _by_store(found: Sequence[_Orders], names: Directory) -> tuple[StoreFigure, ...]:
    tallies: dict[tuple[int, int], _Tally] = {}
    for each in found:
        if each.state != CANCELLED_STATE:
            view = (each.shop_id, each.store_id)
            tallies[view] = tallies.get(view, _NOTHING).plus(each.orders, each.total - each.refunded)
    figures = [
        StoreFigure(
            key=record_key(*view),
            channel=names.channel_name(*view),
            store_view=names.store_name(*view),
            orders=tally.rows,
            revenue=tally.amount,
        )
        for view, tally in tallies.items()
    ]
    return tuple(sorted(figures, key=lambda each: (-each.revenue, each.channel, each.store_view)))


def _open_carts(connection: Connection, scope: Scope | None) -> dict[str, _Tally]:
    """Carts with items that are open now, by currency."""
    query = select(
        cart_status_total.c.base_currency,
        func.sum(cart_status_total.c.carts),
        _units(cart_status_total.c.base_subtotal),
    ).where(cart_status_total.c.status == "open", cart_status_total.c.is_filled, *_in_scope(cart_status_total, scope))
    rows = connection.execute(query.group_by(cart_status_total.c.base_currency))
    return {currency: _Tally(int(carts), int(units)) for currency, carts, units in rows}


def _carts_of(scope: Scope | None, currency: str, first: date, final: date) -> list[ColumnElement[bool]]:
    return [
        cart_day_total.c.updated_day.between(first, final),
        cart_day_total.c.base_currency == currency,
        *_in_scope(cart_day_total, scope),
    ]


_CARTS = (func.sum(cart_day_total.c.carts), _units(cart_day_total.c.base_subtotal))


def _open_carts_by_day(connection: Connection, in_period: list[ColumnElement[bool]]) -> dict[date, _Tally]:
    day = cart_day_total.c.updated_day
    query = select(day, *_CARTS).where(*in_period, cart_day_total.c.status == "open").group_by(day)
    return {day: _Tally(int(carts), int(units)) for day, carts, units in connection.execute(query)}


def _carts_by_status(connection: Connection, in_period: list[ColumnElement[bool]]) -> tuple[StatusFigure, ...]:
    query = select(cart_day_total.c.status, *_CARTS).where(*in_period).group_by(cart_day_total.c.status)
    found = {status: _Tally(int(carts), int(units)) for status, carts, units in connection.execute(query)}
    return tuple(
        StatusFigure(status, "", cart_status_style(status), tally.rows, tally.amount)
        for status, tally in ((each, found.get(each, _NOTHING)) for each in sorted(CART_STATUSES, key=cart_status_rank))
    )


def _days(first: date, final: date) -> list[date]:
    return [first + number * _DAY for number in range((final - first).days + 1)]


def _total(days: Sequence[_Tally]) -> _Tally:
    return _Tally(sum(each.rows for each in days), sum(each.units for each in days))
