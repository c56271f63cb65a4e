"""Checking, mending and acting, against the demo store: a cart is built up and ordered, and its order goes its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from crm_core.errors import OutcomeUnknown, PermissionMissing, ShopHasNoSuch, ShopRefused
from crm_core.magento.auth import Bearer, OAuth
from crm_core.magento.cart_editing import CartEditing
from crm_core.magento.cart_reading import CartReading
from crm_core.magento.catalogue import Catalogue
from crm_core.magento.checkout import Checkout
from crm_core.magento.connection import Connection
from crm_core.magento.directory import Directory
from crm_core.magento.order_actions import OrderActions, Track
from crm_core.magento.payloads import Address
from crm_core.magento.promotions import Promotions
from crm_core.magento.search import Search
from crm_core.magento.shop import Magento
from demo_store import Faults, Shop, serve

CHECKMO = {"method": "checkmo"}
ADDRESS = Address(
    firstname="Ada",
    lastname="Vos",
    street=["Kade 1"],
    city="Amsterdam",
    postcode="1011 AB",
    country_id="NL",
    telephone="+31201234567",
    email="ada@example.test",
)


@pytest.fixture(scope="module")
def demo() -> Iterator[Shop]:
    shop = Shop(orders=0, carts=0, customers=0, seed=3)
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def url(demo: Shop) -> Iterator[str]:
    with serve(demo) as address:
        yield address


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with Connection(url, Bearer("demo"), read_timeout=10.0, write_timeout=10.0, retry_wait=0.01) as opened:
        yield opened


@pytest.fixture
def magento(connection: Connection) -> Magento:
    return Magento(connection)


@pytest.fixture
def editing(connection: Connection) -> CartEditing:
    return CartEditing(connection)


@pytest.fixture
def reading(connection: Connection) -> CartReading:
    return CartReading(connection)


@pytest.fixture
def catalogue(connection: Connection) -> Catalogue:
    return Catalogue(connection)


@pytest.fixture
def actions(connection: Connection) -> OrderActions:
    return OrderActions(connection)


def test_a_cart_is_built_for_a_guest_and_ordered(
    connection: Connection, magento: Magento, editing: CartEditing, reading: CartReading
) -> None:
    checkout = Checkout(connection)
    cart_id = editing.create_guest_cart("nl")
    mug = editing.add_item(cart_id, "nl", "MUG-01", Decimal(1))
    chair = editing.add_item(cart_id, "nl", "CHAIR/1", Decimal(1))
    assert editing.add_item(cart_id, "nl", "MUG-01", Decimal(2)).item_id == mug.item_id
    assert editing.set_quantity(cart_id, "nl", mug.item_id, Decimal(2)).qty == 2.0
    editing.remove_item(cart_id, "nl", chair.item_id)
    assert [(line.sku, line.qty) for line in reading.items(cart_id, "nl")] == [("MUG-01", 2.0)]
    checkout.set_billing_address(cart_id, "nl", ADDRESS, use_for_shipping=True)
    assert reading.billing_address(cart_id, "nl").email == "ada@example.test"
    editing.set_coupon(cart_id, "nl", "welcome10")
    assert reading.has_coupon(cart_id, "WELCOME10")
    assert (reading.coupon(cart_id, "nl") or "").upper() == "WELCOME10"
    editing.remove_coupon(cart_id, "nl")
    assert reading.coupon(cart_id, "nl") is None
    assert "flatrate" in {rate.carrier_code for rate in reading.shipping_methods(cart_id, "nl")}
    checkout.set_shipping_information(
        cart_id,
        "nl",
        shipping_address=ADDRESS,
        billing_address=ADDRESS,
        carrier_code="flatrate",
        method_code="flatrate",
    )
    order = magento.order(checkout.place_order(cart_id, "nl", CHECKMO))
    assert (order.customer_email, order.store_id, order.quote_id) == ("ada@example.test", 2, cart_id)


def test_a_customers_active_cart_is_handed_out_again(demo: Shop, editing: CartEditing, reading: CartReading) -> None:
    customer = demo.add_customer("again@example.test")
    first = editing.create_cart_for_customer(customer, "default")
    editing.add_item(first, "default", "MUG-01", Decimal(1))
    assert editing.create_cart_for_customer(customer, "default") == first
    assert len(reading.items(first, "default")) == 1
    with pytest.raises(ShopHasNoSuch):
        editing.create_cart_for_customer(999_999, "default")


def test_whether_a_read_would_write_is_known_without_writing(
    demo: Shop, magento: Magento, reading: CartReading
) -> None:
    cart_id = demo.add_cart([("PLATE-06", 1)])
    assert not reading.is_due_to_recalculate(cart_id)
    demo.set_price("PLATE-06", "70.00")
    before = magento.cart_by_search(cart_id)
    assert reading.is_due_to_recalculate(cart_id)
    assert magento.cart_by_search(cart_id) == before
    reading.items(cart_id, "default")
    assert not reading.is_due_to_recalculate(cart_id)


def test_a_wrong_coupon_takes_the_right_one_off(demo: Shop, editing: CartEditing, reading: CartReading) -> None:
    cart_id = demo.add_cart(coupon="WELCOME10")
    with pytest.raises(ShopHasNoSuch, match="isn't valid"):
        editing.set_coupon(cart_id, "default", "SPRING25")
    assert reading.coupon(cart_id, "default") is None


def test_a_lost_answer_to_an_edit_was_done_once(
    demo: Shop, connection: Connection, editing: CartEditing, reading: CartReading
) -> None:
    cart_id = demo.add_cart([("BOWL-01", 1)])
    connection.get("/V1/store/websites")
    demo.faults = Faults(drop=True, matching="^POST ", times=1)
    with pytest.raises(OutcomeUnknown):
        editing.add_item(cart_id, "default", "BOWL-01", Decimal(1))
    demo.faults = Faults()
    assert [line.qty for line in reading.items(cart_id, "default")] == [2.0]


def test_products_are_found_by_name_and_by_sku(demo: Shop, catalogue: Catalogue) -> None:
    by_name = catalogue.search("lamp table", "default")
    assert [product.sku for product in by_name.items] == ["LAMP-01"]
    assert {product.sku for product in catalogue.search("lamp-0", "default").items} == {"LAMP-01", "LAMP-02"}
    demo.disable_product("LAMP-02")
    assert [product.sku for product in catalogue.search("lamp-0", "default").items] == ["LAMP-01"]
    found = catalogue.products(["LAMP-02", "BOOK 01", "CHAIR/1", "NO-SUCH"], "default")
    assert {sku: product.is_enabled for sku, product in found.items()} == {
        "LAMP-02": False,
        "BOOK 01": True,
        "CHAIR/1": True,
    }


def test_stock_is_told_with_open_orders_off_it(demo: Shop, catalogue: Catalogue) -> None:
    stock = catalogue.stock_id("base")
    assert catalogue.salable_quantity("RARE-01", stock) == 5
    demo.place(demo.add_cart([("RARE-01", 3)]))
    assert catalogue.salable_quantity("RARE-01", stock) == 2
    assert catalogue.stock_item("RARE-01").qty == 5
    demo.set_sale_limits("CHAIR/1", minimum=4)
    wanted = {"RARE-01": Decimal(3), "CHAIR/1": Decimal(2), "NO-SUCH": Decimal(1), "SLIPPER": Decimal(1)}
    told = catalogue.salable(wanted, stock)
    assert {sku: each.salable for sku, each in told.items()} == {
        "RARE-01": False,
        "CHAIR/1": False,
        "NO-SUCH": None,
        "SLIPPER": None,
    }
    assert [error.message for error in told["CHAIR/1"].errors or ()] == ["The fewest you may purchase is 4."]
    assert catalogue.stock_item("CHAIR/1").min_sale_qty == 4
    assert catalogue.salable_quantity("NO-SUCH", stock) is None


def test_a_sku_that_magento_cannot_check_the_signature_of_is_no_failed_sign_in(demo: Shop, url: str) -> None:
    demo.add_consumer("key", "secret", "token", "token-secret")
    oauth = OAuth("key", "secret", "token", "token-secret")
    with Connection(url, oauth, retry_wait=0.01) as connection:
        catalogue = Catalogue(connection)
        with pytest.raises(ShopRefused, match="signature"):
            catalogue.stock_item("CLOCK/1")
        assert catalogue.salable_quantity("CHAIR/1", 1) is None
        assert catalogue.salable({"CHAIR/1": Decimal(10)}, 1)["CHAIR/1"].salable is True
        assert catalogue.stock_item("MUG-01").is_in_stock is True


def test_27_many_skus_at_once_keep_their_signature(demo: Shop, url: str) -> None:
    demo.add_consumer("key2", "secret", "token2", "token-secret")
    with Connection(url, OAuth("key2", "secret", "token2", "token-secret"), retry_wait=0.01) as connection:
        skus = ["MUG-01", "MUG-02", "TEAPOT-01", "PLATE-06", "BOWL-01", "KNIFE-03", "BOARD-02", "PAN-28", "APRON-01"]
        skus += ["TOWEL-04", "BULB-E27", "CANDLE-03"]
        told = Catalogue(connection).salable(dict.fromkeys(skus, Decimal(1)), 1)
        assert all(each.salable for each in told.values())


def test_coupons_and_countries_are_read(connection: Connection) -> None:
    promotions, directory = Promotions(connection), Directory(connection)
    expired = promotions.coupon("SPRING25")
    assert expired is not None
    assert str(expired.expiration_date) == "2020-05-31 22:00:00"
    assert promotions.rule(expired.rule_id).is_active is True
    assert promotions.coupon("NO-SUCH") is None
    us = next(country for country in directory.countries("us_en") if country.id == "US")
    assert {region.code for region in us.available_regions or ()} >= {"CA", "NY"}
    assert "US" not in {country.id for country in directory.countries("nl")}


def test_an_order_is_held_commented_invoiced_shipped_and_refunded(
    demo: Shop, magento: Magento, actions: OrderActions
) -> None:
    order_id = demo.place(demo.add_cart([("MUG-01", 2), ("BOWL-01", 1)]))
    actions.hold(order_id)
    assert actions.cancel(order_id) is False
    actions.unhold(order_id)
    with pytest.raises(ShopRefused, match="cannot remove the hold"):
        actions.unhold(order_id)
    actions.comment(order_id, "Called: wants it on Friday", notify=False, visible=False)
    assert actions.email(order_id) is True
    mug = next(item for item in magento.order(order_id).items or () if item.sku == "MUG-01")
    actions.invoice(order_id, notify=False, capture=False, items={mug.item_id: Decimal(1)})
    actions.invoice(order_id, notify=False, capture=False)
    actions.ship(order_id, notify=True, tracks=[Track("T1", "PostNL")])
    order = magento.order(order_id)
    assert order.state == "complete"
    assert order.total_due == 0
    assert "Called: wants it on Friday" in {history.comment for history in order.status_histories or ()}
    actions.refund_offline(order_id, notify=False)
    assert magento.order(order_id).state == "closed"
    with pytest.raises(ShopRefused):
        actions.refund_offline(order_id, notify=False)


def test_an_order_is_cancelled(demo: Shop, magento: Magento, actions: OrderActions) -> None:
    order_id = demo.place(demo.add_cart())
    assert actions.cancel(order_id) is True
    assert magento.order(order_id).state == "canceled"


def test_what_the_credentials_may_not_do_is_named(demo: Shop, url: str) -> None:
    demo.add_token("carts-only", ["Magento_Cart::manage"])
    with Connection(url, Bearer("carts-only"), retry_wait=0.01) as connection:
        calls: dict[str, Callable[[], object]] = {
            "Magento_Catalog::products": lambda: Catalogue(connection).search("mug", "default"),
            "Magento_InventorySalesApi::stock": lambda: Catalogue(connection).salable({"MUG-01": Decimal(1)}, 1),
            "Magento_SalesRule::quote": lambda: Promotions(connection).coupon("WELCOME10"),
            "Magento_Sales::hold": lambda: OrderActions(connection).hold(1),
            "Magento_Sales::emails": lambda: OrderActions(connection).email(1),
            "Magento_Sales::invoice": lambda: OrderActions(connection).invoice(1, notify=False, capture=False),
            "Magento_Sales::ship": lambda: OrderActions(connection).ship(1, notify=False),
            "Magento_Sales::creditmemo": lambda: OrderActions(connection).refund_offline(1, notify=False),
        }
        for resource, call in calls.items():
            with pytest.raises(PermissionMissing) as caught:
                call()
            assert caught.value.resource == resource
        assert Magento(connection).carts(Search(page_size=1)).items
