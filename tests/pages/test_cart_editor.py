from __future__ import annotations

from decimal import Decimal
from typing import Any

from streamlit.testing.v1 import AppTest

from crm_core.store.keys import origin_of
from tests.pages.conftest import Desk
from tests.pages.screens import words_of


def _editor(desk: Desk, key: int, section: str = "Items") -> AppTest:
    """The cart's screen with the drawer open at a section."""
    at = desk.open("cart", id=str(key))
    at.button(key=f"open-editor-{section}").click().run()
    assert not at.exception
    return at


def _lines(desk: Desk, key: int) -> dict[str, float]:
    """What the shop holds: quantities by SKU."""
    return {line["sku"]: line["qty"] for line in desk.shop.cart(origin_of(key)[1])["lines"]}


def _item(desk: Desk, key: int, sku: str) -> int:
    return next(int(line["item_id"]) for line in desk.shop.cart(origin_of(key)[1])["lines"] if line["sku"] == sku)


def _field(at: AppTest, kind: str, ending: str) -> Any:
    """The field whose key ends so."""
    return next(each for each in at.get(kind) if str(each.key).endswith(ending))


def _press(at: AppTest, label: str) -> AppTest:
    next(each for each in at.button if each.label == label).click()
    return at.run()


def test_a_quantity_is_saved_once_and_the_screen_shows_it(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2), ("BOOK 01", 1))
    at = _editor(desk, key)
    assert _lines(desk, key) == {"MUG-01": 2, "BOOK 01": 1}
    item = _item(desk, key, "MUG-01")
    next(each for each in at.number_input if f"qty-{item}" in str(each.key)).set_value(5.0)
    at.button(key=f"edit-line-{item}-submit").click().run()
    assert not at.exception
    assert _lines(desk, key) == {"MUG-01": 5, "BOOK 01": 1}
    assert "Now 5 × Stoneware mug, blue" in words_of(at).replace("\\", "")
    assert Decimal(str(next(e for e in at.number_input if f"qty-{item}" in str(e.key)).value)) == 5
