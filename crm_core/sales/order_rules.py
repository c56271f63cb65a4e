"""What may be done with an order in its state, and how much of each line is still open: Magento's own rules.

They are those of Magento's Order::canCancel, canHold and so on (read in its source; what a running shop answered is in
the tests). An extension may forbid more: the shop has the last word, and says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, select

from crm_core.errors import not_in_store
from crm_core.insight.order_record import OrderLine, order_lines
from crm_core.insight.statuses import CANCELLED_STATE
from crm_core.sales.obstacles import of_channel
from crm_core.store.database import Store
from crm_core.store.tables import order
from crm_core.sync.channels import Channel, channel_of_store

HELD = "holded"
"""Magento's word for the state of an order that is on hold."""

_REVIEWED = "payment_review"
_UNSHIPPED_TYPES = frozenset(("virtual", "downloadable"))
_NONE = Decimal(0)


class Kind(StrEnum):
    """What a person can do with an order, in the order in which it is offered."""

    COMMENT = "comment"
    EMAIL = "email"
    INVOICE = "invoice"
    SHIP = "ship"
    HOLD = "hold"
    UNHOLD = "unhold"
    CANCEL = "cancel"
    REFUND = "refund"

    @property
    def label(self) -> str:
        """The words for a button."""
        return _LABELS[self]


_LABELS = {
    Kind.COMMENT: "Comment",
    Kind.EMAIL: "Send e-mail",
    Kind.INVOICE: "Invoice",
    Kind.SHIP: "Ship",
    Kind.HOLD: "Hold",
    Kind.UNHOLD: "Unhold",
    Kind.CANCEL: "Cancel",
    Kind.REFUND: "Refund offline",
}
_ENDED = {
    CANCELLED_STATE: "The order is cancelled.",
    "complete": "The order is complete: everything is invoiced and shipped.",
    "closed": "The order is closed: everything was refunded.",
}
_HELD_REASON = "The order is on hold. Take it off hold first."
_REVIEWED_REASON = "The shop is still reviewing the payment of this order."


@dataclass(frozen=True)
class OpenLine:
    """A line of an order and how many pieces of it can still be invoiced, shipped and refunded.

    `piece_total` is what one piece comes to, with tax and after discount, in the order's currency and not rounded.
    Children of configurable and bundle products are not lines of their own.
    """

    item_id: int
    sku: str
    name: str
    ordered: Decimal
    piece_total: Decimal
    to_invoice: Decimal
    to_ship: Decimal
    to_refund: Decimal


@dataclass(frozen=True)
class OrderStanding:
    """An order as the desk knows it, with the channel through which it may be changed."""

    row: Row[Any]
    lines: tuple[OpenLine, ...]
    channel: Channel | None

    @property
    def door(self) -> str | None:
        """Why nothing can be done with the order whatever its state; None: something can."""
        if self.row.gone_at is not None:
            return "The shop no longer has this order."
        return of_channel(self.channel, "order", "change orders")

    def why_not(self, kind: Kind) -> str | None:
        """Why it cannot be done now; None: it can."""
        return self.door or _of_state(kind, self.row, self.lines)


def order_standing(store: Store, order_key: int) -> OrderStanding:
    """The order as last mirrored. Raises NotFound for one that is not in the store."""
    with store.reading() as connection:
        row = connection.execute(select(order).where(order.c.id == order_key)).one_or_none()
        if row is None:
            raise not_in_store("order")
        lines = order_lines(connection, order_key)
    return OrderStanding(row, tuple(map(_open_line, lines)), channel_of_store(store, row.shop_id, row.store_id))


def _open_line(line: OrderLine) -> OpenLine:
    ordered = line.qty_ordered
    invoiced, shipped = line.qty_invoiced or _NONE, line.qty_shipped or _NONE
    refunded, cancelled = line.qty_refunded or _NONE, line.qty_canceled or _NONE
    is_sent = any(each.product_type not in _UNSHIPPED_TYPES for each in line.children or (line,))
    return OpenLine(
        item_id=line.item_id,
        sku=line.sku,
        name=line.name,
        ordered=ordered,
        piece_total=line.total / ordered if ordered else _NONE,
        to_invoice=max(_NONE, ordered - invoiced - cancelled),
        to_ship=max(_NONE, ordered - max(shipped, refunded) - cancelled) if is_sent else _NONE,
        to_refund=max(_NONE, invoiced - refunded),
    )


def _of_state(kind: Kind, row: Row[Any], lines: Sequence[OpenLine]) -> str | None:
    match kind:
        case Kind.COMMENT:
            return None
        case Kind.EMAIL:
            return None if row.email else "The order has no e-mail address."
        case Kind.UNHOLD:
            return None if row.state == HELD else "The order is not on hold."
        case Kind.HOLD:
            return "The order is on hold already." if row.state == HELD else _ended(row)
        case Kind.CANCEL:
            invoiced = None if any(line.to_invoice for line in lines) else "Everything is invoiced. Refund it instead."
            return _paused(row) or _ended(row) or invoiced
        case Kind.INVOICE:
            invoiced = None if any(line.to_invoice for line in lines) else "Everything is invoiced already."
            return _paused(row) or _ended(row) or invoiced
        case Kind.SHIP:
            return _paused(row) or _of_shipping(row, lines)
        case Kind.REFUND:
            return _paused(row) or _of_refund(row)


def _paused(row: Row[Any]) -> str | None:
    return _HELD_REASON if row.state == HELD else _REVIEWED_REASON if row.state == _REVIEWED else None


def _ended(row: Row[Any]) -> str | None:
    return _REVIEWED_REASON if row.state == _REVIEWED else _ENDED.get(row.state)


def _of_shipping(row: Row[Any], lines: Sequence[OpenLine]) -> str | None:
    if row.state == CANCELLED_STATE:
        return _ENDED[CANCELLED_STATE]
    if row.is_virtual:
        return "Nothing in this order is sent."
    return None if any(line.to_ship for line in lines) else "Nothing is left to ship."


def _of_refund(row: Row[Any]) -> str | None:
    if row.state in (CANCELLED_STATE, "closed"):
        return _ENDED[row.state]
    paid, refunded = row.total_paid or _NONE, row.total_refunded or _NONE
    if not paid:
        return "Nothing is paid yet, so there is nothing to refund. Invoice it first, or cancel it."
    return None if paid > refunded else "Everything that was paid is refunded already."
