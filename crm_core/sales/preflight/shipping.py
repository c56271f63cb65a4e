"""Checks of the way of shipping: whether the shop still offers it to this address, and at what price.

The rates saved with a cart stay when a carrier is switched off or changes its price, and the shop would take them
(observed on Magento 2.4.7). The desk saves the shipping afresh before it places, so what counts is the estimate.
"""

from __future__ import annotations

from decimal import Decimal

from crm_core.insight.amounts import price, reads_alike
from crm_core.magento.payloads import ShippingMethod, exact
from crm_core.sales.preflight.check import Check, Code, Figure, Fix, FixKind, Verdict, passes, untold
from crm_core.sales.preflight.plan import Plan
from crm_core.sales.preflight.price import not_read
from crm_core.sales.preflight.reading import Reading


def shipping_check(reading: Reading, plan: Plan) -> Check:
    """Whether the chosen way of shipping can be had, and what it costs now."""
    cart = reading.cart.value
    if cart is None or cart.is_virtual:
        return passes(Code.SHIPPING, "Nothing to send")
    if not reading.shipping_methods.is_told:
        if reading.shipping_methods.asked:
            return untold(Code.SHIPPING, "The ways of shipping", reading.shipping_methods.trouble)
        if not reading.totals.asked:
            return not_read(Code.SHIPPING, "The ways of shipping")
        detail = "The shop tells the ways of shipping once there is an address."
        return Check(Code.SHIPPING, Verdict.FAIL, "No way of shipping without an address", detail)
    offered = offered_methods(reading)
    currency = _currency(reading)
    figures = tuple(Figure(method_title(each), rate(each), currency) for each in offered.values())
    if not offered:
        said = [each.error_message for each in reading.shipping_methods.value or () if each.error_message]
        return Check(
            Code.SHIPPING,
            Verdict.FAIL,
            "The shop offers no way of shipping to this address",
            f"The shop says: {said[0]}" if said else "Enter another address, or change the lines.",
            fixes=(
                Fix(FixKind.ENTER_ADDRESS, "Enter the shipping address", {"kind": "shipping", "fields": ("address",)}),
            ),
        )
    choose = (Fix(FixKind.CHOOSE_SHIPPING, "Choose a way of shipping", {"codes": tuple(offered)}),)
    wanted = chosen_code(reading, plan)
    if wanted is None:
        return Check(
            Code.SHIPPING, Verdict.FAIL, "No way of shipping is chosen", "Choose one.", figures=figures, fixes=choose
        )
    method = offered.get(wanted)
    if method is None:
        return Check(
            Code.SHIPPING,
            Verdict.FAIL,
            f"The chosen way of shipping is no longer offered ({wanted})",
            "Choose another: the order is placed with it. Left alone, the shop would still send it at its old price.",
            figures=figures,
            fixes=choose,
        )
    saved = None if plan.shipping not in {None, _saved_code(reading)} else _saved_rate(reading)
    now = rate(method)
    if saved is not None and not reads_alike(saved, now, currency):
        return Check(
            Code.SHIPPING,
            Verdict.LOOK,
            f"{method_title(method)} cost {price(saved, currency)} and now costs {price(now, currency)}",
            "The total changes with it. Tell the customer.",
            figures=(Figure("Was", saved, currency), Figure("Is", now, currency)),
            fixes=choose,
        )
    return passes(Code.SHIPPING, f"{method_title(method)} is offered", Figure("Shipping", now, currency))


def offered_methods(reading: Reading) -> dict[str, ShippingMethod]:
    """The ways of shipping that can be had, by carrier_method."""
    return {
        f"{each.carrier_code}_{each.method_code}": each
        for each in reading.shipping_methods.value or ()
        if each.available is not False
        and each.method_code
        and (each.price_incl_tax is not None or each.amount is not None)
    }


def chosen_code(reading: Reading, plan: Plan) -> str | None:
    """The way of shipping to order with: the person's choice, else the cart's."""
    return plan.shipping or _saved_code(reading)


def expected_total(reading: Reading, plan: Plan) -> Decimal | None:
    """What the order should come to: the shop's total with today's shipping in place of the saved one.

    In the cart's currency, tax included; None while the total is not known.
    """
    totals = reading.totals.value
    if totals is None:
        return None
    total = exact(totals.grand_total or 0.0)
    cart = reading.cart.value
    method = offered_methods(reading).get(chosen_code(reading, plan) or "")
    if cart is None or cart.is_virtual or method is None:
        return total
    return total - (_saved_rate(reading) or Decimal(0)) + rate(method)


def _saved_code(reading: Reading) -> str | None:
    shipping = None if reading.cart.value is None else reading.cart.value.shipping
    return None if shipping is None else shipping.method or None


def _saved_rate(reading: Reading) -> Decimal | None:
    totals = reading.totals.value
    if totals is None:
        return None
    amount = totals.shipping_incl_tax if totals.shipping_incl_tax is not None else totals.shipping_amount
    return None if amount is None else exact(amount)


def rate(method: ShippingMethod) -> Decimal:
    """What it costs, tax included, in the cart's currency."""
    amount = method.price_incl_tax if method.price_incl_tax is not None else method.amount
    return exact(amount or 0.0)


def rate_without_tax(method: ShippingMethod) -> Decimal:
    """What it costs without tax, in the cart's currency; with it where the shop does not tell them apart."""
    return rate(method) if method.price_excl_tax is None else exact(method.price_excl_tax)


def method_title(method: ShippingMethod) -> str:
    """The carrier's title and the method's, as far as the shop tells them."""
    titles = [title for title in (method.carrier_title, method.method_title) if title]
    return " – ".join(titles) or method.carrier_code


def _currency(reading: Reading) -> str:
    cart, totals = reading.cart.value, reading.totals.value
    told = totals.quote_currency_code if totals else None
    return told or (cart.currency.quote_currency_code if cart and cart.currency else None) or "XXX"
