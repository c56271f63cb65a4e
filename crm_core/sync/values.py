"""Single values on their way from a shop to the store: amounts, times, addresses, and the hash that tells a change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
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

_INT32 = 2**31 - 1
_CODE_LENGTH = 255
_MOST_KNOWN = 50_000
_NUL = b"\\u0000"
_pack = msgspec.json.Encoder().encode

PayloadT = TypeVar("PayloadT", bound=msgspec.Struct)


class _Units(dict[float | None, int | None]):
    """Amounts seen before, in 1/10000: a shop's amounts repeat, most of all nothing, 0 and its prices."""

    def __missing__(self, amount: float | None) -> int | None:
        units = None if amount is None else ten_thousandths(amount)
        if len(self) >= _MOST_KNOWN:
            self.clear()
        self[amount] = units
        return units


_known_units = _Units()


def units(amounts: Iterable[float | None]) -> list[int | None]:
    """Amounts in 1/10000, as `ten_thousandths` makes them. Raises BadRecord as it does."""
    known = _known_units
    return [known[amount] for amount in amounts]


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 of a naive time, which means UTC as Magento writes it."""
    passed = moment - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000


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
    return _NUL in data


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
