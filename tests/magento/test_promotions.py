"""Coupons and the rules behind them, from the recorded answers of a running Magento."""

from __future__ import annotations

from datetime import date

import pytest

from crm_core.errors import ShopAnsweredNonsense, ShopHasNoSuch
from crm_core.magento.connection import Connection
from crm_core.magento.promotions import Promotions
from tests.magento.conftest import Answer, ScriptedShop, replay


@pytest.fixture
def promotions(connection: Connection) -> Promotions:
    return Promotions(connection)


def test_a_coupon_tells_its_end_and_its_rule(shop: ScriptedShop, promotions: Promotions) -> None:
    shop.on("GET", "/rest/V1/coupons/search", replay("pf13_05_coupon_search"))
    shop.on("GET", "/rest/V1/salesRules/3", replay("pf13_06_rule"))
    coupon = promotions.coupon("PFEXPIRED")
    assert coupon is not None
    assert (coupon.code, str(coupon.expiration_date)) == ("PFEXPIRED", "2026-11-01 00:00:00")
    rule = promotions.rule(coupon.rule_id)
    assert (rule.name, rule.is_active, rule.to_date) == ("PF expired", True, date(2026, 11, 1))
    assert (rule.website_ids, rule.customer_group_ids) == ([1, 2], [0, 1, 2, 3])
    value = "searchCriteria[filter_groups][0][filters][0][value]"
    assert shop.requests[0].parameters[value] == "PFEXPIRED"


def test_a_used_up_coupon_tells_its_uses(shop: ScriptedShop, promotions: Promotions) -> None:
    shop.on("GET", ".*", replay("pf13_24_coupon_search"))
    coupon = promotions.coupon("PFLIMITREACHED")
    assert coupon is not None
    assert (coupon.usage_limit, coupon.times_used, coupon.expiration_date) == (1, 1, None)


@pytest.mark.parametrize(
    "answer", [replay("pf13_62_coupon_search"), Answer({"items": None, "total_count": 0})], ids=["list", "null"]
)
def test_a_code_that_is_nobodys_is_none(shop: ScriptedShop, promotions: Promotions, answer: Answer) -> None:
    shop.on("GET", ".*", answer)
    assert promotions.coupon("PFCOUPONDELETED") is None


def test_a_coupon_that_cannot_be_read_is_not_taken_for_none(shop: ScriptedShop, promotions: Promotions) -> None:
    shop.on("GET", ".*", Answer({"items": [{"code": "TEN"}], "total_count": 1}))
    with pytest.raises(ShopAnsweredNonsense):
        promotions.coupon("TEN")


def test_a_rule_that_is_gone_is_told(shop: ScriptedShop, promotions: Promotions) -> None:
    gone = {
        "message": "No such entity with %fieldName = %fieldValue",
        "parameters": {"fieldName": "id", "fieldValue": 9},
    }
    shop.on("GET", "/rest/V1/salesRules/9", Answer(gone, 404))
    with pytest.raises(ShopHasNoSuch, match="id = 9"):
        promotions.rule(9)
