"""The ways in which the shop can misbehave on purpose, to try a client out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite
from typing import TypeVar

_Number = TypeVar("_Number", int, float)

USAGE = (
    "slow=2 (seconds before every answer), fail=500 (or 503: every fifth request), drop (do the work, then no answer), "
    "html, limit=50 (largest page), repeat-last-page, truncate, throttle=5 (429 to every fifth request), poison=1 (id "
    "of a cart whose page fails), date=720 (seconds that the Date of every answer is ahead)"
)
"""The faults as the command line takes them, each value that may be given being the one taken without."""


@dataclass
class Faults:
    """What is switched on. Change it, or put another in its place, while the shop runs.

    `matching` (a regular expression on "METHOD /path?query") and `times` (how many requests, None for all) narrow
    slow, fail, drop, html, truncate and throttle; the others are ways of the whole shop.
    """

    slow: float = 0.0  # seconds added before every answer
    fail_every: int = 0  # every n-th request fails with `fail_status`
    fail_status: int = 500  # 500 is Magento's JSON error, 503 its HTML maintenance page
    drop: bool = False  # do the work, then close the connection without an answer
    html: bool = False  # an HTML page with status 200
    truncate: bool = False  # half the JSON
    throttle_every: int = 0  # every n-th request is answered 429
    retry_after: int = 1  # seconds, told with a 429
    limit: int = 0  # largest page size; a larger one is 400
    repeat_last_page: bool = False  # past the end the last page comes again (Magento up to 2.3)
    poison: set[int] = field(default_factory=set)  # ids of carts whose page of carts/search answers 500
    date_ahead: int = 0  # seconds that the Date header is ahead of the clock that dates the records; may be negative
    matching: str = ""
    times: int | None = None
    _asked: int = 0

    def touches(self, method: str, target: str) -> bool:
        """True where the narrowed faults apply to this request; counts it."""
        if not (self.slow or self.fail_every or self.drop or self.html or self.truncate or self.throttle_every):
            return False
        if self.matching and not re.search(self.matching, f"{method} {target}"):
            return False
        if self.times is not None:
            if self.times <= 0:
                return False
            self.times -= 1
        self._asked += 1
        return True

    def due(self, every: int) -> bool:
        """True for every n-th of the requests that `touches` counted."""
        return every > 0 and self._asked % every == 0


def of_names(names: list[str]) -> Faults:
    """The faults of command-line names, as USAGE says; ValueError names one that is unknown or has an unfit value."""
    faults = Faults()
    for name in names:
        try:
            _switch_on(faults, *name.split("=", 1))
        except ValueError:
            raise ValueError(f"There is no fault {name!r}; the faults are {USAGE}.") from None
    return faults


def _switch_on(faults: Faults, key: str, value: str | None = None) -> None:
    match key, value:
        case "slow", _:
            faults.slow = _positive(float(value or 2))
        case "fail", None | "500" | "503":
            faults.fail_every, faults.fail_status = 5, int(value or 500)
        case "drop", None:
            faults.drop = True
        case "html", None:
            faults.html = True
        case "limit", _:
            faults.limit = _positive(int(value or 50))
        case "repeat-last-page", None:
            faults.repeat_last_page = True
        case "truncate", None:
            faults.truncate = True
        case "throttle", _:
            faults.throttle_every = _positive(int(value or 5))
        case "poison", _:
            faults.poison.add(_positive(int(value or 1)))
        case "date", _:
            faults.date_ahead = int(value or 720)
        case _:
            raise ValueError(key)


def _positive(number: _Number) -> _Number:
    if number <= 0 or not isfinite(number):
        raise ValueError(number)
    return number
