"""Placing an order: one claim, one request to the shop, one outcome, whatever happens in between.

The claim is committed before anything is sent, so of people who press at once, in whatever process or channel, one
places. The order is sent once and never again; where its answer is not clear, the shop's orders of the cart tell.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial

from msgspec import structs

from crm_core.access.people import require_person
from crm_core.errors import (
    ChannelError,
    DeskError,
    NotAllowed,
    OutcomeUnknown,
    ShopRefused,
    ShopUnavailable,
    StoreUnusable,
)
from crm_core.insight.amounts import reads_alike
from crm_core.magento.payloads import Address, Cart, PaymentMethod, Totals, exact
from crm_core.sales import attempts, claims, not_placed
from crm_core.sales.attempts import Attempt
from crm_core.sales.claims import Held, Terms
from crm_core.sales.lookup import look_up, raise_alarms, read_back, settle_one
from crm_core.sales.obstacles import why_not
from crm_core.sales.offer import Choice, lines_mark
from crm_core.sales.outcomes import (
    AlreadyHeld,
    Outcome,
    held,
    ordered_elsewhere,
    outcome_of,
)
from crm_core.sales.preflight.check import Code
from crm_core.sales.shops import channel_of_cart, is_live, store_code
from crm_core.settings import settings
from crm_core.store.database import Store
from crm_core.sync.channels import OpenShop, opened, pausing_on_trouble
from crm_core.sync.record import keep_cart

logger = logging.getLogger(__name__)

_LOOKS_AFTER_SILENCE = (0.0, 0.5)
"""Seconds to wait before each look for an order whose answer did not come; from then on `settle` looks for it."""

_READ_BACK_SECONDS = 86_400
"""How long a placed order is tried to be read back; one that can't be read by then was deleted in the shop."""

_SENT_ALONE_SECONDS = 10
"""How long a sent attempt is left to the process that sent it, before others look for its order."""


def place(store: Store, cart_key: int, choice: Choice, person: str) -> Outcome:
    """The outcome of placing the cart's order on the terms of `choice`; see crm_core.sales.outcomes for the five.

    Of those who press at once, in other tabs too, one places; the others are told who. Takes as long as the shop does.
    Raises NotAllowed with the reason if no order may be placed for the cart, NotFound for an unknown cart, and what the
    client raises if the shop can't be read; nothing was placed then. OutcomeUnknown: it was sent, but this store could
    not note what came of it.
    """
    require_person(person)
    stopped = _stopped_by(store, cart_key)
    if stopped is not None:
        return stopped
    channel = channel_of_cart(store, cart_key)
    terms = Terms(
        currency=choice.currency,
        grand_total=choice.grand_total,
        shipping_method=None if choice.shipping is None else choice.shipping.code,
        payment_method=choice.payment_method,
    )
    claimed = claims.claim(store, cart_key, channel.id, person, terms)
    if isinstance(claimed, Held):
        return held(claimed.by)
    try:
        with opened(store, channel) as shop:
            return _run(store, shop, claimed, choice)
    except OutcomeUnknown:  # sent, so its claim is left for `settle` to find out about
        raise
    except DeskError as trouble:
        message, reason = f"{trouble} Nothing was ordered.", not_placed.reason_of(trouble)
        attempts.mark_failed(store, claimed.id, "not_placed", message, reason=reason, only_from=("claimed",))
        raise


def _stopped_by(store: Store, cart_key: int) -> AlreadyHeld | None:
    """Who was first, if someone was. Raises NotAllowed for every other reason that no order may be placed."""
    reason = why_not(store, cart_key, despite_attempts=True)
    holder = attempts.holder(store, cart_key)
    if holder is not None:
        return held(holder)
    if reason is None:
        return None
    ordered = ordered_elsewhere(store, cart_key, reason)
    if ordered is None:
        raise NotAllowed(reason)
    return ordered


