"""The newest orders of one person, read from the shop now: for whoever placed an order somewhere else than here."""

from __future__ import annotations

from datetime import UTC, datetime

from crm_core.magento.search import Search
from crm_core.magento.shop import Entity
from crm_core.store.database import Store
from crm_core.sync.channels import channel_of_store, opened, required
from crm_core.sync.pages import write_records
from crm_core.sync.reading import map_records
from crm_core.sync.transaction import writing

MOST = 20
"""Orders of one person that are read."""


def read_newer_orders(
    store: Store,
    shop_id: int,
    store_id: int,
    since: datetime,
    *,
    customer_id: int | None,
    email: str | None,
) -> list[int]:
    """The keys of the orders that the customer (a guest: the e-mail address) placed since then, newest first, MOST.

    They are in the store as the shop has them now; one that cannot be kept is left to the next run. Only store views in
    the channel's scope count. Nobody known by id or address has none. Raises ChannelError if no channel reads that
    store view or it is paused, and what the shop's client raises.
    """
    if customer_id is None and not email:
        return []
    channel = required(channel_of_store(store, shop_id, store_id))
    search = Search(page_size=MOST).where("created_at", "gteq", since).ordered("entity_id", "DESC")
    if customer_id is not None:
        search = search.where("customer_id", "eq", customer_id)
    else:
        search = search.where("customer_email", "eq", email)
    asked_at = datetime.now(UTC)
    with opened(store, channel) as shop:
        orders = shop.magento.orders(search).items
    in_scope = [order for order in orders if order.store_id in shop.store_views]
    mapped, _ = map_records(shop, Entity.ORDERS, in_scope)
    shop_now = shop.magento.connection.shop_now()
    with writing(store, shop_id, shop_now, asked_at=asked_at, channel=shop.channel) as transaction:
        write_records(transaction, Entity.ORDERS, mapped)
    return sorted((order.key for order in mapped), reverse=True)
