"""What follows where an attempt brought no order: it is noted, explained, and the cart shown as it is now.

What is true is read from the shop, never taken from its words: a refusal may be the answer to the loser of a race.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from functools import partial

from crm_core.errors import ChannelError, DeskError, NotAllowed, PermissionMissing, ShopRefused, WrongAddress
from crm_core.insight.amounts import price
from crm_core.magento.payloads import Cart, Order
from crm_core.sales import attempts
from crm_core.sales.attempts import Attempt
from crm_core.sales.offer import Choice, Offer, offer_of
from crm_core.sales.outcomes import AlreadyHeld, Outcome, Refused, TotalsChanged, ordered_elsewhere, outcome_of
from crm_core.sales.preflight.check import Code, Verdict
from crm_core.sales.preflight.refusal import explain_refusal, explaining, may_have_lost_a_race
from crm_core.sales.preflight.run import Preflight, preflight
from crm_core.sales.shops import is_live, order_numbers
from crm_core.store.database import Store
from crm_core.sync.channels import OpenShop, pausing_on_trouble
from crm_core.sync.record import synchronise_cart

logger = logging.getLogger(__name__)

_LOOKS_AFTER_A_RACE = (0.0, 0.3, 0.6, 0.9)
"""Seconds to wait before each look for the order of another request that is still at work (0.6 s on 2.4.7)."""

_GONE = "The shop no longer has this cart."
_CLOSED = "The shop has closed this cart without an order."


def read_cart(shop: OpenShop, attempt: Attempt) -> tuple[Cart | None, list[Order]]:
    """The cart and its orders as they are in the shop, asked side by side; never writes."""
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="placing") as pool:
        orders = pool.submit(shop.magento.orders_of_cart, attempt.cart_origin_id)
        cart = pool.submit(shop.magento.cart_by_search, attempt.cart_origin_id)
        return cart.result(), orders.result()


def no_longer_open(store: Store, attempt: Attempt, cart: Cart | None, live: list[Order]) -> AlreadyHeld | Refused:
    """The cart can't be ordered any more: it was ordered in the shop, or closed, or deleted there."""
    if live:
        message = f"The cart was ordered in the shop itself: order {order_numbers(live)}."
    else:
        message = f"{_GONE if cart is None else _CLOSED} Nothing was ordered."
    attempts.mark_failed(store, attempt.id, "not_placed", message, reason=Code.CART)
    _synchronise(store, attempt)
    return _ordered_there(store, attempt, message) if live else Refused(attempt.id, message)


def lines_changed(store: Store, attempt: Attempt, choice: Choice) -> TotalsChanged:
    """Nothing is placed that nobody agreed to: the lines are shown again."""
    message = "The lines of the cart had changed meanwhile, so it was shown again."
    attempts.mark_failed(store, attempt.id, "not_placed", message, reason=Code.LINES)
    offer = _offered_again(store, attempt, choice)
    after = None if offer is None else offer.grand_total(offer.chosen_shipping)
    currency = choice.currency if offer is None else offer.currency
    return TotalsChanged(
        choice.grand_total, choice.currency, after=after, currency=currency, lines_changed=True, offer=offer
    )


def total_changed(store: Store, attempt: Attempt, choice: Choice, total: Decimal, currency: str) -> TotalsChanged:
    """Nothing is placed on terms that nobody agreed to: the shop's own total with this shipping is shown."""
    was, is_now = price(choice.grand_total, choice.currency), price(total, currency)
    message = f"The total had changed from {was} to {is_now}, so it was shown again."
    attempts.mark_failed(store, attempt.id, "not_placed", message, reason=Code.TOTAL)
    offer = _offered_again(store, attempt, choice)
    if offer is not None and choice.shipping is not None:
        code = choice.shipping.code
        # The shop has just calculated this one; taking the offer's estimate for it could ask again for ever.
        shipping = (replace(each, grand_total=total) if each.code == code else each for each in offer.shipping)
        offer = replace(offer, shipping=tuple(shipping))
    return TotalsChanged(
        choice.grand_total, choice.currency, after=total, currency=currency, lines_changed=False, offer=offer
    )


def stopped(store: Store, attempt: Attempt, why: str, reason: Code) -> Outcome:
    """The desk or the connection stopped before the shop could place anything."""
    attempts.mark_failed(store, attempt.id, "not_placed", f"{why} Nothing was ordered.", reason=reason)
    return outcome_of(store, attempt.id)


