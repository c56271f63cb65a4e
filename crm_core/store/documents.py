"""What the JSON columns hold, typed: addresses, comments, totals and chosen options.

Amounts are Decimal, written as JSON strings, so nothing is rounded on the way. Unknown fields are skipped when read, so
an older program reads what a newer one wrote.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec


class Address(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An address as the shop holds it; `region` is its name as shown, `country_id` the ISO code of two letters."""

    prefix: str | None = None
    firstname: str | None = None
    middlename: str | None = None
    lastname: str | None = None
    suffix: str | None = None
    company: str | None = None
    street: list[str] = []
    city: str | None = None
    postcode: str | None = None
    region: str | None = None
    region_code: str | None = None
    region_id: int | None = None
    country_id: str | None = None
    telephone: str | None = None
    email: str | None = None
    vat_id: str | None = None
    is_default_billing: bool = False
    is_default_shipping: bool = False
    origin_id: int | None = None


class Comment(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An entry of an order's status history; `created_at` is aware and UTC. `comment` is data, never HTML to show."""

    created_at: datetime | None = None
    status: str | None = None
    comment: str | None = None
    is_customer_notified: bool | None = None
    is_visible_on_front: bool | None = None
    origin_id: int | None = None


class TotalsSegment(msgspec.Struct, frozen=True, gc=False):
    """A line of the shop's own breakdown of a total; `title` in the shop's language, `value` in the cart's currency."""

    code: str
    title: str
    value: Decimal


class Option(msgspec.Struct, frozen=True, gc=False):
    """A choice made for a cart line, such as Colour: Red."""

    label: str
    value: str


class TotalsItem(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One cart line's part of the totals, in the cart's currency; `row_total` is without tax, before discount."""

    item_id: int
    name: str
    qty: Decimal
    price: Decimal
    row_total: Decimal
    row_total_incl_tax: Decimal | None = None
    tax_amount: Decimal | None = None
    discount_amount: Decimal | None = None
    options: list[Option] = []


class Totals(msgspec.Struct, frozen=True, omit_defaults=True):
    """A cart's totals as the shop calculated them at one time, in the cart's `currency`."""

    currency: str
    grand_total: Decimal
    subtotal: Decimal
    items_qty: Decimal
    subtotal_incl_tax: Decimal | None = None
    discount_amount: Decimal | None = None
    shipping_amount: Decimal | None = None
    shipping_incl_tax: Decimal | None = None
    tax_amount: Decimal | None = None
    base_currency: str | None = None
    base_subtotal: Decimal | None = None
    base_grand_total: Decimal | None = None
    coupon_code: str | None = None
    segments: list[TotalsSegment] = []
    items: list[TotalsItem] = []


Document = Address | Comment | Totals | Option

_encoder = msgspec.json.Encoder()
_address = msgspec.json.Decoder(Address)
_addresses = msgspec.json.Decoder(list[Address])
_comments = msgspec.json.Decoder(list[Comment])
_totals = msgspec.json.Decoder(Totals)
_options = msgspec.json.Decoder(list[Option])


def encode(document: Document | list[Address] | list[Comment] | list[Option]) -> str:
    """The JSON text of a document or a list of them; the same document always gives the same text."""
    return _encoder.encode(document).decode()


SAME_AS_BILLING = "="
"""What an order's column `shipping_address` holds where the goods go where the bill goes, as of most orders they do."""


def shipping_address_of(billing_address: str | None, shipping_address: str | None) -> str | None:
    """The JSON text of where an order's goods go, by those two columns of it; None where the shop told nothing."""
    return billing_address if shipping_address == SAME_AS_BILLING else shipping_address


def decode_address(text: str) -> Address:
    """The address in a column `billing_address`, or in `shipping_address` where it is one of its own.

    Raises msgspec.DecodeError if it is none.
    """
    return _address.decode(text)


def decode_addresses(text: str) -> list[Address]:
    """The addresses in customer.addresses. Raises msgspec.DecodeError if they are none."""
    return _addresses.decode(text)


def decode_comments(text: str) -> list[Comment]:
    """The comments in sales_order.comments, as they were written. Raises msgspec.DecodeError if they are none."""
    return _comments.decode(text)


def decode_totals(text: str) -> Totals:
    """The totals in cart.totals. Raises msgspec.DecodeError if they are none."""
    return _totals.decode(text)


def decode_options(text: str) -> list[Option]:
    """The options in cart_item.options. Raises msgspec.DecodeError if they are none."""
    return _options.decode(text)
