"""The order that a cart becomes: its columns, items, addresses, payment and taxes, as Magento writes them."""

from __future__ import annotations

import hashlib
from typing import Any

from demo_store import attributes, catalog
from demo_store.coupons import rule_of
from demo_store.numbers import ZERO, dec, number
from demo_store.records import Records
from demo_store.state import Doc

_NAMES = ("firstname", "lastname", "middlename", "prefix", "suffix", "company", "telephone", "postcode", "city")


def draft(records: Records, cart: Doc, remote_ip: str) -> Doc:
    """A new order from a cart whose sums are current; not stored yet. Only lines that still show are ordered."""
    ident = records.next_id("order")
    now = records.stamp()
    store = records.view(cart["store_id"])
    account = records.state.get("customer", cart["customer_id"]) if cart["customer_id"] else None
    billing = cart["billing"]
    lines = [line for line in cart["lines"] if catalog.shown(records, line)]
    sums = cart["sums"]
    site = next(one for one in records.settings["websites"] if one["id"] == store["website_id"])
    group = next(one for one in records.settings["groups"] if one["id"] == store["store_group_id"])
    order: Doc = {
        "base_currency_code": cart["base_currency_code"],
        "base_to_global_rate": 1,
        "base_to_order_rate": cart["base_to_quote_rate"],
        "created_at": now,
        "customer_email": account["email"] if account else billing["email"] or cart["customer_email"],
        "customer_firstname": account["firstname"] if account else billing["firstname"],
        "customer_group_id": account["group_id"] if account else 0,
        "customer_is_guest": int(account is None),
        "customer_lastname": account["lastname"] if account else billing["lastname"],
        "customer_note_notify": 1,
        "email_sent": 1,
        "entity_id": ident,
        "global_currency_code": "EUR",
        "increment_id": records.increment_id(cart["store_id"]),
        "is_virtual": cart["is_virtual"],
        "order_currency_code": cart["quote_currency_code"],
        "protect_code": hashlib.md5(f"{ident}/{now}".encode(), usedforsecurity=False).hexdigest(),
        "quote_id": cart["entity_id"],
        "remote_ip": remote_ip,
        "state": "new",
        "status": "pending",
        "store_currency_code": "EUR",
        "store_id": cart["store_id"],
        "store_name": f"{site['name']}\n{group['name']}\n{store['name']}",
        "store_to_base_rate": 0,
        "store_to_order_rate": 0,
        "total_item_count": len(lines),
        "total_qty_ordered": number(sum((dec(line["qty"]) for line in lines), ZERO)),
        "updated_at": now,
        "weight": 0,
    }
    if account is not None:
        order["customer_id"] = account["id"]
        for name in ("dob", "gender", "middlename", "prefix", "taxvat"):
            if account.get(name) is not None:
                order[f"customer_{name}"] = account[name]
    for prefix in ("", "base_"):
        order |= _amounts(sums, prefix)
    rule = rule_of(records, cart)
    if rule is not None:
        order |= {"coupon_code": cart["coupon_code"], "applied_rule_ids": str(rule["rule_id"])}
        order["discount_description"] = rule["name"]
    if not cart["is_virtual"]:
        order["shipping_description"] = cart["shipping_description"]
        order["_shipping_address"] = _address(records, cart["shipping"], "shipping", order)
        order["_shipping_method"] = cart["shipping_method"]
    order["billing_address"] = _address(records, billing, "billing", order)
    order["billing_address_id"] = order["billing_address"]["entity_id"]
    order["items"] = [item for line in lines for item in _items(records, cart, line, order)]
    order["weight"] = number(sum((dec(item["row_weight"]) for item in order["items"]), ZERO))
    order["payment"] = _payment(records, cart, order)
    order["status_histories"] = []
    order["extension_attributes"] = _extension(records, cart, order)
    return order


