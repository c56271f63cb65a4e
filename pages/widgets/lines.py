"""Tables of lines on a record's screen: product with its SKU beneath, quantities and amounts right-aligned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from crm_core.store.documents import Option
from crm_core.store.types import MONEY_SCALE
from pages.widgets.text import breakable, escaped, money, quantity


@dataclass(frozen=True)
class NumberColumn:
    """A column of amounts of `currency`, or of quantities where it is empty."""

    label: str
    currency: str = ""

    def text(self, units: object) -> str:
        """What a cell shows for 1/10000 units; these keep the column numeric, which is what aligns it right."""
        value = Decimal(str(units)) / MONEY_SCALE
        return money(value, self.currency) if self.currency else quantity(value)


def product(name: str, sku: str, options: Sequence[Option] = (), badge: str = "") -> str:
    """Markdown of a product's cell: the name, what was chosen, and the SKU in small beneath."""
    chosen = ", ".join(f"{escaped(each.label, 40)} {escaped(each.value, 60)}" for each in options)
    beneath = " · ".join(part for part in (chosen, escaped(sku, 64)) if part)
    return f"{breakable(name, 120)} {badge}  \n:small[:gray[{beneath}]]"


def draw_lines(
    products: Sequence[str],
    columns: Sequence[NumberColumn],
    numbers: Sequence[Sequence[Decimal | None]],
    alt: str,
    heading: str = "Product",
) -> None:
    """A table with a row a line: `products` are Markdown, `numbers` hold a value for each of `columns`; None: empty."""
    frame = pd.DataFrame({heading: list(products)})
    for at, column in enumerate(columns):
        frame[column.label] = pd.array([_units(values[at]) for values in numbers], "Int64")
    forms: dict[Any, str | Callable[[object], str] | None] = {column.label: column.text for column in columns}
    st.table(frame.style.format(forms, na_rep=""), border="horizontal", hide_index=True, alt=alt)


def _units(value: Decimal | None) -> int | None:
    return None if value is None else int(value * MONEY_SCALE)
