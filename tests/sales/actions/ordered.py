"""What the tests of an order's actions share: an order that the desk has read, and recorded answers to writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Row, select

from crm_core.sales.order_actions import Action, ActionDone, act, open_lines
from crm_core.store import tables
from crm_core.store.keys import record_key
from demo_store.service import Request, Response
from tests.recorded import recorded
from tests.sales.desk import Desk, answered

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For what the shop answers: that is the same to every database."""

WRITE = r"POST .*/(comments|emails|hold|unhold|cancel|invoice|ship|refund)$"


class Ordered:
    """An order that the desk has read."""

    def __init__(self, desk: Desk, *lines: tuple[str, int], **details: Any) -> None:
        self.desk = desk
        cart_id = desk.add_cart(*(lines or (("MUG-01", 3),)), **details)
        self.id = desk.shop.place(cart_id)
        desk.synchronise(cart_id)
        self.key = record_key(desk.channel.shop_id, self.id)

    def happens(self, *deeds: str) -> Ordered:
        """What the merchant does with it, and the desk reads at once."""
        for deed in deeds:
            self.desk.shop.act(self.id, deed)
        self.desk.synchronise(self.desk.shop.order(self.id)["quote_id"])
        return self

    def act(self, action: Action, person: str = "Anna") -> ActionDone:
        """A person's press."""
        return act(self.desk.store, self.key, action, person)

    @property
    def row(self) -> Row[Any]:
        """The order as the mirror holds it."""
        with self.desk.store.reading() as connection:
            return connection.execute(select(tables.order).where(tables.order.c.id == self.key)).one()

    @property
    def in_shop(self) -> dict[str, Any]:
        """The order as the shop holds it."""
        return self.desk.shop.order(self.id)

    def item(self, sku: str = "MUG-01") -> int:
        """The item_id of the line."""
        return next(line.item_id for line in open_lines(self.desk.store, self.key) if line.sku == sku)

    @property
    def events(self) -> list[tuple[str, str, str]]:
        """What people did, by the timeline."""
        event = tables.record_event
        with self.desk.store.reading() as connection:
            rows = connection.execute(
                select(event.c.kind, event.c.person, event.c.text)
                .where(event.c.entity == "order", event.c.record_id == self.key, event.c.person.is_not(None))
                .order_by(event.c.id)
            ).all()
        return [(row.kind, row.person, row.text) for row in rows]

    @property
    def writes(self) -> int:
        """How many writes the shop was sent."""
        return sum(
            bool(request.startswith("POST") and ("/orders/" in request or "/order/" in request))
            for request in self.desk.front.asked
        )


def replay(name: str) -> Callable[[Request, Callable[[], Response]], Response]:
    """Answers as a running Magento 2.4.7 did in the exchange of that name."""
    response = recorded(name)["response"]
    return answered(response["status"], json.dumps(response["body"]).encode())
