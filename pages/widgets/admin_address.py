"""The dialog that says where a channel's Magento admin is, and whether its addresses need secret keys."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from crm_core.errors import DeskError
from crm_core.sync.channels import channel_by_name
from crm_core.sync.setting_up import change_channel
from pages.widgets import desk
from pages.widgets.layout import row

_OPEN = "admin-address"
_URL, _KEYS_OFF = "admin-address-url", "admin-address-keys-off"


def open_dialog(name: str) -> None:
    """The dialog opens on this run, for the channel of that name."""
    channel = channel_by_name(desk.store(), name)
    st.session_state[_OPEN] = name
    st.session_state[_URL] = channel.admin_url or ""
    st.session_state[_KEYS_OFF] = channel.secret_keys_off


def draw_if_open() -> None:
    """Draws the dialog while it is open; call it once on the Channels screen."""
    name = st.session_state.get(_OPEN)
    if name is not None:
        st.dialog("Links into the Magento admin", icon=":material/open_in_new:", on_dismiss=close)(_body)(name)


def _body(name: str) -> None:
    st.text_input(
        "Address of the admin panel",
        key=_URL,
        placeholder="https://shop.example.com/admin_1a2b3c",
        help="What the browser's address bar shows when you sign in to the admin, up to the word after the shop's name",
    )
    st.toggle("Its addresses work without secret keys", key=_KEYS_OFF)
    st.caption(
        "Magento adds secret keys unless Stores › Configuration › Advanced › Admin › Security › Add Secret Key to URLs "
        "says No. With keys, links to orders and products open; links to customers and new orders don't."
    )
    with row(horizontal_alignment="right", gap="xsmall"):
        if st.button("Cancel", type="tertiary", on_click=close):
            st.rerun()
        if st.button("Save", type="primary", icon=":material/check:", key="admin-address-save"):
            url, keys_off = st.session_state[_URL] or None, bool(st.session_state[_KEYS_OFF])
            try:
                change_channel(
                    desk.store(), name, lambda rules: replace(rules, admin_url=url, secret_keys_off=keys_off)
                )
            except DeskError as error:
                desk.say(error)
                return
            close()
            st.rerun()


def close() -> None:
    """The dialog is closed."""
    st.session_state.pop(_OPEN, None)
