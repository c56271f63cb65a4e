"""What `updated_at` misses: records that are gone from the shop, and changes that leave their time alone.

Comments, newsletter, addresses of customers and deleted products change without moving updated_at, and Magento's API
tells of no deletion (observed on 2.4.7, magento/magento2#5013). Deletions are found by counting ranges of ids on both
sides and halving those that differ, so an audit of a shop where nothing vanished costs one request an entity.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Table, and_, func, select, update

from crm_core.magento.search import Search, id_chunks
from crm_core.magento.shop import Entity
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import origin_of, record_key
from crm_core.store.lease import Lease
from crm_core.sync.cart_links import save_standings, standings
from crm_core.sync.cart_status import CLOSING, GRACE, OPEN
from crm_core.sync.carts import carts_gone
from crm_core.sync.channels import OpenShop
from crm_core.sync.customers import customers_gone
from crm_core.sync.orders import orders_gone
from crm_core.sync.pages import put_and_leave, write_records
from crm_core.sync.reading import Batch, read_all, scope
from crm_core.sync.transaction import Tally, writing

_LEAF = 200
_MOST_REREAD = 5_000
_AT_ONCE = 1_000
_TABLES: dict[Entity, Table] = {
    Entity.CARTS: tables.cart,
    Entity.ORDERS: tables.order,
    Entity.CUSTOMERS: tables.customer,
}
_FINAL_STATES = ("complete", "closed", "canceled")

OnTally = Callable[[Tally], None]


def expire_closed_carts(store: Store) -> int:
    """Carts that closed without an order longer than GRACE ago are Expired; returns how many became so now."""
    cart = tables.cart.c
    before = datetime.now(UTC) - GRACE
    with store.reading() as connection:
        due = list(
            connection.scalars(
                select(cart.id).where(cart.status == CLOSING, cart.closing_since <= before).order_by(cart.id)
            )
        )
    expired = 0
    for start in range(0, len(due), _AT_ONCE):
        by_shop: dict[int, list[int]] = {}
        for key in due[start : start + _AT_ONCE]:
            by_shop.setdefault(origin_of(key)[0], []).append(key)
        for shop_id, keys in by_shop.items():
            with writing(store, shop_id, datetime.now(UTC)) as transaction:
                changes = [(old, old.judged(transaction)) for old in standings(transaction, keys).values()]
                save_standings(transaction, changes)
                expired += sum(new.status != old.status for old, new in changes)
    return expired


def find_gone(
    store: Store, shop: OpenShop, entity: str, *, lease: Lease | None = None, on_step: OnTally | None = None
) -> int:
    """Records that the shop no longer has are marked as gone, for carts only active ones; returns how many.

    Where the counts differ, the shop's records of that range are read anew, so what was never mirrored is found too. A
    range where as many vanished as came unnoticed passes for equal; a full pass finds those. In a channel of some
    websites, those whose store view or website was deleted are left alone: no search in its scope finds them.
    """
    which = Entity(entity)
    found = _found_by_scope(shop, which)
    gone = 0
    ranges = [(0, _highest(store, which, found))]
    while ranges:
        low, high = ranges.pop()
        known = _known_count(store, shop, which, found, low, high)
        there = shop.magento.count(which, _range(shop, which, low, high)) if high > low else 0
        if known == there:
            continue
        if known > _LEAF and high - low > _LEAF:
            middle = (low + high) // 2
            ranges += [(low, middle), (middle, high)]
            continue
        gone += _compare(store, shop, which, found, low, high, lease, on_step)
    return gone


def reread(
    store: Store, shop: OpenShop, entity: str, *, lease: Lease | None = None, on_step: OnTally | None = None
) -> Tally:
    """Records whose changes may not show in updated_at are read anew, those read longest ago first, up to 5,000.

    Carts that are open, orders that are not finished, all customers.
    """
    which = Entity(entity)
    table = _TABLES[which]
    condition = _in_scope(shop, which)
    if which is Entity.CARTS:
        condition = and_(condition, tables.cart.c.status == OPEN, tables.cart.c.items_qty > 0)
    elif which is Entity.ORDERS:
        condition = and_(condition, tables.order.c.state.not_in(_FINAL_STATES))
    query = select(table.c.origin_id).where(condition).order_by(table.c.synchronised_at).limit(_MOST_REREAD)
    with store.reading() as connection:
        ids = list(connection.scalars(query))
    total = Tally()
    for chunk in id_chunks(ids):
        for batch in read_all(shop, which, Search().where("entity_id", "in", chunk)):
            _write(store, shop, which, batch, lease, total, on_step)
    return total


def _compare(
    store: Store,
    shop: OpenShop,
    entity: Entity,
    found: ColumnElement[bool],
    low: int,
    high: int,
    lease: Lease | None,
    on_step: OnTally | None,
) -> int:
    """Read the shop's records of a short range anew; what the store has beyond them is gone."""
    known = _known_ids(store, shop, entity, found, low, high)
    seen: set[int] = set()
    total = Tally()
    for batch in read_all(shop, entity, _range(shop, entity, low, high)):
        seen |= {record.origin_id for record in (*batch.records, *batch.rejected)}
        _write(store, shop, entity, batch, lease, total, on_step)
    # An active cart that is missing may only have become inactive; an order may have moved out of scope.
    for chunk in id_chunks(known - seen):
        for batch in read_all(shop, entity, Search().where("entity_id", "in", chunk)):
            seen |= {record.origin_id for record in (*batch.records, *batch.rejected)}
            _write(store, shop, entity, batch, lease, total, on_step)
    vanish = {Entity.CARTS: carts_gone, Entity.ORDERS: orders_gone, Entity.CUSTOMERS: customers_gone}[entity]
    shop_id = shop.channel.shop_id
    with writing(store, shop_id, shop.magento.connection.shop_now(), lease=lease) as transaction:
        return vanish(transaction, [record_key(shop_id, origin_id) for origin_id in known - seen])


