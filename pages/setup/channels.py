"""The channels: connect a Magento store, see how its mirror stands, and mend what stopped it."""

from __future__ import annotations

import streamlit as st

from crm_core.insight.health import channel_health
from pages.widgets import add_channel, admin_address, channel_card, desk, first_run
from pages.widgets.channel_settings import draw_settings_if_open
from pages.widgets.layout import spread

_LOOK_AGAIN_SECONDS = 3


@desk.guarded
def _screen() -> None:
    with spread():
        st.title("Channels", width="content", anchor=False)
        if desk.names().channels:
            add_channel.draw_button()
    if desk.names().channels:
        st.caption(
            "A channel is one Magento store. The desk reads it by itself and changes nothing in it unless you say so."
        )
        _cards()
    else:
        first_run.draw_no_channel()
    add_channel.draw_if_open()
    admin_address.draw_if_open()
    draw_settings_if_open()
    channel_card.draw_removal_if_open()


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@desk.guarded
def _cards() -> None:
    """The cards, drawn anew every few seconds: a run's progress is live."""
    for health in channel_health(desk.store()):
        channel_card.draw_channel(health)


_screen()
