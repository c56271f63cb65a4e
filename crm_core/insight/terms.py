"""The grammar of a filter that a person types: words, and terms of a key, an operator and a value.

`total>=500 country:DE status:"on hold" anna` has three terms and a word. A value or a word in double quotes may hold
spaces; inside them a backslash makes the next character plain. A word in quotes is never a term.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEY = re.compile(r"([A-Za-z_]+)(:|>=|<=|>|<)")
_PLAIN = re.compile(r"[^\s\"\\]+")


@dataclass(frozen=True)
class Term:
    """A key with an operator (one of : >= <= > <) and a value; a plain word has no key and no operator."""

    key: str
    operator: str
    value: str


def read_terms(text: str) -> list[Term]:
    """The terms and words of a text in their order; any text can be read, an open quote ends with the text."""
    terms: list[Term] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        key = operator = ""
        if head := _KEY.match(text, at):
            key, operator = head[1].lower(), head[2]
            at = head.end()
        value, at = _read_value(text, at)
        if value or key:
            terms.append(Term(key, operator, value))
    return terms


def write_terms(terms: list[Term]) -> str:
    """The text that `read_terms` reads back as these terms; values may hold anything."""
    return " ".join(f"{term.key}{term.operator}{_quoted(term)}" for term in terms)


def _read_value(text: str, at: int) -> tuple[str, int]:
    found: list[str] = []
    in_quotes = False
    while at < len(text):
        character = text[at]
        if character == "\\" and in_quotes and at + 1 < len(text):
            found.append(text[at + 1])
            at += 2
            continue
        if character == '"':
            in_quotes = not in_quotes
        elif character.isspace() and not in_quotes:
            break
        else:
            found.append(character)
        at += 1
    return "".join(found), at


def _quoted(term: Term) -> str:
    # After > or < the sign would be read as a part of the operator.
    is_other = term.value.startswith("=") if term.key else _KEY.match(term.value)
    if _PLAIN.fullmatch(term.value) and not is_other:
        return term.value
    return '"' + term.value.replace("\\", "\\\\").replace('"', '\\"') + '"'
