"""Real worker processes: they read what is due, share the work, and may be stopped or killed at any time."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func, insert, select

from crm_core.magento.auth import AdminPassword
from crm_core.store import rollups, tables
from crm_core.store.database import Store
from crm_core.store.tables import ENTITIES
from crm_core.sync import schedule
from crm_core.sync.channels import Channel, channel_by_name, lease_name
from crm_core.sync.setting_up import add_channel
from demo_store import Faults
from tests.served import Served
from tests.worker.conftest import StartWorker, eventually, held_leases, read_entities

ON_SQLITE = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""Where the database makes no difference, one is enough."""


def everything_is_read(store: Store) -> bool:
    return read_entities(store) == set(ENTITIES)


def test_a_worker_reads_a_new_channel_and_stops_cleanly(
    store: Store, served: Served, channel: Channel, start_worker: StartWorker
) -> None:
    worker = start_worker()
    eventually(lambda: everything_is_read(store))
    with store.reading() as connection:
        orders = connection.scalar(select(func.count()).select_from(tables.order))
        assert rollups.recount(connection) == []
    assert orders == len(served.shop.records.state.all("order"))
    schedule.request_sync(store, channel.id, "ben", ["orders"])
    eventually(lambda: "ben" in people(store))
    worker.stop(signal.SIGTERM)
    assert worker.process.returncode == 0
    assert "Traceback" not in worker.log
    assert held_leases(store) == []


def people(store: Store) -> set[str | None]:
    """Who asked for the runs so far."""
    with store.reading() as connection:
        return set(connection.scalars(select(tables.sync_run.c.person)))


def test_two_workers_never_read_the_same_entity_at_once(
    store: Store, channel: Channel, start_worker: StartWorker
) -> None:
    workers = [start_worker(), start_worker()]
    eventually(lambda: everything_is_read(store))
    until = time.monotonic() + 3
    while time.monotonic() < until:
        schedule.request_sync(store, channel.id, "ben")
        time.sleep(0.1)
    for worker in workers:
        worker.stop(signal.SIGINT)
        assert "Traceback" not in worker.log
    with store.reading() as connection:
        runs = connection.execute(
            select(tables.sync_run).order_by(
                tables.sync_run.c.entity, tables.sync_run.c.started_at, tables.sync_run.c.id
            )
        ).all()
        assert rollups.recount(connection) == []
    assert len(runs) > 2 * len(ENTITIES)
    for earlier, later in pairwise(runs):
        if earlier.entity == later.entity:
            assert earlier.finished_at is not None
            assert earlier.finished_at <= later.started_at


def test_the_work_of_a_killed_worker_is_taken_over_and_nothing_is_lost_or_doubled(
    store: Store, served: Served, channel: Channel, start_worker: StartWorker
) -> None:
    served.shop.faults = Faults(slow=0.3, matching="GET /rest/V1/orders")
    first = start_worker(lease_seconds=2)
    eventually(lambda: count(store) > 0)
    first.process.kill()
    first.process.wait()
    assert "orders" not in read_entities(store)
    assert held_leases(store) != []
    served.shop.faults = Faults()
    second = start_worker(lease_seconds=2)
    eventually(lambda: everything_is_read(store))
    second.stop(signal.SIGTERM)
    assert count(store) == len(served.shop.records.state.all("order"))
    with store.reading() as connection:
        assert rollups.recount(connection) == []
        cut_off = connection.scalars(
            select(tables.sync_run.c.error).where(
                tables.sync_run.c.entity == "orders", tables.sync_run.c.error.is_not(None)
            )
        ).all()
    assert cut_off == ["It was cut off; the next run went on."]
    assert channel_by_name(store, "Shop") == channel


def count(store: Store) -> int:
    """Orders in the mirror."""
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(tables.order)) or 0


@ON_SQLITE
def test_a_worker_that_waits_for_a_slow_shop_stops_all_the_same(
    store: Store, served: Served, channel: Channel, start_worker: StartWorker
) -> None:
    served.shop.faults = Faults(slow=100, matching="GET /rest/V1/orders")
    worker = start_worker()
    eventually(lambda: lease_name(channel.id, "orders") in held_leases(store))
    worker.stop(signal.SIGTERM)
    assert worker.process.returncode == 0
    assert held_leases(store) == []
    with store.reading() as connection:
        due_at = connection.scalar(select(tables.sync_state.c.due_at).where(tables.sync_state.c.entity == "orders"))
    assert due_at is not None
    assert due_at <= datetime.now(UTC)


@ON_SQLITE
@pytest.mark.usefixtures("channel")
def test_no_secret_is_ever_logged_and_a_wrong_password_is_tried_once(
    store: Store, served: Served, start_worker: StartWorker
) -> None:
    served.shop.add_admin("anna", "right-horse")
    add_channel(
        store,
        "Wrong",
        served.url.replace("127.0.0.1", "localhost"),
        AdminPassword("anna", "wrong-horse-battery"),
        person="anna",
        check_first=False,
    )
    worker = start_worker()
    eventually(lambda: channel_by_name(store, "Wrong").paused_at is not None)
    eventually(lambda: len(read_entities(store)) == len(ENTITIES))
    worker.stop(signal.SIGTERM)
    assert sum("admin/token" in request for request in served.shop.requests) == 1
    assert "Wrong: stores:" in worker.log
    for secret in ("wrong-horse-battery", "right-horse", "Bearer"):
        assert secret not in worker.log


@ON_SQLITE
def test_a_worker_gives_up_claims_of_processes_that_died(
    store: Store, channel: Channel, start_worker: StartWorker
) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    with store.writing() as connection:
        connection.execute(
            insert(tables.attempt).values(
                shop_id=channel.shop_id,
                cart_origin_id=5,
                channel_id=channel.id,
                person="anna",
                state="claimed",
                holds=True,
                claimed_at=long_ago,
                held_until=long_ago,
            )
        )

    def is_settled() -> bool:
        with store.reading() as connection:
            return not connection.execute(select(tables.attempt.c.holds)).scalar_one()

    start_worker()
    eventually(is_settled)
