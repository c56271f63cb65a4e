"""What a shop's answers hold, typed: only the fields that the product mirrors or shows; unknown ones are skipped.

Amounts are floats, because JSON numbers decode fastest to them and lose nothing that Magento keeps (DECIMAL(20,4)):
`ten_thousandths` and `exact` turn one into an exact amount and refuse what a float cannot hold exactly. A field named
`base_...` is in the shop's base currency, the same field without `base_` in the currency of the cart or order.

Times are naive and mean UTC, as Magento writes them: ``2026-05-05 09:30:03`` without a zone, whatever the time zone
of the store (observed on Magento 2.4.7).

Magento leaves out an attribute that is null, so every field that is not an identity may be None.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

import msgspec

from crm_core.errors import BadRecord

Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""The number of a record; it fits a 64-bit integer."""

Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number that fits a 64-bit integer."""

UtcTime = Annotated[datetime, msgspec.Meta(tz=False)]
"""A moment in UTC, naive because Magento's text carries no zone."""

_LIMIT = 4e11
_SURE = 1e9
_DUST = 0.01


def ten_thousandths(amount: float) -> int:
    """The amount in exact 1/10000 of its currency. Raises BadRecord if the float does not tell it exactly.

    PHP's arithmetic leaves dust such as 39.900000000000006; up to 1/100 of a unit it is taken for dust. Below 4e11
    two amounts of at most four places never share a float (neighbours there are 6.1e-5 apart), so the one meant is
    certain: up to 1e9 by multiplying, which is off by less than 1/100 of a unit there, above by the shortest decimal.
    """
    if -_SURE < amount < _SURE:
        scaled = amount * 10_000
        units = round(scaled)
        if -_DUST < scaled - units < _DUST:
            return units
    elif -_LIMIT < amount < _LIMIT:
        decimal_scaled = Decimal(repr(amount)).scaleb(4)
        whole = decimal_scaled.to_integral_value(rounding=ROUND_HALF_UP)
        if abs(decimal_scaled - whole) < Decimal("0.01"):
            return int(whole)
    raise BadRecord(f"The amount {amount!r} is not one that Magento keeps: too large, or of more than four places.")


def exact(amount: float) -> Decimal:
    """The amount as an exact Decimal with four places. Raises BadRecord as `ten_thousandths` does."""
    return Decimal(ten_thousandths(amount)).scaleb(-4)


class Website(msgspec.Struct, frozen=True, gc=False):
    """A website of the shop; id 0 is the admin's own and sells nothing."""

    id: Id
    code: str
    name: str | None = None


class StoreView(msgspec.Struct, frozen=True, gc=False):
    """A store view: the unit that carts and orders belong to. Its code goes into the URL of every write."""

    id: Id
    code: str
    website_id: Id
    name: str | None = None
    is_active: bool | None = None


class StoreConfig(msgspec.Struct, frozen=True, gc=False):
    """A store view's settings: the only place that tells the store's time zone. The admin's store 0 has none."""

    id: Id
    code: str
    website_id: Id
    timezone: str
    base_currency_code: str
    default_display_currency_code: str | None = None
    locale: str | None = None
    base_url: str | None = None


class CustomerGroup(msgspec.Struct, frozen=True, gc=False):
    """A customer group; 0 holds the guests."""

    id: Id
    code: str


class Region(msgspec.Struct, frozen=True, gc=False):
    """The region of a customer's address, which is an object there and plain text in carts and orders."""

    region: str | None = None
    region_code: str | None = None
    region_id: Id | None = None


class CustomerAddress(msgspec.Struct, frozen=True, gc=False):
    """An address in a customer's address book."""

    id: Id | None = None
    prefix: str | None = None
    firstname: str | None = None
    middlename: str | None = None
    lastname: str | None = None
    suffix: str | None = None
    company: str | None = None
    street: list[str | None] | None = None
    city: str | None = None
    postcode: str | None = None
    region: Region | None = None
    country_id: str | None = None
    telephone: str | None = None
    vat_id: str | None = None
    default_billing: bool | None = None
    default_shipping: bool | None = None


class CustomerExtension(msgspec.Struct, frozen=True, gc=False):
    """What modules add to a customer: here, the newsletter."""

    is_subscribed: bool | None = None


class Customer(msgspec.Struct, frozen=True, gc=False):
    """A registered customer. Newsletter and addresses change without moving `updated_at` (magento/magento2#5013)."""

    id: Id
    email: str | None = None
    firstname: str | None = None
    lastname: str | None = None
    group_id: Id | None = None
    store_id: Id | None = None
    website_id: Id | None = None
    created_at: UtcTime | None = None
    updated_at: UtcTime | None = None
    default_billing: str | None = None
    default_shipping: str | None = None
    addresses: list[CustomerAddress] | None = None
    extension_attributes: CustomerExtension | None = None

    @property
    def is_subscribed(self) -> bool | None:
        """Whether the customer gets the newsletter; None where the shop does not tell (before 2.4.0)."""
        return self.extension_attributes.is_subscribed if self.extension_attributes else None


