from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from tests.front_door.app import free_port

ROOT = Path(__file__).resolve().parents[2]


def _start(data: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"CRM_DATA_DIR": str(data), **settings}
    command = [sys.executable, "run.py"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_taken_port_is_told_with_the_setting_that_moves_it(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused = _start(tmp_path, CRM_PORT=port)
    assert refused.returncode == 1
    assert f"Port {port}" in refused.stderr
    assert "CRM_PORT=" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_address_that_others_reach_needs_a_sign_in(tmp_path: Path) -> None:
    refused = _start(tmp_path, CRM_HOST="0.0.0.0")
    assert refused.returncode == 1
    assert "nobody has to sign in" in refused.stderr
    assert not (tmp_path / "desk.db").exists()


def test_a_store_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "desk.db").write_text("These are not the bytes of a database, however many of them there are. " * 20)
    refused = _start(tmp_path)
    assert refused.returncode == 1
    assert "desk.db" in refused.stderr
    assert "Traceback" not in refused.stderr


def _started(data: Path, **settings: str) -> subprocess.Popen[bytes]:
    """run.py under way, without the demo store unless it is set, on a free port."""
    environment = os.environ | {
        "CRM_DATA_DIR": str(data),
        "CRM_PORT": str(free_port()),
        "CRM_DEMO": "false",
        **settings,
    }
    return subprocess.Popen(
        [sys.executable, "run.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def test_ctrl_c_while_the_services_are_being_started_ends_everything(tmp_path: Path) -> None:
    with _started(tmp_path) as desk:
        supervisor = psutil.Process(desk.pid)
        while not supervisor.children():
            time.sleep(0.005)
        desk.send_signal(signal.SIGINT)
        try:
            said, _ = desk.communicate(timeout=30)
        finally:
            for left in (*supervisor.children(recursive=True), supervisor) if supervisor.is_running() else ():
                left.kill()
    assert desk.returncode == 0
    assert b"Traceback" not in said


def test_closing_the_terminal_ends_every_process(tmp_path: Path) -> None:
    with _started(tmp_path) as desk:
        assert desk.stdout is not None
        assert any(b"is ready" in line for line in desk.stdout)
        services = psutil.Process(desk.pid).children(recursive=True)
        desk.send_signal(signal.SIGHUP)
        desk.wait(timeout=30)
        _, alive = psutil.wait_procs(services, timeout=10)
        for left in alive:
            left.kill()
    assert len(services) >= 2
    assert alive == []


def _service(desk: subprocess.Popen[bytes], word: str) -> psutil.Process:
    """The process of the desk whose command holds the word."""
    services = psutil.Process(desk.pid).children(recursive=True)
    return next(each for each in services if word in each.cmdline())


def test_the_desk_goes_on_when_its_demo_store_ends_and_says_so(tmp_path: Path) -> None:
    port = str(free_port())
    with _started(tmp_path, CRM_PORT=port, CRM_DEMO="true", CRM_DEMO_PORT=str(free_port())) as desk:
        try:
            assert desk.stdout is not None
            assert any(b"is ready" in line for line in desk.stdout)
            _service(desk, "demo_store").kill()
            said = next(line for line in desk.stdout if b"ended" in line)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=10) as answer:
                assert answer.status == 200
        finally:
            desk.send_signal(signal.SIGINT)
            desk.communicate(timeout=30)
    assert (
        said == b"The demo store ended (status -9). The desk goes on without it; Ctrl-C and make run start it again.\n"
    )
    assert desk.returncode == 0


def test_the_desk_ends_with_its_worker_and_says_why(tmp_path: Path) -> None:
    with _started(tmp_path) as desk:
        assert desk.stdout is not None
        assert any(b"is ready" in line for line in desk.stdout)
        _service(desk, "worker").kill()
        said, _ = desk.communicate(timeout=30)
    assert b"The worker ended (status -9). The desk ends with it; make run starts it again." in said


def test_a_virtual_environment_that_came_out_half_is_made_again(tmp_path: Path) -> None:
    """Without Debian's python3-venv, `python -m venv` leaves a python behind that has no pip."""
    python, made = tmp_path / "python", tmp_path / "venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\n[ "$2" = venv ] || exit 0\nmkdir -p {made.parent}; touch {made}; exit 1\n')
    python.chmod(0o755)
    command = ["make", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}", str(made)]
    failed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert failed.returncode != 0
    assert not made.exists()
