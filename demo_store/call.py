"""One request, as far as an answer depends on it: the open parts of its path, its query and body, its store view."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from demo_store import carts
from demo_store.criteria import criteria
from demo_store.faults import Faults
from demo_store.records import Records
from demo_store.refusal import required, wrong_type
from demo_store.search import Columns, Limits, search
from demo_store.state import Doc


@dataclass(frozen=True)
class Call:
    """One request, as far as an answer depends on it.

    `store_id` is the store view of the URL, None where it names none (no code, or `all`).
    """

    records: Records
    faults: Faults
    path: tuple[str, ...]
    query: dict[str, Any]
    body: Any
    store_id: int | None
    base_url: str
    remote_ip: str

    def ident(self, position: int = 0) -> int:
        """A numeric part of the path; Refusal 400 where it is none."""
        text = self.path[position]
        if re.fullmatch(r"-?\d+", text):
            return int(text)
        raise wrong_type(text, "int")

    @property
    def default_store(self) -> int:
        """The store view of the URL, or the shop's default one."""
        return self.store_id or 1

    def cart(self, *, active: bool = True) -> Doc:
        """The cart of the path, loaded as every by-id call loads one: due recalculations happen now."""
        if self.path[0] == "mine":
            raise required("cartId")
        ident = self.ident()
        cart = carts.active(self.records, ident) if active else carts.existing_cart(self.records, ident)
        carts.opened(self.records, cart, self.store_id)
        return cart

    def store_of(self, cart: Doc) -> int:
        """The store view whose rules hold: the URL's, else the cart's own."""
        store: int = self.store_id or cart["store_id"]
        return store

    def limits(self) -> Limits | None:
        """The input limits in force, from the shop's configuration or a fault."""
        if self.faults.limit:
            return Limits(self.faults.limit, min(self.faults.limit, 20))
        own = self.records.settings["limits"]
        return Limits(own["maximum"], own["default"]) if own else None

    def page(self, rows: Iterable[Doc], columns: Columns, show: Callable[[Doc], Doc]) -> Doc:
        """The answer of a search over rows."""
        shown, count, asked = search(rows, columns, criteria(self.query), self.limits())
        if self.faults.repeat_last_page and not shown and count and asked.size:
            shown = search(rows, columns, _last_page(asked, count), None)[0]
        return {"items": [show(row) for row in shown], "search_criteria": asked.echo(), "total_count": count}


def _last_page(asked: Any, count: int) -> Any:
    return type(asked)(asked.groups, asked.orders, asked.size, -(-count // asked.size))
