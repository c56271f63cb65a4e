"""The `fields` projection of a REST answer, with Magento's grammar and its silent failure."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

_GRAMMAR = re.compile(r"[A-Za-z0-9_\[\],]+\Z")
Tree: TypeAlias = "dict[str, Tree | None]"


def project(body: Any, fields: str) -> Any:
    """The part of `body` that `fields` names.

    As Magento does: a scalar stays, unknown names vanish, a list that the filter leaves without content is null, and
    an expression outside the grammar (a space, an unbalanced bracket) empties the whole answer with status 200.
    """
    if not isinstance(body, dict | list):
        return body
    tree = _parse(fields)
    if tree is None:
        return []
    if isinstance(body, list):
        return [_pick(entry, tree) for entry in body if isinstance(entry, dict)]
    return _pick(body, tree)


def _parse(fields: str) -> Tree | None:
    """The expression as a tree, or None where it does not fit the grammar."""
    if not _GRAMMAR.match(fields) or fields.count("[") != fields.count("]"):
        return None
    root: Tree = {}
    stack: list[Tree] = [root]
    name = ""
    for sign in re.findall(r"\w+|[\[\],]", fields):
        if sign == "[":
            if not name:
                return None
            deeper: Tree = {}
            stack[-1][name] = deeper
            stack.append(deeper)
            name = ""
        elif sign == "]":
            stack.pop()
            if not stack:
                return None
            name = ""
        elif sign == ",":
            name = ""
        else:
            name = sign
            stack[-1].setdefault(name, None)
    return root


def _pick(body: dict[str, Any], tree: Tree) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    for key, value in body.items():
        if key not in tree:
            continue
        below = tree[key]
        if below is None:
            picked[key] = value
        elif isinstance(value, dict):
            picked[key] = _pick(value, below)
        elif isinstance(value, list):
            entries = [_pick(entry, below) for entry in value if isinstance(entry, dict)]
            picked[key] = entries or None
    return picked
