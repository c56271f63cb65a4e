"""The attempts to order a cart, on its screen and on its order's: who, on what terms, and what came of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import streamlit as st

from crm_core.insight.attempts import answer_words, outcome_of_state, outcome_style
from crm_core.insight.related import AttemptLine
from pages.widgets import desk
from pages.widgets.layout import card, spread
from pages.widgets.status import coloured
from pages.widgets.text import ago, dotted, escaped, message, money

_MESSAGE = 400


def draw_attempts(attempts: Sequence[AttemptLine]) -> None:
    """The card, newest first; nothing where nobody has tried."""
    if not attempts:
        return
    zone = desk.reader_zone()
    with card("Attempts to order"):
        for each in attempts:
            style = outcome_style(outcome_of_state(each.state))
            with st.container(gap="xxsmall"):
                with spread(gap="xsmall"):
                    st.markdown(f":small[{coloured(style, style.label)} :gray[· {_terms(each)}]]", width="content")
                    st.caption(f"{escaped(each.person, 40)} · {ago(each.claimed_at, zone)}", width="content")
                for line in _answer(each):
                    st.markdown(f":small[{line}]")


def _terms(attempt: AttemptLine) -> str:
    """What was agreed to, what the order came to where that is known, and how long it took."""
    currency = attempt.currency or ""
    return dotted(
        [
            f"{money(attempt.shown_grand_total, currency)} shown",
            f"{money(attempt.placed_grand_total, currency)} ordered" if attempt.placed_grand_total is not None else "",
            f"{attempt.duration_ms / 1000:,.1f} s" if attempt.duration_ms is not None else "",
        ]
    )


def _answer(attempt: AttemptLine) -> Iterator[str]:
    """The shop's answer, what it meant and its words; and what a person must mend in the shop, or had to."""
    meant = answer_words(outcome_of_state(attempt.state), attempt.answer_status)
    answer = dotted([meant, message(attempt.message or "", _MESSAGE)])
    if answer:
        yield f":gray[{answer}]"
    if attempt.alarm:
        colour, icon = ("red", "warning") if attempt.alarm.holds else ("gray", "info")
        yield f":{colour}[:material/{icon}: {escaped(attempt.alarm.words, _MESSAGE)}]"
