"""The shop of a cart, as the sales side asks and changes it."""

from __future__ import annotations

from sqlalchemy import select

from crm_core.errors import NotAllowed
from crm_core.magento.payloads import Order
from crm_core.store.database import Store
from crm_core.store.tables import cart
from crm_core.sync.cart_status import CANCELLED_STATE
from crm_core.sync.channels import Channel, OpenShop, channel_of_store


def channel_of_cart(store: Store, cart_key: int) -> Channel:
    """The channel that reads the cart. Raises NotAllowed if none does any more."""
    with store.reading() as connection:
        row = connection.execute(select(cart.c.shop_id, cart.c.store_id).where(cart.c.id == cart_key)).one_or_none()
    channel = None if row is None else channel_of_store(store, row.shop_id, row.store_id)
    if channel is None:
        raise NotAllowed("No channel reads this cart's store view any more. Add its website to a channel.")
    return channel


def store_code(shop: OpenShop, store_id: int) -> str:
    """The code of the cart's own store view: it goes into every URL, since any other moves the cart."""
    view = shop.store_views.get(store_id)
    if view is None:
        raise NotAllowed("The store view of this cart is not known. Synchronise the channel first.")
    return view.code


def is_live(found: Order) -> bool:
    """Whether the order stands: it is not cancelled."""
    return found.state != CANCELLED_STATE
