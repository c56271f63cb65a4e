"""Server CPU of what a person does on each screen: a raw websocket client asks the real server again and again.

The bounds (docs/performance.md): a grid page at most 15 ms, the dashboard with cached figures at most 20 ms, the first
draw of a result at most 40 ms, on the machine where a bare grid of 50 rows cost 4.6 ms. Machines differ by a factor of
three, so the bare grid takes turns with the screens, and every figure is given as so many bare grids too. CPU time is
the server process's own: the client and the shop cost nothing.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.data import fill_store, touch
from crm_core.store.database import Store

_ROOT = Path(__file__).resolve().parents[1]
_ROUNDS = 11
_RERUNS = 20
"""A round's reruns of one kind: the system counts CPU time in ticks of 10 ms, so only many can be measured together."""

_BARE_MS = 4.6
"""A rerun of the bare grid on the machine on which the bounds were set."""

_FIRST_BOUND, _GRID_BOUND, _DASHBOARD_BOUND = 40, 15, 20
_ORDERS = _CARTS = 20_000
_TODAY, _WEEK = datetime.now(UTC).date(), timedelta(days=7)
_WEEKS = [f"updated={_TODAY - (week + 1) * _WEEK}..{_TODAY - week * _WEEK}" for week in range(_RERUNS)]
_FIGURES = [f"period={period}&channel={channel}" for period in ("7d", "90d", "12m") for channel in (1, 2, 3)]

_Draws = Callable[[], int]
"""Has something drawn a number of times, and says how often."""

_Kind = tuple[str, psutil.Process, _Draws, float | None]
"""A kind of run: its name, the server, a round of it, and the bound in milliseconds."""


def main() -> None:
    """Fill a store, start the servers, let every kind of run take turns with the bare grid, print the table."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {"CRM_DATA_DIR": folder, "CRM_DEMO": "false"}
        url = f"sqlite:///{folder}/desk.db"
        fill_store(url, orders=_ORDERS, carts=_CARTS)
        store = stack.enter_context(closing(Store(url)))
        bare, bare_port = stack.enter_context(_server(_ROOT / "benchmarks" / "bare_grid", {}))
        desk, port = stack.enter_context(_server(_ROOT, environment))
        kinds: list[_Kind] = [
            ("Bare grid of 50 rows: rerun", bare, _reruns(stack, bare_port, ""), None),
            ("Bare grid of 50 rows: first draw", bare, _first_draws(store, bare_port, "", [""] * 10), None),
        ]
        for title, path, queries, bound in (
            ("Dashboard", "", _FIGURES, _DASHBOARD_BOUND),
            ("Carts", "carts", _WEEKS, _GRID_BOUND),
            ("Orders", "orders", _WEEKS, _GRID_BOUND),
        ):
            kinds.append((f"{title}: rerun", desk, _reruns(stack, port, path), bound))
            if path:
                kinds.append((f"{title}: another page", desk, _page_turns(stack, port, path), bound))
            draws = _first_draws(store, port, path, queries)
            kinds.append((f"{title}: first draw of a result", desk, draws, _FIRST_BOUND))
        _report(kinds, _measured(kinds))


def _measured(kinds: list[_Kind]) -> list[list[float]]:
    """Milliseconds of the server's CPU for one run of each kind, round by round."""
    taken: list[list[float]] = [[] for _ in kinds]
    for round_ in range(_ROUNDS + 1):
        for found, (_, process, draws, _) in zip(taken, kinds, strict=True):
            before = _cpu_milliseconds(process)
            number = draws()
            if round_:  # the first one warms up
                found.append((_cpu_milliseconds(process) - before) / number)
    return taken


def _reruns(stack: ExitStack, port: int, path: str) -> _Draws:
    """A session that has the whole screen drawn again, nothing changed."""
    visitor = stack.enter_context(_visitor(port))

    def draw() -> int:
        for _ in range(_RERUNS):
            visitor.run(path)
        return _RERUNS

    return draw


def _page_turns(stack: ExitStack, port: int, path: str) -> _Draws:
    """A session that turns the pages of a list, each to one that nobody has seen yet."""
    visitor = stack.enter_context(_visitor(port))
    visitor.run(path)

    def draw() -> int:
        for _ in range(_RERUNS):
            visitor.turn_page(path)
        return _RERUNS

    return draw


def _first_draws(store: Store, port: int, path: str, queries: list[str]) -> _Draws:
    """Sessions that begin with a screen, each with another filter or period.

    The store changes before each round, so that nothing which an earlier round has read is known any more.
    """

    def draw() -> int:
        touch(store)
        for query in queries:
            with _visitor(port) as visitor:
                visitor.run(path, query)
        return len(queries)

    return draw


class _Visitor:
    """The browser's end of a session."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._page = 1
        self._pagination = self._fragment = ""

    def run(self, path: str, query: str = "") -> None:
        """Has the whole screen drawn."""
        request = BackMsg()
        request.rerun_script.page_name = path
        request.rerun_script.query_string = query
        self._draw(request)

    def turn_page(self, path: str) -> None:
        """Presses the next page of the list, which draws only the part around it."""
        self._page += 1
        request = BackMsg()
        request.rerun_script.page_name = path
        request.rerun_script.fragment_id = self._fragment
        state = request.rerun_script.widget_states.widgets.add()
        state.id, state.int_value = self._pagination, self._page
        self._draw(request)

    def _draw(self, request: BackMsg) -> None:
        self._connection.send(request.SerializeToString())
        while True:
            answer = ForwardMsg()
            message = self._connection.recv(timeout=60)
            answer.ParseFromString(message if isinstance(message, bytes) else message.encode())
            if answer.WhichOneof("type") == "script_finished":
                return
            element = answer.delta.new_element
            if element.WhichOneof("type") == "pagination":
                self._pagination, self._fragment = element.pagination.id, answer.delta.fragment_id


@contextmanager
def _visitor(port: int) -> Iterator[_Visitor]:
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    with connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None) as connection:
        yield _Visitor(connection)


@contextmanager
def _server(folder: Path, environment: dict[str, str]) -> Iterator[tuple[psutil.Process, int]]:
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "app.py"), "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--logger.hideWelcomeMessage", "true"]
    server = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment})  # its own configuration
    try:
        _wait_until_ready(port)
        yield psutil.Process(server.pid), port
    finally:
        server.terminate()
        server.wait()


def _cpu_milliseconds(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return (spent.user + spent.system) * 1000


def _wait_until_ready(port: int) -> None:
    give_up_at = time.monotonic() + 60
    while time.monotonic() < give_up_at:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise TimeoutError("The app did not answer within a minute.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _report(kinds: list[_Kind], taken: list[list[float]]) -> None:
    table = Table("What", "ms", "bound", "bare grids", "bound")
    bare = taken[0]
    for (title, _, _, bound), found in zip(kinds, taken, strict=True):
        ratio = statistics.median(own / other for own, other in zip(found, bare, strict=True))
        limits = ("", "") if bound is None else (f"{bound:g}", f"{bound / _BARE_MS:.1f}")
        table.add_row(title, f"{statistics.median(found):.1f}", limits[0], f"{ratio:.2f}", limits[1])
    Console().print(table)


if __name__ == "__main__":
    main()
