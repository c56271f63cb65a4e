"""The fast way to write many rows: values as the driver takes them, one statement for all of them, no look-up before.

A row is a tuple of driver values in the order of `columns`: amounts and quantities in units of 1/10000, moments in
milliseconds (see crm_core.store.types), days by `day_for_driver`, everything else as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table

Row = tuple[Any, ...]


def day_for_driver(day: date, dialect_name: str) -> str | date:
    """The day as the driver of that database takes and gives it: ISO text on SQLite, a date on PostgreSQL."""
    return day.isoformat() if dialect_name == "sqlite" else day


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
    if rows:
        connection.exec_driver_sql(_upsert_sql(table, columns, only_when_new, connection.dialect.name), list(rows))


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
def _upsert_sql(table: Table, columns: tuple[str, ...], only_when_new: tuple[str, ...], dialect_name: str) -> str:
    key = [column.name for column in table.primary_key.columns]
    unknown = [name for name in (*columns, *only_when_new) if name not in table.columns]
    if unknown or not set(key) <= set(columns):
        raise ValueError(f"{table.name} has no columns {unknown}, or its key {key} is not among {columns}")
    mark = "?" if dialect_name == "sqlite" else "%s"
    changes = ", ".join(
        f"{name} = excluded.{name}" for name in columns if name not in key and name not in only_when_new
    )
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))}) "
        f"ON CONFLICT ({', '.join(key)}) {'DO UPDATE SET ' + changes if changes else 'DO NOTHING'}"
    )
