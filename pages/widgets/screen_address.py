"""What the address of a screen holds, after going back in the browser too.

A press that opens another screen writes that one's parameters into the address of the screen that is left, as a step
of its own in the browser's history: st.switch_page does so in Streamlit 1.67, a link does not. Going back leads to that
step. So the parameters of what is left go along in `left`, and `restore` puts them back.

The browser then has two steps with one address: going back from there takes one press more.
"""

from __future__ import annotations

from pathlib import PurePath
from urllib.parse import parse_qsl, urlencode

import streamlit as st

LEFT = "left"
"""The screen that was opened by a press, and after a question mark the parameters of the one that was left."""

_RECORDS = frozenset(("cart", "order", "customer"))
"""The screens of one record, by their addresses."""

_LISTS = frozenset(("carts", "orders", "customers"))
_OF_RECORDS = frozenset(("id", "ids"))
"""What records are named by; the rest of what a list leaves to them is its own place, so it carries no `left`."""


def restore(screen: str) -> None:
    """After going back to this screen its address is what it was when the person left; otherwise nothing changes."""
    params = st.query_params.to_dict()
    opened, _, own = params.get(LEFT, screen).partition("?")
    if opened != screen:
        kept = [each for each in parse_qsl(own, keep_blank_values=True) if not each[0].lower().startswith("embed")]
        st.query_params.from_dict(dict(kept))  # which raises for Streamlit's own embed parameters
    elif screen in _LISTS and not _OF_RECORDS.isdisjoint(params):
        st.query_params.from_dict({name: value for name, value in params.items() if name not in _OF_RECORDS})


def asked_for(screen: str) -> str | None:
    """What the address gives as the key of this screen's record, unchecked; None: nothing, or it shows no record."""
    return st.query_params.get("id") if screen in _RECORDS else None


def leave(page: str, **params: str) -> None:
    """Opens another screen; going back in the browser shows the one that is left as it is."""
    st.switch_page(page, query_params={**params, **left_for(page)})


def left_for(page: str) -> dict[str, str]:
    """The parameter that keeps those of the screen on show while a press opens another one."""
    own = urlencode({name: value for name, value in st.query_params.to_dict().items() if name != LEFT})
    return {LEFT: PurePath(page).stem + (f"?{own}" if own else "")}
