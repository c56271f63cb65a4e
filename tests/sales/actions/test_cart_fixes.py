"""Changing a cart until it can be ordered, against the demo store over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from crm_core.errors import (
    BadInput,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    ShopRefused,
    ShopUnavailable,
)
from crm_core.magento.catalogue import Catalogue
from crm_core.sales.cart_addresses import AddressKind
from crm_core.sales.cart_fixes import (
    AddLine,
    Change,
    EnterAddress,
    EnterEmail,
    RemoveCoupon,
    RemoveLine,
    ReplaceLine,
    SetCoupon,
    SetQuantity,
    change_of,
    mend,
    why_not_changed,
)
from crm_core.sales.cart_writing import Mended
from crm_core.sales.decisions import mark_lost
from crm_core.sales.outcomes import Placed
from crm_core.sales.preflight.check import Code, Verdict
from crm_core.sales.preflight.run import Preflight, preflight
from crm_core.sales.preflight.standing import standing
from crm_core.store import tables
from crm_core.store.documents import Address, decode_address
from crm_core.store.rollups import recount
from crm_core.sync.channels import open_shop
from demo_store.service import Request, Response
from tests.magento.conftest import recorded
from tests.sales.desk import PLACE, Desk, answered, before, dropped_after_the_work, dropped_before_the_work

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""For what the shop answers: that is the same to every database."""

WRITE = r"(POST|PUT|DELETE) .*/carts/\d+/(items|coupons|billing-address|shipping-information)"
ADDRESS = Address(
    firstname="Ada",
    lastname="Vos",
    street=["Kade 1"],
    city="Amsterdam",
    postcode="1011 AB",
    country_id="NL",
    telephone="+31201234567",
)


def _mend(desk: Desk, cart_id: int, change: Change, person: str = "Anna") -> Mended:
    return mend(desk.store, desk.key(cart_id), change, person)


def _item(desk: Desk, cart_id: int, sku: str = "MUG-01") -> int:
    """The item_id of a line, told by the shop."""
    return next(int(line["item_id"]) for line in desk.shop.cart(cart_id)["lines"] if line["sku"] == sku)


def _in_shop(desk: Desk, cart_id: int) -> dict[str, float]:
    return {line["sku"]: line["qty"] for line in desk.shop.cart(cart_id)["lines"]}


def _on_desk(desk: Desk, cart_id: int) -> dict[str, str]:
    """The state of each line as the mirror holds it."""
    return {line.sku: line.state for line in standing(desk.store, desk.key(cart_id)).lines}


def _events(desk: Desk, cart_id: int) -> list[tuple[str, str, str]]:
    event = tables.record_event
    with desk.store.reading() as connection:
        rows = connection.execute(
            select(event.c.kind, event.c.person, event.c.text)
            .where(event.c.entity == "cart", event.c.record_id == desk.key(cart_id), event.c.person.is_not(None))
            .order_by(event.c.id)
        ).all()
    return [(row.kind, row.person, row.text) for row in rows]


def _writes(desk: Desk) -> list[str]:
    return [each for each in desk.front.asked if not each.startswith("GET") and "estimate" not in each]


def _check(desk: Desk, cart_id: int) -> Preflight:
    return preflight(desk.store, desk.key(cart_id), "Anna", recalculate=True)


def test_lines_are_changed_once_each_in_the_carts_own_store_view_and_mirrored(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1), store_id=2)
    done = _mend(desk, cart_id, SetQuantity(_item(desk, cart_id), Decimal(3)))
    assert done.message == "Now 3 × Stoneware mug, blue."
    assert any("Quantity" in change or "2 → 3" in change for change in done.changes)
    assert _mend(desk, cart_id, RemoveLine(_item(desk, cart_id, "BOOK 01")), "Ben").message.endswith("removed.")
    assert _mend(desk, cart_id, AddLine("BOOK 02", Decimal(1))).message == "1 × Book: Bread, Slowly added."
    replaced = _mend(desk, cart_id, ReplaceLine(_item(desk, cart_id, "BOOK 02"), "SOAP-02", Decimal(4)))
    assert replaced.message == "Book: Bread, Slowly replaced by 4 × Savon de Marseille, two bars."
    assert _in_shop(desk, cart_id) == {"MUG-01": 3, "SOAP-02": 4}
    assert _on_desk(desk, cart_id) == {
        "MUG-01": "present",
        "BOOK 01": "removed",
        "BOOK 02": "removed",
        "SOAP-02": "present",
    }
    assert desk.row(cart_id).items_qty == 7
    assert desk.shop.cart(cart_id)["store_id"] == 2
    assert len(_writes(desk)) == 5
    assert all("/rest/nl/V1/carts/" in each for each in _writes(desk))
    assert [(kind, person) for kind, person, _ in _events(desk, cart_id)] == [
        ("line", "Anna"),
        ("line", "Ben"),
        ("line", "Anna"),
        ("line", "Anna"),
    ]
    with desk.store.reading() as connection:
        assert recount(connection) == []


