"""Reading one cart by its id and by asking a search, from the recorded answers of a running Magento."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crm_core.errors import BadInput, ShopHasNoSuch, ShopRefused
from crm_core.magento.cart_reading import CartReading, SelectedPayment
from crm_core.magento.connection import Connection
from tests.magento.conftest import ScriptedShop, replay
from tests.recorded import recorded_exchanges


@pytest.fixture
def reading(connection: Connection) -> CartReading:
    return CartReading(connection)


@pytest.mark.parametrize(
    ("name", "due"),
    [("pf17_03_search_filter_trigger_recollect", True), ("pf01_03_search_filter_trigger_recollect", False)],
)
def test_whether_a_read_would_write_is_asked_of_the_search(
    shop: ScriptedShop, reading: CartReading, name: str, due: bool
) -> None:
    shop.on("GET", "/rest/V1/carts/search", replay(name))
    assert reading.is_due_to_recalculate(337) is due
    (request,) = shop.requests
    asked = request.parameters
    assert asked["searchCriteria[filter_groups][0][filters][0][value]"] == "337"
    assert asked["searchCriteria[filter_groups][1][filters][0][field]"] == "trigger_recollect"
    assert asked["searchCriteria[filter_groups][1][filters][0][value]"] == "1"


def test_whether_a_cart_carries_a_coupon_is_asked_of_the_search(shop: ScriptedShop, reading: CartReading) -> None:
    shop.on("GET", "/rest/V1/carts/search", replay("pf13_03_search_filter_coupon_code"))
    assert reading.has_coupon(309, "PFEXPIRED")
    assert shop.requests[0].parameters["searchCriteria[filter_groups][1][filters][0][field]"] == "coupon_code"


def test_lines_are_read_in_the_carts_own_view(shop: ScriptedShop, reading: CartReading) -> None:
    shop.on("GET", "/rest/nl/V1/carts/126/items", replay("cart_customer_items_items"))
    assert [(line.item_id, line.sku, line.qty) for line in reading.items(126, "nl")] == [
        (298, "PEN-01", 2.0),
        (299, "TEE-01", 2.0),
        (300, "BAG-01", 1.0),
        (301, "CHAIR/1", 2.0),
    ]


@pytest.mark.parametrize(
    ("name", "code"), [("cart_customer_ready_coupon_coupons", "TEN"), ("cart_customer_ready_coupons", None)]
)
def test_23_no_coupon_comes_as_an_empty_list(
    shop: ScriptedShop, reading: CartReading, name: str, code: str | None
) -> None:
    shop.on("GET", "/rest/nl/V1/carts/129/coupons", replay(name))
    assert reading.coupon(129, "nl") == code


@pytest.mark.parametrize(
    ("name", "payment"),
    [
        ("cart_customer_ready_selected-payment-method", SelectedPayment("checkmo")),
        ("pf11_21_selected_with", SelectedPayment("purchaseorder", "A-1")),
        ("cart_guest_empty_selected-payment-method", None),
        ("cart_inactive_selected-payment-method", None),
    ],
)
def test_23_the_saved_way_of_paying_is_read_and_none_comes_as_an_empty_list(
    shop: ScriptedShop, reading: CartReading, name: str, payment: SelectedPayment | None
) -> None:
    shop.on("GET", "/rest/nl/V1/carts/301/selected-payment-method", replay(name))
    assert reading.selected_payment_method(301, "nl") == payment


def test_the_saved_rates_are_read(shop: ScriptedShop, reading: CartReading) -> None:
    shop.on("GET", "/rest/nl/V1/carts/126/shipping-methods", replay("cart_customer_items_shipping-methods"))
    rates = [(each.carrier_code, each.amount) for each in reading.shipping_methods(126, "nl")]
    assert rates == [("freeshipping", 0.0), ("flatrate", 35.0)]


def test_rates_without_an_address_are_refused(shop: ScriptedShop, reading: CartReading) -> None:
    shop.on("GET", ".*", replay("cart_guest_items_shipping-methods"))
    with pytest.raises(ShopRefused, match="shipping address is missing"):
        reading.shipping_methods(222, "nl")


def test_a_guests_email_is_in_the_billing_address(shop: ScriptedShop, reading: CartReading) -> None:
    shop.on("GET", ".*", replay("cart_guest_ready_billing-address"), replay("cart_guest_empty_billing-address"))
    assert reading.billing_address(224, "nl").email == "gastcart094@example.test"
    empty = reading.billing_address(221, "nl")
    assert (empty.email, empty.street, empty.country_id) == (None, [""], None)


def test_an_inactive_cart_is_not_there(shop: ScriptedShop, reading: CartReading) -> None:
    shop.on("GET", ".*", replay("cart_inactive_shipping-methods"))
    with pytest.raises(ShopHasNoSuch, match="cartId = 131"):
        reading.shipping_methods(131, "nl")


@pytest.mark.parametrize("code", ["", "all", "us/en"])
def test_28_no_cart_is_read_by_id_outside_a_store_view(shop: ScriptedShop, reading: CartReading, code: str) -> None:
    reads: list[Callable[[], object]] = [
        lambda: reading.items(1, code),
        lambda: reading.coupon(1, code),
        lambda: reading.selected_payment_method(1, code),
        lambda: reading.shipping_methods(1, code),
        lambda: reading.billing_address(1, code),
    ]
    for read in reads:
        with pytest.raises(BadInput, match="store view"):
            read()
    assert shop.requests == []


def test_every_recorded_read_of_a_cart_is_understood(shop: ScriptedShop, reading: CartReading) -> None:
    reads: dict[str, Callable[[], object]] = {
        "items": lambda: reading.items(1, "nl"),
        "coupons": lambda: reading.coupon(1, "nl"),
        "selected-payment-method": lambda: reading.selected_payment_method(1, "nl"),
        "shipping-methods": lambda: reading.shipping_methods(1, "nl"),
        "billing-address": lambda: reading.billing_address(1, "nl"),
    }
    understood = 0
    for name, exchange in recorded_exchanges().items():
        request = exchange["request"]
        if exchange["response"]["status"] != 200:
            continue
        part = request["path"].rpartition("/")[2]
        if request["method"] == "GET" and "/V1/carts/" in request["path"] and part in reads:
            shop.on("GET", f"/rest/nl/V1/carts/1/{part}", replay(name))
            reads[part]()
            understood += 1
    assert understood > 50
