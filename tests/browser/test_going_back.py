from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete, insert, select

from crm_core.store.keys import record_key
from crm_core.store.tables import attempt, cart
from tests.browser.conftest import Floor, drawn

pytestmark = pytest.mark.browser
_PAINTS = 500
"""Milliseconds that a grid or a chart is given to paint itself, which tells nobody when it is done."""


def _buyer(floor: Floor, email: str) -> tuple[int, int]:
    """The number of a new customer and of their cart, both mirrored."""
    customer = floor.shop.add_customer(email)
    cart_id = floor.shop.add_cart([("MUG-01", 1)], customer_id=customer)
    floor.mirror(cart_id)
    return customer, cart_id


def _view(page: Page) -> None:
    """Press View in the first row of the first grid; the grid's scroller lies over it."""
    grid = page.locator("canvas").first
    grid.wait_for()
    page.wait_for_timeout(_PAINTS)
    grid.click(position={"x": 18, "y": 50}, force=True)


def _back(page: Page, address: str) -> None:
    """Go back once, and see that this is the address."""
    drawn(page)
    page.go_back()
    expect(page).to_have_url(re.compile(f"{re.escape(address)}$"))
    drawn(page)


def test_going_back_from_a_customers_cart_shows_that_customer_in_the_list_that_they_were_opened_from(
    floor: Floor,
) -> None:
    customer, cart_id = _buyer(floor, "ida.reed@example.test")
    page = floor.open("customers?newsletter=no&sort=-number")
    _view(page)
    expect(page.get_by_text("ida.reed@example.test").first).to_be_visible()
    shown = f"/customer?id={record_key(1, customer)}&newsletter=no&sort=-number"
    expect(page).to_have_url(re.compile(re.escape(shown)))
    _view(page)
    expect(page.get_by_role("link", name="View customer")).to_be_visible()
    _back(page, shown)
    expect(page.get_by_text("ida.reed@example.test").first).to_be_visible()
    page.get_by_role("button", name="New cart").click()
    expect(page.get_by_role("dialog").get_by_text(f"Cart {cart_id}").first).to_be_visible()
    page.keyboard.press("Escape")
    _back(page, shown)
    _back(page, "/customers?newsletter=no&sort=-number")
    expect(page.get_by_role("heading", name="Customers", level=1)).to_be_visible()
    page.go_forward()
    expect(page.get_by_text("ida.reed@example.test").first).to_be_visible()


def test_all_of_very_many_carts_are_a_press_away_and_going_back_shows_their_customer(floor: Floor) -> None:
    customer, cart_id = _buyer(floor, "uma.hale@example.test")
    with floor.store.reading() as connection:
        one = dict(connection.execute(select(cart).where(cart.c.id == record_key(1, cart_id))).one()._mapping)
    more = [one | {"id": record_key(1, number), "origin_id": number} for number in range(900_000, 900_050)]
    with floor.store.writing() as connection:
        connection.execute(insert(cart), more)
    try:
        page = floor.open(f"customer?id={record_key(1, customer)}&sort=name")
        page.get_by_role("button", name="The newest 50 of 51 carts: show all").click()
        expect(page.get_by_role("heading", name="Carts", level=1)).to_be_visible()
        expect(page.get_by_role("radio", name="All 51")).to_be_visible()
        _back(page, f"/customer?id={record_key(1, customer)}&sort=name")
        expect(page.get_by_role("heading", name="Carts", level=1)).to_have_count(0)
        expect(page.get_by_text("uma.hale@example.test").first).to_be_visible()
    finally:
        with floor.store.writing() as connection:
            connection.execute(delete(cart).where(cart.c.id.in_([each["id"] for each in more])))


@contextmanager
def _refused(floor: Floor, cart_id: int, person: str) -> Iterator[None]:
    """An attempt of this person that the shop refused; nobody's afterwards."""
    now = datetime.now(UTC)
    row = {
        "shop_id": 1,
        "cart_origin_id": cart_id,
        "channel_id": 1,
        "person": person,
        "state": "refused",
        "holds": False,
        "claimed_at": now,
        "settled_at": now,
        "lookups": 0,
        "currency": "EUR",
        "shown_grand_total": Decimal("84.20"),
    }
    with floor.store.writing() as connection:
        connection.execute(insert(attempt).values(**row))
    try:
        yield
    finally:
        with floor.store.writing() as connection:
            connection.execute(delete(attempt).where(attempt.c.person == person))


def test_going_back_to_the_attempts_keeps_their_filter(floor: Floor) -> None:
    _, cart_id = _buyer(floor, "rae.stone@example.test")
    with _refused(floor, cart_id, "Åsa O'Neill & Söhne"):
        page = floor.open("attempts?made=7d&person=%C3%85sa+O%27Neill+%26+S%C3%B6hne")
        _view(page)
        expect(page.get_by_role("link", name="View customer")).to_be_visible()
        _back(page, "/attempts?made=7d&person=%C3%85sa+O%27Neill+%26+S%C3%B6hne")
        expect(page.get_by_role("heading", name="Attempts", level=1)).to_be_visible()
        expect(page.get_by_text("1 attempt", exact=True)).to_be_visible()
        page.reload()
        expect(page.get_by_text("1 attempt", exact=True)).to_be_visible()


def test_going_back_to_the_dashboard_keeps_its_period_and_nothing_of_the_list_that_a_bar_opened(floor: Floor) -> None:
    page = floor.open("?period=90d")
    bars = page.locator(".js-plotly-plot .bars .point path")
    bars.first.wait_for()
    page.wait_for_timeout(_PAINTS)
    bars.last.click(force=True)
    expect(page.get_by_role("heading", name="Orders", level=1)).to_be_visible()
    expect(page).to_have_url(re.compile("created=90d"))
    _back(page, "/?period=90d")
    expect(page.get_by_role("radio", name="90 d", exact=True)).to_be_checked()
    page.get_by_role("radio", name="7 d", exact=True).click()
    expect(page).to_have_url(re.compile(r"/\?period=7d$"))


def test_who_opened_the_dashboard_by_its_name_can_go_back(floor: Floor) -> None:
    page = floor.open("orders?status=complete")
    page.goto(f"{floor.desk.url}/dashboard?period=7d")
    expect(page.get_by_role("radio", name="7 d", exact=True)).to_be_checked()
    _back(page, "/orders?status=complete")
    expect(page.get_by_role("heading", name="Orders", level=1)).to_be_visible()
