"""The writing side: what is sent, in which store view, and what each answer means."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crm_core.errors import BadInput, OutcomeUnknown, ShopHasNoSuch, ShopRefused, ShopUnavailable
from crm_core.magento.checkout import Checkout
from crm_core.magento.connection import Connection
from crm_core.magento.payloads import Address, exact
from tests.magento.conftest import Answer, ScriptedShop, html, replay
from tests.recorded import recorded

CHECKMO = {"method": "checkmo"}
ADDRESS = Address(
    id=489,
    firstname="A",
    lastname="B",
    telephone="1",
    street=["Kade 1"],
    city="Amsterdam",
    postcode="1011 AB",
    country_id="NL",
)


@pytest.fixture
def checkout(connection: Connection) -> Checkout:
    return Checkout(connection)


def test_28_ways_of_shipping_are_asked_for_in_the_carts_own_view(shop: ScriptedShop, checkout: Checkout) -> None:
    shop.on("POST", "/rest/nl/V1/carts/81/estimate-shipping-methods", replay("estimate_by_address"))
    (method,) = checkout.estimate_shipping_methods(81, "nl", ADDRESS)
    assert (method.carrier_code, method.method_code, method.available, method.amount) == (
        "flatrate",
        "flatrate",
        True,
        40.0,
    )
    assert shop.requests[0].json == recorded("estimate_by_address")["request"]["body"]


def test_an_empty_cart_has_no_way_of_shipping(shop: ScriptedShop, checkout: Checkout) -> None:
    shop.on("POST", ".*", replay("cart_customer_empty_shipping-methods"))
    assert checkout.estimate_shipping_methods(81, "nl", ADDRESS) == []


@pytest.mark.parametrize("answer", [html(500), Answer(drop=True)])
def test_an_estimate_without_an_answer_can_be_asked_again(
    shop: ScriptedShop, checkout: Checkout, answer: Answer
) -> None:
    shop.on("POST", ".*", answer)
    with pytest.raises(ShopUnavailable, match="Try again"):
        checkout.estimate_shipping_methods(81, "nl", ADDRESS)
    assert len(shop.requests) == 1


def test_ways_of_paying_are_read_in_the_carts_own_view(shop: ScriptedShop, checkout: Checkout) -> None:
    shop.on("GET", "/rest/us_en/V1/carts/128/payment-methods", replay("cart_customer_ready_payment-methods"))
    methods = checkout.payment_methods(128, "us_en")
    assert [method.code for method in methods] == ["checkmo", "banktransfer", "cashondelivery"]


def test_28_shipping_information_is_sent_once_and_answers_with_totals(shop: ScriptedShop, checkout: Checkout) -> None:
    shop.on("POST", "/rest/nl/V1/carts/81/shipping-information", replay("shipping_information_ok"))
    details = checkout.set_shipping_information(
        81,
        "nl",
        shipping_address=ADDRESS,
        billing_address=ADDRESS,
        carrier_code="flatrate",
        method_code="flatrate",
    )
    assert str(exact(details.totals.grand_total or 0)) == "202.3800"
    assert details.payment_methods[0].code == "checkmo"
    assert shop.requests[0].json == recorded("shipping_information_ok")["request"]["body"]


def test_31_a_way_of_shipping_that_is_gone_is_told_in_the_shops_words(shop: ScriptedShop, checkout: Checkout) -> None:
    shop.on("POST", ".*", replay("shipping_information_bad_carrier"))
    with pytest.raises(ShopHasNoSuch, match="Carrier with such method not found: dhlx, x"):
        checkout.set_shipping_information(
            81, "nl", shipping_address=ADDRESS, billing_address=ADDRESS, carrier_code="dhlx", method_code="x"
        )


def test_totals_that_cannot_be_read_leave_the_outcome_open(shop: ScriptedShop, checkout: Checkout) -> None:
    shop.on("POST", ".*", Answer({"totals": 5}))
    with pytest.raises(OutcomeUnknown, match="cannot be read"):
        checkout.set_shipping_information(
            81, "nl", shipping_address=ADDRESS, billing_address=ADDRESS, carrier_code="flatrate", method_code="flatrate"
        )


def test_a_billing_address_is_sent_without_what_is_empty(shop: ScriptedShop, checkout: Checkout) -> None:
    shop.on("POST", "/rest/nl/V1/carts/81/billing-address", replay("billing_address_set"))
    checkout.set_billing_address(81, "nl", ADDRESS)
    assert shop.requests[0].json == recorded("billing_address_set")["request"]["body"]


def test_a_guests_email_is_saved_with_the_billing_address(shop: ScriptedShop, checkout: Checkout) -> None:
    exchange = recorded("pf18_10_set_billing_with_email")
    shop.on("POST", "/rest/nl/V1/carts/394/billing-address", replay("pf18_10_set_billing_with_email"))
    address = Address(**exchange["request"]["body"]["address"])
    checkout.set_billing_address(394, "nl", address, use_for_shipping=True)
    assert shop.requests[0].json == {**exchange["request"]["body"], "useForShipping": True}


@pytest.mark.parametrize(("answer", "order"), [(replay("place_customer_ready_pm_body"), 82), (Answer("91"), 91)])
def test_28_an_order_is_placed_with_its_way_of_paying_in_the_carts_own_view(
    shop: ScriptedShop, checkout: Checkout, answer: Answer, order: int
) -> None:
    shop.on("PUT", "/rest/us_en/V1/carts/88/order", answer)
    assert checkout.place_order(88, "us_en", CHECKMO) == order
    (request,) = shop.requests
    assert request.json == {"paymentMethod": {"method": "checkmo"}}


@pytest.mark.parametrize("answer", [Answer(True), Answer([]), Answer(0), Answer("x"), Answer(None), Answer({"id": 5})])
def test_29_a_success_that_names_no_order_leaves_the_outcome_open(
    shop: ScriptedShop, checkout: Checkout, answer: Answer
) -> None:
    shop.on("PUT", ".*", answer)
    with pytest.raises(OutcomeUnknown):
        checkout.place_order(88, "us_en", CHECKMO)
    assert len(shop.requests) == 1


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("place_customer_ready_again", ShopHasNoSuch, "cartId = 83"),
        ("place_customer_no_address", ShopRefused, "Some addresses can't be used"),
        ("place_no_lastname", ShopRefused, '"lastname" is required'),
        ("place_guest_without_email", ShopRefused, "Email has a wrong format"),
        ("place_customer_ready_bad_pm", ShopRefused, "The requested Payment Method is not available"),
    ],
)
def test_31_a_refusal_is_told_in_the_shops_words(
    shop: ScriptedShop, checkout: Checkout, name: str, kind: type[ShopRefused], words: str
) -> None:
    shop.on("PUT", ".*", replay(name))
    with pytest.raises(kind, match=words):
        checkout.place_order(83, "us_en", CHECKMO)
    assert len(shop.requests) == 1


@pytest.mark.parametrize("code", ["", "all", "V1/../x", "us en", "us/en", "1st", "é"])
def test_28_a_write_without_a_proper_store_view_is_never_sent(
    shop: ScriptedShop, checkout: Checkout, code: str
) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: checkout.place_order(88, code, CHECKMO),
        lambda: checkout.set_billing_address(88, code, ADDRESS),
        lambda: checkout.estimate_shipping_methods(88, code, ADDRESS),
        lambda: checkout.payment_methods(88, code),
    ]
    for attempt in attempts:
        with pytest.raises(BadInput, match="store view"):
            attempt()
    assert shop.requests == []
