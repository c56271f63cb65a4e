"""What came of an attempt to place an order: the one of five outcomes that a person is shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select

from crm_core.errors import NotAllowed, NotFound, StoreUnusable
from crm_core.insight.amounts import price, reads_alike
from crm_core.sales import attempts
from crm_core.sales.attempts import Attempt
from crm_core.sales.obstacles import under_way
from crm_core.sales.offer import Offer
from crm_core.sales.preflight.check import Check
from crm_core.sales.preflight.run import Preflight
from crm_core.sales.shops import channel_of_cart
from crm_core.store.database import Store
from crm_core.store.tables import cart, order
from crm_core.sync.cart_status import PURCHASED


@dataclass(frozen=True)
class Placed:
    """The shop has the order. Amounts in `currency`."""

    attempt_id: int
    order_key: int
    increment_id: str | None
    """None: the order could not be read yet; it is read as soon as the shop answers."""
    grand_total: Decimal | None
    agreed_grand_total: Decimal
    currency: str
    message: str
    alarm: str | None = None
    """What a person must mend in the shop now: it has several live orders of the cart."""

    @property
    def differs(self) -> bool:
        """Whether the order holds another total than the person agreed to."""
        total = self.grand_total
        return total is not None and not reads_alike(total, self.agreed_grand_total, self.currency)


@dataclass(frozen=True)
class Refused:
    """Nothing was placed and the cart is free again. `message` is the shop's, with its parameters filled in."""

    attempt_id: int
    message: str
    status: int | None = None
    """The shop's HTTP status; None: the desk itself stopped, or the shop gave no answer."""
    check: Check | None = None
    """The check that should have said so, as it stands after the refusal; None: none explains it."""
    after: Preflight | None = None
    """The preflight made after the shop's refusal; None where none could be made."""


@dataclass(frozen=True)
class TotalsChanged:
    """Nothing was placed: the total or the lines are no longer what was agreed to. `offer` shows them as they are.

    It is None where the shop would not tell so soon; `after` is the new total, None if that is not known either. The
    currency differs too where the cart has moved to another store view.
    """

    before: Decimal
    currency_before: str
    after: Decimal | None
    currency: str
    lines_changed: bool
    offer: Offer | None


@dataclass(frozen=True)
class Unclear:
    """The shop may have placed it. It is asked until `lookup_until`; nobody can place this cart meanwhile."""

    attempt_id: int
    known: str
    lookup_until: datetime | None
    is_under_way: bool = False
    """Whether who placed it still waits for the shop's answer, as far as the desk knows."""


@dataclass(frozen=True)
class AlreadyHeld:
    """Someone was first. `by` is the person; None: it was ordered in the shop itself."""

    by: str | None
    since: datetime | None
    order_key: int | None
    increment_id: str | None
    message: str


Outcome = Placed | Refused | TotalsChanged | Unclear | AlreadyHeld


def outcome_of(store: Store, attempt_id: int) -> Placed | Refused | Unclear:
    """What came of the attempt as far as is known now; to ask again while it is Unclear. Raises NotFound."""
    found = attempts.attempt_by_id(store, attempt_id)
    if found is None:
        raise NotFound("This attempt is not in the store.")
    if found.state == "placed" and found.order_key is not None:
        return Placed(
            attempt_id=found.id,
            order_key=found.order_key,
            increment_id=found.order_increment_id,
            grand_total=found.placed_grand_total,
            agreed_grand_total=found.shown_grand_total,
            currency=found.currency,
            message=placed_message(found),
            alarm=found.alarm,
        )
    if found.state in ("refused", "not_placed"):
        return Refused(found.id, found.message or "", found.answer_status)
    known = found.message or "The order is being placed."
    return Unclear(found.id, known, found.lookup_until, is_under_way=found.state != "unclear")


def what_follows(store: Store, cart_key: int, unclear: Unclear, until: str = "") -> str:
    """Who finds out about an order without a clear answer, and what that means for the person.

    Empty where its answer is still waited for, unless nobody would look for the order should none come. `until` names
    the moment for `lookup_until` as the reader tells time.
    """
    try:
        channel_of_cart(store, cart_key)
    except NotAllowed:
        if unclear.is_under_way:
            return (
                "If no clear answer comes, nobody looks for it, since no channel reads the cart any more: look in the "
                "shop before you order it elsewhere."
            )
        return (
            "Nobody looks for it: no channel reads the cart any more. Look in the shop before you order it elsewhere; "
            "a channel that reads it again asks the shop."
        )
    except StoreUnusable:
        return "The store does not tell whether anybody looks for it. Look in the shop before you order it elsewhere."
    if unclear.is_under_way:
        return ""
    until = f" until {until}" if until else ""
    return f"The desk asks the shop for it{until} while its worker runs. Don't order it elsewhere meanwhile."


def placed_message(placed: Attempt) -> str:
    """One sentence on the order of a placed attempt, with both totals where the order's is not what was agreed to."""
    if placed.order_increment_id is None or placed.placed_grand_total is None:
        return (
            "The order is placed. Its number is not known yet, since the shop has not told it; the desk keeps asking "
            "for a day, ever less often, while its worker runs."
        )
    text = f"Order {placed.order_increment_id} placed for {price(placed.placed_grand_total, placed.currency)}."
    if not reads_alike(placed.placed_grand_total, placed.shown_grand_total, placed.currency):
        text += f" {price(placed.shown_grand_total, placed.currency)} had been agreed: tell the customer."
    return text


def held(holder: Attempt) -> AlreadyHeld:
    """The outcome for whoever comes after `holder`, the same person in another tab included."""
    message = " ".join(under_way(holder))
    return AlreadyHeld(holder.person, holder.claimed_at, holder.order_key, holder.order_increment_id, message)


def ordered_elsewhere(store: Store, cart_key: int, message: str) -> AlreadyHeld | None:
    """The outcome for a cart that the mirror knows as purchased, with its order; None if it is not purchased."""
    with store.reading() as connection:
        row = connection.execute(
            select(order.c.id, order.c.increment_id, order.c.created_at, order.c.placed_by)
            .join(cart, cart.c.order_id == order.c.id)
            .where(cart.c.id == cart_key, cart.c.status == PURCHASED)
        ).one_or_none()
    return None if row is None else AlreadyHeld(row.placed_by, row.created_at, row.id, row.increment_id, message)
