"""What a preflight says of a coupon, and of one that is missed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from crm_core.sales.preflight.check import Code, Verdict
from demo_store.service import Request, Response
from tests.sales.desk import Desk
from tests.sales.preflight.shop_side import check, in_step, on_sqlite, put, recorded


@on_sqlite
def test_the_coupon_of_a_cart_that_is_due_is_found_by_searching(desk: Desk) -> None:
    desk.shop.set_coupon("ONCE")
    cart = desk.add_cart(("MUG-01", 2), coupon="ONCE")
    desk.synchronise(cart)
    desk.shop.set_price("MUG-01", "24.20")
    desk.shop.set_coupon("ONCE", active=False)
    [coupon] = check(desk, cart).of(Code.COUPON)
    assert coupon.verdict is Verdict.FAIL
    assert coupon.fixes[0].arguments == {"code": "ONCE"}


@on_sqlite
def test_a_coupon_that_a_wrong_one_has_removed_is_missed(desk: Desk) -> None:
    """Series pf28."""
    desk.shop.set_coupon("GOOD")
    cart = desk.add_cart(("MUG-01", 2), coupon="GOOD")
    desk.synchronise(cart)
    in_step(desk)
    desk.shop.cart(cart)["coupon_code"] = None
    desk.shop.recalculate(cart)
    [coupon] = check(desk, cart).of(Code.COUPON)
    assert coupon.verdict is Verdict.LOOK
    assert coupon.fixes[0].arguments == {"code": "GOOD"}
    assert put(desk, cart, None).status == recorded("pf28_10_place")["status"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"to_date": "2020-01-01"}, "its rule ended on 01 January 2020"),
        ({"from_date": "2999-01-01"}, "its rule begins on 01 January 2999"),
        ({"website_ids": [2]}, "not for this website"),
        ({"customer_group_ids": [3]}, "not for the customer's group"),
    ],
)
@on_sqlite
def test_a_coupon_of_which_nobody_has_seen_what_comes_is_neither_green_nor_red(
    desk: Desk, rule: dict[str, object], words: str
) -> None:
    desk.shop.set_coupon("ONCE")
    cart = desk.add_cart(("MUG-01", 2), coupon="ONCE")
    in_step(desk)

    def changed(_request: Request, work: Callable[[], Response]) -> Response:
        response = work()
        response.body = json.dumps(json.loads(response.body) | rule).encode()
        return response

    desk.front.on(r"GET .*/salesRules/", changed)
    told = check(desk, cart)
    [coupon] = told.of(Code.COUPON)
    assert coupon.verdict is Verdict.UNKNOWN
    assert words in coupon.title
    assert not coupon.verified
    assert "Unverified" in coupon.detail
    assert told.verdict is Verdict.UNKNOWN


@on_sqlite
def test_a_coupon_of_which_the_last_day_is_today_is_left_to_the_shop(desk: Desk) -> None:
    desk.shop.set_coupon("ONCE")
    cart = desk.add_cart(("MUG-01", 2), coupon="ONCE")
    today = datetime.now(ZoneInfo("Europe/Amsterdam"))
    desk.shop.set_coupon("ONCE", expires=f"{today:%Y-%m-%d} 00:00:00")
    [coupon] = check(desk, cart).of(Code.COUPON)
    assert coupon.verdict is not Verdict.FAIL
    if today.hour >= 2:  # before, its midnight is still to come in UTC, by which the shop keeps its times
        assert coupon.verdict is Verdict.UNKNOWN
