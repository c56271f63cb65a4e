"""Websites, store views and customer groups of a shop: what everything else that is mirrored refers to."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Table, insert, select, update

from crm_core.errors import PermissionMissing
from crm_core.magento.payloads import StoreConfig, StoreView
from crm_core.magento.shop import Magento
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.lease import Lease, check
from crm_core.sync import windows
from crm_core.sync.channels import OpenShop, channels_of_shop
from crm_core.sync.transaction import Tally
from crm_core.sync.windows import Stream

logger = logging.getLogger(__name__)

_UNKNOWN = "UTC"
"""The time zone of a store view while nothing better is known (crm_core.sync.order_mapping takes the same)."""


@dataclass(frozen=True)
class MovedZone:
    """A store view whose time zone in the shop is another than the one that the days of its orders are in."""

    store_id: int
    zone: ZoneInfo


def synchronise_stores(store: Store, shop: OpenShop, *, lease: Lease | None = None) -> tuple[Tally, list[MovedZone]]:
    """Mirror the shop's websites, store views with their settings, and customer groups: four requests.

    Written in one transaction. A store view that the shop no longer has stays, not active, as its orders stay. A moved
    time zone, or that of a store view which is new since the first time, is not written but returned:
    `crm_core.sync.days` takes it over with the days of the orders. Raises
    PermissionMissing if Magento_Backend::store is not ticked (Magento_Customer::group may be missing: no groups then),
    and LeaseLost.
    """
    shop_id = shop.channel.shop_id
    websites = [
        {"origin_id": website.id, "code": website.code, "name": website.name or website.code}
        for website in shop.magento.websites()
    ]
    views = shop.magento.store_views()
    configs = {config.id: config for config in shop.magento.store_configs()}
    groups = _groups(shop.magento)
    tally = Tally()
    with store.writing() as connection:
        if lease is not None:
            check(connection, lease)
        # Two channels of one shop may be read at once, each under a lease of its own.
        connection.execute(select(tables.shop.c.id).where(tables.shop.c.id == shop_id).with_for_update())
        known = _mirrored(connection, tables.store_view, shop_id)
        rows = [row for view in views if (row := _view_row(view, configs, known.get(view.id)))]
        moved = []
        for row in rows:
            days_in = _zone_of_days(row, known)
            if days_in != row["timezone"]:
                moved.append(MovedZone(row["origin_id"], ZoneInfo(row["timezone"])))
                row["timezone"] = days_in
        _mirror(connection, tables.website, shop_id, websites, tally)
        _mirror(connection, tables.store_view, shop_id, rows, tally)
        _mirror(connection, tables.customer_group, shop_id, groups, tally)
        if known:
            opened_in = {row["website_id"] for row in rows if row["origin_id"] not in known}
            behind = timedelta(seconds=-min(0.0, shop.magento.connection.clock_offset or 0.0))
            _owe_orders(connection, shop_id, opened_in, behind)
        gone = set(known) - {view.id for view in views}
        connection.execute(
            update(tables.store_view)
            .where(tables.store_view.c.shop_id == shop_id, tables.store_view.c.origin_id.in_(gone))
            .values(is_active=False)
        )
    return tally, moved


def _groups(magento: Magento) -> list[dict[str, Any]]:
    try:
        return [{"origin_id": group.id, "code": group.code} for group in magento.customer_groups()]
    except PermissionMissing as missing:
        logger.warning("Customer groups stay as they are: %s", missing)
        return []


def _view_row(view: StoreView, configs: Mapping[int, StoreConfig], known: Row[Any] | None) -> dict[str, Any] | None:
    """The columns of a store view. Without settings from the shop: those it had, else its website's, else None."""
    config = configs.get(view.id)
    columns = {
        "origin_id": view.id,
        "website_id": view.website_id,
        "code": view.code,
        "name": view.name or view.code,
        "is_active": view.is_active is not False,
    }
    if config is None and known is not None:
        kept = ("timezone", "base_currency", "display_currency", "locale", "base_url")
        return columns | {name: getattr(known, name) for name in kept}
    if config is None:
        config = next((other for other in configs.values() if other.website_id == view.website_id), None)
    if config is None:
        logger.warning("Store view %s is left out: the shop tells no time zone and currency for it.", view.code)
        return None
    return columns | {
        "timezone": _zone_name(config),
        "base_currency": config.base_currency_code,
        "display_currency": config.default_display_currency_code or config.base_currency_code,
        "locale": config.locale or "",
        "base_url": config.base_url or "",
    }


def _zone_of_days(row: Mapping[str, Any], known: Mapping[int, Row[Any]]) -> str:
    """The zone that the days of the store view's orders are in so far.

    Orders are read before their store view is known only where it is new in a shop that was read before: in UTC.
    """
    old = known.get(row["origin_id"])
    if old is not None:
        return str(old.timezone)
    return _UNKNOWN if known else str(row["timezone"])


def _owe_orders(connection: Connection, shop_id: int, website_ids: Iterable[int], shop_behind: timedelta) -> None:
    """Orders of these websites' new store views that came before they were known here are read by the next run.

    A channel of some websites asks for orders of the store views that it knows, so its windows have passed them over.
    They are of the shop's clock, which may be `shop_behind` this machine's. One that is ahead is not believed: its Date
    may be further than the clock that dates the orders.
    """
    state = tables.sync_state.c
    for website_id in website_ids:
        for channel in channels_of_shop(connection, shop_id):
            if channel.website_ids is None or not channel.covers(website_id):
                continue
            known_at = connection.scalar(
                select(state.last_success_at).where(state.channel_id == channel.id, state.entity == "stores")
            )
            if known_at is not None:
                lo = known_at - shop_behind - channel.overlap
                windows.owe_again(connection, Stream(channel.id, "orders", 0), lo)


def _zone_name(config: StoreConfig) -> str:
    try:
        return ZoneInfo(config.timezone).key
    except (ValueError, KeyError, OSError):  # not found is a KeyError; odd names and folders give the others
        logger.warning(
            "Store view %s: time zone %r is unknown, so its days are those of UTC.", config.code, config.timezone
        )
        return _UNKNOWN


def _mirrored(connection: Connection, table: Table, shop_id: int) -> dict[int, Row[Any]]:
    return {row.origin_id: row for row in connection.execute(select(table).where(table.c.shop_id == shop_id))}


def _mirror(connection: Connection, table: Table, shop_id: int, rows: Iterable[dict[str, Any]], tally: Tally) -> None:
    known = _mirrored(connection, table, shop_id)
    for row in rows:
        tally.read += 1
        old = known.get(row["origin_id"])
        key = record_key(shop_id, row["origin_id"])
        if old is None:
            tally.added += 1
            connection.execute(insert(table).values(id=key, shop_id=shop_id, **row))
        elif any(getattr(old, name) != value for name, value in row.items()):
            tally.changed += 1
            connection.execute(update(table).where(table.c.id == key).values(**row))
        else:
            tally.unchanged += 1
