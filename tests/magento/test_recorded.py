"""Every recorded answer of a running Magento goes through the client: read, or told as the right kind of refusal."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests

from crm_core.errors import (
    DeskError,
    PermissionMissing,
    ShopFailed,
    ShopHasNoSuch,
    ShopRefused,
    ShopUnavailable,
    SignInFailed,
)
from crm_core.magento.cart_reading import SelectedPayment
from crm_core.magento.decoding import decode, decode_page
from crm_core.magento.directory import Country
from crm_core.magento.failures import refused_answer
from crm_core.magento.payloads import Address, Cart, CartItem, Customer, Order, PaymentMethod, ShippingMethod, Totals
from crm_core.magento.products import Product, Salability, StockItem
from crm_core.magento.promotions import Coupon, Rule
from tests.recorded import recorded, recorded_exchanges

PAGES: dict[str, Any] = {
    "/V1/orders": Order,
    "/V1/carts/search": Cart,
    "/V1/customers/search": Customer,
    "/V1/products": Product,
    "/V1/coupons/search": Coupon,
}
SINGLE: dict[str, Any] = {
    r"/V1/orders/\d+": Order,
    r"/V1/customers/\d+": Customer,
    r"/V1/carts/\d+": Cart,
    r"/V1/carts/\d+/totals": Totals,
    r"/V1/carts/\d+/shipping-methods": list[ShippingMethod],
    r"/V1/carts/\d+/payment-methods": list[PaymentMethod],
    r"/V1/carts/\d+/items": list[CartItem],
    r"/V1/carts/\d+/billing-address": Address,
    r"/V1/carts/\d+/selected-payment-method": SelectedPayment | None,
    r"/V1/carts/\d+/coupons": str | None,
    r"/V1/products/[^/]+": Product,
    r"/V1/stockItems/[^/]+": StockItem,
    r"/V1/salesRules/\d+": Rule,
    r"/V1/directory/countries": list[Country],
    r"/V1/inventory/are-product-salable-for-requested-qty": list[Salability],
}
MEANING: dict[int, tuple[type[DeskError], ...]] = {
    400: (ShopRefused,),
    401: (PermissionMissing, SignInFailed),
    404: (ShopHasNoSuch,),
    405: (ShopRefused,),
    500: (ShopFailed,),
    503: (ShopUnavailable,),
}
NAMES = sorted(recorded_exchanges())


def exchanges() -> list[tuple[str, str, dict[str, Any]]]:
    """Name, path behind /rest and the store code, and the response of every recorded read."""
    found = []
    for name in NAMES:
        exchange = recorded(name)
        if exchange["request"]["method"] != "GET":
            continue
        path = re.sub(r"^/rest(/[a-z_]+)?(?=/V1)", "", exchange["request"]["path"])
        found.append((name, path, exchange["response"]))
    return found


def kind_of(kinds: dict[str, Any], path: str) -> Any:
    return next((kind for pattern, kind in kinds.items() if re.fullmatch(pattern, path)), None)


def test_every_recorded_page_is_read_without_a_bad_record() -> None:
    read = 0
    for name, path, response in exchanges():
        kind, body = kind_of(PAGES, path), response["body"]
        if kind is None or response["status"] != 200 or not isinstance(body, dict):
            continue
        records = body.get("items") or []
        if any("item_id" not in line for record in records for line in record.get("items") or []):
            continue  # a projection that left the lines' identity out, which the client never asks for
        if not all({"id", "entity_id"} & record.keys() for record in records):
            continue
        page = decode_page(json.dumps(body).encode(), kind, 20, name)
        assert page.bad == [], name
        assert len(page.items) == len(records), name
        read += len(records)
    assert read > 50


def test_every_recorded_record_is_read() -> None:
    kinds_read = set()
    for name, path, response in exchanges():
        kind = kind_of(SINGLE, path)
        if kind is not None and response["status"] == 200:
            decode(json.dumps(response["body"]).encode(), kind, name)
            kinds_read.add(str(kind))
    assert len(kinds_read) == len(SINGLE)


# This client never asks by HEAD, which is refused without words.
REFUSED = [
    name
    for name in NAMES
    if recorded(name)["response"]["status"] >= 400 and recorded(name)["request"]["method"] != "HEAD"
]


@pytest.mark.parametrize("name", REFUSED)
def test_every_recorded_refusal_is_told_by_its_kind_in_words(name: str) -> None:
    answered = recorded(name)["response"]
    response = requests.Response()
    response.status_code = answered["status"]
    response.headers.update({key: value for key, value in answered["headers"] if key == "Content-Type"})
    body = answered["body"]
    response._content = (body if isinstance(body, str) else json.dumps(body)).encode()
    error = refused_answer(response, "https://shop.example", "GET /V1/x", None)
    expected = MEANING[answered["status"]]
    if "json" in response.headers.get("Content-Type", ""):
        assert isinstance(error, expected)
        assert not re.search(r"%\w", str(error)), str(error)
