"""The alarm about several orders of one cart: what it says by what the mirror holds now, on every screen that shows it.

An attempt keeps that it was raised. Whether it still holds is told by the orders that the desk has read since: whoever
obeyed an alarm whose second order was cancelled meanwhile would cancel the only one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from crm_core.insight.statuses import CANCELLED_STATE
from crm_core.store.tables import order


@dataclass(frozen=True)
class OrdersOfCart:
    """The orders of a cart that the desk has read: how many, and the numbers of those neither cancelled nor gone."""

    read: int = 0
    live: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alarm:
    """An alarm that an attempt raised, as it stands now."""

    orders: OrdersOfCart

    @property
    def holds(self) -> bool:
        """Whether a person must mend something in the shop: several orders of the cart still live."""
        return len(self.orders.live) > 1

    @property
    def words(self) -> str:
        """What there is to do, or that there is nothing to do any more."""
        if self.holds:
            return (
                f"The shop has {len(self.orders.live)} live orders of this cart: {', '.join(self.orders.live)}. Cancel "
                "all but one, with Actions on the order's page or in Magento."
            )
        if self.orders.read < 2:
            return (
                "The shop may have a second order of this cart that is not read yet. Synchronise the cart before you "
                "cancel one."
            )
        left = f"Only order {self.orders.live[0]} is" if self.orders.live else "None of them is"
        return f"The shop had several live orders of this cart. {left} live now, as far as is known: nothing to cancel."


def orders_of_carts(connection: Connection, cart_keys: Collection[int]) -> dict[int, OrdersOfCart]:
    """The orders of the carts with these keys, oldest first; a cart without any is left out."""
    if not cart_keys:
        return {}
    found: dict[int, OrdersOfCart] = {}
    for row in connection.execute(
        select(order.c.cart_id, order.c.increment_id, order.c.state, order.c.gone_at)
        .where(order.c.cart_id.in_(cart_keys))
        .order_by(order.c.id)
    ):
        before = found.get(row.cart_id, OrdersOfCart())
        is_live = row.state != CANCELLED_STATE and row.gone_at is None
        found[row.cart_id] = OrdersOfCart(before.read + 1, (*before.live, row.increment_id) if is_live else before.live)
    return found
