"""The lines at the foot of the navigation: whether what is on screen is in step with the shops, and who is at it."""

from __future__ import annotations

import streamlit as st

from crm_core.errors import DeskError
from crm_core.insight.health import ChannelHealth, channel_health
from crm_core.settings import settings
from pages.widgets import desk
from pages.widgets.text import escaped

_SECONDS = 10
_LINES = (
    ("stopped", "red", "sync_problem", "has stopped", "have stopped"),
    ("late", "orange", "history", "is late", "are late"),
    ("first_import", "blue", "downloading", "is being read for the first time", "are being read for the first time"),
    ("waiting", "gray", "schedule", "waits to be read", "wait to be read"),
)


@st.fragment(run_every=_SECONDS)
def status_line() -> None:
    """Says which stores are late or have stopped, or that all are in step, and keeps saying it while the page is open.

    Nothing while there is no store.
    """
    try:
        channels = _health(settings().store_url)
    except DeskError:
        return  # the screen beside it says it, with the next step
    if not channels:
        return
    for state, colour, icon, one, many in _LINES:
        found = [each for each in channels if each.state == state]
        if found:
            if len(channels) == 1:
                text = f"{escaped(found[0].name, 40)} {one}"
            else:
                text = f"{len(found)} of {len(channels)} stores {one if len(found) == 1 else many}"
            st.caption(f":{colour}[:material/{icon}:]&nbsp;{text}")
            return
    names = escaped(channels[0].name, 40) if len(channels) == 1 else f"All {len(channels)} stores"
    st.caption(f":green[:material/check_circle:]&nbsp;{names} in step")


def person_line() -> None:
    """Says whose name decisions and orders carry, and on a machine without a sign-in how to change it."""
    try:
        name = desk.person()
    except DeskError:
        return  # whatever needs a name says that it is missing
    hint = "Decisions and orders carry your name."
    if not st.user.get("is_logged_in"):
        hint += " To be called by another one, start the desk with CRM_USER set to it."
    st.caption(f":material/person:&nbsp;{escaped(name, 40)}", help=hint)


@st.cache_resource(show_spinner=False, ttl=_SECONDS)
def _health(url: str) -> list[ChannelHealth]:  # noqa: ARG001  # the cache's key
    return channel_health(desk.store(), count_rows=False)
