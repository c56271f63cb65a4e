"""JSON columns give back what was put in, exactly, and survive fields of a later version."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.store import documents
from crm_core.store.documents import Address, Comment, Option, Totals, TotalsItem, TotalsSegment, encode

_text = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
_money = st.decimals(allow_nan=False, allow_infinity=False, places=4)


@given(st.builds(Address, lastname=_text, company=_text, city=_text, region_id=st.none() | st.integers(0, 2**40)))
def test_an_address_comes_back(address: Address) -> None:
    assert documents.decode_address(encode(address)) == address
    assert documents.decode_addresses(encode([address, address])) == [address, address]


@given(_money, _money, _text)
def test_totals_come_back_to_the_last_digit(grand_total: Decimal, row_total: Decimal, coupon: str | None) -> None:
    item = TotalsItem(item_id=1, name="\u05e9\u05dc\u05d5\u05dd", qty=Decimal(1), price=row_total, row_total=row_total)
    totals = Totals(
        currency="EUR",
        grand_total=grand_total,
        subtotal=Decimal("0.1000"),
        items_qty=Decimal("1.5"),
        coupon_code=coupon,
        segments=[TotalsSegment("tax", "Moms", row_total)],
        items=[item],
    )
    read = documents.decode_totals(encode(totals))
    assert read == totals
    assert str(read.grand_total) == str(grand_total)


def test_comments_and_options_come_back() -> None:
    comment = Comment(created_at=datetime(2026, 5, 1, 9, 30, tzinfo=UTC), status="pending", comment="=1+1 <b>")
    assert documents.decode_comments(encode([comment])) == [comment]
    option = Option("Colour", "Red")
    assert documents.decode_options(encode([option])) == [option]


def test_what_is_not_told_takes_no_room() -> None:
    assert encode(Address()) == "{}"


def test_fields_of_a_later_version_are_skipped() -> None:
    assert documents.decode_address('{"lastname": "Lee", "planet": "Mars"}') == Address(lastname="Lee")


def test_text_that_is_no_document_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        documents.decode_totals('{"currency": "EUR"}')
