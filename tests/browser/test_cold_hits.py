from __future__ import annotations

import sys
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from run import app_command
from tests.front_door.app import free_port, started_app

pytestmark = pytest.mark.browser


def test_the_first_hit_of_a_fresh_server_runs_the_navigation(reader: BrowserContext, tmp_path: Path) -> None:
    port = free_port()
    with started_app(port, tmp_path, app_command("127.0.0.1", port)):
        page = reader.new_page()
        page.goto(f"http://127.0.0.1:{port}/cart?id=1")
        expect(page.get_by_role("link", name="Channels")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Page not found")).to_have_count(0)
        page.close()


def test_a_desk_that_others_can_reach_shows_nothing_to_somebody_unknown(reader: BrowserContext, tmp_path: Path) -> None:
    port = free_port()
    bare = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with started_app(port, tmp_path, [*bare, "--server.address", "0.0.0.0"]):  # asked on loopback only
        page = reader.new_page()
        page.goto(f"http://127.0.0.1:{port}/carts")
        expect(page.get_by_text("nobody has to sign in")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("link", name="Channels")).to_have_count(0)
        page.close()
