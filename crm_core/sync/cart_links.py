"""The link between carts and their orders, and the status that follows from it.

An order names its cart by quote_id, whichever of the two is mirrored first and also after the shop deleted the cart
(Magento deletes carts, ordered ones too, some 30 days after their last change).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from crm_core.store import tables
from crm_core.store.documents import shipping_address_of
from crm_core.store.keys import origin_of
from crm_core.store.rollups import CartFacts
from crm_core.store.types import units_to_money
from crm_core.store.upsert import Row, upsert
from crm_core.sync.cart_status import GRACE, PURCHASED, OrderLink, OrderOfCart, cart_status, order_link
from crm_core.sync.changes import status_changed
from crm_core.sync.lookups import rows_where
from crm_core.sync.transaction import Transaction

LINE_COLUMNS = (
    "cart_id", "item_id", "sku", "name", "product_type", "qty", "base_price", "options", "state", "state_since",
)  # fmt: skip
"""Columns of cart_item."""

_ORDER_LINE_COLUMNS = (
    "order_id", "item_id", "parent_item_id", "quote_item_id", "sku", "name", "product_type", "qty_ordered",
    "base_price",
)  # fmt: skip
_MADE_FROM = (
    "id", "cart_id", "shop_id", "store_id", "customer_id", "email", "firstname", "lastname", "name_key", "email_key",
    "is_guest", "is_virtual", "state", "base_currency", "order_currency", "items_qty", "grand_total",
    "base_grand_total", "base_subtotal", "billing_country", "billing_region", "billing_address", "shipping_address",
    "shipping_method", "increment_id", "created_at",
)  # fmt: skip
_MADE = (
    "id", "shop_id", "origin_id", "store_id", "customer_id", "email", "firstname", "lastname", "name_key",
    "email_key", "is_guest", "is_active", "is_virtual", "items_count", "items_qty", "unavailable_count",
    "base_currency", "quote_currency", "base_to_quote_rate", "base_subtotal", "billing_country", "billing_region",
    "billing_address", "shipping_address", "shipping_method", "reserved_order_id", "created_at", "updated_at",
    "content_hash", "first_seen_at", "synchronised_at", "last_activity_at", "gone_at", "made_from_order",
    "order_id", "order_cancelled", "status",
)  # fmt: skip
_GRACE_MILLISECONDS = round(GRACE.total_seconds() * 1000)


class Standing(NamedTuple):
    """What of a cart row its status and the rollups depend on; driver values."""

    id: int
    shop_id: int
    store_id: int
    status: str
    base_currency: str
    items_qty: int
    base_subtotal: int
    created_at: int
    updated_at: int
    is_active: bool
    gone_at: int | None
    order_id: int | None
    order_cancelled: bool | None
    lost_at: int | None
    closing_since: int | None

    @property
    def facts(self) -> CartFacts:
        """What the rollups count of it."""
        return CartFacts(
            self.shop_id,
            self.store_id,
            self.status,
            self.base_currency,
            self.items_qty,
            self.base_subtotal,
            self.created_at,
            self.updated_at,
        )

    def with_link(self, link: OrderLink | None) -> Standing:
        """With the order that the cart shows now."""
        return self._replace(
            order_id=link.order_key if link else None, order_cancelled=link.cancelled if link else None
        )

    def judged(self, transaction: Transaction) -> Standing:
        """With the status that the rules give it now, and since when it is closed without an order."""
        is_gone = self.gone_at is not None
        closing_since = self.closing_since
        if (self.is_active and not is_gone) or self.order_cancelled is not None:
            closing_since = None
        elif closing_since is None:
            closing_since = transaction.now if is_gone else transaction.since(self.updated_at)
        status = cart_status(
            is_active=bool(self.is_active),
            is_gone=is_gone,
            order_cancelled=self.order_cancelled,
            is_lost=self.lost_at is not None,
            is_grace_over=closing_since is not None and closing_since <= transaction.now - _GRACE_MILLISECONDS,
        )
        return self._replace(status=status, closing_since=closing_since)


def standings(transaction: Transaction, cart_keys: Collection[int]) -> dict[int, Standing]:
    """The standings of those carts that the store has, locked for this transaction."""
    rows = rows_where(transaction.connection, tables.cart, Standing._fields, "id", cart_keys, lock=True)
    return {row.id: standing_of(row) for row in rows}


def standing_of(row: Any) -> Standing:
    """The standing of a row of Standing's columns; SQLite tells truth values as numbers."""
    standing = Standing(*row)
    cancelled = standing.order_cancelled
    return standing._replace(
        is_active=bool(standing.is_active), order_cancelled=None if cancelled is None else bool(cancelled)
    )


def save_standings(transaction: Transaction, changes: Iterable[tuple[Standing, Standing]]) -> None:
    """The new standings are in the store, with rollups and timelines; those that are as before are not written."""
    rows = []
    for old, new in changes:
        if new == old:
            continue
        rows.append(
            (
                new.id,
                new.shop_id,
                new.status,
                new.base_subtotal,
                new.gone_at,
                new.order_id,
                new.order_cancelled,
                new.closing_since,
            )
        )
        transaction.deltas.carts(old.facts, new.facts)
        if new.status != old.status:
            transaction.tell("cart", new.id, status_changed(old.status, new.status), transaction.now, "status")
    if not rows:
        return
    mark = transaction.mark
    columns = ("status", "base_subtotal", "gone_at", "order_id", "order_cancelled", "closing_since")
    sets = ", ".join(f"{column} = {mark}" for column in columns)
    transaction.connection.exec_driver_sql(
        f"UPDATE cart SET {sets} WHERE id = {mark}", [(*row[2:], row[0]) for row in rows]
    )


