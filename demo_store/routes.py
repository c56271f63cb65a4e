"""Every path the shop serves: its verb, the permission it needs, and what answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo_store import (
    addresses,
    attributes,
    carts,
    catalog,
    checkout,
    coupons,
    customers,
    documents,
    orders,
    stock,
    stores,
    totals,
)
from demo_store.call import Call
from demo_store.refusal import internal_error, required
from demo_store.state import Doc
from demo_store.stock import quantity


def _carts_search(call: Call) -> Doc:
    records = call.records
    page = call.page(records.state.all("cart"), carts.COLUMNS, lambda cart: carts.rest(records, cart))
    if any(cart["id"] in call.faults.poison for cart in page["items"]):
        raise internal_error("6b01deadbeef1")
    return page


def _cart(call: Call) -> Doc:
    """A by-id read that recalculated the cart answers once without updated_at (observed on 2.4.7)."""
    cart = carts.existing_cart(call.records, call.ident())
    redated = carts.opened(call.records, cart, call.store_id)
    body = carts.rest(call.records, cart, call.store_id)
    if redated:
        del body["updated_at"]
    return body


def _selected_payment(call: Call) -> Any:
    payment = call.cart(active=False)["payment"]
    if payment is None:
        return []
    named = {"method": payment["method"]}
    return named | ({"po_number": payment["po_number"]} if payment["po_number"] else {})


def _items(call: Call) -> list[Doc]:
    records, cart = call.records, call.cart()
    return [carts.line_in_full(records, cart, line) for line in cart["lines"] if catalog.shown(records, line)]


def _cart_item(call: Call) -> Doc:
    given = call.body.get("cartItem", call.body.get("cart_item")) if isinstance(call.body, dict) else None
    if not isinstance(given, dict):
        raise required("cartItem")
    return given


def _add_item(call: Call) -> Doc:
    cart, given = call.cart(), _cart_item(call)
    product, child = catalog.by_sku(call.records, str(given.get("sku"))), None
    if product["type_id"] == "configurable":
        options = (given.get("product_option") or {}).get("extension_attributes", {}).get("configurable_item_options")
        child = attributes.chosen(call.records, product, options or [])["sku"]
    line = carts.add_line(call.records, cart, product["sku"], quantity(given.get("qty", 1)), child)
    carts.saved(call.records, cart, call.store_id)
    return carts.line_in_full(call.records, cart, line)


def _set_item(call: Call) -> Doc:
    cart, given = call.cart(), _cart_item(call)
    line = carts.line_of(cart, call.ident(1))
    carts.set_qty(call.records, line, quantity(given.get("qty")))
    _saved_with_rates(call, cart)
    return carts.line_rest(cart, line)


def _drop_item(call: Call) -> bool:
    cart = call.cart()
    cart["lines"].remove(carts.line_of(cart, call.ident(1)))
    _saved_with_rates(call, cart)
    return True


def _saved_with_rates(call: Call, cart: Doc) -> None:
    checkout.recollect_rates(call.records, cart, call.store_of(cart))
    carts.saved(call.records, cart, call.store_id)


def _coupon_set(call: Call) -> bool:
    checkout.set_coupon(call.records, call.cart(), call.path[1], call.store_id)
    return True


def _coupon_drop(call: Call) -> bool:
    cart = call.cart()
    cart["coupon_code"] = None
    carts.saved(call.records, cart, call.store_id)
    return True


def _assign(call: Call) -> bool:
    body = call.body if isinstance(call.body, dict) else {}
    for name in ("customerId", "storeId"):
        if body.get(name) is None:
            raise required(name)
    carts.assign(call.records, call.cart(), int(body["customerId"]), int(body["storeId"]))
    return True


def _order(call: Call) -> Doc:
    return orders.existing(call.records, call.ident())


def _orders_search(call: Call) -> Doc:
    return call.page(call.records.state.all("order"), orders.COLUMNS, orders.rest)


def _order_items(call: Call) -> Doc:
    rows = [item for order in call.records.state.all("order") for item in orders.items_rest(order)]
    return call.page(rows, orders.ITEM_COLUMNS, dict)


def _hold(call: Call) -> bool:
    orders.hold(call.records, _order(call))
    return True


def _unhold(call: Call) -> bool:
    orders.unhold(call.records, _order(call))
    return True


def _comment(call: Call) -> bool:
    if not isinstance(call.body, dict):
        raise required("statusHistory")
    orders.comment(call.records, _order(call), call.body)
    return True


def _comments(call: Call) -> Doc:
    rows = sorted(_order(call)["status_histories"], key=lambda row: int(row["entity_id"]))
    return {"items": rows, "search_criteria": {"filter_groups": []}, "total_count": len(rows)}


def _mailed(call: Call) -> bool:
    _order(call)["email_sent"] = 1
    return True


def _customer(call: Call) -> Doc:
    return customers.existing(call.records, call.ident())


def _customers_search(call: Call) -> Doc:
    return call.page(call.records.state.all("customer"), customers.COLUMNS, dict)


def _configs(call: Call) -> list[Doc]:
    codes = call.query.get("storeCodes")
    return stores.configs(call.records, list(codes.values()) if isinstance(codes, dict) else [], call.base_url)


def _product(call: Call) -> Doc:
    return catalog.rest(call.records, catalog.by_sku(call.records, call.path[0]))


def _products(call: Call) -> Doc:
    records = call.records
    return call.page(records.state.all("product"), catalog.COLUMNS, lambda product: catalog.listed(records, product))


def _attributes(call: Call) -> Doc:
    return call.page(call.records.state.all("attribute"), attributes.COLUMNS, attributes.rest)


def _coupons_search(call: Call) -> Doc:
    return call.page(call.records.state.all("coupon"), coupons.COLUMNS, coupons.coupon_rest)


def _documents(kind: str) -> Callable[[Call], Doc]:
    return lambda call: call.page(call.records.state.all(kind), documents.COLUMNS, dict)


@dataclass(frozen=True)
class Route:
    """A verb, a pattern of path parts (`:` stands for any one), the ACL resource (None: anyone) and the answer."""

    method: str
    pattern: str
    resource: str | None
    answer: Callable[[Call], Any]

    def match(self, method: str, parts: list[str]) -> tuple[str, ...] | None:
        """The parts that the pattern leaves open, or None where the request is another's."""
        wanted = self.pattern.split("/")
        if method != self.method or len(wanted) != len(parts):
            return None
        open_parts = []
        for want, part in zip(wanted, parts, strict=True):
            if want == ":":
                open_parts.append(part)
            elif want != part:
                return None
        return tuple(open_parts)


