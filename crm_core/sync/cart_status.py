"""The status of a cart: rules only, no store and no shop.

Magento knows no such status: it has `is_active`, whether the cart exists, and orders by `quote_id`. An inactive cart
need not be a sale (merging, admin sessions and custom code deactivate carts too), and `reserved_order_id` proves
nothing: only an order does (observed on Magento 2.4.7).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from crm_core.insight.statuses import CANCELLED_STATE

GRACE = timedelta(hours=1)
"""How long a cart that closed without an order waits for a late one before it counts as expired."""

OPEN = "open"
CLOSING = "closing"
PURCHASED = "purchased"
EXPIRED = "expired"
LOST = "lost"


class OrderOfCart(NamedTuple):
    """What the link of a cart to its orders depends on."""

    key: int
    """Record key of the order."""
    state: str


class OrderLink(NamedTuple):
    """Which order a cart shows, and whether every order of the cart is cancelled."""

    order_key: int
    cancelled: bool


def order_link(orders: Iterable[OrderOfCart]) -> OrderLink | None:
    """The latest order that is not cancelled, else the latest cancelled one; None if the cart has no order.

    A restored cart can be ordered twice, so a cart may have several (observed on Magento 2.4.7).
    """
    best: OrderLink | None = None
    for order in orders:
        candidate = OrderLink(order.key, order.state == CANCELLED_STATE)
        if best is None or (not candidate.cancelled, candidate.order_key) > (not best.cancelled, best.order_key):
            best = candidate
    return best


def cart_status(
    *, is_active: bool, is_gone: bool, order_cancelled: bool | None, is_lost: bool, is_grace_over: bool
) -> str:
    """One of CART_STATUSES for a cart.

    `order_cancelled` is None without an order and True if all of its orders are cancelled. `is_lost` is a person's
    decision: it outlives the cart in the shop, but not a purchase. `is_grace_over` says that the cart closed without an
    order longer than GRACE ago; it matters only for carts that are inactive or gone.
    """
    is_closed = is_gone or not is_active
    if order_cancelled is not None and (is_closed or not order_cancelled):
        return PURCHASED
    if is_lost:
        return LOST
    if not is_closed:
        return OPEN
    return EXPIRED if is_grace_over else CLOSING
