"""What a shop says when it refuses, as a person can read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

_PLACEHOLDER = re.compile(r"%([A-Za-z_][A-Za-z0-9_]*|\d+)")
_LONGEST = 2000


class Refusal(msgspec.Struct, frozen=True):
    """The body of an error answer: the readable message and the parameters that came with it, by name."""

    message: str
    parameters: dict[str, Any]

    @property
    def resource(self) -> str:
        """The ACL resource that was missing, as Magento names it (``Magento_Cart::manage``); empty if none is named."""
        resources = self.parameters.get("resources", "")
        return resources if isinstance(resources, str) else ""


def read_refusal(body: bytes) -> Refusal | None:
    """The refusal that the body holds, None if it is not one (HTML, truncated, something else in JSON)."""
    try:
        # Messages are kept, and PostgreSQL keeps no NUL.
        answer = msgspec.json.decode(body.replace(b"\\u0000", b"\\ufffd"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(answer, dict):
        return None
    if isinstance(answer.get("message"), str):
        return Refusal(_whole_message(answer), _by_name(answer.get("parameters")))
    fatal = answer.get("messages")
    errors = fatal.get("error") if isinstance(fatal, dict) else None
    if isinstance(errors, list):
        texts = [str(error.get("message")) for error in errors if isinstance(error, dict)]
        return Refusal("\n".join(texts)[:_LONGEST], {}) if texts else None
    return None


def _whole_message(answer: Mapping[str, Any]) -> str:
    texts = [_fill(str(answer["message"]), answer.get("parameters"))]
    nested = answer.get("errors")
    if isinstance(nested, list):
        texts += [
            _fill(error["message"], error.get("parameters"))
            for error in nested
            if isinstance(error, dict) and isinstance(error.get("message"), str)
        ]
    return "\n".join(text for text in texts if text)[:_LONGEST]


def _by_name(parameters: Any) -> dict[str, Any]:
    """Magento sends an object for named placeholders and a list for numbered ones, which count from 1."""
    if isinstance(parameters, dict):
        return parameters
    if isinstance(parameters, list):
        return {str(number): value for number, value in enumerate(parameters, start=1)}
    return {}


def _fill(template: str, parameters: Any) -> str:
    values = _by_name(parameters)
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]) if match[1] in values else match[0], template).strip()
