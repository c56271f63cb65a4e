"""How the mirror of each channel stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_core.insight.health import ChannelHealth, EntityHealth, channel_health, quarantined_records
from crm_core.store.database import Store
from crm_core.store.tables import ENTITIES
from tests.insight.factories import NOW, Rows, ago, two_shops


def _health(store: Store, name: str = "Nordlicht") -> ChannelHealth:
    return next(each for each in channel_health(store, now=NOW) if each.name == name)


def _orders(store: Store) -> EntityHealth:
    return next(each for each in _health(store).entities if each.entity == "orders")


@pytest.fixture
def rows(store: Store) -> Rows:
    """Two channels; every entity but the orders of the first is in step."""
    rows = two_shops(store)
    for channel_id in (1, 2):
        for entity in ENTITIES:
            if (channel_id, entity) != (1, "orders"):
                rows.state(channel_id, entity)
    return rows


def test_a_channel_read_in_time_is_in_step(rows: Rows) -> None:
    rows.state(1, "orders", last_success_at=ago(minutes=5), remote_count=3)
    rows.write()
    found = _orders(rows.store)
    assert (found.state, found.behind_seconds, found.remote_count) == ("in_step", 0, 3)
    assert found.next_due_at == NOW + timedelta(minutes=3)
    health = _health(rows.store)
    assert health.state == "in_step"
    assert (health.timezones, health.currencies, health.store_views) == (
        ("Europe/Berlin",),
        ("EUR",),
        ("Austrian", "German"),
    )


def test_three_missed_turns_are_late_and_tell_by_how_much(rows: Rows) -> None:
    rows.state(1, "orders", last_success_at=ago(minutes=22))
    rows.write()
    assert (_orders(rows.store).state, _orders(rows.store).behind_seconds) == ("late", 16 * 60)
    assert _health(rows.store).state == "late"
    assert _health(rows.store, "Harbour").state == "in_step"


def test_store_views_are_read_rarely_and_not_late_for_that(rows: Rows) -> None:
    rows.state(1, "orders")
    rows.channel(3, "Demo", 1, every_seconds=30, website_ids="[]")
    for entity in ENTITIES:
        rows.state(3, entity, last_success_at=ago(minutes=14) if entity == "stores" else ago(seconds=40))
    rows.write()
    assert _health(rows.store, "Demo").state == "in_step"


def test_a_channel_that_was_never_read_waits(rows: Rows) -> None:
    rows.write()
    assert (_orders(rows.store).state, _orders(rows.store).last_success_at) == ("waiting", None)
    assert _health(rows.store).state == "waiting"


def test_a_failure_is_told_and_only_lasting_failure_is_a_stop(rows: Rows) -> None:
    rows.state(1, "orders", failures=1, last_error="The shop did not answer.")
    rows.write()
    assert (_orders(rows.store).state, _orders(rows.store).last_error) == ("late", "The shop did not answer.")
    with rows.store.writing() as connection:
        connection.exec_driver_sql("UPDATE sync_state SET failures = 3 WHERE entity = 'orders' AND channel_id = 1")
    assert _orders(rows.store).state == "stopped"


def test_a_first_import_that_fails_is_a_stop_at_once(rows: Rows) -> None:
    rows.state(1, "orders", failures=1, last_error="401", last_success_at=None, first_import_done_at=None)
    rows.write()
    assert _health(rows.store).state == "stopped"


def test_what_has_stopped_stays_so_while_it_is_tried_again_until_that_reads_something(rows: Rows) -> None:
    rows.state(1, "orders", failures=3, last_error="The shop did not answer.", last_success_at=ago(hours=2))
    rows.run(1, "orders", read=0)
    rows.write()
    tried = _orders(rows.store)
    assert (tried.state, tried.is_under_way, tried.behind_seconds) == ("stopped", True, 7_200)
    with rows.store.writing() as connection:
        connection.exec_driver_sql("UPDATE sync_run SET read = 200")
    assert _orders(rows.store).state == "running"


def test_a_paused_channel_is_stopped_and_nothing_is_due(rows: Rows) -> None:
    rows.state(1, "orders")
    rows.write()
    with rows.store.writing() as connection:
        connection.exec_driver_sql("UPDATE channel SET paused_at = 1, paused_reason = 'Wrong token' WHERE id = 1")
    assert {each.state for each in _health(rows.store).entities} == {"stopped"}
    assert _orders(rows.store).next_due_at is None
    assert _health(rows.store).paused_reason == "Wrong token"


def test_a_first_import_under_way_tells_progress_rate_and_what_is_left(rows: Rows) -> None:
    rows.state(1, "orders", last_success_at=None, first_import_done_at=None, requested_by="maja")
    rows.run(
        1, "orders", kind="first", started_at=ago(seconds=21), renewed_at=ago(seconds=1), read=61_240, expected=100_018
    )
    rows.write()
    found = _orders(rows.store)
    assert (found.state, found.read, found.expected, found.requested_by) == ("first_import", 61_240, 100_018, "maja")
    assert found.per_second == 3062
    assert found.seconds_left == 13
    assert found.progress == pytest.approx(0.612, abs=0.001)


def test_a_run_that_shows_no_sign_of_life_is_not_under_way(rows: Rows) -> None:
    rows.state(1, "orders")
    rows.run(1, "orders", started_at=ago(minutes=9), renewed_at=ago(minutes=2), read=10, expected=100)
    rows.write()
    found = _orders(rows.store)
    assert (found.state, found.read, found.progress, found.seconds_left) == ("in_step", None, None, None)


def test_a_run_that_just_began_promises_nothing(rows: Rows) -> None:
    rows.state(1, "orders")
    rows.run(1, "orders", started_at=NOW, renewed_at=NOW, read=0)
    rows.write()
    found = _orders(rows.store)
    assert (found.state, found.per_second, found.seconds_left, found.progress) == ("running", None, None, None)


def test_a_finished_run_is_over_whatever_came_before_it(rows: Rows) -> None:
    rows.state(1, "orders")
    rows.run(1, "orders", started_at=ago(seconds=50), renewed_at=ago(seconds=40))
    rows.run(1, "orders", started_at=ago(seconds=30), renewed_at=ago(seconds=10), finished_at=ago(seconds=10))
    rows.write()
    assert _orders(rows.store).state == "in_step"


def test_rows_are_counted_per_channel_and_gone_ones_are_not(rows: Rows) -> None:
    rows.state(1, "orders")
    rows.cart()
    rows.cart(items_qty=0)
    rows.order()
    rows.order(gone_at=NOW)
    rows.order(shop_id=2, base_currency="GBP")
    rows.customer(1)
    rows.customer(2, gone_at=NOW)
    rows.write()
    counted = {each.entity: each.mirrored for each in _health(rows.store).entities}
    assert counted == {"stores": 2, "customers": 1, "orders": 1, "carts": 2}
    uncounted = channel_health(rows.store, count_rows=False, now=NOW)
    assert {each.mirrored for health in uncounted for each in health.entities} == {None}


def test_quarantine_is_counted_and_listed_per_channel(rows: Rows) -> None:
    rows.state(1, "orders")
    rows.quarantined(1, "orders", 5, "grand_total <script> is not an amount")
    rows.quarantined(1, "carts", 6, "no id")
    rows.quarantined(2, "carts", 6, "no id")
    rows.write()
    assert (_health(rows.store).quarantined, _orders(rows.store).quarantined) == (2, 1)
    assert {(each.entity, each.origin_id) for each in quarantined_records(rows.store, 1)} == {
        ("orders", 5),
        ("carts", 6),
    }
    assert quarantined_records(rows.store, 99) == []


def test_without_a_channel_there_is_nothing_to_tell(store: Store) -> None:
    assert channel_health(store) == []
