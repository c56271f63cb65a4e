"""The orders of all channels: filter, sort, page, and View on each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_core.insight.grids import OrderRow, order_page
from crm_core.insight.statuses import order_status_style
from pages.widgets import desk
from pages.widgets.grid import Shown
from pages.widgets.list_screen import ListScreen
from pages.widgets.status import chip
from pages.widgets.text import money, plain

_IN_BASE = "In the store's base currency; the order's page shows it in the customer's"

# The first columns fill a phone's 362 pixels; at 1440 the 1,088 of the page end on a column's edge.
_COLUMNS = (
    Shown("status", "Status", 108, "chip"),
    Shown("name", "Customer", 132),
    Shown("total", "Total", 86, "amount", hint=_IN_BASE),
    Shown("number", "Order", 92),
    Shown("created", "Created", 112, "instant"),
    Shown("paid", "Paid", 86, "amount", hint=_IN_BASE),
    Shown("updated", "Updated", 112, "instant"),
    Shown("channel", "Channel", 130),
    Shown("store", "Store view", 118),
    Shown("country", "Country", 76),
    Shown("region", "Region", 140),
    Shown("website", "Website", 150),
    Shown("subtotal", "Subtotal", 86, "amount", hint=_IN_BASE),
    Shown("email", "E-mail", 210),
)


def _cells(rows: Sequence[OrderRow]) -> dict[str, list[Any]]:
    return {
        "status": [chip(order_status_style(row.state, row.status)) for row in rows],
        "name": [plain(row.name, 80) or ("Guest" if row.is_guest else "") for row in rows],
        "total": [money(row.base_grand_total, row.base_currency) for row in rows],
        "number": [plain(row.increment_id, 40) for row in rows],
        "created": [row.created_at for row in rows],
        "paid": [
            None if row.base_total_paid is None else money(row.base_total_paid, row.base_currency) for row in rows
        ],
        "updated": [row.updated_at for row in rows],
        "channel": [plain(row.channel, 60) or None for row in rows],
        "store": [plain(row.store_view, 60) for row in rows],
        "country": [row.billing_country for row in rows],
        "region": [plain(row.billing_region, 60) or None for row in rows],
        "website": [plain(row.website, 60) or None for row in rows],
        "subtotal": [
            None if row.base_subtotal is None else money(row.base_subtotal, row.base_currency) for row in rows
        ],
        "email": [plain(row.email, 120) or None for row in rows],
    }


desk.guarded(
    ListScreen(
        screen="orders",
        title="Orders",
        one="order",
        columns=_COLUMNS,
        read_page=order_page,
        cells=_cells,
        style=lambda row: order_status_style(row.state, row.status),
        record_page="pages/sales/order.py",
    ).draw
)()
