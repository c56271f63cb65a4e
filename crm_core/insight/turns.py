"""How often what is mirrored of a channel is read: what the schedule keeps to, and health measures by."""

from __future__ import annotations

from datetime import timedelta

_STORES_EVERY = timedelta(minutes=15)
"""Websites, store views and groups hardly ever change; a channel that is read less often reads them as often."""


def turn(entity: str, every_seconds: int) -> timedelta:
    """The time between two readings of the entity in a channel that is read every so many seconds."""
    every = timedelta(seconds=every_seconds)
    return max(every, _STORES_EVERY) if entity == "stores" else every
