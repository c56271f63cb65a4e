"""What invoicing, refunding or cancelling comes to, told before the shop is asked to do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from crm_core.sales.order_actions import Cancel, Invoice, Refund
from crm_core.sales.order_rules import Kind, OpenLine, OrderStanding, order_standing
from crm_core.store.database import Store

_NONE = Decimal(0)
_UNITS = Decimal("0.0001")


@dataclass(frozen=True)
class Amount:
    """An amount in `currency`, the order's; `is_about`: the shop reckons the shares of single pieces by itself."""

    value: Decimal
    currency: str
    is_about: bool


def amount_of(store: Store, order_key: int, action: Invoice | Refund | Cancel) -> Amount:
    """What the action comes to by the order as it was last mirrored. Raises NotFound.

    Everything that is left is exact: the total less what is invoiced and cancelled, or what is paid less what is
    refunded. Of chosen pieces each has its share of its line, with tax and after discount; what of the rest belongs to
    no line is shipping, which goes with the first invoice, and with a refund that names no other amount for it.
    """
    standing = order_standing(store, order_key)
    left = _left(standing, action.kind)
    currency: str = standing.row.order_currency
    if isinstance(action, Cancel):
        return Amount(left, currency, is_about=False)
    shipping = action.shipping_amount if isinstance(action, Refund) else None
    if action.items is None and shipping is None:
        return Amount(left, currency, is_about=False)
    everything = {line.item_id: pieces_left(line, action.kind) for line in standing.lines}
    beside = max(_NONE, left - _worth(standing, everything))
    if shipping is not None:
        beside = shipping * _rate(standing)
    chosen = _worth(standing, everything if action.items is None else action.items)
    return Amount((chosen + beside).quantize(_UNITS, rounding=ROUND_HALF_UP), currency, is_about=True)


def pieces_left(line: OpenLine, kind: Kind) -> Decimal:
    """How many pieces of the line can still be invoiced (and so cancelled), shipped or refunded."""
    if kind is Kind.SHIP:
        return line.to_ship
    return line.to_refund if kind is Kind.REFUND else line.to_invoice


def _left(standing: OrderStanding, kind: Kind) -> Decimal:
    row = standing.row
    if kind is Kind.REFUND:
        left = (row.total_paid or _NONE) - (row.total_refunded or _NONE)
    else:
        left = row.grand_total - (row.total_invoiced or _NONE) - (row.total_canceled or _NONE)
    return max(_NONE, Decimal(left))


def _worth(standing: OrderStanding, pieces: Mapping[int, Decimal]) -> Decimal:
    return sum((line.piece_total * pieces.get(line.item_id, _NONE) for line in standing.lines), _NONE)


def _rate(standing: OrderStanding) -> Decimal:
    """What one of the base currency is in the order's."""
    row = standing.row
    return Decimal(row.grand_total / row.base_grand_total) if row.base_grand_total else Decimal(1)
