"""What a grid shows: one frozen Filter with a face for the URL, one for the keyboard and one for the eye.

The fourth face, the SQL, is crm_core.insight.where. The first two share their words: `status=open&total=50..900` in the
URL is `status:open total:50..900` on the keyboard. Free text and e-mail are personal data: they never stand in a URL,
which carries the id of a saved filter instead (crm_core.insight.saved_filters).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal

from crm_core.insight.directory import CustomerGroup, Directory, StoreView, Website
from crm_core.insight.periods import Period
from crm_core.insight.statuses import cart_status_style, order_status_label
from crm_core.insight.terms import Term, read_terms, write_terms
from crm_core.store.keys import origin_of, record_key
from crm_core.store.tables import CART_STATUSES
from crm_core.store.types import money_to_units

Screen = Literal["carts", "orders", "customers"]

TEXT_LIMIT = 200
"""Characters of a text condition that are looked at."""

_STATUS = re.compile(r"[a-z0-9_.-]{1,32}")
_AMOUNT = re.compile(r"-?\d{1,15}(\.\d{1,4})?")
_ID = re.compile(r"[1-9]\d{0,8}")
_RECORD = re.compile(r"([1-9]\d{0,5})\.(\d{1,9})")
_SAVED = re.compile(r"[A-Za-z0-9_-]{8,16}")

_Named = Callable[[str, Directory], list[int]]
"""The record keys of what is called by a name."""


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
            object.__setattr__(self, name, _clean(getattr(self, name)))

    @property
    def is_personal(self) -> bool:
        """Whether it names a person: then it must be saved before its URL is complete."""
        return bool(self.text or self.email)

    @property
    def personal_text(self) -> str:
        """Its personal conditions alone, as a person types them."""
        return write_terms(self._personal_terms())

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
            elif key in _READERS:
                found.read(key, value, Directory())
        return found.result()

    # ---- the keyboard -----------------------------------------------------------------------------------------------

    def to_text(self, names: Directory | None = None) -> str:
        """The filter as a person types it; `from_text` with the same `names` reads it back."""
        names = names or Directory()
        terms = []
        for key, value in self._pairs():
            words = self._words(key, names)
            terms += [Term(key, ":", value)] if words is None else [Term(key, ":", word) for word in words]
        return write_terms(terms + self._personal_terms())

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
            elif term.key in _READERS:
                found.read(term.key, term.value, names or Directory())
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
        channels = [names.channels_by_id[id].name if id in names.channels_by_id else str(id) for id in self.channel_ids]
        views = [names.store_name(*origin_of(key)) for key in self.stores]
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
            ("store", ",".join(map(_code, self.stores))),
            ("website", ",".join(map(_code, self.websites))),
            ("group", ",".join(map(_code, self.groups))),
            ("updated", self.updated.code if self.updated else ""),
            ("created", self.created.code if self.created else ""),
            ("total", "" if low is None and high is None else f"{_plain(low)}..{_plain(high)}"),
            ("currency", self.currency),
            ("country", ",".join(self.countries)),
            ("sku", self.sku),
            ("items", "" if self.with_items else "all"),
            ("customer", {True: "guest", False: "known", None: ""}[self.is_guest]),
            ("newsletter", {True: "yes", False: "no", None: ""}[self.is_subscribed]),
            ("deleted", "yes" if self.gone else ""),
        ]
        return [(key, value) for key, value in pairs if value]

    def _personal_terms(self) -> list[Term]:
        email = [Term("email", ":", self.email)] if self.email else []
        return email + [Term("", "", word) for word in self.text.split()]

    def _words(self, key: str, names: Directory) -> list[str] | None:
        """What stands for a condition's channels, store views, websites or groups; None for another condition."""
        match key:
            case "channel":
                known = names.channels_by_id
                return [known[id].name if id in known else str(id) for id in self.channel_ids]
            case "store":
                return [_word(each, names.stores_by_key, _stores_named, names) for each in self.stores]
            case "website":
                return [_word(each, names.websites_by_key, _websites_named, names) for each in self.websites]
            case "group":
                return [_word(each, names.groups_by_key, _groups_named, names) for each in self.groups]
        return None


