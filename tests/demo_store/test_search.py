"""Searches and projections mean what they mean in Magento, the traps too."""

from __future__ import annotations

from typing import Any

import pytest

from demo_store import Shop
from tests.demo_store.conftest import Api


@pytest.fixture
def six(shop: Shop) -> list[int]:
    """Six carts, one a minute, the last two of them closed."""
    made = [shop.add_cart([("MUG-01", position + 1)]) for position in range(6)]
    for ident in made[4:]:
        shop.deactivate_cart(ident)
    for position, ident in enumerate(made):
        shop.touch_cart(ident, f"2026-03-01 10:0{position}:00")
    return made


def _ids(answer: Any) -> list[int]:
    return sorted(cart["id"] for cart in answer["items"] or [])


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ("eq", "2026-03-01 10:02:00", [2]),
        ("neq", "2026-03-01 10:02:00", [0, 1, 3, 4, 5]),
        ("gt", "2026-03-01 10:04:00", [5]),
        ("gteq", "2026-03-01T10:04:00Z", [4, 5]),
        ("lt", "2026-03-01 10:01:00", [0]),
        ("lteq", "2026-03-01 10:01:00+09:00", [0, 1]),
        ("gteq", "2026-03-01", [0, 1, 2, 3, 4, 5]),
        ("gteq", "yesterday-ish", [0, 1, 2, 3, 4, 5]),
        ("in", "2026-03-01 10:00:00,2026-03-01 10:05:00", [0, 5]),
        ("nin", "2026-03-01 10:00:00,2026-03-01 10:05:00", [1, 2, 3, 4]),
        ("from", "2026-03-01 10:05:00", [5]),
        ("to", "2026-03-01 10:00:00", [0]),
        ("moreq", "2026-03-01 10:02:00", [2]),  # unknown, so it means eq, without a word
    ],
)
def test_conditions_on_a_time(api: Api, six: list[int], condition: str, value: str, expected: list[int]) -> None:
    found = api.search("carts/search", ("updated_at", value.replace("+", "%2B"), condition))
    assert _ids(found) == [six[position] for position in expected]


def test_true_matches_the_inactive_carts(api: Api, six: list[int]) -> None:
    assert _ids(api.search("carts/search", ("is_active", "true", "eq"))) == six[4:]
    assert _ids(api.search("carts/search", ("is_active", 1, "eq"))) == six[:4]


def test_filters_in_a_group_are_or_and_groups_are_and(api: Api, six: list[int]) -> None:
    key = "searchCriteria[filter_groups][0][filters]"
    either = f"{key}[0][field]=entity_id&{key}[0][value]={six[0]}&{key}[1][field]=entity_id&{key}[1][value]={six[5]}"
    assert _ids(api.get(f"carts/search?{either}")) == [six[0], six[5]]
    group = "searchCriteria[filter_groups][1][filters][0]"
    assert _ids(api.get(f"carts/search?{either}&{group}[field]=is_active&{group}[value]=1")) == [six[0]]


def test_texts_are_compared_without_case_and_like_knows_its_wildcards(shop: Shop, api: Api) -> None:
    ident = shop.add_cart(email="Anna.Berg@Example.test")
    for condition, value in (("eq", "anna.berg@example.TEST"), ("like", "anna%25"), ("like", "anna_berg%25")):
        assert _ids(api.search("carts/search", ("customer_email", value, condition))) == [ident]
    assert _ids(api.search("carts/search", ("customer_email", "anna", "like"))) == []
    assert _ids(api.search("carts/search", ("reserved_order_id", 1, "null"))) == [ident]


def test_without_a_sort_order_there_is_none_and_without_a_direction_it_is_descending(api: Api, six: list[int]) -> None:
    unsorted = [cart["id"] for cart in api.search("carts/search", ("updated_at", "2026", "gteq"))["items"]]
    assert sorted(unsorted) == six
    assert unsorted not in (six, six[::-1])
    key = "searchCriteria[sortOrders][0]"
    descending = api.get(f"carts/search?{key}[field]=entity_id")
    assert [cart["id"] for cart in descending["items"]] == six[::-1]
    assert descending["search_criteria"]["sort_orders"] == [{"field": "entity_id", "direction": None}]


