"""What the tests of placing share: a cart's timeline, and the recorded answers of a running Magento."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from crm_core.store import tables
from tests.recorded import recorded
from tests.sales.desk import Desk

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For what the shop answers: that is the same to every database."""


def timeline(desk: Desk, cart_id: int) -> list[str]:
    """The kinds of what people did with the cart, by its timeline."""
    with desk.store.reading() as connection:
        rows = connection.scalars(
            select(tables.record_event.c.kind)
            .where(tables.record_event.c.record_id == desk.key(cart_id), tables.record_event.c.person.is_not(None))
            .order_by(tables.record_event.c.id)
        )
        return list(rows)


def recorded_answer(name: str) -> dict[str, Any]:
    """What a running Magento 2.4.7 answered in the exchange of that name: status and body."""
    response: dict[str, Any] = recorded(name)["response"]
    return response
