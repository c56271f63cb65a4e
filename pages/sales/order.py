"""One order: what was bought, what was paid, shipped and refunded, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

import streamlit as st

from crm_core.insight.admin_places import address_of_order, places_of_order
from crm_core.insight.breakdown import TotalRow
from crm_core.insight.order_record import OrderLine, OrderRecord, order_record
from crm_core.insight.statuses import cart_status_style, order_status_style
from crm_core.sync.record import synchronise_order
from pages.widgets import desk, order_actions
from pages.widgets.addresses import address_card
from pages.widgets.admin_instead import draw_admin_instead
from pages.widgets.attempts_card import draw_attempts
from pages.widgets.customer_card import draw_customer
from pages.widgets.layout import card, key_facts, sums
from pages.widgets.lines import NumberColumn, draw_lines, product
from pages.widgets.record_header import (
    draw_synchronise,
    draw_title,
    draw_what_synchronising_said,
    open_record,
    sold_at,
)
from pages.widgets.status import badge
from pages.widgets.text import ago, dotted, escaped, money, plural, quantity, unbroken, when
from pages.widgets.timeline import draw_timeline

_PAYMENT_BADGES = {
    "unpaid": "",
    "partly paid": ":orange-badge[:material/payments: Partly paid]",
    "paid": ":green-badge[:material/payments: Paid]",
    "partly refunded": ":orange-badge[:material/undo: Partly refunded]",
    "refunded": ":gray-badge[:material/undo: Refunded]",
}


@desk.guarded
def _screen() -> None:
    order, _ = open_record("orders", order_record)
    _header(order)
    order_actions.draw_if_asked(order)
    draw_what_synchronising_said(order.key)
    if order.gone_at:
        st.warning(
            f"The shop no longer has this order, noticed {when(order.gone_at, desk.reader_zone())}. "
            "It is left out of revenue.",
            icon=":material/delete:",
        )
    _summary(order)
    main, aside = st.columns([2.1, 1], gap="small")
    with main:
        _lines(order)
        draw_timeline(order.timeline)
        draw_attempts(order.attempts)
    with aside:
        _totals(order)
        _payment_and_shipping(order)
        draw_customer(order.customer, order.is_guest, order.email, order.shipping_address, order.billing_address)
        address_card(order.shipping_address, order.billing_address, order.is_virtual)
        draw_admin_instead(partial(places_of_order, order), "order")


def _header(order: OrderRecord) -> None:
    badges = [badge(order_status_style(order.state, order.status)), _PAYMENT_BADGES[order.payment]]
    facts = [
        escaped(order.name, 80) or ("Guest" if order.is_guest else ""),
        *sold_at(order.channel, order.store_view),
    ]
    with draw_title(f"Order {escaped(order.increment_id, 40)}", badges, order.synchronised_at, facts):
        draw_synchronise(order.key, synchronise_order)
        if address := address_of_order(order):
            st.link_button("Magento", address, icon=":material/open_in_new:", help="Opens the order in the admin")
        order_actions.draw_menu(order.key)


def _summary(order: OrderRecord) -> None:
    currency, zone = order.order_currency, desk.reader_zone()
    facts = [
        ("Grand total", f"**{money(order.grand_total, currency)}**"),
        ("Paid", money(order.total_paid or Decimal(0), currency)),
        ("Invoiced", money(order.total_invoiced or Decimal(0), currency)),
        ("Refunded", money(order.total_refunded or Decimal(0), currency)),
    ]
    if order.total_canceled:
        facts.append(("Cancelled", money(order.total_canceled, currency)))
    # An old order's age is its date.
    placed = dict.fromkeys((when(order.created_at, zone), ago(order.created_at, zone)))
    facts.append(("Placed", " :gray[·] ".join(map(unbroken, placed))))
    facts.append(("Updated", ago(order.updated_at, zone)))
    if order.placed_by:
        facts.append(("Placed by", escaped(order.placed_by, 60)))
    with card():
        key_facts(facts, max(5, len(facts)))
        if order.cart is None:
            return
        style = cart_status_style(order.cart.status)
        st.page_link(
            "pages/sales/cart.py",
            label=f"From cart {order.cart.origin_id}, {style.label}",
            icon=":material/shopping_cart:",
            query_params={"id": str(order.cart.key)},
        )


def _lines(order: OrderRecord) -> None:
    currency = order.order_currency
    rows = [(line, depth) for top in order.lines for line, depth in _with_children(top, 0)]
    columns = [NumberColumn("Qty"), NumberColumn("Price", currency), NumberColumn("Total", currency)]
    with card("Items", f"{quantity(order.items_qty)} in {plural(len(order.lines), 'line')}, incl. tax", gap="small"):
        draw_lines(
            [_product(line, depth, currency) for line, depth in rows],
            columns,
            [
                (
                    line.qty_ordered,
                    None if depth else line.price if line.price_incl_tax is None else line.price_incl_tax,
                    None if depth else line.total,
                )
                for line, depth in rows
            ],
            "Items",
        )


def _with_children(line: OrderLine, depth: int) -> Iterator[tuple[OrderLine, int]]:
    """The line and the parts of a bundle; what was chosen of a configurable product is told on its own line."""
    yield line, depth
    if line.product_type != "configurable":
        for child in line.children:
            yield from _with_children(child, depth + 1)


def _product(line: OrderLine, depth: int, currency: str) -> str:
    """The product's cell: a configurable one by the name of what was chosen; its tax, discount and how far it got."""
    chosen = line.children[0].name if line.product_type == "configurable" and line.children else ""
    fates = (
        ("invoiced", line.qty_invoiced, "gray"),
        ("shipped", line.qty_shipped, "blue"),
        ("refunded", line.qty_refunded, "orange"),
        ("cancelled", line.qty_canceled, "red"),
    )
    text = ("↳ " if depth else "") + product(chosen or line.name, line.sku)
    for what, amount in (("tax", line.tax_amount), ("discount", line.discount_amount)):
        if amount:
            text += f":small[:gray[ · {money(amount, currency)} {what}]]"
    for done, number, colour in fates:
        if number:
            part = "" if number == line.qty_ordered else f"{quantity(number)} of {quantity(line.qty_ordered)} "
            text += f":small[ · :{colour}[{part}{done}]]"
    return text


