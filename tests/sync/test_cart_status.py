"""The rules of a cart's status, all of them."""

from __future__ import annotations

import itertools

import pytest

from crm_core.store.tables import CART_STATUSES
from crm_core.sync.cart_status import OrderOfCart, cart_status, order_link


@pytest.mark.parametrize(
    ("is_active", "is_gone", "order_cancelled", "is_lost", "is_grace_over", "status"),
    [
        (True, False, None, False, False, "open"),
        (True, False, None, True, False, "lost"),
        (True, False, True, False, False, "open"),
        (True, False, True, True, False, "lost"),
        (True, False, False, False, False, "purchased"),
        (True, False, False, True, False, "purchased"),
        (False, False, False, False, True, "purchased"),
        (False, False, True, False, False, "purchased"),
        (True, True, True, False, False, "purchased"),
        (False, False, None, False, False, "closing"),
        (False, False, None, False, True, "expired"),
        (True, True, None, False, False, "closing"),
        (True, True, None, False, True, "expired"),
        (False, True, None, True, True, "lost"),
    ],
)
def test_each_case_has_its_status(
    is_active: bool, is_gone: bool, order_cancelled: bool | None, is_lost: bool, is_grace_over: bool, status: str
) -> None:
    assert (
        cart_status(
            is_active=is_active,
            is_gone=is_gone,
            order_cancelled=order_cancelled,
            is_lost=is_lost,
            is_grace_over=is_grace_over,
        )
        == status
    )


def test_truth_values_of_a_database_count_like_those_of_python() -> None:
    for facts in itertools.product((False, True), (False, True), (None, False, True), (False, True), (False, True)):
        names = ("is_active", "is_gone", "order_cancelled", "is_lost", "is_grace_over")
        python = cart_status(**dict(zip(names, facts, strict=True)))  # type: ignore[arg-type]
        numbers = [None if fact is None else int(fact) for fact in facts]
        assert python == cart_status(**dict(zip(names, numbers, strict=True)))  # type: ignore[arg-type]
        assert python in CART_STATUSES


@pytest.mark.parametrize(
    ("orders", "link"),
    [
        ([], None),
        ([(1, "new")], (1, False)),
        ([(1, "canceled")], (1, True)),
        ([(1, "canceled"), (2, "processing")], (2, False)),
        ([(1, "complete"), (2, "canceled")], (1, False)),
        ([(3, "canceled"), (2, "canceled")], (3, True)),
        ([(1, "new"), (2, "new")], (2, False)),
    ],
)
def test_a_cart_shows_its_latest_order_that_stands(
    orders: list[tuple[int, str]], link: tuple[int, bool] | None
) -> None:
    assert order_link(OrderOfCart(*order) for order in orders) == link
