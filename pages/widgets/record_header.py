"""The top of a record's screen: back to the list, the neighbours in it, the name with its status, and the actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from crm_core.errors import BadInput, DeskError
from crm_core.insight.directory import ChannelName, StoreView
from crm_core.insight.filters import Screen
from crm_core.insight.finding import PAGE_ROWS
from crm_core.insight.neighbours import Neighbours, neighbours
from crm_core.store.database import Store
from crm_core.sync.record import RecordChanges
from pages.widgets import desk, listing, screen_address
from pages.widgets.layout import row, spread
from pages.widgets.listing import Listing
from pages.widgets.text import ago, dotted, escaped, message

_Record = TypeVar("_Record")

_SAID = "record-said"
_LISTS = {
    "carts": ("Carts", "pages/sales/carts.py"),
    "orders": ("Orders", "pages/sales/orders.py"),
    "customers": ("Customers", "pages/sales/customers.py"),
}


def open_record(screen: Screen, read: Callable[[Store, int], _Record]) -> tuple[_Record, Listing]:
    """The record that the URL names and its place in the list; the way back there is drawn, and its neighbours.

    Where there is no such record, the title of the screen is drawn too before BadInput is raised on.
    """
    here, _ = listing.read(screen)
    try:
        key = _record_id(screen)
        record = read(desk.store(), key)
    except BadInput:
        draw_way_back(here, None)
        st.title(_one(screen).capitalize(), anchor=False)
        raise
    draw_way_back(here, neighbours(desk.store(), here.filter, here.sort, key, today=desk.reader_today()))
    return record, here


def _record_id(screen: Screen) -> int:
    wanted = screen_address.asked_for(_one(screen)) or ""
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
        raise BadInput("This link names no record. Go back to the list and press View on a row.")
    return int(wanted)


def draw_way_back(here: Listing, around: Neighbours | None) -> None:
    """The first line: back to the list as it was, and the neighbours of the record in it."""
    label, page = _LISTS[here.screen]
    if around is not None and around.position is not None:
        here = here.at_page((around.position - 1) // PAGE_ROWS + 1)
    with spread():
        # A link, not a button that switches: that would leave this screen without its id in the browser's history.
        st.page_link(page, label=label, icon=":material/arrow_back:", query_params=here.params())
        if around is None:
            return
        one = _one(here.screen)
        with row(width="content", gap="xsmall"):
            if around.position is not None:
                st.caption(f"{around.position:,} of {around.of}", width="content")
            _step("previous", around.previous, "up", "k", f"Previous {one} in this list", here)
            _step("next", around.next, "down", "j", f"Next {one} in this list", here)


def _one(screen: Screen) -> str:
    return screen.removesuffix("s")


def _step(name: str, key: int | None, arrow: str, shortcut: str, tip: str, here: Listing) -> None:
    keyboard = f" (key {shortcut.upper()})" if desk.has_keyboard() else ""
    st.button(
        "",
        icon=f":material/keyboard_arrow_{arrow}:",
        type="tertiary",
        key=f"record-{name}",
        help=f"{tip}{keyboard}" if key is not None else f"{tip}: there is none",
        shortcut=shortcut if desk.has_keyboard() else None,
        disabled=key is None,
        on_click=lambda: listing.go(here, id=str(key)),
    )


def draw_title(title: str, badges: Sequence[str], synchronised_at: datetime, facts: Sequence[str]) -> DeltaGenerator:
    """Name, badges, and when the shop last said so; the block returned takes the actions. All parts are Markdown."""
    with spread():
        with st.container(width="content", gap="xxsmall"):
            with row(width="content"):
                st.title(title, width="content", anchor=False)
                st.markdown(" ".join(badges), width="content")
            read = ago(synchronised_at, desk.reader_zone())
            st.caption(dotted([f":material/sync: Read from the shop {read}", *facts]), width="content")
        return row(width="content", gap="xsmall")


def sold_at(channel: ChannelName | None, view: StoreView | None) -> list[str]:
    """Channel, website and store view of a record as Markdown, for its title's facts."""
    return [
        escaped(channel.name, 60) if channel else "no channel reads it any more",
        escaped(view.website, 60) if view else "",
        f"{escaped(view.name, 60)} store view" if view else "",
    ]


def draw_synchronise(key: int, synchronise: Callable[[Store, int, str], RecordChanges]) -> None:
    """The button that reads the record from the shop now."""
    st.button(
        "Synchronise",
        icon=":material/sync:",
        key="synchronise",
        shortcut="s" if desk.has_keyboard() else None,
        help="Read this record from the shop now",
        on_click=_synchronise,
        args=(key, synchronise),
    )


def _synchronise(key: int, synchronise: Callable[[Store, int, str], RecordChanges]) -> None:
    try:
        found = synchronise(desk.store(), key, desk.person())
    except DeskError as error:
        st.session_state[_SAID] = (key, error)
        return
    st.session_state[_SAID] = (key, found)
    desk.announce(_in_short(found), icon=":material/sync:")


def _in_short(found: RecordChanges) -> str:
    if not found.found:
        return "The shop no longer has it."
    if not found.changes:
        return "Not everything could be read." if found.notes else "Nothing changed in the shop."
    return escaped(found.changes[0], 200) if len(found.changes) == 1 else f"{len(found.changes)} changes."


def draw_what_synchronising_said(key: int) -> None:
    """The outcome of the last press of Synchronise on this record: what changed, if anything, or what went wrong."""
    about, said = st.session_state.get(_SAID, (None, None))
    if about != key:
        st.session_state.pop(_SAID, None)
        return
    match said:
        case DeskError():
            desk.say(said)
        case RecordChanges():
            _draw_changes(said)


def _draw_changes(found: RecordChanges) -> None:
    took = (
        f":small[:gray[in {found.took:.1f} s]]" if found.took >= 1 else f":small[:gray[in {found.took * 1000:.0f} ms]]"
    )
    changes = "  \n".join(message(each, 300) for each in found.changes)
    if not found.found:
        st.warning(f"**The shop no longer has it.** {took}  \n{changes}", icon=":material/delete:")
    elif changes:
        st.info(f"**Changed in the shop** {took}  \n{changes}", icon=":material/sync:")
    elif not found.notes:
        st.success(f"Nothing changed in the shop since the desk read it last. {took}", icon=":material/check:")
    for note in found.notes:
        st.warning(message(note, 400), icon=":material/warning:")
