"""The reading side of one Magento shop: typed records by search, and the few reads by id that a person asks for.

**Reading a cart by id can write in the shop**: after a price change Magento recalculates the cart and moves its
`updated_at` to now (observed on Magento 2.4.7, ebizmarts/magemonkey#126). Searches never do.
So everything here is free of side effects, except where a docstring says "May write".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from crm_core.errors import ShopAnsweredNonsense, ShopFailed, ShopRefused
from crm_core.magento.connection import Connection
from crm_core.magento.decoding import RawPage, SearchPage, decode
from crm_core.magento.paths import store_view
from crm_core.magento.payloads import (
    Cart,
    Customer,
    CustomerGroup,
    Order,
    StoreConfig,
    StoreView,
    Totals,
    Website,
)
from crm_core.magento.search import Search

T = TypeVar("T")

OVER_A_RECORD = (ShopFailed, ShopRefused, ShopAnsweredNonsense)
"""What one record that breaks a module may bring to any search that makes Magento load it (magento/magento2#26087)."""

_PAST_THE_END = 2**31 - 1


class Entity(StrEnum):
    """What can be searched, mirrored and counted."""

    CARTS = "carts"
    ORDERS = "orders"
    CUSTOMERS = "customers"

    @property
    def path(self) -> str:
        """Where the shop answers searches for it."""
        return {"carts": "/V1/carts/search", "orders": "/V1/orders", "customers": "/V1/customers/search"}[self.value]


class _Count(msgspec.Struct):
    total_count: int


class Magento:
    """The shop behind a connection. Every method raises what `Connection.get` raises. Safe in several threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def websites(self) -> list[Website]:
        """The websites that sell, by id. The admin's own, 0, is left out; the shop's order varies between calls."""
        return self._list("/V1/store/websites", Website)

    def store_views(self) -> list[StoreView]:
        """The store views that sell, by id, inactive ones included."""
        return self._list("/V1/store/storeViews", StoreView)

    def store_configs(self) -> list[StoreConfig]:
        """The settings of each store view, by id: time zone, currencies."""
        return self._list("/V1/store/storeConfigs", StoreConfig)

    def customer_groups(self) -> list[CustomerGroup]:
        """The customer groups, by id; 0 holds the guests."""
        groups: dict[int, CustomerGroup] = {}
        search = Search().ordered("id")
        while True:
            page = self.page("/V1/customerGroups/search", search, CustomerGroup)
            # Up to Magento 2.3 a page past the last one repeats it (magento/magento2#26986).
            news = [group for group in page.items if group.id not in groups]
            groups.update((group.id, group) for group in news)
            if page.is_last or not news:
                return [groups[number] for number in sorted(groups)]
            search = search.page(search.current_page + 1)

    def page(self, path: str, search: Search, kind: type[T], *, store: str | None = None) -> SearchPage[T]:
        """One page of what the shop answers to the search at `path`, each record as `kind`. Sized as `raw_page`."""
        return self.raw_page(path, search, store=store).decoded(kind)

    def raw_page(self, path: str, search: Search, *, store: str | None = None) -> RawPage:
        """One page of what the shop answers to the search at `path`, for whoever decodes it at another time.

        Smaller than asked for if the shop limits pages; its limit is then kept to from the start.
        """
        limit = self.connection.page_limit
        if limit is not None and search.page_size > limit:
            search = search.sized(limit)
        try:
            answer = self.connection.get(path, search.parameters(), store=store)
        except ShopRefused as refused:
            maximum = _page_limit(refused)
            if maximum is None or maximum >= search.page_size:
                raise
            self.connection.page_limit = maximum
            search = search.sized(maximum)
            answer = self.connection.get(path, search.parameters(), store=store)
        return RawPage(answer, search.page_size, f"GET {path}")

    def orders(self, search: Search) -> SearchPage[Order]:
        """One page of orders."""
        return self.page(Entity.ORDERS.path, search, Order)

    def carts(self, search: Search) -> SearchPage[Cart]:
        """One page of carts, active and inactive ones. Lines are told for active carts only."""
        return self.page(Entity.CARTS.path, search, Cart)

    def count(self, entity: Entity, search: Search) -> int:
        """How many records the search finds, those that the shop fails over included; the cheapest request there is.

        Magento loads the first record for it, whatever the fields. Where it fails, the same number is told with a page
        past the end, for which it loads none (observed on 2.4.7; Magento 2.3 loads the last record).
        """
        search = search.sized(1).only("total_count")
        try:
            return self._total(entity, search.page(1))
        except OVER_A_RECORD:
            return self._total(entity, search.page(_PAST_THE_END))

    def order(self, entity_id: int) -> Order:
        """The order with that entity_id. Raises ShopHasNoSuch if the shop has none."""
        order: Order = decode(self.connection.get(f"/V1/orders/{entity_id}"), Order, f"order {entity_id}")
        return order

    def orders_of_cart(self, cart_id: int) -> list[Order]:
        """The orders that were placed from the cart, oldest first; several where Magento restored a cancelled one."""
        page = self.orders(Search().where("quote_id", "eq", cart_id).ordered("entity_id"))
        _require_good(page, f"the orders of cart {cart_id}")
        return page.items

    def cart_by_search(self, cart_id: int) -> Cart | None:
        """The cart, None if the shop has none. Never writes."""
        page = self.carts(Search(page_size=1).where("entity_id", "eq", cart_id))
        _require_good(page, f"cart {cart_id}")
        return page.items[0] if page.items else None

    def customer(self, customer_id: int) -> Customer:
        """The customer with that id. Raises ShopHasNoSuch if the shop has none."""
        answer = self.connection.get(f"/V1/customers/{customer_id}")
        customer: Customer = decode(answer, Customer, f"customer {customer_id}")
        return customer

    def totals(self, cart_id: int, store_code: str, *, tries: int | None = None) -> Totals:
        """What an active cart comes to, read in its own store view; sent `tries` times at most.

        May write: recalculates a cart whose prices have changed. Raises ShopHasNoSuch for a cart that is inactive or
        gone.
        """
        answer = self.connection.get(f"/V1/carts/{cart_id}/totals", store=store_view(store_code), tries=tries)
        totals: Totals = decode(answer, Totals, f"the totals of cart {cart_id}")
        return totals

    def _total(self, entity: Entity, search: Search) -> int:
        answer = self.connection.get(entity.path, search.parameters())
        count: _Count = decode(answer, _Count, f"the count of {entity}")
        return count.total_count

    def _list(self, path: str, kind: Any) -> list[Any]:
        answer = self.connection.get(path)
        return sorted((each for each in decode(answer, list[kind], f"GET {path}") if each.id), key=lambda each: each.id)


def _page_limit(refused: ShopRefused) -> int | None:
    """The page size that the shop allows, told by the parameter of its refusal; None if that says something else."""
    maximum = refused.parameters.get("max")
    try:
        return int(str(maximum)) or None
    except ValueError:
        return None


def _require_good(page: SearchPage[Any], what: str) -> None:
    if page.bad:
        raise ShopAnsweredNonsense(f"The shop's answer about {what} cannot be read: {page.bad[0].reason}")
