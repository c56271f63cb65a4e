"""Cart price rules and their coupons: whether a code is good, and the answers of coupons/search and salesRules."""

from __future__ import annotations

from typing import Any

from demo_store.records import Records
from demo_store.refusal import Refusal
from demo_store.search import Columns
from demo_store.state import Doc


def _read(coupon: Doc, name: str) -> Any:
    return coupon.get(name)


COLUMNS = Columns(
    {
        "coupon_id": "number",
        "rule_id": "number",
        "code": "text",
        "usage_limit": "number",
        "times_used": "number",
        "expiration_date": "time",
        "created_at": "time",
    },
    _read,
    flat=True,
    key="coupon_id",
)


def good(records: Records, code: str) -> Doc | None:
    """The rule behind a code that can be used now; None where it is unknown, expired, used up or switched off."""
    coupon = _coupon(records, code)
    if coupon is None:
        return None
    rule = records.state.get("rule", coupon["rule_id"])
    if rule is None or not rule["is_active"]:
        return None
    expires = coupon.get("expiration_date")
    if expires is not None and expires < records.stamp():
        return None
    if coupon["usage_limit"] and coupon["times_used"] >= coupon["usage_limit"]:
        return None
    return rule


def rule_of(records: Records, cart: Doc) -> Doc | None:
    """The rule that discounts a cart now, or None."""
    return good(records, cart["coupon_code"]) if cart["coupon_code"] else None


def count_use(records: Records, code: str) -> None:
    """Count one use of a coupon; a coupon that is gone counts nothing."""
    coupon = _coupon(records, code)
    if coupon is not None:
        coupon["times_used"] += 1
        records.state.touch("coupon", coupon["coupon_id"])


def invalid() -> Refusal:
    """The 404 for a code that is not good; not the 404 of a placed cart."""
    return Refusal(404, "The coupon code isn't valid. Verify the code and try again.")


def _coupon(records: Records, code: str) -> Doc | None:
    wanted = code.casefold()
    return next((one for one in records.state.all("coupon") if one["code"].casefold() == wanted), None)


def coupon_rest(coupon: Doc) -> Doc:
    """A coupon as coupons/search answers it; no expiration date where it has none."""
    return {key: value for key, value in coupon.items() if value is not None}


def rule_rest(records: Records, rule_id: int) -> Doc:
    """A rule as salesRules/:id answers it; Refusal 404 where there is none."""
    rule = records.state.get("rule", rule_id)
    if rule is None:
        raise Refusal(404, "No such entity with %fieldName = %fieldValue", {"fieldName": "id", "fieldValue": rule_id})
    return _rule_body(records, rule)


def _rule_body(records: Records, rule: Doc) -> Doc:
    condition = {"aggregator_type": "all", "operator": None, "value": True}
    base = "Magento\\SalesRule\\Model\\Rule\\Condition\\"
    return {
        "rule_id": rule["rule_id"],
        "name": rule["name"],
        "store_labels": [],
        "website_ids": [site["id"] for site in records.settings["websites"] if site["id"]],
        "customer_group_ids": [0, 1, 2, 3],
        "uses_per_customer": 0,
        "is_active": rule["is_active"],
        "condition": {"condition_type": f"{base}Combine"} | condition,
        "action_condition": {"condition_type": f"{base}Product\\Combine"} | condition,
        "stop_rules_processing": False,
        "is_advanced": True,
        "sort_order": 0,
        "simple_action": "by_percent",
        "discount_amount": rule["discount_amount"],
        "discount_step": 0,
        "apply_to_shipping": rule["apply_to_shipping"],
        "times_used": 0,
        "is_rss": False,
        "coupon_type": "SPECIFIC_COUPON",
        "use_auto_generation": False,
        "uses_per_coupon": 0,
        "simple_free_shipping": "0",
    }
