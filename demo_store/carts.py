"""Carts (Magento's quotes): made, filled, shown, and recalculated when someone reads them by id."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from demo_store import addresses, attributes, catalog, coupons, totals
from demo_store.customers import existing, quoted
from demo_store.numbers import ZERO, dec, number
from demo_store.records import Records
from demo_store.refusal import Refusal, no_such
from demo_store.search import Columns
from demo_store.state import Doc


def _read(cart: Doc, name: str) -> Any:
    return cart.get(name)


_NUMBERS = (
    "entity_id store_id is_active is_virtual is_multi_shipping items_count items_qty orig_order_id store_to_base_rate "
    "store_to_quote_rate grand_total base_grand_total customer_id customer_tax_class_id customer_group_id "
    "customer_note_notify customer_is_guest base_to_global_rate base_to_quote_rate subtotal base_subtotal "
    "subtotal_with_discount base_subtotal_with_discount is_changed trigger_recollect gift_message_id is_persistent "
    "customer_gender"
)
_TEXTS = (
    "base_currency_code store_currency_code quote_currency_code global_currency_code checkout_method customer_email "
    "customer_prefix customer_firstname customer_middlename customer_lastname customer_suffix customer_note remote_ip "
    "applied_rule_ids reserved_order_id password_hash coupon_code customer_taxvat ext_shipping_info"
)
_TIMES = "created_at updated_at converted_at customer_dob"
COLUMNS = Columns.named(_read, flat=True, numbers=_NUMBERS, texts=_TEXTS, times=_TIMES)


def create(records: Records, store_id: int, customer: Doc | None = None) -> Doc:
    """A new empty active cart, of a customer or of a guest, stored and returned."""
    ident = records.next_id("cart")
    now = records.stamp()
    currency = records.currency(store_id)
    cart: Doc = {
        "entity_id": ident,
        "store_id": store_id,
        "created_at": now,
        "updated_at": now,
        "is_active": 1,
        "is_virtual": 0,
        "trigger_recollect": 0,
        "customer_id": None,
        "customer_email": None,
        "customer_firstname": None,
        "customer_lastname": None,
        "customer_group_id": 0,
        "customer_is_guest": 1,
        "reserved_order_id": None,
        "coupon_code": None,
        "remote_ip": "127.0.0.1",
        "base_currency_code": "EUR",
        "global_currency_code": "EUR",
        "store_currency_code": "EUR",
        "quote_currency_code": currency,
        "base_to_quote_rate": number(records.rate(currency)),
        "lines": [],
        "billing": addresses.empty(records.next_id("cart_address")),
        "shipping": addresses.empty(records.next_id("cart_address")),
        "shipping_method": None,
        "shipping_description": None,
        "shipping_base_amount": 0,
        "rates": [],
        "payment": None,
    }
    records.state.put("cart", ident, cart)
    totals.collect(records, cart)
    if customer is not None:
        give_to(records, cart, customer)
    return cart


def give_to(records: Records, cart: Doc, customer: Doc) -> None:
    """Make the cart a customer's, with the default addresses of the account."""
    cart |= {
        "customer_id": customer["id"],
        "customer_email": customer["email"],
        "customer_firstname": customer["firstname"],
        "customer_lastname": customer["lastname"],
        "customer_group_id": customer["group_id"],
        "customer_is_guest": 0,
    }
    for kind in ("billing", "shipping"):
        default = customer.get(f"default_{kind}")
        book: Doc = next((one for one in customer["addresses"] if str(one["id"]) == default), {})
        cart[kind] = addresses.filled(records, cart[kind]["id"], addresses.entered(book), customer)
    records.state.touch("cart", cart["entity_id"])


def existing_cart(records: Records, cart_id: int) -> Doc:
    """The cart of an id, active or not; Refusal 404 where there is none."""
    found = records.state.get("cart", cart_id)
    if found is None:
        raise no_such("cartId", cart_id)
    return found


