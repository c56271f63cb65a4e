from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import ROOT, free_port

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("path", ["", "dashboard", "carts", "orders", "cart?id=1", "order?id=1", "channels"])
def test_the_first_hit_of_a_fresh_server_runs_the_navigation(browser: Browser, tmp_path: Path, path: str) -> None:
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"CRM_DATA_DIR": str(tmp_path)})
    page = browser.new_page()
    try:
        _wait_until_healthy(port)
        page.goto(f"http://127.0.0.1:{port}/{path}")
        expect(page.get_by_role("link", name="Channels")).to_be_visible(timeout=30_000)
    finally:
        page.close()
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
