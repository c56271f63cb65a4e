"""One channel on the Channels screen: its health per entity, what stopped it, and what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pyarrow as pa
import streamlit as st

from crm_core.errors import DeskError
from crm_core.insight.health import ChannelHealth, EntityHealth, quarantined_records
from crm_core.insight.spans import span
from crm_core.sync.channels import pause, resume
from crm_core.sync.removal import BEING_REMOVED, removal_of, remove_channel
from crm_core.sync.schedule import request_sync
from crm_core.sync.setting_up import change_channel, check_channel
from pages.widgets import add_channel, admin_address, desk
from pages.widgets.channel_settings import open_settings
from pages.widgets.layout import row, spread
from pages.widgets.text import age, ago, breakable, dotted, escaped, message, plural

_ROW_HEIGHT = 32
_REASONS_SHOWN = 8
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")
_REPORT = "channel-report"
_REMOVING = "channel-removing"
_LOOKS = {
    "in_step": ("✓ In step", "green", "check_circle"),
    "running": ("↻ Running", "blue", "sync"),
    "first_import": ("↻ First import", "blue", "downloading"),
    "waiting": ("◌ Waiting", "gray", "schedule"),
    "late": ("! Late", "orange", "history"),
    "stopped": ("✕ Stopped", "red", "error"),
}
"""Of each state: the words in the table, the colour, the icon."""


def _state_badge(state: str) -> str:
    """Markdown of a state's badge."""
    words, colour, icon = _LOOKS[state]
    return f":{colour}-badge[:material/{icon}: {words[2:]}]"


def draw_channel(health: ChannelHealth) -> None:
    """The card of a channel."""
    with st.container(border=True, gap="small", key=f"channel-{health.id}"):
        with spread():
            with st.container(width="content", gap="xxsmall"):
                kind = " :gray-badge[Demo]" if health.is_demo else ""
                st.markdown(f"**{escaped(health.name, 80)}** &nbsp;{_state_badge(health.state)}{kind}", width="content")
                st.markdown(f":small[{_facts(health)}]")
            with row(width="content", gap="xsmall"):
                _actions(health)
        _report(health.id)
        _trouble(health)
        for entity in health.entities:
            _progress(entity)
        st.space(8)  # the table's own tools, which stand above it under a pointer, must not cover the menu
        _table(health)
        if health.quarantined:
            _quarantine(health)


def _facts(health: ChannelHealth) -> str:
    where = urlsplit(health.base_url)
    facts = dotted(
        [
            escaped(f"{where.netloc}{where.path}", 80),
            escaped(", ".join(health.timezones), 80),
            escaped(", ".join(health.currencies), 40),
            plural(len(health.store_views), "store view") if health.store_views else "store views not read yet",
            f"read every {span(health.every_seconds)}",
            "" if health.allow_writes else "read-only",
        ]
    )
    return f":gray[{facts}]" + (" :gray[·] :orange[may place orders]" if health.allow_writes else "")


# ---- what can be done -----------------------------------------------------------------------------------------------


def _actions(health: ChannelHealth) -> None:
    st.button(
        "Sync now",
        icon=":material/sync:",
        key=f"sync-{health.id}",
        disabled=health.paused_at is not None,
        help="Paused: press Check first" if health.paused_at else "Read what changed, now",
        on_click=_sync_now,
        args=(health, False),
    )
    if st.button(
        "Check", icon=":material/stethoscope:", key=f"check-{health.id}", help="Test connection, permissions and clock"
    ):
        _check(health)
    choices = ["Settings…", "New credentials…", "Make read-only" if health.allow_writes else "Allow placing orders"]
    choices.append("Admin links…")
    choices += ["Resume"] if health.paused_at else ["Read everything again", "Pause"]
    chosen = st.menu_button("", [*choices, "Remove…"], icon=":material/more_horiz:", key=f"more-{health.id}")
    if chosen:
        _do(chosen, health)
        st.rerun()


def _sync_now(health: ChannelHealth, full: bool) -> None:
    try:
        request_sync(desk.store(), health.id, desk.person(), full=full)
    except DeskError as error:
        desk.announce(escaped(str(error), 300), icon=":material/error:")
    else:
        what = "everything anew" if full else "what changed"
        desk.announce(f"The worker reads {what} of {escaped(health.name, 40)} next.", icon=":material/sync:")


def _check(health: ChannelHealth) -> None:
    try:
        with st.spinner("Asking the shop…", width="content"):
            st.session_state[_REPORT] = (health.id, check_channel(desk.store(), health.name), datetime.now(UTC))
    except DeskError as error:
        st.session_state[_REPORT] = (health.id, error, None)


def _report(channel_id: int) -> None:
    about, report, checked_at = st.session_state.get(_REPORT, (None, None, None))
    if about != channel_id or report is None:
        return
    if checked_at is not None:
        st.caption(f"Checked {ago(checked_at, desk.reader_zone())}")
    if isinstance(report, DeskError):
        desk.say(report)
    else:
        add_channel.draw_report(report)


