from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from crm_core.errors import NotFound
from crm_core.sales import attempts, claims
from crm_core.sales.attempts import Attempt
from crm_core.sales.claims import Terms
from crm_core.sales.obstacles import age, why_not
from crm_core.store.database import Store
from tests.sales.rows import NOON, add_cart, add_customer, add_order, add_shop, change_cart

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For wording, which does not depend on the database."""

_NOW = datetime.now(UTC)
TERMS = Terms("EUR", Decimal("84.20"), "flatrate_flatrate", "checkmo")


@on_sqlite
@pytest.mark.parametrize(
    ("cart", "reason"),
    [
        ({}, None),
        ({"status": "purchased", "order_cancelled": False}, "Already ordered."),
        (
            {"status": "purchased", "order_cancelled": True, "is_active": False},
            "It was cancelled, and the shop has closed this cart. To order the same, press New cart in the list of",
        ),
        (
            {"status": "purchased", "order_cancelled": True, "gone_at": NOON, "customer_id": 7},
            "and the shop no longer has this cart. To order the same, press New cart on the customer's page.",
        ),
        ({"status": "lost", "lost_by": "Anna"}, "Marked lost by Anna. Reopen it first."),
        (
            {"status": "lost", "lost_by": "Anna", "is_active": False, "closing_since": NOON},
            "Marked lost by Anna. The shop has closed this cart without an order. To order the same, press New cart",
        ),
        (
            {"status": "lost", "lost_by": "Anna", "gone_at": _NOW, "closing_since": _NOW},
            "Marked lost by Anna. The shop no longer has this cart, and no order has come of it yet. Synchronise it",
        ),
        ({"status": "closing", "is_active": False}, "no order has come yet. Synchronise it"),
        (
            {"status": "closing", "is_active": False, "gone_at": NOON},
            "The shop no longer has this cart, and no order has come of it yet. Synchronise it in a few minutes.",
        ),
        (
            {"status": "expired", "gone_at": NOON},
            "The shop no longer has this cart. To order the same, press New cart in the list of carts.",
        ),
        (
            {"status": "expired", "is_active": False, "customer_id": 7},
            "The shop has closed this cart without an order. To order the same, press New cart on the customer's page.",
        ),
        (
            {"status": "expired", "is_active": False, "customer_id": 8},
            "The shop has closed this cart without an order. To order the same, press New cart in the list of carts.",
        ),
        ({"items_count": 0, "items_qty": Decimal(0)}, "The cart is empty."),
        ({"items_count": 2, "unavailable_count": 2}, "None of its lines can be ordered"),
        ({"items_count": 2, "unavailable_count": 1}, None),
    ],
)
def test_each_state_of_a_cart_has_its_own_reason(store: Store, cart: dict[str, Any], reason: str | None) -> None:
    shop_id = add_shop(store)
    add_customer(store, shop_id, 7)
    add_customer(store, shop_id, 8, gone_at=NOON)
    found = why_not(store, add_cart(store, shop_id, **cart))
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert reason in found


@on_sqlite
@pytest.mark.parametrize(
    ("channel", "reason"),
    [
        (
            {"allow_writes": False},
            "The channel “Main” is read-only. Choose “Allow placing orders” under Channels to place orders.",
        ),
        (
            {"paused_at": NOON, "paused_reason": "The token is wrong."},
            "The channel “Main” is paused: The token is wrong.",
        ),
        (
            {"website_ids": "[2]"},
            "No channel reads this cart's store view. Add its website to a channel under Channels.",
        ),
    ],
)
def test_each_rule_of_a_channel_has_its_own_reason(store: Store, channel: dict[str, Any], reason: str) -> None:
    assert why_not(store, add_cart(store, add_shop(store, **channel))) == reason


def test_who_is_placing_the_order_is_named_to_everyone_else(store: Store) -> None:
    key = add_cart(store, add_shop(store))
    with time_machine.travel(NOON, tick=False) as clock:
        claimed = claims.claim(store, key, 1, "Ben", TERMS)
        assert isinstance(claimed, Attempt)
        assert why_not(store, key) == "Ben is placing the order (started just now). Wait for the outcome."
        assert why_not(store, key, despite_attempts=True) is None
        clock.shift(timedelta(seconds=claims.CLAIM_SECONDS + 1))
        assert why_not(store, key) is None


def test_an_unclear_attempt_asks_for_patience_not_for_another_press(store: Store) -> None:
    key = add_cart(store, add_shop(store))
    with time_machine.travel(NOON, tick=False) as clock:
        claimed = claims.claim(store, key, 1, "Ben", TERMS)
        assert isinstance(claimed, Attempt)
        claims.mark_sent(store, claimed.id, 0, 120)
        attempts.mark_unclear(store, claimed.id, "No answer came.")
        clock.shift(timedelta(minutes=2))
        assert why_not(store, key) == (
            "Ben tried 2 minutes ago, and the shop gave no clear answer. It is being asked for the order; "
            "wait for the outcome."
        )


def test_a_placed_attempt_is_told_before_the_mirror_knows_its_order(store: Store) -> None:
    key = add_cart(store, add_shop(store))
    with time_machine.travel(NOON, tick=False):
        claimed = claims.claim(store, key, 1, "Ben", TERMS)
        assert isinstance(claimed, Attempt)
        claims.mark_sent(store, claimed.id, 0, 120)
        attempts.mark_placed(store, claimed.id, 82, 200, "Placed.")
        reason = why_not(store, key)
    assert reason == "Ben placed the order just now. It stands until that order is cancelled."


def test_a_sold_cart_names_its_order(store: Store) -> None:
    shop_id = add_shop(store)
    key = add_cart(store, shop_id)
    change_cart(store, key, status="purchased", order_cancelled=False, order_id=add_order(store, shop_id))
    assert why_not(store, key) == "Already ordered: order 000000082."


def test_a_cart_that_is_sold_says_so_rather_than_that_its_channel_is_read_only(store: Store) -> None:
    key = add_cart(store, add_shop(store, allow_writes=False))
    change_cart(store, key, status="purchased", order_cancelled=False)
    assert why_not(store, key) == "Already ordered."


def test_a_cart_that_is_not_in_the_store_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound, match="not in the store"):
        why_not(store, 12345)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7_199, "1 hour ago"), (172_800, "2 days ago")],
)
def test_ages_are_told_in_words(seconds: int, words: str) -> None:
    with time_machine.travel(NOON, tick=False):
        assert age(NOON - timedelta(seconds=seconds)) == words
