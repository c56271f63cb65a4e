"""A store full of made-up carts and orders, written past the shop: what the benchmarks of the read side look at.

Two shops, three channels, five store views, two currencies; orders and carts of three years up to now, with addresses
and lines as wide as real ones. The same numbers make the same rows, except that time runs on.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, insert, text, update

from crm_core.store.database import Store
from crm_core.store.documents import SAME_AS_BILLING, Address, Comment, encode
from crm_core.store.indexes import without_secondary_indexes
from crm_core.store.keys import record_key
from crm_core.store.rollups import rebuild
from crm_core.store.schema import migrate
from crm_core.store.search_keys import email_key, name_key
from crm_core.store.tables import (
    cart,
    cart_item,
    channel,
    order,
    order_item,
    shop,
    store_view,
    sync_state,
    website,
)
from crm_core.store.types import MONEY_SCALE, instant_to_milliseconds
from crm_core.store.upsert import upsert

_DAYS = 3 * 365
_DAY_MS = 86_400_000
_CHUNK = 20_000
_VIEWS = ((1, 1, "EUR"), (1, 2, "EUR"), (1, 3, "EUR"), (2, 1, "GBP"), (2, 2, "GBP"))
"""Shop, store view and base currency."""

_FIRST = [
    "Anna",
    "Jonas",
    "Marie",
    "Lukas",
    "Sofia",
    "Elena",
    "Paul",
    "Clara",
    "Noah",
    "Hugo",
    "Oliver",
    "Grace",
    "Harry",
    "Freya",
    "Zoë",
    "Łukasz",
    "Søren",
]
_LAST = [
    "Keller",
    "Brandt",
    "Okafor",
    "Lindqvist",
    "Moreau",
    "Fischer",
    "Dubois",
    "Hartley",
    "Nguyen",
    "Nowak",
    "Rossi",
    "Vogel",
    "Petit",
    "Wren",
]
_PLACES = (("DE", "Hamburg"), ("DE", "Bayern"), ("AT", "Wien"), ("GB", "London"), ("FR", "Île-de-France"))
_STATES = ("complete",) * 14 + ("processing",) * 3 + ("canceled",) * 2 + ("closed", "new", "holded")
_STATUS = {"new": "pending"}
_CART_STATUSES = ("purchased",) * 12 + ("expired",) * 6 + ("open",) * 5 + ("lost",)
_PRODUCTS = [(f"NL-{number:05d}", f"Fjell Parka, model {number}", 500 + number * 7) for number in range(2_000)]

_SHARED = (
    "id",
    "shop_id",
    "origin_id",
    "store_id",
    "email",
    "firstname",
    "lastname",
    "name_key",
    "email_key",
    "is_guest",
    "is_virtual",
    "base_currency",
    "items_qty",
    "billing_country",
    "billing_region",
    "billing_address",
    "created_at",
    "updated_at",
    "content_hash",
    "first_seen_at",
    "synchronised_at",
    "status",
)
_CART_COLUMNS = (
    *_SHARED,
    "shipping_address",
    "is_active",
    "items_count",
    "unavailable_count",
    "quote_currency",
    "base_to_quote_rate",
    "base_subtotal",
    "last_activity_at",
    "made_from_order",
)
_ORDER_COLUMNS = (
    *_SHARED,
    "shipping_address",
    "increment_id",
    "state",
    "order_currency",
    "grand_total",
    "subtotal",
    "base_grand_total",
    "base_subtotal",
    "base_total_paid",
    "base_total_refunded",
    "total_paid",
    "comments",
    "local_day",
    "local_hour",
)
_CART_LINE_COLUMNS = ("cart_id", "item_id", "sku", "name", "product_type", "qty", "base_price", "state", "state_since")
_ORDER_LINE_COLUMNS = (
    "order_id",
    "item_id",
    "sku",
    "name",
    "product_type",
    "qty_ordered",
    "price",
    "row_total",
    "base_price",
    "base_row_total",
)

_Record = tuple[tuple[Any, ...], list[tuple[Any, ...]]]


def fill_store(url: str, *, orders: int, carts: int, seed: int = 1) -> None:
    """The store at `url`, made if missing and empty before, holds that many orders and carts, counted and indexed."""
    migrate(url)
    store = Store(url)
    try:
        with store.writing() as connection:
            _add_channels(connection)
        chance = random.Random(seed)
        with without_secondary_indexes(store, "orders"):
            records = _orders(chance, orders, store.dialect_name)
            _write(store, records, (order, _ORDER_COLUMNS), (order_item, _ORDER_LINE_COLUMNS))
        with without_secondary_indexes(store, "carts"):
            _write(store, _carts(chance, carts), (cart, _CART_COLUMNS), (cart_item, _CART_LINE_COLUMNS))
        with store.writing() as connection:
            rebuild(connection)
    finally:
        store.close()


def _add_channels(connection: Connection) -> None:
    now = datetime.now(UTC)
    for shop_id in (1, 2):
        url = f"https://shop{shop_id}.example"
        connection.execute(insert(shop).values(id=shop_id, base_url=url, created_at=now))
    for id, shop_id, name, websites in ((1, 1, "Nordlicht", "[1]"), (2, 1, "Brume", "[2]"), (3, 2, "Harbour", None)):
        connection.execute(
            insert(channel).values(
                id=id,
                shop_id=shop_id,
                name=name,
                website_ids=websites,
                credentials=b"none",
                credentials_kind="token",
                created_at=now,
                created_by="benchmark",
            )
        )
        for entity in ("stores", "customers", "orders", "carts"):
            connection.execute(
                insert(sync_state).values(
                    channel_id=id,
                    entity=entity,
                    due_at=now + timedelta(days=1),
                    first_import_done_at=now,
                    last_success_at=now,
                )
            )
    for shop_id, origin_id in ((1, 1), (1, 2), (2, 1)):
        connection.execute(
            insert(website).values(
                id=record_key(shop_id, origin_id),
                shop_id=shop_id,
                origin_id=origin_id,
                code=f"site{origin_id}",
                name=f"Site {origin_id}",
            )
        )
    for shop_id, origin_id, currency in _VIEWS:
        connection.execute(
            insert(store_view).values(
                id=record_key(shop_id, origin_id),
                shop_id=shop_id,
                origin_id=origin_id,
                website_id=2 if (shop_id, origin_id) == (1, 3) else 1,
                code=f"view{origin_id}",
                name=f"View {origin_id}",
                is_active=True,
                timezone="UTC",
                base_currency=currency,
                display_currency=currency,
                locale="en_GB",
                base_url=f"https://shop{shop_id}.example/",
            )
        )


def _write(
    store: Store,
    records: Iterable[_Record],
    rows: tuple[Table, tuple[str, ...]],
    lines: tuple[Table, tuple[str, ...]],
) -> None:
    waiting = iter(records)
    while chunk := list(islice(waiting, _CHUNK)):
        with store.writing() as connection:
            _insert(connection, *rows, [row for row, _ in chunk])
            _insert(connection, *lines, [line for _, of_row in chunk for line in of_row])


def _insert(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    if connection.dialect.name == "sqlite":
        upsert(connection, table, columns, rows)
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor().copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _shared(chance: random.Random, number: int, status: str, now: int) -> tuple[Any, ...]:
    shop_id, store_id, currency = _VIEWS[chance.randrange(5)]
    firstname, lastname = _FIRST[chance.randrange(13)], f"{_LAST[chance.randrange(10)]}{chance.randrange(900)}"
    email = f"{firstname}.{lastname}@example.com"
    country, region = _PLACES[chance.randrange(5)]
    created = now - int(chance.random() * _DAYS * _DAY_MS)
    updated = min(now, created + chance.randrange(1, 20 * _DAY_MS))
    address = _ADDRESSES[number % len(_ADDRESSES)]
    return (
        record_key(shop_id, number),
        shop_id,
        number,
        store_id,
        email,
        firstname,
        lastname,
        name_key(lastname, firstname),
        email_key(email),
        number % 5 == 0,
        False,
        currency,
        chance.randrange(1, 9) * MONEY_SCALE if number % 10 else 0,
        country,
        region,
        address,
        created,
        updated,
        number,
        created,
        now,
        status,
    )


def _orders(chance: random.Random, number_of: int, dialect_name: str) -> Iterator[_Record]:
    now = instant_to_milliseconds(datetime.now(UTC))
    days = [date.fromordinal(719_163 + number) for number in range(now // _DAY_MS + 1)]
    texts = [day.isoformat() for day in days]
    for number in range(1, number_of + 1):
        state = _STATES[chance.randrange(len(_STATES))]
        shared = _shared(chance, number, _STATUS.get(state, state), now)
        currency, created = shared[11], shared[16]
        total = chance.randrange(5 * MONEY_SCALE, 400 * MONEY_SCALE, 100)
        day = created // _DAY_MS
        yield (
            (
                *shared,
                SAME_AS_BILLING,
                f"{number:09d}",
                state,
                currency,
                total,
                total * 84 // 100,
                total,
                total * 84 // 100,
                total if state != "new" else None,
                total if state == "closed" else None,
                total,
                _COMMENTS,
                texts[day] if dialect_name == "sqlite" else days[day],
                created // 3_600_000 % 24,
            ),
            [
                (shared[0], line, sku, name, "simple", MONEY_SCALE, price, price, price, price)
                for line, (sku, name, price) in _lines(chance)
            ],
        )


def _carts(chance: random.Random, number_of: int) -> Iterator[_Record]:
    now = instant_to_milliseconds(datetime.now(UTC))
    for number in range(1, number_of + 1):
        status = _CART_STATUSES[chance.randrange(len(_CART_STATUSES))]
        shared = _shared(chance, number, status, now)
        currency, address, updated = shared[11], shared[15], shared[17]
        subtotal = chance.randrange(5 * MONEY_SCALE, 400 * MONEY_SCALE, 100)
        yield (
            (*shared, address, status == "open", 2, 0, currency, "1", subtotal, updated, False),
            [
                (shared[0], line, sku, name, "simple", MONEY_SCALE, price, "present", updated)
                for line, (sku, name, price) in _lines(chance)
            ],
        )


def _lines(chance: random.Random) -> Iterator[tuple[int, tuple[str, str, int]]]:
    for line in range(1, 2 + chance.randrange(2)):
        sku, name, price = _PRODUCTS[chance.randrange(len(_PRODUCTS))]
        yield line, (sku, name, price * MONEY_SCALE // 100)


_ADDRESSES = [
    encode(
        Address(
            firstname="Anna",
            lastname="Lindqvist",
            company="Nordlicht Outfitters GmbH",
            street=[f"Elbchaussee {number}", "Hinterhaus"],
            city="Hamburg",
            postcode=f"22{number:03d}",
            region="Hamburg",
            region_code="HAM",
            region_id=88,
            country_id="DE",
            telephone=f"+49 40 5550 {number:04d}",
            is_default_billing=True,
            origin_id=number,
        )
    )
    for number in range(100, 200)
]
_COMMENTS = encode([Comment(created_at=datetime(2026, 1, 1, tzinfo=UTC), status="processing", comment="Invoice sent")])


def settle(store: Store) -> None:
    """Statistics and PostgreSQL's visibility map are up to date, as its autovacuum leaves them after an import."""
    if store.dialect_name == "sqlite":
        with store.writing() as connection:
            connection.execute(text("ANALYZE"))
        return
    with store.writing() as connection:
        driver: Any = connection.connection.driver_connection
        connection.rollback()
        driver.autocommit = True
        driver.execute("VACUUM (ANALYZE)")
        driver.autocommit = False


def touch(store: Store) -> None:
    """Something is committed, so that everything is read anew: answers are kept while a store does not change."""
    with store.writing() as connection:
        connection.execute(update(sync_state).values(due_at=datetime.now(UTC)))