def active(records: Records, cart_id: int) -> Doc:
    """The active cart of an id; Refusal 404 for a missing one and for an inactive one alike."""
    cart = existing_cart(records, cart_id)
    if not cart["is_active"]:
        raise no_such("cartId", cart_id)
    return cart


def opened(records: Records, cart: Doc, store_id: int | None) -> bool:
    """Load a cart by id, as every by-id read and write does; True where that recalculated it.

    A cart with trigger_recollect is recalculated, saved and re-dated by a mere read (observed on 2.4.7), placed ones
    too; a coupon that is no longer good is removed then. `store_id` is the store view in the URL, if it names one.
    """
    if not cart["trigger_recollect"]:
        return False
    cart["coupon_code"] = cart["coupon_code"] if coupons.rule_of(records, cart) else None
    totals.collect(records, cart, store_id)
    if store_id is not None:
        cart["store_id"] = store_id
    dated(records, cart)
    return True


def dated(records: Records, cart: Doc) -> None:
    """Set the cart's updated_at to now and keep it."""
    cart["updated_at"] = records.stamp()
    records.state.touch("cart", cart["entity_id"])


def saved(records: Records, cart: Doc, store_id: int | None) -> None:
    """Save a written cart: recalculated, dated now, and moved to the store view that the URL names.

    The move is Magento's (UpdateQuoteStoreId); the cart keeps the currency label that it was made with.
    """
    if store_id is not None:
        cart["store_id"] = store_id
    totals.collect(records, cart)
    dated(records, cart)


def line_rest(cart: Doc, line: Doc) -> Doc:
    """A line as carts answer it: `price` in the base currency, without tax and discount."""
    return {
        "item_id": line["item_id"],
        "sku": line["sku"],
        "qty": line["qty"],
        "name": line["name"],
        "price": line["price"],
        "product_type": line["product_type"],
        "quote_id": str(cart["entity_id"]),
    }


def line_in_full(records: Records, cart: Doc, line: Doc) -> Doc:
    """A line as the calls about single lines answer it: with what was chosen of a configurable product."""
    variant = records.product(line.get("child_id"))
    if variant is None:
        return line_rest(cart, line)
    options = {"extension_attributes": {"configurable_item_options": attributes.item_options(variant)}}
    return line_rest(cart, line) | {"product_option": options}


def lines_rest(records: Records, cart: Doc) -> list[Doc]:
    """The lines that still show, as carts answer them."""
    return [line_rest(cart, line) for line in cart["lines"] if catalog.shown(records, line)]


def rest(records: Records, cart: Doc, store_id: int | None = None) -> Doc:
    """The cart as carts/search and GET /carts/:id answer it; an inactive one without lines and shipping.

    `store_id` is the store view of the URL: a by-id read shows it as the cart's own.
    """
    account = records.state.get("customer", cart["customer_id"]) if cart["customer_id"] else None
    body: Doc = {
        "id": cart["entity_id"],
        "created_at": cart["created_at"],
        "updated_at": cart["updated_at"],
        "is_active": bool(cart["is_active"]),
        "is_virtual": bool(cart["is_virtual"]),
    }
    if cart["is_active"]:
        body["items"] = lines_rest(records, cart)
    body |= {
        "items_count": cart["items_count"],
        "items_qty": cart["items_qty"],
        "customer": quoted(account),
        "billing_address": cart["billing"],
    }
    if cart["reserved_order_id"]:
        body["reserved_order_id"] = cart["reserved_order_id"]
    body |= {
        "orig_order_id": 0,
        "currency": {
            "global_currency_code": cart["global_currency_code"],
            "base_currency_code": cart["base_currency_code"],
            "store_currency_code": cart["store_currency_code"],
            "quote_currency_code": cart["quote_currency_code"],
            "store_to_base_rate": 0,
            "store_to_quote_rate": 0,
            "base_to_global_rate": 1,
            "base_to_quote_rate": cart["base_to_quote_rate"],
        },
        "customer_is_guest": bool(cart["customer_is_guest"]),
        "customer_note_notify": True,
        "customer_tax_class_id": 3,
        "store_id": store_id or cart["store_id"],
    }
    if cart["is_active"]:
        assignments: list[Doc] = []
        if not cart["is_virtual"] and body["items"]:
            shipping = {"address": cart["shipping"], "method": cart["shipping_method"]}
            assignments = [{"shipping": shipping, "items": body["items"]}]
        body["extension_attributes"] = {"shipping_assignments": assignments}
    return body


