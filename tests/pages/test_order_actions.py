from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest

from crm_core.sales.order_rules import Kind
from crm_core.store import tables
from crm_core.store.keys import record_key
from demo_store import Faults
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, words_of

_PATIENCE_SECONDS = 20


class Ordered:
    """An order of three mugs and a cushion that a shopper placed just now, mirrored."""

    def __init__(self, desk: Desk, *deeds: str) -> None:
        self.desk = desk
        self.id = desk.shop.place(desk.shop.add_cart([("MUG-01", 3), ("CUSHION-01", 1)]))
        for deed in deeds:
            desk.shop.act(self.id, deed)
        desk.read("orders")
        self.key = record_key(1, self.id)

    def screen(self) -> AppTest:
        """The order's screen with the menu open."""
        at = self.desk.open("order", id=str(self.key))
        at.session_state["order-actions-menu"] = True
        return at.run()

    def asked(self, kind: str) -> AppTest:
        """The order's screen after that choice from the menu."""
        at = self.screen()
        at.button(key=f"order-actions-{kind}").click().run()
        assert not at.exception
        return at

    @property
    def row(self) -> Any:
        """The order as the store holds it."""
        return self.desk.rows(select(tables.order).where(tables.order.c.id == self.key))[0]

    @property
    def in_shop(self) -> Any:
        """The order as the shop holds it."""
        return self.desk.shop.order(self.id)

    def writes(self, end: str) -> int:
        """How often the shop was asked to do that with the order."""
        return sum(one.startswith("POST") and one.endswith(f"/{self.id}/{end}") for one in self.desk.shop.requests)


def _confirmed(at: AppTest) -> AppTest:
    at.button(key="order-actions-confirm").click().run()
    assert not at.exception
    return at


def _news(at: AppTest) -> str:
    return "\n".join(each.value for each in at.toast).replace("\\", "")


def _is_closed(at: AppTest) -> bool:
    return "order-actions-confirm" not in {each.key for each in at.button}


def test_the_menu_offers_every_action_and_says_why_one_cannot_be_taken(desk: Desk) -> None:
    at = Ordered(desk).screen()
    assert is_well(at)
    disabled = {kind.value: at.button(key=f"order-actions-{kind.value}").disabled for kind in Kind}
    assert disabled == {
        "comment": False,
        "email": False,
        "invoice": False,
        "ship": False,
        "hold": False,
        "unhold": True,
        "cancel": False,
        "refund": True,
    }
    assert "The order is not on hold" in words_of(at).replace("\\", "")
    assert "Nothing is paid yet" in words_of(at)


def test_a_read_only_channel_allows_nothing_and_says_so_once(desk: Desk) -> None:
    order = Ordered(desk)
    desk.do(update(tables.channel).values(allow_writes=False))
    at = order.screen()
    assert all(each.disabled for each in at.button if (each.key or "").startswith("order-actions-"))
    assert words_of(at).replace("\\", "").count("read-only") == 1


def test_an_order_is_held_and_taken_off_hold_at_once(desk: Desk) -> None:
    order = Ordered(desk)
    at = order.asked("hold")
    assert is_well(at)
    assert "is on hold" in _news(at)
    assert order.row.state == order.in_shop["state"] == "holded"
    assert "On hold" in words_of(at)
    at.session_state["order-actions-menu"] = True
    at.run()
    assert at.button(key="order-actions-cancel").disabled
    at.button(key="order-actions-unhold").click().run()
    assert "is off hold" in _news(at)
    assert order.row.state == order.in_shop["state"] == "new"


def test_a_comment_is_added_and_stands_on_the_timeline(desk: Desk) -> None:
    order = Ordered(desk)
    at = order.asked("comment")
    _confirmed(at)
    assert "Type a comment" in words_of(at)
    assert order.writes("comments") == 0
    at.text_area(key="order-action-text").set_value("Call back on Monday *early*")
    at.checkbox(key="order-action-visible").set_value(True)
    _confirmed(at)
    assert _is_closed(at)
    assert "Comment added" in _news(at)
    note = order.in_shop["status_histories"][-1]
    assert (note["comment"], note["is_visible_on_front"]) == ("Call back on Monday *early*", 1)
    assert order.writes("comments") == 1
    assert "Call back on Monday" in words_of(at)


