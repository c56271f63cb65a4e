from __future__ import annotations

import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from threading import Event
from typing import Any, TypeVar

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from crm_core.sales.outcomes import Placed
from crm_core.store import tables
from crm_core.store.keys import origin_of, record_key
from crm_core.store.types import MONEY_SCALE
from demo_store import Faults
from pages.widgets.placing_state import Placing
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, words_of


def _drawer(desk: Desk, key: int) -> AppTest:
    """The cart's screen with the drawer open on the shop's offer."""
    at = desk.open("cart", id=str(key))
    at.button(key="place-order").click().run()
    assert not at.exception
    return at


def _chosen(at: AppTest, payment: str = "checkmo") -> AppTest:
    at.selectbox(key="placing-payment").set_value(payment).run()
    assert not _confirm(at).disabled
    return at


def _plain(markdown: str) -> str:
    """The text as a person reads it: without what keeps it from being Markdown."""
    return re.sub(r"\\(.)", r"\1", markdown.replace("\u2060", ""))


def _confirm(at: AppTest) -> Any:
    """The button that places the order: another one after each press."""
    return next(each for each in at.button if str(each.key).startswith("placing-confirm"))


def _words(at: AppTest) -> str:
    return _plain(words_of(at))


def _press(at: AppTest, label: str) -> None:
    next(each for each in at.button if _plain(each.label) == label).click().run()
    assert not at.exception


def _orders(desk: Desk, key: int) -> list[Any]:
    return desk.rows(select(tables.order).where(tables.order.c.cart_id == key))


