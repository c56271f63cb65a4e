"""What goes wrong on the way to a shop, told as the error that says what the caller must do about it."""

from __future__ import annotations

import re
import ssl
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import NameResolutionError, NewConnectionError, ReadTimeoutError

from crm_core.errors import (
    DeskError,
    PermissionMissing,
    ShopFailed,
    ShopHasNoSuch,
    ShopRefused,
    ShopUnavailable,
    ShopUnreachable,
    SignInFailed,
    WrongAddress,
)
from crm_core.magento.messages import Refusal, read_refusal

_NOT_AN_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)
_NOTICEABLE_CLOCK_OFFSET = 300.0
_LONGEST_WISH = 86_400.0


def broken_connection(error: requests.RequestException, base_url: str, *, is_write: bool = False) -> DeskError:
    """The error for a request that got no answer. Never quotes the request, which may hold e-mail addresses.

    Of a write that may have reached the shop it does not say to try later.
    """
    later = "" if is_write else " Try later."
    host = urlsplit(base_url).netloc
    reason = _reason(error)
    if isinstance(error, _NOT_AN_ADDRESS):
        return WrongAddress(f"{base_url} is not an address. Check the channel's base URL.")
    if isinstance(error, requests.exceptions.SSLError) and (problem := _lasting_tls_problem(reason)):
        return WrongAddress(f"The secure connection to {host} is refused: {problem}.")
    if isinstance(error, requests.exceptions.ProxyError):
        return ShopUnavailable(f"The proxy on the way to {host} does not work. Check HTTPS_PROXY and NO_PROXY.")
    if isinstance(reason, NameResolutionError):
        return ShopUnreachable(f"The name {host} cannot be found. Check its spelling, and this machine's DNS.")
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return ShopUnreachable(f"{host} does not accept a connection in time. Check the address, and firewalls.")
    if isinstance(reason, NewConnectionError):
        return ShopUnreachable(f"Nothing answers at {host}. Check address and port, and whether the shop is up.")
    if isinstance(error, requests.exceptions.Timeout) or isinstance(reason, ReadTimeoutError):
        return ShopFailed(f"{host} took too long to answer.{later}")
    return ShopUnavailable(f"The connection to {host} broke before the answer was complete.{later}")


def was_never_sent(error: requests.RequestException) -> bool:
    """Whether the connection failed before a byte of the request could leave."""
    if isinstance(error, requests.exceptions.SSLError):
        return _lasting_tls_problem(_reason(error)) is not None
    return isinstance(error, (requests.exceptions.ConnectTimeout, *_NOT_AN_ADDRESS)) or isinstance(
        _reason(error), NewConnectionError | NameResolutionError
    )


def refused_answer(response: requests.Response, base_url: str, what: str, clock_offset: float | None) -> DeskError:
    """The error for an answer of another status than 2xx to `what`, with the shop's own words where it has some.

    `clock_offset` is how many seconds the shop's clock is ahead, if known: a wrong clock spoils OAuth signatures.
    """
    status = response.status_code
    refused = read_refusal(response.content) if is_json(response) else None
    if 300 <= status < 400:
        # Without its query, which may hold e-mail addresses.
        target = response.headers.get("Location", "an address that it does not name").split("?")[0]
        target = re.sub(r"/rest(/.*)?\Z", "", target)
        return WrongAddress(
            f"{base_url} redirects to {target}. If the shop has moved, give the address that this leads to as the base "
            "URL; if it is only away for maintenance, try later."
        )
    if status == 429:
        return ShopUnavailable(f"{base_url} limits how often it may be asked (429). Try later.", _retry_after(response))
    if status in (500, 504):
        detail = refused.message.rstrip(".") if refused else f"{media_type(response)} instead of JSON"
        return ShopFailed(
            f"The shop failed over {what} ({status}): {detail}. Try later; the shop's log tells why.",
            _retry_after(response),
        )
    if status > 500:
        return ShopUnavailable(
            f"{base_url} cannot answer now ({status}): maintenance or overload. Try later.", _retry_after(response)
        )
    if status == 401:
        return _unauthorised(refused, base_url, what, clock_offset)
    if refused is None and status in (403, 404, 405):
        return WrongAddress(
            f"{base_url}/rest answers {status} with {media_type(response)}: that is not Magento's REST API. "
            "Check the base URL, and that no firewall keeps this machine from /rest. A shop that is being updated "
            "answers so for a while, too: try later."
        )
    if refused is None:
        return ShopRefused(f"The shop refused {what} ({status}, {media_type(response)}).", status)
    if status == 404:
        return ShopHasNoSuch(refused.message, refused.parameters)
    return ShopRefused(refused.message, status, refused.parameters)


def is_json(response: requests.Response) -> bool:
    """Whether the answer says that it is JSON; maintenance, firewalls and proxies answer in HTML."""
    return "json" in response.headers.get("Content-Type", "").lower()


def media_type(response: requests.Response) -> str:
    """The media type of the answer, in words for a message."""
    return response.headers.get("Content-Type", "").split(";")[0].strip() or "no content type"


def http_date(text: str) -> float | None:
    """The date of a header in seconds since 1970 UTC, None if it is none; without a zone it means UTC."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _unauthorised(refused: Refusal | None, base_url: str, what: str, clock_offset: float | None) -> DeskError:
    """Magento answers 401 to a wrong token and to a missing permission alike; only the latter's name tells a bit."""
    if refused is None:
        return SignInFailed(
            f"The web server of {base_url} asks for a password of its own before Magento's. "
            "Have /rest opened for this machine."
        )
    if refused.resource:
        return PermissionMissing(
            f"The shop does not let these credentials use {refused.resource}. Either the integration or the user's "
            "role lacks it, or the sign-in as such is not accepted: check the channel to see which.",
            refused.resource,
        )
    clock = ""
    if clock_offset is not None and abs(clock_offset) > _NOTICEABLE_CLOCK_OFFSET:
        clock = f" This machine's clock is {abs(clock_offset):.0f} s off the shop's: set it right."
    return SignInFailed(
        f"The shop does not accept the sign-in for {what}: {refused.message.rstrip('.')}.{clock} "
        "Copy the credentials from the shop again (System > Extensions > Integrations), and see that the integration "
        "is active."
    )


def _reason(error: requests.RequestException) -> object:
    """urllib3's own error inside the one that requests makes of it."""
    inner = error.args[0] if error.args else None
    return getattr(inner, "reason", None) or inner


def _lasting_tls_problem(reason: object) -> str | None:
    """What is wrong with the certificate or the port and the way out; None if it is only a connection that broke."""
    cause = reason.args[0] if isinstance(reason, Exception) and reason.args else None
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"{cause.verify_message.rstrip('.')}. Have the shop's TLS certificate mended; for a private certificate "
            "authority, name its file in REQUESTS_CA_BUNDLE"
        )
    if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":
        return "no TLS is spoken at that port. Give the port that speaks it; for a test shop without TLS write http://"
    return None


def _retry_after(response: requests.Response) -> float | None:
    """The seconds that the shop asks to wait, given as a number or as a date; a day at most."""
    wish = response.headers.get("Retry-After", "").strip()
    if wish.isdecimal():
        return min(float(wish), _LONGEST_WISH)
    until = http_date(wish)
    if until is None:
        return None
    now = http_date(response.headers.get("Date", ""))
    return min(max(0.0, until - (time.time() if now is None else now)), _LONGEST_WISH)
