"""Attempts to place an order: what became of each, from the claim (`crm_core.sales.claims`) to its end.

An attempt's states, and who may move it::

    claimed ─┬─> sent ─┬─> placed                       the shop answered with the order, or it was found there
             │         ├─> refused                      the shop answered no
             │         └─> unclear ─┬─> placed          no clear answer came; the order was found later
             │                      └─> not_placed      the shop was asked long enough and has none
             ├─> refused                                the shop said no to the shipping or the address
             └─> not_placed                             stopped before anything was ordered

Every move is one conditional update, so of two processes that want to move the same attempt one does, and a claim that
was given up can no longer be sent. `holds` is true while nobody else may place: the unique index uq_attempt_holds lets
the database refuse the second claim on (shop, cart), also from another process, machine or channel of the shop.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, or_, select, tuple_, update

from crm_core.insight.statuses import CANCELLED_STATE
from crm_core.sales.preflight.check import Code
from crm_core.store.database import Store
from crm_core.store.keys import origin_of, record_key
from crm_core.store.tables import attempt, order, record_event

LOOKUP_SECONDS = 180
"""How long the shop is asked for an order after no clear answer came."""

_UNDER_WAY = ("sent", "unclear")
_LONGEST_MS = 2**31 - 1


@dataclass(frozen=True)
class Attempt:
    """One try to place an order for a cart. Amounts are in `currency`, times in UTC."""

    id: int
    shop_id: int
    cart_key: int
    channel_id: int
    person: str
    state: str
    holds: bool
    claimed_at: datetime
    held_until: datetime | None
    """When a claim that was not sent by then stops to hold the cart."""
    sent_at: datetime | None
    settled_at: datetime | None
    lookup_until: datetime | None
    last_order_before: int
    lookups: int
    looked_up_at: datetime | None
    currency: str
    shown_grand_total: Decimal
    placed_grand_total: Decimal | None
    shipping_method: str | None
    payment_method: str
    answer_status: int | None
    message: str | None
    order_key: int | None
    order_increment_id: str | None
    duration_ms: int | None
    reason: str | None
    """The Code of the check that a refused or not placed one belongs to; None where no check tells."""
    alarm: str | None
    """What a person must mend in the shop: it has several live orders for the cart."""

    @property
    def cart_origin_id(self) -> int:
        """The cart's id in the shop."""
        return origin_of(self.cart_key)[1]

    def is_dead(self, now: datetime) -> bool:
        """Whether it was claimed so long ago without being sent that it counts for nothing any more."""
        return self.state == "claimed" and self.held_until is not None and now > self.held_until


def holder(store: Store, cart_key: int) -> Attempt | None:
    """The attempt that holds the cart: under way, unclear, or placed with an order that is not cancelled."""
    with store.reading() as connection:
        return holder_in(connection, cart_key)


def attempt_by_id(store: Store, attempt_id: int) -> Attempt | None:
    """The attempt, as it stands now."""
    with store.reading() as connection:
        row = connection.execute(select(attempt).where(attempt.c.id == attempt_id)).one_or_none()
    return None if row is None else attempt_of(row)


def unsettled(store: Store, cart_keys: Collection[int] | None = None) -> list[Attempt]:
    """Attempts whose outcome someone must find out: sent or unclear, and placed ones whose order was not read back.

    Those for the carts with these keys; None: for all carts.
    """
    is_open = or_(
        attempt.c.state.in_(_UNDER_WAY), and_(attempt.c.state == "placed", attempt.c.placed_grand_total.is_(None))
    )
    query = select(attempt).where(is_open).order_by(attempt.c.id)
    if cart_keys is not None:
        carts = [origin_of(key) for key in cart_keys]
        query = query.where(tuple_(attempt.c.shop_id, attempt.c.cart_origin_id).in_(carts))
    with store.reading() as connection:
        rows = connection.execute(query).all()
    return [attempt_of(row) for row in rows]


