"""A cart's total is shown while it is that of the cart: not after the shop told other lines, or somebody else's."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from crm_core.insight.cart_record import CartRecord, cart_record
from crm_core.magento.shop import Entity
from crm_core.sales.several import Candidate, candidates
from crm_core.store import tables
from crm_core.sync.pages import write_records
from crm_core.sync.reading import read_one
from crm_core.sync.record import synchronise_cart
from crm_core.sync.transaction import writing
from demo_store.service import Request
from tests.sync.conftest import Desk

LATER = timedelta(minutes=1)


def totalled(desk: Desk, *lines: tuple[str, int], coupon: str | None = None) -> int:
    """An open cart whose total was read."""
    cart = desk.shop.add_cart(lines or (("MUG-01", 1),), coupon=coupon)
    desk.run("carts")
    synchronise_cart(desk.store, desk.key(cart), "anna")
    assert desk.cart(cart)["grand_total"] == shop_total(desk, cart)
    return cart


def shop_total(desk: Desk, cart: int) -> Decimal:
    return Decimal(str(desk.shop.cart(cart)["grand_total"]))


def dated(desk: Desk, cart: int) -> None:
    """The shop saves the cart a minute after its total was read."""
    after = desk.cart(cart)["totals_shop_time"] + LATER
    desk.shop.touch_cart(cart, after.strftime("%Y-%m-%d %H:%M:%S"))


def read(desk: Desk, cart: int) -> None:
    """What a sync tells of the cart is in the store."""
    found = read_one(desk.open, Entity.CARTS, cart)
    with writing(desk.store, desk.open.channel.shop_id, desk.open.magento.connection.shop_now()) as transaction:
        write_records(transaction, Entity.CARTS, found.records)


def record(desk: Desk, cart: int) -> CartRecord:
    return cart_record(desk.store, desk.key(cart))


def candidate(desk: Desk, cart: int) -> Candidate:
    return candidates(desk.store, [desk.key(cart)])[0]


@pytest.mark.parametrize("quantity", [20, 0])
def test_a_total_goes_when_the_lines_change_and_what_it_was_stays(desk: Desk, quantity: int) -> None:
    cart = totalled(desk, ("MUG-01", 1), ("BOOK 01", 1))
    was = desk.cart(cart)
    desk.shop.set_qty(cart, "MUG-01", quantity)
    read(desk, cart)
    row, shown = desk.cart(cart), record(desk, cart)
    assert row["grand_total"] is None
    assert (row["totals"], row["totals_read_at"]) == (was["totals"], was["totals_read_at"])
    assert (shown.amount, shown.is_about) == (shown.about_subtotal, True)
    assert shown.totals is not None
    assert shown.totals.grand_total == was["grand_total"]
    picked = candidate(desk, cart)
    assert (picked.amount, picked.is_about) == (row["base_subtotal"], True)


def test_the_total_read_next_is_told_beside_the_one_that_went(desk: Desk) -> None:
    cart = totalled(desk)
    desk.shop.set_qty(cart, "MUG-01", 20)
    read(desk, cart)
    told = synchronise_cart(desk.store, desk.key(cart), "anna").changes
    assert [each for each in told if each.startswith("Total €15.05 → €")]
    assert desk.cart(cart)["grand_total"] == shop_total(desk, cart)
    assert not record(desk, cart).is_about
    assert not candidate(desk, cart).is_about


def test_a_disabled_product_takes_the_total_with_it(desk: Desk) -> None:
    cart = totalled(desk, ("MUG-01", 1), ("LAMP-01", 1))
    desk.shop.disable_product("LAMP-01")
    read(desk, cart)
    assert desk.cart(cart)["unavailable_count"] == 1
    assert desk.cart(cart)["grand_total"] is None


def bill_to(desk: Desk, cart: int, country: str) -> None:
    """The shop saves a billing address for the cart, under a new number."""
    address = {"firstname": "Kim", "lastname": "Lee", "country_id": country, "postcode": "10115"}
    path = f"/rest/default/V1/carts/{cart}/billing-address"
    headers = {"authorization": "Bearer demo", "content-type": "application/json"}
    request = Request("POST", path, headers, json.dumps({"address": address}).encode(), "127.0.0.1")
    assert desk.shop.service.answer(request).status == 200


def test_a_cart_that_goes_somewhere_else_has_no_total(desk: Desk) -> None:
    cart = totalled(desk)
    bill_to(desk, cart, "DE")
    dated(desk, cart)
    read(desk, cart)
    assert desk.cart(cart)["billing_country"] == "DE"
    assert desk.cart(cart)["grand_total"] is None


def test_a_total_stands_though_the_same_address_is_saved_under_another_number(desk: Desk) -> None:
    cart = desk.shop.add_cart([("MUG-01", 1)])
    bill_to(desk, cart, "DE")
    desk.run("carts")
    synchronise_cart(desk.store, desk.key(cart), "anna")
    was = desk.cart(cart)
    bill_to(desk, cart, "DE")
    dated(desk, cart)
    read(desk, cart)
    row = desk.cart(cart)
    assert row["billing_address"] != was["billing_address"]
    assert row["grand_total"] == was["grand_total"] == shop_total(desk, cart)


def test_a_cart_that_is_only_dated_later_keeps_its_total_as_about(desk: Desk) -> None:
    cart = totalled(desk)
    was = desk.cart(cart)["grand_total"]
    dated(desk, cart)
    read(desk, cart)
    shown, picked = record(desk, cart), candidate(desk, cart)
    assert (shown.amount, shown.is_about) == (was, True)
    assert (picked.amount, picked.currency, picked.is_about) == (was, "EUR", True)


def test_a_total_stands_that_the_reading_itself_recalculated(desk: Desk) -> None:
    cart = desk.shop.add_cart([("MUG-01", 2)])
    desk.run("carts")
    early = datetime.now(UTC) - timedelta(hours=2)
    desk.shop.touch_cart(cart, early.strftime("%Y-%m-%d %H:%M:%S"))
    desk.shop.set_price("MUG-01", "10.00")
    assert desk.shop.cart(cart)["trigger_recollect"]
    synchronise_cart(desk.store, desk.key(cart), "anna")
    read(desk, cart)
    assert desk.cart(cart)["updated_at"] > early + LATER, "reading the total dated the cart anew"
    assert desk.cart(cart)["grand_total"] == shop_total(desk, cart)
    assert not record(desk, cart).is_about


def test_a_total_stands_that_was_read_with_lines_told_only_later(desk: Desk) -> None:
    cart = totalled(desk)
    desk.shop.set_qty(cart, "MUG-01", 3)
    synchronise_cart(desk.store, desk.key(cart), "anna")
    total = desk.cart(cart)["grand_total"]
    desk.write("UPDATE cart_item SET qty = 10000 WHERE cart_id = :key", key=desk.key(cart))
    desk.write("UPDATE cart SET content_hash = 0 WHERE id = :key", key=desk.key(cart))
    read(desk, cart)
    assert [line["qty"] for line in desk.lines(cart)] == [3]
    assert desk.cart(cart)["grand_total"] == total


def test_what_was_ordered_came_to_its_order(desk: Desk) -> None:
    cart = totalled(desk)
    desk.shop.place(cart)
    dated(desk, cart)
    desk.run("orders")
    read(desk, cart)
    shown = record(desk, cart)
    assert (shown.status, shown.amount, shown.is_about) == ("purchased", shop_total(desk, cart), False)
    assert desk.ids(tables.order)
