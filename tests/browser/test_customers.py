from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Floor, drawn

pytestmark = pytest.mark.browser


def test_a_customer_is_found_by_what_never_stands_in_the_address(floor: Floor) -> None:
    customer = floor.shop.add_customer("kim.wren@example.test")
    floor.cart_page(floor.shop.add_cart([("MUG-01", 2)], customer_id=customer))
    page = floor.open("customers")
    page.get_by_placeholder(re.compile("Filter")).fill("kim.wren@example.test")
    page.get_by_placeholder(re.compile("Filter")).press("Enter")
    expect(page.get_by_text(re.compile(r"1 of [\d,]+ customers"))).to_be_visible()
    assert "kim" not in page.url


def test_a_cart_leads_to_its_customer_who_can_be_read_anew(floor: Floor) -> None:
    customer = floor.shop.add_customer("leo.wren@example.test")
    page = floor.cart_page(floor.shop.add_cart([("MUG-01", 1)], customer_id=customer))
    page.get_by_role("link", name="View customer").click()
    expect(page.get_by_text("leo.wren@example.test").first).to_be_visible()
    expect(page.get_by_text("No order of this customer is mirrored.")).to_be_visible()
    floor.shop.subscribe(customer, True)
    page.get_by_role("button", name="Synchronise").click()
    expect(page.get_by_text("Subscribed to the newsletter").first).to_be_visible()
    page.reload()
    expect(page.get_by_text("leo.wren@example.test").first).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name="View customer")).to_be_visible()


def test_what_was_placed_in_the_admin_is_read_back_into_the_cart(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    page = floor.cart_page(cart)
    page.get_by_text("In the Magento admin instead").click()
    expect(page.get_by_text(re.compile("Create New Order"))).to_be_visible()
    drawn(page)
    number = floor.shop.order(floor.shop.place(cart))["increment_id"]
    page.get_by_role("button", name="I placed it there").click()
    expect(page.get_by_text(f"Order {number} was placed from this cart.")).to_be_visible()
    expect(page.get_by_text("Purchased").first).to_be_visible()
