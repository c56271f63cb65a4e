"""Addresses of pages in a shop's admin, which open for whoever is signed in there.

With “Add Secret Key to URLs” on, Magento's default, only the pages of one order, the list of orders and one product
open from outside; links to others lead to the admin's start page (observed on Magento 2.4.7). A cart has no page.
"""

from __future__ import annotations


def order_view(admin_url: str, order_id: int) -> str | None:
    """The page of the order with that entity_id; None without an admin address."""
    return _page(admin_url, f"sales/order/view/order_id/{order_id}")


def product_edit(admin_url: str, product_id: int) -> str | None:
    """The page of the product with that id; None without an admin address."""
    return _page(admin_url, f"catalog/product/edit/id/{product_id}")


def customer_edit(admin_url: str, customer_id: int, *, secret_keys_off: bool) -> str | None:
    """The page of the customer with that id; None without an admin address, or where secret keys would lose it."""
    return _page(admin_url, f"customer/index/edit/id/{customer_id}") if secret_keys_off else None


def new_order(admin_url: str, customer_id: int, *, secret_keys_off: bool) -> str | None:
    """The page that creates an order for the customer with that id; None as for `customer_edit`."""
    return _page(admin_url, f"sales/order_create/start/customer_id/{customer_id}") if secret_keys_off else None


def _page(admin_url: str, path: str) -> str | None:
    return f"{admin_url.rstrip('/')}/{path}/" if admin_url.startswith(("https://", "http://")) else None
