"""Several carts at once: checked side by side, a few at a time, and ordered one after the other.

Both are iterators: whoever stops taking from them stops the work, between two carts and never within one. What came of
each cart is in the attempts, so nothing is lost with the process; that no cart is ordered twice is placing's own work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, assert_never

from sqlalchemy import select, tuple_

from crm_core.access.people import require_person
from crm_core.errors import BadInput, ChannelError, DeskError, OutcomeUnknown, ShopUnavailable
from crm_core.insight.amounts import price
from crm_core.insight.names import full_name
from crm_core.insight.subtotals import was_saved_later
from crm_core.sales.offer import Choice, Offer, PaymentOption, ShippingOption, offer_of
from crm_core.sales.outcomes import (
    AlreadyHeld,
    Outcome,
    Placed,
    Refused,
    TotalsChanged,
    Unclear,
    outcome_of,
    what_follows,
)
from crm_core.sales.placing import place
from crm_core.sales.preflight.check import STANDING, Check, Code, FixKind, Verdict
from crm_core.sales.preflight.payment import FREE
from crm_core.sales.preflight.plan import Plan
from crm_core.sales.preflight.run import Preflight, preflight
from crm_core.store.database import Store
from crm_core.store.keys import origin_of, record_key
from crm_core.store.tables import attempt, cart
from crm_core.sync.channels import channel_of_store

MOST = 50
"""Carts that can be checked and ordered at once."""

Kind = Literal["placed", "refused", "unclear", "held"]
"""How one of several ended: held means that someone else was first, refused stands for every other missing order."""

_STOPS = (Verdict.FAIL, Verdict.UNKNOWN)
"""Verdicts that keep a cart from being ordered without a look at it, the worse first."""

_AT_ONCE = 8
"""Carts that are checked at the same time, whatever their shops allow."""


@dataclass(frozen=True)
class Candidate:
    """A cart that was picked, as the desk knows it. `amount` is its total or `is_about` it."""

    cart_key: int
    cart_id: int
    name: str
    """The customer's; empty for a nameless guest."""
    amount: Decimal
    currency: str
    is_about: bool
    """Whether the cart was saved since the total was read, or has changed so that its lines stand for it, as they do
    where it was never read: in the base currency, without tax."""
    synchronised_at: datetime
    """When it was last read from the shop, UTC."""


@dataclass(frozen=True)
class Ready:
    """A cart that can be ordered as it is."""

    cart_key: int
    total: Decimal
    """What the order should come to, in `currency`."""
    currency: str
    shipping: str
    """The cart's own way of shipping or the only one, as the shop calls it; empty: nothing to send."""
    payment: str
    """The way of paying, as the shop calls it; empty: none is chosen yet."""
    looks: tuple[Check, ...]
    """What the shop would take, but a person should look at."""
    choice: Choice | None
    """What to place; None while no way of paying is chosen."""


@dataclass(frozen=True)
class NotReady:
    """A cart that cannot be ordered as it is: at which check that shows, and why."""

    cart_key: int
    code: Code | None
    why: str
    detail: str = ""
    can_recalculate: bool = False
    """Whether all it waits for is a person who lets the shop recalculate it."""


@dataclass(frozen=True)
class Result:
    """What came of ordering one of several carts."""

    cart_key: int
    kind: Kind
    message: str
    """Why there is no order, or what is known of it."""
    order_key: int | None = None
    increment_id: str | None = None
    total: Decimal | None = None
    """What the order comes to, in `currency`; None: it was not read back, or there is none."""
    currency: str = ""
    again: Checked | None = None
    """The cart as it is now, where it could still be ordered but not on the terms that were shown."""


