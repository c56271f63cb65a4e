"""What an address and an e-mail address must hold for Magento to take an order: the rules of checks and of entering.

Which countries need a region, and which no postcode, REST does not tell (observed on Magento 2.4.7); taken are the
settings that Magento comes with. A telephone number was required even where the shop had made it optional.
"""

from __future__ import annotations

import re

from crm_core.magento import payloads
from crm_core.store import documents

NO_POSTCODE = frozenset(("HK", "IE", "MO", "PA"))
"""Countries without a postcode in Magento's own settings."""

REGION_REQUIRED = frozenset(("AU", "BR", "CA", "CH", "CN", "EE", "ES", "HR", "IN", "LT", "LV", "MX", "RO", "US"))
"""Countries that need a region in Magento's own settings. A shop that asks for more is named under Code.RULES."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+\Z")
_FIELDS = (
    ("firstname", "first name"),
    ("lastname", "last name"),
    ("street", "street"),
    ("postcode", "postcode"),
    ("city", "city"),
    ("telephone", "telephone"),
    ("country_id", "country"),
)

AnyAddress = documents.Address | payloads.Address


def is_email(text: str) -> bool:
    """Whether Magento would take it for an e-mail address."""
    return _EMAIL.match(text) is not None


def street_of(address: AnyAddress) -> str:
    """The street on one line; empty for Magento's list with a blank in it."""
    return " ".join(line.strip() for line in address.street or () if line and line.strip())


def lacking(address: AnyAddress) -> list[str]:
    """What the address lacks, in words; regions aside, which are the country's matter."""
    return [words for name, words in _FIELDS if not _has(address, name)]


def lacks_region(country_id: str | None, region: str | None, *, has_regions: bool) -> bool:
    """Whether an address without a region_id must get one; `has_regions`: the shop lists some for the country.

    Where it lists none, a region in words will do.
    """
    return country_id in REGION_REQUIRED and (has_regions or not region)


def _has(address: AnyAddress, name: str) -> bool:
    if name == "street":
        return bool(street_of(address))
    return bool((getattr(address, name) or "").strip()) or (name == "postcode" and address.country_id in NO_POSTCODE)
