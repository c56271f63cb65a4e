"""The checks of a preflight as a person works them off: what to settle first, each with its fix; the rest folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, cast

import streamlit as st

from crm_core.errors import DeskError
from crm_core.sales.cart_fixes import change_of
from crm_core.sales.decisions import reopen
from crm_core.sales.preflight.check import CHOICES, Check, Figure, Fix, FixKind, Verdict
from crm_core.sales.preflight.run import Preflight
from pages.widgets import desk
from pages.widgets.cart_editor import draw_fix, needs_form
from pages.widgets.layout import row
from pages.widgets.mending import Mending, OnChanged, OnOutdated
from pages.widgets.text import escaped, plural

PLACE = "fix"
"""Where the fixes' buttons and forms keep what was typed and said; `mending.forget` takes it."""

_COLOURS = {Verdict.FAIL: "red", Verdict.LOOK: "orange", Verdict.UNKNOWN: "gray", Verdict.PASS: "green"}
_ICONS = {Verdict.FAIL: "error", Verdict.LOOK: "warning", Verdict.UNKNOWN: "help", Verdict.PASS: "check"}
_AT_ONCE = frozenset((FixKind.ENTER_EMAIL,))
"""Fixes whose form is shown without a press: one field, and nothing to ask the shop for."""

_MOST_LINES = 8
"""Of figures, so that a check of a cart with many products does not push the others out of sight."""

_PAGES = {
    FixKind.OPEN_ORDER: ("pages/sales/order.py", "order_key"),
    FixKind.OPEN_CHANNEL: ("pages/setup/channels.py", ""),
}


@dataclass(frozen=True)
class Checking:
    """What the fixes act on: `check_again` asks the shop anew, with True also to recalculate the cart.

    Whoever is told `on_outdated` asks anew, too.
    """

    cart_key: int
    check_again: Callable[[bool], None]
    on_changed: OnChanged
    on_outdated: OnOutdated

    @property
    def mending(self) -> Mending:
        """The fixes that need nothing but a press."""
        return Mending(self.cart_key, PLACE, self.on_changed, self.on_outdated)


def to_settle(found: Preflight) -> list[Check]:
    """What a person should read before placing: what will fail, what the shop would take, what it would not tell.

    A first choice of shipping or payment is none of them: it is made where these stand.
    """
    failing = [check for check in found.blocking if check not in found.to_choose]
    looks = [check for check in found.checks if check.verdict is Verdict.LOOK]
    untold = [
        check
        for check in found.checks
        if check.verdict is Verdict.UNKNOWN and any(fix.kind is FixKind.TRY_AGAIN for fix in check.fixes)
    ]
    return [*failing, *looks, *untold]


def draw_to_settle(found: Preflight, checking: Checking, without: Check | None = None) -> None:
    """The lines that a person should read, the worst first, each with its fix; `without` stands elsewhere already."""
    shown = [check for check in to_settle(found) if check != without]
    seen: Counter[str] = Counter()
    for check in shown:
        # Not by its place in the list: what was opened stays with its check when another one is settled.
        name = f"{check.code}-{check.item_id or 0}"
        draw_check(check, f"{name}-{seen[name]}", checking)
        seen[name] += 1


def draw_rest(found: Preflight) -> None:
    """What cannot be known and what passed, folded, with how many there are."""
    settled = to_settle(found)
    unknown = [check for check in found.checks if check.verdict is Verdict.UNKNOWN and check not in settled]
    passed = [check for check in found.checks if check.verdict is Verdict.PASS]
    if unknown:
        _fold(f"{plural(len(unknown), 'thing')} cannot be known here", "help", unknown)
    if passed:
        _fold(f"{plural(len(passed), 'check')} passed", "check_circle", passed)


def draw_check(check: Check, name: str, checking: Checking) -> None:
    """One line of the preflight: the verdict in words, the shop's figures, and what would mend it, right there."""
    colour = _COLOURS[check.verdict]
    with st.container(border=True, gap="xsmall", key=f"check-{name}"):
        icon = f":{colour}[:material/{_ICONS[check.verdict]}:]"
        st.markdown(f"{icon} **{escaped(check.title, 160)}** &nbsp;:{colour}-badge[{check.verdict.words}]")
        if check.detail:
            st.caption(escaped(check.detail, 400))
        if check.figures:
            st.caption(_figures(check.figures))
        _draw_fixes(check, name, checking)