def mark_unclear(store: Store, attempt_id: int, message: str) -> None:
    """No clear answer came: the shop is asked for the order during the next LOOKUP_SECONDS."""
    now = datetime.now(UTC)
    with store.writing() as connection:
        moved = connection.execute(
            update(attempt)
            .where(attempt.c.id == attempt_id, attempt.c.state == "sent")
            .values(state="unclear", message=message, lookup_until=now + timedelta(seconds=LOOKUP_SECONDS))
            .returning(*attempt.c)
        ).one_or_none()
        if moved is not None:
            tell(connection, attempt_of(moved), "unclear", now, message)


def mark_placed(store: Store, attempt_id: int, order_origin_id: int, answer_status: int | None, message: str) -> None:
    """The attempt made this order: it holds the cart until the order is cancelled.

    An answer that comes after the attempt was given up still counts, but no longer holds the cart. The cart's timeline
    raises an alarm if someone else holds it by then, or if another order was found for this attempt before.
    """
    now = datetime.now(UTC)
    with store.writing() as connection:
        row = connection.execute(select(attempt).where(attempt.c.id == attempt_id).with_for_update()).one()
        if row.order_origin_id == order_origin_id:
            return
        found = attempt_of(row)
        other = holder_in(connection, found.cart_key)
        if row.order_origin_id is not None or (other is not None and other.id != attempt_id):
            text = f"The shop has another order for this cart, too (id {order_origin_id}). Cancel one of them there."
            _raise_alarm(connection, found, text)
        if row.order_origin_id is not None:
            return
        connection.execute(
            update(attempt)
            .where(attempt.c.id == attempt_id)
            .values(
                state="placed",
                order_origin_id=order_origin_id,
                answer_status=answer_status,
                message=message,
                settled_at=now,
                duration_ms=_milliseconds(now - found.claimed_at),
            )
        )


def mark_read_back(store: Store, placed: Attempt, text: str) -> None:
    """The mirrored order is that of a placed attempt: number, total and person are kept, the timelines tell `text`.

    An order that was cancelled in the shop meanwhile does not hold the cart.
    """
    now = datetime.now(UTC)
    with store.writing() as connection:
        # The order before the attempt, as a sync that sees the order cancelled locks them.
        mirrored = connection.execute(
            update(order)
            .where(order.c.id == placed.order_key)
            .values(placed_by=placed.person)
            .returning(order.c.increment_id, order.c.grand_total, order.c.state)
        ).one_or_none()
        if mirrored is None:
            return
        row = connection.execute(
            update(attempt)
            .where(attempt.c.id == placed.id, attempt.c.state == "placed", attempt.c.placed_grand_total.is_(None))
            .values(
                order_increment_id=mirrored.increment_id,
                placed_grand_total=mirrored.grand_total,
                holds=attempt.c.holds if mirrored.state != CANCELLED_STATE else False,
            )
            .returning(*attempt.c)
        ).one_or_none()
        if row is not None:
            tell(connection, attempt_of(row), "placed", now, text)
            tell(connection, attempt_of(row), "placed", now, text, entity="order")


def mark_failed(
    store: Store,
    attempt_id: int,
    state: str,
    message: str,
    *,
    reason: Code | None = None,
    answer_status: int | None = None,
    only_from: Sequence[str] = ("claimed", "sent"),
) -> bool:
    """Whether the attempt ended here without an order, as `state` (refused or not_placed); it lets go of the cart.

    `reason` is kept for counting: which check the attempt failed at.
    """
    now = datetime.now(UTC)
    with store.writing() as connection:
        row = connection.execute(
            update(attempt)
            .where(attempt.c.id == attempt_id, attempt.c.state.in_(only_from))
            .values(
                state=state,
                holds=False,
                message=message,
                reason=reason,
                answer_status=answer_status,
                settled_at=now,
            )
            .returning(*attempt.c)
        ).one_or_none()
        if row is None:
            return False
        found = attempt_of(row)
        connection.execute(
            update(attempt).where(attempt.c.id == attempt_id).values(duration_ms=_milliseconds(now - found.claimed_at))
        )
        tell(connection, found, state, now, message)
        return True


def note_reason(store: Store, attempt_id: int, reason: Code) -> None:
    """The attempt failed at that check, as was found out after it had ended."""
    with store.writing() as connection:
        connection.execute(update(attempt).where(attempt.c.id == attempt_id).values(reason=reason))


