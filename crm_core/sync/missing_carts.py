"""Orders whose cart the store lacks: the cart is fetched if the shop still has it, else made from the order.

Magento deletes carts, ordered ones too, some 30 days after their last change (quote lifetime), and keeps their orders.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from crm_core.magento.search import Search, id_chunks
from crm_core.magento.shop import Entity
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import origin_of, record_key
from crm_core.store.lease import Lease
from crm_core.sync import quarantine
from crm_core.sync.cart_links import make_carts
from crm_core.sync.channels import OpenShop
from crm_core.sync.lookups import rows_where
from crm_core.sync.pages import put_and_leave, write_records
from crm_core.sync.reading import read_all
from crm_core.sync.transaction import Tally, Transaction, writing
from crm_core.sync.windows import TICK

_AT_ONCE = 500
_LATE_ORDERS = timedelta(hours=1)
_USUALLY_KEPT = timedelta(days=40)
"""Magento keeps a cart for 30 days by default, so the cart of a younger order is asked for before it counts as gone."""


def since_when(store: Store, shop: OpenShop, oldest: datetime) -> datetime | None:
    """Orders changed since then may name carts that no run of carts has looked for yet; None: any order may.

    `oldest` is where the present run of carts begins. Orders come later than that where their first import outlasts the
    one of carts, or where they could not be read for a while.
    """
    channel, run = shop.channel, tables.sync_run.c
    ended = (run.channel_id == channel.id) & run.finished_at.is_not(None) & run.error.is_(None)
    orders = ended & (run.entity == Entity.ORDERS.value)
    began = select(func.max(run.started_at))
    with store.reading() as connection:
        last_carts = connection.scalar(began.where(ended, run.entity == Entity.CARTS.value))
        if last_carts is None:
            return None
        news = connection.execute(select(run.kind, run.started_at).where(orders, run.finished_at >= last_carts)).all()
        if any(each.kind != TICK for each in news):
            return None
        if not news:
            return oldest - _LATE_ORDERS
        before = connection.scalar(began.where(orders, run.started_at < min(each.started_at for each in news)))
    return None if before is None else min(oldest, before - channel.overlap) - _LATE_ORDERS


def supply_missing_carts(
    store: Store,
    shop: OpenShop,
    *,
    changed_since: datetime | None,
    lease: Lease | None,
    on_step: Callable[[Tally], None],
) -> None:
    """Every order of the channel that changed since then has its cart in the store; None: every order.

    Call it after a run of carts without trouble: with None, all carts that the shop has are then mirrored, and it is
    asked only for those that were ordered lately or lie before the channel's start date. Carts in quarantine are left
    to it: the shop has them.
    """
    shop_id, held = shop.channel.shop_id, _held(store, shop)
    for cart_keys in _missing(store, shop, changed_since):
        gone = set(cart_keys) - held
        ask: Collection[int] = gone
        if changed_since is None and shop.channel.start_date is None:
            ask = _ordered_lately(store, shop, gone)
        for chunk in id_chunks(origin_of(key)[1] for key in ask):
            for page in read_all(shop, Entity.CARTS, Search().where("entity_id", "in", chunk)):
                gone -= {record_key(shop_id, record.origin_id) for record in (*page.records, *page.rejected)}
                with _writing(store, shop, lease, page.asked_at) as transaction:
                    write_records(transaction, Entity.CARTS, page.records)
                    put_and_leave(transaction, shop, Entity.CARTS.value, page, ())
                    transaction.tally.read += len(page.rejected)
                    transaction.tally.quarantined += len(page.rejected)
                on_step(transaction.tally)
        with _writing(store, shop, lease) as transaction:
            transaction.tally.added += make_carts(transaction, gone)
        on_step(transaction.tally)


def _writing(
    store: Store, shop: OpenShop, lease: Lease | None, asked_at: datetime | None = None
) -> AbstractContextManager[Transaction]:
    shop_now = shop.magento.connection.shop_now()
    return writing(store, shop.channel.shop_id, shop_now, asked_at=asked_at, lease=lease)


def _missing(store: Store, shop: OpenShop, changed_since: datetime | None) -> Iterator[list[int]]:
    """Keys of carts that orders of the channel name and the store lacks, in ascending order."""
    if changed_since is None:
        yield from _missing_at_all(store, shop)
        return
    order = tables.order.c
    # Without a condition on cart_id, which would tempt SQLite to walk its index over all orders.
    recent = select(order.cart_id).where(order.updated_at >= changed_since, order.gone_at.is_(None), _of(shop))
    with store.reading() as connection:
        named = {key for key in connection.scalars(recent) if key is not None}
        missing = sorted(named - {row.id for row in rows_where(connection, tables.cart, ("id",), "id", named)})
    for start in range(0, len(missing), _AT_ONCE):
        yield missing[start : start + _AT_ONCE]


def _missing_at_all(store: Store, shop: OpenShop) -> Iterator[list[int]]:
    order, cart = tables.order.c, tables.cart.c
    query = (
        select(order.cart_id)
        .distinct()
        .select_from(tables.order.outerjoin(tables.cart, cart.id == order.cart_id))
        .where(cart.id.is_(None), order.cart_id < record_key(shop.channel.shop_id + 1, 0), _of(shop))
        .order_by(order.cart_id)
        .limit(_AT_ONCE)
    )
    after = record_key(shop.channel.shop_id, 0)
    while True:
        with store.reading() as connection:
            keys = list(connection.scalars(query.where(order.cart_id > after)))
        if not keys:
            return
        yield keys
        after = keys[-1]


def _held(store: Store, shop: OpenShop) -> set[int]:
    """Keys of the channel's carts that are in quarantine."""
    with store.reading() as connection:
        held = quarantine.held(connection, shop.channel.id, Entity.CARTS.value)
    return {record_key(shop.channel.shop_id, origin_id) for origin_id in held}


def _of(shop: OpenShop) -> ColumnElement[bool]:
    """The orders of the channel."""
    order = tables.order.c
    condition = order.shop_id == shop.channel.shop_id
    if shop.channel.website_ids is None:
        return condition
    return condition & order.store_id.in_(sorted(shop.store_views))


def _ordered_lately(store: Store, shop: OpenShop, cart_keys: Collection[int]) -> list[int]:
    since = shop.magento.connection.shop_now() - _USUALLY_KEPT
    with store.reading() as connection:
        return _carts_of_orders_since(connection, cart_keys, since)


def _carts_of_orders_since(connection: Connection, cart_keys: Collection[int], since: datetime) -> list[int]:
    order = tables.order.c
    found = connection.scalars(select(order.cart_id).where(order.cart_id.in_(cart_keys), order.created_at >= since))
    return sorted({key for key in found if key is not None})
