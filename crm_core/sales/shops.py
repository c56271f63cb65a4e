"""The shop of a cart, as the sales side asks and changes it."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from crm_core.errors import BadInput, NotAllowed, NotFound
from crm_core.insight.statuses import CANCELLED_STATE
from crm_core.magento.payloads import Order
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.tables import cart
from crm_core.sync.channels import Channel, OpenShop, channel_of_store, unread


def reader(channel: Channel | None, what: str = "this cart's store view") -> Channel:
    """The channel that reads `what`. Raises NotAllowed, saying what to do, if none does."""
    if channel is None:
        raise NotAllowed(" ".join(unread(what)))
    return channel


def channel_of_cart(store: Store, cart_key: int) -> Channel:
    """The channel that reads the cart. Raises NotAllowed if none does any more."""
    with store.reading() as connection:
        row = connection.execute(select(cart.c.shop_id, cart.c.store_id).where(cart.c.id == cart_key)).one_or_none()
    return reader(None if row is None else channel_of_store(store, row.shop_id, row.store_id))


def cart_of_channel(store: Store, channel: Channel, cart_id: int) -> int:
    """The key of the cart with Magento's number `cart_id` in the channel's shop.

    Raises NotFound where the desk knows no such cart, BadInput naming the channel that reads it if it is another one.
    """
    key = record_key(channel.shop_id, cart_id)
    with store.reading() as connection:
        store_id = connection.scalar(select(cart.c.store_id).where(cart.c.id == key))
    if store_id is None:
        raise NotFound(f"Channel “{channel.name}” knows no cart {cart_id}. Read it: python -m crm_core sync")
    owner = channel_of_store(store, channel.shop_id, store_id)
    if owner is not None and owner.id != channel.id:
        raise BadInput(f"Cart {cart_id} belongs to channel “{owner.name}”, not to “{channel.name}”.")
    return key


def store_code(shop: OpenShop, store_id: int) -> str:
    """The code of the cart's own store view: it goes into every URL, since any other moves the cart."""
    view = shop.store_views.get(store_id)
    if view is None:
        raise NotAllowed("The store view of this cart is not known. Synchronise the channel first.")
    return view.code


def is_live(found: Order) -> bool:
    """Whether the order stands: it is not cancelled."""
    return found.state != CANCELLED_STATE


def order_numbers(orders: Iterable[Order]) -> str:
    """The numbers of the orders for a sentence; Magento's own id of one that has none."""
    return ", ".join(each.increment_id or str(each.entity_id) for each in orders)
