"""Entering a cart's addresses and its e-mail address, against the demo store over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.errors import (
    BadInput,
    ChangedMeanwhile,
    NotAllowed,
)
from crm_core.sales.cart_addresses import Addresses, AddressKind
from crm_core.sales.cart_fixes import EnterAddress, EnterEmail
from crm_core.sales.outcomes import Placed
from crm_core.store.documents import Address, decode_address
from tests.sales.actions.cart_changes import (
    ADDRESS,
    addresses_of,
    email,
    entered,
    events_of,
    mended,
    on_sqlite,
    removal,
    writes_to,
)
from tests.sales.desk import Desk


def test_a_cart_without_address_is_completed_and_placed(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2), ready=False, email=None)
    assert desk.offer(cart_id).preflight.obstacles
    with pytest.raises(NotAllowed, match="billing address first"):
        mended(desk, cart_id, email(desk, cart_id, "ada@example.test"))
    assert mended(desk, cart_id, entered(desk, cart_id, AddressKind.BOTH, ADDRESS)).message == "Addresses saved."
    done = mended(desk, cart_id, email(desk, cart_id, "ada@example.test"))
    assert done.message == "The e-mail address is now ada@example.test."
    assert desk.row(cart_id).email == "ada@example.test"
    offer = desk.offer(cart_id)
    assert offer.preflight.obstacles == ()
    assert isinstance(desk.place(cart_id, offer.choose("flatrate_flatrate", "checkmo")), Placed)
    assert [kind for kind, _, _ in events_of(desk, cart_id)][:2] == ["address", "address"]


def test_each_address_is_changed_without_the_other_and_the_email_stays(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    mended(desk, cart_id, entered(desk, cart_id, AddressKind.SHIPPING, ADDRESS))
    row = desk.row(cart_id)
    assert decode_address(row.shipping_address).lastname == "Vos"
    assert decode_address(row.billing_address).lastname == "de Vries"
    assert row.shipping_method == "flatrate_flatrate"
    mended(desk, cart_id, entered(desk, cart_id, AddressKind.BILLING, Address(**_changed(city="Utrecht"))))
    row = desk.row(cart_id)
    assert decode_address(row.billing_address).city == "Utrecht"
    assert decode_address(row.shipping_address).city == "Amsterdam"
    assert row.email == "guest@example.test"
    assert desk.shop.cart(cart_id)["customer_email"] == "guest@example.test"


@on_sqlite
def test_an_email_that_is_wrong_in_both_addresses_is_corrected_in_both(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), email="gast@example.test")
    mended(desk, cart_id, email(desk, cart_id, "guest@example.test"))
    cart = desk.shop.cart(cart_id)
    assert (cart["billing"]["email"], cart["shipping"]["email"]) == ("guest@example.test", "guest@example.test")
    assert len(writes_to(desk)) == 1


@on_sqlite
def test_a_customers_cart_has_the_customers_email(desk: Desk) -> None:
    customer = desk.shop.add_customer("anna@example.test")
    cart_id = desk.add_cart(customer_id=customer)
    with pytest.raises(NotAllowed, match="customer's"):
        mended(desk, cart_id, email(desk, cart_id, "ada@example.test"))
    mended(desk, cart_id, entered(desk, cart_id, AddressKind.BOTH, ADDRESS))
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
        mended(desk, cart_id, entered(desk, cart_id, AddressKind.BOTH, Address(**_changed(**values))))
    assert writes_to(desk) == []
    assert events_of(desk, cart_id) == []


@on_sqlite
def test_a_region_is_saved_as_the_shop_spells_it(desk: Desk) -> None:
    cart_id = desk.add_cart(store_id=3, address=_american())
    values = _american() | {"region_id": 12, "region": "Kalifornien", "postcode": "90210", "city": "Beverly Hills"}
    mended(desk, cart_id, entered(desk, cart_id, AddressKind.BOTH, Address(**_changed(**values))))
    saved = decode_address(desk.row(cart_id).shipping_address)
    assert (saved.region_id, saved.region) == (12, "California")


def _american() -> dict[str, Any]:
    return {"country_id": "US", "postcode": "10001", "city": "New York", "region_id": 43}


@on_sqlite
def test_a_way_of_shipping_that_is_not_offered_there_is_told_with_those_that_are(desk: Desk) -> None:
    cart_id = desk.add_cart()
    with pytest.raises(BadInput, match=r"but: .*flatrate_flatrate"):
        mended(desk, cart_id, entered(desk, cart_id, AddressKind.SHIPPING, ADDRESS, "dhl_dhl"))
    assert writes_to(desk) == []


@pytest.mark.parametrize(
    ("which", "told"),
    [
        (AddressKind.SHIPPING, r"The shipping address has changed meanwhile: .*street Kade 1, .*city Gouda, "),
        (AddressKind.BILLING, r"The billing address has changed meanwhile: .*street Kade 1, .*city Gouda, "),
        (AddressKind.BOTH, r"The shipping and the billing address have changed meanwhile: .* city Gouda, "),
    ],
)
def test_an_address_that_somebody_changed_meanwhile_is_left_so_and_the_next_press_counts(
    desk: Desk, which: AddressKind, told: str
) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    seen = addresses_of(desk, cart_id)
    gouda, delft = (Address(**_changed(city=city)) for city in ("Gouda", "Delft"))
    mended(desk, cart_id, EnterAddress(which, gouda, seen), "Anna")
    sent = len(writes_to(desk))
    with pytest.raises(ChangedMeanwhile, match=rf"{told}.*It was left so; if you still want to change it, do it again"):
        mended(desk, cart_id, EnterAddress(which, delft, seen), "Ben")
    assert len(writes_to(desk)) == sent
    assert _cities(desk, cart_id, which) == {"Gouda"}
    mended(desk, cart_id, entered(desk, cart_id, which, delft), "Ben")
    assert _cities(desk, cart_id, which) == {"Delft"}


def _cities(desk: Desk, cart_id: int, which: AddressKind) -> set[str]:
    """Where the shop has the cart go, or its bill."""
    kinds = ("shipping", "billing") if which is AddressKind.BOTH else (which.value,)
    return {desk.shop.cart(cart_id)[kind]["city"] for kind in kinds}


@on_sqlite
def test_an_address_is_changed_though_somebody_changed_the_other_one_which_stays(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    seen = addresses_of(desk, cart_id)
    gouda, delft = (Address(**_changed(city=city)) for city in ("Gouda", "Delft"))
    mended(desk, cart_id, EnterAddress(AddressKind.BILLING, gouda, seen), "Anna")
    mended(desk, cart_id, EnterAddress(AddressKind.SHIPPING, delft, seen), "Ben")
    assert _cities(desk, cart_id, AddressKind.BOTH) == {"Gouda", "Delft"}


@on_sqlite
def test_an_address_that_a_cart_did_not_have_is_not_replaced_unseen_nor_is_one_missed(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), ready=False, email=None)
    mended(desk, cart_id, EnterAddress(AddressKind.BOTH, ADDRESS, Addresses(None, None)), "Anna")
    with pytest.raises(
        ChangedMeanwhile, match=r"^The shipping address has been entered meanwhile: first name Ada, last"
    ):
        mended(desk, cart_id, EnterAddress(AddressKind.SHIPPING, ADDRESS, Addresses(None, None)), "Ben")
    seen = addresses_of(desk, cart_id)
    desk.shop.cart(cart_id)["billing"] = {}
    with pytest.raises(ChangedMeanwhile, match=r"^The billing address has been removed meanwhile\. It was"):
        mended(desk, cart_id, EnterAddress(AddressKind.BILLING, ADDRESS, seen), "Ben")


@on_sqlite
def test_the_shipping_address_of_a_cart_that_was_emptied_counts_as_seen_because_the_shop_does_not_tell_it(
    desk: Desk,
) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    seen = addresses_of(desk, cart_id)
    mended(desk, cart_id, removal(desk, cart_id))
    assert addresses_of(desk, cart_id).shipping is None
    mended(desk, cart_id, EnterAddress(AddressKind.BOTH, ADDRESS, seen))
    assert _cities(desk, cart_id, AddressKind.BILLING) == {"Amsterdam"}


def test_an_email_that_somebody_changed_meanwhile_is_left_so_and_the_next_press_counts(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), email="gast@example.test")
    mended(desk, cart_id, EnterEmail("guest@example.test", "gast@example.test"), "Anna")
    sent = len(writes_to(desk))
    with pytest.raises(ChangedMeanwhile, match=r"changed meanwhile: guest@example\.test now\. It was left so"):
        mended(desk, cart_id, EnterEmail("ben@example.test", "gast@example.test"), "Ben")
    assert len(writes_to(desk)) == sent
    mended(desk, cart_id, email(desk, cart_id, "ben@example.test"), "Ben")
    assert desk.shop.cart(cart_id)["billing"]["email"] == "ben@example.test"
