"""What keeps a cart from being ordered, as far as the store alone can tell: one sentence, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, and_, select

from crm_core.errors import not_in_store
from crm_core.sales.attempts import Attempt, holder_in
from crm_core.sales.decisions import status_reopened
from crm_core.sales.journal import changing
from crm_core.store.database import Store
from crm_core.store.tables import cart, customer, order
from crm_core.sync.cart_status import CLOSING, EXPIRED, LOST, PURCHASED
from crm_core.sync.channels import Channel, channel_of_store, unread


def why_not(store: Store, cart_key: int, *, despite_attempts: bool = False, for_change: bool = False) -> str | None:
    """Why no order can be placed for the cart now; None: one may be placed. Asks the store only, never the shop.

    With `despite_attempts` one that is under way is no reason. `for_change` asks why the cart can't be changed: then
    its lines are no reason, nor is a change under way. Raises NotFound for a cart that is not in the store.
    """
    with store.reading() as connection:
        row = connection.execute(
            with_buyer(
                select(cart, order.c.increment_id.label("order_number"))
                .outerjoin(order, order.c.id == cart.c.order_id)
                .where(cart.c.id == cart_key)
            )
        ).one_or_none()
        holder = None if despite_attempts else holder_in(connection, cart_key)
        changed = None if for_change else changing(connection, "cart", cart_key)
    if row is None:
        raise not_in_store("cart")
    return (
        _of_status(row)
        or (None if holder is None else " ".join(under_way(holder)))
        or changed
        or (None if for_change else _of_lines(row))
        or of_channel(
            channel_of_store(store, row.shop_id, row.store_id), "cart", "change carts" if for_change else "place orders"
        )
    )


def of_channel(channel: Channel | None, record: str, purpose: str) -> str | None:
    """Why nothing may be written to the shop for a "cart" or an "order" of the channel; `purpose` ends the sentence."""
    if channel is None:
        return " ".join(unread(f"this {record}'s store view"))
    if channel.paused_at is not None:
        return f"The channel “{channel.name}” is paused: {channel.paused_reason}"
    if not channel.allow_writes:
        return f"The channel “{channel.name}” is read-only. Choose “Allow placing orders” under Channels to {purpose}."
    return None


def under_way(holder: Attempt) -> tuple[str, str]:
    """Who holds the cart and since when, and what that means for the next person: two sentences."""
    since = age(holder.claimed_at)
    if holder.state == "placed":
        number = f" {holder.order_increment_id}" if holder.order_increment_id else ""
        return f"{holder.person} placed the order{number} {since}.", "It stands until that order is cancelled."
    if holder.state == "unclear":
        who = f"{holder.person} tried {since}, and the shop gave no clear answer."
        return who, "It is being asked for the order; wait for the outcome."
    return f"{holder.person} is placing the order (started {since}).", "Wait for the outcome."


def age(moment: datetime) -> str:
    """How long ago it was, in words that need no time zone."""
    seconds = int((datetime.now(UTC) - moment).total_seconds())
    if seconds < 60:
        return "just now"
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = seconds // length
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def with_buyer(carts: Select[Any]) -> Select[Any]:
    """The query of carts with one more column, `buyer_key`: who could order anew, as `to_order_anew` wants it."""
    is_there = and_(customer.c.id == cart.c.customer_id, customer.c.gone_at.is_(None))
    return carts.add_columns(customer.c.id.label("buyer_key")).outerjoin(customer, is_there)


def to_order_anew(customer_key: int | None) -> str:
    """The next step for a cart that can't become an order any more, in one sentence.

    `customer_key` is None for a guest, and for a customer whom the shop no longer has.
    """
    where = "in the list of carts" if customer_key is None else "on the customer's page"
    return f"To order the same, press New cart {where}."


def _of_status(row: Row[Any]) -> str | None:
    if row.status == PURCHASED:
        number = f": order {row.order_number}" if row.order_number else ""
        if row.order_cancelled:
            closed = "the shop has closed this cart" if row.gone_at is None else "the shop no longer has this cart"
            return f"Already ordered{number}. It was cancelled, and {closed}. {to_order_anew(row.buyer_key)}"
        return f"Already ordered{number}."
    if row.status == LOST:
        closed = _of_closed(row, status_reopened(row, datetime.now(UTC))) or "Reopen it first."
        return f"Marked lost by {row.lost_by}. {closed}"
    return _of_closed(row, row.status)


def _of_closed(row: Row[Any], status: str) -> str | None:
    """Why a cart that the shop closed can't be ordered, and what can be done; None: the shop has it open."""
    if status == CLOSING:
        if row.gone_at is not None:
            return "The shop no longer has this cart, and no order has come of it yet. Synchronise it in a few minutes."
        return "The shop has closed this cart, and no order has come yet. Synchronise it in a few minutes."
    if status == EXPIRED:
        why = "The shop has closed this cart without an order."
        if row.gone_at is not None:
            why = "The shop no longer has this cart."
        return f"{why} {to_order_anew(row.buyer_key)}"
    return None


def _of_lines(row: Row[Any]) -> str | None:
    if row.items_qty <= 0 or row.items_count <= 0:
        return "The cart is empty."
    if row.unavailable_count >= row.items_count:
        return "None of its lines can be ordered: the shop has disabled or deleted their products."
    return None
