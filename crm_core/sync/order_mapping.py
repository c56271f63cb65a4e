"""From orders as a shop tells them to rows of the store, ready for a bulk upsert.

Values are as the database driver takes them: money and quantities 1/10000 in an integer, times milliseconds since 1970
UTC. A record that cannot be kept exactly raises BadRecord, naming what is wrong with it. Whether a record changed is
told by a hash of these values, never of the shop's bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date
from zoneinfo import ZoneInfo

import msgspec

from crm_core.errors import BadRecord
from crm_core.magento import payloads
from crm_core.store import documents
from crm_core.store.keys import record_key
from crm_core.store.search_keys import email_key, name_key, region_key
from crm_core.sync.values import (
    EPOCH,
    NO_ADDRESS,
    Row,
    address_document,
    content_hash,
    country,
    currency,
    has_nul,
    indexed,
    local_day_and_hour,
    milliseconds,
    packed,
    small,
    units,
    without_nul,
)

ORDER_COLUMNS = (
    "id", "shop_id", "origin_id", "store_id", "increment_id", "cart_id", "customer_id", "email", "firstname",
    "lastname", "name_key", "email_key", "is_guest", "is_virtual", "state", "status", "base_currency",
    "order_currency", "items_qty",
    "grand_total", "subtotal", "tax_amount", "shipping_amount", "discount_amount", "total_paid", "total_due",
    "total_invoiced", "total_refunded", "total_canceled", "base_grand_total", "base_subtotal", "base_tax_amount",
    "base_shipping_amount", "base_discount_amount", "base_total_paid", "base_total_invoiced", "base_total_refunded",
    "base_total_canceled", "coupon_code", "discount_description", "payment_method", "payment_title", "po_number",
    "shipping_method", "shipping_description", "billing_country", "billing_region", "remote_ip",
    "relation_parent_id", "created_at", "updated_at", "billing_address", "shipping_address", "comments",
    "local_day", "local_hour", "content_hash", "first_seen_at", "synchronised_at", "gone_at",
)  # fmt: skip
"""Columns of sales_order in the order of MappedOrder.values, then those that the writer adds."""

ORDER_ITEM_COLUMNS = (
    "order_id", "item_id", "parent_item_id", "quote_item_id", "product_id", "sku", "name", "product_type",
    "qty_ordered", "qty_invoiced", "qty_shipped", "qty_refunded", "qty_canceled", "price", "price_incl_tax",
    "row_total", "row_total_incl_tax", "tax_amount", "discount_amount", "base_price", "base_row_total",
)  # fmt: skip
"""Columns of sales_order_item in the order of MappedOrder.items."""

_NO_SHIPPING = payloads.Shipping()
_NO_PAYMENT = payloads.OrderPayment()


class MappedOrder(msgspec.Struct, frozen=True, gc=False):
    """An order as rows. `values` are those of ORDER_COLUMNS up to comments, `items` of ORDER_ITEM_COLUMNS."""

    key: int
    origin_id: int
    cart_key: int | None
    store_id: int
    state: str
    status: str
    base_currency: str
    base_grand_total: int
    base_total_refunded: int
    local_day: date
    local_hour: int
    content_hash: int
    values: Row
    items: list[Row]


def map_order(shop_id: int, order: payloads.Order, zones: Mapping[int, ZoneInfo]) -> MappedOrder:
    """The order as rows; `zones` are the time zones by store view, UTC for one that is not known any more.

    Raises BadRecord, naming the field, for what the store cannot keep exactly.
    """
    try:
        mapped, data = _order(shop_id, order, zones)
        return _order(shop_id, without_nul(order), zones)[0] if has_nul(data) else mapped
    except (ValueError, OverflowError) as unfit:
        raise BadRecord(f"Order {order.entity_id} cannot be kept: {unfit}.") from unfit
    except BadRecord as bad:
        raise BadRecord(f"Order {order.entity_id}: {bad}") from bad


def _order(shop_id: int, order: payloads.Order, zones: Mapping[int, ZoneInfo]) -> tuple[MappedOrder, bytes]:
    key = record_key(shop_id, order.entity_id)
    cart_key = record_key(shop_id, order.quote_id) if order.quote_id else None
    store_id = small(order.store_id, "store_id") or 0
    created = order.created_at
    if created is None:
        raise BadRecord("it has no created_at.")
    if order.increment_id is None:
        raise BadRecord("it has no increment_id.")
    state, status = order.state or "", order.status or ""
    if len(state) > 32 or len(status) > 32:
        raise BadRecord("its state or status is longer than Magento's 32 characters.")
    base_currency = currency(order.base_currency_code, "base_currency_code")
    grand_total, base_grand_total = units[order.grand_total], units[order.base_grand_total]
    if grand_total is None or base_grand_total is None:
        raise BadRecord("it has no grand_total.")
    base_refunded = units[order.base_total_refunded]
    billing = order.billing_address or NO_ADDRESS
    shipping = order.shipping or _NO_SHIPPING
    payment = order.payment or _NO_PAYMENT
    firstname = order.customer_firstname if order.customer_firstname is not None else billing.firstname
    lastname = order.customer_lastname if order.customer_lastname is not None else billing.lastname
    said = (
        key,
        shop_id,
        order.entity_id,
        store_id,
        indexed(order.increment_id, "increment_id"),
        cart_key,
        record_key(shop_id, order.customer_id) if order.customer_id else None,
        order.customer_email,
        firstname,
        lastname,
        name_key(lastname, firstname),
        email_key(order.customer_email),
        bool(order.customer_is_guest) or not order.customer_id,
        bool(order.is_virtual),
        state,
        status,
        base_currency,
        currency(order.order_currency_code, "order_currency_code") if order.order_currency_code else base_currency,
        units[order.total_qty_ordered] or 0,
        grand_total,
        units[order.subtotal] or 0,
        units[order.tax_amount],
        units[order.shipping_amount],
        units[order.discount_amount],
        units[order.total_paid],
        units[order.total_due],
        units[order.total_invoiced],
        units[order.total_refunded],
        units[order.total_canceled],
        base_grand_total,
        units[order.base_subtotal],
        units[order.base_tax_amount],
        units[order.base_shipping_amount],
        units[order.base_discount_amount],
        units[order.base_total_paid],
        units[order.base_total_invoiced],
        base_refunded,
        units[order.base_total_canceled],
        order.coupon_code,
        order.discount_description,
        payment.method,
        payment.title,
        payment.po_number,
        shipping.method,
        order.shipping_description,
        country(billing.country_id),
        region_key(billing.region),
        order.remote_ip,
        _id(order.relation_parent_id),
        milliseconds(created),
        milliseconds(order.updated_at or created),
    )
    items = [_order_item(key, item) for item in order.items or ()]
    bill_to = _document(order.billing_address)
    ship_to = bill_to if shipping.address == order.billing_address else _document(shipping.address)
    comments = _comments(order.status_histories) if order.status_histories else "[]"
    # The local day is left out of what tells a change: it follows from created_at and the zone.
    data = packed((said, items, _raw(bill_to), ship_to == bill_to or _raw(ship_to), msgspec.Raw(comments)))
    if ship_to is not None and ship_to == bill_to:
        # So do most orders: kept twice, the address would be more than a third of the row.
        ship_to = documents.SAME_AS_BILLING
    day, hour = local_day_and_hour(created, zones.get(store_id, UTC))
    mapped = MappedOrder(
        key,
        order.entity_id,
        cart_key,
        store_id,
        state,
        status,
        base_currency,
        base_grand_total,
        base_refunded or 0,
        day,
        hour,
        content_hash(data),
        (*said, bill_to, ship_to, comments),
        items,
    )
    return mapped, data


def _document(address: payloads.Address | None) -> str | None:
    return None if address is None else documents.encode(address_document(address))


def _raw(document: str | None) -> msgspec.Raw | None:
    """The document as it is, where a text would be escaped letter by letter."""
    return None if document is None else msgspec.Raw(document)


def _order_item(order_key: int, item: payloads.OrderItem) -> Row:
    return (
        order_key,
        item.item_id,
        item.parent_item_id,
        item.quote_item_id,
        item.product_id,
        indexed(item.sku or "", "sku"),
        item.name or item.sku or "",
        item.product_type or "simple",
        units[item.qty_ordered] or 0,
        units[item.qty_invoiced],
        units[item.qty_shipped],
        units[item.qty_refunded],
        units[item.qty_canceled],
        units[item.price] or 0,
        units[item.price_incl_tax],
        units[item.row_total] or 0,
        units[item.row_total_incl_tax],
        units[item.tax_amount],
        units[item.discount_amount],
        units[item.base_price] or 0,
        units[item.base_row_total] or 0,
    )


def _id(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) <= 18 else None


def _comments(histories: Iterable[payloads.StatusHistory]) -> str:
    newest_first = sorted(histories, key=lambda entry: (entry.created_at or EPOCH, entry.entity_id or 0), reverse=True)
    return documents.encode(
        [
            documents.Comment(
                created_at=None if entry.created_at is None else entry.created_at.replace(tzinfo=UTC),
                status=entry.status,
                comment=entry.comment,
                is_customer_notified=None if entry.is_customer_notified is None else entry.is_customer_notified == 1,
                is_visible_on_front=None if entry.is_visible_on_front is None else entry.is_visible_on_front == 1,
                origin_id=entry.entity_id,
            )
            for entry in newest_first
        ]
    )
