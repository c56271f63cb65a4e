"""What somebody sees who has not said who they are: the way to do so, and nothing of the desk."""

from __future__ import annotations

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitMissingAuthlibError

from crm_core.errors import SetupError
from pages.widgets.desk import guarded, require_sign_in


@guarded
def _screen() -> None:
    st.title("Sales Desk", anchor=False)
    require_sign_in()
    st.markdown("Carts and orders hold customers' names and addresses. Sign in to see them.")
    # Not its callback: what that raises is shown in place of the screen, without a word that helps.
    if st.button("Sign in", type="primary", icon=":material/login:"):
        _sign_in()


def _sign_in() -> None:
    """Leads to the provider. Raises SetupError, with what to do, where the sign-in is set up in part only."""
    how = "as docs/settings.md tells under “More than one machine”, and start the desk again."
    try:
        st.login()
    except StreamlitMissingAuthlibError as error:
        raise SetupError(f"Nobody can sign in yet: Authlib is missing beside the desk. Install it {how}") from error
    except StreamlitAuthError as error:
        raise SetupError(
            f"Nobody can sign in yet: the [auth] section of .streamlit/secrets.toml lacks something. Complete it {how}"
        ) from error


_screen()
