"""Addresses as cards and countries by name; every word of the shop's is shown letter for letter."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import streamlit as st
from babel import Locale

from crm_core.store.documents import Address
from pages.widgets.layout import card
from pages.widgets.text import escaped

_NOTHING = ":gray[None given]"


@lru_cache(maxsize=1)
def _countries() -> dict[str, str]:
    return dict(Locale.parse("en_GB").territories)


def country_name(code: str | None) -> str:
    """The English name of a country by its ISO code; the code itself where there is no such country."""
    return _countries().get(code, code) if code else ""


@lru_cache(maxsize=1)
def country_options() -> tuple[str, ...]:
    """ISO codes of all countries, by their English names."""
    names = _countries()
    return tuple(
        sorted((code for code in names if len(code) == 2 and code not in _NOT_COUNTRIES), key=names.__getitem__)
    )


_NOT_COUNTRIES = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})


def address_lines(address: Address) -> list[str]:
    """The lines of a postal address as Markdown."""
    name = " ".join(
        part
        for part in (address.prefix, address.firstname, address.middlename, address.lastname, address.suffix)
        if part
    )
    place = " ".join(part for part in (address.postcode, address.city) if part)
    lines = [
        name,
        address.company or "",
        *address.street,
        place,
        address.region or "",
        country_name(address.country_id),
    ]
    shown = [escaped(line, 80) for line in lines if line and line.strip()]
    if address.telephone:
        shown.append(f":gray[:material/call:] {escaped(address.telephone, 40)}")
    if address.vat_id:
        shown.append(f":gray[VAT] {escaped(address.vat_id, 40)}")
    return shown


def address_card(
    shipping: Address | None, billing: Address | None, is_virtual: bool, action: Callable[[], None] | None = None
) -> None:
    """Both addresses of a cart or an order, the second by reference where it is the same; `action` draws a button."""
    with card("Addresses", action=action, gap="small"), st.grid(2, min_column_width=120, gap="small"):
        _address("Shipping", shipping, "Nothing is shipped" if is_virtual else _NOTHING)
        same = billing is not None and shipping is not None and address_lines(billing) == address_lines(shipping)
        if same:
            _address("Billing", None, "Same as shipping")
        else:
            _address("Billing", billing, _NOTHING)


def _address(label: str, address: Address | None, otherwise: str) -> None:
    lines = address_lines(address) if address else []
    body = "  \n".join(f":small[{line}]" for line in lines) or f":small[{otherwise}]"
    st.markdown(f":small[:gray[{label}]]  \n{body}")
