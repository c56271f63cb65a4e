"""One cart while a person changes it: each write sent once, in the cart's own store view, and looked for if unclear."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from crm_core.errors import DeskError, OutcomeUnknown, ShopRefused
from crm_core.magento.cart_editing import CartEditing
from crm_core.magento.connection import Connection
from crm_core.sales.journal import Entry, found_after_silence, sent_once
from crm_core.sales.preflight.standing import Standing, standing
from crm_core.sales.shops import reader, store_code
from crm_core.store.database import Store
from crm_core.sync.channels import OpenShop, opened
from crm_core.sync.record import RecordChanges, synchronise_cart

T = TypeVar("T")


@dataclass(frozen=True)
class Mended:
    """The cart is changed. `changes` are what Synchronise then brought, `notes` what could not be read: sentences."""

    message: str
    changes: list[str]
    notes: list[str]


@contextmanager
def cart_writing(store: Store, cart_key: int, person: str, entry: Entry) -> Iterator[CartWriting]:
    """The cart as it was read just now, with its shop opened for the block.

    Raises NotAllowed if no channel reads the cart, or its store view is not known, and as `opened`.
    """
    before = standing(store, cart_key)
    with opened(store, reader(before.channel)) as shop:
        yield CartWriting(store, before, shop, person, entry)


class CartWriting:
    """The cart as it was read just now, and the way to change it in the shop."""

    def __init__(self, store: Store, before: Standing, shop: OpenShop, person: str, entry: Entry) -> None:
        self.store = store
        self.before = before
        self.shop = shop
        self.code = store_code(shop, before.row.store_id)
        self.cart_id: int = before.row.origin_id
        self.editing = CartEditing(self.connection)
        self._person = person
        self._entry = entry

    @property
    def connection(self) -> Connection:
        """The way to the shop."""
        return self.shop.magento.connection

    def write(self, doing: str, send: Callable[[], T], shows: Callable[[Standing], bool]) -> T | None:
        """What the shop answered; None if it gave no clear answer and the cart, as `shows` says, holds the change.

        Raises what the client raises; after a refusal the cart is read again. OutcomeUnknown: the cart does not show
        it.
        """
        try:
            return sent_once(self._entry, doing, send)
        except OutcomeUnknown as unknown:
            then = "Check the cart in a minute, before you try again."
            found_after_silence(self._entry, doing, unknown, lambda: self._shown(shows), then=then)
            return None
        except ShopRefused:
            self.read_again()
            raise

    def read_again(self) -> RecordChanges | str:
        """What Synchronise brings now; the trouble, in a sentence, if the cart can't be read."""
        try:
            return synchronise_cart(self.store, self.before.row.id, self._person)
        except DeskError as trouble:
            return f"The cart could not be read again: {trouble}"

    def now(self) -> Standing:
        """The cart as last read."""
        return standing(self.store, self.before.row.id)

    def done(self, tell: Callable[[Standing], str]) -> Mended:
        """The cart read again, with the message about it that `tell` makes of it, which goes on the timeline too."""
        changes = self.read_again()
        message = tell(self.now())
        self._entry.done(message)
        if isinstance(changes, str):
            return Mended(message, [], [changes])
        return Mended(message, changes.changes, changes.notes)

    def refused(self, text: str) -> None:
        """The timeline says that the shop did not do it."""
        self._entry.refused(text)

    def _shown(self, shows: Callable[[Standing], bool]) -> RecordChanges | str:
        """What reading the cart again brings if it shows the change then; else what is known of it."""
        changes = self.read_again()
        if isinstance(changes, str) or shows(self.now()):
            return changes
        return "The cart does not show it so far."
