"""What people do with an order, against the demo store over real HTTP. Numbers are those of the contract tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Row, select, update

from crm_core.errors import (
    BadInput,
    DeskError,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    ShopRefused,
    ShopUnavailable,
)
from crm_core.magento.order_actions import OrderActions, Track
from crm_core.sales.order_actions import (
    Action,
    ActionDone,
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
from demo_store.service import Request, Response
from tests.recorded import recorded
from tests.sales.desk import Desk, answered, before, dropped_after_the_work, dropped_before_the_work

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For what the shop answers: that is the same to every database."""

WRITE = r"POST .*/(comments|emails|hold|unhold|cancel|invoice|ship|refund)$"


class Ordered:
    """An order that the desk has read."""

    def __init__(self, desk: Desk, *lines: tuple[str, int]) -> None:
        self.desk = desk
        cart_id = desk.add_cart(*(lines or (("MUG-01", 3),)))
        self.id = desk.shop.place(cart_id)
        desk.synchronise(cart_id)
        self.key = record_key(desk.channel.shop_id, self.id)

    def happens(self, *deeds: str) -> Ordered:
        """What the merchant does with it, and the desk reads at once."""
        for deed in deeds:
            self.desk.shop.act(self.id, deed)
        self.desk.synchronise(self.desk.shop.order(self.id)["quote_id"])
        return self

    def act(self, action: Action, person: str = "Anna") -> ActionDone:
        """A person's press."""
        return act(self.desk.store, self.key, action, person)

    @property
    def row(self) -> Row[Any]:
        """The order as the mirror holds it."""
        with self.desk.store.reading() as connection:
            return connection.execute(select(tables.order).where(tables.order.c.id == self.key)).one()

    @property
    def in_shop(self) -> dict[str, Any]:
        """The order as the shop holds it."""
        return self.desk.shop.order(self.id)

    def item(self, sku: str = "MUG-01") -> int:
        """The item_id of the line."""
        return next(line.item_id for line in open_lines(self.desk.store, self.key) if line.sku == sku)

    @property
    def events(self) -> list[tuple[str, str, str]]:
        """What people did, by the timeline."""
        event = tables.record_event
        with self.desk.store.reading() as connection:
            rows = connection.execute(
                select(event.c.kind, event.c.person, event.c.text)
                .where(event.c.entity == "order", event.c.record_id == self.key, event.c.person.is_not(None))
                .order_by(event.c.id)
            ).all()
        return [(row.kind, row.person, row.text) for row in rows]

    @property
    def writes(self) -> int:
        """How many writes the shop was sent."""
        return sum(
            bool(request.startswith("POST") and ("/orders/" in request or "/order/" in request))
            for request in self.desk.front.asked
        )


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
    desk.front.on(r"POST .*/cancel$", _replay(name))
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
    desk.front.on(WRITE, _replay(name))
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
    desk.front.on(WRITE, _replay("acl_sales_token_cancel"))
    with pytest.raises(PermissionMissing) as caught:
        order.act(Cancel())
    assert caught.value.resource == "Magento_Sales::cancel"
    assert order.writes == 1
    assert "Magento_Sales::cancel" in order.events[0][2]


SILENT: list[tuple[Action, tuple[str, ...]]] = [
    (Comment("Is it 🙂 there?"), ()),
    (Hold(), ()),
    (Unhold(), ("hold",)),
    (Cancel(), ()),
    (Invoice(), ()),
    (Ship(), ("invoice",)),
    (Refund(), ("invoice", "ship")),
]


@pytest.mark.parametrize(("action", "deeds"), SILENT, ids=[action.kind.value for action, _ in SILENT])
def test_an_answer_that_was_lost_is_found_in_the_order_and_nothing_is_sent_again(
    desk: Desk, action: Action, deeds: tuple[str, ...]
) -> None:
    order = Ordered(desk).happens(*deeds)
    desk.front.on(WRITE, dropped_after_the_work)
    done = order.act(action)
    assert done.message
    assert order.writes == 1
    assert [kind for kind, _, _ in order.events] == [action.kind.value]


@on_sqlite
@pytest.mark.parametrize("action", [Comment("x"), Invoice()], ids=lambda action: action.kind.value)
def test_what_the_order_does_not_show_stays_unclear(desk: Desk, action: Action) -> None:
    order = Ordered(desk)
    desk.front.on(WRITE, dropped_before_the_work)
    with pytest.raises(OutcomeUnknown, match="does not show so far that it was done"):
        order.act(action)
    assert order.writes == 1
    assert [kind for kind, _, _ in order.events] == ["unclear"]


@on_sqlite
def test_another_persons_comment_is_not_taken_for_the_lost_one(desk: Desk) -> None:
    order = Ordered(desk)

    def another(_request: Request, _work: Callable[[], Response]) -> Response:
        shop = OrderActions(open_shop(desk.store, desk.channel).magento.connection)
        desk.front.calm()
        shop.comment(order.id, "Something else", notify=False, visible=False)
        return Response(0, b"", dropped=True)

    desk.front.on(r"POST .*/comments$", another)
    with pytest.raises(OutcomeUnknown):
        order.act(Comment("Mine"))
    assert len(decode_comments(order.row.comments)) == 1


@on_sqlite
def test_whether_an_email_went_out_no_order_tells(desk: Desk) -> None:
    order = Ordered(desk)
    desk.front.on(WRITE, dropped_after_the_work)
    with pytest.raises(OutcomeUnknown, match="ask the customer"):
        order.act(Email())
    assert order.writes == 1


@on_sqlite
def test_an_email_that_the_shop_did_not_send_at_once_is_not_told_as_sent(desk: Desk) -> None:
    order = Ordered(desk)
    desk.front.on(WRITE, answered(200, b"false"))
    assert "sent no e-mail at once" in order.act(Email()).message


@on_sqlite
def test_a_shop_that_is_away_does_nothing(desk: Desk) -> None:
    order = Ordered(desk)
    desk.front.on(WRITE, answered(429, b'{"message":"Too Many Requests"}'))
    with pytest.raises(ShopUnavailable, match="Nothing was done"):
        order.act(Cancel())
    assert order.writes == 1
    assert [kind for kind, _, _ in order.events] == ["refused"]


@on_sqlite
def test_an_action_whose_order_cannot_be_read_back_is_done_all_the_same(desk: Desk) -> None:
    order = Ordered(desk)

    def then_nothing_is_told(_request: Request, work: Callable[[], Response]) -> Response:
        desk.front.on(r"GET .*", answered(400, b'{"message":"Come back later."}'))
        return work()

    desk.front.on(WRITE, then_nothing_is_told)
    done = order.act(Hold())
    assert done.message.endswith("is on hold.")
    assert done.changes == []
    assert "Come back later." in done.notes[0]


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


def test_who_sent_it_is_known_even_if_the_process_dies_before_the_answer(desk: Desk) -> None:
    order = Ordered(desk)
    seen: list[tuple[str, str, str]] = []
    desk.front.on(WRITE, before(lambda: seen.extend(order.events)))
    order.act(Cancel())
    assert seen == [("unclear", "Anna", "Cancel: begun, and what came of it is not known here")]


def _replay(name: str) -> Callable[[Request, Callable[[], Response]], Response]:
    response = recorded(name)["response"]
    return answered(response["status"], json.dumps(response["body"]).encode())
