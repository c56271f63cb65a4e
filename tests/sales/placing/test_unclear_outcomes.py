"""After an answer that is lost or unclear the order is never sent again: it is looked for until its outcome is known.

Against the demo store over real HTTP. Numbers are those of the contract tests.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import make_url, select, update

from crm_core.errors import NotAllowed, OutcomeUnknown
from crm_core.sales.decisions import mark_lost
from crm_core.sales.outcomes import AlreadyHeld, Placed, Refused, Unclear, outcome_of, what_follows
from crm_core.sales.placing import place, settle
from crm_core.store import tables
from crm_core.store.database import Store
from demo_store.service import Request, Response
from tests.sales.desk import (
    PLACE,
    Desk,
    answered,
    dropped_after_the_work,
    dropped_before_the_work,
    unreadable_afterwards,
)
from tests.sales.placing.placings import on_sqlite, timeline

_NO_ROUTE = answered(404, b'{"message":"Request does not match any route."}')


def test_29_when_the_answer_is_lost_the_order_is_found_and_was_sent_once(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    desk.front.on(PLACE, dropped_after_the_work)
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Placed)
    [order_id] = desk.shop.orders_of(cart_id)
    assert outcome.increment_id == desk.shop.order(order_id)["increment_id"]
    assert desk.front.count(PLACE) == 1

    again = desk.place(cart_id, choice, "Ben")
    assert isinstance(again, AlreadyHeld)
    assert (again.by, again.increment_id, again.order_key) == ("Anna", outcome.increment_id, outcome.order_key)
    assert again.message.startswith(f"Anna placed the order {outcome.increment_id}")
    assert desk.front.count(PLACE) == 1


@on_sqlite
@pytest.mark.parametrize(
    "answer",
    [
        answered(500, b'{"message":"Internal Error. Report ID: webapi-1"}'),
        answered(503, b"<html>maintenance</html>", "text/html"),
        answered(504, b"<html>gateway</html>", "text/html"),
        answered(200, b"<html>Checking your browser</html>", "text/html"),
        answered(200, b'{"order"'),
        dropped_before_the_work,
    ],
    ids=["500", "503", "504", "html", "truncated", "dropped"],
)
def test_30_after_anything_but_a_clear_answer_the_order_is_never_sent_again(desk: Desk, answer: Any) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    desk.front.on(PLACE, answer)
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Unclear)
    assert desk.front.count(PLACE) == 1
    assert outcome.lookup_until is not None
    assert outcome.known.startswith("The order was sent once, and no clear answer came. ")
    assert "again" not in outcome.known, "never an invitation to press again while it may have worked"
    ben = desk.place(cart_id, choice, "Ben")
    assert isinstance(ben, AlreadyHeld)
    assert "wait for the outcome" in ben.message
    with pytest.raises(NotAllowed, match="is placing an order"):
        mark_lost(desk.store, desk.key(cart_id), "No answer", "Ben")

    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=170)):
        settle(desk.store)
        assert isinstance(outcome_of(desk.store, outcome.attempt_id), Unclear)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=200)):
        assert settle(desk.store) == 1
    known = outcome_of(desk.store, outcome.attempt_id)
    assert isinstance(known, Refused)
    assert "has no order for this cart, so nothing was placed" in known.message
    assert timeline(desk, cart_id)[-2:] == ["unclear", "not_placed"]
    desk.front.calm()
    assert isinstance(desk.place(cart_id), Placed)
    assert len(desk.shop.orders_of(cart_id)) == 1


def test_an_order_that_appears_while_it_is_looked_for_is_reported(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    desk.front.on(PLACE, answered(504, b"<html>gateway</html>", "text/html"))
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Unclear)
    desk.shop.place(cart_id)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=60)):
        assert settle(desk.store) == 1
        assert settle(desk.store) == 0
    known = outcome_of(desk.store, outcome.attempt_id)
    assert isinstance(known, Placed)
    assert known.increment_id == desk.shop.order(desk.shop.orders_of(cart_id)[0])["increment_id"]
    assert desk.row(cart_id).status == "purchased"


def test_while_the_shop_cannot_be_reached_the_outcome_stays_unclear(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)

    def then_it_is_away(request: Request, work: Callable[[], Response]) -> Response:
        desk.front.on(r"GET .*", answered(404, b"<html>Moved house</html>", "text/html"))
        return dropped_after_the_work(request, work)

    desk.front.on(PLACE, then_it_is_away)
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Unclear)
    for seconds in (30, 200, 3_000):
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):
            assert settle(desk.store) == 0
        assert isinstance(outcome_of(desk.store, outcome.attempt_id), Unclear)
    assert isinstance(desk.place(cart_id, choice, "Ben"), AlreadyHeld)
    desk.front.calm()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=4_000)):
        assert settle(desk.store) == 1
    assert isinstance(outcome_of(desk.store, outcome.attempt_id), Placed)


def test_a_person_who_waits_for_one_outcome_looks_up_no_other(desk: Desk) -> None:
    carts = [desk.add_cart() for _ in range(2)]
    outcomes = []
    for cart_id in carts:
        choice = desk.choice(cart_id)
        desk.front.on(PLACE, answered(504, b"<html>gateway</html>", "text/html"))
        outcomes.append(desk.place(cart_id, choice))
        desk.front.calm()
        desk.shop.place(cart_id)
    waited_for, other = outcomes
    assert isinstance(waited_for, Unclear)
    assert isinstance(other, Unclear)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=60)):
        assert settle(desk.store, [desk.key(carts[0])]) == 1
        assert isinstance(outcome_of(desk.store, waited_for.attempt_id), Placed)
        assert isinstance(outcome_of(desk.store, other.attempt_id), Unclear)
        assert settle(desk.store) == 1
    assert isinstance(outcome_of(desk.store, other.attempt_id), Placed)


def test_the_lost_answer_of_a_second_order_does_not_find_the_first_one(desk: Desk) -> None:
    cart_id = desk.add_cart()
    desk.place(cart_id)
    desk.shop.act(desk.shop.orders_of(cart_id)[0], "cancel")
    desk.shop.restore_cart(cart_id)
    desk.synchronise(cart_id)
    choice = desk.choice(cart_id)
    desk.front.on(PLACE, dropped_before_the_work)
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Unclear)
    desk.front.calm()
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=200)):
        assert settle(desk.store) == 1
    assert isinstance(outcome_of(desk.store, outcome.attempt_id), Refused)


def test_an_order_that_cannot_be_read_back_is_placed_all_the_same_and_read_later(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    desk.front.on(PLACE, unreadable_afterwards(desk.front, _NO_ROUTE))
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Placed)
    assert (outcome.increment_id, outcome.grand_total) == (None, None)
    assert "Its number is not known yet" in outcome.message
    assert isinstance(desk.place(cart_id, choice, "Ben"), AlreadyHeld)

    desk.front.calm()
    assert settle(desk.store) == 1
    known = outcome_of(desk.store, outcome.attempt_id)
    assert isinstance(known, Placed)
    assert known.grand_total == choice.grand_total
    assert desk.row(cart_id).status == "purchased"


def test_reading_an_order_back_leaves_its_cart_alone_that_was_restored_and_is_due_to_be_recalculated(
    desk: Desk,
) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    choice = desk.choice(cart_id)
    desk.front.on(PLACE, unreadable_afterwards(desk.front, _NO_ROUTE))
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Placed)
    desk.front.calm()
    desk.shop.act(desk.shop.orders_of(cart_id)[0], "cancel")
    desk.shop.restore_cart(cart_id)
    desk.shop.set_price("MUG-01", "20.00")
    before = desk.shop.cart(cart_id)
    assert before["trigger_recollect"] == 1
    assert settle(desk.store) == 1
    assert desk.shop.cart(cart_id) == before
    assert (desk.row(cart_id).status, desk.row(cart_id).grand_total) == ("open", choice.grand_total)
    known = outcome_of(desk.store, outcome.attempt_id)
    assert isinstance(known, Placed)
    assert known.increment_id is not None


@on_sqlite
@pytest.mark.parametrize("answer", ["placed", "refused", "dropped"])
def test_an_answer_that_the_store_cannot_note_is_unknown_and_found_out_once_it_works(desk: Desk, answer: str) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    impatient = Store(desk.store.url, busy_seconds=0.2)
    other = sqlite3.connect(str(make_url(desk.store.url).database), isolation_level=None, check_same_thread=False)

    def then_the_store_is_locked(_request: Request, work: Callable[[], Response]) -> Response:
        other.execute("BEGIN IMMEDIATE")
        if answer == "refused":
            return Response(400, b'{"message":"Not today"}', {"Content-Type": "application/json"})
        response = work()
        response.dropped = answer == "dropped"
        return response

    desk.front.on(PLACE, then_the_store_is_locked)
    try:
        with pytest.raises(OutcomeUnknown, match="Don't place it again"):
            place(impatient, desk.key(cart_id), choice, "Anna")
    finally:
        other.close()
        impatient.close()
    desk.front.calm()
    assert isinstance(desk.place(cart_id, choice, "Ben"), AlreadyHeld)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=400)):
        assert settle(desk.store) == 1
    assert desk.row(cart_id).status == ("open" if answer == "refused" else "purchased")
    assert len(desk.shop.orders_of(cart_id)) == (answer != "refused")


@on_sqlite
def test_what_follows_an_unclear_answer_is_told_only_as_far_as_it_is_known(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice, key = desk.choice(cart_id), desk.key(cart_id)
    told: list[tuple[str, str]] = []

    def while_it_is_sent(request: Request, work: Callable[[], Response]) -> Response:
        with desk.store.reading() as connection:
            (attempt_id,) = connection.scalars(select(tables.attempt.c.id))
        now = outcome_of(desk.store, attempt_id)
        assert isinstance(now, Unclear)
        for websites in ("[2]", None):
            with desk.store.writing() as connection:
                connection.execute(update(tables.channel).values(website_ids=websites))
            told.append((now.known, what_follows(desk.store, key, now)))
        return dropped_before_the_work(request, work)

    desk.front.on(PLACE, while_it_is_sent)
    outcome = desk.place(cart_id, choice)
    under_way = "The order is being placed."
    nobody_looks = (
        "If no clear answer comes, nobody looks for it, since no channel reads the cart any more: look in the shop "
        "before you order it elsewhere."
    )
    assert told == [(under_way, nobody_looks), (under_way, "")]
    assert isinstance(outcome, Unclear)
    words = what_follows(desk.store, key, outcome, "14:05 UTC")
    assert words == (
        "The desk asks the shop for it until 14:05 UTC while its worker runs. Don't order it elsewhere meanwhile."
    )
    with desk.store.writing() as connection:
        connection.execute(update(tables.channel).values(website_ids="[2]"))
    assert what_follows(desk.store, key, outcome).startswith("Nobody looks for it: no channel reads the cart any more.")
    Path(make_url(desk.store.url).database or "").unlink()
    words = what_follows(desk.store, key, outcome)
    assert words.startswith("The store does not tell whether anybody looks for it.")