@pytest.mark.usefixtures("six")
def test_pages(shop: Shop, api: Api) -> None:
    def page(size: int, current: int) -> tuple[int, int]:
        answer = api.search("carts/search", pageSize=size, currentPage=current)
        return len(answer["items"]), answer["total_count"]

    assert [page(4, 1), page(4, 2), page(4, 3)] == [(4, 6), (2, 6), (0, 6)]
    assert [page(4, 0), page(4, -1), page(-5, 1), page(0, 7)] == [(4, 6), (4, 6), (1, 6), (6, 6)]
    assert len(api.search("carts/search")["items"]) == 6
    shop.set_limits(4, 2)
    assert len(api.search("carts/search")["items"]) == 2
    assert api.ask("GET", "carts/search?searchCriteria[pageSize]=5").json()["parameters"] == {"max": 4}


@pytest.mark.parametrize(
    ("path", "status"), [("carts/search", 500), ("orders", 500), ("customers/search", 400), ("coupons/search", 500)]
)
def test_an_unknown_column(api: Api, path: str, status: int) -> None:
    key = "searchCriteria[filter_groups][0][filters][0]"
    answer = api.ask("GET", f"{path}?{key}[field]=nonsense&{key}[value]=1")
    assert answer.status_code == status
    assert ("Report ID: webapi-" in answer.json()["message"]) == (status == 500)


@pytest.mark.usefixtures("six")
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("total_count", {"total_count": 6}),
        ("items[id]", {"items": [{"id": 1}]}),
        ("items[id,customer[email]],nonsense", {"items": [{"id": 1, "customer": {"email": None}}]}),
        ("items[nonsense]", {"items": [{}]}),
        ("items[id, sku]", []),
        ("items[id", []),
        ("items]", []),
    ],
)
def test_the_fields_grammar(api: Api, fields: str, expected: Any) -> None:
    ordered = "searchCriteria[sortOrders][0][field]=entity_id&searchCriteria[sortOrders][0][direction]=ASC"
    assert api.get(f"carts/search?{ordered}&searchCriteria[pageSize]=1&fields={fields}") == expected


def test_an_empty_result_is_null_with_fields_and_a_list_without(api: Api) -> None:
    assert api.get("carts/search?searchCriteria=&fields=items[id],total_count") == {"items": None, "total_count": 0}
    assert api.get("carts/search?searchCriteria=")["items"] == []


def test_columns_that_no_answer_shows_can_be_filtered_and_sorted_by(shop: Shop, api: Api, six: list[int]) -> None:
    dearest = api.get("carts/search?searchCriteria[sortOrders][0][field]=grand_total&searchCriteria[pageSize]=1")[
        "items"
    ][0]
    assert dearest["id"] == six[5]
    assert "grand_total" not in dearest
    assert _ids(api.search("carts/search", ("grand_total", shop.cart(six[0])["grand_total"], "eq"))) == [six[0]]


def test_lists_of_stores_come_in_any_order_and_the_admin_view_has_no_configuration(api: Api) -> None:
    orders = {tuple(view["id"] for view in api.get("store/storeViews")) for _ in range(40)}
    assert len(orders) > 1
    assert {view["code"]: view["default_display_currency_code"] for view in api.get("store/storeConfigs")} == {
        "default": "EUR",
        "nl": "EUR",
        "de": "EUR",
        "us_en": "USD",
    }
    assert api.get("store/storeConfigs?storeCodes[]=nl")[0]["timezone"] == "Europe/Amsterdam"


def test_countries_are_those_of_the_store_code_and_need_no_token(api: Api) -> None:
    stranger = Api(api.url, "")
    assert [one["id"] for one in stranger.get("directory/countries", "us_en")] == ["CA", "US"]
    assert "NL" in [one["id"] for one in stranger.get("directory/countries")]
    assert stranger.ask("GET", "directory/countries/US").status_code == 404
    assert stranger.get("directory/countries/US", "us_en")["available_regions"][0]["code"] == "CA"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "carts/1/items", {"cartItem": {"sku": "MUG-01", "qty": "many"}}),
        ("POST", "order/1/ship", {"items": "all"}),
        ("GET", "inventory/are-products-salable?skus=MUG-01", None),
        ("GET", "carts/one", None),
        ("PUT", "carts/one/order", {}),
    ],
)
def test_a_value_of_the_wrong_type_is_a_400_that_says_which(
    shop: Shop, api: Api, method: str, path: str, body: Any
) -> None:
    shop.place(shop.add_cart())
    shop.touch_cart(shop.add_cart())
    answer = api.ask(method, path.replace("carts/1/", "carts/2/"), body)
    assert answer.status_code == 400
    assert "value's type is invalid" in answer.json()["message"]
