"""Runs: what they ask of the shop, what they leave alone there, how they end and go on."""

from __future__ import annotations

import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from multiprocessing.synchronize import Event
from pathlib import Path
from urllib.parse import unquote

import pytest
import time_machine
from sqlalchemy import func, select

from crm_core.errors import LeaseLost, PermissionMissing
from crm_core.settings import settings
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.indexes import ensure_indexes
from crm_core.store.lease import acquire
from crm_core.sync import audit
from crm_core.sync.channels import channel_by_name, open_shop
from crm_core.sync.rules import Rules
from crm_core.sync.run import Progress, run_entity
from demo_store import Faults, Shop
from tests.conftest import OnEvent
from tests.sync.conftest import Desk, Desks

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


def test_a_tick_with_nothing_new_asks_once_per_entity_and_store_view(desks: Desks) -> None:
    shop = Shop(orders=12, carts=8, customers=6)
    desk = desks.open(shop)
    with time_machine.travel(datetime.now(UTC)) as clock:
        for _ in range(2):
            desk.run_all()
            clock.shift(3_600)
            desk.open.magento.websites()
        for entity, requests in (("customers", 1), ("orders", 1), ("carts", len(desk.open.store_views))):
            asked = len(shop.requests)
            assert desk.run(entity).tally.read == 0
            assert len(desk.requests(asked)) == requests
    shop.close()


def test_the_first_import_mirrors_all_that_the_shop_has(desks: Desks) -> None:
    shop = Shop(orders=150, carts=60, customers=40, seed=7)
    desk = desks.open(shop, Rules(page_size=20, connections=3))
    desk.run_all(window_size=25)
    for entity, table in (("order", tables.order), ("customer", tables.customer)):
        there = sorted(record.get("entity_id") or record["id"] for record in shop.records.state.all(entity))
        assert desk.ids(table) == there
    carts = {cart["entity_id"] for cart in shop.records.state.all("cart")}
    assert carts <= set(desk.ids(tables.cart))
    for stored in shop.records.state.all("order")[::10]:
        order = shop.order(stored["entity_id"])
        mirrored = desk.order(order["entity_id"])
        assert mirrored["grand_total"] == Decimal(str(order["grand_total"]))
        assert mirrored["base_grand_total"] == Decimal(str(order["base_grand_total"]))
        assert (mirrored["increment_id"], mirrored["state"]) == (order["increment_id"], order["state"])
        zone = desk.open.store_views[order["store_id"]].timezone
        assert mirrored["local_day"] == mirrored["created_at"].astimezone(zone).date()
    assert desk.differences() == []
    again = desk.run("orders", full=True)
    assert (again.tally.changed, again.tally.added) == (0, 0)


@pytest.mark.parametrize("full", [False, True])
def test_indexes_stand_again_after_a_first_import_that_was_killed(desks: Desks, full: bool) -> None:
    shop = Shop(orders=30, carts=5, customers=5)
    desk = desks.open(shop, Rules(page_size=5, connections=1))

    def die(progress: Progress) -> None:
        if progress.tally.read:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.run("orders", on_step=die)
    desk.run("orders", full=full)
    assert ensure_indexes(desk.store) == []


