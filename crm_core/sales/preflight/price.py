"""Checks of what it comes to: prices and totals that changed since the desk last read them, and the currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from crm_core.insight.amounts import price, reads_alike
from crm_core.insight.breakdown import breakdown, compare
from crm_core.magento.payloads import Cart, Totals, exact
from crm_core.magento.products import Product
from crm_core.sales.preflight.check import Check, Code, Figure, Fix, FixKind, Verdict, passes, untold
from crm_core.sales.preflight.reading import Reading
from crm_core.sales.preflight.standing import Standing
from crm_core.sync.cart_totals import totals_document

_PLACES = Decimal("0.0001")

RECALCULATE = Fix(FixKind.RECALCULATE, "Check: the shop will recalculate this cart")


def price_checks(known: Standing, reading: Reading) -> list[Check]:
    """Old and new prices, old and new totals, and whether the currency holds."""
    cart = reading.cart.value
    if cart is None:
        return []
    return [*_prices(known, cart, reading), _total(known, reading), _currency(known, cart, reading)]


def not_read(code: Code, what: str) -> Check:
    """A check that waits for the person to let the shop recalculate the cart."""
    detail = "Reading it would make the shop recalculate this cart, because a price in it has changed."
    return Check(code, Verdict.UNKNOWN, f"{what} were not read yet", detail, fixes=(RECALCULATE,))


def _prices(known: Standing, cart: Cart, reading: Reading) -> Iterable[Check]:
    if reading.is_due.trouble is not None:
        yield untold(Code.PRICE, "Whether a price has changed", reading.is_due.trouble)
        return
    before = {line.item_id: line.base_price for line in known.lines}
    currency = known.row.base_currency
    if reading.is_due.value and not reading.recalculated:
        products = reading.products.value or {}
        yield Check(
            Code.PRICE,
            Verdict.LOOK,
            "A price in this cart has changed",
            "The shop takes the new one when it is ordered. Check to see what it comes to.",
            figures=tuple(
                figure
                for item in cart.items or ()
                for figure in _catalogue_price(item.sku, item.name, item.price, products, currency)
            ),
            fixes=(RECALCULATE,),
        )
        return
    changed = False
    for item in cart.items or ():
        now, was = exact(item.price or 0.0), before.get(item.item_id)
        if was is not None and not reads_alike(was, now, currency):
            changed = True
            yield Check(
                Code.PRICE,
                Verdict.LOOK,
                f"The price of {item.name or item.sku} was {price(was, currency)} and is {price(now, currency)}",
                "Each, without tax and discount. Tell the customer.",
                figures=(Figure("Was", was, currency), Figure("Is", now, currency)),
                item_id=item.item_id,
            )
    if not changed:
        yield passes(Code.PRICE, "No price has changed")


def _catalogue_price(
    sku: str | None, name: str | None, line_price: float | None, products: Mapping[str, Product], currency: str
) -> Iterable[Figure]:
    product = products.get(sku or "")
    of = name or sku or ""
    yield Figure("in the cart without tax", exact(line_price or 0.0), currency, of)
    if product is not None and product.price is not None:
        yield Figure("in the catalogue", Decimal(repr(product.price)), currency, of)


def _total(known: Standing, reading: Reading) -> Check:
    if not reading.totals.is_told:
        if not reading.totals.asked:
            return not_read(Code.TOTAL, "The totals")
        return untold(Code.TOTAL, "The total", reading.totals.trouble)
    totals = reading.totals.value or Totals()
    currency = totals.quote_currency_code or known.row.quote_currency
    total = exact(totals.grand_total or 0.0)
    before = known.totals
    if before is None or before.currency != currency or reads_alike(before.grand_total, total, currency):
        return passes(Code.TOTAL, f"The total is {price(total, currency)}", Figure("Total", total, currency))
    figures = [Figure("before", before.grand_total, currency, "Total"), Figure("now", total, currency, "Total")]
    for each in compare(breakdown(before), breakdown(totals_document(totals, currency))):
        if each.before is not None and each.now is not None and reads_alike(each.before, each.now, currency):
            continue
        for when, amount in (("before", each.before), ("now", each.now)):
            if amount is not None:
                figures.append(Figure(when, amount, currency, each.row.label))
    return Check(
        Code.TOTAL,
        Verdict.LOOK,
        f"The total was {price(before.grand_total, currency)} and is {price(total, currency)}",
        "It has changed since the desk last read it. Tell the customer.",
        figures=tuple(figures),
    )


def _currency(known: Standing, cart: Cart, reading: Reading) -> Check:
    currency = cart.currency.quote_currency_code if cart.currency else None
    own = currency or known.row.quote_currency
    display = known.display_currency
    if display is not None and display != own and cart.store_id == known.row.store_id:
        return Check(
            Code.CURRENCY,
            Verdict.LOOK,
            f"The cart is in {own}, its store view sells in {display}",
            f"The order could hold amounts of {display} called {own}. Compare the total with the price list.",
            figures=(Figure("Cart", own), Figure("Store view", display)),
        )
    today = (reading.rates.value or {}).get(own)
    told = cart.currency.base_to_quote_rate if cart.currency else None
    kept = None if told is None else Decimal(repr(told))
    # A cart keeps its rate to four places, the list of rates has more.
    if today is not None and kept is not None and today.quantize(_PLACES) != kept.quantize(_PLACES):
        return Check(
            Code.CURRENCY,
            Verdict.LOOK,
            f"The exchange rate was {kept:f} and is {today:f}",
            f"The shop reckons the {own} amounts anew when it is ordered.",
            figures=(Figure("Rate of the cart", f"{kept:f}"), Figure("Rate today", f"{today:f}")),
        )
    if reading.rates.trouble is not None:
        return untold(Code.CURRENCY, "The exchange rate", reading.rates.trouble)
    return passes(Code.CURRENCY, f"Ordered in {own}, in the store view {reading.store_code}")
