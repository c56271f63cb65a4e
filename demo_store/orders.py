"""Orders: how they are searched and shown, and what may be done to one in its state."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from demo_store import documents
from demo_store.numbers import ZERO, dec, number
from demo_store.records import Records
from demo_store.refusal import Refusal, no_such_order, required
from demo_store.search import Columns
from demo_store.state import Doc

_TEXT_LIMIT = 65_535  # MySQL's TEXT: Magento cuts a comment there without a word
_TEXTS = (
    "state status coupon_code protect_code shipping_description applied_rule_ids base_currency_code customer_email "
    "customer_firstname customer_lastname customer_middlename customer_prefix customer_suffix customer_taxvat "
    "discount_description ext_customer_id ext_order_id global_currency_code hold_before_state hold_before_status "
    "increment_id order_currency_code original_increment_id relation_child_id relation_child_real_id "
    "relation_parent_id relation_parent_real_id remote_ip shipping_method store_currency_code store_name "
    "x_forwarded_for customer_note"
)
_TIMES = "created_at updated_at customer_dob"
_AMOUNTS = (
    "discount_amount discount_canceled discount_invoiced discount_refunded grand_total shipping_amount "
    "shipping_canceled shipping_discount_amount shipping_incl_tax shipping_invoiced shipping_refunded "
    "shipping_tax_amount shipping_tax_refunded subtotal subtotal_canceled subtotal_incl_tax subtotal_invoiced "
    "subtotal_refunded tax_amount tax_canceled tax_invoiced tax_refunded total_canceled total_due total_invoiced "
    "total_offline_refunded total_online_refunded total_paid total_refunded adjustment_negative adjustment_positive"
)
_NUMBERS = (
    "entity_id is_virtual store_id customer_id total_qty_ordered customer_is_guest customer_note_notify "
    "billing_address_id customer_group_id edit_increment email_sent quote_id quote_address_id shipping_address_id "
    "weight total_item_count customer_gender store_to_base_rate store_to_order_rate base_to_global_rate "
    "base_to_order_rate can_ship_partially"
)


def _read(order: Doc, name: str) -> Any:
    return order.get(name)


COLUMNS = Columns.named(
    _read,
    flat=True,
    numbers=f"{_NUMBERS} {_AMOUNTS} {' '.join(f'base_{name}' for name in _AMOUNTS.split())}",
    texts=_TEXTS,
    times=_TIMES,
)
ITEM_COLUMNS = Columns.named(
    _read,
    flat=True,
    numbers="item_id order_id parent_item_id quote_item_id store_id product_id qty_ordered",
    texts="sku name product_type",
    times="created_at updated_at",
    key="item_id",
)


def existing(records: Records, order_id: int) -> Doc:
    """The order of an id (its entity_id, never its number); Refusal 404 where there is none."""
    found = records.state.get("order", order_id)
    if found is None:
        raise no_such_order()
    return found


def rest(order: Doc) -> Doc:
    """The order as the API answers it: null attributes absent, the shipping assignment repeating every item."""
    body = {key: value for key, value in order.items() if value is not None and not key.startswith("_")}
    items = items_rest(order)
    shipping: Doc = {}
    if not order["is_virtual"]:
        shipping = {"address": order["_shipping_address"], "method": order["_shipping_method"]}
    shipping["total"] = {
        key: value
        for key, value in order.items()
        if key.removeprefix("base_").startswith("shipping_") and key != "shipping_description"
    }
    body["items"] = items
    body["extension_attributes"] = {
        "shipping_assignments": [{"shipping": shipping, "items": items}],
        **order["extension_attributes"],
    }
    return body


def items_rest(order: Doc) -> list[Doc]:
    """The order's items, the child of a configurable one with its parent repeated inside."""
    by_id = {item["item_id"]: item for item in order["items"]}
    shown = []
    for item in order["items"]:
        parent = by_id.get(item.get("parent_item_id"))
        shown.append(item if parent is None else item | {"parent_item": parent})
    return shown


def hold(records: Records, order: Doc) -> None:
    """Put an order on hold; Refusal 400 in a state that does not allow it."""
    if order["state"] in {"canceled", "payment_review", "complete", "closed", "holded"}:
        raise Refusal(400, "A hold action is not available.")
    order |= {"hold_before_state": order["state"], "hold_before_status": order["status"]}
    _move(records, order, "holded", "holded")


def unhold(records: Records, order: Doc) -> None:
    """Take an order off hold, back to where it was; Refusal 400 where it is not held."""
    if order["state"] != "holded":
        raise Refusal(400, "You cannot remove the hold.")
    _move(records, order, order.pop("hold_before_state"), order.pop("hold_before_status"))


