"""Rows written the fast way read back as they were, through the typed columns."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.tables import cart_item, order
from crm_core.store.types import milliseconds_to_instant
from crm_core.store.upsert import day_for_driver, delete_lines, upsert
from tests.store.rows import add_shop, driver_row

_COLUMNS = tuple(column.name for column in order.columns)
_LINE_COLUMNS = ("cart_id", "item_id", "sku", "name", "product_type", "qty", "base_price", "state", "state_since")


def _order(store: Store, origin_id: int, **chosen: object) -> tuple[object, ...]:
    return driver_row(order, store.dialect_name, id=record_key(1, origin_id), origin_id=origin_id, shop_id=1, **chosen)


def test_driver_values_read_back_typed(store: Store) -> None:
    day = date(2026, 12, 31)
    with store.writing() as connection:
        add_shop(connection)
        row = _order(
            store,
            1,
            grand_total=-123_456,
            items_qty=15_000,
            created_at=1_700_000_000_123,
            local_day=day_for_driver(day, store.dialect_name),
            is_guest=True,
            firstname="O'Neill \U0001f600 100%",
            lastname=None,
        )
        upsert(connection, order, _COLUMNS, [row])
    with store.reading() as connection:
        read = connection.execute(select(order)).one()
    assert read.grand_total == Decimal("-12.3456")
    assert read.items_qty == Decimal("1.5")
    assert read.created_at == milliseconds_to_instant(1_700_000_000_123)
    assert read.local_day == day
    assert read.is_guest is True
    assert (read.firstname, read.lastname) == ("O'Neill \U0001f600 100%", None)


def test_writing_the_same_rows_again_changes_nothing_and_new_values_overwrite(store: Store) -> None:
    with store.writing() as connection:
        add_shop(connection)
        for status in ("pending", "pending", "complete"):
            upsert(connection, order, _COLUMNS, [_order(store, n, status=status) for n in range(1, 4)])
    with store.reading() as connection:
        assert connection.execute(select(order.c.origin_id, order.c.status).order_by(order.c.id)).all() == [
            (1, "complete"),
            (2, "complete"),
            (3, "complete"),
        ]


def test_columns_left_out_and_columns_for_new_rows_keep_their_values(store: Store) -> None:
    without_decision = tuple(name for name in _COLUMNS if name != "placed_by")
    position = _COLUMNS.index("placed_by")
    with store.writing() as connection:
        add_shop(connection)
        upsert(connection, order, _COLUMNS, [_order(store, 1, placed_by="ann", first_seen_at=5, status="pending")])
        again = _order(store, 1, placed_by="?", first_seen_at=9, status="complete")
        upsert(
            connection,
            order,
            without_decision,
            [again[:position] + again[position + 1 :]],
            only_when_new=("first_seen_at",),
        )
    with store.reading() as connection:
        read = connection.execute(select(order)).one()
    assert (read.placed_by, read.first_seen_at, read.status) == ("ann", milliseconds_to_instant(5), "complete")


@pytest.mark.parametrize("count", [49, 50, 51, 100, 110])
def test_any_number_of_rows_is_written_and_written_over(store: Store, count: int) -> None:
    with store.writing() as connection:
        add_shop(connection)
        for status in ("pending", "complete"):
            rows = [_order(store, number, status=status, grand_total=number) for number in range(1, count + 1)]
            upsert(connection, order, _COLUMNS, rows)
    with store.reading() as connection:
        read = connection.execute(select(order.c.status, order.c.grand_total).order_by(order.c.id)).all()
    assert read == [("complete", Decimal(number).scaleb(-4)) for number in range(1, count + 1)]


def test_no_rows_is_no_statement(store: Store) -> None:
    with store.writing() as connection:
        upsert(connection, order, _COLUMNS, [])
        delete_lines(connection, cart_item, [])


def test_a_column_that_is_not_there_is_a_mistake_of_the_caller(store: Store) -> None:
    with store.writing() as connection, pytest.raises(ValueError, match="no columns"):
        upsert(connection, order, ("id", "colour"), [(1, "red")])
    with store.writing() as connection, pytest.raises(ValueError, match="key"):
        upsert(connection, order, ("status",), [("red",)])


def test_deleted_lines_are_those_of_the_records_named(store: Store) -> None:
    def line(cart_id: int, item_id: int) -> tuple[object, ...]:
        return (cart_id, item_id, "sku", "name", "simple", 10_000, 5_000, "present", 0)

    with store.writing() as connection:
        upsert(connection, cart_item, _LINE_COLUMNS, [line(1, 1), line(1, 2), line(2, 3), line(3, 4)])
        delete_lines(connection, cart_item, [1, 2, 9])
    with store.reading() as connection:
        assert connection.execute(text("SELECT cart_id, item_id FROM cart_item")).all() == [(3, 4)]
