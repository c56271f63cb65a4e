"""The addresses of carts and customers: their shapes, and what an order needs of them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from demo_store.records import Records
from demo_store.state import Doc

_PLAIN = ("telephone", "postcode", "city", "firstname", "lastname")
_EXTRA = ("company", "middlename", "prefix", "suffix", "fax", "vat_id")
_REQUIRED = ("firstname", "lastname", "street", "city", "telephone", "postcode", "country_id")
_ATTRIBUTES = (
    ("prefix", "Name Prefix", "text"),
    ("firstname", "First Name", "text"),
    ("middlename", "Middle Name/Initial", "text"),
    ("lastname", "Last Name", "text"),
    ("suffix", "Name Suffix", "text"),
    ("company", "Company", "text"),
    ("street", "Street Address", "multiline"),
    ("country_id", "Country", "select"),
    ("region", "State/Province", "text"),
    ("region_id", "State/Province", "hidden"),
    ("city", "City", "text"),
    ("postcode", "Zip/Postal Code", "text"),
    ("telephone", "Phone Number", "text"),
    ("vat_id", "VAT Number", "text"),
)
_KEYS = {"country_id": "countryId", "region_id": "regionId"}
# Magento's optional_zip_countries and the countries whose region is required, as configured by default.
OPTIONAL_POSTCODE = frozenset({"HK", "IE", "MO", "PA"})
REQUIRED_REGION = frozenset({"AU", "BR", "CA", "CH", "CN", "EE", "ES", "HR", "IN", "LT", "LV", "MX", "RO", "US"})


def empty(ident: int) -> Doc:
    """A cart address in which nothing was filled in yet."""
    address: Doc = {"id": ident, "region": None, "region_id": None, "region_code": None, "country_id": None}
    address["street"] = [""]
    address |= dict.fromkeys(_PLAIN)
    return address | {"email": None, "same_as_billing": 0, "save_in_address_book": 0}


def filled(records: Records, ident: int, given: dict[str, Any], customer: Doc | None) -> Doc:
    """A cart address from what a request or a customer's address book gives; keys in camel or snake case."""
    both = {_snake(key): value for key, value in given.items()}
    address = empty(ident)
    country = both.get("country_id")
    region = both.get("region")
    if isinstance(region, dict):  # the address book nests it
        both["region_code"], both["region"] = region.get("region_code"), region.get("region")
    known = region_of(records, country, both.get("region_id"), both.get("region_code"))
    if known is not None:
        address |= {"region": known["name"], "region_id": int(known["id"]), "region_code": known["code"]}
    else:
        wanted = both.get("region_id")
        address |= {"region": both.get("region"), "region_id": int(wanted) if wanted else wanted}
    address["country_id"] = country
    street = both.get("street") or [""]
    address["street"] = list(street) if isinstance(street, list) else [str(street)]
    for name in (*_PLAIN, "email"):
        address[name] = both.get(name)
    for name in (*_EXTRA, "customer_address_id"):
        if both.get(name):
            address[name] = both[name]
    if customer is not None:
        address["customer_id"] = customer["id"]
        address["email"] = customer["email"]
    address["same_as_billing"] = int(bool(both.get("same_as_billing")))
    return address


def entered(address: dict[str, Any]) -> Doc:
    """What a person entered in an address of the address book: all but its ids."""
    return {key: value for key, value in address.items() if key not in {"id", "customer_id"}}


def region_of(records: Records, country: str | None, region_id: object, code: object) -> Doc | None:
    """The region of a country by its id or code; None where the shop knows none."""
    found = next((one for one in records.settings["countries"] if one["id"] == country), None)
    for region in (found or {}).get("available_regions", []):
        if str(region["id"]) == str(region_id) or (code and region["code"] == code):
            return dict(region)
    return None


def missing(records: Records, address: Doc) -> str:
    """Everything that an order lacks in an address, in one string as Magento says it; empty where nothing is."""
    said: list[str] = []
    for name in _REQUIRED:
        value = address.get(name)
        if name == "postcode" and address["country_id"] in OPTIONAL_POSTCODE:
            continue
        if not value or value == [""]:
            said.append(f'"{_KEYS.get(name, name)}" is required. Enter and try again.')
    if address["country_id"] in REQUIRED_REGION:
        wanted = address["region_id"]
        if not wanted:
            said.append('"regionId" is required. Enter and try again.')
        elif region_of(records, address["country_id"], wanted, None) is None:
            said.append(f'Invalid value of "{wanted}" provided for the regionId field.')
    return " ".join(said)


def metadata() -> list[Doc]:
    """GET attributeMetadata/customerAddress: the fields of an address and which of them are required."""
    return [_attribute(position, *one) for position, one in enumerate(_ATTRIBUTES, 1)]


def _attribute(position: int, code: str, label: str, kind: str) -> Doc:
    required = code in _REQUIRED and code != "postcode"  # whether a postcode is required depends on the country
    field: Doc = {"frontend_input": kind, "input_filter": "", "store_label": label, "validation_rules": []}
    field |= {"multiline_count": 2 if kind == "multiline" else 0, "visible": True, "required": required}
    field |= {"data_model": "", "options": [], "frontend_class": "required-entry" if required else ""}
    field |= {"user_defined": False, "sort_order": position * 10, "frontend_label": label, "note": ""}
    field |= {"system": required, "backend_type": "static"}
    for use in ("used", "visible", "filterable", "searchable"):
        field[f"is_{use}_in_grid"] = required
    return field | {"attribute_code": code}


@lru_cache(maxsize=256)
def _snake(key: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in key)
