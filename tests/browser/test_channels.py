from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from demo_store import Shop, serve
from tests.browser.conftest import Floor, drawn

pytestmark = pytest.mark.browser


def test_a_shop_is_connected_named_anew_and_removed_on_the_screen(floor: Floor, tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop.db")
    with serve(shop) as url:
        page = floor.open("channels")
        dialog = page.get_by_role("dialog")
        page.get_by_role("button", name="Add channel").click()
        dialog.get_by_label("Name", exact=True).fill("Wollhaus")
        dialog.get_by_label("Address of the store").fill(url.replace("127.0.0.1", "localhost"))
        dialog.get_by_role("radio", name="Integration token").click()
        expect(dialog.get_by_label("Consumer key")).to_have_count(0)  # that form has an “Access token” too
        dialog.get_by_label("Access token", exact=True).fill("wrong-token")
        dialog.get_by_role("button", name="Check and connect").click()
        expect(dialog.get_by_text("accepted for nothing")).to_be_visible()
        dialog.get_by_label("Access token", exact=True).fill("demo")
        dialog.get_by_label("Access token", exact=True).press("Tab")  # to the eye in the same field
        dialog.get_by_role("button", name="Check and connect").click()
        expect(page.get_by_text(re.compile("Wollhaus.* is connected"))).to_be_visible()
        expect(dialog).to_have_count(0)

        drawn(page)
        _choose(page, "Settings…")
        dialog.get_by_label("Name", exact=True).fill("Zinnhaus")
        dialog.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Zinnhaus is read by these settings")).to_be_visible()
        expect(dialog).to_have_count(0)

        drawn(page)
        _choose(page, "Remove…")
        dialog.get_by_role("button", name="Remove").click()
        expect(dialog).to_have_count(0)
        expect(page.get_by_text("Zinnhaus")).to_have_count(0)
        expect(page.get_by_text("Test shop").first).to_be_visible()
    shop.close()


def _choose(page: Page, choice: str) -> None:
    """From the menu of the last channel; they stand by name, so that of the other tests comes before."""
    page.get_by_test_id("stMenuButton").last.get_by_role("button").click()
    page.get_by_role("menuitem", name=choice).click()
