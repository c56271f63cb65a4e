"""One holder at a time, a growing token, and nobody writes after he lost the lease."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from crm_core.errors import LeaseLost
from crm_core.store import lease
from crm_core.store.database import Store


def _acquire(store: Store, holder: str, seconds: float = 60) -> lease.Lease | None:
    with store.writing() as connection:
        return lease.acquire(connection, "orders of 1", holder, seconds)


def _taken(store: Store, holder: str, seconds: float = 60) -> lease.Lease:
    taken = _acquire(store, holder, seconds)
    assert taken is not None
    return taken


def test_a_lease_has_one_holder(store: Store) -> None:
    first = _taken(store, "a")
    assert _acquire(store, "b") is None
    assert _acquire(store, "a") is None, "a second thread of the holder does not get it either"
    with store.writing() as connection:
        assert lease.acquire(connection, "carts of 1", "b") is not None, "another work is free"
        lease.check(connection, first)


def test_a_lease_given_back_is_free_at_once_and_its_token_grows(store: Store) -> None:
    first = _taken(store, "a")
    with store.writing() as connection:
        lease.release(connection, first)
    second = _taken(store, "b")
    assert second.token > first.token


def _write_a_page(store: Store, held: lease.Lease, use: Callable[[Connection, lease.Lease], None]) -> None:
    with store.writing() as connection:
        connection.execute(text("INSERT INTO shop (id, base_url, created_at) VALUES (1, 'x', 0)"))
        use(connection, held)


def test_an_expired_lease_is_taken_over_and_the_first_holder_cannot_write_any_more(store: Store) -> None:
    first = _taken(store, "a", seconds=0.05)
    time.sleep(0.06)
    second = _taken(store, "b")
    assert second.token > first.token
    for use in (lease.check, lease.renew):
        with pytest.raises(LeaseLost, match="orders of 1"):
            _write_a_page(store, first, use)
    with store.writing() as connection:
        lease.release(connection, first)
        lease.check(connection, second)
        assert connection.execute(text("SELECT count(*) FROM shop")).scalar_one() == 0


def test_a_renewed_lease_is_not_taken_over(store: Store) -> None:
    first = _taken(store, "a", seconds=0.05)
    with store.writing() as connection:
        lease.renew(connection, first, 60)
    time.sleep(0.06)
    assert _acquire(store, "b") is None


def test_a_holder_who_gave_the_lease_back_cannot_write(store: Store) -> None:
    first = _taken(store, "a")
    with store.writing() as connection:
        lease.release(connection, first)
    with pytest.raises(LeaseLost), store.writing() as connection:
        lease.check(connection, first)


def test_a_worker_that_ends_gives_all_its_leases_back_and_no_one_elses(store: Store) -> None:
    with store.writing() as connection:
        for name, holder in (("x", "a"), ("y", "a"), ("z", "b")):
            assert lease.acquire(connection, name, holder) is not None
        assert sorted(lease.release_all(connection, "a")) == ["x", "y"]
        assert lease.acquire(connection, "x", "b") is not None
        assert lease.acquire(connection, "z", "c") is None


def test_nobody_takes_over_between_the_check_and_the_commit(store: Store) -> None:
    first = _taken(store, "a", seconds=0.01)
    time.sleep(0.02)
    seen: list[lease.Lease | None] = []
    with store.writing() as connection:
        lease.check(connection, first)
        taker = threading.Thread(target=lambda: seen.append(_acquire(store, "b")))
        taker.start()
        taker.join(0.3)
        assert seen == [], "the taker waits for the transaction that was checked"
        lease.renew(connection, first, 60)
    taker.join()
    assert seen == [None], "and then sees that the lease was renewed in it"


def test_a_lease_that_was_deleted_and_made_again_does_not_let_its_earlier_holder_in(store: Store) -> None:
    first = _taken(store, "a")
    with store.writing() as connection:
        connection.execute(text("DELETE FROM lease"))
    time.sleep(0.002)
    second = _taken(store, "a")
    assert second.token > first.token
    with pytest.raises(LeaseLost), store.writing() as connection:
        lease.check(connection, first)


def test_of_many_who_ask_at_once_one_gets_it(store: Store) -> None:
    got: list[lease.Lease | None] = []
    threads = [threading.Thread(target=lambda n=n: got.append(_acquire(store, f"h{n}"))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([taken for taken in got if taken is not None]) == 1
    assert len(got) == 8
