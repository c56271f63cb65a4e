"""What the grid of customers shows of each: who they are, and what they have bought and have in carts.

Orders and carts are counted for the rows of one page, by their customer: these columns cannot be sorted by.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, func, select

from crm_core.insight.counts import Sum, sorted_sums
from crm_core.insight.directory import Directory
from crm_core.insight.names import full_name
from crm_core.insight.statuses import CANCELLED_STATE
from crm_core.store.documents import Address, decode_addresses
from crm_core.store.tables import cart, customer, order


@dataclass(frozen=True)
class CustomerRow:
    """A customer in the grid; country, region and city are those of the default billing address.

    `orders` and `value` are of the orders that are neither cancelled nor gone: their totals less refunds, per base
    currency. `open_carts` are open ones with items. `is_subscribed` is None where the shop does not say.
    """

    key: int
    origin_id: int
    channel: str
    website: str
    group: str
    firstname: str
    lastname: str
    email: str
    is_subscribed: bool | None
    created_at: datetime
    updated_at: datetime
    gone_at: datetime | None
    country: str | None
    region: str | None
    city: str | None
    orders: int
    value: tuple[Sum, ...]
    open_carts: int

    @property
    def name(self) -> str:
        """First and last name; empty where the shop has none."""
        return full_name(self.firstname, self.lastname)


@dataclass(frozen=True)
class Bought:
    """What a customer's orders that are neither cancelled nor gone come to, per base currency, less refunds."""

    orders: int = 0
    value: tuple[Sum, ...] = ()
    average: tuple[Sum, ...] = ()
    last_at: datetime | None = None


def read_customers(connection: Connection, keys: Sequence[int], names: Directory) -> list[CustomerRow]:
    """The rows of these keys in their order."""
    bought = bought_by(connection, keys)
    carts = _open_carts(connection, keys)
    rows = {row.id: row for row in connection.execute(select(customer).where(customer.c.id.in_(keys)))}
    found = []
    for row in (rows[key] for key in keys if key in rows):
        channel = names.channel_of_website(row.shop_id, row.website_id)
        theirs = bought.get(row.id, Bought())
        billing = billing_address(decode_addresses(row.addresses))
        found.append(
            CustomerRow(
                key=row.id,
                origin_id=row.origin_id,
                channel=channel.name if channel else "",
                website=names.name_of_website(row.shop_id, row.website_id),
                group=names.group_name(row.shop_id, row.group_id),
                firstname=row.firstname,
                lastname=row.lastname,
                email=row.email,
                is_subscribed=row.is_subscribed,
                created_at=row.created_at,
                updated_at=row.updated_at,
                gone_at=row.gone_at,
                country=row.billing_country,
                region=row.billing_region,
                city=billing.city if billing else None,
                orders=theirs.orders,
                value=theirs.value,
                open_carts=carts.get(row.id, 0),
            )
        )
    return found


def bought_by(connection: Connection, keys: Collection[int]) -> dict[int, Bought]:
    """What each of these customers bought; those who bought nothing are left out."""
    rows = connection.execute(
        select(
            order.c.customer_id,
            order.c.base_currency,
            func.count().label("orders"),
            func.sum(order.c.base_grand_total).label("total"),
            func.sum(order.c.base_total_refunded).label("refunded"),
            func.max(order.c.created_at).label("last_at"),
        )
        .where(order.c.customer_id.in_(keys), order.c.gone_at.is_(None), order.c.state != CANCELLED_STATE)
        .group_by(order.c.customer_id, order.c.base_currency)
    ).all()
    found = {}
    for key in {row.customer_id for row in rows}:
        theirs = [row for row in rows if row.customer_id == key]
        value = {row.base_currency: row.total - (row.refunded or Decimal(0)) for row in theirs}
        average = {row.base_currency: value[row.base_currency] / row.orders for row in theirs}
        found[key] = Bought(
            orders=sum(row.orders for row in theirs),
            value=sorted_sums(value),
            average=tuple(Sum(each.currency, average[each.currency]) for each in sorted_sums(value)),
            last_at=max(row.last_at for row in theirs),
        )
    return found


def billing_address(addresses: Sequence[Address]) -> Address | None:
    """The default billing address, else the first one; None without any."""
    return next((each for each in addresses if each.is_default_billing), addresses[0] if addresses else None)


def _open_carts(connection: Connection, keys: Collection[int]) -> dict[int, int]:
    rows = connection.execute(
        select(cart.c.customer_id, func.count().label("carts"))
        .where(cart.c.customer_id.in_(keys), cart.c.status == "open", cart.c.items_qty > 0)
        .group_by(cart.c.customer_id)
    )
    return {row.customer_id: row.carts for row in rows}
