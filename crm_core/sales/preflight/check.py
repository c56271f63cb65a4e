"""One line of a preflight: what was checked, what came of it, the shop's own figures, and what would mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from crm_core.errors import DeskError
from crm_core.insight.amounts import price


class Verdict(StrEnum):
    """What will come of it if the order is placed as the cart stands."""

    PASS = "pass"  # noqa: S105 (a verdict, not a password)
    LOOK = "look"
    FAIL = "fail"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """The verdict as a person reads it."""
        return _WORDS[self]


_WORDS = {
    Verdict.PASS: "Will pass",
    Verdict.LOOK: "The shop would take it, but look",
    Verdict.FAIL: "Will fail",
    Verdict.UNKNOWN: "Cannot be known here",
}


class Code(StrEnum):
    """What a check is about, in the order in which a preflight shows it.

    The last four are STANDING: no read tells them, so they are named on every preflight and are never green.
    """

    CHANNEL = "channel"
    SHOP = "shop"
    PERMISSION = "permission"
    ATTEMPT = "attempt"
    CART = "cart"
    RESTORED = "restored"
    CUSTOMER = "customer"
    EMAIL = "email"
    LINES = "lines"
    HIDDEN_LINE = "hidden_line"
    VARIANT = "variant"
    OUT_OF_STOCK = "out_of_stock"
    SHORT = "short"
    BELOW_MINIMUM = "below_minimum"
    ABOVE_MAXIMUM = "above_maximum"
    INCREMENTS = "increments"
    STOCK = "stock"
    WEBSITE = "website"
    PRICE = "price"
    TOTAL = "total"
    CURRENCY = "currency"
    COUPON = "coupon"
    SHIPPING_ADDRESS = "shipping_address"
    BILLING_ADDRESS = "billing_address"
    SHIPPING = "shipping"
    PAYMENT = "payment"
    MINIMUM_AMOUNT = "minimum_amount"
    LOCK = "lock"
    CONFIRMATION = "confirmation"
    RULES = "rules"


STANDING = frozenset((Code.MINIMUM_AMOUNT, Code.LOCK, Code.CONFIRMATION, Code.RULES))
"""What Magento tells by no read: a refusal after a green preflight can only be one of these."""


class FixKind(StrEnum):
    """What a person can do about a check; the arguments of each are named here.

    No fix is carried out by a preflight: those that write to the shop wait for the person.
    """

    RECALCULATE = "recalculate"
    """Check again with `recalculate`: the shop recalculates the cart."""
    SET_QUANTITY = "set_quantity"
    """item_id, quantity (Decimal), and seen (Decimal): what the line holds until then."""
    REMOVE_LINE = "remove_line"
    """item_id, seen; works on hidden lines too (observed on Magento 2.4.7)."""
    REPLACE_LINE = "replace_line"
    """item_id, sku, and seen, which is how many of another product take its place unless the person says."""
    REMOVE_COUPON = "remove_coupon"
    """code, which is on the cart until then."""
    SET_COUPON = "set_coupon"
    """code; the cart has none until then."""
    ENTER_ADDRESS = "enter_address"
    """kind ("shipping" or "billing"), fields (tuple of what is missing or wrong)."""
    CHOOSE_SHIPPING = "choose_shipping"
    """codes (tuple of carrier_method that the shop offers now)."""
    CHOOSE_PAYMENT = "choose_payment"
    """codes (tuple of the ways of paying that work without the customer)."""
    ENTER_PO_NUMBER = "enter_po_number"
    ENTER_EMAIL = "enter_email"
    REOPEN = "reopen"
    OPEN_ORDER = "open_order"
    """order_key, increment_id."""
    OPEN_CHANNEL = "open_channel"
    """channel_id."""
    TRY_AGAIN = "try_again"


CHOICES = frozenset((FixKind.CHOOSE_SHIPPING, FixKind.CHOOSE_PAYMENT, FixKind.ENTER_PO_NUMBER))
"""What a person only has to choose for the order; nothing in the cart is wrong."""


@dataclass(frozen=True)
class Fix:
    """What would mend it: `label` for a button, `arguments` as FixKind names them."""

    kind: FixKind
    label: str
    arguments: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A figure of the shop's. With a `currency` the value is an amount in it."""

    label: str
    value: Decimal | int | str
    currency: str | None = None
    of: str = ""
    """The product or the row of the totals that it belongs to, where a check has figures of several; else empty."""

    @property
    def text(self) -> str:
        """The value as a person reads it."""
        if self.currency is not None and isinstance(self.value, Decimal):
            return price(self.value, self.currency)
        if isinstance(self.value, Decimal):
            return quantity(self.value)
        return str(self.value)


@dataclass(frozen=True)
class Check:
    """One line of a preflight.

    `item_id` is the cart's line that it is about, None for the cart itself. Not `verified`: nobody has watched a shop
    refuse or take this, so the verdict rests on Magento's documentation or source, and the detail says so.
    """

    code: Code
    verdict: Verdict
    title: str
    detail: str = ""
    figures: tuple[Figure, ...] = ()
    item_id: int | None = None
    fixes: tuple[Fix, ...] = ()
    verified: bool = True

    def __post_init__(self) -> None:
        if not self.verified:
            object.__setattr__(self, "detail", f"{self.detail} Unverified: not tried on a running shop.".strip())

    @property
    def is_choice(self) -> bool:
        """Whether a choice of shipping, of payment or of its number settles it, and nothing else is needed."""
        return bool(self.fixes) and all(fix.kind in CHOICES for fix in self.fixes)

    @property
    def sentence(self) -> str:
        """Title and detail in a line of prose."""
        return f"{self.title}. {self.detail}".strip()


def passes(code: Code, title: str, *figures: Figure) -> Check:
    """A check that will pass."""
    return Check(code, Verdict.PASS, title, figures=figures)


def untold(code: Code, what: str, trouble: DeskError | None) -> Check:
    """A check that could not be made, because the shop did not tell what it needs."""
    why = "The shop was not asked." if trouble is None else str(trouble)
    return Check(
        code, Verdict.UNKNOWN, f"{what} could not be checked", why, fixes=(Fix(FixKind.TRY_AGAIN, "Try again"),)
    )


def quantity(number: Decimal) -> str:
    """A quantity without needless zeros."""
    return f"{number.normalize():f}"
