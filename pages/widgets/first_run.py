"""What the screens show before there is anything to show: no channel yet, or a first import under way."""

from __future__ import annotations

import streamlit as st

from crm_core.insight.counts import total_rows
from crm_core.insight.filters import Filter, Screen
from pages.widgets import add_channel, desk
from pages.widgets.layout import nothing_here
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
        with nothing_here(
            "storefront",
            "Connect your first Magento store",
            "The desk mirrors its carts and orders, newest first. The first ones are on screen within a minute, and "
            "nothing in the shop is changed.",
        ):
            st.button("Add channel", type="primary", icon=":material/add:", on_click=add_channel.open_dialog)
        add_channel.draw_if_open()
    return True


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@desk.guarded
def _waiting(screen: Screen) -> None:
    if _has_any(screen):
        st.rerun()
    names = " and ".join(escaped(each.name, 40) for each in desk.names().channels)
    with nothing_here(
        "sync",
        f"Reading {names}",
        f"The newest {screen} come first and appear here by themselves. If nothing comes, Channels tells why.",
    ):
        if st.button("Show the channels", icon=":material/hub:"):
            st.switch_page("pages/setup/channels.py")


def _has_any(screen: Screen) -> bool:
    with desk.store().reading() as connection:
        return total_rows(connection, Filter(screen, with_items=False)) > 0
