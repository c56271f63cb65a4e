"""Dialogs that were left for another screen are closed on the way back, whichever it was."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from crm_core.store import tables
from tests.pages.conftest import PAGES, Desk
from tests.pages.screens import is_well

_OPENERS = {
    "place order": ("cart", "place-order"),
    "edit": ("cart", "open-editor-Items"),
    "mark lost": ("cart", "Mark lost"),
    "new cart for a guest": ("carts", "open-new-cart"),
    "new cart for a customer": ("customer", "open-new-cart"),
    "comment on an order": ("order", "order-actions-comment"),
}
"""Each dialog: the screen that it stands on, and the key or the label of what opens it."""


def _record(desk: Desk, screen: str) -> dict[str, str]:
    """The address of a record of that screen."""
    if screen == "carts":
        return {}
    if screen == "customer":
        return {"id": str(desk.rows(select(tables.customer.c.id))[0].id)}
    return {"id": str(desk.cart(status="open") if screen == "cart" else desk.order())}


def _go(at: AppTest, screen: str, params: dict[str, str]) -> AppTest:
    at.switch_page(PAGES[screen])
    for name in list(at.query_params):
        del at.query_params[name]
    at.query_params.update(params)
    return at.run()


def _dialogs(at: AppTest) -> int:
    return len(at.get("dialog"))


@pytest.mark.parametrize("dialog", list(_OPENERS))
def test_a_dialog_that_was_left_does_not_open_by_itself_on_the_way_back(desk: Desk, dialog: str) -> None:
    screen, opener = _OPENERS[dialog]
    here = _record(desk, screen)
    at = desk.open(screen, **here)
    if opener.startswith("order-actions"):
        at.session_state["order-actions-menu"] = True
        at.run()
    next(each for each in at.button if opener in (each.key, each.label)).click().run()
    assert not at.exception
    assert _dialogs(at) == 1
    at.run()
    assert _dialogs(at) == 1, "drawing the screen anew leaves it open"
    _go(at, "attempts", {})
    assert is_well(at)
    _go(at, screen, here)
    assert is_well(at)
    assert _dialogs(at) == 0


@pytest.mark.parametrize("screen", ["carts", "customer"])
def test_a_dialog_opens_where_going_back_left_the_id_of_another_record_in_the_address(desk: Desk, screen: str) -> None:
    here = _record(desk, screen)
    back = {"id": str(desk.cart(status="open")), "left": f"cart?{urlencode(here)}"}
    at = desk.open(screen, **back)
    at.button(key="open-new-cart").click().run()
    assert is_well(at)
    assert _dialogs(at) == 1


@pytest.mark.parametrize("dialog", ["place order", "edit", "mark lost"])
def test_a_dialog_of_one_record_does_not_open_on_another_nor_later_on_the_first(desk: Desk, dialog: str) -> None:
    one, other = desk.new_cart(), desk.new_cart()
    at = desk.open("cart", id=str(one))
    next(each for each in at.button if _OPENERS[dialog][1] in (each.key, each.label)).click().run()
    assert _dialogs(at) == 1
    for key in (other, one):
        at.query_params["id"] = str(key)
        at.run()
        assert is_well(at)
        assert _dialogs(at) == 0


def test_the_dialogs_of_the_channels_screen_are_closed_on_the_way_back_and_forget_what_was_typed(desk: Desk) -> None:
    at = desk.open("channels")
    next(each for each in at.button if each.label == "Add channel").click().run()
    assert _dialogs(at) == 1
    at.text_input(key="channel-access-secret").set_value("secret").run()
    assert _dialogs(at) == 1, "drawing the screen anew leaves it open"
    _go(at, "attempts", {})
    _go(at, "channels", {})
    assert is_well(at)
    assert _dialogs(at) == 0
    next(each for each in at.button if each.label == "Add channel").click().run()
    assert not at.text_input(key="channel-access-secret").value


def test_a_press_for_the_record_before_opens_nothing_and_is_told(desk: Desk) -> None:
    at = desk.open("cart", id=str(desk.cart(status="open")))
    before = at.query_params["id"]
    step = next(each for each in at.button if each.key in {"record-next", "record-previous"} and not each.disabled)
    step.click()
    next(each for each in at.button if each.key == "place-order").click()
    at.run()
    assert is_well(at)
    assert at.query_params["id"] != before
    assert _dialogs(at) == 0
    assert [each.value for each in at.toast] == [
        "That press was for the screen before this one. Press again if it was meant for this one."
    ]
    at.run()
    assert not at.toast


def test_going_on_from_a_dialog_that_was_on_show_is_not_remarked(desk: Desk) -> None:
    at = desk.open("cart", id=str(desk.cart(status="open")))
    next(each for each in at.button if each.label == "Mark lost").click().run()
    assert _dialogs(at) == 1
    _go(at, "attempts", {})
    assert _dialogs(at) == 0
    assert not at.toast
