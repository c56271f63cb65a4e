from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from crm_core.errors import BadInput, NotAllowed
from crm_core.sales.offer import Offer, ShippingOption, prepare
from crm_core.sales.outcomes import Placed, TotalsChanged
from crm_core.sales.preflight.check import Code, Verdict
from crm_core.store import tables
from demo_store.service import Request, Response
from tests.sales.desk import PLACE, Desk, answered


def _looks(offer: Offer) -> list[Code]:
    """The checks that ask for a look."""
    return [check.code for check in offer.preflight.checks if check.verdict is Verdict.LOOK]


on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def _also(method: dict[str, Any]) -> Callable[[Request, Callable[[], Response]], Response]:
    """The shop's list and one more entry."""

    def answer(_request: Request, work: Callable[[], Response]) -> Response:
        response = work()
        response.body = json.dumps([*json.loads(response.body), method]).encode()
        return response

    return answer


def test_an_offer_shows_the_cart_as_the_shop_has_it_now(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1))
    desk.shop.set_qty(cart_id, "MUG-01", 3)
    offer = desk.offer(cart_id)
    total = Decimal(str(desk.shop.cart(cart_id)["grand_total"]))
    assert [(line.sku, int(line.qty)) for line in offer.lines] == [("MUG-01", 3), ("BOOK 01", 1)]
    assert all(line.row_total is not None for line in offer.lines)
    assert (offer.totals.grand_total, offer.currency) == (total, "EUR")
    assert any("2 → 3" in change for change in offer.preflight.changes)
    assert offer.preflight.obstacles == ()
    assert (offer.store_view, offer.email, offer.customer) == ("default", "guest@example.test", "Anna de Vries")
    row = desk.row(cart_id)
    assert (row.items_qty, row.grand_total) == (4, total), "the mirror holds what was read"
    assert row.synchronised_at > row.first_seen_at


@on_sqlite
def test_a_line_says_what_was_chosen_of_its_product(desk: Desk) -> None:
    offer = desk.offer(desk.add_cart(("ROBE-L", 1), ("MUG-01", 1)))
    chosen = [[(each.label, each.value) for each in line.options] for line in offer.lines]
    assert chosen == [[("Size", "L")], []]


def test_looking_saves_nothing_in_the_shop(desk: Desk) -> None:
    cart_id = desk.add_cart(("LAMP-01", 1))
    before = json.dumps(desk.shop.cart(cart_id), default=str)
    offer = desk.offer(cart_id)
    assert json.dumps(desk.shop.cart(cart_id), default=str) == before
    writes = [each for each in desk.front.asked if not each.startswith("GET")]
    assert writes == [f"POST /rest/default/V1/carts/{cart_id}/estimate-shipping-methods"]
    assert desk.shop.orders_of(cart_id) == []
    assert offer.chosen_shipping is not None
    assert offer.chosen_shipping.code == "flatrate_flatrate"


@on_sqlite
def test_each_way_of_shipping_carries_its_price_and_the_total_that_comes_of_it(desk: Desk) -> None:
    cart_id = desk.add_cart(("LAMP-01", 2))
    offer = desk.offer(cart_id)
    assert [(option.code, option.price) for option in offer.shipping] == [
        ("freeshipping_freeshipping", Decimal(0)),
        ("flatrate_flatrate", Decimal("5.90")),
        ("tablerate_bestway", Decimal("14.50")),
    ]
    goods = offer.totals.grand_total - Decimal("5.90")
    assert [option.grand_total - goods for option in offer.shipping] == [option.price for option in offer.shipping]
    for option in offer.shipping:
        desk.shop.restore_cart(cart_id)
        choice = desk.offer(cart_id).choose(option.code, "checkmo")
        assert choice.grand_total == option.grand_total


@on_sqlite
@pytest.mark.parametrize("store_id", [1, 3])
def test_the_rows_of_the_total_follow_the_way_of_shipping_with_its_tax(desk: Desk, store_id: int) -> None:
    taxed: dict[str, Any] = {"carrier_code": "courier", "method_code": "day", "available": True, "amount": 20}
    taxed |= {"price_excl_tax": 16.53, "price_incl_tax": 20}
    desk.front.on(r"POST .*/estimate-shipping-methods$", _also(taxed))
    offer = desk.offer(desk.add_cart(("MUG-01", 2), coupon="WELCOME10", store_id=store_id))
    tax = {option.code: _row(offer, option, "tax") for option in offer.shipping}
    for option in offer.shipping:
        rows = offer.breakdown(option)
        assert sum(row.amount for row in rows if not row.is_included) == offer.grand_total(option), option
        assert "rest" not in {row.code for row in rows}
    courier, flat = (
        next(one for one in offer.shipping if one.carrier_code == name) for name in ("courier", "flatrate")
    )
    assert tax[courier.code] - tax[flat.code] == Decimal("3.47"), "the tax of the shipping is in the row of the tax"
    holds_tax = any(row.holds_tax for row in offer.breakdown(courier))
    assert _row(offer, courier, "shipping") == Decimal(20 if holds_tax else "16.53")
    assert sum(row.amount for row in offer.breakdown(None) if not row.is_included) == offer.totals.grand_total


