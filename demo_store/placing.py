"""PUT /carts/:id/order: the refusals in Magento's order of causes, and the order where there is none."""

from __future__ import annotations

import re
from typing import Any

from demo_store import addresses, carts, catalog, checkout, coupons, drafting, totals
from demo_store.numbers import ZERO, dec, number
from demo_store.records import Records
from demo_store.refusal import Refusal
from demo_store.state import Doc

_STOPPED = "A server error stopped your order from being placed. Please try to place your order again."
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")


def stopped() -> Refusal:
    """The 400 of an empty cart, and of the losers when several place one cart at once (though one of them did)."""
    return Refusal(400, _STOPPED)


def place(records: Records, cart_id: int, body: Any, store_id: int | None, remote_ip: str) -> int:
    """Place the order of an active cart and return its entity_id.

    Only the first cause is told: payment method in the body, coupon, stock, country, shipping address, shipping
    method, billing address, payment method, minimum amount, e-mail (observed on 2.4.7, as are the things a person
    would not want but Magento does: a hidden line dropped, an old shipping rate kept, a new price taken, the cart
    moved to the store view of the URL). Raises Refusal 400; 404 for a dead coupon and for a cart not there or placed.
    After a refusal the cart is as it was, unless it was due to be recalculated.
    """
    cart = carts.active(records, cart_id)
    carts.opened(records, cart, store_id)
    trial: Doc = cart | {"lines": [dict(line) for line in cart["lines"]]}
    if store_id is not None:
        trial["store_id"] = store_id
    given = body.get("paymentMethod") if isinstance(body, dict) else None
    good_coupon = not trial["coupon_code"] or coupons.rule_of(records, trial) is not None
    totals.collect(records, trial)
    if given:
        trial["payment"] = _body_payment(records, trial, given)
    if not good_coupon:
        raise coupons.invalid()
    _check(records, trial)
    order = drafting.draft(records, trial, remote_ip)
    records.state.put("order", order["entity_id"], order)
    for line in trial["lines"]:
        if catalog.shown(records, line):
            _reserve(records, line)
    if trial["coupon_code"]:
        coupons.count_use(records, trial["coupon_code"])
    cart |= trial | {"is_active": 0, "reserved_order_id": order["increment_id"]}
    carts.dated(records, cart)
    ident: int = order["entity_id"]
    return ident


def _body_payment(records: Records, cart: Doc, given: Any) -> Doc:
    if cart["billing"]["country_id"] is None and cart["lines"]:
        _countries(records, cart)  # without an address Magento asks for that before it can check the method
    payment = checkout.check_payment(records, cart, given, cart["store_id"])
    if payment["method"] == "purchaseorder" and not payment["po_number"]:
        raise Refusal(400, "Purchase order number is a required field.")
    return payment


def _check(records: Records, cart: Doc) -> None:
    lines = [line for line in cart["lines"] if catalog.shown(records, line)]
    if not lines:
        raise stopped()
    for line in lines:
        _stock(records, line)
    _countries(records, cart)
    if not cart["is_virtual"]:
        lacking = addresses.missing(records, cart["shipping"])
        if lacking:
            raise Refusal(400, "Please check the shipping address information. %1", [lacking])
        if not cart["shipping_method"]:
            raise Refusal(400, "The shipping method is missing. Select the shipping method and try again.", [""])
    lacking = addresses.missing(records, cart["billing"])
    allowed = records.site(cart["store_id"])["countries"]
    if not lacking and cart["billing"]["country_id"] not in allowed:
        lacking = f'Invalid value of "{cart["billing"]["country_id"]}" provided for the countryId field.'
    if lacking:
        raise Refusal(400, "Please check the billing address information. %1", [lacking])
    _payment(records, cart)
    minimum = records.site(cart["store_id"])["minimum_order"]
    if minimum and dec(cart["sums"]["base_subtotal"]) + dec(cart["sums"]["base_discount_amount"]) < dec(
        minimum["amount"]
    ):
        text = minimum["text"] or f"Minimum order amount is €{dec(minimum['amount']):.2f}"
        raise Refusal(400, text, [""])
    account = records.state.get("customer", cart["customer_id"]) if cart["customer_id"] else None
    if account is None and not _EMAIL.match(cart["billing"]["email"] or ""):
        raise Refusal(400, "Failed address validation:\n%1", ["Email has a wrong format"])


def _countries(records: Records, cart: Doc) -> None:
    if cart["is_virtual"]:
        return
    if cart["shipping"]["country_id"] not in records.site(cart["store_id"])["countries"]:
        raise Refusal(400, "Some addresses can't be used due to the configurations for specific countries.", [""])


def _stock(records: Records, line: Doc) -> None:
    if line.get("child_id") and records.product(line["child_id"]) is None:
        raise Refusal(400, "Some item options or their combination are not currently available.")
    product = catalog.stocked(records, line)
    if product is None:
        return
    message = catalog.stock_message(product, dec(line["qty"]))
    if message is None:
        return
    soldout = "Some of the products are out of stock."
    if line.get("child_id"):
        first = "There are no source items with the in stock status" if message == soldout else message
        message = f"{first}\n{soldout}"
    raise Refusal(400, message)


def _payment(records: Records, cart: Doc) -> None:
    """The stored payment method: it must be there, but whether it is still offered is not asked again."""
    payment = cart["payment"]
    if payment is None:
        raise Refusal(400, "Enter a valid payment method and try again.", [""])
    if payment["method"] == "purchaseorder" and not payment["po_number"]:
        raise Refusal(400, "Purchase order number is a required field.")
    method = records.site(cart["store_id"])["payments"].get(payment["method"])
    country = cart["billing"]["country_id"]
    if method and method["countries"] and country not in method["countries"]:
        raise Refusal(400, "You can't use the payment type you selected to make payments to the billing country.")


def _reserve(records: Records, line: Doc) -> None:
    product = catalog.stocked(records, line)
    if product is not None:
        product["reserved"] = number(max(ZERO, dec(product["reserved"])) + dec(line["qty"]))
        records.state.touch("product", product["id"])
