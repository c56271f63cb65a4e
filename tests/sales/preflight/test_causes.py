"""Every cause for which a running Magento 2.4.7 refused an order, or took one that nobody wanted.

For each: the demo store answers the placing as the recorded series does, the preflight says so beforehand, and what the
desk's own placing then answers, and what the order then holds, agree with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_core.sales.outcomes import Placed
from crm_core.sales.preflight.check import Code, FixKind, Verdict
from crm_core.sales.preflight.refusal import explain_refusal, explaining
from crm_core.sales.preflight.run import Preflight
from demo_store import Shop
from tests.sales.desk import Desk
from tests.sales.preflight.shop_side import Answer, check, in_step, is_placed, place_as_it_stands, put, recorded

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

Change = Callable[[Shop, int], object]
PASS, LOOK, FAIL, UNKNOWN = Verdict.PASS, Verdict.LOOK, Verdict.FAIL, Verdict.UNKNOWN
CHECKMO = {"paymentMethod": {"method": "checkmo"}}
US = {"street": ["1 State St"], "city": "Albany", "postcode": "12207", "country_id": "US", "region_id": 43}


@dataclass(frozen=True)
class Cause:
    """What happens to a cart, what the preflight says of it, and the recorded exchanges that it follows."""

    series: tuple[str, ...]
    """Recorded exchanges of placing such a cart: the demo store gives the same answer to the same request."""
    change: Change
    code: Code
    verdict: Verdict
    places: bool
    """Whether the desk's own placing makes an order of it."""
    lines: tuple[tuple[str, int], ...] = (("MUG-01", 2),)
    details: dict[str, Any] = field(default_factory=dict)
    fix: FixKind | None = None
    recalculate: bool = False


def _set(**columns: Any) -> Change:
    return lambda shop, cart: shop.cart(cart).update(columns)


def _lacking(part: str, *names: str) -> Change:
    return lambda shop, cart: shop.cart(cart)[part].update(dict.fromkeys(names))


def _both_lacking(*names: str) -> Change:
    def change(shop: Shop, cart: int) -> None:
        for part in ("shipping", "billing"):
            shop.cart(cart)[part].update(dict.fromkeys(names))

    return change


def _payment(method: str, po_number: str | None = None) -> dict[str, Any]:
    return {"id": 1, "method": method, "po_number": po_number}


def _purchase_order(po_number: str | None) -> Change:
    def change(shop: Shop, cart: int) -> None:
        shop.switch_payment("purchaseorder", on=True)
        shop.cart(cart)["payment"] = _payment("purchaseorder", po_number)

    return change


def _all_free(payment: str) -> Change:
    def change(shop: Shop, cart: int) -> None:
        shop.set_coupon("ALLFREE", percent=100)
        for rule in shop.records.state.all("rule"):
            rule["apply_to_shipping"] = True
        shop.cart(cart).update(coupon_code="ALLFREE", payment=_payment(payment))
        shop.recalculate(cart)

    return change


def _coupon_then(then: Callable[[Shop], object]) -> Change:
    def change(shop: Shop, cart: int) -> None:
        shop.set_coupon("ONCE")
        shop.cart(cart)["coupon_code"] = "ONCE"
        shop.recalculate(cart)
        then(shop)

    return change


def _delete_coupon(shop: Shop) -> None:
    for coupon in list(shop.records.state.all("coupon")):
        if coupon["code"] == "ONCE":
            shop.records.state.remove("coupon", coupon["coupon_id"])


def _use_up(shop: Shop) -> None:
    shop.set_coupon("ONCE", uses=1)
    coupon = next(each for each in shop.records.state.all("coupon") if each["code"] == "ONCE")
    coupon["times_used"] = 1


def _not_in_website(shop: Shop, _cart: int) -> None:
    for product in shop.records.state.all("product"):
        if product["sku"] == "MUG-01":
            product["website_ids"] = [2]


def _delete(sku: str) -> Change:
    def change(shop: Shop, _cart: int) -> None:
        if shop.records.product_of_sku(sku) is not None:
            shop.delete_product(sku)

    return change


