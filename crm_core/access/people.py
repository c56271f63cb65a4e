"""Who is at the desk: the signed-in person, or on one's own machine the one that it names."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from crm_core.errors import NotAllowed, SetupError
from crm_core.settings import settings

_signed_in: ContextVar[str | None] = ContextVar("signed_in", default=None)


def current_person() -> str:
    """The name that a decision or an attempt made now carries.

    The signed-in person's; without one, only while the app is bound to loopback, `person_of_this_machine`. Otherwise
    raises NotAllowed.
    """
    name = _signed_in.get()
    if name is not None:
        return name
    if settings().is_loopback:
        return person_of_this_machine()
    raise NotAllowed("Nobody is signed in. Sign in, then try again.")


def require_person(person: str) -> None:
    """Raise NotAllowed unless somebody is named: for whatever a person decides, tries, or asks of a shop."""
    if not person.strip():
        raise NotAllowed("Nobody is signed in. Sign in first.")


def person_of_this_machine() -> str:
    """CRM_USER, or the name of the operating system's user: for the command line and a desk bound to loopback.

    Raises SetupError if neither is known.
    """
    name = settings().user.strip()
    if name:
        return name
    try:
        name = getpass.getuser().strip()
    except (KeyError, ImportError, OSError):
        name = ""
    if not name:
        raise SetupError("This machine does not say who is at the desk. Set CRM_USER to your name.")
    return name


@contextmanager
def signed_in(name: str) -> Iterator[None]:
    """Inside it, in this thread or task, the person named is the current one. Raises NotAllowed for an empty name."""
    if not name.strip():
        raise NotAllowed("The sign-in gave no name. Sign in with an account that has a name or an e-mail address.")
    token = _signed_in.set(name.strip())
    try:
        yield
    finally:
        _signed_in.reset(token)


def require_sign_in_or_loopback(*, has_sign_in: bool = False) -> None:
    """Raises SetupError if others could reach an app that does not ask them who they are; call it before it listens.

    `has_sign_in` tells whether the app makes everybody sign in.
    """
    host = settings().host
    if not has_sign_in and not settings().is_loopback:
        raise SetupError(
            f"The app would listen on {host}, where others can reach it, and nobody has to sign in. "
            "Set CRM_HOST=127.0.0.1, or set up a sign-in first."
        )
