"""Pages of carts and orders: 50 rows of the shown columns, how many match, and the way from one row to the next.

A page near either end, or next to the one on screen, costs the same whatever the size of the store: ids come from an
index alone and only the rows of the page are read. The rows of a page are of one snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Subquery, case, func, literal, select, tuple_

from crm_core.errors import NotFound, TooSlow
from crm_core.insight.counts import (
    LIMIT,
    Count,
    Sum,
    Tally,
    currencies_of,
    has_rare_status,
    rollup_cells,
    sorted_sums,
    tally_of,
    total_rows,
)
from crm_core.insight.directory import Directory
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.freshness import channels_of, freshness
from crm_core.insight.names import full_name
from crm_core.insight.sorting import Sort, is_walkable, sort_keys
from crm_core.insight.where import ROWS, unindexed, where
from crm_core.store.database import Store
from crm_core.store.tables import cart, order

PAGE_ROWS = 50

PAGE_SECONDS = 5.0
"""Time after which a page is given up with TooSlow."""


@dataclass(frozen=True)
class CartRow:
    """A cart in the grid; `grand_total` is in `quote_currency`, as read at `totals_read_at`, None if never."""

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


@dataclass(frozen=True)
class OrderRow:
    """An order in the grid; amounts without `base_` are in `order_currency`, those with it in `base_currency`.

    The grid sorts and filters by the base amounts.
    """

    key: int
    origin_id: int
    increment_id: str
    channel: str
    website: str
    store_view: str
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


GridRow = TypeVar("GridRow", CartRow, OrderRow)


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


@dataclass(frozen=True)
class Neighbours:
    """The records before and after one in a filtered and sorted list, by key; None at the ends.

    `position` is its number in the list, from 1; None if the record is not in it, or is further down than is counted.
    """

    position: int | None
    of: Count
    previous: int | None
    next: int | None


def cart_page(
    store: Store,
    wanted: Filter,
    sort: Sort,
    page: int = 1,
    *,
    near: Page[CartRow] | None = None,
    today: date | None = None,
) -> Page[CartRow]:
    """A page of carts; a number outside the pages there are gives the nearest one.

    `near` is the page on screen before: from there the next and the previous one are found without counting rows off.
    `today` is the day that the filter's presets count back from, UTC's if None. Raises TooSlow.
    """
    return _page(store, wanted, sort, page, near, today, _read_carts)


def order_page(
    store: Store,
    wanted: Filter,
    sort: Sort,
    page: int = 1,
    *,
    near: Page[OrderRow] | None = None,
    today: date | None = None,
) -> Page[OrderRow]:
    """A page of orders; everything else as for cart_page."""
    return _page(store, wanted, sort, page, near, today, _read_orders)


def neighbours(store: Store, wanted: Filter, sort: Sort, key: int, *, today: date | None = None) -> Neighbours:
    """What stands before and after the record in the list; the ways on are given too if it has left the list itself.

    Raises NotFound for an unknown key.
    """
    today = today or datetime.now(UTC).date()
    table = ROWS[wanted.screen].table
    with store.reading() as connection:
        names = Directory.read(connection)
        keys = sort_keys(wanted.screen, sort, names)
        own = connection.execute(select(*keys).where(table.c.id == key)).one_or_none()
    if own is None:
        raise NotFound(f"There is no such record in {wanted.screen}. Go back to the list.")
    try:
        with store.reading(PAGE_SECONDS) as connection:
            cells = rollup_cells(connection, wanted, names, today)
            if cells is not None:
                counted = tally_of(cells).matching
            else:
                matches = _whole_list(connection, wanted, sort, names, today)
                counted = Count(LIMIT, exact=False) if matches is None else Count(len(matches))
                if matches is not None and key in matches:
                    place = matches.index(key)
                    return Neighbours(
                        position=place + 1,
                        of=counted,
                        previous=matches[place - 1] if place else None,
                        next=matches[place + 1] if place + 1 < len(matches) else None,
                    )
            return _around(connection, wanted, sort, tuple(own), counted, names, today)
    except TooSlow:
        return Neighbours(None, Count(None, exact=False), None, None)


def _around(
    connection: Connection,
    wanted: Filter,
    sort: Sort,
    own: tuple[Any, ...],
    counted: Count,
    names: Directory,
    today: date,
) -> Neighbours:
    table = ROWS[wanted.screen].table
    keys = sort_keys(wanted.screen, sort, names)
    walk, conditions = _plan(connection, wanted, sort, counted, names, today)
    ordered = keys if walk else (unindexed(connection, keys[0]), *keys[1:])
    previous, following = (
        connection.scalar(
            select(table.c.id)
            .where(*conditions, _beyond(keys, own, descending=descending))
            .order_by(*(each.desc() if descending else each.asc() for each in ordered))
            .limit(1)
        )
        for descending in (not sort.descending, sort.descending)
    )
    position = _position(connection, table.c.id, conditions, keys, own, sort)
    return Neighbours(position, counted, previous, following)


def _whole_list(
    connection: Connection, wanted: Filter, sort: Sort, names: Directory, today: date
) -> Sequence[int] | None:
    """The keys of all rows that match, in order, found in one go; None if they are more than LIMIT."""
    some, own = _some(connection, wanted, sort, names, today)
    found = connection.scalars(
        select(own[-1]).select_from(some).order_by(*(key.desc() if sort.descending else key.asc() for key in own))
    ).all()
    return None if len(found) > LIMIT else found


def _page(
    store: Store,
    wanted: Filter,
    sort: Sort,
    page: int,
    near: Page[GridRow] | None,
    today: date | None,
    read: Callable[[Connection, Sequence[int], Directory], list[GridRow]],
) -> Page[GridRow]:
    today = today or datetime.now(UTC).date()
    page = max(1, page)
    beside = near if near and (near.wanted, near.sort) == (wanted, sort) else None
    with store.reading(PAGE_SECONDS) as connection:
        names = Directory.read(connection)
        fresh = freshness(connection, (wanted.screen,), names, channels_of(wanted, names))
        total = total_rows(connection, wanted)
        cells = rollup_cells(connection, wanted, names, today)
        found: list[tuple[Any, ...]] | None = None
        if cells is None:
            counted, page, found = _count_and_find(connection, wanted, sort, page, names, today)
        else:
            counted = tally_of(cells)
        page = min(page, _pages(counted.matching))
        if found is None:
            found = _find(connection, wanted, sort, page, beside, counted.matching, names, today)
        rows = read(connection, [row[-1] for row in found], names)
    return Page(
        rows=tuple(rows),
        matching=counted.matching,
        total=total,
        page=page,
        pages=_pages(counted.matching),
        sums=counted.sums,
        as_of=fresh.as_of,
        importing=fresh.importing,
        wanted=wanted,
        sort=sort,
        edges=(found[0], found[-1]) if found else None,
    )


def _pages(matching: Count) -> int:
    return max(1, -(-(matching.value or 0) // PAGE_ROWS))


def _count_and_find(
    connection: Connection, wanted: Filter, sort: Sort, page: int, names: Directory, today: date
) -> tuple[Tally, int, list[tuple[Any, ...]] | None]:
    """The count, the sums, the page number there is, and its rows: in one go, since finding them is what takes long.

    Beyond LIMIT rows the page is not found yet: what was looked at are any rows, not the first ones of the sort.
    """
    some, own = _some(connection, wanted, sort, names, today)
    currencies = currencies_of(connection, wanted.screen)
    sums = [
        func.sum(case((some.c.base_currency == currency, some.c.amount))).over().label(f"sum{number}")
        for number, currency in enumerate(currencies)
    ]
    query = (
        select(func.count().over().label("rows"), *sums, *own)
        .order_by(*(key.desc() if sort.descending else key.asc() for key in own))
        .limit(PAGE_ROWS)
    )
    found = connection.execute(query.offset((page - 1) * PAGE_ROWS)).all()
    if not found and page > 1:
        page, found = 1, connection.execute(query).all()
        if found:
            page = _pages(Count(min(found[0].rows, LIMIT)))
            found = connection.execute(query.offset((page - 1) * PAGE_ROWS)).all()
    if not found:
        return Tally(Count(0), ()), 1, []
    if found[0].rows > LIMIT:
        return Tally(Count(LIMIT, exact=False), ()), page, None
    amounts = dict(zip(currencies, found[0][1 : 1 + len(currencies)], strict=True))
    counted = Tally(
        Count(found[0].rows),
        sorted_sums({currency: amount for currency, amount in amounts.items() if amount is not None}),
    )
    return counted, page, [tuple(row[1 + len(currencies) :]) for row in found]


def _some(
    connection: Connection, wanted: Filter, sort: Sort, names: Directory, today: date
) -> tuple[Subquery, list[ColumnElement[Any]]]:
    """Any LIMIT + 1 of the rows that match, with currency and amount, and what they are sorted by."""
    rows = ROWS[wanted.screen]
    conditions = where(connection, wanted, names, today, status_by_index=has_rare_status(connection, wanted))
    shown = [key.label(f"key{number}") for number, key in enumerate(sort_keys(wanted.screen, sort, names))]
    query = select(*shown, rows.table.c.base_currency, rows.amount.label("amount")).where(*conditions)
    some = query.limit(LIMIT + 1).subquery()
    return some, [some.c[key.name] for key in shown]


def _find(
    connection: Connection,
    wanted: Filter,
    sort: Sort,
    page: int,
    near: Page[Any] | None,
    matching: Count,
    names: Directory,
    today: date,
) -> list[tuple[Any, ...]]:
    """What the page's rows are sorted by, in their order; the last part is the record key."""
    keys = sort_keys(wanted.screen, sort, names)
    walk, conditions = _plan(connection, wanted, sort, matching, names, today)
    offset, limit, backwards = (page - 1) * PAGE_ROWS, PAGE_ROWS, False
    if near and near.edges and page == near.page + 1 and walk:
        conditions = [*conditions, _beyond(keys, near.edges[1], descending=sort.descending)]
        offset = 0
    elif near and near.edges and page == near.page - 1 and page > 1 and walk:
        conditions = [*conditions, _beyond(keys, near.edges[0], descending=not sort.descending)]
        offset, backwards = 0, True
    elif matching.exact and matching.value is not None and 2 * offset > matching.value:
        # From the nearer end: half the way at most.
        limit = max(0, min(PAGE_ROWS, matching.value - offset))
        offset, backwards = matching.value - offset - limit, True
    descending = sort.descending != backwards
    ordered = keys if walk else (unindexed(connection, keys[0]), *keys[1:])
    query = (
        select(*keys)
        .where(*conditions)
        .order_by(*(key.desc() if descending else key.asc() for key in ordered))
        .limit(limit)
        .offset(offset)
    )
    found = [tuple(row) for row in connection.execute(query)]
    return found[::-1] if backwards else found


