"""`migrate`, `doctor`, and the program as a process of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from crm_core.settings import settings
from demo_store import Shop, serve
from tests.cli.conftest import Desk
from tests.served import Served

ROOT = Path(__file__).parents[2]


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m crm_core` in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    return subprocess.run(
        [sys.executable, "-m", "crm_core", *arguments],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_migrate_makes_a_store_and_is_harmless_again(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    first = program("migrate", CRM_DATA_DIR=str(folder))
    assert first.returncode == 0, first.stderr
    assert "is now of version" in first.stdout
    assert (folder / "desk.db").exists()
    again = program("migrate", CRM_DATA_DIR=str(folder))
    assert "was already of version" in again.stdout


def test_trouble_is_one_message_and_a_status_without_a_traceback(tmp_path: Path) -> None:
    wrong = program("channel", "check", "Shop", CRM_DATA_DIR=str(tmp_path))
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.strip() == "There is no channel “Shop”. No channel is set up yet."
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    unusable = program("channel", "list", CRM_DATA_DIR=str(blocked / "data"))
    assert unusable.returncode == 1
    assert "CRM_DATA_DIR" in unusable.stderr
    assert "Traceback" not in unusable.stderr


def test_a_shop_that_is_down_is_told_once(tmp_path: Path) -> None:
    data = {"CRM_DATA_DIR": str(tmp_path)}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert program("channel", "add", "Shop", url, "--token", "demo", "--no-check", **data).returncode == 0
        said = program("sync", **data)
    assert said.returncode == 1
    assert said.stderr.count("Nothing answers at 127.0.0.1") == 1


def test_a_store_that_is_no_database_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "desk.db").write_text("this is not a database, however long it may be" * 100)
    said = program("channel", "list", CRM_DATA_DIR=str(tmp_path))
    assert said.returncode == 1
    assert "desk.db" in said.stderr
    assert "Traceback" not in said.stderr


def test_an_unknown_command_ends_with_status_2() -> None:
    assert program("fly").returncode == 2


def test_the_doctor_finds_all_well(desk: Desk, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_PORT", "1")
    monkeypatch.setenv("CRM_HOST", "127.0.0.1")
    settings.cache_clear()
    assert desk("channel", "add", "Shop", served.url, "--token", "demo").status == 0
    said = desk("doctor")
    assert said.status == 0, said.out
    assert "PROBLEM" not in said.out
    assert "not read yet: stores, customers, orders, carts" in said.out


def test_the_doctor_names_what_was_read_longest_ago(desk: Desk, served: Served) -> None:
    assert desk("channel", "add", "Shop", served.url, "--token", "demo").status == 0
    for entity in ("customers", "stores", "orders", "carts"):
        assert desk("sync", "--entity", entity).status == 0
        if entity == "customers":
            assert "not read yet: orders, carts" in desk("doctor").out
    said = desk("doctor").out
    assert "read longest ago: customers, " in said
    assert " ago" in said


def test_a_store_that_cannot_be_written_is_told_once_and_the_doctor_finds_it(
    desk: Desk, served: Served, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk("channel", "add", "Shop", served.url, "--token", "demo").status == 0
    assert desk("doctor").status == 0
    monkeypatch.setenv("CRM_DATABASE_URL", f"{sqlite_url.replace(':///', ':///file:')}?mode=ro&uri=true")
    settings.cache_clear()
    told = "Give this user the right to write the file"
    assert desk("channel", "list").status == 0
    doctor, sync = desk("doctor"), desk("sync")
    assert (doctor.status, sync.status) == (1, 1)
    assert [line for line in doctor.out.splitlines() if told in line and line.startswith("PROBLEM")]
    assert sync.err.count(told) == 1


def test_the_doctor_says_which_channel_has_stopped_and_why(desk: Desk) -> None:
    shop = Shop(orders=4, carts=2, customers=2, seed=3)
    with serve(shop) as url:
        assert desk("channel", "add", "My shop", url, "--token", "demo").status == 0
        assert desk("sync").status == 0
        assert desk("doctor").status == 0
    assert desk("sync", "--entity", "orders").status == 1
    assert re.search(
        r"ok +Channel.*; orders failed at the last turn: .* Tried again (at once|in \d s)\.", desk("doctor").out
    )
    for _ in range(2):
        assert desk("sync", "--entity", "orders").status == 1
    shop.close()
    said = desk("doctor")
    assert said.status == 1
    assert "PROBLEM  Channel “My shop”: orders stopped: Nothing answers at 127.0.0.1" in said.out
    assert re.search(r"Tried again (at once|in \d s)\. Once it is mended", said.out)
    assert "channel check 'My shop'" in said.out


def test_the_doctor_says_which_channel_cannot_be_opened(
    desk: Desk, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk("channel", "add", "Shop", served.url, "--token", "demo").status == 0
    monkeypatch.setenv("CRM_SECRET_KEY", Fernet.generate_key().decode())
    settings.cache_clear()
    said = desk("doctor")
    assert said.status == 1
    assert "PROBLEM  Channel “Shop”:" in said.out
