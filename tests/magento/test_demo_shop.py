"""The client against the demo store: a whole small Magento over HTTP, with the behaviours that fool clients."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from crm_core.errors import (
    DeskError,
    OutcomeUnknown,
    PermissionMissing,
    ShopFailed,
    ShopHasNoSuch,
    ShopRefused,
    SignInFailed,
)
from crm_core.magento.auth import AdminPassword, Bearer, Credentials, OAuth
from crm_core.magento.check import Level, check
from crm_core.magento.checkout import Checkout
from crm_core.magento.connection import Connection
from crm_core.magento.decoding import SearchPage
from crm_core.magento.payloads import Address, Cart, Customer, Order, exact
from crm_core.magento.search import Filter, Search
from crm_core.magento.shop import Entity, Magento
from demo_store import Faults, Shop, serve

OAUTH = OAuth("desk-key", "desk-secret", "desk-token", "desk-token-secret")
ADMIN = AdminPassword("rep", "long enough 1")
CHECKMO = {"method": "checkmo"}


@pytest.fixture
def demo() -> Iterator[Shop]:
    shop = Shop(orders=60, carts=40, customers=20, seed=7)
    yield shop
    shop.close()


@pytest.fixture
def url(demo: Shop) -> Iterator[str]:
    with serve(demo) as address:
        yield address


def connected(url: str, credentials: Credentials | None = None) -> Connection:
    return Connection(url, credentials or Bearer("demo"), read_timeout=10.0, write_timeout=10.0, retry_wait=0.01)


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with connected(url) as opened:
        yield opened


@pytest.fixture
def magento(connection: Connection) -> Magento:
    return Magento(connection)


def every_id(magento: Magento, entity: Entity, search: Search) -> list[int]:
    """All ids that the search finds, walked by the cursor."""
    kinds: dict[Entity, Any] = {Entity.CARTS: Cart, Entity.ORDERS: Order, Entity.CUSTOMERS: Customer}
    seen: list[int] = []
    cursor = 0
    while True:
        page: SearchPage[Any] = magento.page(entity.path, search.after(cursor), kinds[entity])
        assert page.bad == []
        seen += [getattr(item, "entity_id", None) or item.id for item in page.items]
        if page.is_last or page.last_id is None:
            return seen
        cursor = page.last_id


@pytest.mark.parametrize("entity", list(Entity))
def test_07_a_walk_by_the_cursor_reads_every_record_once(magento: Magento, entity: Entity) -> None:
    seen = every_id(magento, entity, Search(page_size=7))
    assert seen == sorted(set(seen))
    assert len(seen) == magento.count(entity, Search()) >= 20


def test_01_groups_narrow_and_the_filters_of_a_group_widen(magento: Magento) -> None:
    either = Search().where_any(Filter("status", "eq", "complete"), Filter("status", "eq", "pending"))
    complete = every_id(magento, Entity.ORDERS, Search(page_size=9).where("status", "eq", "complete"))
    pending = every_id(magento, Entity.ORDERS, Search(page_size=9).where("status", "eq", "pending"))
    assert complete
    assert sorted(complete + pending) == every_id(magento, Entity.ORDERS, either.sized(9))
    assert magento.count(Entity.ORDERS, either.where("status", "eq", "complete")) == len(complete)


def test_03_active_carts_are_those_that_are_active(magento: Magento) -> None:
    active = magento.carts(Search(page_size=100).where("is_active", "eq", True))
    inactive = magento.carts(Search(page_size=100).where("is_active", "eq", False))
    assert active.items
    assert inactive.items
    assert {cart.is_active for cart in active.items} == {True}
    assert {cart.is_active for cart in inactive.items} == {False}
    assert all(cart.items is None for cart in inactive.items)


def test_08_a_limit_on_pages_is_adapted_to(demo: Shop, magento: Magento) -> None:
    demo.set_limits(5)
    seen = every_id(magento, Entity.CARTS, Search(page_size=100))
    assert len(seen) == magento.count(Entity.CARTS, Search())
    assert magento.connection.page_limit == 5


@pytest.mark.parametrize("credentials", [Bearer("demo"), OAUTH, ADMIN])
def test_every_kind_of_sign_in_is_accepted(demo: Shop, url: str, credentials: Credentials) -> None:
    demo.add_consumer(OAUTH.consumer_key, OAUTH.consumer_secret, OAUTH.token, OAUTH.token_secret)
    demo.add_admin(ADMIN.username, ADMIN.password)
    report = check(url, credentials)
    assert [found for found in report.findings if found.level is not Level.OK] == []
    assert report.counts[Entity.ORDERS] > 50
    assert {config.timezone for config in report.store_configs}
    with connected(url, credentials) as connection:
        cart_id = demo.add_cart()
        assert Checkout(connection).place_order(cart_id, "default", CHECKMO) > 0


def test_04_a_search_as_large_as_allowed_is_signed_right(demo: Shop, url: str) -> None:
    demo.add_consumer(OAUTH.consumer_key, OAUTH.consumer_secret, OAUTH.token, OAUTH.token_secret)
    with connected(url, OAUTH) as connection:
        search = Search()
        for _ in range(10):
            search = search.where("updated_at", "gteq", connection.shop_now() - timedelta(days=4000))
        assert Magento(connection).orders(search.only("items[entity_id],total_count")).items


@pytest.mark.parametrize("hours", [-3, 3])
def test_12_a_wrong_clock_hinders_no_one(demo: Shop, url: str, hours: int) -> None:
    demo.add_consumer(OAUTH.consumer_key, OAUTH.consumer_secret, OAUTH.token, OAUTH.token_secret)
    demo.set_clock(hours * 3600)
    with connected(url, OAUTH) as connection:
        magento = Magento(connection)
        cart_id = demo.add_cart()
        cart = magento.cart_by_search(cart_id)
        assert cart is not None
        assert cart.updated_at is not None
        assert abs((connection.shop_now().replace(tzinfo=None) - cart.updated_at).total_seconds()) < 10
        assert connection.clock_offset == pytest.approx(hours * 3600, abs=5)


def test_26_a_wrong_password_is_tried_once_and_a_second_factor_explained(demo: Shop, url: str) -> None:
    demo.add_admin("rep", "right")
    demo.add_admin("boss", "right", second_factor=True)
    for wrong, words in ((AdminPassword("rep", "wrong"), "six failures"), (AdminPassword("boss", "right"), "second")):
        before = len(demo.requests)
        with connected(url, wrong) as connection:
            for _ in range(8):
                with pytest.raises(SignInFailed, match=words):
                    Magento(connection).websites()
        assert len(demo.requests) == before + 1
    with connected(url, AdminPassword("rep", "right")) as connection:
        assert Magento(connection).websites()


def test_26_a_missing_permission_is_named(demo: Shop, url: str) -> None:
    demo.add_token("orders-only", {"Magento_Sales::actions_view"})
    with connected(url, Bearer("orders-only")) as connection:
        assert Magento(connection).orders(Search(page_size=1)).items
        with pytest.raises(PermissionMissing) as raised:
            Magento(connection).carts(Search())
    assert raised.value.resource == "Magento_Cart::manage"
    problems = [found.title for found in check(url, Bearer("orders-only")).findings if found.level is Level.PROBLEM]
    assert "The permission Magento_Cart::manage is missing" in problems
    assert not [title for title in problems if "Magento_Sales" in title]


def test_a_switched_off_bearer_is_told_with_the_command(demo: Shop, url: str) -> None:
    demo.allow_integration_as_bearer(False)
    (problem,) = [found for found in check(url, Bearer("demo")).findings if found.level is Level.PROBLEM]
    assert "enable_integration_as_bearer" in problem.advice


def test_reading_leaves_carts_alone_unless_the_docstring_says_otherwise(demo: Shop, magento: Magento) -> None:
    cart_id = demo.add_cart([("MUG-01", 2)])
    demo.set_price("MUG-01", "99.00")
    before = demo.cart(cart_id)["updated_at"]
    magento.cart_by_search(cart_id)
    magento.carts(Search(page_size=100))
    magento.orders_of_cart(cart_id)
    magento.count(Entity.CARTS, Search())
    assert demo.cart(cart_id)["updated_at"] == before
    assert demo.cart(cart_id)["trigger_recollect"] == 1
    totals = magento.totals(cart_id, "default")
    assert exact(totals.subtotal_incl_tax or 0) == 198
    assert demo.cart(cart_id)["trigger_recollect"] == 0


def address_of(magento: Magento, cart_id: int) -> Address:
    cart = magento.cart_by_search(cart_id)
    assert cart is not None
    assert cart.billing_address is not None
    return cart.billing_address


def test_28_a_cart_becomes_an_order_in_its_own_view(demo: Shop, connection: Connection, magento: Magento) -> None:
    checkout = Checkout(connection)
    cart_id = demo.add_cart([("MUG-01", 3)])
    address = address_of(magento, cart_id)
    method = checkout.estimate_shipping_methods(cart_id, "default", address)[0]
    details = checkout.set_shipping_information(
        cart_id,
        "default",
        shipping_address=address,
        billing_address=address,
        carrier_code=method.carrier_code,
        method_code=method.method_code or "",
    )
    assert "checkmo" in [paying.code for paying in details.payment_methods]
    assert details.payment_methods == checkout.payment_methods(cart_id, "default")
    order = magento.order(checkout.place_order(cart_id, "default", CHECKMO))
    assert exact(order.grand_total or 0) == exact(details.totals.grand_total or 0)
    cart = magento.cart_by_search(cart_id)
    assert cart is not None
    assert (cart.is_active, cart.reserved_order_id, order.store_id) == (False, order.increment_id, cart.store_id)
    assert magento.orders_of_cart(cart_id) == [order]
    with pytest.raises(ShopHasNoSuch):
        checkout.place_order(cart_id, "default", CHECKMO)


def test_29_a_lost_answer_is_found_by_the_cart_and_nothing_was_sent_twice(
    demo: Shop, connection: Connection, magento: Magento
) -> None:
    cart_id = demo.add_cart()
    magento.websites()
    demo.faults = Faults(drop=True, matching="^PUT ", times=1)
    with pytest.raises(OutcomeUnknown):
        Checkout(connection).place_order(cart_id, "default", CHECKMO)
    assert len(magento.orders_of_cart(cart_id)) == 1
    assert len([request for request in demo.requests if request.startswith("PUT ")]) == 1


def test_30_of_several_at_once_one_places_the_order(demo: Shop, connection: Connection, magento: Magento) -> None:
    cart_id = demo.add_cart()
    checkout = Checkout(connection)

    def place(_: int) -> int | None:
        try:
            return checkout.place_order(cart_id, "default", CHECKMO)
        except (ShopRefused, OutcomeUnknown):
            return None

    with ThreadPoolExecutor(4) as pool:
        placed = [order for order in pool.map(place, range(4)) if order]
    assert [order.entity_id for order in magento.orders_of_cart(cart_id)] == placed
    assert len(placed) == 1


def test_24_a_record_that_breaks_its_page_is_told_from_a_shop_that_is_down(
    demo: Shop, connection: Connection, magento: Magento
) -> None:
    poisonous = every_id(magento, Entity.CARTS, Search(page_size=100))[3]
    demo.faults = Faults(poison={poisonous})
    with pytest.raises(ShopFailed):
        magento.carts(Search(page_size=20).after(0))
    assert magento.carts(Search(page_size=3).after(0)).items
    before = connection.requests_made
    with pytest.raises(ShopFailed):
        magento.carts(Search(page_size=1).where("entity_id", "eq", poisonous))
    assert connection.requests_made - before == 2


@pytest.mark.parametrize(
    "faults",
    [
        Faults(fail_every=2, fail_status=503),
        Faults(fail_every=2, fail_status=500),
        Faults(throttle_every=3, retry_after=0),
        Faults(drop=True, times=3),
    ],
)
def test_25_reads_get_through_a_shaky_shop(demo: Shop, magento: Magento, faults: Faults) -> None:
    expected = every_id(magento, Entity.ORDERS, Search(page_size=20))
    demo.faults = faults
    assert every_id(magento, Entity.ORDERS, Search(page_size=20)) == expected


@pytest.mark.parametrize("faults", [Faults(html=True), Faults(truncate=True)])
def test_25_an_answer_that_is_no_json_is_an_error_and_never_an_empty_page(
    demo: Shop, magento: Magento, faults: Faults
) -> None:
    demo.faults = faults
    with pytest.raises(DeskError):
        magento.orders(Search(page_size=20))
    with pytest.raises(DeskError):
        magento.orders_of_cart(1)