def test_a_hidden_line_is_removed_and_is_counted_no_more(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), ("BOOK 01", 1))
    hidden = _item(desk, cart_id, "BOOK 01")
    desk.shop.disable_product("BOOK 01")
    desk.synchronise(cart_id)
    with pytest.raises(BadInput, match="disabled or deleted"):
        _mend(desk, cart_id, SetQuantity(hidden, Decimal(2)))
    assert _on_desk(desk, cart_id) == {"MUG-01": "present", "BOOK 01": "unavailable"}
    _mend(desk, cart_id, RemoveLine(hidden))
    assert _on_desk(desk, cart_id) == {"MUG-01": "present", "BOOK 01": "removed"}
    assert desk.row(cart_id).unavailable_count == 0
    assert _in_shop(desk, cart_id) == {"MUG-01": 1}
    with pytest.raises(BadInput, match="no longer in the cart"):
        _mend(desk, cart_id, RemoveLine(hidden))


def test_a_cart_whose_only_line_is_hidden_is_mended_and_placed(desk: Desk) -> None:
    cart_id = desk.add_cart(("BOOK 01", 1))
    desk.shop.disable_product("BOOK 01")
    desk.synchronise(cart_id)
    assert why_not_changed(desk.store, desk.key(cart_id)) is None
    _mend(desk, cart_id, ReplaceLine(_item(desk, cart_id, "BOOK 01"), "BOOK 02", Decimal(2)))
    assert _in_shop(desk, cart_id) == {"BOOK 02": 2}
    assert isinstance(desk.place(cart_id), Placed)


