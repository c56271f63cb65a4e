"""What no read of Magento tells beforehand: named on every preflight, so that nobody takes green for certain."""

from __future__ import annotations

from crm_core.sales.preflight.check import Check, Code, Verdict


def unknowable_checks() -> list[Check]:
    """The lines for what only placing finds out. Neither REST nor GraphQL tells it (Magento 2.4.7)."""
    return [
        Check(
            Code.MINIMUM_AMOUNT,
            Verdict.UNKNOWN,
            "The minimum order amount",
            "A shop may refuse orders below an amount of its own, and tells it only then.",
        ),
        Check(
            Code.LOCK,
            Verdict.UNKNOWN,
            "Whether the customer is ordering this moment",
            "Of two at once the shop takes one. The desk finds out which, and never orders twice.",
        ),
        Check(
            Code.CONFIRMATION,
            Verdict.UNKNOWN,
            "Whether the customer gets an e-mail",
            "The shop sends its confirmation if it is set up to. It can be sent again from the order.",
        ),
        Check(
            Code.RULES,
            Verdict.UNKNOWN,
            "Rules of the shop's own",
            "Extensions may refuse an order, and settings may require more of an address, such as a region.",
        ),
    ]
