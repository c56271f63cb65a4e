"""Settings that cannot be used say which variable to correct, and never what it holds."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from crm_core.errors import SetupError
from crm_core.settings import settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CRM_PORT", "eighty-five"),
        ("CRM_PORT", "-85"),
        ("CRM_DEMO_PORT", "70000"),
        ("CRM_DEMO", "perhaps"),
        ("CRM_READ_TIMEOUT", "-1"),
        ("CRM_WRITE_TIMEOUT", "2 minutes"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SetupError) as told:
        settings()
    assert f"({variable}: input should be" in str(told.value)
    assert ".env" in str(told.value)
    assert value not in "".join(traceback.format_exception(told.value))


def test_every_variable_that_is_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_PORT", "x")
    monkeypatch.setenv("CRM_CONNECT_TIMEOUT", "0")
    with pytest.raises(SetupError, match=r"CRM_PORT: .*; CRM_CONNECT_TIMEOUT: "):
        settings()


def test_a_file_of_settings_that_is_no_text_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_bytes(b"CRM_PORT=85\xff\n")
    with pytest.raises(SetupError, match="not UTF-8"):
        settings()
