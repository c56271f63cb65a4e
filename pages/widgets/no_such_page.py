"""What an address shows that is no screen's."""

from __future__ import annotations

import streamlit as st

from pages.widgets.layout import nothing_here
from pages.widgets.text import escaped


def draw_no_such_page(asked: str, first: st.Page) -> None:
    """Says that there is no page of that name, and links to the first one."""
    st.title("No such page", anchor=False)
    text = f"The desk has no page “{escaped(asked, 60)}”. The link may be mistyped or from another version."
    with nothing_here("explore_off", "Nothing is at this address", text):
        st.page_link(first, label="Go to the Dashboard", icon=":material/monitoring:")
