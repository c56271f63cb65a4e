from __future__ import annotations

from decimal import Decimal

import pytest

from crm_core.insight.amounts import price, reads_alike
from crm_core.store.types import money_to_units
from crm_core.sync.changes import amount_changed
from pages.widgets.text import money


@pytest.mark.parametrize(
    ("amount", "currency", "told"),
    [
        ("84.205", "EUR", "€84.21"),
        ("84.2", "EUR", "€84.20"),
        ("1184.7649", "EUR", "€1,184.76"),
        ("84.5", "JPY", "JP¥85"),
        ("84.2055", "KWD", "KWD84.206"),
        ("84.205", "QQQ", "QQQ84.21"),
    ],
)
def test_sentences_and_screens_round_an_amount_alike(amount: str, currency: str, told: str) -> None:
    assert price(Decimal(amount), currency) == told
    assert money(Decimal(amount), currency).replace("\u00a0", "") == told


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ("84.205", "84.2144", []),
        ("84.2049", "84.205", ["Total €84.20 → €84.21"]),
        ("0", "0.004", []),
        ("0", "84.205", ["Total €84.21"]),
        ("84.205", "0", ["Total €84.21 → €0.00"]),
    ],
)
def test_a_change_is_told_where_its_two_figures_differ(old: str, new: str, sentences: list[str]) -> None:
    was, now = Decimal(old), Decimal(new)
    assert list(amount_changed("Total", money_to_units(was), money_to_units(now), "EUR")) == sentences
    assert reads_alike(was, now, "EUR") == (sentences == [])
