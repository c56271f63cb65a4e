"""What a check before an order reads has the shape that was recorded on a running Magento 2.4.7."""

from __future__ import annotations

import pytest

from demo_store import Shop
from tests.demo_store.conftest import Api
from tests.demo_store.shapes import differences
from tests.recorded import recorded

_ONE = "[filter_groups][0][filters][0]"
_BATCH = "sku_requests[0][sku]=RARE-01&sku_requests[0][qty]=9&sku_requests[1][sku]=MUG-01&sku_requests[1][qty]=1"
# What was recorded, and the same question about this shop.
ASKED = {
    "pf01_04_products_search": f"products?searchCriteria{_ONE}[field]=sku&searchCriteria{_ONE}[value]=MUG-01",
    "pf01_05_product_by_sku": "products/MUG-01",
    "pf04_03_stockItem": "stockItems/MUG-01",
    "pf04_05_salable_qty": "inventory/get-product-salable-quantity/MUG-01/1",
    "pf04_06_is_salable": "inventory/is-product-salable/MUG-01/1",
    "pf04_07_is_salable_for_qty": "inventory/is-product-salable-for-requested-qty/RARE-01/1/9",
    "pf04_08_are_salable_for_qty": f"inventory/are-product-salable-for-requested-qty?{_BATCH}&stock_id=1",
    "pf04_09_are_salable": "inventory/are-products-salable?skus[0]=MUG-01&skus[1]=ROBE&stockId=1",
    "pf10_52_attribute_metadata_address": "attributeMetadata/customerAddress",
    "pf04_11_stock_resolver": "inventory/stock-resolver/website/base",
    "pf13_05_coupon_search": f"coupons/search?searchCriteria{_ONE}[field]=code&searchCriteria{_ONE}[value]=SPRING25",
    "pf13_06_rule": "salesRules/2",
    "pf09_01_country_US": "directory/countries/US",
    "pf14_09_storeConfigs": "store/storeConfigs",
    "pf31_02_totals_information_hidden_line": "carts/1/totals-information",
    "pf31_05_shipping_information_again_hidden_line": "carts/1/shipping-information",
}


@pytest.mark.parametrize("name", ASKED)
def test_a_preflight_read_has_the_recorded_shape(shop: Shop, api: Api, name: str) -> None:
    exchange = recorded(name)
    shop.add_cart()
    path, (_, _, fields) = ASKED[name], exchange["request"]["query"].partition("fields=")
    if fields:
        path += f"&fields={fields}"
    answer = api.ask(exchange["request"]["method"], path, exchange["request"]["body"], "us_en" if "US" in name else "")
    assert answer.status_code == exchange["response"]["status"]
    assert differences(exchange["response"]["body"], answer.json()) == []


def test_an_unknown_sku_breaks_a_stock_question_and_a_parents_has_no_stock(api: Api) -> None:
    ask = "inventory/is-product-salable-for-requested-qty"
    assert api.ask("GET", f"{ask}/NOPE/1/1").status_code == 500
    assert api.ask("GET", "inventory/get-product-salable-quantity/NOPE/1").status_code == 500
    assert api.ask("GET", f"{ask}/ROBE/1/1").status_code == 400
    assert api.get("inventory/is-product-salable/ROBE/1") is True
