"""The command line as a person calls it, on a store of its own and a shop over real HTTP."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from crm_core.__main__ import main
from crm_core.settings import settings
from demo_store import Shop
from tests.served import Served, serving


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str


Desk = Callable[..., Said]


@pytest.fixture
def served() -> Iterator[Served]:
    """A small shop with a few records of each kind."""
    with serving(Shop(orders=40, carts=20, customers=12, seed=3)) as served:
        yield served


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    """SQLite alone: what is behind the commands is tested on both databases where it stands."""
    return sqlite_url


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store_url: str) -> Desk:
    """Calls a command; `stdin` is what is typed, which is never a terminal."""
    monkeypatch.setenv("CRM_DATABASE_URL", store_url)
    monkeypatch.setenv("CRM_USER", "anna")
    monkeypatch.setenv("COLUMNS", "200")
    settings.cache_clear()

    def call(*arguments: str, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        status = main(list(arguments))
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return call
