from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from streamlit.testing.v1 import AppTest

from crm_core.store import tables
from crm_core.store.keys import origin_of, record_key
from crm_core.sync.record import synchronise_cart
from demo_store import Faults
from pages.widgets.text import escaped
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, words_of


@pytest.fixture
def desk(desk: Desk) -> Iterator[Desk]:
    """The worker has just read everything, so nothing but the carts themselves asks for a look."""
    desk.do(update(tables.sync_state).values(last_success_at=datetime.now(UTC)))
    yield desk
    desk.shop.faults = Faults()


def _open(desk: Desk, keys: list[int], **params: str) -> AppTest:
    return desk.open("several", ids=",".join(str(key) for key in keys), **params)


def _pay(at: AppTest) -> AppTest:
    return at.selectbox(key="several-payment").set_value("checkmo").run()


def _links(at: AppTest, start: str) -> list[str]:
    labels = [str(getattr(each, "label", "")) for each in at.get("page_link")]
    return [label for label in labels if label.startswith(start)]


def _orders(desk: Desk, key: int) -> int:
    return len(desk.shop.orders_of(origin_of(key)[1]))


def test_carts_are_checked_on_arrival_and_sorted_by_what_can_be_done_with_them(desk: Desk) -> None:
    good, bought = desk.new_cart(("MUG-01", 2)), desk.cart(status="purchased")
    at = _open(desk, [good, bought])
    assert is_well(at)
    words = words_of(at)
    assert "**Ready: 1 cart**" in words
    assert "**Cannot be ordered as they are: 1 cart**" in words
    assert "Already ordered" in words
    assert at.checkbox(key=f"several-tick-{good}").value
    assert at.button(key="several-place").disabled
    assert "Choose how to pay first" in words
    assert _orders(desk, good) == 0


