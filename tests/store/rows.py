"""Rows for the store's own tests: every column filled, the interesting ones chosen by the test."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Boolean, Date, Integer, String, Table, Text, text
from sqlalchemy.engine import Connection

from crm_core.store.keys import record_key
from crm_core.store.rollups import CartFacts, CustomerFacts, OrderFacts
from crm_core.store.types import Instant, Money, Quantity
from crm_core.store.upsert import Row, day_for_driver

DAY = 86_400_000


def driver_row(table: Table, dialect_name: str, **chosen: Any) -> Row:
    """A row of driver values for every column of the table: the chosen ones, and a plain value for the others."""
    return tuple(
        chosen[column.name] if column.name in chosen else _plain(column.type, dialect_name) for column in table.columns
    )


def _plain(type_: Any, dialect_name: str) -> Any:
    if isinstance(type_, Boolean):
        return False
    if isinstance(type_, Date):
        return day_for_driver(date(2026, 5, 4), dialect_name)
    if isinstance(type_, Integer | Instant | Money | Quantity):
        return 1
    if isinstance(type_, String | Text):
        return "EUR"[: type_.length or 3]
    raise TypeError(type_)


def add_shop(connection: Connection, shop_id: int = 1) -> None:
    """A shop that mirrored rows may belong to."""
    connection.execute(
        text("INSERT INTO shop (id, base_url, created_at) VALUES (:id, :url, 0)"),
        {"id": shop_id, "url": f"https://shop{shop_id}.example/"},
    )


def order_row(dialect_name: str, table: Table, origin_id: int, facts: OrderFacts) -> Row:
    """The row of an order with these facts."""
    chosen = facts._asdict()
    chosen.pop("is_gone")
    gone_at = 1 if facts.is_gone else None
    key = record_key(facts.shop_id, origin_id)
    return driver_row(table, dialect_name, id=key, origin_id=origin_id, gone_at=gone_at, **chosen)


def cart_row(dialect_name: str, table: Table, origin_id: int, facts: CartFacts) -> Row:
    """The row of a cart with these facts."""
    key = record_key(facts.shop_id, origin_id)
    return driver_row(table, dialect_name, id=key, origin_id=origin_id, **facts._asdict())


def customer_row(dialect_name: str, table: Table, origin_id: int, facts: CustomerFacts) -> Row:
    """The row of a customer with these facts."""
    chosen = facts._asdict()
    chosen.pop("is_gone")
    gone_at = 1 if facts.is_gone else None
    key = record_key(facts.shop_id, origin_id)
    return driver_row(table, dialect_name, id=key, origin_id=origin_id, gone_at=gone_at, **chosen)
