"""What makes Magento surely refuse a coupon: the rule of checking one and of putting one on a cart.

Observed on Magento 2.4.7 for coupons that had expired, were used up or deleted, or whose rule was switched off.
"""

from __future__ import annotations

from datetime import date

from crm_core.magento.promotions import Coupon, Rule


def why_dead(coupon: Coupon | None, rule: Rule | None, local_day: date) -> str | None:
    """Why the shop surely refuses the coupon on the store's day, to follow its code; None: it may take it."""
    if coupon is None or rule is None:
        return "does not exist in this shop"
    if coupon.expiration_date is not None and coupon.expiration_date.date() < local_day:
        return f"expired on {coupon.expiration_date:%d %B %Y}"
    if coupon.usage_limit and (coupon.times_used or 0) >= coupon.usage_limit:
        return "is used up"
    if rule.is_active is False:
        return "is switched off"
    return None
