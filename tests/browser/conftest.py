"""One desk for all browser tests: the real app and worker as processes, on a demo store that the tests can act in."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from demo_store import Shop, serve
from tests.browser.chromium import NoChromium, chromium

ROOT = Path(__file__).resolve().parents[2]
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
_PATIENCE_SECONDS = 90


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Desk:
    """A started product: its address, its process, and the seconds until it was ready."""

    url: str
    process: subprocess.Popen[str]
    seconds_to_ready: float

    def stop(self) -> int:
        """Press Ctrl-C and return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


def start_desk(data: Path, **settings: str) -> Desk:
    """Start run.py on a free port with its data in `data`, and wait until it says that it is ready."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    environment |= {"CRM_DATA_DIR": str(data), "CRM_PORT": str(port), "CRM_USER": "Maja Petersen", **settings}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "run.py"], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "is ready" in line:
            return Desk(f"http://127.0.0.1:{port}", process, time.monotonic() - started)
    raise AssertionError("The desk did not start:\n" + "".join(said))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium; without one the tests are skipped with the reason, unless REQUIRE_BROWSER is set."""
    try:
        path = chromium()
    except NoChromium as reason:
        if os.environ.get("REQUIRE_BROWSER"):
            raise
        pytest.skip(str(reason))
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(path), args=_FLAGS)
        yield started
        started.close()
