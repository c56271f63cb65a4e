"""A shop over real HTTP, and a desk that mirrors it into a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import RowMapping, select, text

from crm_core.magento.auth import Bearer
from crm_core.magento.checkout import Checkout
from crm_core.magento.connection import Connection
from crm_core.magento.shop import Magento
from crm_core.store import rollups, tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.sync.channels import OpenShop, open_shop
from crm_core.sync.rules import USUAL, Rules
from crm_core.sync.run import Progress, run_entity
from crm_core.sync.setting_up import add_channel
from crm_core.sync.stores import synchronise_stores
from demo_store import Shop, serve


@dataclass
class Desk:
    """A channel of a shop that is served over HTTP, its store views mirrored, and the store."""

    store: Store
    shop: Shop
    open: OpenShop

    def run(self, entity: str, **how: Any) -> Progress:
        """One run of an entity."""
        return run_entity(self.store, self.open, entity, **how)

    def run_all(self, **how: Any) -> None:
        """One run of each, in the order of work."""
        for entity in ("customers", "orders", "carts"):
            self.run(entity, **how)

    def key(self, origin_id: int) -> int:
        """The key of the shop's record."""
        return record_key(self.open.channel.shop_id, origin_id)

    def cart(self, cart_id: int) -> RowMapping:
        """The mirrored cart."""
        return self.row(tables.cart, cart_id)

    def order(self, order_id: int) -> RowMapping:
        """The mirrored order."""
        return self.row(tables.order, order_id)

    def customer(self, customer_id: int) -> RowMapping:
        """The mirrored customer."""
        return self.row(tables.customer, customer_id)

    def row(self, table: Any, origin_id: int) -> RowMapping:
        """The mirrored record; NoResultFound if there is none."""
        with self.store.reading() as connection:
            return connection.execute(select(table).where(table.c.id == self.key(origin_id))).mappings().one()

    def lines(self, cart_id: int) -> list[RowMapping]:
        """The mirrored lines of a cart, by id."""
        table = tables.cart_item
        query = select(table).where(table.c.cart_id == self.key(cart_id)).order_by(table.c.item_id)
        return self.all(query)

    def all(self, query: Any) -> list[RowMapping]:
        """The rows of a query."""
        with self.store.reading() as connection:
            return list(connection.execute(query).mappings())

    def ids(self, table: Any) -> list[int]:
        """The ids of the shop's records that are mirrored, in ascending order."""
        query = select(table.c.origin_id).where(table.c.shop_id == self.open.channel.shop_id).order_by(table.c.id)
        return [row["origin_id"] for row in self.all(query)]

    def write(self, sql: str, **values: Any) -> None:
        """What another part of the product would write."""
        with self.store.writing() as connection:
            connection.execute(text(sql), values)

    def differences(self) -> Sequence[rollups.Difference]:
        """Rollups that do not equal a recount."""
        with self.store.reading() as connection:
            return rollups.recount(connection)

    def requests(self, since: int = 0) -> list[str]:
        """What the shop was asked after the first `since` requests."""
        return self.shop.requests[since:]


@dataclass
class Desks:
    """Makes desks and takes them down again."""

    store: Store
    stack: ExitStack

    def open(self, shop: Shop | None = None, rules: Rules = USUAL, *, store: Store | None = None) -> Desk:
        """A desk on the shop, or on a new one without people, carts or orders."""
        if shop is None:
            shop = Shop()
            self.stack.callback(shop.close)
        url = self.stack.enter_context(serve(shop))
        return connect(store or self.store, shop, url, rules)


def connect(store: Store, shop: Shop, url: str, rules: Rules = USUAL) -> Desk:
    """A desk on a shop that is served at the address; it repeats failed requests at once."""
    channel = add_channel(store, f"Shop at {url}", url, Bearer("demo"), rules, person="anna", check_first=False)
    connection = Connection(url, Bearer("demo"), connections=rules.connections, retry_wait=0.001)
    opened = replace(open_shop(store, channel), magento=Magento(connection), checkout=Checkout(connection))
    synchronise_stores(store, opened)
    return Desk(store, shop, replace(opened, store_views=open_shop(store, channel).store_views))


@pytest.fixture
def desks(store: Store) -> Iterator[Desks]:
    """Desks on shops of their own, all in one store."""
    with ExitStack() as stack:
        yield Desks(store, stack)


@pytest.fixture
def desk(desks: Desks) -> Desk:
    """A desk on a shop without people, carts or orders."""
    return desks.open()
