"""What keeps the store fit and is due by the clock, whichever worker does it: old runs dropped, figures recounted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, select

from crm_core.store import rollups, tables
from crm_core.store.database import Store
from crm_core.store.lease import acquire

logger = logging.getLogger(__name__)

RUNS_KEPT = timedelta(days=30)


@dataclass(frozen=True)
class Chore:
    """Something to be done every so often by one of the workers."""

    name: str
    every: timedelta
    do: Callable[[Store], object]


def keep_house(store: Store, chores: tuple[Chore, ...], holder: str) -> None:
    """Do the chores that are due and that no other worker did meanwhile.

    A lease that nobody gives back says when each was last begun. One that takes longer than its interval may be begun
    by another worker too, so each must be harmless when done twice at once.
    """
    for chore in chores:
        with store.writing() as connection:
            lease = acquire(connection, f"chore:{chore.name}", holder, chore.every.total_seconds())
        if lease is not None:
            chore.do(store)


def forget_old_runs(store: Store) -> None:
    """Runs of more than 30 days ago are dropped, but never the latest of a channel and entity."""
    run = tables.sync_run
    with store.writing() as connection:
        latest = select(func.max(run.c.id)).group_by(run.c.channel_id, run.c.entity)
        connection.execute(delete(run).where(run.c.started_at < datetime.now(UTC) - RUNS_KEPT, run.c.id.not_in(latest)))


def check_rollups(store: Store) -> None:
    """The figures of the dashboard equal a count of the rows; a difference is told in the log and mended."""
    with store.reading() as connection:
        differences = rollups.recount(connection)
    if not differences:
        return
    for difference in differences:
        logger.warning("A figure was wrong and is counted anew: %s", difference)
    with store.writing() as connection:
        rollups.rebuild(connection)
