"""The shop's records with its clock, its configuration and its counters: what every other module works on."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo_store.numbers import dec
from demo_store.state import Doc, State

_CONFIGURATION = 1
_COUNTERS = 2
STAMP = "%Y-%m-%d %H:%M:%S"


class Records:
    """Everything the shop knows. Hold `lock` while reading several records or changing any.

    `settings` is the configuration (websites, store views, taxes, carriers, payment methods, tokens); change it in
    place and call `keep_settings`. Times are UTC, as Magento stores and answers them.
    """

    def __init__(self, path: str | Path = ":memory:") -> None:
        self.lock = threading.RLock()
        self.state = State(path)

    @property
    def settings(self) -> Doc:
        """The configuration record; KeyError while the shop has none yet."""
        found = self.state.get("setting", _CONFIGURATION)
        if found is None:
            raise KeyError("the shop has no configuration yet: generate its data first")
        return found

    def configure(self, settings: Doc) -> None:
        """Give the shop its configuration."""
        self.state.put("setting", _CONFIGURATION, settings)

    def keep_settings(self) -> None:
        """Say that `settings` was changed in place."""
        self.state.touch("setting", _CONFIGURATION)

    def now(self) -> datetime:
        """The shop's clock, UTC: the real time plus the offset someone set."""
        return datetime.now(UTC) + timedelta(seconds=self.settings["clock_offset"])

    def stamp(self) -> str:
        """The shop's clock as Magento writes it: seconds, UTC, no zone."""
        return self.now().strftime(STAMP)

    def next_id(self, sequence: str, step: int = 1) -> int:
        """The next number of a sequence, from 1; `step` reserves several and returns the first."""
        counters = self.state.get("setting", _COUNTERS)
        if counters is None:
            counters = self.state.put("setting", _COUNTERS, {})
        first = int(counters.get(sequence, 0)) + 1
        counters[sequence] = first + step - 1
        self.state.touch("setting", _COUNTERS)
        return first

    def reached(self, sequence: str, at_least: int) -> None:
        """Make sure that a sequence goes on after `at_least` (records were loaded with ids of their own)."""
        counters = self.state.get("setting", _COUNTERS)
        if counters is None:
            counters = self.state.put("setting", _COUNTERS, {})
        counters[sequence] = max(int(counters.get(sequence, 0)), at_least)
        self.state.touch("setting", _COUNTERS)

    def view(self, store_id: int) -> Doc:
        """The store view of an id."""
        return next(view for view in self.settings["views"] if view["id"] == store_id)

    def view_of_code(self, code: str) -> Doc | None:
        """The store view of a code, or None; the admin view has none that a URL could name."""
        return next((view for view in self.settings["views"] if view["code"] == code and view["id"]), None)

    def site(self, store_id: int) -> Doc:
        """The sales configuration (countries, taxes, carriers, payment methods) of a store view's website."""
        site: Doc = self.settings["sites"][str(self.view(store_id)["website_id"])]
        return site

    def currency(self, store_id: int) -> str:
        """The currency that a store view sells in, as an ISO code."""
        return str(self.settings["view_config"][str(store_id)]["currency"])

    def rate(self, currency: str) -> Decimal:
        """How much of a currency one unit of the base currency (EUR) is."""
        return dec(self.settings["rates"][currency])

    def increment_id(self, store_id: int) -> str:
        """The next order number of a store view: Magento numbers each view on its own, with the view's prefix."""
        prefix = "" if store_id == 1 else str(store_id)
        running = self.next_id(f"increment.{store_id}")
        return f"{prefix}{running:09d}"

    def product(self, product_id: int | None) -> Doc | None:
        """A product by id, or None where it was deleted."""
        return None if product_id is None else self.state.get("product", product_id)

    def product_of_sku(self, sku: str) -> Doc | None:
        """A product by SKU (Magento compares SKUs without case), or None."""
        wanted = sku.casefold()
        return next((one for one in self.state.all("product") if one["sku"].casefold() == wanted), None)

    def changed(self, kind: str, records: Iterable[Any]) -> None:
        """Say that records of a kind were changed in place, given their ids."""
        for ident in records:
            self.state.touch(kind, ident)
