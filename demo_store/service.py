"""From a request to an answer: the path, the caller, the body, the route, the faults; knows nothing of sockets."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote
from weakref import WeakValueDictionary

import msgspec

from demo_store import carts, placing
from demo_store.auth import Asking, Sessions, admit, sign_in
from demo_store.call import Call
from demo_store.criteria import parse_query
from demo_store.faults import Faults
from demo_store.fields import project
from demo_store.records import Records
from demo_store.refusal import Refusal, internal_error, no_route, required, wrong_type
from demo_store.routes import ROUTES, Route

_LOG = logging.getLogger(__name__)
_HTML = "text/html; charset=UTF-8"
_JSON = "application/json; charset=utf-8"
_VERBS = {"GET", "POST", "PUT", "DELETE"}
_REMEMBERED = 10_000  # requests: enough for any test, a few megabytes
_MAINTENANCE = "Service Temporarily Unavailable"


@dataclass(frozen=True)
class Request:
    """A request as it came: `target` is path and query, still encoded; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    remote_ip: str


@dataclass
class Response:
    """An answer to send; `dropped` means to close the connection without sending anything."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    dropped: bool = False


class Service:
    """Answers requests from the shop's records. Safe for many threads."""

    def __init__(self, records: Records, faults: Faults) -> None:
        self.records = records
        self.faults = faults
        self.place_seconds = 0.05
        self.requests: deque[str] = deque(maxlen=_REMEMBERED)
        self.maintenance = False
        self._sessions = Sessions()
        self._cookies: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()  # of requests under way
        self._placing: set[int] = set()

    def answer(self, request: Request) -> Response:
        """The answer to a request; its work is committed when this returns.

        A request that sends the shop's session cookie back waits for the others of that session (observed on 2.4.7).
        """
        cookie = re.search(r"PHPSESSID=([^;\s]+)", request.headers.get("cookie", ""))
        if cookie is None:
            response = self._answer(request)
            session_id = f"PHPSESSID={secrets.token_hex(13)}"
            response.headers["Set-Cookie"] = f"{session_id}; Max-Age=3600; path=/; HttpOnly; SameSite=Lax"
            return response
        with self.records.lock:
            session = self._cookies.setdefault(cookie[1], threading.Lock())
        with session:
            return self._answer(request)

    def _answer(self, request: Request) -> Response:
        faults = self.faults
        with self.records.lock:
            self.requests.append(f"{request.method} {request.target}")
            touched = faults.touches(request.method, request.target)
            fails = touched and faults.due(faults.fail_every)
            throttled = touched and faults.due(faults.throttle_every)
        if touched and faults.slow:
            time.sleep(faults.slow)
        if self.maintenance or (fails and faults.fail_status == 503):
            return self._finish(_page(503, _MAINTENANCE))
        if throttled:
            busy = Response(429, b'{"message":"Too Many Requests"}', {"Retry-After": str(faults.retry_after)})
            return self._finish(busy)
        try:
            response = _refused(internal_error("6b01fa017ed00")) if fails else self._result(request)
        except Refusal as refusal:
            response = _refused(refusal)
        except Exception:  # noqa: BLE001 (the outermost loop of the server: one bad request does not end it)
            _LOG.exception("no answer to %s %s", request.method, request.target)
            response = _refused(internal_error("6b01bad000000"))
        finally:
            with self.records.lock:
                self.records.state.commit()
        if touched:
            if faults.html:
                response = _page(200, "Checking your browser")
            if faults.truncate:
                response.body = response.body[: len(response.body) // 2]
            response.dropped = faults.drop
        return self._finish(response)

    def _finish(self, response: Response) -> Response:
        with self.records.lock:
            now = self.records.now() + timedelta(seconds=self.faults.date_ahead)
        response.headers.setdefault("Content-Type", _JSON)
        response.headers["Date"] = format_datetime(now.replace(microsecond=0), usegmt=True)
        return response

    def _result(self, request: Request) -> Response:
        path, _, query = request.target.partition("?")
        match = re.match(r"(?:/index\.php)?/rest/(?:(?!V\d+/)([^/]+)/)?(V\d+)/(.*)\Z", path)
        if match is None:
            raise Refusal(404, "404 Not Found", html=True)
        if request.method == "HEAD":
            return Response(405, b"")
        if request.method not in _VERBS:
            raise Refusal(405, f"The {request.method} HTTP method is not supported.")
        accept = request.headers.get("accept", "")
        if accept.startswith(("text/html", "text/csv")):
            raise Refusal(500, "There has been an error processing your request", html=True)
        code, version, rest = match.groups()
        with self.records.lock:
            store_id = self._store(code)
        parts = [unquote(part) for part in rest.rstrip("/").split("/")]
        parsed = parse_query(query)
        body = self._body(request) if request.body else None
        asking = Asking(
            request.method, request.headers.get("host", ""), path, query, request.headers.get("authorization", "")
        )
        if version == "V1" and request.method == "POST" and parts == ["integration", "admin", "token"]:
            with self.records.lock:
                return Response(200, msgspec.json.encode(sign_in(self.records, self._sessions, body)))
        if (
            version == "V1"
            and request.method == "PUT"
            and len(parts) == 3
            and (parts[0], parts[2]) == ("carts", "order")
        ):
            return self._place(asking, parts[1], body, store_id, request.remote_ip)
        route, open_parts = _route(version, request.method, parts)
        with self.records.lock:
            if route.resource is not None:
                admit(self.records, self._sessions, asking, route.resource)
            base_url = f"http://{asking.host}/"
            result = route.answer(
                Call(self.records, self.faults, open_parts, parsed, body, store_id, base_url, request.remote_ip)
            )
            if isinstance(fields := parsed.get("fields"), str) and fields:
                result = project(result, fields)
            return Response(200, msgspec.json.encode(result))

    def _store(self, code: str | None) -> int | None:
        if code is None or code == "all":
            return None
        view = self.records.view_of_code(code)
        if view is None:
            raise Refusal(400, "Specified request cannot be processed.")
        ident: int = view["id"]
        return ident

    def _place(self, asking: Asking, cart: str, body: Any, store_id: int | None, remote_ip: str) -> Response:
        """Place an order; of several at once for one cart, one does and the others are told a server error."""
        with self.records.lock:
            admit(self.records, self._sessions, asking, "Magento_Cart::manage")
            if cart == "mine":
                raise required("cartId")
            if not re.fullmatch(r"-?\d+", cart):
                raise wrong_type(cart, "int")
            ident = int(cart)
            carts.active(self.records, ident)
            if ident in self._placing:
                raise placing.stopped()
            self._placing.add(ident)
        try:
            time.sleep(self.place_seconds)
            with self.records.lock:
                order = placing.place(self.records, ident, body, store_id, remote_ip)
                return Response(200, msgspec.json.encode(order))
        finally:
            with self.records.lock:
                self._placing.discard(ident)

    def _body(self, request: Request) -> Any:
        kind = request.headers.get("content-type")
        if not kind:
            raise Refusal(400, "Content-Type header is empty.")
        media = kind.partition(";")[0].strip().lower()
        if media != "application/json":
            raise Refusal(400, f"Server cannot understand Content-Type HTTP header media type {media}")
        try:
            return msgspec.json.decode(request.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Refusal(400, "Decoding error.") from None


def _route(version: str, method: str, parts: list[str]) -> tuple[Route, tuple[str, ...]]:
    if version == "V1":
        for route in ROUTES:
            open_parts = route.match(method, parts)
            if open_parts is not None:
                return route, open_parts
    raise no_route()


def _refused(refusal: Refusal) -> Response:
    if refusal.html:
        return _page(refusal.status, refusal.message)
    return Response(refusal.status, msgspec.json.encode(refusal.body()), dict(refusal.headers))


def _page(status: int, title: str) -> Response:
    text = f"<!doctype html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Response(status, text.encode(), {"Content-Type": _HTML})
