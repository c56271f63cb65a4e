"""Pages of carts, orders and customers: 50 rows, and how many match.

A page near either end, or next to the one on screen, costs the same whatever the size of the store: ids come from an
index alone and only the rows of the page are read. The rows of a page are of one snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, select

from crm_core.insight.counts import (
    Count,
    Sum,
    rollup_cells,
    tally_of,
    total_rows,
)
from crm_core.insight.customers import CustomerRow, read_customers
from crm_core.insight.directory import Directory, directory
from crm_core.insight.filters import Filter
from crm_core.insight.finding import PAGE_ROWS, PAGE_SECONDS, Edges, count_and_find, find, pages_of
from crm_core.insight.freshness import channels_of, freshness
from crm_core.insight.names import full_name
from crm_core.insight.periods import Today
from crm_core.insight.sorting import Sort
from crm_core.insight.subtotals import told_subtotal
from crm_core.store.database import Store
from crm_core.store.tables import cart, order


@dataclass(frozen=True)
class CartRow:
    """A cart in the grid; `grand_total` is in `quote_currency`, as read at `totals_read_at`.

    It is None if it was never read or the cart has changed since.
    """

    key: int
    origin_id: int
    channel: str
    website: str
    store_view: str
    status: str
    firstname: str | None
    lastname: str | None
    email: str | None
    items_qty: Decimal
    base_subtotal: Decimal
    base_currency: str
    grand_total: Decimal | None
    quote_currency: str
    totals_read_at: datetime | None
    created_at: datetime
    updated_at: datetime
    last_activity_at: datetime
    billing_country: str | None
    billing_region: str | None
    is_guest: bool
    unavailable_count: int

    @property
    def name(self) -> str:
        """First and last name; empty for a nameless guest."""
        return full_name(self.firstname, self.lastname)

    @property
    def told_subtotal(self) -> Decimal | None:
        """The subtotal in the base currency; None where the shop never told the lines."""
        return told_subtotal(self.status, self.items_qty, self.base_subtotal)


@dataclass(frozen=True)
class OrderRow:
    """An order in the grid; amounts without `base_` are in `order_currency`, those with it in `base_currency`.

    The grid sorts and filters by the base amounts.
    """

    key: int
    origin_id: int
    channel: str
    website: str
    store_view: str
    increment_id: str
    status: str
    state: str
    firstname: str | None
    lastname: str | None
    email: str | None
    created_at: datetime
    updated_at: datetime
    total_paid: Decimal | None
    grand_total: Decimal
    subtotal: Decimal
    order_currency: str
    base_total_paid: Decimal | None
    base_grand_total: Decimal
    base_subtotal: Decimal | None
    base_currency: str
    billing_country: str | None
    billing_region: str | None
    is_guest: bool

    @property
    def name(self) -> str:
        """First and last name; empty for a nameless guest."""
        return full_name(self.firstname, self.lastname)


GridRow = TypeVar("GridRow", CartRow, OrderRow, CustomerRow)


@dataclass(frozen=True)
class Page(Generic[GridRow]):
    """A page of a grid.

    `matching` of `total` rows match; `pages` is how many can be opened, at most 200 where the count is not exact.
    `page` is the number of this one, from 1. `sums` are per currency, empty where they would be dear. `as_of` and
    `importing` are those of crm_core.insight.freshness. `wanted`, `sort` and `edges` (what the first and the last row
    are sorted by) let the page beside it be found.
    """

    rows: tuple[GridRow, ...]
    matching: Count
    total: int
    page: int
    pages: int
    sums: tuple[Sum, ...]
    as_of: datetime | None
    importing: tuple[str, ...]
    wanted: Filter
    sort: Sort
    edges: tuple[tuple[Any, ...], tuple[Any, ...]] | None

    @property
    def first_number(self) -> int:
        """The number of the first row among all that match, from 1; 0 on an empty page."""
        return (self.page - 1) * PAGE_ROWS + 1 if self.rows else 0

    @property
    def last_number(self) -> int:
        """The number of the last row."""
        return (self.page - 1) * PAGE_ROWS + len(self.rows)


def cart_page(
    store: Store,
    wanted: Filter,
    sort: Sort,
    page: int = 1,
    *,
    near: Page[CartRow] | None = None,
    today: Today | None = None,
    names: Directory | None = None,
) -> Page[CartRow]:
    """A page of carts; a number outside the pages there are gives the nearest one.

    `near` is the page on screen before: from there the next and the previous one are found without counting rows off.
    `today` is what the filter's presets count back from, now if None. `names` spares reading them again.
    Raises TooSlow.
    """
    return _page(store, wanted, sort, page, near, today, names, _read_carts)


def order_page(
    store: Store,
    wanted: Filter,
    sort: Sort,
    page: int = 1,
    *,
    near: Page[OrderRow] | None = None,
    today: Today | None = None,
    names: Directory | None = None,
) -> Page[OrderRow]:
    """A page of orders; everything else as for cart_page."""
    return _page(store, wanted, sort, page, near, today, names, _read_orders)


def customer_page(
    store: Store,
    wanted: Filter,
    sort: Sort,
    page: int = 1,
    *,
    near: Page[CustomerRow] | None = None,
    today: Today | None = None,
    names: Directory | None = None,
) -> Page[CustomerRow]:
    """A page of customers; everything else as for cart_page."""
    return _page(store, wanted, sort, page, near, today, names, read_customers)


def _page(
    store: Store,
    wanted: Filter,
    sort: Sort,
    page: int,
    near: Page[GridRow] | None,
    today: Today | None,
    names: Directory | None,
    read: Callable[[Connection, Sequence[int], Directory], list[GridRow]],
) -> Page[GridRow]:
    today = today or Today.now()
    names = names or directory(store)
    page = max(1, page)
    beside: Edges | None = None
    if near and near.edges and abs(near.page - page) == 1 and (near.wanted, near.sort) == (wanted, sort):
        beside = (near.page, near.edges[0], near.edges[1])
    what = ("page", wanted, sort, page, beside, today, names)
    return store.kept(what, lambda: _read_page(store, wanted, sort, page, beside, today, names, read))


def _read_page(
    store: Store,
    wanted: Filter,
    sort: Sort,
    page: int,
    beside: Edges | None,
    today: Today,
    names: Directory,
    read: Callable[[Connection, Sequence[int], Directory], list[GridRow]],
) -> Page[GridRow]:
    with store.reading(PAGE_SECONDS) as connection:
        fresh = freshness(connection, (wanted.screen,), names, channels_of(wanted, names))
        total = total_rows(connection, wanted)
        cells = rollup_cells(connection, wanted, names, today)
        found: list[tuple[Any, ...]] | None = None
        if cells is None:
            counted, page, found = count_and_find(connection, wanted, sort, page, names, today)
        else:
            counted = tally_of(cells)
        page = min(page, pages_of(counted.matching))
        if found is None:
            found = find(connection, wanted, sort, page, beside, counted.matching, names, today)
        rows = read(connection, [row[-1] for row in found], names)
    return Page(
        rows=tuple(rows),
        matching=counted.matching,
        total=total,
        page=page,
        pages=pages_of(counted.matching),
        sums=counted.sums,
        as_of=fresh.as_of,
        importing=fresh.importing,
        wanted=wanted,
        sort=sort,
        edges=(found[0], found[-1]) if found else None,
    )


_CART_SHOWN = (  # as the fields of CartRow after store_view
    cart.c.status,
    cart.c.firstname,
    cart.c.lastname,
    cart.c.email,
    cart.c.items_qty,
    cart.c.base_subtotal,
    cart.c.base_currency,
    cart.c.grand_total,
    cart.c.quote_currency,
    cart.c.totals_read_at,
    cart.c.created_at,
    cart.c.updated_at,
    cart.c.last_activity_at,
    cart.c.billing_country,
    cart.c.billing_region,
    cart.c.is_guest,
    cart.c.unavailable_count,
)
_ORDER_SHOWN = (  # as the fields of OrderRow after store_view
    order.c.increment_id,
    order.c.status,
    order.c.state,
    order.c.firstname,
    order.c.lastname,
    order.c.email,
    order.c.created_at,
    order.c.updated_at,
    order.c.total_paid,
    order.c.grand_total,
    order.c.subtotal,
    order.c.order_currency,
    order.c.base_total_paid,
    order.c.base_grand_total,
    order.c.base_subtotal,
    order.c.base_currency,
    order.c.billing_country,
    order.c.billing_region,
    order.c.is_guest,
)


def _read_carts(connection: Connection, keys: Sequence[int], names: Directory) -> list[CartRow]:
    return _read_rows(connection, cart, _CART_SHOWN, CartRow, keys, names)


def _read_orders(connection: Connection, keys: Sequence[int], names: Directory) -> list[OrderRow]:
    return _read_rows(connection, order, _ORDER_SHOWN, OrderRow, keys, names)


def _read_rows(
    connection: Connection,
    table: Table,
    shown: Sequence[ColumnElement[Any]],
    make: Callable[..., GridRow],
    keys: Sequence[int],
    names: Directory,
) -> list[GridRow]:
    """The rows of `keys` in their order; made by position, which costs a third of making them by name."""
    query = select(table.c.id, table.c.origin_id, table.c.shop_id, table.c.store_id, *shown)
    rows = {
        key: make(
            key,
            origin_id,
            names.channel_name(shop_id, store_id),
            names.website_name(shop_id, store_id),
            names.store_name(shop_id, store_id),
            *rest,
        )
        for key, origin_id, shop_id, store_id, *rest in connection.execute(query.where(table.c.id.in_(keys)))
    }
    return [rows[key] for key in keys if key in rows]
