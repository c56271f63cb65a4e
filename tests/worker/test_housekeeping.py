"""Chores: once in their time, whoever does them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from crm_core.store import rollups, tables
from crm_core.store.database import Store
from crm_core.sync.channels import Channel
from crm_core.sync.housekeeping import Chore, check_rollups, forget_old_runs, keep_house
from crm_core.sync.work import read_entity
from tests.worker.conftest import eventually


def test_a_chore_is_done_once_in_its_time_by_one_of_the_workers(store: Store) -> None:
    done: list[str] = []
    chores = (
        Chore("often", timedelta(seconds=1), lambda _: done.append("often")),
        Chore("rarely", timedelta(hours=1), lambda _: done.append("rarely")),
    )
    keep_house(store, chores, "one")
    keep_house(store, chores, "two")
    assert done == ["often", "rarely"]

    def again() -> bool:
        keep_house(store, chores, "two")
        return len(done) > 2

    eventually(again)
    assert done == ["often", "rarely", "often"]


def test_old_runs_are_forgotten_but_the_latest_of_each_entity(store: Store, channel: Channel) -> None:
    now = datetime.now(UTC)
    with store.writing() as connection:
        for entity, days in (("orders", 90), ("orders", 60), ("orders", 1), ("carts", 90), ("carts", 60)):
            moment = now - timedelta(days=days)
            connection.execute(
                insert(tables.sync_run).values(
                    channel_id=channel.id, entity=entity, kind="tick", started_at=moment, renewed_at=moment
                )
            )
    forget_old_runs(store)
    with store.reading() as connection:
        runs = connection.execute(select(tables.sync_run).order_by(tables.sync_run.c.id)).all()
    assert [(run.entity, (now - run.started_at).days) for run in runs] == [("orders", 1), ("carts", 60)]


def test_a_wrong_figure_is_told_and_mended(store: Store, channel: Channel, caplog: pytest.LogCaptureFixture) -> None:
    read_entity(store, channel.id, "stores", holder="test")
    read_entity(store, channel.id, "orders", holder="test")
    check_rollups(store)
    assert "figure" not in caplog.text
    with store.writing() as connection:
        connection.execute(update(tables.order_status_total).values(orders=tables.order_status_total.c.orders + 1))
    check_rollups(store)
    assert "A figure was wrong and is counted anew: order_status_total" in caplog.text
    with store.reading() as connection:
        assert rollups.recount(connection) == []