def _do(chosen: str, health: ChannelHealth) -> None:
    store = desk.store()
    st.session_state.pop(_REPORT, None)
    try:
        match chosen:
            case "Settings…":
                open_settings(health.id)
            case "New credentials…":
                add_channel.open_dialog(health.name)
            case "Admin links…":
                admin_address.open_dialog(health.name)
            case "Allow placing orders" | "Make read-only":
                allow = chosen == "Allow placing orders"
                change_channel(store, health.name, lambda rules: replace(rules, allow_writes=allow))
            case "Read everything again":
                _sync_now(health, full=True)
            case "Pause":
                pause(store, health.id, f"Paused by {desk.person()}.")
            case "Resume":
                resume(store, health.id)
            case _:
                st.session_state[_REMOVING] = health.name
    except DeskError as error:
        st.session_state[_REPORT] = (health.id, error, None)


def draw_removal_if_open() -> None:
    """The dialog that asks before a channel is removed; call it once on the Channels screen."""
    name = st.session_state.get(_REMOVING)
    if name is not None:
        st.dialog("Remove channel", icon=":material/delete:", on_dismiss=close_removal)(_removal)(name)


def _removal(name: str) -> None:
    try:
        st.markdown(message(str(removal_of(desk.store(), name))))
    except DeskError as error:
        desk.say(error)
        return
    with row(horizontal_alignment="right", gap="xsmall"):
        if st.button("Keep it", type="tertiary", on_click=close_removal):
            st.rerun()
        if st.button("Remove", type="primary", icon=":material/delete:"):
            try:
                with st.spinner("Removing…"):
                    remove_channel(desk.store(), name)
            except DeskError as error:
                desk.say(error)
                return
            close_removal()
            st.rerun()


def close_removal() -> None:
    """The dialog that asks is closed; nothing is removed."""
    st.session_state.pop(_REMOVING, None)


# ---- how it stands --------------------------------------------------------------------------------------------------


def _trouble(health: ChannelHealth) -> None:
    if health.paused_at:
        since = ago(health.paused_at, desk.reader_zone())
        why = message(health.paused_reason or "")
        st.error(f"**Paused** {since}  \n{why}{_goes_on(health)}", icon=":material/pause_circle:")
        return
    failing = [each for each in health.entities if each.last_error]
    stopped = [each for each in failing if each.state == "stopped"]
    others = [each for each in failing if each.state != "stopped"]
    if stopped:
        st.error(_trouble_of(stopped, "stopped"), icon=":material/sync_problem:")
    if others:
        st.warning(_trouble_of(others, "not read at the last turn"), icon=":material/sync_problem:")


def _goes_on(health: ChannelHealth) -> str:
    """How a paused channel goes on; nothing where its reason asks for something else.

    A half removed one is to be removed, and a demo store that does not run answers nothing.
    """
    if health.is_demo or health.paused_reason == BEING_REMOVED:
        return ""
    return "  \n*Check* lets it go on if all is well; *Resume*, in the menu beside it, lets it go on unchecked."


def _trouble_of(entities: Sequence[EntityHealth], verb: str) -> str:
    """One message for all of them: a shop that is away, or a token that is refused, stops several at once."""
    said: dict[str, list[str]] = {}
    for each in entities:
        said.setdefault(each.last_error or "", []).append(_called(each.entity))
    own, shared = _apart(list(said))
    told = [
        error if len(said) == 1 else f"{', '.join(called).capitalize()}: {error}"
        for error, called in zip(own, said.values(), strict=True)
    ]
    which = ", ".join(_called(each.entity) for each in entities).capitalize()
    return "  \n".join([f"**{which}: {verb}. {_again(entities)}.**", *map(message, [*told, *shared])])


def _apart(errors: Sequence[str]) -> tuple[list[str], list[str]]:
    """What each error says of its own, and the advice that all of several end with, to be said once."""
    sentences = [_SENTENCE_END.split(each) for each in errors]
    shared: list[str] = []
    while len(sentences) > 1 and all(len(each) > 1 and each[-1] == sentences[0][-1] for each in sentences):
        shared.insert(0, sentences[0][-1])
        sentences = [each[:-1] for each in sentences]
    return [" ".join(each) for each in sentences], [" ".join(shared)] if shared else []


def _again(entities: Sequence[EntityHealth]) -> str:
    """When the worker asks the shop for one of them again."""
    if any(each.is_under_way for each in entities):
        return "Being tried again now"
    due = min((each.next_due_at for each in entities if each.next_due_at is not None), default=None)
    seconds = 0.0 if due is None else (due - datetime.now(UTC)).total_seconds()
    return f"Tried again in {span(seconds)}" if seconds >= 1 else "Tried again at once"


