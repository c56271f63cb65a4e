"""Places in a long list of which the rollups tell how far down they are: a page is walked to from the nearest.

The rollups count by status and by day, of the creation and of the last update: a list sorted by those is walked from
where a status or a day begins. One sorted by anything else is walked from an end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func, literal, select, tuple_

from crm_core.insight.counts import Rollup, rollup_of
from crm_core.insight.directory import Directory
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.periods import Today
from crm_core.insight.sorting import Sort
from crm_core.insight.where import where
from crm_core.store.tables import cart_created_total, cart_day_total, order, order_day_total, order_updated_total

FAR = 30_000
"""Rows that are walked past about as soon as a rollup tells a way round them."""

_DAYS: dict[Screen, dict[str, Column[date]]] = {
    "carts": {
        "updated": cart_day_total.c.updated_day,
        "created": cart_created_total.c.created_day,
        "status": cart_day_total.c.updated_day,
    },
    "orders": {
        "updated": order_updated_total.c.updated_day,
        "created": order_day_total.c.local_day,
        "status": order_day_total.c.local_day,
    },
    "customers": {},
}
"""For each sort that has one, the rollup column of days that the sorted list follows; by status, within one status."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Landmark:
    """A place in the list as it ascends: `before` of its rows sort before `at`, which is empty for either end.

    `at` is what the list is sorted by, or the first parts of it.
    """

    before: int
    at: tuple[Any, ...] = ()

    def steps(self, rows: range) -> int:
        """How many rows are walked from it to the last one of `rows`, their numbers, counted from 0."""
        return rows.stop - self.before if self.before <= rows.start else self.before - rows.start

    def condition(self, keys: Sequence[ColumnElement[Any]], *, upwards: bool) -> list[ColumnElement[bool]]:
        """What holds for the rows from there upwards, or for those before it, in a list sorted by `keys`."""
        if not self.at:
            return []
        here = tuple_(*keys[: len(self.at)])
        there = tuple_(*(literal(value, key.type) for key, value in zip(keys, self.at, strict=False)))
        found: ColumnElement[bool] = here >= there if upwards else here < there
        return [found]


def nearest(
    connection: Connection,
    wanted: Filter,
    sort: Sort,
    rows: range,
    matching: int,
    names: Directory,
    today: Today,
    *,
    far: int = FAR,
) -> Landmark:
    """The landmark with the shortest way to the rows of these numbers, counted from 0 as the list ascends.

    It lies at or before the first of them, or behind the last. `matching` rows are in the list. One with no more than
    `far` rows on the way is good enough.
    """
    found = _nearest([Landmark(0), Landmark(matching)], rows)
    within = Landmark(0)
    if sort.column == "status" and found.steps(rows) > far and (rollup := rollup_of(wanted, names, today)):
        statuses = _starts(_counted(connection, rollup, rollup.table.c.status))
        found = _nearest([found, *statuses], rows)
        within = max((each for each in statuses if each.before <= rows.start), key=lambda each: each.before)
        wanted = replace(wanted, statuses=within.at)
    day = _DAYS[wanted.screen].get(sort.column)
    if day is not None and found.steps(rows) > far:
        found = _nearest([found, *_day(connection, wanted, day, within, rows, names, today)], rows)
    return found


def _day(
    connection: Connection,
    wanted: Filter,
    column: Column[date],
    within: Landmark,
    rows: range,
    names: Directory,
    today: Today,
) -> list[Landmark]:
    """Where the last day begins that is not behind the first of the rows; `within` is where their status begins."""
    rollup = rollup_of(wanted, names, today, day=column)
    if rollup is None:
        return []
    counted = _counted(connection, rollup, column)
    begun = [each.at[0] for each in _starts(counted, within.before) if each.before <= rows.start]
    if not begun or begun[-1] < date.min + 3 * _DAY:
        return []
    # No zone is a whole day off UTC: a day of an order's store begins after the day before it began in UTC.
    is_local = column is order_day_total.c.local_day
    day: date = begun[-1] - _DAY if is_local else begun[-1]
    midnight = datetime.combine(day, time(), UTC)
    before = within.before
    if is_local:
        # So before that midnight is all of the days up to two before it, and a part of the two days after those.
        conditions = where(connection, wanted, names, today, status_by_index=False)
        created = order.c.created_at
        early = [created >= midnight - 2 * _DAY, created < midnight, order.c.local_day >= day - _DAY]
        before += int(connection.scalar(select(func.count()).where(*conditions, *early)) or 0)
        day -= _DAY
    before += sum(number for each, number in counted if each < day)
    return [Landmark(before, (*within.at, midnight))]


def _counted(connection: Connection, rollup: Rollup, by: Column[Any]) -> list[tuple[Any, int]]:
    """How many rows there are of each value, in the order in which the database sorts them."""
    query = select(by, func.sum(rollup.rows)).where(*rollup.conditions).group_by(by).order_by(by)
    return [(value, int(number)) for value, number in connection.execute(query)]


def _starts(counted: Iterable[tuple[Any, int]], before: int = 0) -> list[Landmark]:
    """Where each value begins."""
    found = []
    for value, number in counted:
        found.append(Landmark(before, (value,)))
        before += number
    return found


def _nearest(landmarks: Iterable[Landmark], rows: range) -> Landmark:
    usable = [each for each in landmarks if not rows.start < each.before < rows.stop]
    return min(usable, key=lambda each: each.steps(rows))
