"""A store that has read a small shop over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_core.store.database import Store
from demo_store import Shop
from tests.sales.desk import Desk, Front, connect, serve_front


@pytest.fixture
def front() -> Iterator[Front]:
    """A shop with websites, store views and a catalogue, and no people, carts or orders."""
    shop = Shop()
    shop.service.place_seconds = 0.01
    yield Front(shop)
    shop.close()


@pytest.fixture
def shop_url(front: Front) -> Iterator[str]:
    with serve_front(front) as url:
        yield url


@pytest.fixture
def desk(store: Store, front: Front, shop_url: str) -> Desk:
    """A desk whose one channel has read the shop's store views."""
    return Desk(store, front, connect(store, shop_url))
