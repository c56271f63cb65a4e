"""The store: one database, read in snapshots and written in transactions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, text

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


class Store:
    """A database of this program's schema version, open for any number of threads of one process.

    Opening raises StoreUnusable, with what to do, if the database is missing, cannot be opened, was not migrated, is of
    another version or lacks tables or columns of it, or if this Python's SQLite is too old. Every transaction turns a
    lock, a full disk, a lost connection and the like into StoreUnusable; an SQLite file that was deleted or moved since
    too, and one that was put in its place is opened anew.
    `busy_seconds` is how long one waits for another's lock, or for its turn, before it gives up.
    """

    def __init__(self, url: str, busy_seconds: float = BUSY_SECONDS) -> None:
        self._url = parse_url(url)
        if self._url.get_backend_name() == "sqlite":
            check_sqlite(sqlite3.sqlite_version_info)
        self._file = sqlite_file(self._url)
        self._opened = self._on_disk()
        if self._file is not None and self._opened is None:
            raise StoreUnusable(f"{describe(self._url)} does not exist. Run: python -m crm_core migrate")
        self._reading = reading_engine(self._url, busy_seconds)
        self._writing = writing_engine(self._url, busy_seconds)
        self._kept = Kept()
        self._watching: Connection | None = None
        self._watching_lock = Lock()
        self._closed = 0
        try:
            with self.reading() as connection:
                check_schema(connection, describe(self._url))
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
        self._require_file()
        try:
            with clear_errors(self._url), self._writing.begin() as connection:
                if connection.scalar(text("SELECT version_num FROM alembic_version")) != SCHEMA_VERSION:
                    check_schema(connection, describe(self._url))
                yield connection
        except StoreUnusable as error:
            if is_read_only(error.__cause__):
                self.close()  # SQLite holds to it while one connection of the process is left, a reading one too
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
            with self._watching_lock:
                # SQLite counts the commits of others for each connection, so the same one is always asked,
                # and through its driver: each drawing asks several times, and a transaction costs twenty times as much.
                if self._watching is None:
                    self._watching = self._reading.connect()
                driver: Any = self._watching.connection.driver_connection
                [(version,)] = driver.execute("PRAGMA data_version")
                return self._closed, int(version)  # a new connection counts anew

    def _on_disk(self) -> tuple[int, int] | None:
        """What tells the SQLite file from another one of its name; None: there is no such file."""
        try:
            found = None if self._file is None else self._file.stat()
        except OSError:
            return None
        return None if found is None else (found.st_dev, found.st_ino)

    def _require_file(self) -> None:
        """The SQLite file is the one that was opened: into a deleted one, writing goes on and nobody finds it again."""
        if self._file is None:
            return
        found = self._on_disk()
        if found is not None and found == self._opened:
            return
        self.close()
        self._opened = None  # another file may get the number of a deleted one
        if found is None:
            name = self._file.name
            raise StoreUnusable(
                f"{describe(self._url)} was deleted or moved while the desk was running. Put it back; or delete what "
                f"is left of it ({name}-wal, {name}-shm) and put a backup there. To begin with an empty one, stop the "
                "desk and start it."
            )
        with clear_errors(self._url), self._reading.begin() as connection:
            check_schema(connection, describe(self._url))
        self._opened = found

    def close(self) -> None:
        """All idle connections are closed; whoever uses the store again opens new ones."""
        with self._watching_lock:
            self._closed += 1
            if self._watching is not None:
                self._watching.close()
                self._watching = None
        self._reading.dispose()
        self._writing.dispose()


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
    if file is not None and file.exists():
        # Looking needs no right to write, so a read-only or busy store of the right version opens.
        engine = reading_engine(parsed)
        try:
            with clear_errors(parsed), engine.begin() as connection:
                if found_version(connection) == SCHEMA_VERSION:
                    return
        finally:
            engine.dispose()
    migrate(url)


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
