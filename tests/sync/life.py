"""A process that is killed: before a statement or a commit of its own, whichever that is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Engine, event


class Killed(Exception):
    """Stands for the end of the process."""


class Life:
    """How many more statements and commits a process gets to; nothing that it does after that reaches the store."""

    def __init__(self) -> None:
        self._left: int | None = None
        self.is_over = False

    @contextmanager
    def of(self, steps: int | None) -> Iterator[None]:
        """The process lives for so many statements and commits, or to the end of the block."""
        self._left = steps
        event.listen(Engine, "before_cursor_execute", self._step)
        event.listen(Engine, "commit", self._step)
        try:
            with suppress(Killed):
                yield
        finally:
            event.remove(Engine, "before_cursor_execute", self._step)
            event.remove(Engine, "commit", self._step)

    @contextmanager
    def of_others(self) -> Iterator[None]:
        """What people do meanwhile is no part of it."""
        left, self._left = self._left, None
        try:
            yield
        finally:
            self._left = left

    def _step(self, *_: object) -> None:
        if self._left is None:
            return
        if self._left == 0:
            self.is_over = True
            raise Killed
        self._left -= 1
