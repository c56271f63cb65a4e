from __future__ import annotations

from typing import Any

from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from crm_core.store import tables
from crm_core.store.keys import origin_of
from demo_store import Faults
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, words_of


def _drawer(desk: Desk, key: int) -> AppTest:
    """The cart's screen with the drawer open on the shop's offer."""
    at = desk.open("cart", id=str(key))
    at.button(key="place-order").click().run()
    assert not at.exception
    return at


def _chosen(at: AppTest, payment: str = "checkmo") -> AppTest:
    at.selectbox(key="placing-payment").set_value(payment).run()
    assert not at.button(key="placing-confirm").disabled
    return at


def _orders(desk: Desk, key: int) -> list[Any]:
    return desk.rows(select(tables.order).where(tables.order.c.cart_id == key))


def test_an_order_is_placed_from_the_drawer_and_the_cart_is_purchased(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    at = _drawer(desk, key)
    assert "Will be ordered: 2 pieces in 1 line" in [each.label for each in at.expander]
    assert at.button(key="placing-confirm").disabled
    assert "Choose the payment first" in words_of(at)
    assert not desk.shop.orders_of(origin_of(key)[1])
    _chosen(at).button(key="placing-confirm").click().run()
    assert is_well(at)
    assert "is placed for" in at.success[0].value
    assert len(desk.shop.orders_of(origin_of(key)[1])) == 1
    placed = _orders(desk, key)[0]
    assert placed.increment_id in at.success[0].value
    assert placed.placed_by == "Maja Petersen"
    assert desk.rows(select(tables.cart.c.status).where(tables.cart.c.id == key))[0].status == "purchased"


def test_pressing_twice_makes_one_order_and_shows_it(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    first, second = _chosen(_drawer(desk, key)), _chosen(_drawer(desk, key))
    first.button(key="placing-confirm").click().run()
    second.button(key="placing-confirm").click().run()
    assert "is placed for" in first.success[0].value
    assert "You did this already, in another tab" in second.info[0].value
    assert "Maja Petersen" in words_of(second)
    assert len(desk.shop.orders_of(origin_of(key)[1])) == 1


def test_a_refusal_shows_the_shops_own_words_and_leaves_the_cart_open(desk: Desk) -> None:
    key = desk.new_cart(("CUSHION-01", 3))
    at = _chosen(_drawer(desk, key))
    desk.shop.set_stock("CUSHION-01", 1)
    try:
        at.button(key="placing-confirm").click().run()
    finally:
        desk.shop.set_stock("CUSHION-01", 500)
    assert not at.exception
    assert "Nothing was placed" in at.error[0].value
    assert not desk.shop.orders_of(origin_of(key)[1])
    assert desk.rows(select(tables.cart.c.status).where(tables.cart.c.id == key))[0].status == "open"


def test_another_total_is_shown_again_before_anything_is_placed(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    at = _chosen(_drawer(desk, key))
    before = at.button(key="placing-confirm").label
    desk.shop.set_shipping_price("flatrate", "11.25")
    try:
        at.button(key="placing-confirm").click().run()
        assert not at.exception
        assert "Nothing was placed yet" in at.warning[0].value
        assert not desk.shop.orders_of(origin_of(key)[1])
        _chosen(at)
        assert at.button(key="placing-confirm").label != before
        at.button(key="placing-confirm").click().run()
        assert "is placed for" in at.success[0].value
    finally:
        desk.shop.set_shipping_price("flatrate", "5.00")


def test_an_answer_that_got_lost_is_looked_up_and_the_order_shown(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _chosen(_drawer(desk, key))
    desk.shop.faults = Faults(drop=True, matching=r"^PUT .*/order$", times=1)
    try:
        at.button(key="placing-confirm").click().run()
    finally:
        desk.shop.faults = Faults()
    assert is_well(at)
    assert "is placed for" in at.success[0].value
    assert len(desk.shop.orders_of(origin_of(key)[1])) == 1


def test_no_clear_answer_is_said_and_nobody_may_try_again_meanwhile(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _chosen(_drawer(desk, key))
    desk.shop.faults = Faults(fail_every=1, fail_status=503, matching=r"^PUT .*/order$", times=1)
    try:
        at.button(key="placing-confirm").click().run()
    finally:
        desk.shop.faults = Faults()
    assert not at.exception
    assert "The shop gave no clear answer" in at.warning[0].value
    assert "placing-confirm" not in {each.key for each in at.button}
    other = desk.open("cart", id=str(key))
    assert other.button(key="place-order").disabled
    assert "no clear answer" in words_of(other)


def test_a_purchase_order_needs_its_number(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    desk.shop.switch_payment("purchaseorder", True)
    try:
        at = _chosen(_drawer(desk, key), "purchaseorder")
        at.button(key="placing-confirm").click().run()
        assert "purchase order number" in words_of(at)
        assert not desk.shop.orders_of(origin_of(key)[1])
        at.text_input(key="placing-po").set_value("PO 4500-7781").run()
        at.button(key="placing-confirm").click().run()
        assert "is placed for" in at.success[0].value
        assert _orders(desk, key)[0].po_number == "PO 4500-7781"
    finally:
        desk.shop.switch_payment("purchaseorder", False)


def test_a_cart_that_cannot_be_ordered_says_what_to_settle(desk: Desk) -> None:
    origin_id = desk.shop.add_cart([("MUG-01", 1)], ready=False)
    desk.read("carts")
    key = desk.cart(origin_id=origin_id)
    at = _drawer(desk, key)
    assert at.error
    assert at.button(key="placing-confirm").disabled
    assert "Settle the red lines first" in words_of(at)


def test_the_drawer_says_when_the_shop_answers_nonsense_and_tries_again(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    desk.shop.faults = Faults(html=True)
    try:
        at = _drawer(desk, key)
    finally:
        desk.shop.faults = Faults()
    assert at.error
    next(each for each in at.button if each.label == "Try again").click().run()
    assert not at.error
    assert at.button(key="placing-confirm").disabled
