"""What happened to a record, newest first."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from crm_core.insight.related import TimelineEntry
from pages.widgets import desk
from pages.widgets.layout import card, spread
from pages.widgets.text import ago, escaped

_ICONS = {
    "created": "add_shopping_cart",
    "started": "add_shopping_cart",
    "joined": "person_add",
    "changed": "sync",
    "synchronised": "sync",
    "lost": "cancel",
    "reopened": "undo",
    "placing": "hourglass_top",
    "placed": "shopping_cart_checkout",
    "refused": "block",
    "not_placed": "block",
    "unclear": "help",
    "line": "edit",
    "coupon": "sell",
    "address": "home_pin",
    "comment": "chat",
    "email": "mail",
    "invoice": "receipt_long",
    "ship": "local_shipping",
    "hold": "pause_circle",
    "unhold": "play_circle",
    "cancel": "cancel",
    "refund": "undo",
    "gone": "delete",
    "status": "flag",
    "alarm": "warning",
    "mended": "check_circle",
}
_LOUD = frozenset({"alarm", "unclear"})
"""What a person must not miss."""

_SHOWN = 12
_LONGEST_BESIDE = 22
"""Letters of a name that stands beside what it did; a longer one, such as an e-mail address, stands below it, since
beside it would leave no room for the words on a phone."""


def draw_timeline(entries: Sequence[TimelineEntry], by_the_shop: str = "Shop") -> None:
    """The card; what is older than the first dozen is folded away."""
    with card("Timeline"):
        for entry in entries[:_SHOWN]:
            _draw(entry, by_the_shop)
        if len(entries) > _SHOWN:
            with st.expander(f"{len(entries) - _SHOWN} earlier", icon=":material/history:"):
                for entry in entries[_SHOWN:]:
                    _draw(entry, by_the_shop)


def _draw(entry: TimelineEntry, by_the_shop: str) -> None:
    icon = _ICONS.get(entry.kind, "circle")
    colour = "orange" if entry.kind in _LOUD else "gray"
    who = escaped(entry.person, 40) if entry.person else by_the_shop
    is_long = len(entry.person or "") > _LONGEST_BESIDE
    with st.container(gap="xxsmall") if is_long else spread(wrap=False):
        st.markdown(f":small[:{colour}[:material/{icon}:] &nbsp;{escaped(entry.text, 600)}]")
        st.caption(f"{who} · {ago(entry.at, desk.reader_zone())}", width="content")
