"""Secrets at rest: what is stored is encrypted with a key that is not in the store."""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from crm_core.errors import SetupError
from crm_core.settings import settings

KEY_FILE = "secret.key"
"""Name of the key file in CRM_DATA_DIR; it is used while CRM_SECRET_KEY is empty."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NEW_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'


def seal(secret: bytes) -> bytes:
    """The secret, encrypted and authenticated with the newest key. Raises SetupError if there is no usable key."""
    return _keys().encrypt(secret)


def unseal(sealed: bytes) -> bytes:
    """The secret that `seal` was given. Raises SetupError if no present key opens it."""
    try:
        return _keys().decrypt(sealed)
    except InvalidToken as error:
        raise SetupError(
            f"The stored credentials can't be opened with the present key. Bring back the earlier {_source()}, "
            "or enter the credentials of each channel again."
        ) from error


def _source() -> str:
    return "CRM_SECRET_KEY" if settings().secret_key.get_secret_value() else f"file {_key_file()}"


def _key_file() -> Path:
    return settings().data_dir / KEY_FILE


def _keys() -> MultiFernet:
    text = settings().secret_key.get_secret_value() or _text_of_key_file()
    try:
        fernets = [Fernet(key.strip()) for key in text.split(",") if key.strip()]
    except ValueError:
        fernets = []
    if not fernets:
        # Not chained: the cause may quote the key.
        raise SetupError(f"{_source()} holds no key that can be used. Put back the right one, or make one: {_NEW_KEY}")
    return MultiFernet(fernets)


def _text_of_key_file() -> str:
    file = _key_file()
    try:
        if not file.exists():
            _make_key_file(file)
        with file.open("rb") as opened:
            if os.name == "posix" and os.fstat(opened.fileno()).st_mode & _OTHERS:
                raise SetupError(f"Others can read the key file {file}. Run: chmod 600 {file}")
            return opened.read().decode("ascii", errors="replace").strip()
    except OSError as error:
        raise SetupError(
            f"The key file {file} can't be read or made ({error.strerror}). Give this user the right to it, "
            "or set CRM_SECRET_KEY."
        ) from error


def _make_key_file(file: Path) -> None:
    """One key, whole, whoever else does the same now: it is written aside and linked, which only the first can do."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(Fernet.generate_key() + b"\n")
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(aside, file)
        except FileExistsError:
            return
    finally:
        aside.unlink()
