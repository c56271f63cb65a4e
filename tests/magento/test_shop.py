"""The reading side: what is asked of the shop, and what comes of its answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crm_core.errors import BadInput, ShopAnsweredNonsense, ShopHasNoSuch, ShopRefused
from crm_core.magento.connection import Connection
from crm_core.magento.payloads import Customer, exact
from crm_core.magento.search import Search
from crm_core.magento.shop import Entity, Magento
from tests.magento.conftest import Answer, Request, ScriptedShop, replay

Connect = Callable[..., Connection]


@pytest.fixture
def magento(connection: Connection) -> Magento:
    return Magento(connection)


def value_of(request: Request, field: str, condition: str) -> str | None:
    """The value of a request's filter on the field."""
    parameters = request.parameters
    for name, text in parameters.items():
        if name.endswith("[field]") and text == field:
            prefix = name.removesuffix("[field]")
            if parameters.get(f"{prefix}[condition_type]") == condition:
                return parameters[f"{prefix}[value]"]
    return None


def keyset_shop(rows: list[dict[str, Any]], limit: int | None = None) -> Callable[[Request], Answer]:
    """Answers searches by entity_id, `gt`, in pages, as Magento does; refuses pages larger than the limit."""

    def answer(request: Request) -> Answer:
        size = int(request.parameters["searchCriteria[pageSize]"])
        if limit is not None and size > limit:
            return Answer({"message": "Maximum SearchCriteria pageSize is %max", "parameters": {"max": limit}}, 400)
        after = int(value_of(request, "entity_id", "gt") or 0)
        found = [row for row in rows if row["id"] > after]
        return Answer({"items": found[:size] or None, "total_count": len(found)})

    return answer


def test_stores_come_by_id_without_the_admins_own_whatever_order_the_shop_has(
    shop: ScriptedShop, magento: Magento
) -> None:
    shop.on("GET", "/rest/V1/store/websites", replay("store_websites"))
    views = [
        {"id": 3, "code": "us_en", "name": "US", "website_id": 2, "store_group_id": 2, "is_active": 1},
        {"id": 0, "code": "admin", "name": "Admin", "website_id": 0, "store_group_id": 0, "is_active": 1},
        {"id": 1, "code": "default", "name": "Default", "website_id": 1, "store_group_id": 1, "is_active": 0},
    ]
    shop.on("GET", "/rest/V1/store/storeViews", Answer(views))
    shop.on("GET", "/rest/V1/store/storeConfigs", replay("store_storeConfigs_one"))
    assert [site.code for site in magento.websites()] == ["base", "us"]
    assert [(view.code, view.is_active) for view in magento.store_views()] == [("default", False), ("us_en", True)]
    (config,) = magento.store_configs()
    assert (config.code, config.timezone, config.base_currency_code) == ("nl", "Europe/Amsterdam", "EUR")


def test_06_customer_groups_end_where_an_old_shop_repeats_its_last_page(shop: ScriptedShop, connect: Connect) -> None:
    pages = [[{"id": 0, "code": "a"}, {"id": 1, "code": "b"}], [{"id": 2, "code": "c"}, {"id": 3, "code": "d"}]]

    def repeating(request: Request) -> Answer:
        number = int(request.parameters["searchCriteria[currentPage]"])
        return Answer({"items": pages[min(number, 2) - 1], "total_count": 4})

    shop.on("GET", "/rest/V1/customerGroups/search", repeating)
    connection = connect()
    connection.page_limit = 2
    assert [group.code for group in Magento(connection).customer_groups()] == ["a", "b", "c", "d"]
    assert len(shop.requests) == 3


def test_06_customer_groups_end_where_a_newer_shop_has_an_empty_page(shop: ScriptedShop, magento: Magento) -> None:
    shop.on("GET", "/rest/V1/customerGroups/search", replay("customer_groups"))
    assert [group.id for group in magento.customer_groups()] == [0, 1, 2, 3]
    assert len(shop.requests) == 1


def test_a_count_is_the_cheapest_request(shop: ScriptedShop, magento: Magento) -> None:
    shop.on("GET", ".*", replay("carts_search_fields_only_total"))
    assert magento.count(Entity.CARTS, Search().where("store_id", "eq", 1)) == 233
    (request,) = shop.requests
    assert request.path == "/rest/V1/carts/search"
    assert request.parameters["fields"] == "total_count"
    assert request.parameters["searchCriteria[pageSize]"] == "1"
    assert value_of(request, "store_id", "eq") == "1"


@pytest.mark.parametrize(
    "failing", [Answer({"message": "Report ID: x"}, 500), Answer({"message": "No such entity"}, 404), Answer("{", 200)]
)
def test_24_a_record_that_the_shop_fails_over_is_counted_all_the_same(
    shop: ScriptedShop, magento: Magento, failing: Answer
) -> None:
    past_the_end = replay("carts_search_far_past_last_page")

    def loading(request: Request) -> Answer:
        return failing if request.parameters["searchCriteria[currentPage]"] == "1" else past_the_end

    shop.on("GET", "/rest/V1/carts/search", loading)
    assert magento.count(Entity.CARTS, Search().where("store_id", "eq", 1)) == 233
    assert value_of(shop.requests[-1], "store_id", "eq") == "1"
    assert shop.requests[-1].parameters["fields"] == "total_count"


@pytest.mark.parametrize("answer", [Answer({}), Answer([]), Answer({"total_count": None})])
def test_a_count_that_is_none_is_nonsense(shop: ScriptedShop, magento: Magento, answer: Answer) -> None:
    shop.on("GET", ".*", answer)
    with pytest.raises(ShopAnsweredNonsense, match="count of orders"):
        magento.count(Entity.ORDERS, Search())


