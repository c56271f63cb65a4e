"""What can be said of a cart's amount: the shop tells the lines of an open cart, and none of one that it closed."""

from __future__ import annotations

from decimal import Decimal


def told_subtotal(status: str, items_qty: Decimal, subtotal: Decimal) -> Decimal | None:
    """The subtotal that the lines come to; None where the cart holds items whose lines the shop never told.

    That is a cart first seen when it was no longer active, and without an order to take its lines from.
    """
    return subtotal if subtotal or not items_qty or status == "open" else None
