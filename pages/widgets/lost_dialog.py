"""The dialog that asks why a cart is lost."""

from __future__ import annotations

import streamlit as st

from crm_core.errors import DeskError
from crm_core.sales.decisions import mark_lost
from pages.widgets import desk
from pages.widgets.layout import row
from pages.widgets.text import message

_OPEN = "lost-dialog"
_REASON = "lost-reason"
_ERROR = "lost-error"


def open_dialog(cart_key: int) -> None:
    """The dialog opens on this run, for that cart."""
    close()
    st.session_state[_OPEN] = cart_key


def draw_if_open() -> None:
    """Draws the dialog while it is open; call it once on the cart's screen."""
    cart_key = st.session_state.get(_OPEN)
    if cart_key is not None:
        st.dialog("Mark as lost", icon=":material/cancel:", on_dismiss=close)(_body)(cart_key)


def opened_at() -> tuple[str, int] | None:
    """The screen that the dialog stands on and the cart that it is for; None: it is not open."""
    opened: int | None = st.session_state.get(_OPEN)
    return None if opened is None else ("cart", opened)


def close() -> None:
    """The dialog is closed and what was typed is forgotten."""
    for key in (_OPEN, _REASON, _ERROR):
        st.session_state.pop(key, None)


def _body(cart_key: int) -> None:
    st.caption("The cart stays as it is in the shop. If the customer comes back to it, it is flagged for you.")
    # No max_chars: the browser would drop a longer text that is pasted, without a word. The core says how long it is.
    st.text_area("Why is it lost?", key=_REASON, height=96, placeholder="Bought elsewhere, too dear, …")
    if error := st.session_state.get(_ERROR):
        st.error(message(error), icon=":material/error:")
    with row(horizontal_alignment="right", gap="xsmall"):
        if st.button("Cancel", type="tertiary", on_click=close):
            st.rerun()
        if st.button("Mark lost", type="primary", on_click=_mark, args=(cart_key,)) and _OPEN not in st.session_state:
            st.rerun()


def _mark(cart_key: int) -> None:
    try:
        mark_lost(desk.store(), cart_key, st.session_state.get(_REASON) or "", desk.person())
    except DeskError as error:
        st.session_state[_ERROR] = str(error)
        return
    close()
    desk.announce("The cart is marked as lost.", icon=":material/cancel:")
