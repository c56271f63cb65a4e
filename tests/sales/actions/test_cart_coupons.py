"""Putting coupons on a cart and taking them off, against the demo store over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from crm_core.errors import (
    BadInput,
    ChangedMeanwhile,
    ShopRefused,
)
from crm_core.sales.cart_fixes import (
    RemoveCoupon,
    SetCoupon,
)
from crm_core.settings import settings
from demo_store.service import Request, Response
from tests.recorded import recorded
from tests.sales.actions.cart_changes import (
    coupon,
    events_of,
    mended,
    no_coupon,
    on_sqlite,
    writes_to,
)
from tests.sales.desk import Desk, answered


@pytest.mark.parametrize("code", ["NOSUCH", "SPRING25", "USEDUP", "OFF"])
def test_a_wrong_coupon_is_told_beforehand_and_never_costs_the_right_one(desk: Desk, code: str) -> None:
    desk.shop.set_coupon("USEDUP", uses=1)
    used = desk.add_cart(coupon="USEDUP")
    desk.shop.place(used)
    desk.shop.set_coupon("OFF", active=False)
    cart_id = desk.add_cart(coupon="WELCOME10")
    with pytest.raises(BadInput, match=rf"The coupon {code} .* The cart is as it was\."):
        mended(desk, cart_id, coupon(desk, cart_id, code))
    assert desk.shop.cart(cart_id)["coupon_code"] == "WELCOME10"
    assert writes_to(desk) == []
    assert events_of(desk, cart_id) == []


def test_a_coupon_that_only_the_shop_knows_to_be_wrong_costs_nothing_either(desk: Desk) -> None:
    cart_id = desk.add_cart(coupon="WELCOME10")
    missing = {"message": "%resources", "parameters": {"resources": "Magento_SalesRule::quote"}}
    desk.front.on(r"GET .*/coupons/search", answered(401, json.dumps(missing).encode()))
    with pytest.raises(ShopRefused) as caught:
        mended(desk, cart_id, coupon(desk, cart_id, "NOSUCH"))
    assert "The coupon code isn't valid. Verify the code and try again." in str(caught.value)
    assert str(caught.value).endswith("The cart keeps the coupon WELCOME10.")
    assert desk.shop.cart(cart_id)["coupon_code"] == "WELCOME10"
    assert desk.row(cart_id).coupon_code == "WELCOME10"
    ((kind, _, text),) = events_of(desk, cart_id)
    assert kind == "refused"
    assert "keeps the coupon WELCOME10" in text


@on_sqlite
def test_a_right_coupon_that_cannot_be_put_back_is_told(desk: Desk) -> None:
    cart_id = desk.add_cart(coupon="WELCOME10")
    desk.shop.set_coupon("MORE20", percent=20)
    refusal = recorded("coupon_set_bad")["response"]

    def refused(_request: Request, _work: Callable[[], Response]) -> Response:
        desk.shop.cart(cart_id)["coupon_code"] = None
        return Response(refusal["status"], json.dumps(refusal["body"]).encode(), {"Content-Type": "application/json"})

    desk.front.on(r"PUT .*/coupons/", refused)
    with pytest.raises(ShopRefused, match="WELCOME10, which the cart had, could not be put back"):
        mended(desk, cart_id, coupon(desk, cart_id, "MORE20"))


@on_sqlite
def test_a_coupon_is_not_put_back_once_another_may_be_at_the_cart(desk: Desk) -> None:
    cart_id = desk.add_cart(coupon="WELCOME10")
    desk.shop.set_coupon("MORE20", percent=20)
    refusal = recorded("coupon_set_bad")["response"]

    def refused(_request: Request, _work: Callable[[], Response]) -> Response:
        desk.shop.cart(cart_id)["coupon_code"] = None
        desk.front.on(r"GET .*/carts/\d+/coupons$", slow)
        return Response(refusal["status"], json.dumps(refusal["body"]).encode(), {"Content-Type": "application/json"})

    def slow(_request: Request, work: Callable[[], Response]) -> Response:
        clock.shift(timedelta(seconds=settings().longest_write + 1))
        return work()

    desk.front.on(r"PUT .*/coupons/", refused)
    with (
        time_machine.travel(datetime.now(UTC)) as clock,
        pytest.raises(ShopRefused, match="not be put back: The shop"),
    ):
        mended(desk, cart_id, coupon(desk, cart_id, "MORE20"))
    assert desk.front.count(r"PUT .*/coupons/") == 1


def test_a_coupon_is_changed_and_taken_off(desk: Desk) -> None:
    desk.shop.set_coupon("MORE20", percent=20)
    cart_id = desk.add_cart(coupon="WELCOME10")
    total = desk.offer(cart_id).totals.grand_total
    done = mended(desk, cart_id, coupon(desk, cart_id, " more20 "))
    assert "is on the cart: €" in done.message
    assert desk.offer(cart_id).totals.grand_total < total
    with pytest.raises(BadInput, match="already"):
        mended(desk, cart_id, coupon(desk, cart_id, "MORE20"))
    assert "taken off" in mended(desk, cart_id, no_coupon(desk, cart_id)).message
    assert desk.offer(cart_id).totals.grand_total > total


def test_a_coupon_that_somebody_changed_meanwhile_is_left_so_and_the_next_press_counts(desk: Desk) -> None:
    for code in ("MORE20", "LESS05"):
        desk.shop.set_coupon(code, percent=int(code[-2:]))
    cart_id = desk.add_cart()
    mended(desk, cart_id, SetCoupon("WELCOME10", None), "Anna")
    sent = len(writes_to(desk))
    with pytest.raises(ChangedMeanwhile, match=r"has the coupon WELCOME10 now\. It was left so"):
        mended(desk, cart_id, SetCoupon("MORE20", None), "Ben")
    assert len(writes_to(desk)) == sent
    mended(desk, cart_id, SetCoupon("MORE20", desk.row(cart_id).coupon_code), "Ben")
    sent = len(writes_to(desk))
    for change in (SetCoupon("LESS05", "WELCOME10"), RemoveCoupon("WELCOME10")):
        with pytest.raises(ChangedMeanwhile, match=r"has the coupon MORE20 now, not WELCOME10\. It was left so"):
            mended(desk, cart_id, change, "Anna")
    assert len(writes_to(desk)) == sent
    mended(desk, cart_id, RemoveCoupon("more20"), "Anna")
    for change in (SetCoupon("LESS05", "MORE20"), RemoveCoupon("MORE20")):
        with pytest.raises(ChangedMeanwhile, match="MORE20 is no longer on the cart, which has none now"):
            mended(desk, cart_id, change, "Ben")
    assert desk.row(cart_id).coupon_code is None
    mended(desk, cart_id, SetCoupon("LESS05", None), "Ben")
    assert desk.shop.cart(cart_id)["coupon_code"] == "LESS05"


@on_sqlite
def test_a_coupon_that_a_shopper_put_on_while_the_cart_was_read_is_known_once_it_is_told(desk: Desk) -> None:
    desk.shop.set_coupon("MORE20", percent=20)
    cart_id = desk.add_cart()

    def put_on(_request: Request, work: Callable[[], Response]) -> Response:
        desk.front.calm()
        desk.shop.cart(cart_id)["coupon_code"] = "WELCOME10"
        return work()

    desk.front.on(r"GET .*/carts/\d+/coupons$", put_on)
    with pytest.raises(ChangedMeanwhile, match="has the coupon WELCOME10 now"):
        mended(desk, cart_id, SetCoupon("MORE20", None))
    assert desk.row(cart_id).coupon_code == "WELCOME10"
