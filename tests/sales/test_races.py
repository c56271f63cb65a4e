"""Rounds of people who press Place order on the same cart at once, whatever happens to requests, answers and processes.

A round is one cart, two to eight people in several processes, one channel of two, and a fate for the request that
places the order. In most waves of rounds a process is killed, at a request drawn by lot.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

import pytest
import time_machine
from sqlalchemy import Row

from crm_core.errors import DeskError
from crm_core.sales.attempts import LOOKUP_SECONDS
from crm_core.sales.offer import Choice
from crm_core.sales.outcomes import AlreadyHeld, Placed, Unclear, outcome_of
from crm_core.sales.placing import place, settle
from crm_core.settings import settings
from crm_core.store.database import Store
from demo_store.service import Request, Response
from tests.sales.desk import PLACE, Answer, Desk, Front, connect, dropped_after_the_work, dropped_before_the_work

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])

_ROUNDS = {"sqlite": 80, "postgresql": 120}
"""Two hundred in all; most on the database that lets people write at the same time."""

_ROUNDS_A_WAVE = 40
_PROCESSES = 3
_PATIENCE = 1.0
"""Seconds that the desk waits for the shop to answer a write."""

_HOME = {3: {"country_id": "US", "region_id": 12, "region": "California", "postcode": "90001", "city": "Los Angeles"}}
"""Where carts of a store view are sent, if not to where all others are."""

_LOCKED = "The cart is locked for processing. Please try again later."
_SERVER_ERROR = "A server error stopped your order from being placed. Please try to place your order again."


@dataclass(frozen=True)
class Press:
    """A person's press on Place order, so many seconds after the wave begins."""

    cart_key: int
    choice: Choice
    person: str
    after: float


@dataclass(frozen=True)
class Told:
    """What the person was told: the outcome's kind, who was first, and the order's number."""

    cart_key: int
    person: str
    kind: str
    by: str | None = None
    increment_id: str | None = None


def _people(url: str, data_dir: str, presses: Sequence[Press], start: float, answers: Connection) -> None:
    """A process of the desk in which these people press; what each is told goes to `answers`."""
    os.environ |= {"CRM_DATA_DIR": data_dir, "CRM_WRITE_TIMEOUT": str(_PATIENCE)}
    settings.cache_clear()
    store = Store(url)
    one_at_a_time = threading.Lock()

    def press(each: Press) -> None:
        time.sleep(max(0.0, start + each.after - time.time()))
        try:
            outcome = place(store, each.cart_key, each.choice, each.person)
        except DeskError as trouble:
            told = Told(each.cart_key, each.person, repr(trouble))
        else:
            by = outcome.by if isinstance(outcome, AlreadyHeld) else None
            number = outcome.increment_id if isinstance(outcome, Placed | AlreadyHeld) else None
            told = Told(each.cart_key, each.person, type(outcome).__name__, by, number)
        with one_at_a_time:
            answers.send(told)

    with ThreadPoolExecutor(len(presses)) as pool:
        list(pool.map(press, presses))
    store.close()
    answers.close()


def _late(_request: Request, work: Callable[[], Response]) -> Response:
    """The shop thinks longer than the desk waits, and then places the order."""
    time.sleep(_PATIENCE + 0.4)
    return work()


def _slow_request(_request: Request, work: Callable[[], Response]) -> Response:
    time.sleep(0.3)
    return work()


def _slow_answer(_request: Request, work: Callable[[], Response]) -> Response:
    response = work()
    time.sleep(0.3)
    return response


def _repeated(_request: Request, work: Callable[[], Response]) -> Response:
    """Something between desk and shop sends the request twice and passes on the second answer."""
    work()
    return work()


def _repeated_unseen(_request: Request, work: Callable[[], Response]) -> Response:
    """The same, with the first answer passed on."""
    response = work()
    work()
    return response


