from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from run import app_command
from tests.browser.conftest import ROOT, free_port

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def port() -> int:
    """The port of all these servers, one after the other: the reader's browser knows the address."""
    return free_port()


@pytest.mark.parametrize(
    "path",
    [
        "", "home", "dashboard", "carts", "orders", "customers", "attempts", "cart?id=1", "order?id=1", "customer?id=1",
        "several?ids=1", "channels",
    ],
)  # fmt: skip
def test_the_first_hit_of_a_fresh_server_runs_the_navigation(
    reader: BrowserContext, tmp_path: Path, port: int, path: str
) -> None:
    with _app(port, tmp_path, app_command("127.0.0.1", port)):
        page = reader.new_page()
        page.goto(f"http://127.0.0.1:{port}/{path}")
        expect(page.get_by_role("link", name="Channels")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Page not found")).to_have_count(0)
        page.close()


@contextmanager
def _app(port: int, data: Path, command: list[str]) -> Iterator[None]:
    """The app alone, as the command starts it: nobody has asked it anything yet."""
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"CRM_DATA_DIR": str(data)})
    try:
        _wait_until_healthy(port)
        yield
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_until_healthy(port: int) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("The app did not answer.")


@pytest.mark.parametrize("path", ["", "carts", "cart?id=1"])
def test_a_desk_that_others_can_reach_shows_nothing_to_somebody_unknown(
    reader: BrowserContext, tmp_path: Path, port: int, path: str
) -> None:
    bare = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with _app(port, tmp_path, [*bare, "--server.address", "0.0.0.0"]):  # asked on loopback only
        page = reader.new_page()
        page.goto(f"http://127.0.0.1:{port}/{path}")
        expect(page.get_by_text("nobody has to sign in")).to_be_visible(timeout=60_000)
        expect(page.get_by_role("link", name="Channels")).to_have_count(0)
        page.close()
