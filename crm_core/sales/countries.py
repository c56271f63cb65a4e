"""The countries that a cart's store view sells to, with their regions: what an address can be entered with.

Nothing here writes. The list is large and changes rarely, so the process keeps it for an hour.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from crm_core.magento import directory
from crm_core.sales.address_rules import NO_POSTCODE, lacks_region
from crm_core.sales.preflight.standing import standing
from crm_core.sales.shops import reader, store_code
from crm_core.store.database import Store
from crm_core.sync.channels import OpenShop, opened

_KEPT_SECONDS = 3600


@dataclass(frozen=True)
class Region:
    """A region that Magento knows by number; `id` goes into an address as its region_id."""

    id: int
    name: str


@dataclass(frozen=True)
class Country:
    """A country that the store view sells to, by its ISO code. Without `regions` a region is free text there."""

    id: str
    name: str
    regions: tuple[Region, ...]

    @property
    def needs_region(self) -> bool:
        """Whether Magento's own settings want one; this shop's cannot be read."""
        return lacks_region(self.id, None, has_regions=bool(self.regions))

    @property
    def needs_postcode(self) -> bool:
        """Whether Magento's own settings want one; this shop's cannot be read."""
        return self.id not in NO_POSTCODE


_known: dict[tuple[str, str], tuple[float, tuple[Country, ...]]] = {}
_lock = threading.Lock()


def countries_of(store: Store, cart_key: int) -> tuple[Country, ...]:
    """The countries that the cart's store view sells to, by name in its language.

    Raises NotFound for an unknown cart, NotAllowed if no channel reads it, and what the client raises.
    """
    known = standing(store, cart_key)
    with opened(store, reader(known.channel)) as shop:
        return countries_sold_to(shop, known.row.store_id)


def countries_sold_to(shop: OpenShop, store_id: int) -> tuple[Country, ...]:
    """The countries that the store view, by its origin id, sells to. Raises NotAllowed if the desk does not know it."""
    code = store_code(shop, store_id)
    connection = shop.magento.connection
    key = (connection.base_url, code)
    with _lock:
        kept = _known.get(key)
    if kept is not None and time.monotonic() - kept[0] < _KEPT_SECONDS:
        return kept[1]
    countries = tuple(_country(each) for each in directory.Directory(connection).countries(code))
    with _lock:
        _known[key] = (time.monotonic(), countries)
    return countries


def _country(country: directory.Country) -> Country:
    regions = (Region(each.id, each.name or each.code or str(each.id)) for each in country.available_regions or ())
    return Country(country.id, country.name, tuple(sorted(regions, key=lambda region: region.name)))
