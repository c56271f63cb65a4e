"""Changing a cart in the shop: its lines and its coupon, and making a new one.

**Every call writes.** Each is sent exactly once (`Connection.send` says what it raises) and names the cart's own store
view: under another code Magento moves the cart there, with that store's currency and rules. After OutcomeUnknown read
the cart back before anything else. Every write recalculates the cart and moves its `updated_at` (observed on 2.4.7).

Addresses and the way of shipping are saved by `Checkout`. Needs the permission Magento_Cart::manage.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from crm_core.errors import BadInput
from crm_core.magento.connection import Connection
from crm_core.magento.decoding import decode_new_id, decode_outcome, expect_done
from crm_core.magento.paths import segment, store_view
from crm_core.magento.payloads import CartItem


class CartEditing:
    """The writes to carts that make them ready for an order, on the connection of the shop's reading side."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create_cart_for_customer(self, customer_id: int, store_code: str) -> int:
        """A cart of the customer in that store view; **the active cart that the customer has already**, if any.

        Magento then answers with that cart's id and leaves its lines alone (observed on 2.4.7): read it before adding
        to it. Raises ShopHasNoSuch if the shop has no such customer.
        """
        path = f"/V1/customers/{customer_id}/carts"
        return decode_new_id(self._connection.send("POST", path, store=store_view(store_code)), f"POST {path}")

    def create_guest_cart(self, store_code: str) -> int:
        """A new empty cart of nobody, in that store view. After OutcomeUnknown at worst an empty cart was left."""
        return decode_new_id(self._connection.send("POST", "/V1/carts", store=store_view(store_code)), "POST /V1/carts")

    def add_item(
        self,
        cart_id: int,
        store_code: str,
        sku: str,
        quantity: Decimal,
        options: Mapping[int, int] | None = None,
    ) -> CartItem:
        """Put so many of the product into the cart and return its line, whose quantity grows if it was in already.

        For a configurable product give the parent's SKU and as `options` what was chosen, attribute_id to value_index
        (`Catalogue.choices`). Raises ShopHasNoSuch for an unknown SKU, ShopRefused if it cannot be had so.
        """
        item: dict[str, Any] = {"sku": sku, "qty": _number(quantity), "quote_id": str(cart_id)}
        if options:
            chosen = [{"option_id": str(attribute), "option_value": value} for attribute, value in options.items()]
            item["product_option"] = {"extension_attributes": {"configurable_item_options": chosen}}
        path = f"/V1/carts/{cart_id}/items"
        return self._line("POST", path, item, store_code)

    def set_quantity(self, cart_id: int, store_code: str, item_id: int, quantity: Decimal) -> CartItem:
        """Make the line hold exactly so many, and return it. Raises ShopRefused if so many cannot be had."""
        path = f"/V1/carts/{cart_id}/items/{item_id}"
        return self._line("PUT", path, {"qty": _number(quantity), "quote_id": str(cart_id)}, store_code)

    def remove_item(self, cart_id: int, store_code: str, item_id: int) -> None:
        """Take the line out of the cart; works on a line that no longer shows, too (observed on 2.4.7)."""
        path = f"/V1/carts/{cart_id}/items/{item_id}"
        expect_done(self._connection.send("DELETE", path, store=store_view(store_code)), f"DELETE {path}")

    def set_coupon(self, cart_id: int, store_code: str, code: str) -> None:
        """Give the cart the coupon, in place of one that it has.

        Raises ShopHasNoSuch for a code that is not good, and **the cart has then lost the coupon it had** (observed on
        2.4.7): check a code with `Promotions` first. Success does not mean that anything is discounted.
        """
        path = f"/V1/carts/{cart_id}/coupons/{segment(code)}"
        expect_done(self._connection.send("PUT", path, store=store_view(store_code)), f"PUT {path}")

    def remove_coupon(self, cart_id: int, store_code: str) -> None:
        """Take the coupon off the cart; harmless without one."""
        path = f"/V1/carts/{cart_id}/coupons"
        expect_done(self._connection.send("DELETE", path, store=store_view(store_code)), f"DELETE {path}")

    def _line(self, method: str, path: str, item: dict[str, Any], store_code: str) -> CartItem:
        answer = self._connection.send(method, path, {"cartItem": item}, store=store_view(store_code))
        line: CartItem = decode_outcome(answer, CartItem, f"{method} {path}")
        return line


def _number(quantity: Decimal) -> int | float:
    """The quantity as a number in JSON. Raises BadInput for one that no line can hold."""
    if not quantity.is_finite() or quantity <= 0:
        raise BadInput(f"{quantity} is not a quantity. Give a number above 0, or remove the line.")
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)
