"""Products, the choices of a configurable one, and stock, from the recorded answers of a running Magento."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from crm_core.errors import BadInput, PermissionMissing, ShopAnsweredNonsense, ShopHasNoSuch, ShopUnavailable
from crm_core.magento.catalogue import Catalogue
from crm_core.magento.connection import Connection
from crm_core.magento.payloads import exact
from crm_core.magento.products import Choice, Product
from tests.magento.conftest import Answer, Request, ScriptedShop, html, replay
from tests.recorded import recorded

BATCH = "/rest/V1/inventory/are-product-salable-for-requested-qty"


@pytest.fixture
def catalogue(connection: Connection) -> Catalogue:
    return Catalogue(connection)


def filters(request: Request) -> list[tuple[str, str, str, str]]:
    """The filters of a search as group, field, condition and value."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for name, value in request.parameters.items():
        parts = name.replace("]", "").split("[")
        if parts[1:2] == ["filter_groups"]:
            found.setdefault((parts[2], parts[4]), {})[parts[5]] = value
    return [(group, each["field"], each["condition_type"], each["value"]) for (group, _), each in found.items()]


def product(sku: str, **fields: Any) -> dict[str, Any]:
    """A product as a search answers it."""
    return {"id": 1, "sku": sku, "name": sku, "price": 10, "status": 1, "visibility": 4, "type_id": "simple"} | fields


