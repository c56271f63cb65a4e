"""The faces of a filter: URL, keyboard and words; round trips, and anything a person may type or edit by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_core.insight.directory import ChannelName, CustomerGroup, Directory, StoreView, Website
from crm_core.insight.filter_words import known_words
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.periods import Period
from crm_core.insight.saved_filters import open_filter, save_filter
from crm_core.insight.terms import Term, read_terms, write_terms
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.tables import CART_STATUSES
from tests.insight.test_periods import periods

_amounts = st.one_of(st.none(), st.integers(-(10**10), 10**15).map(lambda units: Decimal(units).scaleb(-4)))
_texts = st.text(max_size=40)
_codes = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)


_keys_of_records = st.lists(
    st.tuples(st.integers(1, 999_999), st.integers(0, 10**9 - 1)).map(lambda pair: record_key(*pair)), max_size=3
).map(tuple)


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    """Any filter there can be."""
    screen: Screen = draw(st.sampled_from(("carts", "orders", "customers")))
    shared: dict[str, Any] = {
        "channel_ids": tuple(draw(st.lists(st.integers(1, 10**9 - 1), max_size=3))),
        "updated": draw(st.none() | periods),
        "created": draw(st.none() | periods),
        "countries": tuple(draw(st.lists(_codes, max_size=3))),
        "text": draw(_texts),
        "email": draw(_texts),
        "gone": draw(st.booleans()) if screen != "carts" else False,
    }
    if screen == "customers":
        return Filter(
            screen,
            **shared,
            websites=draw(_keys_of_records),
            groups=draw(_keys_of_records),
            is_subscribed=draw(st.sampled_from((None, True, False))),
        )
    status = st.sampled_from(CART_STATUSES) if screen == "carts" else st.from_regex(r"[a-z0-9_]{1,32}", fullmatch=True)
    amounts = draw(st.tuples(_amounts, _amounts))
    if None not in amounts:
        amounts = (min(amounts), max(amounts))  # type: ignore[type-var]
    return Filter(
        screen,
        **shared,
        statuses=tuple(draw(st.lists(status, max_size=3))),
        stores=draw(_keys_of_records),
        amount_from=amounts[0],
        amount_to=amounts[1],
        currency=draw(st.just("") | _codes.map(lambda code: code + "X")),
        sku=draw(_texts),
        with_items=draw(st.booleans()) if screen == "carts" else True,
        is_guest=draw(st.sampled_from((None, True, False))),
    )


@given(filters())
def test_every_personal_condition_is_read_back_from_its_text(wanted: Filter) -> None:
    found = Filter.from_text(wanted.screen, wanted.personal_text)
    assert found == (Filter(wanted.screen, text=wanted.text, email=wanted.email), [])


@given(filters())
def test_every_filter_without_a_person_is_read_back_from_its_url(wanted: Filter) -> None:
    wanted = replace(wanted, text="", email="")
    assert Filter.from_url(wanted.screen, wanted.to_url()) == (wanted, [])


@given(filters())
def test_no_url_names_a_person(wanted: Filter) -> None:
    named = replace(wanted, text="Ärgernis-Müller", email="anna@example.com", saved="abcdefgh1234")
    url = named.to_url()
    assert url["f"] == "abcdefgh1234"
    assert not any("Müller" in value or "anna@" in value for value in url.values())


def test_a_filter_with_a_person_is_read_back_from_its_url_and_the_store(store: Store) -> None:
    for text, email in (("anna keller", ""), ("", "x@y.z"), ('he said "50 %" \\ o_O 🙂 مرحبا', "a b@c")):
        wanted = Filter("carts", statuses=("open",), text=text, email=email)
        wanted = wanted.changed(saved=save_filter(store, wanted, "maja"))
        found, problems = open_filter(store, "carts", wanted.to_url())
        assert (found, problems) == (wanted, [])
        assert found.saved == wanted.saved


def test_the_same_conditions_of_a_person_keep_their_id(store: Store) -> None:
    first = save_filter(store, Filter("carts", text="anna"), "maja")
    assert save_filter(store, Filter("carts", text="anna", statuses=("open",)), "maja") == first
    assert save_filter(store, Filter("carts", text="anna"), "tom") != first
    assert save_filter(store, Filter("orders", text="anna"), "maja") != first


def test_a_saved_filter_of_another_screen_or_of_nobody_is_left_out_with_a_sentence(store: Store) -> None:
    id = save_filter(store, Filter("carts", text="anna"), "maja")
    for screen, params in (("orders", {"f": id}), ("carts", {"f": "nosuchid1"}), ("carts", {"f": "'; DROP TABLE x--"})):
        found, problems = open_filter(store, screen, {**params, "country": "DE"})  # type: ignore[arg-type]
        assert found == Filter(screen, countries=("DE",))  # type: ignore[arg-type]
        assert len(problems) == 1


def test_changing_the_person_forgets_the_saved_id_and_changing_anything_else_keeps_it() -> None:
    wanted = Filter("carts", text="anna", saved="abcdefgh1234")
    assert wanted.changed(countries=("DE",)).saved == "abcdefgh1234"
    assert wanted.changed(text="tom").saved == ""
    assert "f" not in wanted.changed(text="").to_url()


def test_an_order_status_is_the_shops_own_code_in_the_address_and_words_on_the_keyboard() -> None:
    wanted = Filter("orders", statuses=("Shipped_Partly", "**odd** <b>"))
    assert Filter.from_url("orders", wanted.to_url()) == (wanted, [])
    assert Filter.from_text("orders", 'status:"On Hold, Complete"')[0].statuses == ("complete", "on_hold")
    assert Filter.from_url("orders", {"status": "x" * 33})[0] == Filter("orders")


def test_a_store_view_is_shown_with_its_channel_where_another_has_its_name() -> None:
    channels = tuple(ChannelName(at, at, f"Shop {at}", None, False, None, False) for at in (1, 2))
    places = [(1, 1, "English"), (2, 1, "English"), (1, 2, "Deutsch")]
    views = tuple(
        StoreView(record_key(shop, at), shop, at, "x", name, 1, "Main", "EUR", "UTC") for shop, at, name in places
    )
    names = Directory(channels, views)
    labels = [Filter("carts", stores=(each.key,)).conditions(names)[0].label for each in views]
    assert labels == ["English · Shop 1", "English · Shop 2", "Deutsch"]
    assert [each.label for each in Filter("carts", channel_ids=(99,)).conditions(names)] == ["Channel 99"]


_BROKEN: list[tuple[str, str]] = [
    ("status", "opened"),
    ("status", ",,"),
    ("channel", "x"),
    ("channel", "0"),
    ("channel", "99999999999999999999"),
    ("store", "1"),
    ("store", "0.1"),
    ("store", "1.-1"),
    ("updated", "31d"),
    ("created", "2026-02-30"),
    ("created", "2026-02-02..2026-02-01"),
    ("total", ""),
    ("total", ".."),
    ("total", "NaN"),
    ("total", "1e9"),
    ("total", "Infinity.."),
    ("total", "0.00001"),
    ("total", "9..1"),
    ("total", "9" * 40),
    ("currency", "EURO"),
    ("country", "Germany"),
    ("items", "none"),
    ("customer", "maybe"),
    ("deleted", "yes"),
    ("sku", " \x00 "),
    ("f", "x"),
]


@pytest.mark.parametrize(("key", "value"), _BROKEN)
def test_a_url_edited_by_hand_gives_a_sentence_and_the_rest_works(key: str, value: str) -> None:
    params = {"country": "FR", "sort": "-updated", "page": "two", key: value}
    found, problems = Filter.from_url("carts", params)
    assert found == Filter("carts", countries=() if key == "country" else ("FR",))
    assert len(problems) == 1
    assert problems[0].endswith(".")


@given(
    st.sampled_from(("carts", "orders")),
    st.dictionaries(
        st.sampled_from(
            [
                "status",
                "channel",
                "store",
                "updated",
                "created",
                "total",
                "currency",
                "country",
                "sku",
                "items",
                "customer",
                "deleted",
                "f",
                "x",
            ]
        ),
        st.text(),
    ),
)
def test_any_url_gives_a_filter(screen: Screen, params: dict[str, str]) -> None:
    found, _ = Filter.from_url(screen, params)
    assert Filter.from_url(screen, found.to_url())[0] == found


@given(st.sampled_from(("carts", "orders")), st.text())
def test_any_text_gives_a_filter(screen: Screen, text: str) -> None:
    found, _ = Filter.from_text(screen, text)
    assert Filter.from_url(screen, found.to_url()) == (replace(found, text="", email=""), [])


def test_the_text_of_the_manual_is_understood() -> None:
    text = "total>500 country:DE status:open sku:ABC email:x@y.z updated:30d anna"
    assert Filter.from_text("carts", text) == (
        Filter(
            "carts",
            amount_from=Decimal(500),
            countries=("DE",),
            statuses=("open",),
            sku="ABC",
            email="x@y.z",
            updated=Period(preset="30d"),
            text="anna",
        ),
        [],
    )


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("total>=10 total<=20", {"amount_from": Decimal(10), "amount_to": Decimal(20)}),
        ("total:10..20", {"amount_from": Decimal(10), "amount_to": Decimal(20)}),
        ("TOTAL:10", {"amount_from": Decimal(10), "amount_to": Decimal(10)}),
        ("status:open,lost", {"statuses": ("lost", "open")}),
        ("status:open status:LOST", {"statuses": ("lost", "open")}),
        ("country:de country:fr", {"countries": ("DE", "FR")}),
        ("anna   keller", {"text": "anna keller"}),
        ('"status:open"', {"text": "status:open"}),
        ('"http://x" anna', {"text": "http://x anna"}),
        ("items:all", {"with_items": False}),
        ("customer:guest", {"is_guest": True}),
        ('sku:"A B"', {"sku": "A B"}),
        ('"open quote', {"text": "open quote"}),
        ("100%", {"text": "100%"}),
    ],
)
def test_typed_terms_are_understood(text: str, fields: dict[str, Any]) -> None:
    assert Filter.from_text("carts", text) == (Filter("carts", **fields), [])


@pytest.mark.parametrize("text", ["foo:bar", "status>open", "total>x", "country:Germany", "channel:Nobody", "status:"])
def test_a_term_that_is_not_understood_gives_a_sentence_and_the_rest_works(text: str) -> None:
    found, problems = Filter.from_text("carts", f"anna {text} keller")
    assert found == Filter("carts", text="anna keller")
    assert len(problems) == 1


def _names() -> Directory:
    def channel(id: int, name: str) -> ChannelName:
        return ChannelName(id, id, name, None, secret_keys_off=False, website_ids=None, is_demo=False)

    def view(shop_id: int, origin_id: int, code: str, name: str) -> StoreView:
        key = record_key(shop_id, origin_id)
        return StoreView(key, shop_id, origin_id, code, name, 1, "Main", "EUR", "UTC")

    return Directory(
        channels=(channel(1, "Nordlicht Outfitters"), channel(2, "A, B & C"), channel(3, "1")),
        stores=(view(1, 1, "german", "German"), view(1, 2, "default", "Main"), view(2, 1, "default", "Main")),
        websites=(Website(record_key(1, 1), 1, 1, "base", "Main"), Website(record_key(2, 4), 2, 4, "a, b", "A, B")),
        groups=(CustomerGroup(record_key(1, 2), 1, 2, "Wholesale"), CustomerGroup(record_key(1, 3), 1, 3, "1.2")),
    )


def test_channels_and_store_views_can_be_named() -> None:
    found, problems = Filter.from_text("orders", 'channel:"nordlicht outfitters" store:german', _names())
    assert problems == []
    assert (found.channel_ids, found.stores) == ((1,), (record_key(1, 1),))


def test_a_name_that_several_store_views_share_means_them_all() -> None:
    found, _ = Filter.from_text("orders", "store:default", _names())
    assert found.stores == (record_key(1, 2), record_key(2, 1))


def test_customers_are_asked_for_by_website_group_and_newsletter() -> None:
    found, problems = Filter.from_text("customers", "website:main group:wholesale newsletter:yes", _names())
    assert problems == []
    assert (found.websites, found.groups, found.is_subscribed) == ((record_key(1, 1),), (record_key(1, 2),), True)
    assert [each.label for each in found.conditions(_names())] == ["Main", "Group: Wholesale", "Gets the newsletter"]


@pytest.mark.parametrize(
    ("screen", "text"), [("customers", "total>50"), ("carts", "group:1.2"), ("orders", "items:all")]
)
def test_a_condition_of_another_screen_is_left_out_with_a_sentence(screen: Screen, text: str) -> None:
    found, [problem] = Filter.from_text(screen, text)
    assert found == Filter(screen)
    assert f"{screen} have none" in problem


@given(filters())
def test_each_condition_can_be_taken_away_until_none_is_left(wanted: Filter) -> None:
    names = _names()
    while conditions := wanted.conditions(names):
        assert all(condition.label for condition in conditions)
        left = [each.key for each in conditions[0].without.conditions(names)]
        assert left == [each.key for each in conditions[1:]]
        wanted = conditions[0].without
    assert wanted == Filter(wanted.screen)


def test_conditions_are_told_in_words() -> None:
    wanted, _ = Filter.from_text(
        "carts", "status:open,lost channel:1 updated:30d total>=50 country:DE items:all customer:guest anna"
    )
    assert [condition.label for condition in wanted.conditions(_names())] == [
        "Lost, Open",
        "Nordlicht Outfitters",
        "Updated: 30 days",
        "Subtotal from 50",
        "Country: DE",
        "Guests",
        "Empty carts too",
        "“anna”",
    ]


def test_a_text_is_cut_and_freed_of_what_no_database_takes() -> None:
    assert Filter("carts", text=f"a\x00b\ud800  \n c{'x' * 1000}").text == "ab c" + "x" * 196


_SCREENS: tuple[Screen, ...] = ("carts", "orders", "customers")
_WORDS = {word for screen in _SCREENS for word in known_words(screen)}


def test_the_manual_names_every_condition_and_all_its_examples_work() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "filters.md").read_text()
    examples = [code for code in re.findall(r"`([^`]+)`", manual) if code not in _WORDS]
    names = _names()
    for code in examples:
        found = [Filter.from_text(screen, code, names) for screen in _SCREENS]
        assert any(not problems and chosen != Filter(chosen.screen) for chosen, problems in found), code
    assert {term.key for example in examples for term in read_terms(example)} - {""} == _WORDS


_keys = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)


@example([("total", ">", "=5")])
@given(st.lists(st.tuples(_keys | st.just(""), st.sampled_from([":", ">=", "<=", ">", "<"]), st.text(max_size=20))))
def test_terms_are_read_back_as_they_were_written(parts: list[tuple[str, str, str]]) -> None:
    terms = [Term(key, operator if key else "", value) for key, operator, value in parts if key or value]
    assert read_terms(write_terms(terms)) == terms
