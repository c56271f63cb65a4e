"""What is left to sell: the answers of Magento's stock and inventory paths."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from demo_store import catalog
from demo_store.call import Call
from demo_store.numbers import dec, number
from demo_store.refusal import Refusal, wrong_type
from demo_store.state import Doc


def stock_item(call: Call) -> Doc:
    """The limits of one purchase of the product."""
    product = call.records.product_of_sku(call.path[0])
    if product is None:
        raise Refusal(404, 'The Product with the "%1" SKU doesn\'t exist.', [call.path[0]])
    return catalog.stock_item(product)


def salable_quantity(call: Call) -> int | float:
    """How many of the product can still be sold."""
    product = call.records.product_of_sku(call.path[0])
    if product is None:
        raise Refusal(500, "An error has happened during application run. See exception log for details.", html=True)
    return number(catalog.salable(product))


def _salable(call: Call, sku: str) -> bool:
    product = call.records.product_of_sku(sku)
    return product is not None and (product["type_id"] == "configurable" or catalog.salable(product) > 0)


def is_salable(call: Call) -> bool:
    """Whether the product of the path can be sold at all."""
    return _salable(call, call.path[0])


def are_salable(call: Call) -> list[Doc]:
    """The same for every product of the query."""
    return [{"sku": sku, "stock_id": 1, "salable": _salable(call, sku)} for sku in _listed(call.query.get("skus"))]


def salable_for_quantity(call: Call) -> Doc:
    """Whether so many of the product can be sold, and if not, why."""
    return catalog.salable_for(call.records, call.path[0], quantity(call.path[2]))


def are_salable_for_quantities(call: Call) -> list[Doc]:
    """The same for every product and quantity of the query."""
    asked = _listed(call.query.get("sku_requests", call.query.get("skuRequests")))
    return [
        {"sku": one["sku"], "stock_id": 1} | catalog.salable_for(call.records, one["sku"], quantity(one["qty"]))
        for one in asked
    ]


def _listed(given: Any) -> list[Any]:
    """The entries of a list in the query; Refusal 400 for anything else."""
    if not isinstance(given, dict):
        raise wrong_type(given, "array")
    return list(given.values())


def quantity(given: Any) -> Decimal:
    """A quantity of a request; Refusal 400 for what is no number."""
    try:
        return dec(given)
    except (InvalidOperation, ValueError):
        raise wrong_type(given, "float") from None
