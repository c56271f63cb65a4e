"""Going back finds the address of a screen as it was left, though Streamlit has written another screen's into it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from crm_core.store import tables
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, params_of, words_of


@pytest.mark.parametrize(
    ("screen", "back", "own"),
    [
        ("", {"status": "open", "updated": "30d", "left": "carts?period=90d"}, {"period": "90d"}),
        ("", {"status": "open", "updated": "90d", "left": "carts"}, {}),
        (
            "attempts",
            {"id": "7", "left": "order?made=7d&person=Maja+Petersen"},
            {"made": "7d", "person": "Maja Petersen"},
        ),
        ("attempts", {"id": "7", "left": "cart"}, {}),
        ("carts", {"id": "7", "left": "cart?status=open&sort=-subtotal"}, {"status": "open", "sort": "-subtotal"}),
        ("carts", {"ids": "7,8", "status": "open", "page": "2"}, {"status": "open", "page": "2"}),
        ("orders", {"id": "7", "status": "complete"}, {"status": "complete"}),
        ("customers", {"id": "7", "newsletter": "no", "sort": "name"}, {"newsletter": "no", "sort": "name"}),
    ],
)
def test_going_back_to_a_screen_finds_its_own_parameters_and_no_other(
    desk: Desk, screen: str, back: dict[str, str], own: dict[str, str]
) -> None:
    at = desk.open(screen, **back)
    assert is_well(at)
    assert params_of(at) == own
    assert not at.warning


def test_going_back_to_a_record_finds_it_and_the_place_in_the_list_that_it_was_opened_from(desk: Desk) -> None:
    who = desk.rows(select(tables.customer).where(tables.customer.c.is_subscribed.is_(False)))[0]
    at = desk.open("customer", id=str(desk.cart()), left=f"cart?id={who.id}&newsletter=no&sort=name")
    assert is_well(at)
    assert params_of(at) == {"id": str(who.id), "newsletter": "no", "sort": "name"}
    assert who.email in words_of(at).replace("\\", "")
    assert params_of(desk.open("customer", id=str(who.id), left="customer?made=7d"))["id"] == str(who.id)


def test_the_screen_that_was_opened_keeps_its_parameters_and_changes_them_alone(desk: Desk) -> None:
    opened = {"status": "open", "left": "carts?period=90d"}
    at = desk.open("carts", **opened)
    assert is_well(at)
    assert params_of(at) == opened
    assert not at.warning
    at.text_input(key="filter-text").set_value("total>5").run()
    assert params_of(at) == {"status": "open", "total": "5.."}
    at = desk.open(status="open", left="carts?period=90d")
    at.segmented_control(key="dashboard-period").set_value("7d").run()
    assert params_of(at) == {"period": "7d"}


@pytest.mark.parametrize(
    "left", ["", "?", "nonsense", "<b>?status=", "carts", "orders?left=orders&left=x?page=%ff", "x?embed=true"]
)
def test_a_hand_edited_word_of_what_was_left_breaks_nothing(desk: Desk, left: str) -> None:
    for screen in ("", "carts"):
        assert is_well(desk.open(screen, left=left))
