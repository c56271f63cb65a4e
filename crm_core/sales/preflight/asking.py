"""Asking a shop several things side by side, with the time that was the shop's told apart from our own."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

from crm_core.errors import (
    BadInput,
    BadRecord,
    DeskError,
    PermissionMissing,
    ShopAnsweredNonsense,
    ShopRefused,
    ShopUnavailable,
)
from crm_core.magento.connection import Connection
from crm_core.sync.clients import FEWEST_FOR_A_PERSON

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_TROUBLE = (PermissionMissing, ShopRefused, ShopUnavailable, ShopAnsweredNonsense, BadRecord, BadInput)


@dataclass(frozen=True)
class Told(Generic[T_co]):
    """What the shop told: the value, or the trouble that kept it from telling. Neither, and not `asked`: not asked."""

    value: T_co | None = None
    trouble: DeskError | None = None
    asked: bool = True

    @property
    def is_told(self) -> bool:
        """Whether the shop answered, be it with nothing."""
        return self.asked and self.trouble is None


class Asked(Generic[T]):
    """A question under way."""

    def __init__(self, future: Future[Told[T]] | None) -> None:
        self._future = future

    def told(self) -> Told[T]:
        """The answer, waited for. Raises SignInFailed, WrongAddress and what else stops every question alike."""
        return Told(asked=False) if self._future is None else self._future.result()


class Asking:
    """Questions to one shop, side by side; used in a with block, which leaves the unanswered ones alone."""

    def __init__(self, connection: Connection, at_once: int) -> None:
        self._connection = connection
        self._pool = ThreadPoolExecutor(max(FEWEST_FOR_A_PERSON, at_once), thread_name_prefix="preflight")
        self._spans: list[tuple[float, float]] = []
        self._sent_before = connection.requests_made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def ask(self, question: Callable[[], T]) -> Asked[T]:
        """The question, under way as soon as there is room. It must not wait for another one."""
        return Asked(self._pool.submit(self._answered, question))

    @property
    def calls(self) -> int:
        """Requests that the connection has sent since, repeated ones and those of other people included."""
        return self._connection.requests_made - self._sent_before

    @property
    def shop_seconds(self) -> float:
        """Seconds during which at least one question was under way."""
        total, until = 0.0, float("-inf")
        for started, ended in sorted(self._spans):
            total += max(0.0, ended - max(started, until))
            until = max(until, ended)
        return total

    def _answered(self, question: Callable[[], T]) -> Told[T]:
        started = time.perf_counter()
        try:
            return Told(question())
        except _TROUBLE as trouble:
            return Told(trouble=trouble)
        finally:
            self._spans.append((started, time.perf_counter()))