_STORE, _CART, _VIEW = "Magento_Backend::store", "Magento_Cart::manage", "Magento_Sales::actions_view"
_STOCK, _PRODUCTS, _RULES = "Magento_InventorySalesApi::stock", "Magento_Catalog::products", "Magento_SalesRule::quote"

ROUTES = (
    Route("GET", "store/websites", _STORE, lambda call: stores.websites(call.records)),
    Route("GET", "store/storeGroups", _STORE, lambda call: stores.groups(call.records)),
    Route("GET", "store/storeViews", _STORE, lambda call: stores.views(call.records)),
    Route("GET", "store/storeConfigs", _STORE, _configs),
    Route("GET", "modules", "Magento_Backend::admin", lambda _call: list(stores.MODULES)),
    Route("GET", "directory/countries", None, lambda call: stores.countries(call.records, call.default_store)),
    Route(
        "GET",
        "directory/countries/:",
        None,
        lambda call: stores.country(call.records, call.default_store, call.path[0]),
    ),
    Route("GET", "directory/currency", None, lambda call: stores.currency(call.records)),
    Route("GET", "customers/search", "Magento_Customer::customer", _customers_search),
    Route("GET", "customers/:", "Magento_Customer::customer", _customer),
    Route(
        "PUT",
        "customers/:",
        "Magento_Customer::manage",
        lambda call: customers.save(call.records, call.ident(), call.body),
    ),
    Route(
        "GET",
        "customerGroups/search",
        "Magento_Customer::group",
        lambda call: call.page(customers.groups(), customers.GROUP_COLUMNS, dict),
    ),
    Route(
        "POST",
        "customers/:/carts",
        _CART,
        lambda call: carts.of_customer(call.records, call.ident(), call.default_store)["entity_id"],
    ),
    Route("POST", "carts", _CART, lambda call: carts.create(call.records, call.default_store)["entity_id"]),
    Route("GET", "carts/search", _CART, _carts_search),
    Route("GET", "carts/:", _CART, _cart),
    Route("PUT", "carts/:", _CART, _assign),
    Route("GET", "carts/:/items", _CART, _items),
    Route("POST", "carts/:/items", _CART, _add_item),
    Route("PUT", "carts/:/items/:", _CART, _set_item),
    Route("DELETE", "carts/:/items/:", _CART, _drop_item),
    Route("GET", "carts/:/totals", _CART, lambda call: totals.rest(call.records, call.cart())),
    Route("GET", "carts/:/coupons", _CART, lambda call: call.cart()["coupon_code"] or []),
    Route("PUT", "carts/:/coupons/:", _CART, _coupon_set),
    Route("DELETE", "carts/:/coupons", _CART, _coupon_drop),
    Route("GET", "carts/:/billing-address", _CART, lambda call: call.cart()["billing"]),
    Route(
        "POST",
        "carts/:/billing-address",
        _CART,
        lambda call: checkout.set_billing(call.records, call.cart(), call.body, call.store_id),
    ),
    Route("GET", "carts/:/shipping-methods", _CART, lambda call: checkout.stored_rates(call.cart())),
    Route(
        "POST",
        "carts/:/estimate-shipping-methods",
        _CART,
        lambda call: checkout.estimate(call.records, cart := call.cart(), call.body, call.store_of(cart)),
    ),
    Route(
        "POST",
        "carts/:/estimate-shipping-methods-by-address-id",
        _CART,
        lambda call: checkout.estimate_by_address_id(call.records, cart := call.cart(), call.body, call.store_of(cart)),
    ),
    Route(
        "POST",
        "carts/:/shipping-information",
        _CART,
        lambda call: checkout.set_shipping(call.records, call.cart(), call.body, call.store_id),
    ),
    Route(
        "POST",
        "carts/:/totals-information",
        _CART,
        lambda call: checkout.totals_information(call.records, call.cart(), call.body, call.store_id),
    ),
    Route(
        "GET",
        "carts/:/payment-methods",
        _CART,
        lambda call: checkout.payment_methods(call.records, call.cart(active=False), call.store_id),
    ),
    Route("GET", "carts/:/selected-payment-method", _CART, _selected_payment),
    Route(
        "PUT",
        "carts/:/selected-payment-method",
        _CART,
        lambda call: checkout.set_payment(call.records, call.cart(), call.body, call.store_id),
    ),
    Route("GET", "orders", _VIEW, _orders_search),
    Route("GET", "orders/items", _VIEW, _order_items),
    Route("GET", "orders/:", _VIEW, lambda call: orders.rest(_order(call))),
    Route("GET", "orders/:/comments", _VIEW, _comments),
    Route("GET", "orders/:/statuses", _VIEW, lambda call: _order(call)["status"]),
    Route("POST", "orders/:/comments", "Magento_Sales::comment", _comment),
    Route("POST", "orders/:/hold", "Magento_Sales::hold", _hold),
    Route("POST", "orders/:/unhold", "Magento_Sales::unhold", _unhold),
    Route("POST", "orders/:/cancel", "Magento_Sales::cancel", lambda call: orders.cancel(call.records, _order(call))),
    Route("POST", "orders/:/emails", "Magento_Sales::emails", _mailed),
    Route(
        "POST",
        "order/:/invoice",
        "Magento_Sales::invoice",
        lambda call: orders.invoice(call.records, _order(call), call.body),
    ),
    Route(
        "POST", "order/:/ship", "Magento_Sales::ship", lambda call: orders.ship(call.records, _order(call), call.body)
    ),
    Route(
        "POST",
        "order/:/refund",
        "Magento_Sales::creditmemo",
        lambda call: orders.refund(call.records, _order(call), call.body),
    ),
    Route("GET", "invoices", "Magento_Sales::sales_invoice", _documents("invoice")),
    Route("GET", "shipments", "Magento_Sales::shipment", _documents("shipment")),
    Route("GET", "creditmemos", "Magento_Sales::sales_creditmemo", _documents("creditmemo")),
    Route("GET", "products", _PRODUCTS, _products),
    Route("GET", "products/attributes", "Magento_Catalog::attributes_attributes", _attributes),
    Route("GET", "products/:", _PRODUCTS, _product),
    Route("GET", "attributeMetadata/customerAddress", None, lambda _call: addresses.metadata()),
    Route("GET", "stockItems/:", "Magento_CatalogInventory::cataloginventory", stock.stock_item),
    Route("GET", "inventory/stock-resolver/website/:", _STOCK, lambda call: stores.stock(call.records)),
    Route("GET", "inventory/get-product-salable-quantity/:/:", _STOCK, stock.salable_quantity),
    Route("GET", "inventory/is-product-salable/:/:", _STOCK, stock.is_salable),
    Route("GET", "inventory/is-product-salable-for-requested-qty/:/:/:", _STOCK, stock.salable_for_quantity),
    Route("GET", "inventory/are-product-salable-for-requested-qty", _STOCK, stock.are_salable_for_quantities),
    Route("GET", "inventory/are-products-salable", _STOCK, stock.are_salable),
    Route("GET", "coupons/search", _RULES, _coupons_search),
    Route("GET", "salesRules/:", _RULES, lambda call: coupons.rule_rest(call.records, call.ident())),
)
