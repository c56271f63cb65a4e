"""The channels and store views by name, small enough to keep in memory for a query: which of them a row belongs to.

Rows carry the shop and the store view; the channel of a row is the channel of that shop whose websites hold the store
view's website. Channels of one shop don't overlap, so there is at most one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec
from sqlalchemy import Connection, select

from crm_core.store.database import Store
from crm_core.store.keys import origin_of, record_key
from crm_core.store.tables import channel, customer_group, store_view, website


@dataclass(frozen=True)
class ChannelName:
    """A channel as the read side knows it; `website_ids` are origin ids of the websites in scope, None: all."""

    id: int
    shop_id: int
    name: str
    admin_url: str | None
    secret_keys_off: bool
    website_ids: frozenset[int] | None
    is_demo: bool


@dataclass(frozen=True)
class StoreView:
    """A store view; `key` is its record key, `website` and `name` are the shop's words, `timezone` an IANA name."""

    key: int
    shop_id: int
    origin_id: int
    code: str
    name: str
    website_id: int
    website: str
    base_currency: str
    timezone: str


@dataclass(frozen=True)
class Website:
    """A website; `key` is its record key, `code` and `name` are the shop's words."""

    key: int
    shop_id: int
    origin_id: int
    code: str
    name: str


@dataclass(frozen=True)
class CustomerGroup:
    """A customer group; `key` is its record key, `code` the name that the shop gives it."""

    key: int
    shop_id: int
    origin_id: int
    code: str


