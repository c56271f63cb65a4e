"""The product's mark and name as Streamlit takes them quickest: data URLs, read once a process."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from pathlib import Path

_STATIC = Path(__file__).resolve().parents[2] / "static"
_KINDS = {".svg": "image/svg+xml", ".png": "image/png"}


@cache
def picture(name: str) -> str:
    """The data URL of a file in static/; a file's name would be read and hashed on every run."""
    file = _STATIC / name
    return f"data:{_KINDS[file.suffix]};base64,{b64encode(file.read_bytes()).decode()}"
