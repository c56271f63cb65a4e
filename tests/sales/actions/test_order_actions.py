"""What people do with an order, against the demo store over real HTTP: what its state allows, and who may."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from crm_core.errors import BadInput, DeskError, NotAllowed, NotFound, ShopRefused
from crm_core.magento.order_actions import OrderActions, Track
from crm_core.sales.order_actions import (
    Action,
    Cancel,
    Comment,
    Email,
    Hold,
    Invoice,
    Refund,
    Ship,
    Unhold,
    act,
    available,
    open_lines,
)
from crm_core.sales.order_rules import Kind
from crm_core.store import tables
from crm_core.store.documents import decode_comments
from crm_core.store.keys import record_key
from crm_core.store.rollups import recount
from crm_core.sync.channels import open_shop
from tests.sales.actions.ordered import WRITE, Ordered, on_sqlite
from tests.sales.desk import Desk, before


def _enabled(order: Ordered) -> set[str]:
    return {state.kind.value for state in available(order.desk.store, order.key) if state.enabled}


def test_an_order_goes_its_way_and_the_mirror_and_the_timeline_follow(desk: Desk) -> None:
    order = Ordered(desk, ("MUG-01", 3), ("BOOK 01", 1))
    number = order.in_shop["increment_id"]
    order.act(Comment("Called: wants it on Friday", visible=True))
    assert decode_comments(order.row.comments)[0].comment == "Called: wants it on Friday"
    assert "mailed" not in order.events[0][2]

    held = order.act(Hold())
    assert held.message == f"Order {number} is on hold."
    assert "Status Pending → On hold" in held.changes
    assert order.row.state == "holded"
    order.act(Unhold(), "Ben")
    assert order.row.state == "new"
    assert order.act(Email()).message == "The shop sent the order's e-mail to guest@example.test."

    part = order.act(Invoice(items={order.item(): Decimal(2)}))
    assert part.message.startswith(f"Order {number} invoiced for €")
    assert [(line.sku, line.to_invoice) for line in open_lines(desk.store, order.key)] == [
        ("MUG-01", Decimal(1)),
        ("BOOK 01", Decimal(1)),
    ]
    order.act(Invoice())
    assert order.row.total_invoiced == order.row.grand_total
    shipped = order.act(Ship(tracks=(Track("3SABC", "PostNL"),)))
    assert shipped.message == f"Order {number} shipped, tracking 3SABC."
    assert "Status Processing → Complete" in shipped.changes
    assert order.row.state == "complete"
    refunded = order.act(Refund())
    assert "No money was moved" in refunded.message
    assert order.row.state == "closed"
    assert order.row.total_refunded == order.row.total_paid

    assert [(kind, person) for kind, person, _ in order.events] == [
        ("comment", "Anna"),
        ("hold", "Anna"),
        ("unhold", "Ben"),
        ("email", "Anna"),
        ("invoice", "Anna"),
        ("invoice", "Anna"),
        ("ship", "Anna"),
        ("refund", "Anna"),
    ]
    assert order.writes == len(order.events)
    with desk.store.reading() as connection:
        assert recount(connection) == []


def test_a_cancelled_order_frees_its_cart_for_another(desk: Desk) -> None:
    cart_id = desk.add_cart()
    desk.place(cart_id)
    key = record_key(desk.channel.shop_id, desk.shop.orders_of(cart_id)[0])
    done = act(desk.store, key, Cancel(), "Anna")
    assert "Status Pending → Canceled" in done.changes
    desk.shop.restore_cart(cart_id)
    desk.synchronise(cart_id)
    assert desk.row(cart_id).status == "open"
    desk.place(cart_id, person="Ben")
    assert len(desk.shop.orders_of(cart_id)) == 2


STATES: dict[str, tuple[tuple[str, ...], set[str]]] = {
    "new": ((), {"invoice", "ship", "hold", "cancel"}),
    "held": (("hold",), {"unhold"}),
    "cancelled": (("cancel",), set()),
    "invoiced": (("invoice",), {"ship", "hold", "refund"}),
    "shipped": (("ship",), {"invoice", "hold", "cancel"}),
    "complete": (("invoice", "ship"), {"refund"}),
    "closed": (("invoice", "ship", "refund"), set()),
}


@on_sqlite
@pytest.mark.parametrize("state", STATES)
def test_what_can_be_done_follows_the_state_and_the_shop_agrees(desk: Desk, state: str) -> None:
    deeds, expected = STATES[state]
    order = Ordered(desk).happens(*deeds)
    assert _enabled(order) == expected | {"comment", "email"}
    shop = OrderActions(open_shop(desk.store, desk.channel).magento.connection)
    calls: dict[Kind, Callable[[], object]] = {
        Kind.HOLD: lambda: shop.hold(order.id),
        Kind.UNHOLD: lambda: shop.unhold(order.id),
        Kind.CANCEL: lambda: shop.cancel(order.id),
        Kind.INVOICE: lambda: shop.invoice(order.id, notify=False, capture=True),
        Kind.SHIP: lambda: shop.ship(order.id, notify=False),
        Kind.REFUND: lambda: shop.refund_offline(order.id, notify=False),
    }
    for offered in available(desk.store, order.key):
        assert offered.enabled == (offered.reason is None)
        if offered.enabled or offered.kind not in calls:
            continue
        with suppress(ShopRefused):
            assert calls[offered.kind]() is False
    assert order.in_shop["state"] == order.row.state


@on_sqlite
@pytest.mark.parametrize(
    ("state", "action", "reason"),
    [
        ("held", Cancel(), "on hold"),
        ("held", Invoice(), "Take it off hold first"),
        ("cancelled", Ship(), "The order is cancelled."),
        ("invoiced", Cancel(), "Refund it instead."),
        ("invoiced", Invoice(), "Everything is invoiced already."),
        ("complete", Ship(), "Nothing is left to ship."),
        ("complete", Hold(), "The order is complete"),
        ("closed", Refund(), "everything was refunded"),
        ("new", Refund(), "Nothing is paid yet"),
        ("new", Unhold(), "not on hold"),
    ],
)
def test_an_action_that_the_state_forbids_says_why_and_sends_nothing(
    desk: Desk, state: str, action: Action, reason: str
) -> None:
    order = Ordered(desk).happens(*STATES[state][0])
    with pytest.raises(NotAllowed, match=reason):
        order.act(action)
    assert order.writes == 0
    assert order.events == []


@on_sqlite
def test_nothing_is_shipped_of_what_is_not_sent(desk: Desk) -> None:
    virtual = Ordered(desk, ("COURSE-01", 1))
    with pytest.raises(NotAllowed, match="Nothing in this order is sent"):
        virtual.act(Ship())
    mixed = Ordered(desk, ("COURSE-01", 1), ("MUG-01", 1))
    assert [line.to_ship for line in open_lines(desk.store, mixed.key)] == [Decimal(0), Decimal(1)]


@on_sqlite
def test_what_changed_in_the_shop_meanwhile_counts_and_not_what_the_desk_remembers(desk: Desk) -> None:
    order = Ordered(desk)
    desk.shop.act(order.id, "hold")
    assert "cancel" in _enabled(order)
    with pytest.raises(NotAllowed, match="Take it off hold first"):
        order.act(Cancel())
    assert order.writes == 0
    assert order.row.state == "holded"


@on_sqlite
@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda order: Invoice(items={order.item(): Decimal(4)}), "Only 3 of Stoneware mug, blue are left to invoice."),
        (lambda order: Ship(items={order.item(): Decimal(4)}), "Only 3 of Stoneware mug, blue are left to ship."),
        (lambda order: Ship(items={order.item() + 99: Decimal(1)}), "not in this order"),
        (lambda order: Ship(items={order.item(): Decimal(0)}), "at least one line"),
        (lambda _: Ship(tracks=(Track(" ", "PostNL"),)), "tracking number"),
        (lambda _: Comment("  "), "Type a comment."),
        (lambda _: Comment("x" * 70_000), "Shorten it"),
    ],
)
def test_words_that_are_off_send_nothing(desk: Desk, action: Callable[[Ordered], Action], words: str) -> None:
    order = Ordered(desk)
    with pytest.raises(BadInput, match=words):
        order.act(action(order))
    assert order.writes == 0
    assert order.events == []


@pytest.mark.parametrize("case", ["read-only", "paused", "gone", "nobody", "unknown"])
def test_a_permission_is_checked_where_the_action_is(desk: Desk, case: str) -> None:
    order = Ordered(desk)
    change: dict[str, Any] = {}
    table = tables.channel
    if case == "read-only":
        change = {"allow_writes": False}
    elif case == "paused":
        change = {"paused_at": datetime.now(UTC), "paused_reason": "The token is wrong."}
    elif case == "gone":
        table, change = tables.order, {"gone_at": datetime.now(UTC)}
    if change:
        with desk.store.writing() as connection:
            connection.execute(update(table).values(**change))
        assert _enabled(order) == set()
        reasons = {state.reason for state in available(desk.store, order.key)}
        assert len(reasons) == 1
    asked = len(desk.front.asked)
    expected: type[DeskError] = NotFound if case == "unknown" else NotAllowed
    with pytest.raises(expected):
        act(desk.store, order.key + (case == "unknown"), Hold(), " " if case == "nobody" else "Anna")
    assert len(desk.front.asked) == asked
    assert order.events == []


def test_of_two_people_at_one_order_the_second_is_told_who_is_first(desk: Desk) -> None:
    order = Ordered(desk)
    told: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(NotAllowed) as caught:
            order.act(Invoice(items={order.item(): Decimal(1)}), "Ben")
        told.append(str(caught.value))

    desk.front.on(WRITE, before(meanwhile))
    order.act(Invoice(items={order.item(): Decimal(1)}))
    assert told == ["Anna is changing this order at the moment. Try again shortly."]
    desk.front.calm()
    order.act(Invoice(items={order.item(): Decimal(1)}), "Ben")
    assert [person for _, person, _ in order.events] == ["Anna", "Ben"]
