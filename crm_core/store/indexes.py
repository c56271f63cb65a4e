"""Secondary indexes of the mirror: left out while an empty entity is imported for the first time, built afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Index, Table, inspect, select, text
from sqlalchemy.schema import CreateIndex, DropIndex

from crm_core.errors import DeskError, LeaseLost
from crm_core.store.database import Store
from crm_core.store.tables import ONLY_ON, cart, cart_item, customer, order, order_item

_TABLES: dict[str, tuple[Table, ...]] = {
    "customers": (customer,),
    "orders": (order, order_item),
    "carts": (cart, cart_item),
}

_SAMPLE = 10_000
"""Entries of a new index that SQLite looks at: enough to choose by until the day's statistics, which look at all."""

_BUILD_LOCK = 4_711_027
"""Number of PostgreSQL's advisory lock that lets one process build indexes at a time."""


@contextmanager
def without_secondary_indexes(store: Store, entity: str) -> Iterator[None]:
    """Inside it an entity that was empty has no secondary indexes; afterwards it has all of them.

    They are built too when trouble with the shop or the store ends the block. When the program is told to stop, loses
    its lease or is killed, it leaves them out: the next start builds them (`ensure_indexes`), or the next such block,
    which goes on without them. Does nothing for an entity that has rows and indexes. `entity` is customers, orders or
    carts; another one has no such indexes.
    """
    tables = _TABLES.get(entity, ())
    with store.writing() as connection:
        if all(connection.execute(select(table).limit(1)).first() is None for table in tables):
            for table in tables:
                for index in _secondary(table, connection.dialect.name):
                    connection.execute(DropIndex(index, if_exists=True))
        are_missing = any(_missing(connection, table) for table in tables)
    try:
        yield
    except LeaseLost:
        raise
    except DeskError:
        if are_missing:
            _build(store, tables)
        raise
    if are_missing:
        _build(store, tables)


def ensure_indexes(store: Store) -> list[str]:
    """Every secondary index of the mirror exists; returns the names of those that had to be built.

    Each is built in a transaction of its own, so that other writers wait for one at most.
    """
    return _build(store, tuple(table for tables in _TABLES.values() for table in tables))


def refresh_statistics(store: Store) -> None:
    """The database chooses its ways through the mirror by what is in it now; worth doing once a day.

    SQLite never does so by itself, PostgreSQL at times of its own. Each table is a transaction of its own.
    """
    _analyse(store, tuple(table for tables in _TABLES.values() for table in tables))


def _analyse(store: Store, tables: tuple[Table, ...], entries: int = 0) -> None:
    """Look at so many entries of each index on SQLite, 0 for all; PostgreSQL always takes a sample."""
    for table in tables:
        with store.writing() as connection:
            if store.dialect_name == "sqlite":
                connection.execute(text(f"PRAGMA analysis_limit={entries}"))
            connection.execute(text(f"ANALYZE {table.name}"))


def _build(store: Store, tables: tuple[Table, ...]) -> list[str]:
    with store.reading() as connection:
        missing = [index for table in tables for index in _missing(connection, table)]
    for index in missing:
        with store.writing() as connection:
            if store.dialect_name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _BUILD_LOCK})
            connection.execute(CreateIndex(index, if_not_exists=True))
    _analyse(store, tuple(dict.fromkeys(index.table for index in missing if index.table is not None)), _SAMPLE)
    return [str(index.name) for index in missing]


def _secondary(table: Table, dialect_name: str) -> list[Index]:
    wanted = [index for index in table.indexes if index.info.get(ONLY_ON, dialect_name) == dialect_name]
    return sorted(wanted, key=lambda index: str(index.name))


def _missing(connection: Connection, table: Table) -> list[Index]:
    present = {index["name"] for index in inspect(connection).get_indexes(table.name)}
    return [index for index in _secondary(table, connection.dialect.name) if index.name not in present]
