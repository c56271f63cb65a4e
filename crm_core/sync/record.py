"""Synchronise: one record read from its shop now, because a person wants to know how things stand.

A cart is read by search, which never writes, then its totals by id, which is this person's act: Magento may recalculate
a cart whose prices have changed and move its updated_at (observed on Magento 2.4.7). Whoever reads a cart without a
person having asked for it leaves the totals out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import select, update

from crm_core.access.people import require_person
from crm_core.errors import (
    BadRecord,
    PermissionMissing,
    ShopAnsweredNonsense,
    ShopFailed,
    ShopHasNoSuch,
    ShopRefused,
    not_in_store,
)
from crm_core.magento import payloads
from crm_core.magento.shop import Entity
from crm_core.store import documents, tables
from crm_core.store.database import Store
from crm_core.store.keys import origin_of, record_key
from crm_core.store.types import milliseconds_to_instant
from crm_core.sync.cart_totals import currency_of, is_recalculated, totals_document, write_totals
from crm_core.sync.carts import carts_gone
from crm_core.sync.channels import (
    OpenShop,
    channel_of_store,
    channel_of_website,
    opened,
    required,
)
from crm_core.sync.customers import customers_gone
from crm_core.sync.orders import orders_gone
from crm_core.sync.pages import write_records
from crm_core.sync.reading import Mapped, map_records
from crm_core.sync.transaction import Transaction, writing

T = TypeVar("T")


@dataclass(frozen=True)
class RecordChanges:
    """What a person's Synchronise brought. `changes` are sentences; empty means that nothing changed.

    `found` is False if the shop no longer has the record. `notes` say what could not be read beside it. `took` is in
    seconds, the shop's own time included.
    """

    found: bool
    changes: list[str]
    took: float
    synchronised_at: datetime
    notes: list[str] = field(default_factory=list)


def synchronise_cart(store: Store, key: int, person: str, *, totals: bool = True) -> RecordChanges:
    """The cart with that key, its orders and its customer are in the store as the shop has them now.

    Without `totals` nothing is written in the shop: what the cart comes to, which only a read by id tells, is left out.
    Works in channels that are read-only too. Raises NotAllowed if nobody is signed in, NotFound for an unknown key,
    ChannelError if no channel reads the cart's store or it is paused, BadRecord, and what the shop's client raises; a
    refused sign-in pauses the channel.
    """
    require_person(person)
    started = time.perf_counter()
    shop_id, origin_id = origin_of(key)
    row = _row(store, tables.cart, key, "cart")
    channel = required(channel_of_store(store, shop_id, row.store_id))
    asked_at = datetime.now(UTC)
    with opened(store, channel) as shop, _Reads(shop) as reads:
        cart_read = reads.start(lambda: shop.magento.cart_by_search(origin_id))
        orders_read = reads.start(lambda: shop.magento.orders_of_cart(origin_id))
        customer_read = None if row.customer_id is None else reads.customer(row.customer_id)
        cart = cart_read.result()
        told = None
        if totals and cart is not None and cart.is_active:
            told = reads.totals(cart)
            if told is not None and is_recalculated(cart, told):
                cart = shop.magento.cart_by_search(origin_id) or cart
        orders = reads.result(orders_read, "Its orders") or []
        customer = reads.result(customer_read, "Its customer")
    with _writing(store, shop, asked_at) as transaction:
        _write_customer(transaction, shop, customer, None if customer_read is None else row.customer_id, reads)
        _write_cart(transaction, shop, key, cart, orders, told)
    changes = _told(transaction, ("cart", key), _names(shop_id, orders))
    return RecordChanges(cart is not None, changes, time.perf_counter() - started, datetime.now(UTC), reads.notes)


def keep_cart(
    store: Store,
    shop: OpenShop,
    key: int,
    *,
    cart: payloads.Cart | None,
    orders: Collection[payloads.Order],
    totals: payloads.Totals | None,
    asked_at: datetime,
) -> list[str]:
    """What the caller has just read of the cart is in the store; the sentences say what of it is new.

    `cart` is None if the shop has none any more; `totals` None if they were not read. `asked_at` is when the caller
    began to read, by this machine's clock. Raises BadRecord.
    """
    kept = None if cart is None or totals is None else totals_document(totals, currency_of(shop, cart))
    with _writing(store, shop, asked_at) as transaction:
        _write_cart(transaction, shop, key, cart, orders, kept)
    return _told(transaction, ("cart", key), _names(shop.channel.shop_id, orders))


def synchronise_order(store: Store, key: int, person: str) -> RecordChanges:
    """The order with that key, its cart and its customer are in the store as the shop has them now.

    Raises as `synchronise_cart`.
    """
    require_person(person)
    started = time.perf_counter()
    shop_id, origin_id = origin_of(key)
    row = _row(store, tables.order, key, "order")
    channel = required(channel_of_store(store, shop_id, row.store_id))
    asked_at = datetime.now(UTC)
    with opened(store, channel) as shop, _Reads(shop) as reads:
        order_read = reads.start(lambda: _order(shop, origin_id))
        customer_read = None if row.customer_id is None else reads.customer(row.customer_id)
        cart_read = None
        if row.cart_id is not None:
            cart_id = origin_of(row.cart_id)[1]
            cart_read = reads.start(lambda: shop.magento.cart_by_search(cart_id))
        order = order_read.result()
        customer = reads.result(customer_read, "Its customer")
        cart = reads.result(cart_read, "Its cart")
    with _writing(store, shop, asked_at) as transaction:
        _write_customer(transaction, shop, customer, None if customer_read is None else row.customer_id, reads)
        if cart is not None:
            write_records(transaction, Entity.CARTS, _mapped(shop, Entity.CARTS, [cart]))
        if order is None:
            orders_gone(transaction, [key])
        else:
            write_records(transaction, Entity.ORDERS, _mapped(shop, Entity.ORDERS, [order]))
        _touch(transaction, tables.order, key)
    changes = _told(transaction, ("order", key), {})
    return RecordChanges(order is not None, changes, time.perf_counter() - started, datetime.now(UTC), reads.notes)


def synchronise_customer(store: Store, key: int, person: str) -> RecordChanges:
    """The customer with that key is in the store as the shop has them now; their carts and orders are left alone.

    Raises as `synchronise_cart`.
    """
    require_person(person)
    started = time.perf_counter()
    shop_id, _ = origin_of(key)
    row = _row(store, tables.customer, key, "customer")
    channel = required(channel_of_website(store, shop_id, row.website_id))
    asked_at = datetime.now(UTC)
    with opened(store, channel) as shop, _Reads(shop) as reads:
        customer = reads.customer(key).result()
    with _writing(store, shop, asked_at) as transaction:
        _write_customer(transaction, shop, customer, key, reads)
        _touch(transaction, tables.customer, key)
    changes = _told(transaction, ("customer", key), {})
    return RecordChanges(customer is not None, changes, time.perf_counter() - started, datetime.now(UTC), reads.notes)


# ---- asking the shop ------------------------------------------------------------------------------------------------


class _Reads:
    """Requests to the shop side by side. What is beside the record itself may fail: `notes` tells it."""

    def __init__(self, shop: OpenShop) -> None:
        self.notes: list[str] = []
        self.missing_customer = False
        self._shop = shop
        self._pool = ThreadPoolExecutor(3, thread_name_prefix="synchronise")

    def __enter__(self) -> _Reads:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def start(self, read: Callable[[], T]) -> Future[T]:
        """The read, under way."""
        return self._pool.submit(read)

    def customer(self, key: int) -> Future[payloads.Customer | None]:
        """The customer with that key, under way; it brings None if the shop has no such customer."""
        origin_id = origin_of(key)[1]

        def read() -> payloads.Customer | None:
            try:
                return self._shop.magento.customer(origin_id)
            except ShopHasNoSuch:
                self.missing_customer = True
                return None

        return self.start(read)

    def totals(self, cart: payloads.Cart) -> documents.Totals | None:
        """The totals, read in the cart's own store view: in another, reading could move the cart there."""
        view = self._shop.store_views.get(cart.store_id or 0)
        if view is None:
            self.notes.append("The total was not read: the cart's store view is not known here yet.")
            return None
        code, currency = view.code, currency_of(self._shop, cart)
        return self.result(
            self.start(lambda: totals_document(self._shop.magento.totals(cart.id, code), currency)),
            "The total",
        )

    def result(self, read: Future[T] | None, what: str) -> T | None:
        """What the read brought; None, and a note, if the shop would not tell."""
        if read is None:
            return None
        try:
            return read.result()
        except (PermissionMissing, ShopRefused, ShopFailed, ShopAnsweredNonsense, BadRecord) as trouble:
            self.notes.append(f"{what} could not be read: {trouble}")
            return None


