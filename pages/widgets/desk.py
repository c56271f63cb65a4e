"""What every screen stands on: the process's one store, the reader's time zone, and errors shown instead of raised."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec
from zoneinfo import ZoneInfo

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from crm_core.access.people import current_person, signed_in
from crm_core.errors import BadInput, DeskError, NotAllowed, NotFound, SetupError, ShopUnavailable
from crm_core.insight.directory import Directory, directory
from crm_core.insight.periods import Today
from crm_core.settings import settings
from crm_core.store.database import Store, open_store
from pages.widgets.text import message

_log = logging.getLogger(__name__)
_P = ParamSpec("_P")


_NEWS = "news"


@cache
def _opened(url: str) -> Store:  # noqa: ARG001  # the cache's key
    return open_store()


def store() -> Store:
    """The store of this process, opened once. Raises StoreUnusable with what to do; the next run tries again."""
    return _opened(settings().store_url)


def names() -> Directory:
    """The channels and store views by name."""
    return directory(store())


def person() -> str:
    """The person at this screen, for whatever they do. Raises NotAllowed if nobody is signed in."""
    if not st.user.get("is_logged_in"):
        return current_person()
    with signed_in(str(st.user.get("name") or st.user.get("email") or "")):
        return current_person()


def knows_reader() -> bool:
    """Whether the screens may be shown: somebody signed in, or only this machine can reach the app and nobody needs to.

    The product's front door refuses an address that others can reach without a sign-in; this holds for a bare
    `streamlit run` too, which may listen on another address than CRM_HOST says.
    """
    if "is_logged_in" in st.user:  # Streamlit adds it where an [auth] section is set up
        return bool(st.user.is_logged_in)
    return settings().model_copy(update={"host": _listens_on()}).is_loopback


def require_sign_in() -> None:
    """Raises SetupError, with what to do, where somebody should sign in but no sign-in is set up."""
    if "is_logged_in" not in st.user:
        raise SetupError(
            f"The app listens on {_listens_on()}, where others can reach it, and nobody has to sign in. "
            "Start it with “make run”, or on 127.0.0.1."
        )


def _listens_on() -> str:
    return str(st.get_option("server.address") or "0.0.0.0")  # noqa: S104  # what Streamlit takes when it has none


def asked_address() -> str:
    """The name of the page that the browser was opened at; empty for the first one, and once a page was chosen."""
    context = get_script_run_ctx()
    if context is None or context.pages_manager.intended_page_script_hash:
        return ""
    return context.pages_manager.intended_page_name or ""


def reader_zone() -> ZoneInfo:
    """The time zone of the reader's browser; UTC where it does not say."""
    return _zone(st.context.timezone)


def has_keyboard() -> bool:
    """Whether the reader can press a key: shortcuts and their hints are of no use on a phone."""
    return "Mobi" not in (st.context.headers.get("User-Agent") or "")


def reader_today() -> Today:
    """The day it is where the reader is, and elsewhere."""
    return Today.now(reader_zone())


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, KeyError):
        return ZoneInfo("UTC")


def say(error: DeskError) -> None:
    """Shows an error of the core where the person is: its words, which name the next step."""
    text = message(str(error))
    match error:
        case NotFound():
            st.warning(text, icon=":material/search_off:")
        case BadInput():
            st.warning(text, icon=":material/edit:")
        case NotAllowed():
            st.warning(text, icon=":material/lock:")
        case SetupError():
            st.error(text, icon=":material/build:")
        case ShopUnavailable():
            st.error(text, icon=":material/cloud_off:")
        case _:
            st.error(text, icon=":material/error:")


def announce(text: str, icon: str) -> None:
    """Shows `text`, which is Markdown, for a moment on the next drawing; callbacks must not draw by themselves."""
    st.session_state.setdefault(_NEWS, []).append((text, icon))


def guarded(draw: Callable[_P, None]) -> Callable[_P, None]:
    """`draw`, with what was announced before it and with its errors in place: one failing part leaves the rest."""

    @wraps(draw)
    def drawn(*args: _P.args, **kwargs: _P.kwargs) -> None:
        for text, icon in st.session_state.pop(_NEWS, ()):
            st.toast(text, icon=icon)
        try:
            draw(*args, **kwargs)
        except DeskError as error:
            say(error)
            if not isinstance(error, BadInput):  # what was asked for stays wrong, however often it is asked
                st.button("Try again", icon=":material/refresh:", key=f"again-{draw.__qualname__}")
        except Exception:  # noqa: BLE001  # the outermost frame of a screen: the app stays up and the log has the rest
            reference = f"E-{secrets.token_hex(3).upper()}"
            _log.exception("%s: %s failed", reference, draw.__qualname__)
            st.error(
                "**This part of the screen could not be shown.**  \n"
                f"Try again; if it stays, tell an administrator this reference: `{reference}`.",
                icon=":material/error:",
            )
            st.button("Try again", icon=":material/refresh:", key=f"again-{draw.__qualname__}")

    return drawn