def _plan(
    connection: Connection, wanted: Filter, sort: Sort, matching: Count, names: Directory, today: date
) -> tuple[bool, list[ColumnElement[bool]]]:
    """Whether to walk an index in the order of the sort, and the conditions.

    Walking stops at the page's end, so it wins where many rows match. Where few match, it would look into most of the
    rows of the store: there the wide index is read, or an index of the condition, and what is found is sorted.
    """
    by_status_index = has_rare_status(connection, wanted)
    others = [each for each in wanted.conditions() if each.key not in ("status", "items")]
    is_common = matching.value is None or not matching.exact or matching.value > LIMIT
    walk = is_walkable(wanted.screen, sort) and (is_common or not others)
    if walk and len(wanted.statuses) == 1 and sort.column in ("status", _STATUS_INDEX_ORDER[wanted.screen]):
        by_status_index = True
    return walk, where(connection, wanted, names, today, status_by_index=by_status_index)


_STATUS_INDEX_ORDER: dict[Screen, str] = {"carts": "updated", "orders": "created"}
"""The sort that the index of the status holds its rows in."""


def _beyond(keys: Sequence[ColumnElement[Any]], edge: Sequence[Any], *, descending: bool) -> ColumnElement[bool]:
    """What comes after the edge in that direction."""
    here = tuple_(*keys)
    there = tuple_(*(literal(value, key.type) for key, value in zip(keys, edge, strict=True)))
    beyond: ColumnElement[bool] = here < there if descending else here > there
    return beyond


