"""Invoices, shipments and credit memos of an order: what each refuses, and what it leaves in the order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from demo_store.numbers import ZERO, cents, dec, number
from demo_store.records import Records
from demo_store.refusal import Refusal, wrong_type
from demo_store.search import Columns
from demo_store.state import Doc


def _read(document: Doc, name: str) -> Any:
    return document.get(name)


COLUMNS = Columns.named(
    _read,
    flat=True,
    numbers="entity_id order_id store_id grand_total base_grand_total state customer_id total_qty",
    texts="increment_id order_currency_code",
    times="created_at updated_at",
)


def own_items(order: Doc) -> list[Doc]:
    """The items that carry the money: not the children of configurable ones."""
    return [item for item in order["items"] if not item.get("parent_item_id")]


def _asked(order: Doc, body: Any, done: str, kind: str) -> list[tuple[Doc, Decimal]]:
    """The items and quantities of a request; everything still open where it names none."""
    given = body.get("items") if isinstance(body, dict) else None
    if given is not None and not (isinstance(given, list) and all(isinstance(one, dict) for one in given)):
        raise wrong_type(given, "array")
    asked = []
    for item in own_items(order):
        open_qty = dec(item["qty_ordered"]) - dec(item[done]) - dec(item["qty_canceled"])
        if given:
            row = next((one for one in given if one.get("order_item_id") == item["item_id"]), None)
            if row is None:
                continue
            qty = dec(row.get("qty"))
            if qty > open_qty:
                raise Refusal(400, f'We found an invalid quantity to {kind} item "%1".', [item["name"]])
        else:
            qty = open_qty
        if qty > 0:
            asked.append((item, qty))
    return asked


def _refused(kind: str, *reasons: str) -> Refusal:
    return Refusal(400, "\n".join([f"{kind} Document Validation Error(s):", *reasons]))


def invoice(records: Records, order: Doc, body: Any) -> str:
    """POST order/:id/invoice: invoice what is open (or what the body names); returns the invoice id as text."""
    asked = _asked(order, body, "qty_invoiced", "invoice")
    reasons = [] if asked else ["The invoice can't be created without products. Add products and try again."]
    if order["state"] in {"canceled", "holded"}:
        if order["state"] == "holded":
            reasons = []
        raise _refused(
            "Invoice", *reasons, f"An invoice cannot be created when an order has a status of {order['status']}"
        )
    if not asked:
        raise _refused("Invoice", *reasons, "The order does not allow an invoice to be created.")
    first = not dec(order.get("total_invoiced"))
    for prefix in ("", "base_"):
        subtotal, tax, discount, comp = ZERO, ZERO, ZERO, ZERO
        for item, qty in asked:
            share = qty / dec(item["qty_ordered"])
            row = dec(item[f"{prefix}row_total"]) + dec(item[f"{prefix}discount_amount"])
            subtotal += cents(row * share)
            tax += cents(dec(item[f"{prefix}tax_amount"]) * share)
            discount += cents(dec(item[f"{prefix}discount_amount"]) * share)
            comp += cents(dec(item.get(f"{prefix}discount_tax_compensation_amount")) * share)
            for name, amount in (("row", row), ("tax", dec(item[f"{prefix}tax_amount"]))):
                item[f"{prefix}{name}_invoiced"] = number(dec(item[f"{prefix}{name}_invoiced"]) + cents(amount * share))
            item[f"{prefix}discount_invoiced"] = number(
                dec(item[f"{prefix}discount_invoiced"]) + cents(dec(item[f"{prefix}discount_amount"]) * share)
            )
            item[f"{prefix}discount_tax_compensation_invoiced"] = item.get(
                f"{prefix}discount_tax_compensation_amount", 0
            )
        shipping = dec(order[f"{prefix}shipping_amount"]) if first else ZERO
        discount += dec(order[f"{prefix}shipping_discount_amount"]) if first else ZERO
        total = subtotal - discount + tax + comp + shipping
        _add(order, f"{prefix}subtotal_invoiced", subtotal)
        _add(order, f"{prefix}tax_invoiced", tax)
        _add(order, f"{prefix}discount_invoiced", -discount)
        _add(order, f"{prefix}discount_tax_compensation_invoiced", comp)
        _add(order, f"{prefix}shipping_invoiced", shipping)
        _add(order, f"{prefix}total_invoiced", total)
        _add(order, f"{prefix}total_paid", total)
        order[f"{prefix}total_due"] = number(dec(order[f"{prefix}grand_total"]) - dec(order[f"{prefix}total_paid"]))
        order["payment"][f"{prefix}amount_paid"] = order[f"{prefix}total_paid"]
        order["payment"][f"{prefix}shipping_captured"] = order[f"{prefix}shipping_invoiced"]
    order["base_total_invoiced_cost"] = 0
    for item, qty in asked:
        _count(order, item, "qty_invoiced", qty)
    _zero_children(order, "discount_tax_compensation_invoiced")
    ident = records.next_id("invoice")
    document = _document(records, order, ident, "invoice")
    document |= {"grand_total": order["total_invoiced"], "base_grand_total": order["base_total_invoiced"], "state": 2}
    document["items"] = [
        {"entity_id": records.next_id("invoice_item"), "parent_id": ident, "order_item_id": item["item_id"]}
        | {"sku": item["sku"], "name": item["name"], "price": item["price"], "qty": number(qty)}
        for item, qty in asked
    ]
    records.state.put("invoice", ident, document)
    return str(ident)


def ship(records: Records, order: Doc, body: Any) -> str:
    """POST order/:id/ship: ship what is open (or what the body names); returns the shipment id as text."""
    asked = [(item, qty) for item, qty in _asked(order, body, "qty_shipped", "ship") if not item["is_virtual"]]
    nothing = "You can't create a shipment without products."
    if order["state"] in {"new", "canceled", "holded"} and (not asked or order["state"] != "new"):
        raise _refused(
            "Shipment", f"A shipment cannot be created when an order has a status of {order['status']}", nothing
        )
    if not asked:
        raise _refused("Shipment", "The order does not allow a shipment to be created.", nothing)
    ident = records.next_id("shipment")
    document = _document(records, order, ident, "shipment")
    document |= {"packages": [], "total_qty": number(sum((qty for _, qty in asked), ZERO))}
    document["items"] = []
    for item, qty in asked:
        _count(order, item, "qty_shipped", qty)
        row = {name: item[name] for name in ("name", "price", "product_id", "sku")}
        row |= {"entity_id": records.next_id("shipment_item"), "parent_id": ident, "weight": item.get("weight", 0)}
        document["items"].append(row | {"order_item_id": item["item_id"], "qty": number(qty)})
        _take(records, order, item, qty)
    tracks = body.get("tracks") if isinstance(body, dict) else None
    document["tracks"] = [
        {
            "order_id": order["entity_id"],
            "created_at": records.stamp(),
            "entity_id": records.next_id("track"),
            "parent_id": ident,
            "updated_at": records.stamp(),
            "weight": None,
            "qty": None,
            "description": None,
            "track_number": one.get("track_number", one.get("trackNumber")),
            "title": one.get("title"),
            "carrier_code": one.get("carrier_code", one.get("carrierCode")),
        }
        for one in tracks or []
    ]
    document |= {"comments": [], "extension_attributes": {"source_code": "default"}}
    records.state.put("shipment", ident, document)
    return str(ident)


def refund(records: Records, order: Doc, body: Any) -> str:
    """POST order/:id/refund, offline: refund what is invoiced (or what the body names); returns its id as text."""
    if order["state"] in {"closed", "canceled", "holded", "new"}:
        raise _refused("Creditmemo", f"A creditmemo can not be created when an order has a status of {order['status']}")
    asked = [
        (item, min(qty, dec(item["qty_invoiced"]) - dec(item["qty_refunded"])))
        for item, qty in _asked(order, body, "qty_refunded", "refund")
    ]
    asked = [(item, qty) for item, qty in asked if qty > 0]
    if not asked:
        raise _refused("Creditmemo", "The order does not allow a creditmemo to be created.")
    everything = all(dec(item["qty_refunded"]) == 0 and qty == dec(item["qty_invoiced"]) for item, qty in asked)
    everything = everything and len(asked) == len(own_items(order))
    document = _document(records, order, ident := records.next_id("creditmemo"), "creditmemo")
    document |= {"adjustment": 0, "base_adjustment": 0, "state": 2}
    for prefix in ("", "base_"):
        subtotal, tax, discount, comp = ZERO, ZERO, ZERO, ZERO
        for item, qty in asked:
            share = qty / dec(item["qty_ordered"])
            row = cents((dec(item[f"{prefix}row_total"]) + dec(item[f"{prefix}discount_amount"])) * share)
            subtotal += row
            tax += cents(dec(item[f"{prefix}tax_amount"]) * share)
            discount += cents(dec(item[f"{prefix}discount_amount"]) * share)
            comp += cents(dec(item.get(f"{prefix}discount_tax_compensation_amount")) * share)
            _add(item, f"{prefix}amount_refunded", row)
            _add(item, f"{prefix}tax_refunded", cents(dec(item[f"{prefix}tax_amount"]) * share))
            _add(item, f"{prefix}discount_refunded", cents(dec(item[f"{prefix}discount_amount"]) * share))
            _add(item, f"{prefix}discount_tax_compensation_refunded", ZERO)
        shipping = dec(order.get(f"{prefix}shipping_invoiced")) if everything else ZERO
        discount += dec(order[f"{prefix}shipping_discount_amount"]) if everything else ZERO
        total = subtotal - discount + tax + comp + shipping
        _add(order, f"{prefix}subtotal_refunded", subtotal)
        _add(order, f"{prefix}tax_refunded", tax)
        _add(order, f"{prefix}discount_refunded", -discount)
        _add(order, f"{prefix}discount_tax_compensation_refunded", comp)
        _add(order, f"{prefix}shipping_refunded", shipping)
        _add(order, f"{prefix}shipping_tax_refunded", ZERO)
        _add(order, f"{prefix}total_refunded", total)
        _add(order, f"{prefix}total_offline_refunded", total)
        for name in ("adjustment_negative", "adjustment_positive"):
            _add(order, f"{prefix}{name}", ZERO)
        order["payment"][f"{prefix}amount_refunded"] = order[f"{prefix}total_refunded"]
        order["payment"][f"{prefix}shipping_refunded"] = order[f"{prefix}shipping_refunded"]
        document |= {f"{prefix}grand_total": number(total), f"{prefix}subtotal": number(subtotal)}
        document |= {f"{prefix}tax_amount": number(tax), f"{prefix}shipping_amount": number(shipping)}
        document |= {
            f"{prefix}discount_amount": number(-discount),
            f"{prefix}subtotal_incl_tax": number(subtotal + tax),
        }
        document |= {f"{prefix}shipping_incl_tax": number(shipping), f"{prefix}shipping_tax_amount": 0}
        document[f"{prefix}discount_tax_compensation_amount"] = number(comp)
    for item, qty in asked:
        _count(order, item, "qty_refunded", qty)
    _zero_children(order, "discount_refunded", "discount_tax_compensation_refunded", "tax_refunded")
    document["items"] = [_memo_item(records, ident, item, qty) for item, qty in asked]
    document["comments"] = []
    records.state.put("creditmemo", ident, document)
    return str(ident)


def _memo_item(records: Records, ident: int, item: Doc, qty: Decimal) -> Doc:
    row: Doc = {"base_cost": None, "entity_id": records.next_id("creditmemo_item"), "parent_id": ident}
    row |= {"order_item_id": item["item_id"], "qty": number(qty)}
    for name in ("name", "sku", "product_id", "price", "base_price", "price_incl_tax", "base_price_incl_tax"):
        row[name] = item[name]
    for name in ("row_total", "base_row_total", "row_total_incl_tax", "base_row_total_incl_tax"):
        row[name] = number(cents(dec(item[name]) * qty / dec(item["qty_ordered"])))
    for name in ("tax_amount", "base_tax_amount"):
        row[name] = number(cents(dec(item[name]) * qty / dec(item["qty_ordered"])))
    zeros = ("base_weee_tax_row_disposition", "weee_tax_applied_row_amount", "weee_tax_row_disposition")
    row |= dict.fromkeys((*zeros, "discount_tax_compensation_amount", "base_discount_tax_compensation_amount"), 0)
    return row | {"weee_tax_applied": "[]"}


def _document(records: Records, order: Doc, ident: int, kind: str) -> Doc:
    now = records.stamp()
    document: Doc = {
        "entity_id": ident,
        "order_id": order["entity_id"],
        "store_id": order["store_id"],
        "increment_id": f"{'' if order['store_id'] == 1 else order['store_id']}{ident:09d}",
        "billing_address_id": order["billing_address_id"],
        "created_at": now,
        "updated_at": now,
    }
    if order.get("_shipping_address"):
        document["shipping_address_id"] = order["_shipping_address"]["entity_id"]
    if kind == "shipment":
        if order.get("customer_id"):
            document["customer_id"] = order["customer_id"]
        return document
    names = ("base_currency_code", "global_currency_code", "order_currency_code", "store_currency_code")
    document |= {name: order[name] for name in (*names, "base_to_global_rate", "base_to_order_rate")}
    return document | {"store_to_base_rate": 0, "store_to_order_rate": 0}


def _add(row: Doc, name: str, amount: Decimal) -> None:
    row[name] = number(dec(row.get(name)) + amount)


def _count(order: Doc, item: Doc, name: str, qty: Decimal) -> None:
    """Count a quantity on an item and, except for shipping (as Magento does), on its child."""
    _add(item, name, qty)
    if name != "qty_shipped":
        for child in order["items"]:
            if child.get("parent_item_id") == item["item_id"]:
                _add(child, name, qty)


def _zero_children(order: Doc, *names: str) -> None:
    """Note on the children of configurable items that none of these amounts was theirs."""
    for item in order["items"]:
        if item.get("parent_item_id"):
            item |= dict.fromkeys((*names, *(f"base_{name}" for name in names)), 0)


def _take(records: Records, order: Doc, item: Doc, qty: Decimal) -> None:
    """Take shipped goods out of the stock; their reservation ends."""
    child = next((one for one in order["items"] if one.get("parent_item_id") == item["item_id"]), item)
    product = records.product(child["product_id"])
    if product is not None:
        product["qty"] = number(max(ZERO, dec(product["qty"]) - qty))
        product["reserved"] = number(max(ZERO, dec(product["reserved"]) - qty))
        records.state.touch("product", product["id"])
