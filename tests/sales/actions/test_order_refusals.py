"""What the shop refuses to do with an order is told as it words it, and the order is as it was.

Numbers are those of the contract tests.
"""

from __future__ import annotations

import pytest

from crm_core.errors import PermissionMissing, ShopRefused, ShopUnavailable
from crm_core.sales.order_actions import Action, Cancel, Comment, Hold, Invoice, Refund, Ship
from tests.sales.actions.ordered import WRITE, Ordered, on_sqlite, replay
from tests.sales.desk import Desk, answered, before


def test_33_false_to_a_cancellation_is_a_refusal(desk: Desk) -> None:
    order = Ordered(desk)
    desk.front.on(r"POST .*/cancel$", before(lambda: desk.shop.act(order.id, "invoice")))
    with pytest.raises(ShopRefused, match=r"did not cancel order .* Everything is invoiced\. Refund it instead\."):
        order.act(Cancel())
    assert order.writes == 1
    assert order.row.state == "processing"
    assert [(kind, person) for kind, person, _ in order.events] == [("refused", "Anna")]


@on_sqlite
@pytest.mark.parametrize("name", ["action_cancel_complete", "action_cancel_held", "action_cancel_invoiced"])
def test_33_every_recorded_false_is_told_as_not_cancelled(desk: Desk, name: str) -> None:
    order = Ordered(desk)
    desk.front.on(r"POST .*/cancel$", replay(name))
    with pytest.raises(ShopRefused, match="did not cancel"):
        order.act(Cancel())
    assert [kind for kind, _, _ in order.events] == ["refused"]


REFUSALS: list[tuple[str, Action, tuple[str, ...], str]] = [
    ("action_hold_cancelled", Hold(), (), "A hold action is not available."),
    ("action_invoice_again", Invoice(), (), "The order does not allow an invoice to be created."),
    ("action_invoice_held", Invoice(), (), "when an order has a status of holded"),
    ("action_invoice_cancelled", Invoice(), (), "when an order has a status of canceled"),
    ("action_invoice_too_many", Invoice(), (), 'invalid quantity to invoice item "Gift course (virtual)"'),
    ("action_ship_again", Ship(), (), "The order does not allow a shipment to be created."),
    ("action_ship_partial_1", Ship(), (), "when an order has a status of pending"),
    ("action_refund_again", Refund(), ("invoice",), "when an order has a status of closed"),
    ("action_comment_cancelled_to_pending", Comment("x", status="pending"), (), 'The status "pending" is not part'),
    ("action_missing_cancel", Cancel(), (), "The entity that was requested doesn't exist."),
]


@on_sqlite
@pytest.mark.parametrize(("name", "action", "deeds", "words"), REFUSALS, ids=[each[0] for each in REFUSALS])
def test_33_every_recorded_refusal_is_shown_as_magento_words_it(
    desk: Desk, name: str, action: Action, deeds: tuple[str, ...], words: str
) -> None:
    order = Ordered(desk).happens(*deeds)
    state = order.row.state
    desk.front.on(WRITE, replay(name))
    with pytest.raises(ShopRefused) as caught:
        order.act(action)
    assert words in str(caught.value)
    assert "%" not in str(caught.value)
    assert order.writes == 1
    assert order.row.state == state
    ((kind, _, text),) = order.events
    assert kind == "refused"
    assert words in text


@on_sqlite
def test_a_permission_that_is_missing_is_named(desk: Desk) -> None:
    order = Ordered(desk)
    desk.front.on(WRITE, replay("acl_sales_token_cancel"))
    with pytest.raises(PermissionMissing) as caught:
        order.act(Cancel())
    assert caught.value.resource == "Magento_Sales::cancel"
    assert order.writes == 1
    assert "Magento_Sales::cancel" in order.events[0][2]


@on_sqlite
def test_a_shop_that_is_away_does_nothing(desk: Desk) -> None:
    order = Ordered(desk)
    desk.front.on(WRITE, answered(429, b'{"message":"Too Many Requests"}'))
    with pytest.raises(ShopUnavailable, match="Nothing was done"):
        order.act(Cancel())
    assert order.writes == 1
    assert [kind for kind, _, _ in order.events] == ["refused"]
