"""What stands at an address that is no screen's."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import streamlit as st

from pages.widgets.layout import nothing_here, spread
from pages.widgets.text import escaped


def pages_for(asked: str, known: Collection[str], first: st.Page) -> list[st.Page]:
    """A page for the address that was asked for, where it is none of the `known` ones; it links to the `first`.

    Without it Streamlit shows the first page, under a dialog that speaks of "the app's main page". That stays so for
    what no page's address can be: one that is blank or holds a slash.
    """
    name = asked.strip()
    if not name or "/" in name or name in known:
        return []
    draw = partial(_draw, name, first)
    return [st.Page(draw, title="No such page", url_path=name, visibility="hidden")]


def _draw(asked: str, first: st.Page) -> None:
    with spread():
        st.title("No such page", width="content", anchor=False)
    text = f"The desk has no page “{escaped(asked, 60)}”. The link may be mistyped, or of another version."
    with nothing_here("explore_off", "There is nothing at this address", text):
        st.page_link(first, label="Go to the Dashboard", icon=":material/monitoring:")
