"""The shop over real HTTP/1.1: one thread a connection, kept alive, without Nagle's delay."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from demo_store.service import Request, Response, Service
from demo_store.shop import Shop

_WAITING_CALLERS = 64
_SMALL = 20  # bytes that are not worth compressing, as nginx sees it


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nginx"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def handle(self) -> None:
        with suppress(ConnectionError, TimeoutError, OSError):
            super().handle()

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body, self.client_address[0])
        self._send(self.server.service.answer(request), headers)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = _serve  # noqa: N815 (http.server)

    def _send(self, response: Response, headers: dict[str, str]) -> None:
        if response.dropped:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = response.body
        if "gzip" in headers.get("accept-encoding", "") and len(body) > _SMALL:
            body = gzip.compress(body, compresslevel=1)
            response.headers["Content-Encoding"] = "gzip"
        self.send_response_only(response.status)
        self.send_header("Server", self.server_version)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    """The HTTP server of one shop; `close` also ends connections that are kept open."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, shop: Shop, door: socket.socket) -> None:
        self.service: Service = shop.service
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(door.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = door

    @property
    def url(self) -> str:
        """Where the shop answers, without a trailing slash."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that `close` can end it."""
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close(self) -> None:
        """Stop listening and end every open connection."""
        self.server_close()
        with self._guard:
            open_ones = list(self._connections)
        for connection in open_ones:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def listen(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """A door where callers may wait until somebody answers. Port 0 takes a free one; OSError for a taken one."""
    return socket.create_server((host, port), backlog=_WAITING_CALLERS)


@contextmanager
def answering(shop: Shop, door: socket.socket) -> Iterator[Server]:
    """The shop's server at that door, on a thread of its own, while the block runs; it closes the door behind it.

    Its `service` may be replaced while it runs, by that of another shop.
    """
    server = Server(shop, door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.close()


def running(shop: Shop, port: int = 0, host: str = "127.0.0.1") -> AbstractContextManager[Server]:
    """The shop's server on that port while the block runs; as `listen` and `answering`."""
    return answering(shop, listen(port, host))


@contextmanager
def serve(shop: Shop, port: int = 0, host: str = "127.0.0.1") -> Iterator[str]:
    """The shop answering while the block runs; gives its URL, without a trailing slash."""
    with running(shop, port, host) as server:
        yield server.url
