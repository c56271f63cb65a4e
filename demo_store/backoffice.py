"""What a merchant sets in the shop's back office: who may call, what is sold at what price, how it is paid and sent."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from demo_store import catalog
from demo_store.numbers import dec, number
from demo_store.records import Records
from demo_store.state import Doc


class Backoffice:
    """The merchant's part of a shop, working on its records at once and with every consequence Magento gives."""

    def __init__(self, records: Records) -> None:
        self.records = records

    def set_clock(self, seconds: float) -> None:
        """Let the shop's clock, its Date header too, run this many seconds ahead (negative: behind)."""
        with self.records.lock:
            self.records.settings["clock_offset"] = seconds
            self._kept()

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

    def set_salable(self, sku: str, qty: int) -> None:
        """Set the stock of a product so that so many can be sold on top of what open orders reserve."""
        with self.records.lock:
            reserved = dec(self._product(sku)["reserved"])
        self.set_stock(sku, reserved + qty)

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