def test_products_are_read_by_sku_in_the_carts_view(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", "/rest/us_en/V1/products", replay("pf01_04_products_search"))
    found = catalogue.products(["PF-OK", "PF-01", "PF-OK"], "us_en")
    assert {sku: each.is_enabled for sku, each in found.items()} == {"PF-01": False, "PF-OK": True}
    assert found["PF-OK"].website_ids == [1, 2]
    assert exact(found["PF-OK"].price or 0) == 10
    assert filters(shop.requests[0]) == [("0", "sku", "in", "PF-OK,PF-01")]


def test_a_sku_with_a_comma_is_asked_for_by_itself(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", ".*", Answer({"items": [], "total_count": 0}))
    assert catalogue.products(["A", "B,C", "D"], "nl") == {}
    assert filters(shop.requests[0]) == [("0", "sku", "in", "A,D"), ("0", "sku", "eq", "B,C")]
    catalogue.products(["B,C"], "nl")
    assert filters(shop.requests[1]) == [("0", "sku", "eq", "B,C")]


def test_many_skus_are_asked_for_in_short_addresses(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", ".*", Answer({"items": [], "total_count": 0}))
    assert catalogue.products([f"{number:064}" for number in range(50)], "nl") == {}
    assert len(shop.requests) == 3
    assert max(len(request.query) for request in shop.requests) < 4000


def test_no_sku_is_no_request(shop: ScriptedShop, catalogue: Catalogue) -> None:
    assert catalogue.products([], "nl") == {}
    assert catalogue.salable({}, 1) == {}
    assert shop.requests == []


def test_08_a_page_limit_of_the_shop_loses_no_product(shop: ScriptedShop, catalogue: Catalogue) -> None:
    def answer(request: Request) -> Answer:
        size = int(request.parameters["searchCriteria[pageSize]"])
        if size > 2:
            return Answer({"message": "Maximum SearchCriteria pageSize is %max", "parameters": {"max": 2}}, 400)
        first = (int(request.parameters["searchCriteria[currentPage]"]) - 1) * 2
        items = [product(sku) for sku in ("A", "B", "C")[first : first + 2]]
        return Answer({"items": items, "total_count": 3})

    shop.on("GET", ".*", answer)
    assert list(catalogue.products(["A", "B", "C"], "nl")) == ["A", "B", "C"]


def test_every_word_must_be_in_the_name_or_the_sku(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", "/rest/nl/V1/products", replay("pf01_04_products_search"))
    page = catalogue.search("  blue mug ", "nl", page=2, page_size=2)
    assert [each.sku for each in page.items] == ["PF-01", "PF-OK"]
    assert page.total_count == 2
    assert filters(shop.requests[0]) == [
        ("0", "status", "eq", "1"),
        ("1", "type_id", "in", "simple,virtual,configurable"),
        ("2", "name", "like", "%blue%"),
        ("2", "sku", "like", "%blue%"),
        ("3", "name", "like", "%mug%"),
        ("3", "sku", "like", "%mug%"),
    ]
    assert shop.requests[0].parameters["searchCriteria[currentPage]"] == "2"


@pytest.mark.parametrize("words", ["", "   ", "a b c d e f g h i"])
def test_a_search_needs_some_words_and_not_too_many(shop: ScriptedShop, catalogue: Catalogue, words: str) -> None:
    with pytest.raises(BadInput):
        catalogue.search(words, "nl")
    assert shop.requests == []


@pytest.fixture
def configurable(shop: ScriptedShop, catalogue: Catalogue) -> Product:
    """The configurable product that was recorded; its variants and their colours are asked for next."""
    shop.on("GET", "/rest/nl/V1/products", replay("pf22_02_products_search_ok"))
    return catalogue.products(["PF-C", "PF-C-Red"], "nl")["PF-C"]


def variant(number: int, sku: str, colour: str | None) -> dict[str, Any]:
    attributes = [] if colour is None else [{"attribute_code": "color", "value": colour}]
    return product(sku, id=number, custom_attributes=[{"attribute_code": "category_ids", "value": []}, *attributes])


COLOURS = {
    "items": [
        {
            "attribute_id": 93,
            "attribute_code": "color",
            "default_frontend_label": "Color",
            "options": [
                {"label": " ", "value": ""},
                {"label": "Green", "value": "4"},
                {"label": "Red", "value": "5"},
                {"label": "Blue", "value": "6"},
            ],
        }
    ],
    "total_count": 1,
}


def test_a_configurable_product_tells_what_to_choose_and_what_it_leads_to(
    shop: ScriptedShop, catalogue: Catalogue, configurable: Product
) -> None:
    children = [variant(30, "PF-C-Green", "4"), variant(35, "PF-C-Red", "5"), variant(36, "PF-C-Odd", None)]
    shop.on("GET", "/rest/nl/V1/products", Answer({"items": children, "total_count": 3}))
    shop.on("GET", "/rest/nl/V1/products/attributes", Answer(COLOURS))
    choices = catalogue.choices(configurable, "nl")
    assert choices.choices == [Choice(93, "Color", {5: "Red", 4: "Green"})]
    assert {each.product.sku: each.options for each in choices.variants} == {
        "PF-C-Green": {93: 4},
        "PF-C-Red": {93: 5},
    }
    assert filters(shop.requests[-1]) == [("0", "entity_id", "in", "30,35")]


def test_a_simple_product_leaves_nothing_to_choose(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", ".*", replay("pf01_04_products_search"))
    simple = catalogue.products(["PF-OK"], "nl")["PF-OK"]
    assert catalogue.choices(simple, "nl").choices == []
    assert len(shop.requests) == 1


def test_words_that_may_not_be_read_are_told_as_a_missing_permission(
    shop: ScriptedShop, catalogue: Catalogue, configurable: Product
) -> None:
    refusal = {
        "message": "The consumer isn't authorized to access %resources.",
        "parameters": {"resources": "Magento_Catalog::attributes_attributes"},
    }
    shop.on("GET", "/rest/nl/V1/products/attributes", Answer(refusal, 401))
    with pytest.raises(PermissionMissing) as caught:
        catalogue.choices(configurable, "nl")
    assert caught.value.resource == "Magento_Catalog::attributes_attributes"


@pytest.mark.parametrize(
    ("kind", "required", "needed"),
    [("simple", "1", True), ("simple", "0", False), ("simple", None, False), ("configurable", "1", False)],
)
def test_a_product_that_wants_an_engraving_says_so(
    shop: ScriptedShop, catalogue: Catalogue, kind: str, required: str | None, needed: bool
) -> None:
    attributes = [] if required is None else [{"attribute_code": "required_options", "value": required}]
    found = product("A", type_id=kind, custom_attributes=attributes)
    shop.on("GET", ".*", Answer({"items": [found], "total_count": 1}))
    assert catalogue.products(["A"], "nl")["A"].needs_custom_options is needed


def test_a_product_that_cannot_be_read_is_not_taken_for_a_missing_one(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", ".*", Answer({"items": [product("A", id="x")], "total_count": 1}))
    with pytest.raises(ShopAnsweredNonsense):
        catalogue.products(["A"], "nl")


def test_the_stock_of_a_website_is_found(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", "/rest/V1/inventory/stock-resolver/website/base", replay("pf04_11_stock_resolver"))
    assert catalogue.stock_id("base") == 1


def test_what_cannot_be_sold_says_why(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", BATCH, replay("pf04_08_are_salable_for_qty"))
    told = catalogue.salable({"PF-04": Decimal(5), "PF-OK": Decimal(1)}, 1)
    assert told["PF-OK"].salable is True
    assert told["PF-04"].salable is False
    codes = [error.code for error in told["PF-04"].errors or ()]
    assert codes[-1] == "is_salable_with_reservations-not_enough_qty"
    asked = recorded("pf04_08_are_salable_for_qty")["request"]["query"]
    assert "&".join(f"{name}={value}" for name, value in shop.requests[0].parameters.items()) == asked


def test_one_unknown_sku_does_not_hide_the_others(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", BATCH, replay("pf22_93_are_salable_child_deleted"), replay("pf04_08_are_salable_for_qty"))
    known = [product("PF-04"), product("PF-OK"), product("PF-C", type_id="configurable")]
    shop.on("GET", "/rest/V1/products", Answer({"items": known, "total_count": 3}))
    wanted = {"PF-04": Decimal(5), "GONE": Decimal(1), "pf-ok": Decimal(1), "PF-C": Decimal(2)}
    told = catalogue.salable(wanted, 1)
    assert {sku: each.salable for sku, each in told.items()} == {
        "PF-04": False,
        "GONE": None,
        "pf-ok": True,
        "PF-C": None,
    }
    first, _, second = shop.requests
    assert "GONE" in first.query
    assert [value for name, value in second.parameters.items() if name.endswith("[sku]")] == ["PF-04", "pf-ok"]


def test_only_unknown_skus_are_told_as_unknown(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", BATCH, replay("pf22_05_is_salable_for_qty_parent_ok"))
    shop.on("GET", "/rest/V1/products", Answer({"items": None, "total_count": 0}))
    assert catalogue.salable({"PF-C": Decimal(2)}, 1)["PF-C"].salable is None
    assert len(shop.requests) == 2


def test_a_shop_that_fails_over_known_skus_is_told(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", BATCH, html(500))
    shop.on("GET", "/rest/V1/products", Answer({"items": [product("A")], "total_count": 1}))
    with pytest.raises(ShopUnavailable):
        catalogue.salable({"A": Decimal(1)}, 1)


def test_a_shop_in_maintenance_is_not_asked_about_its_products(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", BATCH, html(503))
    with pytest.raises(ShopUnavailable):
        catalogue.salable({"A": Decimal(1)}, 1)
    assert len(shop.requests) == 1


def test_27_many_skus_stay_within_what_oauth_signs_right(shop: ScriptedShop, catalogue: Catalogue) -> None:
    def answer(request: Request) -> Answer:
        skus = [value for name, value in request.parameters.items() if name.endswith("[sku]")]
        assert len(skus) <= 10
        return Answer([{"sku": sku, "stock_id": 1, "salable": True, "errors": []} for sku in skus])

    shop.on("GET", BATCH, answer)
    told = catalogue.salable({f"SKU {number}": Decimal("1.5") for number in range(23)}, 1)
    assert len(told) == 23
    assert all(each.salable for each in told.values())
    assert len(shop.requests) == 3


def test_what_can_be_sold_at_all_is_told_for_many_at_once(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", "/rest/V1/inventory/are-products-salable", replay("pf04_09_are_salable"))
    assert catalogue.are_salable(["PF-04", "PF-OK", "UNTOLD"], 1) == {"PF-04": True, "PF-OK": True, "UNTOLD": None}
    assert shop.requests[0].parameters == {
        "skus[0]": "PF-04",
        "skus[1]": "PF-OK",
        "skus[2]": "UNTOLD",
        "stockId": "1",
    }


@pytest.mark.parametrize(
    ("name", "quantity"),
    [
        ("pf04_05_salable_qty", 3),
        ("pf01_08_salable_qty", 0),
        ("pf02_06_salable_qty", None),
        ("pf22_05_is_salable_for_qty_parent_ok", None),
    ],
)
def test_how_many_can_be_sold(shop: ScriptedShop, catalogue: Catalogue, name: str, quantity: float | None) -> None:
    shop.on("GET", "/rest/V1/inventory/get-product-salable-quantity/CHAIR%2F1/1", replay(name))
    assert catalogue.salable_quantity("CHAIR/1", 1) == quantity
    assert len(shop.requests) == 1


def test_the_limits_of_a_purchase_are_read(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", "/rest/V1/stockItems/PF-06", replay("pf06_02_stockItem"), replay("pf06_32_stockItem"))
    fewest, steps = catalogue.stock_item("PF-06"), catalogue.stock_item("PF-06")
    assert (fewest.min_sale_qty, fewest.max_sale_qty, fewest.is_in_stock) == (5, 10000, True)
    assert (steps.enable_qty_increments, steps.qty_increments) == (True, 5)


def test_an_unknown_sku_has_no_stock_record(shop: ScriptedShop, catalogue: Catalogue) -> None:
    shop.on("GET", ".*", replay("pf02_05_stockItem"))
    with pytest.raises(ShopHasNoSuch, match='The Product with the "PF-02" SKU'):
        catalogue.stock_item("PF-02")


@pytest.mark.parametrize("code", ["", "all", "us/en"])
def test_28_products_are_read_in_a_store_view_only(shop: ScriptedShop, catalogue: Catalogue, code: str) -> None:
    reads: list[Callable[[], object]] = [
        lambda: catalogue.products(["A"], code),
        lambda: catalogue.search("a", code),
    ]
    for read in reads:
        with pytest.raises(BadInput, match="store view"):
            read()
    assert shop.requests == []
