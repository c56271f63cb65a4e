"""A refusal is told in the shop's words, with the check that should have said so, and leaves the cart free.

Against the demo store over real HTTP. Numbers are those of the contract tests.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from crm_core.errors import ChannelError, NotAllowed, ShopUnavailable, WrongAddress
from crm_core.magento.messages import read_refusal
from crm_core.sales import attempts
from crm_core.sales.decisions import mark_lost
from crm_core.sales.obstacles import why_not
from crm_core.sales.offer import Choice, ShippingOption, lines_mark
from crm_core.sales.outcomes import Placed, Refused
from crm_core.sales.preflight.check import Code, FixKind, Verdict
from crm_core.store import tables
from crm_core.sync.channels import channel_by_name
from tests.sales.desk import PLACE, SHIP, Desk, answered, dropped_after_the_work
from tests.sales.placing.placings import on_sqlite, recorded_answer, timeline


def _by_hand(desk: Desk, cart_id: int, total: str) -> Choice:
    """A choice that no offer would allow, for what only the shop can refuse."""
    cart = desk.shop.cart(cart_id)
    free = Decimal(0)
    option = ShippingOption("flatrate", "flatrate", "Flat Rate", free, free, Decimal(total), is_chosen=True)
    return Choice(
        shipping=option,
        payment_method="checkmo",
        grand_total=Decimal(total),
        currency="EUR",
        lines=lines_mark((line["sku"], Decimal(str(line["qty"]))) for line in cart["lines"]),
    )


def _soldout(desk: Desk) -> None:
    desk.shop.set_stock("MUG-01", 0, in_stock=False)


def _short(desk: Desk) -> None:
    desk.shop.set_stock("MUG-01", 1)


def _minimum(desk: Desk) -> None:
    desk.shop.set_minimum_order("50", "Order at least 50 please")


def _abroad(desk: Desk) -> None:
    desk.shop.set_countries(["DE"])


@on_sqlite
@pytest.mark.parametrize(
    ("happens", "message", "code", "fixes"),
    [
        (_soldout, "Some of the products are out of stock.", Code.OUT_OF_STOCK, [FixKind.REMOVE_LINE]),
        (_short, "The requested qty is not available", Code.SHORT, [FixKind.SET_QUANTITY, FixKind.REMOVE_LINE]),
        (_minimum, "Order at least 50 please", Code.MINIMUM_AMOUNT, []),
        (
            _abroad,
            "Some addresses can't be used due to the configurations for specific countries.",
            Code.SHIPPING_ADDRESS,
            [FixKind.ENTER_ADDRESS],
        ),
    ],
)
def test_31_a_refusal_shows_the_shops_words_and_the_check_that_should_have_said_so(
    desk: Desk, happens: Any, message: str, code: Code, fixes: list[FixKind]
) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    happens(desk)
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Refused)
    assert (outcome.message, outcome.status) == (message, 400)
    assert outcome.check is not None
    assert outcome.check.code == code
    assert [fix.kind for fix in outcome.check.fixes if fix.kind is not FixKind.REPLACE_LINE] == fixes
    assert outcome.after is not None
    assert outcome.check in outcome.after.checks
    assert outcome.after.of(Code.ATTEMPT)[0].verdict is Verdict.PASS, "the cart is free again"
    assert desk.shop.orders_of(cart_id) == []
    assert desk.row(cart_id).status == "open"
    assert why_not(desk.store, desk.key(cart_id)) is None
    [attempt] = desk.attempts(cart_id)
    assert (attempt.state, attempt.holds, attempt.message, attempt.reason) == ("refused", False, message, code)
    assert timeline(desk, cart_id)[-1] == "refused"


@on_sqlite
@pytest.mark.parametrize(
    ("details", "message", "code"),
    [
        ({"email": None}, "Email has a wrong format", Code.EMAIL),
        ({"address": {"lastname": ""}}, '"lastname" is required', Code.SHIPPING_ADDRESS),
        ({"address": {"telephone": ""}}, '"telephone" is required', Code.SHIPPING_ADDRESS),
    ],
)
def test_31_what_an_address_lacks_is_told_with_the_parameters_filled_in(
    desk: Desk, details: Any, message: str, code: Code
) -> None:
    cart_id = desk.add_cart(**details)
    total = str(desk.shop.cart(cart_id)["grand_total"])
    outcome = desk.place(cart_id, _by_hand(desk, cart_id, total))
    assert isinstance(outcome, Refused)
    assert message in outcome.message
    assert "%" not in outcome.message
    assert outcome.check is not None
    assert (outcome.check.code, outcome.check.verdict) == (code, Verdict.FAIL)
    assert desk.row(cart_id).status == "open"


@on_sqlite
def test_31_a_way_of_shipping_that_went_is_refused_before_anything_is_placed(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    desk.shop.switch_carrier("flatrate", on=False)
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Refused)
    assert outcome.message == "Carrier with such method not found: flatrate, flatrate"
    assert outcome.check is not None
    assert outcome.check.code is Code.SHIPPING
    assert FixKind.CHOOSE_SHIPPING in {fix.kind for fix in outcome.check.fixes}
    assert desk.front.count(PLACE) == 0
    assert desk.row(cart_id).status == "open"


@on_sqlite
def test_31_a_way_of_paying_that_went_is_refused_before_anything_is_placed(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    desk.shop.switch_payment("checkmo", on=False)
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Refused)
    assert outcome.message == "The shop does not offer that way of paying for this cart any more. Nothing was ordered."
    assert outcome.check is not None
    assert outcome.check.title == "The chosen way of paying is not offered any more (checkmo)"
    [attempt] = desk.attempts(cart_id)
    assert (attempt.state, attempt.reason) == ("not_placed", "payment")
    assert desk.front.count(PLACE) == 0


@on_sqlite
@pytest.mark.parametrize(
    "name",
    [
        "place_customer_no_address",
        "place_no_lastname",
        "place_guest_without_email",
        "place_customer_ready_bad_pm",
        "pf13_07_place_expired",
        "pf14_02_place",
    ],
)
def test_31_every_recorded_refusal_is_shown_as_magento_words_it(desk: Desk, name: str) -> None:
    answer = recorded_answer(name)
    body = json.dumps(answer["body"]).encode()
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    desk.front.on(PLACE, answered(answer["status"], body))
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Refused)
    words = read_refusal(body)
    assert words is not None
    assert outcome.message == words.message
    assert not re.search(r"%\w", outcome.message)
    assert outcome.status == answer["status"]
    assert desk.row(cart_id).status == "open"
    assert desk.front.count(PLACE) == 1


def test_a_shop_that_is_away_places_nothing_and_the_cart_is_free_again(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    desk.front.on(SHIP, answered(429, b'{"message":"Too Many Requests"}'))
    with pytest.raises(ShopUnavailable):
        desk.place(cart_id, choice)
    desk.front.calm()
    desk.front.on(SHIP, dropped_after_the_work)
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Refused)
    assert "no clear answer while the shipping was saved. Nothing was ordered." in outcome.message
    desk.front.calm()
    assert isinstance(desk.place(cart_id), Placed)


@on_sqlite
@pytest.mark.parametrize("at", [PLACE, SHIP, r"GET .*/carts/search$"])
def test_a_sign_in_that_is_refused_while_placing_pauses_the_channel(desk: Desk, at: str) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    desk.front.on(at, answered(401, b'{"message":"The account sign-in was incorrect."}'))
    if at == PLACE:
        outcome = desk.place(cart_id, choice)
        assert isinstance(outcome, Refused)
        assert "sign-in" in outcome.message
    else:
        with pytest.raises(ChannelError):
            desk.place(cart_id, choice)
    assert channel_by_name(desk.store, "Shop").paused_at is not None
    [attempt] = desk.attempts(cart_id)
    assert (attempt.state, attempt.holds) == ("refused" if at == PLACE else "not_placed", False)
    assert attempt.reason == "channel"


@on_sqlite
@pytest.mark.parametrize("at", [PLACE, SHIP, r"GET .*/carts/search$"])
def test_a_shop_that_is_deployed_while_placing_pauses_nothing_and_the_cart_is_placed_later(desk: Desk, at: str) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    desk.front.on(at, answered(404, b"File not found.", "text/html"))
    if at == PLACE:
        outcome = desk.place(cart_id, choice)
        assert isinstance(outcome, Refused)
        assert "try later" in outcome.message
    else:
        with pytest.raises(WrongAddress, match="try later"):
            desk.place(cart_id, choice)
    assert channel_by_name(desk.store, "Shop").paused_at is None
    [attempt] = desk.attempts(cart_id)
    assert (attempt.state, attempt.holds, attempt.reason) == ("refused" if at == PLACE else "not_placed", False, "shop")
    desk.front.calm()
    assert isinstance(desk.place(cart_id, choice), Placed)


@on_sqlite
def test_a_permission_that_is_missing_refuses_and_frees_the_cart(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    body = {
        "message": "The consumer isn't authorized to access %resources.",
        "parameters": {"resources": "Magento_Cart::manage"},
    }
    desk.front.on(PLACE, answered(401, json.dumps(body).encode()))
    outcome = desk.place(cart_id, choice)
    assert isinstance(outcome, Refused)
    assert "Magento_Cart::manage" in outcome.message
    assert attempts.holder(desk.store, desk.key(cart_id)) is None


@pytest.mark.parametrize("status", ["lost", "read-only", "paused", "no such person"])
def test_a_permission_is_checked_where_the_action_is(desk: Desk, status: str) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    person = "Anna"
    if status == "lost":
        mark_lost(desk.store, desk.key(cart_id), "No answer", "Ben")
    elif status == "no such person":
        person = " "
    else:
        change: dict[str, Any] = {"allow_writes": False}
        if status == "paused":
            change = {"paused_at": datetime.now(UTC), "paused_reason": "The token is wrong."}
        with desk.store.writing() as connection:
            connection.execute(update(tables.channel).values(**change))
    asked = len(desk.front.asked)
    with pytest.raises(NotAllowed):
        desk.place(cart_id, choice, person)
    assert len(desk.front.asked) == asked
    assert desk.attempts(cart_id) == []
