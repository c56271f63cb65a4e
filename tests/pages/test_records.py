from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest
from sqlalchemy import insert, select, update

from crm_core.sales.lookup import raise_alarms
from crm_core.store import tables
from crm_core.store.keys import origin_of
from crm_core.store.types import MONEY_SCALE
from crm_core.sync.record import synchronise_cart
from demo_store import Faults
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, words_of


def test_a_cart_shows_its_lines_customer_addresses_and_place_in_the_list(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    at = desk.open("cart", id=str(key), status="open")
    words = words_of(at)
    assert is_well(at)
    assert f"Cart {origin_of(key)[1]}" in words
    assert "1 of " in words
    assert "MUG\\-01" in at.table[0].value["Product"][0]
    assert "Open" in words


def test_synchronise_says_what_changed_and_then_that_nothing_did(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = desk.open("cart", id=str(key))
    desk.shop.set_qty(origin_of(key)[1], "MUG-01", 3)
    at.button(key="synchronise").click().run()
    assert is_well(at)
    assert "1 → 3" in words_of(at).replace("\\", "")
    assert "exact as of" in words_of(at)
    at.button(key="synchronise").click().run()
    assert "Nothing changed" in at.success[0].value


def test_a_tax_that_the_lines_already_hold_says_so(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))  # its website's prices include 21 % of tax
    at = desk.open("cart", id=str(key))
    at.button(key="synchronise").click().run()
    assert "Tax, included" in words_of(at)
    assert "Subtotal with tax" in words_of(at), "the lines beside it are without"


def test_synchronise_says_what_could_not_be_read_instead_of_that_nothing_changed(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = desk.open("cart", id=str(key))
    desk.shop.faults = Faults(fail_every=1, matching="/totals")
    try:
        at.button(key="synchronise").click().run()
    finally:
        desk.shop.faults = Faults()
    assert not at.success
    assert "The total could not be read" in at.warning[0].value


def test_a_cart_whose_order_the_shop_deleted_says_so(desk: Desk) -> None:
    key = desk.cart(status="purchased")
    order = desk.rows(select(tables.cart.c.order_id).where(tables.cart.c.id == key))[0].order_id
    desk.do(update(tables.order).where(tables.order.c.id == order).values(gone_at=datetime.now(UTC)))
    at = desk.open("cart", id=str(key))
    assert "the shop no longer has it" in words_of(at)


def test_synchronise_of_a_deleted_cart_says_that_the_shop_no_longer_has_it(desk: Desk) -> None:
    key = desk.new_cart()
    at = desk.open("cart", id=str(key))
    desk.shop.delete_cart(origin_of(key)[1])
    at.button(key="synchronise").click().run()
    assert not at.exception
    assert "no longer has" in words_of(at)
    at = desk.open("cart", id=str(key))
    (told,) = at.warning
    assert "The shop no longer has this cart" in told.value
    assert "it counts as expired" in told.value
    assert "closed" not in words_of(at), "that it is gone says so already"
    assert "Synchronise it in a few minutes" in told.value
    assert not [each.value for each in at.caption if "Place order:" in each.value], "it is said once"
    desk.do(update(tables.cart).where(tables.cart.c.id == key).values(status="expired"))
    at = desk.open("cart", id=str(key))
    (told,) = at.warning
    assert "press New cart in the list of carts" in told.value
    assert not [each.value for each in at.caption if "Place order:" in each.value], "it is said once"


def test_a_shop_that_cannot_be_asked_is_told_in_place_with_the_reason(desk: Desk) -> None:
    key = desk.cart(status="open")
    paused = {"paused_at": datetime.now(UTC), "paused_reason": "The token was refused. Give a new one."}
    desk.do(update(tables.channel).values(**paused))
    at = desk.open("cart", id=str(key))
    at.button(key="synchronise").click().run()
    assert not at.exception
    assert "The token was refused" in at.error[0].value.replace("\\", "")
    assert at.button(key="place-order").disabled


def test_marking_lost_asks_why_and_reopen_undoes_it(desk: Desk) -> None:
    key = desk.cart(status="open", is_guest=False)
    at = desk.open("cart", id=str(key))
    next(each for each in at.button if each.label == "Mark lost").click().run()
    [each for each in at.button if each.label == "Mark lost"][-1].click().run()
    assert "Say why" in words_of(at)
    at.text_area(key="lost-reason").set_value("Bought elsewhere <b>").run()
    [each for each in at.button if each.label == "Mark lost"][-1].click().run()
    row = desk.rows(select(tables.cart).where(tables.cart.c.id == key))[0]
    assert (row.status, row.lost_by, row.lost_reason) == ("lost", "Maja Petersen", "Bought elsewhere <b>")
    at = desk.open("cart", id=str(key))
    assert "Marked lost" in words_of(at)
    assert at.button(key="place-order").disabled
    assert "Reopen it first" in words_of(at)
    next(each for each in at.button if each.label == "Reopen").click().run()
    assert desk.rows(select(tables.cart.c.status).where(tables.cart.c.id == key))[0].status == "open"


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [({"status": "purchased"}, "Already ordered"), ({"status": "expired"}, "closed this cart")],
)
def test_place_order_is_always_shown_and_says_why_it_is_off(desk: Desk, wanted: dict[str, str], reason: str) -> None:
    at = desk.open("cart", id=str(desk.cart(**wanted)))
    assert at.button(key="place-order").disabled
    assert reason in words_of(at)


def test_a_read_only_channel_keeps_orders_from_being_placed_and_says_so(desk: Desk) -> None:
    key = desk.cart(status="open", is_guest=False)
    desk.do(update(tables.channel).values(allow_writes=False))
    at = desk.open("cart", id=str(key))
    assert at.button(key="place-order").disabled
    assert "read\\-only" in words_of(at)


def test_removed_and_unavailable_lines_stand_apart(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1), ("CUSHION-01", 2))
    one = tables.cart_item.c
    desk.do(update(tables.cart_item).where(one.cart_id == key, one.sku == "MUG-01").values(state="removed"))
    desk.do(update(tables.cart_item).where(one.cart_id == key, one.sku == "CUSHION-01").values(state="unavailable"))
    desk.do(update(tables.cart).where(tables.cart.c.id == key).values(unavailable_count=1))
    at = desk.open("cart", id=str(key))
    assert is_well(at)
    assert "Idle" in words_of(at)
    labels = [each.label for each in at.expander]
    assert any(label.startswith("1 unavailable line ·") for label in labels)
    assert any(label.startswith("1 removed line ·") for label in labels)
    assert "1 line unavailable, total not reliable" in words_of(at)


