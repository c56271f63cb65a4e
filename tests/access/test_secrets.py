"""Secrets are kept encrypted, with a key that only this user can read and that is made once."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from crm_core.access.secrets import seal, unseal
from crm_core.errors import SetupError
from crm_core.settings import settings


def _key_file() -> Path:
    return settings().data_dir / "secret.key"


@given(st.binary(max_size=200))
def test_what_is_sealed_unseals_and_does_not_show(secret: bytes) -> None:
    sealed = seal(secret)
    assert unseal(sealed) == secret
    assert len(secret) < 4 or secret not in sealed


def test_the_key_file_is_made_on_first_use_for_this_user_only() -> None:
    assert not _key_file().exists()
    sealed = seal(b"token")
    assert stat.S_IMODE(_key_file().stat().st_mode) == 0o600
    assert [path.name for path in _key_file().parent.iterdir()] == ["secret.key"]
    assert unseal(sealed) == b"token"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(mode: int) -> None:
    sealed = seal(b"token")
    _key_file().chmod(mode)
    with pytest.raises(SetupError, match="chmod 600"):
        unseal(sealed)
    with pytest.raises(SetupError, match="chmod 600"):
        seal(b"token")


def _seal_in_a_process(folder: str, number: int) -> bytes:
    os.environ["CRM_DATA_DIR"] = folder
    settings.cache_clear()
    return seal(str(number).encode())


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        sealed = pool.starmap(_seal_in_a_process, [(str(tmp_path / "data"), n) for n in range(12)], chunksize=1)
    assert [unseal(each) for each in sealed] == [str(n).encode() for n in range(12)]


def test_a_key_from_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET_KEY", Fernet.generate_key().decode())
    settings.cache_clear()
    assert unseal(seal(b"token")) == b"token"
    assert not _key_file().exists()


def test_after_a_new_key_is_put_first_the_old_secrets_still_open(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv("CRM_SECRET_KEY", old)
    settings.cache_clear()
    sealed = seal(b"token")
    monkeypatch.setenv("CRM_SECRET_KEY", f"{new}, {old}")
    settings.cache_clear()
    assert unseal(sealed) == b"token"
    assert Fernet(new).decrypt(seal(b"token")) == b"token"


def test_a_lost_key_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = seal(b"token")
    _key_file().unlink()
    with pytest.raises(SetupError, match="enter the credentials"):
        unseal(sealed)
    monkeypatch.setenv("CRM_SECRET_KEY", Fernet.generate_key().decode())
    settings.cache_clear()
    with pytest.raises(SetupError, match="CRM_SECRET_KEY"):
        unseal(sealed)


@pytest.mark.parametrize("key", ["not a key", "c2hvcnQ=", ",", "schlüssel"])
def test_a_key_that_is_none_is_not_quoted_back(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("CRM_SECRET_KEY", key)
    settings.cache_clear()
    with pytest.raises(SetupError, match="make one") as raised:
        seal(b"token")
    assert len(key) < 2 or key not in str(raised.value)
    assert raised.value.__cause__ is None


def test_an_empty_key_file_says_what_to_do() -> None:
    seal(b"token")
    _key_file().write_text("")
    with pytest.raises(SetupError, match=r"secret\.key holds no key"):
        seal(b"token")


def test_a_data_folder_that_cannot_be_made_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CRM_DATA_DIR", str(tmp_path / "file" / "data"))
    settings.cache_clear()
    with pytest.raises(SetupError, match="CRM_SECRET_KEY"):
        seal(b"token")
