"""A page of a window into the store, in one transaction: rows, rollups, links, quarantine, position, progress."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import cast

from crm_core.magento.shop import Entity
from crm_core.store.database import Store
from crm_core.store.lease import Lease
from crm_core.sync import quarantine
from crm_core.sync.cart_mapping import MappedCart
from crm_core.sync.carts import write_carts
from crm_core.sync.channels import OpenShop
from crm_core.sync.customer_mapping import MappedCustomer
from crm_core.sync.customers import write_customers
from crm_core.sync.order_mapping import MappedOrder
from crm_core.sync.orders import write_orders
from crm_core.sync.reading import Batch, Mapped, Page, map_page
from crm_core.sync.transaction import Tally, Transaction, writing
from crm_core.sync.windows import FIRST, Window, advance


def write_page(
    store: Store,
    shop: OpenShop,
    window: Window,
    page: Page,
    *,
    run_id: int,
    lease: Lease | None = None,
    held: Collection[int] = (),
) -> tuple[Batch, Tally]:
    """The page is mapped and in the store, and the window has moved behind it; returns it mapped, and what was counted.

    `held` are the records known to be in quarantine: those on the page leave it. Raises LeaseLost and StoreUnusable,
    and then nothing of the page is in the store.
    """
    entity = Entity(window.stream.entity)
    batch = map_page(shop, entity, page)
    shop_id, shop_now = shop.channel.shop_id, shop.magento.connection.shop_now()
    is_news = window.kind != FIRST
    with writing(store, shop_id, shop_now, asked_at=page.asked_at, lease=lease, is_news=is_news) as transaction:
        tally = transaction.tally
        write_records(transaction, entity, batch.records)
        tally.read += len(batch.rejected)
        tally.quarantined += len(batch.rejected)
        put_and_leave(transaction, shop, entity.value, batch, held)
        advance(transaction.connection, window, page.last_id, done=page.is_last)
        note_progress(transaction, run_id)
    return batch, tally


def write_records(transaction: Transaction, entity: Entity, records: Sequence[Mapped]) -> None:
    """The records are in the store as the shop tells them, but where it was read later than the transaction's."""
    if not records:
        return
    if entity is Entity.ORDERS:
        write_orders(transaction, cast("Sequence[MappedOrder]", records))
    elif entity is Entity.CARTS:
        write_carts(transaction, cast("Sequence[MappedCart]", records))
    else:
        write_customers(transaction, cast("Sequence[MappedCustomer]", records))


def put_and_leave(transaction: Transaction, shop: OpenShop, entity: str, batch: Batch, held: Collection[int]) -> None:
    """The batch's bad records are in quarantine, and its good ones are not."""
    connection, channel_id = transaction.connection, shop.channel.id
    if batch.rejected:
        quarantine.put(connection, channel_id, entity, batch.rejected, datetime.now(UTC))
    if held:
        quarantine.leave(connection, channel_id, entity, {record.origin_id for record in batch.records} & set(held))


def note_progress(transaction: Transaction, run_id: int) -> None:
    """The run's row counts the transaction's records too, and shows a sign of life."""
    tally = transaction.tally
    counts = (tally.read, tally.added, tally.changed, tally.unchanged, tally.quarantined)
    # Once a page: as text, it costs a tenth of what building the statement costs.
    mark = transaction.mark
    transaction.connection.exec_driver_sql(
        f"UPDATE sync_run SET renewed_at = {mark}, read = read + {mark}, added = added + {mark}, "
        f"changed = changed + {mark}, unchanged = unchanged + {mark}, quarantined = quarantined + {mark} "
        f"WHERE id = {mark}",
        (transaction.now, *counts, run_id),
    )
