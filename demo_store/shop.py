"""The shop as its own people see it: what a merchant or a customer does there, without REST."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo_store import carts, checkout, customers, orders, placing, totals
from demo_store.backoffice import Backoffice
from demo_store.configuration import configuration
from demo_store.faults import Faults
from demo_store.generate import generate
from demo_store.records import Records
from demo_store.service import Service
from demo_store.state import Doc

ADDRESS = {
    "firstname": "Anna",
    "lastname": "de Vries",
    "street": ["Keizersgracht 12"],
    "city": "Amsterdam",
    "postcode": "1015 CS",
    "country_id": "NL",
    "telephone": "+31 20 555 0101",
}


class Shop(Backoffice):
    """A small Magento 2. Serve it with `serve(shop)`; its methods act as the shop's own people.

    They act at once and with every consequence Magento gives: a price change marks the carts that hold the product,
    and so on.

    `path` is its SQLite file (`:memory:` keeps nothing). A new shop generates its data from `seed`; with all sizes 0
    it has its websites, store views, catalogue and coupons, and no people, carts or orders. Ids are ints; amounts in
    arguments are Decimal or text in the base currency, EUR. Tokens: `demo` may do everything; see `add_token`.
    Unknown ids raise what the API would answer, `demo_store.refusal.Refusal`.

    `faults` misbehaves on purpose (see demo_store.faults), `requests` lists what was asked ("METHOD /path?query"),
    and `records` is the shop's own memory, to look things up.
    """

    def __init__(
        self,
        path: str | Path = ":memory:",
        *,
        orders: int = 0,
        carts: int = 0,
        customers: int = 0,
        seed: int = 1,
    ) -> None:
        super().__init__(Records(path))
        if self.records.state.empty:
            self.records.configure(configuration())
            generate(self.records, orders=orders, carts=carts, customers=customers, seed=seed)
            self.records.state.commit()
        self.service = Service(self.records, Faults())

    # The shop as a thing -------------------------------------------------------------------------------------------

    @property
    def faults(self) -> Faults:
        """The faults in force; set another to change them all at once."""
        return self.service.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.service.faults = faults

    @property
    def requests(self) -> list[str]:
        """The requests so far (the last 10,000), oldest first: "METHOD /path?query", the query still encoded."""
        with self.records.lock:
            return list(self.service.requests)

    def maintenance(self, on: bool) -> None:
        """Answer everything with the 503 HTML page, or stop doing so."""
        self.service.maintenance = on

    def close(self) -> None:
        """Write what is left and let go of the file."""
        with self.records.lock:
            self.records.state.close()

    # Customers and carts -------------------------------------------------------------------------------------------

    def add_customer(self, email: str, *, store_id: int = 1, address: dict[str, Any] | None = None) -> int:
        """Register a customer with one default address (ADDRESS where not given); returns the id."""
        with self.records.lock:
            ident: int = customers.create(self.records, email, ADDRESS | (address or {}), store_id)["id"]
            self.records.state.commit()
            return ident

    def delete_customer(self, customer_id: int) -> None:
        """Delete an account: its carts and orders stay, without a customer but not a guest's."""
        with self.records.lock:
            self.records.state.remove("customer", customer_id)
            self._forget("customer_id", customer_id)
            self.records.state.commit()

    def subscribe(self, customer_id: int, on: bool) -> None:
        """Change a newsletter subscription in the shop: the account's updated_at does not move."""
        with self.records.lock:
            customer = self.records.state.get("customer", customer_id) or {}
            customer["extension_attributes"]["is_subscribed"] = on
            self.records.changed("customer", [customer_id])
            self.records.state.commit()

    def add_cart(
        self,
        lines: Iterable[tuple[str, int]] = (("MUG-01", 1),),
        *,
        store_id: int = 1,
        customer_id: int | None = None,
        address: dict[str, Any] | None = None,
        email: str | None = "guest@example.test",
        ready: bool = True,
        coupon: str | None = None,
    ) -> int:
        """A shopper fills a cart with (SKU, quantity) lines; returns its id.

        `ready` goes through the checkout up to the button: address (ADDRESS, or the one given), flat rate shipping,
        check as payment. A child's SKU adds its configurable product. `email` is a guest's.
        """
        with self.records.lock:
            account = self.records.state.get("customer", customer_id) if customer_id else None
            cart = carts.create(self.records, store_id, account)
            for sku, qty in lines:
                product = self._product(sku)
                parent = self.records.product(product.get("parent_id"))
                carts.add_line(
                    self.records, cart, parent["sku"] if parent else sku, Decimal(qty), sku if parent else None
                )
            cart["coupon_code"] = coupon
            carts.saved(self.records, cart, None)
            if ready:
                given = ADDRESS | (address or {}) | ({"email": email} if account is None and email else {})
                body: Doc = {"shipping_address": given, "billing_address": given}
                body |= {"shipping_carrier_code": "flatrate", "shipping_method_code": "flatrate"}
                if cart["is_virtual"]:
                    checkout.set_billing(self.records, cart, {"address": given}, None)
                else:
                    checkout.set_shipping(self.records, cart, {"addressInformation": body}, None)
                cart["payment"] = {"id": self.records.next_id("cart_payment"), "method": "checkmo", "po_number": None}
            self.records.state.commit()
            ident: int = cart["entity_id"]
            return ident

    def cart(self, cart_id: int) -> Doc:
        """What the shop stores of a cart, its columns (grand_total, updated_at, trigger_recollect ...) and `lines`."""
        return carts.existing_cart(self.records, cart_id)

    def set_qty(self, cart_id: int, sku: str, qty: int) -> None:
        """A shopper changes the quantity of a line; 0 removes it."""
        with self.records.lock:
            cart = self.cart(cart_id)
            line = next(one for one in cart["lines"] if one["sku"] == sku)
            if qty:
                carts.set_qty(self.records, line, Decimal(qty))
            else:
                cart["lines"].remove(line)
            checkout.recollect_rates(self.records, cart, cart["store_id"])
            carts.saved(self.records, cart, None)
            self.records.state.commit()

    def add_to_cart(self, cart_id: int, sku: str, qty: int = 1) -> None:
        """A shopper puts another product in the cart, or more of one."""
        with self.records.lock:
            cart = self.cart(cart_id)
            carts.add_line(self.records, cart, sku, Decimal(qty))
            checkout.recollect_rates(self.records, cart, cart["store_id"])
            carts.saved(self.records, cart, None)
            self.records.state.commit()

    def restore_cart(self, cart_id: int) -> None:
        """Magento gives a cart back after a failed or cancelled payment: active again, no reserved order number."""
        with self.records.lock:
            cart = self.cart(cart_id)
            cart |= {"is_active": 1, "reserved_order_id": None}
            carts.dated(self.records, cart)
            self.records.state.commit()

    def deactivate_cart(self, cart_id: int) -> None:
        """Close a cart without an order, as merging it at a sign-in does."""
        with self.records.lock:
            cart = self.cart(cart_id)
            cart["is_active"] = 0
            carts.dated(self.records, cart)
            self.records.state.commit()

    def touch_cart(self, cart_id: int, updated_at: str | None = None) -> None:
        """Set a cart's updated_at ("YYYY-MM-DD HH:MM:SS" UTC; now where not given) and nothing else."""
        with self.records.lock:
            self.cart(cart_id)["updated_at"] = updated_at or self.records.stamp()
            self.records.changed("cart", [cart_id])
            self.records.state.commit()

    def delete_cart(self, cart_id: int) -> None:
        """Delete a cart without a trace, as Magento's clean-up does after 30 days."""
        with self.records.lock:
            self.records.state.remove("cart", cart_id)
            self.records.state.commit()

    # Orders --------------------------------------------------------------------------------------------------------

    def place(self, cart_id: int) -> int:
        """The shopper presses the button: the cart's order, its entity_id; Refusal where the shop refuses."""
        with self.records.lock:
            try:
                return placing.place(self.records, cart_id, None, None, "203.0.113.7")
            finally:
                self.records.state.commit()

    def order(self, order_id: int) -> Doc:
        """The order as the API would show it."""
        return orders.rest(orders.existing(self.records, order_id))

    def orders_of(self, cart_id: int) -> list[int]:
        """The entity_ids of the orders made from a cart, oldest first."""
        return [one["entity_id"] for one in self.records.state.all("order") if one["quote_id"] == cart_id]

    def act(self, order_id: int, action: str) -> None:
        """The merchant works on an order: "invoice", "ship", "refund", "cancel", "hold" or "unhold"."""
        with self.records.lock:
            order = orders.existing(self.records, order_id)
            match action:
                case "invoice":
                    orders.invoice(self.records, order, {})
                case "ship":
                    orders.ship(self.records, order, {})
                case "refund":
                    orders.refund(self.records, order, {})
                case "cancel":
                    orders.cancel(self.records, order)
                case "hold":
                    orders.hold(self.records, order)
                case "unhold":
                    orders.unhold(self.records, order)
                case _:
                    raise ValueError(f"There is no order action {action!r}.")
            self.records.state.commit()

    def refund_items(self, order_id: int, quantities: dict[str, int]) -> None:
        """The merchant refunds some of an order, offline: quantities by SKU, without the shipping."""
        with self.records.lock:
            order = orders.existing(self.records, order_id)
            rows = {item["sku"]: item["item_id"] for item in reversed(order["items"])}
            items = [{"order_item_id": rows[sku], "qty": qty} for sku, qty in quantities.items()]
            orders.refund(self.records, order, {"items": items})
            self.records.state.commit()

    def touch_order(self, order_id: int, updated_at: str | None = None) -> None:
        """Set an order's updated_at ("YYYY-MM-DD HH:MM:SS" UTC; now where not given) and nothing else."""
        with self.records.lock:
            orders.existing(self.records, order_id)["updated_at"] = updated_at or self.records.stamp()
            self.records.changed("order", [order_id])
            self.records.state.commit()

    def delete_store_view(self, store_id: int) -> None:
        """Delete a store view with its carts; its orders stay, without one and as old as they were."""
        with self.records.lock:
            self.records.settings["views"].remove(self.records.view(store_id))
            self.records.keep_settings()
            for cart in self.records.state.all("cart"):
                if cart["store_id"] == store_id:
                    self.records.state.remove("cart", cart["entity_id"])
            self._forget("store_id", store_id)
            self.records.state.commit()

    def _forget(self, key: str, ident: int) -> None:
        """Orders that name the id name none any more: foreign keys of Magento's sales_order, ON DELETE SET NULL."""
        orphans = [order for order in self.records.state.all("order") if order.get(key) == ident]
        for order in orphans:
            order[key] = None
        self.records.changed("order", [order["entity_id"] for order in orphans])

    def delete_order(self, order_id: int) -> None:
        """Delete an order without a trace, as some extensions do."""
        with self.records.lock:
            self.records.state.remove("order", order_id)
            self.records.state.commit()

    def recalculate(self, cart_id: int) -> None:
        """Recalculate a cart now, as opening it in the shop does."""
        with self.records.lock:
            cart = self.cart(cart_id)
            totals.collect(self.records, cart)
            carts.dated(self.records, cart)
            self.records.state.commit()
