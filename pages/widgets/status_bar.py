"""The statuses of the filtered rows: one bar in proportion, and a control that is its legend and quick filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from crm_core.insight.counts import StatusCount
from pages.widgets import listing
from pages.widgets.charts import CONFIG, Slice
from pages.widgets.figures import meter_figure
from pages.widgets.listing import Listing
from pages.widgets.status import coloured
from pages.widgets.text import escaped

_ALL = ""


def draw_status_meter(counts: Sequence[StatusCount], name: str) -> None:
    """The bar; nothing where no row matches."""
    slices = tuple(
        Slice(each.status, each.style.label, each.count.value or 0, each.style.color, str(each.count))
        for each in counts
        if each.count.value
    )
    if slices:
        st.plotly_chart(meter_figure(slices), config=CONFIG, key=f"{name}-meter", alt=f"{name.capitalize()} by status")


def draw_status_control(counts: Sequence[StatusCount], here: Listing, everything: str) -> None:
    """One segment a status that is in use or chosen, with its count; a press shows only those rows."""
    chosen = here.filter.statuses
    labels = {
        each.status: coloured(each.style, f"{escaped(each.style.label, 32)} {each.count}")
        for each in counts
        if each.count.value != 0 or each.status in chosen or each.status in _ALWAYS
    }
    labels |= {status: escaped(status, 32) for status in chosen if status not in labels}
    if len(chosen) > 1:
        _control(here, labels, "multi", list(chosen))
    else:
        _control(here, {_ALL: f"All {everything}", **labels}, "single", chosen[0] if chosen else _ALL)


_ALWAYS = frozenset({"open", "purchased", "expired", "lost"})


def _control(here: Listing, labels: dict[str, str], mode: Any, value: Any) -> None:
    key = f"filter-status-{mode}"
    st.session_state[key] = value

    def changed() -> None:
        now = st.session_state[key]
        statuses = tuple(now) if mode == "multi" else (now,) if now else ()
        listing.show(here.filter.changed(statuses=statuses))

    st.segmented_control(
        "Status",
        list(labels),
        key=key,
        format_func=labels.__getitem__,
        selection_mode=mode,
        required=mode == "single",
        label_visibility="collapsed",
        on_change=changed,
    )
