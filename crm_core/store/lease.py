"""Leases: who may do a piece of work now, with a fencing token so that a process that slept cannot write.

The clock is the database's on PostgreSQL, where several machines share it, and this machine's on SQLite.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import Connection, text

from crm_core.errors import LeaseLost

_NOW = {"sqlite": "CAST(:now AS INTEGER)", "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"}


@dataclass(frozen=True)
class Lease:
    """The right to do the work `name` until it expires; `token` is greater than that of every earlier holder."""

    name: str
    holder: str
    token: int


def acquire(connection: Connection, name: str, holder: str, seconds: float = 60) -> Lease | None:
    """The lease for `seconds` from now, or None while someone holds it, also if that is the same holder."""
    now = _NOW[connection.dialect.name]
    token = connection.execute(
        text(
            "INSERT INTO lease (name, holder, token, expires_at) "
            # The first token is the time: a lease that is made again never repeats one of an earlier life.
            f"VALUES (:name, :holder, {now}, {now} + CAST(:milliseconds AS BIGINT)) "
            "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, token = lease.token + 1, "
            f"expires_at = excluded.expires_at WHERE lease.expires_at <= {now} RETURNING token"
        ),
        _parameters(connection, name=name, holder=holder, milliseconds=round(seconds * 1000)),
    ).scalar_one_or_none()
    return None if token is None else Lease(name, holder, int(token))


def renew(connection: Connection, lease: Lease, seconds: float = 60) -> None:
    """The lease lasts `seconds` from now. Raises LeaseLost if it was taken over or given back.

    One that ran out unnoticed is renewed too, as long as nobody took it over.
    """
    renewed = connection.execute(
        text(
            f"UPDATE lease SET expires_at = {_NOW[connection.dialect.name]} + CAST(:milliseconds AS BIGINT) "
            "WHERE name = :name AND token = :token AND holder = :holder RETURNING token"
        ),
        _parameters(
            connection, name=lease.name, token=lease.token, holder=lease.holder, milliseconds=round(seconds * 1000)
        ),
    ).scalar_one_or_none()
    if renewed is None:
        raise _lost(lease)


def check(connection: Connection, lease: Lease) -> None:
    """Nobody can take the lease over before this transaction ends. Raises LeaseLost if someone already did.

    Call it in the transaction that writes: a process that was paused past its lease then cannot commit.
    """
    locked = " FOR SHARE" if connection.dialect.name == "postgresql" else ""
    held = connection.execute(
        text(f"SELECT token FROM lease WHERE name = :name AND token = :token AND holder = :holder{locked}"),
        {"name": lease.name, "token": lease.token, "holder": lease.holder},
    ).scalar_one_or_none()
    if held is None:
        raise _lost(lease)


def release(connection: Connection, lease: Lease) -> None:
    """Anyone may take the lease at once. Does nothing if it was taken over."""
    connection.execute(
        text("UPDATE lease SET expires_at = 0, holder = '' WHERE name = :name AND token = :token AND holder = :holder"),
        {"name": lease.name, "token": lease.token, "holder": lease.holder},
    )


def release_all(connection: Connection, holder: str) -> list[str]:
    """Anyone may take the leases of this holder at once; returns their names."""
    return list(
        connection.scalars(
            text("UPDATE lease SET expires_at = 0, holder = '' WHERE holder = :holder RETURNING name"),
            {"holder": holder},
        )
    )


def _parameters(connection: Connection, **values: str | int) -> dict[str, str | int]:
    if connection.dialect.name == "sqlite":
        values["now"] = time.time_ns() // 1_000_000
    return values


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"Another worker has taken over {lease.name}. This one stops; nothing is lost.")
