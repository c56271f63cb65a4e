"""The charts: Plotly figures from plain numbers, in tones that hold on a light and a dark ground.

A figure never asks which theme is on: backgrounds stay unset and Streamlit's theme fills them, so a switch of theme
needs no run. Zooming and dragging are off, so a swipe scrolls the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import accumulate
from typing import Any, NamedTuple

import plotly.graph_objects as go

from pages.widgets.text import LABEL_LENGTH, chart_text, currency_symbol, plain

CONFIG: dict[str, Any] = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False, "showTips": False}
"""Plotly's options for every chart."""

ACCENT = "#6A68E0"
TONES = {
    "blue": "#2B8AE6",
    "green": "#2FA56C",
    "gray": "#8B8D98",
    "red": "#E0494C",
    "orange": "#D2700F",
    "yellow": "#B58500",
}
"""The tone of each of Streamlit's colour names, mid enough for both grounds."""

_BARE: dict[str, Any] = {"layout": {"dragmode": False}}
"""In place of Plotly's own template, nine tenths of a figure's bytes; Streamlit fills in the colours of its theme."""

_LETTER = 6.5
"""Pixels that a letter of a label takes."""

_NARROWEST = 300
"""Pixels of the narrowest card; labels, bars and the texts at their ends share it."""

_SHORTEST_SHARE = 0.4
"""The share of what the labels leave that the longest bar has at least."""

_MUTED = "#757A85"
_GRID = "rgba(128,132,145,.18)"
_FONT = "IBM Plex Sans"


class Slice(NamedTuple):
    """One bar: the key that a click gives back, its label, its length, its colour name and the text at its end.

    Under the pointer the bar is called `whole`, or by its label where that says all.
    """

    key: str
    label: str
    value: float
    colour: str
    text: str
    whole: str = ""


def _layout(height: int, **changes: Any) -> dict[str, Any]:
    axis = {"fixedrange": True, "zeroline": False, "ticks": "", "automargin": True}
    layout: dict[str, Any] = {
        "height": height,
        "template": _BARE,
        "margin": {"l": 0, "r": 0, "t": 4, "b": 0, "pad": 4},
        "showlegend": False,
        "dragmode": False,
        "bargap": 0.38,
        "font": {"family": _FONT, "size": 12, "color": _MUTED},
        "hovermode": "closest",
        "hoverlabel": {"font": {"family": _FONT, "size": 12}},
        "xaxis": {**axis, "showgrid": False, "showline": False, "tickfont": {"size": 11, "color": _MUTED}},
        "yaxis": {
            **axis,
            "showgrid": True,
            "gridcolor": _GRID,
            "gridwidth": 1,
            "nticks": 5,
            "tickfont": {"size": 11, "color": _MUTED},
        },
    }
    for name, value in changes.items():
        layout[name] = {**layout[name], **value} if isinstance(layout.get(name), dict) else value
    return layout


def over_time(
    days: Sequence[date],
    current: Sequence[float],
    previous: Sequence[float],
    *,
    previous_days: Sequence[date] = (),
    currency: str = "",
    is_by_week: bool = False,
) -> go.Figure:
    """Two lines over the days of a period: now, filled, and the period before it, dotted, day by day under it.

    With `currency` the values are amounts of it, else counts; `is_by_week`: each day stands for the week it begins.
    """
    unit = chart_text(currency_symbol(currency)) if currency else ""
    figures = ",.0f" if currency else ",d"
    week = "week of " if is_by_week else ""
    before = [f"{week}{day:%a} {day.day} {day:%b}" for day in previous_days]
    top = max([*current, *previous], default=0)
    return go.Figure(
        data=[
            {
                "type": "scatter",
                "x": list(days),
                "y": list(previous),
                "name": "Before",
                "mode": "lines",
                "line": {"color": "#9A9EA8", "width": 1.5, "dash": "2px,3px"},
                "customdata": before,
                "hovertemplate": f"{unit}%{{y:{figures}}}" + (" on %{customdata}" if before else ""),
            },
            {
                "type": "scatter",
                "x": list(days),
                "y": list(current),
                "name": "This period",
                "mode": "lines",
                "line": {"color": ACCENT, "width": 2},
                "fill": "tozeroy",
                "fillcolor": "rgba(106,104,224,.10)",
                "hovertemplate": f"{unit}%{{y:{figures}}}",
            },
        ],
        layout=_layout(
            264,
            hovermode="x unified",
            xaxis={
                "tickformat": "%b\n%Y" if is_by_week else "%-d %b",
                "nticks": 8,
                "hoverformat": f"{week.capitalize()}%a %-d %b %Y",
                "spikecolor": "rgba(128,132,145,.55)",
                "spikethickness": 1,
                "spikedash": "solid",
                "spikemode": "across",
            },
            yaxis={
                "tickprefix": unit,
                "tickformat": "~s" if top >= 1_000 else ",.0f",
                "rangemode": "tozero",
                **({} if top else {"range": [0, 1]}),
                **({"dtick": 1} if 0 < top <= 4 and not currency else {}),
            },
        ),
    )


