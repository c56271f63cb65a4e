"""Which record the address of a screen names.

Streamlit writes the parameters of the screen that a press leads to into the address of the one that is left, so its
`id` is another record's after going back in the browser. What is left by a press therefore stands there by the name of
its screen too, and that goes before the `id`.

The search, filter and order of the list that the record was opened from are not carried: after going back, the record's
arrows and its way to the list are those of the whole list.
"""

from __future__ import annotations

import streamlit as st

_SCREENS = frozenset(("cart", "order", "customer"))
"""The screens of one record, by their addresses."""


def asked_for(screen: str) -> str | None:
    """What the address gives as the key of this screen's record, unchecked; None: nothing, or it shows no record."""
    return st.query_params.get(screen, st.query_params.get("id")) if screen in _SCREENS else None


def leave(screen: str, key: int, for_screen: str, for_key: int) -> None:
    """Opens a record of another screen; going back in the browser shows the one that is left."""
    st.switch_page(f"pages/sales/{for_screen}.py", query_params={"id": str(for_key), screen: str(key)})
