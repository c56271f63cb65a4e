"""Rollups are always equal to a recount of the rows, whoever writes them and at the same time as whom."""

from __future__ import annotations

import multiprocessing
import random
import threading
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Connection

from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.rollups import CartFacts, CustomerFacts, Deltas, OrderFacts, rebuild, recount
from crm_core.store.tables import cart, customer, order
from crm_core.store.upsert import day_for_driver, upsert
from tests.store.rows import DAY, add_shop, cart_row, customer_row, order_row

_ORDER_COLUMNS = tuple(column.name for column in order.columns)
_CART_COLUMNS = tuple(column.name for column in cart.columns)
_CUSTOMER_COLUMNS = tuple(column.name for column in customer.columns)


def _random_order(random_: random.Random, dialect_name: str) -> OrderFacts:
    status, state = random_.choice([("pending", "new"), ("processing", "processing"), ("canceled", "canceled")])
    day = date(2026, 5, 1) + timedelta(days=random_.randrange(3))
    return OrderFacts(
        shop_id=1,
        store_id=random_.choice([1, 2]),
        local_day=day_for_driver(day, dialect_name),
        status=status,
        state=state,
        base_currency=random_.choice(["EUR", "USD"]),
        base_grand_total=random_.randrange(10**7),
        base_total_refunded=random_.choice([0, 50_000]),
        updated_at=random_.randrange(20_000 * DAY, 20_003 * DAY),
        is_gone=random_.random() < 0.1,
    )


def _random_cart(random_: random.Random) -> CartFacts:
    return CartFacts(
        shop_id=1,
        store_id=random_.choice([1, 2]),
        status=random_.choice(["open", "purchased", "lost"]),
        base_currency="EUR",
        items_qty=random_.choice([0, 10_000, 25_000]),
        base_subtotal=random_.randrange(10**7),
        created_at=random_.randrange(19_998 * DAY, 20_000 * DAY),
        updated_at=random_.randrange(20_000 * DAY, 20_003 * DAY),
    )


def _random_customer(random_: random.Random) -> CustomerFacts:
    return CustomerFacts(
        shop_id=1,
        website_id=random_.choice([1, 2]),
        group_id=random_.choice([1, 2, None]),
        is_subscribed=random_.choice([True, False, None]),
        is_gone=random_.random() < 0.1,
    )


def _write_orders(connection: Connection, new: dict[int, OrderFacts], deltas: Deltas) -> None:
    """A page of orders as a sync writes it: lock, read the old facts, write, collect the differences."""
    keys = [record_key(1, origin_id) for origin_id in sorted(new)]
    lock = " FOR UPDATE" if connection.dialect.name == "postgresql" else ""
    rows = connection.exec_driver_sql(
        "SELECT origin_id, shop_id, store_id, local_day, status, state, base_currency, base_grand_total,"
        " base_total_refunded, updated_at, gone_at IS NOT NULL FROM sales_order"
        f" WHERE id IN ({', '.join(map(str, keys))}) ORDER BY id{lock}"
    ).all()
    old = {row[0]: OrderFacts._make(row[1:]) for row in rows}
    dialect_name = connection.dialect.name
    upsert(
        connection,
        order,
        _ORDER_COLUMNS,
        [order_row(dialect_name, order, origin_id, facts) for origin_id, facts in sorted(new.items())],
    )
    for origin_id, facts in new.items():
        deltas.orders(old.get(origin_id), facts)


def _write_carts(connection: Connection, new: dict[int, CartFacts], deltas: Deltas) -> None:
    keys = [record_key(1, origin_id) for origin_id in sorted(new)]
    lock = " FOR UPDATE" if connection.dialect.name == "postgresql" else ""
    rows = connection.exec_driver_sql(
        "SELECT origin_id, shop_id, store_id, status, base_currency, items_qty, base_subtotal, created_at,"
        f" updated_at FROM cart WHERE id IN ({', '.join(map(str, keys))}) ORDER BY id{lock}"
    ).all()
    old = {row[0]: CartFacts(*row[1:]) for row in rows}
    dialect_name = connection.dialect.name
    upsert(
        connection,
        cart,
        _CART_COLUMNS,
        [cart_row(dialect_name, cart, origin_id, facts) for origin_id, facts in sorted(new.items())],
    )
    for origin_id, facts in new.items():
        deltas.carts(old.get(origin_id), facts)


