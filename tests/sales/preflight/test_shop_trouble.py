"""What the shop does not tell is never green, and what it refuses in words of its own is laid to the right check."""

from __future__ import annotations

from collections.abc import Callable

from crm_core.sales.preflight.check import Code, Verdict
from crm_core.sales.preflight.refusal import explain_refusal
from crm_core.sales.preflight.run import preflight
from demo_store.service import Request, Response
from tests.sales.desk import Desk, answered
from tests.sales.preflight.shop_side import check, in_step, on_sqlite, put, recorded, verdicts


@on_sqlite
def test_a_shop_in_maintenance_is_not_green_and_placing_there_does_nothing(desk: Desk) -> None:
    """Series pf25."""
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    check(desk, cart)
    desk.shop.maintenance(True)
    # A long Retry-After spares the test the wait: without one a read is tried four times.
    closed = Response(503, b"<html></html>", {"Content-Type": "text/html", "Retry-After": "3600"})
    desk.front.on(r"GET ", lambda _request, _work: closed)
    told = preflight(desk.store, desk.key(cart), "Anna")
    assert verdicts(told, Code.SHOP) == [Verdict.UNKNOWN]
    assert told.verdict is Verdict.UNKNOWN
    answer = put(desk, cart, None)
    assert answer.status == recorded("pf25_03_place")["status"]
    assert explain_refusal(answer.status, "", {}, told) is Code.SHOP
    assert desk.shop.orders_of(cart) == []


@on_sqlite
def test_what_the_shop_does_not_tell_is_never_green(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    wants: list[tuple[str, Code]] = [
        (r"GET .*/V1/orders$", Code.RESTORED),
        (r"GET .*/V1/products$", Code.WEBSITE),
        (r"GET .*/inventory/are-", Code.STOCK),
        (r"GET .*/totals$", Code.TOTAL),
        (r"GET .*/totals$", Code.COUPON),
        (r"GET .*/directory/countries/", Code.SHIPPING_ADDRESS),
        (r"GET .*/payment-methods$", Code.PAYMENT),
        (r"GET .*/selected-payment-method$", Code.PAYMENT),
        (r"POST .*/estimate-shipping-methods$", Code.SHIPPING),
    ]
    for pattern, code in wants:
        desk.front.calm()
        desk.front.on(pattern, answered(400, b'{"message":"Not today"}'))
        told = check(desk, cart)
        assert Verdict.UNKNOWN in verdicts(told, code), pattern
        assert told.verdict is Verdict.UNKNOWN, pattern


@on_sqlite
def test_a_payment_module_that_needs_the_customer_is_no_way_to_pay_here(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))

    def card(_request: Request, work: Callable[[], Response]) -> Response:
        response = work()
        response.body = b'[{"code":"adyen_cc","title":"Card"}]'
        return response

    desk.front.on(r"GET .*/payment-methods$", card)
    [payment] = check(desk, cart).of(Code.PAYMENT)
    assert payment.verdict is Verdict.FAIL
    assert "works without the customer" in payment.title


@on_sqlite
def test_a_quantity_that_the_shop_will_not_sell_for_a_reason_of_its_own_is_told_in_its_words(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    body = b'[{"sku":"MUG-01","stock_id":1,"salable":false,"errors":[{"code":"x","message":"Not on Sundays"}]}]'
    desk.front.on(r"GET .*/are-product-salable-for-requested-qty$", answered(200, body))
    [short] = check(desk, cart).of(Code.SHORT)
    assert "cannot be had in this quantity" in short.title
    assert short.detail == "The shop says: Not on Sundays."


@on_sqlite
def test_the_loser_of_a_race_is_told_that_someone_else_was_first(desk: Desk) -> None:
    """Series pf24."""
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    loser = recorded("pf24_02_place_first_gap0ms")
    message = loser["answer"]["message"]
    assert explain_refusal(loser["status"], message, {}, check(desk, cart)) is Code.LOCK
    desk.shop.place(cart)
    assert explain_refusal(loser["status"], message, {}, check(desk, cart)) is Code.CART


@on_sqlite
def test_a_refusal_that_nothing_explains_is_laid_to_the_shops_own_rules(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    told = check(desk, cart)
    assert explain_refusal(400, "Kein Verkauf an Sonntagen", {}, told) is Code.RULES
    assert explain_refusal(400, "Mindestens 50", {"1": ""}, told) is Code.MINIMUM_AMOUNT
    assert explain_refusal(400, "%1", {"1": '"regionId" is required.'}, told) is Code.SHIPPING_ADDRESS
    assert explain_refusal(401, "Unauthorised", {"resources": "Magento_Cart::manage"}, told) is Code.PERMISSION


@on_sqlite
def test_a_404_is_laid_to_the_coupon_only_where_the_cart_may_have_one(desk: Desk) -> None:
    plain, discounted = desk.add_cart(("MUG-01", 2)), desk.add_cart(("MUG-01", 2), coupon="SPRING25")
    desk.synchronise(discounted)
    desk.shop.cart(discounted)["coupon_code"] = None
    desk.shop.recalculate(discounted)
    message = "The product that was requested doesn't exist. Verify the product and try again."
    assert explain_refusal(404, message, {}, check(desk, plain)) is Code.RULES
    assert explain_refusal(404, "The coupon code isn't valid.", {}, check(desk, discounted)) is Code.COUPON
