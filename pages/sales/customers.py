"""The customers of all channels: filter, sort, page, and View on each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_core.insight.customers import CustomerRow
from crm_core.insight.grids import customer_page
from pages.widgets import desk
from pages.widgets.grid import Shown
from pages.widgets.list_screen import ListScreen
from pages.widgets.text import joined_money, plain

_NEWSLETTER = {True: "Yes", False: "No", None: None}

_COUNTED = "Counted for the rows of this page, so the list can't be sorted by it"
_COLUMNS = (
    Shown("name", "Customer", 136),
    Shown("value", "Bought", 100, "amount", sortable=False, hint=f"Orders not cancelled, less refunds. {_COUNTED}"),
    Shown("orders", "Orders", 58, "amount", sortable=False, hint=f"Orders not cancelled. {_COUNTED}"),
    Shown("carts", "Open carts", 80, "amount", sortable=False, hint=f"With items. {_COUNTED}"),
    Shown("email", "E-mail", 216),
    Shown("group", "Group", 92),
    Shown("created", "Created", 112, "instant"),
    Shown("channel", "Channel", 120),
    Shown("website", "Website", 138),
    Shown("country", "Country", 76),
    Shown("region", "Region", 130),
    Shown("city", "City", 120, sortable=False, hint="Taken from the address of this page's rows: not to be sorted by"),
    Shown("newsletter", "Newsletter", 86),
    Shown("updated", "Updated", 112, "instant"),
    Shown("number", "Number", 70),
)


def _cells(rows: Sequence[CustomerRow]) -> dict[str, list[Any]]:
    return {
        "name": [plain(row.name, 80) for row in rows],
        "email": [plain(row.email, 120) for row in rows],
        "orders": [f"{row.orders:,}" if row.orders else None for row in rows],
        "value": [joined_money(row.value) or None for row in rows],
        "carts": [f"{row.open_carts:,}" if row.open_carts else None for row in rows],
        "group": [plain(row.group, 60) for row in rows],
        "created": [row.created_at for row in rows],
        "channel": [plain(row.channel, 60) for row in rows],
        "website": [plain(row.website, 60) for row in rows],
        "country": [row.country for row in rows],
        "region": [plain(row.region, 60) for row in rows],
        "city": [plain(row.city, 60) for row in rows],
        "newsletter": [_NEWSLETTER[row.is_subscribed] for row in rows],
        "updated": [row.updated_at for row in rows],
        "number": [str(row.origin_id) for row in rows],
    }


desk.guarded(
    ListScreen(
        screen="customers",
        title="Customers",
        one="customer",
        columns=_COLUMNS,
        read_page=customer_page,
        cells=_cells,
        record_page="pages/sales/customer.py",
    ).draw
)()
