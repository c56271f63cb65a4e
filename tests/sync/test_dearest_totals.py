"""Totals that nobody asked for: read only where the rules say so and where reading changes nothing in the shop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from crm_core.sync.dearest_totals import read_dearest_totals
from crm_core.sync.rules import Rules
from demo_store import Faults
from tests.sync.conftest import Desk, Desks


def filled(desks: Desks, totals_a_run: int, *quantities: int) -> tuple[Desk, list[int]]:
    """A desk with open carts of so many mugs each, mirrored."""
    desk = desks.open(rules=Rules(totals_a_run=totals_a_run))
    carts = [desk.shop.add_cart([("MUG-01", quantity)]) for quantity in quantities]
    desk.run("carts")
    return desk, carts


def read_by_id(desk: Desk, since: int) -> list[str]:
    """The requests by a cart's id since then."""
    return [request for request in desk.requests(since) if "/carts/" in request and "/carts/search" not in request]


def known(desk: Desk, carts: list[int]) -> list[int]:
    """Those of the carts whose total is known."""
    return [cart for cart in carts if desk.cart(cart)["grand_total"] is not None]


def test_nobodys_cart_is_read_by_id_unless_the_channel_says_so(desks: Desks) -> None:
    desk, carts = filled(desks, 0, 1, 2)
    assert read_dearest_totals(desk.store, desk.open) == 0
    assert read_by_id(desk, 0) == []
    assert known(desk, carts) == []


def test_the_dearest_come_first_a_few_at_a_time_and_once_until_they_change(desks: Desks) -> None:
    desk, (small, large, middle) = filled(desks, 2, 1, 9, 5)
    asked = len(desk.shop.requests)
    assert read_dearest_totals(desk.store, desk.open) == 2
    assert [request.partition("?")[0].split()[-1] for request in read_by_id(desk, asked)] == [
        f"/rest/default/V1/carts/{cart}/totals" for cart in (large, middle)
    ]
    assert known(desk, [small, large, middle]) == [large, middle]
    assert read_dearest_totals(desk.store, desk.open) == 1
    asked = len(desk.shop.requests)
    assert read_dearest_totals(desk.store, desk.open) == 0
    assert desk.requests(asked) == []
    before = desk.cart(large)["grand_total"]
    desk.shop.set_qty(large, "MUG-01", 10)
    desk.run("carts")
    assert read_dearest_totals(desk.store, desk.open) == 1
    assert desk.cart(large)["grand_total"] > before


def test_a_cart_that_reading_would_change_is_left_alone(desks: Desks) -> None:
    desk, (due, other) = filled(desks, 9, 2, 1)
    lamp = desk.shop.add_cart([("LAMP-01", 1)])
    desk.run("carts")
    early = (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S")
    for cart in (due, other, lamp):
        desk.shop.touch_cart(cart, early)
    desk.shop.set_price("MUG-01", "77.00")
    assert read_dearest_totals(desk.store, desk.open) == 1
    assert known(desk, [due, other, lamp]) == [lamp]
    assert {desk.shop.cart(cart)["updated_at"] for cart in (due, other, lamp)} == {early}
    assert desk.shop.cart(due)["trigger_recollect"]


def test_a_shop_that_cannot_tell_them_stops_nothing(desks: Desks) -> None:
    desk, carts = filled(desks, 9, 1, 2)
    faults = Faults(fail_every=1)
    faults.matching = "/totals"
    desk.shop.faults = faults
    assert read_dearest_totals(desk.store, desk.open) == 0
    assert known(desk, carts) == []
    desk.shop.faults = Faults()
    assert read_dearest_totals(desk.store, desk.open) == 2


def test_a_shop_that_asks_to_wait_is_not_asked_again_on_what_it_said_before(desks: Desks) -> None:
    desk, carts = filled(desks, 9, 1, 2)
    desk.shop.faults = Faults(throttle_every=1, retry_after=1, matching="/totals", times=1)
    asked = len(desk.shop.requests)
    assert read_dearest_totals(desk.store, desk.open) == 0
    assert len(read_by_id(desk, asked)) == 1
    assert known(desk, carts) == []
    assert read_dearest_totals(desk.store, desk.open) == 2


def test_a_cart_that_the_shop_fails_over_keeps_no_other_from_being_read(desks: Desks) -> None:
    desk, (small, broken) = filled(desks, 9, 1, 5)
    desk.shop.faults = Faults(fail_every=1, matching=f"/carts/{broken}/totals")
    assert read_dearest_totals(desk.store, desk.open) == 1
    assert known(desk, [small, broken]) == [small]
