from __future__ import annotations

import pytest

from crm_core.sync.changes import amount, amount_changed


@pytest.mark.parametrize(
    ("units", "currency", "told"),
    [
        (1_918_600, "EUR", "€191.86"),
        (12_345_000, "USD", "US$1,234.50"),
        (123_456, "EUR", "€12.3456"),
        (-35_000, "GBP", "-£3.50"),
        (50_000, "XTS", "XTS5.00"),
    ],
)
def test_an_amount_in_a_sentence_stands_as_on_the_screens(units: int, currency: str, told: str) -> None:
    assert amount(units, currency).replace("\N{NO-BREAK SPACE}", "") == told


def test_a_changed_amount_tells_both_and_one_that_was_nothing_only_the_new_one() -> None:
    assert list(amount_changed("Total", 100_000, 120_000, "EUR")) == ["Total €10.00 → €12.00"]
    assert list(amount_changed("Paid", None, 120_000, "EUR")) == ["Paid €12.00"]
    assert list(amount_changed("Paid", None, 0, "EUR")) == []
