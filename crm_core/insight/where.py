"""The SQL of a filter: its fourth face, used by the grids, the counts and the neighbours of a record.

Names, e-mail addresses and order numbers are compared case-folded with the short keys of crm_core.store.search_keys, so
a search reads the wide index of the grid and not the rows. What a person typed is data: % and _ mean themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Table,
    UnaryExpression,
    and_,
    collate,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.sql.operators import custom_op

from crm_core.insight.directory import Directory, Scope
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.own_days import OwnDays, own_days
from crm_core.insight.periods import Today
from crm_core.store.keys import origin_of, record_key
from crm_core.store.search_keys import email_key
from crm_core.store.tables import cart, cart_item, customer, order, order_item, shop

_NUMBER = re.compile(r"#?(\d{1,12})")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DAY = timedelta(days=1)

_TO_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

_INCREMENT_DIGITS = 9
"""Digits that Magento fills an order number up to."""


@dataclass(frozen=True)
class Lines:
    """The lines of the rows of a screen: their table, and the column that holds the key of their row."""

    table: Table
    row_key: Column[Any]


@dataclass(frozen=True)
class Rows:
    """The table behind a screen and the columns that its filters look at; None: its rows have no amounts, no lines."""

    table: Table
    part: Column[Any]
    """The origin id of the part of the shop, store view or website, that a row belongs to."""
    shown: Column[Any]
    """What tells whether a row is shown by default; each narrow index ends with it."""
    amount: Column[Any] | None = None
    lines: Lines | None = None


ROWS: dict[Screen, Rows] = {
    "carts": Rows(
        cart,
        part=cart.c.store_id,
        shown=cart.c.items_qty,
        amount=cart.c.base_subtotal,
        lines=Lines(cart_item, cart_item.c.cart_id),
    ),
    "orders": Rows(
        order,
        part=order.c.store_id,
        shown=order.c.gone_at,
        amount=order.c.base_grand_total,
        lines=Lines(order_item, order_item.c.order_id),
    ),
    "customers": Rows(customer, part=customer.c.website_id, shown=customer.c.gone_at),
}


def where(
    connection: Connection,
    wanted: Filter,
    names: Directory,
    today: Today,
    *,
    status_by_index: bool = True,
    amount_by_index: bool = True,
) -> list[ColumnElement[bool]]:
    """The conditions of the filter, all of which hold for its rows; `today` is what presets count back from.

    Without `status_by_index` or `amount_by_index` SQLite does not look for the status, or the amount, in an index: it
    does not know how many rows have one, and would take any status and any range of amounts for a rare one.
    """
    rows = ROWS[wanted.screen]
    found = _shown(wanted)
    if wanted.statuses:
        status: ColumnElement[Any] = rows.table.c.status
        found.append((status if status_by_index else unindexed(connection, status)).in_(wanted.statuses))
    scope = scope_of(wanted, names)
    if scope is not None:
        found.append(in_scope(rows.table, rows.part, scope))
    if wanted.groups:
        found.append(or_(*(_is_in_group(key) for key in wanted.groups)))
    if wanted.is_subscribed is not None:
        # Whoever the shop says nothing of gets none.
        found.append(func.coalesce(customer.c.is_subscribed, false()).is_(wanted.is_subscribed))
    found += _in_periods(wanted, rows.table, names, scope, today)
    if rows.amount is not None:
        amount: ColumnElement[Any] = rows.amount if amount_by_index else unindexed(connection, rows.amount)
        if wanted.amount_from is not None:
            found.append(amount >= wanted.amount_from)
        if wanted.amount_to is not None:
            found.append(amount <= wanted.amount_to)
    if wanted.currency:
        found.append(rows.table.c.base_currency == wanted.currency)
    if wanted.countries:
        found.append(rows.table.c.billing_country.in_(wanted.countries))
    if wanted.is_guest is not None:
        found.append(rows.table.c.is_guest.is_(wanted.is_guest))
    if wanted.sku and rows.lines:
        variants = sorted({wanted.sku, wanted.sku.upper(), wanted.sku.lower()})
        found.append(_has_sku(rows.table, rows.lines, variants))
    if wanted.email:
        found.append(_has_email(rows.table, wanted.email))
    if exact := _keys_of_number(connection, wanted):
        found.append(rows.table.c.id.in_(exact))
    else:
        found += [_has_word(connection, rows, wanted.screen, word) for word in wanted.text.split()]
    return found


def scope_of(wanted: Filter, names: Directory) -> Scope | None:
    """The shops and the parts of them that the filter's channels, store views and websites leave; None: all."""
    if wanted.screen == "customers":
        return names.website_scope(wanted.channel_ids, wanted.websites)
    return names.scope(wanted.channel_ids, wanted.stores)


