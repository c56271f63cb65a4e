"""Rows for tests that need no shop: a shop, a channel, a store view and one cart, as the mirror would hold them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, update

from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CART_ID = 237
ORDER_ID = 82


def add_shop(store: Store, **channel: Any) -> int:
    """The id of a shop with one store view (1, "default") and one channel that allows writes."""
    with store.writing() as connection:
        shop_id = connection.execute(
            insert(tables.shop).values(base_url="http://127.0.0.1:9", created_at=NOON).returning(tables.shop.c.id)
        ).scalar_one()
        values: dict[str, Any] = {
            "shop_id": shop_id,
            "name": "Main",
            "credentials": b"",
            "credentials_kind": "token",
            "allow_writes": True,
            "created_at": NOON,
            "created_by": "tests",
        }
        connection.execute(insert(tables.channel).values(**values | channel))
        connection.execute(
            insert(tables.store_view).values(
                id=record_key(shop_id, 1),
                shop_id=shop_id,
                origin_id=1,
                website_id=1,
                code="default",
                name="Default",
                is_active=True,
                timezone="Europe/Amsterdam",
                base_currency="EUR",
                display_currency="EUR",
                locale="nl_NL",
                base_url="http://127.0.0.1:9/",
            )
        )
    return int(shop_id)


def add_cart(store: Store, shop_id: int, **cart: Any) -> int:
    """The key of a cart of the shop: open, one line of two pens unless `cart` says otherwise."""
    key = record_key(shop_id, CART_ID)
    values: dict[str, Any] = {
        "id": key,
        "shop_id": shop_id,
        "origin_id": CART_ID,
        "store_id": 1,
        "email": "anna@example.test",
        "firstname": "Anna",
        "lastname": "Smit",
        "name_key": "smit anna",
        "email_key": "anna@example.test",
        "is_guest": True,
        "is_active": True,
        "is_virtual": False,
        "items_count": 1,
        "items_qty": Decimal(2),
        "unavailable_count": 0,
        "base_currency": "EUR",
        "quote_currency": "EUR",
        "base_to_quote_rate": "1",
        "base_subtotal": Decimal("2.50"),
        "created_at": NOON,
        "updated_at": NOON,
        "content_hash": 1,
        "first_seen_at": NOON,
        "synchronised_at": NOON,
        "last_activity_at": NOON,
        "status": "open",
    }
    with store.writing() as connection:
        connection.execute(insert(tables.cart).values(**values | cart))
        connection.execute(
            insert(tables.cart_item).values(
                cart_id=key,
                item_id=1,
                sku="PEN-01",
                name="Pen",
                product_type="simple",
                qty=Decimal(2),
                base_price=Decimal("1.25"),
                state="present",
                state_since=NOON,
            )
        )
    return key


def add_customer(store: Store, shop_id: int, key: int, **customer: Any) -> None:
    """Anna Smit is a customer of the shop, under this key."""
    values: dict[str, Any] = {
        "id": key,
        "shop_id": shop_id,
        "origin_id": key,
        "website_id": 1,
        "email": "anna@example.test",
        "firstname": "Anna",
        "lastname": "Smit",
        "name_key": "smit anna",
        "email_key": "anna@example.test",
        "addresses": "[]",
        "created_at": NOON,
        "updated_at": NOON,
        "content_hash": 0,
        "first_seen_at": NOON,
        "synchronised_at": NOON,
    }
    with store.writing() as connection:
        connection.execute(insert(tables.customer).values(**values | customer))


def add_order(store: Store, shop_id: int, **order: Any) -> int:
    """The key of order 82 of the shop, 000000082, made from the cart."""
    key = record_key(shop_id, ORDER_ID)
    values: dict[str, Any] = {
        "id": key,
        "shop_id": shop_id,
        "origin_id": ORDER_ID,
        "store_id": 1,
        "increment_id": "000000082",
        "cart_id": record_key(shop_id, CART_ID),
        "name_key": "smit anna",
        "email_key": "anna@example.test",
        "is_guest": True,
        "is_virtual": False,
        "state": "new",
        "status": "pending",
        "base_currency": "EUR",
        "order_currency": "EUR",
        "items_qty": Decimal(2),
        "grand_total": Decimal("84.20"),
        "subtotal": Decimal("2.50"),
        "base_grand_total": Decimal("84.20"),
        "comments": "[]",
        "created_at": NOON,
        "updated_at": NOON,
        "local_day": NOON.date(),
        "local_hour": 13,
        "content_hash": 1,
        "first_seen_at": NOON,
        "synchronised_at": NOON,
    }
    with store.writing() as connection:
        connection.execute(insert(tables.order).values(**values | order))
    return key


def change_cart(store: Store, key: int, **values: Any) -> None:
    """The cart's row with other values, as a sync might leave it."""
    with store.writing() as connection:
        connection.execute(update(tables.cart).where(tables.cart.c.id == key).values(**values))
