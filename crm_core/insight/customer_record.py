"""One customer, with what they bought, what stands in their carts, and what happened to the account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Table, func, select

from crm_core.errors import NotFound
from crm_core.insight.customers import Bought, bought_by
from crm_core.insight.directory import ChannelName, Directory, StoreView
from crm_core.insight.linked import LinkedCart, LinkedOrder, linked_carts, linked_orders
from crm_core.insight.names import full_name
from crm_core.insight.related import TimelineEntry, timeline
from crm_core.insight.statuses import CANCELLED_STATE
from crm_core.store.database import Store
from crm_core.store.documents import Address, decode_addresses
from crm_core.store.tables import cart, customer, order, order_item

SHOWN = 50
"""Carts, orders and products of a customer that are listed at most."""


@dataclass(frozen=True)
class BoughtItem:
    """What a customer bought of a product in all orders that are neither cancelled nor gone, by the order lines.

    `amount` is in `currency`, the orders' base currency, without tax and after discount (of a bundle that is priced by
    its parts before it, see OrderLine.priced); `name` is one of those it had.
    """

    sku: str
    name: str
    pieces: Decimal
    orders: int
    amount: Decimal
    currency: str
    last_at: datetime


@dataclass(frozen=True)
class CustomerRecord:
    """A customer with everything that is mirrored of them.

    `carts` are the first SHOWN of `cart_count`, open ones first; `orders` of `order_count`, newest first; `items` those
    bought last. `is_subscribed` is None where the shop does not say.
    """

    key: int
    shop_id: int
    origin_id: int
    channel: ChannelName | None
    website: str
    store_view: StoreView | None
    group: str
    name: str
    email: str
    is_subscribed: bool | None
    addresses: tuple[Address, ...]
    created_at: datetime
    updated_at: datetime
    synchronised_at: datetime
    gone_at: datetime | None
    bought: Bought
    cart_count: int
    carts: tuple[LinkedCart, ...]
    order_count: int
    orders: tuple[LinkedOrder, ...]
    items: tuple[BoughtItem, ...]
    timeline: tuple[TimelineEntry, ...]


def customer_record(store: Store, key: int) -> CustomerRecord:
    """The customer with that record key, as one snapshot of the store holds them. Raises NotFound."""
    with store.reading() as connection:
        row = connection.execute(select(customer).where(customer.c.id == key)).one_or_none()
        if row is None:
            raise NotFound(f"There is no customer with the id {key} here. Look for the name in the list of customers.")
        names = Directory.read(connection)
        return CustomerRecord(
            key=row.id,
            shop_id=row.shop_id,
            origin_id=row.origin_id,
            channel=names.channel_of_website(row.shop_id, row.website_id),
            website=names.name_of_website(row.shop_id, row.website_id),
            store_view=names.store(row.shop_id, row.store_id) if row.store_id else None,
            group=names.group_name(row.shop_id, row.group_id),
            name=full_name(row.firstname, row.lastname),
            email=row.email,
            is_subscribed=row.is_subscribed,
            addresses=tuple(decode_addresses(row.addresses)),
            created_at=row.created_at,
            updated_at=row.updated_at,
            synchronised_at=row.synchronised_at,
            gone_at=row.gone_at,
            bought=bought_by(connection, [key]).get(key, Bought()),
            cart_count=_count(connection, cart, key),
            carts=linked_carts(connection, cart.c.customer_id == key, SHOWN),
            order_count=_count(connection, order, key),
            orders=linked_orders(connection, order.c.customer_id == key, SHOWN),
            items=_items(connection, key),
            timeline=timeline(
                connection, "customer", key, TimelineEntry(row.created_at, "joined", None, "Account created")
            ),
        )


def _count(connection: Connection, table: Table, key: int) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(table.c.customer_id == key)) or 0


def _items(connection: Connection, key: int) -> tuple[BoughtItem, ...]:
    last_at = func.max(order.c.created_at)
    rows: list[Any] = list(
        connection.execute(
            select(
                order_item.c.sku,
                func.max(order_item.c.name).label("name"),
                func.sum(order_item.c.qty_ordered).label("pieces"),
                func.count(order.c.id.distinct()).label("orders"),
                func.sum(order_item.c.base_row_total).label("amount"),
                order.c.base_currency,
                last_at.label("last_at"),
            )
            .join_from(order, order_item, order_item.c.order_id == order.c.id)
            .where(
                order.c.customer_id == key,
                order.c.gone_at.is_(None),
                order.c.state != CANCELLED_STATE,
                order_item.c.parent_item_id.is_(None),
            )
            .group_by(order_item.c.sku, order.c.base_currency)
            .order_by(last_at.desc(), order_item.c.sku)
            .limit(SHOWN)
        )
    )
    return tuple(
        BoughtItem(
            sku=row.sku,
            name=row.name,
            pieces=row.pieces,
            orders=row.orders,
            amount=row.amount,
            currency=row.base_currency,
            last_at=row.last_at,
        )
        for row in rows
    )
