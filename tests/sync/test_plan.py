"""What a run is to read: ticks that are added to a long one, full passes that are cut off, clocks that disagree."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from crm_core.errors import ShopFailed
from crm_core.store import tables
from crm_core.sync.rules import Rules
from crm_core.sync.run import OnStep, Progress
from crm_core.sync.setting_up import change_channel
from demo_store import Faults
from tests.sync.conftest import Desk, Desks

MANY = 500


def not_for_ever(desk: Desk) -> OnStep:
    """Ends a run that reads and reads."""

    def look(_: Progress) -> None:
        assert len(desk.requests()) < MANY

    return look


def every(desk: Desk, seconds: int) -> None:
    """The channel is read every so often: shorter than the rules allow, or the tests would take long."""
    desk.open = replace(desk.open, channel=replace(desk.open.channel, every_seconds=seconds))


def asks_for_full(desk: Desk, *, now: bool | None = None) -> bool:
    """Whether somebody asks for a full pass of orders that has not begun; from `now` on, so or not."""
    if now is not None:
        desk.write("UPDATE sync_state SET requested_full = :now WHERE entity = 'orders'", now=now)
    state = tables.sync_state.c
    return bool(desk.all(select(state.requested_full).where(state.entity == "orders"))[0]["requested_full"])


def test_a_tick_of_a_shop_slower_than_the_interval_ends(desks: Desks) -> None:
    desk = desks.open(rules=Rules(page_size=5))
    desk.run("carts")
    carts = [desk.shop.add_cart(ready=False) for _ in range(20)]
    every(desk, 0)
    assert desk.run("carts", on_step=not_for_ever(desk)).tally.read == len(carts)
    assert desk.ids(tables.cart) == carts


def test_a_long_import_brings_what_changes_meanwhile(desks: Desks) -> None:
    desk = desks.open(rules=Rules(page_size=2, connections=2))
    carts = [desk.shop.add_cart(ready=False) for _ in range(30)]
    every(desk, 0)
    end_if_endless = not_for_ever(desk)

    def somebody_adds_one(progress: Progress) -> None:
        end_if_endless(progress)
        if progress.tally.read and len(carts) == 30:
            carts.append(desk.shop.add_cart(ready=False))

    desk.run("carts", on_step=somebody_adds_one)
    assert desk.ids(tables.cart) == carts


def test_a_long_import_goes_on_though_a_look_at_what_changed_takes_longer_than_the_interval(desks: Desks) -> None:
    desk = desks.open(rules=Rules(page_size=1, connections=1))
    carts = [desk.shop.add_cart(ready=False) for _ in range(30)]
    for days, cart in enumerate(carts[:10]):
        desk.shop.touch_cart(cart, (datetime.now(UTC) - timedelta(days=1 + days)).strftime("%Y-%m-%d %H:%M:%S"))
    every(desk, 1)
    desk.shop.faults = Faults(slow=0.06, matching="carts/search")
    result = desk.run("carts", on_step=not_for_ever(desk), window_size=20)
    assert (result.kind, desk.ids(tables.cart)) == ("first", carts)


def test_a_full_pass_whose_last_step_failed_is_not_read_again(desk: Desk) -> None:
    orders = [desk.shop.place(desk.shop.add_cart()) for _ in range(5)]
    for order in orders:
        desk.shop.touch_order(order, "2026-01-02 03:04:05")  # no tick looks that far back
    desk.run("orders")
    gone = desk.shop.place(desk.shop.add_cart())
    desk.run("orders")
    desk.shop.delete_order(gone)
    asks_for_full(desk, now=True)
    desk.shop.faults = Faults(fail_every=1, matching=r"filters%5D%5B0%5D%5Bfield%5D=entity_id.*total_count")
    for read in (len(orders), 0):
        with pytest.raises(ShopFailed):
            desk.run("orders", full=asks_for_full(desk))
        run = desk.all(select(tables.sync_run).order_by(tables.sync_run.c.id.desc()))[0]
        assert (run["kind"], run["read"], bool(run["error"])) == ("full", read, True)
    desk.shop.faults = Faults()
    assert desk.run("orders").kind == "full"
    assert desk.order(gone)["gone_at"] is not None
    assert desk.run("orders").kind == "tick"


def test_a_full_pass_asked_for_while_one_is_cut_off_follows_it(desks: Desks) -> None:
    desk = desks.open(rules=Rules(page_size=2, connections=1))
    orders = [desk.shop.place(desk.shop.add_cart()) for _ in range(6)]
    desk.run("orders")

    def die(progress: Progress) -> None:
        if progress.tally.read:
            raise KeyboardInterrupt

    asks_for_full(desk, now=True)
    with pytest.raises(KeyboardInterrupt):
        desk.run("orders", full=True, on_step=die)
    assert not asks_for_full(desk)
    asks_for_full(desk, now=True)
    assert desk.run("orders", full=True).kind == "full"
    assert asks_for_full(desk), "that one was begun before"
    asked = len(desk.requests())
    assert desk.run("orders", full=True).tally.read == len(orders)
    assert desk.requests(asked)
    assert not asks_for_full(desk)


def test_a_full_pass_by_rules_that_were_changed_as_it_began_is_still_asked_for(desk: Desk) -> None:
    desk.run("orders")
    change_channel(
        desk.store, desk.open.channel.name, lambda rules: replace(rules, start_date=datetime(2026, 1, 1, tzinfo=UTC))
    )
    asks_for_full(desk, now=True)
    desk.run("orders", full=True)
    assert asks_for_full(desk)


@pytest.mark.parametrize("then", [0, 720], ids=["then it is right", "and stays so"])
def test_a_date_ahead_of_the_clock_that_dates_records_loses_nothing(desk: Desk, then: int) -> None:
    order = desk.shop.place(desk.shop.add_cart())
    with time_machine.travel(datetime.now(UTC)) as clock:
        desk.shop.faults = Faults(date_ahead=720)
        desk.open.magento.websites()
        desk.run_all()
        clock.shift(1)
        desk.shop.act(order, "hold")
        cart = desk.shop.add_cart()
        another = desk.shop.place(cart)
        clock.shift(900)
        desk.shop.faults = Faults(date_ahead=then)
        desk.open.magento.websites()
        desk.run_all()
    assert desk.order(order)["state"] == "holded"
    assert another in desk.ids(tables.order)
    assert cart in desk.ids(tables.cart)


def test_clocks_that_agree_reach_back_by_the_overlap_and_no_further(desk: Desk) -> None:
    desk.run("orders")
    with time_machine.travel(datetime.now(UTC)) as clock:
        clock.shift(7_200)
        began = datetime.now(UTC)
        desk.open.magento.websites()
        desk.run("orders")
        clock.shift(7_200)
        desk.open.magento.websites()
        desk.run("orders")
    window = desk.all(select(tables.sync_window).where(tables.sync_window.c.entity == "orders"))[0]
    assert abs(began - desk.open.channel.overlap - window["lo"]) < timedelta(seconds=60)
