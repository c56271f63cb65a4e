"""The demo shop's set-up: two websites, four store views, two currencies, taxes, carriers and payment methods."""

from __future__ import annotations

from typing import Any

_STATES = (
    (12, "CA", "California"),
    (18, "FL", "Florida"),
    (23, "IL", "Illinois"),
    (32, "MA", "Massachusetts"),
    (43, "NY", "New York"),
    (51, "OR", "Oregon"),
    (57, "TX", "Texas"),
    (62, "WA", "Washington"),
)
_COUNTRIES = (
    ("AT", "AUT", "Austria"),
    ("BE", "BEL", "Belgium"),
    ("CA", "CAN", "Canada"),
    ("DE", "DEU", "Germany"),
    ("FR", "FRA", "France"),
    ("IE", "IRL", "Ireland"),
    ("LU", "LUX", "Luxembourg"),
    ("NL", "NLD", "Netherlands"),
    ("US", "USA", "United States"),
)


def configuration() -> dict[str, Any]:
    """A fresh configuration. Base currency EUR; the store view us_en (id 3) sells in USD at 1.10.

    Prices of the website `base` include 21 % Dutch VAT, those of `us` no tax. Bearer token `demo`; admin user `demo`
    with the password `admin`.
    """
    return {
        "clock_offset": 0,
        "websites": [
            {"id": 0, "code": "admin", "name": "Admin", "default_group_id": 0},
            {"id": 1, "code": "base", "name": "Huis & Haard Europe", "default_group_id": 1},
            {"id": 2, "code": "us", "name": "House & Hearth US", "default_group_id": 2},
        ],
        "groups": [
            _group(0, 0, 0, 0, "Default", "default"),
            _group(1, 1, 2, 1, "European Store", "european_store"),
            _group(2, 2, 2, 3, "US Store", "us_store"),
        ],
        "views": [
            _view(0, "admin", "Admin", 0, 0),
            _view(1, "default", "English", 1, 1),
            _view(2, "nl", "Nederlands", 1, 1),
            _view(3, "us_en", "US English", 2, 2),
            _view(4, "de", "Deutsch", 1, 1),
        ],
        "view_config": {
            "1": {"locale": "en_GB", "currency": "EUR", "timezone": "Europe/Amsterdam"},
            "2": {"locale": "nl_NL", "currency": "EUR", "timezone": "Europe/Amsterdam"},
            "3": {"locale": "en_US", "currency": "USD", "timezone": "America/New_York"},
            "4": {"locale": "de_DE", "currency": "EUR", "timezone": "Europe/Berlin"},
        },
        "rates": {"EUR": 1, "USD": 1.1},
        "countries": [_country(*one) for one in _COUNTRIES],
        "sites": {
            "1": _site(
                ["AT", "BE", "DE", "FR", "IE", "LU", "NL"],
                {"AT": 20, "BE": 21, "DE": 19, "FR": 20, "IE": 23, "LU": 17, "NL": 21},
                included=True,
            ),
            "2": _site(["CA", "US"], {}, included=False),
        },
        "tokens": {"demo": {"acl": None}},
        "consumers": {},
        "integration_as_bearer": True,
        "admins": {"demo": {"password": "admin", "failures": 0, "second_factor": False}},
        "limits": None,
    }


def _group(ident: int, website: int, category: int, store: int, name: str, code: str) -> dict[str, Any]:
    row: dict[str, Any] = {"id": ident, "website_id": website, "root_category_id": category}
    return row | {"default_store_id": store, "name": name, "code": code}


def _view(ident: int, code: str, name: str, website: int, group: int) -> dict[str, Any]:
    row: dict[str, Any] = {"id": ident, "code": code, "name": name, "website_id": website}
    return row | {"store_group_id": group, "is_active": 1}


def _country(code: str, three: str, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"id": code, "two_letter_abbreviation": code, "three_letter_abbreviation": three}
    row |= {"full_name_locale": name, "full_name_english": name}
    if code == "US":
        row["available_regions"] = [{"id": str(ident), "code": state, "name": full} for ident, state, full in _STATES]
    return row


def _site(countries: list[str], percents: dict[str, int], *, included: bool) -> dict[str, Any]:
    return {
        "countries": countries,
        "tax": {
            "prices_include_tax": included,
            "home_country": "NL",
            "default_country": "NL" if included else "US",
            "percents": percents,
        },
        "carriers": {
            "freeshipping": _carrier("Free Shipping", "Free", "freeshipping", 0, minimum=100),
            "flatrate": _carrier("Flat Rate", "Fixed", "flatrate", 2.95, per_item=True),
            "tablerate": _carrier("Best Way", "Table Rate", "bestway", 14.5),
        },
        "payments": {
            "checkmo": _payment("Check / Money order"),
            "banktransfer": _payment("Bank Transfer Payment"),
            "cashondelivery": _payment("Cash On Delivery"),
            "purchaseorder": _payment("Purchase Order", active=False),
            "free": _payment("No Payment Information Required"),
        },
        "minimum_order": None,
    }


def _carrier(
    title: str, name: str, method: str, price: float, *, minimum: int = 0, per_item: bool = False
) -> dict[str, Any]:
    row: dict[str, Any] = {"title": title, "name": name, "method": method, "price": price, "per_item": per_item}
    return row | {"minimum": minimum, "active": True, "countries": []}


def _payment(title: str, *, active: bool = True) -> dict[str, Any]:
    return {"title": title, "active": active, "countries": [], "maximum": None}
