"""What time it is: the shop's clock counts, whatever it says and whatever this machine believes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from crm_core.magento.connection import Connection
from tests.magento.conftest import Answer, ScriptedShop


def test_12_the_time_is_the_shops_whatever_this_machine_believes(shop: ScriptedShop, connection: Connection) -> None:
    shop.on("GET", ".*", Answer([]))
    shop.date = "Sat, 21 Nov 2026 18:16:48 GMT"
    for hours in (-2, 0, 2):
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True):
            connection.get("/V1/orders")
            now = connection.shop_now()
            assert timedelta(0) <= now - datetime(2026, 11, 21, 18, 16, 48, tzinfo=UTC) < timedelta(seconds=5)
            assert now.microsecond == 0


def test_the_shops_clock_is_asked_for_once_if_nothing_was_read_yet(shop: ScriptedShop, connection: Connection) -> None:
    shop.on("GET", ".*", Answer([]))
    assert connection.clock_offset is None
    assert abs((connection.shop_now() - datetime.now(UTC)).total_seconds()) < 5
    connection.shop_now()
    assert len(shop.requests) == 1


@pytest.mark.parametrize("date", ["yesterday", "Sat, 99 Nov 2026 18:16:48 GMT", "Sat, 21 Nov 2026 18:16:49822599999"])
def test_a_date_that_cannot_be_read_leaves_this_machines_clock(
    shop: ScriptedShop, connection: Connection, date: str
) -> None:
    shop.on("GET", ".*", Answer([]))
    shop.date = date
    assert abs((connection.shop_now() - datetime.now(UTC)).total_seconds()) < 5


def test_a_write_is_answered_whatever_the_shops_date_says(shop: ScriptedShop, connection: Connection) -> None:
    shop.on("PUT", ".*", Answer(82))
    shop.date = "Sat, 21 Nov 2026 18:16:49822599999"
    assert connection.send("PUT", "/V1/carts/7/order", {}, store="us_en") == b"82"


def test_a_date_without_a_zone_is_utc_whatever_this_machines_zone(
    shop: ScriptedShop, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        shop.on("GET", ".*", Answer([]))
        shop.date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S -0000")
        assert abs((connection.shop_now() - datetime.now(UTC)).total_seconds()) < 5
    finally:
        monkeypatch.undo()
        time.tzset()
