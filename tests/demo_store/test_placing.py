"""Every cause for which an order is refused or placed, with the words a running Magento 2.4.7 used."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from demo_store import Refusal, Shop, serve
from tests.demo_store.conftest import Api

_CHECK = {"paymentMethod": {"method": "checkmo"}}
_SHIPPING = "Please check the shipping address information. %1"
_BILLING = "Please check the billing address information. %1"
_STOPPED = "A server error stopped your order from being placed. Please try to place your order again."
_UNAVAILABLE = "The requested Payment Method is not available."
_COUPON = "The coupon code isn't valid. Verify the code and try again."
_COUNTRY = "Some addresses can't be used due to the configurations for specific countries."


def _set(shop: Shop, cart: int, **columns: Any) -> None:
    shop.cart(cart).update(columns)


def _lacking(part: str, *names: str) -> Callable[[Shop, int], None]:
    def change(shop: Shop, cart: int) -> None:
        shop.cart(cart)[part].update(dict.fromkeys(names))

    return change


def _empty_street(shop: Shop, cart: int) -> None:
    shop.cart(cart)["shipping"]["street"] = [""]


def _american(shop: Shop, cart: int) -> None:
    shop.set_countries(["US"])
    shop.cart(cart)["shipping"]["country_id"] = "US"


def _free(shop: Shop, cart: int) -> None:
    shop.set_coupon("ALLFREE", percent=100)
    for rule in shop.records.state.all("rule"):
        rule["apply_to_shipping"] = True
    _set(shop, cart, coupon_code="ALLFREE")
    shop.recalculate(cart)


def _spoilt_coupon(**given: Any) -> Callable[[Shop, int], None]:
    def change(shop: Shop, cart: int) -> None:
        shop.set_coupon("ONCE")
        _set(shop, cart, coupon_code="ONCE")
        shop.recalculate(cart)
        shop.set_coupon("ONCE", **given)

    return change


def _used_up(shop: Shop, cart: int) -> None:
    shop.set_coupon("ONCE", uses=1)
    _set(shop, cart, coupon_code="ONCE")
    shop.place(shop.add_cart(coupon="ONCE"))


def _child(then: Callable[[Shop], None]) -> Callable[[Shop, int], None]:
    def change(shop: Shop, cart: int) -> None:
        other = shop.add_cart([("ROBE-M", 2)])
        _set(shop, cart, lines=shop.cart(other)["lines"])
        shop.recalculate(cart)
        then(shop)

    return change


Case = tuple[Callable[[Shop, int], None], Any, int, str, Any]
REFUSALS: dict[str, Case] = {
    "only line disabled, no body": (lambda shop, _: shop.disable_product("MUG-01"), None, 400, _STOPPED, None),
    "only line disabled": (lambda shop, _: shop.disable_product("MUG-01"), _CHECK, 400, _UNAVAILABLE, None),
    "stock short": (lambda shop, _: shop.set_stock("MUG-01", 1), None, 400, "The requested qty is not available", None),
    "out of stock": (
        lambda shop, _: shop.set_stock("MUG-01", 0, in_stock=False),
        None,
        400,
        "Some of the products are out of stock.",
        None,
    ),
    "below the minimum": (
        lambda shop, _: shop.set_sale_limits("MUG-01", minimum=5),
        None,
        400,
        "The fewest you may purchase is 5.",
        None,
    ),
    "above the maximum": (
        lambda shop, _: shop.set_sale_limits("MUG-01", maximum=1),
        None,
        400,
        "The requested qty exceeds the maximum qty allowed in shopping cart",
        None,
    ),
    "increments": (
        lambda shop, _: shop.set_sale_limits("MUG-01", increments=5),
        None,
        400,
        "You can buy this product only in quantities of 5 at a time.",
        None,
    ),
    "country": (lambda shop, _: shop.set_countries(["BE"]), None, 400, _COUNTRY, [""]),
    "no country": (_lacking("shipping", "country_id"), None, 400, _COUNTRY, [""]),
    "billing country": (
        lambda shop, cart: shop.cart(cart)["billing"].update(country_id="US", region_id=43),
        None,
        400,
        _BILLING,
        ['Invalid value of "US" provided for the countryId field.'],
    ),
    "no region": (_american, None, 400, _SHIPPING, ['"regionId" is required. Enter and try again.']),
    "no street": (_empty_street, None, 400, _SHIPPING, ['"street" is required. Enter and try again.']),
    "several missing": (
        _lacking("shipping", "telephone", "firstname"),
        None,
        400,
        _SHIPPING,
        ['"firstname" is required. Enter and try again. "telephone" is required. Enter and try again.'],
    ),
    "no billing telephone": (
        _lacking("billing", "telephone"),
        None,
        400,
        _BILLING,
        ['"telephone" is required. Enter and try again.'],
    ),
    "no shipping method": (
        lambda shop, cart: _set(shop, cart, shipping_method=None),
        None,
        400,
        "The shipping method is missing. Select the shipping method and try again.",
        [""],
    ),
    "no payment method": (
        lambda shop, cart: _set(shop, cart, payment=None),
        None,
        400,
        "Enter a valid payment method and try again.",
        [""],
    ),
    "payment method off, in the body": (
        lambda shop, _: shop.switch_payment("checkmo", on=False),
        _CHECK,
        400,
        _UNAVAILABLE,
        None,
    ),
    "unknown payment method": (lambda _shop, _: None, {"paymentMethod": {"method": "x"}}, 400, _UNAVAILABLE, None),
    "purchase order without number": (
        lambda shop, _: shop.switch_payment("purchaseorder", on=True),
        {"paymentMethod": {"method": "purchaseorder"}},
        400,
        "Purchase order number is a required field.",
        None,
    ),
    "zero total, checkmo in the body": (_free, _CHECK, 400, _UNAVAILABLE, None),
    "free on a total": (lambda _shop, _: None, {"paymentMethod": {"method": "free"}}, 400, _UNAVAILABLE, None),
    "coupon expired": (_spoilt_coupon(expires="2020-01-01 00:00:00"), None, 404, _COUPON, None),
    "coupon's rule off": (_spoilt_coupon(active=False), None, 404, _COUPON, None),
    "coupon used up": (_used_up, None, 404, _COUPON, None),
    "minimum amount": (
        lambda shop, _: shop.set_minimum_order(50),
        None,
        400,
        "Minimum order amount is €50.00",
        [""],
    ),
    "minimum amount in the shop's words": (
        lambda shop, _: shop.set_minimum_order(50, "Order at least 50 please"),
        None,
        400,
        "Order at least 50 please",
        [""],
    ),
    "no e-mail": (
        _lacking("billing", "email"),
        None,
        400,
        "Failed address validation:\n%1",
        ["Email has a wrong format"],
    ),
    "child out of stock": (
        _child(lambda shop: shop.set_stock("ROBE-M", 0, in_stock=False)),
        None,
        400,
        "There are no source items with the in stock status\nSome of the products are out of stock.",
        None,
    ),
    "child short": (
        _child(lambda shop: shop.set_stock("ROBE-M", 1)),
        None,
        400,
        "The requested qty is not available\nSome of the products are out of stock.",
        None,
    ),
    "child deleted": (
        _child(lambda shop: shop.delete_product("ROBE-M")),
        None,
        400,
        "Some item options or their combination are not currently available.",
        None,
    ),
}


@pytest.mark.parametrize("cause", REFUSALS)
def test_a_refusal_names_its_cause_and_leaves_the_cart_open(shop: Shop, api: Api, cause: str) -> None:
    change, body, status, message, parameters = REFUSALS[cause]
    cart = shop.add_cart([("MUG-01", 2)])
    change(shop, cart)
    shop.touch_cart(cart, "2026-01-02 03:04:05")
    answer = api.ask("PUT", f"carts/{cart}/order", body)
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert answer.json().get("parameters") == parameters
    stored = shop.cart(cart)
    assert (stored["is_active"], stored["reserved_order_id"]) == (1, None)
    assert stored["updated_at"] == "2026-01-02 03:04:05"
    assert shop.orders_of(cart) == []


PLACED: dict[str, tuple[Callable[[Shop, int], None], Any]] = {
    "payment method off, stored": (lambda shop, _: shop.switch_payment("checkmo", on=False), None),
    "carrier off": (lambda shop, _: shop.switch_carrier("flatrate", on=False), None),
    "carrier dearer": (lambda shop, _: shop.set_shipping_price("flatrate", 90), None),
    "zero total, checkmo stored": (_free, None),
    "zero total, free in the body": (_free, {"paymentMethod": {"method": "free"}}),
    "another body key": (lambda _shop, _: None, {"payment_method": {"method": "checkmo"}}),
    "empty body": (lambda _shop, _: None, {}),
    "another method in the body": (lambda _shop, _: None, {"paymentMethod": {"method": "banktransfer"}}),
    "purchase order with number": (
        lambda shop, _: shop.switch_payment("purchaseorder", on=True),
        {"paymentMethod": {"method": "purchaseorder", "po_number": "7"}},
    ),
}


@pytest.mark.parametrize("way", PLACED)
def test_what_a_person_might_not_want_is_placed_all_the_same(shop: Shop, api: Api, way: str) -> None:
    change, body = PLACED[way]
    cart = shop.add_cart([("MUG-01", 2)])
    change(shop, cart)
    shipping = shop.cart(cart)["sums"]["shipping_amount"]
    answer = api.ask("PUT", f"carts/{cart}/order", body)
    assert answer.status_code == 200, answer.text
    order = shop.order(answer.json())
    assert (order["state"], order["status"], order["quote_id"]) == ("new", "pending", cart)
    assert order["shipping_amount"] == shipping
    assert shop.cart(cart)["reserved_order_id"] == order["increment_id"]
    assert shop.cart(cart)["is_active"] == 0
    again = api.ask("PUT", f"carts/{cart}/order", body)
    assert (again.status_code, again.json()["parameters"]) == (404, {"fieldName": "cartId", "fieldValue": cart})


def test_a_new_price_is_taken_without_asking(shop: Shop, api: Api) -> None:
    cart = shop.add_cart([("MUG-01", 1)])
    shop.set_price("MUG-01", "24.20")
    order = shop.order(api.ask("PUT", f"carts/{cart}/order").json())
    assert order["base_subtotal_incl_tax"] == 24.2


def test_only_the_first_cause_is_told_in_magentos_order(shop: Shop, api: Api) -> None:
    cart = shop.add_cart([("MUG-01", 2)], email=None)
    cures: list[tuple[str, Callable[[], object]]] = []
    stored = shop.cart(cart)
    shop.set_coupon("ONCE", active=False)
    shop.set_stock("MUG-01", 1)
    shop.set_countries(["BE"])
    shop.set_minimum_order(500)
    stored |= {"coupon_code": "ONCE", "payment": None, "shipping_method": None}
    stored["shipping"]["city"] = None
    stored["billing"]["postcode"] = None
    cures = [
        (_COUPON, lambda: stored.update(coupon_code=None)),
        ("The requested qty is not available", lambda: shop.set_stock("MUG-01", 100)),
        (_COUNTRY, lambda: shop.set_countries(["NL"])),
        (_SHIPPING, lambda: stored["shipping"].update(city="Amsterdam")),
        (
            "The shipping method is missing. Select the shipping method and try again.",
            lambda: stored.update(shipping_method="flatrate_flatrate"),
        ),
        (_BILLING, lambda: stored["billing"].update(postcode="1015 CS")),
        (
            "Enter a valid payment method and try again.",
            lambda: stored.update(payment={"id": 1, "method": "checkmo", "po_number": None}),
        ),
        ("Minimum order amount is €500.00", lambda: shop.set_minimum_order(None)),
        ("Failed address validation:\n%1", lambda: stored["billing"].update(email="a@example.test")),
    ]
    unavailable = api.ask("PUT", f"carts/{cart}/order", {"paymentMethod": {"method": "nonsense"}})
    assert unavailable.json()["message"] == _UNAVAILABLE
    for message, cure in cures:
        assert api.ask("PUT", f"carts/{cart}/order").json()["message"] == message
        cure()
    assert api.ask("PUT", f"carts/{cart}/order").status_code == 200


def test_of_several_who_place_one_cart_at_once_one_does_and_the_others_are_told_a_server_error(shop: Shop) -> None:
    shop.service.place_seconds = 0.3
    cart = shop.add_cart()
    answers: list[tuple[int, Any]] = []
    with serve(shop) as url:

        def press() -> None:
            answer = Api(url).ask("PUT", f"carts/{cart}/order")
            answers.append((answer.status_code, answer.json()))

        people = [threading.Thread(target=press) for _ in range(4)]
        for person in people:
            person.start()
        for person in people:
            person.join()
        late = Api(url).ask("PUT", f"carts/{cart}/order")
    placed = [body for status, body in answers if status == 200]
    assert placed == shop.orders_of(cart)
    assert len(placed) == 1
    assert [body["message"] for status, body in answers if status == 400] == [_STOPPED] * 3
    assert late.status_code == 404


def test_open_orders_reserve_stock_and_cancelling_releases_it(shop: Shop, api: Api) -> None:
    order = shop.place(shop.add_cart([("RARE-01", 3)]))
    ask = "inventory/is-product-salable-for-requested-qty/RARE-01/1/3"
    assert api.get("inventory/get-product-salable-quantity/RARE-01/1") == 2
    assert api.get("stockItems/RARE-01")["qty"] == 5
    assert api.get(ask)["errors"][-1]["message"] == "The requested qty is not available"
    with pytest.raises(Refusal, match="The requested qty is not available"):
        shop.add_cart([("RARE-01", 3)])
    shop.act(order, "cancel")
    assert api.get(ask) == {"salable": True, "errors": []}


def test_setting_shipping_again_refreshes_everything_and_an_unavailable_method_loses_the_choice(
    shop: Shop, api: Api
) -> None:
    cart = shop.add_cart([("MUG-01", 1), ("LAMP-01", 1)])
    shop.disable_product("LAMP-01")
    address = {name: shop.cart(cart)["shipping"][name] for name in ("country_id", "city", "postcode", "street")}
    address |= {"firstname": "A", "lastname": "B", "telephone": "1"}
    info: dict[str, Any] = {"shipping_address": address, "billing_address": address | {"email": "a@example.test"}}
    info |= {"shipping_carrier_code": "flatrate", "shipping_method_code": "flatrate"}
    totals = api.ask("POST", f"carts/{cart}/shipping-information", {"addressInformation": info}).json()["totals"]
    assert (totals["items_qty"], totals["shipping_amount"]) == (1, 2.95)
    assert api.found(cart)["items_count"] == 1
    shop.switch_carrier("flatrate", on=False)
    refused = api.ask("POST", f"carts/{cart}/shipping-information", {"addressInformation": info})
    assert (refused.status_code, refused.json()["parameters"]) == (404, ["flatrate", "flatrate"])
    assert "shipping method is missing" in api.ask("PUT", f"carts/{cart}/order").json()["message"]
