"""One order with everything that is mirrored of it: what its page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from sqlalchemy import Connection, select

from crm_core.errors import NotFound
from crm_core.insight.breakdown import TotalRow, breakdown
from crm_core.insight.directory import ChannelName, Directory, StoreView
from crm_core.insight.linked import LinkedCart, linked_carts
from crm_core.insight.names import full_name
from crm_core.insight.related import (
    AttemptLine,
    CustomerFacts,
    TimelineEntry,
    address_in,
    attempts_of,
    customer_facts,
    timeline,
)
from crm_core.store.database import Store
from crm_core.store.documents import Address, Comment, Totals, decode_comments, shipping_address_of
from crm_core.store.tables import cart, order, order_item

_NONE = Decimal(0)

PaymentStanding = Literal["unpaid", "partly paid", "paid", "partly refunded", "refunded"]


@dataclass(frozen=True)
class OrderLine:
    """A line of an order in its currency; the children of a configurable or bundle line stand in `children`.

    Its row totals are after discount, `tax_amount` is of what is left, and `price` is before discount (observed on
    Magento 2.4.7; in the totals of a cart the row totals are before discount).
    """

    item_id: int
    product_id: int | None
    sku: str
    name: str
    product_type: str
    qty_ordered: Decimal
    qty_invoiced: Decimal | None
    qty_shipped: Decimal | None
    qty_refunded: Decimal | None
    qty_canceled: Decimal | None
    price: Decimal
    price_incl_tax: Decimal | None
    row_total: Decimal
    row_total_incl_tax: Decimal | None
    tax_amount: Decimal | None
    discount_amount: Decimal | None
    children: tuple[OrderLine, ...]

    @property
    def total(self) -> Decimal:
        """What the customer pays for all pieces of it, with tax and after discount."""
        return sum((_own_total(each) for each in self.priced), _NONE)

    @property
    def priced(self) -> tuple[OrderLine, ...]:
        """The lines that tell its money: itself, or its children where the shop prices and discounts those.

        Those of a bundle with a dynamic price are so, and its own row total is before discount (read in Magento's
        source). The children of other lines are worth nothing by themselves.
        """
        has_own = any(each.row_total_incl_tax or each.discount_amount for each in self.children)
        return self.children if has_own else (self,)


@dataclass(frozen=True)
class OrderRecord:
    """An order with everything that is mirrored of it; amounts without `base_` are in `order_currency`."""

    key: int
    shop_id: int
    origin_id: int
    increment_id: str
    channel: ChannelName | None
    store_view: StoreView | None
    state: str
    status: str
    name: str
    email: str | None
    customer: CustomerFacts
    is_guest: bool
    is_virtual: bool
    order_currency: str
    base_currency: str
    items_qty: Decimal
    grand_total: Decimal
    subtotal: Decimal
    tax_amount: Decimal | None
    shipping_amount: Decimal | None
    discount_amount: Decimal | None
    total_paid: Decimal | None
    total_due: Decimal | None
    total_invoiced: Decimal | None
    total_refunded: Decimal | None
    total_canceled: Decimal | None
    base_grand_total: Decimal
    base_subtotal: Decimal | None
    coupon_code: str | None
    discount_description: str | None
    payment_method: str | None
    payment_title: str | None
    po_number: str | None
    shipping_method: str | None
    shipping_description: str | None
    billing_address: Address | None
    shipping_address: Address | None
    comments: tuple[Comment, ...]
    remote_ip: str | None
    created_at: datetime
    updated_at: datetime
    synchronised_at: datetime
    gone_at: datetime | None
    placed_by: str | None
    cart: LinkedCart | None
    lines: tuple[OrderLine, ...]
    attempts: tuple[AttemptLine, ...]
    timeline: tuple[TimelineEntry, ...]

    @property
    def payment(self) -> PaymentStanding:
        """What has come in for the order and what went back."""
        paid, refunded = self.total_paid or Decimal(0), self.total_refunded or Decimal(0)
        if refunded:
            return "refunded" if refunded >= paid else "partly refunded"
        if not paid:
            return "unpaid"
        return "paid" if paid >= self.grand_total else "partly paid"

    @property
    def still_due(self) -> Decimal:
        """What is to come in, in the order's currency: Magento's own figure goes on holding what was cancelled."""
        return max(_NONE, (self.total_due or _NONE) - (self.total_canceled or _NONE))

    @property
    def breakdown(self) -> tuple[TotalRow, ...]:
        """The rows that make up the grand total; what holds tax is reckoned from the lines."""
        priced = [each for line in self.lines for each in line.priced]
        tax_of_lines = sum((each.tax_amount or _NONE for each in priced), _NONE)
        discount_of_lines = sum((each.discount_amount or _NONE for each in priced), _NONE)
        return breakdown(
            Totals(
                currency=self.order_currency,
                grand_total=self.grand_total,
                subtotal=self.subtotal,
                items_qty=self.items_qty,
                subtotal_incl_tax=sum((line.total for line in self.lines), discount_of_lines),
                discount_amount=self.discount_amount,
                shipping_amount=self.shipping_amount,
                shipping_incl_tax=(self.shipping_amount or _NONE) + (self.tax_amount or _NONE) - tax_of_lines,
                tax_amount=self.tax_amount,
            )
        )


def order_record(store: Store, key: int) -> OrderRecord:
    """The order with that record key, as one snapshot of the store holds it. Raises NotFound."""
    with store.reading() as connection:
        row = connection.execute(select(order).where(order.c.id == key)).one_or_none()
        if row is None:
            raise NotFound(f"There is no order with the id {key} here. Look for its number in the list of orders.")
        names = Directory.read(connection)
        channel = names.channel_of(row.shop_id, row.store_id)
        comments = tuple(decode_comments(row.comments))
        attempts = () if row.cart_id is None else attempts_of(connection, row.cart_id)
        beginning = TimelineEntry(row.created_at, "placed", row.placed_by, f"Order {row.increment_id} placed")
        return OrderRecord(
            key=row.id,
            shop_id=row.shop_id,
            origin_id=row.origin_id,
            increment_id=row.increment_id,
            channel=channel,
            store_view=names.store(row.shop_id, row.store_id),
            state=row.state,
            status=row.status,
            name=full_name(row.firstname, row.lastname),
            email=row.email,
            customer=customer_facts(connection, row),
            is_guest=row.is_guest,
            is_virtual=row.is_virtual,
            order_currency=row.order_currency,
            base_currency=row.base_currency,
            items_qty=row.items_qty,
            grand_total=row.grand_total,
            subtotal=row.subtotal,
            tax_amount=row.tax_amount,
            shipping_amount=row.shipping_amount,
            discount_amount=row.discount_amount,
            total_paid=row.total_paid,
            total_due=row.total_due,
            total_invoiced=row.total_invoiced,
            total_refunded=row.total_refunded,
            total_canceled=row.total_canceled,
            base_grand_total=row.base_grand_total,
            base_subtotal=row.base_subtotal,
            coupon_code=row.coupon_code,
            discount_description=row.discount_description,
            payment_method=row.payment_method,
            payment_title=row.payment_title,
            po_number=row.po_number,
            shipping_method=row.shipping_method,
            shipping_description=row.shipping_description,
            billing_address=address_in(row.billing_address),
            shipping_address=address_in(shipping_address_of(row.billing_address, row.shipping_address)),
            comments=comments,
            remote_ip=row.remote_ip,
            created_at=row.created_at,
            updated_at=row.updated_at,
            synchronised_at=row.synchronised_at,
            gone_at=row.gone_at,
            placed_by=row.placed_by,
            cart=None if row.cart_id is None else next(iter(linked_carts(connection, cart.c.id == row.cart_id)), None),
            lines=order_lines(connection, key),
            attempts=tuple(each for each in attempts if each.order_key == key),
            timeline=timeline(connection, "order", key, beginning, comments=comments),
        )


def order_lines(connection: Connection, key: int) -> tuple[OrderLine, ...]:
    """The lines of the order with that record key, each with its children; none for an order that is not there."""
    rows = connection.execute(
        select(order_item).where(order_item.c.order_id == key).order_by(order_item.c.item_id)
    ).all()
    known = {row.item_id for row in rows}
    children: dict[int, list[Any]] = {}
    tops: list[Any] = []
    for row in rows:
        (children.setdefault(row.parent_item_id, []) if row.parent_item_id in known else tops).append(row)
    return tuple(_order_line(row, children) for row in tops)


def _order_line(row: Any, children: dict[int, list[Any]]) -> OrderLine:
    return OrderLine(
        item_id=row.item_id,
        product_id=row.product_id,
        sku=row.sku,
        name=row.name,
        product_type=row.product_type,
        qty_ordered=row.qty_ordered,
        qty_invoiced=row.qty_invoiced,
        qty_shipped=row.qty_shipped,
        qty_refunded=row.qty_refunded,
        qty_canceled=row.qty_canceled,
        price=row.price,
        price_incl_tax=row.price_incl_tax,
        row_total=row.row_total,
        row_total_incl_tax=row.row_total_incl_tax,
        tax_amount=row.tax_amount,
        discount_amount=row.discount_amount,
        children=tuple(_order_line(child, {}) for child in children.get(row.item_id, ())),
    )


def _own_total(line: OrderLine) -> Decimal:
    if line.row_total_incl_tax is not None:
        return line.row_total_incl_tax
    return line.row_total + (line.tax_amount or _NONE)
