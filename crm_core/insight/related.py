"""What stands around a record: its customer, its addresses, what happened to it and its attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from crm_core.insight.alarms import Alarm, OrdersOfCart, orders_of_carts
from crm_core.insight.counts import Sum, sorted_sums
from crm_core.insight.names import full_name
from crm_core.insight.statuses import CANCELLED_STATE
from crm_core.store.documents import Address, Comment, decode_address, decode_addresses
from crm_core.store.keys import origin_of, record_key
from crm_core.store.search_keys import email_key
from crm_core.store.tables import attempt, customer, customer_group, order, record_event

_EVENTS_SHOWN = 200


@dataclass(frozen=True)
class CustomerFacts:
    """Who a cart or an order belongs to; `key` is None for a guest, `group` and addresses are then empty.

    `orders` and `value` are of the person's orders in this shop that are neither cancelled nor gone; a guest's are
    those that guests with the same e-mail address made. `value` is the totals less refunds, per base currency.
    """

    key: int | None
    name: str
    email: str | None
    group: str
    is_subscribed: bool | None
    addresses: tuple[Address, ...]
    gone_at: datetime | None
    orders: int
    value: tuple[Sum, ...]


@dataclass(frozen=True)
class TimelineEntry:
    """Something that happened; `person` is None where the shop or its customer did it. `text` is data, never markup."""

    at: datetime
    kind: str
    person: str | None
    text: str


@dataclass(frozen=True)
class AttemptLine:
    """A try to place the cart as an order, as the record shows it; amounts are in `currency`."""

    id: int
    state: str
    holds: bool
    person: str
    claimed_at: datetime
    settled_at: datetime | None
    lookup_until: datetime | None
    currency: str | None
    shown_grand_total: Decimal | None
    placed_grand_total: Decimal | None
    answer_status: int | None
    """HTTP status of the shop's answer; None: it gave none."""
    message: str | None
    order_key: int | None
    order_increment_id: str | None
    duration_ms: int | None
    reason: str | None
    """The code of the check that a refused or not placed one belongs to; None where no check tells."""
    alarm: Alarm | None
    """That the shop had several live orders of the cart."""


def customer_facts(connection: Connection, row: Any) -> CustomerFacts:
    """The customer of a cart's or an order's row; for a guest what the record itself says."""
    found = None
    if row.customer_id is not None:
        same_group = (customer_group.c.shop_id == customer.c.shop_id) & (
            customer_group.c.origin_id == customer.c.group_id
        )
        found = connection.execute(
            select(customer, customer_group.c.code.label("group"))
            .outerjoin_from(customer, customer_group, same_group)
            .where(customer.c.id == row.customer_id)
        ).one_or_none()
    orders, value = _bought(connection, row)
    if found is None:
        return CustomerFacts(
            key=None,
            name=full_name(row.firstname, row.lastname),
            email=row.email,
            group="",
            is_subscribed=None,
            addresses=(),
            gone_at=None,
            orders=orders,
            value=value,
        )
    return CustomerFacts(
        key=found.id,
        name=full_name(found.firstname, found.lastname),
        email=found.email,
        group=found.group or "",
        is_subscribed=found.is_subscribed,
        addresses=tuple(decode_addresses(found.addresses)),
        gone_at=found.gone_at,
        orders=orders,
        value=value,
    )


def _bought(connection: Connection, row: Any) -> tuple[int, tuple[Sum, ...]]:
    if row.customer_id is not None:
        theirs: ColumnElement[bool] = order.c.customer_id == row.customer_id
    elif row.email:
        same_address = (order.c.email_key == email_key(row.email)) & (func.lower(order.c.email) == row.email.lower())
        theirs = same_address & (order.c.shop_id == row.shop_id) & order.c.is_guest
    else:
        return 0, ()
    counted = connection.execute(
        select(
            order.c.base_currency,
            func.count().label("orders"),
            func.sum(order.c.base_grand_total).label("total"),
            func.sum(order.c.base_total_refunded).label("refunded"),
        )
        .where(theirs, order.c.gone_at.is_(None), order.c.state != CANCELLED_STATE)
        .group_by(order.c.base_currency)
    ).all()
    return sum(each.orders for each in counted), sorted_sums(
        {each.base_currency: each.total - (each.refunded or 0) for each in counted}
    )


def address_in(column: str | None) -> Address | None:
    """The address that a cart's or an order's row holds; None where the shop told none."""
    return decode_address(column) if column else None


def attempts_of(connection: Connection, cart_key: int) -> tuple[AttemptLine, ...]:
    """The tries to place the cart as an order, newest first."""
    shop_id, origin_id = origin_of(cart_key)
    rows = connection.execute(
        select(attempt)
        .where(attempt.c.shop_id == shop_id, attempt.c.cart_origin_id == origin_id)
        .order_by(attempt.c.id.desc())
    ).all()
    orders = OrdersOfCart()
    if any(row.alarm for row in rows):
        orders = orders_of_carts(connection, {cart_key}).get(cart_key, orders)
    return tuple(
        AttemptLine(
            id=row.id,
            state=row.state,
            holds=row.holds,
            person=row.person,
            claimed_at=row.claimed_at,
            settled_at=row.settled_at,
            lookup_until=row.lookup_until,
            currency=row.currency,
            shown_grand_total=row.shown_grand_total,
            placed_grand_total=row.placed_grand_total,
            answer_status=row.answer_status,
            message=row.message,
            order_key=None if row.order_origin_id is None else record_key(shop_id, row.order_origin_id),
            order_increment_id=row.order_increment_id,
            duration_ms=row.duration_ms,
            reason=row.reason,
            alarm=Alarm(orders) if row.alarm else None,
        )
        for row in rows
    )


def timeline(
    connection: Connection,
    entity: str,
    key: int,
    beginning: TimelineEntry,
    *,
    attempts: Sequence[AttemptLine] = (),
    comments: Sequence[Comment] = (),
) -> tuple[TimelineEntry, ...]:
    """What happened to the record, newest first: its events, attempts still under way, and the shop's comments.

    The outcome of an attempt is an event, and so is that it is not clear, so neither stands here a second time; nor
    does the `beginning` where an event of its kind tells of it. An alarm that no longer holds is told as "mended".
    """
    events = connection.execute(
        select(record_event.c.at, record_event.c.kind, record_event.c.person, record_event.c.text)
        .where(record_event.c.entity == entity, record_event.c.record_id == key)
        .order_by(record_event.c.at.desc(), record_event.c.id.desc())
        .limit(_EVENTS_SHOWN)
    )
    alarm = next((each.alarm for each in attempts if each.alarm), None)
    past = alarm.words if alarm and not alarm.holds else None
    entries = [
        TimelineEntry(row.at, "mended", row.person, past)
        if row.kind == "alarm" and past
        else TimelineEntry(row.at, row.kind, row.person, row.text)
        for row in events
    ]
    entries += [
        TimelineEntry(each.claimed_at, "placing", each.person, each.message or "Placing the order")
        for each in attempts
        if each.settled_at is None and each.state != "unclear"
    ]
    entries += [
        TimelineEntry(each.created_at, "comment", None, each.comment)
        for each in comments
        if each.created_at is not None and each.comment
    ]
    if all(each.kind != beginning.kind for each in entries):
        entries.append(beginning)
    return tuple(sorted(entries, key=lambda each: each.at, reverse=True))
