"""The recorded shop: the exchanges of a running Magento 2.4.7-p3, and a demo shop holding what that one held."""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import Any

import msgspec

from demo_store import Shop, totals
from demo_store.configuration import configuration
from demo_store.records import Records
from demo_store.state import KINDS
from tests.recorded import exchanges

_PRODUCTS = (
    (1, "MUG-01", "Mug blue", 8.5, "simple"),
    (2, "MUG-02", 'Mug red "large"', 9.95, "simple"),
    (3, "TEE-01", "T-shirt Zoë & Søn", 19, "simple"),
    (4, "BAG-01", "Canvas bag", 24.9, "simple"),
    (5, "PEN-01", "Pen", 1.25, "simple"),
    (6, "BOOK 01", "Book with a space in its SKU", 32, "simple"),
    (7, "LAMP-01", "Lamp <b>bright</b>", 75, "simple"),
    (8, "CHAIR/1", "Chair with a slash in its SKU", 149, "simple"),
    (9, "DOOMED-01", "Product that will be deleted", 14, "simple"),
    (10, "RARE-01", "Rare item, stock 5", 12, "simple"),
    (12, "SOLDOUT-01", "Goes out of stock", 11, "simple"),
    (13, "DISABLED-01", "Gets disabled", 13, "simple"),
    (14, "VIRT-01", "Gift course (virtual)", 40, "virtual"),
    (15, "SHOE-Red", "Shoe Red", 60, "simple"),
    (16, "SHOE-Green", "Shoe Green", 60, "simple"),
    (17, "SHOE", "Shoe", 60, "configurable"),
)


def _settings() -> dict[str, Any]:
    settings = configuration()
    settings["websites"] = [
        {"id": 0, "code": "admin", "name": "Admin", "default_group_id": 0},
        {"id": 1, "code": "base", "name": "Main Website", "default_group_id": 1},
        {"id": 2, "code": "us", "name": "US Website", "default_group_id": 2},
    ]
    del settings["views"][-1]
    for site in settings["sites"].values():
        site["tax"] |= {"prices_include_tax": False, "default_country": "US", "percents": {"NL": 21}}
        site["carriers"]["flatrate"]["price"] = 5
        site["carriers"]["freeshipping"]["minimum"] = 500
        site["carriers"]["tablerate"]["active"] = False
    settings["admins"] = {
        name: {"password": "s", "failures": 0, "second_factor": False} for name in ("admin", "locktest")
    }
    settings["tokens"] = {"TOKEN": {"acl": None}}
    return settings


def _catalogue(records: Records) -> None:
    for ident, sku, name, price, kind in _PRODUCTS:
        product: dict[str, Any] = {"id": ident, "sku": sku, "name": name, "price": price, "status": 1, "type_id": kind}
        product |= {"website_ids": [1, 2], "weight": 1, "qty": 10000, "reserved": 0, "is_in_stock": True}
        product |= {"min_sale_qty": 1, "max_sale_qty": 10000, "qty_increments": 0, "backorders": 0}
        product |= {"created_at": "2026-11-21 18:08:07", "updated_at": "2026-11-21 18:08:07"}
        records.state.put("product", ident, product)
    for ident, colour in ((15, 4), (16, 5)):
        (records.product(ident) or {}).update(parent_id=17, choices={"93": colour})
    (records.product(17) or {}).update(attributes=[93], children=[15, 16])
    (records.product(10) or {})["qty"] = 5
    rule = {
        "rule_id": 1,
        "name": "Ten percent off",
        "is_active": True,
        "discount_amount": 10,
        "apply_to_shipping": False,
    }
    records.state.put("rule", 1, rule)
    coupon = {"coupon_id": 1, "rule_id": 1, "code": "TEN", "usage_limit": 0, "usage_per_customer": 0, "times_used": 0}
    records.state.put(
        "coupon", 1, coupon | {"expiration_date": None, "is_primary": True, "created_at": "2026-11-21 18:08:07"}
    )


def load_order(records: Records, body: dict[str, Any]) -> None:
    """Put an order as the API showed it into the shop."""
    order = copy.deepcopy(body)
    assignment = order["extension_attributes"].pop("shipping_assignments")[0]
    if "address" in assignment["shipping"]:
        order["_shipping_address"] = assignment["shipping"]["address"]
        order["_shipping_method"] = assignment["shipping"]["method"]
    for item in order["items"]:
        item.pop("parent_item", None)
    records.state.put("order", order["entity_id"], order)


