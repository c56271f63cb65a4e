"""The page of attempts: filters, outcomes counted, reasons counted by cart with what they came to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from crm_core.insight.attempts import (
    OUTCOMES,
    PAGE_ROWS,
    AttemptPage,
    ReasonCount,
    Wanted,
    answer_words,
    attempt_page,
    outcome_style,
    reason_words,
)
from crm_core.insight.counts import Sum
from crm_core.insight.directory import directory
from crm_core.insight.periods import Period
from crm_core.sales.preflight.check import Code
from crm_core.store.database import Store
from tests.insight.factories import TODAY, Rows, ago, two_shops

EUR = {"currency": "EUR", "channel_id": 1}
GBP = {"currency": "GBP", "channel_id": 2}


def _page(store: Store, wanted: Wanted | None = None, page: int = 1, zone: str = "UTC") -> AttemptPage:
    return attempt_page(store, wanted or Wanted(), page, names=directory(store), today=TODAY, zone=ZoneInfo(zone))


@pytest.fixture
def rows(store: Store) -> Rows:
    """Two carts of Nordlicht and one of Harbour: five attempts, oldest first."""
    rows = two_shops(store)
    first, second, british = rows.cart(11), rows.cart(12, firstname=None, lastname=None), rows.cart(13, shop_id=2)
    refused = {"state": "refused", "answer_status": 400, "message": "No quotes.", "reason": "shipping"}
    rows.attempt(first, claimed_at=ago(days=9), shown_grand_total=Decimal("100.00"), **refused, **EUR)
    rows.attempt(first, claimed_at=ago(days=2), shown_grand_total=Decimal("120.00"), **refused, **EUR)
    rows.attempt(second, claimed_at=ago(days=1), shown_grand_total=Decimal("30.50"), **refused, **EUR)
    rows.attempt(
        british,
        claimed_at=ago(hours=20),
        shown_grand_total=Decimal("7.00"),
        state="not_placed",
        reason="shipping",
        person="ben",
        **GBP,
    )
    rows.attempt(
        first,
        claimed_at=ago(hours=2),
        state="placed",
        holds=True,
        shown_grand_total=Decimal("120.00"),
        placed_grand_total=Decimal("121.00"),
        order_origin_id=82,
        order_increment_id="000000082",
        duration_ms=640,
        answer_status=200,
        **EUR,
    )
    rows.write()
    return rows


def test_attempts_come_newest_first_with_their_terms_and_what_became_of_them(rows: Rows) -> None:
    page = _page(rows.store)
    assert [each.cart_origin_id for each in page.rows] == [11, 13, 12, 11, 11]
    placed, british, nameless, *_ = page.rows
    assert (placed.outcome, placed.order_increment_id, placed.duration_ms) == ("placed", "000000082", 640)
    assert (placed.shown_grand_total, placed.placed_grand_total) == (Decimal("120.00"), Decimal("121.00"))
    assert (placed.name, placed.channel, placed.answer_status) == ("Anna Keller", "Nordlicht", 200)
    assert (british.outcome, british.person, british.currency, british.channel) == (
        "not_placed",
        "ben",
        "GBP",
        "Harbour",
    )
    assert (nameless.name, nameless.is_mirrored, nameless.message) == ("", True, "No quotes.")
    assert page.people == ("ben", "maja")


def test_reasons_count_each_cart_once_with_its_latest_total_and_never_mix_currencies(rows: Rows) -> None:
    assert _page(rows.store).reasons == (
        ReasonCount("shipping", 3, (Sum("EUR", Decimal("150.50")), Sum("GBP", Decimal("7.00")))),
    )
    week = _page(rows.store, Wanted(period=Period(first=date(2026, 11, 1), final=date(2026, 11, 15))))
    assert week.reasons == (ReasonCount("shipping", 1, (Sum("EUR", Decimal("100.00")),)),)


def test_outcomes_are_counted_whatever_outcome_is_asked_for(rows: Rows) -> None:
    page = _page(rows.store, Wanted(outcomes=("placed",)))
    assert page.outcomes == {"placed": 1, "refused": 3, "not_placed": 1, "open": 0}
    assert (page.matching, len(page.rows)) == (1, 1)


@pytest.mark.parametrize(
    ("wanted", "carts"),
    [
        (Wanted(person="ben"), [13]),
        (Wanted(channel=2), [13]),
        (Wanted(channel=3), []),
        (Wanted(reason="shipping", outcomes=("refused",)), [12, 11, 11]),
        (Wanted(reason="coupon"), []),
        (Wanted(period=Period(preset="today")), [11]),
        (Wanted(outcomes=("not_placed", "placed")), [11, 13]),
    ],
)
def test_a_filter_leaves_what_it_names(rows: Rows, wanted: Wanted, carts: list[int]) -> None:
    assert [each.cart_origin_id for each in _page(rows.store, wanted).rows] == carts


def test_a_day_is_a_day_of_the_reader(rows: Rows) -> None:
    yesterday = Wanted(period=Period(first=date(2026, 11, 20), final=date(2026, 11, 20)))
    # 20 hours before 14:30 UTC it was 18:30 on the 20th in London, and 05:30 on the 21st in Sydney.
    assert 13 in [each.cart_origin_id for each in _page(rows.store, yesterday, zone="Europe/London").rows]
    assert 13 not in [each.cart_origin_id for each in _page(rows.store, yesterday, zone="Australia/Sydney").rows]


def test_an_attempt_outlives_the_cart_in_the_mirror(store: Store) -> None:
    rows = two_shops(store)
    rows.attempt((1 << 40) + 99, channel_id=None, currency=None)
    rows.write()
    [row] = _page(store).rows
    assert (row.is_mirrored, row.name, row.channel, row.currency) == (False, "", "", "")


def test_pages_hold_fifty_and_one_too_far_is_the_last(store: Store) -> None:
    rows = two_shops(store)
    cart = rows.cart(11)
    for _ in range(PAGE_ROWS + 3):
        rows.attempt(cart, **EUR)
    rows.write()
    first, last = _page(store), _page(store, page=9)
    assert (first.page, first.pages, len(first.rows)) == (1, 2, PAGE_ROWS)
    assert (last.page, len(last.rows)) == (2, 3)
    assert last.rows[0].id < first.rows[-1].id


def test_nothing_tried_yet_is_a_page_of_nothing(store: Store) -> None:
    page = _page(store)
    assert (page.rows, page.matching, page.pages, page.reasons, page.people) == ((), 0, 1, (), ())


def test_a_filter_survives_its_address() -> None:
    wanted = Wanted(("refused", "open"), Period.parse("2026-11-01..2026-11-20"), "Maja Petersen", 2, "out_of_stock")
    assert Wanted.from_url(wanted.to_url()) == (wanted, [])
    assert Wanted().to_url() == {}


def test_an_address_edited_by_hand_is_told_and_the_rest_of_it_holds() -> None:
    wanted, problems = Wanted.from_url({"outcome": "placed,lost", "made": "soon", "channel": "x", "person": "Anna"})
    assert wanted == Wanted(outcomes=("placed",), person="Anna")
    assert len(problems) == 3
    assert "lost" in problems[0]
    assert "soon" in problems[1]


def test_every_check_has_words_and_every_outcome_a_look() -> None:
    assert [code for code in Code if reason_words(code) == code] == []
    assert len({outcome_style(each).sign for each in OUTCOMES}) == len(OUTCOMES)


def test_a_link_edited_by_hand_names_nobody(rows: Rows) -> None:
    for params in ({"person": "Ann\0a"}, {"reason": "\0shipping."}):
        wanted, problems = Wanted.from_url(params)
        assert (_page(rows.store, wanted).matching, problems) == (0, [])
    assert Wanted.from_url({"person": "\0"}) == (Wanted(), [])


@pytest.mark.parametrize(
    ("outcome", "status", "words"),
    [
        ("placed", 200, ""),
        ("placed", None, "No clear answer came, and the order was found in the shop"),
        ("refused", 404, "The shop refused it"),
        ("refused", 500, "The shop failed over it"),
        ("not_placed", None, ""),
        ("open", None, ""),
    ],
)
def test_an_answer_is_told_by_what_it_meant(outcome: str, status: int | None, words: str) -> None:
    assert answer_words(outcome, status) == words
