"""Starting a cart for a customer or a guest, against the demo store over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from crm_core.errors import (
    BadInput,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    ShopUnavailable,
    SignInFailed,
)
from crm_core.insight.cart_record import cart_record
from crm_core.magento.catalogue import Catalogue
from crm_core.magento.shop import Entity
from crm_core.sales.cart_addresses import AddressKind
from crm_core.sales.cart_fixes import AddLine, mend
from crm_core.sales.new_carts import (
    Guest,
    Started,
    account_of,
    countries_for,
    open_carts_of,
    start_for_customer,
    start_for_guest,
    starting_points,
    why_not_started,
)
from crm_core.sales.outcomes import Placed
from crm_core.store import tables
from crm_core.store.keys import origin_of, record_key
from crm_core.store.rollups import recount
from crm_core.store.search_keys import KEY_LENGTH
from crm_core.sync.channels import open_shop
from crm_core.sync.pages import write_records
from crm_core.sync.reading import read_one
from crm_core.sync.transaction import writing
from demo_store.service import Request, Response
from tests.sales.actions.cart_changes import entered, mended
from tests.sales.desk import Desk, answered, before, dropped_after_the_work, dropped_before_the_work

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For what the shop answers: that is the same to every database."""

NEW_FOR_CUSTOMER = r"POST .*/customers/\d+/carts$"
NEW_FOR_GUEST = r"POST .*/V1/carts$"
BILLING = r"POST .*/billing-address$"
ADA = Guest("ada@example.test", "NL", "Ada", "Vos")
DEFAULT, DUTCH, AMERICAN = 1, 2, 3


def _customer(desk: Desk, email: str = "anna@example.test", store_id: int = DEFAULT) -> int:
    """The key of a customer of the shop whom the desk has read."""
    customer_id = desk.shop.add_customer(email, store_id=store_id)
    opened = open_shop(desk.store, desk.channel)
    found = read_one(opened, Entity.CUSTOMERS, customer_id)
    with writing(desk.store, desk.channel.shop_id, opened.magento.connection.shop_now()) as transaction:
        write_records(transaction, Entity.CUSTOMERS, found.records)
    return record_key(desk.channel.shop_id, customer_id)


def _view(desk: Desk, store_id: int) -> int:
    return record_key(desk.channel.shop_id, store_id)


def _start(desk: Desk, customer_key: int, store_id: int = DUTCH, person: str = "Anna") -> Started:
    return start_for_customer(desk.store, customer_key, _view(desk, store_id), person)


def _options(desk: Desk, sku: str, words: dict[str, str]) -> dict[int, int] | None:
    """What to choose of the product to get it in these words, by the labels of its attributes."""
    if not words:
        return None
    catalogue = Catalogue(open_shop(desk.store, desk.channel).magento.connection)
    found = catalogue.choices(catalogue.products([sku], "nl")[sku], "nl")
    return {
        choice.attribute_id: next(number for number, word in choice.values.items() if word == words[choice.label])
        for choice in found.choices
    }


def _events(desk: Desk, entity: str, key: int) -> list[tuple[str, str | None, str]]:
    event = tables.record_event
    with desk.store.reading() as connection:
        rows = connection.execute(
            select(event.c.kind, event.c.person, event.c.text)
            .where(event.c.entity == entity, event.c.record_id == key)
            .order_by(event.c.id)
        ).all()
    return [(row.kind, row.person, row.text) for row in rows]


def _carts(desk: Desk) -> list[int]:
    """The ids of all carts in the shop."""
    return list(desk.shop.records.state.ids("cart"))


def _mirrored(desk: Desk) -> int:
    with desk.store.reading() as connection:
        return len(connection.execute(select(tables.cart.c.id)).all())


# ---- for a customer -------------------------------------------------------------------------------------------------