def test_a_purchased_cart_and_its_order_lead_to_each_other(desk: Desk) -> None:
    key = desk.cart(status="purchased", order_cancelled=False)
    order = desk.rows(select(tables.order).where(tables.order.c.cart_id == key, tables.order.c.state != "canceled"))[0]
    cart = desk.open("cart", id=str(key))
    assert order.increment_id in words_of(cart)
    assert "Idle" not in words_of(cart)
    assert f"id={order.id}" in str([link.proto for link in cart.get("page_link")])
    opened = desk.open("order", id=str(order.id))
    assert f"Order {order.increment_id}" in opened.title[0].value
    assert f"id={key}" in str([link.proto for link in opened.get("page_link")])


def test_an_order_shows_what_was_paid_refunded_and_commented(desk: Desk) -> None:
    key = desk.order(state="complete")
    row = desk.rows(select(tables.order).where(tables.order.c.id == key))[0]
    at = desk.open("order", id=str(key))
    assert is_well(at)
    words = words_of(at)
    for label in ("Grand total", "Paid", "Invoiced", "Refunded", "Payment and shipping", "Timeline"):
        assert label in words
    assert f"{row.grand_total:,.2f}" in words
    total = at.table[0].value["Total"].sum()
    assert total > Decimal(0)


def test_an_order_tells_its_website_its_own_e_mail_and_what_a_line_holds_of_tax_and_discount(desk: Desk) -> None:
    key = desk.order(state="complete", is_guest=False, order_currency="EUR")
    desk.do(update(tables.order).where(tables.order.c.id == key).values(email="other@example.org"))
    line = tables.order_item.c.order_id == key
    desk.do(update(tables.order_item).where(line).values(tax_amount=Decimal("1.23"), discount_amount=Decimal(4)))
    at = desk.open("order", id=str(key))
    assert "other\\@example\\.org" in words_of(at)
    assert "Updated" in words_of(at)
    assert "Huis" in words_of(at)
    cell = at.table[0].value["Product"][0]
    assert "€1.23 tax" in cell
    assert "€4.00 discount" in cell
    assert "invoiced" in cell


def test_the_totals_of_a_discounted_order_add_up(desk: Desk) -> None:
    origin_id = desk.shop.place(desk.shop.add_cart((("MUG-01", 3), ("BOOK 01", 1)), coupon="WELCOME10"))
    desk.read("orders")
    (row,) = desk.rows(select(tables.order).where(tables.order.c.origin_id == origin_id))
    parts = (row.subtotal, row.discount_amount, row.shipping_amount, row.tax_amount)
    assert sum(parts) != row.grand_total, "the discount of a website whose prices include tax holds tax"
    at = desk.open("order", id=str(row.id))
    words = words_of(at)
    with_tax = Decimal(int(at.table[0].value["Total"].sum())) / MONEY_SCALE
    assert with_tax + row.shipping_amount == row.grand_total, "a line's total is what the customer pays for it"
    assert words.index("Subtotal with tax") < words.index("Discount") < words.index("Tax, included")
    assert f"{with_tax - row.discount_amount:,.2f}" in words


def test_an_order_that_the_shop_deleted_says_so(desk: Desk) -> None:
    key = desk.order(state="complete")
    desk.do(update(tables.order).where(tables.order.c.id == key).values(gone_at=tables.order.c.created_at))
    at = desk.open("order", id=str(key))
    assert "no longer has this order" in words_of(at)