def test_the_confirmation_is_mailed_after_it_was_confirmed(desk: Desk) -> None:
    order = Ordered(desk)
    at = order.asked("email")
    assert order.writes("emails") == 0
    assert "again if it did before" in words_of(at)
    _confirmed(at)
    assert order.writes("emails") == 1
    assert "sent the order's e-mail" in _news(at)


def _amount(at: AppTest) -> Decimal:
    """The amount that the button carries."""
    label = str(at.button(key="order-actions-confirm").label)
    return Decimal(label.rpartition("€")[2].replace(",", ""))


def test_a_part_of_an_order_is_invoiced_and_then_the_rest(desk: Desk) -> None:
    order = Ordered(desk)
    at = order.asked("invoice")
    assert at.button(key="order-actions-confirm").label == f"Make invoice · €{order.row.grand_total:,.2f}"
    at.segmented_control(key="order-action-pieces").set_value("chosen").run()
    mug, cushion = (each for each in at.number_input if str(each.key).startswith("order-action-qty-"))
    assert (mug.value, cushion.value) == (3, 1)
    mug.set_value(0)
    cushion.set_value(0)
    _confirmed(at)
    assert "Choose at least one line" in words_of(at)
    assert order.writes("invoice") == 0
    next(each for each in at.number_input if each.key == mug.key).set_value(2).run()
    assert "Make invoice · about €" in at.button(key="order-actions-confirm").label
    told = _amount(at)
    _confirmed(at)
    assert "invoiced for" in _news(at)
    assert [line["qty_invoiced"] for line in order.in_shop["items"]] == [2, 0]
    assert abs(told - order.row.total_invoiced) <= Decimal("0.02")
    again = order.asked("invoice")
    left = order.row.grand_total - order.row.total_invoiced
    assert f"The invoice comes to **€{left:,.2f}**" in words_of(again)
    assert _amount(again) == left.quantize(Decimal("0.01"))
    _confirmed(again)
    assert [line["qty_invoiced"] for line in order.in_shop["items"]] == [3, 1]
    assert order.row.state == "processing"
    assert order.screen().button(key="order-actions-invoice").disabled


def test_an_order_is_shipped_with_the_numbers_of_its_parcels(desk: Desk) -> None:
    order = Ordered(desk, "invoice")
    at = order.asked("ship")
    next(each for each in at.button if each.label == "Another parcel").click().run()
    at.text_input(key="order-action-number-0").set_value("00340434161094021501")
    at.text_input(key="order-action-carrier-1").set_value("DHL")
    at.text_input(key="order-action-number-1").set_value("00340434161094021502")
    _confirmed(at)
    assert "carrier" in words_of(at)
    assert order.writes("ship") == 0
    at.text_input(key="order-action-carrier-0").set_value("DHL")
    _confirmed(at)
    assert order.writes("ship") == 1
    assert "tracking 00340434161094021501, 00340434161094021502" in _news(at)
    assert order.row.state == "complete"


def test_a_cancellation_is_confirmed_and_can_be_thought_over(desk: Desk) -> None:
    order = Ordered(desk)
    at = order.asked("cancel")
    total = f"€{order.row.grand_total:,.2f}"
    assert f"**{total}** of this order is not invoiced and is cancelled" in words_of(at)
    assert ":small[3 × " in words_of(at)
    assert at.button(key="order-actions-confirm").label == f"Cancel the order · {total}"
    assert "cannot be undone" in words_of(at)
    next(each for each in at.button if each.label == "Back").click().run()
    assert _is_closed(at)
    assert order.writes("cancel") == 0
    at = _confirmed(order.asked("cancel"))
    assert "is cancelled" in _news(at)
    assert order.row.state == order.in_shop["state"] == "canceled"
    assert order.writes("cancel") == 1


def test_a_refund_says_that_no_money_moves(desk: Desk) -> None:
    order = Ordered(desk, "invoice", "ship")
    at = order.asked("refund")
    assert "moves no money" in words_of(at)
    assert f"**€{order.row.total_paid:,.2f}** back yourself" in words_of(at)
    assert at.button(key="order-actions-confirm").label == f"Record refund · €{order.row.total_paid:,.2f}"
    _confirmed(at)
    assert "No money was moved" in _news(at)
    assert order.row.state == "closed"
    assert order.row.total_refunded == Decimal(str(order.in_shop["total_refunded"])) > 0
    assert "Refunded" in words_of(at)


