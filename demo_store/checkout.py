"""The steps before an order: addresses, shipping rates, payment methods and coupons of a cart."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from demo_store import addresses, carts, catalog, coupons, totals
from demo_store.numbers import ZERO, cents, dec, number
from demo_store.records import Records
from demo_store.refusal import Refusal, required
from demo_store.state import Doc

_NO_ADDRESS = "The shipping address is missing. Set the address and try again."
_NO_PAYMENT = "The requested Payment Method is not available."


def rates(records: Records, cart: Doc, country: str | None, store_id: int) -> list[Doc]:
    """The shipping methods that the store offers for the cart now, asked from the carriers: nothing is saved."""
    lines = [line for line in cart["lines"] if catalog.shown(records, line) and line["product_type"] != "virtual"]
    if not lines or country is None:
        return []
    value = sum((dec(line["price"]) * dec(line["qty"]) for line in lines), ZERO)
    pieces = sum((dec(line["qty"]) for line in lines), ZERO)
    rate = records.rate(records.currency(store_id))
    found = []
    for code, carrier in records.site(store_id)["carriers"].items():
        if not carrier["active"] or (carrier["countries"] and country not in carrier["countries"]):
            continue
        if value < dec(carrier["minimum"]):
            continue
        base = dec(carrier["price"]) * (pieces if carrier["per_item"] else 1)
        found.append(_rate(code, carrier, base, cents(base * rate)))
    return found


def _rate(code: str, carrier: Doc, base: Decimal, amount: Decimal) -> Doc:
    return {
        "carrier_code": code,
        "method_code": carrier["method"],
        "carrier_title": carrier["title"],
        "method_title": carrier["name"],
        "amount": number(amount),
        "base_amount": number(base),
        "available": True,
        "error_message": "",
        "price_excl_tax": number(amount),
        "price_incl_tax": number(amount),
    }


def stored_rates(cart: Doc) -> list[Doc]:
    """GET shipping-methods: the rates of the last collection, which may be old.

    Nothing for an empty or virtual cart; Refusal 400 without an address.
    """
    if cart["is_virtual"] or not cart["lines"]:
        return []
    if cart["shipping"]["country_id"] is None:
        raise Refusal(400, _NO_ADDRESS)
    found: list[Doc] = cart["rates"]
    return found


def estimate(records: Records, cart: Doc, body: Any, store_id: int) -> list[Doc]:
    """POST estimate-shipping-methods: the rates for an address, saving nothing."""
    given = body.get("address") if isinstance(body, dict) else None
    if not isinstance(given, dict):
        raise required("address")
    return rates(records, cart, given.get("country_id", given.get("countryId")), store_id)


def estimate_by_address_id(records: Records, cart: Doc, body: Any, store_id: int) -> list[Doc]:
    """POST estimate-shipping-methods-by-address-id: for an address of any account; Refusal 400 where there is none."""
    wanted = body.get("addressId") if isinstance(body, dict) else None
    if wanted is None:
        raise required("addressId")
    for customer in records.state.all("customer"):
        for address in customer["addresses"]:
            if address["id"] == wanted:
                return rates(records, cart, address["country_id"], store_id)
    raise Refusal(400, _NO_ADDRESS)


def recollect_rates(records: Records, cart: Doc, store_id: int) -> None:
    """Ask the carriers again and keep their rates with the amount of the chosen method, if it is still there."""
    if any("price" not in line for line in cart["lines"]):
        totals.collect(records, cart, store_id)
    cart["rates"] = rates(records, cart, cart["shipping"]["country_id"], store_id)
    chosen = _chosen(cart, cart["shipping_method"])
    if chosen is not None:
        cart["shipping_base_amount"] = chosen["base_amount"]
        cart["shipping_description"] = f"{chosen['carrier_title']} - {chosen['method_title']}"


def _chosen(cart: Doc, method: str | None) -> Doc | None:
    return next((one for one in cart["rates"] if f"{one['carrier_code']}_{one['method_code']}" == method), None)


def set_shipping(records: Records, cart: Doc, body: Any, store_id: int | None) -> Doc:
    """POST shipping-information: addresses and method, everything recalculated from today's rates and prices.

    Returns the payment methods and totals. Raises Refusal 400 without a country or with a bad e-mail address, 404 for
    a method that the carriers do not offer: then the earlier choice is lost.
    """
    given = body.get("addressInformation") if isinstance(body, dict) else None
    if not isinstance(given, dict):
        raise required("addressInformation")
    address = given.get("shipping_address", given.get("shippingAddress")) or {}
    if not address.get("country_id", address.get("countryId")):
        raise Refusal(400, _NO_ADDRESS)
    billing = given.get("billing_address", given.get("billingAddress"))
    for one in (address, billing or {}):
        if one.get("email") and "@" not in one["email"]:
            raise Refusal(
                400,
                'The shipping information was unable to be saved. Error: "%message"',
                {"message": "The address failed to save. Verify the address and try again."},
            )
    carrier = given.get("shipping_carrier_code", given.get("shippingCarrierCode"))
    method = given.get("shipping_method_code", given.get("shippingMethodCode"))
    account = records.state.get("customer", cart["customer_id"]) if cart["customer_id"] else None
    cart["shipping"] = addresses.filled(records, cart["shipping"]["id"], address, account)
    if billing is not None:
        cart["billing"] = addresses.filled(records, cart["billing"]["id"], billing, account)
    if cart["customer_email"] is None:
        cart["customer_email"] = cart["billing"]["email"]
    cart["shipping_method"] = f"{carrier}_{method}"
    recollect_rates(records, cart, store_id or cart["store_id"])
    if not cart["is_virtual"] and _chosen(cart, cart["shipping_method"]) is None:
        _forget_method(cart)
        carts.saved(records, cart, store_id)
        raise Refusal(404, "Carrier with such method not found: %1, %2", [carrier, method])
    carts.saved(records, cart, store_id)
    return {"payment_methods": payment_methods(records, cart), "totals": totals.rest(records, cart)}


def _forget_method(cart: Doc) -> None:
    cart |= {"shipping_method": None, "shipping_description": None, "shipping_base_amount": 0}


def totals_information(records: Records, cart: Doc, body: Any, store_id: int | None) -> Doc:
    """POST totals-information: fresh totals for an address and method.

    It saves the address, the method and today's rate without moving updated_at or the totals that GET shows; a method
    that is not offered is forgotten (observed on 2.4.7).
    """
    given = body.get("addressInformation") if isinstance(body, dict) else None
    if not isinstance(given, dict):
        raise required("addressInformation")
    store = store_id or cart["store_id"]
    address = given.get("address") or {}
    cart["shipping"]["country_id"] = address.get("country_id") or cart["shipping"]["country_id"]
    carrier = given.get("shipping_carrier_code", given.get("shippingCarrierCode"))
    method = given.get("shipping_method_code", given.get("shippingMethodCode"))
    cart["shipping_method"] = f"{carrier}_{method}" if carrier else cart["shipping_method"]
    recollect_rates(records, cart, store)
    if _chosen(cart, cart["shipping_method"]) is None:
        _forget_method(cart)
    fresh: Doc = cart | {"lines": [dict(line) for line in cart["lines"]]}
    totals.collect(records, fresh, store)
    records.state.touch("cart", cart["entity_id"])
    return totals.rest(records, fresh)


def set_billing(records: Records, cart: Doc, body: Any, store_id: int | None) -> str:
    """POST billing-address, also used for shipping where asked; returns the address id as text."""
    given = body.get("address") if isinstance(body, dict) else None
    if not isinstance(given, dict):
        raise required("address")
    account = records.state.get("customer", cart["customer_id"]) if cart["customer_id"] else None
    cart["billing"] = addresses.filled(records, records.next_id("cart_address"), given, account)
    if body.get("useForShipping"):
        cart["shipping"] = addresses.filled(records, cart["shipping"]["id"], given, account)
        recollect_rates(records, cart, store_id or cart["store_id"])
    if cart["customer_id"] is None:
        cart["customer_email"] = cart["billing"]["email"]
    carts.saved(records, cart, store_id)
    return str(cart["billing"]["id"])


def payment_methods(records: Records, cart: Doc, store_id: int | None = None) -> list[Doc]:
    """The payment methods offered for the cart now. At a total of zero `free` joins the others (observed on 2.4.7)."""
    store = store_id or cart["store_id"]
    country = cart["billing"]["country_id"]
    total = dec(cart["base_grand_total"])
    found = []
    for code, method in records.site(store)["payments"].items():
        if not method["active"] or (method["countries"] and country and country not in method["countries"]):
            continue
        if code == "free":
            if total == 0:
                found.append({"code": code, "title": method["title"]})
        elif method["maximum"] is None or total <= dec(method["maximum"]):
            found.append({"code": code, "title": method["title"]})
    return found


def check_payment(records: Records, cart: Doc, given: Any, store_id: int | None) -> Doc:
    """The payment to store for what a request sends; Refusal 400 where the method is not available for the cart now.

    At a total of zero only `free` is accepted; a purchase order needs its number when the order is placed.
    """
    method = given.get("method") if isinstance(given, dict) else None
    offered = {one["code"] for one in payment_methods(records, cart, store_id)}
    if method not in offered or (dec(cart["base_grand_total"]) == 0 and method != "free"):
        raise Refusal(400, _NO_PAYMENT)
    earlier = cart["payment"]["id"] if cart["payment"] else records.next_id("cart_payment")
    number_given = given.get("po_number", given.get("poNumber"))
    return {"id": earlier, "method": method, "po_number": number_given}


def set_payment(records: Records, cart: Doc, body: Any, store_id: int | None) -> str:
    """PUT selected-payment-method: store the method if it is available now; returns the payment's id as text."""
    given = body.get("method") if isinstance(body, dict) else None
    if given is None:
        raise required("method")
    cart["payment"] = check_payment(records, cart, given, store_id)
    records.state.touch("cart", cart["entity_id"])
    return str(cart["payment"]["id"])


def set_coupon(records: Records, cart: Doc, code: str, store_id: int | None) -> None:
    """PUT coupons/:code. A code that is not good is a Refusal 404 and also removes the one the cart had."""
    if not cart["lines"]:
        raise Refusal(404, 'The "%1" Cart doesn\'t contain products.', [cart["entity_id"]])
    rule = coupons.good(records, code)
    cart["coupon_code"] = code if rule else None
    carts.saved(records, cart, store_id)
    if rule is None:
        raise coupons.invalid()
