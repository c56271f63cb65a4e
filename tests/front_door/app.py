"""The app alone, without supervisor and worker, and what it sends to somebody who opens it at an address."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

_ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port that nothing listens on now, and that nobody is given who lets the system choose one."""
    while True:
        port = random.randint(10_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def started_app(port: int, data: Path, command: list[str]) -> Iterator[None]:
    """The app as the command starts it, with its data in `data`: nobody has asked it anything yet."""
    server = subprocess.Popen(command, cwd=_ROOT, env=os.environ | {"CRM_DATA_DIR": str(data)})
    try:
        _wait_until_healthy(port)
        yield
    finally:
        server.terminate()
        server.wait(timeout=20)


def first_hits(port: int, paths: Sequence[str]) -> list[list[ForwardMsg]]:
    """All that the app sends to people who open it at these addresses at once, until each one's screen is drawn.

    They all ask before the first is answered, so that to a fresh server each of them is a first hit.
    """
    address = f"ws://127.0.0.1:{port}/_stcore/stream"
    with ExitStack() as open_now:
        browsers = [
            open_now.enter_context(connect(address, subprotocols=[Subprotocol("streamlit")], max_size=None))
            for _ in paths
        ]
        for browser, path in zip(browsers, paths, strict=True):
            asked = BackMsg()
            asked.rerun_script.page_name, _, asked.rerun_script.query_string = path.partition("?")
            browser.send(asked.SerializeToString())
        return [list(_until_drawn(browser)) for browser in browsers]


def _until_drawn(browser: ClientConnection) -> Iterator[ForwardMsg]:
    while True:
        sent = browser.recv(timeout=60)
        assert isinstance(sent, bytes)
        message = ForwardMsg.FromString(sent)
        yield message
        if message.WhichOneof("type") == "script_finished":
            return


def _wait_until_healthy(port: int) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("The app did not answer.")
