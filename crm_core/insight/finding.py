"""Finding rows in the order of a sort: by walking a narrow index, or by sorting what the wide one holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, case, func, literal, select, tuple_

from crm_core.insight.counts import LIMIT, Count, Tally, currencies_of, has_rare_status, sorted_sums
from crm_core.insight.directory import Directory
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.landmarks import nearest
from crm_core.insight.periods import Today
from crm_core.insight.sorting import Sort, is_walkable, sort_keys
from crm_core.insight.where import ROWS, unindexed, where

PAGE_ROWS = 50
PAGE_SECONDS = 5.0
"""Time after which a list is given up with TooSlow."""

Found = tuple[Any, ...]
"""What a row is sorted by; the last part is its record key."""

Edges = tuple[int, Found, Found]
"""The number of a page, its first and its last row."""


def count_and_find(
    connection: Connection, wanted: Filter, sort: Sort, page: int, names: Directory, today: Today
) -> tuple[Tally, int, list[Found] | None]:
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
            page = pages_of(Count(min(found[0].rows, LIMIT)))
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


def find(
    connection: Connection,
    wanted: Filter,
    sort: Sort,
    page: int,
    near: Edges | None,
    matching: Count,
    names: Directory,
    today: Today,
) -> list[Found]:
    """What the page's rows are sorted by, in their order; the last part is the record key."""
    keys = sort_keys(wanted.screen, sort, names)
    walk, conditions = plan(connection, wanted, sort, matching, names, today)
    descending, offset, limit = sort.descending, (page - 1) * PAGE_ROWS, PAGE_ROWS
    if near and page == near[0] + 1 and walk:
        conditions = [*conditions, beyond(keys, near[2], descending=descending)]
        offset = 0
    elif near and page == near[0] - 1 and page > 1 and walk:
        descending = not descending
        conditions = [*conditions, beyond(keys, near[1], descending=descending)]
        offset = 0
    elif matching.exact and matching.value is not None:
        limit = max(0, min(PAGE_ROWS, matching.value - offset))
        first = matching.value - offset - limit if descending else offset
        rows = range(first, first + limit)
        landmark = nearest(connection, wanted, sort, rows, matching.value, names, today)
        descending = landmark.before > rows.start
        offset = landmark.before - rows.stop if descending else rows.start - landmark.before
        conditions = [*conditions, *landmark.condition(keys, upwards=not descending)]
    ordered = keys if walk else (unindexed(connection, keys[0]), *keys[1:])
    # Asked for all that an entry of a narrow index holds, PostgreSQL takes entries as they are: up to a tenth quicker.
    rest = [ROWS[wanted.screen].shown] if walk and wanted.with_items and not wanted.gone else []
    query = (
        select(*keys, *rest)
        .where(*conditions)
        .order_by(*(key.desc() if descending else key.asc() for key in ordered))
        .limit(limit)
        .offset(offset)
    )
    found = [tuple(row[: len(keys)]) for row in connection.execute(query)]
    return found if descending == sort.descending else found[::-1]


def whole_list(
    connection: Connection, wanted: Filter, sort: Sort, names: Directory, today: Today
) -> Sequence[int] | None:
    """The keys of all rows that match, in order, found in one go; None if they are more than LIMIT."""
    some, own = _some(connection, wanted, sort, names, today)
    found = connection.scalars(
        select(own[-1]).select_from(some).order_by(*(key.desc() if sort.descending else key.asc() for key in own))
    ).all()
    return None if len(found) > LIMIT else found


def _some(
    connection: Connection, wanted: Filter, sort: Sort, names: Directory, today: Today
) -> tuple[Subquery, list[ColumnElement[Any]]]:
    """Any LIMIT + 1 of the rows that match, with currency and amount if they have any, and what they are sorted by."""
    rows = ROWS[wanted.screen]
    conditions = where(connection, wanted, names, today, status_by_index=has_rare_status(connection, wanted))
    shown = [key.label(f"key{number}") for number, key in enumerate(sort_keys(wanted.screen, sort, names))]
    amount = () if rows.amount is None else (rows.table.c.base_currency, rows.amount.label("amount"))
    query = select(*shown, *amount).where(*conditions)
    some = query.limit(LIMIT + 1).subquery()
    return some, [some.c[key.name] for key in shown]


def plan(
    connection: Connection, wanted: Filter, sort: Sort, matching: Count, names: Directory, today: Today
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
    by_amount_index = not walk or sort_keys(wanted.screen, sort, names)[0] is ROWS[wanted.screen].amount
    return walk, where(
        connection, wanted, names, today, status_by_index=by_status_index, amount_by_index=by_amount_index
    )


_STATUS_INDEX_ORDER: dict[Screen, str] = {"carts": "updated", "orders": "created", "customers": ""}
"""The sort that the index of the status holds its rows in; empty: there is no status."""


def beyond(keys: Sequence[ColumnElement[Any]], edge: Sequence[Any], *, descending: bool) -> ColumnElement[bool]:
    """What comes after the edge in that direction."""
    here = tuple_(*keys)
    there = tuple_(*(literal(value, key.type) for key, value in zip(keys, edge, strict=True)))
    further: ColumnElement[bool] = here < there if descending else here > there
    return further


def position(
    connection: Connection,
    id_column: ColumnElement[int],
    conditions: Sequence[ColumnElement[bool]],
    keys: Sequence[ColumnElement[Any]],
    own: Sequence[Any],
    sort: Sort,
) -> int | None:
    """The number of the row sorted by `own` among those that match, from 1; None if it is not one, or beyond LIMIT."""
    if connection.scalar(select(id_column).where(*conditions, id_column == own[-1])) is None:
        return None
    before = select(literal(1)).where(*conditions, beyond(keys, own, descending=not sort.descending)).limit(LIMIT)
    number = int(connection.scalar(select(func.count()).select_from(before.subquery())) or 0)
    return number + 1 if number < LIMIT else None


def pages_of(matching: Count) -> int:
    """How many pages can be opened; an empty list has one."""
    return max(1, -(-(matching.value or 0) // PAGE_ROWS))