@dataclass(frozen=True, eq=False)
class Directory:
    """All channels (by name), store views (by channel, website and name), websites and groups at one moment."""

    channels: tuple[ChannelName, ...] = ()
    stores: tuple[StoreView, ...] = ()
    websites: tuple[Website, ...] = ()
    groups: tuple[CustomerGroup, ...] = ()
    _channel_of: dict[tuple[int, int], ChannelName | None] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def read(connection: Connection) -> Directory:
        """The directory as this snapshot of the store holds it."""
        channels = tuple(
            ChannelName(
                id=row.id,
                shop_id=row.shop_id,
                name=row.name,
                admin_url=row.admin_url,
                secret_keys_off=row.secret_keys_off,
                website_ids=frozenset(msgspec.json.decode(row.website_ids, type=list[int]))
                if row.website_ids
                else None,
                is_demo=row.is_demo,
            )
            for row in connection.execute(
                select(
                    channel.c.id,
                    channel.c.shop_id,
                    channel.c.name,
                    channel.c.admin_url,
                    channel.c.secret_keys_off,
                    channel.c.website_ids,
                    channel.c.is_demo,
                ).order_by(channel.c.name)
            )
        )
        same_website = (website.c.shop_id == store_view.c.shop_id) & (website.c.origin_id == store_view.c.website_id)
        stores = tuple(
            StoreView(
                key=row.id,
                shop_id=row.shop_id,
                origin_id=row.origin_id,
                code=row.code,
                name=row.name,
                website_id=row.website_id,
                website=row.website or "",
                base_currency=row.base_currency,
                timezone=row.timezone,
            )
            for row in connection.execute(
                select(
                    store_view.c.id,
                    store_view.c.shop_id,
                    store_view.c.origin_id,
                    store_view.c.code,
                    store_view.c.name,
                    store_view.c.website_id,
                    website.c.name.label("website"),
                    store_view.c.base_currency,
                    store_view.c.timezone,
                ).outerjoin_from(store_view, website, same_website)
            )
        )
        websites = tuple(
            Website(row.id, row.shop_id, row.origin_id, row.code, row.name)
            for row in connection.execute(select(website).order_by(website.c.name, website.c.id))
        )
        groups = tuple(
            CustomerGroup(row.id, row.shop_id, row.origin_id, row.code)
            for row in connection.execute(select(customer_group).order_by(customer_group.c.code, customer_group.c.id))
        )
        found = Directory(channels, stores)
        return Directory(channels, tuple(sorted(stores, key=found._rank)), websites, groups)

    def _rank(self, store: StoreView) -> tuple[str, str, str, int]:
        return (self.channel_name(store.shop_id, store.origin_id), store.website, store.name, store.key)

    @cached_property
    def channels_by_id(self) -> Mapping[int, ChannelName]:
        """Channels by id."""
        return {each.id: each for each in self.channels}

    @cached_property
    def stores_by_key(self) -> Mapping[int, StoreView]:
        """Store views by record key."""
        return {each.key: each for each in self.stores}

    @cached_property
    def websites_by_key(self) -> Mapping[int, Website]:
        """Websites by record key."""
        return {each.key: each for each in self.websites}

    @cached_property
    def groups_by_key(self) -> Mapping[int, CustomerGroup]:
        """Customer groups by record key."""
        return {each.key: each for each in self.groups}

    def channel_of_website(self, shop_id: int, website_id: int) -> ChannelName | None:
        """The channel whose scope holds that website; None if none does any more."""
        for each in self.channels:
            if each.shop_id == shop_id and (each.website_ids is None or website_id in each.website_ids):
                return each
        return None

    def name_of_website(self, shop_id: int, website_id: int) -> str:
        """The name of the website with that origin id; its number while it is not known."""
        found = self.websites_by_key.get(record_key(shop_id, website_id)) if website_id >= 0 else None
        return found.name if found else f"Website {website_id}"

    def group_name(self, shop_id: int, group_id: int | None) -> str:
        """The name of the customer group with that origin id; its number while it is not known, empty without one."""
        if group_id is None:
            return ""
        found = self.groups_by_key.get(record_key(shop_id, group_id)) if group_id >= 0 else None
        return found.code if found else f"Group {group_id}"

    def store(self, shop_id: int, store_id: int) -> StoreView | None:
        """The store view that the shop knows as `store_id`; None if it was not mirrored yet."""
        return self.stores_by_key.get(record_key(shop_id, store_id)) if store_id >= 0 else None

    def channel_of(self, shop_id: int, store_id: int) -> ChannelName | None:
        """The channel whose scope holds that store view; None if none does any more, or the view is not known."""
        pair = (shop_id, store_id)
        if pair not in self._channel_of:
            self._channel_of[pair] = self._find_channel(shop_id, store_id)
        return self._channel_of[pair]

    def _find_channel(self, shop_id: int, store_id: int) -> ChannelName | None:
        view = self.store(shop_id, store_id)
        for each in self.channels:
            in_scope = each.website_ids is None or (view is not None and view.website_id in each.website_ids)
            if each.shop_id == shop_id and in_scope:
                return each
        return None

    def channel_name(self, shop_id: int, store_id: int) -> str:
        """The name of the row's channel; empty if it has none any more."""
        found = self.channel_of(shop_id, store_id)
        return found.name if found else ""

    def store_name(self, shop_id: int, store_id: int) -> str:
        """The name of the row's store view; its number while it is not known."""
        found = self.store(shop_id, store_id)
        return found.name if found else f"Store {store_id}"

    def website_name(self, shop_id: int, store_id: int) -> str:
        """The name of the row's website; empty while it is not known."""
        found = self.store(shop_id, store_id)
        return found.website if found else ""

    def scope(self, channel_ids: Iterable[int], store_keys: Iterable[int]) -> Scope | None:
        """The shops and store views that these channels and, if any are named, these store views leave; None: all."""
        channel_ids, store_keys = set(channel_ids), set(store_keys)
        if not channel_ids and not store_keys:
            return None
        wholes: set[int] = set()
        pairs: set[tuple[int, int]] = set()
        for each in (self.channels_by_id[id] for id in channel_ids if id in self.channels_by_id):
            if each.website_ids is None:
                wholes.add(each.shop_id)
            else:
                pairs |= {
                    (view.shop_id, view.origin_id)
                    for view in self.stores
                    if view.shop_id == each.shop_id and view.website_id in each.website_ids
                }
        if store_keys:
            named = {origin_of(key) for key in store_keys}
            if channel_ids:
                named = {pair for pair in named if pair in pairs or pair[0] in wholes}
            return Scope(frozenset(), frozenset(named))
        return Scope(frozenset(wholes), frozenset(pairs))

    def website_scope(self, channel_ids: Iterable[int], website_keys: Iterable[int]) -> Scope | None:
        """The shops and websites that these channels and, if any are named, these websites leave; None: all."""
        channel_ids, named = set(channel_ids), {origin_of(key) for key in website_keys}
        if not channel_ids and not named:
            return None
        chosen = [self.channels_by_id[id] for id in channel_ids if id in self.channels_by_id]
        wholes = {each.shop_id for each in chosen if each.website_ids is None}
        pairs = {(each.shop_id, id_) for each in chosen for id_ in each.website_ids or ()}
        if named:
            return Scope(frozenset(), frozenset(p for p in named if not channel_ids or p in pairs or p[0] in wholes))
        return Scope(frozenset(wholes), frozenset(pairs))


@dataclass(frozen=True)
class Scope:
    """Whole shops, and parts of them (store views, of customers websites) as (shop id, origin id of the part)."""

    shops: frozenset[int]
    views: frozenset[tuple[int, int]]

    def holds(self, shop_id: int, part_id: int) -> bool:
        """Whether a row of that part is in scope."""
        return shop_id in self.shops or (shop_id, part_id) in self.views


def directory(store: Store) -> Directory:
    """The channels and store views of the store now; the same one as long as nothing in the store changes."""

    def read() -> Directory:
        with store.reading() as connection:
            return Directory.read(connection)

    return store.kept("directory", read)