def test_ways_of_paying_are_named_letter_for_letter(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    check = desk.shop.records.settings["sites"]["1"]["payments"]["checkmo"]
    usual, check["title"] = check["title"], "On account (30 days)"
    try:
        at = _open(desk, [key])
        assert "On account (30 days)" in at.selectbox(key="several-payment").options
    finally:
        check["title"] = usual


def test_a_cart_whose_total_was_never_read_is_worth_about_its_lines(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    desk.shop.deactivate_cart(origin_of(key)[1])
    at = _open(desk, [key])
    assert is_well(at)
    [label] = _links(at, "about ")
    assert label.startswith("about €")


def test_the_ready_ones_are_placed_and_each_shows_its_order(desk: Desk) -> None:
    keys = [desk.new_cart(("MUG-01", 1)), desk.new_cart(("BOOK 01", 1))]
    at = _pay(_open(desk, keys))
    assert at.button(key="several-place").label.startswith("Place 2 orders · €")
    at.button(key="several-place").click().run()
    assert is_well(at)
    assert [_orders(desk, key) for key in keys] == [1, 1]
    assert "**Placed 2**" in words_of(at)
    numbers = [row.increment_id for row in desk.rows(select(tables.order).where(tables.order.c.cart_id.in_(keys)))]
    assert sorted(_links(at, "Order ")) == sorted(f"Order {number}" for number in numbers)


def test_a_press_counts_though_a_cart_was_read_again_since_the_screen_was_drawn(desk: Desk) -> None:
    keys = [desk.new_cart(("MUG-01", 1)), desk.new_cart(("BOOK 01", 1))]
    at = _pay(_open(desk, keys))
    synchronise_cart(desk.store, keys[1], "Maja Petersen")
    at.button(key="several-place").click().run()
    assert [_orders(desk, key) for key in keys] == [1, 1]
    assert "**Placed 2**" in words_of(at)


def test_what_is_not_ticked_is_left_alone(desk: Desk) -> None:
    keys = [desk.new_cart(("MUG-01", 1)), desk.new_cart(("BOOK 01", 1))]
    at = _pay(_open(desk, keys))
    at.checkbox(key=f"several-tick-{keys[0]}").uncheck().run()
    assert "Place 1 order ·" in at.button(key="several-place").label
    at.button(key="several-place").click().run()
    assert [_orders(desk, key) for key in keys] == [0, 1]
    assert not at.checkbox(key=f"several-tick-{keys[0]}").value, "what was left out stays left out"


def test_what_wants_a_look_is_not_ticked_until_a_person_does(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1), ("CUSHION-01", 1))
    desk.shop.disable_product("CUSHION-01")
    try:
        at = _pay(_open(desk, [key]))
        assert "**Look first: 1 cart**" in words_of(at)
        assert not at.checkbox(key=f"several-tick-{key}").value
        assert at.button(key="several-place").disabled
        at.checkbox(key=f"several-tick-{key}").check().run()
        assert not at.button(key="several-place").disabled
    finally:
        desk.shop.enable_product("CUSHION-01")


def test_only_carts_that_wait_for_nothing_else_are_offered_to_be_recalculated_and_beside_their_reason(
    desk: Desk,
) -> None:
    waits, short = desk.new_cart(("CUSHION-01", 1)), desk.new_cart(("CUSHION-01", 3))
    desk.shop.set_price("CUSHION-01", "41.00")
    desk.shop.set_salable("CUSHION-01", 1)
    try:
        at = _open(desk, [waits, short])
        assert is_well(at)
        assert "**Cannot be ordered as they are: 2 carts**" in words_of(at)
        assert "**Price changed**" in words_of(at)
        assert at.button(key="several-recalculate").label == "Let the shop recalculate 1 cart"
        at.button(key="several-recalculate").click().run()
        assert "**Ready: 1 cart**" in words_of(at) or "**Look first: 1 cart**" in words_of(at)
    finally:
        desk.shop.set_price("CUSHION-01", "36.95")
        desk.shop.set_stock("CUSHION-01", 500)


def test_the_button_that_places_stands_above_the_lists_of_carts(desk: Desk) -> None:
    at = _pay(_open(desk, [desk.new_cart(("MUG-01", 1)), desk.new_cart(("BOOK 01", 1))]))
    drawn = [each.key for each in at.main if getattr(each, "key", None)]
    assert drawn.index("several-place") < min(drawn.index(key) for key in drawn if "several-tick-" in str(key))


def test_a_refusal_is_told_beside_the_orders_and_a_reload_shows_it_again(desk: Desk) -> None:
    good, bad = desk.new_cart(("MUG-01", 1)), desk.new_cart(("CUSHION-01", 3))
    at = _pay(_open(desk, [bad, good]))
    desk.shop.set_salable("CUSHION-01", 1)
    try:
        at.button(key="several-place").click().run()
        assert is_well(at)
        assert "**Placed 1, not placed 1**" in words_of(at)
        assert [_orders(desk, key) for key in (bad, good)] == [0, 1]
        since = at.query_params["since"]
        again = _open(desk, [bad, good], since=since[0] if isinstance(since, list) else since)
        assert "**Placed 1, not placed 1**" in words_of(again)
        assert "**Cannot be ordered as they are: 1 cart**" in words_of(again), "the refused one was checked again"
    finally:
        desk.shop.set_stock("CUSHION-01", 500)


def test_a_total_that_changed_is_placed_only_after_a_person_ticked_it_again(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 2))
    at = _pay(_open(desk, [key]))
    before = at.button(key="several-place").label
    desk.shop.set_shipping_price("flatrate", "11.25")
    try:
        at.button(key="several-place").click().run()
        assert is_well(at)
        assert _orders(desk, key) == 0
        assert "The total is now" in words_of(at)
        assert not at.checkbox(key=f"several-tick-{key}").value
        at.checkbox(key=f"several-tick-{key}").check().run()
        assert at.button(key="several-place").label != before
        at.button(key="several-place").click().run()
        assert _orders(desk, key) == 1
        assert "**Placed 1**" in words_of(at)
    finally:
        desk.shop.set_shipping_price("flatrate", "5.00")


