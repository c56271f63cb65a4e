"""“I placed it there”: what became of a cart that a person went to order in the shop's own admin.

An order that is created in the admin gets a cart of its own there, with another number than the customer's (Magento's
admin keeps what is being ordered in a quote of its session). So an order of the same person counts as a sign, no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import select

from crm_core.insight.cart_record import CartRecord, cart_record
from crm_core.insight.linked import LinkedOrder
from crm_core.store.database import Store
from crm_core.store.keys import origin_of
from crm_core.store.tables import order
from crm_core.sync.newer_orders import read_newer_orders
from crm_core.sync.record import synchronise_cart

LOOKS_BACK = timedelta(hours=24)
"""How old an order of the same person may be to be told of."""


@dataclass(frozen=True)
class OtherOrder:
    """An order of the same person that is not of this cart; `grand_total` is in `currency`."""

    key: int
    increment_id: str
    grand_total: Decimal
    currency: str
    created_at: datetime


@dataclass(frozen=True)
class PlacedThere:
    """What the shop has: the order of this cart, if any; else the person's other orders of LOOKS_BACK, newest first."""

    order: LinkedOrder | None
    others: tuple[OtherOrder, ...]


def look_for_order(store: Store, cart_key: int, person: str) -> PlacedThere:
    """The cart and its orders as the shop has them now, and if none of them stands, other orders of the same person.

    All of them are mirrored; nothing is written in the shop. Works in channels that are read-only too. Raises as
    `synchronise_cart`.
    """
    synchronise_cart(store, cart_key, person, totals=False)
    cart = cart_record(store, cart_key)
    if cart.order is not None and not cart.order.is_cancelled and cart.order.gone_at is None:
        return PlacedThere(cart.order, ())
    return PlacedThere(None, _others(store, cart))


def _others(store: Store, cart: CartRecord) -> tuple[OtherOrder, ...]:
    if cart.store_view is None:
        return ()
    keys = read_newer_orders(
        store,
        cart.shop_id,
        cart.store_view.origin_id,
        datetime.now(UTC) - LOOKS_BACK,
        customer_id=None if cart.customer.key is None else origin_of(cart.customer.key)[1],
        email=cart.email,
    )
    with store.reading() as connection:
        rows = connection.execute(
            select(order)
            .where(order.c.id.in_(keys), order.c.cart_id.is_distinct_from(cart.key))
            .order_by(order.c.id.desc())
        ).all()
    return tuple(
        OtherOrder(row.id, row.increment_id, row.grand_total, row.order_currency, row.created_at) for row in rows
    )
