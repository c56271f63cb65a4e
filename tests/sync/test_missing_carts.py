"""Carts that orders name and that no window held: fetched, however the shop hands them out, or set apart as bad."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from crm_core.store import tables
from crm_core.store.documents import decode_address
from crm_core.sync.rules import Rules
from tests.sync.conftest import Desk, Desks

SINCE_2021 = Rules(start_date=datetime(2021, 1, 1, tzinfo=UTC))


def ordered_later(desk: Desk, count: int) -> list[int]:
    """So many carts from before the channel's start date, which were ordered after it."""
    carts = [desk.shop.add_cart() for _ in range(count)]
    for cart in carts:
        desk.shop.place(cart)
        desk.shop.cart(cart)["created_at"] = "2020-01-01 00:00:00"
    desk.shop.records.changed("cart", carts)
    return carts


def test_carts_from_before_the_start_date_come_with_their_orders_in_the_pages_that_the_shop_allows(
    desks: Desks,
) -> None:
    desk = desks.open(rules=SINCE_2021)
    carts = ordered_later(desk, 5)
    desk.shop.set_limits(2, 2)
    desk.run_all()
    assert desk.ids(tables.cart) == carts
    assert {desk.cart(cart)["made_from_order"] for cart in carts} == {False}
    assert desk.differences() == []


def test_a_cart_of_an_order_that_cannot_be_kept_is_set_apart_and_stops_nothing(desks: Desks) -> None:
    desk = desks.open(rules=SINCE_2021)
    carts = ordered_later(desk, 3)
    desk.shop.cart(carts[1])["quote_currency_code"] = "EURO"
    desk.shop.records.changed("cart", carts)
    desk.run("orders")
    result = desk.run("carts")
    assert desk.ids(tables.cart) == [carts[0], carts[2]]
    run = desk.all(select(tables.sync_run).where(tables.sync_run.c.entity == "carts"))[0]
    assert (result.tally.added, result.tally.quarantined) == (run["added"], run["quarantined"]) == (2, 1)
    held = desk.all(select(tables.quarantine))
    assert [row["origin_id"] for row in held] == [carts[1]]
    assert b"EURO" in held[0]["payload"]
    assert desk.differences() == []


def ordered_and_deleted(desk: Desk, ago: timedelta) -> int:
    """A cart that was ordered so long ago, and that the shop has deleted since."""
    cart = desk.shop.add_cart()
    desk.shop.touch_order(desk.shop.place(cart), (datetime.now(UTC) - ago).strftime("%Y-%m-%d %H:%M:%S"))
    desk.shop.delete_cart(cart)
    return cart


def test_orders_whose_first_import_ends_after_that_of_carts_have_their_carts(desk: Desk) -> None:
    cart = ordered_and_deleted(desk, timedelta(days=90))
    desk.run("carts")
    desk.run("orders")
    desk.run("carts")
    assert desk.ids(tables.cart) == [cart]
    assert desk.cart(cart)["made_from_order"]
    assert decode_address(desk.cart(cart)["shipping_address"]) == decode_address(desk.cart(cart)["billing_address"])


def test_orders_that_came_hours_late_have_their_carts(desk: Desk) -> None:
    desk.run_all()
    for table, columns in (("sync_window", ("hi",)), ("sync_run", ("started_at", "renewed_at", "finished_at"))):
        back = ", ".join(f"{column} = {column} - 18000000" for column in columns)
        desk.write(f"UPDATE {table} SET {back} WHERE entity = 'orders'")
    cart = ordered_and_deleted(desk, timedelta(hours=4))
    desk.run("carts")
    desk.run("orders")
    desk.run("carts")
    assert desk.ids(tables.cart) == [cart]
    asked = len(desk.requests())
    desk.run("carts")
    assert len(desk.requests(asked)) == len(desk.open.store_views), "nothing more is asked for"
