"""What all tests share: a clean environment, and a fresh store on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine, event
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from crm_core.settings import settings
from crm_core.store.database import Store
from crm_core.store.kept import Kept
from crm_core.store.schema import migrate

hypothesis_settings.register_profile("desk", deadline=None, max_examples=50, print_blob=True)
hypothesis_settings.load_profile("desk")

OnEvent = Callable[[Engine, str, Callable[..., None]], None]

_TEMPLATE = "desk_template"
_ROOM_FOR_DATABASES = 2 * 1024**3
"""Free bytes that four servers never fill, each with its log and a database or two."""

_LONG = (
    "tests/browser/",
    "tests/sales/test_races.py",
    "tests/sales/preflight/test_random_carts.py",
    "tests/worker/test_processes.py",
    "tests/sync/test_changing_shop.py",
    "tests/sync/test_run.py",
    "tests/front_door/",
    "tests/store/test_rollups.py",
    "tests/sales/",
)
_WITH_DESKS_OF_THEIR_OWN = {"tests/browser/test_cold_hits.py", "tests/browser/test_first_start.py"}


class _Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """A worker gets a file's tests together, and all tests that share the desk in the browser: it is started once."""

    def _split_scope(self, nodeid: str) -> str:
        return "the desk in the browser" if _shares_desk(nodeid) else _file(nodeid)


def _file(nodeid: str) -> str:
    return nodeid.split("::")[0]


def _shares_desk(nodeid: str) -> bool:
    return nodeid.startswith("tests/browser/") and _file(nodeid) not in _WITH_DESKS_OF_THEIR_OWN


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Scheduling | None:
    """For `--dist loadscope`."""
    return _Scheduling(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_xdist_auto_num_workers() -> int:
    """One for each core, and two more: tests in the browser, and those of slow answers, mostly wait."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins: the browser, its shared desk first, then what starts processes or tries much."""

    def turn(item: pytest.Item) -> int:
        if _shares_desk(item.nodeid):
            return 0
        return next((at for at, long in enumerate(_LONG, start=1) if item.nodeid.startswith(long)), len(_LONG) + 1)

    items.sort(key=turn)


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the garbage collector does not look through it each time."""
    gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No setting of the machine reaches a test, and nothing is written outside its own folder."""
    for name in [name for name in os.environ if name.upper().startswith("CRM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CRM_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The psycopg address of a PostgreSQL that lives as long as the tests do; it holds a migrated template database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns of an unset XDG_RUNTIME_DIR when it is imported
        from pgserver.postgres_server import get_server
    folder = tempfile.mkdtemp(prefix="desk-pg-", dir=_folder_of_databases())  # short: a socket's path has a limit
    server = get_server(folder, cleanup_mode="delete")
    try:
        address = str(server.get_uri())
        with psycopg.connect(address, autocommit=True) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"CREATE DATABASE {_TEMPLATE}")
        migrate(_of_database(address, _TEMPLATE))
        yield address
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    file = tmp_path_factory.mktemp("store") / "template.db"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path) -> str:
    """The address of a fresh, migrated, empty SQLite store; each test's has the same."""
    file = sqlite_template.with_name("desk.db")
    for left in (file, file.with_name("desk.db-wal"), file.with_name("desk.db-shm")):
        left.unlink(missing_ok=True)  # what somebody still has open stays theirs
    shutil.copyfile(sqlite_template, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The address of a fresh, migrated, empty PostgreSQL store; each test's has the same."""
    name = "desk"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY FILE_COPY")
        yield _of_database(postgresql_server, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of a fresh, migrated, empty store; the test runs once on each database."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(scope="session")
def opened_stores() -> dict[str, Store]:
    """The stores that were opened for tests, by address."""
    return {}


@pytest.fixture
def store(store_url: str, opened_stores: dict[str, Store]) -> Iterator[Store]:
    """A fresh, migrated, empty store; the test runs once on each database.

    The SQL that it has compiled is kept from test to test, as a process of the desk keeps it from screen to screen: to
    compile it anew took a fifth of the time. Connections and kept answers end with the test.
    """
    opened = opened_stores.get(store_url)
    if opened is None:
        opened = opened_stores[store_url] = Store(store_url)
    yield opened
    opened.close()
    opened._kept = Kept()


@pytest.fixture
def on_event() -> Iterator[OnEvent]:
    """Lets a function hear of an engine's event until the test ends: the store outlives it."""
    with ExitStack() as heard:

        def hear(engine: Engine, name: str, function: Callable[..., None]) -> None:
            event.listen(engine, name, function)
            heard.callback(event.remove, engine, name, function)

        yield hear


def _folder_of_databases() -> str | None:
    """In memory where there is room, else the usual one: each test has a database of its own, of 300 files."""
    memory = Path("/dev/shm")  # noqa: S108  made by mkdtemp, for one user
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM_FOR_DATABASES else None


def _of_database(address: str, name: str) -> str:
    return address.replace("/postgres?", f"/{name}?")
