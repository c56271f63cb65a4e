"""Websites, store views and groups in the mirror, and the days of orders when a time zone moves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from crm_core.errors import LeaseLost, PermissionMissing
from crm_core.store import rollups, tables
from crm_core.store.database import Store
from crm_core.store.lease import acquire, release
from crm_core.sync.channels import Channel, open_shop
from crm_core.sync.days import take_over_zone
from crm_core.sync.stores import MovedZone, synchronise_stores
from crm_core.sync.transaction import Tally
from tests.channels.conftest import connect
from tests.channels.rows import add_orders
from tests.served import Served


def read(store: Store, channel: Channel) -> tuple[Tally, list[MovedZone]]:
    return synchronise_stores(store, open_shop(store, channel))


def set_zone(served: Served, store_id: int, zone: str) -> None:
    """A merchant saves another time zone for the store view."""
    with served.shop.records.lock:
        served.shop.records.settings["view_config"][str(store_id)]["timezone"] = zone


def test_the_structure_of_a_shop_is_mirrored_and_the_second_time_nothing_changes(
    store: Store, served: Served, channel: Channel
) -> None:
    first, moved = read(store, channel)
    assert moved == []
    assert first.read == first.added > 6
    again, _ = read(store, channel)
    assert (again.read, again.unchanged) == (first.read, first.read)
    with store.reading() as connection:
        views = connection.execute(select(tables.store_view).order_by(tables.store_view.c.origin_id)).all()
        websites = connection.scalars(select(tables.website.c.code).order_by(tables.website.c.origin_id)).all()
        groups = connection.scalars(select(tables.customer_group.c.code)).all()
    assert websites == ["base", "us"]
    assert "NOT LOGGED IN" in groups
    assert 0 not in {view.origin_id for view in views}
    config = served.shop.records.settings["view_config"]
    for view in views:
        own = config[str(view.origin_id)]
        assert (view.timezone, view.display_currency, view.locale) == (own["timezone"], own["currency"], own["locale"])


def test_a_renamed_store_view_is_a_change_and_a_removed_one_stays_not_active(
    store: Store, served: Served, channel: Channel
) -> None:
    read(store, channel)
    views = served.shop.records.settings["views"]
    with served.shop.records.lock:
        gone = views.pop()
        views[1]["name"] = "Renamed <b>view</b>"
    tally, _ = read(store, channel)
    assert tally.changed == 1
    with store.reading() as connection:
        rows = {row.origin_id: row for row in connection.execute(select(tables.store_view))}
    assert rows[views[1]["id"]].name == "Renamed <b>view</b>"
    assert not rows[gone["id"]].is_active
    assert rows[views[1]["id"]].is_active


def test_the_missing_permission_for_stores_is_named(store: Store, served: Served) -> None:
    served.shop.add_token("narrow", {"Magento_Cart::manage"})
    narrow = connect(store, served.url, token="narrow")
    with pytest.raises(PermissionMissing) as told:
        read(store, narrow)
    assert told.value.resource == "Magento_Backend::store"


def test_without_the_permission_for_groups_the_rest_is_mirrored(store: Store, served: Served) -> None:
    served.shop.add_token("narrow", {"Magento_Backend::store"})
    read(store, connect(store, served.url, token="narrow"))
    with store.reading() as connection:
        assert connection.scalars(select(tables.website.c.code)).all()
        assert not connection.scalars(select(tables.customer_group.c.code)).all()


def test_a_time_zone_nobody_knows_counts_days_in_utc(store: Store, served: Served, channel: Channel) -> None:
    set_zone(served, 1, "Mars/Olympus")
    read(store, channel)
    assert open_shop(store, channel).store_views[1].timezone.key == "UTC"


def test_nothing_is_written_once_the_lease_is_lost(store: Store, channel: Channel) -> None:
    with store.writing() as connection:
        lease = acquire(connection, "stores", "one worker")
        assert lease is not None
        release(connection, lease)
        assert acquire(connection, "stores", "another worker")
    with pytest.raises(LeaseLost):
        synchronise_stores(store, open_shop(store, channel), lease=lease)
    assert open_shop(store, channel).store_views == {}


def test_a_moved_time_zone_moves_the_days_of_its_orders_and_their_rollups(
    store: Store, served: Served, channel: Channel
) -> None:
    set_zone(served, 1, "Europe/Amsterdam")
    read(store, channel)
    late = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    add_orders(store, channel.shop_id, [late, noon], zone="Europe/Amsterdam")
    add_orders(store, channel.shop_id, [late], store_id=2, zone="Europe/Amsterdam")
    set_zone(served, 1, "America/New_York")
    _, moved = read(store, channel)
    assert moved == [MovedZone(1, ZoneInfo("America/New_York"))]
    assert open_shop(store, channel).store_views[1].timezone.key == "Europe/Amsterdam"

    assert take_over_zone(store, channel.shop_id, moved[0]) == 2
    assert open_shop(store, channel).store_views[1].timezone.key == "America/New_York"
    with store.reading() as connection:
        days = connection.execute(
            select(tables.order.c.local_day, tables.order.c.local_hour).order_by(tables.order.c.id)
        ).all()
        assert rollups.recount(connection) == []
    assert [tuple(day) for day in days] == [(date(2026, 7, 1), 19), (date(2026, 7, 1), 8), (date(2026, 7, 2), 1)]
    assert read(store, channel)[1] == []


def test_moving_a_zone_takes_any_number_of_orders_in_steps(store: Store, channel: Channel) -> None:
    start = datetime(2026, 7, 1, 0, 30, tzinfo=UTC)
    add_orders(store, channel.shop_id, [start + timedelta(minutes=minute) for minute in range(45)])
    moved = MovedZone(1, ZoneInfo("America/New_York"))
    assert take_over_zone(store, channel.shop_id, moved, chunk=10) == 45
    assert take_over_zone(store, channel.shop_id, moved, chunk=10) == 0
    with store.reading() as connection:
        assert set(connection.scalars(select(tables.order.c.local_day))) == {date(2026, 6, 30)}
        assert rollups.recount(connection) == []
