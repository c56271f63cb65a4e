"""What the tests of changing a cart share: a person's press, and what the cart then is in the shop and on the desk."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from sqlalchemy import select

from crm_core.sales.cart_addresses import Addresses, AddressKind
from crm_core.sales.cart_fixes import (
    Change,
    EnterAddress,
    EnterEmail,
    RemoveCoupon,
    RemoveLine,
    ReplaceLine,
    SetCoupon,
    SetQuantity,
    mend,
)
from crm_core.sales.cart_writing import Mended
from crm_core.sales.preflight.run import Preflight, preflight
from crm_core.sales.preflight.standing import standing
from crm_core.store import tables
from crm_core.store.documents import Address, decode_address
from tests.sales.desk import Desk

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For what the shop answers: that is the same to every database."""

WRITE = r"(POST|PUT|DELETE) .*/carts/\d+/(items|coupons|billing-address|shipping-information)"
ADDRESS = Address(
    firstname="Ada",
    lastname="Vos",
    street=["Kade 1"],
    city="Amsterdam",
    postcode="1011 AB",
    country_id="NL",
    telephone="+31201234567",
)


def mended(desk: Desk, cart_id: int, change: Change, person: str = "Anna") -> Mended:
    """The cart changed by the person, through the desk."""
    return mend(desk.store, desk.key(cart_id), change, person)


def item_of(desk: Desk, cart_id: int, sku: str = "MUG-01") -> int:
    """The item_id of a line, told by the shop."""
    return next(int(line["item_id"]) for line in desk.shop.cart(cart_id)["lines"] if line["sku"] == sku)


def seen_of(desk: Desk, cart_id: int, sku: str = "MUG-01") -> Decimal:
    """How many a line holds, told by the shop: what a person sees who looks now."""
    return Decimal(str(next(line["qty"] for line in desk.shop.cart(cart_id)["lines"] if line["sku"] == sku)))


def set_to(desk: Desk, cart_id: int, quantity: int | Decimal, sku: str = "MUG-01") -> SetQuantity:
    """The change of a line's quantity by a person who looks now."""
    return SetQuantity(item_of(desk, cart_id, sku), Decimal(quantity), seen_of(desk, cart_id, sku))


def removal(desk: Desk, cart_id: int, sku: str = "MUG-01") -> RemoveLine:
    """The removal of a line by a person who looks now."""
    return RemoveLine(item_of(desk, cart_id, sku), seen_of(desk, cart_id, sku))


def replacement(
    desk: Desk, cart_id: int, sku: str, by: str, quantity: int, options: Mapping[int, int] | None = None
) -> ReplaceLine:
    """So many of the product `by` in place of a line, by a person who looks now."""
    return ReplaceLine(item_of(desk, cart_id, sku), by, Decimal(quantity), seen_of(desk, cart_id, sku), options)


def coupon(desk: Desk, cart_id: int, code: str) -> SetCoupon:
    """The coupon put on by a person who looks now."""
    return SetCoupon(code, desk.shop.cart(cart_id)["coupon_code"])


def no_coupon(desk: Desk, cart_id: int) -> RemoveCoupon:
    """The coupon taken off by a person who looks now."""
    return RemoveCoupon(desk.shop.cart(cart_id)["coupon_code"])


def addresses_of(desk: Desk, cart_id: int) -> Addresses:
    """What a person sees who looks at the cart's addresses on the desk."""
    row = desk.row(cart_id)
    shipping, billing = (text and decode_address(text) for text in (row.shipping_address, row.billing_address))
    return Addresses(shipping, billing)


def entered(
    desk: Desk, cart_id: int, which: AddressKind, address: Address = ADDRESS, shipping: str | None = None
) -> EnterAddress:
    """The address entered by a person who looks at the desk now."""
    return EnterAddress(which, address, addresses_of(desk, cart_id), shipping)


def email(desk: Desk, cart_id: int, address: str) -> EnterEmail:
    """The e-mail address entered by a person who looks at the desk now."""
    return EnterEmail(address, desk.row(cart_id).email)


def in_shop(desk: Desk, cart_id: int) -> dict[str, float]:
    """How many of each SKU the shop has in the cart."""
    return {line["sku"]: line["qty"] for line in desk.shop.cart(cart_id)["lines"]}


def on_desk(desk: Desk, cart_id: int) -> dict[str, str]:
    """The state of each line as the mirror holds it."""
    return {line.sku: line.state for line in standing(desk.store, desk.key(cart_id)).lines}


def events_of(desk: Desk, cart_id: int) -> list[tuple[str, str, str]]:
    """The kind, the person and the words of what people did, by the cart's timeline."""
    event = tables.record_event
    with desk.store.reading() as connection:
        rows = connection.execute(
            select(event.c.kind, event.c.person, event.c.text)
            .where(event.c.entity == "cart", event.c.record_id == desk.key(cart_id), event.c.person.is_not(None))
            .order_by(event.c.id)
        ).all()
    return [(row.kind, row.person, row.text) for row in rows]


def writes_to(desk: Desk) -> list[str]:
    """The requests so far that could have changed something."""
    return [each for each in desk.front.asked if not each.startswith("GET") and "estimate" not in each]


def preflight_of(desk: Desk, cart_id: int) -> Preflight:
    """The checks of the cart, after the shop has recalculated it."""
    return preflight(desk.store, desk.key(cart_id), "Anna", recalculate=True)
