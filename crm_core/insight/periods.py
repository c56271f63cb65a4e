"""Periods of days: the last so many, counted back from the day that it is now, or from one day to another."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

PRESETS = {"today": "today", "7d": "7 days", "30d": "30 days", "90d": "90 days", "12m": "12 months"}
"""Codes of the presets and their names."""

_DAYS = {"today": 1, "7d": 7, "30d": 30, "90d": 90}


@dataclass(frozen=True)
class Today:
    """What day it is now: where the reader is, and anywhere else, where it may be the day before or after."""

    reader: date
    quarter: datetime
    """Now, in UTC, to the quarter of an hour: every zone's days begin with one, and what was read in it stays good."""

    @staticmethod
    def at(moment: datetime) -> Today:
        """At that moment, which is in the reader's zone."""
        now = moment.astimezone(UTC)
        return Today(moment.date(), now.replace(minute=now.minute - now.minute % 15, second=0, microsecond=0))

    @staticmethod
    def now(zone: tzinfo = UTC) -> Today:
        """At this moment, for a reader in that zone."""
        return Today.at(datetime.now(zone))

    @property
    def utc(self) -> date:
        """The day in UTC."""
        return self.quarter.date()

    def in_zone(self, name: str) -> date:
        """The day in the time zone of that IANA name."""
        return self.quarter.astimezone(ZoneInfo(name)).date()


@dataclass(frozen=True)
class Period:
    """A run of whole days: one of PRESETS, or `first` to `final` inclusive, either of them open.

    Raises ValueError for an unknown preset, for a preset with days, and for a period that ends before it begins.
    """

    preset: str | None = None
    first: date | None = None
    final: date | None = None

    def __post_init__(self) -> None:
        if self.preset is not None:
            if self.preset not in PRESETS:
                raise ValueError(f"“{self.preset}” is not one of {', '.join(PRESETS)}")
            if self.first or self.final:
                raise ValueError("a preset has no days of its own")
        elif self.first is None and self.final is None:
            raise ValueError("a period needs a day to begin or to end")
        elif self.first and self.final and self.final < self.first:
            raise ValueError(f"it ends on {self.final}, before it begins on {self.first}")

    def days(self, today: date) -> tuple[date | None, date | None]:
        """The first and the last day, both in the period; None where it is open."""
        if self.preset is None:
            return self.first, self.final
        if self.preset == "12m":
            return _a_year_before(today) + timedelta(days=1), today
        return today - timedelta(days=_DAYS[self.preset] - 1), today

    def utc_days(self, today: Today) -> tuple[date | None, date | None]:
        """The same for what is counted by days of UTC: there a preset holds now, be it yesterday or tomorrow there.

        It counts back from the reader's day or UTC's, whichever is earlier, and has no last day.
        """
        first, final = self.days(min(today.reader, today.utc))
        return first, None if self.preset else final

    @property
    def label(self) -> str:
        """The period in words."""
        if self.preset is not None:
            return PRESETS[self.preset]
        if self.first == self.final:
            return f"{self.first}"
        if self.final is None:
            return f"from {self.first}"
        return f"until {self.final}" if self.first is None else f"{self.first} to {self.final}"

    @property
    def code(self) -> str:
        """The period as `parse` reads it."""
        if self.preset is not None:
            return self.preset
        if self.first == self.final:
            return f"{self.first}"
        return f"{self.first or ''}..{self.final or ''}"

    @staticmethod
    def parse(code: str) -> Period:
        """The period behind 30d, 2026-01-31, 2026-01-01..2026-01-31, 2026-01-01.. or ..2026-01-31.

        Raises ValueError, with a text for a person, for anything else.
        """
        code = code.strip().lower()
        if code in PRESETS:
            return Period(preset=code)
        first, dots, final = code.partition("..")
        try:
            begin = date.fromisoformat(first) if first else None
            end = (date.fromisoformat(final) if final else None) if dots else begin
        except ValueError as error:
            raise ValueError(
                f"“{code}” is not a period: write {', '.join(PRESETS)} or days like 2026-01-01..2026-01-31"
            ) from error
        return Period(first=begin, final=end)


def span(days: tuple[date | None, date | None]) -> tuple[date, date]:
    """The first and the last of these days; an open end is the earliest or the latest day there is."""
    first, final = days
    return first or date.min, final or date.max


def whole_months(first: date, final: date) -> tuple[date, date] | None:
    """The first day of the first and the last day of the last month that lies whole in these days; None: none does."""
    starts = first.day == 1
    ends = final.day == monthrange(final.year, final.month)[1]
    if (first.year, first.month) == (final.year, final.month):
        return (first, final) if starts and ends else None
    begin = first if starts else first.replace(day=monthrange(first.year, first.month)[1]) + timedelta(days=1)
    end = final if ends else final.replace(day=1) - timedelta(days=1)
    return (begin, end) if begin < end else None


def _a_year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February, or the first year there is
        return day - timedelta(days=366) if day.year > 1 else date.min
