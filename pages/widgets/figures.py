"""Figures built once a result: the same numbers give the same figure to every session of the process.

They are shared, so nobody changes one. Streamlit's own caches would cost more per look than these small tuples' hash.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import plotly.graph_objects as go

from crm_core.insight.metrics import Dashboard
from pages.widgets import charts
from pages.widgets.charts import Slice

_WEEK = 7
_MOST_DAYS = 120
"""So many points can still be told apart; a longer period is drawn by the week."""


def is_by_week(figures: Dashboard) -> bool:
    """Whether the period is too long for a point a day."""
    return len(figures.days) > _MOST_DAYS


@lru_cache(maxsize=64)
def line_figure(figures: Dashboard, what: str) -> go.Figure:
    """Revenue, or orders where `what` is "Orders", by day beside the period before; see is_by_week.

    The weeks end with the period: of 365 days the first one is in none.
    """
    step = _WEEK if is_by_week(figures) else 1
    is_money = what == "Revenue"
    now = figures.revenue.by_day if is_money else figures.orders.by_day
    then = figures.previous_revenue_by_day if is_money else figures.previous_orders_by_day
    first, final = figures.previous_first.toordinal(), figures.previous_final.toordinal()
    start = len(figures.days) % step
    return charts.over_time(
        figures.days[start::step],
        _summed([float(each or 0) for each in now][start:], step),
        _summed([float(each) for each in then][start:], step),
        previous_days=[date.fromordinal(day) for day in range(first + start, final + 1, step)],
        currency=figures.currency if is_money else "",
        is_by_week=step == _WEEK,
    )


def _summed(values: list[float], step: int) -> list[float]:
    return [sum(values[at : at + step]) for at in range(0, len(values), step)]


@lru_cache(maxsize=256)
def bar_figure(slices: tuple[Slice, ...]) -> go.Figure:
    """One bar a slice."""
    return charts.bars(slices)


@lru_cache(maxsize=256)
def meter_figure(slices: tuple[Slice, ...]) -> go.Figure:
    """One thin bar in proportion to the slices."""
    return charts.meter(slices)
