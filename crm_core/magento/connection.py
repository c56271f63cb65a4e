"""The way to one shop: signed requests over kept-alive connections, reads repeated with care, writes sent once.

Cookies are dropped, because Magento lets requests with one session cookie wait for each other (observed on 2.4.7).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import msgspec
import requests
import tenacity
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import DecodeError, HTTPError, LocationParseError, ReadTimeoutError

from crm_core.errors import (
    DeskError,
    OutcomeUnknown,
    ShopAnsweredNonsense,
    ShopFailed,
    ShopRefused,
    ShopUnavailable,
    ShopUnreachable,
    SignInFailed,
    WrongAddress,
)
from crm_core.magento.auth import AdminPassword, Credentials, sign_in
from crm_core.magento.failures import broken_connection, http_date, is_json, media_type, refused_answer, was_never_sent
from crm_core.magento.messages import read_refusal
from crm_core.magento.search import encode

logger = logging.getLogger(__name__)

# urllib3 logs each address with its query at DEBUG, and queries hold e-mail addresses.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

_FEW_TRIES = 2
_HARDLY_PASSING = (ShopFailed, ShopUnreachable)
_LONGEST_WAIT = 60.0
_UNCLEAR_4XX = frozenset((408, 425, 499))


class _Session(requests.Session):
    """Looks at no redirect: even when told to follow none, requests parses its address and breaks over a bad one."""

    read: requests.PreparedRequest | None = None
    """A read of the shop's base URL, with all that the reads of a session share."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere."""


