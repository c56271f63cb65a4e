from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import started_desk
from tests.front_door.app import free_port

pytestmark = pytest.mark.browser


def test_a_first_start_shows_the_demo_stores_carts_and_a_second_one_keeps_them(
    reader: BrowserContext, tmp_path: Path
) -> None:
    demo_port = str(free_port())
    page = reader.new_page()
    counted = page.get_by_text(re.compile(r"of [\d,]{3,} carts"))
    with started_desk(tmp_path, CRM_DEMO_PORT=demo_port) as desk:
        page.goto(f"{desk.url}/carts")
        expect(counted).to_be_visible(timeout=60_000)
        expect(page.get_by_text("in step")).to_be_visible(timeout=60_000)
        first = counted.inner_text()
        assert desk.stop() == 0

    with started_desk(tmp_path, CRM_DEMO_PORT=demo_port) as desk:
        page.goto(f"{desk.url}/carts")
        expect(counted).to_be_visible(timeout=60_000)
        assert _count(counted.inner_text()) >= _count(first)
        assert desk.stop() == 0
    page.close()


def _count(text: str) -> int:
    found = re.search(r"of ([\d,]+) carts", text)
    assert found
    return int(found[1].replace(",", ""))