def _restored(shop: Shop, cart: int) -> None:
    shop.act(shop.place(cart), "cancel")
    shop.restore_cart(cart)


def _ordered(shop: Shop, cart: int) -> None:
    shop.place(cart)


def _deleted_customer(shop: Shop, cart: int) -> None:
    customer = shop.add_customer(f"anna{cart}@example.test")
    stored = shop.cart(cart)
    stored.update(customer_id=customer, customer_is_guest=0)
    stored["billing"]["email"] = f"anna{cart}@example.test"
    shop.delete_customer(customer)


def _foreign_customer(shop: Shop, cart: int) -> None:
    customer = shop.add_customer(f"joe{cart}@example.test", store_id=3)
    shop.cart(cart).update(customer_id=customer, customer_is_guest=0)


def _billed_to_belgium(shop: Shop, cart: int) -> None:
    shop.set_countries(["NL"], "base")
    shop.cart(cart)["billing"]["country_id"] = "BE"


def _no_method(shop: Shop, cart: int) -> None:
    shop.cart(cart)["shipping_method"] = None


def _method_off(shop: Shop, _cart: int) -> None:
    shop.switch_carrier("flatrate", on=False)


CAUSES: dict[str, Cause] = {
    "1 a line disabled among others": Cause(
        ("pf01_11_place", "pf01_21_place_second", "pf31_08_place_hidden_line"),
        lambda shop, _: shop.disable_product("LAMP-01"),
        Code.HIDDEN_LINE,
        LOOK,
        places=True,
        lines=(("MUG-01", 2), ("LAMP-01", 1)),
        fix=FixKind.REMOVE_LINE,
    ),
    "2 a line deleted among others": Cause(
        ("pf02_07_place",),
        _delete("LAMP-01"),
        Code.HIDDEN_LINE,
        LOOK,
        places=True,
        lines=(("MUG-01", 2), ("LAMP-01", 1)),
        fix=FixKind.REMOVE_LINE,
    ),
    "3 the only line disabled": Cause(
        ("pf03_03_place", "pf03_06_place_with_pm"),
        lambda shop, _: shop.disable_product("MUG-01"),
        Code.LINES,
        FAIL,
        places=False,
    ),
    "4 stock short": Cause(
        ("pf04_12_place",),
        lambda shop, _: shop.set_stock("MUG-01", 1),
        Code.SHORT,
        FAIL,
        places=False,
        fix=FixKind.SET_QUANTITY,
    ),
    "5 out of stock": Cause(
        ("pf05_08_place", "pf05_22_place_only_line"),
        lambda shop, _: shop.set_stock("MUG-01", 0, in_stock=False),
        Code.OUT_OF_STOCK,
        FAIL,
        places=False,
        fix=FixKind.REMOVE_LINE,
    ),
    "6 fewer than may be bought": Cause(
        ("pf06_07_place_below_min",),
        lambda shop, _: shop.set_sale_limits("MUG-01", minimum=5),
        Code.BELOW_MINIMUM,
        FAIL,
        places=False,
        fix=FixKind.SET_QUANTITY,
    ),
    "6 more than may be bought": Cause(
        ("pf06_22_place_above_max",),
        lambda shop, _: shop.set_sale_limits("MUG-01", maximum=1),
        Code.ABOVE_MAXIMUM,
        FAIL,
        places=False,
        fix=FixKind.SET_QUANTITY,
    ),
    "6 not in whole steps": Cause(
        ("pf06_37_place_increment",),
        lambda shop, _: shop.set_sale_limits("MUG-01", increments=5),
        Code.INCREMENTS,
        FAIL,
        places=False,
        fix=FixKind.SET_QUANTITY,
    ),
    "7 not sold in this website": Cause(
        ("pf07_09_place", "pf07_23_place_only_line"), _not_in_website, Code.WEBSITE, LOOK, places=True
    ),
    "8 country not sold to": Cause(
        ("pf08_08_place",),
        lambda shop, _: shop.set_countries(["BE"]),
        Code.SHIPPING_ADDRESS,
        FAIL,
        places=False,
        fix=FixKind.ENTER_ADDRESS,
    ),
    "8 country of the billing address only": Cause(
        ("pf08_21_place_billing_abroad",),
        _billed_to_belgium,
        Code.BILLING_ADDRESS,
        FAIL,
        places=False,
    ),
    "8 carrier not for the country": Cause(
        ("pf08_28_place_carrier_elsewhere",),
        lambda shop, _: shop.records.site(1)["carriers"]["flatrate"].update(countries=["BE"]),
        Code.SHIPPING,
        FAIL,
        places=False,
        fix=FixKind.CHOOSE_SHIPPING,
    ),
    "8 payment not for the country": Cause(
        ("pf08_33_place_payment_elsewhere",),
        lambda shop, _: shop.records.site(1)["payments"]["checkmo"].update(countries=["BE"]),
        Code.PAYMENT,
        FAIL,
        places=False,
        fix=FixKind.CHOOSE_PAYMENT,
    ),
    "9 region missing": Cause(
        ("pf09_03_place",),
        _both_lacking("region", "region_id", "region_code"),
        Code.SHIPPING_ADDRESS,
        FAIL,
        places=False,
        details={"store_id": 3, "address": US},
    ),
    "9 a region that does not exist": Cause(
        ("pf09_15_place_bad_region_id",),
        lambda shop, cart: [
            shop.cart(cart)[part].update(region_id=999999, region_code=None) for part in ("shipping", "billing")
        ],
        Code.SHIPPING_ADDRESS,
        FAIL,
        places=False,
        details={"store_id": 3, "address": US},
    ),
    "10 no postcode": Cause(
        ("pf10_02_place_no_postcode",), _both_lacking("postcode"), Code.SHIPPING_ADDRESS, FAIL, places=False
    ),
    "10 no postcode in Ireland": Cause(
        ("pf10_06_place_no_postcode_IE",),
        _both_lacking("postcode"),
        Code.SHIPPING_ADDRESS,
        LOOK,
        places=True,
        details={"address": {"country_id": "IE"}},
    ),
    "10 no telephone": Cause(
        ("pf10_10_place_no_telephone", "pf10_47_place_no_telephone_optional_config"),
        _both_lacking("telephone"),
        Code.SHIPPING_ADDRESS,
        FAIL,
        places=False,
    ),
    "10 no last name": Cause(
        ("pf10_14_place_no_lastname",), _both_lacking("lastname"), Code.SHIPPING_ADDRESS, FAIL, places=False
    ),
    "10 no first name": Cause(
        ("pf10_18_place_no_firstname",), _both_lacking("firstname"), Code.SHIPPING_ADDRESS, FAIL, places=False
    ),
    "10 no street": Cause(
        ("pf10_22_place_no_street",),
        lambda shop, cart: shop.cart(cart)["shipping"].update(street=[""]),
        Code.SHIPPING_ADDRESS,
        FAIL,
        places=False,
    ),
    "10 no city": Cause(("pf10_26_place_no_city",), _both_lacking("city"), Code.SHIPPING_ADDRESS, FAIL, places=False),
    "10 no country": Cause(
        ("pf10_30_place_no_country",), _both_lacking("country_id"), Code.SHIPPING_ADDRESS, FAIL, places=False
    ),
    "10 no telephone in the billing address": Cause(
        ("pf10_34_place_no_telephone_billing_only",),
        _lacking("billing", "telephone"),
        Code.BILLING_ADDRESS,
        FAIL,
        places=False,
    ),
    "10 no telephone in the shipping address": Cause(
        ("pf10_38_place_no_telephone_shipping_only",),
        _lacking("shipping", "telephone"),
        Code.SHIPPING_ADDRESS,
        FAIL,
        places=False,
    ),
    "11 purchase order without its number": Cause(
        ("pf11_17_place_selected_without", "pf11_25_place_body_loses_number"),
        _purchase_order(None),
        Code.PAYMENT,
        FAIL,
        places=False,
        fix=FixKind.ENTER_PO_NUMBER,
    ),
    "11 purchase order with its number": Cause(
        ("pf11_22_place_selected_with",), _purchase_order("4711"), Code.PAYMENT, PASS, places=True
    ),
    "12 a check for a total of zero": Cause(
        ("pf12_10_place_checkmo_in_body",),
        _all_free("checkmo"),
        Code.PAYMENT,
        FAIL,
        places=False,
        fix=FixKind.CHOOSE_PAYMENT,
    ),
    "12 free for a total of zero": Cause(
        ("pf12_18_place_free_selected",), _all_free("free"), Code.PAYMENT, PASS, places=True
    ),
    "12 free for more than zero": Cause(
        ("pf12_22_place_free_nonzero",), _set(payment=_payment("free")), Code.PAYMENT, FAIL, places=False
    ),
    "12 no way of paying chosen": Cause(
        ("pf12_37_place_free_free_no_pm",),
        _set(payment=None),
        Code.PAYMENT,
        FAIL,
        places=False,
        fix=FixKind.CHOOSE_PAYMENT,
    ),
    "13 coupon expired": Cause(
        ("pf13_07_place_expired", "pf13_17_place_expired_pm_body"),
        _coupon_then(lambda shop: shop.set_coupon("ONCE", expires="2020-01-01 00:00:00")),
        Code.COUPON,
        FAIL,
        places=False,
        fix=FixKind.REMOVE_COUPON,
    ),
    "13 coupon used up": Cause(
        ("pf13_26_place_limit_reached",), _coupon_then(_use_up), Code.COUPON, FAIL, places=False
    ),
    "13 the coupon's rule off": Cause(
        ("pf13_45_place_rule_off", "pf35_20_place_coupon_off"),
        _coupon_then(lambda shop: shop.set_coupon("ONCE", active=False)),
        Code.COUPON,
        FAIL,
        places=False,
    ),
    "13 coupon deleted": Cause(
        ("pf13_64_place_coupon_deleted",), _coupon_then(_delete_coupon), Code.COUPON, FAIL, places=False
    ),
    "13 coupon that holds": Cause(
        ("pf13_82_place_once_first",),
        _coupon_then(lambda shop: shop.set_coupon("ONCE", uses=10, expires=_tomorrow())),
        Code.COUPON,
        PASS,
        places=True,
    ),
    "14 minimum amount, in the shop's words": Cause(
        ("pf14_02_place",),
        lambda shop, _: shop.set_minimum_order(50, "Order at least 50 please"),
        Code.MINIMUM_AMOUNT,
        UNKNOWN,
        places=False,
    ),
    "14 minimum amount": Cause(
        ("pf14_16_place_no_description",),
        lambda shop, _: shop.set_minimum_order(50),
        Code.MINIMUM_AMOUNT,
        UNKNOWN,
        places=False,
    ),
    "15 the way of shipping is off": Cause(
        ("pf15_02_place_method_off", "pf15_13_place_method_off_pm_body"),
        _method_off,
        Code.SHIPPING,
        FAIL,
        places=False,
        fix=FixKind.CHOOSE_SHIPPING,
    ),
    "15 the way of shipping is dearer": Cause(
        ("pf15_17_place_rate_changed", "pf15_28_place_rate_changed_pm_body"),
        lambda shop, _: shop.set_shipping_price("flatrate", "7.50"),
        Code.SHIPPING,
        LOOK,
        places=True,
    ),
    "16 the way of paying is off": Cause(
        ("pf16_02_place", "pf16_11_place_pm_body"),
        lambda shop, _: shop.switch_payment("checkmo", on=False),
        Code.PAYMENT,
        FAIL,
        places=False,
        fix=FixKind.CHOOSE_PAYMENT,
    ),
    "16 the way of paying is over its limit": Cause(
        ("pf16_11_place_pm_body",),
        lambda shop, _: shop.records.site(1)["payments"]["checkmo"].update(maximum=1),
        Code.PAYMENT,
        FAIL,
        places=False,
    ),
    "17 a price changed": Cause(
        ("pf17_05_place",),
        lambda shop, _: shop.set_price("MUG-01", "24.20"),
        Code.PRICE,
        LOOK,
        places=True,
        fix=FixKind.RECALCULATE,
    ),
    "17 a price changed, recalculated": Cause(
        ("pf17_23_place_pm_body",),
        lambda shop, _: shop.set_price("MUG-01", "24.20"),
        Code.PRICE,
        LOOK,
        places=True,
        recalculate=True,
    ),
    "18 no e-mail": Cause(
        ("pf18_07_place", "pf18_21_place_billing_email_missing"),
        _lacking("billing", "email"),
        Code.EMAIL,
        FAIL,
        places=False,
        fix=FixKind.ENTER_EMAIL,
    ),
    "18 what is no e-mail": Cause(
        ("pf18_17_place_bad_email",),
        lambda shop, cart: shop.cart(cart)["billing"].update(email="nobody"),
        Code.EMAIL,
        FAIL,
        places=False,
    ),
    "19 customer deleted": Cause(("pf19_06_place",), _deleted_customer, Code.CUSTOMER, LOOK, places=True),
    "20 customer of another website": Cause(
        ("pf20_16_place_moved", "pf20_20_place_foreign_customer"), _foreign_customer, Code.CUSTOMER, LOOK, places=True
    ),
    "21 virtual without a billing address": Cause(
        ("pf21_07_place_no_billing",),
        _set(payment=_payment("checkmo")),
        Code.BILLING_ADDRESS,
        FAIL,
        places=False,
        lines=(("COURSE-01", 1),),
        details={"ready": False},
    ),
    "21 virtual with a billing address": Cause(
        ("pf21_17_place_billing",),
        lambda _shop, _: None,
        Code.BILLING_ADDRESS,
        PASS,
        places=True,
        lines=(("COURSE-01", 1),),
    ),
    "22 a variant that can be had": Cause(
        ("pf22_07_place_ok",), lambda _shop, _: None, Code.STOCK, PASS, places=True, lines=(("ROBE-M", 2),)
    ),
    "22 the variant disabled among others": Cause(
        ("pf22_22_place_child_disabled",),
        lambda shop, _: shop.disable_product("ROBE-M"),
        Code.HIDDEN_LINE,
        LOOK,
        places=True,
        lines=(("MUG-01", 1), ("ROBE-M", 2)),
    ),
    "22 the variant's product disabled": Cause(
        ("pf22_67_place_parent_disabled",),
        lambda shop, _: shop.disable_product("ROBE"),
        Code.HIDDEN_LINE,
        LOOK,
        places=True,
        lines=(("MUG-01", 1), ("ROBE-M", 2)),
    ),
    "22 the variant out of stock": Cause(
        ("pf22_37_place_child_out_of_stock",),
        lambda shop, _: shop.set_stock("ROBE-M", 0, in_stock=False),
        Code.OUT_OF_STOCK,
        FAIL,
        places=False,
        lines=(("ROBE-M", 2),),
    ),
    "22 the variant short": Cause(
        ("pf22_52_place_child_short",),
        lambda shop, _: shop.set_stock("ROBE-M", 1),
        Code.SHORT,
        FAIL,
        places=False,
        lines=(("ROBE-M", 2),),
    ),
    "22 the variant deleted": Cause(
        ("pf22_97_place_child_deleted", "pf22_103_place_child_deleted_second"),
        _delete("ROBE-M"),
        Code.VARIANT,
        FAIL,
        places=False,
        lines=(("ROBE-M", 2),),
        fix=FixKind.REPLACE_LINE,
    ),
    "23 restored after a cancelled order": Cause(
        ("pf23_11_place_again_restored", "pf23_32_place_again_customer"),
        _restored,
        Code.RESTORED,
        LOOK,
        places=True,
        fix=FixKind.OPEN_ORDER,
    ),
    "24 ordered already": Cause(
        ("pf24_07_place_gap0ms_third",), _ordered, Code.CART, FAIL, places=False, fix=FixKind.OPEN_ORDER
    ),
    "26 closed without an order": Cause(
        ("pf26_09_place", "pf26_12_place_pm_body"),
        lambda shop, cart: shop.deactivate_cart(cart),
        Code.CART,
        FAIL,
        places=False,
    ),
    "26 gone": Cause(
        ("pf26_15_place_missing_cart",), lambda shop, cart: shop.delete_cart(cart), Code.CART, FAIL, places=False
    ),
    "27 an exchange rate changed": Cause(
        ("pf27_66_place_exchange_rate_changed",),
        lambda shop, _: shop.set_rate("USD", "1.2"),
        Code.CURRENCY,
        LOOK,
        places=True,
        details={"store_id": 3, "address": US},
    ),
    "30 a reserved number without an order": Cause(
        ("pf30_06_place_reserved_no_order",),
        _set(is_active=0, reserved_order_id="000009999"),
        Code.CART,
        FAIL,
        places=False,
    ),
    "30 open with a reserved number": Cause(
        ("pf30_10_place_active_reserved",),
        _set(reserved_order_id="000009999"),
        Code.CART,
        PASS,
        places=True,
    ),
    "31 no way of shipping left": Cause(
        ("pf31_24_place_method_off", "pf35_13_place_method_off"),
        _no_method,
        Code.SHIPPING,
        FAIL,
        places=False,
        fix=FixKind.CHOOSE_SHIPPING,
    ),
}