def load_cart(records: Records, body: dict[str, Any]) -> None:
    """Put a cart as the API showed it into the shop; its totals are collected from today's prices."""
    account = body["customer"].get("id")
    shipping = copy.deepcopy(body["billing_address"])
    method = None
    assignments = body.get("extension_attributes", {}).get("shipping_assignments")
    if assignments:
        shipping, method = assignments[0]["shipping"]["address"], assignments[0]["shipping"]["method"]
    cart: dict[str, Any] = {
        "entity_id": body["id"],
        **{name: body[name] for name in ("store_id", "created_at", "items_count", "items_qty")},
        "updated_at": body.get("updated_at", body["created_at"]),
        **{name: int(body[name]) for name in ("is_active", "is_virtual", "customer_is_guest")},
        **body["currency"],
        "customer_id": account,
        "customer_email": body["customer"]["email"] or body["billing_address"]["email"],
        "customer_group_id": 1 if account else 0,
        "reserved_order_id": body.get("reserved_order_id"),
        "trigger_recollect": 0,
        "coupon_code": None,
        "remote_ip": "127.0.0.1",
        "billing": body["billing_address"],
        "shipping": shipping,
        "shipping_method": method,
        "shipping_description": "Flat Rate - Fixed" if method else None,
        "shipping_base_amount": 5 if method else 0,
        "rates": [],
        "payment": {"id": body["id"], "method": "checkmo", "po_number": None}
        if method or not body["is_active"]
        else None,
        "lines": [_line(records, one) for one in body.get("items", [])],
    }
    if cart["is_virtual"]:
        cart["payment"] = {"id": body["id"], "method": "checkmo", "po_number": None}
    records.state.put("cart", body["id"], cart)
    kept = {name: cart[name] for name in ("items_count", "items_qty", "is_virtual")}
    totals.collect(records, cart)
    cart |= kept


def _line(records: Records, body: dict[str, Any]) -> dict[str, Any]:
    product = records.product_of_sku(body["sku"]) or {}
    line = {name: body[name] for name in ("item_id", "sku", "qty", "name", "product_type")}
    configurable = body["product_type"] == "configurable"
    return line | {
        "product_id": product.get("parent_id") if configurable else product["id"],
        "child_id": product["id"] if configurable else None,
    }


def load(records: Records, exchange: dict[str, Any]) -> None:
    """Put what a recorded answer shows of the shop, if it is whole, into the shop."""
    body = exchange["response"]["body"]
    if exchange["response"]["status"] != 200 or "fields=" in exchange["request"]["query"] or not isinstance(body, dict):
        return
    for entity in body["items"] if isinstance(body.get("items"), list) and "total_count" in body else [body]:
        if "quote_id" in entity and "increment_id" in entity:
            load_order(records, entity)
        elif (
            "customer_is_guest" in entity
            and "currency" in entity
            and "/guest-carts/" not in exchange["request"]["path"]
        ):
            load_cart(records, entity)
        elif "disable_auto_group_change" in entity:
            records.state.put("customer", entity["id"], entity)
        elif "packages" in entity:
            records.state.put("shipment", entity["entity_id"], entity)
        elif "adjustment" in entity:
            records.state.put("creditmemo", entity["entity_id"], entity)


@cache
def _snapshot() -> dict[str, dict[int, bytes]]:
    """Everything the recorded shop answered about itself, as the demo shop stores it: records by kind and id."""
    records = Records()
    records.configure(_settings())
    _catalogue(records)
    for one in exchanges().values():
        load(records, one)
    for sequence in ("cart", "order", "customer", "comment", "invoice", "shipment", "creditmemo", "cart_item"):
        records.reached(sequence, 1000)
    state = records.state
    return {kind: {ident: msgspec.json.encode(state.get(kind, ident)) for ident in state.ids(kind)} for kind in KINDS}


def recorded_shop(path: str = "") -> Shop:
    """A fresh shop that holds what the recorded one held; its records are its own to change.

    Of carts and orders only those that an answer to `path` can depend on: all for a search, else those it names.
    """
    named = {int(part) for part in re.findall(r"/(\d+)", path)}
    shop = Shop()
    for kind in ("product", "rule", "coupon"):
        for ident in list(shop.records.state.ids(kind)):
            shop.records.state.remove(kind, ident)
    for kind, rows in _snapshot().items():
        whole = kind not in {"cart", "order"} or path.endswith((f"/{kind}s/search", f"/{kind}s"))
        for ident in rows if whole or path.endswith(f"{kind}s/items") else rows.keys() & named:
            shop.records.state.put(kind, ident, msgspec.json.decode(rows[ident]))
    return shop
