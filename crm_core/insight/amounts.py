"""Amounts as a person reads them: one rule of rounding for every screen, sentence and message."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from babel.numbers import format_currency, get_currency_precision


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount with its currency's own decimal places, half up, such as 84.21 for 84.205 EUR."""
    return amount.quantize(_step(currency), rounding=ROUND_HALF_UP)


def price(amount: Decimal, currency: str) -> str:
    """The rounded amount for a sentence, such as €84.20."""
    return format_currency(rounded(amount, currency), currency, locale="en_GB")


def reads_alike(one: Decimal, other: Decimal, currency: str) -> bool:
    """Whether a person sees no difference between the two: it is less than what the currency shows."""
    return rounded(one, currency) == rounded(other, currency)


@lru_cache(maxsize=256)
def _step(currency: str) -> Decimal:
    """The smallest difference that the currency shows."""
    return Decimal(1).scaleb(-get_currency_precision(currency))
