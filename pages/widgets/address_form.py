"""The form of an address of a cart, to start from the address book or from nothing, and that of a guest's e-mail."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from msgspec import structs

from crm_core.errors import DeskError
from crm_core.insight.cart_record import CartRecord
from crm_core.insight.names import full_name
from crm_core.sales.cart_addresses import Addresses, AddressKind
from crm_core.sales.cart_fixes import EnterAddress, EnterEmail
from crm_core.sales.countries import Country, countries_of
from crm_core.store.documents import Address
from pages.widgets import desk
from pages.widgets.layout import row
from pages.widgets.mending import Mending
from pages.widgets.text import escaped, plain

_STARRED = {"firstname", "lastname", "street", "city", "telephone"}


def draw_addresses_editor(mending: Mending, cart: CartRecord) -> None:
    """Both addresses of the cart, one at a time, and the e-mail address of a guest."""
    kinds = [AddressKind.BILLING] if cart.is_virtual else [AddressKind.SHIPPING, AddressKind.BILLING]
    kind = kinds[0]
    if len(kinds) > 1:
        kind = st.segmented_control(
            "Address",
            kinds,
            default=kind,
            required=True,
            format_func=lambda each: f"{each.value.capitalize()} address",
            key=f"{mending.place}-kind",
            label_visibility="collapsed",
        )
    draw_address_form(mending, cart, kind)
    if cart.is_guest and cart.billing_address is not None:
        st.markdown("**E-mail address of the guest**")
        draw_email_form(mending, cart)


def draw_email_form(mending: Mending, cart: CartRecord) -> None:
    """The e-mail address that the guest's order is confirmed to: a part of the billing address."""
    if cart.billing_address is None:
        st.caption("The billing address holds it: enter both with that address.")
        return
    seen = mending.shown("guest-email", mending.key("guest-email"), cart.email)
    with st.form(f"{mending.place}-email-form", border=False), row(gap="xsmall", wrap=False):
        st.text_input(
            "E-mail address",
            value=cart.email or "",
            key=mending.key("guest-email"),
            placeholder="name@example.com",
            label_visibility="collapsed",
            icon=":material/mail:",
        )
        mending.submit(
            "Save", "guest-email", lambda: EnterEmail(str(mending.value("guest-email") or ""), seen), width="content"
        )
    mending.draw_trouble("guest-email")


def draw_address_form(mending: Mending, cart: CartRecord, kind: AddressKind) -> None:
    """The fields of the cart's shipping or billing address; required ones are starred, as is the country's region."""
    spot = f"{kind.value}-address"
    starts = _starts(cart, kind)
    try:
        with st.spinner("Reading the shop's countries…"):
            countries = {each.id: each for each in countries_of(desk.store(), cart.key)}
    except DeskError as error:
        desk.say(error)
        return
    field = mending.key(spot, "start")
    seen = mending.shown(spot, field, Addresses(cart.shipping_address, cart.billing_address))
    with row(gap="small", vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Start from",
            range(len(starts)),
            format_func=lambda number: starts[number][0],
            key=field,
            width="stretch",
        )
        start = starts[chosen][1]
        here = list(countries)
        own = start.country_id if start.country_id in countries else here[0] if len(here) == 1 else None
        country_id = st.selectbox(
            "Country *",
            here,
            index=None if own is None else here.index(own),
            format_func=lambda code: plain(countries[code].name, 60),
            placeholder="Choose",
            key=mending.key(spot, chosen, "country"),
            width="stretch",
        )
    if start.country_id and start.country_id not in countries:
        st.warning(
            f"The store does not sell to the country of this address ({escaped(start.country_id, 8)}). Choose another.",
            icon=":material/public_off:",
        )
    country = None if country_id is None else countries[country_id]
    with st.form(f"{mending.place}-{spot}-form", border=False), st.container(gap="xsmall"):
        # An order takes it from the billing address; a first shipping address is saved as that, too.
        asks_email = cart.is_guest and (kind is AddressKind.BILLING or cart.billing_address is None)
        _draw_fields(mending, (spot, chosen), start, country, email=cart.email or "" if asks_email else None)
        if not cart.is_virtual:
            is_first = cart.shipping_address is None or cart.billing_address is None
            st.checkbox("Use it for shipping and billing", value=is_first, key=mending.key(spot, "both"))
        mending.submit(
            f"Save the {kind.value} address",
            spot,
            lambda: EnterAddress(
                AddressKind.BOTH if mending.value(spot, "both") else kind,
                _entered(mending, (spot, chosen), start, country),
                seen,
            ),
            type="primary",
        )
    mending.draw_trouble(spot)


