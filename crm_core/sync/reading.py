"""Pages of a window: asked for, looked into, and mapped, with the records that cannot be kept apart.

These are three steps, because only the first one waits: `ask_page` may run in a thread of its own while another one
looks into the answers and writes. Threads that share that work would hand Python's lock to each other all the time.

A page is asked for by ascending entity_id, always page 1 of what follows the last id: nothing shifts while records
change, and a shop that repeats its last page repeats nothing that counts. A page that the shop fails over, or answers
with nonsense, is halved down to the record that poisons it (one that breaks a module can fail any page holding it,
magento/magento2#26087); reading goes on behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from crm_core.errors import BadRecord, ShopAnsweredNonsense
from crm_core.magento.decoding import RawPage, SearchPage
from crm_core.magento.payloads import Cart, Customer, Order
from crm_core.magento.search import Search
from crm_core.magento.shop import OVER_A_RECORD, Entity
from crm_core.sync.cart_mapping import MappedCart, map_cart
from crm_core.sync.channels import OpenShop
from crm_core.sync.customer_mapping import MappedCustomer, map_customer
from crm_core.sync.order_mapping import MappedOrder, map_order
from crm_core.sync.windows import Window

Mapped = MappedOrder | MappedCart | MappedCustomer

_KINDS: dict[Entity, Any] = {Entity.CARTS: Cart, Entity.ORDERS: Order, Entity.CUSTOMERS: Customer}
_HIGHEST_ID = 2**40
_HIGHEST_NUMBER = 2**63


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that cannot be mirrored; `payload` is what the shop sent of it, None if it sent nothing."""

    origin_id: int
    reason: str
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How many records to ask for at once. Below the channel's page size it is the halving of a page that failed.

    `poisoned` is how many records from here on may hold what the page failed over.
    """

    size: int
    poisoned: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """The request for what of a search follows the record `after`."""

    search: Search
    after: int
    pace: Pace


@dataclass(frozen=True, slots=True)
class Answer:
    """What the shop sent to the question, not looked into yet; `asked_at` by this machine's clock."""

    question: Question
    raw: RawPage
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """What one request, or the search for a poisonous record, brought: payloads, and records that cannot be read.

    `last_id` is where reading goes on, `pace` how. `total_count` is what the shop counted from the last id on.
    `asked_at` is by this machine's clock.
    """

    items: list[Any]
    unreadable: list[Rejected]
    last_id: int
    is_last: bool
    pace: Pace
    total_count: int | None
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Records as the store takes them, and those that it cannot take; `asked_at` by this machine's clock."""

    records: list[Mapped]
    rejected: list[Rejected]
    asked_at: datetime


def scope(shop: OpenShop, entity: Entity, store_id: int | None) -> Search:
    """The search that finds what the channel mirrors: its websites, for carts one store view or all, its start date."""
    search = Search()
    channel = shop.channel
    if entity is Entity.CARTS and store_id is not None:
        search = search.where("store_id", "eq", store_id)
    elif entity is Entity.CARTS or (channel.website_ids is not None and entity is Entity.ORDERS):
        search = search.where("store_id", "in", sorted(shop.store_views) or [0])
    elif channel.website_ids is not None:
        search = search.where("website_id", "in", sorted(channel.website_ids))
    if channel.start_date is not None:
        search = search.where("created_at", "gteq", channel.start_date)
    return search


def window_search(shop: OpenShop, window: Window) -> Search:
    """The search that finds the window's records."""
    return (
        scope(shop, Entity(window.stream.entity), window.stream.store_id)
        .where("updated_at", "gteq", window.lo)
        .where("updated_at", "lteq", window.hi)
    )


def ask_page(shop: OpenShop, entity: Entity, question: Question) -> Answer | Page:
    """The shop's answer; the page that `pass_failure` gives if it fails. Raises what the client raises otherwise.

    ShopUnavailable and ChannelError, and a failure that has nothing to do with the records, end the reading.
    """
    search = question.search.sized(question.pace.size).after(question.after)
    asked_at = datetime.now(UTC)
    try:
        return Answer(question, shop.magento.raw_page(entity.path, search), asked_at)
    except OVER_A_RECORD as failure:
        return pass_failure(shop, entity, question, failure)


def open_answer(shop: OpenShop, entity: Entity, answer: Answer) -> Page:
    """The page. Raises ShopAnsweredNonsense, then ask `pass_failure`, but nothing for a single bad record."""
    page = _readable(entity, answer.raw)
    pace = answer.question.pace
    left = pace.poisoned - len(page.items) - len(page.bad)
    next_pace = Pace(min(pace.size, left), left) if left > 0 else Pace(shop.channel.page_size)
    return _news(entity, page, answer.question.after, next_pace, answer.asked_at)


def read_page(shop: OpenShop, entity: Entity, question: Question) -> Page:
    """What of a search follows a record, in one go. Raises as `ask_page`."""
    answer = ask_page(shop, entity, question)
    if isinstance(answer, Page):
        return answer
    try:
        return open_answer(shop, entity, answer)
    except ShopAnsweredNonsense as failure:
        return pass_failure(shop, entity, question, failure)


