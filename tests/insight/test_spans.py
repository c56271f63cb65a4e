"""A length of time is told in its largest unit."""

from __future__ import annotations

import pytest

from crm_core.insight.spans import span


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (40.9, "40 s"),
        (60, "1 min"),
        (7_199, "1 h"),
        (200_000, "2 d"),
        (1_209_599, "13 d"),
        (1_209_600, "2 wk"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words