def test_a_customer_gets_an_empty_cart_in_the_store_view_that_was_chosen(desk: Desk) -> None:
    key = _customer(desk)
    started = _start(desk, key)
    cart = cart_record(desk.store, started.cart_key)
    assert started.notes == []
    assert (cart.status, cart.email, cart.items_qty, cart.is_guest) == ("open", "anna@example.test", Decimal(0), False)
    assert cart.store_view is not None
    assert cart.store_view.code == "nl"
    assert cart.customer.key == key
    assert desk.shop.cart(cart.origin_id)["store_id"] == DUTCH
    assert desk.front.count(NEW_FOR_CUSTOMER) == 1
    assert _events(desk, "cart", cart.key) == [("started", "Anna", "Started for Anna de Vries")]
    assert _events(desk, "customer", key) == [("started", "Anna", f"Cart {cart.origin_id} started in Nederlands")]
    with desk.store.writing() as connection:
        assert recount(connection) == []


def test_an_open_cart_is_shown_with_its_lines_and_never_touched(desk: Desk) -> None:
    key = _customer(desk)
    cart_id = desk.shop.add_cart([("MUG-01", 2)], customer_id=origin_of(key)[1], store_id=DEFAULT)
    before_ = dict(desk.shop.cart(cart_id))
    with pytest.raises(NotAllowed, match=rf"Anna de Vries has an open cart there already: cart {cart_id}\. Use that"):
        _start(desk, key)
    assert desk.front.count(NEW_FOR_CUSTOMER) == 0
    assert desk.shop.cart(cart_id) == before_
    assert _events(desk, "customer", key) == []
    (found,) = open_carts_of(desk.store, key)
    assert found.origin_id == cart_id
    assert [(line.sku, line.qty) for line in found.present] == [("MUG-01", Decimal(2))]
    assert found.base_subtotal == Decimal(20)
    assert desk.shop.cart(cart_id) == before_


def test_a_cart_of_yesterday_is_no_open_one(desk: Desk) -> None:
    key = _customer(desk)
    desk.shop.place(desk.shop.add_cart([("MUG-01", 1)], customer_id=origin_of(key)[1]))
    assert open_carts_of(desk.store, key) == []
    assert _start(desk, key).notes == []


def test_two_people_at_once_start_one_cart(desk: Desk) -> None:
    key = _customer(desk)

    def started(person: str) -> int | None:
        try:
            return _start(desk, key, person=person).cart_key
        except NotAllowed:
            return None

    with ThreadPoolExecutor(4) as people:
        keys = {each for each in people.map(started, ("Anna", "Ben", "Cas", "Dia")) if each is not None}
    assert len(keys) == 1
    assert len(_carts(desk)) == 1


def test_an_answer_that_is_lost_is_looked_for_and_not_asked_for_again(desk: Desk) -> None:
    key = _customer(desk)
    desk.front.on(NEW_FOR_CUSTOMER, dropped_after_the_work)
    started = _start(desk, key)
    assert desk.front.count(NEW_FOR_CUSTOMER) == 1
    assert [record_key(desk.channel.shop_id, each) for each in _carts(desk)] == [started.cart_key]
    assert _events(desk, "customer", key)[0][0] == "started"


@on_sqlite
@pytest.mark.parametrize(
    "answer", [dropped_before_the_work, answered(503, b"{}"), answered(200, b"<html>", "text/html")]
)
def test_no_clear_answer_and_no_cart_is_said_so(desk: Desk, answer: Callable[..., Response]) -> None:
    key = _customer(desk)
    desk.front.on(NEW_FOR_CUSTOMER, answer)
    with pytest.raises(OutcomeUnknown, match="shows no new cart of the customer so far"):
        _start(desk, key)
    assert desk.front.count(NEW_FOR_CUSTOMER) == 1
    assert _carts(desk) == []
    assert [(kind, person) for kind, person, _ in _events(desk, "customer", key)] == [("unclear", "Anna")]
    desk.front.calm()
    assert _start(desk, key).notes == []


