from __future__ import annotations

import multiprocessing
import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from sqlalchemy import Row, select

from crm_core.sales import attempts, claims
from crm_core.sales.attempts import Attempt
from crm_core.sales.claims import Held, Terms
from crm_core.sales.preflight.check import Code
from crm_core.store.database import Store
from crm_core.store.keys import origin_of
from crm_core.store.tables import attempt, order, record_event
from tests.sales.rows import NOON, ORDER_ID, add_cart, add_order, add_shop

TERMS = Terms("EUR", Decimal("84.20"), "flatrate_flatrate", "checkmo")


@pytest.fixture
def cart_key(store: Store) -> int:
    return add_cart(store, add_shop(store))


def _claim(store: Store, cart_key: int, person: str = "Anna") -> Attempt:
    claimed = claims.claim(store, cart_key, 1, person, TERMS)
    assert isinstance(claimed, Attempt)
    return claimed


def _kept(store: Store, cart_key: int) -> list[Row[Any]]:
    """Every try to place the cart, newest first."""
    ours = attempt.c.cart_origin_id == origin_of(cart_key)[1]
    with store.reading() as connection:
        return list(connection.execute(select(attempt).where(ours).order_by(attempt.c.id.desc())))


def _events(store: Store, record_id: int) -> list[tuple[str, str | None]]:
    with store.reading() as connection:
        rows = connection.execute(
            select(record_event.c.kind, record_event.c.person)
            .where(record_event.c.record_id == record_id)
            .order_by(record_event.c.id)
        ).all()
    return [(row.kind, row.person) for row in rows]


def test_a_second_claim_is_told_who_holds_the_cart(store: Store, cart_key: int) -> None:
    first = _claim(store, cart_key)
    second = claims.claim(store, cart_key, 1, "Ben", TERMS)
    assert second == Held(first)
    assert first.shown_grand_total == Decimal("84.20")
    assert attempts.holder(store, cart_key) == first


def test_a_claim_on_another_cart_or_shop_is_free(store: Store, cart_key: int) -> None:
    _claim(store, cart_key)
    assert isinstance(claims.claim(store, cart_key + 1, 1, "Ben", TERMS), Attempt)


def test_a_refused_attempt_lets_go_and_is_kept_with_its_message(store: Store, cart_key: int) -> None:
    first = _claim(store, cart_key)
    assert claims.mark_sent(store, first.id, 80, 120)
    assert attempts.mark_failed(
        store, first.id, "refused", "The requested qty is not available", reason=Code.SHORT, answer_status=400
    )
    second = _claim(store, cart_key, "Ben")
    kept = _kept(store, cart_key)
    assert [each.id for each in kept] == [second.id, first.id]
    assert (kept[1].state, kept[1].message, kept[1].answer_status, kept[1].reason) == (
        "refused",
        "The requested qty is not available",
        400,
        "short",
    )
    assert kept[1].duration_ms is not None
    assert _events(store, cart_key) == [("refused", "Anna")]


def test_a_claim_is_sent_at_most_once(store: Store, cart_key: int) -> None:
    claimed = _claim(store, cart_key)
    assert claims.mark_sent(store, claimed.id, 80, 120)
    assert not claims.mark_sent(store, claimed.id, 80, 120)


