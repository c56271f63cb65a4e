"""A run that is killed, at each of its statements in turn, and the one that goes on with its work."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from crm_core.store import tables
from crm_core.sync.rules import Rules
from demo_store import Shop
from tests.sync.conftest import Desks
from tests.sync.life import Life

OVERLAP = 600
LONG_AGO = "2026-01-02 03:04:05"


@pytest.mark.parametrize("full", [False, True], ids=["tick", "full"])
def test_what_a_run_killed_at_any_statement_owes_is_read_by_the_next(desks: Desks, full: bool) -> None:
    shop = Shop()
    desks.stack.callback(shop.close)
    carts = [shop.add_cart(store_id=3, ready=False) for _ in range(5)]
    # One store view, and more carts of one second than a page holds.
    desk = desks.open(shop, Rules(page_size=2, overlap_seconds=OVERLAP, connections=1, websites=("us",)))
    desk.run("carts")

    def long_after(clock: time_machine.Traveller) -> None:
        # The overlap must not reach back to what was missed.
        clock.shift(3 * OVERLAP)
        desk.open.magento.websites()

    steps = 0
    with time_machine.travel(datetime.now(UTC)) as clock:
        while True:
            for cart in carts:
                shop.set_qty(cart, "MUG-01", 2 + steps % 2)
                if full:  # no tick looks that far back
                    shop.touch_cart(cart, LONG_AGO)
            long_after(clock)
            life = Life()
            with life.of(steps):
                desk.run("carts", full=full)
            long_after(clock)
            desk.run("carts", full=full)
            assert desk.ids(tables.cart) == carts
            assert {int(desk.cart(cart)["items_qty"]) for cart in carts} == {2 + steps % 2}, f"killed at step {steps}"
            if not life.is_over:
                break
            steps += 1 if desk.store.dialect_name == "sqlite" else 3  # the same code, at a third of the price
    assert steps > 20
    assert desk.differences() == []
