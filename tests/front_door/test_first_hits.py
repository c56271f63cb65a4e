from __future__ import annotations

import sys
from pathlib import Path

from run import app_command
from tests.front_door.app import first_hits, free_port, started_app

_PATHS = (
    "", "home", "dashboard", "carts", "orders", "customers", "attempts", "cart?id=1", "order?id=1", "customer?id=1",
    "several?ids=1", "channels",
)  # fmt: skip


def test_the_first_hit_of_a_fresh_server_runs_the_navigation_at_every_address(tmp_path: Path) -> None:
    port = free_port()
    with started_app(port, tmp_path, app_command("127.0.0.1", port)):
        sent = first_hits(port, _PATHS)
    for path, messages in zip(_PATHS, sent, strict=True):
        assert not [each for each in messages if each.HasField("page_not_found")], path
        (navigation,) = [each.navigation for each in messages if each.HasField("navigation")]
        assert "Channels" in {page.page_name for page in navigation.app_pages}, path
        (chosen,) = [each for each in navigation.app_pages if each.page_script_hash == navigation.page_script_hash]
        assert chosen.url_pathname == path.partition("?")[0]


def test_a_desk_that_others_can_reach_shows_nothing_to_somebody_unknown_at_any_address(tmp_path: Path) -> None:
    port = free_port()
    bare = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    with started_app(port, tmp_path, [*bare, "--server.address", "0.0.0.0"]):  # asked on loopback only
        sent = first_hits(port, _PATHS)
    for path, messages in zip(_PATHS, sent, strict=True):
        assert any("nobody has to sign in" in str(each) for each in messages), path
        *_, navigation = [each.navigation for each in messages if each.HasField("navigation")]
        assert {page.page_name for page in navigation.app_pages} == {"Sign in"}, path