def _write_customers(connection: Connection, new: dict[int, CustomerFacts], deltas: Deltas) -> None:
    keys = [record_key(1, origin_id) for origin_id in sorted(new)]
    lock = " FOR UPDATE" if connection.dialect.name == "postgresql" else ""
    rows = connection.exec_driver_sql(
        "SELECT origin_id, shop_id, website_id, group_id, is_subscribed, gone_at IS NOT NULL"
        f" FROM customer WHERE id IN ({', '.join(map(str, keys))}) ORDER BY id{lock}"
    ).all()
    old = {row[0]: CustomerFacts(*row[1:]) for row in rows}
    dialect_name = connection.dialect.name
    upsert(
        connection,
        customer,
        _CUSTOMER_COLUMNS,
        [customer_row(dialect_name, customer, origin_id, facts) for origin_id, facts in sorted(new.items())],
    )
    for origin_id, facts in new.items():
        deltas.customers(old.get(origin_id), facts)


def _write_pages(store: Store, seed: int, pages: int, adds_rows: bool = False) -> None:
    """Pages of random new facts for random records out of a few, so that writers meet; `adds_rows` as a sync does."""
    random_ = random.Random(seed)
    for _ in range(pages):
        orders = {random_.randrange(60): _random_order(random_, store.dialect_name) for _ in range(8)}
        carts = {random_.randrange(60): _random_cart(random_) for _ in range(8)}
        customers = {random_.randrange(60): _random_customer(random_) for _ in range(8)}
        with store.writing() as connection:
            if adds_rows and store.dialect_name == "postgresql":
                connection.execute(text("SELECT id FROM shop WHERE id = 1 FOR NO KEY UPDATE"))
            deltas = Deltas(store.dialect_name)
            _write_orders(connection, orders, deltas)
            _write_carts(connection, carts, deltas)
            _write_customers(connection, customers, deltas)
            deltas.apply(connection)


def _differences(store: Store) -> list[str]:
    with store.reading() as connection:
        return [str(difference) for difference in recount(connection)]


def _prepare(store: Store) -> None:
    """All records are there, so that concurrent writers change rows instead of racing to insert the same ones."""
    random_ = random.Random(0)
    with store.writing() as connection:
        add_shop(connection)
        deltas = Deltas(store.dialect_name)
        _write_orders(connection, {n: _random_order(random_, store.dialect_name) for n in range(60)}, deltas)
        _write_carts(connection, {n: _random_cart(random_) for n in range(60)}, deltas)
        _write_customers(connection, {n: _random_customer(random_) for n in range(60)}, deltas)
        deltas.apply(connection)


def test_rollups_equal_a_recount_after_any_changes(store: Store) -> None:
    with store.writing() as connection:
        add_shop(connection)
    _write_pages(store, seed=1, pages=40)
    assert _differences(store) == []
    with store.reading() as connection:
        for table in (
            "order_day_total",
            "order_month_total",
            "order_updated_total",
            "cart_day_total",
            "cart_created_total",
            "customer_total",
        ):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() > 0


def test_rollups_are_exact_for_a_known_set_of_orders_and_carts(store: Store) -> None:
    day, month = (day_for_driver(date(2026, 5, number), store.dialect_name) for number in (17, 1))
    kept = OrderFacts(1, 1, day, "complete", "complete", "EUR", 1_000_000, 250_000, 20_001 * DAY - 1, is_gone=False)
    gone = kept._replace(base_grand_total=7, is_gone=True)
    filled = CartFacts(1, 1, "open", "EUR", 20_000, 300_000, created_at=19_999 * DAY, updated_at=20_000 * DAY + 5)
    empty = filled._replace(items_qty=0, base_subtotal=0)
    with store.writing() as connection:
        add_shop(connection)
        deltas = Deltas(store.dialect_name)
        _write_orders(connection, {1: kept, 2: kept, 3: gone}, deltas)
        _write_carts(connection, {1: filled, 2: filled, 3: empty}, deltas)
        deltas.apply(connection)

    def rows(table: str) -> list[tuple[Any, ...]]:
        with store.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4")]

    day_before, cart_day = (day_for_driver(date(2024, 10, number), store.dialect_name) for number in (3, 4))
    assert rows("order_status_total") == [(1, 1, "complete", "complete", "EUR", 2, 2_000_000)]
    assert rows("order_day_total") == [(day, 1, 1, "complete", "complete", "EUR", 2, 2_000_000, 500_000)]
    assert rows("order_month_total") == [(month, 1, 1, "complete", "complete", "EUR", 2, 2_000_000, 500_000)]
    assert rows("cart_status_total") == [(1, 1, "open", False, "EUR", 1, 0), (1, 1, "open", True, "EUR", 2, 600_000)]
    assert rows("cart_day_total") == [(cart_day, 1, 1, "open", "EUR", 2, 600_000)]
    assert rows("order_updated_total") == [(cart_day, 1, 1, "EUR", 2)]
    assert rows("cart_created_total") == [(day_before, 1, 1, "EUR", 2)]