def test_an_unclear_one_is_looked_for_and_offered_to_nobody_meanwhile(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _pay(_open(desk, [key]))
    desk.shop.faults = Faults(fail_every=1, fail_status=503, matching=r"^PUT .*/order$", times=1)
    at.button(key="several-place").click().run()
    desk.shop.faults = Faults()
    assert not at.exception
    assert "**Unclear 1**" in words_of(at)
    assert not at.checkbox


def _attempted(desk: Desk, key: int, **values: Any) -> str:
    """What the address of a run says in which another session has just sent the order of this cart."""
    shop_id, origin_id = origin_of(key)
    now = datetime.now(UTC)
    claimed = {"shop_id": shop_id, "cart_origin_id": origin_id, "channel_id": 1, "person": "Maja Petersen"}
    claimed |= {"state": "sent", "holds": True, "claimed_at": now, "sent_at": now, "lookups": 0, "currency": "EUR"}
    claimed |= {"lookup_until": now + timedelta(minutes=3), "shown_grand_total": 20, "last_order_before": 0}
    desk.do(insert(tables.attempt).values(**claimed | values))
    return str(int(now.timestamp()) - 5)


def test_an_order_that_was_placed_while_the_run_was_stopped_is_read_back_by_the_screen(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    order_id = desk.shop.place(origin_of(key)[1])
    since = _attempted(desk, key, state="placed", order_origin_id=order_id)
    desk.shop.maintenance(on=True)
    try:
        at = _open(desk, [key], since=since)
    finally:
        desk.shop.maintenance(on=False)
    assert not at.exception
    assert "**Placed 1**" in words_of(at)
    assert "number is not known yet" in words_of(at)
    assert _links(at, "Placed") == ["Placed"], "the way to the cart, as long as the order is not here"
    desk.do(update(tables.attempt).values(looked_up_at=None))
    at.run()
    assert _links(at, "Order ") == [f"Order {desk.shop.order(order_id)['increment_id']}"]
    assert "number is not known yet" not in words_of(at)


def test_a_run_that_another_session_began_shows_from_the_attempts(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    at = _open(desk, [key], since=_attempted(desk, key))
    assert is_well(at)
    assert "**Unclear 1**" in words_of(at)
    assert "The order is being placed" in words_of(at)
    assert "asks the shop for it" not in words_of(at), "it is not known yet whether that is needed"
    assert not at.checkbox


def test_what_a_stopped_check_left_can_be_checked_and_is_counted_in_words(desk: Desk) -> None:
    keys = [desk.new_cart(("MUG-01", 1)) for _ in range(3)]
    at = _open(desk, keys)
    checked = at.session_state["several-checked"]
    for count, label in ((2, "Check the other 2 carts"), (1, "Check the other cart")):
        at.session_state["several-checked"] = {key: checked[key] for key in keys[count:]}
        assert at.run().button(key="several-check-rest").label == label
    at.button(key="several-check-rest").click().run()
    assert "**Ready: 3 carts**" in words_of(at)


def test_a_shop_that_is_down_is_told_for_each_cart_and_can_be_checked_again(desk: Desk) -> None:
    key = desk.new_cart(("MUG-01", 1))
    desk.shop.maintenance(on=True)
    try:
        at = _open(desk, [key])
        assert not at.exception
        assert "Cannot be ordered as they are: 1 cart" in words_of(at)
    finally:
        desk.shop.maintenance(on=False)
    at.button(key="several-check-again").click().run()
    assert "**Ready: 1 cart**" in words_of(at)


def test_a_cart_that_was_mended_on_its_own_screen_is_checked_again(desk: Desk) -> None:
    key, other = desk.new_cart(("CUSHION-01", 3)), desk.new_cart(("MUG-01", 1))
    desk.shop.set_salable("CUSHION-01", 1)
    try:
        at = _open(desk, [key, other])
        assert "**Cannot be ordered as they are: 1 cart**" in words_of(at)
        desk.shop.set_qty(origin_of(key)[1], "CUSHION-01", 1)
        synchronise_cart(desk.store, key, "Maja Petersen")
        at.run()
        assert is_well(at)
        assert "**Ready: 2 carts**" in words_of(at)
    finally:
        desk.shop.set_stock("CUSHION-01", 500)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ("", "No carts were picked"),
        ("7,DROP TABLE", "does not name carts"),
        ("123456789", "No carts were picked"),
        (",".join(str(each) for each in range(1, 60)), "Choose at most 50"),
    ],
)
def test_an_address_that_names_no_carts_says_what_to_do(desk: Desk, ids: str, said: str) -> None:
    at = desk.open("several", ids=ids)
    assert not at.exception
    assert said in words_of(at)


def test_who_picked_no_carts_is_led_to_the_open_ones(desk: Desk) -> None:
    at = desk.open("several")
    assert "status=open" in str([link.proto for link in at.get("page_link")])


def test_names_from_a_shop_are_shown_letter_for_letter(desk: Desk) -> None:
    hostile = {"firstname": "**# <b>Eve</b>", "lastname": "[x](https://evil.example)"}
    cart_id = desk.shop.add_cart([("MUG-01", 1)], address=hostile)
    desk.read("carts")
    at = _open(desk, [record_key(1, cart_id)])
    assert is_well(at)
    assert escaped("**# <b>Eve</b> [x](https://evil.example)", 60) in at.checkbox[0].label


def test_the_list_offers_to_tick_carts_and_the_page_leads_back_to_it_as_it_was(desk: Desk) -> None:
    carts = desk.open("carts", status="open")
    assert "tick carts to convert several at once" in words_of(carts)
    count = len(carts.dataframe[0].value)
    carts.button(key="carts-tick").click().run()
    assert carts.button(key="several").label == f"Check and convert {count} carts"
    carts.button(key="carts-tick").click().run()
    assert "tick carts to convert several at once" in words_of(carts)
    at = _open(desk, [desk.new_cart(("MUG-01", 1))], status="open", page="2")
    [back] = [each for each in at.get("page_link") if getattr(each, "label", "") == "Carts"]
    assert "status=open" in str(getattr(back, "proto", ""))
