"""The dashboard's figures, all from the rollups: what was sold, beside the period before, and what lies in carts.

Revenue is the grand total of orders that are neither cancelled nor gone from the shop, less what was refunded; "orders"
counts the same orders, and the average is revenue by orders. Every figure is of one base currency: currencies are never
added up. A day is the store's own day for orders and UTC's for carts, which count by their last update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, false, func, or_, select

from crm_core.insight.directory import Directory, Scope
from crm_core.insight.freshness import freshness
from crm_core.insight.periods import Period
from crm_core.insight.related import CANCELLED_STATE
from crm_core.insight.statuses import (
    StatusStyle,
    cart_status_rank,
    cart_status_style,
    order_status_rank,
    order_status_style,
)
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.tables import CART_STATUSES, cart_day_total, cart_status_total, order_day_total

_NOTHING = Decimal(0)
_UNITS = Decimal("0.0001")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Figure:
    """A figure of the period, of the period before (None: not known), and by day; None where nothing can be divided."""

    value: Decimal | None
    previous: Decimal | None
    by_day: tuple[Decimal | None, ...]

    @property
    def change(self) -> Decimal | None:
        """The change against the period before as a share of it, 0.124 for +12.4 %; None if there is none."""
        if self.value is None or not self.previous:
            return None
        return ((self.value - self.previous) / self.previous).quantize(_UNITS, ROUND_HALF_UP)


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
    """The figures of a period, `first` to `final` and, beside it, the period as long before it.

    All amounts are in `currency`; `currencies` are all that the channels in scope have figures in, the one with the
    most orders in the period first. `days` and the figures by day belong together; `previous_revenue_by_day` is of as
    many days before. `open_carts` counts carts with items that are open now; by day: of those, the ones
    last updated that day. `as_of` and `importing` are those of crm_core.insight.freshness.
    """

    currency: str
    currencies: tuple[str, ...]
    first: date
    final: date
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


def dashboard(store: Store, period: Period, channel_id: int | None, currency: str | None, today: date) -> Dashboard:
    """The figures of one channel, or of all, in one currency: the given one, or else the one with the most orders.

    A period that is open at one end begins with the first order there is, or ends today.
    """
    with store.reading() as connection:
        names = Directory.read(connection)
        scope = names.scope(() if channel_id is None else (channel_id,), ())
        first, final = _bounds(connection, period, scope, today)
        currencies = _currencies(connection, scope, first, final)
        currency = currency or (currencies[0] if currencies else "")
        length = (final - first).days + 1
        before = first - length * _DAY if (first - date.min).days > length else date.min
        days = _orders_by_day(connection, scope, currency, before, final)
        now = tuple(first + number * _DAY for number in range(length))
        then = tuple(before + number * _DAY for number in range((first - before).days))
        revenue, orders = [days.get(day, _NO_SALES)[1] for day in now], [days.get(day, _NO_SALES)[0] for day in now]
        old_revenue, old_orders = (
            [days.get(day, _NO_SALES)[1] for day in then],
            [days.get(day, _NO_SALES)[0] for day in then],
        )
        open_now = _open_carts(connection, scope, currency)
        cart_days = _carts_by_day(connection, scope, currency, first, final)
        fresh = freshness(connection, ("orders", "carts"), names, () if channel_id is None else (channel_id,))
        return Dashboard(
            currency=currency,
            currencies=tuple(currencies),
            first=first,
            final=final,
            previous_first=before,
            previous_final=first - _DAY if first > date.min else first,
            days=now,
            revenue=Figure(sum(revenue, _NOTHING), sum(old_revenue, _NOTHING), tuple(revenue)),
            orders=Figure(Decimal(sum(orders)), Decimal(sum(old_orders)), tuple(map(Decimal, orders))),
            average_order=Figure(
                _average(sum(revenue, _NOTHING), sum(orders)),
                _average(sum(old_revenue, _NOTHING), sum(old_orders)),
                tuple(_average(amount, number) for amount, number in zip(revenue, orders, strict=True)),
            ),
            open_carts=Figure(
                Decimal(open_now[0]),
                None,
                tuple(Decimal(cart_days.get((day, "open"), (0, _NOTHING))[0]) for day in now),
            ),
            open_carts_value=Figure(
                open_now[1], None, tuple(cart_days.get((day, "open"), (0, _NOTHING))[1] for day in now)
            ),
            previous_revenue_by_day=tuple(old_revenue),
            previous_orders_by_day=tuple(old_orders),
            orders_by_status=_orders_by_status(connection, scope, currency, first, final),
            carts_by_status=_carts_by_status(cart_days),
            revenue_by_store=_revenue_by_store(connection, scope, currency, first, final, names),
            as_of=fresh.as_of,
            importing=fresh.importing,
        )


_NO_SALES = (0, _NOTHING)
_sold = order_day_total.c.state != CANCELLED_STATE


def _in_scope(table: Table, scope: Scope | None) -> list[ColumnElement[bool]]:
    if scope is None:
        return []
    parts = [
        and_(table.c.shop_id == shop_id, table.c.store_id == store_id) for shop_id, store_id in sorted(scope.views)
    ]
    if scope.shops:
        parts.append(table.c.shop_id.in_(sorted(scope.shops)))
    return [or_(*parts) if parts else false()]


def _bounds(connection: Connection, period: Period, scope: Scope | None, today: date) -> tuple[date, date]:
    first, final = period.days(today)
    final = final or max(today, first or today)
    if first is None:
        first = connection.scalar(
            select(func.min(order_day_total.c.local_day)).where(*_in_scope(order_day_total, scope))
        )
        first = min(first or final, final)
    return first, final


def _currencies(connection: Connection, scope: Scope | None, first: date, final: date) -> list[str]:
    """Currencies of the period's orders, most orders first, then those that only carts or earlier orders have."""
    of_orders = connection.execute(
        select(order_day_total.c.base_currency, func.sum(order_day_total.c.orders).label("rows"))
        .where(order_day_total.c.local_day.between(first, final), *_in_scope(order_day_total, scope))
        .group_by(order_day_total.c.base_currency)
    )
    found = [row.base_currency for row in sorted(of_orders, key=lambda row: (-row.rows, row.base_currency))]
    of_carts = connection.scalars(
        select(cart_status_total.c.base_currency).where(*_in_scope(cart_status_total, scope)).distinct()
    )
    return found + sorted(set(of_carts) - set(found))


