"""How a status looks everywhere: one colour, one icon and one sign for each, by name only.

Order statuses are the merchant's own words (Magento lets a shop define them); what they mean is told by the order's
state, so the state sets the colour. Colours are Streamlit's names for them.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.store.tables import CART_STATUSES

CANCELLED_STATE = "canceled"
"""Magento's word for the state of an order that is cancelled; its status may carry any name."""


@dataclass(frozen=True)
class StatusStyle:
    """The look of a status: its label, a colour name, a Material icon name and a sign for places without icons."""

    label: str
    color: str
    icon: str
    sign: str


_CART_STYLES = {
    "open": StatusStyle("Open", "blue", "shopping_cart", "●"),
    "closing": StatusStyle("Closing", "orange", "hourglass_top", "◔"),
    "purchased": StatusStyle("Purchased", "green", "check_circle", "✓"),
    "expired": StatusStyle("Expired", "gray", "schedule", "◌"),
    "lost": StatusStyle("Lost", "red", "cancel", "✕"),
}

_STATE_STYLES = {
    "new": StatusStyle("Pending", "orange", "pending", "○"),
    "pending_payment": StatusStyle("Pending payment", "orange", "hourglass_top", "◔"),
    "payment_review": StatusStyle("Payment review", "orange", "policy", "◔"),
    "processing": StatusStyle("Processing", "blue", "autorenew", "●"),
    "complete": StatusStyle("Complete", "green", "check_circle", "✓"),
    "holded": StatusStyle("On hold", "yellow", "pause_circle", "‖"),
    "closed": StatusStyle("Closed", "gray", "lock", "◌"),
    CANCELLED_STATE: StatusStyle("Canceled", "red", "cancel", "✕"),
}

_STATUS_LABELS = {"holded": "On hold", "fraud": "Suspected fraud"}
"""Magento's own statuses whose label is not their code in words."""

_CART_ORDER = ("open", "closing", "purchased", "expired", "lost")
_STATE_ORDER = tuple(_STATE_STYLES)


def cart_status_style(status: str) -> StatusStyle:
    """The look of a cart's status."""
    return _CART_STYLES.get(status) or StatusStyle(_in_words(status), "gray", "help", "?")


def order_status_label(status: str) -> str:
    """The merchant's status code in words, such as "Ready to ship" for ready_to_ship."""
    return _STATUS_LABELS.get(status) or _in_words(status)


def order_status_style(state: str, status: str = "") -> StatusStyle:
    """The look of an order: the colour of its state, the words of its status (of its state, if none is given)."""
    style = _STATE_STYLES.get(state) or StatusStyle(_in_words(state), "gray", "help", "?")
    return StatusStyle(order_status_label(status), style.color, style.icon, style.sign) if status else style


def cart_status_rank(status: str) -> int:
    """The place of a status in a row of them: Open first."""
    return _CART_ORDER.index(status) if status in CART_STATUSES else len(_CART_ORDER)


def order_status_rank(state: str) -> int:
    """The place of an order's state in a row of them: as an order goes through them."""
    return _STATE_ORDER.index(state) if state in _STATE_STYLES else len(_STATE_ORDER)


def _in_words(code: str) -> str:
    words = code.replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else "Unknown"