def _failed_after_the_work(_request: Request, work: Callable[[], Response]) -> Response:
    work()
    return Response(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"})


def _clear(_request: Request, work: Callable[[], Response]) -> Response:
    return work()


_CLEAR: tuple[Answer, ...] = (_clear, _slow_request, _slow_answer, _repeated, _repeated_unseen)
_ELSEWHERE = frozenset(("customer", _LOCKED, _SERVER_ERROR))
"""The customer orders the cart in the shop just before; the shop says so in one of its ways."""
_UNCLEAR: tuple[Answer, ...] = (dropped_after_the_work, dropped_before_the_work, _failed_after_the_work, _late)


@dataclass
class _Wave:
    """Some rounds at once: stands before the shop, deals the fates, and kills a process when its lot comes up."""

    front: Front
    dice: random.Random
    fates: dict[int, str] = field(default_factory=dict)
    sent: Counter[int] = field(default_factory=Counter)
    """How often the order of a cart was sent."""
    victim: ForkServerProcess | None = None
    kill_at: int = 0
    came: int = 0
    under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def deal(self, cart_id: int) -> str:
        """Most answers are clear; some are not, and some carts are ordered by the customer at that very moment."""
        fates = [each.__name__ for each in (*_CLEAR, *_UNCLEAR)] + ["_clear"] * 3
        fate = self.fates[cart_id] = self.dice.choice([*fates, *sorted(_ELSEWHERE)])
        return fate

    def answer(self, request: Request, work: Callable[[], Response]) -> Response:
        """The shop's answer, or what became of it on its way."""
        with self.lock:
            self.came += 1
            self.under_way += 1
            dies_now = self.came == self.kill_at
        try:
            if dies_now and self.victim is not None and self.victim.pid is not None and self.victim.is_alive():
                os.kill(self.victim.pid, signal.SIGKILL)
            if not re.search(PLACE, f"{request.method} {request.target}"):
                return work()
            return self._placed(request, work)
        finally:
            with self.lock:
                self.under_way -= 1

    def _placed(self, request: Request, work: Callable[[], Response]) -> Response:
        cart_id = int(request.target.split("/")[-2])
        fate = self.fates[cart_id]
        with self.lock:
            self.sent[cart_id] += 1
        by_name = {each.__name__: each for each in (*_CLEAR, *_UNCLEAR)}
        if fate in by_name:
            return by_name[fate](request, work)
        self.front.shop.place(cart_id)
        if fate == "customer":
            return work()
        return Response(400, json.dumps({"message": fate}).encode(), {"Content-Type": "application/json"})

    def wait_until_quiet(self) -> None:
        """No request is at the shop any more, also none whose process is dead."""
        while True:
            with self.lock:
                if not self.under_way:
                    return
            time.sleep(0.05)


@contextmanager
def _later(seconds: float) -> Iterator[None]:
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):
        yield


@dataclass(frozen=True)
class _Round:
    """One cart, the channel that it is placed through, and the fate of the request that places it."""

    desk: Desk
    cart_id: int
    fate: str

    def attempts(self) -> list[Row[Any]]:
        """Those that were made for the cart, newest first."""
        return self.desk.attempts(self.cart_id)