@on_sqlite
def test_a_replacement_that_the_shop_refuses_leaves_the_cart_as_it_was(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    with pytest.raises(ShopRefused, match="requested qty"):
        _mend(desk, cart_id, ReplaceLine(_item(desk, cart_id), "RARE-01", Decimal(50)))
    assert _in_shop(desk, cart_id) == {"MUG-01": 2}
    assert [kind for kind, _, _ in _events(desk, cart_id)] == ["refused"]
    assert len(_writes(desk)) == 1


@on_sqlite
def test_a_replacement_that_stops_halfway_says_what_is_in_the_cart_now(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    desk.front.on(r"DELETE .*", answered(400, b'{"message":"Not now."}'))
    done = _mend(desk, cart_id, ReplaceLine(_item(desk, cart_id), "BOOK 01", Decimal(1)))
    told = "Book: The House in Winter was added, but Stoneware mug, blue is still in the cart: Not now."
    assert done.message == told
    assert _events(desk, cart_id) == [("line", "Anna", told)]
    assert set(_on_desk(desk, cart_id)) == {"MUG-01", "BOOK 01"}


@on_sqlite
def test_a_variant_is_added_by_its_options_and_replaces_another(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), ("SLIPPER-37", 1))
    with pytest.raises(ShopRefused, match="option"):
        _mend(desk, cart_id, AddLine("SLIPPER", Decimal(1)))
    catalogue = Catalogue(open_shop(desk.store, desk.channel).magento.connection)
    choices = catalogue.choices(catalogue.products(["SLIPPER"], "default")["SLIPPER"], "default")
    options = next(variant.options for variant in choices.variants if variant.product.sku == "SLIPPER-41")
    change = ReplaceLine(_item(desk, cart_id, "SLIPPER-37"), "SLIPPER", Decimal(2), options)
    assert _mend(desk, cart_id, change).message == "Felt slippers replaced by 2 × Felt slippers."
    assert _in_shop(desk, cart_id) == {"MUG-01": 1, "SLIPPER-41": 2}
    # The same variant again: the shop lets the line grow, and the desk sets what was asked for.
    again = ReplaceLine(_item(desk, cart_id, "SLIPPER-41"), "SLIPPER", Decimal(3), options)
    _mend(desk, cart_id, again)
    assert _in_shop(desk, cart_id) == {"MUG-01": 1, "SLIPPER-41": 3}


@pytest.mark.parametrize("code", ["NOSUCH", "SPRING25", "USEDUP", "OFF"])
def test_a_wrong_coupon_is_told_beforehand_and_never_costs_the_right_one(desk: Desk, code: str) -> None:
    desk.shop.set_coupon("USEDUP", uses=1)
    used = desk.add_cart(coupon="USEDUP")
    desk.shop.place(used)
    desk.shop.set_coupon("OFF", active=False)
    cart_id = desk.add_cart(coupon="WELCOME10")
    with pytest.raises(BadInput, match=rf"The coupon {code} .* The cart is as it was\."):
        _mend(desk, cart_id, SetCoupon(code))
    assert desk.shop.cart(cart_id)["coupon_code"] == "WELCOME10"
    assert _writes(desk) == []
    assert _events(desk, cart_id) == []


def test_a_coupon_that_only_the_shop_knows_to_be_wrong_costs_nothing_either(desk: Desk) -> None:
    cart_id = desk.add_cart(coupon="WELCOME10")
    missing = {"message": "%resources", "parameters": {"resources": "Magento_SalesRule::quote"}}
    desk.front.on(r"GET .*/coupons/search", answered(401, json.dumps(missing).encode()))
    with pytest.raises(ShopRefused) as caught:
        _mend(desk, cart_id, SetCoupon("NOSUCH"))
    assert "The coupon code isn't valid. Verify the code and try again." in str(caught.value)
    assert str(caught.value).endswith("The cart keeps the coupon WELCOME10.")
    assert desk.shop.cart(cart_id)["coupon_code"] == "WELCOME10"
    assert desk.row(cart_id).coupon_code == "WELCOME10"
    ((kind, _, text),) = _events(desk, cart_id)
    assert kind == "refused"
    assert "keeps the coupon WELCOME10" in text


@on_sqlite
def test_a_right_coupon_that_cannot_be_put_back_is_told(desk: Desk) -> None:
    cart_id = desk.add_cart(coupon="WELCOME10")
    desk.shop.set_coupon("MORE20", percent=20)
    refusal = recorded("coupon_set_bad")["response"]

    def refused(_request: Request, _work: Callable[[], Response]) -> Response:
        desk.shop.cart(cart_id)["coupon_code"] = None
        return Response(refusal["status"], json.dumps(refusal["body"]).encode(), {"Content-Type": "application/json"})

    desk.front.on(r"PUT .*/coupons/", refused)
    with pytest.raises(ShopRefused, match="WELCOME10, which the cart had, could not be put back"):
        _mend(desk, cart_id, SetCoupon("MORE20"))


def test_a_coupon_is_changed_and_taken_off(desk: Desk) -> None:
    desk.shop.set_coupon("MORE20", percent=20)
    cart_id = desk.add_cart(coupon="WELCOME10")
    total = desk.offer(cart_id).totals.grand_total
    done = _mend(desk, cart_id, SetCoupon(" more20 "))
    assert "is on the cart: €" in done.message
    assert desk.offer(cart_id).totals.grand_total < total
    with pytest.raises(BadInput, match="already"):
        _mend(desk, cart_id, SetCoupon("MORE20"))
    assert "taken off" in _mend(desk, cart_id, RemoveCoupon()).message
    assert desk.offer(cart_id).totals.grand_total > total
    with pytest.raises(BadInput, match="has no coupon"):
        _mend(desk, cart_id, RemoveCoupon())


def test_a_cart_without_address_is_completed_and_placed(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2), ready=False, email=None)
    assert desk.offer(cart_id).preflight.obstacles
    with pytest.raises(NotAllowed, match="billing address first"):
        _mend(desk, cart_id, EnterEmail("ada@example.test"))
    assert _mend(desk, cart_id, EnterAddress(AddressKind.BOTH, ADDRESS)).message == "Addresses saved."
    assert _mend(desk, cart_id, EnterEmail("ada@example.test")).message == "The e-mail address is now ada@example.test."
    assert desk.row(cart_id).email == "ada@example.test"
    offer = desk.offer(cart_id)
    assert offer.preflight.obstacles == ()
    assert isinstance(desk.place(cart_id, offer.choose("flatrate_flatrate", "checkmo")), Placed)
    assert [kind for kind, _, _ in _events(desk, cart_id)][:2] == ["address", "address"]


