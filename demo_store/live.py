"""Shoppers and a merchant at work while the shop runs: something happens every 20 seconds or so."""

from __future__ import annotations

import random
import threading

from demo_store import addresses
from demo_store.refusal import Refusal
from demo_store.shop import Shop

_PAUSE = (14.0, 26.0)  # seconds between two happenings
_MOST_CARTS = 10_000  # some days of shoppers: all of them stand in memory


class Live:
    """Adds and changes carts and orders of a shop, one at a time, until told to stop.

    Once the shop has `most_carts` no more come: the ones that there are go on being changed and bought.
    """

    def __init__(self, shop: Shop, seed: int = 1, most_carts: int = _MOST_CARTS) -> None:
        self._shop = shop
        self._most_carts = most_carts
        # By what there is already: a shop that is started again would see the same shoppers do the same again.
        self._dice = random.Random(f"{seed} {self._carts()}")

    def run(self, stop: threading.Event) -> None:
        """Let things happen until `stop` is set."""
        while not stop.wait(self._dice.uniform(*_PAUSE)):
            self.happen()

    def happen(self) -> None:
        """One happening: a new cart, a cart changed, an order placed, or an order worked on."""
        what = self._dice.choices(("fill", "change", "buy", "work"), (4, 3, 3, 2))[0]
        is_full = self._carts() >= self._most_carts
        try:
            match what:
                case "fill" if not is_full:
                    self._fill()
                case "fill" | "change":
                    self._change()
                case "buy":
                    self._buy(self._open() if is_full else [self._fill()])
                case _:
                    self._work()
        except Refusal:
            return  # the shop refused a shopper, as shops do; the next one comes soon

    def _fill(self) -> int:
        records = self._shop.records
        with records.lock:
            products = [
                one["sku"]
                for one in records.state.all("product")
                if one["status"] == 1 and one["type_id"] == "simple" and one["is_in_stock"]
            ]
            shopping = {one["customer_id"] for one in records.state.all("cart") if one["is_active"]}
            people = [one for one in records.state.all("customer") if one["id"] not in shopping]
            account = self._dice.choice(people) if people and self._dice.random() < 0.7 else None
        lines = [
            (sku, self._dice.choice((1, 1, 2))) for sku in self._dice.sample(products, self._dice.choice((1, 2, 3)))
        ]
        if account is None:
            return self._shop.add_cart(lines, email=f"visitor{self._dice.randrange(10_000)}@example.com")
        book = account["addresses"]
        return self._shop.add_cart(
            lines,
            store_id=account["store_id"],
            customer_id=account["id"],
            address=addresses.entered(book[0]) if book else None,
        )

    def _buy(self, carts: list[int]) -> None:
        if carts:
            self._shop.place(self._dice.choice(carts))

    def _change(self) -> None:
        if carts := self._open():
            self._shop.add_to_cart(self._dice.choice(carts[-50:]), self._dice.choice(("MUG-01", "SOAP-02", "BRUSH-01")))

    def _open(self) -> list[int]:
        """The ids of the carts that hold something and are not ordered yet."""
        records = self._shop.records
        with records.lock:
            return [one["entity_id"] for one in records.state.all("cart") if one["is_active"] and one["lines"]]

    def _carts(self) -> int:
        records = self._shop.records
        with records.lock:
            return sum(1 for _ in records.state.ids("cart"))

    def _work(self) -> None:
        records = self._shop.records
        with records.lock:
            waiting = {
                one["entity_id"]: one["state"]
                for one in records.state.all("order")
                if one["state"] in {"new", "processing"}
            }
        if waiting:
            ident = self._dice.choice(list(waiting))
            self._shop.act(ident, "invoice" if waiting[ident] == "new" else "ship")
