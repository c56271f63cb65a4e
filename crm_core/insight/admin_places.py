"""Where in the shop's own admin a person can do what they came for: pages that open, and ways to those that don't.

With secret keys in the admin's addresses, Magento's default, only the pages of orders and of products open from outside
(observed on Magento 2.4.7). For the others the way through the admin's menus is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from crm_core.insight.cart_record import CartRecord
from crm_core.insight.customer_record import CustomerRecord
from crm_core.insight.directory import ChannelName
from crm_core.insight.order_record import OrderRecord
from crm_core.insight.related import CustomerFacts
from crm_core.magento.admin_links import customer_edit, new_order, order_view, product_edit
from crm_core.store.database import Store
from crm_core.store.keys import origin_of, record_key
from crm_core.store.tables import order_item

_MOST_PRODUCTS = 12


@dataclass(frozen=True)
class AdminPlace:
    """A page of the admin: what it is for, its address, None if it cannot be opened from here, and the way to it."""

    label: str
    url: str | None
    way: str


@dataclass(frozen=True)
class AdminPlaces:
    """The pages that matter for a record; `reason` says why those without an address have none, empty: all have one."""

    places: tuple[AdminPlace, ...]
    reason: str


def places_of_cart(store: Store, cart: CartRecord) -> AdminPlaces:
    """Its order, its customer, a new order for them, and the products of its lines, as far as their ids are known.

    The shop's API tells no product ids with a cart: they are known from orders that held the same SKU.
    """
    with store.reading() as connection:
        products = _products_by_sku(connection, cart.shop_id, [(line.sku, line.name) for line in cart.present])
    orders = [(cart.order.key, cart.order.increment_id)] if cart.order else []
    return _places(cart.channel, orders, _customer_key(cart.customer), cart.email or "", products)


def places_of_order(order: OrderRecord) -> AdminPlaces:
    """The order, its customer, a new order for them, and its products."""
    products = [(line.name, line.product_id) for line in order.lines if line.product_id is not None]
    return _places(
        order.channel,
        [(order.key, order.increment_id)],
        _customer_key(order.customer),
        order.email or "",
        products[:_MOST_PRODUCTS],
    )


def address_of_order(order: OrderRecord) -> str | None:
    """The order's own page in the admin; None where its channel knows no admin."""
    return order_view(order.channel.admin_url or "", origin_of(order.key)[1]) if order.channel else None


def places_of_customer(who: CustomerRecord) -> AdminPlaces:
    """Their page, and a new order for them."""
    return _places(who.channel, [], None if who.gone_at else who.key, who.email, [])


def _customer_key(who: CustomerFacts) -> int | None:
    """The key of a customer whom the shop still has."""
    return None if who.gone_at else who.key


def _places(
    channel: ChannelName | None,
    orders: Iterable[tuple[int, str]],
    customer_key: int | None,
    email: str,
    products: Iterable[tuple[str, int]],
) -> AdminPlaces:
    admin_url = channel.admin_url or "" if channel else ""
    keys_off = channel is not None and channel.secret_keys_off
    places = [
        AdminPlace(f"Order {number}", order_view(admin_url, origin_of(key)[1]), f"Sales › Orders, order {number}")
        for key, number in orders
    ]
    if customer_key is not None:
        id_ = origin_of(customer_key)[1]
        url = customer_edit(admin_url, id_, secret_keys_off=keys_off)
        places.append(AdminPlace("Customer", url, f"Customers › All Customers, ID {id_}"))
        url = new_order(admin_url, id_, secret_keys_off=keys_off)
        places.append(AdminPlace("New order", url, f"Sales › Orders › Create New Order, customer ID {id_}"))
    else:
        way = "Sales › Orders › Create New Order › Create New Customer"
        places.append(AdminPlace("New order", None, f"{way}, with the e-mail address {email}" if email else way))
    places += [
        AdminPlace(f"Product “{name}”", product_edit(admin_url, id_), f"Catalog › Products, ID {id_}")
        for name, id_ in products
    ]
    return AdminPlaces(tuple(places), _reason(channel, keys_off, is_guest=customer_key is None))


def _reason(channel: ChannelName | None, keys_off: bool, *, is_guest: bool) -> str:
    if channel is None:
        return (
            "No channel reads this store view, so the address of its admin is not known here. Add its website to a "
            "channel under Channels."
        )
    if not channel.admin_url:
        return f"The channel “{channel.name}” has no admin address. Set it under Channels, and links stand here."
    if not keys_off:
        return (
            "Magento adds secret keys to its admin addresses, so these pages open only from within the admin. If yours "
            "does not (Stores › Configuration › Advanced › Admin › Security), say so under Channels."
        )
    return "Magento has no address for a guest's new order." if is_guest else ""


def _products_by_sku(connection: Connection, shop_id: int, lines: Sequence[tuple[str, str]]) -> list[tuple[str, int]]:
    """Name and product id of the lines whose SKU an order of this shop held; the latest order's word counts."""
    found: dict[int, str] = {}
    for sku, name in lines[:_MOST_PRODUCTS]:
        product_id = connection.scalar(
            select(order_item.c.product_id)
            .where(
                order_item.c.sku == sku,
                order_item.c.order_id.between(record_key(shop_id, 0), record_key(shop_id + 1, 0) - 1),
                order_item.c.parent_item_id.is_(None),
                order_item.c.product_id.is_not(None),
            )
            .order_by(order_item.c.order_id.desc())
            .limit(1)
        )
        if product_id is not None:
            found.setdefault(product_id, name)
    return [(name, product_id) for product_id, name in found.items()]
