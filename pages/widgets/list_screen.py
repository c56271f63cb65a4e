"""The screen of a list, the same for all of them: filters, statuses, sums, one page of rows, pagination."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import streamlit as st

from crm_core.insight.counts import Count, status_counts
from crm_core.insight.customers import CustomerRow
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.grids import CartRow, OrderRow, Page
from crm_core.insight.sorting import column_of
from crm_core.insight.statuses import StatusStyle
from pages.widgets import desk, first_run, listing
from pages.widgets.filter_bar import draw_conditions, draw_filter_bar, searched_in
from pages.widgets.grid import Shown, draw_grid, tick, ticked
from pages.widgets.layout import nothing_here, pager, row, spread
from pages.widgets.listing import Listing
from pages.widgets.status import chips
from pages.widgets.status_bar import draw_status_control, draw_status_meter
from pages.widgets.text import dotted, escaped, money, plural, when

_ENDS = {"alphabet": ("A", "Z"), "size": ("lowest", "highest"), "time": ("oldest", "newest")}
_Row = TypeVar("_Row", CartRow, OrderRow, CustomerRow)


@dataclass(frozen=True)
class ListScreen(Generic[_Row]):
    """What differs between the lists: how a page is read, what its columns hold, and where View leads."""

    screen: Screen
    title: str
    one: str
    columns: Sequence[Shown]
    read_page: Callable[..., Page[_Row]]
    cells: Callable[[Sequence[_Row]], dict[str, list[Any]]]
    record_page: str
    style: Callable[[_Row], StatusStyle] | None = None
    """How a row's status looks; None: rows have no status."""
    draw_ticked: Callable[[Sequence[_Row]], None] | None = None
    """Draws what can be done with the rows that are ticked, below the grid; None: rows cannot be ticked."""

    legend: Callable[[Sequence[_Row]], str] | None = None
    """What a sign in the cells of these rows means, where one of them has it; None: cells hold words alone."""

    draw_action: Callable[[], None] | None = None
    """Draws what stands right of the title; None: nothing."""

    def draw(self) -> None:
        """Draws the whole screen."""
        with spread():
            st.title(self.title, width="content", anchor=False)
            if self.draw_action:
                self.draw_action()
        here, problems = listing.read(self.screen)
        names = desk.names()
        counts = status_counts(desk.store(), here.filter, today=desk.reader_today(), names=names) if self.style else []
        if not any(each.count.value for each in counts) and first_run.draw_if_nothing_to_show(self.screen):
            return
        draw_filter_bar(here, names)
        for problem in problems + listing.unknown_names(self.screen):
            st.warning(escaped(problem, 300), icon=":material/edit:")
        draw_status_meter(counts, self.screen)
        with spread(gap="xsmall"):
            if self.style:
                draw_status_control(counts, here, _in_all([each.count for each in counts]))
            draw_conditions(here, names)
        self._rows()

    @st.fragment
    @desk.guarded
    def _rows(self) -> None:
        """The page of rows; a fragment of its own, so that paging and sorting draw nothing else."""
        here, _ = listing.read(self.screen)
        before: Page[_Row] | None = st.session_state.get(f"{self.screen}-page")
        today, names = desk.reader_today(), desk.names()
        page = self.read_page(desk.store(), here.filter, here.sort, here.page, near=before, today=today, names=names)
        st.session_state[f"{self.screen}-page"] = page
        with spread(gap="xsmall"):
            sums = "".join(f" · {money(each.amount, each.currency)}" for each in page.sums)
            among = " with items" if self.screen == "carts" and here.filter.with_items else ""
            st.markdown(f"**{page.matching}** of {plural(page.total, self.one)}{among}:gray[{sums}]", width="content")
            st.caption(self._place(here, page), width="content")
        if page.page != here.page and page.rows:
            st.warning(f"There is no page {here.page:,}: the last one is shown.", icon=":material/edit:")
        if page.importing:
            first_run.draw_importing(here.filter, page.importing, page.total)
        if not page.rows:
            _nothing_matches(here, self.one)
            return
        draw_grid(
            name=self.screen,
            columns=self.columns,
            cells=self.cells(page.rows),
            chips=chips({self.style(each) for each in page.rows} if self.style else set()),
            zone=desk.reader_zone(),
            sort=(here.sort.column, here.sort.descending),
            on_view=lambda index: _view(self.record_page, here.at_page(page.page), page.rows[index].key),
            on_sort=lambda column: listing.go(here.sorted_by(column)),
            tickable=[row.key for row in page.rows] if self.draw_ticked else None,
        )
        with spread():
            self._below(page.rows)
            _pagination(here, page.page, page.pages)

    def _below(self, rows: Sequence[_Row]) -> None:
        """What stands under the grid, where it moves no row: what to do with those ticked, or how its rows are used."""
        opens = f":material/visibility: opens the {self.one}"
        cut = "double-click a cell to read all of it" if desk.has_keyboard() else ""
        told: list[str] = [self.legend(rows) if self.legend else "", opens, cut]
        if self.draw_ticked is None:
            st.caption(dotted(told), width="content")
            return
        chosen = set(ticked(self.screen))
        with row(gap="xsmall", width="content"):
            if chosen:
                self.draw_ticked([each for each in rows if each.key in chosen])
                label, after = "Clear", tuple[int, ...]()
            else:
                st.caption(dotted([*told, f"tick {self.one}s to convert several at once"]), width="content")
                label, after = f"Tick all {len(rows)}", tuple(each.key for each in rows)
            st.button(label, type="tertiary", key=f"{self.screen}-tick", on_click=tick, args=(self.screen, after))

    def _place(self, here: Listing, page: Page[_Row]) -> str:
        column = column_of(self.screen, here.sort.column)
        first, last = _ENDS[column.by][:: -1 if here.sort.descending else 1]
        order = f"{first} to {last}" if column.by == "alphabet" else f"{first} first"
        numbers = f"{page.first_number:,}–{page.last_number:,}" if page.rows else ""
        return dotted([f"{column.ordered_by or column.label}, {order}", numbers, _as_of(page.as_of)])


