"""The products: which lines of a cart still show, what stock is salable, and the catalogue's and stock's answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from demo_store import attributes
from demo_store.numbers import dec, number
from demo_store.records import Records
from demo_store.refusal import Refusal
from demo_store.search import Columns
from demo_store.state import Doc

_GONE = "The product that was requested doesn't exist. Verify the product and try again."


def _read(product: Doc, name: str) -> Any:
    return product["id"] if name == "entity_id" else product.get(name)


COLUMNS = Columns(
    {
        "entity_id": "number",
        "sku": "text",
        "name": "text",
        "price": "number",
        "status": "number",
        "type_id": "text",
        "created_at": "time",
        "updated_at": "time",
    },
    _read,
    flat=False,
)


def by_sku(records: Records, sku: str) -> Doc:
    """The product of a SKU; Refusal 404 where there is none."""
    found = records.product_of_sku(sku)
    if found is None:
        raise Refusal(404, _GONE)
    return found


def enabled(product: Doc | None) -> bool:
    """True for a product that exists and is switched on."""
    return product is not None and product["status"] == 1


def shown(records: Records, line: Doc) -> bool:
    """True where a cart line still shows.

    Lines of disabled or deleted products vanish while the cart's counts and totals stay (observed on 2.4.7); a
    configurable line stays when its child was deleted, and vanishes when either was disabled.
    """
    if not enabled(records.product(line["product_id"])):
        return False
    child = records.product(line.get("child_id"))
    return child is None or enabled(child)


def stocked(records: Records, line: Doc) -> Doc | None:
    """The product whose stock a line needs: the chosen child of a configurable one, else the product itself."""
    return records.product(line.get("child_id") or line["product_id"])


def salable(product: Doc) -> Decimal:
    """The quantity that can still be sold: the stock without what open orders reserve; 0 for a disabled product."""
    if product["status"] != 1 or not product["is_in_stock"]:
        return Decimal(0)
    return dec(product["qty"]) - dec(product["reserved"])


def stock_message(product: Doc, qty: Decimal) -> str | None:
    """Why a quantity of a product cannot be ordered, in Magento's words; None where it can."""
    if not product["is_in_stock"]:
        return "Some of the products are out of stock."
    if qty < dec(product["min_sale_qty"]):
        return f"The fewest you may purchase is {number(dec(product['min_sale_qty']))}."
    if qty > dec(product["max_sale_qty"]):
        return "The requested qty exceeds the maximum qty allowed in shopping cart"
    increments = dec(product["qty_increments"])
    if increments and qty % increments:
        return f"You can buy this product only in quantities of {number(increments)} at a time."
    if not product["backorders"] and qty > salable(product):
        return "The requested qty is not available"
    return None


def rest(records: Records, product: Doc) -> Doc:
    """The product as GET /products/:sku answers it; a configurable one has no price of its own (observed on 2.4.7)."""
    extension: Doc = {"website_ids": product["website_ids"], "stock_item": stock_item(product)}
    body: Doc = {key: product[key] for key in ("id", "sku", "name")}
    is_configurable = product["type_id"] == "configurable"
    body |= {
        "attribute_set_id": 4,
        "price": 0 if is_configurable else product["price"],
        "status": product["status"],
        "visibility": 1 if product.get("parent_id") else 4,
        "type_id": product["type_id"],
        "created_at": product["created_at"],
        "updated_at": product["updated_at"],
    }
    if product["type_id"] != "virtual":
        body["weight"] = product["weight"]
    if is_configurable:
        extension["configurable_product_options"] = attributes.product_options(records, product)
        extension["configurable_product_links"] = product["children"]
    url_key = "".join(char if char.isalnum() else "-" for char in product["name"].lower())
    return body | {
        "extension_attributes": extension,
        "product_links": [],
        "options": [],
        "media_gallery_entries": [],
        "tier_prices": [],
        "custom_attributes": [
            {"attribute_code": "options_container", "value": "container2"},
            {"attribute_code": "url_key", "value": url_key.strip("-")},
            {"attribute_code": "required_options", "value": "1" if is_configurable else "0"},
            {"attribute_code": "has_options", "value": "1" if is_configurable else "0"},
            {"attribute_code": "tax_class_id", "value": "2"},
            {"attribute_code": "category_ids", "value": []},
            *attributes.custom_attributes(records, product),
        ],
    }


def listed(records: Records, product: Doc) -> Doc:
    """The product as GET /products answers it: without its stock."""
    body = rest(records, product)
    del body["extension_attributes"]["stock_item"]
    return body


def stock_item(product: Doc) -> Doc:
    """The legacy stock record of a product; its qty does not subtract open orders (observed on 2.4.7)."""
    increments = product["qty_increments"]
    return {
        "item_id": product["id"],
        "product_id": product["id"],
        "stock_id": 1,
        "qty": product["qty"],
        "is_in_stock": product["is_in_stock"],
        "is_qty_decimal": False,
        "show_default_notification_message": False,
        "use_config_min_qty": True,
        "min_qty": 0,
        "use_config_min_sale_qty": 1 if product["min_sale_qty"] == 1 else 0,
        "min_sale_qty": product["min_sale_qty"],
        "use_config_max_sale_qty": product["max_sale_qty"] == 10000,
        "max_sale_qty": product["max_sale_qty"],
        "use_config_backorders": not product["backorders"],
        "backorders": product["backorders"],
        "use_config_notify_stock_qty": True,
        "notify_stock_qty": 1,
        "use_config_qty_increments": not increments,
        "qty_increments": increments,
        "use_config_enable_qty_inc": not increments,
        "enable_qty_increments": bool(increments),
        "use_config_manage_stock": True,
        "manage_stock": True,
        "low_stock_date": None,
        "is_decimal_divided": False,
        "stock_status_changed_auto": 0,
    }


def salable_for(records: Records, sku: str, qty: Decimal) -> Doc:
    """The answer of is-product-salable-for-requested-qty for one SKU.

    Raises Refusal 400 for a product without a stock of its own (configurable), 500 for an unknown SKU.
    """
    product = records.product_of_sku(sku)
    if product is None:
        raise Refusal(500, "An error has happened during application run. See exception log for details.", html=True)
    if product["type_id"] == "configurable":
        raise Refusal(400, "Can't check requested quantity for products without Source Items support.")
    return {"salable": not (errors := _salable_errors(product, qty)), "errors": errors}


def _salable_errors(product: Doc, qty: Decimal) -> list[Doc]:
    if not product["is_in_stock"]:
        return [
            {
                "code": "is_any_source_item_in_stock-no_source_items_in_stock",
                "message": "There are no source items with the in stock status",
            }
        ]
    if product["status"] != 1:
        code, message = "no_data", "The requested sku is not assigned to given stock"
    elif qty > salable(product) and not product["backorders"]:
        code, message = "not_enough_qty", "The requested qty is not available"
    else:
        text = stock_message(product, qty)
        return [{"code": "is_correct_qty", "message": text}] if text else []
    return [
        {"code": "back_order-disabled", "message": "Backorders are disabled"},
        {"code": "manage_stock-enabled", "message": "Manage stock is enabled"},
        {"code": f"is_salable_with_reservations-{code}", "message": message},
    ]
