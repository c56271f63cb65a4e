"""What an action is said to come to is what the shop then makes of it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm_core.sales.order_actions import Cancel, Invoice, Refund, open_lines
from crm_core.sales.order_amounts import Amount, amount_of
from tests.sales.actions.ordered import Ordered, on_sqlite
from tests.sales.desk import Desk

_CENT = Decimal("0.01")


def _told(order: Ordered, action: Invoice | Refund | Cancel) -> Amount:
    return amount_of(order.desk.store, order.key, action)


def test_everything_is_told_to_the_cent(desk: Desk) -> None:
    order = Ordered(desk, ("MUG-01", 3), ("BOOK 01", 1))
    total = order.row.grand_total
    assert _told(order, Invoice()) == _told(order, Cancel()) == Amount(total, "EUR", is_about=False)
    assert _told(order, Refund()).value == 0, "nothing is paid yet"
    order.act(Invoice())
    assert order.row.total_invoiced == total
    assert _told(order, Invoice()).value == _told(order, Cancel()).value == 0
    assert _told(order, Refund()) == Amount(total, "EUR", is_about=False)
    order.act(Refund())
    assert order.row.total_refunded == total
    assert _told(order, Refund()).value == 0


def test_chosen_pieces_are_told_about_with_shipping_on_the_first_invoice(desk: Desk) -> None:
    order = Ordered(desk, ("MUG-01", 3), ("BOOK 01", 1))
    chosen = {order.item(): Decimal(2)}
    first = _told(order, Invoice(chosen))
    assert first.is_about
    order.act(Invoice(chosen))
    assert abs(order.row.total_invoiced - first.value) <= 2 * _CENT
    invoiced = order.row.total_invoiced
    second = _told(order, Invoice({order.item(): Decimal(1)}))
    order.act(Invoice({order.item(): Decimal(1)}))
    assert abs(order.row.total_invoiced - invoiced - second.value) <= 2 * _CENT
    assert second.value < first.value / 2, "shipping went with the first"


@on_sqlite
def test_pieces_of_a_discounted_order_are_told_after_discount(desk: Desk) -> None:
    order = Ordered(desk, ("MUG-01", 3), ("BOOK 01", 1), coupon="WELCOME10")
    assert order.row.discount_amount < 0
    lines = open_lines(desk.store, order.key)
    worth = sum((line.piece_total * line.ordered for line in lines), Decimal(0))
    assert round(worth, 4) + order.row.shipping_amount == order.row.grand_total
    for pieces in ({order.item(): Decimal(2)}, {order.item(): Decimal(1), order.item("BOOK 01"): Decimal(1)}):
        before, told = order.row.total_invoiced or 0, _told(order, Invoice(pieces)).value
        order.act(Invoice(pieces))
        assert abs(order.row.total_invoiced - before - told) <= 2 * _CENT
    refund = Refund({order.item("BOOK 01"): Decimal(1)}, shipping_amount=Decimal(0))
    told = _told(order, refund).value
    order.act(refund)
    assert abs(order.row.total_refunded - told) <= 2 * _CENT


@pytest.mark.parametrize("shipping", [Decimal(0), Decimal("2.50")])
def test_a_refund_that_names_its_shipping_is_told_with_that(desk: Desk, shipping: Decimal) -> None:
    order = Ordered(desk, ("MUG-01", 3)).happens("invoice", "ship")
    (line,) = open_lines(desk.store, order.key)
    told = _told(order, Refund(shipping_amount=shipping))
    assert told.is_about
    assert abs(told.value - (3 * line.piece_total + shipping)) < _CENT
