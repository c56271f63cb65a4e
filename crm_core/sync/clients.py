"""The clients that talk to a shop for a channel: credentials sealed and unsealed, connections kept for the process."""

from __future__ import annotations

import threading
from datetime import datetime

from crm_core.access.secrets import seal, unseal
from crm_core.errors import ChannelError
from crm_core.magento.auth import (
    AdminPassword,
    Bearer,
    Credentials,
    OAuth,
    credentials_from_json,
    credentials_to_json,
)
from crm_core.magento.check import CheckReport, Level, check
from crm_core.magento.checkout import Checkout
from crm_core.magento.connection import Connection
from crm_core.magento.shop import Magento
from crm_core.settings import settings

FEWEST_FOR_A_PERSON = 4
"""Reads at once that a person who waits may start, whatever the channel allows the synchronisation."""

_Fingerprint = tuple[str, str, bytes, int, datetime | None]
_kept: dict[int, tuple[_Fingerprint, Magento, Checkout]] = {}
_lock = threading.Lock()


def connect(base_url: str, credentials: Credentials, connections: int) -> Connection:
    """A connection to the shop with the time limits of the settings; nothing is sent yet."""
    here = settings()
    return Connection(
        base_url,
        credentials,
        connect_timeout=here.connect_timeout,
        read_timeout=here.read_timeout,
        write_timeout=here.write_timeout,
        connections=connections,
    )


def clients_of(
    channel_id: int, store_url: str, base_url: str, sealed: bytes, connections: int, *, resumed_at: datetime | None
) -> tuple[Magento, Checkout]:
    """The clients of a channel, the same ones for all callers in this process while nothing about it changes.

    They share what a connection learns: the shop's clock, its page limit, an admin's token, a refused password; all is
    learnt anew once a person has set the channel going again, in whichever process (`resumed_at`). Raises SetupError if
    the credentials cannot be decrypted.
    """
    fingerprint = (store_url, base_url, sealed, connections, resumed_at)
    with _lock:
        known = _kept.get(channel_id)
        if known is None or known[0] != fingerprint:
            at_once = max(FEWEST_FOR_A_PERSON, connections)  # the synchronisation keeps to its own number by itself
            connection = connect(base_url, unsealed_credentials(sealed), at_once)
            known = _kept[channel_id] = (fingerprint, Magento(connection), Checkout(connection))
        return known[1], known[2]


def checked(base_url: str, credentials: Credentials) -> CheckReport:
    """What the shop says to the address and the credentials, within the time limits of the settings."""
    here = settings()
    return check(base_url, credentials, connect_timeout=here.connect_timeout, read_timeout=here.read_timeout)


def require_usable(report: CheckReport) -> CheckReport:
    """The report itself. Raises ChannelError with every problem and what to do about it if the shop can't be read."""
    if not report.is_usable:
        problems = [finding for finding in report.findings if finding.level is Level.PROBLEM]
        raise ChannelError("\n".join(f"{problem.title}. {problem.advice}".strip() for problem in problems))
    return report


def sealed_credentials(credentials: Credentials) -> bytes:
    """The credentials, encrypted for the store. Raises SetupError if there is no key."""
    return seal(credentials_to_json(credentials))


def unsealed_credentials(sealed: bytes) -> Credentials:
    """The credentials that were sealed. Raises SetupError if the key is another."""
    return credentials_from_json(unseal(sealed))


def kind_of(credentials: Credentials) -> str:
    """The word for the kind of credentials, as the column credentials_kind holds it."""
    match credentials:
        case Bearer():
            return "token"
        case OAuth():
            return "oauth"
        case AdminPassword():
            return "password"
