"""Answers become typed records, whatever PHP makes of types, and one bad record never spoils a page."""

from __future__ import annotations

import contextlib
import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.errors import BadRecord, ShopAnsweredNonsense
from crm_core.magento.decoding import SearchPage, decode, decode_page
from crm_core.magento.payloads import (
    Cart,
    Customer,
    CustomerGroup,
    Order,
    StoreConfig,
    Totals,
    Website,
    exact,
    ten_thousandths,
)
from crm_core.store.documents import Option
from crm_core.sync.cart_totals import totals_document
from tests.recorded import recorded


def body(name: str) -> bytes:
    return json.dumps(recorded(name)["response"]["body"]).encode()


def page_of(kind: type[Any], *records: Any, **frame: Any) -> SearchPage[Any]:
    return decode_page(json.dumps({"items": list(records), **frame}).encode(), kind, 100, "a test")


def one(kind: type[Any], **fields: Any) -> Any:
    page = page_of(kind, fields)
    assert page.bad == []
    return page.items[0]


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [("orders_p20", Order, 20), ("carts_search_p20", Cart, 20), ("customers_p20", Customer, 20)],
)
def test_every_record_of_a_running_magento_is_read(name: str, kind: type[Any], count: int) -> None:
    page = decode_page(body(name), kind, 20, name)
    assert len(page.items) == count
    assert page.bad == []
    assert not page.is_last
    assert page.total_count is not None
    assert page.total_count > 20


def test_an_order_in_another_currency_keeps_both_amounts() -> None:
    order: Order = decode(body("order_us_currency"), Order, "an order")
    assert (order.order_currency_code, exact(order.grand_total or 0)) == ("USD", Decimal("122.1"))
    assert (order.base_currency_code, exact(order.base_grand_total or 0)) == ("EUR", Decimal(111))
    assert order.created_at == datetime(2026, 5, 9, 8, 53, 56)  # noqa: DTZ001
    assert order.customer_is_guest is True
    assert order.customer_id is None


def test_16_a_guest_cart_has_no_customer_and_the_email_of_its_address() -> None:
    cart: Cart = decode(body("cart_guest_ready"), Cart, "a cart")
    assert cart.customer is not None
    assert cart.customer.id is None
    assert cart.customer_is_guest is True
    assert cart.email == "gastcart094@example.test"
    assert cart.shipping is not None
    assert cart.shipping.method == "flatrate_flatrate"


def test_16_the_email_may_stand_in_the_shipping_address_alone() -> None:
    shipping = {"shipping": {"address": {"email": "a@example.test"}, "method": None}, "items": []}
    cart = one(Cart, id=1, extension_attributes={"shipping_assignments": [shipping]}, billing_address={"email": None})
    assert cart.email == "a@example.test"


def test_14_an_inactive_cart_tells_no_lines_which_is_not_the_same_as_none() -> None:
    inactive: Cart = decode(body("cart_inactive"), Cart, "a cart")
    assert inactive.items is None
    assert inactive.shipping is None
    assert one(Cart, id=1, items=[]).items == []


def test_totals_and_settings_of_a_running_magento_are_read() -> None:
    totals: Totals = decode(body("cart_customer_ready_coupon_totals"), Totals, "totals")
    assert exact(totals.grand_total or 0) == Decimal("173.35")
    assert totals.coupon_code == "TEN"
    assert [segment.code for segment in totals.total_segments or []] == [
        "subtotal",
        "discount",
        "shipping",
        "tax",
        "grand_total",
    ]
    assert decode(body("store_storeConfigs_one"), list[StoreConfig], "")[0].timezone == "Europe/Amsterdam"
    assert [site.code for site in decode(body("store_websites"), list[Website], "")] == ["admin", "base", "us"]
    assert decode_page(body("customer_groups"), CustomerGroup, 10, "").items[0].code == "NOT LOGGED IN"
    assert decode(body("customer_1"), Customer, "").is_subscribed is False


def test_the_totals_of_a_running_magento_tell_in_words_what_was_chosen_of_a_line() -> None:
    totals: Totals = decode(body("pf22_100_totals"), Totals, "totals")
    assert [(item.item_id, item.options) for item in totals.items or ()] == [
        (844, "[]"),
        (845, '[{"value":"Red","label":"Color"}]'),
    ]
    told = totals_document(totals, "EUR")
    assert [item.options for item in told.items] == [[], [Option("Color", "Red")]]


