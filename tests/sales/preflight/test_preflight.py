"""What a preflight says beside the causes of refusals: the desk's own reasons, trouble of the shop, what it asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from crm_core.errors import NotAllowed, NotFound, SignInFailed
from crm_core.magento.auth import Bearer
from crm_core.sales import claims
from crm_core.sales.claims import Terms
from crm_core.sales.decisions import mark_lost
from crm_core.sales.journal import journalled
from crm_core.sales.obstacles import why_not
from crm_core.sales.offer import offer_of
from crm_core.sales.preflight.check import STANDING, Code, FixKind, Verdict
from crm_core.sales.preflight.plan import Plan
from crm_core.sales.preflight.refusal import explain_refusal
from crm_core.sales.preflight.run import Preflight, preflight
from crm_core.store import tables
from crm_core.sync.channels import channel_by_name, pause
from crm_core.sync.setting_up import set_credentials
from demo_store.service import Request, Response
from tests.sales.desk import Desk, answered
from tests.sales.preflight.shop_side import check, in_step, is_placed, place_as_it_stands, put, recorded

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def _verdicts(told: Preflight, code: Code) -> list[Verdict]:
    return [each.verdict for each in told.of(code)]


def test_a_cart_in_order_is_green_and_names_what_nobody_can_know(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1), ("ROBE-M", 1))
    in_step(desk)
    told = check(desk, cart)
    assert told.verdict is Verdict.PASS
    assert told.blocking == ()
    assert told.summary == f"Ready to place · {len(told.checks) - len(STANDING)} checks passed"
    unknown = {each.code for each in told.checks if each.verdict is Verdict.UNKNOWN}
    assert unknown == STANDING
    assert told.calls > 0
    assert told.shop_seconds > 0
    assert is_placed(place_as_it_stands(desk, cart))


@on_sqlite
def test_nothing_is_written_to_the_shop(desk: Desk) -> None:
    cart, due = desk.add_cart(("LAMP-01", 1)), desk.add_cart(("MUG-01", 1), coupon="SPRING25")
    desk.shop.set_price("MUG-01", "24.20")
    before = [json.dumps(desk.shop.cart(each), default=str) for each in (cart, due)]
    for each in (cart, due):
        check(desk, each)
    assert [json.dumps(desk.shop.cart(each), default=str) for each in (cart, due)] == before
    writes = [each for each in desk.front.asked if not each.startswith("GET")]
    assert writes == [f"POST /rest/default/V1/carts/{cart}/estimate-shipping-methods"]


@on_sqlite
def test_a_cart_that_is_due_to_be_recalculated_is_not_read_by_id_until_the_person_wants_it(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    desk.synchronise(cart)
    in_step(desk)
    desk.shop.set_price("MUG-01", "24.20")
    asked = len(desk.front.asked)
    told = check(desk, cart)
    by_id = [each for each in desk.front.asked[asked:] if f"/carts/{cart}" in each]
    assert by_id == []
    assert _verdicts(told, Code.PRICE) == [Verdict.LOOK]
    for code in (Code.TOTAL, Code.COUPON, Code.SHIPPING, Code.PAYMENT):
        [waiting] = told.of(code)
        assert waiting.verdict is Verdict.UNKNOWN
        assert FixKind.RECALCULATE in {fix.kind for fix in waiting.fixes}
    assert desk.shop.cart(cart)["trigger_recollect"] == 1
    told = check(desk, cart, recalculate=True)
    assert desk.shop.cart(cart)["trigger_recollect"] == 0
    [price] = told.of(Code.PRICE)
    assert [figure.text for figure in price.figures] == ["€10.00", "€20.00"]
    [total] = told.of(Code.TOTAL)
    assert total.verdict is Verdict.LOOK
    assert total.figures[1].value == Decimal(str(desk.shop.cart(cart)["grand_total"]))
    assert is_placed(place_as_it_stands(desk, cart))


@on_sqlite
def test_the_coupon_of_a_cart_that_is_due_is_found_by_searching(desk: Desk) -> None:
    desk.shop.set_coupon("ONCE")
    cart = desk.add_cart(("MUG-01", 2), coupon="ONCE")
    desk.synchronise(cart)
    desk.shop.set_price("MUG-01", "24.20")
    desk.shop.set_coupon("ONCE", active=False)
    [coupon] = check(desk, cart).of(Code.COUPON)
    assert coupon.verdict is Verdict.FAIL
    assert coupon.fixes[0].arguments == {"code": "ONCE"}


@on_sqlite
def test_a_coupon_that_a_wrong_one_has_removed_is_missed(desk: Desk) -> None:
    """Series pf28."""
    desk.shop.set_coupon("GOOD")
    cart = desk.add_cart(("MUG-01", 2), coupon="GOOD")
    desk.synchronise(cart)
    in_step(desk)
    desk.shop.cart(cart)["coupon_code"] = None
    desk.shop.recalculate(cart)
    [coupon] = check(desk, cart).of(Code.COUPON)
    assert coupon.verdict is Verdict.LOOK
    assert coupon.fixes[0].arguments == {"code": "GOOD"}
    assert put(desk, cart, None).status == recorded("pf28_10_place")["status"]


@on_sqlite
def test_prices_with_tax_in_them_are_not_taken_for_changed_ones(desk: Desk) -> None:
    """Series pf29: a search tells 10 net for a price of 12.10."""
    cart = desk.add_cart(("MUG-01", 2), coupon="SPRING25")
    desk.synchronise(cart)
    told = check(desk, cart)
    assert _verdicts(told, Code.PRICE) == [Verdict.PASS]
    assert _verdicts(told, Code.TOTAL) == [Verdict.PASS]


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
    assert _verdicts(told, Code.SHOP) == [Verdict.UNKNOWN]
    assert told.verdict is Verdict.UNKNOWN
    answer = put(desk, cart, None)
    assert answer.status == recorded("pf25_03_place")["status"]
    assert explain_refusal(answer.status, "", {}, told) is Code.SHOP
    assert desk.shop.orders_of(cart) == []


@on_sqlite
def test_only_a_customer_is_said_to_have_an_address_book(desk: Desk) -> None:
    guests = desk.add_cart(("MUG-01", 1), ready=False)
    details = [each.detail for each in check(desk, guests).of(Code.SHIPPING_ADDRESS)]
    assert details == ["Enter one."]


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


@on_sqlite
def test_a_permission_that_is_missing_is_named_and_what_hangs_on_it_is_not_green(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    desk.shop.add_token("poor", {"Magento_Cart::manage", "Magento_Sales::actions_view", "Magento_Catalog::products"})
    set_credentials(desk.store, "Shop", Bearer("poor"), check_first=False)
    told = check(desk, cart)
    [permission] = told.of(Code.PERMISSION)
    assert permission.verdict is Verdict.UNKNOWN
    assert "Magento_InventorySalesApi::stock" in permission.title
    assert _verdicts(told, Code.STOCK) == [Verdict.UNKNOWN]
    assert told.verdict is Verdict.UNKNOWN
    desk.shop.add_token("poorer", {"Magento_Sales::actions_view"})
    set_credentials(desk.store, "Shop", Bearer("poorer"), check_first=False)
    assert Verdict.FAIL in _verdicts(check(desk, cart), Code.PERMISSION)
    set_credentials(desk.store, "Shop", Bearer("nobody"), check_first=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"allow_writes": False}, "read-only"),
        ({"paused_at": datetime(2026, 1, 1, tzinfo=UTC), "paused_reason": "Moving"}, "paused"),
    ],
)
@on_sqlite
def test_a_channel_that_may_not_write_blocks(desk: Desk, change: dict[str, object], words: str) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    with desk.store.writing() as connection:
        connection.execute(update(tables.channel).values(**change))
    [channel] = check(desk, cart).of(Code.CHANNEL)
    assert channel.verdict is Verdict.FAIL
    assert words in channel.title
    assert channel.fixes[0].arguments == {"channel_id": desk.channel.id}
    assert why_not(desk.store, desk.key(cart)) is not None


@on_sqlite
def test_a_paused_channel_is_asked_nothing(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    pause(desk.store, desk.channel.id, "Moving")
    asked = len(desk.front.asked)
    told = check(desk, cart)
    assert len(desk.front.asked) == asked
    assert (told.calls, told.reading) == (0, None)
    assert told.summary == "1 thing to settle"


@on_sqlite
def test_a_channel_that_is_behind_is_to_be_looked_at(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    long_ago = datetime.now(UTC) - timedelta(hours=3)
    with desk.store.writing() as connection:
        connection.execute(update(tables.sync_state).values(last_success_at=long_ago))
    told = check(desk, cart)
    [channel] = told.of(Code.CHANNEL)
    assert channel.verdict is Verdict.LOOK
    assert "3 hours ago" in channel.detail
    assert told.summary.startswith("Can be placed · 1 thing to look at · ")


def test_another_persons_attempt_blocks_and_says_whose_it_is(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    claims.claim(
        desk.store, desk.key(cart), desk.channel.id, "Ben", Terms("EUR", Decimal(10), "flatrate_flatrate", "checkmo")
    )
    [attempt] = check(desk, cart).of(Code.ATTEMPT)
    assert attempt.verdict is Verdict.FAIL
    assert "Ben" in attempt.title


@on_sqlite
def test_a_cart_that_somebody_is_changing_is_not_green_since_placing_would_refuse(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    choice = desk.choice(cart)
    with journalled(desk.store, "cart", desk.key(cart), kind="line", doing="Change a quantity", person="Ben"):
        told = check(desk, cart)
        [attempt] = told.of(Code.ATTEMPT)
        assert (told.verdict, attempt.verdict) == (Verdict.FAIL, Verdict.FAIL)
        assert attempt.detail.startswith("Ben is changing this cart")
        with pytest.raises(NotAllowed, match="Ben is changing this cart"):
            desk.place(cart, choice)
    assert check(desk, cart).verdict is Verdict.PASS


@on_sqlite
def test_a_cart_whose_order_was_deleted_in_the_shop_is_not_green_since_placing_would_refuse(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    desk.shop.place(cart)
    desk.synchronise(cart)
    [order] = desk.shop.orders_of(cart)
    desk.shop.delete_order(order)
    desk.shop.restore_cart(cart)
    in_step(desk)
    told = check(desk, cart)
    [deleted] = told.of(Code.CART)
    assert deleted.verdict is Verdict.FAIL
    assert deleted.fixes[0].arguments["order_key"] == desk.key(order)
    reason = why_not(desk.store, desk.key(cart))
    assert reason is not None
    assert reason.startswith("Already ordered")


@on_sqlite
def test_a_lost_cart_is_to_be_reopened_first(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    mark_lost(desk.store, desk.key(cart), "Bought elsewhere", "Ben")
    told = check(desk, cart)
    assert FixKind.REOPEN in {fix.kind for each in told.blocking for fix in each.fixes}
    assert told.verdict is Verdict.FAIL


@on_sqlite
def test_an_order_made_in_the_shop_meanwhile_is_linked_and_mirrored(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    order = desk.shop.order(desk.shop.place(cart))
    [status] = check(desk, cart).of(Code.CART)
    assert status.fixes[0].kind is FixKind.OPEN_ORDER
    assert status.fixes[0].arguments["increment_id"] == order["increment_id"]
    row = desk.row(cart)
    assert (row.status, row.order_id) == ("purchased", status.fixes[0].arguments["order_key"])


@on_sqlite
def test_what_the_person_has_chosen_is_checked_in_place_of_what_the_cart_has(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    desk.shop.cart(cart).update(payment=None, shipping_method=None)
    desk.shop.switch_payment("purchaseorder", on=True)
    bare = check(desk, cart)
    assert {each.code for each in bare.blocking} == {Code.SHIPPING, Code.PAYMENT}
    assert bare.summary == "2 things to settle"
    [shipping] = bare.of(Code.SHIPPING)
    assert "flatrate_flatrate" in str(shipping.fixes[0].arguments["codes"])
    [payment] = check(desk, cart, Plan("flatrate_flatrate", "purchaseorder")).blocking
    assert payment.fixes[0].kind is FixKind.ENTER_PO_NUMBER
    told = check(desk, cart, Plan("flatrate_flatrate", "purchaseorder", "4711"))
    assert told.blocking == ()
    assert is_placed(place_as_it_stands(desk, cart, told.plan))


@on_sqlite
def test_lines_and_quantities_that_the_shopper_has_just_changed_are_the_ones_checked(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    desk.shop.set_qty(cart, "MUG-01", 6)
    desk.shop.add_to_cart(cart, "LAMP-01", 3)
    desk.shop.set_stock("MUG-01", 5)
    desk.shop.set_stock("LAMP-01", 1)
    told = check(desk, cart)
    short = told.of(Code.SHORT)
    assert [each.figures[0].text for each in short] == ["6", "3"]
    assert [each.fixes[0].arguments["quantity"] for each in short] == [5, 1]
    assert _verdicts(told, Code.WEBSITE) == [Verdict.PASS]


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
        assert Verdict.UNKNOWN in _verdicts(told, code), pattern
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
def test_nobody_and_nothing_unknown_is_checked(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    with pytest.raises(NotAllowed):
        preflight(desk.store, desk.key(cart), "")
    with pytest.raises(NotFound):
        preflight(desk.store, desk.key(cart + 99), "Anna")
    desk.shop.remove_token("demo")
    assert Verdict.FAIL in _verdicts(check(desk, cart), Code.PERMISSION)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"to_date": "2020-01-01"}, "its rule ended on 01 January 2020"),
        ({"from_date": "2999-01-01"}, "its rule begins on 01 January 2999"),
        ({"website_ids": [2]}, "not for this website"),
        ({"customer_group_ids": [3]}, "not for the customer's group"),
    ],
)
@on_sqlite
def test_a_coupon_of_which_nobody_has_seen_what_comes_is_neither_green_nor_red(
    desk: Desk, rule: dict[str, object], words: str
) -> None:
    desk.shop.set_coupon("ONCE")
    cart = desk.add_cart(("MUG-01", 2), coupon="ONCE")
    in_step(desk)

    def changed(_request: Request, work: Callable[[], Response]) -> Response:
        response = work()
        response.body = json.dumps(json.loads(response.body) | rule).encode()
        return response

    desk.front.on(r"GET .*/salesRules/", changed)
    told = check(desk, cart)
    [coupon] = told.of(Code.COUPON)
    assert coupon.verdict is Verdict.UNKNOWN
    assert words in coupon.title
    assert not coupon.verified
    assert "Unverified" in coupon.detail
    assert told.verdict is Verdict.UNKNOWN


@on_sqlite
def test_a_coupon_of_which_the_last_day_is_today_is_left_to_the_shop(desk: Desk) -> None:
    desk.shop.set_coupon("ONCE")
    cart = desk.add_cart(("MUG-01", 2), coupon="ONCE")
    today = datetime.now(ZoneInfo("Europe/Amsterdam"))
    desk.shop.set_coupon("ONCE", expires=f"{today:%Y-%m-%d} 00:00:00")
    [coupon] = check(desk, cart).of(Code.COUPON)
    assert coupon.verdict is not Verdict.FAIL
    if today.hour >= 2:  # before, its midnight is still to come in UTC, by which the shop keeps its times
        assert coupon.verdict is Verdict.UNKNOWN


@on_sqlite
def test_a_quantity_that_the_shop_will_not_sell_for_a_reason_of_its_own_is_told_in_its_words(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    body = b'[{"sku":"MUG-01","stock_id":1,"salable":false,"errors":[{"code":"x","message":"Not on Sundays"}]}]'
    desk.front.on(r"GET .*/are-product-salable-for-requested-qty$", answered(200, body))
    [short] = check(desk, cart).of(Code.SHORT)
    assert "cannot be had in this quantity" in short.title
    assert short.detail == "The shop says: Not on Sundays."


@on_sqlite
def test_what_is_short_over_two_lines_of_one_product_is_mended_by_the_fix_of_one(desk: Desk) -> None:
    cart = desk.add_cart(("CUSHION-01", 3))
    lines = desk.shop.cart(cart)["lines"]
    lines.append(lines[0] | {"item_id": lines[0]["item_id"] + 900_000, "qty": lines[0]["qty"] + 1})
    desk.shop.recalculate(cart)
    desk.synchronise(cart)
    desk.shop.set_stock("CUSHION-01", 5)
    first, second = check(desk, cart).of(Code.SHORT)
    assert [each.figures[0].text for each in (first, second)] == ["7", "7"]
    made = [each.fixes[0].arguments["quantity"] for each in (first, second)]
    assert made == [Decimal(1), Decimal(2)], "either leaves 5 in all"


@on_sqlite
def test_a_line_whose_options_make_its_own_sku_is_left_to_the_shop(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    for line in desk.shop.cart(cart)["lines"]:
        line["sku"] = "MUG-01-engraved"
    desk.synchronise(cart)
    told = check(desk, cart)
    for code in (Code.WEBSITE, Code.STOCK):
        assert _verdicts(told, code) == [Verdict.UNKNOWN]
    assert told.blocking == ()


def test_what_was_read_is_kept_and_the_shop_asked_once_for_checks_and_offer(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    desk.shop.set_qty(cart, "MUG-01", 5)
    asked = len(desk.front.asked)
    told = check(desk, cart)
    offer = offer_of(told)
    assert offer is not None
    assert any("2 → 5" in change for change in told.changes)
    assert told.known.row.items_qty == 2, "as the desk had it before"
    row = desk.row(cart)
    assert (row.items_qty, row.grand_total) == (5, offer.totals.grand_total)
    questions = [each.split("?")[0] for each in desk.front.asked[asked:]]
    assert questions.count("GET /rest/V1/carts/search") == 2, "the cart, and whether it is due"
    of_cart = [each for each in questions if f"/carts/{cart}/" in each or each.endswith("/V1/orders")]
    assert len(of_cart) == len(set(of_cart)) == 5
    assert check(desk, cart).changes == ()


def test_a_cart_that_is_due_is_kept_without_totals_and_not_offered(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    desk.shop.set_price("MUG-01", "24.20")
    asked = len(desk.front.asked)
    told = check(desk, cart)
    assert offer_of(told) is None
    assert desk.row(cart).totals_read_at is None
    assert not [each for each in desk.front.asked[asked:] if f"/carts/{cart}" in each]
    recalculated = check(desk, cart, recalculate=True)
    offer = offer_of(recalculated)
    assert offer is not None
    assert desk.row(cart).grand_total == offer.totals.grand_total


@on_sqlite
def test_another_choice_is_checked_again_without_asking_the_shop(desk: Desk) -> None:
    cart = desk.add_cart(("LAMP-01", 1))
    desk.shop.cart(cart).update(payment=None)
    told = check(desk, cart)
    asked = len(desk.front.asked)
    assert [each.is_choice for each in told.blocking] == [True]
    assert told.obstacles == ()
    assert told.planned(Plan("tablerate_bestway", "checkmo")).blocking == ()
    gone = told.planned(Plan("dhl_dhl", "checkmo"))
    assert [each.code for each in gone.blocking] == [Code.SHIPPING]
    assert told.planned(Plan(payment="paypal")).blocking[0].title == (
        "The chosen way of paying is not offered any more (paypal)"
    )
    assert len(desk.front.asked) == asked
    assert told.planned(Plan("tablerate_bestway", "checkmo")).plan.shipping == "tablerate_bestway"


@on_sqlite
def test_a_sign_in_that_is_refused_pauses_the_channel(desk: Desk) -> None:
    cart = desk.add_cart()
    desk.front.on(r"GET .*", answered(401, b'{"message":"The account sign-in was incorrect."}'))
    with pytest.raises(SignInFailed):
        check(desk, cart)
    assert channel_by_name(desk.store, "Shop").paused_at is not None
    paused = check(desk, cart)
    assert _verdicts(paused, Code.CHANNEL) == [Verdict.FAIL]
    assert (paused.calls, paused.reading) == (0, None)
