"""Checks of the cart as a whole: its channel, other people, whether it is open, ordered, gone, lost or restored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from crm_core.magento.payloads import Order
from crm_core.sales.obstacles import age, to_order_anew, under_way
from crm_core.sales.preflight.check import Check, Code, Figure, Fix, FixKind, Verdict, passes, untold
from crm_core.sales.preflight.reading import Reading
from crm_core.sales.preflight.standing import Standing
from crm_core.sales.shops import is_live, order_numbers
from crm_core.store.keys import origin_of, record_key
from crm_core.sync.cart_status import LOST
from crm_core.sync.channels import unread

_STALE = timedelta(minutes=15)


def desk_checks(known: Standing) -> list[Check]:
    """What the desk itself says: the channel, and another attempt under way. Asks the shop nothing."""
    return [_channel(known), *_attempt(known), *_lost(known)]


def cart_checks(known: Standing, reading: Reading) -> list[Check]:
    """Whether the shop has the cart, open and not ordered yet."""
    if reading.cart.trouble is not None:
        return [untold(Code.SHOP, "The cart", reading.cart.trouble)]
    orders = reading.orders.value or []
    live = [order for order in orders if is_live(order)]
    cart = reading.cart.value
    if live:
        return [_ordered(known, live)]
    if cart is None:
        return [
            Check(
                Code.CART,
                Verdict.FAIL,
                "The shop no longer has this cart",
                f"It was deleted there. {to_order_anew(known.row.buyer_key)}",
            )
        ]
    if not cart.is_active:
        return [_closed(known, orders, cart.reserved_order_id)]
    if reading.orders.is_told and _lost_its_order(known, orders):
        return [_order_deleted(known)]
    checks = [passes(Code.CART, "The cart is open in the shop")]
    if reading.orders.trouble is not None:
        checks.append(untold(Code.RESTORED, "Whether it was ordered before", reading.orders.trouble))
    elif orders:
        checks.append(
            Check(
                Code.RESTORED,
                Verdict.LOOK,
                f"Restored after a cancelled order: {order_numbers(orders)}",
                "The shop would order it again. Ask the customer whether that is wanted.",
                fixes=tuple(_open_orders(known, orders)),
            )
        )
    else:
        checks.append(passes(Code.RESTORED, "Not ordered before"))
    return checks


def _channel(known: Standing) -> Check:
    channel = known.channel
    if channel is None:
        title, what_now = unread("this cart's store view")
        return Check(Code.CHANNEL, Verdict.FAIL, title.removesuffix("."), what_now)
    fix = (Fix(FixKind.OPEN_CHANNEL, "Open the channel", {"channel_id": channel.id}),)
    if channel.paused_at is not None:
        title = f"The channel “{channel.name}” is paused"
        return Check(Code.CHANNEL, Verdict.FAIL, title, channel.paused_reason or "", fixes=fix)
    if not channel.allow_writes:
        title = f"The channel “{channel.name}” is read-only"
        return Check(Code.CHANNEL, Verdict.FAIL, title, "Choose “Allow placing orders” under Channels.", fixes=fix)
    late = max(_STALE, timedelta(seconds=3 * channel.every_seconds))
    if known.last_read_at is None or datetime.now(UTC) - known.last_read_at > late:
        when = "never" if known.last_read_at is None else age(known.last_read_at)
        return Check(
            Code.CHANNEL,
            Verdict.LOOK,
            f"The channel “{channel.name}” is behind",
            f"Its carts were last in step with the shop: {when}. This cart was read just now.",
            fixes=fix,
        )
    return passes(Code.CHANNEL, f"The channel “{channel.name}” may write, and is in step")


def _attempt(known: Standing) -> list[Check]:
    holder = known.holder
    if holder is None and known.changing is not None:
        again = Fix(FixKind.TRY_AGAIN, "Check again")
        return [Check(Code.ATTEMPT, Verdict.FAIL, "Somebody is changing it", known.changing, fixes=(again,))]
    if holder is None:
        return [passes(Code.ATTEMPT, "Nobody else is placing or changing it")]
    fixes = []
    if holder.order_key is not None and holder.order_increment_id is not None:
        fixes.append(_open_order(holder.order_key, holder.order_increment_id))
    who, what_now = under_way(holder)
    return [Check(Code.ATTEMPT, Verdict.FAIL, who.removesuffix("."), what_now, fixes=tuple(fixes))]


def _lost(known: Standing) -> list[Check]:
    if known.row.status != LOST:
        return []
    return [
        Check(
            Code.CART,
            Verdict.FAIL,
            f"Marked lost by {known.row.lost_by}",
            known.row.lost_reason or "",
            fixes=(Fix(FixKind.REOPEN, "Reopen it"),),
        )
    ]


def _ordered(known: Standing, live: list[Order]) -> Check:
    return Check(
        Code.CART,
        Verdict.FAIL,
        f"Already ordered: {order_numbers(live)}",
        "A second order would send the same things twice.",
        fixes=tuple(_open_orders(known, live)),
    )


def _lost_its_order(known: Standing, orders: list[Order]) -> bool:
    """Whether the desk knows an order of the cart that stands, and the shop has it no longer."""
    key = known.row.order_id
    is_known = key is not None and not known.row.order_cancelled
    return is_known and origin_of(key)[1] not in {order.entity_id for order in orders}


def _order_deleted(known: Standing) -> Check:
    return Check(
        Code.CART,
        Verdict.FAIL,
        "Already ordered, and the shop has deleted the order",
        f"What was sold stays sold here. {to_order_anew(known.row.buyer_key)}",
        fixes=(_open_order(known.row.order_id, None),),
    )


def _closed(known: Standing, orders: list[Order], reserved: str | None) -> Check:
    if orders:
        detail = f"Its order {order_numbers(orders)} was cancelled."
    elif reserved:
        detail = f"It has the number {reserved} reserved for an order, but there is no such order of it."
    else:
        detail = "No order came of it."
    figures = (Figure("Reserved number", reserved),) if reserved else ()
    return Check(
        Code.CART,
        Verdict.FAIL,
        "The cart is closed in the shop",
        f"{detail} {to_order_anew(known.row.buyer_key)}",
        figures=figures,
        fixes=tuple(_open_orders(known, orders)),
    )


def _open_orders(known: Standing, orders: Iterable[Order]) -> Iterable[Fix]:
    for order in orders:
        yield _open_order(record_key(known.row.shop_id, order.entity_id), order.increment_id)


def _open_order(key: int, number: str | None) -> Fix:
    label = f"Open order {number}" if number else "Open the order"
    return Fix(FixKind.OPEN_ORDER, label, {"order_key": key, "increment_id": number})