def test_23_null_items_and_a_missing_count_are_an_empty_page() -> None:
    page = decode_page(body("customers_past_last_page_fields"), Customer, 50, "customers")
    assert page.items == []
    assert page.is_last
    assert decode_page(b'{"items": []}', Order, 50, "orders").total_count is None


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"billing_address": []}, "billing_address", None),
        ({"extension_attributes": []}, "extension_attributes", None),
        ({"payment": []}, "payment", None),
        ({"grand_total": "12.50"}, "grand_total", 12.5),
        ({"grand_total": "12"}, "grand_total", 12.0),
        ({"grand_total": ""}, "grand_total", None),
        ({"grand_total": []}, "grand_total", None),
        ({"grand_total": None}, "grand_total", None),
        ({"store_id": "3"}, "store_id", 3),
        ({"store_id": ""}, "store_id", None),
        ({"coupon_code": 12}, "coupon_code", "12"),
        ({"coupon_code": ""}, "coupon_code", ""),
        ({"is_virtual": "1"}, "is_virtual", True),
        ({"is_virtual": 0}, "is_virtual", False),
        ({"is_virtual": False}, "is_virtual", False),
        ({"items": None}, "items", None),
        ({"items": {"3": {"item_id": 7}}}, "items", 7),
        ({"status_histories": []}, "status_histories", []),
        ({"updated_at": "0000-00-00 00:00:00"}, "updated_at", None),
        ({"updated_at": "2026-05-01T12:00:00+02:00"}, "updated_at", datetime(2026, 5, 1, 10)),  # noqa: DTZ001
        ({"updated_at": "9999-12-31 23:59:59"}, "updated_at", datetime(9999, 12, 31, 23, 59, 59)),  # noqa: DTZ001
        ({"nobody_knows_this": {"a": [1, {"b": None}]}}, "status", None),
    ],
)
def test_23_what_php_does_to_types_is_understood(fields: dict[str, Any], name: str, expected: Any) -> None:
    value = getattr(one(Order, entity_id="5", **fields), name)
    if name == "items" and value:
        value = value[0].item_id
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    "fields",
    [
        {"entity_id": None},
        {"entity_id": -1},
        {"entity_id": 2**63},
        {},
        {"entity_id": 9, "grand_total": "twelve"},
        {"entity_id": 9, "grand_total": {"value": 12}},
        {"entity_id": 9, "updated_at": "yesterday"},
        {"entity_id": 9, "updated_at": 1_767_225_600},
        {"entity_id": 9, "items": ["line"]},
        {"entity_id": 9, "billing_address": "Kade 1"},
        [],
        "order",
        None,
    ],
)
def test_a_bad_record_is_set_apart_and_the_others_of_its_page_are_kept(fields: Any) -> None:
    page = page_of(Order, {"entity_id": 8}, fields, {"entity_id": 10}, total_count=3)
    assert [order.entity_id for order in page.items] == [8, 10]
    assert page.total_count == 3
    (bad,) = page.bad
    assert bad.reason
    assert json.loads(bad.raw) == fields
    assert page.last_id == (2**63 if isinstance(fields, dict) and fields.get("entity_id") == 2**63 else 10)
    if isinstance(fields, dict) and fields.get("entity_id") == 9:
        assert bad.id == 9


def test_23_a_page_whose_items_php_has_made_an_object_is_read() -> None:
    page = decode_page(b'{"items": {"0": {"entity_id": 1}, "2": {"entity_id": "3"}}}', Order, 2, "")
    assert [order.entity_id for order in page.items] == [1, 3]


def test_bad_records_count_for_whether_a_page_is_full() -> None:
    data = json.dumps({"items": [{"entity_id": 1}, {"entity_id": "x"}]}).encode()
    assert not decode_page(data, Order, 2, "").is_last
    assert decode_page(data, Order, 3, "").is_last


def test_07_a_full_page_is_never_the_last_whatever_the_shop_counts() -> None:
    for count in (0, 1, 2, 3, None):
        frame = {} if count is None else {"total_count": count}
        assert not decode_page(json.dumps({"items": [{"id": 1}, {"id": 2}], **frame}).encode(), Cart, 2, "").is_last


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        b'{"items": [{"entity_id": 1}',
        b"[]",
        b"true",
        b'{"items": 5}',
        b'{"items": "x"}',
        b'{"total_count": "many"}',
        b'{"items": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_an_answer_that_is_no_page_is_nonsense(data: bytes) -> None:
    with pytest.raises(ShopAnsweredNonsense, match="orders"):
        decode_page(data, Order, 10, "orders")


def test_bytes_that_are_no_text_spoil_only_their_record() -> None:
    page = decode_page(b'{"items": [{"entity_id": 1, "status": "\xff\xfe"}, {"entity_id": 2}]}', Order, 9, "")
    assert [order.entity_id for order in page.items] == [2]
    assert [bad.id for bad in page.bad] == [1]


@given(st.text(max_size=200))
def test_any_text_of_a_shop_comes_through_as_it_is(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    assert one(Order, entity_id=1, customer_firstname=text).customer_firstname == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "entity_id", "items", "email", *Order.__struct_fields__]), inner)
    ),
    max_leaves=25,
)


