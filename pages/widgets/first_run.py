"""What the screens show before there is anything to show: no channel yet, or a first import under way."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from crm_core.insight.counts import total_rows
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.freshness import freshness
from pages.widgets import add_channel, desk
from pages.widgets.layout import nothing_here, spread
from pages.widgets.text import escaped

_LOOK_AGAIN_SECONDS = 2


def draw_if_nothing_to_show(screen: Screen) -> bool:
    """Whether there is nothing yet; then the reason and the next step are on show until the first records come."""
    names = desk.names()
    if names.channels and _has_any(screen):
        return False
    if names.channels:
        _waiting(screen)
    else:
        draw_no_channel()
        add_channel.draw_if_open()
    return True


def draw_no_channel() -> None:
    """What a desk shows that reads no shop yet, with the one next step."""
    with nothing_here(
        "storefront",
        "Connect your first Magento store",
        "The desk mirrors its carts and orders, newest first. The first ones are on screen within a minute, and "
        "nothing in the shop is changed.",
    ):
        add_channel.draw_button()


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@desk.guarded
def _waiting(screen: Screen) -> None:
    if _has_any(screen):
        st.rerun()
    known = desk.names()
    names = " and ".join(escaped(each.name, 40) for each in known.channels)
    with desk.store().reading() as connection:
        is_read = not freshness(connection, (screen,), known).importing
    if is_read:
        title, text = f"No {screen} in {names} yet", "They appear here by themselves as soon as there are some."
    else:
        title = f"Reading {names}"
        text = f"The newest {screen} come first and appear here by themselves. If nothing comes, Channels tells why."
    with nothing_here("inbox" if is_read else "sync", title, text):
        if st.button("Show the channels", icon=":material/hub:"):
            st.switch_page("pages/setup/channels.py")


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@desk.guarded
def draw_importing(wanted: Filter, importing: Sequence[str], shown: int) -> None:
    """Says that a first import is running and how many rows came since `shown` of them were counted.

    They appear when the reader asks for them: no row moves under the hand, and nothing half typed is lost.
    """
    known = desk.names()
    with desk.store().reading() as connection:
        still = freshness(connection, (wanted.screen,), known).importing
        more = total_rows(connection, wanted) - shown
    names = ", ".join(escaped(name, 40) for name in importing)
    came = f": {more:,} more {wanted.screen} came" if more > 0 else ""
    with st.container(border=True), spread():
        if still:
            st.markdown(f":blue[:material/sync:] The first import of {names} is running, newest first{came}.")
        else:
            st.markdown(f":green[:material/check_circle:] The first import of {names} is done{came}.")
        if (more > 0 or not still) and st.button("Show them", icon=":material/refresh:", type="tertiary"):
            st.rerun()


def _has_any(screen: Screen) -> bool:
    with desk.store().reading() as connection:
        return total_rows(connection, Filter(screen, with_items=False)) > 0
