"""Connections to the database: how they are tuned, and what the driver's errors mean to a person."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, Numeric, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from crm_core.errors import StoreUnusable, TooSlow

BUSY_SECONDS = 10.0
"""How long a connection waits for another one's lock, or for its turn, before it gives up."""

_MAPPED_BYTES = 2**31 - 2**16
"""How much of an SQLite file its readers map, the most that SQLite does: what is mapped is not copied anew after every
commit of another connection. It is the system's own file cache, though a process's resident size counts it."""

# SQLite's driver asks each value but numbers and texts how to adapt it: without an answer of our own, that is the most
# expensive part of writing a null, and many values of a row are null. Neither answer takes a step into Python.
_nothing: dict[None, None] = {}
sqlite3.register_adapter(type(None), _nothing.get)
sqlite3.register_adapter(bool, operator.pos)

_POOL_SIZE = 10
_POOL_OVERFLOW = 30
_SERVER_POOL_SIZE = 5
_SERVER_POOL_OVERFLOW = 10
"""Of the 100 connections that PostgreSQL allows by default: app, worker and a command line take two pools each."""

_SQLITE_MEANINGS = {
    sqlite3.SQLITE_BUSY: "is locked by another program. Close whatever holds it open, then try again.",
    sqlite3.SQLITE_LOCKED: "is locked by another program. Close whatever holds it open, then try again.",
    sqlite3.SQLITE_READONLY: "can't be written. Give this user the right to write the file and its folder.",
    sqlite3.SQLITE_PERM: "can't be opened. Give this user the right to read and write the file and its folder.",
    sqlite3.SQLITE_CANTOPEN: "can't be opened. Check that its folder exists and that this user may write there.",
    sqlite3.SQLITE_FULL: "can't grow: the disk is full. Free some space, then try again.",
    sqlite3.SQLITE_IOERR: "can't be read or written: the disk reports an error. Check the disk and its free space.",
    sqlite3.SQLITE_CORRUPT: "is damaged. Restore a backup, or move the file away and import again.",
    sqlite3.SQLITE_NOTADB: "is not a database of this program. Correct CRM_DATABASE_URL or CRM_DATA_DIR.",
}

_POSTGRESQL_MEANINGS = {
    "08": "can't be reached. Check that it runs and that CRM_DATABASE_URL is right.",
    "28": "refuses the sign-in. Check the user name and password in CRM_DATABASE_URL.",
    "3D": "does not exist. Create it, or correct CRM_DATABASE_URL.",
    "42501": "does not allow that to this user. Grant the user the right to create and write tables.",
    "25006": "is read-only. Connect to the primary server.",
    "53100": "can't grow: the server's disk is full. Free some space, then try again.",
    "53": "is out of resources, connections for instance. Raise its limits or try again later.",
    "55P03": "is locked by another program. Wait until that has finished, then try again.",
    "40": "could not do that beside other work at the same time. Try again.",
    "57": "is shutting down or ended the connection. Try again when it is up.",
    "58": "reports an error of its disk or operating system. Look at the server's log.",
    "XX": "reports an internal error. Look at the server's log.",
}


def parse_url(url: str) -> URL:
    """The address of a store, checked. Raises StoreUnusable if it is neither SQLite's nor PostgreSQL's."""
    if url.startswith("postgres://"):
        url = f"postgresql{url.removeprefix('postgres')}"
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError):
        backend = ""
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite+pysqlite")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise StoreUnusable(
        "CRM_DATABASE_URL is not an address this program can use. Write sqlite:///path/to/file.db or "
        "postgresql://user:password@host/database, or leave it empty."
    )


def describe(url: URL) -> str:
    """The store's place for a message: file, or database and host; never a password."""
    if url.get_backend_name() == "sqlite":
        return f"The store {url.database}"
    host = url.host or url.query.get("host", "")
    return f"The store {url.database} on {host or 'this machine'}"


def sqlite_file(url: URL) -> Path | None:
    """The plain file behind an SQLite address; null for PostgreSQL and for file: addresses with options."""
    if url.get_backend_name() != "sqlite" or url.database is None or url.database.startswith("file:"):
        return None
    return Path(url.database)


