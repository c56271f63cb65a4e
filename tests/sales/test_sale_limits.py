"""How many pieces may be bought at once, and in which words that is told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm_core.magento.products import StockItem
from crm_core.sales.sale_limits import limits_of


@pytest.mark.parametrize(
    ("item", "words", "allowed", "refused"),
    [
        (StockItem(), "", "0.5", None),
        (StockItem(min_sale_qty=1, max_sale_qty=10_000), "from 1 up to 10000 at a time", "10000", "10001"),
        (StockItem(min_sale_qty=2.5), "from 2.5", "2.5", "2"),
        (StockItem(enable_qty_increments=True, qty_increments=6), "in steps of 6", "12", "13"),
        (StockItem(enable_qty_increments=False, qty_increments=6), "", "13", None),
        (
            StockItem(min_sale_qty=2, max_sale_qty=10, enable_qty_increments=True, qty_increments=2),
            "from 2 up to 10 at a time, in steps of 2",
            "10",
            "9",
        ),
    ],
)
def test_limits_are_told_and_hold(item: StockItem, words: str, allowed: str, refused: str | None) -> None:
    limits = limits_of(item)
    assert limits.words == words
    assert limits.allow(Decimal(allowed))
    assert refused is None or not limits.allow(Decimal(refused))
