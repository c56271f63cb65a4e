"""Server CPU of one rerun of each screen: a raw websocket client asks the real server for a page again and again.

The bounds (docs/performance.md): a grid page at most 15 ms, the dashboard with cached figures at most 20 ms, the first
draw of a result at most 40 ms. CPU time is the server process's own, so the client and the shop cost nothing. Machines
differ by a factor of three, so a bare grid of 50 rows is measured in the same run.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.data import fill_store

_ROOT = Path(__file__).resolve().parents[1]
_RERUNS = 200
_WARM_UP = 5
_FIRST_BOUND = 40
_ORDERS = _CARTS = 20_000
_SCREENS = (("Dashboard", "", 20), ("Carts", "carts", 15), ("Orders", "orders", 15))
_AMOUNTS = [f"total={amount}.." for amount in range(1, 13)]
_NEW_RESULTS = {
    "": [f"period={period}&channel={channel}" for period in ("7d", "90d", "12m") for channel in (1, 2)],
    "carts": _AMOUNTS,
    "orders": _AMOUNTS,
}


def main() -> None:
    """Fill a store, start the servers one after the other, measure each screen, print the table."""
    with _server(_ROOT / "benchmarks" / "bare_grid", {}) as (process, port):
        bare = _again(process, port, "")
    with tempfile.TemporaryDirectory() as folder:
        environment = {"CRM_DATA_DIR": folder, "CRM_DEMO": "false"}
        os.environ |= environment
        fill_store(f"sqlite:///{folder}/desk.db", orders=_ORDERS, carts=_CARTS)
        with _server(_ROOT, environment) as (process, port):
            rows = [
                (title, _first(process, port, path), _again(process, port, path), bound)
                for title, path, bound in _SCREENS
            ]
    _report(rows, bare)


@contextmanager
def _server(folder: Path, environment: dict[str, str]) -> Iterator[tuple[psutil.Process, int]]:
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(folder / "app.py"), "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--logger.hideWelcomeMessage", "true"]
    server = subprocess.Popen(command, cwd=_ROOT, env={**os.environ, **environment})
    try:
        _wait_until_ready(port)
        yield psutil.Process(server.pid), port
    finally:
        server.terminate()
        server.wait()


def _first(process: psutil.Process, port: int, path: str) -> float:
    """Milliseconds of CPU for the first draw of a result, in a session of its own."""
    with _session(port) as session:  # imports and caches of the process, not of a draw
        _rerun(session, path)
    before = _cpu_milliseconds(process)
    for query in _NEW_RESULTS[path]:
        with _session(port) as session:
            _rerun(session, path, query)
    return (_cpu_milliseconds(process) - before) / len(_NEW_RESULTS[path])


def _again(process: psutil.Process, port: int, path: str) -> float:
    """Milliseconds of CPU for one rerun of a screen that is drawn."""
    with _session(port) as session:
        for _ in range(_WARM_UP):
            _rerun(session, path)
        before = _cpu_milliseconds(process)
        for _ in range(_RERUNS):
            _rerun(session, path)
        return (_cpu_milliseconds(process) - before) / _RERUNS


def _session(port: int) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{port}/_stcore/stream", subprotocols=[Subprotocol("streamlit")], max_size=None)


def _cpu_milliseconds(process: psutil.Process) -> float:
    """CPU time so far; the system counts in ticks of 10 ms, so only many reruns together can be measured."""
    spent = process.cpu_times()
    return (spent.user + spent.system) * 1000


def _rerun(session: ClientConnection, path: str, query: str = "") -> None:
    request = BackMsg()
    request.rerun_script.page_name = path
    request.rerun_script.query_string = query
    session.send(request.SerializeToString())
    while True:
        answer = ForwardMsg()
        message = session.recv(timeout=60)
        answer.ParseFromString(message if isinstance(message, bytes) else message.encode())
        if answer.WhichOneof("type") == "script_finished":
            return


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


def _report(rows: list[tuple[str, float, float, int]], bare: float) -> None:
    table = Table("Screen", f"First draw, ms (bound {_FIRST_BOUND})", "Rerun, ms", "Bound, ms", "Rerun / bare grid")
    for title, first, again, bound in rows:
        table.add_row(title, f"{first:.1f}", f"{again:.1f}", str(bound), f"{again / bare:.2f}")
    table.add_row("Bare grid of 50 rows", "", f"{bare:.1f}", "", "1.00")
    Console().print(table)


if __name__ == "__main__":
    main()
