"""Pages, counts and neighbours against a plain Python answer, on both databases."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from crm_core.errors import NotFound
from crm_core.insight import counts, finding
from crm_core.insight.counts import Count, StatusCount, status_counts
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.grids import CartRow, OrderRow, Page, cart_page, order_page
from crm_core.insight.neighbours import Neighbours, neighbours
from crm_core.insight.sorting import CART_COLUMNS, COLUMNS, DEFAULT_SORT, ORDER_COLUMNS, Sort
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.rollups import rebuild
from crm_core.store.tables import cart, order
from tests.insight.factories import NOW, TODAY, Rows, ago, two_shops

_NAMES = ["Anna Keller", "Björn Åsberg", "Zoë Łuk", "anna maria KELLER", "O_o 100%", "مرحبا بك", "🙂 Smile", " "]
_STATES = [("new", "pending"), ("processing", "processing"), ("complete", "complete"), ("canceled", "canceled")]


@pytest.fixture
def filled(store: Store) -> Store:
    """Some 150 carts and as many orders of two shops, with equal times, missing texts and amounts."""
    chance = random.Random(7)
    rows = two_shops(store)
    for number in range(1, 161):
        shop_id = chance.choice((1, 1, 2))
        firstname, _, lastname = chance.choice(_NAMES).partition(" ")
        shared: dict[str, Any] = {
            "store_id": chance.choice((1, 2)) if shop_id == 1 else 1,
            "firstname": firstname or None,
            "lastname": lastname or None,
            "email": chance.choice((None, "anna@example.com", f"p{number}@example.org", "Under_Score@example.com")),
            "base_currency": "EUR" if shop_id == 1 else "GBP",
            "billing_country": chance.choice(("DE", "AT", "GB", None)),
            "billing_region": chance.choice(("Hamburg", "Wien", None)),
            "is_guest": chance.random() < 0.3,
            "created_at": ago(days=chance.randrange(60), hours=chance.randrange(3)),
            "updated_at": ago(hours=chance.randrange(40)),
            "items_qty": Decimal(chance.choice((0, 1, 2, 7))),
        }
        amount = Decimal(chance.randrange(1, 900_000)).scaleb(-2)
        cart_key = rows.cart(
            number,
            shop_id,
            **shared,
            status=chance.choice(("open", "open", "purchased", "expired", "lost", "closing")),
            base_subtotal=amount,
            grand_total=chance.choice((None, amount)),
            last_activity_at=ago(hours=chance.randrange(90)),
        )
        state, status = chance.choice(_STATES)
        order_key = rows.order(
            number,
            shop_id,
            **shared,
            state=state,
            status=status,
            base_grand_total=amount,
            base_total_paid=chance.choice((None, amount)),
            gone_at=NOW if chance.random() < 0.05 else None,
        )
        for sku in chance.sample(("NL-PRK-1", "NL-BOT-2", "hp_mug%3"), chance.randrange(3)):
            rows.cart_line(cart_key, sku=sku)
            rows.order_line(order_key, sku=sku)
    rows.write()
    return store


def _page(store: Store, wanted: Filter, sort: Sort, page: int = 1, **options: Any) -> Page[Any]:
    read: Callable[..., Page[Any]] = cart_page if wanted.screen == "carts" else order_page
    return read(store, wanted, sort, page, today=TODAY, **options)


def _everything(store: Store, wanted: Filter, sort: Sort) -> list[int]:
    first = _page(store, wanted, sort)
    rows = [row for number in range(1, first.pages + 1) for row in _page(store, wanted, sort, number).rows]
    return [row.key for row in rows]


def _value(row: CartRow | OrderRow, column: str) -> Any:
    """What a person sees the row sorted by; a plain second answer to the SQL."""
    values: dict[str, Any] = {
        "status": row.status,
        "name": f"{row.lastname or ''} {row.firstname or ''}".strip().casefold(),
        "updated": row.updated_at,
        "created": row.created_at,
        "email": (row.email or "").casefold(),
        "channel": row.channel,
        "store": (row.store_view, row.channel, row.website),
        "website": (row.website, row.channel),
        "country": row.billing_country or "",
        "region": row.billing_region or "",
    }
    if isinstance(row, CartRow):
        none = row.grand_total is None
        values |= {"total": (not none, row.grand_total), "subtotal": row.base_subtotal, "qty": row.items_qty}
        values |= {"activity": row.last_activity_at, "number": row.origin_id}
    else:
        none = row.base_total_paid is None
        values |= {
            "total": row.base_grand_total,
            "subtotal": row.base_subtotal,
            "paid": (not none, row.base_total_paid),
        }
        values |= {"number": row.increment_id}
    return values[column]


@pytest.mark.parametrize("screen", ["carts", "orders"])
def test_every_column_sorts_both_ways_over_all_pages(filled: Store, screen: Screen) -> None:
    wanted = Filter(screen)
    for column in COLUMNS[screen]:
        for descending in (False, True):
            sort = Sort(column.key, descending)
            pages = range(1, _page(filled, wanted, sort).pages + 1)
            rows = [row for number in pages for row in _page(filled, wanted, sort, number).rows]
            assert len({row.key for row in rows}) == len(rows) == _page(filled, wanted, sort).matching.value
            values = [_value(row, column.key) for row in rows]
            values = [value for value in values if not (isinstance(value, tuple) and value[0] is False)]
            assert values == sorted(values, reverse=descending), sort


def test_pages_can_be_walked_one_by_one_from_the_page_on_screen(filled: Store) -> None:
    for screen in ("carts", "orders"):
        for column in COLUMNS[screen]:
            sort = Sort(column.key, descending=True)
            jumped = [_page(filled, Filter(screen), sort, number) for number in (1, 2, 3)]
            second = _page(filled, Filter(screen), sort, 2, near=jumped[0])
            third = _page(filled, Filter(screen), sort, 3, near=second)
            assert [second.rows, third.rows] == [page.rows for page in jumped[1:]]
            assert _page(filled, Filter(screen), sort, 2, near=third).rows == second.rows
            assert _page(filled, Filter(screen), sort, 1, near=second).rows == jumped[0].rows


def test_the_page_beside_is_found_although_its_edge_row_moved_away(filled: Store) -> None:
    sort = Sort("updated")
    first, second = (_page(filled, Filter("carts"), sort, number) for number in (1, 2))
    with filled.writing() as connection:
        connection.execute(update(cart).where(cart.c.id == first.rows[-1].key).values(updated_at=NOW))
    assert _page(filled, Filter("carts"), sort, 2, near=first).rows == second.rows


def test_a_page_on_screen_of_another_filter_or_sort_is_no_way_to_the_next(filled: Store) -> None:
    other = _page(filled, Filter("carts", statuses=("open",)), Sort("number"))
    assert _page(filled, Filter("carts"), Sort("updated"), 2, near=other) == _page(
        filled, Filter("carts"), Sort("updated"), 2
    )


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (-7, 1), (10**9, 3), (3, 3)])
def test_a_page_number_edited_by_hand_gives_the_nearest_page(filled: Store, asked: int, given: int) -> None:
    page = _page(filled, Filter("carts"), DEFAULT_SORT["carts"], asked)
    assert (page.page, page.pages) == (given, 3)
    assert page.rows
    assert (page.first_number - 1) % finding.PAGE_ROWS == 0
    assert page.last_number <= (page.matching.value or 0)


@pytest.mark.parametrize("number", ["9" * 13, "1" * 5000])
def test_a_number_longer_than_any_id_finds_no_cart(filled: Store, number: str) -> None:
    assert _page(filled, Filter("carts", text=number), DEFAULT_SORT["carts"]).rows == ()


def test_the_default_cart_list_leaves_out_empty_carts_and_begins_with_the_newest_update(filled: Store) -> None:
    page = _page(filled, Filter("carts"), DEFAULT_SORT["carts"])
    assert all(row.items_qty > 0 for row in page.rows)
    assert page.rows[0].updated_at == max(row.updated_at for row in page.rows)
    everything = _page(filled, Filter("carts", with_items=False), DEFAULT_SORT["carts"])
    assert everything.matching.value == everything.total == 160
    assert page.total == page.matching.value
    assert page.total < 160


def test_orders_that_the_shop_deleted_are_shown_apart(filled: Store) -> None:
    gone = set(_everything(filled, Filter("orders", gone=True), Sort("created")))
    there = set(_everything(filled, Filter("orders"), Sort("created")))
    assert gone
    assert not gone & there
    assert len(gone | there) == 160


def _expect(store: Store, wanted: Filter, keeps: Callable[[Any], bool]) -> None:
    """The filter shows exactly the rows that `keeps` says, in any sort, and counts, sums and statuses agree."""
    base = Filter(wanted.screen, with_items=wanted.with_items, gone=wanted.gone)
    table = cart if wanted.screen == "carts" else order
    with store.reading() as connection:
        rows = {row.id: row for row in connection.execute(select(table))}
    expected = {key for key in _everything(store, base, DEFAULT_SORT[wanted.screen]) if keeps(rows[key])}
    assert set(_everything(store, wanted, DEFAULT_SORT[wanted.screen])) == expected
    assert set(_everything(store, wanted, Sort("region", descending=False))) == expected
    page = _page(store, wanted, Sort("number", descending=False))
    assert page.matching == Count(len(expected))
    amounts: dict[str, Decimal] = {}
    for row in (rows[key] for key in expected):
        amount = row.base_subtotal if wanted.screen == "carts" else row.base_grand_total
        amounts[row.base_currency] = amounts.get(row.base_currency, Decimal(0)) + amount
    assert {each.currency: each.amount for each in page.sums} == amounts
    if not wanted.statuses:
        by_status = {each.status: each.count.value for each in status_counts(store, wanted, today=TODAY)}
        assert sum(number or 0 for number in by_status.values()) == len(expected)
        for status, number in by_status.items():
            assert number == sum(rows[key].status == status for key in expected)


def test_each_condition_shows_what_it_says_on_carts(filled: Store) -> None:
    midnight = NOW.replace(hour=0, minute=0)
    _expect(filled, Filter("carts", statuses=("open", "lost")), lambda row: row.status in ("open", "lost"))
    _expect(filled, Filter("carts", channel_ids=(2,)), lambda row: row.shop_id == 2)
    _expect(filled, Filter("carts", stores=(record_key(1, 2),)), lambda row: (row.shop_id, row.store_id) == (1, 2))
    _expect(filled, Filter.from_url("carts", {"updated": "today"})[0], lambda row: row.updated_at >= midnight)
    _expect(
        filled,
        Filter.from_url("carts", {"updated": "today", "items": "all"})[0],
        lambda row: row.updated_at >= midnight,
    )
    _expect(filled, Filter.from_url("carts", {"created": "..2026-10-31"})[0], lambda row: row.created_at.month < 11)
    _expect(
        filled,
        Filter("carts", amount_from=Decimal("20.5"), amount_to=Decimal(3000)),
        lambda row: Decimal("20.5") <= row.base_subtotal <= 3000,
    )
    _expect(filled, Filter("carts", currency="GBP"), lambda row: row.base_currency == "GBP")
    _expect(filled, Filter("carts", countries=("DE", "AT")), lambda row: row.billing_country in ("DE", "AT"))
    _expect(filled, Filter("carts", is_guest=True), lambda row: row.is_guest)
    _expect(filled, Filter("carts", channel_ids=(1,), stores=(record_key(2, 1),)), lambda _row: False)
    _expect(filled, Filter("carts", channel_ids=(99,)), lambda _row: False)


def test_each_condition_shows_what_it_says_on_orders(filled: Store) -> None:
    _expect(filled, Filter("orders", statuses=("pending",)), lambda row: row.status == "pending")
    _expect(
        filled,
        Filter.from_url("orders", {"created": "30d", "channel": "1"})[0],
        lambda row: row.local_day >= TODAY.utc.replace(month=10, day=23) and row.shop_id == 1,
    )
    _expect(
        filled,
        Filter.from_url("orders", {"created": "2026-10-01..2026-10-31", "country": "DE"})[0],
        lambda row: row.local_day.month == 10 and row.billing_country == "DE",
    )
    _expect(filled, Filter("orders", amount_from=Decimal(8000)), lambda row: row.base_grand_total >= 8000)
    _expect(filled, Filter("orders", gone=True, countries=("AT",)), lambda row: row.billing_country == "AT")


_TEXTS: list[tuple[str, Callable[[Any], bool]]] = [
    ("keller", lambda row: "keller" in (row.lastname or "").casefold()),
    ("KELLER anna", lambda row: "keller" in row.name_key),
    ("ÅSBERG", lambda row: "åsberg" in row.name_key),
    ("łuk", lambda row: "łuk" in row.name_key),
    ("بك", lambda row: "بك" in row.name_key),
    ("🙂", lambda row: "🙂" in row.name_key),
    ("under_score@", lambda row: row.email_key.startswith("under_score")),
    ("o_o", lambda row: "o_o" in row.name_key),
    ("100%", lambda row: "100%" in row.name_key),
    ("%", lambda row: "%" in row.name_key),
    ("_", lambda row: "_" in row.name_key + row.email_key),
    ("\\", lambda _row: False),
    ("' OR 1=1 --", lambda _row: False),
    ("nobody at all", lambda _row: False),
]


def test_text_is_found_in_names_and_addresses_whatever_its_case_and_is_never_a_pattern(filled: Store) -> None:
    for screen in ("carts", "orders"):
        # The SKU hp_mug%3 holds the two signs that LIKE takes for patterns.
        mugs = set(_everything(filled, Filter(screen, sku="hp_mug%3"), Sort("number")))
        for text, keeps in _TEXTS:
            in_sku = mugs if text in ("%", "_") else set()
            _expect(filled, Filter(screen, text=text), lambda row: keeps(row) or row.id in in_sku)  # noqa: B023


def test_a_word_that_is_in_more_skus_than_a_statement_takes_finds_all_their_rows(store: Store) -> None:
    rows = two_shops(store)
    big, small, other = rows.cart(1), rows.cart(2), rows.cart(3)
    rows.cart_line(small, sku="DESK-7")
    rows.cart_line(other, sku="Chair")
    rows.write()
    with store.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO cart_item (cart_id, item_id, sku, name, product_type, qty, base_price, state, state_since) "
            "WITH RECURSIVE line(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM line WHERE id < 70000) "
            f"SELECT {big}, id, 'Desk-' || id, 'Desk', 'simple', 10000, 10000, 'present', 0 FROM line"
        )
    assert set(_everything(store, Filter("carts", text="desk-"), Sort("number"))) == {big, small}
    assert set(_everything(store, Filter("carts", text="desk-7"), Sort("number"))) == {big, small}
    assert set(_everything(store, Filter("carts", text="chair"), Sort("number"))) == {other}


def test_text_is_found_in_skus_and_a_sku_condition_wants_the_whole(filled: Store) -> None:
    for screen in ("carts", "orders"):
        whole = set(_everything(filled, Filter(screen, sku="NL-BOT-2"), Sort("number")))
        assert whole
        assert set(_everything(filled, Filter(screen, sku="nl-bot-2"), Sort("number"))) == whole
        assert set(_everything(filled, Filter(screen, text="bot-"), Sort("number"))) == whole
        assert _everything(filled, Filter(screen, sku="NL-BOT"), Sort("number")) == []


def test_an_email_condition_wants_the_whole_address_or_any_part_of_one(filled: Store) -> None:
    _expect(filled, Filter("carts", email="ANNA@example.com"), lambda row: row.email == "anna@example.com")
    _expect(filled, Filter("orders", email="example.org"), lambda row: row.email_key.endswith("example.org"))


def test_a_number_typed_in_full_finds_that_record(filled: Store) -> None:
    assert _everything(filled, Filter("orders", text="000000042"), Sort("created"))
    for text in ("42", "#42", "000000042"):
        found = _everything(filled, Filter("orders", text=text), Sort("created"))
        assert {key & 0xFFFF for key in found} == {42}
    assert {
        key & 0xFFFF for key in _everything(filled, Filter("carts", text="42", with_items=False), Sort("number"))
    } == {42}
    assert _everything(filled, Filter("orders", text="777"), Sort("created")) == []


def test_part_of_an_order_number_is_found_too(store: Store) -> None:
    rows = two_shops(store)
    outlet = rows.order(1, increment_id="Outlet-2026-000777")
    rows.order(2, increment_id="000000555")
    rows.write()
    for text in ("outlet-2026", "0777", "2026-0"):
        assert _everything(store, Filter("orders", text=text), Sort("created")) == [outlet]


def test_statuses_come_in_the_order_carts_go_through_them_with_their_looks(filled: Store) -> None:
    found = status_counts(filled, Filter("carts"), today=TODAY)
    assert [each.status for each in found] == ["open", "closing", "purchased", "expired", "lost"]
    assert [each.style.color for each in found] == ["blue", "orange", "green", "gray", "red"]
    orders = status_counts(filled, Filter("orders"), today=TODAY)
    assert [each.style.label for each in orders] == ["Pending", "Processing", "Complete", "Canceled"]


def test_status_counts_do_not_follow_the_status_that_is_asked_for(filled: Store) -> None:
    free = status_counts(filled, Filter("carts", countries=("DE",)), today=TODAY)
    asked: list[StatusCount] = status_counts(
        filled, Filter("carts", countries=("DE",), statuses=("lost",)), today=TODAY
    )
    assert free == asked


def test_sums_are_per_currency_and_never_mixed(filled: Store) -> None:
    page = _page(filled, Filter("carts", with_items=False), DEFAULT_SORT["carts"])
    assert {each.currency for each in page.sums} == {"EUR", "GBP"}
    assert all(each.amount > 0 for each in page.sums)


def test_a_record_knows_its_neighbours_in_the_filtered_list(filled: Store) -> None:
    for screen in ("carts", "orders"):
        for sort in (DEFAULT_SORT[screen], Sort("name", descending=False), Sort("region"), Sort("channel")):
            wanted = Filter(screen, countries=("DE", "AT"))
            keys = _everything(filled, wanted, sort)
            for place in (0, 1, len(keys) // 2, len(keys) - 1):
                found = neighbours(filled, wanted, sort, keys[place], today=TODAY)
                assert found.position == place + 1
                assert found.of == Count(len(keys))
                assert found.previous == (keys[place - 1] if place else None)
                assert found.next == (keys[place + 1] if place + 1 < len(keys) else None)


def test_a_record_that_left_the_list_still_leads_on(filled: Store) -> None:
    sort = DEFAULT_SORT["carts"]
    wanted = Filter("carts", statuses=("open",))
    keys = _everything(filled, wanted, sort)
    with filled.writing() as connection:
        connection.execute(update(cart).where(cart.c.id == keys[3]).values(status="purchased"))
        rebuild(connection)
    found = neighbours(filled, wanted, sort, keys[3], today=TODAY)
    assert found == Neighbours(None, Count(len(keys) - 1), keys[2], keys[4])


def test_neighbours_of_an_unknown_record_are_refused(filled: Store) -> None:
    with pytest.raises(NotFound, match="no such record"):
        neighbours(filled, Filter("carts"), Sort("updated"), record_key(1, 99_999), today=TODAY)


def test_a_page_says_how_old_it_is_and_which_channels_are_still_being_imported(store: Store) -> None:
    rows = two_shops(store)
    rows.state(1, "carts", last_success_at=ago(minutes=9))
    rows.state(2, "carts", last_success_at=ago(minutes=2))
    rows.write()
    page = _page(store, Filter("carts"), DEFAULT_SORT["carts"])
    assert (page.as_of, page.importing) == (ago(minutes=9), ())
    assert _page(store, Filter("carts", channel_ids=(2,)), DEFAULT_SORT["carts"]).as_of == ago(minutes=2)
    english = Filter("carts", stores=(record_key(2, 1),))
    assert _page(store, english, DEFAULT_SORT["carts"]).as_of == ago(minutes=2)
    orders = _page(store, Filter("orders"), DEFAULT_SORT["orders"])
    assert (orders.as_of, orders.importing) == (None, ("Harbour", "Nordlicht"))


def test_an_empty_store_has_one_empty_page(store: Store) -> None:
    page = _page(store, Filter("orders"), DEFAULT_SORT["orders"])
    assert (page.rows, page.matching, page.total, page.page, page.pages) == ((), Count(0), 0, 1, 1)
    assert (page.as_of, page.importing, page.first_number, page.last_number) == (None, (), 0, 0)
    assert status_counts(store, Filter("orders"), today=TODAY) == []


def test_a_channel_holds_the_store_views_of_its_websites(store: Store) -> None:
    rows = Rows(store)
    rows.shop(1)
    rows.channel(1, "Main", website_ids="[1]")
    rows.channel(2, "Outlet", website_ids="[2]")
    rows.store_view(1, "German")
    rows.store_view(2, "Sale", website_id=2)
    here, there, lost = (rows.cart(number, store_id=number) for number in (1, 2, 3))
    rows.write()
    assert _everything(store, Filter("carts", channel_ids=(1,)), Sort("updated")) == [here]
    assert _everything(store, Filter("carts", channel_ids=(2,)), Sort("updated")) == [there]
    shown = {row.key: (row.channel, row.store_view) for row in _page(store, Filter("carts"), Sort("updated")).rows}
    assert shown == {here: ("Main", "German"), there: ("Outlet", "Sale"), lost: ("", "Store 3")}


def test_more_rows_than_are_counted_are_told_as_at_least_so_many(store: Store) -> None:
    rows = two_shops(store)
    rows.write()
    rows.cart(1)
    template = dict(rows.pending[0][1])
    with store.writing() as connection:
        some = [{**template, "id": record_key(1, n), "origin_id": n} for n in range(1, counts.LIMIT + 60)]
        connection.execute(cart.insert(), some)
        rebuild(connection)
    wanted = Filter("carts", countries=("DE",))
    page: Page[CartRow] = _page(store, wanted, Sort("updated"), 10**6)
    assert str(page.matching) == "10,000+"
    assert (page.page, page.pages, page.sums, len(page.rows)) == (200, 200, (), 50)
    assert _page(store, Filter("carts"), Sort("updated"), 10**6).page == 202
    [open_carts] = [each for each in status_counts(store, wanted, today=TODAY) if each.status == "open"]
    assert open_carts.count == Count(counts.LIMIT + 59)
    assert (
        neighbours(store, wanted, Sort("number", descending=False), record_key(1, counts.LIMIT + 50)).position is None
    )


def test_the_columns_of_a_grid_are_all_named_once() -> None:
    for columns in (CART_COLUMNS, ORDER_COLUMNS):
        assert len({column.key for column in columns}) == len({column.label for column in columns}) == len(columns)


@pytest.mark.parametrize("screen", ["carts", "orders"])
def test_a_sort_is_read_back_from_its_url_and_an_unknown_one_is_told(screen: Screen) -> None:
    for column in COLUMNS[screen]:
        for descending in (True, False):
            sort = Sort(column.key, descending)
            assert Sort.from_url(screen, sort.to_url()) == (sort, [])
    assert Sort.from_url(screen, {}) == (DEFAULT_SORT[screen], [])
    found, problems = Sort.from_url(screen, {"sort": "-password"})
    assert found == DEFAULT_SORT[screen]
    assert len(problems) == 1
