"""Every attempt to place an order: who, when, on what terms, what the shop answered, and why some made no order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from crm_core.insight.attempts import (
    OUTCOMES,
    AttemptPage,
    AttemptRow,
    ReasonCount,
    Wanted,
    answer_words,
    attempt_page,
    outcome_style,
    reason_words,
)
from crm_core.insight.directory import Directory
from crm_core.insight.periods import PRESETS, Period
from pages.widgets import desk, listing, screen_address
from pages.widgets.grid import Shown, draw_grid
from pages.widgets.layout import card, nothing_here, pager, row, spread
from pages.widgets.status import chip, chips, coloured
from pages.widgets.text import dotted, escaped, money, plain, plural

# The first columns fill a phone's 362 pixels; at 1440 the 1,088 of the page end on a column's edge.
_COLUMNS = (
    Shown("outcome", "Outcome", 104, "chip", sortable=False),
    Shown("name", "Customer", 130, sortable=False),
    Shown("shown", "Total shown", 92, "amount", sortable=False),
    Shown("placed", "Placed", 92, "amount", sortable=False),
    Shown("claimed", "When", 112, "instant", sortable=False),
    Shown("person", "Who", 112, sortable=False),
    Shown("order", "Order", 96, sortable=False),
    Shown("answer", "Answer", 314, sortable=False),
    Shown("took", "Took", 64, "amount", sortable=False),
    Shown("cart", "Cart", 64, sortable=False),
    Shown("channel", "Channel", 130, sortable=False),
    Shown("status", "HTTP status", 84, sortable=False),
)
_ALL = ""
_IN_THE_URL = ("outcome", "made", "person", "channel", "reason", "page")


@desk.guarded
def _screen() -> None:
    params = st.query_params.to_dict()
    wanted, problems = Wanted.from_url(params)
    names = desk.names()
    page = attempt_page(
        desk.store(),
        wanted,
        listing.page_number(params, problems),
        names=names,
        today=desk.reader_today(),
        zone=desk.reader_zone(),
    )
    with spread():
        st.title("Attempts", width="content", anchor=False)
    if not page.people:
        title, text = "Nobody has tried to place an order yet", "Open a cart and press Place order."
        with nothing_here("shopping_cart_checkout", title, text):
            open_ones = listing.everything("carts", statuses=("open",))
            st.page_link(
                "pages/sales/carts.py",
                label="Show the open carts",
                icon=":material/shopping_cart:",
                query_params=open_ones.params(),
            )
        return
    _filters(wanted, page, names)
    for problem in (*problems, *listing.not_filters(params, _IN_THE_URL)):
        st.warning(escaped(problem, 300), icon=":material/edit:")
    _outcomes(wanted, page)
    _reasons(wanted, page)
    with spread(gap="xsmall"):
        st.markdown(f"**{page.matching:,}** {'attempt' if page.matching == 1 else 'attempts'}", width="content")
        st.caption("Newest first", width="content")
    if not page.rows:
        with nothing_here("search_off", "No attempt matches these filters", "Choose another period or outcome."):
            st.button("Clear all filters", on_click=_go, args=(Wanted(),))
        return
    draw_grid(
        name="attempts",
        columns=_COLUMNS,
        cells=_cells(page.rows),
        chips=chips({outcome_style(each.outcome) for each in page.rows}),
        zone=desk.reader_zone(),
        sort=("claimed", True),
        on_view=lambda index: _view(page.rows[index]),
        on_sort=lambda _: None,
    )
    with spread():
        opens = ":material/visibility: opens the order, or the cart where none came of it"
        cut = "double-click a cell to read all of it" if desk.has_keyboard() else ""
        st.caption(dotted([opens, cut]), width="content")
        _pagination(wanted, page)


def _filters(wanted: Wanted, page: AttemptPage, names: Directory) -> None:
    with row(gap="xsmall"):
        period = wanted.period.code if wanted.period else _ALL
        _select(
            "Period",
            {_ALL: "Any time", **PRESETS, **({} if period in {_ALL, *PRESETS} else {period: period})},
            period,
            lambda code: replace(wanted, period=Period.parse(code) if code else None),
        )
        _select(
            "Person",
            {_ALL: "Everybody", **{each: plain(each, 40) for each in page.people}},
            wanted.person or _ALL,
            lambda person: replace(wanted, person=person or None),
        )
        _select(
            "Channel",
            {_ALL: "All channels", **{str(each.id): plain(each.name, 40) for each in names.channels}},
            _ALL if wanted.channel is None else str(wanted.channel),
            lambda channel: replace(wanted, channel=int(channel) if channel else None),
        )
        if wanted != Wanted():
            st.button("Clear", type="tertiary", on_click=_go, args=(Wanted(),))


def _select(label: str, options: dict[str, str], value: str, change: Callable[[str], Wanted]) -> None:
    key = f"attempts-{label.lower()}"
    options.setdefault(value, plain(value, 40))  # one that the address names and nobody has any more
    st.session_state[key] = value
    st.selectbox(
        label,
        list(options),
        key=key,
        format_func=options.__getitem__,
        label_visibility="collapsed",
        width=170,
        on_change=lambda: _go(change(st.session_state[key])),
    )


def _outcomes(wanted: Wanted, page: AttemptPage) -> None:
    """The outcomes with their counts: legend and quick filter."""
    labels = {_ALL: f"All {sum(page.outcomes.values()):,}"}
    for outcome in OUTCOMES:
        style = outcome_style(outcome)
        labels[outcome] = coloured(style, f"{style.label} {page.outcomes[outcome]:,}")
    key = "attempts-outcome"
    st.session_state[key] = wanted.outcomes[0] if len(wanted.outcomes) == 1 else _ALL if not wanted.outcomes else None

    def changed() -> None:
        chosen = st.session_state[key]
        _go(replace(wanted, outcomes=(chosen,) if chosen else ()))

    with row():
        st.segmented_control(
            "Outcome",
            list(labels),
            key=key,
            format_func=labels.__getitem__,
            required=len(wanted.outcomes) < 2,
            label_visibility="collapsed",
            on_change=changed,
        )


def _reasons(wanted: Wanted, page: AttemptPage) -> None:
    """Why attempts made no order, counted; a press shows those of one reason."""
    if not page.reasons:
        return
    labels = {each.reason: _reason_label(each) for each in page.reasons}
    if wanted.reason:
        labels.setdefault(wanted.reason, escaped(reason_words(wanted.reason), 40))
    key = "attempts-reason"
    st.session_state[key] = wanted.reason
    with card("Why no order came of it", "each cart once a reason, with what it came to", gap="small"):
        st.pills(
            "Reason",
            list(labels),
            key=key,
            format_func=labels.__getitem__,
            label_visibility="collapsed",
            on_change=lambda: _go(replace(wanted, reason=st.session_state[key])),
        )


def _reason_label(counted: ReasonCount) -> str:
    value = dotted(money(each.amount, each.currency) for each in counted.value)
    return dotted([escaped(reason_words(counted.reason), 40), plural(counted.carts, "cart"), escaped(value, 80)])


def _cells(rows: Sequence[AttemptRow]) -> dict[str, list[Any]]:
    return {
        "outcome": [chip(outcome_style(row.outcome)) for row in rows],
        "name": [plain(row.name, 80) or ("Guest" if row.is_mirrored else "Cart not in the desk") for row in rows],
        "shown": [money(row.shown_grand_total, row.currency) for row in rows],
        "placed": [
            None if row.placed_grand_total is None else money(row.placed_grand_total, row.currency) for row in rows
        ],
        "claimed": [row.claimed_at for row in rows],
        "person": [plain(row.person, 60) for row in rows],
        "order": [plain(row.order_increment_id, 40) or None for row in rows],
        "answer": [_answer(row) for row in rows],
        "took": [None if row.duration_ms is None else f"{row.duration_ms / 1000:,.1f} s" for row in rows],
        "cart": [str(row.cart_origin_id) for row in rows],
        "channel": [plain(row.channel, 60) for row in rows],
        "status": [str(row.answer_status) if row.answer_status else None for row in rows],
    }


def _answer(row: AttemptRow) -> str:
    return dotted([plain(row.alarm, 300), answer_words(row.outcome, row.answer_status), plain(row.message, 300)])


def _view(row: AttemptRow) -> None:
    if row.order_key is not None and row.order_increment_id is not None:
        screen_address.leave("pages/sales/order.py", id=str(row.order_key))
    screen_address.leave("pages/sales/cart.py", id=str(row.cart_key))


def _pagination(wanted: Wanted, page: AttemptPage) -> None:
    key = "attempts-pagination"
    st.session_state[key] = page.page
    pager(page.pages, key=key, on_change=lambda: _go(wanted, st.session_state[key]))


def _go(wanted: Wanted, page: int = 1) -> None:
    """Writes the filter into the URL; the next run shows it."""
    st.query_params.from_dict(wanted.to_url() | ({"page": str(page)} if page > 1 else {}))


_screen()
