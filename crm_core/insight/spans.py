"""Lengths of time in short: one rule for the screens and the command line. Sentences about carts spell theirs out."""

from __future__ import annotations


def span(seconds: float) -> str:
    """Such as "40 s", "5 min", "3 h", "2 d", "6 wk": a length of time in its largest unit."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3_600} h"
    if whole < 14 * 86_400:
        return f"{whole // 86_400} d"
    return f"{whole // (7 * 86_400)} wk"