def test_an_order_is_placed_from_the_drawer_and_the_cart_is_purchased(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    desk.shop.cart(origin_of(key)[1]).update(payment=None)
    at = _drawer(desk, key)
    folded = [each.label for each in at.expander]
    assert "Will be ordered: 2 pieces in 1 line" in folded
    assert any(re.fullmatch(r"\d+ checks passed", label) for label in folded)
    assert "4 things cannot be known here" in folded
    assert "Settle" not in _words(at)
    assert _confirm(at).disabled
    assert "Choose the payment first" in _words(at)
    assert not desk.shop.orders_of(origin_of(key)[1])
    _confirm(_chosen(at)).click().run()
    assert is_well(at)
    assert "is placed for" in at.success[0].value
    assert len(desk.shop.orders_of(origin_of(key)[1])) == 1
    placed = _orders(desk, key)[0]
    assert placed.increment_id in at.success[0].value
    assert placed.placed_by == "Maja Petersen"
    assert desk.rows(select(tables.cart.c.status).where(tables.cart.c.id == key))[0].status == "purchased"


def test_the_rows_of_the_total_add_up_and_follow_the_way_of_shipping(desk: Desk) -> None:
    origin = desk.shop.add_cart((("MUG-01", 2), ("BOOK 01", 1)), coupon="WELCOME10")
    desk.read("carts")
    at = _drawer(desk, record_key(1, origin))
    for shipping, costs in (("flatrate_flatrate", Decimal("8.85")), ("tablerate_bestway", Decimal("14.50"))):
        at.selectbox(key="placing-shipping").set_value(shipping).run()
        totals = next(table.value for table in at.table if "Totals" in table.value)
        units = dict(zip(totals["Totals"], totals["Now"], strict=True))
        assert list(units) == [
            "Subtotal with tax, 3 items",
            "Discount",
            "Shipping with tax",
            "Tax, included",
            "**Grand total**",
        ]
        amounts = [Decimal(int(each)) / MONEY_SCALE for each in units.values()]
        assert sum(amounts[:3]) == amounts[4], "the tax is in the rows above it"
        assert amounts[2] == costs
        assert f"{amounts[4]:,.2f}" in _confirm(at).label


def test_pressing_twice_makes_one_order_and_shows_it(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    first, second = _chosen(_drawer(desk, key)), _chosen(_drawer(desk, key))
    _confirm(first).click().run()
    _confirm(second).click().run()
    assert "is placed for" in first.success[0].value
    assert "You did this already, in another tab" in second.info[0].value
    assert "Maja Petersen" in _words(second)
    assert len(desk.shop.orders_of(origin_of(key)[1])) == 1


def test_a_refusal_shows_the_shops_own_words_and_leaves_the_cart_open(desk: Desk) -> None:
    key = desk.new_cart(("CUSHION-01", 3))
    at = _chosen(_drawer(desk, key))
    desk.shop.set_salable("CUSHION-01", 1)
    try:
        _confirm(at).click().run()
    finally:
        desk.shop.set_stock("CUSHION-01", 500)
    assert not at.exception
    assert "Nothing was placed" in at.error[0].value
    assert "The requested qty is not available" in at.error[0].value
    assert _words(at).count("Only 1 of") == 1
    assert "Make it 1" in [_plain(each.label) for each in at.button]
    assert _confirm(at).disabled
    assert not desk.shop.orders_of(origin_of(key)[1])
    assert desk.rows(select(tables.cart.c.status).where(tables.cart.c.id == key))[0].status == "open"


def test_another_total_is_shown_again_before_anything_is_placed(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    at = _chosen(_drawer(desk, key))
    before = _confirm(at).label
    desk.shop.set_shipping_price("flatrate", "11.25")
    try:
        _confirm(at).click().run()
        assert not at.exception
        assert "Nothing was placed yet" in at.warning[0].value
        assert not desk.shop.orders_of(origin_of(key)[1])
        _chosen(at)
        assert _confirm(at).label != before
        _confirm(at).click().run()
        assert "is placed for" in at.success[0].value
    finally:
        desk.shop.set_shipping_price("flatrate", "5.00")


def test_an_answer_that_got_lost_is_looked_up_and_the_order_shown(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _chosen(_drawer(desk, key))
    desk.shop.faults = Faults(drop=True, matching=r"^PUT .*/order$", times=1)
    try:
        _confirm(at).click().run()
    finally:
        desk.shop.faults = Faults()
    assert is_well(at)
    assert "is placed for" in at.success[0].value
    assert len(desk.shop.orders_of(origin_of(key)[1])) == 1


def test_lines_that_changed_meanwhile_are_open_to_look_at(desk: Desk) -> None:
    key = desk.new_cart(*((sku, 1) for sku in ("ROBE-L", "LAMP-01", "BOOK 01", "MUG-02", "TEAPOT-01")))
    at = _chosen(_drawer(desk, key))
    lines = next(each for each in at.expander if each.label.startswith("Will be ordered: 5"))
    assert not lines.proto.expanded
    assert "Size L · ROBE-L" in _words(at)
    desk.shop.add_to_cart(origin_of(key)[1], "MUG-01")
    _confirm(at).click().run()
    assert "Look at them again" in at.warning[0].value
    opened = [each.label for each in at.expander if each.proto.expanded]
    assert "Will be ordered: 6 pieces in 6 lines" in opened
    assert any("in the shop that the desk did not know" in label for label in opened)


def test_no_clear_answer_is_said_and_nobody_may_try_again_meanwhile(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _chosen(_drawer(desk, key))
    desk.shop.faults = Faults(fail_every=1, fail_status=503, matching=r"^PUT .*/order$", times=1)
    try:
        _confirm(at).click().run()
    finally:
        desk.shop.faults = Faults()
    assert not at.exception
    assert "The shop gave no clear answer" in at.warning[0].value
    assert not [each.key for each in at.button if str(each.key).startswith("placing-confirm")]
    other = desk.open("cart", id=str(key))
    assert other.button(key="place-order").disabled
    assert "no clear answer" in _words(other)


def test_a_purchase_order_needs_its_number(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    desk.shop.switch_payment("purchaseorder", True)
    try:
        at = _chosen(_drawer(desk, key), "purchaseorder")
        _confirm(at).click().run()
        assert "purchase order number" in _words(at)
        assert not desk.shop.orders_of(origin_of(key)[1])
        at.text_input(key="placing-po").set_value("PO 4500-7781").run()
        _confirm(at).click().run()
        assert "is placed for" in at.success[0].value
        assert _orders(desk, key)[0].po_number == "PO 4500-7781"
    finally:
        desk.shop.switch_payment("purchaseorder", False)


def test_a_cart_that_cannot_be_ordered_says_what_to_settle(desk: Desk) -> None:
    origin_id = desk.shop.add_cart([("MUG-01", 1)], ready=False)
    desk.read("carts")
    key = desk.cart(origin_id=origin_id)
    at = _drawer(desk, key)
    assert "No billing address" in _words(at)
    assert "Will fail" in _words(at)
    assert _confirm(at).disabled
    assert "Settle the red lines first" in _words(at)


def test_a_short_line_is_mended_in_the_drawer_and_the_cart_then_placed(desk: Desk) -> None:
    key = desk.new_cart(("CUSHION-01", 3), ("MUG-01", 1))
    desk.shop.set_salable("CUSHION-01", 1)
    try:
        at = _drawer(desk, key)
        assert re.search(r"Only 1 of .* left", _words(at))
        assert _confirm(at).disabled
        _press(at, "Make it 1")
        assert "Now 1 × " in at.success[0].value
        assert "Settle the red lines" not in _words(at)
        assert "Will be ordered: 2 pieces in 2 lines" in [each.label for each in at.expander]
        _confirm(at).click().run()
        assert "is placed for" in at.success[0].value
    finally:
        desk.shop.set_stock("CUSHION-01", 500)


def test_what_is_typed_at_one_check_stays_when_another_one_is_settled(desk: Desk) -> None:
    key = desk.new_cart(("CUSHION-01", 3), ("LAMP-01", 3))
    for sku in ("CUSHION-01", "LAMP-01"):
        desk.shop.set_salable(sku, 1)
    try:
        at = _drawer(desk, key)
        [_, second] = [each for each in at.button if _plain(each.label) == "Replace it"]
        second.click().run()
        [words] = [each for each in at.text_input if each.label == "Product"]
        words.set_value("Vase")
        _press(at, "Search")
        _press(at, "Remove the line")
        assert "removed" in at.success[0].value
        [words] = [each for each in at.text_input if each.label == "Product"]
        assert words.value == "Vase"
    finally:
        for sku in ("CUSHION-01", "LAMP-01"):
            desk.shop.set_stock(sku, 500)


def test_a_fix_that_the_shop_refuses_says_so_and_leaves_the_checks(desk: Desk) -> None:
    key = desk.new_cart(("LAMP-01", 3))
    desk.shop.set_salable("LAMP-01", 2)
    try:
        at = _drawer(desk, key)
        desk.shop.set_stock("LAMP-01", 0, in_stock=False)
        _press(at, "Make it 2")
        assert at.error
        assert "Settle the red lines first" in _words(at)
    finally:
        desk.shop.set_stock("LAMP-01", 500)


def test_a_missing_e_mail_is_entered_in_the_drawer(desk: Desk) -> None:
    origin_id = desk.shop.add_cart([("MUG-01", 1)], email=None)
    desk.read("carts")
    at = _drawer(desk, desk.cart(origin_id=origin_id))
    assert "No e-mail address" in _words(at)
    at.text_input(key="fix-email-0-enter_email-0-guest-email").set_value("ada@example.test")
    _press(at, "Save")
    assert "The e-mail address is now ada@example.test." in _plain(at.success[0].value)
    _confirm(at).click().run()
    assert "is placed for" in at.success[0].value
    assert _orders(desk, desk.cart(origin_id=origin_id))[0].email == "ada@example.test"


def test_a_way_of_shipping_that_went_is_named_until_another_one_is_chosen(desk: Desk) -> None:
    key = desk.new_cart(("LAMP-01", 1))
    desk.shop.switch_carrier("flatrate", on=False)
    try:
        at = _drawer(desk, key)
        assert "The chosen way of shipping is no longer offered (flatrate_flatrate)" in _words(at)
        assert "Choose the shipping first" in _words(at)
        at.selectbox(key="placing-shipping").set_value("tablerate_bestway").run()
        assert "no longer offered" not in _words(at)
        _confirm(at).click().run()
        assert "is placed for" in at.success[0].value
        assert _orders(desk, key)[0].shipping_method == "tablerate_bestway"
    finally:
        desk.shop.switch_carrier("flatrate", on=True)


def test_a_cart_whose_price_changed_is_recalculated_only_when_the_rep_presses_check(desk: Desk) -> None:
    key = desk.new_cart(("TEAPOT-01", 1))
    desk.shop.set_price("TEAPOT-01", "60.00")
    try:
        at = _drawer(desk, key)
        assert desk.shop.cart(origin_of(key)[1])["lines"][0]["price"] != Decimal("60.00")
        assert _confirm(at).disabled
        assert "Check the changed price first" in _words(at)
        figures = "Cast-iron teapot: in the cart without tax **€49.55**, in the catalogue **€60.00**"
        assert figures in _words(at).replace("\\", "")
        _press(at, "Check: the shop will recalculate this cart")
        assert "The price of" in _words(at)
        assert not _confirm(at).disabled
        _confirm(at).click().run()
        assert "is placed for" in at.success[0].value
    finally:
        desk.shop.set_price("TEAPOT-01", "54.95")


def test_a_second_order_that_the_shop_made_is_shown_red_in_the_drawer_and_on_the_cart(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    number = origin_of(key)[1]
    at = _drawer(desk, key)
    desk.shop.faults = Faults(fail_every=1, fail_status=503, matching=r"^PUT .*/order$", times=1)
    try:
        _confirm(at).click().run()
    finally:
        desk.shop.faults = Faults()
    assert "The shop gave no clear answer" in at.warning[0].value
    assert "The desk asks the shop for it until" in _words(at)
    desk.shop.place(number)
    desk.shop.restore_cart(number)
    desk.shop.place(number)
    time.sleep(1.1)  # until the next look is due
    at.run()
    first, second = (desk.shop.order(each)["increment_id"] for each in desk.shop.orders_of(number))
    drawn = [_plain(each.value) for each in at.error]
    assert len(drawn) == 2, "in the drawer, and on the cart behind it"
    assert all(f"The shop has 2 live orders of this cart: {first}, {second}." in each for each in drawn)
    assert "is placed for" in at.success[0].value
    assert "Once that is mended, invoice and ship the order that stays" in _words(at), "not this one, which may go"
    desk.shop.act(desk.shop.orders_of(number)[1], "cancel")
    desk.read("orders")
    assert is_well(desk.open("cart", id=str(key)))


def test_the_drawer_says_when_the_shop_answers_nonsense_and_tries_again(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    desk.shop.faults = Faults(html=True)
    try:
        at = _drawer(desk, key)
    finally:
        desk.shop.faults = Faults()
    assert "The cart could not be checked" in _words(at)
    assert "Not read from the shop" in _words(at)
    assert _confirm(at).disabled
    _press(at, "Try again")
    assert "could not be checked" not in _words(at)
    assert "Not read from the shop" not in _words(at)
    assert not _confirm(at).disabled


def test_two_runs_of_the_screen_that_wait_side_by_side_both_have_what_the_shop_said(desk: Desk) -> None:
    """Streamlit begins a new run beside one that still waits: neither may take the answer away from the other."""
    now = Placing(desk.new_cart(("MUG-01", 2)))

    def asked_for(_: int) -> bool:
        now.hear()
        return now.found is not None and now.offer is not None

    def sent(_: int) -> bool:
        now.came_of_it()
        return isinstance(now.outcome, Placed)

    with ThreadPoolExecutor(4) as runs:
        desk.shop.faults = Faults(slow=0.3, matching="totals|/order$")
        try:
            now.ask()
            assert all(runs.map(asked_for, range(4)))
            assert now.offer is not None
            now.send(now.offer.choose("flatrate_flatrate", "checkmo"))
            assert all(runs.map(sent, range(4)))
        finally:
            desk.shop.faults = Faults()


_Answer = TypeVar("_Answer")


class _HeldUp(Future[_Answer]):
    """An answer that is there, and takes whoever takes it a while."""

    def __init__(self, answer: _Answer) -> None:
        super().__init__()
        self.is_taken = Event()
        self.set_result(answer)

    def result(self, timeout: float | None = None) -> _Answer:
        self.is_taken.set()
        time.sleep(0.3)
        return super().result(timeout)


def test_a_run_that_begins_while_another_keeps_the_answer_has_it_too(desk: Desk) -> None:
    now = Placing(desk.new_cart(("MUG-01", 2)))
    now.ask()
    assert now.asked is not None
    now.asked = asked = _HeldUp(now.asked.result())
    with ThreadPoolExecutor(1) as run:
        first = run.submit(now.hear)
        asked.is_taken.wait()
        now.hear()
        assert now.found is not None
        first.result()
        assert now.offer is not None
        now.send(now.offer.choose("flatrate_flatrate", "checkmo"))
        assert now.placing is not None
        now.placing = placing = _HeldUp(now.placing.result())
        first = run.submit(now.came_of_it)
        placing.is_taken.wait()
        # The drawer would offer to place it once more.
        assert now.placing is not None
        now.came_of_it()
        assert isinstance(now.outcome, Placed)
        first.result()


def test_what_is_asked_while_an_answer_is_kept_is_not_dropped_with_it(desk: Desk) -> None:
    now = Placing(desk.new_cart(("MUG-01", 2)))
    now.ask()
    assert now.asked is not None
    now.asked = asked = _HeldUp(now.asked.result())
    with ThreadPoolExecutor(1) as run:
        first = run.submit(now.hear)
        asked.is_taken.wait()
        now.ask()
        first.result()
    assert now.asked is not None
    assert now.found is None
    now.hear()
    assert now.found is not None


def _presses(at: AppTest, beginning: str) -> list[Any]:
    return [each for each in at.button if _plain(each.label).startswith(beginning)]


def _short_of_mugs(desk: Desk, key: int, *, held: int) -> None:
    """Somebody makes it so many mugs, and then only one is left to sell."""
    desk.shop.set_stock("MUG-01", 1000)
    desk.shop.set_qty(origin_of(key)[1], "MUG-01", held)
    desk.shop.set_salable("MUG-01", 1)


def _held(desk: Desk, key: int) -> dict[str, float]:
    return {line["sku"]: line["qty"] for line in desk.shop.cart(origin_of(key)[1])["lines"]}


@pytest.mark.parametrize("label", ["Make it 1", "Remove the line"])
def test_a_fix_of_a_line_that_somebody_else_changed_is_told_once_and_the_next_press_counts(
    desk: Desk, label: str
) -> None:
    key = desk.new_cart(("MUG-01", 7), ("BOOK 01", 1))
    try:
        _short_of_mugs(desk, key, held=7)
        at = _drawer(desk, key)
        _short_of_mugs(desk, key, held=5)
        _press(at, label)
        assert _words(at).count("it holds 5 × Stoneware mug, blue now, not 7") == 1
        assert "In the cart 5" in _words(at).replace("*", "")
        assert _held(desk, key) == {"MUG-01": 5, "BOOK 01": 1}
        _press(at, label)
        assert "changed meanwhile" not in _words(at)
    finally:
        desk.shop.set_stock("MUG-01", 1000)
    assert _held(desk, key) == {"BOOK 01": 1} | ({"MUG-01": 1} if label == "Make it 1" else {})


def test_a_replacement_in_place_order_counts_again_once_it_was_told_that_somebody_changed_the_line(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 7), ("BOOK 01", 1))
    try:
        _short_of_mugs(desk, key, held=7)
        at = _drawer(desk, key)
        _press(at, "Replace it")
        next(each for each in at.text_input if each.label == "Product").set_value("lantern")
        _press(at, "Search")
        _short_of_mugs(desk, key, held=5)
        _press(at, "Put it in")
        assert _words(at).count("it holds 5 × Stoneware mug, blue now, not 7") == 1
        assert _held(desk, key) == {"MUG-01": 5, "BOOK 01": 1}
        _press(at, "Put it in")
        assert "changed meanwhile" not in _words(at)
    finally:
        desk.shop.set_stock("MUG-01", 1000)
    assert _held(desk, key).keys() == {"BOOK 01", "LANTERN-01"}


def test_a_fix_whose_line_somebody_else_removed_is_told_though_its_check_is_gone(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 7), ("BOOK 01", 1))
    try:
        _short_of_mugs(desk, key, held=7)
        at = _drawer(desk, key)
        desk.shop.set_qty(origin_of(key)[1], "MUG-01", 0)
        _press(at, "Make it 1")
    finally:
        desk.shop.set_stock("MUG-01", 1000)
    assert "That line is no longer in the cart, so nothing was changed" in _words(at)
    assert not _presses(at, "Make it 1")


def test_after_a_fix_without_a_clear_answer_the_shop_is_asked_anew_and_the_next_press_counts(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 7), ("BOOK 01", 1))
    try:
        _short_of_mugs(desk, key, held=7)
        at = _drawer(desk, key)
        desk.shop.set_salable("MUG-01", 3)
        desk.shop.faults = Faults(fail_every=1, fail_status=503, matching=r"^PUT .*/items/", times=1)
        _press(at, "Make it 1")
        assert [_plain(each.value).partition(":")[0] for each in at.error] == ["Make it 1 × Stoneware mug, blue"]
        assert "sent once, and no clear answer came" in at.error[0].value
        assert _held(desk, key) == {"MUG-01": 7, "BOOK 01": 1}
        assert not _presses(at, "Make it 1")
        _press(at, "Make it 3")
        assert is_well(at)
        assert "changed meanwhile" not in _words(at)
    finally:
        desk.shop.faults = Faults()
        desk.shop.set_stock("MUG-01", 1000)
    assert _held(desk, key) == {"MUG-01": 3, "BOOK 01": 1}


def test_an_edit_in_place_order_of_what_somebody_else_changed_is_told_and_what_is_ordered_is_read_anew(
    desk: Desk,
) -> None:
    key = desk.new_cart(("MUG-01", 2), ("BOOK 01", 1))
    at = _drawer(desk, key)
    at.session_state["fix-editor"] = True
    at.run()
    desk.shop.set_qty(origin_of(key)[1], "MUG-01", 5)
    _press(at, "Remove")
    assert _words(at).count("it holds 5 × Stoneware mug, blue now, not 2") == 1
    assert "Will be ordered: 6 pieces in 2 lines" in [each.label for each in at.expander]
    _press(at, "Remove")
    assert _held(desk, key) == {"BOOK 01": 1}