def test_a_claim_that_was_given_up_can_not_be_sent_any_more(store: Store, cart_key: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        slept = _claim(store, cart_key)
        clock.shift(timedelta(seconds=claims.CLAIM_SECONDS))
        claims.give_up_stale(store)
        assert attempts.holder(store, cart_key) == slept
        clock.shift(timedelta(seconds=1))
        claims.give_up_stale(store)
    assert attempts.holder(store, cart_key) is None
    assert not claims.mark_sent(store, slept.id, 0, 120)
    assert _events(store, cart_key) == [("not_placed", "Anna")]


def test_the_next_claim_gives_up_a_dead_one_itself(store: Store, cart_key: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        _claim(store, cart_key)
        clock.shift(timedelta(seconds=claims.CLAIM_SECONDS + 1))
        assert _claim(store, cart_key, "Ben").person == "Ben"


def test_a_claim_that_is_kept_for_a_write_lasts_no_shorter_for_it(store: Store, cart_key: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        claimed = _claim(store, cart_key)
        assert claims.keep(store, claimed.id, 5)
        clock.shift(timedelta(seconds=claims.CLAIM_SECONDS - 1))
        assert isinstance(claims.claim(store, cart_key, 1, "Ben", TERMS), Held)
        assert claims.keep(store, claimed.id, 130)
        clock.shift(timedelta(seconds=130))
        assert claims.mark_sent(store, claimed.id, 0, 130)


def test_a_claim_beyond_its_time_is_not_kept_nor_sent(store: Store, cart_key: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        claimed = _claim(store, cart_key)
        clock.shift(timedelta(seconds=claims.CLAIM_SECONDS + 1))
        assert not claims.keep(store, claimed.id, 130)
        assert not claims.mark_sent(store, claimed.id, 0, 130)


def test_a_sent_attempt_is_never_given_up_by_age(store: Store, cart_key: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        claimed = _claim(store, cart_key)
        claims.mark_sent(store, claimed.id, 0, 120)
        clock.shift(timedelta(days=9))
        claims.give_up_stale(store)
        assert isinstance(claims.claim(store, cart_key, 1, "Ben", TERMS), Held)


def test_an_unclear_attempt_holds_the_cart_until_it_is_settled(store: Store, cart_key: int) -> None:
    with time_machine.travel(NOON, tick=False):
        claimed = _claim(store, cart_key)
        claims.mark_sent(store, claimed.id, 80, 120)
        attempts.mark_unclear(store, claimed.id, "No answer came.")
        unclear = attempts.attempt_by_id(store, claimed.id)
        assert unclear is not None
        assert unclear.sent_at is not None
        assert unclear.lookup_until == unclear.sent_at + timedelta(seconds=180)
        assert attempts.unsettled(store) == [unclear]
        assert claims.claim(store, cart_key, 1, "Ben", TERMS) == Held(unclear)
        assert attempts.mark_failed(store, claimed.id, "not_placed", "No order came.", only_from=("unclear",))
        assert attempts.unsettled(store) == []
        assert isinstance(claims.claim(store, cart_key, 1, "Ben", TERMS), Attempt)
    assert _events(store, cart_key) == [("unclear", "Anna"), ("not_placed", "Anna")]


def _placed(store: Store, cart_key: int) -> Attempt:
    claimed = _claim(store, cart_key)
    claims.mark_sent(store, claimed.id, 80, 120)
    attempts.mark_placed(store, claimed.id, ORDER_ID, 200, "Placed.")
    placed = attempts.attempt_by_id(store, claimed.id)
    assert placed is not None
    return placed


def test_a_placed_attempt_holds_the_cart_and_waits_for_its_order_to_be_read(store: Store, cart_key: int) -> None:
    placed = _placed(store, cart_key)
    assert attempts.unsettled(store) == [placed]
    assert claims.claim(store, cart_key, 1, "Ben", TERMS) == Held(placed)
    attempts.mark_read_back(store, placed, "Order 000000082 placed.")
    assert attempts.unsettled(store) == [placed], "its order is not mirrored yet"

    order_key = add_order(store, placed.shop_id)
    attempts.mark_read_back(store, placed, "Order 000000082 placed.")
    attempts.mark_read_back(store, placed, "Order 000000082 placed.")
    known = attempts.attempt_by_id(store, placed.id)
    assert known is not None
    assert (known.order_key, known.order_increment_id, known.placed_grand_total, known.holds) == (
        order_key,
        "000000082",
        Decimal("84.20"),
        True,
    )
    assert attempts.unsettled(store) == []
    assert _events(store, cart_key) == [("placed", "Anna")]
    assert _events(store, order_key) == [("placed", "Anna")]
    with store.reading() as connection:
        assert connection.scalar(select(order.c.placed_by).where(order.c.id == order_key)) == "Anna"


def test_an_order_that_was_cancelled_before_it_was_read_back_does_not_hold_the_cart(
    store: Store, cart_key: int
) -> None:
    placed = _placed(store, cart_key)
    add_order(store, placed.shop_id, state="canceled")
    attempts.mark_read_back(store, placed, "Order 000000082 placed.")
    assert attempts.holder(store, cart_key) is None


def test_a_placed_attempt_is_not_made_a_failure_by_a_slower_process(store: Store, cart_key: int) -> None:
    claimed = _claim(store, cart_key)
    claims.mark_sent(store, claimed.id, 80, 120)
    attempts.mark_placed(store, claimed.id, 82, None, "Found in the shop.")
    assert not attempts.mark_failed(store, claimed.id, "not_placed", "No order came.", only_from=("sent", "unclear"))
    attempts.mark_unclear(store, claimed.id, "No answer came.")
    now = attempts.attempt_by_id(store, claimed.id)
    assert now is not None
    assert now.state == "placed"


def test_an_order_that_comes_after_its_attempt_was_given_up_is_reported_with_an_alarm(
    store: Store, cart_key: int
) -> None:
    late = _claim(store, cart_key)
    claims.mark_sent(store, late.id, 80, 120)
    attempts.mark_failed(store, late.id, "not_placed", "No order came.")
    second = _claim(store, cart_key, "Ben")
    attempts.mark_placed(store, late.id, 82, 200, "Placed.")
    now = attempts.attempt_by_id(store, late.id)
    assert now is not None
    assert (now.state, now.holds) == ("placed", False)
    assert attempts.holder(store, cart_key) == second
    assert _events(store, cart_key) == [("not_placed", "Anna"), ("alarm", "Anna")]


def test_another_order_than_the_one_that_was_found_raises_an_alarm(store: Store, cart_key: int) -> None:
    placed = _placed(store, cart_key)
    attempts.mark_placed(store, placed.id, ORDER_ID, 200, "Placed.")
    assert _events(store, cart_key) == []
    attempts.mark_placed(store, placed.id, ORDER_ID + 1, 200, "Placed.")
    assert _events(store, cart_key) == [("alarm", "Anna")]
    now = attempts.attempt_by_id(store, placed.id)
    assert now is not None
    assert now == replace(placed, alarm=now.alarm)
    assert f"id {ORDER_ID + 1}" in (now.alarm or "")


def test_one_process_at_a_time_looks_an_order_up(store: Store, cart_key: int) -> None:
    claimed = _claim(store, cart_key)
    claims.mark_sent(store, claimed.id, 80, 120)
    [due] = attempts.unsettled(store)
    assert attempts.take_lookup(store, due)
    assert not attempts.take_lookup(store, due)
    [again] = attempts.unsettled(store)
    assert again.lookups == 1
    assert attempts.take_lookup(store, again)


def _claim_from_a_process(url: str, cart_key: int, people: list[str], won: multiprocessing.Queue[str]) -> None:
    store = Store(url)

    def press(person: str) -> None:
        if isinstance(claims.claim(store, cart_key, 1, person, TERMS), Attempt):
            won.put(person)

    threads = [threading.Thread(target=press, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()


def test_of_many_people_in_several_processes_one_gets_the_claim(store: Store, store_url: str, cart_key: int) -> None:
    context = multiprocessing.get_context("forkserver")
    won: multiprocessing.Queue[str] = context.Queue()
    processes = [
        context.Process(
            target=_claim_from_a_process, args=(store_url, cart_key, [f"{number}-{i}" for i in range(4)], won)
        )
        for number in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    winner = won.get(timeout=5)
    assert won.empty()
    held = attempts.holder(store, cart_key)
    assert held is not None
    assert held.person == winner
    assert len(_kept(store, cart_key)) == 1
