"""Contract test 35 for whole records: links that open, and the way through the menus where none does."""

from __future__ import annotations

from decimal import Decimal

from crm_core.insight.admin_places import address_of_order, places_of_cart, places_of_customer, places_of_order
from crm_core.insight.cart_record import cart_record
from crm_core.insight.customer_record import customer_record
from crm_core.insight.order_record import order_record
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from tests.insight.factories import Rows, two_shops

ADMIN = "https://shop1.example/admin"


def _keys_off(store: Store) -> None:
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE channel SET secret_keys_off = (1 = 1)")


def _ordered(store: Store) -> tuple[int, int, int]:
    """The keys of a customer, their cart and its order."""
    rows: Rows = two_shops(store)
    customer = rows.customer(7)
    cart_key = record_key(1, 5)
    order = rows.order(9, increment_id="000000009", customer_id=customer, cart_id=cart_key)
    rows.order_line(order, 1, sku="MUG-BLUE", name="Mug", product_id=31, product_type="configurable")
    rows.order_line(order, 2, sku="MUG-BLUE", name="Mug, blue", product_id=32, parent_item_id=1)
    elsewhere = rows.order(9, shop_id=2)
    rows.order_line(elsewhere, 3, sku="BAG", name="Bag", product_id=99)
    rows.cart(5, customer_id=customer, order_id=order)
    rows.cart_line(cart_key, 1, sku="MUG-BLUE", name="Mug")
    rows.cart_line(cart_key, 2, sku="BAG", name="Bag", base_price=Decimal(1))
    rows.write()
    return customer, cart_key, order


def test_35_with_secret_keys_orders_and_products_open_and_the_way_to_the_rest_is_told(store: Store) -> None:
    _, cart_key, _ = _ordered(store)
    found = places_of_cart(store, cart_record(store, cart_key))
    assert [(place.label, place.url) for place in found.places] == [
        ("Order 000000009", f"{ADMIN}/sales/order/view/order_id/9/"),
        ("Customer", None),
        ("New order", None),
        ("Product “Mug”", f"{ADMIN}/catalog/product/edit/id/31/"),
    ]
    assert "ID 7" in found.places[1].way
    assert "Create New Order" in found.places[2].way
    assert "secret keys" in found.reason
    assert "Channels" in found.reason


def test_35_without_secret_keys_the_customer_and_a_new_order_for_them_open_too(store: Store) -> None:
    customer, cart_key, order = _ordered(store)
    _keys_off(store)
    wanted = {
        "Customer": f"{ADMIN}/customer/index/edit/id/7/",
        "New order": f"{ADMIN}/sales/order_create/start/customer_id/7/",
    }
    for found in (
        places_of_cart(store, cart_record(store, cart_key)),
        places_of_order(order_record(store, order)),
        places_of_customer(customer_record(store, customer)),
    ):
        assert found.reason == ""
        assert {place.label: place.url for place in found.places if place.label in wanted} == wanted


def test_a_guests_new_order_is_told_as_a_way_only(store: Store) -> None:
    rows = two_shops(store)
    key = rows.cart(is_guest=True, email="kim@example.test")
    rows.write()
    _keys_off(store)
    found = places_of_cart(store, cart_record(store, key))
    assert [(place.label, place.url) for place in found.places] == [("New order", None)]
    assert "kim@example.test" in found.places[0].way
    assert "guest" in found.reason


def test_a_channel_without_an_admin_address_says_where_to_set_it(store: Store) -> None:
    customer, cart_key, order = _ordered(store)
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE channel SET admin_url = NULL")
    for found in (
        places_of_cart(store, cart_record(store, cart_key)),
        places_of_order(order_record(store, order)),
        places_of_customer(customer_record(store, customer)),
    ):
        assert all(place.url is None and place.way for place in found.places)
        assert "“Nordlicht” has no admin address. Set it under Channels" in found.reason


def test_a_record_that_no_channel_reads_says_so(store: Store) -> None:
    rows = two_shops(store)
    rows.shop(3)
    key = rows.cart(1, shop_id=3)
    rows.write()
    assert "Add its website to a channel under Channels." in places_of_cart(store, cart_record(store, key)).reason


def test_an_order_has_its_own_address_where_its_channel_knows_the_admin(store: Store) -> None:
    _, _, order = _ordered(store)
    assert address_of_order(order_record(store, order)) == f"{ADMIN}/sales/order/view/order_id/9/"
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE channel SET admin_url = NULL")
    assert address_of_order(order_record(store, order)) is None
