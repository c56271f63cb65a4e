"""The nightly audit: when it is due, and what it finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from crm_core.store import rollups, tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.tables import ENTITIES
from crm_core.sync.channels import Channel, pause
from crm_core.sync.nightly import AT_LEAST_EVERY, AT_MOST_EVERY, RETRY, audit, claim_audits
from crm_core.sync.work import read_entity
from demo_store import Faults
from tests.served import Served

NIGHT = datetime.now(UTC).replace(hour=2, minute=30) - timedelta(days=3)
"""Early in the morning in Amsterdam, where the shop's first store view is. Leases go by the real clock, so: past."""

NOON = NIGHT.replace(hour=11)


@pytest.fixture
def old_channel(store: Store, channel: Channel) -> Channel:
    """The channel, read once, added the day before NIGHT."""
    for entity in ENTITIES:
        read_entity(store, channel.id, entity, holder="test")
    added(store, NIGHT - timedelta(days=1))
    return channel


def added(store: Store, moment: datetime) -> None:
    with store.writing() as connection:
        connection.execute(update(tables.channel).values(created_at=moment))


def began(store: Store, moment: datetime) -> None:
    """The latest audit began then."""
    with store.writing() as connection:
        connection.execute(update(tables.lease).values(expires_at=moment + AT_MOST_EVERY))


def order(store: Store, channel: Channel, origin_id: int) -> Any:
    with store.reading() as connection:
        return connection.execute(
            select(tables.order).where(tables.order.c.id == record_key(channel.shop_id, origin_id))
        ).one()


def test_an_audit_is_due_at_night_and_one_worker_gets_it(store: Store, old_channel: Channel) -> None:
    assert claim_audits(store, "one", NOON) == []
    assert claim_audits(store, "one", NIGHT) == [old_channel.id]
    assert claim_audits(store, "two", NIGHT) == []


def test_a_worker_that_never_runs_at_night_audits_by_day(store: Store, old_channel: Channel) -> None:
    added(store, NOON - AT_LEAST_EVERY + timedelta(minutes=1))
    assert claim_audits(store, "one", NOON) == []
    added(store, NOON - AT_LEAST_EVERY - timedelta(minutes=1))
    assert claim_audits(store, "one", NOON) == [old_channel.id]
    began(store, NOON - timedelta(hours=30))
    assert claim_audits(store, "one", NOON) == []
    began(store, NOON - AT_LEAST_EVERY - timedelta(minutes=1))
    assert claim_audits(store, "one", NOON) == [old_channel.id]


def test_a_channel_that_is_new_paused_or_not_yet_read_is_not_audited(store: Store, channel: Channel) -> None:
    added(store, NIGHT - timedelta(days=1))
    assert claim_audits(store, "one", NIGHT) == []
    for entity in ENTITIES:
        read_entity(store, channel.id, entity, holder="test")
    added(store, NIGHT - timedelta(hours=1))
    assert claim_audits(store, "one", NIGHT) == []
    added(store, NIGHT - timedelta(days=1))
    pause(store, channel.id, "The sign-in failed.")
    assert claim_audits(store, "one", NIGHT) == []


def test_an_audit_finds_what_is_gone_and_what_changed_without_a_trace(
    store: Store, old_channel: Channel, served: Served
) -> None:
    gone = served.shop.records.state.all("order")[0]["entity_id"]
    customer = served.shop.records.state.all("customer")[0]
    served.shop.delete_order(gone)
    was = customer["extension_attributes"]["is_subscribed"]
    served.shop.subscribe(customer["id"], not was)
    for entity in ("orders", "customers"):
        read_entity(store, old_channel.id, entity, holder="test")
    assert order(store, old_channel, gone).gone_at is None
    audit(store, old_channel.id, "test")
    assert order(store, old_channel, gone).gone_at is not None
    with store.reading() as connection:
        subscribed = connection.scalar(
            select(tables.customer.c.is_subscribed).where(
                tables.customer.c.id == record_key(old_channel.shop_id, customer["id"])
            )
        )
        assert rollups.recount(connection) == []
    assert subscribed is not was


def test_what_a_permission_is_missing_for_keeps_nothing_else_from_being_audited(
    store: Store, old_channel: Channel, served: Served
) -> None:
    with store.writing() as connection:
        connection.execute(
            update(tables.sync_state).where(tables.sync_state.c.entity == "customers").values(last_success_at=None)
        )
    gone = served.shop.records.state.all("order")[0]["entity_id"]
    served.shop.delete_order(gone)
    asked = len(served.shop.requests)
    assert claim_audits(store, "one", NIGHT) == [old_channel.id]
    audit(store, old_channel.id, "test")
    assert order(store, old_channel, gone).gone_at is not None
    assert not [request for request in served.shop.requests[asked:] if "/customers/" in request]


def test_a_full_run_finds_what_is_gone_too(store: Store, old_channel: Channel, served: Served) -> None:
    gone = served.shop.records.state.all("order")[0]["entity_id"]
    served.shop.delete_order(gone)
    read_entity(store, old_channel.id, "orders", holder="test", full=True)
    assert order(store, old_channel, gone).gone_at is not None


def test_an_audit_that_fails_is_tried_again_soon(
    store: Store, old_channel: Channel, served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    assert claim_audits(store, "one", NIGHT) == [old_channel.id]
    served.shop.faults = Faults(html=True)
    audit(store, old_channel.id, "one")
    assert "the audit stopped" in caplog.text
    with store.reading() as connection:
        free_at = connection.scalar(select(tables.lease.c.expires_at).where(tables.lease.c.holder == "one"))
    assert free_at is not None
    assert timedelta(0) < free_at - datetime.now(UTC) <= RETRY
