"""A dialog belongs to the screen that it was opened on: who leaves that finds it closed on the way back.

A press that reaches the desk only when another screen is on its way opens nothing there, and is not lost in silence.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.widgets import (
    add_channel,
    admin_address,
    cart_editor,
    channel_card,
    channel_settings,
    desk,
    lost_dialog,
    new_cart,
    order_actions,
    place_order,
)

Place = tuple[str, int | None]
"""A screen by its address, and the key of the record that it shows, if any."""

_DIALOGS: tuple[tuple[Callable[[], Place | None], Callable[[], None]], ...] = (
    (place_order.opened_at, place_order.close),
    (cart_editor.opened_at, cart_editor.close),
    (lost_dialog.opened_at, lost_dialog.close),
    (order_actions.opened_at, order_actions.close),
    (new_cart.opened_at, new_cart.close),
)

_OPENED_IN_PLACE: tuple[Callable[[], None], ...] = (
    add_channel.close,
    admin_address.close,
    channel_settings.close,
    channel_card.close_removal,
)
"""What closes a dialog that only ever opens on the screen that is on show: any other screen closes it."""

_SHOWN = "screen-shown"
_SEEN = "dialog-seen"


def close_elsewhere(screen: str, record: str | None) -> None:
    """Closes every dialog that was not opened on this screen, for the record that its address names.

    Who pressed for one that was never on show, a moment after going on to the next record, is told so.
    """
    here = (screen, int(record) if record and record.isdecimal() and len(record) < 20 else None)
    seen = st.session_state.pop(_SEEN, None)
    for opened_at, close in _DIALOGS:
        place = opened_at()
        if place == here:
            st.session_state[_SEEN] = here
        elif place is not None:
            close()
            if place != seen:
                desk.announce(
                    "That press was for the screen before this one. Press again if it was meant for this one.",
                    icon=":material/touch_app:",
                )
    if st.session_state.get(_SHOWN) != here:
        for close in _OPENED_IN_PLACE:
            close()
    st.session_state[_SHOWN] = here