def _amounts(sums: Doc, prefix: str) -> Doc:
    shipping = sums[f"{prefix}shipping_amount"]
    tail = "amnt" if prefix else "amount"
    return {
        f"{prefix}discount_amount": sums[f"{prefix}discount_amount"],
        f"{prefix}grand_total": sums[f"{prefix}grand_total"],
        f"{prefix}discount_tax_compensation_amount": sums[f"{prefix}compensation"],
        f"{prefix}shipping_amount": shipping,
        f"{prefix}shipping_discount_amount": sums[f"{prefix}shipping_discount_amount"],
        f"{prefix}shipping_discount_tax_compensation_{tail}": 0,
        f"{prefix}shipping_incl_tax": shipping,
        f"{prefix}shipping_tax_amount": 0,
        f"{prefix}subtotal": sums[f"{prefix}subtotal"],
        f"{prefix}subtotal_incl_tax": sums[f"{prefix}subtotal_incl_tax"],
        f"{prefix}tax_amount": sums[f"{prefix}tax_amount"],
        f"{prefix}total_due": sums[f"{prefix}grand_total"],
    }


def _address(records: Records, address: Doc, kind: str, order: Doc) -> Doc:
    row: Doc = {"address_type": kind, "entity_id": records.next_id("order_address"), "parent_id": order["entity_id"]}
    row |= {"country_id": address["country_id"], "email": order["customer_email"], "street": address["street"]}
    for name in (*_NAMES, "region", "region_code", "region_id", "customer_address_id"):
        if address.get(name) is not None:
            row[name] = address[name]
    return row


def _items(records: Records, cart: Doc, line: Doc, order: Doc) -> list[Doc]:
    """The order items of a line: for a configurable product two, with the same SKU and the child at price 0."""
    child = records.product(line.get("child_id"))
    product = records.product(line["product_id"]) or {}
    item = _common(records, line, order, product["id"], line["name"], line["product_type"], line["item_id"])
    qty = dec(line["qty"])
    weight = dec((child or product).get("weight", 0))
    item |= {"is_virtual": int(line["product_type"] == "virtual"), "row_weight": number(weight * qty)}
    if line["product_type"] != "virtual":
        item["weight"] = number(weight)
    for prefix in ("", "base_"):
        row, discount = dec(line[f"{prefix}row_total"]), dec(line[f"{prefix}discount_amount"])
        tax = dec(line[f"{prefix}tax_amount"]) + dec(line[f"{prefix}compensation"])
        item |= {
            f"{prefix}discount_amount": line[f"{prefix}discount_amount"],
            f"{prefix}discount_tax_compensation_amount": line[f"{prefix}compensation"],
            f"{prefix}original_price": line[f"{prefix}original_price"],
            f"{prefix}price": line[f"{prefix}unit"],
            f"{prefix}price_incl_tax": line[f"{prefix}price_incl_tax"],
            # An order's row totals are after the discount, a cart's before it (observed on 2.4.7).
            f"{prefix}row_total": number(row - discount),
            f"{prefix}row_total_incl_tax": number(row - discount + tax),
            f"{prefix}tax_amount": line[f"{prefix}tax_amount"],
        }
    item |= {"discount_percent": line["discount_percent"], "tax_percent": line["tax_percent"]}
    item["extension_attributes"] = {"itemized_taxes": _itemized(records, cart, item)}
    if "applied_rule_ids" in order:
        item["applied_rule_ids"] = order["applied_rule_ids"]
    if child is None:
        return [item]
    item["product_option"] = {"extension_attributes": {"configurable_item_options": attributes.item_options(child)}}
    below = _common(records, line, order, child["id"], child["name"], "simple", line["item_id"] + 1)
    for name in ("tax_amount", "base_tax_amount", "discount_amount", "base_discount_amount", "original_price"):
        below[name] = 0
    below |= {"price": 0, "base_price": 0, "row_total": 0, "base_row_total": 0, "row_weight": 0}
    below |= {"tax_percent": 0, "discount_percent": 0, "is_virtual": 0, "weight": number(weight)}
    below |= {"row_total_incl_tax": 0, "base_row_total_incl_tax": 0, "parent_item_id": item["item_id"]}
    return [item, below | {"extension_attributes": {"itemized_taxes": []}}]


