"""What can be said of a cart's amount: the shop tells the lines of an open cart, and none of one that it closed.

A total that was read before the shop told other lines, addresses or buyers is no longer in the store
(crm_core.sync.cart_totals).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal


def told_subtotal(status: str, items_qty: Decimal, subtotal: Decimal) -> Decimal | None:
    """The subtotal that the lines come to; None where the cart holds items whose lines the shop never told.

    That is a cart first seen when it was no longer active, and without an order to take its lines from.
    """
    return subtotal if subtotal or not items_qty or status == "open" else None


def was_saved_later(updated_at: datetime, totals_shop_time: datetime | None) -> bool:
    """Whether the shop saved the cart after its totals were read, both by the shop's clock: they are about, then.

    Another coupon changes nothing else that the shop tells of a cart without being asked for its totals.
    """
    return totals_shop_time is None or updated_at > totals_shop_time