def _write(
    store: Store,
    shop: OpenShop,
    entity: Entity,
    batch: Batch,
    lease: Lease | None,
    total: Tally,
    on_step: OnTally | None,
) -> None:
    shop_id = shop.channel.shop_id
    shop_now = shop.magento.connection.shop_now()
    with writing(store, shop_id, shop_now, asked_at=batch.asked_at, lease=lease) as transaction:
        write_records(transaction, entity, batch.records)
        put_and_leave(transaction, shop, entity.value, batch, ())
        table = _TABLES[entity]
        transaction.connection.execute(
            update(table)
            .where(table.c.id.in_([record.key for record in batch.records]), table.c.synchronised_at < batch.asked_at)
            .values(synchronised_at=batch.asked_at)
        )
    total.add(transaction.tally)
    if on_step is not None:
        on_step(total)


def _range(shop: OpenShop, entity: Entity, low: int, high: int) -> Search:
    """The channel's records with an id above `low`, up to `high`; of carts the active ones."""
    search = scope(shop, entity, None).where("entity_id", "gt", low).where("entity_id", "lteq", high)
    return search.where("is_active", "eq", True) if entity is Entity.CARTS else search


def _in_scope(shop: OpenShop, entity: Entity) -> ColumnElement[bool]:
    """The rows of the channel that the shop had when it was last asked; of carts the active ones."""
    table, channel = _TABLES[entity], shop.channel
    condition = and_(
        table.c.id > record_key(channel.shop_id, 0),
        table.c.id < record_key(channel.shop_id + 1, 0),
        table.c.gone_at.is_(None),
        *(() if channel.start_date is None else (table.c.created_at >= channel.start_date,)),
    )
    if entity is Entity.CARTS:
        return and_(condition, table.c.is_active, table.c.store_id.in_(sorted(shop.store_views)))
    if channel.website_ids is None:
        return condition
    if entity is Entity.ORDERS:
        return and_(condition, table.c.store_id.in_(sorted(shop.store_views)))
    return and_(condition, table.c.website_id.in_(sorted(channel.website_ids)))


def _found_by_scope(shop: OpenShop, entity: Entity) -> ColumnElement[bool]:
    """The rows of the channel that a search in its scope finds, if the shop still has them.

    Deleting a store view takes its carts along, but leaves its orders, and a website its customers, without one: by the
    foreign keys of Magento's tables (ON DELETE SET NULL). What is mirrored of them keeps it.
    """
    condition = _in_scope(shop, entity)
    may_lack_some = not all(view.is_active for view in shop.store_views.values())
    if entity is Entity.CARTS or shop.channel.website_ids is None or not may_lack_some:
        return condition
    if entity is Entity.ORDERS:
        return and_(condition, tables.order.c.store_id.in_([view.id for view in shop.magento.store_views()]))
    return and_(condition, tables.customer.c.website_id.in_([website.id for website in shop.magento.websites()]))


def _between(shop_id: int, entity: Entity, low: int, high: int) -> ColumnElement[bool]:
    key = _TABLES[entity].c.id
    return and_(key > record_key(shop_id, low), key <= record_key(shop_id, high))


def _highest(store: Store, entity: Entity, found: ColumnElement[bool]) -> int:
    with store.reading() as connection:
        highest = connection.scalar(select(func.max(_TABLES[entity].c.id)).where(found))
    return 0 if highest is None else origin_of(highest)[1]


def _known_count(store: Store, shop: OpenShop, entity: Entity, found: ColumnElement[bool], low: int, high: int) -> int:
    between = _between(shop.channel.shop_id, entity, low, high)
    query = select(func.count()).select_from(_TABLES[entity]).where(found, between)
    with store.reading() as connection:
        return connection.scalar(query) or 0


def _known_ids(
    store: Store, shop: OpenShop, entity: Entity, found: ColumnElement[bool], low: int, high: int
) -> set[int]:
    between = _between(shop.channel.shop_id, entity, low, high)
    with store.reading() as connection:
        return set(connection.scalars(select(_TABLES[entity].c.origin_id).where(found, between)))
