from __future__ import annotations

import msgspec

from crm_core.store.documents import Address, encode
from crm_core.sync.changes import address_changed

_ADDRESS = Address(firstname="Anna", street=["Lane 1"], city="Breda", country_id="NL", vat_id="NL1")
_HOME = encode(_ADDRESS)


def test_a_change_of_an_address_names_its_fields_in_words() -> None:
    moved = encode(Address(firstname="Ann", street=["Lane 1"], city="Breda", country_id="BE"))
    assert list(address_changed("Shipping address", _HOME, moved)) == [
        "Shipping address changed: first name, country, VAT number"
    ]


def test_a_new_address_and_one_that_went_need_no_list_of_fields() -> None:
    assert list(address_changed("Billing address", None, _HOME)) == ["Billing address entered"]
    assert list(address_changed("Billing address", _HOME, None)) == ["Billing address removed"]
    assert list(address_changed("Billing address", _HOME, encode(msgspec.structs.replace(_ADDRESS, origin_id=7)))) == []
