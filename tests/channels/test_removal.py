"""Removing a channel."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Table, func, insert, select, update

from crm_core.errors import LeaseLost, NotFound
from crm_core.store import rollups, tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.lease import acquire, check
from crm_core.sync.channels import Channel, channels, lease_name, open_shop
from crm_core.sync.removal import forget_uncovered, removal_of, remove_channel
from crm_core.sync.rules import Rules
from crm_core.sync.setting_up import change_channel
from crm_core.sync.stores import synchronise_stores
from tests.channels.conftest import connect
from tests.channels.rows import NOW, add_cart, add_orders
from tests.conftest import OnEvent
from tests.served import Served


def count(store: Store, table: Table) -> int:
    with store.reading() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def fill(store: Store, channel: Channel) -> None:
    """Rows of every kind in the shop of the channel."""
    add_orders(store, channel.shop_id, [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 8)])
    add_cart(store, channel.shop_id, 5)
    with store.writing() as connection:
        connection.execute(
            insert(tables.attempt).values(
                shop_id=channel.shop_id,
                cart_origin_id=5,
                channel_id=channel.id,
                person="anna",
                state="refused",
                holds=False,
                claimed_at=NOW,
            )
        )
        connection.execute(
            insert(tables.record_event).values(
                entity="cart",
                record_id=record_key(channel.shop_id, 5),
                at=NOW,
                kind="lost",
                person="anna",
                text="Lost.",
            )
        )
        connection.execute(
            insert(tables.quarantine).values(
                channel_id=channel.id,
                entity="orders",
                origin_id=9,
                reason="odd",
                first_seen_at=NOW,
                last_tried_at=NOW,
            )
        )


def test_a_removal_says_what_it_would_delete_and_deletes_nothing_yet(store: Store, channel: Channel) -> None:
    fill(store, channel)
    planned = removal_of(store, "Shop")
    assert (planned.orders, planned.carts, planned.customers) == (7, 1, 0)
    assert "7 orders, 1 carts" in str(planned)
    assert channels(store) == [channel]


def test_a_removal_says_that_the_outcome_of_an_attempt_is_not_known_yet(store: Store, channel: Channel) -> None:
    fill(store, channel)
    assert "outcome" not in str(removal_of(store, "Shop"))
    for state in ("claimed", "sent", "unclear"):
        with store.writing() as connection:  # placed through a channel that was removed and added again since
            connection.execute(update(tables.attempt).values(state=state, holds=True, channel_id=channel.id + 9))
        assert "outcome is not known yet: 1." in str(removal_of(store, "Shop"))


def test_the_last_channel_of_a_shop_takes_the_mirror_with_it_and_leaves_the_history(
    store: Store, served: Served, channel: Channel
) -> None:
    synchronise_stores(store, open_shop(store, channel))
    fill(store, channel)
    other = connect(store, "https://other.example", "Other")
    add_orders(store, other.shop_id, [NOW])
    remove_channel(store, "Shop")
    assert channels(store) == [other]
    assert count(store, tables.order) == count(store, tables.order_item) == 1
    for table in (tables.cart, tables.cart_item, tables.store_view, tables.website, tables.quarantine):
        assert count(store, table) == 0, table.name
    assert count(store, tables.attempt) == count(store, tables.record_event) == 1
    with store.reading() as connection:
        assert rollups.recount(connection) == []
        assert set(connection.scalars(select(tables.sync_state.c.channel_id))) == {other.id}
    assert connect(store, served.url).shop_id == channel.shop_id


def test_what_another_channel_of_the_shop_has_in_scope_stays(store: Store, served: Served) -> None:
    one = connect(store, served.url, "One", Rules(websites=("base",)))
    two = connect(store, served.url, "Two", Rules(websites=("us",)))
    synchronise_stores(store, open_shop(store, one))
    us = next(iter(open_shop(store, two).store_views))
    fill(store, one)
    add_orders(store, two.shop_id, [NOW, NOW], store_id=us)
    with store.writing() as connection:
        connection.execute(update(tables.attempt).values(state="sent", holds=True, channel_id=two.id))
    assert removal_of(store, "One").orders == 7
    assert [removal_of(store, name).attempts_unsettled for name in ("One", "Two")] == [1, 0]
    remove_channel(store, "One")
    assert count(store, tables.order) == count(store, tables.order_item) == 2
    assert count(store, tables.cart) == 0
    assert count(store, tables.website) == 2
    with store.reading() as connection:
        assert rollups.recount(connection) == []


def test_what_a_narrowed_channel_left_behind_is_dropped(store: Store, served: Served, channel: Channel) -> None:
    synchronise_stores(store, open_shop(store, channel))
    fill(store, channel)
    forget_uncovered(store)
    assert count(store, tables.order) == 7
    change_channel(store, "Shop", lambda rules: replace(rules, websites=("us",)))
    assert served.shop.requests
    forget_uncovered(store)
    assert count(store, tables.order) == count(store, tables.cart) == 0
    with store.reading() as connection:
        assert rollups.recount(connection) == []


def test_what_a_channel_takes_into_scope_meanwhile_is_kept(store: Store, channel: Channel, on_event: OnEvent) -> None:
    synchronise_stores(store, open_shop(store, channel))
    fill(store, channel)
    change_channel(store, "Shop", lambda rules: replace(rules, websites=("us",)))
    widened: list[bool] = []

    def widen(*_: object) -> None:
        if not widened and count(store, tables.cart) == 0:
            widened.append(True)
            with closing(Store(store.url)) as elsewhere:
                change_channel(elsewhere, "Shop", lambda _: channel.rules)

    on_event(store._writing, "checkin", widen)
    forget_uncovered(store)
    assert widened
    assert count(store, tables.order) == 7


def test_whoever_reads_the_shop_at_that_moment_can_write_nothing_more(store: Store, channel: Channel) -> None:
    with store.writing() as connection:
        lease = acquire(connection, lease_name(channel.id, "orders"), "worker")
    assert lease is not None
    remove_channel(store, "Shop")
    with pytest.raises(LeaseLost), store.writing() as connection:
        check(connection, lease)


def test_removing_an_unknown_channel_says_so(store: Store) -> None:
    with pytest.raises(NotFound, match="No channel is set up yet"):
        remove_channel(store, "Shop")
