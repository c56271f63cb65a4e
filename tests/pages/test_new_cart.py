"""The dialog that starts a cart, for a guest from the list of carts and for a customer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest

from crm_core.store import tables
from crm_core.store.keys import origin_of, record_key
from demo_store import Faults
from tests.pages.conftest import PAGES, Desk
from tests.pages.screens import is_well, words_of

DUTCH, ENGLISH = record_key(1, 2), record_key(1, 1)


def _dialog(desk: Desk, view: int = DUTCH) -> AppTest:
    """The dialog for a guest with the store view chosen."""
    at = desk.open("carts")
    at.button(key="open-new-cart").click().run()
    assert at.selectbox(key="new-cart-view").value is None
    at.selectbox(key="new-cart-view").set_value(view).run()
    assert is_well(at)
    return at


def _typed(at: AppTest, email: str, country: str = "NL", view: int = DUTCH) -> AppTest:
    at.text_input(key="new-cart-email").set_value(email)
    at.text_input(key="new-cart-firstname").set_value("Ada")
    at.text_input(key="new-cart-lastname").set_value("Vos")
    at.selectbox(key=f"new-cart-country-{view}").set_value(country)
    return at


def _start(at: AppTest) -> AppTest:
    at.button(key="new-cart-start").click().run()
    assert not at.exception
    return at


def _latest(desk: Desk) -> Any:
    return desk.rows(select(tables.cart).order_by(tables.cart.c.id.desc()).limit(1))[0]


def _customer(desk: Desk, *, with_cart: bool) -> Any:
    """A customer of the European website, with or without an open cart in the shop."""
    address = f"somebody{len(desk.shop.requests)}@example.test"
    customer_id = desk.shop.add_customer(address)
    if with_cart:
        desk.shop.add_cart([("MUG-01", 3)], customer_id=customer_id, store_id=2)
    desk.read("customers")
    return desk.rows(select(tables.customer).where(tables.customer.c.email == address))[0]


def test_a_guests_cart_opens_on_its_screen_with_the_editor(desk: Desk) -> None:
    at = _start(_typed(_dialog(desk), "ada@example.test"))
    assert is_well(at)
    cart = _latest(desk)
    assert (cart.email, cart.firstname, cart.status, cart.store_id) == ("ada@example.test", "Ada", "open", 2)
    assert at.query_params["id"] == [str(cart.id)] or at.query_params["id"] == str(cart.id)
    assert at.title[0].value == "Ada Vos"
    assert at.session_state["editing"] == cart.id
    assert "new-cart" not in at.session_state


def test_a_guests_dialog_can_be_cancelled_before_and_after_the_store_view_is_chosen(desk: Desk) -> None:
    before = _latest(desk).id
    at = desk.open("carts")
    at.button(key="open-new-cart").click().run()
    _cancel(at)
    at = _typed(_dialog(desk), "ada@example.test")
    _cancel(at)
    assert "new-cart-email" not in at.session_state
    assert _latest(desk).id == before


def _cancel(at: AppTest) -> None:
    [button] = [each for each in at.button if each.label == "Cancel"]
    button.click().run()
    assert is_well(at)
    assert "new-cart" not in at.session_state


def test_what_is_not_right_is_said_in_the_dialog_and_what_was_typed_stays(desk: Desk) -> None:
    before = _latest(desk).id
    at = _start(_typed(_dialog(desk), "ada"))
    assert "is not an e" in at.warning[0].value
    assert at.text_input(key="new-cart-firstname").value == "Ada"
    at.text_input(key="new-cart-email").set_value("")
    assert "Enter the guest" in _start(at).warning[0].value
    assert _latest(desk).id == before


def test_a_shop_that_does_not_answer_is_said_and_can_be_tried_again(desk: Desk) -> None:
    at = _typed(_dialog(desk), "again@example.test")
    desk.shop.faults = Faults(fail_every=1, fail_status=503, matching=r"^POST .*/V1/carts$", times=1)
    try:
        _start(at)
    finally:
        desk.shop.faults = Faults()
    assert "At worst an empty cart of nobody was left" in at.error[0].value
    _start(at)
    assert _latest(desk).email == "again@example.test"


def test_a_guest_with_an_account_is_offered_as_the_customer(desk: Desk) -> None:
    customer = _customer(desk, with_cart=False)
    at = _typed(_dialog(desk), customer.email)
    assert "you can start the cart for the customer" in words_of(at)
    _start(at)
    assert "**Anna de Vries has an account with" in at.info[0].value
    at.button(key="new-cart-for-account").click().run()
    assert "An empty cart for **Anna de Vries**" in words_of(at)
    at.selectbox(key="new-cart-view").set_value(DUTCH).run()
    _start(at)
    cart = _latest(desk)
    assert (cart.customer_id, cart.store_id, cart.is_guest) == (customer.id, 2, False)
    assert at.session_state["editing"] == cart.id


def test_a_guest_with_an_account_may_stay_a_guest(desk: Desk) -> None:
    customer = _customer(desk, with_cart=False)
    at = _start(_typed(_dialog(desk), customer.email))
    at.button(key="new-cart-back").click().run()
    assert at.text_input(key="new-cart-email").value == customer.email
    assert at.selectbox(key=f"new-cart-country-{DUTCH}").value == "NL"
    _start(at)
    at.button(key="new-cart-as-guest").click().run()
    assert is_well(at)
    cart = _latest(desk)
    assert (cart.customer_id, cart.email) == (None, customer.email)


def test_a_customers_open_cart_is_shown_and_used(desk: Desk) -> None:
    customer = _customer(desk, with_cart=True)
    at = _start(_typed(_dialog(desk), customer.email))
    at.button(key="new-cart-for-account").click().run()
    assert "has an open cart" in at.info[0].value
    assert "Stoneware mug" in words_of(at)
    assert "new-cart-start" not in {each.key for each in at.button}
    cart = _latest(desk)
    carts = len(desk.shop.records.state.all("cart"))
    at.button(key=f"new-cart-use-{cart.id}").click().run()
    assert is_well(at)
    assert at.session_state["editing"] == cart.id
    assert len(desk.shop.records.state.all("cart")) == carts
    assert desk.shop.cart(origin_of(cart.id)[1])["items_qty"] == 3


def test_a_cart_is_started_from_the_customers_page(desk: Desk) -> None:
    customer = _customer(desk, with_cart=False)
    at = desk.open("customer", id=str(customer.id))
    at.button(key="open-new-cart").click().run()
    # The store view that they registered in stands first.
    assert at.selectbox(key="new-cart-view").value == ENGLISH
    _start(at)
    assert is_well(at)
    cart = _latest(desk)
    assert (cart.customer_id, cart.store_id) == (customer.id, 1)
    assert at.session_state["editing"] == cart.id
    back = desk.open("customer", id=str(customer.id))
    assert f"Cart {cart.origin_id} started in English" in words_of(back)


def test_without_a_channel_that_may_write_the_button_says_why(desk: Desk) -> None:
    desk.do(update(tables.channel).values(allow_writes=False))
    at = desk.open("carts")
    assert at.button(key="open-new-cart").disabled
    assert "Choose “Allow placing orders” under Channels to start carts" in words_of(at)


def test_an_empty_desk_offers_a_channel_first(empty_desk: AppTest) -> None:
    empty_desk.switch_page(PAGES["carts"]).run()
    assert is_well(empty_desk)
    assert "open-new-cart" not in {each.key for each in empty_desk.button}
