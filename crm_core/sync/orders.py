"""Orders of a shop into the store: rows, lines, rollups, the link to their carts, claims that a cancellation ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from crm_core.insight.statuses import CANCELLED_STATE
from crm_core.store import documents, tables
from crm_core.store.rollups import OrderFacts
from crm_core.store.upsert import Row, day_for_driver, delete_lines, upsert
from crm_core.sync.cart_links import relink
from crm_core.sync.changes import address_changed, amount_changed, status_changed, value_changed
from crm_core.sync.lookups import rows_where
from crm_core.sync.order_mapping import ORDER_COLUMNS, ORDER_ITEM_COLUMNS, MappedOrder
from crm_core.sync.transaction import Transaction, mark_gone

_OLD = (
    "id", "content_hash", "first_seen_at", "gone_at", "cart_id", "store_id", "state", "status", "local_day",
    "base_currency", "base_grand_total", "base_total_refunded", "order_currency", "grand_total", "total_paid",
    "total_invoiced", "total_refunded", "total_canceled", "email", "billing_address", "shipping_address", "comments",
    "updated_at", "synchronised_at", "local_hour", "customer_id", "is_guest",
)  # fmt: skip
_AT = {name: ORDER_COLUMNS.index(name) for name in ORDER_COLUMNS}
_STORE_ID, _CUSTOMER_ID, _UPDATED_AT = _AT["store_id"], _AT["customer_id"], _AT["updated_at"]


def write_orders(transaction: Transaction, orders: Sequence[MappedOrder]) -> None:
    """The orders are in the store as the shop tells them; unchanged ones, and ones read later, are not written.

    Where its store view or customer was deleted in the shop, an order keeps those it had, and with the store view its
    day: the shop tells none then, by its foreign keys.
    """
    connection, tally = transaction.connection, transaction.tally
    by_key = {order.key: order for order in orders}
    known = {row.id: row for row in rows_where(connection, tables.order, _OLD, "id", by_key, lock=True)}
    rows, items, rewritten, carts, cancelled = [], [], [], set(), []
    for key in sorted(by_key):
        order, old = by_key[key], known.get(key)
        tally.read += 1
        if old is not None and old.content_hash == order.content_hash and old.gone_at is None:
            tally.unchanged += 1
            continue
        values = order.values
        day, hour = day_for_driver(order.local_day, transaction.dialect_name), order.local_hour
        if old is not None:
            if transaction.is_outdated(old, values[_UPDATED_AT]):
                tally.unchanged += 1
                continue
            values = _still_of(old, values)
            if values[_STORE_ID] != order.store_id:
                day, hour = old.local_day, old.local_hour
        rows.append(
            (
                *values,
                day,
                hour,
                order.content_hash,
                transaction.now if old is None else old.first_seen_at,
                transaction.asked_at,
                None,
            )
        )
        items += order.items
        if order.cart_key is not None:
            carts.add(order.cart_key)
        if order.state == CANCELLED_STATE:
            cancelled.append(order.origin_id)
        facts = OrderFacts(
            transaction.shop_id,
            values[_STORE_ID],
            day,
            order.status,
            order.state,
            order.base_currency,
            order.base_grand_total,
            order.base_total_refunded,
            order.values[_UPDATED_AT],
            False,
        )
        if old is None:
            tally.added += 1
            transaction.deltas.orders(None, facts)
            continue
        tally.changed += 1
        rewritten.append(key)
        if old.cart_id is not None:
            carts.add(old.cart_id)
        transaction.deltas.orders(_facts_of(transaction.shop_id, old), facts)
        transaction.tell("order", key, _changes(old, order), order.values[_UPDATED_AT])
        transaction.mention("order", key, _comments(old, order))
    upsert(connection, tables.order, ORDER_COLUMNS, rows)
    delete_lines(connection, tables.order_item, rewritten)
    upsert(connection, tables.order_item, ORDER_ITEM_COLUMNS, items)
    if cancelled:
        _release_claims(transaction, cancelled)
    if carts:
        relink(transaction, carts)


def orders_gone(transaction: Transaction, keys: Collection[int]) -> int:
    """The orders are marked as gone from the shop, kept, and left out of revenue; returns how many were not before.

    Their carts stay Purchased: what was sold was sold.
    """
    gone = []
    for row in rows_where(transaction.connection, tables.order, _OLD, "id", keys, lock=True):
        if row.gone_at is None:
            facts = _facts_of(transaction.shop_id, row)
            transaction.deltas.orders(facts, facts._replace(is_gone=True))
            transaction.tell("order", row.id, ["The shop no longer has this order"], transaction.now, "gone")
            gone.append(row.id)
    mark_gone(transaction, tables.order, gone)
    return len(gone)


def _still_of(old: Any, values: Row) -> Row:
    """The values with the store view and the customer of before where the shop names none any more."""
    kept = list(values)
    if not values[_STORE_ID]:
        kept[_STORE_ID] = old.store_id
    if values[_CUSTOMER_ID] is None and old.customer_id is not None:
        kept[_CUSTOMER_ID], kept[_AT["is_guest"]] = old.customer_id, old.is_guest
    return tuple(kept)


def _facts_of(shop_id: int, row: Any) -> OrderFacts:
    """What the rollups count of an order row; it has the columns of that name."""
    return OrderFacts(
        shop_id,
        row.store_id,
        row.local_day,
        row.status,
        row.state,
        row.base_currency,
        row.base_grand_total,
        row.base_total_refunded or 0,
        row.updated_at,
        row.gone_at is not None,
    )


def _release_claims(transaction: Transaction, cancelled: list[int]) -> None:
    """A cart whose order is cancelled may be ordered again."""
    # Once a page: as text, it costs a tenth of what building the statement costs.
    marks = ", ".join([transaction.mark] * len(cancelled))
    transaction.connection.exec_driver_sql(
        f"UPDATE attempt SET holds = FALSE WHERE shop_id = {transaction.mark} AND holds AND state = 'placed' "
        f"AND order_origin_id IN ({marks})",
        (transaction.shop_id, *cancelled),
    )


def _changes(old: Any, order: MappedOrder) -> Iterator[str]:
    def new(column: str) -> Any:
        return order.values[_AT[column]]

    currency = new("order_currency")
    if old.gone_at is not None:
        yield "The shop has the order again"
    yield from status_changed(old.status, order.status)
    if old.status == order.status:
        yield from value_changed("State", old.state, order.state)
    for column, what in (
        ("grand_total", "Total"),
        ("total_paid", "Paid"),
        ("total_invoiced", "Invoiced"),
        ("total_refunded", "Refunded"),
        ("total_canceled", "Cancelled"),
    ):
        yield from amount_changed(what, getattr(old, column), new(column), currency)
    yield from value_changed("E-mail", old.email, new("email"))
    yield from address_changed("Billing address", old.billing_address, new("billing_address"))
    yield from address_changed(
        "Shipping address",
        documents.shipping_address_of(old.billing_address, old.shipping_address),
        documents.shipping_address_of(new("billing_address"), new("shipping_address")),
    )


def _comments(old: Any, order: MappedOrder) -> Iterator[str]:
    """That there are new ones with words; Magento notes a change of status by one without any."""
    comments = order.values[_AT["comments"]]
    if old.comments == comments:
        return
    known = {comment.origin_id for comment in documents.decode_comments(old.comments)}
    news = [each for each in documents.decode_comments(comments) if each.comment and each.origin_id not in known]
    if news:
        yield "Comment added" if len(news) == 1 else f"{len(news)} comments added"
