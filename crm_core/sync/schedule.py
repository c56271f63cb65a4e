"""What is due: per channel and entity, in the order that makes sense, claimed by one worker at a time.

Being due lives in the table sync_state, so a job queue that is lost loses nothing. A claim only pushes `due_at` a few
seconds ahead; that the same entity is never read twice at once is the lease's doing (crm_core.store.lease).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select, update

from crm_core.errors import BadInput, DeskError, NotAllowed, NotFound, PermissionMissing, ShopUnavailable
from crm_core.insight.turns import turn
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.tables import ENTITIES
from crm_core.sync.channels import Channel, channel_by_id, lease_name

CLAIM = timedelta(seconds=15)
"""How long claimed work may wait in the queue before it is offered again."""

FIRST_RETRY = timedelta(seconds=2)
LONGEST_BACK_OFF = timedelta(minutes=15)
ORDERS_GO_FIRST = timedelta(seconds=60)
"""How long carts wait for a run of orders under way. A longer one, such as a first import, must not keep them away."""


@dataclass(frozen=True)
class Due:
    """One entity of a channel that this process claimed and should read now."""

    channel_id: int
    entity: str


@dataclass(frozen=True)
class Request:
    """What a run is asked to do."""

    person: str | None
    full: bool
    is_first: bool
    started_at: datetime


def claim_due(store: Store) -> list[Due]:
    """What is due now and nobody reads, claimed for the caller; of several workers asking at once one gets it.

    Nothing of a shop is read before its store views are known (they tell the time zone). Carts wait for orders that are
    due, and for the first minute of a run of orders: it tells what became of them. They wait for one run, not for more.
    """
    now = datetime.now(UTC)
    with store.reading() as connection:
        if not _offered(connection, now):
            return []
    claimed = []
    with store.writing() as connection:
        # In the order in which everybody locks these rows, so that nobody waits in a circle.
        for channel_id, entity in sorted(_offered(connection, now)):
            done = connection.execute(
                update(tables.sync_state)
                .where(_of(channel_id, entity), tables.sync_state.c.due_at <= now)
                .values(due_at=now + CLAIM)
            )
            if done.rowcount:
                claimed.append(Due(channel_id, entity))
    return sorted(claimed, key=lambda due: (due.channel_id, ENTITIES.index(due.entity)))


def request_sync(
    store: Store, channel_id: int, person: str, entities: Sequence[str] = ENTITIES, *, full: bool = False
) -> None:
    """The worker reads these entities next, for `person`; with `full` every record anew, not only what changed.

    Raises NotAllowed if the channel is paused, with its reason, and BadInput for an unknown entity.
    """
    known_entities(entities)
    channel = channel_by_id(store, channel_id)
    if channel.paused_at is not None:
        raise NotAllowed(f"The channel “{channel.name}” is paused: {channel.paused_reason}")
    with store.writing() as connection:
        for entity in sorted(entities):
            values = {"due_at": datetime.now(UTC), "requested_by": person}
            if full and entity != "stores":  # of which every run reads all
                values["requested_full"] = True
            connection.execute(update(tables.sync_state).where(_of(channel_id, entity)).values(**values))


def known_entities(entities: Sequence[str]) -> None:
    """Raise BadInput unless all are entities that are mirrored."""
    for entity in entities:
        if entity not in ENTITIES:
            raise BadInput(f"“{entity}” is not mirrored. Choose from: {', '.join(ENTITIES)}.")


def begin(store: Store, channel_id: int, entity: str) -> Request:
    """Mark the run's start; the caller holds the lease, so runs that never ended were cut off, and are marked so.

    The entity is due from now on: the lease keeps others away, and should it end without `finish`, someone goes on
    at once. Says what the schedule or a person asks for.
    """
    now = datetime.now(UTC)
    with store.writing() as connection:
        state = connection.execute(select(tables.sync_state).where(_of(channel_id, entity))).one_or_none()
        if state is None:
            raise NotFound("This channel was removed.")
        connection.execute(
            update(tables.sync_run)
            .where(
                tables.sync_run.c.channel_id == channel_id,
                tables.sync_run.c.entity == entity,
                tables.sync_run.c.finished_at.is_(None),
            )
            .values(finished_at=tables.sync_run.c.renewed_at, error="It was cut off; the next run went on.")
        )
        connection.execute(
            update(tables.sync_state).where(_of(channel_id, entity)).values(last_started_at=now, due_at=now)
        )
    return Request(
        person=state.requested_by,
        full=state.requested_full,
        is_first=state.first_import_done_at is None,
        started_at=now,
    )


def note_full_pass(connection: Connection, channel_id: int, entity: str) -> None:
    """A full pass that was asked for begins with the transaction; whoever asks for one after that has another one."""
    connection.execute(update(tables.sync_state).where(_of(channel_id, entity)).values(requested_full=False))


def finish(store: Store, channel: Channel, entity: str, request: Request) -> None:
    """Mark the run as a success and set when the next is due: at once if someone asked for it meanwhile.

    A full pass that is still asked for was asked for after the run had begun, or while an earlier one was under way.
    """
    now = datetime.now(UTC)
    every = turn(entity, channel.every_seconds)
    with store.writing() as connection:
        connection.execute(
            update(tables.sync_state)
            .where(_of(channel.id, entity))
            .values(last_success_at=now, last_error=None, failures=0)
        )
        connection.execute(
            update(tables.sync_state)
            .where(_of(channel.id, entity), tables.sync_state.c.first_import_done_at.is_(None))
            .values(first_import_done_at=now)
        )
        connection.execute(
            update(tables.sync_state)
            .where(
                _of(channel.id, entity),
                tables.sync_state.c.due_at == request.started_at,
                tables.sync_state.c.requested_full.is_(False),
            )
            .values(due_at=max(request.started_at + every, now + timedelta(seconds=1)), requested_by=None)
        )


def finish_failed(store: Store, channel_id: int, entity: str, error: Exception) -> None:
    """Mark the run as failed and set when to try again: later after each failure, at most every 15 minutes.

    A missing permission is asked for only that rarely too: someone must tick it in the shop first.
    """
    now = datetime.now(UTC)
    with store.writing() as connection:
        failures = 1 + (connection.scalar(select(tables.sync_state.c.failures).where(_of(channel_id, entity))) or 0)
        wait = min(FIRST_RETRY * 2 ** min(failures - 1, 10), LONGEST_BACK_OFF)
        if isinstance(error, PermissionMissing):
            wait = LONGEST_BACK_OFF
        elif isinstance(error, ShopUnavailable) and error.retry_after is not None:
            wait = max(wait, min(timedelta(seconds=error.retry_after), LONGEST_BACK_OFF))
        connection.execute(
            update(tables.sync_state)
            .where(_of(channel_id, entity))
            .values(last_error=_words_of(error), failures=failures, due_at=now + wait)
        )


def _words_of(error: Exception) -> str:
    """What went wrong, for a person; of a bug only where to look: its own words may be a page of SQL."""
    if isinstance(error, DeskError):
        return str(error)
    return f"Something unexpected went wrong ({type(error).__name__}). The log of the worker tells what."


def last_successes(store: Store, channel_id: int) -> dict[str, datetime | None]:
    """When each entity of the channel was last read to its end, in the order of work; None: never."""
    query = select(tables.sync_state.c.entity, tables.sync_state.c.last_success_at).where(
        tables.sync_state.c.channel_id == channel_id
    )
    with store.reading() as connection:
        found = {row.entity: row.last_success_at for row in connection.execute(query)}
    return {entity: found.get(entity) for entity in ENTITIES}


def last_read(store: Store, channel_id: int, entity: str) -> datetime | None:
    """When the entity was last read to its end; None if never."""
    with store.reading() as connection:
        moment: datetime | None = connection.scalar(
            select(tables.sync_state.c.last_success_at).where(_of(channel_id, entity))
        )
    return moment


def _of(channel_id: int, entity: str) -> ColumnElement[bool]:
    return and_(tables.sync_state.c.channel_id == channel_id, tables.sync_state.c.entity == entity)


def _offered(connection: Connection, now: datetime) -> list[tuple[int, str]]:
    """What is due and may be read now."""
    rows = connection.execute(
        select(tables.sync_state)
        .join(tables.channel, tables.channel.c.id == tables.sync_state.c.channel_id)
        .where(tables.channel.c.paused_at.is_(None))
    ).all()
    if not any(row.due_at <= now for row in rows):
        return []
    held = set(connection.scalars(select(tables.lease.c.name).where(tables.lease.c.expires_at > now)))
    states = {(row.channel_id, row.entity): row for row in rows}
    return [
        (row.channel_id, row.entity)
        for row in rows
        if row.due_at <= now
        and lease_name(row.channel_id, row.entity) not in held
        and not _must_wait(row, states, held, now)
    ]


def _must_wait(row: Row[Any], states: dict[tuple[int, str], Row[Any]], held: set[str], now: datetime) -> bool:
    if row.entity == "stores":
        return False
    if states[row.channel_id, "stores"].last_success_at is None:
        return True
    orders = states[row.channel_id, "orders"]
    if row.entity != "carts" or orders.failures:
        return False
    if orders.last_success_at is not None and orders.last_success_at > row.due_at:
        return False  # where a run of orders takes longer than the interval, the next one is due at once, always
    if lease_name(row.channel_id, "orders") in held:
        return bool(orders.last_started_at is not None and orders.last_started_at > now - ORDERS_GO_FIRST)
    # Due, or claimed and not yet begun: a claim puts it that much ahead.
    claimed_at = orders.due_at - CLAIM
    return bool(claimed_at <= now and (orders.last_started_at is None or orders.last_started_at < claimed_at))
