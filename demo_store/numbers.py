"""Amounts as Magento computes and prints them: half-up to cents, and in JSON 0 rather than 0.0."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

ZERO = Decimal(0)
_CENT = Decimal("0.01")
_FINEST = Decimal("0.0001")


def cents(amount: Decimal) -> Decimal:
    """The amount rounded half-up to two places, as Magento rounds every price it shows."""
    return amount.quantize(_CENT, ROUND_HALF_UP)


def dec(value: object) -> Decimal:
    """The exact decimal of a stored JSON number (or None, which counts as zero)."""
    if value is None:
        return ZERO
    return value if isinstance(value, Decimal) else _exact(value)


@lru_cache(maxsize=1 << 16)  # a shop's amounts repeat
def _exact(value: object) -> Decimal:
    return Decimal(str(value))


@lru_cache(maxsize=1 << 16)
def number(amount: Decimal) -> int | float:
    """The JSON number for an amount with at most four places: an int when it is whole, as PHP prints it."""
    exact = amount.quantize(_FINEST, ROUND_HALF_UP)
    whole = int(exact)
    return whole if exact == whole else float(exact)
