"""The customers' grid and the page of one, against a plain Python answer, on both databases."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from crm_core.errors import NotFound
from crm_core.insight.counts import Count, Sum
from crm_core.insight.customer_record import SHOWN, customer_record
from crm_core.insight.customers import CustomerRow
from crm_core.insight.filters import Filter
from crm_core.insight.grids import Page, customer_page
from crm_core.insight.neighbours import neighbours
from crm_core.insight.sorting import CUSTOMER_COLUMNS, DEFAULT_SORT, Sort
from crm_core.store.database import Store
from crm_core.store.documents import Address, encode
from crm_core.store.keys import record_key
from crm_core.store.tables import customer
from tests.insight.factories import NOW, TODAY, Rows, ago, two_shops

_NAMES = ["Anna Keller", "Björn Åsberg", "Zoë Łuk", "anna maria KELLER", "O_o 100%", "مرحبا بك", "🙂 Smile"]


def _rows(store: Store) -> Rows:
    rows = two_shops(store)
    rows.website(2, "an outlet", 1)
    for shop_id in (1, 2):
        rows.group(1, "General", shop_id)
        rows.group(2, "dealers", shop_id)
    return rows


@pytest.fixture
def filled(store: Store) -> Store:
    """Some 160 customers of two shops with equal times, missing groups, regions and words about the newsletter."""
    chance = random.Random(11)
    rows = _rows(store)
    for number in range(1, 161):
        shop_id = chance.choice((1, 1, 2))
        firstname, _, lastname = chance.choice(_NAMES).partition(" ")
        rows.customer(
            number,
            shop_id,
            website_id=chance.choice((1, 2)) if shop_id == 1 else 1,
            group_id=chance.choice((1, 2, None)),
            firstname=firstname,
            lastname=lastname,
            email=chance.choice(("anna@example.com", f"P{number}@example.org", f"Under_Score{number}@example.com")),
            is_subscribed=chance.choice((True, False, None)),
            billing_country=chance.choice(("DE", "AT", None)),
            billing_region=chance.choice(("Hamburg", "Wien", None)),
            created_at=ago(days=chance.randrange(60), hours=chance.randrange(3)),
            updated_at=ago(hours=chance.randrange(40)),
            gone_at=NOW if chance.random() < 0.08 else None,
        )
    rows.write()
    return store


def _page(store: Store, wanted: Filter, sort: Sort = DEFAULT_SORT["customers"], page: int = 1) -> Page[CustomerRow]:
    return customer_page(store, wanted, sort, page, today=TODAY)


def _everything(store: Store, wanted: Filter, sort: Sort) -> list[CustomerRow]:
    first = _page(store, wanted, sort)
    return [row for number in range(1, first.pages + 1) for row in _page(store, wanted, sort, number).rows]


def _value(row: CustomerRow, column: str) -> Any:
    values: dict[str, Any] = {
        "name": f"{row.lastname} {row.firstname}".strip().casefold(),
        "email": row.email.casefold(),
        "group": row.group.casefold(),
        "created": row.created_at,
        "updated": row.updated_at,
        "newsletter": bool(row.is_subscribed),
        "channel": row.channel.casefold(),
        "website": row.website.casefold(),
        "country": row.country or "",
        "region": row.region or "",
        "number": row.origin_id,
    }
    return values[column]


def test_every_column_that_says_so_sorts_both_ways_over_all_pages(filled: Store) -> None:
    for column in CUSTOMER_COLUMNS:
        for descending in (False, True):
            sort = Sort(column.key, descending)
            if not column.sortable:
                assert Sort.from_url("customers", sort.to_url())[0] == DEFAULT_SORT["customers"]
                continue
            rows = _everything(filled, Filter("customers"), sort)
            assert len({row.key for row in rows}) == len(rows) == _page(filled, Filter("customers")).matching.value
            values = [_value(row, column.key) for row in rows]
            assert values == sorted(values, reverse=descending), sort


def test_the_page_beside_the_one_on_screen_is_the_one_jumped_to(filled: Store) -> None:
    for column in CUSTOMER_COLUMNS:
        if column.sortable:
            sort = Sort(column.key)
            first, second = (_page(filled, Filter("customers"), sort, number) for number in (1, 2))
            beside = customer_page(filled, Filter("customers"), sort, 2, near=first, today=TODAY)
            assert beside.rows == second.rows


def _expect(store: Store, wanted: Filter, keeps: Callable[[Any], bool]) -> None:
    with store.reading() as connection:
        rows = connection.execute(select(customer)).all()
    expected = {row.id for row in rows if (row.gone_at is not None) == wanted.gone and keeps(row)}
    for sort in (DEFAULT_SORT["customers"], Sort("region", descending=False), Sort("name", descending=False)):
        assert {row.key for row in _everything(store, wanted, sort)} == expected
    page = _page(store, wanted)
    assert page.matching == Count(len(expected))
    assert page.total == sum(row.gone_at is None for row in rows)
    assert page.sums == ()


def test_each_condition_shows_what_it_says(filled: Store) -> None:
    _expect(filled, Filter("customers"), lambda _row: True)
    _expect(filled, Filter("customers", gone=True), lambda _row: True)
    _expect(filled, Filter("customers", channel_ids=(2,)), lambda row: row.shop_id == 2)
    outlet = record_key(1, 2)
    _expect(filled, Filter("customers", websites=(outlet,)), lambda row: (row.shop_id, row.website_id) == (1, 2))
    _expect(filled, Filter("customers", channel_ids=(2,), websites=(outlet,)), lambda _row: False)
    wholesale = (record_key(1, 2), record_key(2, 2))
    _expect(filled, Filter("customers", groups=wholesale), lambda row: row.group_id == 2)
    _expect(filled, Filter("customers", groups=wholesale[:1]), lambda row: (row.shop_id, row.group_id) == (1, 2))
    _expect(filled, Filter("customers", is_subscribed=True), lambda row: row.is_subscribed)
    _expect(filled, Filter("customers", is_subscribed=False), lambda row: not row.is_subscribed)
    _expect(
        filled,
        Filter("customers", is_subscribed=False, groups=wholesale, gone=True),
        lambda row: not row.is_subscribed and row.group_id == 2,
    )
    _expect(filled, Filter("customers", countries=("DE",)), lambda row: row.billing_country == "DE")
    midnight = NOW.replace(hour=0, minute=0)
    _expect(filled, Filter.from_url("customers", {"updated": "today"})[0], lambda row: row.updated_at >= midnight)
    _expect(filled, Filter.from_url("customers", {"created": "..2026-10-31"})[0], lambda row: row.created_at.month < 11)


def test_a_channel_of_some_websites_holds_their_customers_only(filled: Store) -> None:
    with filled.writing() as connection:
        connection.exec_driver_sql("UPDATE channel SET website_ids = '[2]' WHERE id = 1")
    _expect(filled, Filter("customers", channel_ids=(1,)), lambda row: (row.shop_id, row.website_id) == (1, 2))


@pytest.mark.parametrize(
    ("text", "keeps"),
    [
        ("keller", lambda row: "keller" in row.name_key),
        ("KELLER anna", lambda row: "keller" in row.name_key),
        ("åsberg", lambda row: "åsberg" in row.name_key),
        ("100%", lambda row: "100%" in row.name_key),
        ("under_score", lambda row: row.email_key.startswith("under_score")),
        ("' OR 1=1 --", lambda _row: False),
        ("42", lambda row: row.origin_id == 42),
    ],
)
def test_text_is_found_in_names_addresses_and_numbers(filled: Store, text: str, keeps: Callable[[Any], bool]) -> None:
    _expect(filled, Filter("customers", text=text), keeps)


def test_an_email_wants_the_whole_address_or_any_part_of_one(filled: Store) -> None:
    _expect(filled, Filter("customers", email="ANNA@example.com"), lambda row: row.email == "anna@example.com")
    _expect(filled, Filter("customers", email="example.org"), lambda row: row.email.endswith("example.org"))


def test_neighbours_lead_through_the_list(filled: Store) -> None:
    wanted, sort = Filter("customers", countries=("DE",)), Sort("name", descending=False)
    keys = [row.key for row in _everything(filled, wanted, sort)]
    around = neighbours(filled, wanted, sort, keys[1], today=TODAY)
    assert (around.position, around.previous, around.next) == (2, keys[0], keys[2])
    with pytest.raises(NotFound):
        neighbours(filled, wanted, sort, 7, today=TODAY)


def test_a_row_counts_orders_that_stand_their_value_less_refunds_and_open_carts(store: Store) -> None:
    rows = _rows(store)
    key = rows.customer(
        7,
        group_id=2,
        website_id=2,
        addresses=encode([Address(city="Kiel"), Address(city="Ulm", is_default_billing=True)]),
    )
    other = rows.customer(8, email="other@example.com")
    rows.order(customer_id=key, base_grand_total=Decimal(100), base_total_refunded=Decimal(25))
    rows.order(customer_id=key, base_grand_total=Decimal(70), base_currency="GBP")
    rows.order(customer_id=key, base_grand_total=Decimal(900), state="canceled", status="canceled")
    rows.order(customer_id=key, base_grand_total=Decimal(800), gone_at=ago(days=1))
    rows.order(base_grand_total=Decimal(600))
    rows.cart(customer_id=key)
    rows.cart(customer_id=key, items_qty=Decimal(0))
    rows.cart(customer_id=key, status="purchased")
    rows.write()
    found = {row.key: row for row in _page(store, Filter("customers")).rows}
    row = found[key]
    assert (row.orders, row.value) == (2, (Sum("EUR", Decimal(75)), Sum("GBP", Decimal(70))))
    assert (row.open_carts, row.group, row.website, row.city) == (1, "dealers", "an outlet", "Ulm")
    assert (found[other].orders, found[other].value, found[other].city) == (0, (), None)


def test_a_customers_page_holds_open_carts_first_orders_newest_first_and_products_bought_last(store: Store) -> None:
    rows = _rows(store)
    key = rows.customer(7, store_id=1)
    purchased = rows.cart(11, customer_id=key, status="purchased", updated_at=ago(hours=1))
    waiting = rows.cart(12, customer_id=key, updated_at=ago(days=3))
    rows.cart(13)
    old = rows.order(21, customer_id=key, created_at=ago(days=9), base_grand_total=Decimal(50))
    new = rows.order(22, customer_id=key, created_at=ago(days=1), base_grand_total=Decimal(150))
    cancelled = rows.order(23, customer_id=key, created_at=ago(days=2), state="canceled", status="canceled")
    rows.order_line(old, sku="MUG", qty_ordered=Decimal(2), base_row_total=Decimal(20))
    rows.order_line(new, 1, sku="MUG", name="Mug", qty_ordered=Decimal(1), base_row_total=Decimal(11))
    rows.order_line(new, 2, parent_item_id=1, sku="MUG", base_row_total=Decimal(0))
    rows.order_line(old, sku="BAG", base_row_total=Decimal(30))
    rows.order_line(cancelled, sku="HAT")
    rows.event("customer", key, "Subscribed to the newsletter", ago(hours=2))
    rows.write()
    who = customer_record(store, key)
    assert [each.key for each in who.carts] == [waiting, purchased]
    assert [each.key for each in who.orders] == [new, cancelled, old]
    assert (who.cart_count, who.order_count) == (2, 3)
    assert [(each.sku, each.pieces, each.orders, each.amount) for each in who.items] == [
        ("MUG", Decimal(3), 2, Decimal(31)),
        ("BAG", Decimal(1), 1, Decimal(30)),
    ]
    assert who.bought.value == (Sum("EUR", Decimal(200)),)
    assert who.bought.average == (Sum("EUR", Decimal(100)),)
    assert who.bought.last_at == ago(days=1)
    assert [each.text for each in who.timeline] == ["Subscribed to the newsletter", "Account created"]
    assert (who.channel.name if who.channel else "", who.website, who.group) == ("Nordlicht", "Main", "General")
    assert who.store_view is not None


def test_a_page_of_a_customer_of_very_many_carts_lists_the_first_and_counts_all(store: Store) -> None:
    rows = _rows(store)
    key = rows.customer(7)
    for _ in range(SHOWN + 5):
        rows.cart(customer_id=key)
    rows.write()
    who = customer_record(store, key)
    assert (len(who.carts), who.cart_count) == (SHOWN, SHOWN + 5)


def test_a_customer_without_anything_and_of_no_known_website_is_shown(store: Store) -> None:
    rows = _rows(store)
    rows.shop(3)
    key = rows.customer(9, shop_id=3, website_id=4, store_id=None, group_id=None)
    rows.write()
    who = customer_record(store, key)
    assert (who.channel, who.store_view, who.website, who.group) == (None, None, "Website 4", "")
    assert (who.carts, who.orders, who.items, who.bought.orders, who.bought.last_at) == ((), (), (), 0, None)


@pytest.mark.parametrize("key", [0, -1, 99, 2**62])
def test_a_customer_that_does_not_exist_is_told_so(store: Store, key: int) -> None:
    with pytest.raises(NotFound, match="list of customers"):
        customer_record(store, key)