@dataclass(frozen=True)
class Checked:
    """A picked cart after its preflight, with what can be ordered; without a preflight `trouble` says why."""

    cart_key: int
    preflight: Preflight | None
    offer: Offer | None
    trouble: str = ""

    @property
    def shipping(self) -> ShippingOption | None:
        """The cart's own way of shipping, or the only one where it has none; never another one than was chosen."""
        return None if self.offer is None else self.offer.chosen_shipping

    @property
    def is_free(self) -> bool:
        """Whether the order comes to nothing, so that there is no way of paying to choose."""
        return self.offer is not None and self.offer.grand_total(self.shipping) == 0

    @property
    def payments(self) -> tuple[PaymentOption, ...]:
        """The ways of paying that one choice for several carts can mean: none that needs a number of its own."""
        if self.offer is None:
            return ()
        fitting = self.offer.payment_with(self.shipping)
        return tuple(option for option in fitting if not option.needs_po_number)

    def with_payment(self, method: str | None) -> Ready | NotReady:
        """Whether the cart can be ordered as it is with that way of paying; None: none is chosen yet.

        An order that comes to nothing needs none: the shop then takes `free` and nothing else.
        """
        if self.offer is None:
            return self._stopped(() if self.preflight is None else self.preflight.checks)
        shipping = self.shipping
        fitting = {option.code: option for option in self.offer.payment_with(shipping)}
        code = FREE if self.is_free else method
        shipping_code = None if shipping is None else shipping.code
        planned = self.offer.preflight.planned(Plan(shipping_code, code if code in fitting else None))
        stopping = [check for check in planned.checks if check.verdict in _STOPS and check.code not in STANDING]
        if any(check.code is not Code.PAYMENT for check in stopping):
            return self._stopped([check for check in stopping if check.code is not Code.PAYMENT])
        if not self.payments:
            return self._stopped(stopping, "The purchase order needs a number of its own. Open the cart to place it.")
        if code is not None and code not in {option.code for option in self.payments}:
            why = "The shop does not offer that way of paying for this cart"
            return NotReady(self.cart_key, Code.PAYMENT, why, "Choose another one, or open the cart.")
        if code is not None and stopping:
            return self._stopped(stopping)
        return Ready(
            cart_key=self.cart_key,
            total=self.offer.grand_total(shipping),
            currency=self.offer.currency,
            shipping="" if shipping is None else shipping.title,
            payment=fitting[code].title if code is not None else "",
            looks=tuple(check for check in planned.checks if check.verdict is Verdict.LOOK),
            choice=None if code is None else self.offer.choose(shipping_code, code),
        )

    def _stopped(self, checks: Iterable[Check], otherwise: str = "") -> NotReady:
        """The first of the checks that stops the cart: one that will fail, else one that could not be made."""
        for verdict in _STOPS:
            for check in checks:
                if check.verdict is verdict and check.code not in STANDING:
                    can_recalculate = any(fix.kind is FixKind.RECALCULATE for fix in check.fixes)
                    return NotReady(self.cart_key, check.code, check.title, check.detail, can_recalculate)
        return NotReady(self.cart_key, None, self.trouble or otherwise or "The shop did not tell what it comes to.")


def candidates(store: Store, cart_keys: Sequence[int]) -> list[Candidate]:
    """The carts with these keys, in their order; keys that name no cart are left out. Raises BadInput beyond MOST."""
    keys = list(dict.fromkeys(cart_keys))
    if len(keys) > MOST:
        raise BadInput(f"{len(keys)} carts are too many at once. Choose at most {MOST}.")
    with store.reading() as connection:
        rows = {row.id: row for row in connection.execute(select(cart).where(cart.c.id.in_(keys)))}
    return [
        Candidate(
            cart_key=row.id,
            cart_id=row.origin_id,
            name=full_name(row.firstname, row.lastname),
            amount=row.base_subtotal if row.grand_total is None else row.grand_total,
            currency=row.base_currency if row.grand_total is None else row.quote_currency,
            is_about=row.grand_total is None
            or row.unavailable_count > 0
            or was_saved_later(row.updated_at, row.totals_shop_time),
            synchronised_at=row.synchronised_at,
        )
        for row in (rows[key] for key in keys if key in rows)
    ]


