"""Search criteria as they go over the wire. Numbers are those of the contract tests for Magento clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.errors import BadInput
from crm_core.magento.search import CONDITIONS, MOST_IDS, Filter, Search, encode, id_chunks, utc_text

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)


def wire(search: Search) -> dict[str, str]:
    return dict(search.parameters())


def filters(search: Search) -> dict[str, str]:
    prefix = "searchCriteria[filter_groups]"
    return {name.removeprefix(prefix): text for name, text in search.parameters() if name.startswith(prefix)}


def test_01_filters_of_a_group_are_or_and_groups_are_and() -> None:
    search = (
        Search().where_any(Filter("status", "eq", "pending"), Filter("state", "eq", "new")).where("store_id", "eq", 1)
    )
    assert filters(search) == {
        "[0][filters][0][field]": "status",
        "[0][filters][0][value]": "pending",
        "[0][filters][0][condition_type]": "eq",
        "[0][filters][1][field]": "state",
        "[0][filters][1][value]": "new",
        "[0][filters][1][condition_type]": "eq",
        "[1][filters][0][field]": "store_id",
        "[1][filters][0][value]": "1",
        "[1][filters][0][condition_type]": "eq",
    }


def test_01_the_cursor_goes_into_a_group_of_its_own_and_replaces_the_order() -> None:
    search = (
        Search(current_page=7).where_any(Filter("status", "eq", "a"), Filter("status", "eq", "b")).ordered("updated_at")
    )
    asked = wire(search.after(41))
    assert asked["searchCriteria[filter_groups][1][filters][0][field]"] == "entity_id"
    assert asked["searchCriteria[filter_groups][1][filters][0][condition_type]"] == "gt"
    assert asked["searchCriteria[filter_groups][1][filters][0][value]"] == "41"
    assert asked["searchCriteria[sortOrders][0][field]"] == "entity_id"
    assert asked["searchCriteria[sortOrders][0][direction]"] == "ASC"
    assert "searchCriteria[sortOrders][1][field]" not in asked
    assert asked["searchCriteria[currentPage]"] == "1"


def test_the_cursor_is_not_sent_with_the_first_page() -> None:
    assert filters(Search().after(0)) == {}


@pytest.mark.parametrize("condition", ["moreq", "gte", "lte", "ge", "EQ", "", "eq "])
def test_02_a_condition_that_magento_would_take_for_eq_is_refused(condition: str) -> None:
    with pytest.raises(BadInput, match="eq"):
        Search().where("updated_at", condition, "2026-01-01 00:00:00")


@pytest.mark.parametrize("condition", sorted(CONDITIONS))
def test_02_every_known_condition_is_sent_as_it_is(condition: str) -> None:
    value = [1, 2] if condition in ("in", "nin") else 1
    assert filters(Search().where("entity_id", condition, value))["[0][filters][0][condition_type]"] == condition


def test_03_booleans_are_sent_as_one_and_zero() -> None:
    assert filters(Search().where("is_active", "eq", True))["[0][filters][0][value]"] == "1"
    assert filters(Search().where("is_active", "in", [True, False]))["[0][filters][0][value]"] == "1,0"


def test_04_a_space_is_percent_20_and_brackets_are_encoded() -> None:
    query = encode(Search().where("updated_at", "gteq", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)).parameters())
    assert "2026-01-02%2003%3A04%3A05" in query
    assert "searchCriteria%5Bfilter_groups%5D%5B0%5D" in query
    assert not set("+[] ") & set(query)


@given(st.lists(st.tuples(NAMES, st.text(max_size=30)), max_size=8))
def test_04_the_query_means_what_was_asked(pairs: list[tuple[str, str]]) -> None:
    encodable = [(name, text.encode("utf-8", "ignore").decode()) for name, text in pairs]
    query = encode(encodable)
    assert "+" not in query
    assert parse_qsl(query, keep_blank_values=True, strict_parsing=bool(encodable)) == encodable


def test_05_a_search_without_filters_still_sends_criteria() -> None:
    assert encode(Search().parameters()).startswith("searchCriteria%5BpageSize%5D=100&")


def test_an_eleventh_group_is_refused_because_oauth_signatures_break() -> None:
    search = Search()
    for number in range(10):
        search = search.where("entity_id", "gt", number)
    with pytest.raises(BadInput, match="10"):
        search.where("entity_id", "gt", 10)


def test_times_are_sent_in_utc_to_the_second() -> None:
    amsterdam = timezone(timedelta(hours=2))
    assert utc_text(datetime(2026, 7, 1, 0, 30, 15, 999_999, tzinfo=amsterdam)) == "2026-06-30 22:30:15"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="time zone"):
        Search().where("updated_at", "gteq", datetime(2026, 7, 1))  # noqa: DTZ001


@pytest.mark.parametrize("value", [None, 1.5, Decimal("NaN"), b"x"])
def test_a_value_of_no_clear_text_is_refused(value: object) -> None:
    with pytest.raises(BadInput, match="compared"):
        Search().where("grand_total", "eq", value)  # type: ignore[arg-type]


def test_amounts_are_sent_without_an_exponent() -> None:
    assert filters(Search().where("grand_total", "gteq", Decimal("1E+3")))["[0][filters][0][value]"] == "1000"


@pytest.mark.parametrize("field", ["id' OR 1=1", "Status", "a b", "", "1st"])
def test_a_field_of_strange_letters_is_refused(field: str) -> None:
    with pytest.raises(BadInput):
        Search().where(field, "eq", 1)
    with pytest.raises(BadInput):
        Search().ordered(field)


@pytest.mark.parametrize("value", [[], "1,2", ["a,b"], 5])
def test_a_list_that_magento_would_misread_is_refused(value: object) -> None:
    with pytest.raises(BadInput):
        Search().where("entity_id", "in", value)  # type: ignore[arg-type]


@pytest.mark.parametrize("fields", ["items[id", "items]id[", "items[id] ", "items[id];total_count"])
def test_a_projection_that_magento_would_answer_with_nothing_is_refused(fields: str) -> None:
    with pytest.raises(BadInput, match="projection"):
        Search().only(fields)


@pytest.mark.parametrize("size", [0, -1])
def test_a_page_holds_at_least_one_record_and_pages_count_from_one(size: int) -> None:
    with pytest.raises(BadInput):
        Search(page_size=size)
    with pytest.raises(BadInput):
        Search().page(size)


@given(st.lists(st.integers(min_value=1, max_value=10**9), max_size=900))
def test_chunks_hold_every_id_once_in_order(ids: list[int]) -> None:
    chunks = list(id_chunks(ids))
    assert [number for chunk in chunks for number in chunk] == sorted(set(ids))
    assert all(0 < len(chunk) <= MOST_IDS for chunk in chunks)
    assert all(len(encode(Search().where("entity_id", "in", chunk).parameters())) < 6_000 for chunk in chunks)
