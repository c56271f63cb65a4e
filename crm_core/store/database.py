"""The store: one database, read in snapshots and written in transactions."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.pool import PoolProxiedConnection

from crm_core.errors import StoreUnusable
from crm_core.settings import settings
from crm_core.store.engines import (
    BUSY_SECONDS,
    clear_errors,
    describe,
    is_read_only,
    parse_url,
    reading_engine,
    sqlite_file,
    writing_engine,
)
from crm_core.store.kept import Kept
from crm_core.store.schema import SCHEMA_VERSION, check_schema, check_sqlite, found_version, migrate

_INSTRUCTIONS_BETWEEN_LOOKS = 20_000
"""Steps of SQLite's machine between two looks at the clock: about a millisecond."""

_Answer = TypeVar("_Answer")
_Number = tuple[int, int]
"""What tells a file from all others there are on this machine: its device, and its number there."""


class Store:
    """A database of this program's schema version, open for any number of threads of one process.

    Opening raises StoreUnusable, with what to do, if the database is missing, cannot be opened, was not migrated, is of
    another version or lacks tables or columns of it, or if this Python's SQLite is too old. Every transaction turns a
    lock, a full disk, a lost connection and the like into StoreUnusable; an SQLite file that was deleted or moved since
    too. One that was put in its place is opened anew, unless what is left of the old one would damage it.
    `busy_seconds` is how long one waits for another's lock, or for its turn, before it gives up.
    """

    def __init__(self, url: str, busy_seconds: float = BUSY_SECONDS) -> None:
        self._url = parse_url(url)
        if self._url.get_backend_name() == "sqlite":
            check_sqlite(sqlite3.sqlite_version_info)
        self._file = sqlite_file(self._url)
        self._opened = self._on_disk()
        self._opened_log: _Number | None = None
        if self._file is not None and self._opened is None:
            raise StoreUnusable(f"{describe(self._url)} does not exist. Run: python -m crm_core migrate")
        self._reading = reading_engine(self._url, busy_seconds)
        self._writing = writing_engine(self._url, busy_seconds)
        self._kept = Kept()
        self._watching: PoolProxiedConnection | None = None
        self._watched = 0
        self._lock = Lock()
        try:
            self._open()
        except StoreUnusable:
            self.close()
            raise

    @property
    def dialect_name(self) -> str:
        """The kind of database: "sqlite" or "postgresql"."""
        return self._reading.dialect.name

    @property
    def url(self) -> str:
        """The address the store was opened with, password included: for other processes, never for a message."""
        return self._url.render_as_string(hide_password=False)

    def __str__(self) -> str:
        return describe(self._url)

    @contextmanager
    def reading(self, seconds: float | None = None) -> Iterator[Connection]:
        """A connection that sees one consistent snapshot and cannot write.

        With `seconds`, a statement (SQLite: the block) that takes longer ends with TooSlow.
        """
        self._require_file()
        with clear_errors(self._url), self._reading.begin() as connection:
            if seconds is None:
                yield connection
            elif self.dialect_name == "postgresql":
                connection.execute(text(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}"))
                yield connection
            else:
                with _interrupted_after(connection, seconds):
                    yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection inside one write transaction: committed at the end of the block, rolled back on any error.

        SQLite: it holds the database's only right to write from the start, so keep the block short and don't nest it.
        Raises StoreUnusable where a newer program has migrated the store since it was opened: this one would write what
        that one no longer reads.
        """
        begun = self._require_file()
        try:
            with clear_errors(self._url), self._writing.begin() as connection:
                if connection.scalar(text("SELECT version_num FROM alembic_version")) != SCHEMA_VERSION:
                    check_schema(connection, describe(self._url))
                yield connection
                self._require_still(begun)
        except StoreUnusable as error:
            if is_read_only(error.__cause__):
                self._let_go()  # SQLite holds to it while one connection of the process is left, a reading one too
            raise

    def check_writable(self) -> None:
        """A write goes through and changes nothing. Raises StoreUnusable, with what to do, where none can."""
        with self.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = version_num"))

    def kept(self, what: Hashable, read: Callable[[], _Answer]) -> _Answer:
        """What `read` finds in the store; if nothing was committed since it was last asked, what it found then.

        `what` names the question and everything beside the store that the answer rests on. Answers are shared by all
        threads, so nobody may change one. An error of `read` is passed on, and not kept.
        """
        return self._kept.answer(self._version(), what, read)

    def _version(self) -> Hashable:
        """Another value after every commit to the database, whoever made it; it may be another one without any."""
        self._require_file()
        with clear_errors(self._url):
            if self.dialect_name == "postgresql":
                # Which transactions can be seen: equal ones see the same rows.
                with self._reading.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    return str(connection.scalar(text("SELECT pg_current_snapshot()")))
            with self._lock:
                # SQLite counts the commits of others for each connection, so the same one is always asked,
                # and through its driver: each drawing asks several times, and a transaction costs twenty times as much.
                return self._watched, _data_version(self._watching or self._watch())  # another one counts anew

    def _on_disk(self) -> _Number | None:
        """What tells the SQLite file from another one of its name; None: there is no such file."""
        return None if self._file is None else _number(_look(self._file))

    def _require_file(self) -> _Number | None:
        """The SQLite file is the one that was opened: into a deleted one, writing goes on and nobody finds it again."""
        found = self._on_disk()
        if self._file is None or (found is not None and found == self._opened and self._watching is not None):
            return found
        with self._lock:
            found = self._on_disk()
            if found is None:
                self._dispose()
                log, index = _beside(self._file, "wal").name, _beside(self._file, "shm").name
                raise StoreUnusable(
                    f"{describe(self._url)} was deleted or moved while the desk was running. Put it back; or delete "
                    f"what is left of it ({log}, {index}) and put a backup there. To begin with an empty one, stop the "
                    "desk and start it."
                )
            if found != self._opened:
                if self._opened is not None:
                    self._refuse_remains(self._file)
                self._open()
                self._opened = found
            elif self._watching is None:
                with clear_errors(self._url):
                    self._watch()
        return found

    def _require_still(self, begun: _Number | None) -> None:
        if self._on_disk() != begun:
            raise StoreUnusable(
                f"{describe(self._url)} was deleted, moved or replaced while it was written: nothing of that was kept. "
                "Try again."
            )

    def _refuse_remains(self, file: Path) -> None:
        """Beside the file lies no log of the one that was opened: SQLite would take it for this one's, and damage it.

        Another process may have opened the file before, so a log that is known to be another one is its own.
        """
        log_file, index_file = _beside(file, "wal"), _beside(file, "shm")
        log, index = _look(log_file), _look(index_file)
        lone_index = log is None and index is not None  # whoever has the old file open still goes by it
        if lone_index or (log is not None and log.st_size > 0 and self._opened_log in (None, _number(log))):
            raise StoreUnusable(
                f"{describe(self._url)} was replaced while the desk was running, and what is left of the old one would "
                f"damage it. Stop the desk, delete {log_file.name} and {index_file.name}, and start it again."
            )

    def _open(self) -> None:
        """Connections are of the database as it stands there now. The caller holds the lock."""
        self._dispose()
        with clear_errors(self._url):
            with self._reading.begin() as connection:
                check_schema(connection, describe(self._url))
            if self.dialect_name == "sqlite":
                self._watch()

    def _watch(self) -> PoolProxiedConnection:
        """A connection that stays open. The caller holds the lock.

        While it does, no other file gets the number of the one that was opened, or of its log, though they be deleted.
        """
        watching = self._reading.raw_connection()
        watching.detach()
        _data_version(watching)  # opens the log
        if self._watching is not None:
            self._watching.close()
        self._watching = watching
        self._watched += 1
        self._opened_log = None if self._file is None else _number(_look(_beside(self._file, "wal")))
        return watching

    def _dispose(self) -> None:
        self._reading.dispose()
        self._writing.dispose()

    def _let_go(self) -> None:
        """All idle connections are closed. The next one must be to the same file."""
        with self._lock:
            if self._watching is not None:
                self._watching.close()
                self._watching = self._opened_log = None
            self._dispose()  # before anybody else gets the lock and takes one of them for a new one

    def close(self) -> None:
        """All idle connections are closed; whoever uses the store again opens what is there then, as at first."""
        self._let_go()
        self._opened = None


def open_store() -> Store:
    """The store that the settings name; an SQLite one is made or migrated first. Keep it for the process's life.

    PostgreSQL is only checked: several machines may share it, so a person runs `python -m crm_core migrate`.
    """
    url = settings().store_url
    if parse_url(url).get_backend_name() == "sqlite":
        _migrate_if_needed(url)
    return Store(url)


def _migrate_if_needed(url: str) -> None:
    parsed = parse_url(url)
    file = sqlite_file(parsed)
    if file is not None and _look(file) is not None:
        # Looking needs no right to write, so a read-only or busy store of the right version opens.
        engine = reading_engine(parsed)
        try:
            with clear_errors(parsed), engine.begin() as connection:
                if found_version(connection) == SCHEMA_VERSION:
                    return
        finally:
            engine.dispose()
    migrate(url)


def _beside(file: Path, kind: str) -> Path:
    """SQLite puts its log ("wal") and the log's index ("shm") where the file really is, not beside a link to it."""
    return Path(f"{os.path.realpath(file)}-{kind}")


def _look(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreUnusable(
            f"The store {file} can't be read: {error.strerror}. Check the disk, and that this user may read the file "
            "and its folder; then try again."
        ) from error


def _number(found: os.stat_result | None) -> _Number | None:
    return None if found is None else (found.st_dev, found.st_ino)


def _data_version(connection: PoolProxiedConnection) -> int:
    driver: Any = connection.dbapi_connection
    [(version,)] = driver.execute("PRAGMA data_version")
    return int(version)


@contextmanager
def _interrupted_after(connection: Connection, seconds: float) -> Iterator[None]:
    driver = connection.connection.driver_connection
    if driver is None:
        raise StoreUnusable("The connection to the store is closed. Try again.")
    deadline = time.monotonic() + seconds
    driver.set_progress_handler(lambda: int(time.monotonic() > deadline), _INSTRUCTIONS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
