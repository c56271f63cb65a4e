"""Single values on their way from a shop to the store: amounts, times, addresses, and the hash that tells a change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from crm_core.errors import BadRecord
from crm_core.magento import payloads
from crm_core.magento.payloads import ten_thousandths
from crm_core.store import documents

Row = tuple[Any, ...]
"""Values as the database driver takes them, in the order of some columns."""

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (Magento's times are naive and UTC)

NO_ADDRESS = payloads.Address()

_HOUR = 3_600_000
_INT32 = 2**31 - 1
_CODE_LENGTH = 255
_MOST_KNOWN = 50_000
_NUL = b"\\u0000"
_pack = msgspec.json.Encoder().encode

PayloadT = TypeVar("PayloadT", bound=msgspec.Struct)


class Units(dict[float | None, int | None]):
    """Amounts in 1/10000 by amount, made by `ten_thousandths` when first asked for; raises BadRecord as it does.

    They are kept because a shop's amounts repeat, most of all nothing, 0 and its prices.
    """

    def __missing__(self, amount: float | None) -> int | None:
        units = None if amount is None else ten_thousandths(amount)
        if len(self) >= _MOST_KNOWN:
            self.clear()
        self[amount] = units
        return units


units = Units()
"""Amounts of any shop in 1/10000; None for None."""


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 of a naive time, which means UTC as Magento writes it."""
    passed = moment - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000


def local_day_and_hour(moment: datetime, zone: tzinfo) -> tuple[date, int]:
    """The day and the hour in the zone of a naive time, which means UTC.

    Raises ValueError or OverflowError for what is no day there, after the year 9999.
    """
    passed = milliseconds(moment)
    ahead = _ahead(passed // _HOUR, zone)
    if ahead is None:
        local = moment.replace(tzinfo=UTC).astimezone(zone)
        return local.date(), local.hour
    hours = (passed + ahead) // _HOUR
    return _day(hours // 24), hours % 24


# Asking a zone costs more than the rest of a time's way, and a page's records are of few hours.
@lru_cache(_MOST_KNOWN)
def _ahead(hour: int, zone: tzinfo) -> int | None:
    """Milliseconds that the zone is ahead of UTC in that hour since 1970; None if that changes within the hour."""
    start = EPOCH.replace(tzinfo=UTC) + timedelta(hours=hour)
    ahead = start.astimezone(zone).utcoffset()
    if ahead is None or ahead != (start + timedelta(seconds=3_599)).astimezone(zone).utcoffset():
        return None
    return ahead // timedelta(milliseconds=1)


@lru_cache(_MOST_KNOWN)
def _day(number: int) -> date:
    return date.fromordinal(EPOCH.toordinal() + number)


def address_document(address: payloads.Address) -> documents.Address:
    """The address as the store keeps it; empty lines of the street are left out."""
    return documents.Address(
        address.prefix,
        address.firstname,
        address.middlename,
        address.lastname,
        address.suffix,
        address.company,
        [line for line in address.street or () if line],
        address.city,
        address.postcode,
        address.region,
        address.region_code,
        address.region_id or None,
        address.country_id,
        address.telephone,
        address.email,
        address.vat_id,
        origin_id=address.id,
    )


def currency(code: str | None, field: str) -> str:
    """The currency code. Raises BadRecord if it is none."""
    if code is None or len(code) != 3:
        raise BadRecord(f"its {field} {code!r} is not a currency.")
    return code


def country(code: str | None) -> str | None:
    """The ISO code of two letters, None for anything else; the address keeps what was entered."""
    return code if code is not None and len(code) == 2 else None


def small(number: int | None, field: str) -> int | None:
    """The number. Raises BadRecord if it does not fit 32 bits."""
    if number is not None and not -_INT32 <= number <= _INT32:
        raise BadRecord(f"its {field} {number} is not one that Magento can keep.")
    return number


def indexed(text: str, field: str) -> str:
    """The text. Raises BadRecord above 255 characters: Magento's columns end there, and no index can hold much more."""
    if len(text) > _CODE_LENGTH:
        raise BadRecord(
            f"its {field} of {len(text):,} characters is longer than the {_CODE_LENGTH} that Magento keeps."
        )
    return text


def packed(values: object) -> bytes:
    """The values as bytes: the same values always give the same bytes."""
    return _pack(values)


def has_nul(data: bytes) -> bool:
    """Whether packed values may hold the character NUL, which PostgreSQL cannot keep."""
    # One character is found ten times as fast as several.
    return b"\\" in data and _NUL in data


def content_hash(data: bytes) -> int:
    """64 bits with a sign that tell packed values apart."""
    return int.from_bytes(sha256(data).digest()[:8], signed=True)


def without_nul(payload: PayloadT) -> PayloadT:
    """The payload with the replacement character for every NUL in its texts."""
    kept: PayloadT = msgspec.convert(_without_nul(msgspec.to_builtins(payload)), type(payload))
    return kept


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list):
        return [_without_nul(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _without_nul(entry) for key, entry in value.items()}
    return value
