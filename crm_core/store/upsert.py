"""The fast way to write many rows: values as the driver takes them, few statements for all of them, no look-up before.

A row is a tuple of driver values in the order of `columns`: amounts and quantities in units of 1/10000, moments in
milliseconds (see crm_core.store.types), days by `day_for_driver`, everything else as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Table

Row = tuple[Any, ...]

_AT_ONCE = 50
"""Rows that one statement writes on SQLite. Its driver lets other threads run only while a statement runs, and each
switch back may cost 5 ms: with rows written one by one, threads that read from the shop keep the writer waiting."""


def day_for_driver(day: date, dialect_name: str) -> str | date:
    """The day as the driver of that database takes and gives it: ISO text on SQLite, a date on PostgreSQL."""
    return day.isoformat() if dialect_name == "sqlite" else day


def mark_for_driver(dialect_name: str) -> str:
    """What stands for a value in a statement that the driver of that database takes as text."""
    return "?" if dialect_name == "sqlite" else "%s"


def upsert(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    only_when_new: tuple[str, ...] = (),
) -> None:
    """Each row is in the table afterwards: inserted, or its columns overwritten where its primary key exists.

    Columns that are not named keep their values; those of `only_when_new` are written by an insert alone. `columns`
    must hold the primary key and, for rows that may be new, every column that is not null. Rows of one call differ in
    their keys. Sort them by key: on PostgreSQL, writers that lock the same rows in other orders end in a deadlock.
    """
    dialect_name = connection.dialect.name
    start = 0
    if dialect_name == "sqlite" and len(rows) >= _AT_ONCE:
        at_once = _upsert_sql(table, columns, only_when_new, dialect_name, _AT_ONCE)
        for start in range(_AT_ONCE, len(rows) + 1, _AT_ONCE):
            connection.exec_driver_sql(at_once, tuple(chain.from_iterable(rows[start - _AT_ONCE : start])))
    if start < len(rows):
        connection.exec_driver_sql(_upsert_sql(table, columns, only_when_new, dialect_name, 1), list(rows[start:]))


def delete_lines(connection: Connection, table: Table, records: Sequence[int]) -> None:
    """No line of these records is left; `records` are values of the first column of the lines' primary key."""
    if not records:
        return
    record = table.primary_key.columns[0].name
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"DELETE FROM {table.name} WHERE {record} = ANY(%s)", (list(records),))
    else:
        connection.exec_driver_sql(f"DELETE FROM {table.name} WHERE {record} = ?", [(key,) for key in records])


@cache
def _upsert_sql(
    table: Table, columns: tuple[str, ...], only_when_new: tuple[str, ...], dialect_name: str, rows: int
) -> str:
    key = [column.name for column in table.primary_key.columns]
    unknown = [name for name in (*columns, *only_when_new) if name not in table.columns]
    if unknown or not set(key) <= set(columns):
        raise ValueError(f"{table.name} has no columns {unknown}, or its key {key} is not among {columns}")
    mark = mark_for_driver(dialect_name)
    changes = ", ".join(
        f"{name} = excluded.{name}" for name in columns if name not in key and name not in only_when_new
    )
    row = f"({', '.join([mark] * len(columns))})"
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES {', '.join([row] * rows)} "
        f"ON CONFLICT ({', '.join(key)}) {'DO UPDATE SET ' + changes if changes else 'DO NOTHING'}"
    )
