"""Two answers of the same shape: the same keys with the same types, all the way down."""

from __future__ import annotations

from typing import Any

# What Magento leaves out where it is null, so that one order or cart has it and another has not.
OMITTED_NULLS = frozenset(
    {
        *("customer_id", "coupon_code", "applied_rule_ids", "discount_description", "shipping_description", "company"),
        *("customer_dob", "customer_gender", "customer_middlename", "customer_prefix", "customer_taxvat"),
        *("region", "region_code", "region_id", "customer_address_id", "weee_tax_applied", "reserved_order_id"),
        *("base_subtotal_incl_tax", "default_billing", "default_shipping", "dob", "gender", "prefix", "middlename"),
        *("taxvat", "to_date", "weight", "entity_name", "coupon_label", "extension_attributes", "product_option"),
    }
)


def differences(recorded: Any, answered: Any, where: str = "") -> list[str]:
    """Where the shapes differ, in words; empty where they are the same.

    The elements of a list are compared with what all the recorded elements have between them.
    """
    if isinstance(recorded, list):
        if not isinstance(answered, list):
            return [f"{where}: a list became {_type(answered)}"]
        if not recorded or not answered:
            return []
        return [one for index, entry in enumerate(answered) for one in _entry(recorded, entry, f"{where}[{index}]")]
    if isinstance(recorded, dict) and isinstance(answered, dict):
        return _entry([recorded], answered, where)
    if _type(recorded) != _type(answered):
        return [f"{where}: {_type(recorded)} became {_type(answered)}"]
    return []


def _entry(examples: list[Any], answered: Any, where: str) -> list[str]:
    dicts = [one for one in examples if isinstance(one, dict)]
    if not dicts or not isinstance(answered, dict):
        types = {_type(one) for one in examples}
        return [] if _type(answered) in types else [f"{where}: {sorted(types)} became {_type(answered)}"]
    found = []
    every = set.intersection(*(set(one) for one in dicts))
    some = {key for one in dicts for key in one}
    found += [f"{where}.{key}: missing" for key in sorted(every - set(answered) - OMITTED_NULLS)]
    found += [f"{where}.{key}: not in the recording" for key in sorted(set(answered) - some - OMITTED_NULLS)]
    for key in sorted(set(answered) & some):
        values = [one[key] for one in dicts if key in one]
        found += _value(values, answered[key], f"{where}.{key}")
    return found


def _value(examples: list[Any], answered: Any, where: str) -> list[str]:
    lists = [one for one in examples if isinstance(one, list)]
    if lists and isinstance(answered, list):
        entries = [entry for one in lists for entry in one]
        if not entries:
            return []
        return [one for index, entry in enumerate(answered) for one in _entry(entries, entry, f"{where}[{index}]")]
    if isinstance(answered, dict) and any(isinstance(one, dict) for one in examples):
        return _entry([one for one in examples if isinstance(one, dict)], answered, where)
    types = {_type(one) for one in examples}
    return [] if _type(answered) in types else [f"{where}: {sorted(types)} became {_type(answered)}"]


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__
