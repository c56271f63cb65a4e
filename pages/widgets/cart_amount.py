"""What a cart comes to, in words that tell a total from a subtotal and an exact amount from one that is about right."""

from __future__ import annotations

from crm_core.insight.cart_record import CartRecord
from pages.widgets.text import money


def short_amount(cart: CartRecord) -> str:
    """Such as "€15.05" or "about €15.05", in the cart's own currency; empty if the shop never told any."""
    if cart.amount is None:
        return ""
    return f"{'about ' if cart.is_about else ''}{money(cart.amount, cart.quote_currency)}"


def labelled_amount(cart: CartRecord) -> tuple[str, str]:
    """The same as a label and an amount, such as "Grand total" and "€15.05"; "—" if the shop never told any."""
    label = "Subtotal" if cart.grand_total is None else "Grand total"
    return f"{label}, about" if cart.is_about else label, money(cart.amount, cart.quote_currency)