def test_each_entity_is_searched_where_magento_has_it(shop: ScriptedShop, magento: Magento) -> None:
    shop.on("GET", "/rest/V1/orders", replay("orders_p20"))
    shop.on("GET", "/rest/V1/carts/search", replay("carts_search_p20"))
    shop.on("GET", "/rest/V1/customers/search", replay("customers_p20"))
    search = Search(page_size=20)
    assert magento.orders(search).items[0].increment_id == "2000000001"
    assert magento.carts(search).last_id == 20
    customers = magento.raw_page(Entity.CUSTOMERS.path, search).decoded(Customer)
    assert customers.items[0].email == "klant01@example.test"
    assert {request.parameters["searchCriteria[pageSize]"] for request in shop.requests} == {"20"}


def test_08_a_limit_on_pages_is_met_once_and_remembered(shop: ScriptedShop, magento: Magento) -> None:
    rows = [{"id": number} for number in range(1, 121)]
    shop.on("GET", "/rest/V1/carts/search", keyset_shop(rows, limit=50))
    seen: list[int] = []
    cursor = 0
    while True:
        page = magento.carts(Search(page_size=100).after(cursor))
        seen += [cart.id for cart in page.items]
        assert page.page_size == 50
        if page.is_last:
            break
        assert page.last_id is not None
        cursor = page.last_id
    assert seen == list(range(1, 121))
    sizes = [request.parameters["searchCriteria[pageSize]"] for request in shop.requests]
    assert sizes == ["100", "50", "50", "50"]
    assert magento.connection.page_limit == 50


def test_08_the_limit_is_told_by_its_parameter_not_by_words(shop: ScriptedShop, magento: Magento) -> None:
    shop.on(
        "GET",
        ".*",
        Answer({"message": "Höchstens %max", "parameters": {"max": "30"}}, 400),
        Answer({"items": [{"entity_id": 1}]}),
    )
    assert magento.orders(Search(page_size=100)).page_size == 30


@pytest.mark.parametrize("parameters", [{}, {"max": "many"}, {"max": 0}, {"max": 100}, {"max": 500}, ["50"], None])
def test_08_another_refusal_is_not_taken_for_a_limit(shop: ScriptedShop, magento: Magento, parameters: Any) -> None:
    shop.on("GET", ".*", Answer({"message": "no", "parameters": parameters}, 400))
    with pytest.raises(ShopRefused):
        magento.orders(Search(page_size=100))
    assert len(shop.requests) == 1
    assert magento.connection.page_limit is None


def test_10_a_thousand_records_of_one_second_are_read_once_each(shop: ScriptedShop, magento: Magento) -> None:
    rows = [{"id": number, "updated_at": "2026-05-05 10:00:00"} for number in range(1, 1001)]
    shop.on("GET", "/rest/V1/carts/search", keyset_shop(rows))
    seen: list[int] = []
    cursor = 0
    while not (page := magento.carts(Search(page_size=100).after(cursor))).is_last:
        seen += [cart.id for cart in page.items]
        cursor = page.last_id or 0
    assert seen == list(range(1, 1001))


def test_one_order_and_one_customer_are_read_by_id(shop: ScriptedShop, magento: Magento) -> None:
    shop.on("GET", "/rest/V1/orders/19", replay("order_19_part_shipped"))
    shop.on("GET", "/rest/V1/customers/1", replay("customer_1"))
    shop.on("GET", "/rest/V1/customers/999999", replay("customer_missing"))
    assert magento.order(19).items
    customer = magento.customer(1)
    assert customer.addresses is not None
    assert [address.id for address in customer.addresses] == [1, 2]
    with pytest.raises(ShopHasNoSuch, match="customerId = 999999"):
        magento.customer(999999)


def test_the_orders_of_a_cart_are_found_by_its_id(shop: ScriptedShop, magento: Magento) -> None:
    shop.on("GET", "/rest/V1/orders", replay("orders_quote_id_eq"))
    (order,) = magento.orders_of_cart(5)
    assert (order.entity_id, order.quote_id, order.state) == (5, 5, "holded")
    assert value_of(shop.requests[0], "quote_id", "eq") == "5"


def test_an_unreadable_order_of_a_cart_is_never_taken_for_none(shop: ScriptedShop, magento: Magento) -> None:
    shop.on("GET", "/rest/V1/orders", Answer({"items": [{"entity_id": "x"}], "total_count": 1}))
    with pytest.raises(ShopAnsweredNonsense, match="orders of cart 5"):
        magento.orders_of_cart(5)


@pytest.mark.parametrize("items", [None, []])
def test_17_one_cart_is_read_by_search_which_never_writes(
    shop: ScriptedShop, magento: Magento, items: list[Any] | None
) -> None:
    shop.on("GET", "/rest/V1/carts/search", Answer({"items": [{"id": 7}], "total_count": 1}), Answer({"items": items}))
    cart = magento.cart_by_search(7)
    assert cart is not None
    assert cart.id == 7
    assert magento.cart_by_search(7) is None
    assert value_of(shop.requests[0], "entity_id", "eq") == "7"


def test_totals_are_read_in_the_carts_own_view(shop: ScriptedShop, magento: Magento) -> None:
    shop.on("GET", "/rest/us_en/V1/carts/128/totals", replay("cart_customer_ready_totals"))
    shop.on("GET", "/rest/us_en/V1/carts/1/totals", replay("cart_missing_totals"))
    assert str(exact(magento.totals(128, "us_en").grand_total or 0)) == "226.2300"
    with pytest.raises(ShopHasNoSuch):
        magento.totals(1, "us_en")
    with pytest.raises(BadInput, match="store view"):
        magento.totals(128, "all")
