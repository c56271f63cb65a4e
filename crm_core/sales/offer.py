"""What a person sees before an order is placed: the cart as the shop has it now, and the ways to ship and to pay it.

Nothing is saved in the shop by it. The total with a way of shipping is the shop's own total with that shipping's price
in place of the present one; only placing finds out what the shop makes of it, and asks again if it differs.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from babel.numbers import format_currency
from sqlalchemy import Row, select

from crm_core.errors import BadInput, NotAllowed
from crm_core.magento import payloads
from crm_core.magento.payloads import exact
from crm_core.sales.decisions import require_person
from crm_core.sales.obstacles import why_not
from crm_core.store.database import Store
from crm_core.store.documents import Address, Totals, decode_address, decode_totals
from crm_core.store.tables import cart, cart_item, order
from crm_core.sync.channels import OpenShop, channel_of_store, open_shop
from crm_core.sync.record import synchronise_cart

OFFLINE_METHODS = ("checkmo", "banktransfer", "cashondelivery", "purchaseorder")
"""Magento's ways of paying that need nothing of the customer at the screen, beside FREE for a total of zero."""

FREE = "free"
PURCHASE_ORDER = "purchaseorder"


@dataclass(frozen=True)
class OfferLine:
    """A line that will be ordered. `base_price` is one piece in the base currency, without tax and discount."""

    item_id: int
    sku: str
    name: str
    qty: Decimal
    base_price: Decimal
    row_total: Decimal | None
    """In the cart's currency, without tax, before discount; None where the shop's totals leave the line out."""


@dataclass(frozen=True)
class ShippingOption:
    """A way of shipping that the shop offers now. Amounts in the cart's currency, tax included."""

    carrier_code: str
    method_code: str
    title: str
    price: Decimal
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


@dataclass(frozen=True)
class Offer:
    """A cart as it can be ordered now. Amounts without `base_` are in `currency`."""

    cart_key: int
    cart_id: int
    channel: str
    store_view: str
    currency: str
    base_currency: str
    is_virtual: bool
    """Nothing is sent, so there is no shipping to choose."""
    customer: str
    email: str | None
    lines: list[OfferLine]
    billing_address: Address | None
    shipping_address: Address | None
    totals: Totals
    """As the shop has them now."""
    totals_before: Totals | None
    """As the desk had them before; None: it never read them."""
    shipping: list[ShippingOption]
    payment: list[PaymentOption]
    changes: list[str]
    """What the shop said that the desk did not know yet, in sentences."""
    warnings: list[str]
    """What the shop would take, but a person should look at."""
    blocked: list[str] = field(default_factory=list)
    """Why it can't be confirmed as it is; empty: it can."""

    @property
    def lines_mark(self) -> str:
        """A short text that differs for other lines or quantities."""
        return lines_mark((line.sku, line.qty) for line in self.lines)

    @property
    def chosen_shipping(self) -> ShippingOption | None:
        """The way of shipping to start from: the cart's own, else the only one."""
        chosen = [option for option in self.shipping if option.is_chosen]
        return chosen[0] if chosen else self.shipping[0] if len(self.shipping) == 1 else None

    def grand_total(self, shipping: ShippingOption | None) -> Decimal:
        """What the order should come to with that way of shipping (None: nothing to send, or none chosen yet)."""
        return self.totals.grand_total if shipping is None else shipping.grand_total

    def payment_with(self, shipping: ShippingOption | None) -> list[PaymentOption]:
        """The ways of paying that fit the total: Magento takes `free` for a total of zero and nothing else for it."""
        is_free = self.grand_total(shipping) == 0
        return [option for option in self.payment if (option.code == FREE) == is_free]

    def choose(self, shipping_code: str | None, payment_method: str, po_number: str | None = None) -> Choice:
        """The choice to place, checked against what is offered. Raises BadInput, saying what to choose."""
        if self.blocked:
            raise BadInput(self.blocked[0])
        shipping = next((option for option in self.shipping if option.code == shipping_code), None)
        if shipping is None and not self.is_virtual:
            raise BadInput("Choose a way of shipping that the shop offers.")
        if payment_method not in {option.code for option in self.payment_with(shipping)}:
            raise BadInput("Choose a way of paying that the shop offers for this total.")
        number = (po_number or "").strip()
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