def _called(entity: str) -> str:
    """What an entity's records are called; of what is read as stores, the store views are counted."""
    return "Store views" if entity == "stores" else entity.capitalize()


def _progress(entity: EntityHealth) -> None:
    if entity.read is None or entity.progress is None or entity.state not in {"running", "first_import"}:
        return
    if entity.state == "running" and (entity.expected or 0) < 1_000:
        return
    facts = [f"**{_called(entity.entity)}** {entity.read:,} of {entity.expected:,}"]
    if entity.per_second:
        facts.append(f":gray[{entity.per_second:,.0f} a second]")
    if entity.seconds_left is not None:
        facts.append(f":gray[{span(entity.seconds_left)} left]")
    if entity.state == "first_import":
        facts.append(":gray[newest first]")
    st.progress(entity.progress, text=f":small[{dotted(facts)}]")


def _table(health: ChannelHealth) -> None:
    entities = health.entities
    now = datetime.now(UTC)
    words = [_LOOKS[each.state][0] for each in entities]
    parts = [_part(each) for each in entities]
    columns = {
        "entity": pa.array([_called(each.entity) for each in entities]),
        "health": pa.array([[word] for word in words], pa.list_(pa.string())),
        "last": pa.array([_last(each, now) for each in entities]),
        "behind": pa.array([span(each.behind_seconds) if each.last_success_at else "—" for each in entities]),
        "mirrored": pa.array([each.mirrored for each in entities], pa.int64()),
        "part": pa.array(parts, pa.float64()),
        "quarantined": pa.array([each.quarantined for each in entities], pa.int64()),
        "next": pa.array([_next(each, now) for each in entities]),
    }
    if not any(part is not None for part in parts):
        del columns["part"]  # all is mirrored: a column without a word in it would only be wondered at
    text = st.column_config.TextColumn
    st.dataframe(
        pa.table(columns),
        hide_index=True,
        row_height=_ROW_HEIGHT,
        height="content",
        key=f"health-{health.id}",
        column_config={
            "entity": text("Entity", width=96),
            "health": st.column_config.MultiselectColumn(
                "Health",
                width=120,
                options=[look[0] for look in _LOOKS.values()],
                color=[look[1] for look in _LOOKS.values()],
            ),
            "last": text("Last sync", alignment="right", width=84),
            "behind": text("Behind by", alignment="right", width=84),
            "mirrored": st.column_config.NumberColumn(
                "Mirrored", format="localized", width=90, help="Records of the shop that the desk holds"
            ),
            "part": st.column_config.ProgressColumn(
                "Of the shop's rows", min_value=0, max_value=100, format="%.0f%%", width=170, color="gray"
            ),
            "quarantined": st.column_config.NumberColumn(
                "Quarantine", width=84, help="Records that could not be read. They are named below and tried again."
            ),
            "next": text("Next", alignment="right", width=84),
        },
        alt=f"What is mirrored of {escaped(health.name, 60)}",
    )


def _part(entity: EntityHealth) -> float | None:
    """Per cent of the shop's rows that are mirrored, while some are missing."""
    if entity.progress is not None and entity.state == "first_import":
        return 100 * entity.progress
    if entity.mirrored is None or not entity.remote_count or entity.mirrored >= entity.remote_count:
        return None
    return 100 * entity.mirrored / entity.remote_count


def _last(entity: EntityHealth, now: datetime) -> str:
    """How long ago it was read; what has stopped is never as fresh as "now"."""
    if entity.state == "stopped" and entity.last_success_at is not None:
        return span(entity.behind_seconds)
    return age(entity.last_success_at, now)


def _next(entity: EntityHealth, now: datetime) -> str:
    if entity.is_under_way:
        return "running"
    if entity.next_due_at is None:
        return "—"
    seconds = (entity.next_due_at - now).total_seconds()
    return f"in {span(seconds)}" if seconds >= 1 else "now"


def _quarantine(health: ChannelHealth) -> None:
    records = quarantined_records(desk.store(), health.id)
    with st.expander(f"{plural(health.quarantined, 'record')} in quarantine", icon=":material/report:"):
        st.caption("These could not be mirrored as the shop sent them. Later runs try them again, ever less often.")
        # A table, not a grid: it breaks a long reason over lines, where a grid would cut it.
        st.table(
            {
                "Record": [
                    f"{each.entity.removesuffix('s').capitalize()} {each.origin_id}  \n"
                    f":small[:gray[{age(each.first_seen_at)} · {plural(each.tries, 'try', 'tries')}]]"
                    for each in records
                ],
                "Reason": [breakable(each.reason, 500) for each in records],
            },
            border="horizontal",
            hide_index=True,
            height="content" if len(records) <= _REASONS_SHOWN else 420,
            alt="Records in quarantine",
        )
