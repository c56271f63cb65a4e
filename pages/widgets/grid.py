"""The grid: one page of rows drawn on a canvas as plain text, with View on each row and a sort on each header.

Rows come sorted and cut from the store; a click on a header only changes the URL. The table goes to Streamlit as Arrow,
without pandas: that halves the server's work for a page. Where rows can be ticked, what is ticked are records, not
places in the list: a row that moves takes its tick along, one that leaves the page loses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from math import ceil
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
import streamlit as st

from pages.widgets.text import age, times

_HEIGHT = 556
_ROW_HEIGHT = 32
_ROWS_SHOWN = 16
_CHIPS = pa.list_(pa.string())
_DIGIT, _LETTER, _MARK, _AROUND = 7.4, 8.5, 3.6, 18
"""Pixels of a digit, of a letter, of a point, comma or space, and of what a cell leaves free beside its text."""

_NARROWEST_TEXT = 96
_TICKS_AND_HEADERS: tuple[Literal["multi-row"], Literal["single-column"]] = ("multi-row", "single-column")

Kind = Literal["text", "amount", "chip", "instant", "age"]


@dataclass(frozen=True)
class Shown:
    """A column as the reader sees it: the key to sort by, its label, its width in pixels and what its cells hold."""

    key: str
    label: str
    width: int
    kind: Kind = "text"
    sortable: bool = True
    hint: str | None = None
    """What the label does not say; shown at the header."""


@dataclass(frozen=True)
class Chips:
    """The badges a status column may show, each with its colour name."""

    labels: tuple[str, ...]
    colours: tuple[str, ...]


def draw_grid(
    *,
    name: str,
    columns: Sequence[Shown],
    cells: dict[str, list[Any]],
    chips: Chips,
    zone: ZoneInfo,
    sort: tuple[str, bool],
    on_view: Callable[[int], None],
    on_sort: Callable[[str], None],
    tickable: Sequence[int] | None = None,
) -> None:
    """Draws the page. `cells` holds a list for each column; `sort` is the key and whether it descends.

    An instant is told in the reader's `zone`, as everywhere: one of another year says so.

    `on_view` gets the index of the row whose View was pressed, `on_sort` the key of the header that was pressed.
    With `tickable`, the key of the record of each row, rows have a box to tick: see `ticked`.
    """
    count = len(next(iter(cells.values())))
    view = f"{name}-view"
    arrays: dict[str, pa.Array] = {"view": pa.array([":material/visibility:"] * count, pa.string())}
    config: dict[str, Any] = {
        "view": st.column_config.ButtonColumn(
            "", width=36, pinned=True, type="tertiary", key=view, on_click=lambda: on_view(_pressed_row(view))
        )
    }
    for column in _fitting(columns, cells):
        order = "" if column.key != sort[0] else " ↓" if sort[1] else " ↑"
        arrays[column.key] = _array(column.kind, cells[column.key], zone)
        config[column.key] = _config(column, column.label + order, chips if column.kind == "chip" else None)
    # A header press selects its column; another key for another order clears that mark again.
    key = f"{name}-{sort[0]}-{'down' if sort[1] else 'up'}"
    sortable = {column.key for column in columns if column.sortable}

    if tickable is not None:
        _keep_ticks(name, key, tickable)

    def pressed() -> None:
        selection = st.session_state[key].selection
        if tickable is not None:
            st.session_state[_ticks(name)] = tuple(tickable[row] for row in selection.rows if row < len(tickable))
        if not selection.columns:
            return
        if selection.columns[0] in sortable:
            on_sort(selection.columns[0])
        else:  # nothing came of the press, so the column is not left marked
            st.session_state[key] = {"selection": {"rows": list(selection.rows)}}

    st.dataframe(
        pa.table(arrays),
        hide_index=True,
        height=_HEIGHT if count > _ROWS_SHOWN else "content",
        row_height=_ROW_HEIGHT,
        key=key,
        on_select=pressed,
        selection_mode="single-column" if tickable is None else _TICKS_AND_HEADERS,
        column_config=config,
        placeholder="—",
        alt=name.capitalize(),
    )


def ticked(name: str) -> tuple[int, ...]:
    """The keys of the records that are ticked on the grid's page, in the order of the ticks; call it after drawing."""
    found: tuple[int, ...] = st.session_state.get(_ticks(name), ())
    return found


def tick(name: str, records: Sequence[int]) -> None:
    """These records are ticked, and no others; a callback, for the next drawing."""
    st.session_state[_ticks(name)] = tuple(records)


def _ticks(name: str) -> str:
    return f"{name}-ticks"


def _keep_ticks(name: str, key: str, records: Sequence[int]) -> None:
    """The boxes follow the records that were ticked: Streamlit remembers the places of the rows alone."""
    remaining = [each for each in ticked(name) if each in records]
    if remaining or ticked(name):
        st.session_state[_ticks(name)] = tuple(remaining)
    places = [records.index(each) for each in remaining]
    drawn = st.session_state.get(key)
    if places != (list(drawn["selection"]["rows"]) if drawn else []):
        st.session_state[key] = {"selection": {"rows": places}}


def _fitting(columns: Sequence[Shown], cells: dict[str, list[Any]]) -> list[Shown]:
    """The columns with each amount as wide as its longest, and the columns of text narrower by that, while they can.

    An amount stands at the right edge: one that is too long would lose its currency or its first digits.
    """
    widths = {
        each.key: max([each.width, *(_pixels(text) for text in cells[each.key] if text)])
        for each in columns
        if each.kind == "amount"
    }
    missing = sum(widths[each.key] - each.width for each in columns if each.key in widths)
    for each in columns:
        if each.kind == "text" and missing:
            widths[each.key] = max(each.width - missing, min(each.width, _NARROWEST_TEXT))
            missing -= each.width - widths[each.key]
    return [replace(each, width=widths.get(each.key, each.width)) for each in columns]


def _pixels(text: str) -> int:
    """The width of a cell that shows all of the text."""
    return ceil(_AROUND + sum(_MARK if mark in ".,\u00a0 " else _LETTER if mark.isalpha() else _DIGIT for mark in text))


def _array(kind: Kind, values: list[Any], zone: ZoneInfo) -> pa.Array:
    match kind:
        case "chip":
            return pa.array([[value] for value in values], _CHIPS)
        case "instant":
            return pa.array(times(values, zone), pa.string())
        case "age":
            now = datetime.now(UTC)
            return pa.array([age(value, now) for value in values], pa.string())
        case "amount" | "text":
            return pa.array(values, pa.string())


@lru_cache(maxsize=512)
def _config(column: Shown, label: str, chips: Chips | None) -> dict[str, Any]:
    """What Streamlit is told of a column, without what is unset: it copies all of it on every run."""
    options: Any
    match column.kind:
        case "chip":
            options = st.column_config.MultiselectColumn(
                label,
                width=column.width,
                help=column.hint,
                options=chips.labels if chips else (),
                color=chips.colours if chips else (),
            )
        case "age" | "amount":
            options = st.column_config.TextColumn(label, width=column.width, alignment="right", help=column.hint)
        case "text" | "instant":
            options = st.column_config.TextColumn(label, width=column.width, help=column.hint)
    set_ones = {name: value for name, value in options.items() if value is not None}
    set_ones["type_config"] = {name: value for name, value in options["type_config"].items() if value is not None}
    return set_ones


def _pressed_row(key: str) -> int:
    return int(st.session_state[key].row)
