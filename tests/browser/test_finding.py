from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Floor

pytestmark = pytest.mark.browser
_COUNT = re.compile(r"of [\d,]+ carts")


def _count(page: Page) -> str:
    return page.get_by_text(_COUNT).inner_text()


def test_a_filtered_list_is_its_address_and_survives_sharing_reload_and_back(floor: Floor) -> None:
    page = floor.open("carts")
    expect(page.get_by_text(_COUNT)).to_be_visible()
    everything = _count(page)
    page.get_by_role("radio", name=re.compile("Open")).click()
    expect(page).to_have_url(re.compile("status=open"))
    expect(page.get_by_text(_COUNT)).not_to_have_text(everything)
    only_open = _count(page)
    page.get_by_placeholder(re.compile("Filter")).fill("total>100")
    page.get_by_placeholder(re.compile("Filter")).press("Enter")
    expect(page).to_have_url(re.compile("100"))
    expect(page.get_by_text(_COUNT)).not_to_have_text(only_open)
    filtered = _count(page)

    shared = floor.open(page.url.removeprefix(floor.desk.url + "/"))
    expect(shared.get_by_text(_COUNT)).to_have_text(filtered)
    page.reload()
    expect(page.get_by_text(_COUNT)).to_have_text(filtered)
    page.get_by_role("link", name="Orders").click()
    expect(page.get_by_role("heading", name="Orders")).to_be_visible()
    page.go_back()
    expect(page.get_by_text(_COUNT)).to_have_text(filtered)


def test_filters_that_an_empty_list_takes_away_are_gone_from_the_bar_too(floor: Floor) -> None:
    page = floor.open("carts?status=lost&total=99999..")
    page.get_by_role("button", name="Remove the status filter").click()
    expect(page.get_by_role("radio", name=re.compile("^All"))).to_be_checked()
    page.get_by_role("button", name="Clear all filters").click()
    expect(page.get_by_text(_COUNT)).to_be_visible()
    expect(page.get_by_text(re.compile("Subtotal from"))).to_have_count(0)
    expect(page.get_by_role("radio", name=re.compile("All [1-9]"))).to_be_visible()


def test_what_a_person_searches_for_never_stands_in_the_address(floor: Floor) -> None:
    page = floor.open("carts")
    page.get_by_placeholder(re.compile("Filter")).fill("guest@example.test")
    page.get_by_placeholder(re.compile("Filter")).press("Enter")
    expect(page).to_have_url(re.compile(r"f=[-\w]+"))
    assert "guest" not in page.url


def test_a_hand_edited_address_is_told_and_the_rest_of_it_holds(floor: Floor) -> None:
    page = floor.open("carts?status=open,nonsense&page=zero")
    expect(page.get_by_text(_COUNT)).to_be_visible()
    expect(page.get_by_text(re.compile("nonsense"))).to_be_visible()
    expect(page).to_have_url(re.compile("status"))


def test_a_cart_that_does_not_exist_is_told_with_a_way_back(floor: Floor) -> None:
    page = floor.open("cart?id=999999")
    expect(page.get_by_text(re.compile("no cart", re.IGNORECASE))).to_be_visible()
    page.get_by_test_id("stMain").get_by_role("link", name=re.compile("Carts")).click()
    expect(page.get_by_text(_COUNT)).to_be_visible()


def test_an_address_that_is_no_page_says_so_and_leads_to_the_dashboard(floor: Floor) -> None:
    page = floor.open("nonsense")
    expect(page.get_by_role("heading", name="No such page")).to_be_visible()
    expect(page.get_by_text("The desk has no page “nonsense”")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("link", name="Go to the Dashboard").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    assert page.url.rstrip("/") == floor.desk.url


@pytest.mark.parametrize("path", ["carts", "orders"])
def test_every_page_of_a_short_list_has_its_number(floor: Floor, path: str) -> None:
    page = floor.open(path)
    below = page.get_by_role("navigation", name="Pagination")
    expect(below).to_be_visible()
    shown = page.get_by_text(re.compile(r"^[\d,]+ of [\d,]+ ")).inner_text()
    pages = -(-int(shown.split()[0].replace(",", "")) // 50)
    assert 2 <= pages <= 4
    expect(below.get_by_role("button", name=re.compile(r"^Page \d+$"))).to_have_count(pages)
