"""How rows are found: which index SQLite walks, since it cannot know how many rows a condition leaves."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy import select

from crm_core.insight.counts import LIMIT, Count
from crm_core.insight.directory import Directory
from crm_core.insight.filters import Filter
from crm_core.insight.finding import plan
from crm_core.insight.sorting import Sort, sort_keys
from crm_core.store.database import Store
from crm_core.store.tables import cart
from tests.insight.factories import TODAY


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[Store]:
    """An empty store on SQLite."""
    opened = Store(sqlite_url)
    yield opened
    opened.close()


def _way(store: Store, wanted: Filter, sort: Sort, matching: Count) -> str:
    """SQLite's own words for how it finds the rows in that order."""
    with store.reading() as connection:
        names = Directory.read(connection)
        _, conditions = plan(connection, wanted, sort, matching, names, TODAY)
        keys = sort_keys(wanted.screen, sort, names)
        query = select(*keys).where(*conditions).order_by(*(key.desc() for key in keys)).limit(50)
        compiled = query.compile(connection)
        bound = (0,) * len(compiled.positiontup or ())
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", bound).all()
    return "; ".join(row.detail for row in rows)


def test_a_wide_range_of_amounts_is_walked_in_the_order_of_the_list(sqlite_store: Store) -> None:
    wide = Filter("carts", amount_from=Decimal(10), amount_to=Decimal(300))
    many = Count(LIMIT, exact=False)
    for column in ("updated", "created", "number", "subtotal"):
        way = _way(sqlite_store, wide, Sort(column), many)
        assert "TEMP B-TREE" not in way, way  # what SQLite sorts in


def test_a_narrow_range_of_amounts_is_looked_up(sqlite_store: Store) -> None:
    narrow = Filter("carts", amount_from=Decimal(10), amount_to=Decimal(11))
    assert f"ix_cart_filled_subtotal ({cart.c.base_subtotal.name}>" in _way(
        sqlite_store, narrow, Sort("updated"), Count(70)
    )