def unalarmed(store: Store, since: datetime) -> list[Attempt]:
    """Attempts placed since then whose order stands, and that no alarm was raised about."""
    with store.reading() as connection:
        rows = connection.execute(
            select(attempt)
            .where(
                attempt.c.holds,
                attempt.c.state == "placed",
                attempt.c.alarm.is_(None),
                attempt.c.settled_at > since,
            )
            .order_by(attempt.c.id)
        ).all()
    return [attempt_of(row) for row in rows]


def raise_alarm(store: Store, about: Attempt, text: str) -> None:
    """The attempt and its cart's timeline tell of something that a person must mend in the shop; the first stands."""
    with store.writing() as connection:
        _raise_alarm(connection, about, text)


def take_lookup(store: Store, due: Attempt) -> bool:
    """Whether this process asks the shop for the order now; another one that wants the same look-up does not."""
    now = datetime.now(UTC)
    unchanged = (
        attempt.c.looked_up_at.is_(None) if due.looked_up_at is None else attempt.c.looked_up_at == due.looked_up_at
    )
    with store.writing() as connection:
        moved = connection.execute(
            update(attempt)
            .where(attempt.c.id == due.id, attempt.c.state == due.state, unchanged)
            .values(looked_up_at=now, lookups=attempt.c.lookups + 1)
        )
        return moved.rowcount == 1


def holder_in(connection: Connection, cart_key: int) -> Attempt | None:
    """The attempt that holds the cart, as this transaction sees it; a dead claim holds nothing."""
    shop_id, cart_origin_id = origin_of(cart_key)
    row = connection.execute(
        select(attempt).where(attempt.c.shop_id == shop_id, attempt.c.cart_origin_id == cart_origin_id, attempt.c.holds)
    ).one_or_none()
    found = None if row is None else attempt_of(row)
    return None if found is not None and found.is_dead(datetime.now(UTC)) else found


def _raise_alarm(connection: Connection, about: Attempt, text: str) -> None:
    moved = connection.execute(
        update(attempt).where(attempt.c.id == about.id, attempt.c.alarm.is_(None)).values(alarm=text)
    )
    if moved.rowcount == 1:
        tell(connection, about, "alarm", datetime.now(UTC), text)


def tell(connection: Connection, about: Attempt, kind: str, at: datetime, text: str, *, entity: str = "cart") -> None:
    """The timeline of the attempt's cart, or of its order, says so."""
    connection.execute(
        insert(record_event).values(
            entity=entity,
            record_id=about.order_key if entity == "order" else about.cart_key,
            at=at,
            kind=kind,
            person=about.person,
            text=text,
        )
    )


def _milliseconds(span: timedelta) -> int:
    return min(span // timedelta(milliseconds=1), _LONGEST_MS)


def attempt_of(row: Row[Any]) -> Attempt:
    """The attempt of a row with all columns of its table."""
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    order_id = values["order_origin_id"]
    return Attempt(
        id=values["id"],
        shop_id=values["shop_id"],
        cart_key=record_key(values["shop_id"], values["cart_origin_id"]),
        channel_id=values["channel_id"],
        person=values["person"],
        state=values["state"],
        holds=values["holds"],
        claimed_at=values["claimed_at"],
        held_until=values["held_until"],
        sent_at=values["sent_at"],
        settled_at=values["settled_at"],
        lookup_until=values["lookup_until"],
        last_order_before=values["last_order_before"] or 0,
        lookups=values["lookups"],
        looked_up_at=values["looked_up_at"],
        currency=values["currency"],
        shown_grand_total=values["shown_grand_total"],
        placed_grand_total=values["placed_grand_total"],
        shipping_method=values["shipping_method"],
        payment_method=values["payment_method"],
        answer_status=values["answer_status"],
        message=values["message"],
        order_key=None if order_id is None else record_key(values["shop_id"], order_id),
        order_increment_id=values["order_increment_id"],
        duration_ms=values["duration_ms"],
        reason=values["reason"],
        alarm=values["alarm"],
    )
