"""One cart, one order, with everything that is mirrored of it: what the record pages show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import Connection, select

from crm_core.errors import NotFound
from crm_core.insight.directory import ChannelName, Directory, StoreView
from crm_core.insight.names import full_name
from crm_core.insight.related import (
    CANCELLED_STATE,
    AttemptLine,
    CustomerFacts,
    TimelineEntry,
    attempts_of,
    customer_facts,
    timeline,
)
from crm_core.insight.subtotals import told_subtotal
from crm_core.store.database import Store
from crm_core.store.documents import (
    Address,
    Comment,
    Option,
    Totals,
    decode_address,
    decode_comments,
    decode_options,
    decode_totals,
)
from crm_core.store.tables import cart, cart_item, order, order_item

_UNITS = Decimal("0.0001")


@dataclass(frozen=True)
class CartLine:
    """A line of a cart; amounts are in the cart's own currency, without tax and discount.

    The shop tells them in its base currency: in another one they are by its rate, so about what it will say.
    `state` is present, removed (taken out of the cart) or unavailable (the shop counts it but does not list it).
    """

    item_id: int
    sku: str
    name: str
    product_type: str
    qty: Decimal
    price: Decimal
    row_total: Decimal
    options: tuple[Option, ...]
    state: str
    state_since: datetime


@dataclass(frozen=True)
class LinkedOrder:
    """An order of a cart; `grand_total` is in `currency`."""

    key: int
    increment_id: str
    state: str
    status: str
    grand_total: Decimal
    currency: str
    created_at: datetime
    gone_at: datetime | None

    @property
    def is_cancelled(self) -> bool:
        """Whether it no longer counts as the cart's purchase."""
        return self.state == CANCELLED_STATE


@dataclass(frozen=True)
class LinkedCart:
    """The cart of an order."""

    key: int
    origin_id: int
    status: str


@dataclass(frozen=True)
class CartRecord:
    """A cart with everything that is mirrored of it.

    `base_subtotal` is the sum of the lines in `base_currency`; `about_subtotal` is it in `quote_currency` by the shop's
    rate. `grand_total`, `coupon_code` and `totals` are in `quote_currency`, as read at `totals_read_at`; None if they
    never were. `order` is the order that the cart became, or the latest cancelled one; `orders` are all of them.
    """

    key: int
    shop_id: int
    origin_id: int
    channel: ChannelName | None
    store_view: StoreView | None
    status: str
    name: str
    email: str | None
    customer: CustomerFacts
    is_guest: bool
    is_active: bool
    is_virtual: bool
    items_count: int
    items_qty: Decimal
    unavailable_count: int
    base_currency: str
    quote_currency: str
    base_subtotal: Decimal
    about_subtotal: Decimal
    totals: Totals | None
    grand_total: Decimal | None
    coupon_code: str | None
    totals_read_at: datetime | None
    billing_address: Address | None
    shipping_address: Address | None
    shipping_method: str | None
    created_at: datetime
    updated_at: datetime
    last_activity_at: datetime
    synchronised_at: datetime
    closing_since: datetime | None
    gone_at: datetime | None
    made_from_order: bool
    lost_at: datetime | None
    lost_by: str | None
    lost_reason: str | None
    activity_after_lost_at: datetime | None
    order: LinkedOrder | None
    orders: tuple[LinkedOrder, ...]
    present: tuple[CartLine, ...]
    unavailable: tuple[CartLine, ...]
    removed: tuple[CartLine, ...]
    attempts: tuple[AttemptLine, ...]
    timeline: tuple[TimelineEntry, ...]

    @property
    def told_subtotal(self) -> Decimal | None:
        """The subtotal, about, in the cart's own currency; None where the shop never told the lines."""
        return told_subtotal(self.status, self.items_qty, self.about_subtotal)

    @property
    def alarm(self) -> str | None:
        """What must be mended in the shop: an attempt found several live orders of the cart, and they still are."""
        live = [each for each in self.orders if not each.is_cancelled and each.gone_at is None]
        return next((each.alarm for each in self.attempts if each.alarm), None) if len(live) > 1 else None


@dataclass(frozen=True)
class OrderLine:
    """A line of an order in its currency; children of a configurable or bundle line stand in `children`, unpriced."""

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


