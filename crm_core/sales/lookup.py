"""Finding out what became of an order: by the orders that the shop has for the cart, never by sending again."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from crm_core.errors import DeskError
from crm_core.insight.alarms import Alarm, OrdersOfCart, orders_of_carts
from crm_core.sales import attempts
from crm_core.sales.attempts import Attempt
from crm_core.sales.outcomes import placed_message
from crm_core.sales.preflight.check import Code
from crm_core.sales.shops import channel_of_cart, is_live
from crm_core.store.database import Store
from crm_core.store.tables import order
from crm_core.sync.channels import OpenShop, opened
from crm_core.sync.record import synchronise_cart

logger = logging.getLogger(__name__)

_WATCHED = timedelta(days=1)
"""How long after a placed order another one of its cart is an alarm."""


def look_up(store: Store, shop: OpenShop, about: Attempt) -> bool:
    """Whether the shop was found to have the order of a sent or unclear attempt; then the attempt is placed.

    Only an order later than the last one before the attempt can be its. Raises what the client raises.
    """
    orders = shop.magento.orders_of_cart(about.cart_origin_id)
    later = [each for each in orders if each.entity_id > about.last_order_before]
    if not later:
        return False
    live = [each for each in later if is_live(each)]
    ours = (live or later)[0]
    attempts.mark_placed(store, about.id, ours.entity_id, None, "The order was found in the shop.")
    return True


def read_back(store: Store, attempt_id: int) -> bool:
    """Whether the order of a placed attempt is mirrored now, and its number and total are kept with the attempt.

    A shop that can't be read now changes nothing: `settle` comes back to it. Nothing is written in the shop, where the
    cart may have been restored meanwhile.
    """
    placed = attempts.attempt_by_id(store, attempt_id)
    if placed is None or placed.order_key is None or placed.placed_grand_total is not None:
        return False
    try:
        synchronise_cart(store, placed.cart_key, placed.person, totals=False)
        found = _mirrored(store, placed)
        if found is not None:
            attempts.mark_read_back(store, found, placed_message(found))
        raise_alarms(store)
    except DeskError as trouble:
        logger.warning("The order of attempt %d is placed but could not be read back: %s", attempt_id, trouble)
        return False
    return found is not None


def raise_alarms(store: Store) -> None:
    """Who placed an order of a cart that has several live ones is told, on the attempt and on the cart's timeline.

    The shop made another at the same moment, for its customer or its own people. Asks the store only: the mirror holds
    what reading back and the sync have found, whichever comes first.
    """
    watched = attempts.unalarmed(store, datetime.now(UTC) - _WATCHED)
    if not watched:
        return
    with store.reading() as connection:
        orders = orders_of_carts(connection, {each.cart_key for each in watched})
    for each in watched:
        alarm = Alarm(orders.get(each.cart_key, OrdersOfCart()))
        if alarm.holds:
            attempts.raise_alarm(store, each, alarm.words)


def settle_one(store: Store, due: Attempt) -> bool:
    """Whether the attempt's outcome is known now. Raises what the client and the synchronisation raise."""
    if due.state == "placed":
        return read_back(store, due.id)
    with opened(store, channel_of_cart(store, due.cart_key)) as shop:
        is_found = look_up(store, shop, due)
    if is_found:
        read_back(store, due.id)
        return True
    now = datetime.now(UTC)
    if due.lookup_until is not None and now >= due.lookup_until:
        times = "once" if not due.lookups else f"{due.lookups + 1} times"
        return attempts.mark_failed(
            store,
            due.id,
            "not_placed",
            f"The shop was asked {times} until {now:%H:%M} UTC and has no order for this cart, so nothing was placed.",
            reason=Code.SHOP,
            only_from=("sent", "unclear"),
        )
    return False


def _mirrored(store: Store, placed: Attempt) -> Attempt | None:
    """The attempt with its order's number and total, if the mirror has the order."""
    if placed.order_key is None:
        return None
    with store.reading() as connection:
        row = connection.execute(
            select(order.c.increment_id, order.c.grand_total).where(order.c.id == placed.order_key)
        ).one_or_none()
    if row is None:
        return None
    return replace(placed, order_increment_id=row.increment_id, placed_grand_total=row.grand_total)