@given(st.lists(JSON, max_size=4), st.sampled_from([Order, Cart, Customer]))
def test_no_answer_whatever_it_holds_raises_anything_but_what_is_promised(records: list[Any], kind: type[Any]) -> None:
    page = page_of(kind, *records)
    assert len(page.items) + len(page.bad) == len(records)
    with contextlib.suppress(ShopAnsweredNonsense):
        decode_page(json.dumps(records).encode(), kind, 100, "")
    for record in records:
        with contextlib.suppress(ShopAnsweredNonsense):
            decode(json.dumps(record).encode(), kind, "")


@pytest.mark.parametrize("text", ["😀" * 50, "שלום עולם", "=1+1", "<b>bold</b> **md**", "x" * 10_000, "null", "\u202e"])
def test_awkward_text_comes_through_as_it_is(text: str) -> None:
    assert one(Cart, id=1, reserved_order_id=text).reserved_order_id == text


@pytest.mark.parametrize(
    ("information", "title"),
    [
        (["Bank Transfer Payment", None], "Bank Transfer Payment"),
        ([None], None),
        ([], None),
        ({"method_title": "Card"}, None),
        (None, None),
        ([{"a": 1}], None),
    ],
)
def test_the_payment_title_is_the_first_text_of_its_information(information: Any, title: str | None) -> None:
    assert (
        one(Order, entity_id=1, payment={"method": "x", "additional_information": information}).payment.title == title
    )


@given(st.integers(min_value=-(4 * 10**15) + 1, max_value=4 * 10**15 - 1))
def test_23_every_amount_that_magento_keeps_survives_its_trip_through_a_float(units: int) -> None:
    text = format(Decimal(units).scaleb(-4), "f")
    total = decode(b'{"entity_id": 1, "grand_total": ' + text.encode() + b"}", Order, "").grand_total
    assert ten_thousandths(total) == units
    assert exact(total) == Decimal(text)


@given(
    st.integers(min_value=-(10**12), max_value=10**12),
    st.sampled_from([0.1, 0.2, 0.3, 1.1, 1e-4]),
    st.integers(min_value=1, max_value=20),
)
def test_23_the_dust_of_php_arithmetic_is_taken_for_dust(units: int, step: float, times: int) -> None:
    dusty = units / 10_000
    for _ in range(times):
        dusty += step
    assert ten_thousandths(dusty) == units + round(step * 10_000) * times


@pytest.mark.parametrize("text", ["0.1", "0.0001", "19.99", "19.9900", "-0.0001", "0", "399999999999.9999"])
def test_23_amounts_are_exact(text: str) -> None:
    assert exact(float(text)) == Decimal(text)


@pytest.mark.parametrize(
    "amount", [math.nan, math.inf, -math.inf, 4e11, -4e11, 1e300, 0.00005, 1.23456, 12_345_678_901.00005, 1e-5]
)
def test_an_amount_that_magento_cannot_keep_is_refused(amount: float) -> None:
    with pytest.raises(BadRecord, match="amount"):
        ten_thousandths(amount)


def test_times_are_utc() -> None:
    order = one(Order, entity_id=1, updated_at="2026-11-21 18:16:48")
    assert order.updated_at.replace(tzinfo=UTC).timestamp() == 1795285008


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"entity_id": 9, "grand_total": "twelve"}, "The field “grand_total” holds “twelve”, not a number."),
        ({"entity_id": "x"}, "The field “entity_id” holds “x”, not a whole number."),
        ({"entity_id": -1}, "The field “entity_id” holds -1, not at least 0."),
        ({"grand_total": 1}, "The field “entity_id” is missing."),
        ({"entity_id": 9, "updated_at": "yesterday"}, "The field “updated_at” holds “yesterday”, not a date and time."),
        ({"entity_id": 9, "items": [{}, {"item_id": [1]}]}, "The field “items 1 › item_id” is missing."),
        (
            {"entity_id": 9, "items": [{"item_id": 1}, {"item_id": 2, "price": {"a": 1}}]},
            "The field “items 2 › price” holds a group of fields, not a number.",
        ),
        ("order", "It holds “order”, not a group of fields."),
        ({"entity_id": 9, "grand_total": "a\x00b\nc"}, "The field “grand_total” holds “a b c”, not a number."),
    ],
)
def test_why_a_record_is_set_apart_names_the_field_and_what_it_holds_in_plain_words(fields: Any, told: str) -> None:
    (bad,) = page_of(Order, fields).bad
    assert bad.reason == told


def test_an_answer_that_is_no_data_is_told_so() -> None:
    with pytest.raises(ShopAnsweredNonsense, match=r"not the data that was asked for .*\. Nothing of it was kept"):
        decode_page(b"<html>", Order, 2, "orders")
