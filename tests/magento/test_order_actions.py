"""Acting on an order: what is sent once, and what the recorded answers of a running Magento mean."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from crm_core.errors import BadInput, OutcomeUnknown, PermissionMissing, ShopHasNoSuch, ShopRefused
from crm_core.magento.connection import Connection
from crm_core.magento.order_actions import LONGEST_COMMENT, OrderActions, Track
from tests.magento.conftest import Answer, ScriptedShop, html, replay
from tests.recorded import recorded

Action = Callable[[OrderActions], object]

ACTIONS: dict[str, Action] = {
    "comment": lambda actions: actions.comment(1, "x", notify=False, visible=False),
    "hold": lambda actions: actions.hold(1),
    "unhold": lambda actions: actions.unhold(1),
    "cancel": lambda actions: actions.cancel(1),
    "email": lambda actions: actions.email(1),
    "invoice": lambda actions: actions.invoice(1, notify=False, capture=True),
    "ship": lambda actions: actions.ship(1, notify=False),
    "refund_offline": lambda actions: actions.refund_offline(1, notify=False),
}
every_action = pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS.keys())


@pytest.fixture
def actions(connection: Connection) -> OrderActions:
    return OrderActions(connection)


@every_action
@pytest.mark.parametrize("answer", [html(504), html(500), Answer(drop=True), Answer({"a": 1}), Answer("x")])
def test_an_action_without_a_clear_answer_is_sent_once_and_told_as_unknown(
    shop: ScriptedShop, actions: OrderActions, action: Action, answer: Answer
) -> None:
    shop.on("POST", ".*", answer)
    with pytest.raises(OutcomeUnknown):
        action(actions)
    assert len(shop.requests) == 1


@pytest.mark.parametrize("notify", [False, True])
def test_a_comment_is_sent_as_the_shop_was_seen_to_take_it(
    shop: ScriptedShop, actions: OrderActions, notify: bool
) -> None:
    name = "action_comment_notify" if notify else "action_comment"
    shop.on("POST", "/rest/V1/orders/1/comments", replay(name))
    actions.comment(1, "From the dashboard", notify=notify, visible=notify)
    assert shop.requests[0].json == recorded(name)["request"]["body"]


def test_a_status_that_the_state_does_not_have_is_refused(shop: ScriptedShop, actions: OrderActions) -> None:
    name = "action_comment_cancelled_to_pending"
    shop.on("POST", ".*", replay(name))
    with pytest.raises(ShopRefused, match='status "pending" is not part of the order'):
        actions.comment(6, "From the dashboard", notify=False, visible=False, status="pending")
    assert shop.requests[0].json == recorded(name)["request"]["body"]


def test_a_comment_that_magento_would_cut_is_never_sent(shop: ScriptedShop, actions: OrderActions) -> None:
    with pytest.raises(BadInput, match="Shorten"):
        actions.comment(1, "é" * (LONGEST_COMMENT // 2 + 1), notify=False, visible=False)
    assert shop.requests == []


def test_an_order_is_held_and_taken_off_hold(shop: ScriptedShop, actions: OrderActions) -> None:
    shop.on("POST", "/rest/V1/orders/6/hold", replay("action_hold"))
    shop.on("POST", "/rest/V1/orders/6/unhold", replay("action_unhold"))
    actions.hold(6)
    actions.unhold(6)
    assert [request.body for request in shop.requests] == [b"", b""]


def test_33_a_hold_that_is_not_allowed_is_refused_in_the_shops_words(shop: ScriptedShop, actions: OrderActions) -> None:
    shop.on("POST", ".*", replay("action_hold_cancelled"))
    with pytest.raises(ShopRefused, match="A hold action is not available"):
        actions.hold(6)


@pytest.mark.parametrize("name", ["action_cancel_complete", "action_cancel_held", "action_cancel_invoiced"])
def test_33_false_to_a_cancellation_is_a_refusal(shop: ScriptedShop, actions: OrderActions, name: str) -> None:
    shop.on("POST", "/rest/V1/orders/11/cancel", replay(name))
    assert actions.cancel(11) is False


def test_a_cancellation_and_an_email_are_told_as_done(shop: ScriptedShop, actions: OrderActions) -> None:
    shop.on("POST", "/rest/V1/orders/7/(cancel|emails)", Answer(True))
    assert actions.cancel(7) is True
    assert actions.email(7) is True


@pytest.mark.parametrize("call", ["hold", "unhold", "cancel"])
def test_an_order_that_is_not_there_is_told(shop: ScriptedShop, actions: OrderActions, call: str) -> None:
    shop.on("POST", f"/rest/V1/orders/999999/{call}", replay(f"action_missing_{call}"))
    with pytest.raises(ShopHasNoSuch, match="doesn't exist"):
        getattr(actions, call)(999999)


@pytest.mark.parametrize(
    ("name", "call", "resource"),
    [
        ("acl_sales_token_cancel", "cancel", "Magento_Sales::cancel"),
        ("acl_sales_token_comment", "comment", "Magento_Sales::comment"),
    ],
)
def test_a_missing_permission_is_named(
    shop: ScriptedShop, actions: OrderActions, name: str, call: str, resource: str
) -> None:
    shop.on("POST", ".*", replay(name))
    with pytest.raises(PermissionMissing) as caught:
        ACTIONS[call](actions)
    assert caught.value.resource == resource


def test_everything_open_is_invoiced(shop: ScriptedShop, actions: OrderActions) -> None:
    shop.on("POST", "/rest/V1/order/11/invoice", replay("action_invoice"))
    assert actions.invoice(11, notify=False, capture=True) == 33
    assert shop.requests[0].json == recorded("action_invoice")["request"]["body"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("action_invoice_again", "The order does not allow an invoice to be created"),
        ("action_invoice_held", "status of holded"),
        ("action_invoice_cancelled", "status of canceled"),
        ("action_invoice_too_many", r'invalid quantity to invoice item "Gift course \(virtual\)"'),
    ],
)
def test_an_invoice_that_cannot_be_made_is_refused_in_the_shops_words(
    shop: ScriptedShop, actions: OrderActions, name: str, words: str
) -> None:
    shop.on("POST", ".*", replay(name))
    with pytest.raises(ShopRefused, match=words):
        actions.invoice(26, notify=False, capture=False, items={59: Decimal(999)})
    assert shop.requests[0].json["items"] == [{"order_item_id": 59, "qty": 999}]


def test_everything_open_is_shipped_and_then_refunded(shop: ScriptedShop, actions: OrderActions) -> None:
    shop.on("POST", "/rest/V1/order/11/ship", replay("action_ship"))
    shop.on("POST", "/rest/V1/order/11/refund", replay("action_refund_complete"))
    assert actions.ship(11, notify=False) == 32
    assert actions.refund_offline(11, notify=False) == 16
    assert shop.requests[0].json == recorded("action_ship")["request"]["body"]
    assert shop.requests[1].json == recorded("action_refund_complete")["request"]["body"]


def test_a_shipment_carries_items_and_tracking_as_the_shop_takes_them(
    shop: ScriptedShop, actions: OrderActions
) -> None:
    shop.on("POST", ".*", replay("action_ship_partial_1"))
    with pytest.raises(ShopRefused, match="A shipment cannot be created when an order has a status of pending"):
        actions.ship(26, notify=False, items={59: Decimal(1)}, tracks=[Track("T1", "PostNL")], source_code="default")
    assert shop.requests[0].json == recorded("action_ship_partial_1")["request"]["body"] | {
        "notify": False,
        "arguments": {"extension_attributes": {"source_code": "default"}},
    }


def test_a_part_is_refunded_with_its_amounts(shop: ScriptedShop, actions: OrderActions) -> None:
    shop.on("POST", ".*", Answer("17"))
    actions.refund_offline(
        11,
        notify=True,
        items={59: Decimal("1.5")},
        shipping_amount=Decimal(0),
        adjustment_negative=Decimal("2.50"),
        return_to_stock=[59],
    )
    assert shop.requests[0].json == {
        "notify": True,
        "items": [{"order_item_id": 59, "qty": 1.5}],
        "arguments": {
            "shipping_amount": 0,
            "adjustment_negative": 2.5,
            "extension_attributes": {"return_to_stock_items": [59]},
        },
    }


def test_a_second_refund_is_refused_in_the_shops_words(shop: ScriptedShop, actions: OrderActions) -> None:
    shop.on("POST", ".*", replay("action_refund_again"))
    with pytest.raises(ShopRefused, match="status of closed"):
        actions.refund_offline(11, notify=False)


@pytest.mark.parametrize("items", [{}, {59: Decimal(0)}, {59: Decimal(1), 60: Decimal(-1)}, {59: Decimal("NaN")}])
def test_a_choice_of_nothing_is_never_taken_for_everything(
    shop: ScriptedShop, actions: OrderActions, items: dict[int, Decimal]
) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: actions.invoice(1, notify=False, capture=False, items=items),
        lambda: actions.ship(1, notify=False, items=items),
        lambda: actions.refund_offline(1, notify=False, items=items),
    ]
    for attempt in attempts:
        with pytest.raises(BadInput, match="at least one line"):
            attempt()
    assert shop.requests == []
