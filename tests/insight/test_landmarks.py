"""A page far down a list is the one that counting its rows off finds, whatever the way to it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import BigInteger, Column, ColumnElement, Integer, case, func, insert, literal, select, true

from crm_core.insight.counts import rollup_cells, tally_of
from crm_core.insight.directory import Directory
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.finding import PAGE_ROWS
from crm_core.insight.grids import Page, cart_page, order_page
from crm_core.insight.landmarks import FAR, nearest
from crm_core.insight.periods import Today
from crm_core.insight.sorting import Sort, sort_keys
from crm_core.insight.where import ROWS, where
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.rollups import rebuild
from crm_core.store.tables import cart, order
from crm_core.store.types import instant_to_milliseconds
from tests.insight.factories import TODAY, ago, two_shops

_STATES = ("new", "processing", "complete", "complete", "complete", "canceled")
_CART_STATUSES = ("purchased", "purchased", "purchased", "expired", "open", "lost", "closing")
_FARTHEST_ZONES = (timedelta(hours=-12), timedelta(0), timedelta(hours=2), timedelta(hours=14))

_FILTERS: dict[Screen, tuple[Filter, ...]] = {
    "carts": (
        Filter("carts"),
        Filter("carts", with_items=False),
        Filter("carts", statuses=("open", "purchased")),
        Filter("carts", statuses=("purchased",), currency="EUR"),
        Filter("carts", channel_ids=(1,)),
        Filter("carts", stores=(record_key(1, 2), record_key(2, 1))),
        Filter.from_url("carts", {"updated": "30d"})[0],
        Filter.from_url("carts", {"updated": "..2026-11-15", "status": "purchased"})[0],
    ),
    "orders": (
        Filter("orders"),
        Filter("orders", statuses=("complete", "new")),
        Filter("orders", statuses=("complete",), channel_ids=(1,)),
        Filter("orders", stores=(record_key(1, 2),)),
        Filter("orders", currency="GBP"),
        Filter.from_url("orders", {"created": "30d"})[0],
        Filter.from_url("orders", {"created": "2026-10-25..2026-11-10", "status": "complete"})[0],
    ),
}
_SORTS: dict[Screen, tuple[str, ...]] = {
    "carts": ("status", "updated", "created", "number"),
    "orders": ("status", "created", "updated", "total"),
}


@pytest.fixture
def filled(store: Store) -> Store:
    """Some 400 carts and as many orders of 40 days and two shops, many of one moment, days of zones far from UTC."""
    chance = random.Random(11)
    rows = two_shops(store)
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    for number in range(1, 401):
        shop_id = chance.choice((1, 1, 2))
        moment = midnight - timedelta(days=chance.randrange(40), hours=chance.choice((0, 0, 1, 9, 13, 23)))
        shared: dict[str, Any] = {
            "store_id": chance.choice((1, 2)) if shop_id == 1 else 1,
            "base_currency": "EUR" if shop_id == 1 else "GBP",
            "items_qty": Decimal(chance.choice((0, 1, 1, 2))),
        }
        later = moment + timedelta(days=chance.randrange(9), hours=chance.choice((0, 2, 23)))
        status = chance.choice(_CART_STATUSES)
        rows.cart(number, shop_id, **shared, status=status, created_at=moment, updated_at=later)
        state = chance.choice(_STATES)
        rows.order(
            number,
            shop_id,
            **shared,
            state=state,
            status=state,
            created_at=moment,
            updated_at=later,
            local_day=(moment + chance.choice(_FARTHEST_ZONES)).date(),
            gone_at=ago(days=1) if chance.random() < 0.05 else None,
        )
    rows.write()
    return store


@pytest.mark.parametrize("today", [TODAY, Today.at(TODAY.quarter.replace(hour=23, minute=30))], ids=["day", "night"])
@pytest.mark.parametrize("screen", ["carts", "orders"])
def test_as_many_rows_lie_before_a_landmark_as_it_says(filled: Store, screen: Screen, today: Today) -> None:
    """At night it is tomorrow already in one of the shops."""
    chance = random.Random(5)
    landmarks = set()
    with filled.reading() as connection:
        names = Directory.read(connection)
        for wanted in _FILTERS[screen]:
            conditions = where(connection, wanted, names, today)
            matching = tally_of(rollup_cells(connection, wanted, names, today) or ()).matching.value or 0
            for sort in map(Sort, _SORTS[screen]):
                keys = sort_keys(screen, sort, names)
                for first in (0, matching - 1, *(chance.randrange(matching) for _ in range(5))):
                    rows = range(first, min(first + chance.choice((1, 7, 50)), matching))
                    found = nearest(connection, wanted, sort, rows, matching, names, today, far=0)
                    before = select(func.count()).where(*conditions, *found.condition(keys, upwards=False))
                    after = select(func.count()).where(*conditions, *found.condition(keys, upwards=True))
                    if found.at:
                        landmarks.add((sort.column, found))
                        assert (found.before, matching) == (
                            connection.scalar(before),
                            found.before + (connection.scalar(after) or 0),
                        )
                    assert not rows.start < found.before < rows.stop
    assert {len(each.at) for _, each in landmarks} == {1, 2}
    assert {column for column, _ in landmarks} == {"status", "updated", "created"}
    assert len(landmarks) > 30


@pytest.mark.parametrize(
    ("screen", "column", "moment", "days"),
    [
        ("carts", "updated", cart.c.updated_at, 1),
        ("carts", "created", cart.c.created_at, 1),
        ("orders", "updated", order.c.updated_at, 1),
        ("orders", "created", order.c.created_at, 3),
    ],
)
def test_a_landmark_is_at_most_a_day_off_or_two_where_stores_lie_in_other_zones(
    filled: Store, screen: Screen, column: str, moment: Column[datetime], days: int
) -> None:
    wanted = Filter(screen)
    with filled.reading() as connection:
        names = Directory.read(connection)
        conditions = where(connection, wanted, names, TODAY)
        moments = connection.scalars(select(moment).where(*conditions).order_by(moment)).all()
        begun = 0
        for first in range(0, len(moments), 17):
            rows = range(first, first + 1)
            found = nearest(connection, wanted, Sort(column), rows, len(moments), names, TODAY, far=0)
            if found.at:
                begun += 1
                assert timedelta(0) <= moments[first] - found.at[0] < timedelta(days=days)
        assert begun > 10, "else every list was walked from an end"


def _crowd(store: Store, screen: Screen) -> None:
    """More carts or orders than are walked past, of 100 days, ten to a moment; updated in another order than created.

    Of the orders all that matters here is when they were updated.
    """
    rows = two_shops(store)
    table, template = (cart, rows.cart(1)) if screen == "carts" else (order, rows.order(1))
    rows.write()
    number_of = 2 * FAR + 20 * PAGE_ROWS
    moments = number_of // 10
    with store.writing() as connection:
        many = select(literal(2, Integer).label("number")).cte("many", recursive=True)
        many = many.union_all(select(many.c.number + 1).where(many.c.number <= number_of))
        updated, created = many.c.number * 7919 % moments, many.c.number * 6007 % moments
        first = literal(instant_to_milliseconds(ago(days=101)), BigInteger)
        step = literal(100 * 86_400_000 // moments, BigInteger)
        changed: dict[str, ColumnElement[Any]] = {
            "id": table.c.id - 1 + many.c.number,
            "origin_id": many.c.number,
            "status": case((updated % 4 == 0, "open"), (updated % 4 == 1, "lost"), else_="purchased"),
            "updated_at": first + step * updated,
            "created_at": first + step * created,
        }
        copies = select(*(changed.get(column.name, column) for column in table.c))
        copies = copies.select_from(table.join(many, true())).where(table.c.id == template)
        connection.execute(insert(table).from_select([column.name for column in table.c], copies))
        rebuild(connection)


_AMID_MANY: dict[Screen, tuple[tuple[Filter, str], ...]] = {
    "carts": (
        (Filter("carts"), "updated"),
        (Filter("carts"), "created"),
        (Filter("carts"), "status"),
        (Filter("carts"), "number"),
        (Filter("carts", statuses=("purchased",)), "updated"),
        (Filter("carts", channel_ids=(1,), statuses=("open", "purchased")), "status"),
        (Filter("carts", channel_ids=(1,), currency="EUR"), "created"),
    ),
    "orders": (
        (Filter("orders"), "updated"),
        (Filter("orders", channel_ids=(1,), currency="EUR"), "updated"),
    ),
}


@pytest.mark.parametrize("screen", ["carts", "orders"])
def test_a_page_amid_many_rows_is_the_one_that_counting_them_off_finds(store: Store, screen: Screen) -> None:
    chance = random.Random(3)
    _crowd(store, screen)
    read: Callable[..., Page[Any]] = cart_page if screen == "carts" else order_page
    id_column = ROWS[screen].table.c.id
    for wanted, column in _AMID_MANY[screen]:
        for descending in (True, False):
            sort = Sort(column, descending)
            with store.reading() as connection:
                names = Directory.read(connection)
                keys = [key.desc() if descending else key.asc() for key in sort_keys(screen, sort, names)]
                conditions = where(connection, wanted, names, TODAY)
                expected = connection.scalars(select(id_column).where(*conditions).order_by(*keys)).all()
            pages = -(-len(expected) // PAGE_ROWS)
            middle = pages // 2
            for number in (1, 2, pages - 1, pages, middle, *(chance.randrange(1, pages) for _ in range(3))):
                page = read(store, wanted, sort, number, today=TODAY)
                offset = (page.page - 1) * PAGE_ROWS
                assert (page.page, page.pages, page.matching.value) == (number, pages, len(expected))
                assert [row.key for row in page.rows] == list(expected[offset : offset + PAGE_ROWS])
