"""Putting a coupon on a cart and taking it off, so that trying a wrong one never costs the right one.

Magento takes the coupon that a cart has off it when it is given a code that is not good (observed on 2.4.7). So a code
is looked up first, and if the shop refuses it all the same, the earlier one is put back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from crm_core.errors import BadInput, ChangedMeanwhile, DeskError, OutcomeUnknown, PermissionMissing, ShopRefused
from crm_core.insight.amounts import price
from crm_core.magento.cart_reading import CartReading
from crm_core.magento.promotions import Promotions
from crm_core.sales.cart_writing import CartWriting, Mended
from crm_core.sales.coupon_rules import why_dead
from crm_core.sales.preflight.standing import Standing
from crm_core.sync.channels import pausing_on_trouble


def set_coupon(cart: CartWriting, code: str, seen: str | None) -> Mended:
    """The cart has the coupon. Raises BadInput for one that is surely not good, ShopRefused in the shop's words.

    In both cases the cart has the coupon that it had; ShopRefused says so if that could not be put back. Raises
    ChangedMeanwhile if it had another one than was `seen`, None for none.
    """
    code = code.strip()
    if not code:
        raise BadInput("Type the code of the coupon.")
    had = _as_seen(cart, seen)
    if had is not None and had.casefold() == code.casefold():
        raise BadInput(f"The cart has the coupon {had} already.")
    _require_good(cart, code)
    try:
        cart.write(f"Coupon {code}", lambda: cart.editing.set_coupon(cart.cart_id, cart.code, code), _has(code))
    except ShopRefused as refused:
        text = f"The shop does not take the coupon {code}: {refused} {_put_back(cart, had)}"
        cart.refused(text)
        raise ShopRefused(text, refused.status, refused.parameters) from refused
    except OutcomeUnknown as unknown:
        before = f" It had the coupon {had} before." if had else ""
        raise OutcomeUnknown(f"{unknown}{before}", unknown.why) from unknown
    return cart.done(lambda now: _told(now, code))


def remove_coupon(cart: CartWriting, seen: str) -> Mended:
    """The cart has no coupon. Raises ChangedMeanwhile if it did not have the one that was `seen`."""
    had = _as_seen(cart, seen)
    cart.write(
        f"Take coupon {had} off",
        lambda: cart.editing.remove_coupon(cart.cart_id, cart.code),
        lambda now: now.row.coupon_code is None,
    )
    return cart.done(lambda _: f"Coupon {had} taken off.")


def _as_seen(cart: CartWriting, seen: str | None) -> str | None:
    """The coupon that the cart has, None for none. Raises ChangedMeanwhile if that is not what was seen."""
    had = CartReading(cart.connection).coupon(cart.cart_id, cart.code)
    if (had or "").casefold() == (seen or "").casefold():
        return had
    if cart.before.row.coupon_code != had:
        cart.read_again()
    if had is None:
        raise ChangedMeanwhile(
            f"The coupon {seen} is no longer on the cart, which has none now. Nothing was changed; put one on if you "
            "still want to."
        )
    holds = f"The cart has the coupon {had} now{f', not {seen}' if seen else ''}."
    raise ChangedMeanwhile(f"{holds} It was left so; if you still want to change it, do it again.")


def _require_good(cart: CartWriting, code: str) -> None:
    """Raise BadInput for a code that the shop surely refuses; without the permission to look, the shop decides."""
    promotions = Promotions(cart.connection)
    try:
        coupon = promotions.coupon(code)
        rule = None if coupon is None else promotions.rule(coupon.rule_id)
    except PermissionMissing:
        return
    zone = cart.shop.store_views[cart.before.row.store_id].timezone
    reason = why_dead(coupon, rule, cart.connection.shop_now().astimezone(zone).date())
    if reason is not None:
        raise BadInput(f"The coupon {code} {reason}. The cart is as it was.")


def _put_back(cart: CartWriting, had: str | None) -> str:
    """What became of the coupon that the cart had, in a sentence, after the shop refused another."""
    if had is None:
        return "The cart has none, as before."
    try:
        with pausing_on_trouble(cart.store, cart.shop.channel):
            if CartReading(cart.connection).coupon(cart.cart_id, cart.code) is None:
                put_back = partial(cart.editing.set_coupon, cart.cart_id, cart.code, had)
                cart.write(f"Put coupon {had} back", put_back, _has(had))
    except DeskError as trouble:
        return f"The coupon {had}, which the cart had, could not be put back: {trouble}"
    finally:
        cart.read_again()
    return f"The cart keeps the coupon {had}."


def _has(code: str) -> Callable[[Standing], bool]:
    return lambda now: (now.row.coupon_code or "").casefold() == code.casefold()


def _told(now: Standing, code: str) -> str:
    """What the coupon brought: Magento takes one that discounts nothing without a word."""
    discount = None if now.totals is None else now.totals.discount_amount
    if not discount:
        return f"The coupon {code} is on the cart, but nothing is discounted by it."
    currency = now.row.quote_currency
    return f"The coupon {code} is on the cart: {price(abs(discount), currency)} off."
