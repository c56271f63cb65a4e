"""What fools clients of a Magento, done here as there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from demo_store import Shop
from tests.demo_store.conftest import Api

_OLD = "2026-01-02 03:04:05"
_READS = ("", "/totals", "/items", "/coupons", "/billing-address", "/payment-methods", "/shipping-methods")


@pytest.fixture
def due(shop: Shop) -> int:
    """An open cart that is due to be recalculated because a price changed."""
    cart = shop.add_cart([("MUG-01", 2)])
    shop.touch_cart(cart, _OLD)
    shop.set_price("MUG-01", "24.20")
    return cart


@pytest.mark.parametrize("part", [*_READS, "/selected-payment-method"])
def test_reading_a_cart_by_id_after_a_price_change_recalculates_and_redates_it(
    shop: Shop, api: Api, due: int, part: str
) -> None:
    assert (shop.cart(due)["updated_at"], shop.cart(due)["grand_total"]) == (_OLD, 30.1)
    api.get(f"carts/{due}{part}")
    assert shop.cart(due)["updated_at"] > _OLD
    assert shop.cart(due)["grand_total"] == 54.3
    assert shop.cart(due)["trigger_recollect"] == 0


def test_the_read_that_recalculated_answers_once_without_updated_at(api: Api, due: int) -> None:
    assert "updated_at" not in api.get(f"carts/{due}")
    assert "updated_at" in api.get(f"carts/{due}")


def test_a_placed_cart_is_recalculated_by_a_read_too_and_then_differs_from_its_order(shop: Shop, api: Api) -> None:
    cart = shop.add_cart([("MUG-01", 1)])
    order = shop.place(cart)
    shop.set_price("MUG-01", 99)
    api.get(f"carts/{cart}")
    assert shop.cart(cart)["grand_total"] != shop.order(order)["grand_total"]


def test_searching_never_recalculates_and_can_tell_which_carts_are_due(shop: Shop, api: Api, due: int) -> None:
    fresh = shop.add_cart([("MUG-02", 1)])
    assert api.found(due)["updated_at"] == _OLD
    assert [one["id"] for one in api.search("carts/search", ("trigger_recollect", 1, "eq"))["items"]] == [due]
    assert [one["id"] for one in api.search("carts/search", ("trigger_recollect", 0, "eq"))["items"]] == [fresh]
    assert shop.cart(due)["updated_at"] == _OLD


@pytest.mark.parametrize("gone", ["disable_product", "delete_product"])
def test_a_line_whose_product_is_gone_vanishes_while_counts_totals_and_date_stay(
    shop: Shop, api: Api, gone: str
) -> None:
    cart = shop.add_cart([("MUG-01", 1), ("LAMP-01", 2)])
    shop.touch_cart(cart, _OLD)
    before = api.get(f"carts/{cart}/totals")
    getattr(shop, gone)("LAMP-01")
    seen = api.found(cart)
    assert [line["sku"] for line in seen["items"]] == ["MUG-01"]
    assert (seen["items_count"], seen["items_qty"], seen["updated_at"]) == (2, 3, _OLD)
    after = api.get(f"carts/{cart}/totals")
    assert (after["grand_total"], after["items_qty"]) == (before["grand_total"], 3)
    assert len(after["items"]) == 1


def test_an_order_leaves_the_hidden_line_out_and_still_charges_its_shipping(shop: Shop, api: Api) -> None:
    cart = shop.add_cart([("MUG-01", 1), ("LAMP-01", 2)])
    shop.disable_product("LAMP-01")
    placed = shop.order(api.ask("PUT", f"carts/{cart}/order").json())
    assert [item["sku"] for item in placed["items"]] == ["MUG-01"]
    assert placed["base_shipping_amount"] == float(3 * Decimal("2.95"))


def test_a_cart_with_only_a_hidden_line_looks_worth_its_total_and_cannot_be_ordered(shop: Shop, api: Api) -> None:
    cart = shop.add_cart([("LAMP-01", 1)])
    shop.disable_product("LAMP-01")
    assert api.found(cart)["items"] == []
    assert api.get(f"carts/{cart}/totals")["grand_total"] > 100
    answer = api.ask("PUT", f"carts/{cart}/order", {"paymentMethod": {"method": "checkmo"}})
    assert (answer.status_code, answer.json()["message"]) == (400, "The requested Payment Method is not available.")


def test_a_restored_cart_is_ordered_twice_under_one_quote_id(shop: Shop, api: Api) -> None:
    cart = shop.add_cart()
    first = api.ask("PUT", f"carts/{cart}/order").json()
    shop.act(first, "cancel")
    shop.restore_cart(cart)
    second = api.ask("PUT", f"carts/{cart}/order").json()
    rows = api.search("orders", ("quote_id", cart, "eq"))["items"]
    assert {row["entity_id"]: row["state"] for row in rows} == {first: "canceled", second: "new"}


def test_line_prices_are_in_the_base_currency_without_tax(shop: Shop, api: Api) -> None:
    euro, dollar = (shop.add_cart([("MUG-01", 3)], store_id=store, address=_address(store)) for store in (1, 3))
    assert api.found(euro)["items"][0]["price"] == 10  # 12.10 with 21 % tax
    assert api.found(dollar)["items"][0]["price"] == 12.1  # no tax there, and not 13.31 USD
    totals = api.get(f"carts/{dollar}/totals")
    assert (totals["base_subtotal"], totals["subtotal"]) == (36.3, 39.93)
    assert (totals["base_currency_code"], totals["quote_currency_code"]) == ("EUR", "USD")


def _address(store: int) -> dict[str, Any]:
    if store != 3:
        return {}
    return {"country_id": "US", "region_id": 43, "region_code": "NY", "region": "New York", "postcode": "12207"}


def test_another_store_views_code_in_the_url_of_a_write_moves_the_cart_and_its_order(shop: Shop, api: Api) -> None:
    cart = shop.add_cart([("MUG-01", 1)], store_id=3, address=_address(3))
    shop.set_countries(["NL", "US"])
    right = api.get(f"carts/{cart}/totals", "us_en")["grand_total"]
    order = shop.order(api.ask("PUT", f"carts/{cart}/order", store="default").json())
    assert (order["store_id"], order["order_currency_code"]) == (1, "USD")
    assert order["grand_total"] == order["base_grand_total"] != right
    assert shop.cart(cart)["store_id"] == 1


@pytest.mark.parametrize("code", ["", "all", "us_en"])
def test_no_code_all_and_the_carts_own_leave_it_where_it_is(shop: Shop, api: Api, code: str) -> None:
    cart = shop.add_cart([("MUG-01", 1)], store_id=3, address=_address(3))
    order = shop.order(api.ask("PUT", f"carts/{cart}/order", store=code).json())
    assert (order["store_id"], order["order_currency_code"]) == (3, "USD")
    assert order["grand_total"] == pytest.approx(order["base_grand_total"] * 1.1, abs=0.02)


def test_a_wrong_coupon_removes_the_right_one(shop: Shop, api: Api) -> None:
    cart = shop.add_cart(coupon="WELCOME10")
    assert api.get(f"carts/{cart}/coupons") == "WELCOME10"
    answer = api.ask("PUT", f"carts/{cart}/coupons/NOPE")
    assert answer.status_code == 404
    assert api.get(f"carts/{cart}/coupons") == []


def test_totals_information_changes_the_order_to_come_but_not_the_totals_shown(shop: Shop, api: Api) -> None:
    cart = shop.add_cart([("MUG-01", 1)])
    shop.touch_cart(cart, _OLD)
    shop.set_shipping_price("flatrate", 9)
    body = {"address": {"country_id": "NL"}, "shipping_carrier_code": "flatrate", "shipping_method_code": "flatrate"}
    fresh = api.ask("POST", f"carts/{cart}/totals-information", {"addressInformation": body}).json()
    assert fresh["shipping_amount"] == 9
    assert api.get(f"carts/{cart}/totals")["shipping_amount"] == 2.95
    assert shop.cart(cart)["updated_at"] == _OLD
    assert shop.order(api.ask("PUT", f"carts/{cart}/order").json())["shipping_amount"] == 9


def test_an_inactive_cart_is_listed_without_lines_and_its_parts_are_missing(shop: Shop, api: Api) -> None:
    cart = shop.add_cart()
    shop.deactivate_cart(cart)
    seen = api.get(f"carts/{cart}")
    assert "items" not in seen
    assert "extension_attributes" not in seen
    for part in ("items", "totals", "billing-address", "shipping-methods"):
        assert api.ask("GET", f"carts/{cart}/{part}").status_code == 404
    assert api.ask("GET", f"carts/{cart}/payment-methods").status_code == 200


def test_a_deleted_customers_cart_has_no_customer_and_is_no_guests(shop: Shop, api: Api) -> None:
    customer = shop.add_customer("anna@example.test")
    cart = shop.add_cart(customer_id=customer)
    shop.delete_customer(customer)
    seen = api.found(cart)
    assert "id" not in seen["customer"]
    assert seen["customer_is_guest"] is False
    order = shop.order(api.ask("PUT", f"carts/{cart}/order").json())
    assert (order["customer_is_guest"], "customer_id" in order) == (1, False)


def test_a_deleted_customers_order_has_no_customer_and_is_as_old_as_before(shop: Shop, api: Api) -> None:
    customer = shop.add_customer("anna@example.test")
    order = shop.place(shop.add_cart(customer_id=customer))
    shop.touch_order(order, _OLD)
    shop.delete_customer(customer)
    seen = api.get(f"orders/{order}")
    assert (seen["customer_is_guest"], seen["customer_email"], seen["updated_at"]) == (0, "anna@example.test", _OLD)
    assert "customer_id" not in seen


def test_a_deleted_store_views_orders_name_none_and_its_carts_are_gone(shop: Shop, api: Api) -> None:
    cart, order = shop.add_cart(store_id=2), shop.place(shop.add_cart(store_id=2))
    shop.delete_store_view(2)
    assert [view["id"] for view in api.get("store/storeViews") if view["id"] == 2] == []
    assert "store_id" not in api.get(f"orders/{order}")
    assert api.ask("GET", f"carts/{cart}").status_code == 404


def test_a_comment_and_a_newsletter_change_leave_updated_at_alone(shop: Shop, api: Api) -> None:
    customer = shop.add_customer("anna@example.test")
    order = shop.place(shop.add_cart(customer_id=customer))
    shop.touch_order(order, _OLD)
    given = {"comment": "gift 🎁", "is_customer_notified": 0, "is_visible_on_front": 0, "parent_id": order}
    assert api.ask("POST", f"orders/{order}/comments", {"statusHistory": given}).json() is True
    assert api.get(f"orders/{order}")["updated_at"] == _OLD
    assert api.get(f"orders/{order}/comments")["items"][-1]["comment"] == "gift ????"
    before = api.get(f"customers/{customer}")["updated_at"]
    shop.set_clock(3600)
    shop.subscribe(customer, on=True)
    after = api.get(f"customers/{customer}")
    assert (after["updated_at"], after["extension_attributes"]["is_subscribed"]) == (before, True)


def test_a_configurable_product_is_one_line_in_a_cart_and_two_in_an_order(shop: Shop, api: Api) -> None:
    cart = shop.add_cart([("ROBE-M", 1)])
    line = api.found(cart)["items"]
    assert [(one["sku"], one["product_type"]) for one in line] == [("ROBE-M", "configurable")]
    items = shop.order(api.ask("PUT", f"carts/{cart}/order").json())["items"]
    assert [(one["sku"], one["price"] > 0) for one in items] == [("ROBE-M", True), ("ROBE-M", False)]
    assert items[1]["parent_item"]["item_id"] == items[1]["parent_item_id"] == items[0]["item_id"]


def test_a_partial_save_of_a_customer_keeps_addresses_and_an_empty_list_clears_them(shop: Shop, api: Api) -> None:
    customer = shop.add_customer("anna@example.test")
    body = {"customer": {"id": customer, "extension_attributes": {"is_subscribed": True}}}
    assert len(api.ask("PUT", f"customers/{customer}", body).json()["addresses"]) == 1
    assert api.ask("PUT", f"customers/{customer}", {"customer": {"addresses": []}}).json()["addresses"] == []
