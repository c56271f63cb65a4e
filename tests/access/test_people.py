"""Every act carries a person, and nobody is one by accident."""

from __future__ import annotations

import getpass
import threading

import pytest

from crm_core.access.people import (
    current_person,
    person_of_this_machine,
    require_sign_in_or_loopback,
    signed_in,
)
from crm_core.errors import NotAllowed, SetupError
from crm_core.settings import settings


class SetSetting:
    """Sets a variable of the environment and lets the settings be read anew."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, name: str, value: str) -> None:
        self._monkeypatch.setenv(name, value)
        settings.cache_clear()


@pytest.fixture
def set_setting(monkeypatch: pytest.MonkeyPatch) -> SetSetting:
    return SetSetting(monkeypatch)


def test_on_loopback_the_person_is_the_one_that_is_set_or_the_machines_user(set_setting: SetSetting) -> None:
    assert current_person() == getpass.getuser()
    set_setting("CRM_USER", "  Ann Lee ")
    assert current_person() == person_of_this_machine() == "Ann Lee"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost"])
def test_loopback_needs_no_sign_in(set_setting: SetSetting, host: str) -> None:
    set_setting("CRM_HOST", host)
    require_sign_in_or_loopback()
    assert current_person()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "desk.example.com", ""])
def test_elsewhere_nobody_is_anybody_without_a_sign_in(set_setting: SetSetting, host: str) -> None:
    set_setting("CRM_HOST", host)
    set_setting("CRM_USER", "Ann")
    with pytest.raises(SetupError, match=r"CRM_HOST=127\.0\.0\.1"):
        require_sign_in_or_loopback()
    with pytest.raises(NotAllowed, match="Sign in"):
        current_person()
    require_sign_in_or_loopback(has_sign_in=True)
    with signed_in("Bea"):
        assert current_person() == "Bea"
    with pytest.raises(NotAllowed):
        current_person()


def test_the_signed_in_person_goes_before_the_machines_and_ends_with_the_block(set_setting: SetSetting) -> None:
    set_setting("CRM_USER", "Ann")
    with signed_in("Bea"):
        with signed_in("Cid"):
            assert current_person() == "Cid"
        assert current_person() == "Bea"
    assert current_person() == "Ann"


def test_a_sign_in_is_of_one_thread_only(set_setting: SetSetting) -> None:
    set_setting("CRM_USER", "Ann")
    seen: list[str] = []
    with signed_in("Bea"):
        thread = threading.Thread(target=lambda: seen.append(current_person()))
        thread.start()
        thread.join()
    assert seen == ["Ann"]


def test_a_nameless_sign_in_is_refused() -> None:
    with pytest.raises(NotAllowed, match="no name"), signed_in("  "):
        pass


def test_a_machine_that_names_nobody_asks_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, " ")
    with pytest.raises(SetupError, match="CRM_USER"):
        current_person()
