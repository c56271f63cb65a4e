"""A query string as PHP reads it, and the search criteria in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from demo_store.refusal import Refusal, required

_KEY = re.compile(r"\[([^\]]*)\]")


def parse_query(query: str) -> dict[str, Any]:
    """The parameters as nested dicts, the way PHP builds $_GET: `a[b][]=1` and so on; the last of equal keys wins."""
    root: dict[str, Any] = {}
    for part in query.split("&"):
        if not part:
            continue
        raw_key, _, raw_value = part.partition("=")
        key, value = unquote_plus(raw_key), unquote_plus(raw_value)
        head, bracket, rest = key.partition("[")
        path = [head, *_KEY.findall(bracket + rest)] if bracket else [head]
        node = root
        for position, name in enumerate(path):
            step = name or str(len(node))
            if position == len(path) - 1:
                node[step] = value
            else:
                below = node.get(step)
                if not isinstance(below, dict):
                    below = node[step] = {}
                node = below
    return root


@dataclass(frozen=True)
class Filter:
    """One condition. `value` is the text of the URL, or None where none was sent."""

    field: str | None
    value: str | None
    condition: str


@dataclass(frozen=True)
class Criteria:
    """Search criteria: groups are AND, the filters in a group OR.

    `page`, `size` and each direction are as sent, None where missing.
    """

    groups: list[list[Filter]] = field(default_factory=list)
    orders: list[tuple[str, str | None]] = field(default_factory=list)
    size: int | None = None
    page: int | None = None

    def echo(self) -> dict[str, Any]:
        """The `search_criteria` of the answer, as Magento repeats them."""
        answer: dict[str, Any] = {
            "filter_groups": [
                {
                    "filters": [
                        {"field": one.field, "value": one.value, "condition_type": one.condition} for one in group
                    ]
                }
                for group in self.groups
            ]
        }
        if self.orders:
            answer["sort_orders"] = [{"field": name, "direction": direction} for name, direction in self.orders]
        if self.size is not None:
            answer["page_size"] = self.size
        if self.page is not None:
            answer["current_page"] = self.page
        return answer


def criteria(query: dict[str, Any]) -> Criteria:
    """The search criteria of a request; keys in camel or snake case at each level.

    Raises Refusal 400 where they are missing (they are obligatory), or a value has the wrong type.
    """
    given = query.get("searchCriteria", query.get("search_criteria"))
    if given is None:
        raise required("searchCriteria")
    if not isinstance(given, dict):
        return Criteria()
    groups = [
        [_filter(one) for one in _rows(group, "filters")]
        for group in _rows(given, "filter_groups", "filterGroups")
        if isinstance(group, dict)
    ]
    orders = [_order(one) for one in _rows(given, "sort_orders", "sortOrders") if isinstance(one, dict)]
    return Criteria(
        groups, orders, _whole(given, "pageSize", "page_size"), _whole(given, "currentPage", "current_page")
    )


def _rows(given: dict[str, Any], *names: str) -> list[Any]:
    for name in names:
        if isinstance(given.get(name), dict):
            return list(given[name].values())
    return []


def _filter(one: Any) -> Filter:
    row = one if isinstance(one, dict) else {}
    for name in ("value", "field", "condition_type", "conditionType"):
        if isinstance(row.get(name), dict):
            nest = 'Error occurred during "filter_groups" processing. Error occurred during "filters" processing. '
            raise Refusal(
                400,
                f'{nest}Error occurred during "{name}" processing. The "array" value\'s type is invalid. '
                'The "string" type was expected. Verify and try again.',
            )
    condition = row.get("condition_type", row.get("conditionType")) or "eq"
    return Filter(row.get("field"), row.get("value"), condition)


def _order(row: dict[str, Any]) -> tuple[str, str | None]:
    name = str(row.get("field", ""))
    if row.get("direction") is None:
        return name, None
    direction = str(row["direction"]).upper()
    if direction not in {"ASC", "DESC"}:
        raise Refusal(
            400,
            "The sort order has to be specified as %1 for ascending order or %2 for descending order.",
            ["ASC", "DESC"],
        )
    return name, direction


def _whole(given: dict[str, Any], camel: str, snake: str) -> int | None:
    value = given.get(camel, given.get(snake))
    if value is None:
        return None
    try:
        return int(str(value))
    except ValueError:
        raise Refusal(
            400,
            f'Error occurred during "{camel}" processing. The "{value}" value\'s type is invalid. '
            'The "int" type was expected. Verify and try again.',
        ) from None
