"""What a preflight reads of the shop and keeps, and that it checks the cart as it is now and as the person chose."""

from __future__ import annotations

import json
from decimal import Decimal

from crm_core.sales.offer import offer_of
from crm_core.sales.preflight.check import STANDING, Code, FixKind, Verdict
from crm_core.sales.preflight.plan import Plan
from tests.sales.desk import Desk
from tests.sales.preflight.shop_side import check, in_step, is_placed, on_sqlite, place_as_it_stands, verdicts


def test_a_cart_in_order_is_green_and_names_what_nobody_can_know(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1), ("ROBE-M", 1))
    in_step(desk)
    told = check(desk, cart)
    assert told.verdict is Verdict.PASS
    assert told.blocking == ()
    assert told.summary == f"Ready to place · {len(told.checks) - len(STANDING)} checks passed"
    unknown = {each.code for each in told.checks if each.verdict is Verdict.UNKNOWN}
    assert unknown == STANDING
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
    assert verdicts(told, Code.PRICE) == [Verdict.LOOK]
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
def test_prices_with_tax_in_them_are_not_taken_for_changed_ones(desk: Desk) -> None:
    """Series pf29: a search tells 10 net for a price of 12.10."""
    cart = desk.add_cart(("MUG-01", 2), coupon="SPRING25")
    desk.synchronise(cart)
    told = check(desk, cart)
    assert verdicts(told, Code.PRICE) == [Verdict.PASS]
    assert verdicts(told, Code.TOTAL) == [Verdict.PASS]


@on_sqlite
def test_only_a_customer_is_said_to_have_an_address_book(desk: Desk) -> None:
    guests = desk.add_cart(("MUG-01", 1), ready=False)
    details = [each.detail for each in check(desk, guests).of(Code.SHIPPING_ADDRESS)]
    assert details == ["Enter one."]


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
    assert verdicts(told, Code.WEBSITE) == [Verdict.PASS]


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
        assert verdicts(told, code) == [Verdict.UNKNOWN]
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