def check_several(
    store: Store, cart_keys: Sequence[int], person: str, *, recalculate: bool = False
) -> Generator[Checked, None, None]:
    """The carts after their preflights, as they come: of one shop as many at a time as its channel has connections.

    Close the iterator to stop: what is under way ends by itself, nothing else is begun. Writes nothing in the shops;
    only with `recalculate` they recalculate carts whose prices have changed. Raises NotAllowed if nobody is signed in.
    """
    require_person(person)
    rooms = _rooms(store, cart_keys)
    waiting = [key for key in dict.fromkeys(cart_keys) if key in rooms]
    running: dict[Future[Checked], int] = {}
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="several")
    try:
        while waiting or running:
            busy = Counter(rooms[key][0] for key in running.values())
            for key in list(waiting):
                shop_id, room = rooms[key]
                if len(running) < _AT_ONCE and busy[shop_id] < room:
                    busy[shop_id] += 1
                    waiting.remove(key)
                    running[pool.submit(_check, store, key, person, recalculate)] = key
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                del running[future]
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def convert(store: Store, ready: Iterable[Ready], person: str) -> Generator[Result, None, None]:
    """What came of each cart, placed one after the other on the terms that were shown.

    Close the iterator to stop after the cart in hand. A shop that cannot be reached, or that does not let the channel
    in, is not asked for the rest of its carts. Raises NotAllowed if nobody is signed in.
    """
    require_person(person)
    failed: dict[int, str] = {}
    for each in ready:
        shop_id = origin_of(each.cart_key)[0]
        if shop_id in failed:
            yield Result(each.cart_key, "refused", f"Not tried, since the shop failed just before. {failed[shop_id]}")
            continue
        try:
            if each.choice is None:
                raise BadInput("No way of paying was chosen. Choose one and try again.")
            yield _result(store, each.cart_key, place(store, each.cart_key, each.choice, person))
        except OutcomeUnknown as unknown:
            yield Result(each.cart_key, "unclear", str(unknown))
        except DeskError as trouble:
            if isinstance(trouble, ChannelError | ShopUnavailable):
                failed[shop_id] = str(trouble)
            yield Result(each.cart_key, "refused", str(trouble))


def results_since(store: Store, cart_keys: Sequence[int], since: datetime) -> dict[int, Result]:
    """What came of the latest attempt for each cart, where there was one since then, whoever made it."""
    with store.reading() as connection:
        rows = connection.execute(
            select(attempt.c.id, attempt.c.shop_id, attempt.c.cart_origin_id)
            .where(
                tuple_(attempt.c.shop_id, attempt.c.cart_origin_id).in_([origin_of(key) for key in cart_keys]),
                attempt.c.claimed_at >= since,
            )
            .order_by(attempt.c.id)
        ).all()
    latest = {record_key(row.shop_id, row.cart_origin_id): row.id for row in rows}
    return {key: _result(store, key, outcome_of(store, attempt_id)) for key, attempt_id in latest.items()}


def _check(store: Store, cart_key: int, person: str, recalculate: bool) -> Checked:
    try:
        found = preflight(store, cart_key, person, recalculate=recalculate)
        return Checked(cart_key, found, offer_of(found))
    except DeskError as trouble:
        return Checked(cart_key, None, None, str(trouble))


def _rooms(store: Store, cart_keys: Iterable[int]) -> dict[int, tuple[int, int]]:
    """The shop of each cart, and how many carts of it may be checked at the same time."""
    with store.reading() as connection:
        rows = connection.execute(select(cart.c.id, cart.c.shop_id, cart.c.store_id).where(cart.c.id.in_(cart_keys)))
        views = {row.id: (row.shop_id, row.store_id) for row in rows}
    channels = {view: channel_of_store(store, *view) for view in set(views.values())}
    return {
        key: (view[0], 1 if (channel := channels[view]) is None else channel.connections) for key, view in views.items()
    }


def _result(store: Store, cart_key: int, outcome: Outcome) -> Result:
    match outcome:
        case Placed():
            total = outcome.agreed_grand_total if outcome.grand_total is None else outcome.grand_total
            return Result(
                cart_key,
                "placed",
                outcome.message if outcome.differs or outcome.increment_id is None else "",
                outcome.order_key,
                outcome.increment_id,
                total,
                outcome.currency,
            )
        case Refused():
            return Result(cart_key, "refused", outcome.message)
        case TotalsChanged():
            again = None if outcome.offer is None else Checked(cart_key, outcome.offer.preflight, outcome.offer)
            return Result(cart_key, "refused", _changed(outcome), again=again)
        case Unclear():
            return Result(cart_key, "unclear", f"{outcome.known} {what_follows(store, cart_key, outcome)}".strip())
        case AlreadyHeld():
            return Result(cart_key, "held", outcome.message, outcome.order_key, outcome.increment_id)
        case _:
            assert_never(outcome)


def _changed(outcome: TotalsChanged) -> str:
    if outcome.lines_changed or outcome.after is None:
        return "The cart changed in the shop meanwhile. Nothing was placed; look at it again."
    before, after = price(outcome.before, outcome.currency_before), price(outcome.after, outcome.currency)
    return f"The total is now {after} instead of {before}. Nothing was placed; look at it again."
