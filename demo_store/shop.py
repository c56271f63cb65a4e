"""The shop as its own people see it: what a merchant or a customer does there, without REST."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from demo_store import carts, catalog, checkout, orders, placing, totals
from demo_store.configuration import configuration
from demo_store.faults import Faults
from demo_store.generate import generate
from demo_store.numbers import dec, number
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


class Shop:
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
        self.records = Records(path)
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
        """Every request so far, oldest first, as "METHOD /path?query" with the query still encoded."""
        return self.service.requests

    def maintenance(self, on: bool) -> None:
        """Answer everything with the 503 HTML page, or stop doing so."""
        self.service.maintenance = on

    def set_clock(self, seconds: float) -> None:
        """Let the shop's clock, its Date header too, run this many seconds ahead (negative: behind)."""
        with self.records.lock:
            self.records.settings["clock_offset"] = seconds
            self._kept()

    def close(self) -> None:
        """Write what is left and let go of the file."""
        with self.records.lock:
            self.records.state.close()

    def _kept(self) -> None:
        self.records.keep_settings()
        self.records.state.commit()

    # Access --------------------------------------------------------------------------------------------------------

    def add_token(self, token: str, acl: Iterable[str] | None = None) -> None:
        """Let a bearer token in: to everything, or only to ACL resources such as {"Magento_Cart::manage"}."""
        with self.records.lock:
            self.records.settings["tokens"][token] = {"acl": None if acl is None else sorted(acl)}
            self._kept()

    def remove_token(self, token: str) -> None:
        """Let a bearer token in no longer."""
        with self.records.lock:
            self.records.settings["tokens"].pop(token, None)
            self._kept()

    def add_consumer(
        self, key: str, secret: str, token: str, token_secret: str, acl: Iterable[str] | None = None
    ) -> None:
        """Let an OAuth 1.0a consumer in with its four secrets; `acl` as for add_token."""
        with self.records.lock:
            consumers = self.records.settings["consumers"]
            consumers[key] = {"id": len(consumers) + 1, "secret": secret, "token": token}
            consumers[key] |= {"token_secret": token_secret, "acl": None if acl is None else sorted(acl)}
            self._kept()

    def allow_integration_as_bearer(self, on: bool) -> None:
        """Switch the use of integration tokens as bearer (since 2.4.4 off by default, here on)."""
        with self.records.lock:
            self.records.settings["integration_as_bearer"] = on
            self._kept()

    def add_admin(self, username: str, password: str, *, second_factor: bool = False) -> None:
        """Add an admin user who can sign in over the API; with a second factor only its refusal is served."""
        with self.records.lock:
            user = {"password": password, "failures": 0, "second_factor": second_factor}
            self.records.settings["admins"][username] = user
            self._kept()

    # Catalogue -----------------------------------------------------------------------------------------------------

    def _product(self, sku: str) -> Doc:
        return catalog.by_sku(self.records, sku)

    def _changed(self, product: Doc) -> None:
        product["updated_at"] = self.records.stamp()
        self.records.state.touch("product", product["id"])
        self.records.state.commit()

    def set_price(self, sku: str, price: Decimal | int | str) -> None:
        """Change a price.

        Every cart that holds the product, placed ones too, is then due to be recalculated; no updated_at moves.
        """
        with self.records.lock:
            product = self._product(sku)
            product["price"] = number(Decimal(price))
            for cart in self.records.state.all("cart"):
                if any(product["id"] in {line["product_id"], line.get("child_id")} for line in cart["lines"]):
                    cart["trigger_recollect"] = 1
                    self.records.state.touch("cart", cart["entity_id"])
            self._changed(product)

    def disable_product(self, sku: str) -> None:
        """Switch a product off: its lines vanish from carts while counts, totals and updated_at stay."""
        with self.records.lock:
            product = self._product(sku)
            product["status"] = 2
            self._changed(product)

    def enable_product(self, sku: str) -> None:
        """Switch a product on again; its lines show again."""
        with self.records.lock:
            product = self._product(sku)
            product["status"] = 1
            self._changed(product)

    def delete_product(self, sku: str) -> None:
        """Delete a product, with the consequences of disable_product.

        Where only the child of a configurable one is deleted, the line keeps showing, with the parent's SKU.
        """
        with self.records.lock:
            product = self._product(sku)
            self.records.state.remove("product", product["id"])
            parent = self.records.product(product.get("parent_id"))
            if parent is not None:
                parent["children"].remove(product["id"])
                for cart in self.records.state.all("cart"):
                    for line in cart["lines"]:
                        if line.get("child_id") == product["id"]:
                            line["sku"] = parent["sku"]
                            self.records.state.touch("cart", cart["entity_id"])
            self.records.state.commit()

    def set_stock(self, sku: str, qty: Decimal | int, *, in_stock: bool = True) -> None:
        """Set the stock of a product; what open orders reserve comes off it."""
        with self.records.lock:
            product = self._product(sku)
            product |= {"qty": number(dec(qty)), "is_in_stock": in_stock}
            self._changed(product)

    def set_sale_limits(self, sku: str, *, minimum: int = 1, maximum: int = 10000, increments: int = 0) -> None:
        """Set how few, how many and in what steps a product is sold."""
        with self.records.lock:
            product = self._product(sku)
            product |= {"min_sale_qty": minimum, "max_sale_qty": maximum, "qty_increments": increments}
            self._changed(product)

    # Shop configuration --------------------------------------------------------------------------------------------

    def _sites(self, website: str | None) -> list[Doc]:
        settings = self.records.settings
        ids = [site["id"] for site in settings["websites"] if site["id"] and website in {None, site["code"]}]
        return [settings["sites"][str(ident)] for ident in ids]

    def switch_payment(self, method: str, on: bool, website: str | None = None) -> None:
        """Switch checkmo, banktransfer, cashondelivery, purchaseorder or free, on one website or all."""
        with self.records.lock:
            for site in self._sites(website):
                site["payments"][method]["active"] = on
            self._kept()

    def switch_carrier(self, carrier: str, on: bool, website: str | None = None) -> None:
        """Switch a carrier (flatrate, freeshipping, tablerate) on one website or all."""
        with self.records.lock:
            for site in self._sites(website):
                site["carriers"][carrier]["active"] = on
            self._kept()

    def set_shipping_price(self, carrier: str, price: Decimal | int | str) -> None:
        """Change what a carrier charges (per item for flatrate)."""
        with self.records.lock:
            for site in self._sites(None):
                site["carriers"][carrier]["price"] = number(Decimal(price))
            self._kept()

    def set_countries(self, countries: Iterable[str], website: str | None = None) -> None:
        """Set the countries that one website or all sell to."""
        with self.records.lock:
            for site in self._sites(website):
                site["countries"] = sorted(countries)
            self._kept()

    def set_minimum_order(self, amount: Decimal | int | str | None, text: str | None = None) -> None:
        """Set a minimum order amount (base currency, None for none) and the shop's own text for it."""
        with self.records.lock:
            for site in self._sites(None):
                site["minimum_order"] = None if amount is None else {"amount": number(Decimal(amount)), "text": text}
            self._kept()

    def set_rate(self, currency: str, rate: Decimal | int | str) -> None:
        """Change an exchange rate: how much of the currency one EUR is."""
        with self.records.lock:
            self.records.settings["rates"][currency] = number(Decimal(rate))
            self._kept()

    def set_limits(self, maximum: int | None, default: int = 20) -> None:
        """Switch Magento's input limits on (largest and default page size), or off with None."""
        with self.records.lock:
            limits = None if maximum is None else {"maximum": maximum, "default": default}
            self.records.settings["limits"] = limits
            self._kept()

    def set_coupon(
        self, code: str, *, percent: int = 10, expires: str | None = None, uses: int = 0, active: bool = True
    ) -> None:
        """Add a coupon, or change it. `expires` as "YYYY-MM-DD HH:MM:SS" UTC; `uses` 0 for any number."""
        with self.records.lock:
            coupon = next((one for one in self.records.state.all("coupon") if one["code"] == code), None)
            if coupon is None:
                ident = self.records.next_id("rule")
                self.records.state.put("rule", ident, {"rule_id": ident, "apply_to_shipping": False})
                coupon = {"coupon_id": ident, "rule_id": ident, "code": code, "usage_per_customer": 0, "times_used": 0}
                coupon |= {"is_primary": True, "created_at": self.records.stamp(), "type": 0}
                self.records.state.put("coupon", ident, coupon)
            coupon |= {"usage_limit": uses, "expiration_date": expires}
            rule = self.records.state.get("rule", coupon["rule_id"]) or {}
            rule |= {"name": f"{percent} percent off", "discount_amount": percent, "is_active": active}
            self.records.changed("coupon", [coupon["coupon_id"]])
            self.records.changed("rule", [coupon["rule_id"]])
            self.records.state.commit()

    # Customers and carts -------------------------------------------------------------------------------------------

    def add_customer(self, email: str, *, store_id: int = 1, address: dict[str, Any] | None = None) -> int:
        """Register a customer with one default address (ADDRESS where not given); returns the id."""
        with self.records.lock:
            ident = self.records.next_id("customer")
            given = ADDRESS | (address or {})
            view = self.records.view(store_id)
            book = self.records.next_id("customer_address")
            now = self.records.stamp()
            region = {"region_code": None, "region": None, "region_id": given.get("region_id", 0)}
            entry = {"id": book, "customer_id": ident, "region": region, "region_id": region["region_id"]}
            entry |= given | {"default_shipping": True, "default_billing": True}
            customer: Doc = {"id": ident, "group_id": 1, "default_billing": str(book), "default_shipping": str(book)}
            customer |= {"created_at": now, "updated_at": now, "created_in": view["name"], "email": email}
            customer |= {"firstname": given["firstname"], "lastname": given["lastname"], "store_id": store_id}
            customer |= {"website_id": view["website_id"], "addresses": [entry], "disable_auto_group_change": 0}
            customer["extension_attributes"] = {"is_subscribed": False}
            self.records.state.put("customer", ident, customer)
            self.records.state.commit()
            return ident

    def delete_customer(self, customer_id: int) -> None:
        """Delete an account: its carts stay, without a customer but not a guest's; its orders stay."""
        with self.records.lock:
            self.records.state.remove("customer", customer_id)
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