class Address(msgspec.Struct, frozen=True, gc=False):
    """The billing or shipping address of a cart or an order, as it was entered there."""

    id: Id | None = None
    prefix: str | None = None
    firstname: str | None = None
    middlename: str | None = None
    lastname: str | None = None
    suffix: str | None = None
    company: str | None = None
    street: list[str | None] | None = None
    city: str | None = None
    postcode: str | None = None
    region: str | None = None
    region_code: str | None = None
    region_id: Id | None = None
    country_id: str | None = None
    telephone: str | None = None
    fax: str | None = None
    email: str | None = None
    vat_id: str | None = None
    customer_address_id: Id | None = None


class Shipping(msgspec.Struct, frozen=True, gc=False):
    """Where a cart or an order goes, and how: `method` is carrier and method joined by an underscore."""

    address: Address | None = None
    method: str | None = None


class ShippingAssignment(msgspec.Struct, frozen=True, gc=False):
    """Magento's wrapper of the shipping; the items that it repeats are skipped."""

    shipping: Shipping | None = None


class ShippingExtension(msgspec.Struct, frozen=True, gc=False):
    """What modules add to a cart or an order: here, the shipping."""

    shipping_assignments: list[ShippingAssignment] | None = None


def _shipping(extension: ShippingExtension | None) -> Shipping | None:
    assignments = extension.shipping_assignments if extension else None
    return assignments[0].shipping if assignments else None


class CartCustomer(msgspec.Struct, frozen=True, gc=False):
    """The customer of a cart as the customer is now; all None for a guest and for a deleted customer."""

    id: Id | None = None
    email: str | None = None
    prefix: str | None = None
    firstname: str | None = None
    middlename: str | None = None
    lastname: str | None = None
    group_id: Id | None = None
    website_id: Id | None = None


class CartCurrency(msgspec.Struct, frozen=True, gc=False):
    """The currencies of a cart; amounts in base times `base_to_quote_rate` are about those that the customer sees."""

    base_currency_code: str | None = None
    quote_currency_code: str | None = None
    base_to_quote_rate: float | None = None


class CartItem(msgspec.Struct, frozen=True, gc=False):
    """A line of a cart. `price` is one piece in the base currency, without tax and discount (observed on 2.4.7)."""

    item_id: Id
    sku: str | None = None
    name: str | None = None
    qty: float | None = None
    price: float | None = None
    product_type: str | None = None


class Cart(msgspec.Struct, frozen=True, gc=False):
    """A cart (Magento's quote). It tells no total and no coupon; its e-mail is the customer's or an address's.

    `items` is None where the shop does not tell the lines: inactive carts. Lines whose product is disabled or
    deleted are missing from `items` while `items_count` and `items_qty` still count them (observed on 2.4.7).
    """

    id: Id
    created_at: UtcTime | None = None
    updated_at: UtcTime | None = None
    is_active: bool | None = None
    is_virtual: bool | None = None
    store_id: Id | None = None
    items: list[CartItem] | None = None
    items_count: Number | None = None
    items_qty: float | None = None
    customer: CartCustomer | None = None
    customer_is_guest: bool | None = None
    billing_address: Address | None = None
    currency: CartCurrency | None = None
    reserved_order_id: str | None = None
    extension_attributes: ShippingExtension | None = None

    @property
    def shipping(self) -> Shipping | None:
        """The shipping address and method, if the shop tells them: only for active carts with goods to send."""
        return _shipping(self.extension_attributes)

    @property
    def email(self) -> str | None:
        """The customer's e-mail, or what a guest typed: in the billing address or in the shipping address."""
        if self.customer and self.customer.email:
            return self.customer.email
        if self.billing_address and self.billing_address.email:
            return self.billing_address.email
        shipping = self.shipping
        return shipping.address.email if shipping and shipping.address else None


class OrderItem(msgspec.Struct, frozen=True, gc=False):
    """A line of an order. Configurable and bundle products give a parent and children: only parents carry money.

    A child has `parent_item_id`. Amounts without `base_` are in the order's currency, without tax unless named so.
    """

    item_id: Id
    parent_item_id: Id | None = None
    quote_item_id: Id | None = None
    product_id: Id | None = None
    product_type: str | None = None
    sku: str | None = None
    name: str | None = None
    qty_ordered: float | None = None
    qty_invoiced: float | None = None
    qty_shipped: float | None = None
    qty_refunded: float | None = None
    qty_canceled: float | None = None
    price: float | None = None
    base_price: float | None = None
    price_incl_tax: float | None = None
    row_total: float | None = None
    base_row_total: float | None = None
    row_total_incl_tax: float | None = None
    tax_amount: float | None = None
    discount_amount: float | None = None


