"""What somebody sees who has not said who they are: the way to do so, and nothing of the desk."""

from __future__ import annotations

import streamlit as st

from pages.widgets.desk import guarded, require_sign_in


@guarded
def _screen() -> None:
    st.title("Sales Desk", anchor=False)
    require_sign_in()
    st.markdown("Carts and orders hold customers' names and addresses. Sign in to see them.")
    st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)


_screen()
