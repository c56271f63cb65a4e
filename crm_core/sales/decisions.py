"""What a person decides about a cart: that it is lost, or that it is not. No sync ever changes a decision."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from crm_core.access.people import require_person
from crm_core.errors import BadInput, NotAllowed, not_in_store
from crm_core.sales.attempts import holder_in
from crm_core.store.database import Store
from crm_core.store.rollups import CartFacts, Deltas
from crm_core.store.tables import cart, record_event
from crm_core.store.types import instant_to_milliseconds, money_to_units
from crm_core.sync.cart_status import GRACE, LOST, OPEN, cart_status

LONGEST_REASON = 500


def mark_lost(store: Store, cart_key: int, reason: str, person: str) -> None:
    """The open cart is lost, with the person's reason, until someone reopens it or the shop sells it.

    Raises BadInput without a reason or with one of more than LONGEST_REASON characters, NotFound for an unknown cart,
    and NotAllowed, saying why, for a cart that is not open or for which an order is being placed.
    """
    reason = reason.strip()
    if not reason:
        raise BadInput("Say why the cart is lost.")
    if len(reason) > LONGEST_REASON:
        raise BadInput(f"The reason has {len(reason)} characters. Shorten it to {LONGEST_REASON}.")
    require_person(person)
    now = datetime.now(UTC)
    with store.writing() as connection:
        row = _locked(connection, cart_key)
        if row.status != OPEN:
            raise NotAllowed(f"Cart {row.origin_id} is {row.status}, not open, so it can't be marked lost.")
        under_way = holder_in(connection, cart_key)
        if under_way is not None and under_way.state != "placed":
            raise NotAllowed(f"{under_way.person} is placing an order for cart {row.origin_id}. Wait for its outcome.")
        decision = {"lost_at": now, "lost_by": person, "lost_reason": reason}
        _decide(connection, row, now, decision, kind="lost", person=person, text=f"Marked lost: {reason}")


def reopen(store: Store, cart_key: int, person: str) -> str:
    """The lost cart is not lost any more; returns its status, which is again what the shop says of it.

    It need not be open: the shop may have closed or deleted it meanwhile. Raises NotFound for an unknown cart and
    NotAllowed for one that is not lost.
    """
    require_person(person)
    now = datetime.now(UTC)
    with store.writing() as connection:
        row = _locked(connection, cart_key)
        if row.status != LOST:
            raise NotAllowed(f"Cart {row.origin_id} is {row.status}, not lost, so there is nothing to reopen.")
        decision = {"lost_at": None, "lost_by": None, "lost_reason": None}
        return _decide(connection, row, now, decision, kind="reopened", person=person, text="Reopened")


def status_reopened(row: Row[Any], now: datetime) -> str:
    """The status that the lost cart of that row would have if it were reopened `now`."""
    return _status_of(row, now, is_lost=False)[0]


def _locked(connection: Connection, cart_key: int) -> Row[Any]:
    row = connection.execute(select(cart).where(cart.c.id == cart_key).with_for_update()).one_or_none()
    if row is None:
        raise not_in_store("cart")
    return row


def _status_of(row: Row[Any], now: datetime, *, is_lost: bool) -> tuple[str, datetime | None]:
    """The cart's status if a person calls it lost or not, and since when it counts as closed without an order."""
    is_closed = row.gone_at is not None or not row.is_active
    closing_since = row.closing_since or (now if is_closed else None)
    status = cart_status(
        is_active=row.is_active,
        is_gone=row.gone_at is not None,
        order_cancelled=row.order_cancelled,
        is_lost=is_lost,
        is_grace_over=closing_since is not None and now - closing_since >= GRACE,
    )
    return status, closing_since


def _decide(
    connection: Connection, row: Row[Any], now: datetime, decision: dict[str, Any], *, kind: str, person: str, text: str
) -> str:
    """Write the decision, the status that follows, the rollups that count it and the timeline's entry."""
    status, closing_since = _status_of(row, now, is_lost=decision["lost_at"] is not None)
    connection.execute(
        update(cart)
        .where(cart.c.id == row.id)
        .values(status=status, activity_after_lost_at=None, closing_since=closing_since, **decision)
    )
    deltas = Deltas(connection.dialect.name)
    deltas.carts(_facts(row, row.status), _facts(row, status))
    deltas.apply(connection)
    connection.execute(
        insert(record_event).values(entity="cart", record_id=row.id, at=now, kind=kind, person=person, text=text)
    )
    return status


def _facts(row: Row[Any], status: str) -> CartFacts:
    return CartFacts(
        shop_id=row.shop_id,
        store_id=row.store_id,
        status=status,
        base_currency=row.base_currency,
        items_qty=money_to_units(row.items_qty),
        base_subtotal=money_to_units(row.base_subtotal),
        created_at=instant_to_milliseconds(row.created_at),
        updated_at=instant_to_milliseconds(row.updated_at),
    )
