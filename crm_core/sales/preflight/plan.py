"""What a person has chosen for an order so far, in place of what is saved with the cart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The choices to check; None: what the cart itself has."""

    shipping: str | None = None
    """carrier_method."""
    payment: str | None = None
    po_number: str | None = None


AS_IT_STANDS = Plan()
"""The cart as it is in the shop."""