def test_a_refund_asks_for_shipping_only_where_it_was_paid(desk: Desk) -> None:
    asks = [each.label for each in Ordered(desk, "invoice").asked("refund").number_input]
    assert asks == ["Shipping to refund, in EUR"]
    desk.shop.set_shipping_price("flatrate", 0)
    try:
        assert not Ordered(desk, "invoice").asked("refund").number_input
    finally:
        desk.shop.set_shipping_price("flatrate", "5.00")


def test_what_happened_to_the_order_meanwhile_is_told_in_the_dialog(desk: Desk) -> None:
    order = Ordered(desk)
    at = order.asked("cancel")
    desk.shop.act(order.id, "hold")
    _confirmed(at)
    assert not _is_closed(at)
    assert "Take it off hold first" in words_of(at)
    assert order.writes("cancel") == 0


def test_the_amount_is_that_of_the_order_as_the_shop_has_it_when_the_dialog_opens(desk: Desk) -> None:
    order = Ordered(desk)
    at = order.screen()
    desk.shop.act(order.id, "invoice")
    at.button(key="order-actions-invoice").click().run()
    assert not at.exception
    assert "Everything is invoiced already" in words_of(at)
    assert order.row.total_invoiced == order.row.grand_total


def test_an_order_that_the_shop_deleted_is_told_when_the_dialog_opens(desk: Desk) -> None:
    order = Ordered(desk)
    at = order.screen()
    desk.shop.delete_order(order.id)
    at.button(key="order-actions-invoice").click().run()
    assert not at.exception
    assert "The shop no longer has this order" in words_of(at)


@pytest.mark.parametrize(("kind", "words"), [("hold", "A hold action is not available"), ("cancel", "did not cancel")])
def test_a_refusal_of_the_shop_is_told_in_its_words_in_place(desk: Desk, kind: str, words: str) -> None:
    order = Ordered(desk)
    deed = "cancel" if kind == "hold" else "hold"
    at = order.screen() if kind == "hold" else order.asked(kind)
    with _at_the_last_moment(order, kind, deed):
        at.button(key="order-actions-hold" if kind == "hold" else "order-actions-confirm").click().run()
    assert not at.exception
    assert words in at.error[0].value.replace("\\", "")
    assert not at.toast
    assert order.writes(kind) == 1
    assert order.row.state == order.in_shop["state"] == ("canceled" if kind == "hold" else "holded")
    next(each for each in at.button if each.label == "Back").click().run()
    assert _is_closed(at)
    assert not at.error


@contextmanager
def _at_the_last_moment(order: Ordered, kind: str, deed: str) -> Iterator[None]:
    """The merchant does `deed` after the shop took the request for `kind` and before it works on it."""
    shop = order.desk.shop

    def meanwhile() -> None:
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while not order.writes(kind) and time.monotonic() < give_up_at:
            time.sleep(0.01)
        shop.act(order.id, deed)

    merchant = threading.Thread(target=meanwhile)
    shop.faults = Faults(slow=1, matching=rf"^POST .*/{kind}$", times=1)
    merchant.start()
    try:
        yield
    finally:
        shop.faults = Faults()
        merchant.join()


def test_after_no_clear_answer_nothing_invites_to_press_again(desk: Desk) -> None:
    order = Ordered(desk)
    at = order.asked("email")
    desk.shop.faults = Faults(drop=True, matching=r"^POST .*/emails$", times=1)
    try:
        _confirmed(at)
    finally:
        desk.shop.faults = Faults()
    assert "no clear answer" in words_of(at)
    assert _is_closed(at)
    assert order.writes("emails") == 1
    next(each for each in at.button if each.label == "Close").click().run()
    assert is_well(at)


def test_placed_shows_an_age_only_while_it_is_one(desk: Desk) -> None:
    order = Ordered(desk)
    assert "ago" in _placed(order) or "just now" in _placed(order)
    long_ago = datetime.now(UTC) - timedelta(days=40)
    desk.do(update(tables.order).where(tables.order.c.id == order.key).values(created_at=long_ago))
    assert str(long_ago.day) in _placed(order)
    assert "·" not in _placed(order)


def _placed(order: Ordered) -> str:
    at = order.desk.open("order", id=str(order.key))
    shown = next(each.value for each in at.markdown if ":gray[Placed]" in each.value)
    return str(shown).replace("\N{NO-BREAK SPACE}", " ")