class Connection:
    """A connection to the shop at `base_url` (as `normalise_base_url` gives it). Safe to use from several threads.

    Timeouts and `retry_wait`, the first pause before a read is repeated, are in seconds. `read_tries` is how often a
    read is sent at most; `connections` how many reads may be under way at once, while more wait for their turn.
    `page_limit` is the largest page that the shop allows, None as long as it has not refused one.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        write_timeout: float = 120.0,
        connections: int = 4,
        read_tries: int = 4,
        retry_wait: float = 1.0,
    ) -> None:
        self.base_url = base_url
        self.page_limit: int | None = None
        self._read_timeout = (connect_timeout, read_timeout)
        self._write_timeout = (connect_timeout, write_timeout)
        self._read_tries = read_tries
        self._retry_wait = retry_wait
        self._adapter = HTTPAdapter(pool_maxsize=connections, pool_block=True)
        # Proxies and certificates of the environment, looked up once: for each request it costs as much as sending it.
        self._environment = requests.Session().merge_environment_settings(base_url, {}, None, None, None)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._requests_made = 0
        self._shop_seconds = 0.0
        self._shop_clock: tuple[float, float] | None = None
        self._sign_in = sign_in(credentials, self._fetch_admin_token, self._shop_time)

    def __repr__(self) -> str:
        return f"Connection({self.base_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._adapter.close()

    @property
    def requests_made(self) -> int:
        """Requests sent so far, repeated ones and sign-ins included."""
        return self._requests_made

    @property
    def shop_seconds(self) -> float:
        """Seconds spent waiting for the shop so far, from sending a request to the head of its answer."""
        return self._shop_seconds

    @property
    def clock_offset(self) -> float | None:
        """Seconds that the shop's clock is ahead of this machine's; None before the shop's first answer."""
        now = self._shop_time()
        return None if now is None else now - time.time()

    def shop_now(self) -> datetime:
        """The time by the shop's own clock, in UTC to the second.

        Told by the Date of its last answer and the time passed since; asks once if there was no answer yet. Raises
        what `get` raises. A shop without a Date is taken to have this machine's time.
        """
        if self._shop_clock is None:
            self.get("/V1/store/websites")
        now = self._shop_time()
        if now is None:
            logger.warning("%s tells no time; using this machine's clock", self.base_url)
            now = time.time()
        return datetime.fromtimestamp(int(now), UTC)

    def get(
        self,
        path: str,
        parameters: Iterable[tuple[str, str]] = (),
        *,
        store: str | None = None,
        tries: int | None = None,
    ) -> bytes:
        """The body of the shop's answer to a read, in the store view of that code or in the default one.

        Sent `tries` times at most, `read_tries` without it: repeated after 429, 5xx and broken connections, with
        growing pauses or the shop's own Retry-After, and a fresh signature each; twice at most where the shop failed
        over this very request, or where no connection could be made, then after half of `retry_wait`. Raises
        ShopFailed, ShopUnreachable, ShopUnavailable, ShopRefused, ShopHasNoSuch, PermissionMissing,
        SignInFailed, WrongAddress or ShopAnsweredNonsense.
        """
        query = encode(parameters)
        most = tries or self._read_tries
        persistent = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(ShopUnavailable),
            stop=lambda state: _is_enough(state, most),
            wait=self._wait,
            reraise=True,
        )
        return persistent(self._read, path, query, store)

    def send(self, method: str, path: str, body: object = None, *, store: str | None) -> bytes:
        """The body of the shop's answer to a write, sent exactly once, in the store view of that code.

        `store` is None for a write to a record that no store view in the URL can move, such as an order.

        A connection of its own, so that a kept-alive one gone stale cannot blur the outcome. Raises OutcomeUnknown
        after anything but a clear answer; ShopUnavailable if the write surely did not reach the shop or was turned
        away by 429; ShopRefused, ShopHasNoSuch, PermissionMissing, SignInFailed or WrongAddress if the shop said no.
        """
        what = f"{method} {path}"
        signature = self._sign_in.sign()
        with self._new_session(HTTPAdapter(max_retries=0)) as session:
            try:
                response = self._exchange(
                    session, method, self._url(path, store), "", signature, body, self._write_timeout
                )
            except requests.RequestException as broken:
                failure = broken_connection(broken, self.base_url, is_write=True)
                if was_never_sent(broken):
                    raise failure from None
                raise _unknown(what, str(failure)) from None
        status = response.status_code
        if 200 <= status < 300 and is_json(response):
            self._sign_in.worked(signature)
            return response.content
        if status == 401:
            self._renew(signature, response)  # for the person's next attempt; this write is not repeated
        if 300 <= status < 500 and status not in _UNCLEAR_4XX:
            raise self._refused(response, what)
        raise _unknown(what, f"The shop answered {status} with {media_type(response)}.")

    def _read(self, path: str, query: str, store: str | None) -> bytes:
        what = f"GET {path}"
        url = self._url(path, store)
        may_renew = True
        while True:
            signature = self._sign_in.sign()
            try:
                response = self._exchange(self._session(), "GET", url, query, signature, None, self._read_timeout)
            except requests.RequestException as broken:
                raise broken_connection(broken, self.base_url) from None
            if response.status_code == 401 and self._renew(signature, response) and may_renew:
                may_renew = False
                continue
            if not 200 <= response.status_code < 300:
                raise self._refused(response, what)
            if not is_json(response):
                raise ShopAnsweredNonsense(
                    f"{self.base_url} answered {what} with {media_type(response)} instead of JSON. "
                    "Check the base URL. A firewall or proxy before the shop may have answered, too: let this machine "
                    "through to /rest."
                )
            self._sign_in.worked(signature)
            return response.content

    def _renew(self, signature: AuthBase, response: requests.Response) -> bool:
        refused = read_refusal(response.content)
        return self._sign_in.renew(signature, refused.resource if refused else "")

    def _refused(self, response: requests.Response, what: str) -> DeskError:
        error = refused_answer(response, self.base_url, what, self.clock_offset)
        if isinstance(error, SignInFailed) and "%" in what:
            # Magento 2.4.5 to 2.4.7 decodes the path before it checks the signature, so this proves no wrong secret.
            return ShopRefused(
                f"The shop cannot check the OAuth signature of {what}, because its address holds special characters. "
                "Update Magento to 2.4.8, or let the channel use an integration token.",
                response.status_code,
            )
        if isinstance(error, WrongAddress) and (trouble := _of_this_call(response.status_code, what)):
            return ShopRefused(
                f"What stands before the shop, its web server or a firewall, did not let {what} through "
                f"({response.status_code}, {media_type(response)}): {trouble}. Have it let all of /rest pass as it is.",
                response.status_code,
            )
        return error

    def _exchange(
        self,
        session: _Session,
        method: str,
        url: str,
        query: str,
        signature: AuthBase | None,
        body: object,
        timeout: tuple[float, float],
    ) -> requests.Response:
        started = time.perf_counter()
        with self._lock:
            self._requests_made += 1
        try:
            prepared = self._prepared(session, method, url, body)
            if query:
                # It is encoded as it must be signed; requests would look at each of its hundreds of characters again.
                prepared.url = f"{prepared.url}?{query}"
            if signature is not None:
                prepared.prepare_auth(signature)
            response = session.send(
                prepared, timeout=timeout, allow_redirects=False, stream=True, proxies=session.proxies
            )
            _read_whole(response)
        except LocationParseError as unparsable:  # requests lets it through for a host with too long a label
            raise requests.exceptions.InvalidURL(unparsable) from None
        logger.debug(
            "%s %s: %d in %.3f s", method, urlsplit(url).path, response.status_code, time.perf_counter() - started
        )
        self._note(response)
        return response

    def _prepared(self, session: _Session, method: str, url: str, body: object) -> requests.PreparedRequest:
        """The request, not signed yet.

        Callers quote the addresses of reads, and preparing each of them anew would cost a third of a read's own time.
        """
        if method != "GET":
            data = None if body is None else msgspec.json.encode(body)
            headers = None if body is None else {"Content-Type": "application/json"}
            return session.prepare_request(requests.Request(method, url, data=data, headers=headers))
        if session.read is None:
            session.read = session.prepare_request(requests.Request("GET", self.base_url))
        prepared = session.read.copy()
        prepared.url = f"{(session.read.url or '').rstrip('/')}{url.removeprefix(self.base_url)}"
        return prepared

    def _note(self, response: requests.Response) -> None:
        date = http_date(response.headers.get("Date", ""))
        with self._lock:
            self._shop_seconds += response.elapsed.total_seconds()
            if date is not None:
                self._shop_clock = (date, time.monotonic())

    def _shop_time(self) -> float | None:
        clock = self._shop_clock
        return None if clock is None else clock[0] + time.monotonic() - clock[1]

    def _session(self) -> _Session:
        session: _Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = self._new_session(self._adapter)
        return session

    def _new_session(self, adapter: HTTPAdapter) -> _Session:
        session = _Session()
        session.proxies, session.verify = self._environment["proxies"], self._environment["verify"]
        session.trust_env = False
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.headers["Accept"] = "application/json"
        session.headers["User-Agent"] = "Magento Sales Desk"
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        return session

    def _url(self, path: str, store: str | None) -> str:
        return f"{self.base_url}/rest{f'/{store}' if store else ''}{path}"

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, ShopUnreachable):
            return self._retry_wait / 2
        wish = error.retry_after if isinstance(error, ShopUnavailable) else None
        pause = tenacity.wait_exponential_jitter(multiplier=self._retry_wait, max=30.0, jitter=self._retry_wait)(state)
        return max(pause, wish or 0.0)

    def _fetch_admin_token(self, credentials: AdminPassword) -> str:
        path = "/V1/integration/admin/token"
        body = {"username": credentials.username, "password": credentials.password}
        with self._new_session(HTTPAdapter(max_retries=0)) as session:
            try:
                response = self._exchange(session, "POST", self._url(path, None), "", None, body, self._read_timeout)
            except requests.RequestException as broken:
                raise broken_connection(broken, self.base_url) from None
        if response.status_code == 200 and is_json(response):
            try:
                return msgspec.json.decode(response.content, type=str)
            except msgspec.DecodeError as unreadable:
                raise ShopAnsweredNonsense(f"The shop's answer to the sign-in is not a token: {unreadable}.") from None
        refused = read_refusal(response.content)
        if response.status_code == 400 and refused:
            raise SignInFailed(
                f"The shop wants a second factor from the admin user {credentials.username} ({refused.message}). "
                "Nobody can type one here: make an integration in the shop (System > Extensions > Integrations) and "
                "use its token."
            )
        if response.status_code == 401:
            raise SignInFailed(
                f"The shop does not accept the name and password of the admin user {credentials.username}. "
                "Enter them again; they are not tried again by themselves, since six failures lock the account."
            )
        raise refused_answer(response, self.base_url, f"POST {path}", self.clock_offset)


