from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from crm_core.sales.decisions import mark_lost
from crm_core.store.keys import record_key
from crm_core.store.tables import cart_item
from tests.browser.conftest import Floor

pytestmark = pytest.mark.browser

_WIDTH = 390
_PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)


def _phone(browser: Browser) -> Page:
    context = browser.new_context(
        viewport={"width": _WIDTH, "height": 844}, is_mobile=True, has_touch=True, user_agent=_PHONE, locale="en-GB"
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page


def test_an_order_fits_a_phone_with_all_its_columns_and_without_keys(floor: Floor, browser: Browser) -> None:
    orders = floor.shop.records.state.all("order")
    dear = max((each for each in orders if each["order_currency_code"] == "USD"), key=lambda each: each["grand_total"])
    page = _phone(browser)
    page.goto(f"{floor.desk.url}/order?id={record_key(1, dear['entity_id'])}")
    synchronise = page.get_by_role("button", name="Synchronise")
    total = page.get_by_test_id("stTable").get_by_role("columnheader", name="Total")
    total.wait_for()
    box = total.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= _WIDTH
    expect(synchronise).to_have_text(re.compile("Synchronise$"))
    page.close()
    desktop = floor.open(f"order?id={record_key(1, dear['entity_id'])}")
    expect(desktop.get_by_role("button", name="Synchronise")).to_have_text(re.compile("SynchroniseS$"))
    desktop.close()


def test_a_product_name_without_a_space_leaves_the_amounts_on_the_screen(floor: Floor, browser: Browser) -> None:
    cart_id = floor.shop.add_cart([("MUG-01", 2)])
    floor.mirror(cart_id)
    cart = record_key(1, cart_id)
    name = "Ofenkeramikauflaufformhandbemaltspülmaschinengeeignetundfrostfest"
    with floor.store.writing() as connection:
        connection.execute(update(cart_item).where(cart_item.c.cart_id == cart).values(name=name))
    page = _phone(browser)
    page.goto(f"{floor.desk.url}/cart?id={cart}")
    total = page.get_by_test_id("stTable").first.get_by_role("columnheader", name="Total")
    total.wait_for()
    box = total.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= _WIDTH
    expect(page.get_by_text("MUG-01").first).to_be_visible()
    page.close()


def test_a_person_named_by_an_address_leaves_room_for_what_they_did(floor: Floor, browser: Browser) -> None:
    cart_id = floor.shop.add_cart([("MUG-01", 1)])
    floor.mirror(cart_id)
    key = record_key(1, cart_id)
    mark_lost(floor.store, key, "Bought elsewhere", "marie-christine.vanderberg@example.test")
    page = _phone(browser)
    page.goto(f"{floor.desk.url}/cart?id={key}")
    told = page.get_by_text(re.compile("Marked lost:.*Bought elsewhere"))
    told.wait_for()
    box = told.bounding_box()
    assert box is not None
    assert box["height"] < 30, "one line"
    page.close()
