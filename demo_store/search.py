"""Filtering, sorting and paging as Magento's collections do it on MySQL, with what surprises there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from demo_store.criteria import Criteria, Filter
from demo_store.refusal import Refusal, internal_error

Kind = Literal["number", "time", "text"]
_NUMBER = re.compile(r"\s*[-+]?\d+(\.\d+)?")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?")
_SCATTER = 2654435761


@dataclass(frozen=True)
class Columns:
    """The columns an entity can be filtered by, their kinds, how to read them, and what an unknown one does.

    `flat` entities (carts, orders) answer 500 to an unknown column; the others (customers, products) answer 400 to an
    unknown filter and ignore an unknown sort field.
    """

    kinds: dict[str, Kind]
    read: Callable[[dict[str, Any], str], Any]
    flat: bool
    key: str = "entity_id"

    @classmethod
    def named(
        cls,
        read: Callable[[dict[str, Any], str], Any],
        *,
        flat: bool,
        numbers: str = "",
        texts: str = "",
        times: str = "",
        key: str = "entity_id",
    ) -> Columns:
        """Columns given as names with spaces between, by kind."""
        kinds: dict[str, Kind] = dict.fromkeys(numbers.split(), "number")
        kinds |= dict.fromkeys(texts.split(), "text")
        kinds |= dict.fromkeys(times.split(), "time")
        return cls(kinds, read, flat, key)


@dataclass(frozen=True)
class Limits:
    """Magento's optional input limits (off by default): largest and default page size."""

    maximum: int
    default: int


def search(
    rows: Iterable[dict[str, Any]], columns: Columns, asked: Criteria, limits: Limits | None = None
) -> tuple[list[dict[str, Any]], int, Criteria]:
    """The rows of the asked page, how many rows match in all, and the criteria as the answer echoes them.

    A page past the end is empty with the true count; without a page size (or 0) everything is returned whatever the
    page; a negative size is 1. Raises Refusal 400 for a size over the limit, 400 or 500 for unknown columns.
    """
    if limits is not None:
        if asked.size is not None and asked.size > limits.maximum:
            raise Refusal(400, "Maximum SearchCriteria pageSize is %max", {"max": limits.maximum})
        if asked.size is None:
            asked = Criteria(asked.groups, asked.orders, limits.default, asked.page)
    groups = [[_condition(one, columns) for one in group] for group in asked.groups]
    found = [row for row in rows if all(any(test(row) for test in group) for group in groups)]
    found = _sorted(found, columns, asked)
    size, page = asked.size or 0, max(asked.page or 1, 1)
    if size < 0:
        size = 1
    shown = found[(page - 1) * size : page * size] if size else found
    return shown, len(found), asked


def _sorted(found: list[dict[str, Any]], columns: Columns, asked: Criteria) -> list[dict[str, Any]]:
    known = [(name, direction) for name, direction in asked.orders if _known(name, columns, sorting=True)]
    if not known:
        # MySQL returns rows in the order of the index it walks: a filter on anything but the key scatters them.
        scattered = any(one.field not in {columns.key, "is_active"} for group in asked.groups for one in group)
        if scattered:
            return sorted(found, key=lambda row: columns.read(row, columns.key) * _SCATTER % 2**32)
        return sorted(found, key=lambda row: columns.read(row, columns.key))
    found = sorted(found, key=lambda row: columns.read(row, columns.key) * _SCATTER % 2**32)
    for name, direction in reversed(known):
        found.sort(key=lambda row: _sort_key(columns.read(row, name)), reverse=direction != "ASC")
    return found


def _sort_key(value: Any) -> tuple[int, Any]:
    if value is None:
        return 0, 0
    return (1, value.casefold()) if isinstance(value, str) else (1, value)


def _known(name: str | None, columns: Columns, *, sorting: bool = False) -> bool:
    if name is not None and name in columns.kinds:
        return True
    if columns.flat:
        raise internal_error(f"6b{abs(hash(name)) % 16**11:011x}")
    if sorting:
        return False
    raise Refusal(400, 'The "%1" attribute name is invalid. Reset the name and try again.', [name or ""])


def _condition(one: Filter, columns: Columns) -> Callable[[dict[str, Any]], bool]:
    """The test of one filter. A condition type that Magento does not know counts as `eq`, without a word."""
    _known(one.field, columns)
    name = one.field or ""
    kind, read = columns.kinds[name], columns.read
    if one.condition in {"null", "notnull"}:
        wanted = one.condition == "null"
        return lambda row: (read(row, name) is None) == wanted
    if one.value is None:
        return lambda _row: False
    if one.condition in {"in", "nin"}:
        members = {_cast(part, kind) for part in one.value.split(",")}
        inside = one.condition == "in"
        return lambda row: (value := read(row, name)) is not None and (_own(value, kind) in members) == inside
    if one.condition in {"like", "nlike"}:
        pattern = re.compile(_like(one.value), re.IGNORECASE | re.DOTALL)
        alike = one.condition == "like"
        return lambda row: (value := read(row, name)) is not None and bool(pattern.match(str(value))) == alike
    if one.condition == "finset":
        member = one.value
        return lambda row: member in str(read(row, name) or "").split(",")
    compare = _COMPARE.get(one.condition, _COMPARE["eq"])
    bound = _cast(one.value, kind)
    return lambda row: (value := read(row, name)) is not None and compare(_own(value, kind), bound)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, bound: value == bound,
    "neq": lambda value, bound: value != bound,
    "gt": lambda value, bound: value > bound,
    "lt": lambda value, bound: value < bound,
    "gteq": lambda value, bound: value >= bound,
    "lteq": lambda value, bound: value <= bound,
    "from": lambda value, bound: value >= bound,
    "to": lambda value, bound: value <= bound,
}


def _own(value: Any, kind: Kind) -> Any:
    if kind == "number":
        return float(value)
    return value if kind == "time" else str(value).casefold()


def _cast(text: str, kind: Kind) -> Any:
    """The text as MySQL compares it with a column: numbers by their leading digits (`true` is 0), times in UTC.

    An offset such as +01:00 is ignored and a text that is no time sorts before every time (observed on 2.4.7).
    """
    if kind == "number":
        match = _NUMBER.match(text)
        return float(match[0]) if match else 0.0
    if kind == "time":
        match = _TIME.match(text.strip())
        if not match:
            return ""
        clock = match[2] or "00:00:00"
        return f"{match[1]} {clock if len(clock) == 8 else clock + ':00'}"
    return text.casefold()


def _like(pattern: str) -> str:
    parts = [".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern]
    return "".join(parts) + r"\Z"
