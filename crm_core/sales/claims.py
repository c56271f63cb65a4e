"""The claim that lets only one person at a time try to place an order for a cart.

It is committed before anything is sent to the shop, and asked for again right before each write there: a process that
slept, or waited for a slow shop, beyond the claim's time sends nothing more, since others may order or change the cart
by then. While a write is under way the claim lasts for as long as its answer can take, so nobody meets it in the shop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, Table, and_, true, update
from sqlalchemy.dialects import postgresql, sqlite

from crm_core.sales.attempts import LOOKUP_SECONDS, Attempt, attempt_of, holder_in, tell
from crm_core.store.database import Store
from crm_core.store.keys import origin_of
from crm_core.store.tables import attempt

CLAIM_SECONDS = 60
"""How long a claim holds before anything is sent: then its process is gone, or its shop too slow to be waited for."""

_INSERT: dict[str, Callable[[Table], postgresql.Insert | sqlite.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


@dataclass(frozen=True)
class Terms:
    """What a person agreed to: the total in `currency`, the ways of shipping (None: nothing to send) and of paying."""

    currency: str
    grand_total: Decimal
    shipping_method: str | None
    payment_method: str


@dataclass(frozen=True)
class Held:
    """Nobody may claim the cart now: `by` holds it."""

    by: Attempt


def claim(store: Store, cart_key: int, channel_id: int, person: str, terms: Terms) -> Attempt | Held:
    """A new claim on the cart, committed; or the attempt that holds the cart already.

    A claim whose time is over is given up here.
    """
    shop_id, cart_origin_id = origin_of(cart_key)
    while True:
        now = datetime.now(UTC)
        with store.writing() as connection:
            _give_up_stale(
                connection, now, and_(attempt.c.shop_id == shop_id, attempt.c.cart_origin_id == cart_origin_id)
            )
            row = connection.execute(
                _INSERT[store.dialect_name](attempt)
                .values(
                    shop_id=shop_id,
                    cart_origin_id=cart_origin_id,
                    channel_id=channel_id,
                    person=person,
                    state="claimed",
                    holds=True,
                    claimed_at=now,
                    held_until=now + timedelta(seconds=CLAIM_SECONDS),
                    lookups=0,
                    currency=terms.currency,
                    shown_grand_total=terms.grand_total,
                    shipping_method=terms.shipping_method,
                    payment_method=terms.payment_method,
                )
                .on_conflict_do_nothing()
                .returning(*attempt.c)
            ).one_or_none()
            if row is not None:
                return attempt_of(row)
            holder = holder_in(connection, cart_key)
            if holder is not None:
                return Held(holder)
        # the holder let go between the two statements: try again


def keep(store: Store, attempt_id: int, answer_within: float) -> bool:
    """Whether the claim is still ours; nobody else gets it for so many seconds then: what a write to the cart takes.

    For no less than a claim holds anyway: the shop is read after the write, too.
    """
    with store.writing() as connection:
        now = datetime.now(UTC)
        kept = connection.execute(
            update(attempt)
            .where(_is_ours(attempt_id, now))
            .values(held_until=now + timedelta(seconds=max(answer_within, CLAIM_SECONDS)))
        )
        return kept.rowcount == 1


def mark_sent(store: Store, attempt_id: int, last_order_before: int, answer_within: float) -> bool:
    """Whether the claim is still ours and now counts as sent; only then may the order be sent, and only once.

    `answer_within` is the number of seconds in which the shop's answer comes, or never.
    """
    with store.writing() as connection:
        now = datetime.now(UTC)
        moved = connection.execute(
            update(attempt)
            .where(_is_ours(attempt_id, now))
            .values(
                state="sent",
                sent_at=now,
                last_order_before=last_order_before,
                lookup_until=now + timedelta(seconds=answer_within + LOOKUP_SECONDS),
            )
        )
        return moved.rowcount == 1


def give_up_stale(store: Store) -> None:
    """Claims whose time is over without anything sent hold nothing any more."""
    with store.writing() as connection:
        _give_up_stale(connection, datetime.now(UTC), true())


def _is_ours(attempt_id: int, now: datetime) -> ColumnElement[bool]:
    """Not beyond its time, also if nobody took it: whoever came to change the cart since then saw nobody at it."""
    return and_(attempt.c.id == attempt_id, attempt.c.state == "claimed", attempt.c.holds, attempt.c.held_until >= now)


def _give_up_stale(connection: Connection, now: datetime, which: ColumnElement[bool]) -> None:
    message = "It stopped before anything was ordered."
    rows = connection.execute(
        update(attempt)
        .where(which, attempt.c.holds, attempt.c.state == "claimed", attempt.c.held_until < now)
        .values(state="not_placed", holds=False, settled_at=now, message=message)
        .returning(*attempt.c)
    ).all()
    for row in rows:
        tell(connection, attempt_of(row), "not_placed", now, message)
