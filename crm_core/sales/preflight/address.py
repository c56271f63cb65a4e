"""Checks of where it goes and who pays: the fields that Magento requires, the country, the region."""

from __future__ import annotations

from crm_core.magento.directory import Country
from crm_core.magento.payloads import Address
from crm_core.sales.address_rules import lacking, lacks_region, street_of
from crm_core.sales.preflight.asking import Told
from crm_core.sales.preflight.check import Check, Code, Figure, Fix, FixKind, Verdict, passes, untold
from crm_core.sales.preflight.reading import Reading


def address_checks(reading: Reading) -> list[Check]:
    """The shipping address, unless nothing is sent, and the billing address."""
    cart = reading.cart.value
    if cart is None:
        return []
    checks = []
    if not cart.is_virtual:
        checks.append(_check(Code.SHIPPING_ADDRESS, "shipping", reading.shipping_address, reading))
    checks.append(_check(Code.BILLING_ADDRESS, "billing", cart.billing_address, reading))
    return checks


def _check(code: Code, kind: str, address: Address | None, reading: Reading) -> Check:
    cart = reading.cart.value
    has_book = cart is not None and cart.customer is not None and cart.customer.id is not None
    if address is None or not (address.country_id or address.city or address.lastname or street_of(address)):
        return Check(
            code,
            Verdict.FAIL,
            f"No {kind} address",
            "Enter one, or pick it from the customer's address book." if has_book else "Enter one.",
            fixes=_enter(kind, ("address",)),
        )
    missing = lacking(address)
    country_id = address.country_id
    country = None if country_id is None else reading.countries.get(country_id)
    if country_id and country is not None and country.is_told and country.value is None:
        return Check(
            code,
            Verdict.FAIL,
            f"The store does not sell to the country of the {kind} address ({country_id})",
            "Enter an address in a country that it sells to.",
            figures=(Figure("Country", country_id),),
            fixes=_enter(kind, ("country", *missing)),
        )
    missing += _region_problem(address, country)
    if missing:
        return Check(
            code,
            Verdict.FAIL,
            f"The {kind} address lacks {_and(missing)}",
            _why(missing),
            fixes=_enter(kind, tuple(missing)),
        )
    if country is not None and not country.is_told:
        return untold(code, f"The country of the {kind} address", country.trouble)
    if not address.postcode:
        return Check(
            code,
            Verdict.LOOK,
            f"The {kind} address has no postcode",
            f"Magento's own settings let {country_id} go without one; this shop's cannot be read.",
            fixes=_enter(kind, ("postcode",)),
        )
    return passes(code, f"{kind.capitalize()} address: {_short(address)}")


def _region_problem(address: Address, told: Told[Country | None] | None) -> list[str]:
    country = None if told is None else told.value
    regions = {region.id for region in (country.available_regions if country else None) or ()}
    if address.region_id:
        return (
            ["region (the one it has is not known to the shop)"] if regions and address.region_id not in regions else []
        )
    return ["region"] if lacks_region(address.country_id, address.region, has_regions=bool(regions)) else []


def _why(missing: list[str]) -> str:
    if missing == ["region"]:
        return "Magento's own settings want a region in this country; this shop's cannot be read. Choose one."
    if missing == ["postcode"]:
        return "Magento wants one in every country but a few that its settings exempt. Enter it."
    return "The shop refuses the order until it is complete."


def _short(address: Address) -> str:
    return ", ".join(part for part in (street_of(address), address.postcode, address.city, address.country_id) if part)


def _enter(kind: str, fields: tuple[str, ...]) -> tuple[Fix, ...]:
    return (Fix(FixKind.ENTER_ADDRESS, f"Enter the {kind} address", {"kind": kind, "fields": fields}),)


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
