"""Processes that are killed while they place, and processes that place at the same time."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess

import pytest
import time_machine
from sqlalchemy import select

from crm_core.errors import DeskError
from crm_core.sales import attempts, claims
from crm_core.sales.offer import Choice
from crm_core.sales.outcomes import AlreadyHeld, Placed, Refused, Unclear, outcome_of
from crm_core.sales.placing import place, settle
from crm_core.settings import settings
from crm_core.store.database import Store
from crm_core.store.tables import record_event
from demo_store.service import Request, Response
from tests.sales.desk import PLACE, SHIP, Answer, Desk, dropped_after_the_work, dropped_before_the_work

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])


def _open(url: str, data_dir: str) -> Store:
    """The store in a process whose server was forked before this test had its own settings."""
    os.environ["CRM_DATA_DIR"] = data_dir
    settings.cache_clear()
    return Store(url)


def _place_once(url: str, data_dir: str, cart_key: int, choice: Choice, person: str) -> None:
    place(_open(url, data_dir), cart_key, choice, person)


def _annas_process(desk: Desk, cart_id: int, choice: Choice) -> ForkServerProcess:
    data_dir = os.environ["CRM_DATA_DIR"]
    return PROCESSES.Process(target=_place_once, args=(desk.store.url, data_dir, desk.key(cart_id), choice, "Anna"))


class _Hold:
    """Keeps a request waiting at the shop's door until it is let in or sent away."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.goes_on = threading.Event()
        self.is_let_in = False
        self.done = threading.Event()

    def __call__(self, _request: Request, work: Callable[[], Response]) -> Response:
        self.came.set()
        assert self.goes_on.wait(30)
        if self.is_let_in:
            work()
        self.done.set()
        return Response(0, b"", dropped=True)

    def release(self, *, let_in: bool) -> None:
        """Now the shop does the work, or does not; nobody is told."""
        self.is_let_in = let_in
        self.goes_on.set()
        assert self.done.wait(30)


def _kill_during(desk: Desk, cart_id: int, choice: Choice, pattern: str) -> _Hold:
    """Anna's process dies while its request waits at the shop's door."""
    hold = _Hold()
    desk.front.on(pattern, hold)
    process = _annas_process(desk, cart_id, choice)
    _kill_once_it_waits(process, hold)
    desk.front.calm()
    return hold


def _kill_once_it_waits(process: ForkServerProcess, hold: _Hold) -> None:
    process.start()
    while not hold.came.wait(0.1):
        assert process.is_alive(), "the process ended before it came to the shop's door"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def _later(seconds: float) -> time_machine.travel:
    return time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds))


def test_a_process_killed_before_it_sent_the_order_frees_the_cart_once_none_of_its_writes_can_be_under_way(
    desk: Desk,
) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    _kill_during(desk, cart_id, choice, SHIP).release(let_in=True)
    early = desk.place(cart_id, choice, "Ben")
    assert isinstance(early, AlreadyHeld)
    assert early.message == "Anna is placing the order (started just now). Wait for the outcome."
    with _later(claims.CLAIM_SECONDS + 1):
        settle(desk.store)
        assert isinstance(desk.place(cart_id, choice, "Ben"), AlreadyHeld)
    with _later(settings().longest_write + 1):
        settle(desk.store)
        assert isinstance(desk.place(cart_id, choice, "Ben"), Placed)
    assert [each.state for each in desk.attempts(cart_id)] == ["placed", "not_placed"]
    assert len(desk.shop.orders_of(cart_id)) == 1