@on_sqlite
def test_a_cart_that_the_customer_begins_meanwhile_is_not_taken_for_an_empty_one(desk: Desk) -> None:
    key = _customer(desk)
    desk.front.on(
        NEW_FOR_CUSTOMER,
        before(lambda: desk.shop.add_cart([("BOOK 01", 1)], customer_id=origin_of(key)[1], store_id=DUTCH)),
    )
    started = _start(desk, key)
    assert len(_carts(desk)) == 1
    assert started.notes == ["Anna de Vries has begun to fill this cart in the shop meanwhile. Look at what is in it."]


@on_sqlite
def test_a_shop_that_keeps_one_cart_over_all_websites_hands_out_a_cart_that_is_told(desk: Desk) -> None:
    key = _customer(desk)
    elsewhere = desk.shop.add_cart([("MUG-01", 1)], customer_id=origin_of(key)[1], store_id=AMERICAN)
    desk.front.on(NEW_FOR_CUSTOMER, answered(200, str(elsewhere).encode()))
    with pytest.raises(NotAllowed, match=f"handed out cart {elsewhere}, which Anna de Vries has in another website"):
        _start(desk, key)
    assert [each.origin_id for each in open_carts_of(desk.store, key)] == [elsewhere]


@on_sqlite
def test_a_cart_that_cannot_be_read_at_once_is_named_and_not_started_again(desk: Desk) -> None:
    key = _customer(desk)
    asked: list[str] = []

    def second_search_fails(request: Request, work: Callable[[], Response]) -> Response:
        asked.append(request.target)
        return work() if len(asked) == 1 else answered(400, b'{"message":"Not now."}')(request, work)

    desk.front.on(r"GET .*/carts/search$", second_search_fails)
    with pytest.raises(ShopUnavailable, match=r"Cart \d+ was started in the shop, but could not be read: Not now"):
        _start(desk, key)
    assert _mirrored(desk) == 0
    (cart_id,) = _carts(desk)
    assert _events(desk, "customer", key) == [("started", "Anna", f"Cart {cart_id} started in Nederlands")]
    assert _events(desk, "cart", desk.key(cart_id))[0][1] == "Anna"
    desk.front.calm()
    assert [each.origin_id for each in open_carts_of(desk.store, key)] == [cart_id]


def test_a_cart_can_only_be_in_the_customers_own_website(desk: Desk) -> None:
    american = _customer(desk, "amy@example.test", AMERICAN)
    assert [each.name for each in starting_points(desk.store, american)] == ["US English"]
    assert [each.name for each in starting_points(desk.store, _customer(desk))] == ["English", "Deutsch", "Nederlands"]
    with pytest.raises(BadInput, match="Choose the store view"):
        _start(desk, american, DUTCH)
    assert _carts(desk) == []


def test_why_no_cart_can_be_started_is_said_beforehand_and_holds(desk: Desk) -> None:
    key = _customer(desk)
    assert why_not_started(desk.store, key) is None

    def refused(reason: str) -> None:
        assert re.search(reason, why_not_started(desk.store, key) or "")
        with pytest.raises(NotAllowed, match=reason):
            _start(desk, key)

    with desk.store.writing() as connection:
        connection.execute(update(tables.channel).values(allow_writes=False))
    refused("read-only. Choose “Allow placing orders” under Channels to start carts")
    with desk.store.writing() as connection:
        connection.execute(update(tables.channel).values(allow_writes=True, website_ids="[2]"))
    refused("No channel reads this customer's store view")
    assert [each.name for each in starting_points(desk.store)] == ["US English"]
    with desk.store.writing() as connection:
        connection.execute(update(tables.channel).values(website_ids=None))
        connection.execute(update(tables.customer).values(gone_at=tables.customer.c.created_at))
    refused("no longer has this customer")
    with desk.store.writing() as connection:
        connection.execute(update(tables.store_view).values(is_active=False))
    assert "No store view to sell in" in (why_not_started(desk.store) or "")
    with pytest.raises(NotFound):
        why_not_started(desk.store, key + 1)
    assert _carts(desk) == []


