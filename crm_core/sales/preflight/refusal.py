"""Which check should have said that the shop would refuse: told by reading again, and not by the shop's words.

Magento tells only the first cause of several and translates it, so its text proves little. What a preflight finds after
the refusal does; where nothing is found, the parameters of the message narrow it down (observed on Magento 2.4.7).
"""

from __future__ import annotations

from collections.abc import Mapping

from crm_core.sales.preflight.check import STANDING, Check, Code, Verdict
from crm_core.sales.preflight.run import Preflight

_CAUSES = (
    Code.PERMISSION,
    Code.SHOP,
    Code.CART,
    Code.PAYMENT,
    Code.COUPON,
    Code.LINES,
    Code.VARIANT,
    Code.OUT_OF_STOCK,
    Code.SHORT,
    Code.BELOW_MINIMUM,
    Code.ABOVE_MAXIMUM,
    Code.INCREMENTS,
    Code.STOCK,
    Code.SHIPPING_ADDRESS,
    Code.SHIPPING,
    Code.BILLING_ADDRESS,
    Code.EMAIL,
)
"""In Magento's own order of telling them, for an order whose way of paying is sent with the request."""

_NOT_FOUND = frozenset((Code.CART, Code.COUPON, Code.SHIPPING))
"""What Magento answers with 404: a cart that is closed or gone, a dead coupon, a carrier without that method."""

_FIELDS = (
    "countryId",
    "regionId",
    "firstname",
    "lastname",
    "street",
    "city",
    "telephone",
    "postcode",
    "company",
    "fax",
)
_LOCKED = ("A server error stopped your order", "The cart is locked")


def may_have_lost_a_race(message: str) -> bool:
    """Whether Magento may have told this to the loser of two requests for one cart at once.

    The first of the two texts was observed on 2.4.7, both are in its source. Since a shop may say them in another
    language, they only make the desk look again, and name a cause where nothing else does.
    """
    return any(words in message for words in _LOCKED)


def explain_refusal(status: int, message: str, parameters: Mapping[str, object], after: Preflight) -> Code:
    """The code of the check that the refusal belongs to, given a preflight made after it with the same plan.

    Code.MINIMUM_AMOUNT, Code.LOCK or Code.RULES where nothing that can be read explains it.
    """
    if status == 401:
        return Code.PERMISSION
    if status >= 500:
        return Code.SHOP
    if parameters.get("fieldName") == "cartId":
        return Code.CART
    failing = _of(after, Verdict.FAIL)
    if status == 404:
        # A coupon that the shop has just taken off, or may not know, is no failing check any more.
        doubted = any(check.verdict is not Verdict.PASS for check in after.of(Code.COUPON))
        return next((code for code in failing if code in _NOT_FOUND), Code.COUPON if doubted else Code.RULES)
    fields = [name for value in parameters.values() for name in _FIELDS if f'"{name}"' in str(value)]
    fields += [name for value in parameters.values() for name in _FIELDS if f"the {name} field" in str(value)]
    if fields:
        return _address(after)
    causes = [code for code in failing if code not in _NOT_FOUND - {Code.SHIPPING}]
    if causes:
        return causes[0]
    if Code.CART in failing or may_have_lost_a_race(message):
        # Someone else was first, or is at work this moment: the loser of a race is told nothing better.
        return Code.CART if Code.CART in failing else Code.LOCK
    doubtful = _of(after, Verdict.UNKNOWN)
    if doubtful:
        return doubtful[0]
    # Magento's check of a whole cart gives its messages one empty parameter; country, shipping and payment are ruled
    # out by now, which leaves the amount.
    return Code.MINIMUM_AMOUNT if parameters == {"1": ""} else Code.RULES


def explaining(code: Code, after: Preflight) -> Check | None:
    """The check to show with the refusal; None if this preflight has none of that code."""
    worst = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.LOOK, Verdict.PASS)
    return min(after.of(code), key=lambda check: worst.index(check.verdict), default=None)


def _of(after: Preflight, verdict: Verdict) -> list[Code]:
    found = {check.code for check in after.checks if check.verdict is verdict and check.code not in STANDING}
    return [code for code in _CAUSES if code in found]


def _address(after: Preflight) -> Code:
    """Which of the two addresses; Magento checks where it goes first."""
    if not any(check.verdict is not Verdict.PASS for check in after.of(Code.SHIPPING_ADDRESS)) and any(
        check.verdict is not Verdict.PASS for check in after.of(Code.BILLING_ADDRESS)
    ):
        return Code.BILLING_ADDRESS
    return Code.SHIPPING_ADDRESS if after.of(Code.SHIPPING_ADDRESS) else Code.BILLING_ADDRESS
