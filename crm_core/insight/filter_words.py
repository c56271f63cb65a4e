"""The words of a filter: what each may be followed by, and what that changes of the filter.

A reader gets the filter so far and the value, and gives the fields that change. A ValueError says what is wrong with
the value, in words that end a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from crm_core.insight.directory import Directory
from crm_core.insight.periods import Period
from crm_core.store.keys import origin_of, record_key
from crm_core.store.tables import CART_STATUSES
from crm_core.store.types import money_to_units

if TYPE_CHECKING:
    from crm_core.insight.filters import Filter, Screen

TEXT_LIMIT = 200
"""Characters of a text condition that are looked at."""

_LONGEST_STATUS = 32
_AMOUNT = re.compile(r"-?\d{1,15}(\.\d{1,4})?")
_ID = re.compile(r"[1-9]\d{0,8}")
_RECORD = re.compile(r"([1-9]\d{0,5})\.(\d{1,9})")

_Named = Callable[[str, Directory], list[int]]
"""The record keys of what is called by a name."""


def known_words(screen: Screen) -> list[str]:
    """The words that a condition on this screen may begin with."""
    return [word for word in (*_READERS, "email") if word not in _NOT_FOR[screen]]


def is_word(word: str) -> bool:
    """Whether a condition on some screen begins with it; e-mail addresses are read as they are."""
    return word in _READERS


def read_word(so_far: Filter, word: str, value: str, names: Directory) -> dict[str, Any]:
    """The fields of the filter that the condition changes. Raises ValueError, saying what is wrong with it."""
    if word in _NOT_FOR[so_far.screen]:
        raise ValueError(f"{so_far.screen} have none")
    return _READERS[word](so_far, value, names)


def _read_statuses(so_far: Filter, value: str, _names: Directory) -> dict[str, Any]:
    if so_far.screen != "carts":  # a shop's own codes, which may hold capitals
        found = _list(value)
        if wrong := [each for each in found if len(each) > _LONGEST_STATUS]:
            raise ValueError(f"“{_short(wrong[0])}” is not a status")
        return {"statuses": (*so_far.statuses, *found)}
    found = [each.lower() for each in _list(value)]
    if wrong := [each for each in found if each not in CART_STATUSES]:
        raise ValueError(f"“{_short(wrong[0])}” is not a status; there are {', '.join(CART_STATUSES)}")
    return {"statuses": (*so_far.statuses, *found)}


def status_code(typed: str) -> str:
    """Codes of statuses, separated by commas, from their words as a person types them: on_hold for On hold."""
    return ",".join(clean(each).lower().replace(" ", "_") for each in typed.split(","))


def _read_channels(so_far: Filter, value: str, names: Directory) -> dict[str, Any]:
    by_name = {each.name.casefold(): each.id for each in names.channels}
    whole = by_name.get(clean(value).casefold())
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
    for each in [value] if named(clean(value), names) else _list(value):
        if code := _RECORD.fullmatch(each):
            found.append(record_key(int(code[1]), int(code[2])))
        elif keys := named(clean(each), names):
            found += keys
        else:
            raise ValueError(f"there is no {what} “{_short(each)}”")
    return found


def _stores_named(word: str, names: Directory) -> list[int]:
    """The keys of the store views that are called so, whatever the case."""
    return [each.key for each in names.stores if word.casefold() in (each.code.casefold(), each.name.casefold())]


def _websites_named(word: str, names: Directory) -> list[int]:
    """The keys of the websites that are called so, whatever the case."""
    return [each.key for each in names.websites if word.casefold() in (each.code.casefold(), each.name.casefold())]


def _groups_named(word: str, names: Directory) -> list[int]:
    """The keys of the customer groups that are called so, whatever the case."""
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
        raise ValueError(f"{plain_amount(low_amount)} is more than {plain_amount(high_amount)}")
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
    if not clean(value):
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
    words = [each for each in (clean(part) for part in value.split(",")) if each]
    if not words:
        raise ValueError("it is empty")
    return words


def _amount(text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise ValueError(f"“{_short(text)}” is not an amount: write it like 49.90")
    amount = Decimal(text)
    money_to_units(amount)
    return amount


def plain_amount(amount: Decimal | None) -> str:
    """The amount as a person types it, without zeros that say nothing; empty for None."""
    if amount is None:
        return ""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def record_code(key: int) -> str:
    """Such as 1.2: how the URL names a store view, a website or a group, by shop and origin id."""
    shop_id, origin_id = origin_of(key)
    return f"{shop_id}.{origin_id}"


def clean(text: str) -> str:
    """Without control characters and lone surrogates, which no database takes, and with single spaces."""
    spaced = (" " if character.isspace() else character for character in text[: 4 * TEXT_LIMIT])
    kept = "".join(character for character in spaced if unicodedata.category(character) not in ("Cc", "Cs"))
    return " ".join(kept.split())[:TEXT_LIMIT].strip()


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
