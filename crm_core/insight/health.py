"""How each channel's mirror stands: in step with its shop, being read, late or stopped, and what is in quarantine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, func, select

from crm_core.insight.directory import Directory
from crm_core.insight.turns import turn
from crm_core.store.database import Store
from crm_core.store.tables import (
    ENTITIES,
    cart_status_total,
    channel,
    customer_total,
    order_status_total,
    quarantine,
    shop,
    sync_run,
    sync_state,
)

State = Literal["waiting", "first_import", "running", "in_step", "late", "stopped"]
"""waiting: never read and nothing is reading it; late: the last turn failed, or no success for three turns; stopped: a
person is needed, also while it is tried again, until that reads something."""

_ALIVE = timedelta(seconds=90)
"""A run that gave no sign of life for so long is dead: its lease of a minute ran out."""

_LATE_TURNS = 3
_SLACK = timedelta(seconds=60)
_FAILURES_TO_STOP = 3
_QUARANTINE_SHOWN = 200


@dataclass(frozen=True)
class EntityHealth:
    """How one entity of a channel stands, times in UTC.

    `behind_seconds` is by how much the next reading is overdue; of what has stopped, where none is waited for that is
    likely to succeed, how long the last one is past. `mirrored` is None if rows were not counted.
    `read`, `expected`, `per_second` and `seconds_left` are of the run under way; None if there is none or it cannot be
    told yet.
    """

    entity: str
    state: State
    last_success_at: datetime | None
    behind_seconds: int
    mirrored: int | None
    remote_count: int | None
    read: int | None
    expected: int | None
    per_second: float | None
    seconds_left: int | None
    quarantined: int
    next_due_at: datetime | None
    requested_by: str | None
    last_error: str | None

    @property
    def is_under_way(self) -> bool:
        """Whether it is being read now; what has stopped is being tried again then."""
        return self.read is not None

    @property
    def progress(self) -> float | None:
        """The part of the run under way that is done, 0 to 1."""
        if self.read is None or not self.expected:
            return None
        return min(1.0, self.read / self.expected)


@dataclass(frozen=True)
class ChannelHealth:
    """How a channel stands; its state is that of the entity that needs most attention."""

    id: int
    name: str
    base_url: str
    allow_writes: bool
    is_demo: bool
    every_seconds: int
    paused_at: datetime | None
    paused_reason: str | None
    timezones: tuple[str, ...]
    currencies: tuple[str, ...]
    store_views: tuple[str, ...]
    state: State
    entities: tuple[EntityHealth, ...]

    @property
    def quarantined(self) -> int:
        """Records of the channel in quarantine."""
        return sum(each.quarantined for each in self.entities)


@dataclass(frozen=True)
class QuarantinedRecord:
    """A record that could not be mirrored and is tried again; `reason` may hold the shop's words, which are data."""

    id: int
    entity: str
    origin_id: int
    reason: str
    first_seen_at: datetime
    last_tried_at: datetime
    tries: int


_NEED = ("in_step", "running", "waiting", "first_import", "late", "stopped")


def channel_health(store: Store, *, count_rows: bool = True, now: datetime | None = None) -> list[ChannelHealth]:
    """Every channel by name; without `count_rows` mirrored rows are not counted, which is quicker on a large store."""
    now = now or datetime.now(UTC)
    with store.reading() as connection:
        names = Directory.read(connection)
        states = {(row.channel_id, row.entity): row for row in connection.execute(select(sync_state))}
        quarantined = _quarantined(connection)
        counted = _mirrored(connection, names) if count_rows else {}
        rows = connection.execute(
            select(channel, shop.c.base_url).join_from(channel, shop).order_by(channel.c.name)
        ).all()
        return [_channel(connection, row, names, states, quarantined, counted, now) for row in rows]


def quarantined_records(store: Store, channel_id: int) -> list[QuarantinedRecord]:
    """The channel's records in quarantine, latest first, at most 200."""
    with store.reading() as connection:
        rows = connection.execute(
            select(
                quarantine.c.id,
                quarantine.c.entity,
                quarantine.c.origin_id,
                quarantine.c.reason,
                quarantine.c.first_seen_at,
                quarantine.c.last_tried_at,
                quarantine.c.tries,
            )
            .where(quarantine.c.channel_id == channel_id)
            .order_by(quarantine.c.last_tried_at.desc(), quarantine.c.id.desc())
            .limit(_QUARANTINE_SHOWN)
        )
        return [QuarantinedRecord(**row) for row in rows.mappings()]


