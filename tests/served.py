"""A shop over real HTTP, for tests that want no say in its answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from demo_store import Shop, serve


@dataclass(frozen=True)
class Served:
    """A shop and where it answers."""

    shop: Shop
    url: str


@contextmanager
def serving(shop: Shop) -> Iterator[Served]:
    """The shop answers for the length of the block, and is closed at its end."""
    with serve(shop) as url:
        yield Served(shop, url)
    shop.close()