def add_line(records: Records, cart: Doc, sku: str, qty: Decimal, child_sku: str | None = None) -> Doc:
    """Add a product to the cart, or to the quantity of its line, and return the line.

    Raises Refusal 404 for an unknown SKU, 400 for a disabled product or a quantity that is not available.
    """
    product = catalog.by_sku(records, sku)
    child = catalog.by_sku(records, child_sku) if child_sku else None
    if not catalog.enabled(product) or (child is not None and not catalog.enabled(child)):
        raise Refusal(400, "Product that you are trying to add is not available.")
    if product["type_id"] == "configurable" and child is None:
        raise Refusal(400, "The product's required option(s) weren't entered. Make sure the options are entered.")
    stock = child or product
    same = (product["id"], stock["sku"])
    line = next((one for one in cart["lines"] if (one["product_id"], one["sku"]) == same), None)
    wanted = qty + (dec(line["qty"]) if line else ZERO)
    message = catalog.stock_message(stock, wanted)
    if message:
        raise Refusal(400, message)
    if line is None:
        line = {
            "item_id": records.next_id("cart_item", 2 if child else 1),
            "product_id": product["id"],
            "child_id": child["id"] if child else None,
            "sku": stock["sku"],
            "name": product["name"],
            "product_type": product["type_id"],
        }
        cart["lines"].append(line)
    line["qty"] = number(wanted)
    return line


def line_of(cart: Doc, item_id: int) -> Doc:
    """A line of the cart by its id; Refusal 404 where the cart has none."""
    found: Doc | None = next((line for line in cart["lines"] if line["item_id"] == item_id), None)
    if found is None:
        raise Refusal(404, "The %1 Cart doesn't contain the %2 item.", [cart["entity_id"], item_id])
    return found


def set_qty(records: Records, line: Doc, qty: Decimal) -> None:
    """Set a line's quantity; Refusal 400 where it is not available."""
    stock = catalog.stocked(records, line)
    message = catalog.stock_message(stock, qty) if stock else None
    if message:
        raise Refusal(400, message)
    line["qty"] = number(qty)


def of_customer(records: Records, customer_id: int, store_id: int) -> Doc:
    """The customer's active cart on the website of a store view, or a new one. Refusal 404 for an unknown account."""
    customer = existing(records, customer_id)
    site = records.view(store_id)["website_id"]
    for cart in records.state.all("cart"):
        same = cart["customer_id"] == customer_id and cart["is_active"]
        if same and records.view(cart["store_id"])["website_id"] == site:
            return cart
    return create(records, store_id, customer)


def assign(records: Records, cart: Doc, customer_id: int, store_id: int) -> None:
    """PUT /carts/:id: make a guest's cart a customer's, merging the customer's own active cart into it.

    Raises Refusal 404 for an unknown account, 400 where the cart has a customer already or another website's store.
    """
    customer = existing(records, customer_id)
    if cart["customer_id"] is not None:
        raise Refusal(400, "The customer can't be assigned to the cart because the cart isn't anonymous.")
    if records.view(store_id)["website_id"] != customer["website_id"]:
        raise Refusal(400, "The customer can't be assigned to the cart. The cart belongs to a different store.")
    for other in records.state.all("cart"):
        if other["customer_id"] == customer_id and other["is_active"]:
            for line in other["lines"]:
                mine = next((one for one in cart["lines"] if one["sku"] == line["sku"]), None)
                if mine is None:
                    cart["lines"].append(line | {"item_id": records.next_id("cart_item")})
                else:
                    mine["qty"] = number(dec(mine["qty"]) + dec(line["qty"]))
            other["is_active"] = 0
            dated(records, other)
    give_to(records, cart, customer)
    saved(records, cart, None)