def _as_of(moment: datetime | None) -> str:
    return f"as of {when(moment, desk.reader_zone())}" if moment else "not read completely yet"


def _in_all(counts: Sequence[Count]) -> str:
    if any(each.value is None for each in counts):
        return ""
    whole = sum(each.value or 0 for each in counts)
    return f"{whole:,}" if all(each.exact for each in counts) else f"{whole:,}+"


def _view(record_page: str, here: Listing, key: int) -> None:
    listing.leave(here, record_page, id=str(key))


def _pagination(here: Listing, page: int, pages: int) -> None:
    key = f"{here.screen}-pagination"
    st.session_state[key] = page

    def turned() -> None:
        listing.go(here.at_page(st.session_state[key]))

    pager(pages, key=key, on_change=turned)


def _nothing_matches(here: Listing, one: str) -> None:
    words = [escaped(each.label, 60) for each in here.filter.conditions(desk.names())]
    why = (
        f"Active: {dotted(words)}." if words else f"There is no {one} with items yet." if here.screen == "carts" else ""
    )
    if here.filter.text:
        why += f" {searched_in(here.screen)}"
    with nothing_here("search_off", f"No {one} matches these filters", why or f"There is no {one} yet."):
        if here.filter.statuses and len(words) > 1 and st.button("Remove the status filter", type="primary"):
            _show_at_once(here.filter.changed(statuses=()))
        if words and st.button("Clear all filters"):
            _show_at_once(Filter(here.screen))
        if not words and here.screen == "carts" and here.filter.with_items and st.button("Show empty carts too"):
            _show_at_once(here.filter.changed(with_items=False))


def _show_at_once(wanted: Filter) -> None:
    """Shows another filter, the filter bar with it: a press in a fragment draws the fragment alone."""
    listing.show(wanted)
    st.rerun()