def _order_with_a_part(desk: Desk, product_type: str) -> str:
    """The key of an order whose one line is of that kind and has a part that the shop tells unpriced."""
    query = select(tables.order.c.id).where(tables.order.c.items_qty > 0, tables.order.c.gone_at.is_(None))
    lines = select(tables.order_item).where(tables.order_item.c.order_id == tables.order.c.id)
    key = desk.rows(query.where(lines.exists()).order_by(tables.order.c.id).limit(1))[0].id
    line = desk.rows(select(tables.order_item).where(tables.order_item.c.order_id == key))[0]
    values = line._asdict() | {"item_id": line.item_id + 10**6, "parent_item_id": line.item_id, "name": "Parka, green"}
    values |= dict.fromkeys(("price", "row_total", "base_price", "base_row_total"), Decimal(0))
    values |= dict.fromkeys(("price_incl_tax", "row_total_incl_tax"))
    desk.do(insert(tables.order_item).values(values))
    shipped = {"product_type": product_type, "name": "Parka", "qty_ordered": 3, "qty_shipped": 2, "qty_refunded": 3}
    desk.do(update(tables.order_item).where(tables.order_item.c.item_id == line.item_id).values(shipped))
    return str(key)


def test_a_configurable_product_is_one_line_by_what_was_chosen(desk: Desk) -> None:
    key = _order_with_a_part(desk, "configurable")
    table = desk.open("order", id=key).table[0].value
    assert "Parka, green" in table["Product"][0].replace("\\", "")
    assert not any(name.startswith("↳") for name in table["Product"])
    assert "2 of 3 shipped" in table["Product"][0]
    assert ":orange[refunded]" in table["Product"][0]


def test_the_parts_of_a_bundle_are_told_without_a_price(desk: Desk) -> None:
    key = _order_with_a_part(desk, "bundle")
    table = desk.open("order", id=key).table[0].value
    assert "Parka, green" in table["Product"][1].replace("\\", "")
    assert table["Product"][1].startswith("↳")
    assert pd.isna(table["Price"][1])
    assert not pd.isna(table["Price"][0])


def test_a_cart_in_another_currency_tells_its_lines_in_that_one(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    price = desk.rows(select(tables.cart_item.c.base_price).where(tables.cart_item.c.cart_id == key))[0].base_price
    desk.do(update(tables.cart).where(tables.cart.c.id == key).values(quote_currency="USD", base_to_quote_rate="1.5"))
    at = desk.open("cart", id=str(key))
    assert is_well(at)
    assert list(at.table[0].value["Price"]) == [int(price * Decimal("1.5") * MONEY_SCALE)]
    words = words_of(at)
    assert "about USD" in words
    assert "€" in next(each.value for each in at.caption if "in the base currency" in each.value)


def test_the_navigation_says_whose_name_decisions_carry(desk: Desk) -> None:
    said = [each for each in desk.open("carts").sidebar.caption if "Maja Petersen" in each.value]
    assert "CRM_USER" in said[0].help


def test_a_cart_tells_what_was_chosen_at_the_checkout(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    desk.do(update(tables.cart).where(tables.cart.c.id == key).values(shipping_method="table_rate*"))
    assert "Shipping by table\\_rate\\*" in words_of(desk.open("cart", id=str(key)))
    synchronise_cart(desk.store, key, "Maja")
    desk.do(update(tables.cart).where(tables.cart.c.id == key).values(coupon_code="A-1"))
    assert "Coupon A\\-1" in words_of(desk.open("cart", id=str(key)))


def test_a_way_of_shipping_that_the_totals_name_is_not_told_again_by_its_code(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    at = desk.open("cart", id=str(key))
    assert "Shipping by flatrate" in words_of(at)
    at.button(key="synchronise").click().run()
    assert is_well(at)
    assert "Flat Rate" in words_of(at)
    assert "Shipping by" not in words_of(at)


def test_an_alarm_that_was_mended_tells_nobody_to_cancel_the_order_that_is_left(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    cart_id = origin_of(key)[1]
    first = desk.shop.place(cart_id)
    desk.shop.restore_cart(cart_id)
    second = desk.shop.place(cart_id)
    desk.read("orders", "carts")
    now = datetime.now(UTC)
    tried = {"shop_id": 1, "cart_origin_id": cart_id, "channel_id": 1, "person": "Maja", "state": "placed"}
    tried |= {"holds": True, "claimed_at": now, "settled_at": now, "lookups": 0, "currency": "EUR"}
    tried |= {"shown_grand_total": 1, "placed_grand_total": 1, "order_origin_id": first, "payment_method": "checkmo"}
    desk.do(insert(tables.attempt).values(tried))
    raise_alarms(desk.store)
    at = desk.open("cart", id=str(key))
    assert "Mend this first" in at.error[0].value
    assert "Cancel all but one" in words_of(at)
    desk.shop.act(second, "cancel")
    desk.read("orders", "carts")
    at = desk.open("cart", id=str(key))
    assert is_well(at)
    assert not at.error
    assert "Cancel all but one" not in words_of(at)
    assert f"Only order {desk.shop.order(first)['increment_id']} is live now" in words_of(at)
