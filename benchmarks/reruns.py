"""Server CPU of one rerun of each screen: a raw websocket client asks the real server for the same page again and again.

The bounds (docs/performance.md): a grid page at most 15 ms, the dashboard with cached figures at most 20 ms, the first
draw of a result at most 40 ms. CPU time is the server process's own, so the client and the shop cost nothing.
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
_FIRST_DRAWS = 20
_FIRST_BOUND = 40
_ORDERS = _CARTS = 20_000
_SCREENS = (("Dashboard", "dashboard", 20), ("Carts", "carts", 15), ("Orders", "orders", 15))
_NEW_RESULT = {"dashboard": "period={day}", "carts": "amount_from={day}", "orders": "amount_from={day}"}


def main() -> None:
    """Fill a store, start the server, measure each screen, print the table."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CRM_DATA_DIR": folder, "CRM_DEMO": "false"}
        os.environ["CRM_DATA_DIR"] = folder
        fill_store(f"sqlite:///{folder}/desk.db", orders=_ORDERS, carts=_CARTS)
        port = _free_port()
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
        command += ["--server.address", "127.0.0.1", "--logger.hideWelcomeMessage", "true"]
        server = subprocess.Popen(command, cwd=_ROOT, env=environment)
        try:
            _wait_until_ready(port)
            _report(_measure(server.pid, port))
        finally:
            server.terminate()
            server.wait()


def _measure(pid: int, port: int) -> list[tuple[str, float, float, int]]:
    process = psutil.Process(pid)
    rows = []
    for title, path, bound in _SCREENS:
        with _session(port) as session:  # imports and caches of the process, not of a rerun
            _rerun(session, path)
        before = _cpu_milliseconds(process)
        for day in range(1, _FIRST_DRAWS + 1):
            with _session(port) as session:
                _rerun(session, path, query=_NEW_RESULT[path].format(day=day))
        first = (_cpu_milliseconds(process) - before) / _FIRST_DRAWS
        with _session(port) as session:
            _rerun(session, path)
            before = _cpu_milliseconds(process)
            for _ in range(_RERUNS):
                _rerun(session, path)
            again = (_cpu_milliseconds(process) - before) / _RERUNS
        rows.append((title, first, again, bound))
    return rows


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


def _report(rows: list[tuple[str, float, float, int]]) -> None:
    table = Table("Screen", f"First draw of a result, ms (bound {_FIRST_BOUND})", "Rerun, ms", "Bound, ms")
    for title, first, again, bound in rows:
        table.add_row(title, f"{first:.1f}", f"{again:.1f}", str(bound))
    Console().print(table)


if __name__ == "__main__":
    main()
