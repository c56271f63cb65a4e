"""One piece of work: lease, schedule, trouble."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, select

from crm_core.errors import LeaseLost, PermissionMissing, ShopAnsweredNonsense
from crm_core.magento.auth import Bearer
from crm_core.store import rollups, tables
from crm_core.store.database import Store
from crm_core.store.lease import acquire
from crm_core.sync import schedule
from crm_core.sync.channels import Channel, channel_by_name, lease_name, open_shop, pause
from crm_core.sync.removal import remove_channel
from crm_core.sync.run import Progress
from crm_core.sync.setting_up import set_credentials
from crm_core.sync.work import holding, read_entity
from demo_store import Faults
from tests.conftest import OnEvent
from tests.served import Served
from tests.worker.conftest import ROOT, eventually, held_leases


def state(store: Store, entity: str) -> Any:
    with store.reading() as connection:
        return connection.execute(select(tables.sync_state).where(tables.sync_state.c.entity == entity)).one()


def orders(store: Store) -> int:
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(tables.order)) or 0


def read(store: Store, channel: Channel, *entities: str) -> list[Progress | None]:
    return [read_entity(store, channel.id, entity, holder="test") for entity in entities]


def test_a_queue_that_cannot_be_opened_ends_the_worker_with_a_word(tmp_path: Path) -> None:
    (tmp_path / "jobs.db").mkdir()
    ended = subprocess.run(
        [sys.executable, "-m", "crm_core", "worker"],
        cwd=ROOT,
        env=os.environ | {"CRM_DATA_DIR": str(tmp_path), "CRM_DATABASE_URL": ""},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,  # one that could open it would work until it is told to stop
    )
    assert ended.returncode == 1
    assert re.search(r"jobs\.db can't be opened\. Check that its folder", " ".join(ended.stderr.split()))
    assert "Traceback" not in ended.stderr


def test_work_that_someone_else_holds_is_left_alone(store: Store, channel: Channel, served: Served) -> None:
    with store.writing() as connection:
        assert acquire(connection, lease_name(channel.id, "stores"), "another")
    assert read(store, channel, "stores") == [None]
    assert served.shop.requests == []
    assert state(store, "stores").last_started_at is None


def test_done_work_is_noted_and_the_lease_given_back(store: Store, channel: Channel) -> None:
    stores, found = read(store, channel, "stores", "orders")
    assert stores is not None
    assert found is not None
    assert found.tally.added == orders(store) > 30
    assert held_leases(store) == []
    assert state(store, "orders").last_success_at is not None
    with store.reading() as connection:
        runs = connection.execute(select(tables.sync_run).order_by(tables.sync_run.c.id)).all()
    assert [(run.entity, run.kind) for run in runs] == [("stores", "first"), ("orders", "first")]
    assert all(run.finished_at is not None and run.error is None for run in runs)


def test_a_channel_removed_while_its_stores_are_read_ends_the_reading_with_a_word(
    store: Store, channel: Channel, on_event: OnEvent
) -> None:
    removed: list[bool] = []

    def remove_once_they_are_mirrored(*_: object) -> None:
        with closing(Store(store.url)) as elsewhere:
            with elsewhere.reading() as connection:
                views = connection.scalar(select(func.count()).select_from(tables.store_view))
            if views and not removed:
                removed.append(True)
                remove_channel(elsewhere, channel.name)

    on_event(store._writing, "checkout", remove_once_they_are_mirrored)
    with pytest.raises(LeaseLost):
        read(store, channel, "stores")
    assert removed
    with store.reading() as connection:
        assert connection.execute(select(tables.sync_run)).all() == []


def test_the_log_tells_of_first_and_full_reads_and_not_of_the_usual_looks(
    store: Store, channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "crm_core.sync.work")
    read(store, channel, "stores", "orders")
    assert [record.getMessage().split(" read")[0] for record in caplog.records] == [
        "Shop: stores: 10",
        f"Shop: orders: {orders(store)}",
    ]
    caplog.clear()
    read(store, channel, "stores", "orders")
    assert caplog.records == []
    schedule.request_sync(store, channel.id, "anna", ["orders"], full=True)
    read(store, channel, "orders")
    assert len(caplog.records) == 1


def test_trouble_is_noted_and_the_next_try_is_later(store: Store, channel: Channel, served: Served) -> None:
    read(store, channel, "stores")
    served.shop.faults = Faults(html=True)
    with pytest.raises(ShopAnsweredNonsense):
        read(store, channel, "orders")
    assert state(store, "orders").failures == 1
    assert state(store, "orders").last_error
    assert held_leases(store) == []
    assert channel_by_name(store, "Shop").paused_at is None
    served.shop.faults = Faults()
    read(store, channel, "orders")
    assert (state(store, "orders").failures, state(store, "orders").last_error) == (0, None)


def test_a_missing_permission_is_noted_for_its_entity_alone(store: Store, channel: Channel, served: Served) -> None:
    served.shop.add_token("narrow", {"Magento_Backend::store"})
    set_credentials(store, "Shop", Bearer("narrow"), check_first=False)
    read(store, channel, "stores")
    with pytest.raises(PermissionMissing):
        read(store, channel, "orders")
    assert "Magento_Sales::actions_view" in state(store, "orders").last_error
    assert state(store, "stores").last_error is None
    assert channel_by_name(store, "Shop").paused_at is None


def test_a_request_is_done_with_its_person_and_all_anew(store: Store, channel: Channel) -> None:
    read(store, channel, "stores", "orders")
    schedule.request_sync(store, channel.id, "ben", ["orders"], full=True)
    (done,) = read(store, channel, "orders")
    assert done is not None
    assert (done.kind, done.tally.unchanged) == ("full", orders(store))
    with store.reading() as connection:
        last = connection.execute(select(tables.sync_run).order_by(tables.sync_run.c.id.desc()).limit(1)).one()
    assert (last.person, last.kind) == ("ben", "full")


def test_a_full_pass_is_done_once_whoever_presses_synchronise_meanwhile(store: Store, channel: Channel) -> None:
    read(store, channel, "stores", "orders")
    schedule.request_sync(store, channel.id, "anna", ["orders"], full=True)
    done = read_entity(
        store,
        channel.id,
        "orders",
        holder="test",
        on_step=lambda _: schedule.request_sync(store, channel.id, "ben", ["orders"]),
    )
    (then,) = read(store, channel, "orders")
    assert done is not None
    assert then is not None
    assert (done.kind, then.kind) == ("full", "tick")


def test_a_full_pass_asked_for_during_one_is_done_after_it(store: Store, channel: Channel) -> None:
    read(store, channel, "stores", "orders")
    schedule.request_sync(store, channel.id, "anna", ["orders"], full=True)
    asked: list[bool] = []

    def ask_again(_: Progress) -> None:
        if not asked:
            asked.append(True)
            schedule.request_sync(store, channel.id, "ben", ["orders"], full=True)

    first = read_entity(store, channel.id, "orders", holder="test", on_step=ask_again)
    second, third = read(store, channel, "orders", "orders")
    assert [each.kind for each in (first, second, third) if each is not None] == ["full", "full", "tick"]


def test_a_run_whose_lease_was_taken_writes_nothing_more(store: Store, channel: Channel) -> None:
    read(store, channel, "stores")
    seen: list[int] = []

    def take_it_away(step: Progress) -> None:
        if step.tally.read and not seen:
            seen.append(orders(store))
            with store.writing() as connection:
                connection.execute(delete(tables.lease))

    with pytest.raises(LeaseLost):
        read_entity(store, channel.id, "orders", holder="test", on_step=take_it_away)
    assert [orders(store)] == seen
    assert state(store, "orders").failures == 0


def test_pausing_a_channel_ends_its_run_under_way(store: Store, channel: Channel) -> None:
    read(store, channel, "stores")
    seen: list[int] = []

    def pause_it(step: Progress) -> None:
        if step.tally.read and not seen:
            seen.append(orders(store))
            pause(store, channel.id, "Paused by ben.")

    with pytest.raises(LeaseLost):
        read_entity(store, channel.id, "orders", holder="test", on_step=pause_it)
    assert [orders(store)] == seen
    assert channel_by_name(store, "Shop").paused_reason == "Paused by ben."


def test_a_lease_is_renewed_while_the_work_lasts(store: Store) -> None:
    with holding(store, "long work", "one", seconds=0.4) as lease:
        assert lease is not None
        first = expiry(store)
        eventually(lambda: expiry(store) > first)
        with store.writing() as connection:
            assert acquire(connection, "long work", "two") is None
    with store.writing() as connection:
        assert acquire(connection, "long work", "two") is not None


def expiry(store: Store) -> Any:
    with store.reading() as connection:
        return connection.scalar(select(tables.lease.c.expires_at))


def test_a_moved_time_zone_is_taken_over_unless_orders_are_being_read(
    store: Store, channel: Channel, served: Served
) -> None:
    read(store, channel, "stores", "orders")
    with served.shop.records.lock:
        served.shop.records.settings["view_config"]["1"]["timezone"] = "Pacific/Auckland"
    with store.writing() as connection:
        another = acquire(connection, lease_name(channel.id, "orders"), "another")
    assert another is not None
    read(store, channel, "stores")
    assert open_shop(store, channel).store_views[1].timezone.key == "Europe/Amsterdam"
    with store.writing() as connection:
        connection.execute(delete(tables.lease))
    read(store, channel, "stores")
    assert open_shop(store, channel).store_views[1].timezone.key == "Pacific/Auckland"
    with store.reading() as connection:
        rows = connection.execute(select(tables.order).where(tables.order.c.store_id == 1)).all()
        assert rollups.recount(connection) == []
    assert rows
    for row in rows:
        local = row.created_at.astimezone(ZoneInfo("Pacific/Auckland"))
        assert (row.local_day, row.local_hour) == (local.date(), local.hour)


def test_orders_that_came_before_their_new_store_view_get_its_days(
    store: Store, channel: Channel, served: Served
) -> None:
    views = served.shop.records.settings["views"]
    with served.shop.records.lock:
        new = next(view for view in views if view["id"] == 1)
        views.remove(new)
    read(store, channel, "stores", "orders")
    with served.shop.records.lock:
        views.append(new)
    read(store, channel, "stores")
    zone = open_shop(store, channel).store_views[1].timezone
    assert zone.key == "Europe/Amsterdam"
    with store.reading() as connection:
        rows = connection.execute(select(tables.order).where(tables.order.c.store_id == 1)).all()
        assert rollups.recount(connection) == []
    assert rows
    for row in rows:
        local = row.created_at.astimezone(zone)
        assert (row.local_day, row.local_hour) == (local.date(), local.hour)