def test_each_address_is_changed_without_the_other_and_the_email_stays(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    _mend(desk, cart_id, EnterAddress(AddressKind.SHIPPING, ADDRESS))
    row = desk.row(cart_id)
    assert decode_address(row.shipping_address).lastname == "Vos"
    assert decode_address(row.billing_address).lastname == "de Vries"
    assert row.shipping_method == "flatrate_flatrate"
    _mend(desk, cart_id, EnterAddress(AddressKind.BILLING, Address(**_changed(city="Utrecht"))))
    row = desk.row(cart_id)
    assert decode_address(row.billing_address).city == "Utrecht"
    assert decode_address(row.shipping_address).city == "Amsterdam"
    assert row.email == "guest@example.test"
    assert desk.shop.cart(cart_id)["customer_email"] == "guest@example.test"


@on_sqlite
def test_an_email_that_is_wrong_in_both_addresses_is_corrected_in_both(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), email="gast@example.test")
    _mend(desk, cart_id, EnterEmail("guest@example.test"))
    cart = desk.shop.cart(cart_id)
    assert (cart["billing"]["email"], cart["shipping"]["email"]) == ("guest@example.test", "guest@example.test")
    assert len(_writes(desk)) == 1


@on_sqlite
def test_a_customers_cart_has_the_customers_email(desk: Desk) -> None:
    customer = desk.shop.add_customer("anna@example.test")
    cart_id = desk.add_cart(customer_id=customer)
    with pytest.raises(NotAllowed, match="customer's"):
        _mend(desk, cart_id, EnterEmail("ada@example.test"))
    _mend(desk, cart_id, EnterAddress(AddressKind.BOTH, ADDRESS))
    assert desk.row(cart_id).email == "anna@example.test"


def _changed(**values: Any) -> dict[str, Any]:
    known = {name: getattr(ADDRESS, name) for name in Address.__struct_fields__}
    return known | values


@on_sqlite
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"lastname": "  ", "telephone": None}, "The address lacks: last name, telephone."),
        ({"street": ["", " "]}, "The address lacks: street."),
        ({"postcode": None}, "The address lacks: postcode."),
        ({"country_id": "FR"}, "does not sell to the country FR"),
        ({"country_id": "US"}, "Choose a region"),
        ({"region_id": 999}, "not one of that country"),
        ({"email": "not an address"}, "is not an e-mail address"),
    ],
)
def test_an_address_that_the_shop_would_save_and_then_refuse_is_told_at_once(
    desk: Desk, values: dict[str, Any], words: str
) -> None:
    desk.shop.set_countries(["NL", "US"])
    cart_id = desk.add_cart()
    with pytest.raises(BadInput, match=words):
        _mend(desk, cart_id, EnterAddress(AddressKind.BOTH, Address(**_changed(**values))))
    assert _writes(desk) == []
    assert _events(desk, cart_id) == []


@on_sqlite
def test_a_region_is_saved_as_the_shop_spells_it(desk: Desk) -> None:
    cart_id = desk.add_cart(store_id=3, address=_american())
    values = _american() | {"region_id": 12, "region": "Kalifornien", "postcode": "90210", "city": "Beverly Hills"}
    _mend(desk, cart_id, EnterAddress(AddressKind.BOTH, Address(**_changed(**values))))
    saved = decode_address(desk.row(cart_id).shipping_address)
    assert (saved.region_id, saved.region) == (12, "California")


def _american() -> dict[str, Any]:
    return {"country_id": "US", "postcode": "10001", "city": "New York", "region_id": 43}


@on_sqlite
def test_a_way_of_shipping_that_is_not_offered_there_is_told_with_those_that_are(desk: Desk) -> None:
    cart_id = desk.add_cart()
    with pytest.raises(BadInput, match=r"but: .*flatrate_flatrate"):
        _mend(desk, cart_id, EnterAddress(AddressKind.SHIPPING, ADDRESS, "dhl_dhl"))
    assert _writes(desk) == []


