"""The days of a period of orders: each store's own, counted back from the day that it is there.

While it is tomorrow already in one store and today in another, the same preset means other days to each of them.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from crm_core.insight.directory import Directory, Scope
from crm_core.insight.periods import Period, Today


class OwnDays(NamedTuple):
    """The first and the last day of a period, both in it, to some store views; None where it is open."""

    first: date | None
    final: date | None
    views: frozenset[tuple[int, int]]
    """The store views as (shop id, origin id)."""


def own_days(period: Period, names: Directory, scope: Scope | None, today: Today) -> tuple[OwnDays, ...]:
    """The days of the period in the store views in scope, earliest first; most of the time it is one run for all.

    What belongs to a store view that is not known has the earliest ones.
    """
    if period.preset is None:
        return (OwnDays(period.first, period.final, frozenset()),)
    by_day: dict[date, set[tuple[int, int]]] = {}
    for view in names.stores:
        if scope is None or scope.holds(view.shop_id, view.origin_id):
            by_day.setdefault(today.in_zone(view.timezone), set()).add((view.shop_id, view.origin_id))
    by_day = by_day or {today.utc: set()}
    return tuple(OwnDays(*period.days(day), frozenset(by_day[day])) for day in sorted(by_day))
