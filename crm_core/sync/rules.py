"""The rules of a channel: what a person may set about reading a shop and writing to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from crm_core.errors import BadInput

SHORTEST_INTERVAL_SECONDS = 10
MOST_CONNECTIONS = 8
LARGEST_PAGE = 300
MOST_TOTALS = 100


@dataclass(frozen=True)
class Rules:
    """What a person may set about a channel, all of it; `change_channel` changes them.

    `websites` are codes or origin ids; None: all websites. `totals_a_run` is how many carts' totals each run of carts
    reads without anybody asking (crm_core.sync.dearest_totals).
    """

    admin_url: str | None = None
    secret_keys_off: bool = False
    websites: tuple[str, ...] | None = None
    allow_writes: bool = False
    every_seconds: int = 300
    overlap_seconds: int = 600
    connections: int = 2
    page_size: int = 100
    totals_a_run: int = 0
    start_date: datetime | None = None

    def changed_as(self, before: Rules, after: Rules) -> Rules:
        """These rules with what differs between the two: what a person changed in a form, on what others changed."""
        changes = {each.name: getattr(after, each.name) for each in fields(self)}
        return replace(self, **{name: value for name, value in changes.items() if value != getattr(before, name)})

    def columns(self) -> dict[str, Any]:
        """The rules as columns of the channel table, but for the websites. Raises BadInput for what cannot be."""
        for value, least, most, what in (
            (self.every_seconds, SHORTEST_INTERVAL_SECONDS, 86_400, "The interval in seconds"),
            (self.overlap_seconds, 0, 86_400, "The overlap in seconds"),
            (self.connections, 1, MOST_CONNECTIONS, "The number of connections"),
            (self.page_size, 1, LARGEST_PAGE, "The page size"),
            (self.totals_a_run, 0, MOST_TOTALS, "The number of totals a run"),
        ):
            if not least <= value <= most:
                raise BadInput(f"{what} must be between {least:.0f} and {most}, not {value}.")
        if self.start_date is not None and self.start_date.tzinfo is None:
            raise BadInput("The start date needs a time zone.")
        return {
            "admin_url": _valid_admin_url(self.admin_url),
            "secret_keys_off": self.secret_keys_off,
            "allow_writes": self.allow_writes,
            "every_seconds": self.every_seconds,
            "overlap_seconds": self.overlap_seconds,
            "connections": self.connections,
            "page_size": self.page_size,
            "totals_a_run": self.totals_a_run,
            "start_date": self.start_date,
        }


USUAL = Rules()
"""The rules of a channel about which nothing was said."""


def _valid_admin_url(url: str | None) -> str | None:
    if url is None or not url.strip():
        return None
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise BadInput(f"“{url}” is not the address of an admin panel, such as https://shop.example/admin_1a2b3c.")
    return parts.geturl().rstrip("/")


def pick_websites(wanted: Sequence[str], known: Mapping[str, int]) -> frozenset[int]:
    """The ids of the websites that are wanted by code or id; `known` is id by code. Raises BadInput naming them."""
    found = set()
    for name in wanted:
        if name in known:
            found.add(known[name])
        elif name.isdecimal() and int(name) in known.values():
            found.add(int(name))
        else:
            raise BadInput(f"The shop has no website “{name}”. It has: {', '.join(sorted(known))}.")
    if not found:
        raise BadInput("Name at least one website, or none at all for all of them.")
    return frozenset(found)