def _common(
    records: Records, line: Doc, order: Doc, product_id: int, name: str, kind: str, quote_item_id: int
) -> dict[str, Any]:
    zeros = ("qty_canceled", "qty_invoiced", "qty_refunded", "qty_shipped", "free_shipping", "is_qty_decimal")
    paid = ("amount_refunded", "discount_invoiced", "row_invoiced", "tax_invoiced")
    item: Doc = dict.fromkeys((*zeros, *paid, *(f"base_{one}" for one in paid), "no_discount"), 0)
    return item | {
        "created_at": order["created_at"],
        "updated_at": order["created_at"],
        "item_id": records.next_id("order_item"),
        "order_id": order["entity_id"],
        "store_id": order["store_id"],
        "quote_item_id": quote_item_id,
        "product_id": product_id,
        "product_type": kind,
        "sku": line["sku"],
        "name": name,
        "qty_ordered": line["qty"],
    }


def _itemized(records: Records, cart: Doc, item: Doc) -> list[Doc]:
    if not item["tax_amount"]:
        return []
    return [
        {
            "tax_item_id": records.next_id("tax_item"),
            "tax_id": item["order_id"],
            "item_id": item["item_id"],
            "tax_code": cart["tax_code"],
            "tax_percent": item["tax_percent"],
            "amount": item["tax_amount"],
            "base_amount": item["base_tax_amount"],
            "real_amount": item["tax_amount"],
            "real_base_amount": item["base_tax_amount"],
            "taxable_item_type": "product",
        }
    ]


def _payment(records: Records, cart: Doc, order: Doc) -> Doc:
    method = cart["payment"]["method"]
    title = records.site(cart["store_id"])["payments"][method]["title"]
    payment: Doc = {
        "account_status": None,
        "additional_information": [title, None] if method == "banktransfer" else [title],
        "amount_ordered": order["grand_total"],
        "base_amount_ordered": order["base_grand_total"],
        "base_shipping_amount": order["base_shipping_amount"],
        "cc_last4": None,
        "entity_id": records.next_id("order_payment"),
        "method": method,
        "parent_id": order["entity_id"],
        "shipping_amount": order["shipping_amount"],
    }
    if cart["payment"]["po_number"]:
        payment["po_number"] = cart["payment"]["po_number"]
    return payment


def _extension(records: Records, cart: Doc, order: Doc) -> Doc:
    method = cart["payment"]["method"]
    title = records.site(cart["store_id"])["payments"][method]["title"]
    info = [{"key": "method_title", "value": title}]
    if method == "banktransfer":
        info.append({"key": "instructions", "value": "null"})
    extension: Doc = {"payment_additional_info": info, "applied_taxes": [], "item_applied_taxes": []}
    taxes: list[Doc] = []
    if order["tax_amount"]:
        tax = {"code": cart["tax_code"], "title": cart["tax_code"], "percent": cart["tax_percent"]}
        whole = {"amount": order["tax_amount"], "base_amount": order["base_tax_amount"]}
        extension["applied_taxes"] = [tax | whole]
        extension["item_applied_taxes"] = [
            {
                "type": "product",
                "item_id": item["item_id"],
                "applied_taxes": [tax | {"amount": item["tax_amount"], "base_amount": item["base_tax_amount"]}],
            }
            for item in order["items"]
            if item["tax_amount"]
        ]
        rank = {"base_real_amount": order["base_tax_amount"], "priority": 0, "position": 0, "process": 0}
        taxes = [{"tax_id": order["entity_id"], "order_id": order["entity_id"]} | tax | whole | rank]
    return extension | {"converting_from_quote": False, "taxes": taxes, "additional_itemized_taxes": []}