def bars(slices: Sequence[Slice], row_height: int = 26) -> go.Figure:
    """One horizontal bar a slice, first on top, its text at its end. A point's customdata is the slice's key."""
    turned = list(reversed(slices))
    longest = max((piece.value for piece in turned), default=0) or 1
    room = _NARROWEST - _LETTER * max((len(plain(piece.label, LABEL_LENGTH)) for piece in turned), default=0)
    beside = _LETTER * max((len(piece.text) for piece in turned), default=0) + 8
    reach = room / max(room - beside, room * _SHORTEST_SHARE)
    return go.Figure(
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "y": [piece.key for piece in turned],
                "x": [piece.value for piece in turned],
                "customdata": [piece.key for piece in turned],
                "marker": {
                    "color": [TONES.get(piece.colour, ACCENT) for piece in turned],
                    "cornerradius": 3,
                },
                "text": [piece.text for piece in turned],
                "textposition": "outside",
                "cliponaxis": False,
                "textfont": {"size": 12, "color": _MUTED},
                "hovertext": [f"{chart_text(piece.whole or piece.label, 120)}: {piece.text}" for piece in turned],
                "hoverinfo": "text",
            }
        ],
        layout=_layout(
            max(row_height * len(turned) + 4, 12),
            bargap=0.42,
            hovermode="y",  # all of a row can be pressed, however short its bar is
            xaxis={"visible": False, "range": [0, longest * reach]},
            yaxis={
                "showgrid": False,
                "nticks": 0,
                "tickmode": "array",
                "tickvals": [piece.key for piece in turned],
                "ticktext": [chart_text(piece.label) for piece in turned],
                "tickfont": {"size": 12},
                "ticklabelstandoff": 8,
                "type": "category",
            },
        ),
    )


def meter(slices: Sequence[Slice], height: int = 10) -> go.Figure:
    """One thin bar cut in proportion to the slices, in their order: which share is what, without axes or text.

    It is drawn on every list, so it is small: one trace, and no ornament.
    """
    starts = list(accumulate((piece.value for piece in slices), initial=0.0))
    axis = {"visible": False, "fixedrange": True}
    return go.Figure(
        data=[
            {
                "type": "bar",
                "orientation": "h",
                "x": [piece.value for piece in slices],
                "base": starts[:-1],
                "y": [""] * len(slices),
                "marker": {"color": [TONES.get(piece.colour, ACCENT) for piece in slices], "line": {"width": 0}},
                "hovertext": [f"{chart_text(piece.label, 60)}: {piece.text}" for piece in slices],
                "hovertemplate": "%{hovertext}<extra></extra>",
            }
        ],
        layout={
            "height": height,
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0, "pad": 0},
            "barmode": "overlay",
            "bargap": 0,
            "showlegend": False,
            "dragmode": False,
            "hovermode": "closest",
            "xaxis": {**axis, "range": [0, starts[-1] or 1]},
            "yaxis": axis,
            "template": _BARE,
        },
    )