def _tomorrow() -> str:
    return f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d} 00:00:00"


def _template(answer: Answer) -> tuple[int, str, Any]:
    """Status, message and parameters, without the id of the cart that the answer is about."""
    parameters = answer.parameters
    if isinstance(parameters, dict) and "fieldValue" in parameters:
        parameters = parameters | {"fieldValue": None}
    return answer.status, answer.message, parameters or None


def _as_recorded(name: str) -> Answer:
    exchange = recorded(name)
    body = exchange["answer"]
    if isinstance(body, dict):
        return Answer(exchange["status"], body["message"], body.get("parameters"))
    return Answer(exchange["status"])


@pytest.mark.parametrize("name", CAUSES)
def test_the_preflight_of_a_cause_agrees_with_what_placing_answers_and_what_the_order_holds(
    desk: Desk, name: str
) -> None:
    cause = CAUSES[name]
    carts = [desk.add_cart(*cause.lines, **cause.details) for _ in range(len(cause.series) + 1)]
    in_step(desk)
    for cart in carts:
        cause.change(desk.shop, cart)
    for exchange, cart in zip(cause.series, carts[1:], strict=True):
        answer = put(desk, cart, recorded(exchange)["body"])
        assert _template(answer) == _template(_as_recorded(exchange)), exchange
        if answer.order is None:
            explained = explain_refusal(*_refusal(answer), check(desk, cart, recalculate=cause.recalculate))
            assert explained == cause.code
    before = check(desk, carts[0], recalculate=cause.recalculate)
    told = explaining(cause.code, before)
    assert told is not None, before.checks
    assert told.verdict is cause.verdict, told
    assert cause.verdict not in {PASS, UNKNOWN} or before.verdict is PASS, before.checks
    assert cause.verdict is not FAIL or told in before.blocking
    assert cause.verdict is not LOOK or (before.verdict in {LOOK, UNKNOWN} and not before.blocking), before.checks
    assert cause.fix is None or cause.fix in {fix.kind for fix in told.fixes}
    outcome = place_as_it_stands(desk, carts[0])
    assert is_placed(outcome) is cause.places, outcome
    if isinstance(outcome, Placed):
        order = desk.shop.order(desk.shop.orders_of(carts[0])[-1])
        assert {item["sku"] for item in order["items"]} == _shown(before)


def _refusal(answer: Answer) -> tuple[int, str, dict[str, object]]:
    """The refusal as the client gives it: parameters by name or by number from 1."""
    parameters = answer.parameters or {}
    if isinstance(parameters, list):
        parameters = {str(number): value for number, value in enumerate(parameters, start=1)}
    return answer.status, answer.message, parameters


def _shown(before: Preflight) -> set[str | None]:
    """The SKUs of the lines that the preflight saw."""
    cart = before.reading.cart.value if before.reading else None
    return {item.sku for item in (cart.items if cart else None) or ()}