def _row(offer: Offer, shipping: ShippingOption, code: str) -> Decimal:
    return next((row.amount for row in offer.breakdown(shipping) if row.code == code), Decimal(0))


@on_sqlite
def test_only_ways_of_paying_that_need_nothing_of_the_customer_are_offered(desk: Desk) -> None:
    desk.shop.switch_payment("purchaseorder", on=True)
    cart_id = desk.add_cart()
    desk.front.on(r"GET .*/payment-methods$", _also({"code": "adyen_cc", "title": "Card"}))
    offer = desk.offer(cart_id)
    codes = [option.code for option in offer.payment_with(offer.chosen_shipping)]
    assert codes == ["checkmo", "banktransfer", "cashondelivery", "purchaseorder"]
    with pytest.raises(BadInput, match="Choose a way of paying"):
        offer.choose("flatrate_flatrate", "adyen_cc")
    with pytest.raises(BadInput, match="purchase order number"):
        offer.choose("flatrate_flatrate", "purchaseorder", "  ")
    with pytest.raises(BadInput, match="Choose a way of shipping"):
        offer.choose(None, "checkmo")
    with pytest.raises(BadInput, match="Choose a way of shipping"):
        offer.choose("dhl_express", "checkmo")


@on_sqlite
def test_a_way_of_shipping_that_the_shop_names_as_unavailable_is_not_offered(desk: Desk) -> None:
    cart_id = desk.add_cart()
    broken = {"carrier_code": "ups", "method_code": "", "carrier_title": "UPS", "amount": 0, "base_amount": 0}
    broken |= {
        "available": False,
        "error_message": "No rate for this address.",
        "price_excl_tax": 0,
        "price_incl_tax": 0,
    }
    desk.front.on(r"POST .*/estimate-shipping-methods$", _also(broken))
    assert "ups" not in {option.carrier_code for option in desk.offer(cart_id).shipping}


@on_sqlite
def test_a_cart_that_comes_to_nothing_is_paid_with_free_and_nothing_else(desk: Desk) -> None:
    desk.shop.set_coupon("ALL", percent=100)
    cart_id = desk.add_cart(("COURSE-01", 1), coupon="ALL")
    offer = desk.offer(cart_id)
    assert offer.totals.grand_total == 0
    assert [option.code for option in offer.payment_with(None)] == ["free"]
    assert isinstance(desk.place(cart_id, offer.choose(None, "free")), Placed)


@on_sqlite
def test_what_a_person_should_look_at_is_said(desk: Desk) -> None:
    hidden, dearer = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1)), desk.add_cart(("TEAPOT-01", 1))
    desk.offer(dearer)
    desk.shop.disable_product("BOOK 01")
    desk.shop.set_price("TEAPOT-01", "60.00")
    assert Code.HIDDEN_LINE in _looks(desk.offer(hidden))
    with pytest.raises(NotAllowed, match="a price in it has changed"):
        desk.offer(dearer)
    offer = prepare(desk.store, desk.key(dearer), "Anna", recalculate=True)
    assert {Code.PRICE, Code.TOTAL} <= set(_looks(offer))
    [total] = offer.preflight.of(Code.TOTAL)
    assert total.title == "The total was €57.90 and is €62.95"
    assert offer.totals_before is not None
    assert (offer.totals_before.grand_total, offer.totals.grand_total) == (Decimal("57.90"), Decimal("62.95"))
    assert desk.row(dearer).grand_total == Decimal("62.95")


@on_sqlite
def test_a_deleted_customers_cart_is_ordered_as_a_guests_and_the_offer_says_so(desk: Desk) -> None:
    customer = desk.shop.add_customer("anna@example.test")
    cart_id = desk.add_cart(customer_id=customer)
    desk.shop.delete_customer(customer)
    offer = desk.offer(cart_id)
    assert "The cart has no customer any more" in offer.preflight.changes
    assert isinstance(desk.place(cart_id, offer.choose("flatrate_flatrate", "checkmo")), Placed)


