"""Answers given again until the database changes: a screen is drawn far more often than what it shows changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

_MOST = 200
"""Answers that are kept at most; a page of a grid takes about 50 KB."""

_Answer = TypeVar("_Answer")


class Kept:
    """The answers of one version of a database, for any number of threads; those of an older version are forgotten."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._version: Hashable = None
        self._answers: dict[Hashable, Any] = {}

    def answer(self, version: Hashable, what: Hashable, read: Callable[[], _Answer]) -> _Answer:
        """What `read` gave for `what` at that version, else what it gives now; an error is passed on, and not kept.

        `version` must have been looked up before: then an answer is never older than it.
        """
        with self._lock:
            if version != self._version:
                self._version, self._answers = version, {}
            answers = self._answers
            if what in answers:
                known: _Answer = answers.pop(what)
                answers[what] = known  # to the end: what was asked for longest ago makes room
                return known
        found = read()
        with self._lock:
            # Of this version still, or of nobody's any more if another version has come meanwhile.
            if len(answers) >= _MOST:
                del answers[next(iter(answers))]
            answers[what] = found
        return found