def pass_failure(shop: OpenShop, entity: Entity, question: Question, failure: Exception) -> Page:
    """How reading goes on behind a failure: with half a page, or behind the one record that the shop fails over.

    Raises the failure if it has nothing to do with the records.
    """
    full = shop.channel.page_size
    after, pace, asked_at = question.after, question.pace, datetime.now(UTC)
    if pace.size == full:
        _require_alive(shop, entity, failure)
    if pace.size > 1:
        return Page([], [], after, False, Pace(max(1, pace.size // 2), pace.size), None, asked_at)
    poison = _poison(shop, entity, question.search, after, failure)
    return Page([], [poison], poison.origin_id, False, Pace(full), None, asked_at)


def read_all(shop: OpenShop, entity: Entity, search: Search) -> Iterator[Batch]:
    """All that the search finds, page by page, by ascending id, mapped. Raises as `ask_page`."""
    question = Question(search, 0, Pace(shop.channel.page_size))
    while True:
        page = read_page(shop, entity, question)
        if page.items or page.unreadable:
            yield map_page(shop, entity, page)
        if page.is_last:
            return
        question = Question(search, page.last_id, page.pace)


def read_one(shop: OpenShop, entity: Entity, origin_id: int) -> Batch:
    """The record of that id by a search of its own; no record and nothing rejected if the shop has none."""
    asked_at = datetime.now(UTC)
    try:
        page = _ask(shop, entity, Search(page_size=1).where("entity_id", "eq", origin_id), 0)
    except OVER_A_RECORD as failure:
        _require_alive(shop, entity, failure)
        return Batch([], [Rejected(origin_id, str(failure), None)], asked_at)
    return map_page(shop, entity, _news(entity, page, 0, Pace(1), asked_at))


def map_page(shop: OpenShop, entity: Entity, page: Page) -> Batch:
    """The page's records as the store takes them, and those that it cannot take."""
    records, rejected = map_records(shop, entity, page.items)
    return Batch(records, rejected + page.unreadable, page.asked_at)


def map_records(shop: OpenShop, entity: Entity, records: Iterable[Any]) -> tuple[list[Mapped], list[Rejected]]:
    """The records as the store takes them, and those that it cannot take."""
    mapped: list[Mapped] = []
    rejected: list[Rejected] = []
    map_one = _mapper(shop, entity)
    for record in records:
        try:
            mapped.append(map_one(record))
        except BadRecord as bad:
            origin_id = record.entity_id if entity is Entity.ORDERS else record.id
            rejected.append(Rejected(origin_id, str(bad), msgspec.json.encode(record)))
    return mapped, rejected


def _mapper(shop: OpenShop, entity: Entity) -> Callable[[Any], Mapped]:
    shop_id = shop.channel.shop_id
    if entity is Entity.CARTS:
        return lambda cart: map_cart(shop_id, cart)
    if entity is Entity.CUSTOMERS:
        return lambda customer: map_customer(shop_id, customer)
    zones = {origin_id: view.timezone for origin_id, view in shop.store_views.items()}
    return lambda order: map_order(shop_id, order, zones)


def _ask(shop: OpenShop, entity: Entity, search: Search, after: int) -> SearchPage[Any]:
    return _readable(entity, shop.magento.raw_page(entity.path, search.after(after)))


def _readable(entity: Entity, raw: RawPage) -> SearchPage[Any]:
    """The page. Raises ShopAnsweredNonsense for one with a record whose id cannot be read."""
    page: SearchPage[Any] = raw.decoded(_KINDS[entity])
    nameless = [item for item in page.bad if item.id is None or not 0 <= item.id < _HIGHEST_NUMBER]
    if nameless:
        raise ShopAnsweredNonsense(
            f"The shop sent a record of {entity} without a readable id. {nameless[0].reason} "
            "Look for a module or a proxy that changes the shop's answers."
        )
    return page


def _news(entity: Entity, page: SearchPage[Any], after: int, pace: Pace, asked_at: datetime) -> Page:
    """What of the page was not read before: a shop that repeats its last page past the end sends older ids."""
    id_field = "entity_id" if entity is Entity.ORDERS else "id"
    items = [item for item in page.items if getattr(item, id_field) > after]
    unreadable = [
        Rejected(item.id, item.reason, item.raw) for item in page.bad if item.id is not None and item.id > after
    ]
    last_id = page.last_id or 0
    is_last = page.is_last or last_id <= after
    return Page(items, unreadable, max(last_id, after), is_last, pace, page.total_count, asked_at)


def _require_alive(shop: OpenShop, entity: Entity, failure: Exception) -> None:
    """Raise the failure if the shop cannot even count nothing: then no record is to blame."""
    try:
        shop.magento.count(entity, Search().where("entity_id", "eq", 0))
    except OVER_A_RECORD:
        raise failure from None


def _poison(shop: OpenShop, entity: Entity, search: Search, after: int, failure: Exception) -> Rejected:
    """The next record behind the id, which fails alone: its id is found by asking for shorter and shorter ranges.

    Raises the failure if the shop fails over any range: it would go on for ever, blaming one id after the other.
    """

    def holds(last: int) -> bool:
        try:
            return bool(_ask(shop, entity, search.sized(1).where("entity_id", "lteq", last), after).items)
        except OVER_A_RECORD:
            return True

    if holds(after):
        raise failure  # the shop sends this in a range that holds nothing, so no record is to blame
    span = 1
    while not holds(after + span):
        if after + span > _HIGHEST_ID:
            raise failure
        span *= 2
    low, high = after + span // 2, after + span
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return Rejected(high, str(failure), None)
