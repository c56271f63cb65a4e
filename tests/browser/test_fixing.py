from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from demo_store import Faults
from tests.browser.conftest import Floor

pytestmark = pytest.mark.browser
PHONE: ViewportSize = {"width": 390, "height": 844}


def _editor(floor: Floor, cart: int, card: int = 0) -> tuple[Page, Locator]:
    """The cart's page with the drawer open from the button on its items (0) or its addresses (1)."""
    page = floor.cart_page(cart)
    page.get_by_role("button", name="Edit").nth(card).click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("radio", name="Coupon").wait_for()
    return page, drawer


def _quantities(floor: Floor, cart: int) -> dict[str, float]:
    return {line["sku"]: line["qty"] for line in floor.shop.cart(cart)["lines"]}


def _search(drawer: Locator, words: str) -> None:
    drawer.get_by_placeholder("Name or SKU").fill(words)
    drawer.get_by_placeholder("Name or SKU").press("Enter")
    drawer.get_by_text(re.compile("catalogue prices")).wait_for()


def _choose(page: Page, drawer: Locator, label: str, option: str) -> None:
    drawer.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option, exact=True).click()


def test_a_quantity_is_changed_and_stands_on_the_page_behind(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1), ("BOOK 01", 1)])
    page, drawer = _editor(floor, cart)
    drawer.get_by_role("spinbutton", name=re.compile("Winter")).fill("3")
    drawer.get_by_role("spinbutton", name=re.compile("Stoneware mug")).fill("4")
    drawer.get_by_role("button", name="Save").first.click()
    expect(drawer.get_by_text("Now 4 × Stoneware mug, blue.")).to_be_visible()
    expect(page.get_by_text(re.compile("5 in 2 lines"))).to_be_visible()
    expect(drawer.get_by_role("spinbutton", name=re.compile("Winter"))).to_have_value("3")
    assert _quantities(floor, cart) == {"MUG-01": 4, "BOOK 01": 1}
    drawer.get_by_role("button", name="Save").last.click()
    expect(drawer.get_by_text(re.compile("Now 3 × Book"))).to_be_visible()
    assert _quantities(floor, cart) == {"MUG-01": 4, "BOOK 01": 3}
    drawer.get_by_role("button", name="Close", exact=True).last.click()
    expect(drawer).to_have_count(0)


def test_a_double_click_is_sent_once_and_two_presses_on_purpose_twice(floor: Floor) -> None:
    cart = floor.shop.add_cart([("RARE-01", 1)])
    page, drawer = _editor(floor, cart)
    pieces, save = drawer.get_by_role("spinbutton"), drawer.get_by_role("button", name="Save")

    def sent() -> int:
        return sum(bool(re.match(rf"PUT .*/carts/{cart}/items/", each)) for each in floor.shop.requests)

    def press_twice(quantity: int) -> None:
        """The second half of the double click comes while the shop is still at work on the first."""
        floor.shop.faults = Faults(slow=1.0, matching=r"PUT .*/items/", times=1)
        pieces.first.fill(str(quantity))
        save.click()
        page.wait_for_timeout(200)
        save.click()

    press_twice(500)
    expect(drawer.get_by_text(re.compile("not available"))).to_be_visible()
    press_twice(2)
    expect(drawer.get_by_text(re.compile("Now 2 × "))).to_be_visible()
    assert sent() == 2
    pieces.first.fill("1")
    save.click()
    expect(drawer.get_by_text(re.compile("Now 1 × "))).to_be_visible()
    assert sent() == 3


def test_a_line_is_removed_and_a_product_added_once_by_a_double_click(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1), ("BOOK 01", 1)])
    _, drawer = _editor(floor, cart)
    drawer.get_by_role("button", name="Remove").nth(1).click()
    expect(drawer.get_by_text(re.compile("The House in Winter removed"))).to_be_visible()
    _search(drawer, "bread slowly")
    drawer.get_by_role("button", name="Add", exact=True).dblclick()
    expect(drawer.get_by_text(re.compile("1 × Book.* Bread, Slowly added"))).to_be_visible()
    assert _quantities(floor, cart) == {"MUG-01": 1, "BOOK 02": 1}


