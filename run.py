"""Starts the product on one machine: app, worker and, until there is a real channel, the demo store.

``make run`` calls this. One supervisor (honcho) holds the processes: Ctrl-C, or the end of the app or the worker, ends
all. Without its demo store the desk goes on, as with any shop that is away.
"""

from __future__ import annotations

import errno
import shlex
import signal
import socket
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

from honcho.manager import Manager
from honcho.printer import Message, Printer

from crm_core.access.people import require_sign_in_or_loopback
from crm_core.errors import DeskError, SetupError
from crm_core.settings import Settings, settings
from crm_core.store.database import open_store
from crm_core.sync.setting_up import ensure_demo_channel

_ROOT = Path(__file__).resolve().parent
_DEMO_SIZE = ("--orders", "1200", "--carts", "500", "--customers", "400", "--seed", "7")
_DEMO = "demo"
_CALLED = {"app": "app", "worker": "worker", _DEMO: "demo store"}
_PATIENCE_SECONDS = 60
# Until the first run comes to st.navigation, Streamlit takes a folder "pages" for its older kind of pages, and tells
# whoever opens the desk at an address of its own that there is no such page.
_STREAMLIT = (
    "from streamlit.runtime.pages_manager import PagesManager; from streamlit.web.cli import main; "
    "PagesManager.uses_pages_directory = False; main()"
)
_PORTS_OF_ROOT, _SOME_PORT, _LAST_PORT = 1024, 8600, 65535


class _ServicePrinter(Printer):  # type: ignore[misc]  # honcho has no types
    """Prints what the services say, not that the supervisor started them."""

    def write(self, message: Message) -> None:
        if message.name != "system":
            super().write(message)


class _Supervisor(Manager):  # type: ignore[misc]  # honcho has no types
    """Honcho's, that does without the demo store, says what ended, and can be told to end while it starts."""

    def __init__(self, printer: Printer) -> None:
        super().__init__(printer)
        self._told: set[str] = set()

    def _any_stopped(self) -> bool:
        """Whether everything has to end. What ended of itself is said once, with the next step."""
        ended = {name: each["returncode"] for name, each in self._processes.items() if "returncode" in each}
        for name in ended.keys() - self._told if not self._terminating else ():
            what = "goes on without it; Ctrl-C and make run start" if name == _DEMO else "ends with it; make run starts"
            print(f"\nThe {_CALLED[name]} ended (status {ended[name]}). The desk {what} it again.\n", flush=True)
        self._told |= ended.keys()
        return bool(ended.keys() - {_DEMO})

    def terminate(self) -> None:
        """End all services; if one is just being started, a moment later, as its process is not known before."""
        if self._all_started():
            super().terminate()
        else:
            threading.Timer(0.1, self.terminate).start()


def main() -> int:
    """Run until Ctrl-C; returns the exit status. A DeskError before the start is one line and status 1."""
    try:
        here = settings()
        require_sign_in_or_loopback(has_sign_in=_has_sign_in())
        _require_free_port(here.host, here.port, "CRM_PORT")
        with closing(open_store()) as store:
            demo_url = f"http://127.0.0.1:{here.demo_port}"
            with_demo = ensure_demo_channel(store, demo_url, is_allowed=here.demo)
        if with_demo:
            _require_free_port("127.0.0.1", here.demo_port, "CRM_DEMO_PORT")
    except DeskError as error:
        print(f"Magento Sales Desk did not start. {error}", file=sys.stderr)
        return 1

    manager = _Supervisor(_ServicePrinter(sys.stdout))
    for name, command in _services(here, with_demo).items():
        manager.add_process(name, f"exec {shlex.join(command)}", cwd=str(_ROOT))
    # A closed terminal says so to the supervisor alone; the services have sessions of their own and would live on.
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    threading.Thread(target=_announce, args=(here,), daemon=True).start()
    manager.loop()
    interrupted = 130
    return 0 if manager.returncode == interrupted else int(manager.returncode or 0)


def _has_sign_in() -> bool:
    """Whether Streamlit's secrets hold an [auth] section; the app then asks everybody to sign in."""
    secrets = _ROOT / ".streamlit" / "secrets.toml"
    try:
        return "auth" in tomllib.loads(secrets.read_text())
    except FileNotFoundError:
        return False
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{secrets} cannot be read: {error}. Mend it, then start again.") from error


def app_command(host: str, port: int) -> list[str]:
    """What starts the app on that address, to be run in the folder of app.py."""
    command = [sys.executable, "-c", _STREAMLIT, "run", "app.py", "--server.address", host]
    return [*command, "--server.port", str(port), "--logger.hideWelcomeMessage", "true"]


def _services(here: Settings, with_demo: bool) -> dict[str, list[str]]:
    services = {"app": app_command(here.host, here.port), "worker": [sys.executable, "-m", "crm_core", "worker"]}
    if with_demo:
        state = here.data_dir / "demo.db"
        demo = [sys.executable, "-m", "demo_store", "--port", str(here.demo_port), "--db", str(state), "--live"]
        services[_DEMO] = [*demo, *_DEMO_SIZE]
    return services


def _require_free_port(host: str, port: int, variable: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            trouble = "is taken" if error.errno == errno.EADDRINUSE else f"can't be used ({error.strerror})"
            free = port + 1 if _PORTS_OF_ROOT <= port < _LAST_PORT else _SOME_PORT
            raise SetupError(
                f"Port {port} on {host} {trouble}. Stop what uses it, or set {variable} to a free port, for example: "
                f"{variable}={free} make run"
            ) from error


def _announce(here: Settings) -> None:
    """Print the one address once the app answers; its readiness probe has then run app.py's navigation."""
    address = f"http://[{here.host}]:{here.port}" if ":" in here.host else f"http://{here.host}:{here.port}"
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/script-health-check", timeout=5):  # noqa: S310
                print(f"\nMagento Sales Desk is ready: {address}  (Ctrl-C stops it)\n", flush=True)
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
