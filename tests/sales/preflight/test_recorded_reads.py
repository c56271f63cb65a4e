"""What a running Magento 2.4.7 answered to a preflight's questions leads to the verdict that its placing bore out.

The demo store stands in for what was not recorded with a series: orders of the cart, countries, whether it is due.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from crm_core.sales.preflight.check import Code, Verdict
from crm_core.sales.preflight.plan import AS_IT_STANDS, Plan
from crm_core.sales.preflight.refusal import explain_refusal
from demo_store.service import Request, Response
from tests.sales.desk import Answer, Desk
from tests.sales.preflight.shop_side import check, in_step, recorded

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

LOOK, FAIL = Verdict.LOOK, Verdict.FAIL
SEARCH = r"GET .*/V1/carts/search$"
PATHS = {
    "products": r"GET .*/V1/products$",
    "batch": r"GET .*/are-product-salable-for-requested-qty$",
    "stock_item": r"GET .*/stockItems/",
    "left": r"GET .*/get-product-salable-quantity/",
    "totals": r"GET .*/totals$",
    "payments": r"GET .*/payment-methods$",
    "payment": r"GET .*/selected-payment-method$",
    "estimate": r"POST .*/estimate-shipping-methods$",
    "coupon": r"GET .*/coupons/search$",
    "rule": r"GET .*/salesRules/",
    "country": r"GET .*/directory/countries/US$",
}
READY = {
    "products": "pf04_02_products_search",
    "totals": "pf04_15_totals",
    "payments": "pf15_08_payment_methods",
    "payment": "pf04_18_selected_payment",
    "estimate": "pf15_22_estimate_shipping",
}
"""What a cart in order is told, for what a series did not record."""

# The series' search, what else it read, the check that it is about, its verdict, and how placing was answered.
SERIES: dict[str, tuple[str, dict[str, str], Code, Verdict, str]] = {
    "1": ("pf01_02_search", {"products": "pf01_04_products_search"}, Code.HIDDEN_LINE, LOOK, "pf01_11_place"),
    "4": (
        "pf04_01_search",
        {
            "products": "pf04_02_products_search",
            "batch": "pf04_08_are_salable_for_qty",
            "stock_item": "pf04_03_stockItem",
            "left": "pf04_05_salable_qty",
        },
        Code.SHORT,
        FAIL,
        "pf04_12_place",
    ),
    "7": ("pf07_01_search", {"products": "pf07_02_products_search"}, Code.WEBSITE, LOOK, "pf07_09_place"),
    "9": ("pf09_02_search", {"country": "pf09_01_country_US"}, Code.SHIPPING_ADDRESS, FAIL, "pf09_03_place"),
    "10 postcode": ("pf10_01_search_no_postcode", {}, Code.SHIPPING_ADDRESS, FAIL, "pf10_02_place_no_postcode"),
    "10 Ireland": ("pf10_05_search_no_postcode_IE", {}, Code.SHIPPING_ADDRESS, LOOK, "pf10_06_place_no_postcode_IE"),
    "10 telephone": ("pf10_09_search_no_telephone", {}, Code.SHIPPING_ADDRESS, FAIL, "pf10_10_place_no_telephone"),
    "13 expired": (
        "pf13_04_search_expired",
        {"totals": "pf13_11_totals", "coupon": "pf13_05_coupon_search", "rule": "pf13_06_rule"},
        Code.COUPON,
        FAIL,
        "pf13_07_place_expired",
    ),
    "13 used up": (
        "pf13_23_search_limit_reached",
        {"totals": "pf13_30_totals", "coupon": "pf13_24_coupon_search", "rule": "pf13_25_rule"},
        Code.COUPON,
        FAIL,
        "pf13_26_place_limit_reached",
    ),
    "15 off": (
        "pf15_01_search",
        {"totals": "pf15_05_totals", "estimate": "pf15_07_estimate_shipping"},
        Code.SHIPPING,
        FAIL,
        "pf31_21_shipping_information_again_method_off",
    ),
    "15 dearer": (
        "pf15_16_search_rate",
        {"totals": "pf15_20_totals", "estimate": "pf15_22_estimate_shipping"},
        Code.SHIPPING,
        LOOK,
        "pf15_17_place_rate_changed",
    ),
    "16": (
        "pf16_01_search",
        {"payments": "pf16_06_payment_methods", "payment": "pf16_07_selected_payment"},
        Code.PAYMENT,
        FAIL,
        "pf16_11_place_pm_body",
    ),
    "18": ("pf18_01_search", {"totals": "pf18_03_totals"}, Code.EMAIL, FAIL, "pf18_07_place"),
    "19": ("pf19_02_search", {"totals": "pf19_09_totals"}, Code.CUSTOMER, LOOK, "pf19_06_place"),
    "20": ("pf20_11_search_moved", {"totals": "pf20_13_totals"}, Code.CUSTOMER, LOOK, "pf20_16_place_moved"),
    "21": ("pf21_01_search_no_billing", {}, Code.BILLING_ADDRESS, FAIL, "pf21_07_place_no_billing"),
    "22": (
        "pf22_31_search_child_out_of_stock",
        {
            "products": "pf22_32_products_search_child_out_of_stock",
            "batch": "pf22_33_are_salable_child_out_of_stock",
            "stock_item": "pf05_03_stockItem",
            "left": "pf05_05_salable_qty",
        },
        Code.OUT_OF_STOCK,
        FAIL,
        "pf22_37_place_child_out_of_stock",
    ),
    "22 deleted": (
        "pf22_91_search_child_deleted",
        {"products": "pf22_92_products_search_child_deleted"},
        Code.VARIANT,
        FAIL,
        "pf22_97_place_child_deleted",
    ),
    "26": ("pf26_01_search", {}, Code.CART, FAIL, "pf26_09_place"),
    "30": ("pf30_04_search_reserved_no_order", {}, Code.CART, FAIL, "pf30_06_place_reserved_no_order"),
}


@pytest.mark.parametrize("name", SERIES)
def test_what_was_recorded_before_placing_leads_to_the_verdict_that_placing_bore_out(desk: Desk, name: str) -> None:
    search, reads, code, verdict, placing = SERIES[name]
    cart = desk.add_cart(("MUG-01", 1))
    in_step(desk)
    if name == "1":  # the line was there when the desk read the cart before
        desk.front.on(SEARCH, _as_cart("pf01_01_search_ready", cart))
        desk.synchronise(cart)
    for what, exchange in {**READY, **reads}.items():
        desk.front.on(PATHS[what], _as_recorded(exchange))
    desk.front.on(SEARCH, _as_cart(search, cart))
    told = check(desk, cart, plan=Plan("flatrate_flatrate", "checkmo") if code is Code.EMAIL else AS_IT_STANDS)
    assert verdict in [each.verdict for each in told.of(code)], told.checks
    answer = recorded(placing)
    assert (answer["status"] == 200) is (verdict is LOOK)
    if verdict is FAIL:
        body = answer["answer"]
        parameters = body.get("parameters") or {}
        if isinstance(parameters, list):
            parameters = {str(number): value for number, value in enumerate(parameters, start=1)}
        assert explain_refusal(answer["status"], body["message"], parameters, told) is code


def _as_recorded(name: str) -> Answer:
    exchange = recorded(name)
    body = json.dumps(exchange["answer"]).encode()
    return lambda _request, _work: Response(exchange["status"], body, {"Content-Type": "application/json"})


def _as_cart(name: str, cart_id: int) -> Answer:
    """The recorded search for a cart, as this one; how many carts match is left to the shop."""
    page: dict[str, Any] = recorded(name)["answer"]
    page = page | {"items": [page["items"][0] | {"id": cart_id}]}
    body = json.dumps(page).encode()

    def answer(request: Request, work: Callable[[], Response]) -> Response:
        if "fields=" in request.target:
            return work()
        return Response(200, body, {"Content-Type": "application/json"})

    return answer
