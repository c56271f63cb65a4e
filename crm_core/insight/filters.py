"""What a grid shows: one frozen Filter with a face for the URL, one for the keyboard and one for the eye.

The fourth face, the SQL, is crm_core.insight.where. The first two share their words: what a person types as
`status:open total:50..900` stands in the URL as `status=open&total=50..900`. Free text and e-mail are personal data:
they never stand in a URL, which carries the id of a saved filter instead (crm_core.insight.saved_filters), and are the
only conditions that are written back as typed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from crm_core.insight.directory import Directory
from crm_core.insight.filter_words import (
    clean,
    is_word,
    known_words,
    plain_amount,
    read_word,
    record_code,
    status_code,
)
from crm_core.insight.periods import Period
from crm_core.insight.statuses import cart_status_style, order_status_label
from crm_core.insight.terms import Term, read_terms, write_terms
from crm_core.store.keys import origin_of

Screen = Literal["carts", "orders", "customers"]

_SAVED = re.compile(r"[A-Za-z0-9_-]{8,16}")


@dataclass(frozen=True)
class Condition:
    """One active condition in words, and the filter as it is without it."""

    key: str
    label: str
    without: Filter


@dataclass(frozen=True)
class Filter:
    """The conditions of a grid; all of them hold for a row that is shown.

    `stores` are record keys of store views, `websites` and `groups` those of what customers belong to. `updated` and
    `created` are periods of days: the store's own days for the creation of orders, UTC days otherwise. `amount_from`
    and `amount_to` (both inclusive) are in the base currency, as the grid shows it: a cart's subtotal, an order's grand
    total. Every word of `text` is found in the name, the e-mail address, the number or a SKU of the row. `with_items`
    leaves out empty carts, `is_subscribed` is about the newsletter. `gone` shows the orders or customers that the shop
    no longer has instead of those it has. `saved` is the id under which text and e-mail were saved.
    """

    screen: Screen
    statuses: tuple[str, ...] = ()
    channel_ids: tuple[int, ...] = ()
    stores: tuple[int, ...] = ()
    websites: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    updated: Period | None = None
    created: Period | None = None
    amount_from: Decimal | None = None
    amount_to: Decimal | None = None
    currency: str = ""
    countries: tuple[str, ...] = ()
    text: str = ""
    email: str = ""
    sku: str = ""
    with_items: bool = True
    is_guest: bool | None = None
    is_subscribed: bool | None = None
    gone: bool = False
    saved: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name in ("statuses", "channel_ids", "stores", "websites", "groups", "countries"):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
        for name in ("text", "email", "sku"):
            object.__setattr__(self, name, clean(getattr(self, name)))

    @property
    def is_personal(self) -> bool:
        """Whether it names a person: then it must be saved before its URL is complete."""
        return bool(self.text or self.email)

    @property
    def personal_text(self) -> str:
        """Its personal conditions alone, as a person types them."""
        email = [Term("email", ":", self.email)] if self.email else []
        return write_terms(email + [Term("", "", word) for word in self.text.split()])

    def changed(self, **changes: Any) -> Filter:
        """The filter with other conditions; it must be saved anew if its text or its e-mail changed."""
        new = replace(self, **changes)
        same = new.text == self.text and new.email == self.email
        return new if same or "saved" in changes else replace(new, saved="")

    # ---- the URL ----------------------------------------------------------------------------------------------------

    def to_url(self) -> dict[str, str]:
        """The query parameters that `from_url` reads back; only `f`, the saved id, stands for personal conditions."""
        params = dict(self._pairs())
        if self.is_personal and self.saved:
            params["f"] = self.saved
        return params

    @staticmethod
    def from_url(screen: Screen, params: Mapping[str, str]) -> tuple[Filter, list[str]]:
        """The filter in query parameters, and a sentence for each one that could not be understood and was left out.

        Parameters of other names are not looked at. Personal conditions come with saved_filters.open_filter.
        """
        found = _Reading(Filter(screen))
        for key, value in params.items():
            if key == "f":
                found.read_saved(value)
            elif is_word(key):
                found.read(key, value, Directory())
        return found.result()

    # ---- the keyboard -----------------------------------------------------------------------------------------------

    @staticmethod
    def from_text(screen: Screen, text: str, names: Directory | None = None) -> tuple[Filter, list[str]]:
        """The filter that a person typed, and a sentence for each term that could not be understood and was left out.

        Channels and store views may be named as `names` knows them, store views by their code too.
        """
        found = _Reading(Filter(screen))
        words: list[str] = []
        for term in read_terms(text):
            if not term.key:
                words.append(term.value)
            elif term.key in ("total", "amount"):
                found.read("total", _range_of(term), names or Directory())
            elif term.operator != ":":
                found.problems.append(f"“{term.key}{term.operator}” works for total only: write {term.key}:value.")
            elif term.key in ("email", "mail"):
                found.filter = replace(found.filter, email=term.value)
            elif is_word(term.key):
                value = status_code(term.value) if term.key == "status" else term.value
                found.read(term.key, value, names or Directory())
            else:
                known = ", ".join(known_words(screen))
                found.problems.append(f"There is no condition “{term.key}:”. There are {known}. Quote it to search it.")
        found.filter = replace(found.filter, text=" ".join(words))
        return found.result()

    # ---- the eye ----------------------------------------------------------------------------------------------------

    def conditions(self, names: Directory | None = None) -> list[Condition]:
        """The active conditions in words, each with the filter that is left when it is taken away."""
        names = names or Directory()
        label = cart_status_style if self.screen == "carts" else None
        statuses = [label(each).label if label else order_status_label(each) for each in self.statuses]
        amounts = _amount_label("Subtotal" if self.screen == "carts" else "Total", self.amount_from, self.amount_to)
        known = names.channels_by_id
        channels = [known[id].name if id in known else f"Channel {id}" for id in self.channel_ids]
        views = [_view_label(names, *origin_of(key)) for key in self.stores]
        websites = [names.name_of_website(*origin_of(key)) for key in self.websites]
        groups = [names.group_name(*origin_of(key)) for key in self.groups]
        newsletter = {True: "Gets the newsletter", False: "Without newsletter", None: ""}
        shown: list[tuple[str, str, dict[str, Any]]] = [
            ("status", ", ".join(statuses), {"statuses": ()}),
            ("channel", ", ".join(channels), {"channel_ids": ()}),
            ("store", ", ".join(views), {"stores": ()}),
            ("website", ", ".join(websites), {"websites": ()}),
            ("group", f"Group: {', '.join(groups)}" if groups else "", {"groups": ()}),
            ("updated", f"Updated: {self.updated.label}" if self.updated else "", {"updated": None}),
            ("created", f"Created: {self.created.label}" if self.created else "", {"created": None}),
            ("total", amounts, {"amount_from": None, "amount_to": None}),
            ("currency", self.currency, {"currency": ""}),
            ("country", f"Country: {', '.join(self.countries)}" if self.countries else "", {"countries": ()}),
            ("customer", {True: "Guests", False: "Customers", None: ""}[self.is_guest], {"is_guest": None}),
            ("newsletter", newsletter[self.is_subscribed], {"is_subscribed": None}),
            ("items", "" if self.with_items else "Empty carts too", {"with_items": True}),
            ("deleted", "Deleted in the shop" if self.gone else "", {"gone": False}),
            ("sku", f"SKU: {self.sku}" if self.sku else "", {"sku": ""}),
            ("email", f"E-mail: {self.email}" if self.email else "", {"email": ""}),
            ("text", f"“{self.text}”" if self.text else "", {"text": ""}),
        ]
        return [Condition(key, label, self.changed(**without)) for key, label, without in shown if label]

    def _pairs(self) -> list[tuple[str, str]]:
        low, high = self.amount_from, self.amount_to
        pairs = [
            ("status", ",".join(self.statuses)),
            ("channel", ",".join(map(str, self.channel_ids))),
            ("store", ",".join(map(record_code, self.stores))),
            ("website", ",".join(map(record_code, self.websites))),
            ("group", ",".join(map(record_code, self.groups))),
            ("updated", self.updated.code if self.updated else ""),
            ("created", self.created.code if self.created else ""),
            ("total", "" if low is None and high is None else f"{plain_amount(low)}..{plain_amount(high)}"),
            ("currency", self.currency),
            ("country", ",".join(self.countries)),
            ("sku", self.sku),
            ("items", "" if self.with_items else "all"),
            ("customer", {True: "guest", False: "known", None: ""}[self.is_guest]),
            ("newsletter", {True: "yes", False: "no", None: ""}[self.is_subscribed]),
            ("deleted", "yes" if self.gone else ""),
        ]
        return [(key, value) for key, value in pairs if value]


class _Reading:
    """A filter as it grows from words, and what could not be understood of them."""

    def __init__(self, start: Filter) -> None:
        self.filter = start
        self.problems: list[str] = []

    def read(self, key: str, value: str, names: Directory) -> None:
        """Add the condition; a value that cannot be understood leaves the filter as it is, and a sentence."""
        try:
            self.filter = replace(self.filter, **read_word(self.filter, key, value, names))
        except ValueError as error:
            self.problems.append(f"The condition “{key}” was left out: {error}.")

    def read_saved(self, value: str) -> None:
        """Note the id of the saved conditions."""
        if _SAVED.fullmatch(value):
            self.filter = replace(self.filter, saved=value)
        else:
            self.problems.append("The link names no saved filter: its name and e-mail conditions were left out.")

    def result(self) -> tuple[Filter, list[str]]:
        """The filter and the problems."""
        return self.filter, self.problems


def _view_label(names: Directory, shop_id: int, store_id: int) -> str:
    """The name of a store view, with its channel's where another view has the same name."""
    name = names.store_name(shop_id, store_id)
    if sum(view.name == name for view in names.stores) < 2:
        return name
    return f"{name} · {names.channel_name(shop_id, store_id)}"


def _range_of(term: Term) -> str:
    if term.operator == ":":
        return term.value
    return f"{term.value}.." if term.operator in (">", ">=") else f"..{term.value}"


def _amount_label(what: str, low: Decimal | None, high: Decimal | None) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f"{what} from {plain_amount(low)}"
    return (
        f"{what} up to {plain_amount(high)}" if low is None else f"{what} {plain_amount(low)} to {plain_amount(high)}"
    )