class OrderPayment(msgspec.Struct, frozen=True, gc=False):
    """How an order is paid."""

    method: str | None = None
    po_number: str | None = None
    additional_information: Any = None

    @property
    def title(self) -> str | None:
        """The method's name as the customer saw it: the first entry of the additional information."""
        information = self.additional_information
        if isinstance(information, list) and information and isinstance(information[0], str):
            return information[0]
        return None


class StatusHistory(msgspec.Struct, frozen=True, gc=False):
    """A comment on an order, or a change of its status."""

    entity_id: Id | None = None
    created_at: UtcTime | None = None
    status: str | None = None
    comment: str | None = None
    is_customer_notified: Number | None = None
    is_visible_on_front: Number | None = None


class Order(msgspec.Struct, frozen=True, gc=False):
    """An order. `entity_id` names it in the API, `increment_id` to people and only within its store."""

    entity_id: Id
    increment_id: str | None = None
    quote_id: Id | None = None
    store_id: Id | None = None
    created_at: UtcTime | None = None
    updated_at: UtcTime | None = None
    state: str | None = None
    status: str | None = None
    is_virtual: bool | None = None
    customer_id: Id | None = None
    customer_is_guest: bool | None = None
    customer_email: str | None = None
    customer_firstname: str | None = None
    customer_lastname: str | None = None
    remote_ip: str | None = None
    base_currency_code: str | None = None
    order_currency_code: str | None = None
    grand_total: float | None = None
    base_grand_total: float | None = None
    subtotal: float | None = None
    base_subtotal: float | None = None
    tax_amount: float | None = None
    base_tax_amount: float | None = None
    shipping_amount: float | None = None
    base_shipping_amount: float | None = None
    discount_amount: float | None = None
    base_discount_amount: float | None = None
    total_paid: float | None = None
    base_total_paid: float | None = None
    total_invoiced: float | None = None
    base_total_invoiced: float | None = None
    total_refunded: float | None = None
    base_total_refunded: float | None = None
    total_canceled: float | None = None
    base_total_canceled: float | None = None
    total_due: float | None = None
    total_qty_ordered: float | None = None
    coupon_code: str | None = None
    discount_description: str | None = None
    shipping_description: str | None = None
    relation_parent_id: str | None = None
    items: list[OrderItem] | None = None
    billing_address: Address | None = None
    payment: OrderPayment | None = None
    status_histories: list[StatusHistory] | None = None
    extension_attributes: ShippingExtension | None = None

    @property
    def shipping(self) -> Shipping | None:
        """The shipping address and method; None for orders without goods to send."""
        return _shipping(self.extension_attributes)


class TotalsItem(msgspec.Struct, frozen=True, gc=False):
    """A line of a cart's totals; it has no SKU, `item_id` leads to the cart's line.

    `options` is JSON in a text: what was chosen of a configurable product, in the store view's words (observed on
    Magento 2.4.7); nothing else of a cart tells these words.
    """

    item_id: Id
    name: str | None = None
    qty: float | None = None
    price: float | None = None
    base_price: float | None = None
    row_total: float | None = None
    base_row_total: float | None = None
    row_total_incl_tax: float | None = None
    tax_amount: float | None = None
    discount_amount: float | None = None
    options: str | None = None


class TotalSegment(msgspec.Struct, frozen=True, gc=False):
    """One row of the sum that the customer sees: subtotal, discount, shipping, tax, grand_total or a module's own."""

    code: str
    title: str | None = None
    value: float | None = None


class Totals(msgspec.Struct, frozen=True, gc=False):
    """What a cart comes to. Told for active carts only; may be older than the lines (observed on 2.4.7)."""

    grand_total: float | None = None
    base_grand_total: float | None = None
    subtotal: float | None = None
    base_subtotal: float | None = None
    subtotal_incl_tax: float | None = None
    discount_amount: float | None = None
    base_discount_amount: float | None = None
    shipping_amount: float | None = None
    base_shipping_amount: float | None = None
    shipping_incl_tax: float | None = None
    tax_amount: float | None = None
    base_tax_amount: float | None = None
    base_currency_code: str | None = None
    quote_currency_code: str | None = None
    coupon_code: str | None = None
    items_qty: float | None = None
    items: list[TotalsItem] | None = None
    total_segments: list[TotalSegment] | None = None


class PaymentMethod(msgspec.Struct, frozen=True, gc=False):
    """A way of paying that the shop offers for a cart."""

    code: str
    title: str | None = None


class PaymentDetails(msgspec.Struct, frozen=True, gc=False):
    """What the shop answers to a chosen way of shipping: the ways of paying, and what the cart comes to with it."""

    totals: Totals
    payment_methods: list[PaymentMethod]


class ShippingMethod(msgspec.Struct, frozen=True, gc=False):
    """A way of shipping that the shop offers for a cart, or one that it names with the reason why not.

    Amounts are in the cart's currency.
    """

    carrier_code: str
    method_code: str | None = None
    carrier_title: str | None = None
    method_title: str | None = None
    amount: float | None = None
    price_excl_tax: float | None = None
    price_incl_tax: float | None = None
    available: bool | None = None
    error_message: str | None = None
