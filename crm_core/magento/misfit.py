"""Why a record of the shop does not fit, in words for who looks after the channel: which field, and what it holds."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_TOLD = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>[^`]*)`)?", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<wanted>[^`]+)`, got `[^`]+`")
_BOUND = re.compile(r"Expected `(?:int|float)` (?P<sign>[<>]=?) (?P<bound>\S+)")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]+)`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "yes or no",
    "datetime": "a date and time",
    "array": "a list",
    "object": "a group of fields",
}
_BOUNDS = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}
_LONGEST_VALUE = 80


def in_words(error: Exception, data: bytes) -> str:
    """The decoder's `error` over `data` as a sentence; its own words only where it names neither field nor kind."""
    told = _TOLD.fullmatch(str(error))
    what, path = (told["what"], told["path"] or "") if told else (str(error), "")
    if missing := _MISSING.fullmatch(what):
        return f"The field {_name(path + '.' + missing['name'])} is missing."
    wanted = None
    if expected := _EXPECTED.fullmatch(what):
        kinds = [_KINDS.get(kind, kind) for kind in expected["wanted"].split(" | ") if kind != "null"]
        wanted = " or ".join(kinds)
    elif what.startswith("Invalid") and ("date" in what or "timestamp" in what):
        wanted = _KINDS["datetime"]
    elif bound := _BOUND.fullmatch(what):
        wanted = f"{_BOUNDS[bound['sign']]} {bound['bound']}"
    elif what.startswith("Number out of range"):
        return "A number in it is too large."
    subject = f"The field {_name(path)}" if _STEP.search(path) else "It"
    if wanted is None:
        return f"{subject} is not the data that was asked for ({what})."
    value = _value(data, path)
    return f"{subject} is not {wanted}." if value is None else f"{subject} holds {value}, not {wanted}."


def _name(path: str) -> str:
    """Such as “items 1 › price” for .items[0].price."""
    words: list[str] = []
    for name, index in _STEP.findall(path):
        if name:
            words.append(name)
        elif words:
            words[-1] += f" {int(index) + 1}"
    return f"“{' › '.join(words) or path}”"


def _value(data: bytes, path: str) -> str | None:
    """What stands there, short enough for a sentence; None if it cannot be told."""
    try:
        found: Any = msgspec.json.decode(data)
        for name, index in _STEP.findall(path):
            found = found[name] if name else found[int(index)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
        return None
    match found:
        case None:
            return "nothing"
        case list():
            return "a list"
        case dict():
            return "a group of fields"
        case bool():
            return "yes" if found else "no"
        case str():
            # No line break in a log, and none of what PostgreSQL cannot keep.
            shown = "".join(letter if letter.isprintable() else " " for letter in found[:_LONGEST_VALUE])
            return f"“{shown}{'…' if len(found) > _LONGEST_VALUE else ''}”"
        case _:
            return str(found)[:_LONGEST_VALUE]
