"""What a person sees before an order is placed: the cart as the shop has it now, and the ways to ship and to pay it.

It is made from a preflight, so the shop is asked once. The total with a way of shipping is the shop's own total with
that shipping's price in place of the present one; only placing finds out what the shop makes of it, and asks again if
it differs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

from msgspec.structs import replace

from crm_core.errors import BadInput, NotAllowed
from crm_core.insight.breakdown import TotalRow, breakdown
from crm_core.insight.names import full_name
from crm_core.magento import payloads
from crm_core.magento.payloads import exact
from crm_core.sales.preflight.check import Code, Verdict
from crm_core.sales.preflight.payment import FREE, OFFLINE_METHODS, PURCHASE_ORDER
from crm_core.sales.preflight.plan import AS_IT_STANDS, Plan
from crm_core.sales.preflight.reading import Reading
from crm_core.sales.preflight.run import Preflight, preflight
from crm_core.sales.preflight.shipping import (
    chosen_code,
    expected_total,
    method_title,
    offered_methods,
    rate,
    rate_without_tax,
)
from crm_core.store.database import Store
from crm_core.store.documents import Option, Totals
from crm_core.sync.cart_totals import totals_document

_NONE = Decimal(0)


@dataclass(frozen=True)
class OfferLine:
    """A line that will be ordered."""

    item_id: int
    sku: str
    name: str
    qty: Decimal
    row_total: Decimal | None
    """In the cart's currency, without tax, before discount; None where the shop's totals leave the line out."""
    options: tuple[Option, ...] = ()
    """What was chosen of the product, as the shop's totals tell it."""


@dataclass(frozen=True)
class ShippingOption:
    """A way of shipping that the shop offers now. Amounts are in the cart's currency, `price` with tax."""

    carrier_code: str
    method_code: str
    title: str
    price: Decimal
    price_without_tax: Decimal
    grand_total: Decimal
    """What the order should come to with it."""
    is_chosen: bool
    """Whether the cart has it already."""

    @property
    def code(self) -> str:
        """Carrier and method, as carts and orders name them."""
        return f"{self.carrier_code}_{self.method_code}"


@dataclass(frozen=True)
class PaymentOption:
    """A way of paying that the shop offers for the cart and that needs nothing of the customer."""

    code: str
    title: str
    is_chosen: bool
    """Whether the cart has it already."""

    @property
    def needs_po_number(self) -> bool:
        """Whether the customer's purchase order number must be given with it."""
        return self.code == PURCHASE_ORDER


@dataclass(frozen=True)
class Choice:
    """What a person agreed to on Confirm. `lines` is Offer.lines_mark of what they saw."""

    shipping: ShippingOption | None
    payment_method: str
    grand_total: Decimal
    currency: str
    lines: str
    po_number: str | None = None

    @property
    def plan(self) -> Plan:
        """The same for a preflight."""
        return Plan(None if self.shipping is None else self.shipping.code, self.payment_method, self.po_number)


@dataclass(frozen=True)
class Offer:
    """A cart as it can be ordered now, whose checks are those of `preflight`. Amounts are in `currency`."""

    preflight: Preflight
    store_view: str
    """Its code."""
    currency: str
    is_virtual: bool
    """Nothing is sent, so there is no shipping to choose."""
    customer: str
    email: str | None
    lines: tuple[OfferLine, ...]
    totals: Totals
    """As the shop has them now."""
    totals_before: Totals | None
    """As the desk had them before; None: it never read them."""
    shipping: tuple[ShippingOption, ...]
    """The cheapest first."""
    payment: tuple[PaymentOption, ...]

    @property
    def lines_mark(self) -> str:
        """A short text that differs for other lines or quantities."""
        return lines_mark((line.sku, line.qty) for line in self.lines)

    @property
    def chosen_shipping(self) -> ShippingOption | None:
        """The way of shipping to start from: the cart's own; the only one for a cart that has none.

        A cart whose own is gone has none to start from: another may cost more, so a person chooses it.
        """
        if self._saved_shipping is None:
            return self.shipping[0] if len(self.shipping) == 1 else None
        return next((option for option in self.shipping if option.is_chosen), None)

    def chosen_payment(self, shipping: ShippingOption | None) -> PaymentOption | None:
        """The way of paying to start from with that shipping: the cart's own, else the only one."""
        fitting = self.payment_with(shipping)
        return next((option for option in fitting if option.is_chosen), fitting[0] if len(fitting) == 1 else None)

    @property
    def _saved_shipping(self) -> str | None:
        reading = self.preflight.reading
        return None if reading is None else chosen_code(reading, AS_IT_STANDS)

    def grand_total(self, shipping: ShippingOption | None) -> Decimal:
        """What the order should come to with that way of shipping (None: nothing to send, or none chosen yet)."""
        return self.totals.grand_total if shipping is None else shipping.grand_total

    def breakdown(self, shipping: ShippingOption | None) -> tuple[TotalRow, ...]:
        """The rows that make up the grand total with that way of shipping; None: as the shop has the cart now."""
        if shipping is None:
            return breakdown(self.totals)
        totals = self.totals
        saved = totals.shipping_amount or _NONE
        saved_with_tax = saved if totals.shipping_incl_tax is None else totals.shipping_incl_tax
        more_tax = (shipping.price - shipping.price_without_tax) - (saved_with_tax - saved)
        return breakdown(
            replace(
                totals,
                grand_total=shipping.grand_total,
                shipping_amount=shipping.price_without_tax,
                shipping_incl_tax=shipping.price,
                tax_amount=(totals.tax_amount or _NONE) + more_tax,
            )
        )

    def payment_with(self, shipping: ShippingOption | None) -> list[PaymentOption]:
        """The ways of paying that fit the total: Magento takes `free` for a total of zero and nothing else for it."""
        is_free = self.grand_total(shipping) == 0
        return [option for option in self.payment if (option.code == FREE) == is_free]

    def choose(self, shipping_code: str | None, payment_method: str, po_number: str | None = None) -> Choice:
        """The choice to place. Raises NotAllowed with what must be settled first, BadInput with what to choose."""
        number = (po_number or "").strip()
        checked = self.preflight.planned(Plan(shipping_code, payment_method or None, number or None))
        if checked.obstacles:
            raise NotAllowed(checked.obstacles[0].sentence)
        for check in (*checked.of(Code.SHIPPING), *checked.of(Code.PAYMENT)):
            if check.verdict is Verdict.UNKNOWN:
                raise NotAllowed(check.sentence)
        shipping = next((option for option in self.shipping if option.code == shipping_code), None)
        if shipping is None and not self.is_virtual:
            raise BadInput("Choose a way of shipping that the shop offers.")
        if payment_method not in {option.code for option in self.payment_with(shipping)}:
            raise BadInput("Choose a way of paying that the shop offers for this total.")
        if payment_method == PURCHASE_ORDER and not number:
            raise BadInput("Enter the customer's purchase order number.")
        return Choice(
            shipping=shipping,
            payment_method=payment_method,
            grand_total=self.grand_total(shipping),
            currency=self.currency,
            lines=self.lines_mark,
            po_number=number if payment_method == PURCHASE_ORDER else None,
        )