def after_refusal(
    store: Store,
    shop: OpenShop,
    attempt: Attempt,
    refused: ShopRefused | ChannelError,
    last_order: int,
    choice: Choice,
) -> Outcome:
    """The shop said no. What is true is read: the cart may be ordered, by a request at the same moment or before.

    A 404 may be a dead coupon, a missing cart or one that was ordered; a 400 may be the answer to the loser of a race,
    whose order appears only a moment later (all observed on Magento 2.4.7).
    """
    may_be_race = may_have_lost_a_race(str(refused))
    closed = None
    try:
        for pause in _LOOKS_AFTER_A_RACE:
            time.sleep(pause)
            with pausing_on_trouble(store, shop.channel):
                cart, orders = read_cart(shop, attempt)
            live = [each for each in orders if each.entity_id > last_order and is_live(each)]
            if live:
                return _ordered_meanwhile(store, attempt, refused, live)
            closed = _GONE if cart is None else None if cart.is_active else _CLOSED
            if closed is None and not may_be_race:
                break
    except DeskError as trouble:
        known = f"The shop answered “{refused}” and then could not be asked whether it has the order: {trouble}"
        attempts.mark_unclear(store, attempt.id, known)
        return outcome_of(store, attempt.id)
    message = f"{closed} It answered: {refused}" if closed else str(refused)
    attempts.mark_failed(store, attempt.id, "refused", message, answer_status=_status(refused))
    return explained(store, attempt, choice, partial(code_of, refused))


def explained(store: Store, attempt: Attempt, choice: Choice, code_of: Callable[[Preflight], Code]) -> Outcome:
    """The refusal with the check that should have said so: told by a preflight after it, on the same terms.

    The cart is free by then, so whoever comes next does not wait for it. Where the shop does not answer, there is none.
    """
    outcome = outcome_of(store, attempt.id)
    if not isinstance(outcome, Refused):
        return outcome
    try:
        after = preflight(store, attempt.cart_key, attempt.person, plan=choice.plan)
        code = code_of(after)
        attempts.note_reason(store, attempt.id, code)
    except DeskError as trouble:
        logger.warning("The refusal of attempt %d could not be explained: %s", attempt.id, trouble)
        return outcome
    check = explaining(code, after)
    return replace(outcome, check=None if check is None or check.verdict is Verdict.PASS else check, after=after)


def code_of(refused: ShopRefused | ChannelError, after: Preflight) -> Code:
    """The check that the refusal belongs to, given a preflight made after it."""
    if not isinstance(refused, ShopRefused):
        return reason_of(refused)
    return explain_refusal(refused.status, str(refused), refused.parameters, after)


def reason_of(trouble: DeskError) -> Code:
    """The check that the trouble belongs to, which ended an attempt before anything was sent."""
    match trouble:
        case PermissionMissing():
            return Code.PERMISSION
        case WrongAddress():
            return Code.SHOP
        case ChannelError():
            return Code.CHANNEL
        case NotAllowed():
            return Code.CART
        case _:
            return Code.SHOP


def _offered_again(store: Store, attempt: Attempt, choice: Choice) -> Offer | None:
    """The cart as it can be ordered now; None where the shop does not tell that, or it can't be ordered any more."""
    try:
        return offer_of(preflight(store, attempt.cart_key, attempt.person, plan=choice.plan))
    except DeskError as trouble:
        logger.warning("Cart %d could not be read again: %s", attempt.cart_origin_id, trouble)
        return None


def _ordered_meanwhile(
    store: Store, attempt: Attempt, refused: ShopRefused | ChannelError, live: Sequence[Order]
) -> AlreadyHeld:
    message = f"The cart was ordered in the shop at the same moment: order {order_numbers(live)}."
    kept = f"{message} The shop's answer to this attempt: “{refused}”"
    attempts.mark_failed(store, attempt.id, "refused", kept, reason=Code.CART, answer_status=_status(refused))
    _synchronise(store, attempt)
    return _ordered_there(store, attempt, message)


def _ordered_there(store: Store, attempt: Attempt, message: str) -> AlreadyHeld:
    return ordered_elsewhere(store, attempt.cart_key, message) or AlreadyHeld(None, None, None, None, message)


def _synchronise(store: Store, attempt: Attempt) -> None:
    """The mirror learns what the shop has just told; if that fails, the next sync does it."""
    try:
        synchronise_cart(store, attempt.cart_key, attempt.person, totals=False)
    except DeskError as trouble:
        logger.warning("Cart %d could not be synchronised after an attempt: %s", attempt.cart_origin_id, trouble)


def _status(refused: ShopRefused | ChannelError) -> int | None:
    return refused.status if isinstance(refused, ShopRefused) else None
