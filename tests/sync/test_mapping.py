"""From a shop's words to rows: exact amounts, odd shapes, and what is refused."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.errors import BadRecord
from crm_core.magento.payloads import Cart, Customer, Order
from crm_core.store import documents
from crm_core.sync.cart_mapping import map_cart
from crm_core.sync.customer_mapping import CUSTOMER_COLUMNS, map_customer
from crm_core.sync.order_mapping import ORDER_COLUMNS, ORDER_ITEM_COLUMNS, map_order
from crm_core.sync.values import EPOCH, local_day_and_hour, units
from demo_store import Shop
from tests.recorded import recorded

AMSTERDAM = {1: ZoneInfo("Europe/Amsterdam")}


def order_json() -> dict[str, Any]:
    """An order as the API tells it."""
    shop = Shop()
    order = shop.order(shop.place(shop.add_cart([("MUG-01", 2)])))
    shop.close()
    copied: dict[str, Any] = json.loads(json.dumps(order))
    return copied


ORDER = order_json()


def changed(**fields: Any) -> Order:
    """The order with other fields; None leaves one out."""
    body = copy.deepcopy(ORDER) | fields
    return msgspec.convert({name: value for name, value in body.items() if value is not None}, Order, strict=False)


def columns(order: Order) -> dict[str, Any]:
    """The mapped order by column."""
    return dict(zip(ORDER_COLUMNS, map_order(1, order, AMSTERDAM).values, strict=False))


@given(st.decimals(min_value=-99_999_999, max_value=99_999_999, places=4))
def test_every_amount_that_magento_can_keep_is_exact(amount: Decimal) -> None:
    assert (units[float(amount)], units[None]) == (int(amount * 10_000), None)


@pytest.mark.parametrize("amount", [0.00004, 1.23456, 5e11, float("inf"), float("nan")])
def test_an_amount_that_magento_cannot_keep_is_refused(amount: float) -> None:
    with pytest.raises(BadRecord):
        map_order(1, changed(grand_total=amount), AMSTERDAM)


def test_the_dust_of_php_is_no_fraction() -> None:
    assert columns(changed(grand_total=39.900000000000006))["grand_total"] == 399_000


@pytest.mark.parametrize(
    ("created_at", "day", "hour"),
    [
        ("2026-03-29 00:59:59", date(2026, 3, 29), 1),
        ("2026-03-29 01:00:00", date(2026, 3, 29), 3),
        ("2026-12-31 23:30:00", date(2027, 1, 1), 0),
    ],
)
def test_the_day_of_an_order_is_its_stores_own(created_at: str, day: date, hour: int) -> None:
    mapped = map_order(1, changed(created_at=created_at), AMSTERDAM)
    assert (mapped.local_day, mapped.local_hour) == (day, hour)


@given(
    st.integers(0, 4_102_444_800),
    st.sampled_from(
        ["UTC", "Europe/Amsterdam", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Africa/Monrovia"]
    ),
)
def test_the_day_and_hour_are_those_that_the_zone_itself_tells(seconds: int, name: str) -> None:
    moment, zone = EPOCH + timedelta(seconds=seconds), ZoneInfo(name)
    local = moment.replace(tzinfo=UTC).astimezone(zone)
    assert local_day_and_hour(moment, zone) == (local.date(), local.hour)


def test_an_hour_in_which_the_clocks_change_is_told_to_the_second() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")  # by half an hour, at half past an hour of UTC
    moments = [datetime.fromisoformat(f"2026-10-03 15:{rest}") for rest in ("29:59", "30:00")]
    assert [local_day_and_hour(moment, zone)[1] for moment in moments] == [1, 2]


def test_the_zone_is_no_part_of_what_tells_a_change() -> None:
    here = map_order(1, changed(), AMSTERDAM)
    there = map_order(1, changed(), {1: ZoneInfo("Pacific/Auckland")})
    assert here.content_hash == there.content_hash


@pytest.mark.parametrize(
    "fields",
    [
        {"created_at": None},
        {"increment_id": None},
        {"grand_total": None},
        {"base_currency_code": None},
        {"order_currency_code": "EURO"},
        {"state": "x" * 33},
        {"store_id": 2**31},
        {"entity_id": 2**41},
        {"created_at": "9999-12-31 23:59:59"},
    ],
)
def test_an_order_that_cannot_be_kept_says_why(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRecord, match="Order"):
        map_order(1, changed(**fields), AMSTERDAM)


@pytest.mark.parametrize("name", ["💐" * 50, "\u202eabc", "x" * 10_000, "<b>=cmd|'/c calc'!A1</b>", "a\\u0000b"])
def test_any_text_is_kept_as_it_is(name: str) -> None:
    assert columns(changed(customer_firstname=name))["firstname"] == name


def test_the_character_nul_is_replaced_everywhere() -> None:
    body = copy.deepcopy(ORDER)
    body["customer_lastname"] = "a\x00b"
    body["billing_address"]["city"] = "c\x00d"
    body["items"][0]["name"] = "e\x00f"
    mapped = map_order(1, msgspec.convert(body, Order, strict=False), AMSTERDAM)
    values = dict(zip(ORDER_COLUMNS, mapped.values, strict=False))
    assert values["lastname"] == "a\ufffdb"
    assert documents.decode_address(values["billing_address"]).city == "c\ufffdd"
    assert "e\ufffdf" in mapped.items[0]
    assert "\x00" not in repr((mapped.values, mapped.items))


def test_the_same_order_has_the_same_hash_and_another_amount_another() -> None:
    assert map_order(1, changed(), AMSTERDAM).content_hash == map_order(1, changed(), AMSTERDAM).content_hash
    assert (
        map_order(1, changed(), AMSTERDAM).content_hash != map_order(1, changed(total_paid=1), AMSTERDAM).content_hash
    )


def test_an_address_that_says_the_same_in_other_fields_is_kept_once() -> None:
    body = copy.deepcopy(ORDER)
    shipping = body["extension_attributes"]["shipping_assignments"][0]["shipping"]
    shipping["address"] = body["billing_address"] | {"region_id": 0, "fax": "1"}
    assert columns(msgspec.convert(body, Order, strict=False))["shipping_address"] == documents.SAME_AS_BILLING
    shipping["address"]["city"] = "Elsewhere"
    apart = columns(msgspec.convert(body, Order, strict=False))["shipping_address"]
    assert documents.decode_address(apart).city == "Elsewhere"


def test_comments_come_newest_first_with_utc_times() -> None:
    histories = [
        {"entity_id": 1, "created_at": "2026-01-01 10:00:00", "comment": "old", "is_customer_notified": 1},
        {"entity_id": 2, "created_at": "2026-01-02 10:00:00", "comment": "new", "is_customer_notified": 0},
    ]
    comments = documents.decode_comments(columns(changed(status_histories=histories))["comments"])
    assert [comment.comment for comment in comments] == ["new", "old"]
    assert [comment.is_customer_notified for comment in comments] == [False, True]
    assert comments[0].created_at is not None
    assert comments[0].created_at.isoformat() == "2026-01-02T10:00:00+00:00"


def items_of(name: str) -> list[Any]:
    """The items of a recorded answer of a running Magento."""
    items: list[Any] = recorded(name)["response"]["body"]["items"]
    return items


def test_every_recorded_cart_can_be_kept() -> None:
    carts = [msgspec.convert(item, Cart, strict=False) for item in items_of("carts_search_p20")]
    for cart in carts:
        row = map_cart(1, cart)
        lines = sum(Decimal(str(line.price)) * Decimal(str(line.qty)) for line in cart.items or ())
        assert Decimal(row.base_subtotal).scaleb(-4) == lines
        assert (row.lines is None) == (not cart.is_active)
    assert len(carts) == 20


def test_every_recorded_order_can_be_kept_and_its_parents_come_to_its_subtotal() -> None:
    # By price and quantity: row_total is after discount.
    orders = [msgspec.convert(item, Order, strict=False) for item in items_of("orders_p20")]
    for order in orders:
        mapped = map_order(1, order, AMSTERDAM)
        rows = [dict(zip(ORDER_ITEM_COLUMNS, item, strict=True)) for item in mapped.items]
        parents = sum(row["price"] * row["qty_ordered"] for row in rows if row["parent_item_id"] is None)
        assert Decimal(parents).scaleb(-8) == Decimal(str(order.subtotal))
        assert mapped.base_grand_total == int(Decimal(str(order.base_grand_total)) * 10_000)
    assert len(orders) == 20


def test_every_recorded_customer_can_be_kept() -> None:
    customers = [msgspec.convert(item, Customer, strict=False) for item in items_of("customers_p20")]
    assert [map_customer(1, customer).origin_id for customer in customers] == [customer.id for customer in customers]


def test_an_inactive_cart_has_no_lines_told_even_as_an_empty_list() -> None:
    body = {"id": 5, "created_at": "2026-01-01 00:00:00", "is_active": False, "items": [], "items_count": 2}
    cart = map_cart(1, msgspec.convert(body | {"currency": {"base_currency_code": "EUR"}}, Cart, strict=False))
    assert (cart.lines, cart.unavailable_count, cart.items_count) == (None, 0, 2)


def test_the_default_billing_address_tells_a_customers_country() -> None:
    body = {
        "id": 9,
        "created_at": "2026-01-01 00:00:00",
        "email": "kim@example.test",
        "firstname": "Kim",
        "lastname": "Lee",
        "default_billing": "2",
        "addresses": [
            {"id": 1, "country_id": "DE", "region": {"region": None, "region_id": 0}},
            {"id": 2, "country_id": "US", "region": {"region": "New York", "region_id": 43}},
        ],
    }
    mapped = map_customer(1, msgspec.convert(body, Customer, strict=False))
    values = dict(zip(CUSTOMER_COLUMNS, mapped.values, strict=False))
    assert (values["billing_country"], values["billing_region"]) == ("US", "New York")
    addresses = documents.decode_addresses(values["addresses"])
    assert [address.is_default_billing for address in addresses] == [False, True]
