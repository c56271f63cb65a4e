"""Rows of the mirror by key, as the driver gives them: what a page is compared with before it is written."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table

_AT_ONCE = 10_000


def rows_where(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    column: str,
    keys: Collection[int],
    *,
    lock: bool = False,
) -> list[Any]:
    """The named columns of the rows whose `column` is one of the keys, in the order of it.

    With `lock` nobody else can change them before this transaction ends; on SQLite a write transaction already sees to
    that. Rows are locked in the order of the keys, so that two writers never wait for each other in a circle.
    """
    ordered = sorted(keys)
    found: list[Any] = []
    for start in range(0, len(ordered), _AT_ONCE):
        chunk = ordered[start : start + _AT_ONCE]
        if connection.dialect.name == "postgresql":
            sql = _postgresql(table, columns, column, lock)
            found += connection.exec_driver_sql(sql, (chunk,)).all()
        else:
            found += connection.exec_driver_sql(_sqlite(table, columns, column, len(chunk)), tuple(chunk)).all()
    return found


@cache
def _postgresql(table: Table, columns: tuple[str, ...], column: str, lock: bool) -> str:
    names = ", ".join(columns)
    sql = f"SELECT {names} FROM {table.name} WHERE {column} = ANY(%s) ORDER BY {column}"
    return f"{sql} FOR UPDATE" if lock else sql


@cache
def _sqlite(table: Table, columns: tuple[str, ...], column: str, count: int) -> str:
    marks = ", ".join(["?"] * count)
    return f"SELECT {', '.join(columns)} FROM {table.name} WHERE {column} IN ({marks}) ORDER BY {column}"
