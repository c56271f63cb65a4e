"""Quarantine: records that could not be mirrored, kept with reason and payload, and asked for again until they can."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from crm_core.store import tables
from crm_core.store.types import instant_to_milliseconds
from crm_core.store.upsert import mark_for_driver
from crm_core.sync.reading import Rejected

MOST_RETRIES = 20
"""Records of one channel and entity that one run asks for again."""

_LONGEST_WAIT = timedelta(hours=6)
_rows = tables.quarantine


def put(connection: Connection, channel_id: int, entity: str, rejected: Iterable[Rejected], now: datetime) -> None:
    """The records are in quarantine, each with one more try counted if it was there before."""
    mark = mark_for_driver(connection.dialect.name)
    columns = ("channel_id", "entity", "origin_id", "reason", "payload", "first_seen_at", "last_tried_at", "tries")
    moment = instant_to_milliseconds(now)
    rows = {
        record.origin_id: (channel_id, entity, record.origin_id, record.reason, record.payload, moment, moment, 1)
        for record in rejected
    }
    if rows:
        connection.exec_driver_sql(
            f"INSERT INTO quarantine ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))}) "
            "ON CONFLICT (channel_id, entity, origin_id) DO UPDATE SET reason = excluded.reason, "
            "payload = excluded.payload, last_tried_at = excluded.last_tried_at, tries = quarantine.tries + 1",
            [rows[origin_id] for origin_id in sorted(rows)],
        )


def leave(connection: Connection, channel_id: int, entity: str, origin_ids: Collection[int]) -> None:
    """None of the records is in quarantine any more."""
    if origin_ids:
        connection.execute(
            delete(_rows).where(
                _rows.c.channel_id == channel_id, _rows.c.entity == entity, _rows.c.origin_id.in_(origin_ids)
            )
        )


def held(connection: Connection, channel_id: int, entity: str) -> set[int]:
    """Origin ids of the records in quarantine."""
    query = select(_rows.c.origin_id).where(_rows.c.channel_id == channel_id, _rows.c.entity == entity)
    return set(connection.scalars(query))


def due(connection: Connection, channel_id: int, entity: str, now: datetime) -> list[int]:
    """The records to ask for again now, those tried longest ago first: at once after the first try, then less often."""
    found = connection.execute(
        select(_rows.c.origin_id, _rows.c.tries, _rows.c.last_tried_at)
        .where(_rows.c.channel_id == channel_id, _rows.c.entity == entity)
        .order_by(_rows.c.last_tried_at)
    )
    ready = [row.origin_id for row in found if row.last_tried_at + _wait(row.tries) <= now]
    return ready[:MOST_RETRIES]


def _wait(tries: int) -> timedelta:
    return min(timedelta(minutes=2 ** min(tries - 1, 10) - 1), _LONGEST_WAIT)
