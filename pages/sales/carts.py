"""The carts of all channels: filter, sort, page, and View on each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from crm_core.insight.grids import CartRow, cart_page
from crm_core.insight.statuses import cart_status_style
from pages.widgets import desk, listing, new_cart
from pages.widgets.grid import Shown
from pages.widgets.list_screen import ListScreen
from pages.widgets.status import chip
from pages.widgets.text import money, plain, plural, quantity

_UNAVAILABLE = "⚠"
_MEANS = "the shop counts products that it has disabled or deleted; they would not be ordered"
_TOTAL_MEANS = (
    "In the cart's own currency, as the shop said when it was last asked; empty once its lines or addresses changed"
)

# With the 32 of the boxes the first columns fill a phone's 362 pixels, and at 1440 the 1,088 end on a column's edge.
_COLUMNS = (
    Shown("status", "Status", 92, "chip"),
    Shown("name", "Customer", 116),
    Shown("subtotal", "Subtotal", 86, "amount", hint="In the store's base currency, without tax and discount"),
    Shown("total", "Total", 86, "amount", hint=_TOTAL_MEANS),
    Shown("qty", "Qty", 52, "amount", hint=f"{_UNAVAILABLE} {_MEANS}"),
    Shown("activity", "Idle", 62, "age"),
    Shown("updated", "Updated", 112, "instant"),
    Shown("number", "Cart", 64),
    Shown("channel", "Channel", 142),
    Shown("store", "Store view", 132),
    Shown("country", "Country", 76),
    Shown("region", "Region", 140),
    Shown("website", "Website", 150),
    Shown("email", "E-mail", 210),
    Shown("created", "Created", 112, "instant"),
)


def _cells(rows: Sequence[CartRow]) -> dict[str, list[Any]]:
    return {
        "status": [chip(cart_status_style(row.status)) for row in rows],
        "name": [plain(row.name, 80) or ("Guest" if row.is_guest else "") for row in rows],
        "subtotal": [
            None if row.told_subtotal is None else money(row.told_subtotal, row.base_currency) for row in rows
        ],
        "total": [None if row.grand_total is None else money(row.grand_total, row.quote_currency) for row in rows],
        "qty": [f"{_UNAVAILABLE} " * bool(row.unavailable_count) + quantity(row.items_qty) for row in rows],
        "activity": [row.last_activity_at for row in rows],
        "updated": [row.updated_at for row in rows],
        "number": [str(row.origin_id) for row in rows],
        "channel": [plain(row.channel, 60) or None for row in rows],
        "store": [plain(row.store_view, 60) for row in rows],
        "country": [row.billing_country for row in rows],
        "region": [plain(row.billing_region, 60) or None for row in rows],
        "website": [plain(row.website, 60) or None for row in rows],
        "email": [plain(row.email, 120) or None for row in rows],
        "created": [row.created_at for row in rows],
    }


def _legend(rows: Sequence[CartRow]) -> str:
    return f"{_UNAVAILABLE} products unavailable in the shop" if any(row.unavailable_count for row in rows) else ""


def _draw_ticked(rows: Sequence[CartRow]) -> None:
    st.button(
        f"Check and convert {plural(len(rows), 'cart')}",
        type="primary",
        icon=":material/shopping_cart_checkout:",
        key="several",
        on_click=_convert,
        args=([row.key for row in rows],),
    )


def _convert(keys: Sequence[int]) -> None:
    here, _ = listing.read("carts")
    listing.leave(here, "pages/sales/several.py", ids=",".join(str(key) for key in keys))


desk.guarded(
    ListScreen(
        screen="carts",
        title="Carts",
        one="cart",
        columns=_COLUMNS,
        read_page=cart_page,
        cells=_cells,
        style=lambda row: cart_status_style(row.status),
        record_page="pages/sales/cart.py",
        draw_ticked=_draw_ticked,
        legend=_legend,
        draw_action=new_cart.draw_button,
    ).draw
)()
new_cart.draw_if_open()
