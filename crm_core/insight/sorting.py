"""The columns of the grids and how each of them sorts; nothing else can be sorted by.

Every sort ends with the record key, so that an order is total and a row can be found again by what it is sorted by. No
part of a sort is ever null: an amount that was not read sorts below all others, a missing text before all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Integer, String, case, false, func, literal, type_coerce
from sqlalchemy.sql.elements import ColumnClause

from crm_core.insight.directory import Directory, StoreView, Website
from crm_core.insight.filters import Screen
from crm_core.insight.where import ROWS
from crm_core.store.tables import cart, customer, order

_LOWEST = -(2**63)


@dataclass(frozen=True)
class GridColumn:
    """A column of a grid: its key in the URL, its label, what it is ordered by, and whether it can be sorted by."""

    key: str
    label: str
    by: Literal["alphabet", "size", "time"] = "alphabet"
    sortable: bool = True
    ordered_by: str = ""
    """What its order goes by, in words; empty: by what the label says."""

    @property
    def usually_descends(self) -> bool:
        """Whether the newest or the highest is what a person looks for first."""
        return self.by != "alphabet"


CART_COLUMNS = (
    GridColumn("status", "Status"),
    GridColumn("name", "Customer", ordered_by="Last name"),
    GridColumn("total", "Total", "size"),
    GridColumn("subtotal", "Subtotal", "size"),
    GridColumn("qty", "Qty", "size"),
    GridColumn("activity", "Idle", "time", ordered_by="Last activity"),
    GridColumn("updated", "Updated", "time"),
    GridColumn("created", "Created", "time"),
    GridColumn("number", "Cart", "size"),
    GridColumn("email", "E-mail"),
    GridColumn("channel", "Channel"),
    GridColumn("store", "Store view"),
    GridColumn("website", "Website"),
    GridColumn("country", "Country"),
    GridColumn("region", "Region"),
)
ORDER_COLUMNS = (
    GridColumn("status", "Status"),
    GridColumn("name", "Customer", ordered_by="Last name"),
    GridColumn("total", "Total", "size"),
    GridColumn("number", "Order", "size"),
    GridColumn("created", "Created", "time"),
    GridColumn("updated", "Updated", "time"),
    GridColumn("paid", "Paid", "size"),
    GridColumn("subtotal", "Subtotal", "size"),
    GridColumn("email", "E-mail"),
    GridColumn("channel", "Channel"),
    GridColumn("store", "Store view"),
    GridColumn("website", "Website"),
    GridColumn("country", "Country"),
    GridColumn("region", "Region"),
)
CUSTOMER_COLUMNS = (
    GridColumn("name", "Customer", ordered_by="Last name"),
    GridColumn("email", "E-mail"),
    GridColumn("orders", "Orders", "size", sortable=False),
    GridColumn("value", "Bought", "size", sortable=False),
    GridColumn("carts", "Open carts", "size", sortable=False),
    GridColumn("group", "Group"),
    GridColumn("created", "Created", "time"),
    GridColumn("updated", "Updated", "time"),
    GridColumn("newsletter", "Newsletter"),
    GridColumn("channel", "Channel"),
    GridColumn("website", "Website"),
    GridColumn("country", "Country"),
    GridColumn("region", "Region"),
    GridColumn("city", "City", sortable=False),
    GridColumn("number", "Number", "size"),
)
COLUMNS: Mapping[Screen, tuple[GridColumn, ...]] = {
    "carts": CART_COLUMNS,
    "orders": ORDER_COLUMNS,
    "customers": CUSTOMER_COLUMNS,
}


def column_of(screen: Screen, key: str) -> GridColumn:
    """The column of that key. Raises StopIteration for one that the screen has not."""
    return next(each for each in COLUMNS[screen] if each.key == key)


@dataclass(frozen=True)
class Sort:
    """The column a grid is sorted by, by its key, and the direction."""

    column: str
    descending: bool = True

    def to_url(self) -> dict[str, str]:
        """The query parameter that `from_url` reads back."""
        return {"sort": f"{'-' if self.descending else ''}{self.column}"}

    @staticmethod
    def from_url(screen: Screen, params: Mapping[str, str]) -> tuple[Sort, list[str]]:
        """The sort in the parameter `sort`, such as -updated; the default and a sentence if it names no column."""
        value = params.get("sort", "")
        found = Sort(value.removeprefix("-"), value.startswith("-"))
        if not value:
            return DEFAULT_SORT[screen], []
        if found.column not in _KEYS[screen]:
            return DEFAULT_SORT[screen], [f"The list can't be sorted by “{found.column[:40]}”: the default is used."]
        return found, []


DEFAULT_SORT: Mapping[Screen, Sort] = {
    "carts": Sort("updated"),
    "orders": Sort("created"),
    "customers": Sort("created"),
}


def is_walkable(screen: Screen, sort: Sort) -> bool:
    """Whether a narrow index holds the rows in this order, so that any page can be walked to."""
    return sort.column in _WALKABLE[screen]


def sort_keys(screen: Screen, sort: Sort, names: Directory) -> tuple[ColumnElement[Any], ...]:
    """What the rows are ordered by, all in the sort's direction; the last one is the record key.

    Raises KeyError for a column that is none of the screen's.
    """
    table = ROWS[screen].table
    if sort.column in _PLACES:
        return (_place(screen, sort.column, names), table.c.id)
    return (*_KEYS[screen][sort.column], table.c.id)


_PLACES = frozenset({"channel", "store", "website", "group"})
"""Columns whose words stand in other tables, few enough to be put in order before the rows are asked for."""


def _place(screen: Screen, column: str, names: Directory) -> ColumnElement[Any]:
    """The place in the alphabet of the row's channel, store view, website or group; rows of an unknown one first."""
    rows = ROWS[screen]
    part = rows.table.c.group_id if column == "group" else rows.part
    words: dict[tuple[int, int], tuple[str, ...]]
    if column == "group":
        words = {(each.shop_id, each.origin_id): (each.code.casefold(),) for each in names.groups}
    elif screen == "customers":
        words = {(each.shop_id, each.origin_id): _website_words(column, each, names) for each in names.websites}
    else:
        words = {(each.shop_id, each.origin_id): _store_words(column, each, names) for each in names.stores}
    places = {word: place for place, word in enumerate(sorted(set(words.values())), start=1)}
    by_shop: dict[int, dict[int, int]] = {}
    for (shop_id, part_id), word in words.items():
        by_shop.setdefault(shop_id, {})[part_id] = places[word]
    unknown = literal(0, Integer)
    if not by_shop:
        return unknown
    # One look-up of the shop and one of the part in it: a list of pairs would be gone through for every row.
    arms = {shop_id: case(parts, value=part, else_=unknown) for shop_id, parts in by_shop.items()}
    return case(arms, value=rows.table.c.shop_id, else_=unknown)


