"""The drawer that changes how a channel reads its shop: name, websites, interval, start date."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import streamlit as st

from crm_core.errors import BadInput, DeskError
from crm_core.sync.channels import Channel, channel_by_id
from crm_core.sync.rules import LARGEST_PAGE, MOST_CONNECTIONS, MOST_TOTALS, SHORTEST_INTERVAL_SECONDS, Rules
from crm_core.sync.setting_up import LONGEST_NAME, change_channel
from pages.widgets import desk
from pages.widgets.layout import row
from pages.widgets.text import escaped, message, plain

_OPEN = "channel-settings"
_ERROR = "channel-settings-error"
_FIELDS = (
    "settings-name",
    "settings-websites",
    "settings-every",
    "settings-start",
    "settings-connections",
    "settings-page-size",
    "settings-overlap",
    "settings-totals",
)
_A_DAY = 86_400
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)


def open_settings(channel_id: int) -> None:
    """The drawer opens on this run. Raises NotFound if the channel was removed."""
    close()
    st.session_state[_OPEN] = channel_by_id(desk.store(), channel_id)


def draw_settings_if_open() -> None:
    """Draws the drawer while it is open; call it once on the Channels screen."""
    channel: Channel | None = st.session_state.get(_OPEN)
    if channel is not None:
        title = f"Settings · {escaped(channel.name, 40)}"
        st.dialog(title, width=560, position="right", icon=":material/tune:", on_dismiss=close)(_body)(channel)


def close() -> None:
    """The drawer is closed and what was typed is forgotten."""
    for key in (_OPEN, _ERROR, *_FIELDS):
        st.session_state.pop(key, None)


def _body(channel: Channel) -> None:
    if _OPEN not in st.session_state:
        st.rerun()  # closed by a press: a run of the drawer alone cannot take it away
    rules = channel.rules
    st.text_input("Name", channel.name, key="settings-name", max_chars=LONGEST_NAME)
    websites = _websites(channel)
    st.multiselect(
        "Websites",
        list(websites),
        list(rules.websites or ()),
        key="settings-websites",
        format_func=websites.__getitem__,
        placeholder="All websites",
        help="What was read of a website that is taken out is dropped within the hour.",
    )
    with st.grid(2, min_column_width=200):
        st.number_input(
            "Read every, in seconds", SHORTEST_INTERVAL_SECONDS, _A_DAY, rules.every_seconds, key="settings-every"
        )
        start = rules.start_date.date() if rules.start_date else None
        st.date_input(
            "Records created from",
            start,
            min_value=min(_FIRST_DAY, start or _FIRST_DAY),  # the command line takes any day
            max_value=max(_LAST_DAY, start or _LAST_DAY),
            format="DD/MM/YYYY",
            key="settings-start",
            help="Older ones are not read; those that were read before stay. Empty: all of them.",
        )
    st.number_input(
        "Totals read each time",
        0,
        MOST_TOTALS,
        rules.totals_a_run,
        key="settings-totals",
        help="The exact total of so many open carts is read each time, the dearest first, one request a cart. Carts in "
        "which a price has changed are left alone: reading would change them. 0: only when somebody synchronises.",
    )
    with st.expander("For a slow shop", icon=":material/speed:"), st.grid(3, min_column_width=130):
        st.number_input("Requests at a time", 1, MOST_CONNECTIONS, rules.connections, key="settings-connections")
        st.number_input("Records a request", 1, LARGEST_PAGE, rules.page_size, key="settings-page-size")
        st.number_input(
            "Overlap, in seconds",
            0,
            _A_DAY,
            rules.overlap_seconds,
            key="settings-overlap",
            help="Each reading goes back so far before the last one, for records that a busy shop writes late.",
        )
    if error := st.session_state.get(_ERROR):
        st.error(message(error), icon=":material/error:")
    st.caption("With more websites or an earlier day everything is read again.")
    with row(horizontal_alignment="right", gap="xsmall"):
        st.button("Cancel", type="tertiary", on_click=close)
        st.button("Save", type="primary", icon=":material/check:", on_click=_save, args=(channel,))


def _websites(channel: Channel) -> dict[str, str]:
    """The shop's websites as they are known here, by id as the rules write it."""
    unread = {id_: f"Website {id_}" for id_ in channel.rules.websites or ()}
    return unread | {
        str(view.website_id): plain(view.website, 60) or f"Website {view.website_id}"
        for view in desk.names().stores
        if view.shop_id == channel.shop_id and view.origin_id
    }


def _save(channel: Channel) -> None:
    st.session_state.pop(_ERROR, None)
    try:
        shown, wanted = channel.rules, _wanted(channel.rules)
        name = st.session_state["settings-name"].strip()
        changed = change_channel(
            desk.store(),
            channel.name,
            lambda rules: rules.changed_as(shown, wanted),
            new_name=name if name != channel.name else None,
        )
    except DeskError as error:
        st.session_state[_ERROR] = str(error)
        return
    close()
    since = "from now on" if changed.paused_at is None else "when it is resumed"
    desk.announce(f"{escaped(changed.name, 40)} is read by these settings {since}.", icon=":material/check_circle:")


def _wanted(shown: Rules) -> Rules:
    """The rules as the form says. Raises BadInput for a number that was cleared."""
    state = st.session_state
    numbers = [state[f"settings-{name}"] for name in ("every", "overlap", "connections", "page-size", "totals")]
    if None in numbers:
        raise BadInput("A number is missing. Type it, or close the drawer to leave all as it was.")
    start: date | None = state["settings-start"]
    return replace(
        shown,
        websites=tuple(sorted(state["settings-websites"], key=int)) or None,
        every_seconds=numbers[0],
        overlap_seconds=numbers[1],
        connections=numbers[2],
        page_size=numbers[3],
        totals_a_run=numbers[4],
        start_date=None if start is None else datetime(start.year, start.month, start.day, tzinfo=UTC),
    )
