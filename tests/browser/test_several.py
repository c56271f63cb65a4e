from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import insert

from crm_core.store.keys import record_key
from crm_core.store.tables import attempt
from tests.browser.conftest import Floor

pytestmark = pytest.mark.browser
_READY = re.compile(r"Ready: \d+ cart")
_PLACE = re.compile(r"^Place \d+ order")
_BOX, _NAME, _ROW = 16, 220, 32
"""Pixels from the grid's left edge to a row's box and to the customer's name, and the height of a row."""

_PAINTS = 2_000
"""Milliseconds that the grid is given to paint itself on its canvas, which tells nobody when it is done."""


@pytest.fixture
def slow_shop(floor: Floor) -> Iterator[Callable[[float], None]]:
    """Sets how many seconds the shop needs for an order."""
    before = floor.shop.service.place_seconds

    def needs(seconds: float) -> None:
        floor.shop.service.place_seconds = seconds

    yield needs
    floor.shop.service.place_seconds = before


def _checked(floor: Floor, carts: Sequence[int]) -> Page:
    """The screen of these carts, once the worker has mirrored all of them and they were checked."""
    floor.mirror(*carts)
    page = floor.tab()
    page.goto(f"{floor.desk.url}/several?ids=" + ",".join(str(record_key(1, cart)) for cart in carts))
    page.get_by_text("Check again").wait_for()
    expect(page.get_by_text(re.compile(r"· cart \d+$"))).to_have_count(len(carts))
    return page


def _pay(page: Page) -> None:
    page.get_by_role("combobox", name=re.compile("Pay with")).click()
    page.get_by_role("option", name="Check / Money order").click()
    expect(page.get_by_role("button", name=_PLACE)).to_be_enabled()


def test_several_carts_are_ordered_by_a_double_click_once_each_and_a_refused_one_is_told(floor: Floor) -> None:
    carts = [floor.shop.add_cart([("MUG-01", 1)]), floor.shop.add_cart([("CUSHION-01", 3)])]
    carts.append(floor.shop.add_cart([("BOOK 01", 1)]))
    page = _checked(floor, carts)
    expect(page.get_by_text(_READY)).to_have_text(re.compile("Ready: 3 carts"))
    _pay(page)
    floor.shop.set_salable("CUSHION-01", 1)
    try:
        page.get_by_role("button", name=_PLACE).dblclick()
        expect(page.get_by_text("Placed 2, not placed 1")).to_be_visible(timeout=60_000)
        assert [len(floor.orders_of(cart)) for cart in carts] == [1, 0, 1]
        for cart in (carts[0], carts[2]):
            number = str(floor.orders_of(cart)[0]["increment_id"])
            expect(page.get_by_role("link", name=re.compile(number))).to_be_visible()
        page.reload()
        expect(page.get_by_text("Placed 2, not placed 1")).to_be_visible(timeout=60_000)
    finally:
        floor.shop.set_stock("CUSHION-01", 1000)


@pytest.mark.parametrize("stop", ["Stop after this cart", "Stop"], ids=["the desk's", "Streamlit's own"])
def test_either_stop_ends_a_run_after_the_cart_in_hand_and_the_rest_can_be_placed_later(
    floor: Floor, slow_shop: Callable[[float], None], stop: str
) -> None:
    carts = [floor.shop.add_cart([("MUG-01", 1)]) for _ in range(3)]
    page = _checked(floor, carts)
    _pay(page)
    slow_shop(2.0)
    page.get_by_role("button", name=_PLACE).click()
    page.get_by_role("button", name=stop, exact=True).click()
    expect(page.get_by_text(re.compile(r"^Placed \d$"))).to_be_visible(timeout=60_000)
    slow_shop(0.05)
    made = [len(floor.orders_of(cart)) for cart in carts]
    assert max(made) == 1
    assert 1 <= sum(made) < 3
    page.get_by_role("button", name=_PLACE).click()
    expect(page.get_by_text("Placed 3")).to_be_visible(timeout=60_000)
    assert [len(floor.orders_of(cart)) for cart in carts] == [1, 1, 1]


