"""What an address in the shop may hold, countries with their regions, and what its currencies are worth.

Nothing here writes. Which countries require a region, and which need no postcode, REST does not tell (observed on
Magento 2.4.7). The answers are large and change rarely: callers keep them. Countries need no permission.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from crm_core.errors import ShopHasNoSuch
from crm_core.magento.connection import Connection
from crm_core.magento.decoding import decode
from crm_core.magento.paths import segment, store_view
from crm_core.magento.payloads import Id


class CountryRegion(msgspec.Struct, frozen=True, gc=False):
    """A region that Magento knows by number; `id` goes into an address as its region_id."""

    id: Id
    code: str | None = None
    name: str | None = None


class Country(msgspec.Struct, frozen=True, gc=False):
    """A country that the store sells to. Without regions of its own, a region is free text there."""

    id: str
    full_name_locale: str | None = None
    full_name_english: str | None = None
    available_regions: list[CountryRegion] | None = None

    @property
    def name(self) -> str:
        """The name in the store view's language, else in English, else the code."""
        return self.full_name_locale or self.full_name_english or self.id


class _Rate(msgspec.Struct, gc=False):
    currency_to: str
    rate: float


class _Currencies(msgspec.Struct, gc=False):
    exchange_rates: list[_Rate] | None = None


class Directory:
    """The shop's countries and exchange rates. Every method raises what `Connection.get` raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def countries(self, store_code: str) -> list[Country]:
        """The countries that the store view sells to, by name; those of another view may differ."""
        answer = self._connection.get("/V1/directory/countries", store=store_view(store_code))
        countries: list[Country] = decode(answer, list[Country], "the list of countries")
        return sorted(countries, key=lambda country: country.name)

    def country(self, store_code: str, country_id: str) -> Country | None:
        """The country with its regions; None if the store view does not sell to it (404, observed on 2.4.7)."""
        path = f"/V1/directory/countries/{segment(country_id)}"
        try:
            answer = self._connection.get(path, store=store_view(store_code))
        except ShopHasNoSuch:
            return None
        country: Country = decode(answer, Country, f"the country {country_id}")
        return country

    def exchange_rates(self, store_code: str) -> dict[str, Decimal]:
        """How much of each currency one unit of the base currency is today; a cart keeps the rate it was reckoned by.

        Magento tells the currencies that the store view sells in.
        """
        answer = self._connection.get("/V1/directory/currency", store=store_view(store_code))
        currencies: _Currencies = decode(answer, _Currencies, "the exchange rates")
        return {each.currency_to: Decimal(repr(each.rate)) for each in currencies.exchange_rates or ()}
