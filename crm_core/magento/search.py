"""What to ask a shop for: search criteria that mean in Magento what they say here, or are refused before sending.

Magento takes an unknown condition type for `eq`, without an error; it compares `true` with a number, so that
``is_active eq true`` finds the inactive carts (magento/magento2#5030); a space sent as ``+`` breaks OAuth signatures,
and so does an eleventh filter group (both observed on Magento 2.4.7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal
from urllib.parse import quote, urlencode

from crm_core.errors import BadInput

CONDITIONS = frozenset(
    ("eq", "neq", "gt", "gteq", "lt", "lteq", "like", "nlike", "in", "nin", "null", "notnull", "finset", "from", "to")
)
"""The condition types that Magento knows and this client sends."""

MOST_GROUPS = 10
"""With more filter groups Magento's OAuth signature check fails: it sorts parameters naturally, 2 before 10."""

MOST_IDS = 200
"""Ids of one `in` filter that keep the address short; a too long one is answered with 414."""

Value = str | int | bool | Decimal | datetime | Sequence[int] | Sequence[str] | None

_FIELD = re.compile(r"[a-z][a-z0-9_]*\Z")
_FIELDS = re.compile(r"[A-Za-z0-9_\[\],]+\Z")


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on one field. Raises BadInput if Magento would take it for something else."""

    field: str
    condition: str
    value: Value = None

    def __post_init__(self) -> None:
        if not _FIELD.match(self.field):
            raise BadInput(f"“{self.field}” is not the name of a field in Magento.")
        if self.condition not in CONDITIONS:
            raise BadInput(
                f"Magento has no condition “{self.condition}” and would take it for “eq”. "
                f"Use one of: {', '.join(sorted(CONDITIONS))}."
            )
        self.encoded()

    def encoded(self) -> str:
        """The value as Magento compares it: booleans as 1 or 0, times in UTC, lists joined by commas."""
        if self.condition in ("null", "notnull"):
            return "1"
        if self.condition in ("in", "nin"):
            return self._list()
        return _scalar(self.field, self.value)

    def _list(self) -> str:
        if isinstance(self.value, str) or not isinstance(self.value, Sequence):
            raise BadInput(f"The condition “{self.condition}” on {self.field} needs a list of values.")
        values = [_scalar(self.field, entry) for entry in self.value]
        if not values:
            raise BadInput(f"The condition “{self.condition}” on {self.field} has an empty list.")
        if any("," in value for value in values):
            raise BadInput(f"A value of {self.field} has a comma, and Magento's lists cannot carry one.")
        return ",".join(values)


@dataclass(frozen=True, slots=True)
class Search:
    """Search criteria: groups are joined by AND, the filters within one group by OR.

    Immutable: every method gives a new one. Raises BadInput for what Magento would misunderstand.
    """

    groups: tuple[tuple[Filter, ...], ...] = ()
    sort: tuple[tuple[str, Literal["ASC", "DESC"]], ...] = ()
    page_size: int = 100
    current_page: int = 1
    fields: str = ""

    def __post_init__(self) -> None:
        if len(self.groups) > MOST_GROUPS:
            raise BadInput(f"A search in Magento can have {MOST_GROUPS} conditions joined by AND at most.")
        if self.page_size < 1 or self.current_page < 1:
            raise BadInput("Pages are numbered from 1 and hold at least one record.")
        if self.fields and not (_FIELDS.match(self.fields) and _balanced(self.fields)):
            # Magento answers 200 with an empty list to a projection that it cannot parse.
            raise BadInput(f"“{self.fields}” is not a projection: names, commas and balanced brackets only.")

    def where(self, field: str, condition: str, value: Value = None) -> Search:
        """These criteria AND the condition."""
        return replace(self, groups=(*self.groups, (Filter(field, condition, value),)))

    def where_any(self, *filters: Filter) -> Search:
        """These criteria AND at least one of the filters."""
        if not filters:
            raise BadInput("A group of conditions needs at least one.")
        return replace(self, groups=(*self.groups, filters))

    def ordered(self, field: str, direction: Literal["ASC", "DESC"] = "ASC") -> Search:
        """Sorted by the field after the sorts before it. Without any, Magento's order is undefined."""
        if not _FIELD.match(field) or direction not in ("ASC", "DESC"):
            raise BadInput(f"Magento cannot sort by “{field} {direction}”.")
        return replace(self, sort=(*self.sort, (field, direction)))

    def sized(self, page_size: int) -> Search:
        """With that many records to a page, at most."""
        return replace(self, page_size=page_size)

    def page(self, current_page: int) -> Search:
        """The page of that number, from 1."""
        return replace(self, current_page=current_page)

    def only(self, fields: str) -> Search:
        """With only these fields in the answer, such as ``items[id],total_count``. Saves bytes, not the shop's time."""
        return replace(self, fields=fields)

    def after(self, entity_id: int) -> Search:
        """The first page of what follows the record in the order of ids, in place of this search's own order.

        The cursor goes into a group of its own: within another it would be joined by OR and widen the result. It is
        left out for 0, where it would cost the shop time and narrow nothing.
        """
        search = replace(self, sort=(("entity_id", "ASC"),), current_page=1)
        return search.where("entity_id", "gt", entity_id) if entity_id else search

    def parameters(self) -> list[tuple[str, str]]:
        """The search as names and values of a query, not yet percent-encoded."""
        pairs = [
            (f"searchCriteria[filter_groups][{g}][filters][{f}][{key}]", text)
            for g, group in enumerate(self.groups)
            for f, condition in enumerate(group)
            for key, text in (
                ("field", condition.field),
                ("value", condition.encoded()),
                ("condition_type", condition.condition),
            )
        ]
        for number, (field, direction) in enumerate(self.sort):
            pairs += [
                (f"searchCriteria[sortOrders][{number}][field]", field),
                (f"searchCriteria[sortOrders][{number}][direction]", direction),
            ]
        pairs += [
            ("searchCriteria[pageSize]", str(self.page_size)),
            ("searchCriteria[currentPage]", str(self.current_page)),
        ]
        if self.fields:
            pairs.append(("fields", self.fields))
        return pairs


def encode(parameters: Iterable[tuple[str, str]]) -> str:
    """The query string with a space as %20 and brackets encoded, so that OAuth signs what Magento reads."""
    return urlencode(list(parameters), quote_via=quote, safe="")


def id_chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    """The ids in ascending order, without doubles, in lists short enough for one `in` filter."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), MOST_IDS):
        yield ordered[start : start + MOST_IDS]


def utc_text(moment: datetime) -> str:
    """The moment as Magento compares it: UTC to the second. Raises BadInput without a time zone."""
    if moment.tzinfo is None:
        raise BadInput(f"The time {moment} has no time zone, so it cannot be compared with the shop's times.")
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _scalar(field: str, value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, str | int):
        return str(value)
    raise BadInput(f"{value!r} cannot be compared with {field}.")


def _balanced(fields: str) -> bool:
    depth = 0
    for character in fields:
        depth += (character == "[") - (character == "]")
        if depth < 0:
            return False
    return depth == 0
