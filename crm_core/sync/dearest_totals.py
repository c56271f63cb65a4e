"""What the dearest open carts come to, read by the worker without anybody asking: off unless a channel's rules say so.

Only a read by id tells a cart's totals, and it makes Magento recalculate and date anew a cart of which a price has
changed (observed on 2.4.7). So only those are read of which the shop said less than a minute ago that no price has.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import or_, select

from crm_core.errors import BadRecord, ShopUnavailable
from crm_core.magento.payloads import Cart
from crm_core.magento.search import MOST_IDS, Search
from crm_core.magento.shop import OVER_A_RECORD, Entity
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import origin_of, record_key
from crm_core.store.lease import Lease
from crm_core.sync.cart_status import OPEN
from crm_core.sync.cart_totals import currency_of, totals_document, write_totals
from crm_core.sync.channels import OpenShop
from crm_core.sync.transaction import writing

logger = logging.getLogger(__name__)

_SURE_SECONDS = 60.0
"""How long the shop's word holds that reading a cart changes nothing in it."""


def read_dearest_totals(
    store: Store, shop: OpenShop, *, lease: Lease | None = None, on_step: Callable[[], None] | None = None
) -> int:
    """How many open carts' totals were read: as many as the channel's rules allow, the dearest first.

    Those whose totals were never read, or before the cart was last found changed. Call it after a run of carts. A shop
    that cannot answer ends it, and one cart's trouble only leaves that cart out. `on_step` is called after each commit;
    what it raises ends it too. Raises LeaseLost, StoreUnusable and ChannelError.
    """
    most = shop.channel.totals_a_run
    candidates = _candidates(store, shop) if most else []
    if not candidates:
        return 0
    count = 0
    try:
        said_at = time.monotonic()
        for cart in _untouched_by_reading(shop, candidates, most):
            if time.monotonic() - said_at >= _SURE_SECONDS:
                break
            count += _read(store, shop, cart, lease)
            if on_step is not None:
                on_step()
    except (ShopUnavailable, *OVER_A_RECORD) as trouble:
        logger.info("%s: no more totals are read now: %s", shop.channel.name, trouble)
    return count


def _candidates(store: Store, shop: OpenShop) -> list[int]:
    """The shop's ids of open carts whose totals are not known as they are now, those with the dearest lines first.

    None in quarantine: a search that holds one which the shop fails over brings none.
    """
    cart, held = tables.cart.c, tables.quarantine.c
    shop_id = shop.channel.shop_id
    query = (
        select(cart.id)
        .where(
            cart.id > record_key(shop_id, 0),
            cart.id < record_key(shop_id + 1, 0),
            cart.status == OPEN,
            cart.items_qty > 0,
            cart.store_id.in_(sorted(shop.store_views)),
            cart.origin_id.not_in(
                select(held.origin_id).where(held.channel_id == shop.channel.id, held.entity == Entity.CARTS.value)
            ),
            or_(cart.totals_read_at.is_(None), cart.totals_read_at < cart.synchronised_at),
        )
        .order_by(cart.base_subtotal.desc(), cart.id.desc())
        .limit(MOST_IDS)
    )
    with store.reading() as connection:
        return [origin_of(key)[1] for key in connection.scalars(query)]


def _untouched_by_reading(shop: OpenShop, candidates: Sequence[int], most: int) -> list[Cart]:
    """Those of the carts that reading by id would not change, by their total in the shop, which its search sorts by."""
    search = Search(page_size=most).where("entity_id", "in", candidates).where("is_active", "eq", True)
    return shop.magento.carts(search.where("trigger_recollect", "eq", 0).ordered("grand_total", "DESC")).items


def _read(store: Store, shop: OpenShop, cart: Cart, lease: Lease | None) -> bool:
    """Whether the cart's totals were read and are in the store."""
    view = shop.store_views.get(cart.store_id or 0)
    if view is None:
        return False
    asked_at = datetime.now(UTC)
    try:
        # Once: a busy shop may want the next try to wait until its word on the cart no longer holds.
        told = shop.magento.totals(cart.id, view.code, tries=1)
        totals = totals_document(told, currency_of(shop, cart))
    except (*OVER_A_RECORD, BadRecord) as trouble:
        logger.info("%s: the totals of cart %d were not read: %s", shop.channel.name, cart.id, trouble)
        return False
    shop_id = shop.channel.shop_id
    shop_now = shop.magento.connection.shop_now()
    with writing(store, shop_id, shop_now, asked_at=asked_at, lease=lease) as transaction:
        write_totals(transaction, record_key(shop_id, cart.id), totals)
    return True
