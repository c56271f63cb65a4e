"""“I placed it there”: what the shop says of a cart that somebody went to order in its admin."""

from __future__ import annotations

import pytest

from crm_core.errors import ChannelError
from crm_core.sales.placed_there import look_for_order
from crm_core.store import tables
from tests.sales.desk import Desk


def test_an_order_that_came_of_the_cart_is_found_and_the_cart_is_purchased(desk: Desk) -> None:
    cart = desk.add_cart()
    order = desk.shop.place(cart)
    found = look_for_order(desk.store, desk.key(cart), "anna")
    assert found.order is not None
    assert found.order.key == desk.key(order)
    assert found.others == ()


@pytest.mark.parametrize("is_guest", [True, False])
def test_another_order_of_the_same_person_is_told_of_and_mirrored_but_not_taken_for_this_carts(
    desk: Desk, is_guest: bool
) -> None:
    customer = None if is_guest else desk.shop.add_customer("kim@example.test")
    whose = {"customer_id": customer, "email": "kim@example.test"}
    cart, in_the_admin = (desk.add_cart(**whose) for _ in range(2))
    order = desk.shop.place(in_the_admin)
    somebody_elses = desk.shop.place(desk.add_cart(email="leo@example.test"))
    found = look_for_order(desk.store, desk.key(cart), "anna")
    assert found.order is None
    assert [each.key for each in found.others] == [desk.key(order)]
    assert desk.shop.order(order)["increment_id"] == found.others[0].increment_id
    with desk.store.reading() as connection:
        mirrored = {row.id for row in connection.execute(tables.order.select())}
    assert desk.key(order) in mirrored
    assert desk.key(somebody_elses) not in mirrored


def test_an_order_that_was_cancelled_does_not_count(desk: Desk) -> None:
    cart = desk.add_cart()
    desk.shop.act(desk.shop.place(cart), "cancel")
    found = look_for_order(desk.store, desk.key(cart), "anna")
    assert (found.order, found.others) == (None, ())


def test_nothing_there_is_told_so(desk: Desk) -> None:
    found = look_for_order(desk.store, desk.key(desk.add_cart()), "anna")
    assert (found.order, found.others) == (None, ())


def test_looking_leaves_a_cart_alone_that_is_due_to_be_recalculated(desk: Desk) -> None:
    cart = desk.add_cart()
    desk.shop.set_price("MUG-01", "20.00")
    before = desk.shop.cart(cart)
    look_for_order(desk.store, desk.key(cart), "anna")
    assert desk.shop.cart(cart) == before


def test_a_shop_that_cannot_be_asked_says_so(desk: Desk) -> None:
    cart = desk.add_cart()
    desk.shop.remove_token("demo")
    with pytest.raises(ChannelError):
        look_for_order(desk.store, desk.key(cart), "anna")
