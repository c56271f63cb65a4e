"""Finds a Chromium for the browser tests, or installs one: PATH, then Playwright's own, then Debian's package."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from playwright.sync_api import sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_INSTALL_SECONDS = 240


class NoChromium(Exception):
    """There is none and none could be installed; the text says what was tried."""


@cache
def chromium() -> Path:
    """The path of a Chromium that can be started. Raises NoChromium."""
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found)
    if path := _playwrights_own():
        return path
    tried = ["none on PATH"]
    if _succeeds([sys.executable, "-m", "playwright", "install", "chromium"]) and (path := _playwrights_own()):
        return path
    tried.append("`playwright install chromium` failed")
    if shutil.which("apt-get") and os.geteuid() == 0:
        update = _succeeds(["apt-get", "update", "-qq"])
        if update and _succeeds(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            return Path(shutil.which("chromium") or "/usr/bin/chromium")
        tried.append("Debian's package chromium could not be installed")
    else:
        tried.append("not root on a Debian system")
    raise NoChromium("No Chromium: " + ", ".join(tried))


def _playwrights_own() -> Path | None:
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def _succeeds(command: list[str]) -> bool:
    try:
        finished = subprocess.run(command, capture_output=True, timeout=_INSTALL_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return finished.returncode == 0
