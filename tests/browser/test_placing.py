from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from demo_store import Faults
from tests.browser.conftest import Floor, drawn

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


def test_every_check_is_there_and_what_stops_the_order_is_mended_in_the_drawer(floor: Floor) -> None:
    cart = floor.shop.add_cart([("TEAPOT-01", 3), ("MUG-01", 1)], email=None)
    page = floor.cart_page(cart)
    floor.shop.set_salable("TEAPOT-01", 1)
    try:
        page.get_by_role("button", name=_PLACE).first.click()
        drawer = page.get_by_role("dialog")
        expect(drawer.get_by_text(re.compile("Only 1 of .* left"))).to_be_visible()
        expect(drawer.get_by_text("No e-mail address")).to_be_visible()
        expect(drawer.get_by_text("4 things cannot be known here")).to_be_visible()
        expect(drawer.get_by_role("button", name=_CONFIRM)).to_be_disabled()
        drawer.get_by_role("button", name="Make it 1").click()
        expect(drawer.get_by_text(re.compile("^Now 1 × "))).to_be_visible()
        drawn(page)
        drawer.get_by_role("textbox", name="E-mail address").fill("ada@example.test")
        drawer.get_by_role("button", name="Save").click()
        expect(drawer.get_by_text(re.compile("The e-mail address is now"))).to_be_visible()
        drawer.get_by_role("button", name=_CONFIRM).click()
        expect(drawer.get_by_text(re.compile("is placed for"))).to_be_visible()
    finally:
        floor.shop.set_stock("TEAPOT-01", 1000)
    [order] = floor.orders_of(cart)
    assert order["customer_email"] == "ada@example.test"


def test_a_cart_whose_price_changed_waits_for_the_reps_check(floor: Floor) -> None:
    cart = floor.shop.add_cart([("COURSE-01", 1)])
    page = floor.cart_page(cart)
    floor.shop.set_price("COURSE-01", "44.00")
    try:
        page.get_by_role("button", name=_PLACE).first.click()
        drawer = page.get_by_role("dialog")
        drawer.get_by_role("button", name=re.compile("the shop will recalculate this cart")).click()
        expect(drawer.get_by_text(re.compile("The price of .* was .* and is "))).to_be_visible()
        drawer.get_by_role("button", name=_CONFIRM).click()
        expect(drawer.get_by_text(re.compile("is placed for"))).to_be_visible()
    finally:
        floor.shop.set_price("COURSE-01", "40.00")


def test_a_refusal_shows_magentos_words_with_the_check_below_and_its_fix(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-02", 2), ("MUG-01", 1)])
    page = _offered(floor.cart_page(cart))
    floor.shop.set_stock("MUG-02", 0, in_stock=False)
    try:
        drawer = page.get_by_role("dialog")
        drawer.get_by_role("button", name=_CONFIRM).click()
        expect(drawer.get_by_text(re.compile("Magento refused the order"))).to_be_visible()
        expect(drawer.get_by_text("Some of the products are out of stock.").first).to_be_visible()
        assert floor.orders_of(cart) == []
        drawer.get_by_role("button", name="Remove the line").click()
        expect(drawer.get_by_text(re.compile("Will be ordered: 1 piece in 1 line"))).to_be_visible()
        drawer.get_by_role("button", name=_CONFIRM).click()
        expect(drawer.get_by_text(re.compile("is placed for"))).to_be_visible()
    finally:
        floor.shop.set_stock("MUG-02", 1000)
    assert len(floor.orders_of(cart)) == 1


def test_an_order_is_placed_on_a_phone(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    page = floor.cart_page(cart)
    page.set_viewport_size({"width": 390, "height": 844})
    _offered(page)
    drawer = page.get_by_role("dialog")
    shipping = drawer.get_by_role("combobox", name=re.compile("Shipping")).bounding_box()
    payment = drawer.get_by_role("combobox", name=re.compile("Payment")).bounding_box()
    assert shipping is not None
    assert payment is not None
    assert payment["y"] >= shipping["y"] + shipping["height"], "one below the other"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    drawer.get_by_role("button", name=_CONFIRM).click()
    expect(drawer.get_by_text(re.compile("is placed for"))).to_be_visible()


def test_no_clear_answer_is_looked_up_until_it_is_clear(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    page = _offered(floor.cart_page(cart))
    floor.shop.faults = Faults(fail_every=1, fail_status=503, matching=r"^PUT .*/order$", times=1)
    try:
        page.get_by_role("dialog").get_by_role("button", name=_CONFIRM).click()
        expect(page.get_by_role("dialog").get_by_text("The shop gave no clear answer.")).to_be_visible()
    finally:
        floor.shop.faults = Faults()
    assert page.get_by_role("dialog").get_by_role("button", name=_CONFIRM).count() == 0
    floor.shop.place(cart)
    expect(page.get_by_role("dialog").get_by_text(re.compile("is placed for"))).to_be_visible(timeout=60_000)
    assert len(floor.orders_of(cart)) == 1


def test_a_double_click_makes_one_order(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    page = _offered(floor.cart_page(cart))
    page.get_by_role("dialog").get_by_role("button", name=_CONFIRM).dblclick()
    expect(page.get_by_role("dialog").get_by_text(re.compile("is placed for"))).to_be_visible()
    assert len(floor.orders_of(cart)) == 1


def test_a_press_while_the_order_is_being_placed_sends_nothing_after_a_refusal(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    page = _offered(floor.cart_page(cart))
    floor.shop.faults = Faults(slow=2.0, throttle_every=1, matching=r"^PUT .*/order$", times=1)
    try:
        confirm = page.get_by_role("dialog").get_by_role("button", name=_CONFIRM)
        confirm.click()
        page.wait_for_timeout(700)
        confirm.click()
        expect(page.get_by_role("dialog").get_by_text(re.compile("The order was not placed"))).to_be_visible()
    finally:
        floor.shop.faults = Faults()
    page.wait_for_timeout(1000)
    assert floor.orders_of(cart) == []


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
    number = floor.shop.order(floor.shop.place(cart))["increment_id"]
    page = floor.cart_page(cart)
    expect(page.get_by_role("button", name=_PLACE).first).to_be_disabled()
    expect(page.get_by_text(re.compile(f"Already ordered.+{number}"))).to_be_visible()


def test_a_lost_cart_needs_a_reason_and_can_be_reopened(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    page = floor.cart_page(cart)
    page.get_by_role("button", name="Mark lost").click()
    page.get_by_role("dialog").get_by_role("textbox").fill("Bought elsewhere")
    page.get_by_role("dialog").get_by_role("button", name="Mark lost").click()
    expect(page.get_by_text("Bought elsewhere").first).to_be_visible()
    page.get_by_role("button", name="Reopen").click()
    expect(page.get_by_role("button", name=_PLACE).first).to_be_enabled()
