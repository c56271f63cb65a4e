"""Periods of days: presets, ranges, and what a person may write."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.insight.periods import PRESETS, Period, span, whole_months
from tests.insight.factories import TODAY, day


@pytest.mark.parametrize(
    ("preset", "first"),
    [
        ("today", "2026-11-21"),
        ("7d", "2026-11-15"),
        ("30d", "2026-10-23"),
        ("90d", "2026-08-24"),
        ("12m", "2025-11-22"),
    ],
)
def test_a_preset_ends_today_and_counts_today(preset: str, first: str) -> None:
    assert Period(preset=preset).days(TODAY.utc) == (day(first), TODAY.utc)


def test_by_days_of_utc_a_preset_goes_on_to_now_and_a_range_ends_as_it_says() -> None:
    assert Period(preset="7d").utc_days(TODAY) == (day("2026-11-15"), None)
    assert Period(final=TODAY.utc).utc_days(TODAY) == (None, TODAY.utc)


def test_twelve_months_before_a_leap_day_is_a_year_of_days() -> None:
    assert Period(preset="12m").days(day("2024-02-29")) == (day("2023-03-01"), day("2024-02-29"))


@pytest.mark.parametrize(
    ("code", "first", "final"),
    [
        ("2026-01-01..2026-01-31", "2026-01-01", "2026-01-31"),
        ("2026-01-05", "2026-01-05", "2026-01-05"),
        ("2026-01-05..", "2026-01-05", None),
        ("..2026-01-05", None, "2026-01-05"),
    ],
)
def test_a_range_holds_both_of_its_days(code: str, first: str | None, final: str | None) -> None:
    days = Period.parse(code).days(TODAY.utc)
    assert days == (first and day(first), final and day(final))


@pytest.mark.parametrize("code", ["", "..", "31d", "yesterday", "2026-13-01", "2026-02-01..2026-01-01", "1e9", "٣"])
def test_what_is_no_period_is_told_so(code: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Period.parse(code)


@pytest.mark.parametrize(
    ("first", "final", "months"),
    [
        ("2026-01-01", "2026-12-31", ("2026-01-01", "2026-12-31")),
        ("2025-11-23", "2026-11-22", ("2025-12-01", "2026-10-31")),
        ("2026-02-01", "2026-02-28", ("2026-02-01", "2026-02-28")),
        ("2026-02-01", "2026-02-27", None),
        ("2026-01-02", "2026-02-27", None),
        ("0001-01-01", "0001-01-30", None),
        ("0001-01-01", "9999-12-31", ("0001-01-01", "9999-12-31")),
        ("9999-12-02", "9999-12-31", None),
    ],
)
def test_whole_months_are_those_of_which_no_day_is_missing(
    first: str, final: str, months: tuple[str, str] | None
) -> None:
    assert whole_months(day(first), day(final)) == (months and (day(months[0]), day(months[1])))


@given(st.dates(date(1999, 1, 1), date(2004, 12, 31)), st.integers(0, 500))
def test_no_whole_month_is_left_out(first: date, length: int) -> None:
    final = first + timedelta(days=length)
    found = whole_months(first, final)
    for number in range(length + 1):
        each = first + timedelta(days=number)
        following = (each.replace(day=28) + timedelta(days=4)).replace(day=1)
        is_whole = first <= each.replace(day=1) and following - timedelta(days=1) <= final
        assert is_whole == (found is not None and found[0] <= each <= found[1])


_days = st.dates()
periods = st.one_of(
    st.sampled_from(sorted(PRESETS)).map(lambda preset: Period(preset=preset)),
    st.tuples(_days, _days).map(lambda two: Period(first=min(two), final=max(two))),
    _days.map(lambda first: Period(first=first)),
    _days.map(lambda final: Period(final=final)),
)


@given(periods)
def test_every_period_is_read_back_from_its_code(period: Period) -> None:
    assert Period.parse(period.code) == period


@given(periods, st.dates(min_value=date(2, 1, 1)))
def test_every_period_has_a_span_whatever_day_it_is(period: Period, today: date) -> None:
    first, final = span(period.days(today))
    assert first <= final
    assert period.label
