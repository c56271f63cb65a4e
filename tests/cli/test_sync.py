"""`sync`: a table of what came of it."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from contextlib import closing
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.engines import BUSY_SECONDS
from crm_core.store.lease import acquire
from crm_core.sync.channels import channel_by_name, lease_name, pause
from demo_store import Faults
from tests.cli.conftest import Desk
from tests.served import Served


@pytest.fixture
def shop(desk: Desk, served: Served) -> Served:
    """The shop, connected as channel “Shop”."""
    assert desk("channel", "add", "Shop", served.url, "--token", "demo").status == 0
    return served


def counts(out: str, entity: str) -> list[int]:
    """Read, added, changed, unchanged and quarantined in the table's line for the entity."""
    line = re.search(rf"Shop\s+{entity}\s+(.*?) s\s*$", out, re.MULTILINE)
    assert line is not None, out
    return [int(number.replace(",", "")) for number in line[1].split()[:5]]


def test_a_first_run_reads_all_and_a_second_adds_nothing(desk: Desk, store: Store, shop: Served) -> None:
    said = desk("sync")
    assert said.status == 0, said.err
    orders = len(shop.shop.records.state.all("order"))
    assert counts(said.out, "orders") == [orders, orders, 0, 0, 0]
    assert "Counted as stores: websites, store views and customer groups." in said.out
    with store.reading() as connection:
        known = (tables.website, tables.store_view, tables.customer_group)
        assert counts(said.out, "stores")[0] == sum(len(connection.execute(select(each)).all()) for each in known)
    assert counts(said.out, "customers")[1] == 12
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.order)) == orders
    again = desk("sync")
    assert counts(again.out, "orders")[1:3] == [0, 0]
    assert counts(again.out, "stores")[1:3] == [0, 0]


def test_one_entity_can_be_read_and_brings_the_store_views_it_needs(desk: Desk, shop: Served) -> None:
    said = desk("sync", "--channel", "shop", "--entity", "carts")
    assert said.status == 0, said.err
    assert counts(said.out, "stores")[1] > 0
    assert counts(said.out, "carts")[1] > 0
    assert "orders" not in said.out
    assert "stores" not in desk("sync", "--entity", "carts").out, "neither as a line nor as a note"
    assert shop.shop.requests


def test_a_full_run_reads_everything_anew(desk: Desk, shop: Served) -> None:
    desk("sync")
    said = desk("sync", "--full", "--entity", "orders")
    orders = len(shop.shop.records.state.all("order"))
    assert counts(said.out, "orders") == [orders, 0, 0, orders, 0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(("--entity", "invoices"), "Choose from: stores"), (("--channel", "Ship"), "no channel “Ship”")],
)
def test_words_that_are_off_end_with_status_2(desk: Desk, arguments: tuple[str, ...], told: str) -> None:
    said = desk("sync", *arguments)
    assert said.status == 2
    assert told in said.err


def test_without_a_channel_it_says_how_to_add_one(desk: Desk) -> None:
    said = desk("sync")
    assert said.status == 0
    assert "channel add NAME URL" in said.out


def test_a_missing_permission_stops_its_entity_only(desk: Desk, store: Store, served: Served) -> None:
    served.shop.add_token("narrow", {"Magento_Backend::store", "Magento_Customer::customer", "Magento_Cart::manage"})
    desk("channel", "add", "Shop", served.url, "--token", "narrow", "--no-check")
    said = desk("sync")
    assert said.status == 1
    assert counts(said.out, "customers")[1] == 12
    assert counts(said.out, "carts")[1] > 0
    assert "Shop, orders:" in said.err
    assert "Magento_Sales::actions_view" in said.err
    assert channel_by_name(store, "Shop").paused_at is None


def test_a_wrong_password_pauses_the_channel_after_one_try(desk: Desk, store: Store, served: Served) -> None:
    served.shop.add_admin("anna", "right")
    desk(
        *("channel", "add", "Shop", served.url, "--username", "anna", "--password-stdin", "--no-check"),
        stdin="wrong\n",
    )
    said = desk("sync", "--channel", "Shop")
    assert said.status == 1
    channel = channel_by_name(store, "Shop")
    assert channel.paused_reason is not None
    again = desk("sync", "--channel", "Shop")
    assert again.status == 1
    assert "paused" in again.err
    assert sum("admin/token" in request for request in served.shop.requests) == 1
    skipped = desk("sync")
    assert skipped.status == 0
    assert "Not read: “Shop” is paused" in skipped.out


def test_a_shop_that_answers_html_is_told_in_words(desk: Desk, store: Store, shop: Served) -> None:
    desk("sync")
    shop.shop.faults = Faults(html=True)
    said = desk("sync", "--entity", "orders")
    assert said.status == 1
    assert "Traceback" not in said.err
    assert "Shop, orders:" in said.err
    with store.reading() as connection:
        failing = connection.execute(select(tables.sync_state).where(tables.sync_state.c.entity == "orders")).one()
    assert failing.failures == 1
    assert failing.last_error in said.err.replace("\n", " ")


def test_nothing_is_read_before_the_store_views_are_known(desk: Desk, store: Store, shop: Served) -> None:
    shop.shop.faults = Faults(html=True, matching="store/")
    said = desk("sync")
    assert said.status == 1
    assert "Shop, stores:" in said.err
    assert "orders" not in said.out
    shop.shop.faults = Faults()
    desk("sync")
    with store.reading() as connection:
        views = connection.execute(select(tables.store_view.c.origin_id, tables.store_view.c.timezone))
        zones = {view.origin_id: ZoneInfo(view.timezone) for view in views}
        orders = connection.execute(select(tables.order)).all()
    assert orders
    for order in orders:
        local = order.created_at.astimezone(zones[order.store_id])
        assert (order.local_day, order.local_hour) == (local.date(), local.hour)


def test_a_lock_that_passes_costs_one_entity_and_the_rest_is_read(desk: Desk, store_url: str, shop: Served) -> None:
    shop.shop.faults = Faults(slow=1.0, matching="customers/search", times=1)
    before = len(shop.shop.requests)
    deadline = time.monotonic() + 60

    def hold_on() -> None:
        while not any("customers/search" in each for each in shop.shop.requests[before:]):
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)
        with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            time.sleep(1.5 * BUSY_SECONDS)
            other.execute("ROLLBACK")

    holder = threading.Thread(target=hold_on, daemon=True)
    holder.start()
    said = desk("sync")
    holder.join(60)
    assert not holder.is_alive()
    assert said.status == 1
    assert re.search(r"Shop, customers: The store \S+ is locked by another program", " ".join(said.err.split()))
    assert counts(said.out, "orders")[1] > 0
    assert counts(said.out, "carts")[1] > 0


def test_names_of_a_shop_cannot_steer_the_terminal(desk: Desk, store: Store, shop: Served) -> None:
    pause(store, channel_by_name(store, "Shop").id, "A shop said \x1b[31mred\x1b[0m [bold]loud[/bold]")
    said = desk("channel", "list")
    assert "\x1b" not in said.out
    assert "[bold]loud[/bold]" in said.out
    assert shop.url in said.out


def test_what_a_worker_reads_meanwhile_is_waited_for(desk: Desk, store: Store, shop: Served) -> None:
    channel = channel_by_name(store, "Shop")
    with store.writing() as connection:
        assert acquire(connection, lease_name(channel.id, "stores"), "a worker", seconds=1.5)
    said = desk("sync", "--entity", "stores")
    assert said.status == 0, said.err
    assert counts(said.out, "stores")[0] > 0
    assert shop.shop.requests