class _Reading:
    """A filter as it grows from words, and what could not be understood of them."""

    def __init__(self, start: Filter) -> None:
        self.filter = start
        self.problems: list[str] = []

    def read(self, key: str, value: str, names: Directory) -> None:
        """Add the condition; a value that cannot be understood leaves the filter as it is, and a sentence."""
        if key in _NOT_FOR[self.filter.screen]:
            self.problems.append(f"The condition “{key}” was left out: {self.filter.screen} have none.")
            return
        try:
            self.filter = replace(self.filter, **_READERS[key](self.filter, value, names))
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


# ---- one reader for each word: (filter so far, value, names) -> changed fields; ValueError says what is wrong --


def _read_statuses(so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    found = [each.lower().replace(" ", "_") for each in _list(value)]
    known = "|".join(CART_STATUSES) if so_far.screen == "carts" else _STATUS.pattern
    for each in found:
        if not re.fullmatch(known, each):
            choice = f"; there are {', '.join(CART_STATUSES)}" if so_far.screen == "carts" else ""
            raise ValueError(f"“{_short(each)}” is not a status{choice}")
    return {"statuses": (*so_far.statuses, *found)}


def _read_channels(so_far: Filter, value: str, names: Directory) -> dict[str, Any]:
    by_name = {each.name.casefold(): each.id for each in names.channels}
    whole = by_name.get(_clean(value).casefold())
    found = [whole] if whole else [by_name.get(each.casefold()) or _channel_id(each) for each in _list(value)]
    return {"channel_ids": (*so_far.channel_ids, *found)}


def _channel_id(word: str) -> int:
    if not _ID.fullmatch(word):
        raise ValueError(f"there is no channel “{_short(word)}”")
    return int(word)


def _read_stores(so_far: Filter, value: str, names: Directory) -> dict[str, Any]:
    return {"stores": (*so_far.stores, *_keys_in(value, names, _stores_named, "store view"))}


def _read_websites(so_far: Filter, value: str, names: Directory) -> dict[str, Any]:
    return {"websites": (*so_far.websites, *_keys_in(value, names, _websites_named, "website"))}


def _read_groups(so_far: Filter, value: str, names: Directory) -> dict[str, Any]:
    return {"groups": (*so_far.groups, *_keys_in(value, names, _groups_named, "customer group"))}


def _keys_in(value: str, names: Directory, named: _Named, what: str) -> list[int]:
    """The record keys that codes like 1.2 and names separated by commas stand for; a name may hold commas itself."""
    found: list[int] = []
    for each in [value] if named(_clean(value), names) else _list(value):
        if code := _RECORD.fullmatch(each):
            found.append(record_key(int(code[1]), int(code[2])))
        elif keys := named(_clean(each), names):
            found += keys
        else:
            raise ValueError(f"there is no {what} “{_short(each)}”")
    return found


def _stores_named(word: str, names: Directory) -> list[int]:
    return [each.key for each in names.stores if word.casefold() in (each.code.casefold(), each.name.casefold())]


def _websites_named(word: str, names: Directory) -> list[int]:
    return [each.key for each in names.websites if word.casefold() in (each.code.casefold(), each.name.casefold())]


def _groups_named(word: str, names: Directory) -> list[int]:
    return [each.key for each in names.groups if word.casefold() == each.code.casefold()]


def _read_updated(_so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    return {"updated": Period.parse(value)}


def _read_created(_so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    return {"created": Period.parse(value)}


def _read_total(so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    low, dots, high = value.replace(" ", "").partition("..")
    low_amount = _amount(low) if low else None
    high_amount = (_amount(high) if high else None) if dots else low_amount
    if low_amount is None and high_amount is None:
        raise ValueError("it names no amount: write total:50..900, total>=50 or total<=900")
    low_amount = so_far.amount_from if low_amount is None else low_amount
    high_amount = so_far.amount_to if high_amount is None else high_amount
    if low_amount is not None and high_amount is not None and low_amount > high_amount:
        raise ValueError(f"{_plain(low_amount)} is more than {_plain(high_amount)}")
    return {"amount_from": low_amount, "amount_to": high_amount}


def _read_currency(_so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    code = value.strip().upper()
    if not re.fullmatch("[A-Z]{3}", code):
        raise ValueError(f"“{_short(code)}” is not a currency code like EUR")
    return {"currency": code}


def _read_countries(so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    found = [each.upper() for each in _list(value)]
    for each in found:
        if not re.fullmatch("[A-Z]{2}", each):
            raise ValueError(f"“{_short(each)}” is not a country code of two letters like DE")
    return {"countries": (*so_far.countries, *found)}


def _read_sku(_so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    if not _clean(value):
        raise ValueError("it names no SKU")
    return {"sku": value}


def _read_items(_so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    return {"with_items": _choice(value, {"all": False, "filled": True})}


def _read_customer(_so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    return {"is_guest": _choice(value, {"guest": True, "known": False})}


def _read_newsletter(_so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    return {"is_subscribed": _choice(value, {"yes": True, "no": False})}


def _read_deleted(_so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    return {"gone": _choice(value, {"yes": True, "no": False})}


_READERS: dict[str, Callable[[Filter, str, Directory], dict[str, Any]]] = {
    "status": _read_statuses,
    "channel": _read_channels,
    "store": _read_stores,
    "website": _read_websites,
    "group": _read_groups,
    "updated": _read_updated,
    "created": _read_created,
    "total": _read_total,
    "currency": _read_currency,
    "country": _read_countries,
    "sku": _read_sku,
    "items": _read_items,
    "customer": _read_customer,
    "newsletter": _read_newsletter,
    "deleted": _read_deleted,
}
_NOT_FOR: dict[Screen, frozenset[str]] = {
    "carts": frozenset({"website", "group", "newsletter", "deleted"}),
    "orders": frozenset({"website", "group", "newsletter", "items"}),
    "customers": frozenset({"status", "store", "total", "currency", "sku", "items", "customer"}),
}


def _choice(value: str, choices: Mapping[str, bool]) -> bool:
    word = value.strip().lower()
    if word not in choices:
        raise ValueError(f"“{_short(value)}” is none of {', '.join(choices)}")
    return choices[word]


def _list(value: str) -> list[str]:
    words = [each for each in (_clean(part) for part in value.split(",")) if each]
    if not words:
        raise ValueError("it is empty")
    return words


def _amount(text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"“{_short(text)}” is not an amount: write it like 49.90")
    amount = Decimal(text)
    money_to_units(amount)
    return amount


def _plain(amount: Decimal | None) -> str:
    if amount is None:
        return ""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _range_of(term: Term) -> str:
    if term.operator == ":":
        return term.value
    return f"{term.value}.." if term.operator in (">", ">=") else f"..{term.value}"


def _amount_label(what: str, low: Decimal | None, high: Decimal | None) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f"{what} from {_plain(low)}"
    return f"{what} up to {_plain(high)}" if low is None else f"{what} {_plain(low)} to {_plain(high)}"


def _code(key: int) -> str:
    shop_id, origin_id = origin_of(key)
    return f"{shop_id}.{origin_id}"


def _word(key: int, known: Mapping[int, StoreView | Website | CustomerGroup], named: _Named, names: Directory) -> str:
    """The code of the shop for the record, if it can mean nothing else; the record's own otherwise."""
    found = known.get(key)
    is_clear = found and "," not in found.code and not _RECORD.fullmatch(found.code)
    return found.code if found and is_clear and named(found.code, names) == [key] else _code(key)


def _clean(text: str) -> str:
    """Without control characters and lone surrogates, which no database takes, and with single spaces."""
    spaced = (" " if character.isspace() else character for character in text[: 4 * TEXT_LIMIT])
    kept = "".join(character for character in spaced if unicodedata.category(character) not in ("Cc", "Cs"))
    return " ".join(kept.split())[:TEXT_LIMIT].strip()


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def known_words(screen: Screen) -> list[str]:
    """The words that a condition on this screen may begin with."""
    return [word for word in (*_READERS, "email") if word not in _NOT_FOR[screen]]
