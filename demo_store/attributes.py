"""What configurable products are chosen by: attributes with their words, and the variant that a choice leads to."""

from __future__ import annotations

import json
from typing import Any

from demo_store.records import Records
from demo_store.refusal import Refusal
from demo_store.search import Columns
from demo_store.state import Doc

_CHOOSE = "You need to choose options for your item."

COLUMNS = Columns(
    {"attribute_id": "number", "attribute_code": "text", "frontend_input": "text", "is_user_defined": "number"},
    lambda attribute, name: attribute.get(name),
    flat=False,
    key="attribute_id",
)


def add(records: Records, ident: int, code: str, label: str) -> None:
    """Add an attribute that has no words yet; `word` gives it some. Magento's own ids are kept: 93 is the colour."""
    records.state.put(
        "attribute",
        ident,
        {"attribute_id": ident, "attribute_code": code, "label": label, "words": {}} | {"frontend_input": "select"},
    )


def word(records: Records, ident: int, text: str) -> int:
    """The number of a word of an attribute (Magento's value_index), which is added where the attribute lacks it."""
    attribute = _attribute(records, ident)
    for number, known in attribute["words"].items():
        if known == text:
            return int(number)
    number = records.next_id("attribute_option")
    attribute["words"][str(number)] = text
    records.state.touch("attribute", ident)
    return number


def chosen(records: Records, parent: Doc, given: Any) -> Doc:
    """The variant of a configurable product that `configurable_item_options` of a request choose.

    Refusal 400 where they leave something open or choose what there is not.
    """
    options = {str(one.get("option_id")): str(one.get("option_value")) for one in given if isinstance(one, dict)}
    wanted = {str(ident): options.get(str(ident)) for ident in parent["attributes"]}
    for child in (records.product(ident) for ident in parent["children"]):
        if child is not None and {ident: str(number) for ident, number in child["choices"].items()} == wanted:
            return child
    raise Refusal(400, _CHOOSE)


def item_options(variant: Doc) -> list[Doc]:
    """What was chosen to get a variant, as cart and order lines tell it."""
    return [{"option_id": ident, "option_value": number} for ident, number in variant["choices"].items()]


def words_chosen(records: Records, variant: Doc) -> str:
    """The same in words, as the lines of a cart's totals tell it: JSON in a text."""
    told = []
    for ident, number in variant.get("choices", {}).items():
        attribute = _attribute(records, int(ident))
        told.append({"value": attribute["words"].get(str(number), ""), "label": attribute["label"]})
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def product_options(records: Records, parent: Doc) -> list[Doc]:
    """The `configurable_product_options` of a product: what is to be chosen, and the numbers of the words there are."""
    variants = [child for child in (records.product(ident) for ident in parent["children"]) if child is not None]
    return [
        {
            "id": parent["id"] * 10 + position,
            "attribute_id": str(ident),
            "label": _attribute(records, ident)["label"],
            "position": position,
            "values": [
                {"value_index": number}
                for number in dict.fromkeys(variant["choices"][str(ident)] for variant in variants)
            ],
            "product_id": parent["id"],
        }
        for position, ident in enumerate(parent["attributes"])
    ]


def custom_attributes(records: Records, variant: Doc) -> list[Doc]:
    """The words of a variant among its `custom_attributes`, by their numbers as text."""
    return [
        {"attribute_code": _attribute(records, int(ident))["attribute_code"], "value": str(number)}
        for ident, number in variant.get("choices", {}).items()
    ]


def rest(attribute: Doc) -> Doc:
    """The attribute as GET /products/attributes answers it; the first of its words is blank."""
    words = [{"label": label, "value": number} for number, label in attribute["words"].items()]
    return {
        "is_wysiwyg_enabled": False,
        "is_html_allowed_on_front": True,
        "used_for_sort_by": False,
        "is_filterable": True,
        "is_filterable_in_search": True,
        "is_used_in_grid": True,
        "is_visible_in_grid": False,
        "is_filterable_in_grid": True,
        "position": 0,
        "apply_to": [],
        "is_searchable": "1",
        "is_visible_in_advanced_search": "1",
        "is_comparable": "1",
        "is_used_for_promo_rules": "0",
        "is_visible_on_front": "0",
        "used_in_product_listing": "1",
        "is_visible": True,
        "scope": "global",
        "attribute_id": attribute["attribute_id"],
        "attribute_code": attribute["attribute_code"],
        "frontend_input": attribute["frontend_input"],
        "entity_type_id": "4",
        "is_required": False,
        "options": [{"label": " ", "value": ""}, *words],
        "is_user_defined": True,
        "default_frontend_label": attribute["label"],
        "frontend_labels": None,
        "backend_type": "int",
        "default_value": "",
        "is_unique": "0",
        "validation_rules": [],
    }


def _attribute(records: Records, ident: int) -> Doc:
    return records.state.get("attribute", ident) or {"attribute_code": f"attribute_{ident}", "label": "", "words": {}}