def _orders_by_day(
    connection: Connection, scope: Scope | None, currency: str, first: date, final: date
) -> dict[date, tuple[int, Decimal]]:
    rows = connection.execute(
        select(order_day_total.c.local_day, *_sales)
        .where(*_of_period(scope, currency, first, final), _sold)
        .group_by(order_day_total.c.local_day)
    )
    return {row.local_day: (int(row.orders), row.total - row.refunded) for row in rows}


_sales = (
    func.sum(order_day_total.c.orders).label("orders"),
    func.sum(order_day_total.c.base_grand_total).label("total"),
    func.sum(order_day_total.c.base_total_refunded).label("refunded"),
)


def _of_period(scope: Scope | None, currency: str, first: date, final: date) -> list[ColumnElement[bool]]:
    return [
        order_day_total.c.local_day.between(first, final),
        order_day_total.c.base_currency == currency,
        *_in_scope(order_day_total, scope),
    ]


def _orders_by_status(
    connection: Connection, scope: Scope | None, currency: str, first: date, final: date
) -> tuple[StatusFigure, ...]:
    """By status; where a shop gives one status to several states, the state of most of its orders sets the style."""
    rows = connection.execute(
        select(order_day_total.c.status, order_day_total.c.state, *_sales)
        .where(*_of_period(scope, currency, first, final))
        .group_by(order_day_total.c.status, order_day_total.c.state)
    ).all()
    by_status: dict[str, list[Any]] = {}
    for row in rows:
        by_status.setdefault(row.status, []).append(row)
    found = []
    for status, parts in by_status.items():
        state = max(parts, key=lambda row: (row.orders, row.state)).state
        number, amount = int(sum(row.orders for row in parts)), sum((row.total for row in parts), _NOTHING)
        found.append(StatusFigure(status, state, order_status_style(state, status), number, amount))
    return tuple(sorted(found, key=lambda each: (order_status_rank(each.state), each.status)))


def _revenue_by_store(
    connection: Connection, scope: Scope | None, currency: str, first: date, final: date, names: Directory
) -> tuple[StoreFigure, ...]:
    rows = connection.execute(
        select(order_day_total.c.shop_id, order_day_total.c.store_id, *_sales)
        .where(*_of_period(scope, currency, first, final), _sold)
        .group_by(order_day_total.c.shop_id, order_day_total.c.store_id)
    )
    found = [
        StoreFigure(
            key=record_key(row.shop_id, row.store_id),
            channel=names.channel_name(row.shop_id, row.store_id),
            store_view=names.store_name(row.shop_id, row.store_id),
            orders=int(row.orders),
            revenue=row.total - row.refunded,
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda each: (-each.revenue, each.channel, each.store_view)))


def _open_carts(connection: Connection, scope: Scope | None, currency: str) -> tuple[int, Decimal]:
    row = connection.execute(
        select(
            func.sum(cart_status_total.c.carts).label("carts"),
            func.sum(cart_status_total.c.base_subtotal).label("amount"),
        ).where(
            cart_status_total.c.status == "open",
            cart_status_total.c.is_filled,
            cart_status_total.c.base_currency == currency,
            *_in_scope(cart_status_total, scope),
        )
    ).one()
    return int(row.carts or 0), row.amount or _NOTHING


def _carts_by_day(
    connection: Connection, scope: Scope | None, currency: str, first: date, final: date
) -> dict[tuple[date, str], tuple[int, Decimal]]:
    rows = connection.execute(
        select(
            cart_day_total.c.updated_day,
            cart_day_total.c.status,
            func.sum(cart_day_total.c.carts).label("carts"),
            func.sum(cart_day_total.c.base_subtotal).label("amount"),
        )
        .where(
            cart_day_total.c.updated_day.between(first, final),
            cart_day_total.c.base_currency == currency,
            *_in_scope(cart_day_total, scope),
        )
        .group_by(cart_day_total.c.updated_day, cart_day_total.c.status)
    )
    return {(row.updated_day, row.status): (int(row.carts), row.amount) for row in rows}


def _carts_by_status(days: Mapping[tuple[date, str], tuple[int, Decimal]]) -> tuple[StatusFigure, ...]:
    found = []
    for status in sorted(CART_STATUSES, key=cart_status_rank):
        parts: Sequence[tuple[int, Decimal]] = [part for (_, own), part in days.items() if own == status]
        amount = sum((each for _, each in parts), _NOTHING)
        found.append(StatusFigure(status, "", cart_status_style(status), sum(rows for rows, _ in parts), amount))
    return tuple(found)


def _average(amount: Decimal, number: int) -> Decimal | None:
    return (amount / number).quantize(_UNITS, ROUND_HALF_UP) if number else None