def test_a_line_that_the_shop_hides_is_replaced_by_a_chosen_variant(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1), ("BENCH-120", 1)])
    floor.cart_page(cart).close()
    floor.shop.disable_product("BENCH-120")
    try:
        page = floor.cart_page(cart)
        page.get_by_role("button", name="Synchronise").click()
        expect(page.get_by_text(re.compile("1 line unavailable"))).to_be_visible()
        page.get_by_role("button", name="Edit").first.click()
        drawer = page.get_by_role("dialog")
        expect(drawer.get_by_text("Not in the shop")).to_be_visible()
        drawer.get_by_role("button", name="Replace").nth(1).click()
        drawer.get_by_role("button", name="Keep it").wait_for()
        _search(drawer, "linen bathrobe")
        drawer.get_by_role("button", name="Choose").first.click()
        _choose(page, drawer, "Size", "M")
        expect(drawer.get_by_role("button", name="Put it in")).to_have_count(4)  # the choice's, and three variants'
        drawer.get_by_role("button", name="Put it in").first.click()
        expect(drawer.get_by_text(re.compile("Garden bench, 120 cm replaced by 1 × Linen bathrobe"))).to_be_visible()
    finally:
        floor.shop.enable_product("BENCH-120")
    assert set(_quantities(floor, cart)) == {"MUG-01", "ROBE-M"}


def test_a_wrong_coupon_costs_nothing_and_a_right_one_is_put_on(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    _, drawer = _editor(floor, cart)
    drawer.get_by_role("radio", name="Coupon").click()
    code = drawer.get_by_placeholder(re.compile("code", re.IGNORECASE))
    for wrong, why in (("SPRING25", "expired"), ("NONSENSE", "does not exist")):
        code.fill(wrong)
        drawer.get_by_role("button", name="Put it on").click()
        expect(drawer.get_by_text(re.compile(why))).to_be_visible()
    code.fill("WELCOME10")
    code.press("Enter")
    expect(drawer.get_by_text(re.compile("The coupon WELCOME10 is on the cart"))).to_be_visible()
    assert floor.shop.cart(cart)["coupon_code"] == "WELCOME10"
    code.fill("NONSENSE")
    drawer.get_by_role("button", name="Put it on").click()
    expect(drawer.get_by_text(re.compile("does not exist"))).to_be_visible()
    assert floor.shop.cart(cart)["coupon_code"] == "WELCOME10"


def _held(floor: Floor, cart: int, kind: str) -> dict[str, Any]:
    address: dict[str, Any] = floor.shop.cart(cart)[kind]
    return address


def test_a_guests_address_with_a_region_and_an_email_are_entered(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)], store_id=3, ready=False, email=None)
    page, drawer = _editor(floor, cart, card=1)
    for label, text in (
        ("First name", "Ada"),
        ("Last name", "Vos"),
        ("Street", "1 Main St"),
        ("Postcode", "97201"),
        ("City", "Portland"),
        ("Telephone", "+1 503 555 0101"),
    ):
        drawer.get_by_role("textbox", name=re.compile(label)).fill(text)
    _choose(page, drawer, "Country", "Canada")
    expect(drawer.get_by_role("checkbox", name="Use it for shipping and billing")).to_be_checked()
    _choose(page, drawer, "Country", "United States")
    expect(drawer.get_by_role("combobox", name=re.compile("Region"))).to_be_visible()
    expect(drawer.get_by_role("textbox", name=re.compile("City"))).to_have_value("Portland")
    drawer.get_by_role("button", name="Save the shipping address").click()
    expect(drawer.get_by_text(re.compile("Choose a region"))).to_be_visible()
    expect(drawer.get_by_role("textbox", name=re.compile("City"))).to_have_value("Portland")
    _choose(page, drawer, "Region", "Oregon")
    drawer.get_by_role("button", name="Save the shipping address").click()
    expect(drawer.get_by_text("Addresses saved.")).to_be_visible()
    assert (_held(floor, cart, "shipping")["region_id"], _held(floor, cart, "billing")["city"]) == (51, "Portland")

    drawer.get_by_placeholder("name@example.com").fill("ada@example.test")
    drawer.get_by_role("button", name="Save", exact=True).click()
    expect(drawer.get_by_text(re.compile("The e-mail address is now ada"))).to_be_visible()
    assert _held(floor, cart, "billing")["email"] == "ada@example.test"


def test_a_cart_is_mended_on_a_phone(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1), ("TEAPOT-01", 1)])
    page = floor.cart_page(cart)
    page.set_viewport_size(PHONE)
    page.get_by_role("button", name="Edit").first.click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("spinbutton", name=re.compile("Stoneware mug")).fill("2")
    drawer.get_by_role("button", name="Save").first.click()
    expect(drawer.get_by_text("Now 2 × Stoneware mug, blue.")).to_be_visible()
    for name in ("Remove", "Replace", "Save", "Search"):
        box = drawer.get_by_role("button", name=name).first.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
    assert _quantities(floor, cart) == {"MUG-01": 2, "TEAPOT-01": 1}