def _is_enough(state: tenacity.RetryCallState, most: int) -> bool:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, ShopUnavailable) and (error.retry_after or 0.0) > _LONGEST_WAIT:
        return True
    return state.attempt_number >= (min(most, _FEW_TRIES) if isinstance(error, _HARDLY_PASSING) else most)


def _of_this_call(status: int, what: str) -> str | None:
    """What of the call a web server or a firewall may have refused it for; None: the address as a whole is wrong.

    Apache answers 404 to an encoded slash unless AllowEncodedSlashes is on, and firewalls refuse verbs and texts with
    403 or 405, while all other calls pass: no reason to pause a channel.
    """
    if status in (403, 404, 405) and "%" in what:
        return "its address holds special characters"
    if status in (403, 405) and not what.startswith("GET "):
        return "it may refuse the verb, or a text in it"
    return None


def _unknown(what: str, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{what} was sent and its outcome is not known: {why} Look in the shop before sending it again.", why
    )


def _read_whole(response: requests.Response) -> None:
    """Read the answer's body in one go; requests joins it from pieces of 10 KB, at half the cost of decoding a page.

    Raises what requests raises when the body breaks off or comes too late.
    """
    try:
        response._content = response.raw.read(decode_content=True)  # noqa: SLF001
    except ReadTimeoutError as late:
        raise requests.exceptions.ReadTimeout(late) from late
    except DecodeError as garbled:
        raise requests.exceptions.ContentDecodingError(garbled) from garbled
    except HTTPError as broken:
        raise requests.exceptions.ChunkedEncodingError(broken) from broken
