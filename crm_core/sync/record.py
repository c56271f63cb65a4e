"""Synchronise: one record read from its shop now, because a person wants to know how things stand.

A cart is read by search, which never writes, then its totals by id, which is this person's act: Magento may recalculate
a cart whose prices have changed and move its updated_at (observed on Magento 2.4.7).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from sqlalchemy import select, update

from crm_core.errors import (
    BadRecord,
    ChannelError,
    NotFound,
    PermissionMissing,
    ShopAnsweredNonsense,
    ShopFailed,
    ShopHasNoSuch,
    ShopRefused,
)
from crm_core.magento import payloads
from crm_core.magento.payloads import exact
from crm_core.magento.shop import Entity
from crm_core.store import documents, tables
from crm_core.store.database import Store
from crm_core.store.keys import origin_of, record_key
from crm_core.store.types import milliseconds_to_instant, money_to_units
from crm_core.sync.carts import carts_gone
from crm_core.sync.changes import amount_changed, value_changed
from crm_core.sync.channels import (
    Channel,
    OpenShop,
    channel_of_store,
    channel_of_website,
    open_shop,
    pausing_on_trouble,
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


def synchronise_cart(store: Store, key: int, person: str) -> RecordChanges:
    """The cart with that key, its orders and its customer are in the store as the shop has them now.

    Works in channels that are read-only too. Raises NotFound for a key that the store does not know, ChannelError if no
    channel reads the cart's store or it is paused, BadRecord, and what the shop's client raises; a refused sign-in
    pauses the channel.
    """
    started = time.perf_counter()
    shop_id, origin_id = origin_of(key)
    row = _row(store, tables.cart, key, "cart")
    shop = _open(store, shop_id, row.store_id)
    with pausing_on_trouble(store, shop.channel), _Reads(shop) as reads:
        cart_read = reads.start(lambda: shop.magento.cart_by_search(origin_id))
        orders_read = reads.start(lambda: shop.magento.orders_of_cart(origin_id))
        customer_read = None if row.customer_id is None else reads.customer(row.customer_id)
        cart = cart_read.result()
        totals = None
        if cart is not None and cart.is_active:
            totals = reads.totals(cart)
            if totals is not None and _is_recalculated(cart, totals):
                cart = shop.magento.cart_by_search(origin_id) or cart
        orders = reads.result(orders_read, "Its orders") or []
        customer = reads.result(customer_read, "Its customer")
    with _writing(store, shop, person) as transaction:
        _write_customer(transaction, shop, customer, None if customer_read is None else row.customer_id, reads)
        _write_cart(transaction, shop, key, cart, orders, totals)
    changes = _told(transaction, ("cart", key), _names(shop_id, orders))
    return RecordChanges(cart is not None, changes, time.perf_counter() - started, datetime.now(UTC), reads.notes)


def keep_cart(
    store: Store,
    shop: OpenShop,
    key: int,
    person: str,
    *,
    cart: payloads.Cart | None,
    orders: Collection[payloads.Order],
    totals: payloads.Totals | None,
) -> list[str]:
    """What the caller has just read of the cart is in the store; the sentences say what of it is new.

    `cart` is None if the shop has none any more; `totals` None if they were not read. Raises BadRecord.
    """
    kept = None if cart is None or totals is None else totals_document(totals, _currency(shop, cart))
    with _writing(store, shop, person) as transaction:
        _write_cart(transaction, shop, key, cart, orders, kept)
    return _told(transaction, ("cart", key), _names(shop.channel.shop_id, orders))


def synchronise_order(store: Store, key: int, person: str) -> RecordChanges:
    """The order with that key, its cart and its customer are in the store as the shop has them now.

    Raises as `synchronise_cart`.
    """
    started = time.perf_counter()
    shop_id, origin_id = origin_of(key)
    row = _row(store, tables.order, key, "order")
    shop = _open(store, shop_id, row.store_id)
    with pausing_on_trouble(store, shop.channel), _Reads(shop) as reads:
        order_read = reads.start(lambda: _order(shop, origin_id))
        customer_read = None if row.customer_id is None else reads.customer(row.customer_id)
        cart_read = None
        if row.cart_id is not None:
            cart_id = origin_of(row.cart_id)[1]
            cart_read = reads.start(lambda: shop.magento.cart_by_search(cart_id))
        order = order_read.result()
        customer = reads.result(customer_read, "Its customer")
        cart = reads.result(cart_read, "Its cart")
    with _writing(store, shop, person) as transaction:
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
    started = time.perf_counter()
    shop_id, _ = origin_of(key)
    row = _row(store, tables.customer, key, "customer")
    shop = _opened(store, channel_of_website(store, shop_id, row.website_id))
    with pausing_on_trouble(store, shop.channel), _Reads(shop) as reads:
        customer = reads.customer(key).result()
    with _writing(store, shop, person) as transaction:
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
        code, currency = view.code, _currency(self._shop, cart)
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


def _is_recalculated(cart: payloads.Cart, totals: documents.Totals) -> bool:
    """Whether the totals rest on other lines or prices than the search told: reading them may have recalculated."""
    if totals.base_subtotal is None:
        return False
    lines = sum((exact(line.price or 0) * exact(line.qty or 0) for line in cart.items or ()), Decimal(0))
    return abs(lines - totals.base_subtotal) >= Decimal("0.01")


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
        raise NotFound(f"There is no {what} {key} here.")
    return row


def _open(store: Store, shop_id: int, store_id: int) -> OpenShop:
    return _opened(store, channel_of_store(store, shop_id, store_id))


def _opened(store: Store, channel: Channel | None) -> OpenShop:
    if channel is None:
        raise ChannelError("No channel reads this record's store any more. Add one, or its website to a channel.")
    return open_shop(store, channel)


@contextmanager
def _writing(store: Store, shop: OpenShop, person: str) -> Iterator[Transaction]:
    shop_now = shop.magento.connection.shop_now()
    with writing(store, shop.channel.shop_id, shop_now, channel=shop.channel, person=person) as transaction:
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
            _write_totals(transaction, key, totals)
    _touch(transaction, tables.cart, key)


def _names(shop_id: int, orders: Collection[payloads.Order]) -> dict[int, str]:
    return {record_key(shop_id, order.entity_id): f"Order {order.increment_id}" for order in orders}


def _currency(shop: OpenShop, cart: payloads.Cart) -> str:
    """The cart's currency; its store view's base currency where the cart does not tell."""
    told = None if cart.currency is None else cart.currency.quote_currency_code
    view = shop.store_views.get(cart.store_id or 0)
    return told or ("XXX" if view is None else view.base_currency)


def _write_totals(transaction: Transaction, key: int, totals: documents.Totals) -> None:
    """The totals are kept with the time they were read; another coupon is activity of the cart's owner."""
    table = tables.cart
    old = transaction.connection.execute(
        select(
            table.c.grand_total,
            table.c.coupon_code,
            table.c.totals_read_at,
            table.c.lost_at,
            table.c.last_activity_at,
            table.c.updated_at,
        ).where(table.c.id == key)
    ).one()
    values: dict[str, Any] = {
        "totals": documents.encode(totals),
        "grand_total": totals.grand_total,
        "coupon_code": totals.coupon_code,
        "totals_read_at": milliseconds_to_instant(transaction.now),
    }
    sentences: list[str] = []
    if old.totals_read_at is not None:
        before = None if old.grand_total is None else money_to_units(old.grand_total)
        sentences += amount_changed("Total", before, money_to_units(totals.grand_total), totals.currency)
        coupon_changed = list(value_changed("Coupon", old.coupon_code, totals.coupon_code))
        sentences += coupon_changed
        if coupon_changed and old.updated_at > old.last_activity_at:
            values["last_activity_at"] = old.updated_at
            if old.lost_at is not None:
                values["activity_after_lost_at"] = old.updated_at
    transaction.connection.execute(update(table).where(table.c.id == key).values(**values))
    _write_options(transaction, key, totals)
    transaction.tell("cart", key, sentences, transaction.now)