SILENT: list[Callable[[Desk, int], Change]] = [
    lambda desk, cart_id: SetQuantity(_item(desk, cart_id), Decimal(5)),
    lambda desk, cart_id: RemoveLine(_item(desk, cart_id, "BOOK 01")),
    lambda _desk, _cart_id: AddLine("MUG-01", Decimal(1)),
    lambda _desk, _cart_id: SetCoupon("WELCOME10"),
    lambda _desk, _cart_id: EnterAddress(AddressKind.BOTH, ADDRESS),
    lambda _desk, _cart_id: EnterEmail("ada@example.test"),
]


@on_sqlite
@pytest.mark.parametrize("change", SILENT)
def test_an_answer_that_was_lost_is_found_in_the_cart_and_nothing_is_sent_again(
    desk: Desk, change: Callable[[Desk, int], Change]
) -> None:
    cart_id = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1))
    desk.front.on(WRITE, dropped_after_the_work)
    wanted = change(desk, cart_id)
    assert _mend(desk, cart_id, wanted).message
    assert len(_writes(desk)) == 1
    assert [kind for kind, _, _ in _events(desk, cart_id)] == [wanted.kind]


@on_sqlite
def test_a_hidden_line_whose_removal_was_not_answered_is_counted(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1))
    desk.shop.disable_product("BOOK 01")
    desk.front.on(WRITE, dropped_before_the_work)
    with pytest.raises(OutcomeUnknown):
        _mend(desk, cart_id, RemoveLine(_item(desk, cart_id, "BOOK 01")))
    desk.front.on(WRITE, dropped_after_the_work)
    _mend(desk, cart_id, RemoveLine(_item(desk, cart_id, "BOOK 01")))
    assert _in_shop(desk, cart_id) == {"MUG-01": 2}


@on_sqlite
def test_what_the_cart_does_not_show_stays_unclear(desk: Desk) -> None:
    cart_id = desk.add_cart(coupon="WELCOME10")
    desk.shop.set_coupon("MORE20", percent=20)
    desk.front.on(WRITE, dropped_before_the_work)
    with pytest.raises(OutcomeUnknown, match=r"does not show it so far.*had the coupon WELCOME10 before"):
        _mend(desk, cart_id, SetCoupon("MORE20"))
    assert len(_writes(desk)) == 1
    assert [kind for kind, _, _ in _events(desk, cart_id)] == ["unclear"]


@on_sqlite
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cart_add_too_many", "The requested qty is not available"),
        ("cart_add_unknown_sku", "The product that was requested doesn't exist."),
    ],
)
def test_every_recorded_refusal_of_a_line_is_shown_as_magento_words_it(desk: Desk, name: str, words: str) -> None:
    cart_id = desk.add_cart()
    response = recorded(name)["response"]
    desk.front.on(WRITE, answered(response["status"], json.dumps(response["body"]).encode()))
    with pytest.raises(ShopRefused, match=words):
        _mend(desk, cart_id, AddLine("NOPE", Decimal(1)))
    ((kind, _, text),) = _events(desk, cart_id)
    assert kind == "refused"
    assert words in text


@on_sqlite
def test_a_missing_permission_and_a_shop_that_is_away_change_nothing(desk: Desk) -> None:
    cart_id = desk.add_cart()
    body = {"message": "%resources", "parameters": {"resources": "Magento_Cart::manage"}}
    desk.front.on(WRITE, answered(401, json.dumps(body).encode()))
    with pytest.raises(PermissionMissing):
        _mend(desk, cart_id, AddLine("BOOK 01", Decimal(1)))
    desk.front.on(WRITE, answered(429, b'{"message":"Too Many Requests"}'))
    with pytest.raises(ShopUnavailable, match="Nothing was done"):
        _mend(desk, cart_id, AddLine("BOOK 01", Decimal(1)))
    assert [kind for kind, _, _ in _events(desk, cart_id)] == ["refused", "refused"]
    assert _in_shop(desk, cart_id) == {"MUG-01": 2}


@on_sqlite
@pytest.mark.parametrize("pieces", [Decimal(0), Decimal(-1), Decimal("NaN")])
def test_a_quantity_that_no_line_can_hold_is_never_sent(desk: Desk, pieces: Decimal) -> None:
    cart_id = desk.add_cart()
    with pytest.raises(BadInput, match="not a quantity"):
        _mend(desk, cart_id, SetQuantity(_item(desk, cart_id), pieces))
    assert _writes(desk) == []
    assert _events(desk, cart_id) == []