def prepare(store: Store, cart_key: int, person: str, *, recalculate: bool = False) -> Offer:
    """The cart as it can be ordered now: a preflight and the offer that comes of it.

    Saves nothing in the shop; only with `recalculate` Magento recalculates a cart whose prices have changed. Raises
    NotAllowed with the reason if there is nothing to offer, and what `preflight` raises.
    """
    result = preflight(store, cart_key, person, recalculate=recalculate)
    offer = offer_of(result)
    if offer is None:
        raise NotAllowed(why_no_offer(result))
    return offer


def offer_of(result: Preflight) -> Offer | None:
    """What can be ordered and how; None while the cart can't be ordered at all, or the shop has not told its total."""
    reading = result.reading
    if reading is None or not reading.is_open or reading.totals.value is None or reading.cart.value is None:
        return None
    cart = reading.cart.value
    told = None if cart.currency is None else cart.currency.quote_currency_code
    totals = totals_document(reading.totals.value, told or result.known.row.quote_currency)
    return Offer(
        preflight=result,
        store_view=reading.store_code,
        currency=totals.currency,
        is_virtual=bool(cart.is_virtual),
        customer=_name(cart),
        email=cart.email,
        lines=tuple(_lines(cart, totals)),
        totals=totals,
        totals_before=result.known.totals,
        shipping=tuple(_shipping_options(reading)),
        payment=tuple(_payment_options(reading)),
    )


def why_no_offer(result: Preflight) -> str:
    """What keeps the cart from being offered: what must be settled, else what could not be known."""
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
        for check in result.checks:
            if check.verdict is verdict and not check.is_choice:
                return check.sentence
    return "The shop did not tell what this cart comes to. Check it again."


def lines_mark(lines: Iterable[tuple[str, Decimal]]) -> str:
    """A short text that differs for other SKUs or quantities, whatever the order of the lines."""
    text = "\n".join(sorted(f"{sku}\t{qty.normalize():f}" for sku, qty in lines))
    return sha256(text.encode()).hexdigest()[:16]


def _name(cart: payloads.Cart) -> str:
    for person in (cart.customer, cart.billing_address):
        if person is not None and (person.firstname or person.lastname):
            return full_name(person.firstname, person.lastname)
    return ""


def _lines(cart: payloads.Cart, totals: Totals) -> Iterable[OfferLine]:
    told = {item.item_id: item for item in totals.items}
    for item in cart.items or ():
        sku = item.sku or ""
        qty = exact(item.qty or 0.0)
        total = told.get(item.item_id)
        row_total, options = (total.row_total, tuple(total.options)) if total else (None, ())
        yield OfferLine(item.item_id, sku, item.name or sku, qty, row_total, options)


def _shipping_options(reading: Reading) -> list[ShippingOption]:
    saved = chosen_code(reading, AS_IT_STANDS)
    options = [
        ShippingOption(
            carrier_code=method.carrier_code,
            method_code=method.method_code or "",
            title=method_title(method),
            price=rate(method),
            price_without_tax=rate_without_tax(method),
            grand_total=expected_total(reading, Plan(shipping=code)) or Decimal(0),
            is_chosen=code == saved,
        )
        for code, method in offered_methods(reading).items()
    ]
    return sorted(options, key=lambda option: option.price)


def _payment_options(reading: Reading) -> Iterable[PaymentOption]:
    saved = reading.payment.value.method if reading.payment.value else None
    for method in reading.payment_methods.value or ():
        if method.code in OFFLINE_METHODS or method.code == FREE:
            yield PaymentOption(method.code, method.title or method.code, method.code == saved)