def settle(store: Store, cart_keys: Collection[int] | None = None) -> int:
    """How many attempts were settled now: unclear ones looked up, those of dead processes found out or given up.

    Call it every few seconds; it asks the shop less often the longer an attempt is open. A shop that can't be reached
    leaves its attempts as they are. With `cart_keys` only what was tried for these carts is looked up, for a person who
    waits for it; everything else is the worker's.
    """
    if cart_keys is None:
        claims.give_up_stale(store)
    settled = 0
    for each in attempts.unsettled(store, cart_keys):
        if not _is_due(each, datetime.now(UTC)) or not attempts.take_lookup(store, each):
            continue
        try:
            settled += settle_one(store, each)
        except DeskError as trouble:
            logger.warning("The outcome of attempt %d is still open: %s", each.id, trouble)
    if cart_keys is None:
        raise_alarms(store)
    return settled


def _is_due(open_attempt: Attempt, now: datetime) -> bool:
    started = open_attempt.sent_at or open_attempt.claimed_at
    seconds = (now - started).total_seconds()
    if open_attempt.state == "sent" and seconds < _SENT_ALONE_SECONDS:
        return False
    if open_attempt.state == "placed" and seconds > _READ_BACK_SECONDS:
        return False
    if open_attempt.looked_up_at is None:
        return True
    return (now - open_attempt.looked_up_at).total_seconds() >= min(600.0, max(1.0, seconds / 20))


def _run(store: Store, shop: OpenShop, attempt: Attempt, choice: Choice) -> Outcome:
    """From claim to outcome. A DeskError before the order is sent leaves the claim to the caller."""
    # Someone may have decided otherwise between the look before the claim and the claim.
    reason = why_not(store, attempt.cart_key, despite_attempts=True)
    if reason is not None:
        ordered = ordered_elsewhere(store, attempt.cart_key, reason)
        if ordered is None:
            raise NotAllowed(reason)
        message = f"{reason} Nothing more was ordered."
        attempts.mark_failed(store, attempt.id, "not_placed", message, reason=Code.CART)
        return ordered
    asked_at = datetime.now(UTC)
    cart, orders = not_placed.read_cart(shop, attempt)
    live = [each for each in orders if is_live(each)]
    if live or cart is None or not cart.is_active:
        return not_placed.no_longer_open(store, attempt, cart, live)
    if _mark_of(cart) != choice.lines:
        return not_placed.lines_changed(store, attempt, choice)
    code = store_code(shop, cart.store_id or 0)
    if not claims.keep(store, attempt.id, settings().longest_write):
        return _taken_over(store, attempt)
    try:
        totals, methods = _save_addresses(shop, code, cart, choice)
    except OutcomeUnknown:
        return not_placed.stopped(
            store, attempt, "The shop gave no clear answer while the shipping was saved.", Code.SHOP
        )
    except ShopRefused as refused:
        attempts.mark_failed(store, attempt.id, "refused", str(refused), answer_status=refused.status)
        return not_placed.explained(store, attempt, choice, partial(not_placed.code_of, refused))
    total, currency = exact(totals.grand_total or 0.0), totals.quote_currency_code or choice.currency
    if currency != choice.currency or not reads_alike(total, choice.grand_total, currency):
        return not_placed.total_changed(store, attempt, choice, total, currency)
    if methods is not None and choice.payment_method not in {method.code for method in methods}:
        why = "The shop does not offer that way of paying for this cart any more."
        not_placed.stopped(store, attempt, why, Code.PAYMENT)
        return not_placed.explained(store, attempt, choice, lambda _: Code.PAYMENT)
    # The mirrored cart comes to what it is ordered for, also where another way of shipping was chosen than it had.
    keep_cart(store, shop, attempt.cart_key, cart=cart, orders=orders, totals=totals, asked_at=asked_at)
    last_order = max((each.entity_id for each in orders), default=0)
    # The longest that an answer can take, so that nobody calls the order missing while it may still come.
    if not claims.mark_sent(store, attempt.id, last_order, settings().longest_write):
        return _taken_over(store, attempt)
    return _send(store, shop, attempt, code, choice, last_order)


def _taken_over(store: Store, attempt: Attempt) -> Outcome:
    """The claim is over, since it took too long: who has the cart now, or that nothing was ordered."""
    holder = attempts.holder(store, attempt.cart_key)
    if holder is not None:
        return held(holder)
    why = "The shop took so long to answer that somebody else may have changed the cart since. Check it again."
    return not_placed.stopped(store, attempt, why, Code.SHOP)