def _write_options(transaction: Transaction, key: int, totals: documents.Totals) -> None:
    """What was chosen of each line, in words: a search does not tell it (observed on Magento 2.4.7)."""
    table = tables.cart_item
    for item in totals.items:
        if item.options:
            chosen = documents.encode(item.options)
            here = (table.c.cart_id == key) & (table.c.item_id == item.item_id)
            transaction.connection.execute(update(table).where(here).values(options=chosen))


def totals_document(totals: payloads.Totals, quote_currency: str) -> documents.Totals:
    """The totals as the store keeps them; `quote_currency` where they don't name their own. Raises BadRecord."""

    def amount(value: float | None) -> Decimal:
        return exact(value or 0)

    def known(value: float | None) -> Decimal | None:
        return None if value is None else exact(value)

    return documents.Totals(
        currency=totals.quote_currency_code or quote_currency,
        grand_total=amount(totals.grand_total),
        subtotal=amount(totals.subtotal),
        items_qty=amount(totals.items_qty),
        subtotal_incl_tax=known(totals.subtotal_incl_tax),
        discount_amount=known(totals.discount_amount),
        shipping_amount=known(totals.shipping_amount),
        shipping_incl_tax=known(totals.shipping_incl_tax),
        tax_amount=known(totals.tax_amount),
        base_currency=totals.base_currency_code,
        base_subtotal=known(totals.base_subtotal),
        base_grand_total=known(totals.base_grand_total),
        coupon_code=totals.coupon_code or None,
        segments=[
            documents.TotalsSegment(segment.code, segment.title or segment.code, amount(segment.value))
            for segment in totals.total_segments or ()
        ],
        items=[
            documents.TotalsItem(
                item_id=item.item_id,
                name=item.name or "",
                qty=amount(item.qty),
                price=amount(item.price),
                row_total=amount(item.row_total),
                row_total_incl_tax=known(item.row_total_incl_tax),
                tax_amount=known(item.tax_amount),
                discount_amount=known(item.discount_amount),
                options=_options(item.options),
            )
            for item in totals.items or ()
        ],
    )


def _options(text: str | None) -> list[documents.Option]:
    """The choices in a line's totals; none where they are of a kind that is not words for words."""
    try:
        return documents.decode_options(text) if text else []
    except msgspec.DecodeError:
        return []


def _touch(transaction: Transaction, table: Any, key: int) -> None:
    """The row says that the shop was asked just now, also if nothing changed."""
    now = milliseconds_to_instant(transaction.now)
    transaction.connection.execute(update(table).where(table.c.id == key).values(synchronised_at=now))


def _told(transaction: Transaction, record: tuple[str, int], names: dict[int, str]) -> list[str]:
    """The record's own changes first, then those of what belongs to it, said of which."""
    changes = list(transaction.told.get(record, ()))
    for (entity, key), sentences in transaction.told.items():
        if (entity, key) != record:
            changes += [f"{names.get(key, f'Its {entity}')}: {sentence}" for sentence in sentences]
    return changes
