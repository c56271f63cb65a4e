"""The version of the database's schema: checked when a store is opened, brought up by `migrate`."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from crm_core.errors import StoreUnusable
from crm_core.store.engines import clear_errors, describe, parse_url, sqlite_file, writing_engine
from crm_core.store.tables import metadata

SCHEMA_VERSION = "0001"
"""The revision this program reads and writes: the latest of crm_core/store/migrations/versions."""

OLDEST_SQLITE = (3, 35, 0)
"""The first that tells what a statement wrote (RETURNING); it comes with Python, so an old system's may be older."""

_MIGRATION_LOCK = 4_711_026
"""Number of PostgreSQL's advisory lock that lets one process migrate at a time."""


def found_version(connection: Connection) -> str | None:
    """The schema version of the database; null if it holds none of this program's tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def check_schema(connection: Connection, where: str) -> None:
    """Raises StoreUnusable, with what to do, unless the database has this program's schema; `where` names the store."""
    found = found_version(connection)
    if found is None:
        raise StoreUnusable(f"{where} is empty. Run: python -m crm_core migrate")
    if not re.fullmatch(r"[0-9]{4}", found):
        raise _never_ours(found, where)
    if found > SCHEMA_VERSION:
        raise StoreUnusable(
            f"{where} was made by a newer version of this program (schema {found}, this one knows {SCHEMA_VERSION}). "
            "Install the newer version."
        )
    if found < SCHEMA_VERSION:
        raise StoreUnusable(
            f"{where} is of an older version of this program (schema {found}, needed {SCHEMA_VERSION}). "
            "Run: python -m crm_core migrate"
        )
    lacking = _lacking(connection)
    if lacking:
        raise StoreUnusable(
            f"{where} is of version {found} but lacks {', '.join(lacking)}: an unreleased version of this program made "
            "it, or it is damaged. Restore a backup, or begin with an empty store and import again."
        )


def _never_ours(found: str, where: str) -> StoreUnusable:
    return StoreUnusable(
        f"{where} is of version {found}, which this program never had. It may be another program's: correct "
        "CRM_DATABASE_URL or CRM_DATA_DIR."
    )


def _lacking(connection: Connection) -> list[str]:
    """The tables that the database does not have, and the columns of those that it has."""
    there = {
        name: {column["name"] for column in columns}
        for (_, name), columns in inspect(connection).get_multi_columns().items()
    }
    tables = [name for name in metadata.tables if name not in there]
    return tables + [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if table.name in there and column.name not in there[table.name]
    ]


def check_sqlite(version: tuple[int, ...]) -> None:
    """Raises StoreUnusable, with what to do, if this version of SQLite is older than the store's statements need."""
    if version >= OLDEST_SQLITE:
        return
    found, needed = (".".join(map(str, each)) for each in (version, OLDEST_SQLITE))
    raise StoreUnusable(
        f"This Python comes with SQLite {found}, and the store needs {needed} or newer. Run the desk with a newer "
        "Python, or keep the store in PostgreSQL: set CRM_DATABASE_URL."
    )


def migrate(url: str) -> bool:
    """The store at `url` has this program's schema afterwards; an SQLite file and its folder are made if missing.

    All in one transaction, one process at a time. True if anything had to be done. Raises StoreUnusable if the store
    cannot be written, is newer than this program, or is another program's.
    """
    parsed = parse_url(url)
    file = sqlite_file(parsed)
    if parsed.get_backend_name() == "sqlite":
        check_sqlite(sqlite3.sqlite_version_info)
    with clear_errors(parsed):
        if file is not None:
            _make_folder(file.parent)
        engine = writing_engine(parsed, may_make=True)
        try:
            with engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
                    connection.execute(text("SET LOCAL statement_timeout = '30min'"))
                found = found_version(connection)
                if found is not None and found >= SCHEMA_VERSION:
                    check_schema(connection, describe(parsed))
                    return False
                if found is not None and connection.dialect.name == "postgresql":
                    # Whoever writes has read the version: writers of the old one end first, and none begins.
                    connection.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
                _upgrade(connection, found, describe(parsed))
                return True
        finally:
            engine.dispose()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnusable(
            f"The folder {folder} can't be made ({error.strerror}). Set CRM_DATA_DIR to another."
        ) from error


def _upgrade(connection: Connection, found: str | None, where: str) -> None:
    # Imported here: only a migration needs it, and it takes a tenth of a second of every start.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    if found is None:
        theirs = sorted(metadata.tables.keys() & inspect(connection).get_table_names())
        if theirs:
            raise StoreUnusable(
                f"{where} holds tables of another program ({', '.join(theirs)}). Give the desk a database of its own: "
                "set CRM_DATABASE_URL or CRM_DATA_DIR."
            )
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        if found is None:
            raise
        raise _never_ours(found, where) from error
