"""A cart becomes an order in its own store view, on the terms that the person was shown and not on others.

Against the demo store over real HTTP. Numbers are those of the contract tests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from crm_core.sales.obstacles import why_not
from crm_core.sales.outcomes import Placed, TotalsChanged
from crm_core.sales.preflight.check import Code, Verdict
from crm_core.store import tables
from crm_core.store.rollups import recount
from demo_store.service import Request, Response
from tests.sales.desk import PLACE, SHIP, Desk, before
from tests.sales.placing.placings import on_sqlite, timeline
from tests.sales.preflight.shop_side import check


@pytest.mark.parametrize(
    ("store_id", "code", "currency"), [(1, "default", "EUR"), (2, "nl", "EUR"), (3, "us_en", "USD")]
)
def test_28_a_cart_becomes_an_order_in_its_own_store_view(desk: Desk, store_id: int, code: str, currency: str) -> None:
    customer = desk.shop.add_customer("anna@example.test", store_id=store_id, address=_american(store_id))
    cart_id = desk.add_cart(
        ("MUG-01", 2), ("BOOK 01", 1), store_id=store_id, customer_id=customer, address=_american(store_id)
    )
    offer = desk.offer(cart_id)
    sent_before = len(desk.front.asked)
    outcome = desk.place(cart_id, offer.choose("flatrate_flatrate", "checkmo"))

    assert isinstance(outcome, Placed)
    [order_id] = desk.shop.orders_of(cart_id)
    order = desk.shop.order(order_id)
    assert order["store_id"] == store_id
    assert outcome.increment_id == order["increment_id"]
    assert (outcome.currency, outcome.grand_total) == (
        currency,
        Decimal(str(order["grand_total"])).quantize(Decimal("0.0001")),
    )
    assert not outcome.differs
    writes = [each for each in desk.front.asked if not each.startswith("GET")]
    assert writes
    assert all(f"/rest/{code}/V1/carts/{cart_id}/" in each for each in writes)
    placing = [each for each in desk.front.asked[sent_before:] if not each.startswith("GET")]
    assert placing == [
        f"POST /rest/{code}/V1/carts/{cart_id}/shipping-information",
        f"PUT /rest/{code}/V1/carts/{cart_id}/order",
    ]
    row = desk.row(cart_id)
    assert (row.status, row.order_id, row.is_active) == ("purchased", outcome.order_key, False)
    assert why_not(desk.store, desk.key(cart_id)) == f"Already ordered: order {outcome.increment_id}."
    with desk.store.reading() as connection:
        assert recount(connection) == []
        placed_by = connection.scalar(select(tables.order.c.placed_by).where(tables.order.c.id == outcome.order_key))
    assert placed_by == "Anna"
    assert timeline(desk, cart_id)[-1] == "placed"


def _american(store_id: int) -> dict[str, Any] | None:
    if store_id != 3:
        return None
    return {"country_id": "US", "region_id": 12, "city": "Oakland", "postcode": "94607"}


def test_28_a_virtual_cart_needs_no_shipping(desk: Desk) -> None:
    cart_id = desk.add_cart(("COURSE-01", 1))
    offer = desk.offer(cart_id)
    assert (offer.is_virtual, offer.shipping, offer.preflight.obstacles) == (True, (), ())
    outcome = desk.place(cart_id, offer.choose(None, "banktransfer"))
    assert isinstance(outcome, Placed)
    assert desk.front.count(SHIP) == 0
    assert desk.front.count(r"POST .*/billing-address$") == 1
    assert desk.shop.order(desk.shop.orders_of(cart_id)[0])["payment"]["method"] == "banktransfer"


def test_an_ordered_cart_comes_to_what_it_was_ordered_for_with_another_way_of_shipping_than_it_had(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    offer = desk.offer(cart_id)
    [other] = [each for each in offer.shipping if each.code != "flatrate_flatrate"]
    assert isinstance(desk.place(cart_id, offer.choose(other.code, "checkmo")), Placed)
    order = desk.shop.order(desk.shop.orders_of(cart_id)[0])
    assert desk.row(cart_id).grand_total == Decimal(str(order["grand_total"]))


def test_a_total_of_an_extension_that_is_no_money_keeps_no_cart_from_check_and_order(desk: Desk) -> None:
    def with_another_total(_request: Request, work: Callable[[], Response]) -> Response:
        done = work()
        told = json.loads(done.body)
        totals = told.get("totals", told)
        totals["total_segments"].append({"code": "co2", "title": "kg of CO2", "value": 0.123456})
        return Response(done.status, json.dumps(told).encode(), done.headers)

    cart_id = desk.add_cart(("MUG-01", 2))
    desk.front.on(r"GET .*/totals|POST .*/shipping-information", with_another_total)
    assert not [each for each in check(desk, cart_id).checks if each.verdict is Verdict.FAIL]
    assert isinstance(desk.place(cart_id), Placed)


def test_a_purchase_order_carries_its_number(desk: Desk) -> None:
    desk.shop.switch_payment("purchaseorder", on=True)
    cart_id = desk.add_cart()
    outcome = desk.place(cart_id, desk.choice(cart_id, payment="purchaseorder", po_number=" 4711 "))
    assert isinstance(outcome, Placed)
    payment = desk.shop.order(desk.shop.orders_of(cart_id)[0])["payment"]
    assert (payment["method"], payment["po_number"]) == ("purchaseorder", "4711")


def test_another_way_of_shipping_is_placed_at_the_total_that_was_shown(desk: Desk) -> None:
    cart_id = desk.add_cart(("LAMP-01", 1))
    offer = desk.offer(cart_id)
    best_way = next(option for option in offer.shipping if option.carrier_code == "tablerate")
    assert not best_way.is_chosen
    outcome = desk.place(cart_id, offer.choose(best_way.code, "checkmo"))
    assert isinstance(outcome, Placed)
    assert outcome.grand_total == best_way.grand_total
    assert desk.row(cart_id).shipping_method == "flatrate_flatrate", "the mirror keeps what an active cart last told"


@on_sqlite
def test_31_a_line_whose_product_was_disabled_is_not_ordered_behind_the_reps_back(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), ("BOOK 01", 1))
    choice = desk.choice(cart_id)
    desk.shop.disable_product("BOOK 01")
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, TotalsChanged)
    assert outcome.lines_changed
    assert outcome.offer is not None
    assert [line.sku for line in outcome.offer.lines] == ["MUG-01"]
    assert [check.verdict for check in outcome.offer.preflight.of(Code.HIDDEN_LINE)] == [Verdict.LOOK]
    assert desk.front.count(PLACE) == 0


def test_32_a_total_that_changed_is_shown_again_and_then_placed(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    choice = desk.choice(cart_id)
    desk.shop.set_price("MUG-01", "20.00")
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, TotalsChanged)
    assert not outcome.lines_changed
    assert outcome.before == choice.grand_total
    assert outcome.after is not None
    assert outcome.offer is not None
    assert outcome.after > outcome.before
    assert desk.front.count(PLACE) == 0
    assert why_not(desk.store, desk.key(cart_id)) is None

    again = desk.place(cart_id, outcome.offer.choose("flatrate_flatrate", "checkmo"), "Ben")
    assert isinstance(again, Placed)
    assert again.grand_total == outcome.after
    assert not again.differs
    assert [each.state for each in desk.attempts(cart_id)] == ["placed", "not_placed"]


@on_sqlite
def test_a_total_that_reads_the_same_is_no_other_total(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    choice = desk.choice(cart_id)
    outcome = desk.place(cart_id, replace(choice, grand_total=choice.grand_total + Decimal("0.004")))
    assert isinstance(outcome, Placed)
    assert not outcome.differs
    assert "had been agreed" not in outcome.message


def test_32_a_total_that_changes_after_the_comparison_is_flagged(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    choice = desk.choice(cart_id)
    desk.front.on(PLACE, before(lambda: desk.shop.set_price("MUG-01", "20.00")))
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Placed)
    assert outcome.differs
    assert outcome.grand_total is not None
    assert outcome.grand_total > choice.grand_total
    assert "had been agreed: tell the customer." in outcome.message


def test_a_restored_cart_can_be_ordered_again_once_its_order_is_cancelled(desk: Desk) -> None:
    cart_id = desk.add_cart()
    first = desk.place(cart_id)
    assert isinstance(first, Placed)
    desk.shop.act(desk.shop.orders_of(cart_id)[0], "cancel")
    desk.shop.restore_cart(cart_id)
    desk.synchronise(cart_id)
    offer = desk.offer(cart_id)
    [restored] = offer.preflight.of(Code.RESTORED)
    assert restored.title == f"Restored after a cancelled order: {first.increment_id}"
    second = desk.place(cart_id, offer.choose("flatrate_flatrate", "checkmo"))
    assert isinstance(second, Placed)
    assert second.increment_id != first.increment_id
    assert len(desk.shop.orders_of(cart_id)) == 2