def prepare(store: Store, cart_key: int, person: str) -> Offer:
    """The cart as it can be ordered now: read afresh from the shop, with what it offers for shipping and payment.

    Saves nothing in the shop, though Magento may recalculate a cart whose prices have changed, as on every look at it.
    Raises NotAllowed with the reason if no order can be placed, before or after the reading, and what the shop's
    clients and the synchronisation raise.
    """
    require_person(person)
    _require_open(store, cart_key)
    before, _, _ = _read(store, cart_key)
    totals_before = None if before.totals is None else decode_totals(before.totals)
    changes = synchronise_cart(store, cart_key, person)
    _require_open(store, cart_key)
    row, lines, cancelled = _read(store, cart_key)
    shop = _open(store, row)
    if row.totals is None or row.totals_read_at == before.totals_read_at:
        raise NotAllowed(" ".join(["The shop did not tell what this cart comes to. Try again.", *changes.notes]))
    totals = decode_totals(row.totals)
    shipping_address = _address(row.shipping_address)
    methods, payment = _ask(shop, row, shipping_address)
    shipping = _shipping_options(methods, totals, row.shipping_method)
    offer = Offer(
        cart_key=cart_key,
        cart_id=row.origin_id,
        channel=shop.channel.name,
        store_view=store_code(shop, row.store_id),
        currency=totals.currency,
        base_currency=row.base_currency,
        is_virtual=row.is_virtual,
        customer=" ".join(part for part in (row.firstname, row.lastname) if part),
        email=row.email,
        lines=_lines(lines, totals),
        billing_address=_address(row.billing_address),
        shipping_address=shipping_address,
        totals=totals,
        totals_before=totals_before,
        shipping=shipping,
        payment=_payment_options(payment),
        changes=list(changes.changes),
        warnings=[*_warnings(row, lines, cancelled, totals, totals_before), *changes.notes],
    )
    offer.blocked.extend(_blocked(offer))
    return offer


def store_code(shop: OpenShop, store_id: int) -> str:
    """The code of the cart's own store view: it goes into every URL, since any other moves the cart."""
    view = shop.store_views.get(store_id)
    if view is None:
        raise NotAllowed("The store view of this cart is not known. Synchronise the channel first.")
    return view.code


def lines_mark(lines: Iterable[tuple[str, Decimal]]) -> str:
    """A short text that differs for other SKUs or quantities, whatever the order of the lines."""
    text = "\n".join(sorted(f"{sku}\t{qty.normalize():f}" for sku, qty in lines))
    return sha256(text.encode()).hexdigest()[:16]


def price(amount: Decimal, currency: str) -> str:
    """The amount for a sentence, such as €84.20."""
    return format_currency(amount, currency, locale="en_GB")


def _require_open(store: Store, cart_key: int) -> None:
    reason = why_not(store, cart_key)
    if reason is not None:
        raise NotAllowed(reason)


def _open(store: Store, row: Row[Any]) -> OpenShop:
    channel = channel_of_store(store, row.shop_id, row.store_id)
    if channel is None:
        raise NotAllowed("No channel reads this cart's store view any more.")
    return open_shop(store, channel)


def _read(store: Store, cart_key: int) -> tuple[Row[Any], list[Row[Any]], list[str]]:
    """The cart's row, its lines in the shop's order, and the numbers of its cancelled orders."""
    with store.reading() as connection:
        row = connection.execute(select(cart).where(cart.c.id == cart_key)).one()
        lines = connection.execute(
            select(cart_item).where(cart_item.c.cart_id == cart_key).order_by(cart_item.c.item_id)
        ).all()
        cancelled = connection.scalars(
            select(order.c.increment_id)
            .where(order.c.cart_id == cart_key, order.c.state == "canceled")
            .order_by(order.c.id)
        ).all()
    return row, list(lines), list(cancelled)


