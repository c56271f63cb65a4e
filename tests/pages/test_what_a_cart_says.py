"""What a cart's screen says of itself is so: its total, that it is active again, that it is open again."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest

from crm_core.sales.decisions import mark_lost
from crm_core.store import tables
from crm_core.store.keys import origin_of
from crm_core.sync.record import synchronise_cart
from demo_store import Faults
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, words_of


def _row(desk: Desk, key: int) -> Any:
    return desk.rows(select(tables.cart).where(tables.cart.c.id == key))[0]


def _cart(desk: Desk, key: int) -> AppTest:
    at = desk.open("cart", id=str(key))
    assert is_well(at)
    return at


def _plain(markdown: str) -> str:
    """What a person reads: without what keeps a text from being Markdown."""
    return re.sub(r"\\(.)", r"\1", markdown).replace("\u2060", "")


def _words(at: AppTest) -> str:
    return _plain(words_of(at))


def _place_order(at: AppTest) -> str:
    return str(at.button(key="place-order").label)


def _total(desk: Desk, key: int) -> str:
    """What the cart comes to in the shop now, as the screens write it."""
    return f"€{Decimal(str(desk.shop.cart(origin_of(key)[1])['grand_total'])):,.2f}"


def test_an_old_total_is_told_as_what_it_was_once_the_lines_change(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    synchronise_cart(desk.store, key, "Maja")
    exact, was = _cart(desk, key), _total(desk, key)
    assert _place_order(exact) == f"Place order · {was}"
    assert "exact as of" in _words(exact)
    desk.shop.set_qty(origin_of(key)[1], "MUG-01", 20)
    desk.read("carts")
    at = _cart(desk, key)
    subtotal = f"€{_row(desk, key).base_subtotal:,.2f}"
    assert _place_order(at) == f"Place order · about {subtotal}"
    words = _words(at)
    assert "Subtotal, about" in words
    assert f"The total was {was} when it was read, " in words
    assert "The cart has changed since." in words
    assert "Grand total" not in words
    assert "exact as of" not in words


def test_a_total_that_counts_what_would_not_be_ordered_is_about(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1), ("CUSHION-01", 1))
    desk.shop.disable_product("CUSHION-01")
    try:
        synchronise_cart(desk.store, key, "Maja")
    finally:
        desk.shop.enable_product("CUSHION-01")
    at = _cart(desk, key)
    assert _place_order(at) == f"Place order · about {_total(desk, key)}"
    words = _words(at)
    assert "Grand total, about" in words
    assert "not reliable" in words
    assert "saved the cart after that" not in words, "it did not"


def test_the_total_of_a_cart_that_was_saved_later_is_about(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    synchronise_cart(desk.store, key, "Maja")
    desk.do(update(tables.cart).where(tables.cart.c.id == key).values(updated_at=_row(desk, key).totals_shop_time))
    total = _total(desk, key)
    assert _place_order(_cart(desk, key)) == f"Place order · {total}"
    later = _row(desk, key).totals_shop_time + timedelta(minutes=1)
    desk.do(update(tables.cart).where(tables.cart.c.id == key).values(updated_at=later))
    at = _cart(desk, key)
    assert _place_order(at) == f"Place order · about {total}"
    words = _words(at)
    assert "Grand total, about" in words
    assert "as read " in words
    assert "The shop saved the cart after that, so the total may be another now. Synchronise to read it again." in words
    assert "exact as of" not in words


def test_the_list_of_carts_leaves_out_a_total_that_is_no_longer_the_carts(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    synchronise_cart(desk.store, key, "Maja")
    assert str(desk.open("carts").dataframe[0].value["total"].iloc[0]) == _total(desk, key)
    desk.shop.set_qty(origin_of(key)[1], "MUG-01", 20)
    desk.read("carts")
    grid = desk.open("carts").dataframe[0].value
    assert grid["subtotal"].iloc[0] == f"€{_row(desk, key).base_subtotal:,.2f}"
    assert grid["total"].isna().iloc[0]


def _lost_and_active_again(desk: Desk) -> int:
    key = desk.new_cart(("MUG-01", 2))
    mark_lost(desk.store, key, "too dear", "Maja")
    later = _row(desk, key).updated_at + timedelta(seconds=2)
    desk.shop.set_qty(origin_of(key)[1], "MUG-01", 5)
    desk.shop.touch_cart(origin_of(key)[1], later.strftime("%Y-%m-%d %H:%M:%S"))
    synchronise_cart(desk.store, key, "Maja", totals=False)
    return key


def test_a_lost_cart_whose_customer_came_back_says_so_until_it_is_sold(desk: Desk) -> None:
    key = _lost_and_active_again(desk)
    words = _words(_cart(desk, key))
    assert "Active again" in words
    assert "Reopen it to place an order." in words
    desk.shop.place(origin_of(key)[1])
    synchronise_cart(desk.store, key, "Maja", totals=False)
    row = _row(desk, key)
    assert row.status == "purchased"
    assert row.activity_after_lost_at is not None, "the flag is of the decision, which stands"
    words = _words(_cart(desk, key))
    assert "Active again" not in words
    assert "came back" not in words
    assert "Reopen" not in words


def test_a_lost_cart_that_the_shop_closed_after_its_customer_came_back_advises_no_reopening(desk: Desk) -> None:
    key = _lost_and_active_again(desk)
    desk.shop.delete_cart(origin_of(key)[1])
    synchronise_cart(desk.store, key, "Maja")
    words = _words(_cart(desk, key))
    assert "The customer came back to this cart" in words
    assert "Active again" not in words
    assert "Reopen it" not in words


@pytest.mark.parametrize("is_deleted", [True, False])
def test_reopening_a_cart_that_the_shop_closed_does_not_call_it_open(desk: Desk, is_deleted: bool) -> None:
    key = desk.new_cart(("MUG-01", 2))
    mark_lost(desk.store, key, "too dear", "Maja")
    if is_deleted:
        desk.shop.delete_cart(origin_of(key)[1])
    else:
        desk.shop.deactivate_cart(origin_of(key)[1])
    synchronise_cart(desk.store, key, "Maja")
    at = _cart(desk, key)
    assert "Marked lost by Maja. The shop" in _words(at)
    assert "Reopen it first" not in _words(at)
    next(each for each in at.button if each.label == "Reopen").click().run()
    assert _row(desk, key).status == "closing"
    assert [each.value for each in at.toast] == ["No longer marked lost. The cart is Closing, not open."]
    assert ("The shop no longer has this cart" if is_deleted else "The shop closed this cart") in _words(at)
    assert "Synchronise it in a few minutes" in _words(at)


def test_reopening_an_open_cart_says_that_it_is_open(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    mark_lost(desk.store, key, "too dear", "Maja")
    at = _cart(desk, key)
    assert "Reopen it first." in _words(at)
    next(each for each in at.button if each.label == "Reopen").click().run()
    assert [each.value for each in at.toast] == ["The cart is open again."]


class _DeafAfterPlacing(Faults):
    """From the moment an order is placed, every question is answered 500."""

    is_placed = False

    def touches(self, method: str, target: str) -> bool:
        """Whether the fault applies to this request."""
        if method == "PUT" and target.endswith("/order"):
            self.is_placed = True
            return False
        return self.is_placed and super().touches(method, target)


def test_an_order_that_is_not_read_back_yet_is_not_linked_to_and_its_number_comes_by_itself(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    at = _cart(desk, key)
    at.button(key="place-order").click().run()
    at.selectbox(key="placing-payment").set_value("checkmo").run()
    desk.shop.faults = _DeafAfterPlacing(fail_every=1)
    try:
        next(each for each in at.button if str(each.key).startswith("placing-confirm")).click().run()
        words = _words(at)
        assert "**The order** is placed for " in words
        assert "The desk shows the cart as Open until it has read the order." in words
        assert "the desk keeps asking for a day" in words
        assert "now Purchased" not in words
        assert "View order" not in _links(at)
        assert _row(desk, key).status == "open"
    finally:
        desk.shop.faults = Faults()
    at.run()
    [order] = desk.rows(select(tables.order).where(tables.order.c.cart_id == key))
    words = _words(at)
    assert f"**Order {order.increment_id}** is placed for " in words
    assert "The cart is now Purchased." in words
    assert "View order" in _links(at)


def _links(at: AppTest) -> list[str]:
    return [each.proto.label for each in at.get("page_link")]
