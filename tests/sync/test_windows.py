"""Cutting windows: every second belongs to a window, none holds more than it should if a cut can help it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crm_core.sync.windows import BEGINNING, FIRST, SECOND, Cut, Stream, Window, cut_at, first_guess, next_guess

HI = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SIZE = 20


def cut(window: Window, neighbour: Window | None, times: list[datetime]) -> tuple[Cut, int]:
    """Where the window is cut if the shop holds records of these times, and how often it was asked."""
    assert window.expected is not None
    span = first_guess(neighbour, SIZE)
    asked = 0
    while True:
        at = cut_at(window, span)
        count = sum(at <= time <= window.hi for time in times)
        asked += 1
        if count <= SIZE or at == window.hi:
            return Cut(at, count, max(0, window.expected - count)), asked
        span = next_guess(window.hi - at + SECOND, count, SIZE)


clusters = st.lists(st.tuples(st.integers(0, 40_000_000), st.integers(1, 60)), max_size=8)


@given(clusters)
def test_cuts_cover_every_second_once_and_hold_few_records(clusters: list[tuple[int, int]]) -> None:
    times = [HI - timedelta(seconds=ago) for ago, count in clusters for _ in range(count)]
    rest = Window(1, Stream(1, "orders", 0), FIRST, BEGINNING, HI, 0, len(times))
    windows: list[Window] = []
    neighbour: Window | None = None
    asked = 0
    while rest.is_wide(SIZE):
        where, requests = cut(rest, neighbour, times)
        asked += requests
        assert rest.lo <= where.at <= rest.hi
        if where.at == rest.lo:
            break
        neighbour = Window(2, rest.stream, FIRST, where.at, rest.hi, 0, where.newer)
        windows.append(neighbour)
        rest = Window(1, rest.stream, FIRST, rest.lo, where.at - SECOND, 0, where.older)
    windows.append(rest)
    assert [newer.lo for newer in windows[:-1]] == [older.hi + SECOND for older in windows[1:]]
    assert (windows[0].hi, windows[-1].lo) == (HI, BEGINNING)
    for window in windows:
        held = sum(window.lo <= time <= window.hi for time in times)
        assert held <= SIZE or window.lo == window.hi
    assert asked <= 80 * (len(clusters) + 1)


def test_a_single_second_is_never_cut() -> None:
    second = Window(1, Stream(1, "orders", 0), FIRST, HI, HI, 0, 1_000_000)
    assert not second.is_wide(SIZE)


def test_a_window_that_was_begun_is_never_cut() -> None:
    begun = Window(1, Stream(1, "orders", 0), FIRST, BEGINNING, HI, 17, 1_000_000)
    assert not begun.is_wide(SIZE)
