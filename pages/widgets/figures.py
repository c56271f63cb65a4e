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


@lru_cache(maxsize=64)
def line_figure(figures: Dashboard, what: str) -> go.Figure:
    """Revenue, or orders where `what` is "Orders", by day beside the period before."""
    is_money = what == "Revenue"
    now = figures.revenue.by_day if is_money else figures.orders.by_day
    then = figures.previous_revenue_by_day if is_money else figures.previous_orders_by_day
    first, final = figures.previous_first.toordinal(), figures.previous_final.toordinal()
    return charts.over_time(
        figures.days,
        [float(each or 0) for each in now],
        [float(each) for each in then],
        previous_days=[date.fromordinal(day) for day in range(first, final + 1)],
        currency=figures.currency if is_money else "",
    )


@lru_cache(maxsize=256)
def bar_figure(slices: tuple[Slice, ...]) -> go.Figure:
    """One bar a slice."""
    return charts.bars(slices)


@lru_cache(maxsize=256)
def meter_figure(slices: tuple[Slice, ...]) -> go.Figure:
    """One thin bar in proportion to the slices."""
    return charts.meter(slices)