def _totals(order: OrderRecord) -> None:
    currency = order.order_currency
    with card("Totals", escaped(currency, 3)):
        sums(
            [(_row_label(each, order), money(each.amount, currency)) for each in order.breakdown],
            ("Grand total", money(order.grand_total, currency)),
        )
        rest = [
            ("Still due", order.still_due),
            ("Refunded", order.total_refunded),
            ("Cancelled", order.total_canceled),
        ]
        sums([(label, money(amount, currency)) for label, amount in rest if amount])
        if order.base_currency != currency:
            st.caption(f"{money(order.base_grand_total, order.base_currency)} in the base currency")


def _row_label(row: TotalRow, order: OrderRecord) -> str:
    """What the row is; a discount with the words by which the shop or the customer knows it."""
    known_by = order.discount_description or order.coupon_code if row.code == "discount" else None
    return f"{row.label} {escaped(known_by, 60)}".strip()


def _payment_and_shipping(order: OrderRecord) -> None:
    payment = escaped(order.payment_title or order.payment_method, 60)
    lines = [
        ("Payment", dotted([payment, escaped(order.po_number, 40)])),
        ("Shipping", escaped(order.shipping_description or order.shipping_method, 80)),
        ("Coupon", escaped(order.coupon_code, 40)),
        ("Remote address", escaped(order.remote_ip, 45)),
    ]
    with card("Payment and shipping"):
        sums([(label, value) for label, value in lines if value] or [("Nothing told", "—")])


_screen()
