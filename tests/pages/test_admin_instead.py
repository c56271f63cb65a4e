"""“In the Magento admin instead”, on the cart, the order, the customer, and where a channel's admin is set."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest

from crm_core.store import tables
from crm_core.store.keys import origin_of
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, words_of


def _opened(at: AppTest, where: str) -> AppTest:
    at.session_state[f"admin-instead-{where}"] = True
    return at.run()


def _links(at: AppTest) -> str:
    return str([link.proto.url for link in at.get("link_button")])


@pytest.mark.parametrize("screen", ["cart", "order", "customer"])
def test_a_customers_pages_are_links_only_where_the_channel_says_that_they_open(desk: Desk, screen: str) -> None:
    order = desk.rows(select(tables.order).where(tables.order.c.customer_id.is_not(None)).limit(1))[0]
    key = {"cart": order.cart_id, "order": order.id, "customer": order.customer_id}[screen]
    customer = origin_of(order.customer_id)[1]
    at = _opened(desk.open(screen, id=str(key)), screen)
    assert is_well(at)
    assert "customer/index/edit" not in _links(at)
    assert f"ID {customer}" in words_of(at)
    desk.do(update(tables.channel).values(secret_keys_off=True))
    at = _opened(desk.open(screen, id=str(key)), screen)
    assert f"/admin/customer/index/edit/id/{customer}/" in _links(at)
    assert f"/admin/sales/order_create/start/customer_id/{customer}/" in _links(at)


def test_i_placed_it_there_tells_the_order_that_came_of_the_cart(desk: Desk) -> None:
    key = desk.new_cart()
    at = _opened(desk.open("cart", id=str(key)), "cart")
    at.button(key="placed-there-cart").click().run()
    assert is_well(at)
    assert "no order of this cart" in words_of(at)
    order = desk.shop.place(origin_of(key)[1])
    at.button(key="placed-there-cart").click().run()
    assert is_well(at)
    number = desk.shop.order(order)["increment_id"]
    assert f"Order **{number}** was placed from this cart" in words_of(at)
    assert desk.rows(select(tables.cart.c.status).where(tables.cart.c.id == key))[0].status == "purchased"


def test_the_admins_address_and_its_keys_are_set_on_the_channel(desk: Desk) -> None:
    def channel() -> tuple[str, bool]:
        row = desk.rows(select(tables.channel))[0]
        return row.admin_url, row.secret_keys_off

    before = channel()
    at = desk.open("channels")
    at.session_state["admin-address"] = "Test shop"
    at.session_state["admin-address-url"], at.session_state["admin-address-keys-off"] = "shop.example/admin", True
    at.run()
    at.button(key="admin-address-save").click().run()
    assert "not the address of an admin panel" in words_of(at)
    assert channel() == before
    at.text_input(key="admin-address-url").set_value("https://shop.example/admin_1a2b/").run()
    at.button(key="admin-address-save").click().run()
    assert channel() == ("https://shop.example/admin_1a2b", True)


def test_an_order_placed_there_is_told_in_the_drawer_which_offers_nothing_any_more(desk: Desk) -> None:
    key = desk.new_cart()
    at = desk.open("cart", id=str(key))
    at.button(key="place-order").click().run()
    at = _opened(at, "placing")
    desk.shop.place(origin_id := origin_of(key)[1])
    at.button(key="placed-there-placing").click().run()
    assert not at.exception
    assert "was placed from this cart" in words_of(at)
    assert all(button.disabled for button in at.button if str(button.key).startswith("placing-confirm"))
    assert len(desk.shop.orders_of(origin_id)) == 1


def test_what_asking_for_an_order_told_is_not_told_again_by_a_drawer_that_was_opened_anew(desk: Desk) -> None:
    key = desk.new_cart()
    at = desk.open("cart", id=str(key))
    at.button(key="place-order").click().run()
    at = _opened(at, "placing")
    at.button(key="placed-there-placing").click().run()
    assert "The shop has no order of this cart" in words_of(at)
    at.button(key="place-order").click().run()
    at = _opened(at, "placing")
    assert not at.exception
    assert "The shop has no order of this cart" not in words_of(at)
