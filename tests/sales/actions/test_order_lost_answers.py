"""A write to an order is sent once: when no answer comes, the order tells whether it was done, or it stays unclear."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crm_core.errors import OutcomeUnknown
from crm_core.magento.order_actions import OrderActions
from crm_core.sales.order_actions import Action, Cancel, Comment, Email, Hold, Invoice, Refund, Ship, Unhold
from crm_core.store.documents import decode_comments
from crm_core.sync.channels import open_shop
from demo_store.service import Request, Response
from tests.sales.actions.ordered import WRITE, Ordered, on_sqlite
from tests.sales.desk import (
    Desk,
    answered,
    before,
    dropped_after_the_work,
    dropped_before_the_work,
    unreadable_afterwards,
)

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
def test_an_action_whose_order_cannot_be_read_back_is_done_all_the_same(desk: Desk) -> None:
    order = Ordered(desk)
    later = answered(400, b'{"message":"Come back later."}')
    desk.front.on(WRITE, unreadable_afterwards(desk.front, later))
    done = order.act(Hold())
    assert done.message.endswith("is on hold.")
    assert done.changes == []
    assert "Come back later." in done.notes[0]


def test_who_sent_it_is_known_even_if_the_process_dies_before_the_answer(desk: Desk) -> None:
    order = Ordered(desk)
    seen: list[tuple[str, str, str]] = []
    desk.front.on(WRITE, before(lambda: seen.extend(order.events)))
    order.act(Cancel())
    assert seen == [("unclear", "Anna", "Cancel: begun, and what came of it is not known here")]
