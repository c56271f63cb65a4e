"""Checks of the coupon: a dead one stops the order with a 404, while the cart and its totals still look discounted."""

from __future__ import annotations

from collections.abc import Iterable

from crm_core.magento.payloads import Cart
from crm_core.magento.promotions import Coupon, Rule
from crm_core.sales.coupon_rules import why_dead
from crm_core.sales.preflight.check import Check, Code, Figure, Fix, FixKind, Verdict, passes, untold
from crm_core.sales.preflight.price import not_read
from crm_core.sales.preflight.reading import Reading
from crm_core.sales.preflight.standing import Standing


def coupon_check(known: Standing, reading: Reading) -> Check:
    """Whether the cart's coupon still holds."""
    if reading.coupon_code.trouble is not None:
        return untold(Code.COUPON, "The coupon", reading.coupon_code.trouble)
    code = reading.coupon_code.value
    if code is None:
        if not reading.totals.asked:
            return not_read(Code.COUPON, "The coupons")
        lost: str | None = known.row.coupon_code
        if lost is None:
            return passes(Code.COUPON, "No coupon")
        return Check(
            Code.COUPON,
            Verdict.LOOK,
            f"The coupon {lost} is no longer on the cart",
            "The shop or the customer has taken it off, or a wrong one was tried after it: there is no discount now.",
            fixes=(Fix(FixKind.SET_COUPON, f"Put {lost} back", {"code": lost}),),
        )
    if not reading.coupon.is_told or reading.coupon.value is None:
        return untold(Code.COUPON, f"The coupon {code}", reading.coupon.trouble)
    facts = reading.coupon.value
    if facts.coupon is None or facts.rule is None:
        return _dead(code, f"The coupon {code} was deleted", ())
    reason = why_dead(facts.coupon, facts.rule, reading.local_day)
    if reason is not None:
        return _dead(code, f"The coupon {code} {reason}", _figures(facts.coupon))
    doubts = list(_doubts(facts.coupon, facts.rule, reading))
    if doubts:
        return Check(
            Code.COUPON,
            Verdict.UNKNOWN,
            f"The coupon {code} may not hold: {doubts[0]}",
            "The shop decides when the order is placed. Take it off if in doubt.",
            figures=_figures(facts.coupon),
            fixes=_remove(code),
            verified=False,
        )
    return passes(Code.COUPON, f"The coupon {code} holds", *_figures(facts.coupon))


def _doubts(coupon: Coupon, rule: Rule, reading: Reading) -> Iterable[str]:
    cart = reading.cart.value
    if coupon.expiration_date is not None and coupon.expiration_date <= reading.now.replace(tzinfo=None):
        yield "it expires today"
    if rule.to_date is not None and rule.to_date < reading.local_day:
        yield f"its rule ended on {rule.to_date:%d %B %Y}"
    if rule.from_date is not None and rule.from_date > reading.local_day:
        yield f"its rule begins on {rule.from_date:%d %B %Y}"
    if rule.website_ids is not None and reading.website_id not in rule.website_ids:
        yield "its rule is not for this website"
    if rule.customer_group_ids is not None and _group(cart) not in rule.customer_group_ids:
        yield "its rule is not for the customer's group"
    if (coupon.usage_per_customer or rule.uses_per_customer) and cart is not None and _group(cart):
        yield "each customer may use it a limited number of times, and the shop does not tell how often this one has"


def _group(cart: Cart | None) -> int:
    """The customer group; 0 is that of the guests."""
    customer = None if cart is None else cart.customer
    return 0 if customer is None or customer.id is None else customer.group_id or 0


def _dead(code: str, title: str, figures: tuple[Figure, ...]) -> Check:
    detail = "The shop refuses the order with it. Take it off: the order is then placed without the discount."
    return Check(Code.COUPON, Verdict.FAIL, title, detail, figures=figures, fixes=_remove(code))


def _remove(code: str) -> tuple[Fix, ...]:
    return (Fix(FixKind.REMOVE_COUPON, f"Take {code} off", {"code": code}),)


def _figures(coupon: Coupon) -> tuple[Figure, ...]:
    figures = []
    if coupon.expiration_date is not None:
        figures.append(Figure("Expires", f"{coupon.expiration_date:%d %B %Y}"))
    if coupon.usage_limit:
        # Magento counts a use by a queue, so the last ones may be missing (observed on 2.4.7).
        figures += [Figure("Uses allowed", coupon.usage_limit), Figure("Uses counted", coupon.times_used or 0)]
    return tuple(figures)
