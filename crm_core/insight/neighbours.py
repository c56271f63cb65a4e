"""The way from one record to the next in the list that it was opened from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from crm_core.errors import NotFound, TooSlow
from crm_core.insight.counts import LIMIT, Count, rollup_cells, tally_of
from crm_core.insight.directory import Directory, directory
from crm_core.insight.filters import Filter
from crm_core.insight.finding import PAGE_SECONDS, beyond, plan, position, whole_list
from crm_core.insight.periods import Today
from crm_core.insight.sorting import Sort, sort_keys
from crm_core.insight.where import ROWS, unindexed
from crm_core.store.database import Store


@dataclass(frozen=True)
class Neighbours:
    """The records before and after one in a filtered and sorted list, by key; None at the ends.

    `position` is its number in the list, from 1; None if the record is not in it, or is further down than is counted.
    """

    position: int | None
    of: Count
    previous: int | None
    next: int | None


def neighbours(store: Store, wanted: Filter, sort: Sort, key: int, *, today: Today | None = None) -> Neighbours:
    """What stands before and after the record in the list; the ways on are given too if it has left the list itself.

    Raises NotFound for an unknown key.
    """
    today = today or Today.now()
    names = directory(store)
    what = ("neighbours", wanted, sort, key, today, names)
    try:
        return store.kept(what, lambda: _read_neighbours(store, wanted, sort, key, today, names))
    except TooSlow:
        return Neighbours(None, Count(None, exact=False), None, None)


def _read_neighbours(store: Store, wanted: Filter, sort: Sort, key: int, today: Today, names: Directory) -> Neighbours:
    table = ROWS[wanted.screen].table
    with store.reading() as connection:
        keys = sort_keys(wanted.screen, sort, names)
        own = connection.execute(select(*keys).where(table.c.id == key)).one_or_none()
    if own is None:
        raise NotFound(f"There is no such record in {wanted.screen}. Go back to the list.")
    with store.reading(PAGE_SECONDS) as connection:
        cells = rollup_cells(connection, wanted, names, today)
        if cells is not None:
            counted = tally_of(cells).matching
        else:
            matches = whole_list(connection, wanted, sort, names, today)
            counted = Count(LIMIT, exact=False) if matches is None else Count(len(matches))
            if matches is not None and key in matches:
                place = matches.index(key)
                return Neighbours(
                    position=place + 1,
                    of=counted,
                    previous=matches[place - 1] if place else None,
                    next=matches[place + 1] if place + 1 < len(matches) else None,
                )
        return _around(connection, wanted, sort, tuple(own), counted, names, today)


def _around(
    connection: Connection,
    wanted: Filter,
    sort: Sort,
    own: tuple[Any, ...],
    counted: Count,
    names: Directory,
    today: Today,
) -> Neighbours:
    table = ROWS[wanted.screen].table
    keys = sort_keys(wanted.screen, sort, names)
    walk, conditions = plan(connection, wanted, sort, counted, names, today)
    ordered = keys if walk else (unindexed(connection, keys[0]), *keys[1:])
    previous, following = (
        connection.scalar(
            select(table.c.id)
            .where(*conditions, beyond(keys, own, descending=descending))
            .order_by(*(each.desc() if descending else each.asc() for each in ordered))
            .limit(1)
        )
        for descending in (not sort.descending, sort.descending)
    )
    place = position(connection, table.c.id, conditions, keys, own, sort)
    return Neighbours(place, counted, previous, following)
