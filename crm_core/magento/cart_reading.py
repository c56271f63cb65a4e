"""Reading one cart beyond what a search tells: by its id, which can write, and by asking a search a yes or no.

**Every read by id may write**: Magento recalculates a cart that is due to be, saves it, and moves its `updated_at`
(observed on Magento 2.4.7). So read by id only when a person synchronises, checks or converts the cart, or after
`is_due_to_recalculate` said no. The two questions asked of the search never write.

Read by id as well: `Magento.totals` and `Checkout.payment_methods`. Needs the permission Magento_Cart::manage.
"""

from __future__ import annotations

from typing import Any

import msgspec

from crm_core.magento.connection import Connection
from crm_core.magento.decoding import decode
from crm_core.magento.paths import store_view
from crm_core.magento.payloads import Address, CartItem, ShippingMethod
from crm_core.magento.search import Search
from crm_core.magento.shop import Entity, Magento


class SelectedPayment(msgspec.Struct, frozen=True, gc=False):
    """The way of paying that is saved with a cart. It may be one that the shop has stopped offering."""

    method: str
    po_number: str | None = None


class CartReading:
    """The reads of one cart. Every method raises what `Connection.get` raises.

    Reads by id raise ShopHasNoSuch for a cart that is inactive or gone.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._shop = Magento(connection)

    def is_due_to_recalculate(self, cart_id: int) -> bool:
        """Whether the next read by id recalculates the cart, because a price of it has changed. Never writes."""
        return self._matches(cart_id, "trigger_recollect", 1)

    def has_coupon(self, cart_id: int, code: str) -> bool:
        """Whether the cart carries the coupon, in any case of its letters. Never writes."""
        return self._matches(cart_id, "coupon_code", code)

    def items(self, cart_id: int, store_code: str) -> list[CartItem]:
        """The lines that still show. May write."""
        lines: list[CartItem] = self._read(cart_id, "items", store_code, list[CartItem])
        return lines

    def coupon(self, cart_id: int, store_code: str) -> str | None:
        """The code of the coupon on the cart, which may be dead. May write; a recalculation can remove a dead one."""
        code: str | None = self._read(cart_id, "coupons", store_code, str | None)
        return code or None

    def selected_payment_method(self, cart_id: int, store_code: str) -> SelectedPayment | None:
        """The way of paying saved with the cart, None if none is; told for inactive carts, too. May write."""
        payment: SelectedPayment | None = self._read(
            cart_id, "selected-payment-method", store_code, SelectedPayment | None
        )
        return payment

    def shipping_methods(self, cart_id: int, store_code: str) -> list[ShippingMethod]:
        """The ways of shipping **with the rates saved when they were last reckoned**, not what they cost now.

        `Checkout.estimate_shipping_methods` tells today's (observed on 2.4.7). Raises ShopRefused without a shipping
        address. May write.
        """
        methods: list[ShippingMethod] = self._read(cart_id, "shipping-methods", store_code, list[ShippingMethod])
        return methods

    def billing_address(self, cart_id: int, store_code: str) -> Address:
        """The billing address, every field None where nothing was entered; a guest's e-mail is in it. May write."""
        address: Address = self._read(cart_id, "billing-address", store_code, Address)
        return address

    def _read(self, cart_id: int, part: str, store_code: str, kind: Any) -> Any:
        path = f"/V1/carts/{cart_id}/{part}"
        return decode(self._connection.get(path, store=store_view(store_code)), kind, f"GET {path}")

    def _matches(self, cart_id: int, field: str, value: int | str) -> bool:
        search = Search().where("entity_id", "eq", cart_id).where(field, "eq", value)
        return self._shop.count(Entity.CARTS, search) > 0