def _ask(
    shop: OpenShop, row: Row[Any], address: Address | None
) -> tuple[list[payloads.ShippingMethod], list[payloads.PaymentMethod]]:
    """The shop's ways of shipping and of paying for the cart, asked side by side."""
    code = store_code(shop, row.store_id)
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="offer") as pool:
        paying = pool.submit(shop.checkout.payment_methods, row.origin_id, code)
        if row.is_virtual or address is None:
            return [], paying.result()
        shipping = pool.submit(shop.checkout.estimate_shipping_methods, row.origin_id, code, for_shop(address))
        return shipping.result(), paying.result()


def _address(text: str | None) -> Address | None:
    """The address in the column; None also for Magento's blank rows, which have no country."""
    address = None if text is None else decode_address(text)
    return address if address is not None and address.country_id else None


def for_shop(address: Address) -> payloads.Address:
    """The address as the shop is sent it, without what is empty and without its place in the address book."""
    known = {name: getattr(address, name) for name in Address.__struct_fields__}
    return payloads.Address(**{name: known[name] for name in payloads.Address.__struct_fields__ if known.get(name)})


def _shipping_options(
    methods: list[payloads.ShippingMethod], totals: Totals, chosen: str | None
) -> list[ShippingOption]:
    present = totals.shipping_incl_tax or Decimal(0)
    options = []
    for method in methods:
        amount = method.price_incl_tax if method.price_incl_tax is not None else method.amount
        if method.available is False or method.method_code is None or amount is None:
            continue
        rate = exact(amount)
        titles = [title for title in (method.carrier_title, method.method_title) if title]
        options.append(
            ShippingOption(
                carrier_code=method.carrier_code,
                method_code=method.method_code,
                title=" – ".join(titles) or method.carrier_code,
                price=rate,
                grand_total=totals.grand_total - present + rate,
                is_chosen=f"{method.carrier_code}_{method.method_code}" == chosen,
            )
        )
    return sorted(options, key=lambda option: option.price)


def _payment_options(methods: list[payloads.PaymentMethod]) -> list[PaymentOption]:
    return [
        PaymentOption(method.code, method.title or method.code)
        for method in methods
        if method.code in OFFLINE_METHODS or method.code == FREE
    ]


def _lines(rows: list[Row[Any]], totals: Totals) -> list[OfferLine]:
    row_totals = {item.item_id: item.row_total for item in totals.items}
    return [
        OfferLine(row.item_id, row.sku, row.name, row.qty, row.base_price, row_totals.get(row.item_id))
        for row in rows
        if row.state == "present"
    ]


def _warnings(
    row: Row[Any], lines: list[Row[Any]], cancelled: list[str], totals: Totals, before: Totals | None
) -> list[str]:
    warnings = []
    if row.unavailable_count:
        hidden = [line.name for line in lines if line.state == "unavailable"]
        names = f" ({', '.join(hidden)})" if hidden else ""
        count = row.unavailable_count
        subject = "1 line is" if count == 1 else f"{count} lines are"
        warnings.append(f"{subject} unavailable{names} and will not be ordered, though the total may still count it.")
    if cancelled:
        numbers = ", ".join(cancelled)
        warnings.append(f"An earlier order of this cart was cancelled: {numbers}. The shop would order it again.")
    if before is not None and before.currency == totals.currency and before.grand_total != totals.grand_total:
        was, is_now = price(before.grand_total, totals.currency), price(totals.grand_total, totals.currency)
        warnings.append(f"The total has changed from {was} to {is_now} since the desk last read it.")
    return warnings


def _blocked(offer: Offer) -> list[str]:
    blocked = []
    if offer.billing_address is None:
        blocked.append("The cart has no billing address. The customer or the shop's admin must enter one.")
    if not offer.is_virtual:
        if offer.shipping_address is None:
            blocked.append("The cart has no shipping address. The customer or the shop's admin must enter one.")
        elif not offer.shipping:
            blocked.append("The shop offers no way of shipping to this address.")
    if not offer.email:
        blocked.append("The cart has no e-mail address, and the shop takes no order without one.")
    if not offer.lines:
        blocked.append("None of its lines can be ordered.")
    totals = [option.grand_total for option in offer.shipping] or [offer.totals.grand_total]
    if all((option.code == FREE) != (total == 0) for option in offer.payment for total in totals):
        blocked.append("The shop offers no way of paying for this cart that works without the customer.")
    return blocked
