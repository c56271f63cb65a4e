from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from crm_core.errors import BadInput, NotAllowed, NotFound
from crm_core.sales import attempts, claims
from crm_core.sales.attempts import Attempt
from crm_core.sales.claims import Terms
from crm_core.sales.decisions import mark_lost, reopen
from crm_core.store.database import Store
from crm_core.store.rollups import rebuild, recount
from crm_core.store.tables import cart, cart_status_total, record_event
from tests.sales.rows import NOON, add_cart, add_shop, change_cart


def _cart(store: Store, **values: Any) -> int:
    key = add_cart(store, add_shop(store), **values)
    with store.writing() as connection:
        rebuild(connection)
    return key


def _row(store: Store, key: int) -> Any:
    with store.reading() as connection:
        return connection.execute(select(cart).where(cart.c.id == key)).one()


def _timeline(store: Store, key: int) -> list[tuple[str, str | None, str]]:
    with store.reading() as connection:
        rows = connection.execute(
            select(record_event.c.kind, record_event.c.person, record_event.c.text)
            .where(record_event.c.record_id == key, record_event.c.entity == "cart")
            .order_by(record_event.c.id)
        ).all()
    return [(row.kind, row.person, row.text) for row in rows]


def _counted(store: Store) -> dict[str, int]:
    with store.reading() as connection:
        assert recount(connection) == []
        rows = connection.execute(select(cart_status_total.c.status, cart_status_total.c.carts)).all()
    return {row.status: row.carts for row in rows}


def test_a_lost_cart_keeps_who_when_and_why_and_is_counted_as_lost(store: Store) -> None:
    key = _cart(store)
    with time_machine.travel(NOON, tick=False):
        mark_lost(store, key, "  Bought elsewhere  ", "Anna")
    row = _row(store, key)
    assert (row.status, row.lost_at, row.lost_by, row.lost_reason) == ("lost", NOON, "Anna", "Bought elsewhere")
    assert _counted(store) == {"lost": 1}
    assert _timeline(store, key) == [("lost", "Anna", "Marked lost: Bought elsewhere")]


def test_reopening_makes_the_cart_open_again_and_keeps_the_story(store: Store) -> None:
    key = _cart(store)
    mark_lost(store, key, "No answer", "Anna")
    change_cart(store, key, activity_after_lost_at=NOON)
    assert reopen(store, key, "Ben") == "open"
    row = _row(store, key)
    assert (row.status, row.lost_at, row.lost_by, row.lost_reason, row.activity_after_lost_at) == (
        "open",
        None,
        None,
        None,
        None,
    )
    assert _counted(store) == {"open": 1}
    assert [(kind, person) for kind, person, _ in _timeline(store, key)] == [("lost", "Anna"), ("reopened", "Ben")]


@pytest.mark.parametrize(
    ("closed_for", "status"), [(timedelta(minutes=59), "closing"), (timedelta(hours=1), "expired")]
)
def test_a_reopened_cart_that_the_shop_has_closed_meanwhile_is_not_open(
    store: Store, closed_for: timedelta, status: str
) -> None:
    key = _cart(store, status="lost", lost_at=NOON, lost_by="Anna", lost_reason="No answer", is_active=False,
                closing_since=NOON)  # fmt: skip
    with time_machine.travel(NOON + closed_for, tick=False):
        assert reopen(store, key, "Ben") == status
    assert _row(store, key).status == status
    assert _counted(store) == {status: 1}


@pytest.mark.parametrize("reason", ["", " \n\t ", "x" * 501])
def test_without_a_reason_that_fits_nothing_is_lost(store: Store, reason: str) -> None:
    key = _cart(store)
    with pytest.raises(BadInput, match=r"Say why|501 characters"):
        mark_lost(store, key, reason, "Anna")
    assert _row(store, key).status == "open"
    assert _timeline(store, key) == []


@pytest.mark.parametrize("status", ["purchased", "expired", "closing", "lost"])
def test_only_an_open_cart_can_be_lost(store: Store, status: str) -> None:
    key = _cart(store, status=status)
    with pytest.raises(NotAllowed, match=f"is {status}, not open"):
        mark_lost(store, key, "No answer", "Anna")
    assert _counted(store) == {status: 1}


@pytest.mark.parametrize("status", ["purchased", "expired", "closing", "open"])
def test_only_a_lost_cart_can_be_reopened(store: Store, status: str) -> None:
    key = _cart(store, status=status)
    with pytest.raises(NotAllowed, match=f"is {status}, not lost"):
        reopen(store, key, "Anna")
    assert _counted(store) == {status: 1}


def test_a_cart_is_not_lost_while_someone_places_an_order_for_it(store: Store) -> None:
    key = _cart(store)
    claimed = claims.claim(store, key, 1, "Ben", Terms("EUR", Decimal("84.20"), None, "checkmo"))
    assert isinstance(claimed, Attempt)
    with pytest.raises(NotAllowed, match="Ben is placing an order"):
        mark_lost(store, key, "No answer", "Anna")
    attempts.mark_failed(store, claimed.id, "refused", "Out of stock")
    mark_lost(store, key, "No answer", "Anna")
    assert _row(store, key).status == "lost"


def test_an_unknown_cart_and_a_nameless_person_are_told_so(store: Store) -> None:
    key = _cart(store)
    with pytest.raises(NotFound, match="not in the store"):
        mark_lost(store, key + 1, "No answer", "Anna")
    with pytest.raises(NotFound, match="not in the store"):
        reopen(store, key + 1, "Anna")
    with pytest.raises(NotAllowed, match="Sign in"):
        mark_lost(store, key, "No answer", " ")
    assert _row(store, key).status == "open"


def test_hostile_words_in_a_reason_are_kept_as_they_are(store: Store) -> None:
    key = _cart(store)
    words = "=1+1 <b>**no**</b> 'quoted' ‮ 🙈"
    mark_lost(store, key, words, "Anna")
    assert _row(store, key).lost_reason == words
