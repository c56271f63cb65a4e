"""Where the demo shop keeps its records: in memory to answer, in one SQLite file to survive a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

Doc: TypeAlias = dict[str, Any]
FORMAT = 2
"""Grows whenever a file that was written before does not hold what the shop needs now."""

KINDS = (
    "setting",
    "attribute",
    "product",
    "customer",
    "cart",
    "order",
    "invoice",
    "shipment",
    "creditmemo",
    "rule",
    "coupon",
)


class OtherFormat(Exception):
    """The file was written by a program that keeps a shop otherwise; the text says what to do."""


class InUse(Exception):
    """Another demo store has the file open."""


class State:
    """All records by kind and id. A changed record is told with `touch` and written by `commit`, in one transaction.

    Not safe for several threads: the shop holds its lock around every use. `:memory:` keeps nothing. Raises OtherFormat
    for a file of another program version, and leaves that file as it is; InUse where somebody else has it open, as
    each would write over what the other keeps in memory.
    """

    def __init__(self, path: str | Path) -> None:
        self._records: dict[str, dict[int, Doc]] = {kind: {} for kind in KINDS}
        self._dirty: set[tuple[str, int]] = set()
        self._database: sqlite3.Connection | None = None
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, check_same_thread=False, timeout=0)
            try:
                self._database.execute("PRAGMA locking_mode=EXCLUSIVE")
                _require_format(self._database)
                self._database.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as problem:
                self._database.close()
                if problem.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:  # whichever kind of busy
                    raise InUse from problem
                raise
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS record (kind TEXT, id INTEGER, body BLOB, PRIMARY KEY (kind, id))"
            )
            self._database.execute(f"PRAGMA user_version={FORMAT}")
            for kind, ident, body in self._database.execute("SELECT kind, id, body FROM record ORDER BY kind, id"):
                self._records[kind][ident] = msgspec.json.decode(body)

    @property
    def empty(self) -> bool:
        """True while nothing was ever stored: the shop then needs its data generated."""
        return not self._records["setting"]

    def get(self, kind: str, ident: int) -> Doc | None:
        """The record itself, not a copy: whoever changes it must `touch` it. None where there is none."""
        return self._records[kind].get(ident)

    def all(self, kind: str) -> list[Doc]:
        """Every record of a kind, in the order in which they came."""
        return list(self._records[kind].values())

    def ids(self, kind: str) -> Iterator[int]:
        """The ids of a kind."""
        return iter(self._records[kind])

    def put(self, kind: str, ident: int, record: Doc) -> Doc:
        """Store a new or replaced record and return it."""
        self._records[kind][ident] = record
        self._dirty.add((kind, ident))
        return record

    def touch(self, kind: str, ident: int) -> None:
        """Say that a record was changed in place."""
        self._dirty.add((kind, ident))

    def remove(self, kind: str, ident: int) -> None:
        """Delete a record; nothing happens where there is none."""
        self._records[kind].pop(ident, None)
        self._dirty.add((kind, ident))

    def commit(self) -> None:
        """Write what changed since the last commit."""
        dirty, self._dirty = self._dirty, set()
        if self._database is None or not dirty:
            return
        with self._database:
            for kind, ident in dirty:
                record = self._records[kind].get(ident)
                if record is None:
                    self._database.execute("DELETE FROM record WHERE kind = ? AND id = ?", (kind, ident))
                else:
                    self._database.execute(
                        "INSERT OR REPLACE INTO record VALUES (?, ?, ?)", (kind, ident, msgspec.json.encode(record))
                    )

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self.commit()
        if self._database is not None:
            self._database.close()
            self._database = None


def _require_format(database: sqlite3.Connection) -> None:
    """Raise OtherFormat unless the file is new or of this format."""
    is_new = database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    written = int(database.execute("PRAGMA user_version").fetchone()[0])
    if not is_new and written != FORMAT:
        database.close()
        age = "an older" if written < FORMAT else "a newer"
        raise OtherFormat(f"{age} version of the demo store wrote it")
