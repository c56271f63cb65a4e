"""Every status has one look."""

from __future__ import annotations

import pytest

from crm_core.insight.statuses import cart_status_style, order_status_label, order_status_style
from crm_core.store.search_keys import email_key, name_key, region_key
from crm_core.store.tables import CART_STATUSES


def test_every_cart_status_has_a_look_of_its_own() -> None:
    styles = [cart_status_style(status) for status in CART_STATUSES]
    assert len({style.label for style in styles}) == len({style.sign for style in styles}) == len(CART_STATUSES)


@pytest.mark.parametrize(
    ("state", "color"),
    [
        ("new", "orange"),
        ("pending_payment", "orange"),
        ("payment_review", "orange"),
        ("processing", "blue"),
        ("complete", "green"),
        ("holded", "yellow"),
        ("closed", "gray"),
        ("canceled", "red"),
        ("made_up", "gray"),
    ],
)
def test_the_state_sets_the_colour_whatever_the_merchant_calls_the_status(state: str, color: str) -> None:
    style = order_status_style(state, "ready_to_ship")
    assert (style.label, style.color) == ("Ready to ship", color)


def test_codes_become_words() -> None:
    assert order_status_label("holded") == "On hold"
    assert order_status_label("pending_payment") == "Pending payment"
    assert order_status_label("") == "Unknown"
    assert cart_status_style("new_one").label == "New one"
    assert order_status_style("canceled").label == "Canceled"


def test_search_keys_are_folded_and_short_whatever_the_shop_sends() -> None:
    assert name_key("KELLER", "Anna") == "keller anna"
    assert name_key(None, None) == email_key(None) == ""
    assert name_key("", "STRASSE ß") == "strasse ss"
    assert len(name_key("🙂" * 10_000, "x")) == len(email_key("İ" * 10_000)) == 100
    assert region_key("") is None
    assert region_key("x" * 99) == "x" * 60
