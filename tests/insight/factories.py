"""Rows for tests of the read side: written as they are, then the rollups are rebuilt from them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy import insert

from crm_core.insight.periods import Today
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.rollups import rebuild
from crm_core.store.search_keys import email_key, name_key, region_key
from crm_core.store.tables import (
    attempt,
    cart,
    cart_item,
    channel,
    customer,
    customer_group,
    metadata,
    order,
    order_item,
    quarantine,
    record_event,
    shop,
    store_view,
    sync_run,
    sync_state,
    website,
)

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
TODAY = Today.at(NOW)
_numbers = count(1)


def ago(**span: float) -> datetime:
    """A moment before NOW."""
    return NOW - timedelta(**span)


class Rows:
    """Collects rows, then writes them and rebuilds the rollups."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pending: list[tuple[Any, Mapping[str, Any]]] = []

    def add(self, table: Any, values: Mapping[str, Any]) -> None:
        self.pending.append((table, values))

    def write(self) -> None:
        with self.store.writing() as connection:
            kinds = dict.fromkeys((table, tuple(values)) for table, values in self.pending)
            for table, names in sorted(kinds, key=lambda kind: metadata.sorted_tables.index(kind[0])):
                alike = [dict(values) for owner, values in self.pending if (owner, tuple(values)) == (table, names)]
                connection.execute(insert(table), alike)
            rebuild(connection)
        self.pending.clear()

    def shop(self, id: int = 1, **values: Any) -> int:
        self.add(shop, {"id": id, "base_url": f"https://shop{id}.example", "created_at": ago(days=900), **values})
        return id

    def channel(self, id: int = 1, name: str = "Nordlicht", shop_id: int = 1, **values: Any) -> int:
        self.add(
            channel,
            {
                "id": id,
                "shop_id": shop_id,
                "name": name,
                "admin_url": f"https://shop{shop_id}.example/admin",
                "credentials": b"sealed",
                "credentials_kind": "token",
                "created_at": ago(days=900),
                "created_by": "maja",
                **values,
            },
        )
        return id

    def website(self, origin_id: int = 1, name: str = "Main", shop_id: int = 1) -> None:
        values = {"id": record_key(shop_id, origin_id), "shop_id": shop_id, "origin_id": origin_id}
        self.add(website, {**values, "code": name.lower(), "name": name})

    def store_view(self, origin_id: int = 1, name: str = "German", shop_id: int = 1, **values: Any) -> int:
        key = record_key(shop_id, origin_id)
        self.add(
            store_view,
            {
                "id": key,
                "shop_id": shop_id,
                "origin_id": origin_id,
                "website_id": 1,
                "code": name.lower(),
                "name": name,
                "is_active": True,
                "timezone": "Europe/Berlin",
                "base_currency": "EUR",
                "display_currency": "EUR",
                "locale": "de_DE",
                "base_url": f"https://shop{shop_id}.example/{name.lower()}",
                **values,
            },
        )
        return key

    def customer(self, origin_id: int = 7, shop_id: int = 1, **values: Any) -> int:
        key = record_key(shop_id, origin_id)
        row = {
            "id": key,
            "shop_id": shop_id,
            "origin_id": origin_id,
            "website_id": 1,
            "store_id": 1,
            "group_id": 1,
            "email": "anna@example.com",
            "firstname": "Anna",
            "lastname": "Keller",
            "addresses": "[]",
            "created_at": ago(days=400),
            "updated_at": ago(days=4),
            "content_hash": 1,
            "first_seen_at": ago(days=4),
            "synchronised_at": ago(minutes=2),
            **values,
        }
        row |= {"name_key": name_key(row["lastname"], row["firstname"]), "email_key": email_key(row["email"])}
        self.add(customer, row)
        return key

    def group(self, origin_id: int = 1, code: str = "General", shop_id: int = 1) -> None:
        values = {"id": record_key(shop_id, origin_id), "shop_id": shop_id, "origin_id": origin_id, "code": code}
        self.add(customer_group, values)

    def cart(self, origin_id: int | None = None, shop_id: int = 1, **values: Any) -> int:
        origin_id = origin_id or next(_numbers) + 1000
        key = record_key(shop_id, origin_id)
        row = {
            "id": key,
            "shop_id": shop_id,
            "origin_id": origin_id,
            "store_id": 1,
            "email": "anna@example.com",
            "firstname": "Anna",
            "lastname": "Keller",
            "is_guest": False,
            "is_active": True,
            "is_virtual": False,
            "items_count": 1,
            "items_qty": Decimal(2),
            "unavailable_count": 0,
            "base_currency": "EUR",
            "quote_currency": "EUR",
            "base_to_quote_rate": "1",
            "base_subtotal": Decimal("49.90"),
            "billing_country": "DE",
            "billing_region": region_key("Hamburg"),
            "created_at": ago(days=2),
            "updated_at": ago(hours=3),
            "content_hash": 1,
            "first_seen_at": ago(days=2),
            "synchronised_at": ago(minutes=2),
            "last_activity_at": ago(hours=4),
            "made_from_order": False,
            "status": "open",
            **values,
        }
        row |= {"name_key": name_key(row["lastname"], row["firstname"]), "email_key": email_key(row["email"])}
        self.add(cart, row)
        return key

    def cart_line(self, cart_key: int, item_id: int | None = None, **values: Any) -> None:
        self.add(
            cart_item,
            {
                "cart_id": cart_key,
                "item_id": item_id or next(_numbers),
                "sku": "NL-PRK-0142",
                "name": "Fjell Parka",
                "product_type": "simple",
                "qty": Decimal(1),
                "base_price": Decimal("24.95"),
                "state": "present",
                "state_since": ago(days=1),
                **values,
            },
        )

    def order(self, origin_id: int | None = None, shop_id: int = 1, **values: Any) -> int:
        origin_id = origin_id or next(_numbers) + 1000
        key = record_key(shop_id, origin_id)
        created_at: datetime = values.get("created_at", ago(days=1))
        row = {
            "id": key,
            "shop_id": shop_id,
            "origin_id": origin_id,
            "store_id": 1,
            "increment_id": f"{origin_id:09d}",
            "email": "anna@example.com",
            "firstname": "Anna",
            "lastname": "Keller",
            "is_guest": False,
            "is_virtual": False,
            "state": "processing",
            "status": "processing",
            "base_currency": "EUR",
            "order_currency": "EUR",
            "items_qty": Decimal(1),
            "grand_total": Decimal("119.00"),
            "subtotal": Decimal("100.00"),
            "base_grand_total": Decimal("119.00"),
            "base_subtotal": Decimal("100.00"),
            "billing_country": "DE",
            "billing_region": "Hamburg",
            "comments": "[]",
            "created_at": created_at,
            "updated_at": created_at,
            "local_day": created_at.date(),
            "local_hour": created_at.hour,
            "content_hash": 1,
            "first_seen_at": created_at,
            "synchronised_at": ago(minutes=2),
            **values,
        }
        row |= {"name_key": name_key(row["lastname"], row["firstname"]), "email_key": email_key(row["email"])}
        self.add(order, row)
        return key

    def order_line(self, order_key: int, item_id: int | None = None, **values: Any) -> None:
        self.add(
            order_item,
            {
                "order_id": order_key,
                "item_id": item_id or next(_numbers),
                "sku": "NL-PRK-0142",
                "name": "Fjell Parka",
                "product_type": "simple",
                "qty_ordered": Decimal(1),
                "price": Decimal("100.00"),
                "row_total": Decimal("100.00"),
                "base_price": Decimal("100.00"),
                "base_row_total": Decimal("100.00"),
                **values,
            },
        )

    def attempt(self, cart_key: int, **values: Any) -> None:
        self.add(
            attempt,
            {
                "shop_id": cart_key >> 40,
                "cart_origin_id": cart_key & ((1 << 40) - 1),
                "person": "maja",
                "state": "refused",
                "holds": False,
                "claimed_at": ago(hours=1),
                "settled_at": ago(hours=1),
                "lookups": 0,
                **values,
            },
        )

    def event(self, entity: str, key: int, text: str, at: datetime, **values: Any) -> None:
        row = {"entity": entity, "record_id": key, "at": at, "kind": "changed", "text": text, **values}
        self.add(record_event, row)

    def state(self, channel_id: int, entity: str, **values: Any) -> None:
        row = {
            "channel_id": channel_id,
            "entity": entity,
            "due_at": NOW + timedelta(minutes=3),
            "requested_full": False,
            "first_import_done_at": ago(days=100),
            "last_success_at": ago(minutes=2),
            "failures": 0,
            **values,
        }
        self.add(sync_state, row)

    def run(self, channel_id: int, entity: str, **values: Any) -> None:
        row = {
            "channel_id": channel_id,
            "entity": entity,
            "kind": "tick",
            "started_at": ago(seconds=20),
            "renewed_at": ago(seconds=1),
            **values,
        }
        self.add(sync_run, row)

    def quarantined(self, channel_id: int, entity: str, origin_id: int, reason: str) -> None:
        row = {"channel_id": channel_id, "entity": entity, "origin_id": origin_id, "reason": reason}
        self.add(quarantine, {**row, "first_seen_at": ago(days=1), "last_tried_at": ago(hours=1)})


def two_shops(store: Store) -> Rows:
    """Rows with two shops: Nordlicht (German and Austrian views, EUR) and Harbour (English view, GBP)."""
    rows = Rows(store)
    rows.shop(1)
    rows.shop(2)
    rows.channel(1, "Nordlicht", 1)
    rows.channel(2, "Harbour", 2)
    rows.website(1, "Main", 1)
    rows.website(1, "UK", 2)
    rows.store_view(1, "German", 1)
    rows.store_view(2, "Austrian", 1)
    rows.store_view(1, "English", 2, timezone="Europe/London", base_currency="GBP", display_currency="GBP")
    return rows


def day(text: str) -> date:
    """The day of an ISO text."""
    return date.fromisoformat(text)
