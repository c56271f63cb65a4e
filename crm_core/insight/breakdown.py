"""What a grand total is made of: rows that add up to it, as a person who reads them expects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from crm_core.store.documents import Totals

_NONE = Decimal(0)
_ROUNDING = Decimal("0.005")
_LABELS = {"subtotal": "Subtotal", "discount": "Discount", "shipping": "Shipping", "tax": "Tax", "rest": "Other"}
_EXTENSION = 3
_PLACES = {"subtotal": 0, "discount": 1, "shipping": 2, "tax": 4, "rest": 5}


@dataclass(frozen=True)
class TotalRow:
    """A row of the sum. `code` is the shop's (subtotal, discount, shipping, tax, or an extension's own), or "rest".

    `title` are the shop's own words, empty where it tells none; `holds_tax`: the amount is with tax; `is_included`: it
    is told only, because the rows above hold it already.
    """

    code: str
    title: str
    amount: Decimal
    holds_tax: bool = False
    is_included: bool = False

    @property
    def label(self) -> str:
        """What the row is in plain words, those of the shop where an extension made it."""
        words = _LABELS.get(self.code, self.title)
        return f"{words} with tax" if self.holds_tax else f"{words}, included" if self.is_included else words


def breakdown(totals: Totals) -> tuple[TotalRow, ...]:
    """The rows that add up to the grand total, apart from it, in the order in which they are read.

    The shop's own rows do not always: where prices hold tax they are the subtotal with tax, shipping without it, and
    the tax of both (observed on Magento 2.4.7). So either everything is without tax and the tax a row of its own, or
    everything is with tax and tells the tax as included: which of them adds up, by preference that in which the shop
    shows its subtotal. An extension's row counts, unless it is told only and they add up without it. What no row
    explains is the row "rest".
    """
    with_tax, without_tax = _with_tax(totals), _without_tax(totals)
    kinds = (with_tax, without_tax) if _shows_tax_included(totals) else (without_tax, with_tax)
    extra = [
        TotalRow(each.code, each.title, each.value)
        for each in totals.segments
        if each.code not in _LABELS and each.code != "grand_total" and each.value
    ]
    for more in (extra, []):
        for rows in kinds:
            if rows and abs(_unexplained(totals, [*rows, *more])) < _ROUNDING:
                return tuple(sorted([*rows, *more], key=_place))
    left = [*without_tax, *extra]
    return (*sorted(left, key=_place), TotalRow("rest", "", _unexplained(totals, left)))


@dataclass(frozen=True)
class Compared:
    """A row at two times; None: it was told the other way then, with tax instead of without or the other way round."""

    row: TotalRow
    before: Decimal | None
    now: Decimal | None


def compare(before: Sequence[TotalRow], now: Sequence[TotalRow]) -> list[Compared]:
    """The rows of two breakdowns side by side, in the order in which they are read."""
    rows = sorted({each.label: each for each in (*before, *now)}.values(), key=_place)
    return [Compared(row, _amount(row, before), _amount(row, now)) for row in rows]


def _amount(row: TotalRow, told: Sequence[TotalRow]) -> Decimal | None:
    same = next((each.amount for each in told if each.label == row.label), None)
    is_told = any(each.code == row.code for each in told)
    return same if same is not None or is_told else _NONE


def _without_tax(totals: Totals) -> list[TotalRow]:
    return [
        TotalRow("subtotal", _title(totals, "subtotal"), totals.subtotal),
        *_row(totals, "discount", totals.discount_amount),
        *_row(totals, "shipping", totals.shipping_amount),
        *_row(totals, "tax", totals.tax_amount),
    ]


def _with_tax(totals: Totals) -> list[TotalRow]:
    if totals.subtotal_incl_tax is None:
        return []
    return [
        TotalRow("subtotal", _title(totals, "subtotal"), totals.subtotal_incl_tax, holds_tax=True),
        *_row(totals, "discount", totals.discount_amount),
        *_row(totals, "shipping", totals.shipping_incl_tax, holds_tax=True),
        *_row(totals, "tax", totals.tax_amount, is_included=True),
    ]


def _row(
    totals: Totals, code: str, amount: Decimal | None, *, holds_tax: bool = False, is_included: bool = False
) -> list[TotalRow]:
    """The row, if it comes to something or the shop names it."""
    title = _title(totals, code)
    if not amount and not title:
        return []
    return [TotalRow(code, title, amount or _NONE, holds_tax, is_included)]


def _title(totals: Totals, code: str) -> str:
    return next((each.title for each in totals.segments if each.code == code), "")


def _shows_tax_included(totals: Totals) -> bool:
    shown = next((each.value for each in totals.segments if each.code == "subtotal"), totals.subtotal)
    return shown != totals.subtotal and shown == totals.subtotal_incl_tax


def _unexplained(totals: Totals, rows: list[TotalRow]) -> Decimal:
    return totals.grand_total - sum((row.amount for row in rows if not row.is_included), _NONE)


def _place(row: TotalRow) -> int:
    """The tax stands below what holds it or is taxed."""
    return _PLACES.get(row.code, _EXTENSION)
