"""The writing side of one Magento shop: what turns a cart into an order.

Every call names the cart's own store view: under another code Magento moves the cart there and books the order in that
store and its currency, and no code at all means the default view for its rules (observed on Magento 2.4.7).

Writes are sent exactly once; see `Connection.send` for what they raise. After OutcomeUnknown, read the orders of the
cart back before anything else.
"""

from __future__ import annotations

from typing import Any

from crm_core.errors import OutcomeUnknown, ShopUnavailable
from crm_core.magento.connection import Connection
from crm_core.magento.decoding import decode, decode_new_id, decode_outcome
from crm_core.magento.paths import store_view
from crm_core.magento.payloads import Address, PaymentDetails, PaymentMethod, ShippingMethod

_NOT_SENT = frozenset(("id",))


class Checkout:
    """The steps of converting a cart, on the connection of the shop's reading side."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def estimate_shipping_methods(self, cart_id: int, store_code: str, address: Address) -> list[ShippingMethod]:
        """The ways of shipping to the address, with what each costs now; unavailable ones say why.

        Saves nothing of it, but recalculates a cart whose prices have changed. Raises ShopUnavailable where a write
        would raise OutcomeUnknown: asking again is harmless.
        """
        path = f"/V1/carts/{cart_id}/estimate-shipping-methods"
        try:
            answer = self._connection.send("POST", path, {"address": _sent(address)}, store=store_view(store_code))
        except OutcomeUnknown:
            raise ShopUnavailable(
                f"The shop did not tell the ways of shipping for cart {cart_id}. Try again."
            ) from None
        methods: list[ShippingMethod] = decode(answer, list[ShippingMethod], f"the ways of shipping of cart {cart_id}")
        return methods

    def payment_methods(self, cart_id: int, store_code: str) -> list[PaymentMethod]:
        """The ways of paying that the shop offers for the cart as it is now. Recalculates it like any read by id."""
        answer = self._connection.get(f"/V1/carts/{cart_id}/payment-methods", store=store_view(store_code))
        methods: list[PaymentMethod] = decode(answer, list[PaymentMethod], f"the ways of paying of cart {cart_id}")
        return methods

    def set_shipping_information(
        self,
        cart_id: int,
        store_code: str,
        *,
        shipping_address: Address,
        billing_address: Address,
        carrier_code: str,
        method_code: str,
    ) -> PaymentDetails:
        """Save the addresses and the way of shipping; Magento recalculates lines, rates and totals with it.

        Sending it again refreshes everything, also where nothing changed. Raises ShopHasNoSuch if the way of shipping
        is no longer offered, and the cart has then lost its earlier choice (observed on Magento 2.4.7).
        """
        information = {
            "shipping_address": _sent(shipping_address),
            "billing_address": _sent(billing_address),
            "shipping_carrier_code": carrier_code,
            "shipping_method_code": method_code,
        }
        path = f"/V1/carts/{cart_id}/shipping-information"
        answer = self._connection.send("POST", path, {"addressInformation": information}, store=store_view(store_code))
        details: PaymentDetails = decode_outcome(answer, PaymentDetails, f"POST {path}")
        return details

    def set_billing_address(
        self, cart_id: int, store_code: str, address: Address, *, use_for_shipping: bool = False
    ) -> None:
        """Save the billing address of a cart; a guest's e-mail, too, is saved as that address's `email`.

        With `use_for_shipping` it becomes the shipping address as well, before any way of shipping is chosen. Magento
        saves an incomplete address without a word and refuses the order later (observed on Magento 2.4.7).
        """
        path = f"/V1/carts/{cart_id}/billing-address"
        body = {"address": _sent(address), "useForShipping": use_for_shipping}
        self._connection.send("POST", path, body, store=store_view(store_code))

    def place_order(self, cart_id: int, store_code: str, payment_method: dict[str, Any]) -> int:
        """Make the cart an order and return that order's entity_id.

        `payment_method` is such as ``{"method": "purchaseorder", "po_number": "7"}``; without a body the shop would
        not check the method again. ShopHasNoSuch can mean a dead coupon, a missing cart, or one that has become an
        order already: read the orders of the cart to tell. A refusal can also be the answer to the loser of two
        requests at once, so read them after any refusal, too (both observed on Magento 2.4.7).
        """
        path = f"/V1/carts/{cart_id}/order"
        answer = self._connection.send("PUT", path, {"paymentMethod": payment_method}, store=store_view(store_code))
        return decode_new_id(answer, f"PUT {path}")


def _sent(address: Address) -> dict[str, Any]:
    """The address as Magento takes it: without what is empty, and without ids of address rows, which it rejects."""
    known = {name: getattr(address, name) for name in address.__struct_fields__ if name not in _NOT_SENT}
    return {name: value for name, value in known.items() if value is not None}
