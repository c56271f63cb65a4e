"""A shop that answers real HTTP from a script, and notes every request it gets."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from crm_core.magento.auth import Bearer, Credentials
from crm_core.magento.connection import Connection
from tests.recorded import recorded

TOKEN = "s3cr3t-token-of-the-shop"


@dataclass
class Answer:
    """What the shop answers: status, body, headers, and how it misbehaves on the way."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    delay: float = 0.0
    drop: bool = False
    truncate_to: int | None = None

    def content(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.body).encode()


def html(status: int, text: str = "<!doctype html><title>Sorry</title>", **headers: str) -> Answer:
    """An answer that is a web page."""
    return Answer(status=status, raw=text.encode(), headers={"Content-Type": "text/html; charset=UTF-8", **headers})


def replay(name: str) -> Answer:
    """The recorded answer of that name."""
    response = recorded(name)["response"]
    body = response["body"]
    content_type = next(value for key, value in response["headers"] if key.lower() == "content-type")
    raw = body.encode() if isinstance(body, str) and "json" not in content_type else None
    return Answer(body, response["status"], {"Content-Type": content_type}, raw)


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Script = Answer | Callable[[Request], Answer]


class ScriptedShop:
    """Serves what `on` says; the last answer of a route repeats. `date` sets the shop's clock."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.date: str | None = None
        self.under_way = 0
        self.most_under_way = 0
        self._routes: list[tuple[str, re.Pattern[str], list[Script]]] = []
        self._lock = threading.Lock()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                shop._serve(self)

            def log_message(self, *args: Any) -> None:
                pass

            def date_time_string(self, timestamp: float | None = None) -> str:
                return shop.date or super().date_time_string(timestamp)

        for verb in ("GET", "POST", "PUT", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler._serve)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def on(self, method: str, path: str, *answers: Script) -> None:
        """Answer requests to the path, a regular expression that must match whole, in that order."""
        self._routes.insert(0, (method, re.compile(path), list(answers)))

    def sent(self, method: str, path: str = ".*") -> Sequence[Request]:
        """The requests that arrived so."""
        return [each for each in self.requests if each.method == method and re.fullmatch(path, each.path)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        request = Request(handler.command, parts.path, parts.query, dict(handler.headers.items()), body)
        with self._lock:
            self.requests.append(request)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            script = self._next(request)
        answer = script(request) if callable(script) else script
        time.sleep(answer.delay)
        with self._lock:
            self.under_way -= 1
        self._write(handler, answer)

    def _next(self, request: Request) -> Script:
        for method, path, answers in self._routes:
            if method == request.method and path.fullmatch(request.path):
                return answers.pop(0) if len(answers) > 1 else answers[0]
        return Answer({"message": "Request does not match any route."}, 404)

    def _write(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        if answer.drop:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)
            return
        content = answer.content()
        headers = {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(content))}
        try:
            handler.send_response(answer.status)
            for name, value in {**headers, **answer.headers}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(content[: answer.truncate_to])
        except (BrokenPipeError, ConnectionResetError):
            return  # the client has hung up, which is what some tests make it do
        if answer.truncate_to is not None:
            handler.close_connection = True


@pytest.fixture
def shop() -> Iterator[ScriptedShop]:
    scripted = ScriptedShop()
    yield scripted
    scripted.close()


@pytest.fixture
def connect(shop: ScriptedShop) -> Iterator[Callable[..., Connection]]:
    """Makes connections to the scripted shop that hardly pause between tries."""
    opened: list[Connection] = []

    def make(credentials: Credentials | None = None, **options: Any) -> Connection:
        settings = {"connect_timeout": 2.0, "read_timeout": 5.0, "write_timeout": 5.0, "retry_wait": 0.01, **options}
        connection = Connection(shop.url, credentials or Bearer(TOKEN), **settings)
        opened.append(connection)
        return connection

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect: Callable[..., Connection]) -> Connection:
    return connect()