def cart_record(store: Store, key: int) -> CartRecord:
    """The cart with that record key, as one snapshot of the store holds it. Raises NotFound."""
    with store.reading() as connection:
        row = connection.execute(select(cart).where(cart.c.id == key)).one_or_none()
        if row is None:
            raise NotFound(f"There is no cart with the id {key} here. Look for its number in the list of carts.")
        names = Directory.read(connection)
        channel = names.channel_of(row.shop_id, row.store_id)
        rate = Decimal(row.base_to_quote_rate)
        lines = _cart_lines(connection, key, rate)
        orders = _orders_of_cart(connection, key)
        mine = next((each for each in orders if each.key == row.order_id), None)
        attempts = attempts_of(connection, key)
        beginning = TimelineEntry(row.created_at, "created", None, "Cart created")
        return CartRecord(
            key=row.id,
            shop_id=row.shop_id,
            origin_id=row.origin_id,
            channel=channel,
            store_view=names.store(row.shop_id, row.store_id),
            status=row.status,
            name=full_name(row.firstname, row.lastname),
            email=row.email,
            customer=customer_facts(connection, row),
            is_guest=row.is_guest,
            is_active=row.is_active,
            is_virtual=row.is_virtual,
            items_count=row.items_count,
            items_qty=row.items_qty,
            unavailable_count=row.unavailable_count,
            base_currency=row.base_currency,
            quote_currency=row.quote_currency,
            base_subtotal=row.base_subtotal,
            about_subtotal=_exact(row.base_subtotal * rate),
            totals=decode_totals(row.totals) if row.totals else None,
            grand_total=row.grand_total,
            coupon_code=row.coupon_code,
            totals_read_at=row.totals_read_at,
            billing_address=_address(row.billing_address),
            shipping_address=_address(row.shipping_address),
            shipping_method=row.shipping_method,
            created_at=row.created_at,
            updated_at=row.updated_at,
            last_activity_at=row.last_activity_at,
            synchronised_at=row.synchronised_at,
            closing_since=row.closing_since,
            gone_at=row.gone_at,
            made_from_order=row.made_from_order,
            lost_at=row.lost_at,
            lost_by=row.lost_by,
            lost_reason=row.lost_reason,
            activity_after_lost_at=row.activity_after_lost_at,
            order=mine,
            orders=orders,
            present=tuple(line for line in lines if line.state == "present"),
            unavailable=tuple(line for line in lines if line.state == "unavailable"),
            removed=tuple(line for line in lines if line.state == "removed"),
            attempts=attempts,
            timeline=timeline(connection, "cart", key, beginning, attempts=attempts),
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
            billing_address=_address(row.billing_address),
            shipping_address=_address(row.shipping_address),
            comments=comments,
            remote_ip=row.remote_ip,
            created_at=row.created_at,
            updated_at=row.updated_at,
            synchronised_at=row.synchronised_at,
            gone_at=row.gone_at,
            placed_by=row.placed_by,
            cart=_cart_of_order(connection, row.cart_id),
            lines=_order_lines(connection, key),
            attempts=tuple(each for each in attempts if each.order_key == key),
            timeline=timeline(connection, "order", key, beginning, comments=comments),
        )


def _cart_lines(connection: Connection, key: int, rate: Decimal) -> list[CartLine]:
    rows = connection.execute(select(cart_item).where(cart_item.c.cart_id == key).order_by(cart_item.c.item_id))
    return [
        CartLine(
            item_id=row.item_id,
            sku=row.sku,
            name=row.name,
            product_type=row.product_type,
            qty=row.qty,
            price=_exact(row.base_price * rate),
            row_total=_exact(row.base_price * row.qty * rate),
            options=tuple(decode_options(row.options)) if row.options else (),
            state=row.state,
            state_since=row.state_since,
        )
        for row in rows
    ]


def _orders_of_cart(connection: Connection, key: int) -> tuple[LinkedOrder, ...]:
    rows = connection.execute(select(order).where(order.c.cart_id == key).order_by(order.c.id.desc()))
    return tuple(
        LinkedOrder(
            key=row.id,
            increment_id=row.increment_id,
            state=row.state,
            status=row.status,
            grand_total=row.grand_total,
            currency=row.order_currency,
            created_at=row.created_at,
            gone_at=row.gone_at,
        )
        for row in rows
    )


def _cart_of_order(connection: Connection, key: int | None) -> LinkedCart | None:
    if key is None:
        return None
    row = connection.execute(select(cart.c.id, cart.c.origin_id, cart.c.status).where(cart.c.id == key)).one_or_none()
    return LinkedCart(row.id, row.origin_id, row.status) if row else None


def _order_lines(connection: Connection, key: int) -> tuple[OrderLine, ...]:
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


def _address(text: str | None) -> Address | None:
    return decode_address(text) if text else None


def _exact(amount: Decimal) -> Decimal:
    return amount.quantize(_UNITS, ROUND_HALF_UP)