def in_scope(table: Table, part: Column[Any], scope: Scope) -> ColumnElement[bool]:
    """The rows of the table that are in scope; `part` is its column with the part of the shop that a row belongs to."""
    parts: list[ColumnElement[bool]] = []
    if scope.shops:
        parts.append(table.c.shop_id.in_(sorted(scope.shops)))
    for shop_id in sorted({shop_id for shop_id, _ in scope.views}):
        views = sorted(store_id for owner, store_id in scope.views if owner == shop_id)
        parts.append(and_(table.c.shop_id == shop_id, part.in_(views)))
    return or_(*parts) if parts else false()


def in_own_days(day: Column[date], days: Sequence[OwnDays]) -> list[ColumnElement[bool]]:
    """The orders whose day, or the rollup's rows whose day, is among these of their own store view."""
    first, final = days[0].first, days[-1].final
    found: list[ColumnElement[bool]] = []
    if first:
        found.append(day >= first)
    if final:
        found.append(day <= final)
    for later in days[1:]:
        elsewhere = not_(in_scope(day.table, day.table.c.store_id, Scope(frozenset(), later.views)))
        found.append(or_(day >= later.first, elsewhere))
    return found


def unindexed(connection: Connection, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """The same value, by which SQLite neither looks for rows nor walks them; PostgreSQL decides by its statistics."""
    if connection.dialect.name != "sqlite":
        return value
    return UnaryExpression(value, operator=custom_op("+"), type_=value.type)


def contains(text: str) -> str:
    """The LIKE pattern, escaped by a backslash, of what holds that text anywhere."""
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _shown(wanted: Filter) -> list[ColumnElement[bool]]:
    # Spelt as in the partial indexes, without a parameter: otherwise the databases cannot tell that they fit.
    if wanted.screen != "carts":
        gone_at = ROWS[wanted.screen].table.c.gone_at
        return [gone_at.is_not(None) if wanted.gone else gone_at.is_(None)]
    return [literal_column("cart.items_qty") > literal_column("0")] if wanted.with_items else []


def _is_in_group(key: int) -> ColumnElement[bool]:
    shop_id, group_id = origin_of(key)
    return and_(customer.c.shop_id == shop_id, customer.c.group_id == group_id)


def _in_periods(
    wanted: Filter, table: Table, names: Directory, scope: Scope | None, today: Today
) -> list[ColumnElement[bool]]:
    found = _between(table.c.updated_at, wanted.updated.utc_days(today)) if wanted.updated else []
    if wanted.created is None:
        return found
    if wanted.screen != "orders":
        return found + _between(table.c.created_at, wanted.created.utc_days(today))
    days = own_days(wanted.created, names, scope, today)
    found += in_own_days(table.c.local_day, days)
    # No zone is a whole day off UTC: these let an index on created_at skip the rest.
    return found + _between(table.c.created_at, (days[0].first, days[-1].final), margin=_DAY)


def _between(
    column: Column[Any], days: tuple[date | None, date | None], margin: timedelta = timedelta(0)
) -> list[ColumnElement[bool]]:
    first, final = days
    found: list[ColumnElement[bool]] = []
    if first and first > date.min + 2 * _DAY:
        found.append(column >= datetime.combine(first, time(), UTC) - margin)
    if final and final < date.max - 2 * _DAY:
        found.append(column < datetime.combine(final, time(), UTC) + _DAY + margin)
    return found


def _has_email(table: Table, email: str) -> ColumnElement[bool]:
    key = email_key(email)
    if _ADDRESS.fullmatch(email):
        found: ColumnElement[bool] = table.c.email_key == key
        return found
    return _like(table.c.email_key, key)


def _has_word(connection: Connection, rows: Rows, screen: Screen, word: str) -> ColumnElement[bool]:
    parts = [_like(rows.table.c.name_key, word.casefold()), _like(rows.table.c.email_key, word.casefold())]
    if screen == "orders":
        parts.append(_like_any_case(connection, rows.table.c.increment_id, word))
    if rows.lines:
        parts += _has_sku_with(connection, rows.table, rows.lines, word)
    return or_(*parts)


def _has_sku(table: Table, lines: Lines, skus: Sequence[str]) -> ColumnElement[bool]:
    return table.c.id.in_(select(lines.row_key).where(lines.table.c.sku.in_(skus)))


_MOST_SKUS = 1_000
"""SKUs that a condition names one by one at most: a database takes only so many values in a statement."""


def _has_sku_with(connection: Connection, table: Table, lines: Lines, word: str) -> list[ColumnElement[bool]]:
    """A line's SKU holds the word; nothing if no line's does.

    SKUs are found by hopping through the index from one to the next, of which a shop has few. Where more of them hold
    the word than can be named, such as a prefix that all share, most rows have one: each row is asked for its lines.
    """
    sku = lines.table.c.sku
    hop = select(func.min(sku).label("sku")).cte("hop", recursive=True)
    further = select(func.min(sku)).where(sku > hop.c.sku).scalar_subquery()
    hop = hop.union_all(select(further).where(hop.c.sku.is_not(None)))
    holding = select(hop.c.sku).where(_like_any_case(connection, hop.c.sku, word)).limit(_MOST_SKUS + 1)
    skus = connection.scalars(holding).all()
    if len(skus) > _MOST_SKUS:
        return [exists().where(lines.row_key == table.c.id, _like_any_case(connection, sku, word))]
    return [_has_sku(table, lines, skus)] if skus else []


def _like_any_case(connection: Connection, column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    """Whatever the case of the letters A to Z, which is as far as SQLite's LIKE goes."""
    if connection.dialect.name == "sqlite" or text.isdigit():
        return _like(column, text)
    # PostgreSQL's ILIKE takes nearly three times as long.
    return _like(func.lower(collate(column, "C")), text.translate(_TO_LOWER))


def _like(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return column.like(contains(text), escape="\\")


_LONGEST_ID = 12
"""No id has more digits: Magento's have 10 at most, and a record key holds every one of 12."""


def _keys_of_number(connection: Connection, wanted: Filter) -> Sequence[int]:
    """Records whose number is exactly the text: asked by key, since a number typed in full wants that one record."""
    number = _NUMBER.fullmatch(wanted.text)
    if not number:
        return []
    if wanted.screen == "orders":
        variants = sorted({number[1], number[1].zfill(_INCREMENT_DIGITS)})
        return connection.scalars(select(order.c.id).where(*_shown(wanted), order.c.increment_id.in_(variants))).all()
    digits = number[1].lstrip("0") or "0"
    if len(digits) > _LONGEST_ID:
        return []
    keys = [record_key(shop_id, int(digits)) for shop_id in connection.scalars(select(shop.c.id))]
    id_column = ROWS[wanted.screen].table.c.id
    shown = _shown(wanted) if wanted.screen == "customers" else []
    return connection.scalars(select(id_column).where(*shown, id_column.in_(keys))).all()