@on_sqlite
def test_somebody_must_be_signed_in(desk: Desk) -> None:
    key = _customer(desk)
    with pytest.raises(NotAllowed, match="Sign in first"):
        _start(desk, key, person=" ")
    with pytest.raises(NotAllowed, match="Sign in first"):
        start_for_guest(desk.store, ADA, _view(desk, DUTCH), "")


@on_sqlite
def test_a_missing_permission_is_named_and_nothing_stays_open(desk: Desk) -> None:
    key = _customer(desk)
    body = b"""{"message":"The consumer isn't authorized to access %resources.",
        "parameters":{"resources":"Magento_Cart::manage"}}"""
    desk.front.on(NEW_FOR_CUSTOMER, answered(401, body))
    with pytest.raises(PermissionMissing) as caught:
        _start(desk, key)
    assert caught.value.resource == "Magento_Cart::manage"
    assert [(kind, person) for kind, person, _ in _events(desk, "customer", key)] == [("refused", "Anna")]
    desk.front.calm()
    assert _start(desk, key).notes == []


# ---- for a guest ----------------------------------------------------------------------------------------------------


def _start_guest(desk: Desk, guest: Guest = ADA, store_id: int = DUTCH) -> Started:
    return start_for_guest(desk.store, guest, _view(desk, store_id), "Anna")


def test_a_guests_cart_keeps_the_e_mail_address_in_the_shop_itself(desk: Desk) -> None:
    started = _start_guest(desk)
    cart = cart_record(desk.store, started.cart_key)
    assert started.notes == []
    assert (cart.email, cart.name, cart.is_guest, cart.status) == ("ada@example.test", "Ada Vos", True, "open")
    in_shop = desk.shop.cart(cart.origin_id)
    assert (in_shop["store_id"], in_shop["billing"]["email"], in_shop["billing"]["country_id"]) == (
        DUTCH,
        ADA.email,
        "NL",
    )
    assert _events(desk, "cart", cart.key) == [("started", "Anna", "Started for ada@example.test")]
    with desk.store.writing() as connection:
        assert recount(connection) == []


@on_sqlite
@pytest.mark.parametrize(
    ("sku", "words", "which"),
    [
        ("BOOK 01", {}, AddressKind.BOTH),
        ("COURSE-01", {}, AddressKind.BILLING),
        ("SWEATER", {"Colour": "Navy", "Size": "M"}, AddressKind.BOTH),
    ],
)
def test_a_guests_cart_is_filled_addressed_and_ordered(
    desk: Desk, sku: str, words: dict[str, str], which: AddressKind
) -> None:
    key = _start_guest(desk).cart_key
    mend(desk.store, key, AddLine(sku, Decimal(2), _options(desk, sku, words)), "Anna")
    # The e-mail address is not entered again: the address takes it over.
    cart_id = origin_of(key)[1]
    mended(desk, cart_id, entered(desk, cart_id, which))
    offer = desk.offer(cart_id)
    assert offer.is_virtual == (sku == "COURSE-01")
    outcome = desk.place(cart_id, offer.choose(None if offer.is_virtual else "flatrate_flatrate", "checkmo", None))
    assert isinstance(outcome, Placed)
    (order,) = desk.shop.orders_of(cart_id)
    placed = desk.shop.order(order)
    assert (placed["customer_email"], placed["store_id"]) == ("ada@example.test", DUTCH)
    assert placed["items"][0]["sku"] == "-".join((sku, *words.values()))
    assert placed["total_qty_ordered"] == 2


