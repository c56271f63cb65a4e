"""The shop's file: it survives a restart, and one of another program version is left alone, with what to do."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from demo_store import Shop
from demo_store.state import FORMAT, OtherFormat


def test_a_second_start_goes_on_from_the_file(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "demo.db")
    cart = shop.add_cart([("SWEATER-Moss-S", 2)])
    shop.close()
    again = Shop(tmp_path / "demo.db")
    assert [(line["sku"], line["qty"]) for line in again.cart(cart)["lines"]] == [("SWEATER-Moss-S", 2)]
    again.close()


@pytest.mark.parametrize(("version", "words"), [(0, "an older version"), (FORMAT + 1, "a newer version")])
def test_a_file_of_another_version_is_left_as_it_is(tmp_path: Path, version: int, words: str) -> None:
    file = tmp_path / "demo.db"
    Shop(file).close()
    with sqlite3.connect(file) as database:
        database.execute(f"PRAGMA user_version={version}")
    database.close()
    before = file.read_bytes()
    with pytest.raises(OtherFormat, match=words):
        Shop(file)
    assert file.read_bytes() == before


def test_the_command_says_what_to_do_with_a_file_of_another_version(tmp_path: Path) -> None:
    file = tmp_path / "demo.db"
    Shop(file).close()
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA user_version=0")
    database.close()
    started = _start(file)
    assert started.returncode == 1
    assert "delete it, and the next start makes a new one" in started.stderr


def test_a_file_that_another_demo_store_has_open_is_left_to_it(tmp_path: Path) -> None:
    file = tmp_path / "demo.db"
    shop = Shop(file)
    started = _start(file)
    shop.close()
    assert started.returncode == 1
    assert f"Another demo store has the shop's file {file} open" in started.stderr


def _start(file: Path) -> subprocess.CompletedProcess[str]:
    """The command on a shop's file that it cannot use, as it ended."""
    command = [sys.executable, "-m", "demo_store", "--port", "0", "--db", str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
