"""Rows of the mirror for tests that need some without reading a shop."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from crm_core.store import rollups, tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def add_orders(store: Store, shop_id: int, placed: list[datetime], store_id: int = 1, zone: str = "UTC") -> None:
    """Orders placed at these moments in the store view, a line each, counted in the rollups."""
    with store.writing() as connection:
        for number, moment in enumerate(placed, 1):
            local = moment.astimezone(ZoneInfo(zone))
            key = record_key(shop_id, store_id * 1000 + number)
            connection.execute(
                insert(tables.order).values(
                    id=key,
                    shop_id=shop_id,
                    origin_id=store_id * 1000 + number,
                    store_id=store_id,
                    increment_id=f"{number:09}",
                    name_key="",
                    email_key="",
                    is_guest=True,
                    is_virtual=False,
                    state="new",
                    status="pending",
                    base_currency="EUR",
                    order_currency="EUR",
                    items_qty=Decimal(1),
                    grand_total=Decimal(10),
                    subtotal=Decimal(10),
                    base_grand_total=Decimal(10),
                    comments="[]",
                    created_at=moment,
                    updated_at=moment,
                    local_day=local.date(),
                    local_hour=local.hour,
                    content_hash=0,
                    first_seen_at=NOW,
                    synchronised_at=NOW,
                )
            )
            connection.execute(
                insert(tables.order_item).values(
                    order_id=key,
                    item_id=1,
                    sku="A",
                    name="A",
                    product_type="simple",
                    qty_ordered=Decimal(1),
                    price=Decimal(10),
                    row_total=Decimal(10),
                    base_price=Decimal(10),
                    base_row_total=Decimal(10),
                )
            )
        rollups.rebuild(connection)


def add_cart(store: Store, shop_id: int, origin_id: int) -> None:
    """An open cart with a line, counted in the rollups."""
    key = record_key(shop_id, origin_id)
    with store.writing() as connection:
        connection.execute(
            insert(tables.cart).values(
                id=key,
                shop_id=shop_id,
                origin_id=origin_id,
                store_id=1,
                name_key="",
                email_key="",
                is_guest=True,
                is_active=True,
                is_virtual=False,
                items_count=1,
                items_qty=Decimal(1),
                unavailable_count=0,
                base_currency="EUR",
                quote_currency="EUR",
                base_to_quote_rate="1",
                base_subtotal=Decimal(10),
                created_at=NOW,
                updated_at=NOW,
                content_hash=0,
                first_seen_at=NOW,
                synchronised_at=NOW,
                last_activity_at=NOW,
                status="open",
            )
        )
        connection.execute(
            insert(tables.cart_item).values(
                cart_id=key,
                item_id=1,
                sku="A",
                name="A",
                product_type="simple",
                qty=Decimal(1),
                base_price=Decimal(10),
                state_since=NOW,
            )
        )
        rollups.rebuild(connection)
