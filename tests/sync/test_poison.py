"""A cart that the shop fails over is set apart, and nothing else is kept back: no cart of an order, count or audit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from crm_core.magento.search import Search
from crm_core.store import tables
from crm_core.sync.audit import find_gone
from crm_core.sync.dearest_totals import read_dearest_totals
from crm_core.sync.rules import Rules
from demo_store import Faults
from tests.sync.conftest import Desk, Desks


def hours_ago(hours: int) -> str:
    """That time, as the shop writes it."""
    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S")


def held(desk: Desk) -> list[int]:
    """The carts that are set apart."""
    return [row["origin_id"] for row in desk.all(select(tables.quarantine).order_by(tables.quarantine.c.origin_id))]


def first_of_all(desk: Desk) -> int:
    """The cart that the shop loads to count those of the first store view."""
    return desk.open.magento.carts(Search(page_size=1).where("store_id", "eq", 1)).items[0].id


def test_carts_that_orders_name_are_made_though_the_shop_fails_over_one_of_them(desk: Desk) -> None:
    carts = [desk.shop.add_cart() for _ in range(6)]
    for cart in carts:
        desk.shop.touch_order(desk.shop.place(cart), hours_ago(5))
    poison, deleted = carts[2], [carts[0], carts[4]]
    for cart in deleted:
        desk.shop.delete_cart(cart)
    desk.shop.faults = Faults(poison={poison})
    desk.run_all()
    assert desk.ids(tables.cart) == [cart for cart in carts if cart != poison]
    assert [cart for cart in desk.ids(tables.cart) if desk.cart(cart)["made_from_order"]] == deleted
    assert held(desk) == [poison]
    assert desk.all(select(tables.sync_run.c.error).where(tables.sync_run.c.error.is_not(None))) == []


def test_a_cart_from_before_the_start_date_that_the_shop_fails_over_is_set_apart_and_asked_for_now_and_then(
    desks: Desks,
) -> None:
    desk = desks.open(rules=Rules(start_date=datetime(2021, 1, 1, tzinfo=UTC)))
    carts = [desk.shop.add_cart() for _ in range(3)]
    for cart in carts:
        desk.shop.place(cart)
        desk.shop.cart(cart)["created_at"] = "2020-01-01 00:00:00"
    desk.shop.records.changed("cart", carts)
    desk.shop.faults = Faults(poison={carts[1]})
    desk.run_all()
    assert desk.ids(tables.cart) == [carts[0], carts[2]]
    assert held(desk) == [carts[1]]
    desk.write("UPDATE quarantine SET tries = 9")
    asked = len(desk.shop.requests)
    desk.run("carts")
    assert len(desk.requests(asked)) == len(desk.open.store_views), "it is not looked for as if it were missing"


def test_a_cart_that_is_gone_when_it_is_asked_for_again_is_made_from_its_order(desk: Desk) -> None:
    cart = desk.shop.add_cart()
    order = desk.shop.place(cart)
    desk.shop.touch_order(order, hours_ago(5))
    desk.shop.faults = Faults(poison={cart})
    desk.run_all()
    assert held(desk) == [cart]
    desk.shop.faults = Faults()
    desk.shop.delete_cart(cart)
    desk.write("UPDATE quarantine SET last_tried_at = last_tried_at - 3600000")
    assert desk.run("carts").tally.added == 1
    assert held(desk) == []
    made = desk.cart(cart)
    assert (made["made_from_order"], made["order_id"]) == (True, desk.key(order))
    assert desk.differences() == []


def test_the_cart_that_the_shop_loads_to_count_may_be_the_one_that_it_fails_over(desk: Desk) -> None:
    carts = [desk.shop.add_cart(ready=False) for _ in range(12)]
    for number, cart in enumerate(carts):
        desk.shop.touch_cart(cart, hours_ago(24 * (1 + number)))
    poison = first_of_all(desk)
    desk.shop.faults = Faults(poison={poison})
    result = desk.run("carts", window_size=4)
    assert desk.ids(tables.cart) == [cart for cart in carts if cart != poison]
    assert (result.expected, held(desk)) == (12, [poison])


def test_the_audit_finds_what_is_gone_beside_a_cart_that_the_shop_fails_over(desk: Desk) -> None:
    carts = [desk.shop.add_cart() for _ in range(6)]
    desk.run_all()
    poison = first_of_all(desk)
    deleted, ordered, *_ = (cart for cart in carts if cart != poison)
    desk.shop.delete_cart(deleted)
    desk.shop.place(ordered)
    desk.shop.faults = Faults(poison={poison, ordered})
    assert find_gone(desk.store, desk.open, "carts") == 1
    assert desk.cart(deleted)["gone_at"] is not None
    assert [desk.cart(cart)["gone_at"] for cart in (poison, ordered)] == [None, None]
    assert held(desk) == sorted([poison, ordered])


def test_totals_are_read_beside_a_cart_that_the_shop_fails_over(desks: Desks) -> None:
    desk = desks.open(rules=Rules(totals_a_run=9))
    good, bad = (desk.shop.add_cart([("MUG-01", quantity)]) for quantity in (1, 5))
    desk.run("carts")
    desk.shop.faults = Faults(poison={bad})
    assert read_dearest_totals(desk.store, desk.open) == 0
    desk.shop.set_qty(bad, "MUG-01", 6)
    desk.run("carts")
    assert held(desk) == [bad]
    assert read_dearest_totals(desk.store, desk.open) == 1
    assert desk.cart(good)["grand_total"] is not None


def test_an_answer_without_sense_about_the_dearest_carts_fails_no_run(desks: Desks) -> None:
    desk = desks.open(rules=Rules(totals_a_run=9))
    desk.shop.add_cart([("MUG-01", 1)])
    desk.run("carts")
    desk.shop.faults = Faults(truncate=True, matching="trigger_recollect")
    assert read_dearest_totals(desk.store, desk.open) == 0
