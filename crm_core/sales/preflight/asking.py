"""Asking a shop several things side by side."""

from __future__ import annotations

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

    def __init__(self, at_once: int) -> None:
        self._pool = ThreadPoolExecutor(max(FEWEST_FOR_A_PERSON, at_once), thread_name_prefix="preflight")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def ask(self, question: Callable[[], T]) -> Asked[T]:
        """The question, under way as soon as there is room. It must not wait for another one."""
        return Asked(self._pool.submit(_answered, question))


def _answered(question: Callable[[], T]) -> Told[T]:
    try:
        return Told(question())
    except _TROUBLE as trouble:
        return Told(trouble=trouble)