@on_sqlite
@pytest.mark.parametrize(
    ("guest", "words"),
    [
        (replace(ADA, email="ada"), "“ada” is not an e-mail address"),
        (replace(ADA, email="  "), "Enter the guest's e-mail address"),
        (replace(ADA, country_id="US"), "one that the store view sells to"),
    ],
)
def test_what_the_shop_would_not_take_is_said_before_anything_is_sent(desk: Desk, guest: Guest, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        _start_guest(desk, guest)
    assert _carts(desk) == []
    assert "NL" in {each.id for each in countries_for(desk.store, _view(desk, DUTCH))}
    assert {each.id for each in countries_for(desk.store, _view(desk, AMERICAN))} == {"CA", "US"}


@on_sqlite
def test_a_lost_answer_leaves_an_empty_cart_at_worst_and_says_so(desk: Desk) -> None:
    desk.front.on(NEW_FOR_GUEST, dropped_after_the_work)
    with pytest.raises(OutcomeUnknown, match="At worst an empty cart of nobody was left"):
        _start_guest(desk)
    assert desk.front.count(NEW_FOR_GUEST) == 1
    (left,) = _carts(desk)
    assert desk.shop.cart(left)["lines"] == []
    desk.front.on(NEW_FOR_GUEST, answered(429, b'{"message":"Too Many Requests"}'))
    with pytest.raises(ShopUnavailable, match="Nothing was done"):
        _start_guest(desk)


@on_sqlite
def test_an_address_whose_answer_is_lost_was_saved_all_the_same(desk: Desk) -> None:
    desk.front.on(BILLING, dropped_after_the_work)
    started = _start_guest(desk)
    assert started.notes == []
    assert cart_record(desk.store, started.cart_key).email == ADA.email


@on_sqlite
@pytest.mark.parametrize(
    ("answer", "note", "kind"),
    [
        (dropped_before_the_work, "as far as is known. Enter it with the billing address", "unclear"),
        (answered(400, b'{"message":"No."}'), "No.* Enter it with the billing address", "started"),
    ],
)
def test_an_address_that_is_not_saved_is_told_and_the_cart_is_there(
    desk: Desk, answer: Callable[..., Response], note: str, kind: str
) -> None:
    desk.front.on(BILLING, answer)
    started = _start_guest(desk)
    assert re.search(note, started.notes[0])
    cart = cart_record(desk.store, started.cart_key)
    assert (cart.status, cart.email) == ("open", None)
    assert [(each[0], each[1]) for each in _events(desk, "cart", cart.key)] == [(kind, "Anna")]


def test_an_account_with_the_address_is_found_where_the_store_view_is(desk: Desk) -> None:
    key = _customer(desk)
    found = account_of(desk.store, _view(desk, DUTCH), " Anna@Example.test ")
    assert found == (key, "Anna de Vries")
    assert account_of(desk.store, _view(desk, AMERICAN), "anna@example.test") is None
    assert account_of(desk.store, _view(desk, DUTCH), "nobody@example.test") is None


@pytest.mark.parametrize("typed", ["kim.lee@example.test", "KIM.LEE@EXAMPLE.TEST", " Kim.lee@example.test"])
def test_an_account_is_found_however_its_address_is_written(desk: Desk, typed: str) -> None:
    key = _customer(desk, "Kim.Lee@Example.test")
    found = account_of(desk.store, _view(desk, DUTCH), typed)
    assert found is not None
    assert found[0] == key


def test_of_long_addresses_that_begin_alike_the_account_of_the_whole_one_is_found(desk: Desk) -> None:
    begins = "a" * KEY_LENGTH
    _customer(desk, f"{begins}.first@example.test")
    key = _customer(desk, f"{begins}.second@example.test")
    found = account_of(desk.store, _view(desk, DUTCH), f"{begins}.Second@example.test")
    assert found is not None
    assert found[0] == key
    assert account_of(desk.store, _view(desk, DUTCH), f"{begins}.third@example.test") is None


@on_sqlite
def test_credentials_that_are_refused_pause_the_channel(desk: Desk) -> None:
    key = _customer(desk)
    desk.front.on(NEW_FOR_CUSTOMER, answered(401, b'{"message":"The signature is invalid. Verify and try again."}'))
    with pytest.raises(SignInFailed):
        _start(desk, key)
    assert "is paused" in (why_not_started(desk.store, key) or "")
