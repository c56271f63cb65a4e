"""The dialog that connects a Magento store: name, address, credentials, checked before anything is kept."""

from __future__ import annotations

import streamlit as st

from crm_core.errors import BadInput, DeskError
from crm_core.magento.auth import AdminPassword, Bearer, Credentials, OAuth
from crm_core.magento.check import CheckReport, Level, normalise_base_url
from crm_core.sync.clients import checked
from crm_core.sync.rules import Rules
from crm_core.sync.setting_up import add_channel, set_credentials
from pages.widgets import desk
from pages.widgets.layout import row
from pages.widgets.text import escaped, message, plural

_OPEN = "channel-dialog"
_REPORT = "channel-dialog-report"
_ERROR = "channel-dialog-error"
_KINDS = {"oauth": "OAuth 1.0a", "token": "Integration token", "password": "Admin user"}
_MENU = (
    "In Magento: System › Extensions › Integrations › Add New Integration. On its page API tick Stores › All Stores, "
    "Customers, Customer Groups, Carts, and Sales › Orders › View, and what else docs/connecting-magento.md names for "
    "mending carts and working on orders. Save, Activate, Allow, and copy "
)
_HINTS = {
    "oauth": f"{_MENU}all four values. Recommended: works on every Magento 2.4, with no setting to change.",
    "token": f"{_MENU}the Access Token. From 2.4.4 on, also allow it as a bearer token: Stores › Configuration › "
    "Services › OAuth.",
    "password": "A user of the admin panel without two-factor sign-in. An integration is safer.",
}
_FIELDS = (
    "channel-name",
    "channel-url",
    "channel-kind",
    "channel-token",
    "channel-consumer-key",
    "channel-consumer-secret",
    "channel-access-token",
    "channel-access-secret",
    "channel-username",
    "channel-password",
    "channel-websites",
    "channel-admin-url",
    "channel-writes",
)


def open_dialog(channel_name: str = "") -> None:
    """The dialog opens on this run: for a new channel, or for new credentials of the one named."""
    close()
    st.session_state[_OPEN] = channel_name


def draw_button() -> None:
    """The button that opens the dialog for a new channel."""
    st.button("Add channel", type="primary", icon=":material/add:", on_click=open_dialog)


def draw_if_open() -> None:
    """Draws the dialog while it is open; call it once on every screen that may open it."""
    name = st.session_state.get(_OPEN)
    if name is None:
        return
    title = f"New credentials · {escaped(name, 40)}" if name else "Connect a Magento store"
    st.dialog(title, width=560, position="right", icon=":material/hub:", on_dismiss=close)(_body)(name)


def close() -> None:
    """The dialog is closed and what was typed is forgotten, the credentials above all."""
    for key in (_OPEN, _REPORT, _ERROR, *_FIELDS):
        st.session_state.pop(key, None)


def _body(existing: str) -> None:
    if _OPEN not in st.session_state:
        st.rerun()  # closed by a press: a run of the dialog alone cannot take it away
    if not existing:
        st.text_input("Name", key="channel-name", placeholder="Nordlicht Outfitters", max_chars=80)
        st.text_input("Address of the store", key="channel-url", placeholder="https://shop.example.com")
    kind = st.segmented_control(
        "Sign in with", list(_KINDS), format_func=_KINDS.__getitem__, key="channel-kind", required=True, default="oauth"
    )
    st.caption(_HINTS[kind or "oauth"])
    # A form, since outside of one Streamlit 1.67 forgets a password that is left by the Tab key: the focus goes to the
    # eye in the same field, and what was typed is never sent.
    with st.form("channel-form", border=False, enter_to_submit=False):
        _fields(kind or "oauth", is_new=not existing)
        _findings()
        with row(horizontal_alignment="right", gap="xsmall"):
            st.caption(":material/lock: Credentials are encrypted and never shown again.", width="content")
            st.form_submit_button(
                "Check and save" if existing else "Check and connect",
                type="primary",
                icon=":material/stethoscope:",
                on_click=_save,
                args=(existing,),
            )