def _position(
    connection: Connection,
    id_column: ColumnElement[int],
    conditions: Sequence[ColumnElement[bool]],
    keys: Sequence[ColumnElement[Any]],
    own: Sequence[Any],
    sort: Sort,
) -> int | None:
    if connection.scalar(select(id_column).where(*conditions, id_column == own[-1])) is None:
        return None
    before = select(literal(1)).where(*conditions, _beyond(keys, own, descending=not sort.descending)).limit(LIMIT)
    number = int(connection.scalar(select(func.count()).select_from(before.subquery())) or 0)
    return number + 1 if number < LIMIT else None


_CART_SHOWN = (
    cart.c.id,
    cart.c.shop_id,
    cart.c.store_id,
    cart.c.origin_id,
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
_ORDER_SHOWN = (
    order.c.id,
    order.c.shop_id,
    order.c.store_id,
    order.c.origin_id,
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
    rows = {row["key"]: CartRow(**row) for row in _shown_rows(connection, _CART_SHOWN, cart.c.id, keys, names)}
    return [rows[key] for key in keys if key in rows]


def _read_orders(connection: Connection, keys: Sequence[int], names: Directory) -> list[OrderRow]:
    rows = {row["key"]: OrderRow(**row) for row in _shown_rows(connection, _ORDER_SHOWN, order.c.id, keys, names)}
    return [rows[key] for key in keys if key in rows]


def _shown_rows(
    connection: Connection,
    columns: Sequence[ColumnElement[Any]],
    id_column: ColumnElement[int],
    keys: Sequence[int],
    names: Directory,
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for row in connection.execute(select(*columns).where(id_column.in_(keys))).mappings():
        shown = dict(row)
        shop_id, store_id = shown.pop("shop_id"), shown.pop("store_id")
        shown["key"] = shown.pop("id")
        shown["channel"] = names.channel_name(shop_id, store_id)
        shown["website"] = names.website_name(shop_id, store_id)
        shown["store_view"] = names.store_name(shop_id, store_id)
        found.append(shown)
    return found