def reading_engine(url: URL, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """An engine whose connections cannot write and whose transactions see one consistent snapshot.

    An SQLite file that is not there is not made: its connections then fail.
    No error of an engine of this module quotes the values of its statement, which may be names and e-mail addresses.
    """
    if url.get_backend_name() == "postgresql":
        engine = _postgresql_engine(url, busy_seconds)
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    engine = create_engine(
        _existing(url),
        poolclass=QueuePool,
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        pool_timeout=busy_seconds,
        hide_parameters=True,
    )
    _tune_sqlite(
        engine,
        "BEGIN",
        f"PRAGMA busy_timeout={round(busy_seconds * 1000)}",
        f"PRAGMA cache_size={-16 * 1024}",
        f"PRAGMA mmap_size={_MAPPED_BYTES}",
        "PRAGMA temp_store=MEMORY",
        "PRAGMA query_only=ON",
    )
    return engine


def writing_engine(url: URL, busy_seconds: float = BUSY_SECONDS, *, may_make: bool = False) -> Engine:
    """An engine whose transactions take the right to write at once (SQLite: one at a time in a process, in turn).

    An SQLite file that is not there is made if `may_make`; else its connections fail.
    """
    if url.get_backend_name() == "postgresql":
        return _postgresql_engine(url, busy_seconds)
    engine = create_engine(
        url if may_make else _existing(url),
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=busy_seconds,
        hide_parameters=True,
    )
    # The file is not mapped and an index is sorted on disk, so that an import of any size needs the same memory. A
    # checkpoint comes every 32 MB: index pages that many commits touch are copied into the file once, not each time.
    _tune_sqlite(
        engine,
        "BEGIN IMMEDIATE",
        f"PRAGMA busy_timeout={round(busy_seconds * 1000)}",
        f"PRAGMA cache_size={-32 * 1024}",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=NORMAL",
        "PRAGMA wal_autocheckpoint=8000",
        "PRAGMA foreign_keys=ON",
    )
    return engine


@contextmanager
def clear_errors(url: URL) -> Iterator[None]:
    """Inside it, a driver's error that a person must mend is StoreUnusable with the store's name and the next step.

    A constraint that a statement breaks stays SQLAlchemy's IntegrityError: it answers a question of the caller.
    """
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnusable(f"{describe(url)} is busy: too many requests at the same time. Try again.") from error
    except (DBAPIError, sqlite3.Error) as error:
        meaning = _meaning_in_sqlite(error) if isinstance(error, sqlite3.Error) else _meaning(error)
        if meaning is None:
            raise
        raise meaning[0](f"{describe(url)} {meaning[1]}") from error


def is_read_only(error: BaseException | None) -> bool:
    """Whether SQLite refused to write a file that this process opened while it could only be read."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY


def _existing(url: URL) -> URL:
    """The same SQLite file, as an address by which SQLite opens it but does not make it."""
    file = sqlite_file(url)
    if file is None:
        return url
    place = file.absolute().as_posix()
    # A third slash: SQLite would take what follows two for a machine's name. It drops the one before a drive's letter.
    place = quote(place if place.startswith("/") else f"/{place}", safe="/:")
    return url.set(database=f"file://{place}").update_query_dict({"mode": "rw", "uri": "true"})


def _meaning(error: DBAPIError) -> tuple[type[StoreUnusable], str] | None:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _meaning_in_sqlite(cause)
    state = getattr(cause, "sqlstate", None)
    if state == "57014":
        return TooSlow, "needed too long for that. Ask for less: a narrower filter or another sort order."
    if state is None:
        # A connection that could not be made or that broke: the driver tells only a text, which names no password.
        if not (error.connection_invalidated or isinstance(error, OperationalError)):
            return None
        reason = (str(cause).splitlines() or [""])[0].rstrip(".")
        return StoreUnusable, f"can't be reached: {reason}. Check that it runs and that CRM_DATABASE_URL is right."
    text = _POSTGRESQL_MEANINGS.get(state) or _POSTGRESQL_MEANINGS.get(state[:2])
    return None if text is None else (StoreUnusable, text)


def _meaning_in_sqlite(error: sqlite3.Error) -> tuple[type[StoreUnusable], str] | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return TooSlow, "needed too long for that. Ask for less: a narrower filter or another sort order."
    text = _SQLITE_MEANINGS.get(code)
    return None if text is None else (StoreUnusable, text)


def _postgresql_engine(url: URL, busy_seconds: float) -> Engine:
    # A statement of a list ends before its compilation would have paid: by its estimated cost the server would compile.
    engine = create_engine(
        url,
        pool_size=_SERVER_POOL_SIZE,
        max_overflow=_SERVER_POOL_OVERFLOW,
        pool_timeout=busy_seconds,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            "application_name": "sales-desk",
            "options": f"-c lock_timeout={round(busy_seconds * 1000)} -c jit=off",
        },
    )
    _refuse_untyped_amounts(engine)
    return engine


def _refuse_untyped_amounts(engine: Engine) -> None:
    """A Decimal that is not bound as Money or Quantity raises TypeError: beside their units it would be far too small.

    No column of the store is of SQL's own decimal type, so nothing else is bound that way.
    """

    def refuse(_value: object) -> object:
        raise TypeError("An amount in a statement needs its type: write literal(amount, Money()).")

    dialect = engine.dialect
    numeric = dialect.colspecs.get(Numeric, Numeric)
    untyped = type("UntypedNumeric", (numeric,), {"bind_processor": lambda _self, _dialect: refuse})
    dialect.colspecs = {**dialect.colspecs, Numeric: untyped}


def _tune_sqlite(engine: Engine, begin: str, *pragmas: str) -> None:
    def tune(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver would begin transactions on its own terms; the "begin" event below does it on ours.
        raw: Any = connection
        raw.isolation_level = None
        for pragma in pragmas:
            raw.execute(pragma)

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    _refuse_untyped_amounts(engine)
    event.listen(engine, "connect", tune)
    event.listen(engine, "begin", start)