def _order(shop: OpenShop, origin_id: int) -> payloads.Order | None:
    try:
        return shop.magento.order(origin_id)
    except ShopHasNoSuch:
        return None


# ---- the store ------------------------------------------------------------------------------------------------------


def _row(store: Store, table: Any, key: int, what: str) -> Any:
    with store.reading() as connection:
        row = connection.execute(select(table).where(table.c.id == key)).one_or_none()
    if row is None:
        raise not_in_store(what)
    return row


@contextmanager
def _writing(store: Store, shop: OpenShop, asked_at: datetime) -> Iterator[Transaction]:
    shop_now = shop.magento.connection.shop_now()
    with writing(store, shop.channel.shop_id, shop_now, asked_at=asked_at, channel=shop.channel) as transaction:
        yield transaction


def _mapped(shop: OpenShop, entity: Entity, records: Collection[Any]) -> list[Mapped]:
    mapped, rejected = map_records(shop, entity, records)
    if rejected:
        raise BadRecord(rejected[0].reason)
    return mapped


def _write_customer(
    transaction: Transaction,
    shop: OpenShop,
    customer: payloads.Customer | None,
    asked: int | None,
    reads: _Reads,
) -> None:
    if customer is not None:
        write_records(transaction, Entity.CUSTOMERS, _mapped(shop, Entity.CUSTOMERS, [customer]))
        _touch(transaction, tables.customer, record_key(shop.channel.shop_id, customer.id))
    elif asked is not None and reads.missing_customer:
        customers_gone(transaction, [asked])