def test_a_rollup_row_that_counts_nothing_is_deleted(store: Store) -> None:
    day = day_for_driver(date(2026, 5, 1), store.dialect_name)
    facts = OrderFacts(1, 1, day, "pending", "new", "EUR", 1_000_000, 0, 20_000 * DAY, is_gone=False)
    for change in ({1: facts}, {1: facts._replace(is_gone=True)}):
        with store.writing() as connection:
            if not facts.is_gone and change[1] is facts:
                add_shop(connection)
            deltas = Deltas(store.dialect_name)
            _write_orders(connection, change, deltas)
            deltas.apply(connection)
    with store.reading() as connection:
        for table in ("order_day_total", "order_month_total", "order_status_total", "order_updated_total"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
    assert _differences(store) == []


def test_a_recount_names_every_row_that_is_off_and_a_rebuild_mends_it(store: Store) -> None:
    _prepare(store)
    with store.writing() as connection:
        connection.execute(text("UPDATE order_status_total SET orders = orders + 1 WHERE status = 'pending'"))
        connection.execute(text("DELETE FROM cart_day_total WHERE status = 'lost'"))
        connection.execute(text("UPDATE order_updated_total SET orders = orders - 1 WHERE store_id = 2"))
        connection.execute(text("UPDATE order_month_total SET orders = orders + 1 WHERE store_id = 2"))
        connection.execute(text("DELETE FROM cart_created_total WHERE store_id = 1"))
        connection.execute(text("UPDATE customer_total SET subscribed = 0 WHERE website_id = 1 AND group_id = -1"))
        connection.execute(
            text("INSERT INTO cart_status_total VALUES (1, 9, 'open', :filled, 'EUR', 3, 0)"), {"filled": True}
        )
    found = _differences(store)
    assert any("order_status_total" in line and "pending" in line for line in found)
    assert any("cart_day_total" in line and "lost" in line for line in found)
    assert any("cart_status_total (1, 9, open" in line for line in found)
    assert any("order_updated_total" in line and "1, 2, EUR" in line for line in found)
    assert any("order_month_total" in line and ", 2, " in line for line in found)
    assert any("cart_created_total" in line and "1, 1, EUR" in line for line in found)
    assert any("customer_total (1, 1, -1" in line for line in found)
    with store.writing() as connection:
        rebuild(connection)
    assert _differences(store) == []


@dataclass
class _Failures:
    """What went wrong in threads, where an assertion would be lost."""

    found: list[str] = field(default_factory=list)

    def run(self, work: Any, *arguments: Any) -> threading.Thread:
        def guarded() -> None:
            try:
                work(*arguments)
            except Exception as error:  # noqa: BLE001 - reported by the test
                self.found.append(repr(error))

        thread = threading.Thread(target=guarded)
        thread.start()
        return thread


def _rebuild_often(store: Store) -> None:
    for _ in range(10):
        with store.writing() as connection:
            rebuild(connection)


def test_rollups_equal_a_recount_after_concurrent_threads_and_rebuilds(store: Store) -> None:
    _prepare(store)
    failures = _Failures()
    threads = [failures.run(_write_pages, store, seed, 12) for seed in (1, 2, 3)]
    threads.append(failures.run(_rebuild_often, store))
    for thread in threads:
        thread.join()
    assert failures.found == []
    assert _differences(store) == []


def test_rollups_equal_a_recount_after_threads_that_add_the_same_rows(store: Store) -> None:
    with store.writing() as connection:
        add_shop(connection)
    failures = _Failures()
    threads = [failures.run(_write_pages, store, seed, 12, True) for seed in (1, 2, 3)]
    for thread in threads:
        thread.join()
    assert failures.found == []
    assert _differences(store) == []


def _write_pages_in_a_process(url: str, seed: int) -> None:
    store = Store(url)
    failures = _Failures()
    threads = [failures.run(_write_pages, store, seed + offset, 12) for offset in (0, 1)]
    for thread in threads:
        thread.join()
    store.close()
    if failures.found:
        raise SystemExit("\n".join(failures.found))


@pytest.mark.timeout(120)
def test_rollups_equal_a_recount_after_concurrent_processes(store: Store) -> None:
    _prepare(store)
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_write_pages_in_a_process, args=(store.url, seed)) for seed in (10, 20)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert _differences(store) == []