@on_sqlite
def test_a_deleted_address_book_entry_does_not_stop_the_order(desk: Desk) -> None:
    customer = desk.shop.add_customer("anna@example.test")
    cart_id = desk.add_cart(customer_id=customer, address={"customer_address_id": 987654})
    assert isinstance(desk.place(cart_id), Placed)


@pytest.mark.parametrize(
    ("details", "happens", "reason"),
    [
        ({"email": None}, None, "No e-mail address"),
        ({"ready": False}, None, "No billing address"),
        ({}, "carriers", "The shop offers no way of shipping to this address"),
        ({}, "payments", "The shop offers no way of paying that works without the customer"),
    ],
)
@on_sqlite
def test_what_makes_an_order_impossible_blocks_the_offer_with_its_reason(
    desk: Desk, details: dict[str, Any], happens: str | None, reason: str
) -> None:
    cart_id = desk.add_cart(**details)
    for carrier in ("flatrate", "tablerate") if happens == "carriers" else ():
        desk.shop.switch_carrier(carrier, on=False)
    for method in ("checkmo", "banktransfer", "cashondelivery") if happens == "payments" else ():
        desk.shop.switch_payment(method, on=False)
    offer = desk.offer(cart_id)
    assert reason in [check.title for check in offer.preflight.obstacles]
    with pytest.raises(NotAllowed):
        offer.choose("flatrate_flatrate", "checkmo")


@on_sqlite
def test_a_cart_that_the_shop_closed_meanwhile_is_not_offered(desk: Desk) -> None:
    cart_id = desk.add_cart()
    desk.shop.place(cart_id)
    with pytest.raises(NotAllowed, match="Already ordered: 0"):
        desk.offer(cart_id)
    assert desk.row(cart_id).status == "purchased"


@on_sqlite
def test_without_the_right_to_write_nobody_is_shown_an_offer(desk: Desk) -> None:
    cart_id = desk.add_cart()
    asked = len(desk.front.asked)
    with pytest.raises(NotAllowed, match="Sign in"):
        desk.offer(cart_id, person="")
    assert len(desk.front.asked) == asked
    with desk.store.writing() as connection:
        connection.execute(update(tables.channel).values(allow_writes=False))
    assert len(desk.front.asked) == asked
    with pytest.raises(NotAllowed, match="is read-only"):
        desk.offer(cart_id).choose("flatrate_flatrate", "checkmo")


@on_sqlite
def test_totals_that_the_shop_does_not_tell_are_not_replaced_by_old_ones(desk: Desk) -> None:
    cart_id = desk.add_cart()
    desk.offer(cart_id)
    desk.front.on(r"GET .*/totals$", answered(400, b'{"message":"No totals today"}'))
    with pytest.raises(NotAllowed, match=r"The total could not be checked.*No totals today"):
        desk.offer(cart_id)


@on_sqlite
def test_ways_of_shipping_that_do_not_come_are_not_taken_for_none(desk: Desk) -> None:
    cart_id = desk.add_cart()
    desk.front.on(r"POST .*/estimate-shipping-methods$", answered(500, b'{"message":"Internal Error"}'))
    offer = desk.offer(cart_id)
    assert offer.preflight.obstacles == ()
    with pytest.raises(NotAllowed, match="The ways of shipping could not be checked"):
        offer.choose("flatrate_flatrate", "checkmo")


@on_sqlite
def test_a_rate_that_the_estimate_words_differently_asks_once_and_not_for_ever(desk: Desk) -> None:
    cart_id = desk.add_cart(("LAMP-01", 1))

    def dearer(_request: Request, work: Callable[[], Response]) -> Response:
        response = work()
        methods = json.loads(response.body)
        for method in methods:
            method["price_incl_tax"] = method["price_incl_tax"] + 1
        response.body = json.dumps(methods).encode()
        return response

    desk.front.on(r"POST .*/estimate-shipping-methods$", dearer)
    first = desk.place(cart_id)
    assert isinstance(first, TotalsChanged)
    assert desk.front.count(PLACE) == 0
    assert first.offer is not None
    second = desk.place(cart_id, first.offer.choose("flatrate_flatrate", "checkmo"))
    assert isinstance(second, Placed)
    assert second.grand_total == first.after


@on_sqlite
def test_a_cart_that_moved_to_another_currency_is_shown_again(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), address={"country_id": "NL"})
    choice = desk.choice(cart_id)
    desk.shop.cart(cart_id).update(store_id=3, quote_currency_code="USD")
    desk.shop.set_countries(["NL", "US"])
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, TotalsChanged)
    assert (outcome.currency_before, outcome.currency) == ("EUR", "USD")
    assert outcome.offer is not None
    assert outcome.offer.store_view == "us_en"
    assert desk.front.count(PLACE) == 0