def _starts(cart: CartRecord, kind: AddressKind) -> list[tuple[str, Address]]:
    """What the form can start from, with its label: the cart's own address first, an empty one last."""
    own, other = cart.shipping_address, cart.billing_address
    names = ("The shipping address of this cart", "The billing address of this cart")
    if kind is AddressKind.BILLING:
        own, other, names = other, own, names[::-1]
    known = [(name, each) for name, each in zip(names, (own, other), strict=True) if each is not None]
    known += [(_in_book(each), each) for each in cart.customer.addresses]
    return [*known, ("A new address", Address(firstname=None, country_id=None))]


def _in_book(address: Address) -> str:
    place = " ".join(part for part in (address.postcode, address.city) if part)
    parts = (full_name(address.firstname, address.lastname), *address.street, place)
    return f"Address book: {plain(', '.join(part for part in parts if part), 90)}"


def _draw_fields(
    mending: Mending, names: Sequence[object], start: Address, country: Country | None, *, email: str | None
) -> None:
    """`email` is the guest's; None: it is not asked for here."""

    def text(label: str, name: str, value: str | None) -> None:
        star = " *" if name in _STARRED else ""
        st.text_input(f"{label}{star}", value=value or "", key=mending.key(*names, name), max_chars=255)

    with st.grid(2, min_column_width=160, gap="xsmall"):
        text("First name", "firstname", start.firstname)
        text("Last name", "lastname", start.lastname)
    text("Company", "company", start.company)
    st.text_area(
        "Street *", value="\n".join(start.street), key=mending.key(*names, "street"), height=68, max_chars=1000
    )
    with st.grid(2, min_column_width=160, gap="xsmall"):
        needs_postcode = country is None or country.needs_postcode
        text("Postcode *" if needs_postcode else "Postcode", "postcode", start.postcode)
        text("City", "city", start.city)
        _draw_region(mending, names, start, country)
        text("Telephone", "telephone", start.telephone)
        text("VAT number", "vat_id", start.vat_id)
        if email is not None:
            text("E-mail address", "email", start.email or email)


def _draw_region(mending: Mending, names: Sequence[object], start: Address, country: Country | None) -> None:
    label = "Region *" if country is not None and country.needs_region else "Region"
    key = mending.key(*_region(names, country))
    if country is None or not country.regions:
        st.text_input(label, value=start.region or "", key=key, max_chars=255)
        return
    regions = {region.id: plain(region.name, 60) for region in country.regions}
    ids = list(regions)
    st.selectbox(
        label,
        ids,
        index=ids.index(start.region_id) if start.region_id in regions else None,
        format_func=regions.__getitem__,
        placeholder="Choose",
        key=key,
    )


def _region(names: Sequence[object], country: Country | None) -> tuple[object, ...]:
    """What the region's field is known by: one of its own for each country, while what was typed elsewhere stays."""
    return (*names, "region", None if country is None else country.id)


def _entered(mending: Mending, names: Sequence[object], start: Address, country: Country | None) -> Address:
    """What the fields hold, with what the form does not ask for as it was."""

    def text(name: str) -> str | None:
        return mending.value(*names, name) or None

    has_regions = country is not None and bool(country.regions)
    region = mending.value(*_region(names, country))
    return structs.replace(
        start,
        firstname=text("firstname"),
        lastname=text("lastname"),
        company=text("company"),
        street=str(mending.value(*names, "street") or "").splitlines(),
        postcode=text("postcode"),
        city=text("city"),
        telephone=text("telephone"),
        vat_id=text("vat_id"),
        email=text("email") or start.email,
        country_id=None if country is None else country.id,
        region=None if has_regions else region or None,
        region_id=region if has_regions else None,
        region_code=None,
    )
