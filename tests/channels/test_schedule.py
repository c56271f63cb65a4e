"""What is due, in which order, and for whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, update

from crm_core.errors import BadInput, NotAllowed, PermissionMissing, ShopAnsweredNonsense, ShopUnavailable
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.lease import acquire, release_all
from crm_core.sync import channels, schedule
from crm_core.sync.channels import Channel, lease_name
from tests.channels.conftest import connect


@pytest.fixture
def channel(store: Store) -> Channel:
    """A channel of a shop that nobody asks here."""
    return connect(store, "http://127.0.0.1:9")


def due(store: Store) -> list[str]:
    """Claim what is due; the entities in the order they came."""
    return [work.entity for work in schedule.claim_due(store)]


def done(store: Store, channel: Channel, *entities: str) -> None:
    """A run of each entity that succeeds."""
    for entity in entities:
        schedule.finish(store, channel, entity, schedule.begin(store, channel.id, entity))


def make_due(store: Store, *entities: str, ago: int = 1) -> None:
    """Time passes until these are due."""
    with store.writing() as connection:
        connection.execute(
            update(tables.sync_state)
            .where(tables.sync_state.c.entity.in_(entities))
            .values(due_at=datetime.now(UTC) - timedelta(seconds=ago))
        )


def state(store: Store, entity: str) -> Any:
    with store.reading() as connection:
        return connection.execute(select(tables.sync_state).where(tables.sync_state.c.entity == entity)).one()


def begin_full_pass(store: Store, channel: Channel) -> None:
    """The windows of a full pass of orders are rows now."""
    with store.writing() as connection:
        schedule.note_full_pass(connection, channel.id, "orders")


def hold(store: Store, channel: Channel, entity: str, seconds: float = 60) -> None:
    """Another worker reads it."""
    with store.writing() as connection:
        assert acquire(connection, lease_name(channel.id, entity), "another", seconds)


def test_a_new_channel_is_read_in_the_order_of_work(store: Store, channel: Channel) -> None:
    assert due(store) == ["stores"]
    assert due(store) == []
    done(store, channel, "stores")
    assert due(store) == ["customers", "orders"]
    done(store, channel, "customers", "orders")
    assert due(store) == ["carts"]
    done(store, channel, "carts")
    assert due(store) == []


def test_two_workers_that_ask_at_once_never_get_the_same(store: Store, channel: Channel) -> None:
    done(store, channel, "stores")
    claimed = [work for _ in range(5) for work in schedule.claim_due(store)]
    assert len(claimed) == len({(work.channel_id, work.entity) for work in claimed}) == 2


def test_a_claim_that_came_to_nothing_is_offered_again_after_a_while(store: Store, channel: Channel) -> None:
    assert due(store) == ["stores"]
    assert state(store, "stores").due_at - datetime.now(UTC) <= schedule.CLAIM
    make_due(store, "stores")
    assert due(store) == ["stores"]
    assert channel.paused_at is None


def test_what_someone_reads_is_not_offered_until_the_lease_ends(store: Store, channel: Channel) -> None:
    hold(store, channel, "stores", seconds=0.2)
    assert due(store) == []
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while not (found := due(store)) and datetime.now(UTC) < deadline:
        pass
    assert found == ["stores"]


def test_carts_wait_for_a_fresh_run_of_orders_but_not_for_a_long_one(store: Store, channel: Channel) -> None:
    done(store, channel, "stores", "customers", "orders")
    make_due(store, "carts", ago=0)
    hold(store, channel, "orders")
    schedule.begin(store, channel.id, "orders")
    assert due(store) == []
    with store.writing() as connection:
        connection.execute(
            update(tables.sync_state)
            .where(tables.sync_state.c.entity == "orders")
            .values(last_started_at=datetime.now(UTC) - schedule.ORDERS_GO_FIRST - timedelta(seconds=1))
        )
    assert due(store) == ["carts"]


def test_carts_come_their_turn_where_a_run_of_orders_takes_longer_than_the_interval(
    store: Store, channel: Channel
) -> None:
    done(store, channel, "stores", "customers")
    make_due(store, "carts", "orders")
    assert due(store) == ["orders"]
    with time_machine.travel(datetime.now(UTC)) as clock:
        hold(store, channel, "orders")
        request = schedule.begin(store, channel.id, "orders")
        clock.shift(40)
        assert due(store) == [], "the orders are being read"
        schedule.finish(store, replace(channel, every_seconds=10), "orders", request)
        with store.writing() as connection:
            release_all(connection, "another")
        clock.shift(2)
        assert due(store) == ["orders", "carts"]


def test_carts_go_on_while_orders_fail(store: Store, channel: Channel) -> None:
    done(store, channel, "stores", "customers")
    schedule.begin(store, channel.id, "orders")
    schedule.finish_failed(store, channel.id, "orders", PermissionMissing("No.", "Magento_Sales::actions_view"))
    assert due(store) == ["carts"]


def test_a_paused_channel_is_not_due_and_cannot_be_asked_for(store: Store, channel: Channel) -> None:
    channels.pause(store, channel.id, "The sign-in failed.")
    assert due(store) == []
    with pytest.raises(NotAllowed, match=r"paused: The sign-in failed\."):
        schedule.request_sync(store, channel.id, "ben")
    channels.resume(store, channel.id)
    assert due(store) == ["stores"]


def test_success_sets_the_next_time_by_the_channels_interval(store: Store, channel: Channel) -> None:
    done(store, channel, "stores", "customers")
    now = datetime.now(UTC)
    assert timedelta(seconds=290) < state(store, "customers").due_at - now <= timedelta(seconds=300)
    assert state(store, "stores").due_at - now > timedelta(minutes=14)
    first = state(store, "customers").first_import_done_at
    assert first is not None
    done(store, channel, "customers")
    assert state(store, "customers").first_import_done_at == first


def test_failures_wait_longer_each_time_up_to_a_quarter_of_an_hour(store: Store, channel: Channel) -> None:
    waits = []
    for _ in range(11):
        schedule.begin(store, channel.id, "orders")
        schedule.finish_failed(store, channel.id, "orders", ShopAnsweredNonsense("HTML."))
        waits.append(round((state(store, "orders").due_at - datetime.now(UTC)).total_seconds()))
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
    assert (state(store, "orders").failures, state(store, "orders").last_error) == (11, "HTML.")
    schedule.finish_failed(store, channel.id, "orders", RuntimeError("[SQL: INSERT INTO x]"))
    assert state(store, "orders").last_error.startswith("Something unexpected went wrong (RuntimeError).")
    done(store, channel, "orders")
    assert (state(store, "orders").failures, state(store, "orders").last_error) == (0, None)


def test_the_shops_own_wish_to_be_left_alone_is_kept(store: Store, channel: Channel) -> None:
    schedule.finish_failed(store, channel.id, "orders", ShopUnavailable("429.", retry_after=200))
    assert round((state(store, "orders").due_at - datetime.now(UTC)).total_seconds()) == 200


def test_a_request_is_done_next_and_carries_its_person(store: Store, channel: Channel) -> None:
    done(store, channel, "stores", "customers", "orders", "carts")
    schedule.request_sync(store, channel.id, "ben", ["orders"], full=True)
    assert due(store) == ["orders"]
    request = schedule.begin(store, channel.id, "orders")
    assert (request.person, request.full, request.is_first) == ("ben", True, False)
    begin_full_pass(store, channel)
    schedule.finish(store, channel, "orders", request)
    again = schedule.begin(store, channel.id, "orders")
    assert (again.person, again.full) == (None, False)


def test_a_plain_request_made_during_a_full_pass_does_not_repeat_the_pass(store: Store, channel: Channel) -> None:
    done(store, channel, "stores", "orders")
    schedule.request_sync(store, channel.id, "anna", ["orders"], full=True)
    running = schedule.begin(store, channel.id, "orders")
    begin_full_pass(store, channel)
    schedule.request_sync(store, channel.id, "ben", ["orders"])
    schedule.finish(store, channel, "orders", running)
    assert "orders" in due(store)
    request = schedule.begin(store, channel.id, "orders")
    assert (request.person, request.full) == ("ben", False)


def test_a_full_pass_asked_for_with_the_stores_is_none_of_theirs(store: Store, channel: Channel) -> None:
    schedule.request_sync(store, channel.id, "anna", full=True)
    done(store, channel, "stores")
    assert "stores" not in due(store)
    assert schedule.begin(store, channel.id, "orders").full


def test_a_request_made_during_a_run_is_not_lost(store: Store, channel: Channel) -> None:
    done(store, channel, "stores")
    assert "orders" in due(store)
    running = schedule.begin(store, channel.id, "orders")
    schedule.request_sync(store, channel.id, "ben", ["orders"], full=True)
    schedule.finish(store, channel, "orders", running)
    assert "orders" in due(store)
    request = schedule.begin(store, channel.id, "orders")
    assert (request.person, request.full) == ("ben", True)


def test_work_that_was_begun_and_never_ended_is_due_as_soon_as_its_lease_is_free(
    store: Store, channel: Channel
) -> None:
    with store.writing() as connection:
        lease = acquire(connection, lease_name(channel.id, "stores"), "another")
        assert lease is not None
    schedule.begin(store, channel.id, "stores")
    assert due(store) == []
    with store.writing() as connection:
        assert release_all(connection, "another") == [lease.name]
    assert due(store) == ["stores"]


def test_an_unknown_entity_is_told_with_those_that_exist(store: Store, channel: Channel) -> None:
    with pytest.raises(BadInput, match="stores, customers, orders, carts"):
        schedule.request_sync(store, channel.id, "ben", ["invoices"])


def test_each_entity_of_a_channel_tells_its_last_success(store: Store, channel: Channel) -> None:
    done(store, channel, "stores", "customers", "orders")
    told = schedule.last_successes(store, channel.id)
    assert list(told) == ["stores", "customers", "orders", "carts"]
    assert told["carts"] is None
    assert told["orders"] == state(store, "orders").last_success_at