def test_an_order_placed_while_the_run_was_stopped_shows_its_number_without_a_press(floor: Floor) -> None:
    cart = floor.shop.add_cart([("MUG-01", 1)])
    floor.mirror(cart)
    order = floor.shop.place(cart)
    floor.shop.maintenance(on=True)
    try:
        now = datetime.now(UTC)
        placed = {"shop_id": 1, "cart_origin_id": cart, "channel_id": 1, "person": "Maja Petersen", "state": "placed"}
        placed |= {"order_origin_id": order, "holds": True, "claimed_at": now, "sent_at": now, "settled_at": now}
        placed |= {"lookups": 0, "currency": "EUR", "shown_grand_total": 20, "last_order_before": 0}
        with floor.store.writing() as connection:
            connection.execute(insert(attempt).values(**placed))
        page = floor.tab()
        page.goto(f"{floor.desk.url}/several?ids={record_key(1, cart)}&since={int(now.timestamp()) - 5}")
        expect(page.get_by_text("number is not known yet")).to_be_visible()
    finally:
        floor.shop.maintenance(on=False)
    number = str(floor.shop.order(order)["increment_id"])
    expect(page.get_by_role("link", name=re.compile(number))).to_be_visible()
    expect(page.get_by_text("number is not known yet")).to_have_count(0)


def test_a_tab_closed_in_the_middle_loses_nothing_and_orders_nothing_twice(
    floor: Floor, slow_shop: Callable[[float], None]
) -> None:
    carts = [floor.shop.add_cart([("MUG-01", 1)]) for _ in range(3)]
    page = _checked(floor, carts)
    _pay(page)
    slow_shop(2.0)
    page.get_by_role("button", name=_PLACE).click()
    page.get_by_text(re.compile("^Tried 1 of 3 carts")).wait_for()
    address = page.url
    page.close()
    slow_shop(0.05)
    again = floor.tab()
    again.goto(address)
    _wait_until_settled(again)
    _pay(again)
    again.get_by_role("button", name=_PLACE).click()
    expect(again.get_by_text("Placed 3")).to_be_visible(timeout=60_000)
    assert [len(floor.orders_of(cart)) for cart in carts] == [1, 1, 1]


def _wait_until_settled(page: Page) -> None:
    """The cart that was in hand when the tab was closed is no longer under way."""
    expect(page.get_by_text(re.compile(r"^Placed \d$"))).to_be_visible(timeout=60_000)
    expect(page.get_by_role("combobox", name=re.compile("Pay with"))).to_be_visible()


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_rows_are_ticked_in_the_grid_while_sorting_and_view_go_on_working(floor: Floor, size: tuple[int, int]) -> None:
    page = floor.open("carts?status=open")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.locator("canvas").first.wait_for(timeout=60_000)
    page.wait_for_timeout(_PAINTS)
    for row in (1, 3):
        _press(page, _BOX, row)
    expect(page.get_by_role("button", name="Check and convert 2 carts")).to_be_visible()
    page.get_by_role("button", name="Clear").last.click()
    expect(page.get_by_text("tick carts to convert several at once")).to_be_visible()
    page.wait_for_timeout(_PAINTS)
    _press(page, _NAME, 0)
    expect(page).to_have_url(re.compile("sort=-?name"))
    page.wait_for_timeout(_PAINTS)
    _press(page, _BOX, 1)
    page.get_by_role("button", name="Check and convert 1 cart").click()
    expect(page).to_have_url(re.compile("several.*ids="))
    expect(page.get_by_text("Check again")).to_be_visible(timeout=60_000)
    page.get_by_test_id("stMain").get_by_role("link", name="Carts").click()
    expect(page).to_have_url(re.compile("carts.*status=open"))


def _press(page: Page, across: int, row: int) -> None:
    """A press into the grid: so many pixels from its left edge, in that row; 0 is the row of headers."""
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + across, box["y"] + _ROW * (row + 0.5))
