"""The demo store computes to the cent what the recorded Magento computed from the same lines."""

from __future__ import annotations

from typing import Any

import pytest

from demo_store import carts, totals
from tests.demo_store.recorded_shop import load, recorded_shop
from tests.recorded import exchanges

_CARTS = (
    *("cart_customer_ready", "cart_guest_ready", "cart_guest_ready_coupon", "cart_guest_items", "cart_customer_items"),
    *("cart_guest_virtual_ready", "cart_guest_items_address", "cart_admin-made_guest_3", "cart_admin-made_guest_7"),
)


def _body(name: str) -> Any:
    return exchanges()[name]["response"]["body"]


@pytest.mark.parametrize("name", _CARTS)
def test_the_totals_of_a_recorded_cart(name: str) -> None:
    shop = recorded_shop()
    load(shop.records, exchanges()[name])
    recorded = _body(f"{name}_totals")
    cart = shop.cart(_body(name)["id"])
    cart["coupon_code"] = recorded.get("coupon_code") or None
    if recorded["base_shipping_amount"]:
        cart["shipping_base_amount"] = recorded["base_shipping_amount"]
    totals.collect(shop.records, cart)
    answered = totals.rest(shop.records, cart)
    assert _numbers(answered) == _numbers(recorded)
    values = {one["code"]: (one["title"], one["value"]) for one in answered["total_segments"]}
    assert values == {one["code"]: (one["title"], one["value"]) for one in recorded["total_segments"]}


_ORDERS: dict[str, tuple[str, ...]] = {
    "order_00_pending": (),
    "order_01_invoiced": ("invoice",),
    "order_02_invoiced_shipped": ("invoice", "ship"),
    "order_04_held": ("hold",),
    "order_05_commented": (),
    "order_06_refunded": ("invoice", "refund"),
    "order_07_shipped_only": ("ship",),
    "order_11_invoiced": ("invoice",),
    "order_12_invoiced_shipped": ("invoice", "ship"),
    "order_13_cancelled": ("cancel",),
    "order_14_held": ("hold",),
    "order_16_refunded": ("invoice", "refund"),
    "order_17_shipped_only": ("ship",),
    "order_us_currency": ("invoice",),
}


@pytest.mark.parametrize("name", _ORDERS)
def test_the_amounts_of_a_recorded_order(name: str) -> None:
    recorded = _body(name)
    shop = recorded_shop()
    lines = [(one["sku"], one["qty_ordered"]) for one in recorded["items"] if "parent_item_id" not in one]
    made = shop.add_cart(
        lines,
        store_id=recorded["store_id"],
        address=recorded["billing_address"],
        coupon=recorded.get("coupon_code"),
    )
    order = shop.place(made)
    for action in _ORDERS[name]:
        shop.act(order, action)
    answered = shop.order(order)
    assert _numbers(answered) == _numbers(recorded)
    assert (answered["state"], answered["status"]) == (recorded["state"], recorded["status"])
    assert answered["payment"].keys() == recorded["payment"].keys()
    for mine, theirs in zip(answered["items"], recorded["items"], strict=True):
        assert _numbers(mine) == _numbers(theirs)


def test_a_partial_refund_as_it_was_recorded() -> None:
    recorded = _body("order_18_invoiced_shipped_partly_refunded")
    shop = recorded_shop()
    lines = [(one["sku"], one["qty_ordered"]) for one in recorded["items"]]
    order = shop.place(shop.add_cart(lines, address=recorded["billing_address"], coupon="TEN"))
    shop.act(order, "invoice")
    shop.act(order, "ship")
    stored: Any = shop.records.state.get("order", order)
    shop.refund_items(order, {stored["items"][0]["sku"]: 1})
    answered = shop.order(order)
    assert _numbers(answered) == _numbers(recorded)
    assert answered["status_histories"][0]["comment"] == recorded["status_histories"][0]["comment"]
    for mine, theirs in zip(answered["items"], recorded["items"], strict=True):
        assert _numbers(mine) == _numbers(theirs)


def test_lines_of_a_cart_in_another_currency_keep_their_base_price() -> None:
    shop = recorded_shop()
    load(shop.records, exchanges()["cart_customer_ready"])
    cart = shop.cart(_body("cart_customer_ready")["id"])
    assert carts.lines_rest(shop.records, cart) == _body("cart_customer_ready")["items"]


def test_the_row_totals_of_a_discounted_order_are_after_discount_where_prices_include_tax() -> None:
    recorded = exchanges("amounts")["pf29_07_orders_after_order_000000159"]["answer"]
    shop = recorded_shop()
    shop.records.site(1)["tax"] |= {"prices_include_tax": True, "home_country": "NL"}
    address = _body("order_00_pending")["billing_address"]
    order = shop.order(shop.place(shop.add_cart([("MUG-02", 3), ("PEN-01", 1)], address=address, coupon="TEN")))
    for item in (*recorded["items"], *order["items"]):
        row, discount = item["price"] * item["qty_ordered"], item["discount_amount"]
        tax = item["tax_amount"] + item["discount_tax_compensation_amount"]
        assert discount > 0
        assert item["row_total"] == pytest.approx(row - discount)
        assert item["row_total_incl_tax"] == pytest.approx(row - discount + tax)


_OWN = ("_id", "entity_id", "store_", "weee", "email_sent", "note_notify", "customer_", "is_", "no_discount", "free_")


def _numbers(body: dict[str, Any]) -> dict[str, float]:
    """The amounts and quantities of an answer: its numbers, without ids and flags."""
    return {
        key: value
        for key, value in body.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and not any(own in key for own in _OWN)
    }
