from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from demo_store import Faults
from tests.browser.conftest import Floor

pytestmark = pytest.mark.browser
_PLACE = re.compile("Place order")
_CONFIRM = re.compile(r"Place order · ")


def _offered(page: Page) -> Page:
    """The drawer, open with the shop's offer and everything chosen."""
    page.get_by_role("button", name=_PLACE).first.click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("button", name=_CONFIRM).wait_for()
    _choose(page, "Payment", "Check / Money order")
    return page


def _choose(page: Page, label: str, option: str) -> None:
    box = page.get_by_role("dialog").get_by_role("combobox", name=re.compile(label))
    if option not in (box.input_value() or ""):
        box.click()
        page.get_by_role("option", name=option).click()


def test_synchronise_reads_the_cart_now_and_says_what_changed(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    page = floor.cart_page(cart)
    floor.shop.set_qty(cart, "MUG-01", 3)
    page.get_by_role("button", name="Synchronise").click()
    expect(page.get_by_text(re.compile("1 → 3")).first).to_be_visible()
    page.get_by_role("button", name="Synchronise").click()
    expect(page.get_by_text(re.compile("Nothing changed", re.IGNORECASE)).first).to_be_visible()


def test_a_cart_becomes_one_order_and_the_rep_gets_its_number(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 2)])
    page = _offered(floor.cart_page(cart))
    page.get_by_role("dialog").get_by_role("button", name=_CONFIRM).click()
    expect(page.get_by_role("dialog").get_by_text(re.compile("is placed for"))).to_be_visible()
    orders = floor.orders_of(cart)
    assert len(orders) == 1
    page.get_by_role("dialog").get_by_role("link", name="View order").click()
    expect(page.get_by_role("heading", name=re.compile(str(orders[0]["increment_id"])))).to_be_visible()


def test_a_refusal_shows_magentos_words_and_the_cart_stays_open(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-02", 1)])
    page = _offered(floor.cart_page(cart))
    floor.shop.set_stock("MUG-02", 0, in_stock=False)
    try:
        page.get_by_role("dialog").get_by_role("button", name=_CONFIRM).click()
        expect(page.get_by_role("dialog").get_by_text(re.compile("refused"))).to_be_visible()
        expect(page.get_by_role("dialog").get_by_text(re.compile("out of stock")).first).to_be_visible()
    finally:
        floor.shop.set_stock("MUG-02", 1000)
    assert floor.orders_of(cart) == []


def test_a_double_click_makes_one_order(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    page = _offered(floor.cart_page(cart))
    page.get_by_role("dialog").get_by_role("button", name=_CONFIRM).dblclick()
    expect(page.get_by_role("dialog").get_by_text(re.compile("is placed for"))).to_be_visible()
    assert len(floor.orders_of(cart)) == 1


def test_two_tabs_make_one_order_and_the_second_is_told_who_placed_it(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    first, second = _offered(floor.cart_page(cart)), _offered(floor.cart_page(cart))
    first.get_by_role("dialog").get_by_role("button", name=_CONFIRM).click()
    second.get_by_role("dialog").get_by_role("button", name=_CONFIRM).click()
    expect(first.get_by_role("dialog").get_by_text(re.compile("is placed for"))).to_be_visible()
    expect(second.get_by_role("dialog").get_by_text(re.compile("Maja Petersen"))).to_be_visible()
    assert len(floor.orders_of(cart)) == 1


def test_an_answer_that_is_lost_is_looked_up_not_asked_for_again(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    page = _offered(floor.cart_page(cart))
    floor.shop.faults = Faults(drop=True, matching=r"^PUT .*/order$", times=1)
    try:
        page.get_by_role("dialog").get_by_role("button", name=_CONFIRM).click()
        expect(page.get_by_role("dialog").get_by_text(re.compile("is placed for"))).to_be_visible(timeout=60_000)
    finally:
        floor.shop.faults = Faults()
    assert len(floor.orders_of(cart)) == 1
    sent = [asked for asked in floor.shop.requests if asked.startswith("PUT") and f"/carts/{cart}/order" in asked]
    assert len(sent) == 1


def test_place_order_is_shown_but_shut_with_its_reason_on_a_cart_that_was_bought(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    floor.shop.place(cart)
    page = floor.cart_page(cart)
    expect(page.get_by_role("button", name=_PLACE).first).to_be_disabled()
    expect(page.get_by_text(re.compile("order", re.IGNORECASE)).first).to_be_visible()


def test_a_lost_cart_needs_a_reason_and_can_be_reopened(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    page = floor.cart_page(cart)
    page.get_by_role("button", name="Mark lost").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("Bought elsewhere")
    page.get_by_role("dialog").get_by_role("button", name="Mark lost").click()
    expect(page.get_by_text("Bought elsewhere").first).to_be_visible()
    page.get_by_role("button", name="Reopen").click()
    expect(page.get_by_role("button", name=_PLACE).first).to_be_enabled()