def _figures(figures: Sequence[Figure]) -> str:
    """Markdown of the figures: side by side, or a line for each product or row of the totals that they belong to."""
    lines = []
    for of, found in groupby(figures, key=lambda each: each.of):
        told = [f"{escaped(each.label, 60)} **{escaped(each.text, 60)}**" for each in found]
        lines.append(f"{escaped(of, 60)}: {', '.join(told)}" if of else " · ".join(told))
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"and {len(lines) - _MOST_LINES} more"]
    return "  \n".join(lines)


def _fold(label: str, icon: str, checks: Sequence[Check]) -> None:
    with st.expander(label, icon=f":material/{icon}:"):
        for check in checks:
            colour, mark = _COLOURS[check.verdict], _ICONS[check.verdict]
            detail = f"  \n:small[:gray[{escaped(check.detail, 300)}]]" if check.detail else ""
            st.markdown(f":small[:{colour}[:material/{mark}:] &nbsp;{escaped(check.title, 160)}]{detail}")


# ---- fixes ----------------------------------------------------------------------------------------------------------


def _draw_fixes(check: Check, name: str, checking: Checking) -> None:
    """The buttons side by side, and below them the form of the one that was opened."""
    forms = [fix for fix in check.fixes if needs_form(fix)]
    pressed = [fix for fix in check.fixes if fix not in forms and fix.kind not in CHOICES]
    opened = f"{PLACE}-open-{name}"
    shown = forms[0].kind if forms and forms[0].kind in _AT_ONCE else st.session_state.get(opened)
    if pressed or any(fix.kind not in _AT_ONCE for fix in forms):
        with row(gap="xsmall"):
            for number, fix in enumerate(pressed):
                _draw_press(fix, name, number, checking)
            for fix in forms:
                if fix.kind not in _AT_ONCE:
                    st.button(
                        escaped(fix.label, 80),
                        icon=":material/edit:" if shown != fix.kind else ":material/expand_less:",
                        key=f"{PLACE}-{name}-{fix.kind}",
                        on_click=_open,
                        args=(opened, None if shown == fix.kind else fix.kind),
                    )
        checking.mending.draw_trouble(name)
    if check.verdict is Verdict.FAIL and any(fix.kind in CHOICES for fix in check.fixes):
        st.caption("Choose or enter it below.")
    for fix in forms:
        if fix.kind == shown:
            draw_fix(checking.cart_key, check, fix, checking.on_changed, checking.on_outdated)


def _open(key: str, kind: FixKind | None) -> None:
    st.session_state[key] = kind


def _draw_press(fix: Fix, name: str, number: int, checking: Checking) -> None:
    """The button of a fix that needs nothing but a press, or the link to where it is mended."""
    arguments = cast("Mapping[str, Any]", fix.arguments)
    label = escaped(fix.label, 80)
    if fix.kind in _PAGES:
        page, key = _PAGES[fix.kind]
        st.page_link(
            page, label=label, icon=":material/arrow_forward:", query_params={"id": str(arguments[key])} if key else {}
        )
        return
    change = change_of(fix)
    if change is not None:
        checking.mending.button(label, name, lambda: change, name=number, icon=":material/build:")
        return
    key = f"{PLACE}-{name}-{number}"
    match fix.kind:
        case FixKind.REOPEN:
            st.button(label, icon=":material/undo:", key=key, on_click=_reopen, args=(checking,))
        case FixKind.RECALCULATE:
            st.button(label, icon=":material/calculate:", key=key, on_click=checking.check_again, args=(True,))
        case _:
            st.button(label, icon=":material/refresh:", key=key, on_click=checking.check_again, args=(False,))


def _reopen(checking: Checking) -> None:
    try:
        reopen(desk.store(), checking.cart_key, desk.person())
    except DeskError as error:
        desk.announce(escaped(str(error), 300), icon=":material/error:")
    checking.check_again(False)
