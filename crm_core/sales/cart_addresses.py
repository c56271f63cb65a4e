"""Entering the addresses and the e-mail address of a cart; checked first, as Magento saves incomplete ones silently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msgspec import structs

from crm_core.errors import BadInput, ChangedMeanwhile, NotAllowed
from crm_core.magento import payloads
from crm_core.magento.directory import Directory
from crm_core.sales.address_rules import is_email, lacking, lacks_region
from crm_core.sales.cart_writing import CartWriting, Mended
from crm_core.sales.preflight.standing import Standing
from crm_core.store.documents import Address, decode_address, encode
from crm_core.sync.changes import address_parts_changed

_COMPARED = ("firstname", "lastname", "street", "city", "postcode", "country_id", "telephone")


class AddressKind(StrEnum):
    """Which address of a cart."""

    SHIPPING = "shipping"
    BILLING = "billing"
    BOTH = "both"


@dataclass(frozen=True)
class Addresses:
    """Both addresses of a cart as a person saw them; None: there was none."""

    shipping: Address | None
    billing: Address | None


def enter_address(
    cart: CartWriting, kind: AddressKind, address: Address, seen: Addresses, shipping_code: str | None
) -> Mended:
    """The cart has the address; a guest keeps the e-mail address unless this one brings another.

    A shipping address of its own is saved with a way of shipping: `shipping_code` (carrier_method), else the cart's,
    else the cheapest that the shop offers there. Raises ChangedMeanwhile if an address that this one takes the place of
    is no longer as `seen`, BadInput, naming what is missing or not offered.
    """
    row = cart.before.row
    if kind is not AddressKind.BILLING and row.is_virtual:
        raise BadInput("Nothing in this cart is sent, so it has no shipping address. Enter the billing address.")
    changed = _changed_meanwhile(cart, kind, seen)
    if changed:
        raise ChangedMeanwhile(f"{changed} It was left so; if you still want to change it, do it again.")
    address = _checked(cart, address)
    if row.is_guest and not address.email:
        address = structs.replace(address, email=row.email)
    label = "Addresses" if kind is AddressKind.BOTH else f"{kind.value.capitalize()} address"
    if kind is AddressKind.SHIPPING:
        _save_shipping(cart, label, address, _billing(cart) or address, shipping_code)
    else:
        _save_billing(cart, label, address, use_for_shipping=kind is AddressKind.BOTH)
    return cart.done(lambda _: f"{label} saved.")


def enter_email(cart: CartWriting, email: str, seen: str | None) -> Mended:
    """The guest's cart has the e-mail address. Raises NotAllowed for a customer's cart, or without a billing address.

    An order takes it from the billing address (observed on Magento 2.4.7); another one in the shipping address is
    replaced too. Raises ChangedMeanwhile if the cart's is no longer the one that was `seen`.
    """
    email = email.strip()
    if not is_email(email):
        raise BadInput(f"“{email}” is not an e-mail address.")
    if not cart.before.row.is_guest:
        raise NotAllowed("The cart is a customer's, and has the customer's e-mail address. Change it in the account.")
    billing, shipping = _billing(cart), _address(cart.before.row.shipping_address)
    if billing is None:
        raise NotAllowed("Enter the billing address first: the e-mail address is a part of it.")
    if (cart.before.row.email or None) != (seen or None):
        holds = cart.before.row.email or "the cart has none"
        raise ChangedMeanwhile(
            f"The cart's e-mail address has changed meanwhile: {holds} now. It was left so; if you still want to "
            "change it, do it again."
        )
    billing = structs.replace(billing, email=email)
    if shipping is not None and shipping.email and shipping.email != email:
        _save_shipping(cart, "E-mail address", structs.replace(shipping, email=email), billing, None)
    else:
        _save_billing(cart, "E-mail address", billing, use_for_shipping=False)
    return cart.done(lambda _: f"The e-mail address is now {email}.")


def _changed_meanwhile(cart: CartWriting, kind: AddressKind, seen: Addresses) -> str:
    """What addresses of the kind say now that are not as they were seen, in sentences; empty if all are.

    The shop does not tell the shipping address of a cart without lines (observed on Magento 2.4.7), so there it counts
    as seen.
    """
    row = cart.before.row
    changed: dict[str, list[str]] = {}
    if kind is not AddressKind.BILLING and row.items_count:
        changed.setdefault(_change(seen.shipping, row.shipping_address), []).append("shipping")
    if kind is not AddressKind.SHIPPING:
        changed.setdefault(_change(seen.billing, row.billing_address), []).append("billing")
    return " ".join(
        f"The {' and the '.join(names)} address {'has' if len(names) == 1 else 'have'} {words}."
        for words, names in changed.items()
        if words
    )


def _change(seen: Address | None, held: str | None) -> str:
    """What became of an address, to follow "has"; empty if it still says what was seen."""
    parts = address_parts_changed(None if seen is None else encode(seen), held)
    if not parts:
        return ""
    if held is None:
        return "been removed meanwhile"
    told = ", ".join(f"{part} {value}" if value else f"no {part}" for part, value in parts.items())
    return f"been entered meanwhile: {told}" if seen is None else f"changed meanwhile: {told}"


def _save_billing(cart: CartWriting, doing: str, address: Address, *, use_for_shipping: bool) -> None:
    cart.write(
        doing,
        lambda: cart.shop.checkout.set_billing_address(
            cart.cart_id, cart.code, for_shop(address), use_for_shipping=use_for_shipping
        ),
        _holds("billing_address", address),
    )


def _save_shipping(
    cart: CartWriting, doing: str, address: Address, billing: Address, shipping_code: str | None
) -> None:
    carrier, method = _way(cart, address, shipping_code)
    cart.write(
        doing,
        lambda: cart.shop.checkout.set_shipping_information(
            cart.cart_id,
            cart.code,
            shipping_address=for_shop(address),
            billing_address=for_shop(billing),
            carrier_code=carrier,
            method_code=method,
        ),
        _holds("shipping_address", address),
    )


def _way(cart: CartWriting, address: Address, wanted: str | None) -> tuple[str, str]:
    """Carrier and method to save with the address: Magento saves none without."""
    methods = cart.shop.checkout.estimate_shipping_methods(cart.cart_id, cart.code, for_shop(address))
    offered = {
        f"{each.carrier_code}_{each.method_code}": (each.carrier_code, each.method_code)
        for each in sorted(methods, key=lambda each: each.price_incl_tax or each.amount or 0)
        if each.available is not False and each.method_code is not None
    }
    if not offered:
        raise BadInput("The shop offers no way of shipping to this address. Nothing was saved.")
    if wanted is not None and wanted not in offered:
        raise BadInput(f"The shop does not offer that way of shipping to this address, but: {', '.join(offered)}.")
    return offered.get(wanted or cart.before.row.shipping_method or "") or next(iter(offered.values()))


def for_shop(address: Address) -> payloads.Address:
    """The address as the shop is sent it, without what is empty and without its place in the address book."""
    known = {name: getattr(address, name) for name in Address.__struct_fields__}
    return payloads.Address(**{name: known[name] for name in payloads.Address.__struct_fields__ if known.get(name)})


def _checked(cart: CartWriting, address: Address) -> Address:
    """The address without blanks around its parts. Raises BadInput, naming what is missing."""
    values: dict[str, Any] = {
        name: value.strip() or None if isinstance(value, str) else value
        for name, value in structs.asdict(address).items()
    }
    values["street"] = [line.strip() for line in address.street if line.strip()]
    tidy = Address(**values)
    missing = lacking(tidy)
    if missing:
        raise BadInput(f"The address lacks: {', '.join(missing)}.")
    if tidy.email and not is_email(tidy.email):
        raise BadInput(f"“{tidy.email}” is not an e-mail address.")
    return _with_region(cart, tidy)


def _with_region(cart: CartWriting, address: Address) -> Address:
    """The address with the region as the shop spells it. Raises BadInput for a country or region that it has not."""
    country = Directory(cart.connection).country(cart.code, address.country_id or "")
    if country is None:
        raise BadInput(f"The store does not sell to the country {address.country_id}. Nothing was saved.")
    regions = {region.id: region for region in country.available_regions or ()}
    if address.region_id is not None and address.region_id not in regions:
        raise BadInput("The region is not one of that country. Choose it again.")
    if address.region_id is not None:
        region = regions[address.region_id]
        return structs.replace(address, region=region.name, region_code=region.code)
    if lacks_region(address.country_id, address.region, has_regions=bool(regions)):
        raise BadInput("Choose a region: Magento wants one in this country.")
    return address


def _billing(cart: CartWriting) -> Address | None:
    return _address(cart.before.row.billing_address)


def _address(text: str | None) -> Address | None:
    """The address of the column; None also for Magento's blank one, which has no country."""
    address = None if text is None else decode_address(text)
    return address if address is not None and address.country_id else None


def _holds(column: str, wanted: Address) -> Callable[[Standing], bool]:
    def shows(now: Standing) -> bool:
        found = _address(getattr(now.row, column))
        return (
            found is not None
            and all(getattr(found, name) == getattr(wanted, name) for name in _COMPARED)
            and (not wanted.email or now.row.email == wanted.email)
        )

    return shows
