from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from crm_core.store import tables
from crm_core.store.keys import origin_of
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, params_of, words_of


def _attempt(desk: Desk, key: int, **values: Any) -> None:
    shop_id, origin_id = origin_of(key)
    made = datetime.now(UTC) - timedelta(minutes=5)
    row = {
        "shop_id": shop_id,
        "cart_origin_id": origin_id,
        "channel_id": 1,
        "person": "Maja Petersen",
        "state": "refused",
        "holds": False,
        "claimed_at": made,
        "settled_at": made,
        "lookups": 0,
        "currency": "EUR",
        "shown_grand_total": Decimal("84.20"),
        "answer_status": 400,
        "message": "Some of the products are out of stock.",
        "reason": "out_of_stock",
        "duration_ms": 640,
    }
    desk.do(insert(tables.attempt).values(**row | values))


@pytest.fixture
def tried(desk: Desk) -> Desk:
    """Two carts that the shop refused, one of them twice, and one that Ben placed."""
    first, second = desk.cart(status="open"), desk.cart(status="purchased")
    desk.do(update(tables.cart).where(tables.cart.c.id == first).values(firstname="# Anna", lastname="<b>Smit</b>"))
    _attempt(desk, first)
    _attempt(desk, first, message="[click](https://evil.example) =1+1")
    placed = {"state": "placed", "person": "Ben *Vos*", "message": "The shop placed the order.", "answer_status": 200}
    _attempt(desk, second, order_increment_id="000000082", placed_grand_total=Decimal("85.00"), reason=None, **placed)
    return desk


def test_every_attempt_stands_there_with_who_when_both_totals_and_the_answer(tried: Desk) -> None:
    at = tried.open("attempts")
    assert is_well(at)
    grid = at.dataframe[0].value
    assert list(grid["outcome"].map(lambda chips: chips[0])) == ["✓ Placed", "✕ Refused", "✕ Refused"]
    assert list(grid["shown"]) == ["€84.20"] * 3
    assert list(grid["placed"].dropna()) == ["€85.00"]
    assert list(grid["person"]) == ["Ben *Vos*", "Maja Petersen", "Maja Petersen"]
    assert list(grid["order"].dropna()) == ["000000082"]
    assert grid["answer"][1] == "The shop refused it · [click](https://evil.example) =1+1"
    assert list(grid["status"]) == ["200", "400", "400"]
    assert list(grid["took"]) == ["0.6 s"] * 3
    assert grid["name"][1] == "# Anna <b>Smit</b>"


def test_reasons_are_counted_and_a_press_shows_their_attempts(tried: Desk) -> None:
    at = tried.open("attempts")
    [reason] = [option.content for option in at.pills(key="attempts-reason").proto.options]
    assert reason == "Out of stock · 1 cart · €84\\.20"
    at.pills(key="attempts-reason").set_value("out_of_stock").run()
    assert params_of(at) == {"reason": "out_of_stock"}
    assert len(at.dataframe[0].value) == 2
    at.pills(key="attempts-reason").set_value(None).run()
    assert params_of(at) == {}


def test_outcome_period_and_person_narrow_the_list_and_stand_in_the_address(tried: Desk) -> None:
    at = tried.open("attempts")
    at.segmented_control(key="attempts-outcome").set_value("placed").run()
    at.selectbox(key="attempts-period").set_value("7d").run()
    assert params_of(at) == {"outcome": "placed", "made": "7d"}
    assert len(at.dataframe[0].value) == 1
    at.selectbox(key="attempts-person").set_value("Maja Petersen").run()
    assert "No attempt matches these filters" in words_of(at)
    next(each for each in at.button if each.label == "Clear all filters").click().run()
    assert params_of(at) == {}
    assert len(at.dataframe[0].value) == 3


def test_an_address_edited_by_hand_is_told_and_shows_the_rest(tried: Desk) -> None:
    at = tried.open("attempts", outcome="nonsense", made="2026-01-01..", person="Nobody", channel="77", page="x")
    assert not at.exception
    assert "nonsense" in at.warning[0].value
    assert at.selectbox(key="attempts-period").value == "2026-01-01.."
    assert at.selectbox(key="attempts-channel").value == "77"


def test_a_desk_where_nobody_tried_says_so(desk: Desk) -> None:
    at = desk.open("attempts")
    assert "Nobody has tried to place an order yet" in words_of(at)
    assert "status=open" in str([link.proto for link in at.get("page_link")])


def test_the_cart_and_the_order_tell_their_attempts_with_terms_answer_and_duration(tried: Desk) -> None:
    refused = words_of(tried.open("cart", id=str(tried.cart(status="open"))))
    assert "**Attempts to order**" in refused
    assert "Refused :gray[· €84.20 shown · 0.6 s]" in refused
    assert "The shop refused it · Some of the products are out of stock\\." in refused
    assert "[click](https://evil.example)" not in refused
    order = tried.order()
    [row] = tried.rows(select(tables.order.c.cart_id, tables.order.c.origin_id).where(tables.order.c.id == order))
    placed = {"state": "placed", "holds": True, "placed_grand_total": Decimal("85.00"), "answer_status": 200}
    _attempt(tried, row.cart_id, order_origin_id=row.origin_id, message="The shop placed the order.", **placed)
    shown = words_of(tried.open("order", id=str(order)))
    assert "Placed :gray[· €84.20 shown · €85.00 ordered · 0.6 s]" in shown
    assert ":gray[The shop placed the order\\.]" in shown
    assert "Maja Petersen · 5 min ago" in shown
    assert "**Attempts to order**" not in words_of(tried.open("cart", id=str(tried.cart(status="expired"))))


def test_a_long_amount_has_the_room_that_it_needs_and_the_grid_is_no_wider_for_it(desk: Desk) -> None:
    widths = []
    for amount in ("84.20", "1234567.89"):
        _attempt(desk, desk.cart(), currency="USD", shown_grand_total=Decimal(amount))
        columns = json.loads(desk.open("attempts").dataframe[0].proto.columns)
        widths.append({key: each["width"] for key, each in columns.items() if "width" in each})
    short, long = widths
    assert short["shown"] < long["shown"]
    assert long["shown"] >= len("US$1,234,567.89") * 7
    assert sum(short.values()) == sum(long.values())