def _store_words(column: str, view: StoreView, names: Directory) -> tuple[str, ...]:
    channel = names.channel_name(view.shop_id, view.origin_id)
    words = {"channel": (channel,), "website": (view.website, channel), "store": (view.name, channel, view.website)}
    return tuple(word.casefold() for word in words[column])


def _website_words(column: str, website: Website, names: Directory) -> tuple[str, ...]:
    channel = names.channel_of_website(website.shop_id, website.origin_id)
    word = website.name if column == "website" else channel.name if channel else ""
    return (word.casefold(),)


def _amount(column: ColumnClause[Any]) -> ColumnElement[Any]:
    return func.coalesce(type_coerce(column, BigInteger), literal(_LOWEST, BigInteger))


def _text(column: ColumnClause[Any]) -> ColumnElement[Any]:
    return func.coalesce(column, literal("", String))


_KEYS: Mapping[Screen, Mapping[str, tuple[ColumnElement[Any], ...]]] = {
    "carts": {
        "status": (cart.c.status, cart.c.updated_at),
        "name": (cart.c.name_key,),
        "total": (_amount(cart.c.grand_total),),
        "subtotal": (cart.c.base_subtotal,),
        "qty": (cart.c.items_qty,),
        "activity": (cart.c.last_activity_at,),
        "updated": (cart.c.updated_at,),
        "created": (cart.c.created_at,),
        "number": (cart.c.origin_id,),
        "email": (cart.c.email_key,),
        "channel": (),
        "store": (),
        "website": (),
        "country": (_text(cart.c.billing_country),),
        "region": (_text(cart.c.billing_region),),
    },
    "orders": {
        "status": (order.c.status, order.c.created_at),
        "name": (order.c.name_key,),
        "total": (order.c.base_grand_total,),
        "number": (order.c.increment_id,),
        "created": (order.c.created_at,),
        "updated": (order.c.updated_at,),
        "paid": (_amount(order.c.base_total_paid),),
        "subtotal": (_amount(order.c.base_subtotal),),
        "email": (order.c.email_key,),
        "channel": (),
        "store": (),
        "website": (),
        "country": (_text(order.c.billing_country),),
        "region": (_text(order.c.billing_region),),
    },
    "customers": {
        "name": (customer.c.name_key,),
        "email": (customer.c.email_key,),
        "group": (),
        "created": (customer.c.created_at,),
        "updated": (customer.c.updated_at,),
        "newsletter": (func.coalesce(customer.c.is_subscribed, false()),),
        "channel": (),
        "website": (),
        "country": (_text(customer.c.billing_country),),
        "region": (_text(customer.c.billing_region),),
        "number": (customer.c.origin_id,),
    },
}
_WALKABLE: Mapping[Screen, frozenset[str]] = {
    "carts": frozenset({"status", "name", "subtotal", "activity", "updated", "created", "number"}),
    "orders": frozenset({"status", "name", "total", "updated", "created", "number"}),
    "customers": frozenset({"name", "email", "updated", "created", "number"}),
}