def test_a_process_killed_while_the_shop_placed_leaves_an_order_that_is_found(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    _kill_during(desk, cart_id, choice, PLACE).release(let_in=True)
    assert isinstance(desk.place(cart_id, choice, "Ben"), AlreadyHeld)
    with _later(15):
        assert settle(desk.store) == 1
    [attempt] = desk.attempts(cart_id)
    outcome = outcome_of(desk.store, attempt.id)
    assert isinstance(outcome, Placed)
    assert outcome.increment_id == desk.shop.order(desk.shop.orders_of(cart_id)[0])["increment_id"]
    assert attempt.person == "Anna"
    assert desk.row(cart_id).status == "purchased"
    assert desk.front.count(PLACE) == 1


def test_a_process_killed_before_the_shop_placed_is_settled_when_no_answer_can_come_any_more(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    _kill_during(desk, cart_id, choice, PLACE).release(let_in=False)
    longest = settings().longest_write + attempts.LOOKUP_SECONDS
    with _later(longest - 5):
        assert settle(desk.store) == 0
        assert isinstance(desk.place(cart_id, choice, "Ben"), AlreadyHeld)
    with _later(longest + 30):
        assert settle(desk.store) == 1
        assert isinstance(desk.place(cart_id, choice, "Ben"), Placed)
    assert [each.state for each in desk.attempts(cart_id)] == ["placed", "not_placed"]
    assert len(desk.shop.orders_of(cart_id)) == 1


def test_a_process_killed_while_it_read_the_order_back_leaves_a_placed_attempt(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    after = _Hold()

    def place_and_hold_what_follows(_request: Request, work: Callable[[], Response]) -> Response:
        desk.front.on(r"GET .*", after)
        return work()

    desk.front.on(PLACE, place_and_hold_what_follows)
    process = _annas_process(desk, cart_id, choice)
    _kill_once_it_waits(process, after)
    desk.front.calm()
    after.goes_on.set()

    [attempt] = desk.attempts(cart_id)
    assert (attempt.state, attempt.order_increment_id) == ("placed", None)
    assert settle(desk.store) == 1
    known = outcome_of(desk.store, attempt.id)
    assert isinstance(known, Placed)
    assert known.grand_total == choice.grand_total
    assert desk.row(cart_id).status == "purchased"


def test_the_answer_that_comes_to_a_slow_process_agrees_with_what_others_found(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)

    def found_by_others_first(_request: Request, work: Callable[[], Response]) -> Response:
        response = work()
        with _later(15):
            assert settle(desk.store) == 1
        return response

    desk.front.on(PLACE, found_by_others_first)
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Placed)
    assert len(desk.attempts(cart_id)) == 1
    assert len(desk.shop.orders_of(cart_id)) == 1


def test_an_order_that_others_found_does_not_hide_the_one_that_was_made(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)

    def after_the_customer(_request: Request, work: Callable[[], Response]) -> Response:
        desk.shop.place(cart_id)
        with _later(15):
            assert settle(desk.store) == 1
        desk.shop.restore_cart(cart_id)
        return work()

    desk.front.on(PLACE, after_the_customer)
    assert isinstance(desk.place(cart_id, choice), Placed)
    assert len(desk.shop.orders_of(cart_id)) == 2
    with desk.store.reading() as connection:
        alarms = connection.scalars(select(record_event.c.text).where(record_event.c.kind == "alarm")).all()
    assert [alarm.startswith("The shop has another order for this cart, too") for alarm in alarms] == [True]


def _place_all(
    url: str, data_dir: str, choices: dict[int, Choice], name: str, seen: multiprocessing.Queue[tuple[str, str]]
) -> None:
    store = _open(url, data_dir)

    def press(cart_key: int, choice: Choice, person: str) -> None:
        try:
            seen.put((person, type(place(store, cart_key, choice, person)).__name__))
        except DeskError as trouble:
            seen.put((person, repr(trouble)))

    threads = [
        threading.Thread(target=press, args=(cart_key, choice, f"{name}{number}"))
        for cart_key, choice in choices.items()
        for number in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()


@pytest.mark.parametrize("seed", [1])
def test_people_in_several_processes_at_once_make_one_order_a_cart_whatever_happens_to_answers(
    desk: Desk, seed: int
) -> None:
    carts = [desk.add_cart() for _ in range(4)]
    choices = {desk.key(cart_id): desk.choice(cart_id) for cart_id in carts}
    dice = random.Random(seed)
    fates: list[Answer] = [dropped_after_the_work, dropped_before_the_work, lambda _request, work: work()]
    dealt = {cart_id: dice.choice(fates) for cart_id in carts}
    desk.front.on(PLACE, lambda request, work: dealt[int(request.target.split("/")[-2])](request, work))
    seen: multiprocessing.Queue[tuple[str, str]] = PROCESSES.Queue()
    processes = [
        PROCESSES.Process(target=_place_all, args=(desk.store.url, os.environ["CRM_DATA_DIR"], choices, name, seen))
        for name in "AB"
    ]
    for process in processes:
        process.start()
    outcomes = [seen.get(timeout=60) for _ in range(4 * len(carts))]
    for process in processes:
        process.join()
        assert process.exitcode == 0

    assert {kind for _, kind in outcomes} <= {"Placed", "AlreadyHeld", "Unclear"}
    assert desk.front.count(PLACE) == len(carts), "one request a cart, whatever became of it"
    with _later(200):
        settle(desk.store)
    for cart_id in carts:
        made = desk.shop.orders_of(cart_id)
        [attempt] = [each for each in desk.attempts(cart_id) if each.sent_at]
        outcome = outcome_of(desk.store, attempt.id)
        if made:
            assert isinstance(outcome, Placed)
            assert outcome.increment_id == desk.shop.order(made[0])["increment_id"]
            assert len(made) == 1
        else:
            assert isinstance(outcome, Refused)
        assert not isinstance(outcome, Unclear)