def cancel(records: Records, order: Doc) -> bool:
    """Cancel an order; False, and nothing else, where its state or an invoice does not allow it."""
    invoiced = all(dec(item["qty_invoiced"]) >= dec(item["qty_ordered"]) for item in documents.own_items(order))
    if order["state"] in {"canceled", "complete", "closed", "holded", "payment_review"} or invoiced:
        return False
    for prefix in ("", "base_"):
        for name in ("subtotal", "tax", "shipping", "discount"):
            amount = order.get(f"{prefix}{name}_amount" if name != "subtotal" else f"{prefix}subtotal")
            done = dec(order.get(f"{prefix}{name}_invoiced"))
            order[f"{prefix}{name}_canceled"] = number(abs(dec(amount)) - abs(done))
        order[f"{prefix}total_canceled"] = number(
            dec(order[f"{prefix}grand_total"]) - dec(order.get(f"{prefix}total_paid"))
        )
    for item in order["items"]:
        open_qty = dec(item["qty_ordered"]) - dec(item["qty_invoiced"])
        item["qty_canceled"] = number(open_qty)
        item["tax_canceled"] = item["tax_amount"]
        item["discount_tax_compensation_canceled"] = 0
        _release(records, item, open_qty)
    _move(records, order, "canceled", "canceled")
    return True


def _release(records: Records, item: Doc, qty: Decimal) -> None:
    product = records.product(item["product_id"])
    if product is not None and product["type_id"] != "configurable":
        product["reserved"] = number(max(ZERO, dec(product["reserved"]) - qty))
        records.state.touch("product", product["id"])


def comment(records: Records, order: Doc, body: Any) -> None:
    """POST comments: keep a note with the order.

    The order's updated_at does not move; characters beyond the basic plane become `????` and the text is cut at
    65,535 (observed on 2.4.7). Raises Refusal 400 without a note or for a status that the state does not have.
    """
    given = body.get("statusHistory", body.get("status_history")) if isinstance(body, dict) else None
    if not isinstance(given, dict):
        raise required("statusHistory")
    status = given.get("status") or order["status"]
    if status != order["status"] and status not in _STATUSES.get(order["state"], ()):
        raise Refusal(
            400,
            'Unable to add comment: The status "%1" is not part of the order\n                 status history.',
            [status],
        )
    text = "".join("????" if ord(char) > 0xFFFF else char for char in str(given.get("comment", "")))
    add_comment(records, order, text[:_TEXT_LIMIT], given, status)
    order["status"] = status


_STATUSES = {
    "new": ("pending", "processing", "fraud"),
    "processing": ("processing", "pending", "fraud"),
    "complete": ("complete",),
    "closed": ("closed",),
    "canceled": ("canceled",),
    "holded": ("holded",),
}


def add_comment(records: Records, order: Doc, text: str, given: Doc, status: str) -> None:
    """Add a comment to the order's history, newest first, without dating the order."""
    row = {
        "comment": text,
        "created_at": records.stamp(),
        "entity_id": records.next_id("comment"),
        "is_customer_notified": int(given.get("is_customer_notified", given.get("isCustomerNotified")) or 0),
        "is_visible_on_front": int(given.get("is_visible_on_front", given.get("isVisibleOnFront")) or 0),
        "parent_id": order["entity_id"],
        "status": status,
    }
    if "entity_name" in given:
        row["entity_name"] = given["entity_name"]
    order["status_histories"].insert(0, row)
    records.state.touch("order", order["entity_id"])


def settle(records: Records, order: Doc) -> None:
    """Move an order on after an invoice, a shipment or a refund, as Magento's state handler does."""
    if order["state"] in {"canceled", "holded"}:
        return
    own = documents.own_items(order)
    paid = dec(order.get("total_paid"))
    refunded = dec(order.get("total_refunded"))
    shipped = all(
        dec(item["qty_shipped"]) + dec(item["qty_refunded"]) >= dec(item["qty_ordered"]) or item["is_virtual"]
        for item in own
    )
    invoiced = all(dec(item["qty_invoiced"]) >= dec(item["qty_ordered"]) for item in own)
    if paid and refunded >= paid:
        _move(records, order, "closed", "closed")
    elif invoiced and shipped:
        _move(records, order, "complete", "complete")
    else:
        _move(records, order, "processing", "processing")


def _move(records: Records, order: Doc, state: str, status: str) -> None:
    order |= {"state": state, "status": status, "updated_at": records.stamp()}
    records.state.touch("order", order["entity_id"])


def invoice(records: Records, order: Doc, body: Any) -> str:
    """Invoice an order and move it on; returns the invoice id as text. Refusal 400 where nothing is to invoice."""
    ident = documents.invoice(records, order, body)
    settle(records, order)
    return ident


def ship(records: Records, order: Doc, body: Any) -> str:
    """Ship an order and move it on; returns the shipment id as text. Refusal 400 where nothing is to ship."""
    ident = documents.ship(records, order, body)
    settle(records, order)
    return ident


def refund(records: Records, order: Doc, body: Any) -> str:
    """Refund an order offline and move it on; returns the credit memo id as text. Refusal 400 where it may not be."""
    before = dec(order.get("base_total_refunded"))
    ident = documents.refund(records, order, body)
    settle(records, order)
    amount = dec(order["base_total_refunded"]) - before
    note = {"entity_name": "creditmemo"}
    add_comment(records, order, f"We refunded €{amount:.2f} offline.", note, order["status"])
    return ident