@pytest.mark.parametrize("seed", [1])
def test_people_pressing_at_once_make_one_order_a_cart_and_every_order_is_reported(
    store: Store, front: Front, shop_url: str, seed: int
) -> None:
    dice = random.Random(seed)
    europe = Desk(store, front, connect(store, shop_url, "Europe", websites=("base",)))
    america = Desk(store, front, connect(store, shop_url, "America", websites=("us",)))
    assert europe.channel.shop_id == america.channel.shop_id
    for _ in range(_ROUNDS[store.dialect_name] // _ROUNDS_A_WAVE):
        _play((europe, america), dice)


def _play(desks: Sequence[Desk], dice: random.Random) -> None:
    """A wave of rounds at once, and what must be true afterwards."""
    front = desks[0].front
    wave = _Wave(front, dice)
    rounds, presses = _set_up(desks, wave, dice)
    front.on(".", wave.answer)
    told = _press(desks[0].store, wave, presses)
    front.calm()
    wave.wait_until_quiet()
    for each in rounds:
        _check_what_was_told(wave, each, [said for said in told if said.cart_key == each.desk.key(each.cart_id)])
    with _later(15):
        settle(desks[0].store)
    longest = settings().longest_write + LOOKUP_SECONDS
    with _later(longest + 30):
        settle(desks[0].store)
        for each in rounds:
            _check_what_came_of_it(each)


def _set_up(desks: Sequence[Desk], wave: _Wave, dice: random.Random) -> tuple[list[_Round], list[Press]]:
    rounds: list[_Round] = []
    presses: list[Press] = []
    for desk, store_ids in zip(desks, ((1, 2, 4), (3,)), strict=True):
        for store_id in store_ids:
            carts = [desk.add_cart(store_id=store_id, address=_HOME.get(store_id)) for _ in range(_ROUNDS_A_WAVE // 4)]
            agreed = desk.choice(carts[0])  # they are all alike
            for cart_id in carts:
                rounds.append(_Round(desk, cart_id, wave.deal(cart_id)))
                presses += [
                    Press(desk.key(cart_id), agreed, f"{cart_id}-{number}", dice.choice((0.0, 0.0, 0.05, 0.3)))
                    for number in range(dice.randint(2, 8))
                ]
    dice.shuffle(presses)
    return rounds, presses


def _press(store: Store, wave: _Wave, presses: Sequence[Press]) -> list[Told]:
    """What the people were told whose process lived long enough."""
    start = time.time() + 0.5
    processes, ends = [], []
    for number in range(_PROCESSES):
        here, there = PROCESSES.Pipe(duplex=False)
        mine = presses[number::_PROCESSES]
        process = PROCESSES.Process(target=_people, args=(store.url, os.environ["CRM_DATA_DIR"], mine, start, there))
        process.start()
        there.close()
        processes.append(process)
        ends.append(here)
    if wave.dice.random() < 0.75:
        wave.victim = wave.dice.choice(processes)
        wave.kill_at = wave.dice.randint(1, 6 * len(wave.fates))
    told = []
    for process, end in zip(processes, ends, strict=True):
        try:
            while True:
                told.append(end.recv())
        except EOFError:
            process.join()
        assert process.exitcode == 0 or process is wave.victim
    return told


def _check_what_was_told(wave: _Wave, each: _Round, told: Sequence[Told]) -> None:
    """Nobody was told something wrong, and whoever got a clear answer left nothing open."""
    story = (each, told, each.attempts())
    assert {said.kind for said in told} <= {"Placed", "AlreadyHeld", "Unclear", "Refused"}, story
    assert sum(said.kind == "Placed" for said in told) <= 1, story
    assert wave.sent[each.cart_id] <= 1, story
    made = each.desk.shop.orders_of(each.cart_id)
    assert len(made) <= 1, story
    numbers = {each.desk.shop.order(order_id)["increment_id"] for order_id in made}
    assert {said.increment_id for said in told} - {None} <= numbers, story
    people = {attempt.person for attempt in each.attempts()}
    assert {said.by for said in told} - {None} <= people, story
    clear = {answer.__name__ for answer in _CLEAR}
    first = next((attempt for attempt in each.attempts() if attempt.sent_at is not None), None)
    if first is not None and first.person in {said.person for said in told} and each.fate in clear | _ELSEWHERE:
        assert first.state in ("placed", "refused"), story


def _check_what_came_of_it(each: _Round) -> None:
    """Once nothing can come any more, every order is reported, and a cart without one can be ordered, once."""
    story = (each, each.attempts())
    made = each.desk.shop.orders_of(each.cart_id)
    assert not [one for one in each.attempts() if isinstance(outcome_of(each.desk.store, one.id), Unclear)], story
    if not made:
        assert {one.state for one in each.attempts()} <= {"refused", "not_placed"}, story
        assert isinstance(each.desk.place(each.cart_id), Placed), story
        assert len(each.desk.shop.orders_of(each.cart_id)) == 1, story
        return
    number = each.desk.shop.order(made[0])["increment_id"]
    assert len(made) == 1, story
    each.desk.synchronise(each.cart_id)  # as the worker does, should the process have died that learnt of the order
    assert each.desk.row(each.cart_id).status == "purchased", story
    if each.fate in _ELSEWHERE or each.fate == _repeated.__name__:
        # The shop said no, and it was not said in vain that it has an order.
        reported = {one.order_increment_id for one in each.attempts()} | {
            number for one in each.attempts() if number in (one.message or "")
        }
    else:
        reported = {one.order_increment_id for one in each.attempts() if one.state == "placed"}
    assert number in reported, story