def _send(store: Store, shop: OpenShop, attempt: Attempt, code: str, choice: Choice, last_order: int) -> Outcome:
    """What came of the order, sent once. Raises OutcomeUnknown if the store could not note what the shop answered."""
    try:
        return _sent(store, shop, attempt, code, choice, last_order)
    except StoreUnusable as trouble:
        raise OutcomeUnknown(
            f"The order was sent once, but the desk could not note what came of it: {trouble} Don't place it again; "
            "the desk finds out by itself once its store works."
        ) from trouble


def _sent(store: Store, shop: OpenShop, attempt: Attempt, code: str, choice: Choice, last_order: int) -> Outcome:
    """The one request that places the order, and what its answer means."""
    method = {"method": choice.payment_method}
    if choice.po_number:
        method["po_number"] = choice.po_number
    try:
        with pausing_on_trouble(store, shop.channel):
            order_id = shop.checkout.place_order(attempt.cart_origin_id, code, method)
    except ShopUnavailable as unsent:
        return not_placed.stopped(store, attempt, str(unsent), Code.SHOP)
    except OutcomeUnknown as unknown:
        known = f"The order was sent once, and no clear answer came. {unknown.why}"
        return _unclear(store, shop, attempt, known)
    except (ShopRefused, ChannelError) as refused:
        return not_placed.after_refusal(store, shop, attempt, refused, last_order, choice)
    attempts.mark_placed(store, attempt.id, order_id, 200, "The shop placed the order.")
    read_back(store, attempt.id)
    return outcome_of(store, attempt.id)


def _mark_of(cart: Cart) -> str:
    return lines_mark((item.sku or "", exact(item.qty or 0.0)) for item in cart.items or ())


def _save_addresses(shop: OpenShop, code: str, cart: Cart, choice: Choice) -> tuple[Totals, list[PaymentMethod] | None]:
    """What the cart comes to with addresses and shipping saved once, and the ways of paying where the shop tells them.

    Saving them again where they stand already makes the shop calculate lines, rates and totals afresh.
    """
    address = _as_it_stands(None if cart.shipping is None else cart.shipping.address)
    billing = _as_it_stands(cart.billing_address) or address
    if billing is None or (choice.shipping is not None and address is None):
        raise NotAllowed("The cart has lost its address in the shop. Synchronise it.")
    if choice.shipping is None or address is None:
        shop.checkout.set_billing_address(cart.id, code, billing)
        return shop.magento.totals(cart.id, code), None
    details = shop.checkout.set_shipping_information(
        cart.id,
        code,
        shipping_address=address,
        billing_address=billing,
        carrier_code=choice.shipping.carrier_code,
        method_code=choice.shipping.method_code,
    )
    return details.totals, details.payment_methods


def _as_it_stands(address: Address | None) -> Address | None:
    """The address without its link to the address book.

    With the link Magento takes what the book says now instead of what the person saw, and refuses a cart whose customer
    has deleted the entry since ("Invalid customer address id", Magento's QuoteAddressValidator).
    """
    return None if address is None else structs.replace(address, customer_address_id=None)


def _unclear(store: Store, shop: OpenShop, attempt: Attempt, known: str) -> Outcome:
    """No clear answer came: the order is looked for at once, and by `settle` from then on."""
    attempts.mark_unclear(store, attempt.id, known)
    for pause in _LOOKS_AFTER_SILENCE:
        time.sleep(pause)
        now = attempts.attempt_by_id(store, attempt.id)
        if now is None or now.state != "unclear":
            break
        if not attempts.take_lookup(store, now):
            continue
        try:
            with pausing_on_trouble(store, shop.channel):
                is_found = look_up(store, shop, now)
            if is_found:
                read_back(store, attempt.id)
                break
        except DeskError as trouble:
            logger.warning("The outcome of attempt %d is open: %s", attempt.id, trouble)
            break
    return outcome_of(store, attempt.id)
