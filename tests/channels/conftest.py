"""A small shop over real HTTP, and channels that read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_core.magento.auth import Bearer
from crm_core.store.database import Store
from crm_core.sync.channels import Channel
from crm_core.sync.rules import USUAL, Rules
from crm_core.sync.setting_up import add_channel
from demo_store import Shop
from tests.served import Served, serving


@pytest.fixture
def served() -> Iterator[Served]:
    """A shop with its websites and store views, and no people, carts or orders."""
    with serving(Shop()) as served:
        yield served


@pytest.fixture
def channel(store: Store, served: Served) -> Channel:
    """A channel of the shop, all websites in scope, not yet read."""
    return connect(store, served.url)


def connect(store: Store, url: str, name: str = "Shop", rules: Rules = USUAL, token: str = "demo") -> Channel:  # noqa: S107
    """A channel that was not checked first."""
    return add_channel(store, name, url, Bearer(token), rules, person="anna", check_first=False)
