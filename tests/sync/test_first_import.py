"""What a first import leaves on timelines: nothing, since nothing of it happened just now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from crm_core.store import tables
from tests.sync.conftest import Desk


def told(desk: Desk) -> list[str]:
    """What the timelines tell."""
    return [row["text"] for row in desk.all(select(tables.record_event.c.text).order_by(tables.record_event.c.id))]


def test_an_order_that_is_imported_after_its_cart_was_not_placed_just_now(desk: Desk) -> None:
    cart = desk.shop.add_cart()
    desk.shop.place(cart)
    long_ago = (datetime.now(UTC) - timedelta(days=9)).strftime("%Y-%m-%d %H:%M:%S")
    desk.shop.touch_cart(cart, long_ago)
    desk.run("carts")
    assert desk.cart(cart)["status"] == "expired"
    desk.run("orders")
    assert desk.cart(cart)["status"] == "purchased"
    assert told(desk) == []


def test_what_ticks_bring_while_an_import_lasts_and_afterwards_is_told(desk: Desk) -> None:
    cart = desk.shop.add_cart()
    desk.run_all()
    desk.shop.place(cart)
    desk.run_all()
    assert "Status Open → Purchased" in told(desk)
