"""From a cart as a shop tells it to values for the store.

`price` of a line in carts/search is in the base currency, without tax and discount; lines whose product is disabled or
deleted are missing while items_count and items_qty still count them; inactive carts come without lines and without
shipping (all observed on Magento 2.4.7).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from crm_core.errors import BadRecord
from crm_core.magento import payloads
from crm_core.store import documents
from crm_core.store.keys import record_key
from crm_core.store.search_keys import region_key
from crm_core.sync.values import (
    NO_ADDRESS,
    address_document,
    content_hash,
    country,
    currency,
    has_nul,
    indexed,
    milliseconds,
    packed,
    small,
    units,
    without_nul,
)

_MOST_UNITS = 4 * 10**15
_NO_CUSTOMER = payloads.CartCustomer()
_NO_CURRENCY = payloads.CartCurrency()
_NO_SHIPPING = payloads.Shipping()


class MappedLine(NamedTuple):
    """A line of a cart: `qty` in 1/10000, `base_price` of one piece in 1/10000 of the base currency."""

    item_id: int
    sku: str
    name: str
    product_type: str
    qty: int
    base_price: int


class MappedCart(NamedTuple):
    """A cart as the shop tells it now. Amounts and quantities are 1/10000, times milliseconds since 1970 UTC.

    `lines` is None where the shop does not tell them: inactive carts. Shipping is then unknown too. `base_subtotal` is
    the sum of price x qty of the lines, `unavailable_count` the lines that the shop counts but does not list.
    """

    key: int
    origin_id: int
    store_id: int
    customer_key: int | None
    email: str | None
    firstname: str | None
    lastname: str | None
    is_guest: bool
    is_active: bool
    is_virtual: bool
    items_count: int
    items_qty: int
    unavailable_count: int
    base_currency: str
    quote_currency: str
    base_to_quote_rate: str
    base_subtotal: int
    billing_country: str | None
    billing_region: str | None
    billing_address: str | None
    shipping_address: str | None
    shipping_method: str | None
    reserved_order_id: str | None
    created_at: int
    updated_at: int
    lines: tuple[MappedLine, ...] | None
    content_hash: int


def map_cart(shop_id: int, cart: payloads.Cart) -> MappedCart:
    """The cart. Raises BadRecord, naming the field, for what the store cannot keep exactly."""
    try:
        mapped, data = _cart(shop_id, cart)
        if has_nul(data):
            mapped, data = _cart(shop_id, without_nul(cart))
    except (ValueError, OverflowError) as unfit:
        raise BadRecord(f"Cart {cart.id} cannot be kept: {unfit}.") from unfit
    except BadRecord as bad:
        raise BadRecord(f"Cart {cart.id}: {bad}") from bad
    return mapped._replace(content_hash=content_hash(data))


def _cart(shop_id: int, cart: payloads.Cart) -> tuple[MappedCart, bytes]:
    created = cart.created_at
    if created is None:
        raise BadRecord("it has no created_at.")
    is_active = bool(cart.is_active)
    customer = cart.customer or _NO_CUSTOMER
    billing = cart.billing_address or NO_ADDRESS
    shipping = cart.shipping or _NO_SHIPPING
    currencies = cart.currency or _NO_CURRENCY
    base_currency = currency(currencies.base_currency_code, "base_currency_code")
    items_qty = units[cart.items_qty] or 0
    items_count = small(cart.items_count, "items_count") or 0
    # Some versions send an empty list for inactive carts, so their lines are never taken as told.
    lines = tuple(_line(item) for item in cart.items or ()) if is_active else None
    mapped = MappedCart(
        key=record_key(shop_id, cart.id),
        origin_id=cart.id,
        store_id=small(cart.store_id, "store_id") or 0,
        customer_key=record_key(shop_id, customer.id) if customer.id else None,
        email=cart.email,
        firstname=customer.firstname or billing.firstname,
        lastname=customer.lastname or billing.lastname,
        is_guest=bool(cart.customer_is_guest) or not customer.id,
        is_active=is_active,
        is_virtual=bool(cart.is_virtual),
        items_count=items_count,
        items_qty=items_qty,
        unavailable_count=_unavailable(items_count, items_qty, lines or ()) if is_active else 0,
        base_currency=base_currency,
        quote_currency=currency(currencies.quote_currency_code or base_currency, "quote_currency_code"),
        base_to_quote_rate=_rate(currencies.base_to_quote_rate),
        base_subtotal=_subtotal(lines or ()),
        billing_country=country(billing.country_id),
        billing_region=region_key(billing.region),
        billing_address=_filled_address(billing),
        shipping_address=_filled_address(shipping.address or NO_ADDRESS),
        shipping_method=shipping.method or None,
        reserved_order_id=cart.reserved_order_id,
        created_at=milliseconds(created),
        updated_at=milliseconds(cart.updated_at or created),
        lines=lines,
        content_hash=0,
    )
    return mapped, packed(mapped)


def _line(item: payloads.CartItem) -> MappedLine:
    qty, price = units[item.qty], units[item.price]
    return MappedLine(
        item.item_id,
        indexed(item.sku or "", "sku"),
        item.name or item.sku or "",
        item.product_type or "simple",
        qty or 0,
        price or 0,
    )


def _subtotal(lines: Iterable[MappedLine]) -> int:
    total = sum((line.qty * line.base_price + 5_000) // 10_000 for line in lines)
    if abs(total) > _MOST_UNITS:
        raise BadRecord("its lines come to more than an amount can hold.")
    return total


def _unavailable(items_count: int, items_qty: int, lines: tuple[MappedLine, ...]) -> int:
    """Lines that the shop counts but does not list: their product is disabled or deleted (observed on 2.4.7)."""
    missing = items_count - len(lines)
    if missing <= 0:
        return int(items_qty > sum(line.qty for line in lines))
    return missing


def _filled_address(address: payloads.Address) -> str | None:
    """The address as JSON; None for the empty one that every new cart carries."""
    document = address_document(address)
    is_filled = document.country_id or document.lastname or document.email or document.city or document.street
    return documents.encode(document) if is_filled else None


def _rate(rate: float | None) -> str:
    """The factor from base to cart currency as Magento keeps it, with up to 12 places; 0 and nothing mean 1."""
    return f"{rate:.12f}".rstrip("0").rstrip(".") if rate else "1"