def _fields(kind: str, *, is_new: bool) -> None:
    match kind:
        case "oauth":
            with st.grid(2, min_column_width=200):
                st.text_input("Consumer key", key="channel-consumer-key", autocomplete="off")
                _secret("Consumer secret", "channel-consumer-secret")
                st.text_input("Access token", key="channel-access-token", autocomplete="off")
                _secret("Access token secret", "channel-access-secret")
        case "password":
            with st.grid(2, min_column_width=200):
                st.text_input("User name", key="channel-username", autocomplete="off")
                _secret("Password", "channel-password")
        case _:
            _secret("Access token", "channel-token")
    if is_new:
        st.text_input(
            "Codes of the websites to read, if not all",
            key="channel-websites",
            placeholder="base, us",
            help="As in Magento under Stores › All Stores. Two channels of one shop read different websites.",
        )
        st.text_input(
            "Address of the admin panel, if links to it are wanted",
            key="channel-admin-url",
            placeholder="https://shop.example.com/admin_1a2b3c",
        )
        st.toggle(
            "Allow placing orders",
            key="channel-writes",
            help="Until this is on, the desk only reads. It can be switched on later.",
        )


def _secret(label: str, key: str) -> None:
    st.text_input(label, key=key, type="password", autocomplete="off")


def _findings() -> None:
    error: str | None = st.session_state.get(_ERROR)
    if error:
        st.error(message(error), icon=":material/error:")
    report: CheckReport | None = st.session_state.get(_REPORT)
    if report is not None:
        draw_report(report)


def draw_report(report: CheckReport) -> None:
    """What a check of a connection found, problems first, each with what to do; what is well is folded away."""
    passed = []
    for finding in sorted(report.findings, key=lambda finding: finding.level is not Level.PROBLEM):
        text = f"**{escaped(finding.title)}**  \n{message(finding.advice)}"
        match finding.level:
            case Level.PROBLEM:
                st.error(text, icon=":material/error:")
            case Level.WARNING:
                st.warning(text, icon=":material/warning:")
            case _:
                passed.append(finding)
    if passed:
        with st.expander(f"{plural(len(passed), 'check')} passed", icon=":material/check_circle:"):
            for finding in passed:
                st.markdown(f":small[:green[:material/check:] &nbsp;{escaped(finding.title)}]")


def _typed(key: str) -> str:
    value: str | None = st.session_state.get(key)
    return (value or "").strip()


def _credentials() -> Credentials:
    match st.session_state.get("channel-kind"):
        case "oauth":
            values = [
                _typed(f"channel-{name}")
                for name in ("consumer-key", "consumer-secret", "access-token", "access-secret")
            ]
            if not all(values):
                raise BadInput("OAuth needs all four values of the integration.")
            return OAuth(*values)
        case "password":
            user, password = _typed("channel-username"), st.session_state.get("channel-password") or ""
            if not user or not password:
                raise BadInput("Type the user name and the password.")
            return AdminPassword(user, password)
        case _:
            token = _typed("channel-token")
            if not token:
                raise BadInput("Paste the integration's access token.")
            return Bearer(token)


def _save(existing: str) -> None:
    st.session_state.pop(_REPORT, None)
    st.session_state.pop(_ERROR, None)
    try:
        if existing:
            set_credentials(desk.store(), existing, _credentials())
            name = existing
        else:
            name = _connect()
    except DeskError as error:
        st.session_state[_ERROR] = str(error)
        return
    if name:
        close()
        desk.announce(f"{escaped(name, 40)} is connected and will be read now.", icon=":material/check_circle:")


def _connect() -> str:
    """The name of the new channel; "" if the check found problems, which are then on show."""
    name = _typed("channel-name")
    if not name:
        raise BadInput("Give the channel a name.")
    url = _typed("channel-url")
    if not url:
        raise BadInput("Give the address of the store, such as https://shop.example.com.")
    credentials = _credentials()
    report = checked(normalise_base_url(url), credentials)
    if not report.is_usable:
        st.session_state[_REPORT] = report
        return ""
    rules = Rules(
        admin_url=_typed("channel-admin-url") or None,
        websites=tuple(code.strip() for code in _typed("channel-websites").split(",") if code.strip()) or None,
        allow_writes=bool(st.session_state["channel-writes"]),
    )
    return add_channel(
        desk.store(), name, report.base_url, credentials, rules, person=desk.person(), check_first=False
    ).name