def test_indexes_stand_again_after_a_first_import_that_was_stopped_while_they_were_built(
    desk: Desk, on_event: OnEvent
) -> None:
    for _ in range(3):
        desk.shop.place(desk.shop.add_cart())
    stops = [KeyboardInterrupt]

    def stop(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("CREATE INDEX") and stops:
            raise stops.pop()

    on_event(desk.store._writing, "before_cursor_execute", stop)
    with pytest.raises(KeyboardInterrupt):
        desk.run("orders")
    assert desk.run("orders").kind == "tick"
    assert ensure_indexes(desk.store) == []


def test_newest_come_first(desks: Desks) -> None:
    shop = Shop(orders=60, carts=0, customers=10, seed=3)
    desk = desks.open(shop, Rules(page_size=10, connections=1))
    seen: list[datetime] = []

    def look(progress: Progress) -> None:
        if progress.tally.read and not seen:
            seen.append(min(row["updated_at"] for row in desk.all(select(tables.order.c.updated_at))))

    desk.run("orders", on_step=look, window_size=10)
    assert seen[0] > min(row["updated_at"] for row in desk.all(select(tables.order.c.updated_at)))


def test_a_sync_leaves_every_carts_time_in_the_shop_alone_after_a_price_change(desk: Desk) -> None:
    carts = [desk.shop.add_cart([("MUG-01", 1)]) for _ in range(3)]
    desk.run_all()
    for cart in carts:
        desk.shop.touch_cart(cart, "2026-02-03 04:05:06")
    desk.shop.set_price("MUG-01", "99.00")
    assert all(desk.shop.cart(cart)["trigger_recollect"] for cart in carts)
    desk.run_all()
    desk.run_all(full=True)
    audit.find_gone(desk.store, desk.open, "carts")
    audit.reread(desk.store, desk.open, "carts")
    assert [desk.shop.cart(cart)["updated_at"] for cart in carts] == ["2026-02-03 04:05:06"] * 3


def test_windows_are_walked_by_id_from_page_one_with_encoded_spaces(desks: Desks) -> None:
    desk = desks.open(rules=Rules(page_size=2, connections=1))
    for _ in range(5):
        desk.shop.add_cart(ready=False)
    desk.run("carts")
    pages = [line for line in desk.requests() if "carts/search" in line and "pageSize]=2" in unquote(line)]
    assert pages
    assert all("currentPage]=1" in unquote(line) for line in pages)
    assert all("+" not in line for line in pages)
    assert ["entity_id&" in unquote(line).split("sortOrders")[0] for line in pages[:3]] == [False, True, True]


def test_a_shop_down_for_long_collects_no_windows(desk: Desk) -> None:
    desk.run("carts")
    desk.shop.faults = Faults(fail_every=1, fail_status=503, matching="carts/search")
    for _ in range(3):
        with pytest.raises(Exception, match="503"):
            desk.run("carts")
    window = tables.sync_window
    counts = desk.all(select(func.count().label("n")).select_from(window).where(window.c.state == "open"))
    assert counts[0]["n"] == len(desk.open.store_views)
    cart = desk.shop.add_cart(ready=False)
    desk.shop.faults = Faults()
    desk.run("carts")
    assert desk.ids(tables.cart) == [cart]


def test_an_answer_that_cannot_be_read_is_asked_for_in_halves_and_nothing_is_lost(desks: Desks) -> None:
    desk = desks.open(rules=Rules(page_size=8, connections=2))
    carts = [desk.shop.add_cart(ready=False) for _ in range(20)]
    desk.shop.faults = Faults(truncate=True, times=2, matching=r"carts/search.*pageSize%5D=8&")
    result = desk.run("carts")
    assert desk.ids(tables.cart) == carts
    assert (result.tally.added, result.tally.quarantined) == (20, 0)
    assert any("pageSize]=4" in unquote(line) for line in desk.requests())


def test_a_clock_set_back_loses_nothing(desk: Desk) -> None:
    desk.shop.set_clock(7_200)
    desk.open.magento.websites()
    first = desk.shop.add_cart(ready=False)
    desk.run("carts")
    desk.shop.set_clock(0)
    desk.open.magento.websites()
    second = desk.shop.add_cart(ready=False)
    desk.run("carts")
    third = desk.shop.add_cart(ready=False)
    desk.run("carts")
    assert desk.ids(tables.cart) == [first, second, third]


def test_a_start_date_and_a_website_bound_what_is_mirrored(desks: Desks) -> None:
    shop = Shop()
    old = shop.add_cart(store_id=1)
    shop.cart(old)["created_at"] = "2020-01-01 00:00:00"
    shop.records.changed("cart", [old])
    albany = {"country_id": "US", "region_id": 43, "region": "New York", "city": "Albany", "postcode": "12207"}
    here, there = shop.add_cart(store_id=1), shop.add_cart(store_id=3, address=albany)
    placed = [shop.place(cart) for cart in (here, there)]
    people = [shop.add_customer("a@example.test", store_id=1), shop.add_customer("b@example.test", store_id=3)]
    rules = Rules(start_date=datetime(2021, 1, 1, tzinfo=UTC), websites=("1",))
    desk = desks.open(shop, rules)
    desk.run_all()
    assert desk.ids(tables.cart) == [here]
    assert desk.ids(tables.order) == [placed[0]]
    assert desk.ids(tables.customer) == [people[0]]
    shop.close()


def test_a_worker_whose_work_was_taken_over_cannot_commit(desks: Desks) -> None:
    desk = desks.open(rules=Rules(page_size=2, connections=1))
    for _ in range(6):
        desk.shop.add_cart(ready=False)
    with desk.store.writing() as connection:
        lease = acquire(connection, "carts", "first", seconds=60)
    assert lease is not None

    def take_over(progress: Progress) -> None:
        if progress.tally.read == 2:
            desk.write("UPDATE lease SET expires_at = 0")
            with desk.store.writing() as connection:
                assert acquire(connection, "carts", "second") is not None

    with pytest.raises(LeaseLost):
        desk.run("carts", lease=lease, on_step=take_over)
    assert len(desk.ids(tables.cart)) == 2
    desk.run("carts")
    assert len(desk.ids(tables.cart)) == 6


def test_a_missing_permission_is_told_by_its_name(desk: Desk) -> None:
    desk.shop.remove_token("demo")
    desk.shop.add_token("demo", {"Magento_Backend::store", "Magento_Sales::actions_view"})
    with pytest.raises(PermissionMissing) as missing:
        desk.run("carts")
    assert missing.value.resource.startswith("Magento_Cart")
    run = desk.all(select(tables.sync_run).order_by(tables.sync_run.c.id.desc()))[0]
    assert "Magento_Cart" in run["error"]


def test_the_audit_finds_what_is_gone_with_few_requests(desks: Desks) -> None:
    shop = Shop(orders=40, carts=30, customers=20)
    desk = desks.open(shop)
    desk.run_all()
    asked = len(shop.requests)
    for entity in ("customers", "orders", "carts"):
        assert audit.find_gone(desk.store, desk.open, entity) == 0
    assert len(desk.requests(asked)) == 3
    order, customer = desk.ids(tables.order)[5], desk.ids(tables.customer)[3]
    cart = next(row["origin_id"] for row in desk.all(select(tables.cart)) if row["status"] == "open")
    shop.delete_order(order)
    shop.delete_customer(customer)
    shop.delete_cart(cart)
    for entity in ("customers", "orders", "carts"):
        assert audit.find_gone(desk.store, desk.open, entity) == 1
    assert desk.order(order)["gone_at"] is not None
    assert desk.customer(customer)["gone_at"] is not None
    assert desk.cart(cart)["status"] == "closing"
    assert desk.differences() == []
    shop.close()


def test_the_audit_leaves_alone_what_lies_before_a_later_start_date(desks: Desks) -> None:
    shop = Shop(orders=40, carts=30, customers=20)
    desk = desks.open(shop)
    desk.run_all()
    middle = sorted(row["created_at"] for row in desk.all(select(tables.order)))[20]
    later = replace(desk.open, channel=replace(desk.open.channel, start_date=middle))
    asked = len(shop.requests)
    for entity in ("customers", "orders", "carts"):
        assert audit.find_gone(desk.store, later, entity) == 0
    assert len(desk.requests(asked)) == 3
    shop.close()


def test_the_audit_mirrors_what_no_window_held(desk: Desk) -> None:
    first = desk.shop.add_cart(ready=False)
    hidden = desk.shop.add_cart(ready=False)
    last = desk.shop.add_cart(ready=False)
    desk.run("carts")
    desk.write("DELETE FROM cart WHERE id = :key", key=desk.key(hidden))
    desk.write("UPDATE cart_status_total SET carts = 2, base_subtotal = base_subtotal - base_subtotal / 3")
    desk.write("UPDATE cart_day_total SET carts = 2, base_subtotal = base_subtotal - base_subtotal / 3")
    audit.find_gone(desk.store, desk.open, "carts")
    assert desk.ids(tables.cart) == [first, hidden, last]


def test_a_bad_record_is_kept_with_its_payload_and_stops_nothing(desk: Desk) -> None:
    carts = [desk.shop.add_cart(ready=False) for _ in range(3)]
    orders = [desk.shop.place(desk.shop.add_cart()) for _ in range(3)]
    stored = desk.shop.records.state.get("order", orders[1])
    assert stored is not None
    stored["increment_id"] = "9" * 300
    desk.shop.records.changed("order", [orders[1]])
    result = desk.run("orders")
    assert result.tally.quarantined == 1
    assert desk.ids(tables.order) == [orders[0], orders[2]]
    held = desk.all(select(tables.quarantine))
    assert held[0]["origin_id"] == orders[1]
    assert b"increment_id" in held[0]["payload"]
    stored["increment_id"] = "000000123"
    desk.shop.records.changed("order", [orders[1]])
    desk.run("orders")
    assert desk.ids(tables.order) == orders
    assert desk.all(select(tables.quarantine)) == []
    assert len(carts) == 3


def _sync_until_killed(store_url: str, data_dir: str, channel: str, begins: Event) -> None:
    os.environ["CRM_DATA_DIR"] = data_dir
    settings.cache_clear()
    store = Store(store_url)
    opened = open_shop(store, channel_by_name(store, channel))
    begins.set()
    run_entity(store, opened, "carts", on_step=lambda _: time.sleep(0.01))


@pytest.mark.parametrize("after", [0.03, 0.08, 0.15])
def test_a_killed_process_loses_nothing_and_doubles_nothing(
    desks: Desks, store_url: str, after: float, tmp_path: Path
) -> None:
    desk = desks.open(rules=Rules(page_size=3, connections=2))
    carts = [desk.shop.add_cart(ready=False) for _ in range(40)]
    begins = _PROCESSES.Event()
    about = (store_url, os.environ["CRM_DATA_DIR"], desk.open.channel.name, begins)
    child = _PROCESSES.Process(target=_sync_until_killed, args=about, daemon=True)
    child.start()
    assert begins.wait(60)
    time.sleep(after)
    child.kill()
    child.join()
    desk.run("carts")
    assert desk.ids(tables.cart) == carts
    assert desk.differences() == []
    assert not list(tmp_path.glob("*.lock"))


def test_writers_of_one_shop_at_once_leave_rollups_that_equal_a_recount(desks: Desks) -> None:
    shop = Shop(orders=60, carts=40, customers=10, seed=5)
    desk = desks.open(shop, Rules(page_size=7, connections=2))
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(desk.run, entity) for entity in ("customers", "orders", "carts")]:
            done.result()
    desk.run_all()
    assert desk.differences() == []
    purchased = {row["origin_id"] for row in desk.all(select(tables.cart)) if row["order_id"] is not None}
    assert purchased == {order["quote_id"] for order in shop.records.state.all("order")}
    shop.close()
