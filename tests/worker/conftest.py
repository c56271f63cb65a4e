"""Workers as processes of their own, a shop over real HTTP, and a channel that reads it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from crm_core.magento.auth import Bearer
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.sync.channels import Channel
from crm_core.sync.rules import Rules
from crm_core.sync.setting_up import add_channel
from demo_store import Shop
from tests.served import Served, serving

ROOT = Path(__file__).parents[2]

_PROGRAM = """
import logging, sys
from crm_core.store.database import Store
from crm_core.worker import run
logging.basicConfig(stream=sys.stderr, level=logging.DEBUG, format="%(message)s")
for noisy in ("huey", "urllib3"):
    logging.getLogger(noisy).setLevel(logging.WARNING)
run(Store(sys.argv[1]), 4, float(sys.argv[2]))
"""


class Worker:
    """A worker in a process of its own."""

    def __init__(self, store_url: str, data_dir: Path, log: Path, lease_seconds: float) -> None:
        self._log = log
        self._file = log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, store_url, str(lease_seconds)],
            cwd=ROOT,
            env=os.environ | {"CRM_DATA_DIR": str(data_dir)},
            stdout=self._file,
            stderr=self._file,
        )

    @property
    def log(self) -> str:
        """What it said so far."""
        return self._log.read_text()

    def stop(self, number: int) -> None:
        """Send the signal and wait for the end; after 20 seconds the test fails."""
        self.process.send_signal(number)
        self.process.wait(20)

    def end(self) -> None:
        """Whatever happens, it is gone afterwards."""
        self.process.kill()
        self.process.wait()
        self._file.close()


StartWorker = Callable[..., Worker]


@pytest.fixture
def served() -> Iterator[Served]:
    """A small shop with a few records of each kind."""
    with serving(Shop(orders=40, carts=20, customers=12, seed=3)) as served:
        yield served


@pytest.fixture
def channel(store: Store, served: Served) -> Channel:
    """The shop, connected; pages are small, so that a run has several."""
    rules = Rules(every_seconds=3600, page_size=10)
    return add_channel(store, "Shop", served.url, Bearer("demo"), rules, person="anna", check_first=False)


@pytest.fixture
def start_worker(store_url: str, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts a worker on the store of the test."""
    started: list[Worker] = []

    def start(lease_seconds: float = 60.0) -> Worker:
        log = tmp_path / f"worker-{len(started)}.log"
        started.append(Worker(store_url, tmp_path / "data", log, lease_seconds))
        return started[-1]

    yield start
    for worker in started:
        worker.end()


def eventually(condition: Callable[[], bool], seconds: float = 40.0) -> None:
    """Return as soon as the condition holds; AssertionError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def read_entities(store: Store) -> set[str]:
    """The entities that were read to their end."""
    with store.reading() as connection:
        return set(
            connection.scalars(
                select(tables.sync_state.c.entity).where(tables.sync_state.c.last_success_at.is_not(None))
            )
        )


def held_leases(store: Store) -> list[str]:
    """The names of reading leases that someone holds, expired or not."""
    with store.reading() as connection:
        names = connection.scalars(select(tables.lease.c.name).where(tables.lease.c.holder != "")).all()
    return [name for name in names if name.startswith("read:")]
