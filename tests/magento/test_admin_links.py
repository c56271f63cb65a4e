"""Links into a shop's admin that really open."""

from __future__ import annotations

import pytest

from crm_core.magento.admin_links import customer_edit, new_order, order_view, product_edit

ADMIN = "https://shop.example/admin_x1"


def test_35_orders_and_products_open_with_secret_keys_on() -> None:
    assert order_view(ADMIN, 12) == f"{ADMIN}/sales/order/view/order_id/12/"
    assert product_edit(f"{ADMIN}/", 7) == f"{ADMIN}/catalog/product/edit/id/7/"


def test_35_a_customer_is_linked_only_where_secret_keys_are_off() -> None:
    assert customer_edit(ADMIN, 3, secret_keys_off=False) is None
    assert customer_edit(ADMIN, 3, secret_keys_off=True) == f"{ADMIN}/customer/index/edit/id/3/"


@pytest.mark.parametrize("admin_url", ["", "javascript:alert(1)//", "shop.example/admin"])
def test_there_is_no_link_without_a_web_address(admin_url: str) -> None:
    assert order_view(admin_url, 12) is None


def test_35_a_new_order_is_linked_only_where_secret_keys_are_off() -> None:
    assert new_order(ADMIN, 3, secret_keys_off=False) is None
    assert new_order(ADMIN, 3, secret_keys_off=True) == f"{ADMIN}/sales/order_create/start/customer_id/3/"
    assert new_order("", 3, secret_keys_off=True) is None
