"""Secondary indexes go for the first import of an empty entity and are all back afterwards, whatever happens."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Table, inspect, text

from crm_core.errors import LeaseLost, ShopUnavailable
from crm_core.store.database import Store
from crm_core.store.indexes import ensure_indexes, refresh_statistics, without_secondary_indexes
from crm_core.store.rollups import OrderFacts
from crm_core.store.tables import ONLY_ON, cart, cart_item, customer, order, order_item
from crm_core.store.upsert import day_for_driver, upsert
from tests.store.rows import add_shop, order_row

_ENTITIES: dict[str, tuple[Table, ...]] = {
    "customers": (customer,),
    "orders": (order, order_item),
    "carts": (cart, cart_item),
}


def _indexes(store: Store, tables: tuple[Table, ...]) -> set[str]:
    with store.reading() as connection:
        return {str(index["name"]) for table in tables for index in inspect(connection).get_indexes(table.name)}


@pytest.mark.parametrize("entity", _ENTITIES)
def test_they_are_gone_inside_and_all_back_afterwards(store: Store, entity: str) -> None:
    tables = _ENTITIES[entity]
    before = _indexes(store, tables)
    wanted = {str(index.name): index.info.get(ONLY_ON) for table in tables for index in table.indexes}
    assert before == {name for name, only_on in wanted.items() if only_on in (None, store.dialect_name)}
    with without_secondary_indexes(store, entity):
        assert _indexes(store, tables) == set()
    assert _indexes(store, tables) == before


def test_other_entities_keep_theirs(store: Store) -> None:
    before = _indexes(store, _ENTITIES["carts"])
    with without_secondary_indexes(store, "orders"):
        assert _indexes(store, _ENTITIES["carts"]) == before


def _add_an_order(store: Store) -> None:
    day = day_for_driver(date(2026, 5, 1), store.dialect_name)
    facts = OrderFacts(1, 1, day, "pending", "new", "EUR", 1, 0, 0, is_gone=False)
    with store.writing() as connection:
        add_shop(connection)
        columns = tuple(column.name for column in order.columns)
        upsert(connection, order, columns, [order_row(store.dialect_name, order, 1, facts)])


def test_an_entity_with_rows_keeps_them(store: Store) -> None:
    _add_an_order(store)
    before = _indexes(store, _ENTITIES["orders"])
    with without_secondary_indexes(store, "orders"):
        assert _indexes(store, _ENTITIES["orders"]) == before


def _import_an_order_until(store: Store, error: BaseException) -> None:
    with without_secondary_indexes(store, "orders"):
        _add_an_order(store)
        raise error


def test_they_are_back_after_trouble_with_the_shop(store: Store) -> None:
    before = _indexes(store, _ENTITIES["orders"])
    with pytest.raises(ShopUnavailable):
        _import_an_order_until(store, ShopUnavailable("the shop is down"))
    assert _indexes(store, _ENTITIES["orders"]) == before


class _Stop(Exception):
    pass


@pytest.mark.parametrize("end", [_Stop, KeyboardInterrupt, LeaseLost])
def test_a_program_told_to_stop_does_so_at_once_and_the_next_import_goes_on_without_them(
    store: Store, end: type[BaseException]
) -> None:
    before = _indexes(store, _ENTITIES["orders"])
    with pytest.raises(end):
        _import_an_order_until(store, end())
    assert _indexes(store, _ENTITIES["orders"]) == set()
    with without_secondary_indexes(store, "orders"):
        assert _indexes(store, _ENTITIES["orders"]) == set()
    assert _indexes(store, _ENTITIES["orders"]) == before


def _statistics(store: Store) -> set[str]:
    told = {
        "sqlite": "SELECT DISTINCT tbl FROM sqlite_stat1",
        "postgresql": "SELECT relname FROM pg_stat_user_tables WHERE analyze_count > 0",
    }
    if store.dialect_name == "postgresql":
        with store.writing() as connection:
            connection.execute(text("SELECT pg_stat_force_next_flush()"))
    with store.reading() as connection:
        return set(connection.execute(text(told[store.dialect_name])).scalars())


def test_the_database_learns_what_is_in_the_mirror(store: Store) -> None:
    _add_an_order(store)
    refresh_statistics(store)
    assert "sales_order" in _statistics(store)


def test_after_a_kill_half_way_the_next_start_builds_what_is_missing(store: Store) -> None:
    before = _indexes(store, _ENTITIES["orders"])
    block = without_secondary_indexes(store, "orders")
    block.__enter__()  # and never left, as in a killed process
    assert set(ensure_indexes(store)) == before
    assert _indexes(store, _ENTITIES["orders"]) == before
    assert ensure_indexes(store) == []
