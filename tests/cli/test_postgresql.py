"""The commands on PostgreSQL: the whole way once."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Desk
from tests.served import Served


@pytest.fixture
def store_url(postgresql_url: str) -> str:
    """A store on PostgreSQL."""
    return postgresql_url


def test_a_shop_is_connected_read_and_removed(desk: Desk, served: Served) -> None:
    assert "was already of version" in desk("migrate").out
    assert desk("channel", "add", "Shop", served.url, "--token", "demo", "--website", "base").status == 0
    assert desk("channel", "set", "Shop", "--allow-writes", "--website", "us").status == 0
    said = desk("sync")
    assert said.status == 0, said.err
    assert "orders" in said.out
    assert "allowed" in desk("channel", "list").out
    assert desk("channel", "remove", "Shop", "--yes").status == 0
    assert "No channel is set up yet" in desk("channel", "list").out