@pytest.mark.parametrize("case", ["lost", "read-only", "paused", "purchased", "nobody", "unknown"])
def test_a_cart_is_changed_only_as_it_may_be_ordered(desk: Desk, case: str) -> None:
    cart_id = desk.add_cart()
    change = SetQuantity(_item(desk, cart_id), Decimal(5))
    values: dict[str, Any] = {}
    if case == "lost":
        mark_lost(desk.store, desk.key(cart_id), "No answer", "Ben")
    elif case == "purchased":
        assert isinstance(desk.place(cart_id), Placed)
    elif case == "read-only":
        values = {"allow_writes": False}
    elif case == "paused":
        values = {"paused_at": datetime.now(UTC), "paused_reason": "The token is wrong."}
    if values:
        with desk.store.writing() as connection:
            connection.execute(update(tables.channel).values(**values))
    asked = len(desk.front.asked)
    key = desk.key(cart_id) + (case == "unknown")
    with pytest.raises(NotFound if case == "unknown" else NotAllowed):
        mend(desk.store, key, change, "" if case == "nobody" else "Anna")
    assert len(desk.front.asked) == asked


@on_sqlite
def test_a_cart_that_was_ordered_meanwhile_is_noticed_before_anything_is_written(desk: Desk) -> None:
    cart_id = desk.add_cart()
    desk.shop.place(cart_id)
    with pytest.raises(NotAllowed, match="Already ordered"):
        _mend(desk, cart_id, AddLine("BOOK 01", Decimal(1)))
    assert _writes(desk) == []


@on_sqlite
def test_of_two_people_at_one_cart_the_second_is_told_who_is_first(desk: Desk) -> None:
    cart_id = desk.add_cart()
    told: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(NotAllowed) as caught:
            _mend(desk, cart_id, AddLine("BOOK 02", Decimal(1)), "Ben")
        told.append(str(caught.value))

    desk.front.on(WRITE, before(meanwhile))
    _mend(desk, cart_id, AddLine("BOOK 01", Decimal(1)))
    assert told == ["Anna is changing this cart at the moment. Try again shortly."]
    assert _in_shop(desk, cart_id) == {"MUG-01": 2, "BOOK 01": 1}


def test_nobody_orders_a_cart_while_it_is_changed_nor_changes_one_while_it_is_ordered(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    told: list[str] = []

    def told_to(act: Callable[[], object]) -> None:
        with pytest.raises(NotAllowed) as caught:
            act()
        told.append(str(caught.value))

    desk.front.on(WRITE, before(lambda: told_to(lambda: desk.place(cart_id, choice, "Ben"))))
    _mend(desk, cart_id, SetQuantity(_item(desk, cart_id), Decimal(3)))
    assert desk.shop.orders_of(cart_id) == []

    desk.front.calm()
    choice = desk.choice(cart_id)
    desk.front.on(PLACE, before(lambda: told_to(lambda: _mend(desk, cart_id, AddLine("BOOK 01", Decimal(1)), "Anna"))))
    assert isinstance(desk.place(cart_id, choice, "Ben"), Placed)
    assert told == [
        "Anna is changing this cart at the moment. Try again shortly.",
        "Ben is placing the order (started just now). Wait for the outcome.",
    ]


@on_sqlite
def test_the_fixes_of_a_preflight_mend_what_it_found(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 5), ("BOOK 01", 1), ("RARE-01", 3), coupon="WELCOME10")
    desk.shop.set_sale_limits("MUG-01", minimum=10)
    desk.shop.disable_product("BOOK 01")
    desk.shop.set_stock("RARE-01", 2)
    desk.shop.set_coupon("WELCOME10", expires="2020-01-01 00:00:00")
    mended: set[Code] = set()
    for _ in range(6):
        wrong = [check for check in _check(desk, cart_id).checks if check.verdict in (Verdict.FAIL, Verdict.LOOK)]
        found = [(check.code, change) for check in wrong for fix in check.fixes if (change := change_of(fix))]
        if not found:
            break
        code, change = found[0]
        mended.add(code)
        _mend(desk, cart_id, change)
    assert mended >= {Code.HIDDEN_LINE, Code.BELOW_MINIMUM, Code.SHORT, Code.COUPON}
    assert _check(desk, cart_id).blocking == ()
    assert isinstance(desk.place(cart_id), Placed)
    assert _in_shop(desk, cart_id) == {"MUG-01": 10, "RARE-01": 2}
