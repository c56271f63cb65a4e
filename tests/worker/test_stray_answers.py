"""A shop that is away for a while without saying so: what was asked fails and is tried again; nobody has to act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from crm_core.errors import WrongAddress
from crm_core.magento.auth import Bearer
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.tables import ENTITIES
from crm_core.sync import schedule
from crm_core.sync.channels import Channel, channel_by_name
from crm_core.sync.setting_up import add_channel
from crm_core.sync.work import read_entity
from demo_store import Shop
from demo_store.service import Request, Response
from tests.sales.desk import Answer, Front, answered, serve_front

_NO_FILE = answered(404, b"File not found.\n", "text/html; charset=UTF-8")
_CHALLENGE = answered(403, b"<html>Just a moment...</html>", "text/html")


def _to_a_page_about_maintenance(_request: Request, _work: object) -> Response:
    return Response(302, b"<html>", {"Content-Type": "text/html", "Location": "https://status.shop.example/"})


@pytest.fixture
def front() -> Iterator[Front]:
    """What stands before a small shop."""
    shop = Shop(orders=6, carts=4, customers=3, seed=3)
    yield Front(shop)
    shop.close()


@pytest.fixture
def channel(store: Store, front: Front) -> Iterator[Channel]:
    """A channel that has not been read yet."""
    with serve_front(front) as url:
        yield add_channel(store, "Shop", url, Bearer("demo"), person="anna", check_first=False)


def _read(store: Store, channel: Channel, *entities: str) -> None:
    for entity in entities:
        assert read_entity(store, channel.id, entity, holder="test") is not None


def _state(store: Store, entity: str) -> Any:
    with store.reading() as connection:
        return connection.execute(select(tables.sync_state).where(tables.sync_state.c.entity == entity)).one()


def _an_hour_passes(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(update(tables.sync_state).values(due_at=datetime.now(UTC) - timedelta(hours=1)))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(_NO_FILE, id="a deployment"),
        pytest.param(_to_a_page_about_maintenance, id="maintenance"),
        pytest.param(_CHALLENGE, id="a firewall"),
    ],
)
def test_a_channel_that_was_read_before_goes_on_by_itself_after_a_stray_answer(
    store: Store, channel: Channel, front: Front, answer: Answer
) -> None:
    _read(store, channel, *ENTITIES)
    front.on(r"GET .*/orders", answer)
    for _ in range(5):
        with pytest.raises(WrongAddress):
            _read(store, channel, "orders")
    assert channel_by_name(store, "Shop").paused_at is None
    failed = _state(store, "orders")
    assert (failed.failures, bool(failed.last_error)) == (5, True)
    assert timedelta(seconds=20) < failed.due_at - failed.last_started_at < timedelta(seconds=60)
    front.calm()
    _an_hour_passes(store)
    assert "orders" in [due.entity for due in schedule.claim_due(store)]
    _read(store, channel, "orders")
    assert (_state(store, "orders").failures, _state(store, "orders").last_error) == (0, None)


def test_a_certificate_that_runs_out_does_not_pause_a_channel_that_was_read_before(
    store: Store, channel: Channel
) -> None:
    _read(store, channel, "stores")
    with store.writing() as connection:
        connection.execute(update(tables.shop).values(base_url=re.sub("^http:", "https:", channel.base_url)))
    with pytest.raises(WrongAddress, match="secure connection"):
        _read(store, channel, "orders")
    assert channel_by_name(store, "Shop").paused_at is None


def test_a_channel_that_was_never_read_pauses_at_once_at_a_wrong_address(
    store: Store, channel: Channel, front: Front
) -> None:
    front.on("GET", _NO_FILE)
    with pytest.raises(WrongAddress):
        _read(store, channel, "stores")
    assert "not Magento's REST API" in (channel_by_name(store, "Shop").paused_reason or "")
