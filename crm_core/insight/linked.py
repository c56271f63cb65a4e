"""The carts and orders of another record: those of a customer, the orders of a cart, the cart of an order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, case, select

from crm_core.insight.statuses import CANCELLED_STATE
from crm_core.insight.subtotals import told_subtotal
from crm_core.store.tables import cart, order


@dataclass(frozen=True)
class LinkedCart:
    """A cart of another record; `base_subtotal` is its lines in `base_currency`, without tax and discount."""

    key: int
    origin_id: int
    status: str
    items_qty: Decimal
    base_subtotal: Decimal
    base_currency: str
    updated_at: datetime
    gone_at: datetime | None

    @property
    def told_subtotal(self) -> Decimal | None:
        """The subtotal in the base currency; None where the shop never told the lines."""
        return told_subtotal(self.status, self.items_qty, self.base_subtotal)


@dataclass(frozen=True)
class LinkedOrder:
    """An order of another record; `grand_total` is in `currency`."""

    key: int
    increment_id: str
    state: str
    status: str
    items_qty: Decimal
    grand_total: Decimal
    currency: str
    created_at: datetime
    gone_at: datetime | None

    @property
    def is_cancelled(self) -> bool:
        """Whether it no longer counts as its cart's purchase."""
        return self.state == CANCELLED_STATE


def linked_carts(connection: Connection, which: ColumnElement[bool], most: int | None = None) -> tuple[LinkedCart, ...]:
    """The carts for which that is true, open ones first, then by when they changed last."""
    is_open = case((cart.c.status == "open", 0), else_=1)
    rows = connection.execute(
        select(cart).where(which).order_by(is_open, cart.c.updated_at.desc(), cart.c.id.desc()).limit(most)
    )
    return tuple(
        LinkedCart(
            key=row.id,
            origin_id=row.origin_id,
            status=row.status,
            items_qty=row.items_qty,
            base_subtotal=row.base_subtotal,
            base_currency=row.base_currency,
            updated_at=row.updated_at,
            gone_at=row.gone_at,
        )
        for row in rows
    )


def linked_orders(
    connection: Connection, which: ColumnElement[bool], most: int | None = None
) -> tuple[LinkedOrder, ...]:
    """The orders for which that is true, newest first."""
    rows = connection.execute(
        select(order).where(which).order_by(order.c.created_at.desc(), order.c.id.desc()).limit(most)
    )
    return tuple(
        LinkedOrder(
            key=row.id,
            increment_id=row.increment_id,
            state=row.state,
            status=row.status,
            items_qty=row.items_qty,
            grand_total=row.grand_total,
            currency=row.order_currency,
            created_at=row.created_at,
            gone_at=row.gone_at,
        )
        for row in rows
    )