def links_of(transaction: Transaction, cart_keys: Collection[int]) -> dict[int, OrderLink]:
    """For those of the carts that have an order: which one they show."""
    orders: dict[int, list[OrderOfCart]] = defaultdict(list)
    for row in rows_where(transaction.connection, tables.order, ("cart_id", "id", "state"), "cart_id", cart_keys):
        orders[row.cart_id].append(OrderOfCart(row.id, row.state))
    return {key: link for key, found in orders.items() if (link := order_link(found)) is not None}


def relink(transaction: Transaction, cart_keys: Collection[int]) -> None:
    """Those of the carts that the store has show the order that they have now, and the status that follows."""
    known = standings(transaction, cart_keys)
    if not known:
        return
    links = links_of(transaction, known)
    changes = [(old, old.with_link(links.get(key)).judged(transaction)) for key, old in known.items()]
    bare = [new for old, new in changes if new.order_id is not None and not new.is_active and not new.base_subtotal]
    subtotals = lines_from_orders(transaction, {cart.id: cart.order_id for cart in bare if cart.order_id})
    save_standings(
        transaction,
        [(old, new._replace(base_subtotal=subtotals.get(new.id, new.base_subtotal))) for old, new in changes],
    )


def lines_from_orders(transaction: Transaction, order_of: dict[int, int]) -> dict[int, int]:
    """Carts without lines take those of their order; returns the base subtotals of the carts that did.

    `order_of` is order key by cart key. Only parents are lines of the cart: children of configurable and bundle
    products repeat them without money.
    """
    if not order_of:
        return {}
    connection = transaction.connection
    have = {row.cart_id for row in rows_where(connection, tables.cart_item, ("cart_id",), "cart_id", order_of)}
    cart_of = {order: cart for cart, order in order_of.items() if cart not in have}
    found = rows_where(connection, tables.order_item, _ORDER_LINE_COLUMNS, "order_id", cart_of)
    lines: dict[tuple[int, int], Row] = {}
    for row in found:
        if row.parent_item_id is not None:
            continue
        cart_key = cart_of[row.order_id]
        line_id = row.quote_item_id or row.item_id
        lines[cart_key, line_id] = (
            cart_key,
            line_id,
            row.sku,
            row.name,
            row.product_type,
            row.qty_ordered,
            row.base_price,
            None,
            "present",
            transaction.now,
        )
    upsert(connection, tables.cart_item, LINE_COLUMNS, [lines[key] for key in sorted(lines)])
    # Not the sum of the row totals: those of an order are after discount (observed on Magento 2.4.7).
    orders = rows_where(connection, tables.order, ("id", "base_subtotal"), "id", cart_of)
    return {cart_of[row.id]: row.base_subtotal for row in orders if row.base_subtotal}


def make_carts(transaction: Transaction, cart_keys: Collection[int]) -> int:
    """Make a Purchased cart from its order for those of the carts that the store lacks; returns how many.

    Call it only for carts that the shop no longer has. They are marked `made_from_order` and gone.
    """
    connection = transaction.connection
    missing = set(cart_keys) - standings(transaction, cart_keys).keys()
    orders: dict[int, list[Any]] = defaultdict(list)
    for row in rows_where(connection, tables.order, _MADE_FROM, "cart_id", missing):
        orders[row.cart_id].append(row)
    shown: dict[int, Any] = {}
    for cart_key, found in orders.items():
        link = order_link(OrderOfCart(row.id, row.state) for row in found)
        if link is not None:
            shown[cart_key] = next(row for row in found if row.id == link.order_key), link
    made = {key: _made(transaction, key, *shown[key]) for key in sorted(shown)}
    upsert(connection, tables.cart, _MADE, list(made.values()))
    subtotals = lines_from_orders(transaction, {key: row.id for key, (row, _) in shown.items()})
    counts: dict[int, int] = defaultdict(int)
    for row in rows_where(connection, tables.cart_item, ("cart_id",), "cart_id", made):
        counts[row.cart_id] += 1
    mark = transaction.mark
    if made:
        connection.exec_driver_sql(
            f"UPDATE cart SET items_count = {mark}, base_subtotal = {mark} WHERE id = {mark}",
            [(counts[key], subtotals.get(key, shown[key][0].base_subtotal or 0), key) for key in sorted(made)],
        )
    for new in standings(transaction, made).values():
        transaction.deltas.carts(None, new.facts)
    return len(made)


def _made(transaction: Transaction, cart_key: int, order: Any, link: OrderLink) -> Row:
    return (
        cart_key,
        order.shop_id,
        origin_of(cart_key)[1],
        order.store_id,
        order.customer_id,
        order.email,
        order.firstname,
        order.lastname,
        order.name_key,
        order.email_key,
        order.is_guest,
        False,
        order.is_virtual,
        0,
        order.items_qty,
        0,
        order.base_currency,
        order.order_currency,
        _rate(order),
        order.base_subtotal or 0,
        order.billing_country,
        order.billing_region,
        order.billing_address,
        shipping_address_of(order.billing_address, order.shipping_address),
        order.shipping_method,
        order.increment_id,
        order.created_at,
        order.created_at,
        0,
        transaction.now,
        transaction.now,
        order.created_at,
        transaction.now,
        True,
        link.order_key,
        link.cancelled,
        PURCHASED,
    )


def _rate(order: Any) -> str:
    """About the factor from base to order currency: orders are mirrored without it."""
    if order.base_currency == order.order_currency or not order.base_grand_total:
        return "1"
    rate = units_to_money(order.grand_total) / units_to_money(order.base_grand_total)
    return format(rate.quantize(Decimal("0.0001")).normalize(), "f")
