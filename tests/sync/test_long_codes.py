"""A SKU, number or address of absurd length puts its record into quarantine before any index refuses the page."""

from __future__ import annotations

import random
from datetime import datetime

import pytest

from crm_core.errors import BadRecord
from crm_core.magento import payloads
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.upsert import upsert
from crm_core.sync.cart_mapping import map_cart
from crm_core.sync.customer_mapping import map_customer
from crm_core.sync.order_mapping import map_order
from tests.store.rows import add_shop, driver_row

_LONG = "x" * 256
_AT = datetime(2026, 5, 1, 9, 30)  # noqa: DTZ001 (Magento's times are naive and UTC)


def test_an_order_with_an_absurd_number_or_sku_is_refused() -> None:
    order = payloads.Order(
        entity_id=1,
        created_at=_AT,
        base_currency_code="EUR",
        order_currency_code="EUR",
        grand_total=1,
        base_grand_total=1,
    )
    item = payloads.OrderItem(item_id=1, sku=_LONG, qty_ordered=1, price=1, row_total=1)
    with pytest.raises(BadRecord, match="Order 1: its increment_id of 256 characters"):
        map_order(1, _with(order, increment_id=_LONG, items=[]), {})
    with pytest.raises(BadRecord, match="Order 1: its sku of 256 characters"):
        map_order(1, _with(order, increment_id="000000001", items=[item]), {})


def test_a_cart_with_an_absurd_sku_is_refused() -> None:
    item = payloads.CartItem(item_id=1, sku=_LONG, qty=1, price=1)
    currency = payloads.CartCurrency(base_currency_code="EUR", quote_currency_code="EUR", base_to_quote_rate=1)
    cart = payloads.Cart(
        id=1, created_at=_AT, is_active=True, items=[item], items_count=1, items_qty=1, currency=currency
    )
    with pytest.raises(BadRecord, match="Cart 1: its sku of 256 characters"):
        map_cart(1, cart)


def test_a_customer_with_an_absurd_address_is_refused() -> None:
    with pytest.raises(BadRecord, match="Customer 1: its email of 256 characters"):
        map_customer(1, payloads.Customer(id=1, email=_LONG, created_at=_AT))


def test_the_longest_that_are_kept_fit_every_index(store: Store) -> None:
    random_ = random.Random(1)  # incompressible, so that PostgreSQL cannot squeeze it, and four bytes each
    longest = "".join(chr(random_.randrange(0x20000, 0x2A000)) for _ in range(255))
    keys = {"name_key": longest[:100], "email_key": longest[:100], "billing_region": longest[:60]}
    with store.writing() as connection:
        add_shop(connection)
        for table, chosen in (
            (tables.order, {"increment_id": longest, "gone_at": None, **keys}),
            (tables.order_item, {"sku": longest}),
            (tables.cart, keys),
            (tables.cart_item, {"sku": longest}),
            (tables.customer, {"email": longest, "gone_at": None, **keys}),
        ):
            columns = tuple(column.name for column in table.columns)
            upsert(connection, table, columns, [driver_row(table, store.dialect_name, **chosen)])


def _with(order: payloads.Order, **fields: object) -> payloads.Order:
    return payloads.Order(**{name: getattr(order, name) for name in order.__struct_fields__} | fields)