def _write_cart(
    transaction: Transaction,
    shop: OpenShop,
    key: int,
    cart: payloads.Cart | None,
    orders: Collection[payloads.Order],
    totals: documents.Totals | None,
) -> None:
    write_records(transaction, Entity.ORDERS, _mapped(shop, Entity.ORDERS, orders))
    if cart is None:
        carts_gone(transaction, [key])
    else:
        write_records(transaction, Entity.CARTS, _mapped(shop, Entity.CARTS, [cart]))
        if totals is not None:
            write_totals(transaction, key, totals)
    _touch(transaction, tables.cart, key)


def _names(shop_id: int, orders: Collection[payloads.Order]) -> dict[int, str]:
    return {record_key(shop_id, order.entity_id): f"Order {order.increment_id}" for order in orders}


def _touch(transaction: Transaction, table: Any, key: int) -> None:
    """The row says that the shop was asked just now, also if nothing changed."""
    asked_at = milliseconds_to_instant(transaction.asked_at)
    transaction.connection.execute(
        update(table).where(table.c.id == key, table.c.synchronised_at < asked_at).values(synchronised_at=asked_at)
    )


def _told(transaction: Transaction, record: tuple[str, int], names: dict[int, str]) -> list[str]:
    """The record's own changes first, then those of what belongs to it, said of which."""
    changes = list(transaction.told.get(record, ()))
    for (entity, key), sentences in transaction.told.items():
        if (entity, key) != record:
            changes += [f"{names.get(key, f'Its {entity}')}: {sentence}" for sentence in sentences]
    return changes