def _channel(
    connection: Connection,
    row: Any,
    names: Directory,
    states: Mapping[tuple[int, str], Any],
    quarantined: Mapping[tuple[int, str], int],
    counted: Mapping[tuple[int, str], int],
    now: datetime,
) -> ChannelHealth:
    scope = None if row.website_ids is None else set(msgspec.json.decode(row.website_ids, type=list[int]))
    views = [
        view for view in names.stores if view.shop_id == row.shop_id and (scope is None or view.website_id in scope)
    ]
    entities = tuple(
        _entity(
            connection,
            row,
            entity,
            states.get((row.id, entity)),
            quarantined.get((row.id, entity), 0),
            counted.get((row.id, entity)),
            now,
        )
        for entity in ENTITIES
    )
    return ChannelHealth(
        id=row.id,
        name=row.name,
        base_url=row.base_url,
        allow_writes=row.allow_writes,
        is_demo=row.is_demo,
        every_seconds=row.every_seconds,
        paused_at=row.paused_at,
        paused_reason=row.paused_reason,
        timezones=tuple(sorted({view.timezone for view in views})),
        currencies=tuple(sorted({view.base_currency for view in views})),
        store_views=tuple(view.name for view in views),
        state=max((each.state for each in entities), key=_NEED.index),
        entities=entities,
    )


def _entity(
    connection: Connection, row: Any, entity: str, state: Any, quarantined: int, mirrored: int | None, now: datetime
) -> EntityHealth:
    run = connection.execute(
        select(sync_run)
        .where(sync_run.c.channel_id == row.id, sync_run.c.entity == entity)
        .order_by(sync_run.c.started_at.desc())
        .limit(1)
    ).one_or_none()
    under_way = run is not None and run.finished_at is None and now - run.renewed_at < _ALIVE
    per_second = _per_second(run) if under_way else None
    last_success_at = state.last_success_at if state else None
    due_at = state.due_at if state else None
    every = turn(entity, row.every_seconds)
    stands = _state(row, state, run if under_way else None, now - _LATE_TURNS * every - _SLACK)
    allowed = timedelta(0) if stands == "stopped" else every + _SLACK
    return EntityHealth(
        entity=entity,
        state=stands,
        last_success_at=last_success_at,
        behind_seconds=_behind(allowed, last_success_at, now),
        mirrored=mirrored,
        remote_count=state.remote_count if state else None,
        read=run.read if under_way and run else None,
        expected=run.expected if under_way and run else None,
        per_second=per_second,
        seconds_left=_seconds_left(run, per_second),
        quarantined=quarantined,
        next_due_at=None if row.paused_at else due_at,
        requested_by=state.requested_by if state else None,
        last_error=state.last_error if state else None,
    )


def _state(row: Any, state: Any, run: Any, late_since: datetime) -> State:
    if row.paused_at is not None:
        return "stopped"
    is_failing = state is not None and state.failures >= (1 if state.last_success_at is None else _FAILURES_TO_STOP)
    if run is not None and (run.read or not is_failing):
        return "first_import" if run.kind == "first" else "running"
    if state is None:
        return "waiting"
    if is_failing:
        return "stopped"
    if state.last_success_at is None:
        return "waiting"
    return "late" if state.failures or state.last_success_at < late_since else "in_step"


def _behind(allowed: timedelta, last_success_at: datetime | None, now: datetime) -> int:
    if last_success_at is None:
        return 0
    return max(0, int((now - last_success_at - allowed).total_seconds()))


def _per_second(run: Any) -> float | None:
    seconds = (run.renewed_at - run.started_at).total_seconds()
    return run.read / seconds if seconds > 0 and run.read else None


def _seconds_left(run: Any, per_second: float | None) -> int | None:
    if run is None or not per_second or run.expected is None:
        return None
    return max(0, round(float(run.expected - run.read) / per_second))


def _quarantined(connection: Connection) -> dict[tuple[int, str], int]:
    rows = connection.execute(
        select(quarantine.c.channel_id, quarantine.c.entity, func.count().label("records")).group_by(
            quarantine.c.channel_id, quarantine.c.entity
        )
    )
    return {(row.channel_id, row.entity): row.records for row in rows}


def _mirrored(connection: Connection, names: Directory) -> dict[tuple[int, str], int]:
    """Rows by channel and entity, by the rollups."""
    found: dict[tuple[int, str], int] = {}

    def add(shop_id: int, store_id: int, entity: str, rows: int) -> None:
        owner = names.channel_of(shop_id, store_id)
        if owner is not None:
            found[owner.id, entity] = found.get((owner.id, entity), 0) + rows

    for entity, table, measure in (
        ("carts", cart_status_total, cart_status_total.c.carts),
        ("orders", order_status_total, order_status_total.c.orders),
    ):
        by_store = (table.c.shop_id, table.c.store_id)
        for row in connection.execute(select(*by_store, func.sum(measure).label("n")).group_by(*by_store)):
            add(row.shop_id, row.store_id, entity, int(row.n))
    for view in names.stores:
        add(view.shop_id, view.origin_id, "stores", 1)
    by_website = (customer_total.c.shop_id, customer_total.c.website_id)
    counted = select(*by_website, func.sum(customer_total.c.customers).label("n")).group_by(*by_website)
    for row in connection.execute(counted):
        for each in names.channels:
            if each.shop_id == row.shop_id and (each.website_ids is None or row.website_id in each.website_ids):
                found[each.id, "customers"] = found.get((each.id, "customers"), 0) + int(row.n)
    return {(each.id, entity): found.get((each.id, entity), 0) for each in names.channels for entity in ENTITIES}
