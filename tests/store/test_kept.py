"""An answer is given again until something is committed to the store, and never after that."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from crm_core.errors import TooSlow
from crm_core.store.database import Store
from crm_core.store.kept import Kept


class _Question:
    """Counts the shops, and how often it was asked."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        with self.store.reading() as connection:
            return int(connection.execute(text("SELECT count(*) FROM shop")).scalar_one())


def _add_shop(store: Store, shop_id: int) -> None:
    with store.writing() as connection:
        connection.execute(
            text("INSERT INTO shop (id, base_url, created_at) VALUES (:id, :url, 0)"),
            {"id": shop_id, "url": f"x{shop_id}"},
        )


def test_an_answer_is_kept_while_nothing_is_committed(store: Store) -> None:
    question = _Question(store)
    assert [store.kept("shops", question) for _ in range(3)] == [0, 0, 0]
    assert question.asked == 1
    assert store.kept("other", question) == 0
    assert question.asked == 2


def test_a_commit_by_this_or_another_process_makes_the_question_be_asked_again(store: Store) -> None:
    question = _Question(store)
    assert store.kept("shops", question) == 0
    _add_shop(store, 1)
    assert store.kept("shops", question) == 1
    elsewhere = Store(store.url)
    try:
        _add_shop(elsewhere, 2)
    finally:
        elsewhere.close()
    assert store.kept("shops", question) == 2
    assert question.asked == 3


def test_what_is_not_committed_yet_changes_no_answer_and_what_is_rolled_back_none_either(store: Store) -> None:
    question = _Question(store)
    assert store.kept("shops", question) == 0
    with store.writing() as connection:
        connection.execute(text("INSERT INTO shop (id, base_url, created_at) VALUES (1, 'x1', 0)"))
        assert store.kept("shops", question) == 0
        connection.rollback()
    assert store.kept("shops", question) == 0


def test_commits_beside_readers_in_several_threads_are_never_missed(store: Store) -> None:
    committed, stop = [0], threading.Event()
    late: list[tuple[int, int]] = []

    def look() -> None:
        while not stop.is_set():
            at_least = committed[0]
            found = store.kept("shops", _Question(store))
            if found < at_least:
                late.append((found, at_least))

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1, 41):
        _add_shop(store, number)
        committed[0] = number
    stop.set()
    for reader in readers:
        reader.join()
    assert late == []
    assert store.kept("shops", _Question(store)) == 40


def test_an_error_is_passed_on_and_not_kept(store: Store) -> None:
    def fail() -> int:
        raise TooSlow("too slow")

    with pytest.raises(TooSlow):
        store.kept("shops", fail)
    assert store.kept("shops", _Question(store)) == 0


def test_an_answer_that_comes_after_another_version_is_not_taken_for_its_own() -> None:
    kept = Kept()

    def slow() -> str:
        assert kept.answer(2, "what", lambda: "new") == "new"
        return "old"

    assert kept.answer(1, "what", slow) == "old"
    assert kept.answer(2, "what", lambda: "never asked") == "new"


def test_an_answer_that_many_ask_for_outlives_those_asked_for_once() -> None:
    kept, asked = Kept(), []
    for number in range(1_000):
        for what in ("names", number):
            kept.answer(1, what, lambda what=what: asked.append(what))  # type: ignore[misc]
    assert asked == ["names", *range(1_000)]


def test_only_so_many_answers_are_kept_the_oldest_makes_room() -> None:
    kept, asked = Kept(), []
    for number in [*range(201), 0, 200]:
        kept.answer(1, number, lambda number=number: asked.append(number))  # type: ignore[misc]
    assert asked == [*range(201), 0]
