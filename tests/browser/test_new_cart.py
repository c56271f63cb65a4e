"""From nothing to an order number in the browser: for a customer, and for a guest by e-mail."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from crm_core.store.keys import record_key
from tests.browser.conftest import Floor

pytestmark = pytest.mark.browser
_CONFIRM = re.compile(r"Place order · ")


def _pick(page: Page, within: Locator, label: str, option: str | re.Pattern[str]) -> None:
    within.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option).first.click()


def _search(drawer: Locator, words: str) -> None:
    drawer.get_by_role("textbox", name="Product").fill(words)
    drawer.get_by_role("button", name="Search").click()


def _placed(page: Page) -> str:
    """What the drawer says once the order is placed on the first shipping offered and a check."""
    page.get_by_role("button", name=_CONFIRM).first.click()
    drawer = page.get_by_role("dialog")
    confirm = drawer.get_by_role("button", name=_CONFIRM)
    confirm.wait_for()
    if not drawer.get_by_role("combobox", name="Shipping").input_value():
        _pick(page, drawer, "Shipping", re.compile("Flat Rate"))
    _pick(page, drawer, "Payment", "Check / Money order")
    expect(confirm).to_be_enabled()
    confirm.click()
    said = drawer.get_by_text(re.compile("is placed for"))
    said.wait_for()
    return said.inner_text()


def _cart_of(page: Page) -> int:
    """The number of the cart that the editor is open on."""
    heading = page.get_by_role("dialog").get_by_text(re.compile(r"Edit cart \d+")).first
    heading.wait_for()
    return int(re.sub(r"\D", "", heading.inner_text()))


def test_a_cart_is_made_for_a_customer_and_ordered(floor: Floor) -> None:
    records = floor.shop.records
    busy = {cart["customer_id"] for cart in records.state.all("cart") if cart["is_active"]}
    customer = next(one for one in records.state.all("customer") if one["website_id"] == 1 and one["id"] not in busy)
    page = floor.open(f"customer?id={record_key(1, customer['id'])}")
    page.get_by_role("button", name="New cart").click()
    page.get_by_role("dialog").get_by_role("button", name="Start cart").click()
    cart = _cart_of(page)
    drawer = page.get_by_role("dialog")
    _search(drawer, "sweater")
    drawer.get_by_role("button", name="Choose").first.click()
    _pick(page, drawer, "Colour", "Navy")
    _pick(page, drawer, "Size", "M")
    # The choice's button stands above those of the variants, which the search finds by their names too.
    expect(drawer.get_by_role("button", name="Add", exact=True)).to_have_count(10)
    drawer.get_by_role("button", name="Add", exact=True).first.click()
    expect(drawer.get_by_text(re.compile(r"1 × Lambswool sweater \(Colour Navy, Size M\) added"))).to_be_visible()
    drawer.get_by_role("button", name="Close", exact=True).last.click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    said = _placed(page)
    (order,) = floor.orders_of(cart)
    assert str(order["increment_id"]) in said
    assert (order["customer_id"], [item["sku"] for item in order["items"]]) == (  # type: ignore[attr-defined]
        customer["id"],
        ["SWEATER-Navy-M", "SWEATER-Navy-M"],
    )


def test_a_cart_is_made_for_a_guest_and_ordered(floor: Floor) -> None:
    page = floor.open("carts")
    page.get_by_role("button", name="New cart").click()
    dialog = page.get_by_role("dialog")
    _pick(page, dialog, "Store view", re.compile("Nederlands"))
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name="New cart").click()
    _pick(page, dialog, "Store view", re.compile("Nederlands"))
    dialog.get_by_role("textbox", name="E-mail address").fill("ada.guest@example.test")
    dialog.get_by_role("textbox", name="First name").fill("Ada")
    dialog.get_by_role("textbox", name="Last name").fill("Vos")
    _pick(page, dialog, "Country", "Netherlands")
    dialog.get_by_role("button", name="Start cart").click()
    cart = _cart_of(page)
    drawer = page.get_by_role("dialog")
    _search(drawer, "blue mug")
    drawer.get_by_role("button", name="Add", exact=True).click()
    expect(drawer.get_by_text(re.compile("1 × Stoneware mug, blue added"))).to_be_visible()
    drawer.get_by_text("Addresses", exact=True).click()
    drawer.get_by_role("textbox", name="Street").fill("Kade 1")
    drawer.get_by_role("textbox", name="Postcode").fill("1011 AB")
    drawer.get_by_role("textbox", name="City").fill("Amsterdam")
    drawer.get_by_role("textbox", name="Telephone").fill("+31 20 555 0101")
    # A cart's first whole address is meant for both, unless somebody says otherwise.
    expect(drawer.get_by_role("checkbox", name="Use it for shipping and billing")).to_be_checked()
    drawer.get_by_role("button", name=re.compile("Save the shipping address")).click()
    expect(drawer.get_by_text(re.compile("Addresses saved"))).to_be_visible()
    drawer.get_by_role("button", name="Close", exact=True).last.click()
    said = _placed(page)
    (order,) = floor.orders_of(cart)
    assert str(order["increment_id"]) in said
    assert (order["customer_email"], order["store_id"]) == ("ada.guest@example.test", 2)


def test_an_open_cart_of_the_customer_is_shown_and_used(floor: Floor) -> None:
    cart = next(
        one
        for one in floor.shop.records.state.all("cart")
        if one["is_active"] and one["customer_id"] and one["lines"] and one["store_id"] in {1, 2, 4}
    )
    page = floor.open(f"customer?id={record_key(1, cart['customer_id'])}")
    page.get_by_role("button", name="New cart").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile("has an open cart"))).to_be_visible()
    expect(dialog.get_by_text(str(cart["lines"][0]["sku"])).first).to_be_visible()
    expect(dialog.get_by_role("button", name="Start cart")).to_have_count(0)
    dialog.get_by_role("button", name="Use this cart").first.click()
    assert _cart_of(page) == cart["entity_id"]
