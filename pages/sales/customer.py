"""One customer: what they bought, what stands in their carts, how to reach them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

import streamlit as st

from crm_core.insight.admin_places import places_of_customer
from crm_core.insight.customer_record import BoughtItem, CustomerRecord, customer_record
from crm_core.insight.statuses import StatusStyle, cart_status_style, order_status_style
from crm_core.store.documents import Address
from crm_core.sync.record import synchronise_customer
from pages.widgets import desk, listing, new_cart, screen_address
from pages.widgets.addresses import address_lines
from pages.widgets.admin_instead import draw_admin_instead
from pages.widgets.grid import Shown, draw_grid
from pages.widgets.layout import card, key_facts, row
from pages.widgets.lines import NumberColumn, draw_lines, product
from pages.widgets.listing import Listing
from pages.widgets.record_header import (
    draw_synchronise,
    draw_title,
    draw_what_synchronising_said,
    open_record,
)
from pages.widgets.status import chip, chips
from pages.widgets.text import ago, escaped, joined_money, mail_link, money, plain, plural, quantity, when
from pages.widgets.timeline import draw_timeline

_NOT_SORTED = ("", False)
_ADDRESSES_SHOWN = 4


@dataclass(frozen=True)
class _Row:
    """A cart or an order of the customer, as the lists here show it."""

    key: int
    style: StatusStyle
    amount: str
    number: str
    qty: Decimal
    at: datetime


@desk.guarded
def _screen() -> None:
    who, _ = open_record("customers", customer_record)
    _header(who)
    draw_what_synchronising_said(who.key)
    if who.gone_at:
        st.warning(
            f"The shop no longer has this customer, noticed {when(who.gone_at, desk.reader_zone())}. "
            "Carts and orders are kept.",
            icon=":material/person_off:",
        )
    _summary(who)
    main, aside = st.columns([2.1, 1], gap="small")
    with main:
        _carts(who)
        _orders(who)
        _items(who)
    with aside:
        _addresses(who)
        draw_timeline(who.timeline)
        draw_admin_instead(partial(places_of_customer, who), "customer")
    new_cart.draw_if_open()


def _header(who: CustomerRecord) -> None:
    badges = [f":blue-badge[:material/group: {escaped(who.group, 40)}]" if who.group else ""]
    if who.gone_at:
        badges.append(":red-badge[:material/person_off: Deleted in the shop]")
    facts = [
        f"Customer {who.origin_id}",
        escaped(who.channel.name, 60) if who.channel else "no channel reads it any more",
        f"{escaped(who.website, 60)} website",
        f"{escaped(who.store_view.name, 60)} store view" if who.store_view else "",
    ]
    title = escaped(who.name, 80) or f"Customer {who.origin_id}"
    with draw_title(title, [each for each in badges if each], who.synchronised_at, facts):
        draw_synchronise(who.key, synchronise_customer)
        new_cart.draw_button(who.key)


def _summary(who: CustomerRecord) -> None:
    zone = desk.reader_zone()
    bought = who.bought
    with card():
        key_facts(
            [
                ("Bought, less refunds", f"**{joined_money(bought.value) or '—'}**"),
                ("Orders not cancelled", f"**{bought.orders:,}**"),
                ("Average order", joined_money(bought.average) or "—"),
                ("Last order", ago(bought.last_at, zone)),
                ("Customer since", when(who.created_at, zone)),
            ],
            5,
        )
        ways = _ways_to_reach(who)
        if ways:
            with row():
                for way in ways:
                    st.markdown(f":small[{way}]", width="content")


def _ways_to_reach(who: CustomerRecord) -> list[str]:
    """How to reach them, before anything long: on a phone it is what a person came for. Markdown."""
    telephones = dict.fromkeys(each.telephone for each in who.addresses if each.telephone)
    newsletter = {True: "Gets the newsletter", False: "No newsletter", None: ""}[who.is_subscribed]
    ways = [
        f":gray[:material/mail:] {mail_link(who.email)}" if who.email else "",
        *(f":gray[:material/call:] {escaped(each, 40)}" for each in list(telephones)[:2]),
        f":gray[:material/newspaper: {newsletter}]" if newsletter else "",
    ]
    return [way for way in ways if way]


def _carts(who: CustomerRecord) -> None:
    rows = [
        _Row(
            each.key,
            cart_status_style(each.status),
            money(each.told_subtotal, each.base_currency),
            str(each.origin_id),
            each.items_qty,
            each.updated_at,
        )
        for each in who.carts
    ]
    everything = listing.everything("carts", email=who.email, with_items=False)
    aside = "open ones first · without tax and discount"
    _list("cart", ("Subtotal", "Cart", "Updated"), rows, who.cart_count, aside, everything)


def _orders(who: CustomerRecord) -> None:
    rows = [
        _Row(
            each.key,
            order_status_style(each.state, each.status),
            money(each.grand_total, each.currency),
            plain(each.increment_id, 40) + (" (deleted)" if each.gone_at else ""),
            each.items_qty,
            each.created_at,
        )
        for each in who.orders
    ]
    everything = listing.everything("orders", email=who.email)
    _list("order", ("Total", "Order", "Placed"), rows, who.order_count, "newest first", everything)


def _list(
    one: str,
    labels: tuple[str, str, str],
    rows: Sequence[_Row],
    count: int,
    aside: str,
    everything: Listing,
) -> None:
    """The carts or the orders; where there are more than the table holds, `everything` leads to the whole list.

    `labels` are those of the amount, the number and the time.
    """
    amount, number, at = labels
    with card(f"{one.capitalize()}s", aside if rows else "", gap="small"):
        if not rows:
            st.caption(f"No {one} of this customer is mirrored.")
            return
        draw_grid(
            name=f"their-{one}s",
            # On a phone the first columns are seen without scrolling.
            columns=(
                Shown("status", "Status", 104, "chip", sortable=False),
                Shown("amount", amount, 100, "amount", sortable=False),
                Shown("number", number, 88, sortable=False),
                Shown("qty", "Qty", 56, "amount", sortable=False),
                Shown("at", at, 120, "instant", sortable=False),
            ),
            cells={
                "status": [chip(each.style) for each in rows],
                "amount": [each.amount for each in rows],
                "number": [each.number for each in rows],
                "qty": [quantity(each.qty) for each in rows],
                "at": [each.at for each in rows],
            },
            chips=chips({each.style for each in rows}),
            zone=desk.reader_zone(),
            sort=_NOT_SORTED,
            on_view=lambda index: screen_address.leave(f"pages/sales/{one}.py", id=str(rows[index].key)),
            on_sort=lambda _: None,
        )
        if count > len(rows):
            # Not a link: its address would hold an id for the e-mail address, and drawing a customer writes nothing.
            st.button(
                f"The newest {len(rows)} of {plural(count, one)}: show all",
                icon=":material/arrow_forward:",
                type="tertiary",
                key=f"all-{one}s",
                on_click=_show_all,
                args=(everything, f"pages/sales/{one}s.py"),
            )


def _show_all(everything: Listing, page: str) -> None:
    listing.leave(everything, page, **screen_address.left_for(page))


def _items(who: CustomerRecord) -> None:
    with card("Products bought", "without tax, after discount" if who.items else "", gap="small"):
        if not who.items:
            st.caption("Nothing yet.")
            return
        for currency in dict.fromkeys(each.currency for each in who.items):
            items = [each for each in who.items if each.currency == currency]
            draw_lines(
                [_item(each) for each in items],
                [NumberColumn("Orders"), NumberColumn("Pieces"), NumberColumn("Amount", currency)],
                [(Decimal(each.orders), each.pieces, each.amount) for each in items],
                f"Products bought in {escaped(currency, 3)}",
            )


def _item(item: BoughtItem) -> str:
    day = item.last_at.astimezone(desk.reader_zone())
    last = f"{day.day} {day:%b %Y}"
    return product(item.name, item.sku) + f":small[:gray[ · last {last}]]"


def _addresses(who: CustomerRecord) -> None:
    with card("Address book", plural(len(who.addresses), "address", "addresses") if who.addresses else "", gap="small"):
        if not who.addresses:
            st.caption("The customer has saved no address.")
        for address in who.addresses[:_ADDRESSES_SHOWN]:
            _address(address)
        more = who.addresses[_ADDRESSES_SHOWN:]
        if more:
            with st.expander(plural(len(more), "more address", "more addresses"), icon=":material/home_pin:"):
                for address in more:
                    _address(address)


def _address(address: Address) -> None:
    uses = [
        use
        for use, is_so in (("Billing", address.is_default_billing), ("Shipping", address.is_default_shipping))
        if is_so
    ]
    label = f"{' and '.join(uses)} by default".capitalize() if uses else "Also known"
    body = "  \n".join(f":small[{line}]" for line in address_lines(address))
    st.markdown(f":small[:gray[{label}]]  \n{body}")


_screen()
