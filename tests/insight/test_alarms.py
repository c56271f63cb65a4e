"""The alarm about several orders of a cart: it says what is to be done by the orders that are there now."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.insight.attempts import Wanted, attempt_page
from crm_core.insight.cart_record import cart_record
from crm_core.insight.directory import directory
from crm_core.insight.order_record import order_record
from crm_core.store.database import Store
from tests.insight.factories import TODAY, ago, two_shops

TOLD = "The shop has 2 live orders of this cart: 000000081, 000000082. Cancel all but one."
TO_DO = (
    "The shop has 2 live orders of this cart: 000000081, 000000082. Cancel all but one, with Actions on the order's "
    "page or in Magento."
)
CANCELLED = {"state": "canceled", "status": "canceled"}


def _alarmed(store: Store, *orders: dict[str, Any]) -> int:
    """The key of a cart with these orders, 81 and on, whose attempt found that there were several."""
    rows = two_shops(store)
    key = rows.cart(11, status="purchased")
    for number, values in enumerate(orders):
        rows.order(81 + number, cart_id=key, **values)
    rows.attempt(key, state="placed", holds=True, order_origin_id=81, alarm=TOLD)
    rows.event("cart", key, TOLD, ago(hours=1), kind="alarm", person="maja")
    rows.write()
    return key


def _said(store: Store, key: int) -> set[str | None]:
    """What the list of attempts, the cart's attempts and its timeline say of the alarm."""
    page = attempt_page(store, Wanted(), 1, names=directory(store), today=TODAY)
    cart = cart_record(store, key)
    told = [each.text for each in cart.timeline if each.kind in ("alarm", "mended")]
    return {page.rows[0].alarm, *told, *(each.alarm.words for each in cart.attempts if each.alarm)}


def test_an_alarm_that_holds_says_what_to_cancel(store: Store) -> None:
    key = _alarmed(store, {}, {})
    cart = cart_record(store, key)
    assert cart.alarm == TO_DO
    assert [each.kind for each in cart.timeline if each.text == TOLD] == ["alarm"]
    assert _said(store, key) == {TO_DO, TOLD}
    [attempt] = order_record(store, cart.orders[-1].key).attempts
    assert attempt.alarm is not None
    assert attempt.alarm.words == TO_DO


@pytest.mark.parametrize(
    ("orders", "left"),
    [
        (({}, CANCELLED), "Only order 000000081 is live now"),
        (({"gone_at": ago(hours=1)}, {}), "Only order 000000082 is live now"),
        ((CANCELLED, {"gone_at": ago(hours=1)}), "None of them is live now"),
    ],
    ids=["one cancelled", "one gone", "none left"],
)
def test_an_alarm_that_was_mended_tells_nobody_to_cancel_the_order_that_is_left(
    store: Store, orders: tuple[dict[str, Any], ...], left: str
) -> None:
    key = _alarmed(store, *orders)
    assert cart_record(store, key).alarm is None
    assert _said(store, key) == {
        f"The shop had several live orders of this cart. {left}, as far as is known: nothing to cancel."
    }
    kinds = [each.kind for each in cart_record(store, key).timeline]
    assert "alarm" not in kinds
    assert "mended" in kinds


def test_of_three_orders_the_alarm_names_the_two_that_still_live(store: Store) -> None:
    key = _alarmed(store, {}, {}, CANCELLED)
    assert cart_record(store, key).alarm == TO_DO


def test_an_order_that_the_desk_has_not_read_is_not_taken_for_cancelled(store: Store) -> None:
    key = _alarmed(store, {})
    assert cart_record(store, key).alarm is None
    [attempt] = cart_record(store, key).attempts
    assert attempt.alarm is not None
    assert attempt.alarm.words == (
        "The shop may have a second order of this cart that is not read yet. Synchronise the cart before you "
        "cancel one."
    )
