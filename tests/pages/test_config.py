"""Streamlit takes our configuration: an option that a new version dropped or renamed is found here."""

from __future__ import annotations

import tomllib
from typing import Any

from streamlit import config

from tests.pages.conftest import ROOT

_FILE = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        found |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def test_every_option_of_our_configuration_exists_also_the_hidden_ones() -> None:
    known = set(config._config_options_template)
    assert set(_flat(_FILE)) <= known


def test_the_options_that_speed_and_safety_rest_on_are_set() -> None:
    options = _flat(_FILE)
    assert options["runner.postScriptGC"] is False
    assert options["server.scriptHealthCheckEnabled"] is True
    assert options["server.enableWebsocketCompression"] is True
    assert options["server.address"] == "127.0.0.1"
    assert options["client.showErrorDetails"] == "none"
    assert options["client.disableDataExport"] is True
    assert options["browser.gatherUsageStats"] is False


def test_the_fonts_are_our_own_files_and_nothing_is_fetched_from_elsewhere() -> None:
    for face in _FILE["theme"]["fontFaces"]:
        assert (ROOT / face["url"].removeprefix("app/")).is_file()
    for name in ("logo.svg", "mark.svg", "favicon.png"):
        assert (ROOT / "static" / name).is_file()
    assert "http://" not in (ROOT / "static" / "logo.svg").read_text().replace("http://www.w3.org/2000/svg", "")


def test_scripts_stand_one_folder_down_so_that_none_runs_without_the_app() -> None:
    assert [path.name for path in (ROOT / "pages").glob("*.py")] == ["__init__.py"]
