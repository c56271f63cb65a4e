"""One cart: what is in it, who it belongs to, what happened to it, and what can be done about it."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import streamlit as st

from crm_core.errors import DeskError
from crm_core.insight.admin_places import places_of_cart
from crm_core.insight.breakdown import TotalRow, breakdown
from crm_core.insight.cart_record import CartRecord, cart_record
from crm_core.insight.linked import LinkedOrder
from crm_core.insight.statuses import cart_status_style, order_status_style
from crm_core.sales.decisions import reopen
from crm_core.sales.obstacles import to_order_anew, why_not
from crm_core.sync.record import synchronise_cart
from pages.widgets import cart_editor, desk, lost_dialog, place_order
from pages.widgets.addresses import address_card
from pages.widgets.admin_instead import draw_admin_instead
from pages.widgets.attempts_card import draw_attempts
from pages.widgets.cart_amount import labelled_amount, short_amount
from pages.widgets.customer_card import draw_customer
from pages.widgets.layout import card, key_facts, row, spread, sums
from pages.widgets.lines import NumberColumn, draw_lines, product
from pages.widgets.record_header import (
    draw_synchronise,
    draw_title,
    draw_what_synchronising_said,
    open_record,
    sold_at,
)
from pages.widgets.status import badge
from pages.widgets.text import age, ago, dotted, escaped, message, money, plural, quantity, when
from pages.widgets.timeline import draw_timeline


@desk.guarded
def _screen() -> None:
    cart, here = open_record("carts", cart_record)
    reason = why_not(desk.store(), cart.key)
    _header(cart, reason)
    draw_what_synchronising_said(cart.key)
    _banners(cart)
    _summary(cart)
    main, aside = st.columns([2.1, 1], gap="small")
    with main:
        _lines(cart)
        draw_timeline(cart.timeline)
        draw_attempts(cart.attempts)
    with aside:
        _totals(cart)
        draw_customer(cart.customer, cart.is_guest, cart.email, cart.shipping_address, cart.billing_address)
        edit = partial(cart_editor.draw_edit_button, cart.key, "Addresses") if cart.status == "open" else None
        address_card(cart.shipping_address, cart.billing_address, cart.is_virtual, edit)
        draw_admin_instead(partial(places_of_cart, desk.store(), cart), "cart", cart.key)
    lost_dialog.draw_if_open()
    place_order.draw_if_open(cart, here)
    cart_editor.draw_editor_if_open(cart)


def _header(cart: CartRecord, reason: str | None) -> None:
    badges = [badge(cart_status_style(cart.status))]
    if cart.activity_after_lost_at and _is_there(cart):
        badges.append(":orange-badge[:material/notifications: Active again]")
    facts = [
        f"Cart {cart.origin_id}",
        *sold_at(cart.channel, cart.store_view),
    ]
    title = escaped(cart.name, 80) or ("Guest" if cart.is_guest else f"Cart {cart.origin_id}")
    with draw_title(title, badges, cart.synchronised_at, facts):
        draw_synchronise(cart.key, synchronise_cart)
        if cart.status == "lost":
            st.button("Reopen", icon=":material/undo:", on_click=_reopen, args=(cart.key,))
        elif cart.status == "open":
            st.button("Mark lost", icon=":material/cancel:", on_click=lost_dialog.open_dialog, args=(cart.key,))
        st.button(
            dotted(["Place order", short_amount(cart)]),
            type="primary",
            icon=":material/shopping_cart_checkout:",
            key="place-order",
            disabled=reason is not None,
            on_click=place_order.open_dialog,
            args=(cart.key,),
        )
    if reason and not (cart.gone_at and cart.status in {"closing", "expired"}):  # else the banner says all of it
        with row(horizontal_alignment="right"):  # beside the button; read from the left where a phone breaks it
            st.caption(f":material/lock: Place order: {escaped(reason, 300)}", width="content")


def _reopen(key: int) -> None:
    try:
        status = reopen(desk.store(), key, desk.person())
    except DeskError as error:
        desk.announce(escaped(str(error), 300), icon=":material/error:")
    else:
        said = "The cart is open again."
        if status != "open":  # the screen says why
            said = f"No longer marked lost. The cart is {cart_status_style(status).label}, not open."
        desk.announce(said, icon=":material/undo:")


def _banners(cart: CartRecord) -> None:
    """What a person should know before anything else; the order that the cart became comes first."""
    zone = desk.reader_zone()
    if cart.alarm:
        st.error(f"**Mend this first.**  \n{message(cart.alarm)}", icon=":material/notification_important:")
    if cart.order is not None:
        _order_banner(cart, cart.order)
    if cart.made_from_order:
        st.info("The shop no longer has this cart. It is shown as its order tells.", icon=":material/history:")
    elif cart.gone_at:
        then = ""
        if cart.status == "closing":
            then = " Synchronise it in a few minutes; if no order comes within an hour, it counts as expired."
        elif cart.status == "expired":
            then = f" {to_order_anew(None if cart.customer.gone_at else cart.customer.key)}"
        gone = f"The shop no longer has this cart, noticed {when(cart.gone_at, zone)}.{then}"
        st.warning(gone, icon=":material/delete:")
    elif cart.status == "closing":
        st.info(
            f"The shop closed this cart {ago(cart.closing_since, zone)}. "
            "If no order comes within an hour, it counts as expired.",
            icon=":material/hourglass_top:",
        )
    if cart.lost_at and cart.status == "lost":
        st.info(
            f"**Marked lost** by {escaped(cart.lost_by, 60)}, {when(cart.lost_at, zone)}.  \n"
            f"{escaped(cart.lost_reason, 500)}",
            icon=":material/cancel:",
        )
    if cart.activity_after_lost_at:
        came_back = f"The customer came back to this cart {ago(cart.activity_after_lost_at, zone)}."
        then = " Reopen it to place an order." if _is_there(cart) else ""
        st.warning(f"{came_back}{then}", icon=":material/notifications:")
    if cart.unavailable_count:
        st.warning(
            f"**{plural(cart.unavailable_count, 'line')} unavailable, total not reliable.** The shop counts "
            "products in this cart that it has disabled or deleted. They would not be ordered.",
            icon=":material/warning:",
        )


def _order_banner(cart: CartRecord, order: LinkedOrder) -> None:
    style = order_status_style(order.state, order.status)
    number = f"**order {escaped(order.increment_id, 40)}**"
    amount = money(order.grand_total, order.currency)
    if order.is_cancelled:
        text = f":orange[:material/undo:] &nbsp;An earlier {number} over {amount} was cancelled."
    else:
        by = next((each.person for each in cart.attempts if each.order_key == order.key), None)
        who = f"by {escaped(by, 60)}" if by else "in the shop"
        placed = when(order.created_at, desk.reader_zone())
        text = (
            f":green[:material/check_circle:] &nbsp;Ordered {placed}, {who}: {number}, "
            f"{escaped(style.label, 40)}, {amount}"
        )
    if order.gone_at:
        text += " · :orange[the shop no longer has it]"
    with st.container(border=True), spread():
        st.markdown(text, width="content")
        st.page_link(
            "pages/sales/order.py",
            label="View order",
            icon=":material/arrow_forward:",
            icon_position="right",
            query_params={"id": str(order.key)},
        )


def _summary(cart: CartRecord) -> None:
    zone = desk.reader_zone()
    label, value = labelled_amount(cart)
    # The shop's quantity counts what it does not list.
    lines = f" in {plural(len(cart.present) + cart.unavailable_count, 'line')}" if cart.present else ""
    # Nobody waits for a closed cart to go on.
    idle = [("Idle", age(cart.last_activity_at))] if cart.status == "open" else []
    with card():
        key_facts(
            [
                (label, f"**{value}**"),
                ("Items", f"**{quantity(cart.items_qty)}**{lines}"),
                *idle,
                ("Updated", ago(cart.updated_at, zone)),
                ("Created", when(cart.created_at, zone)),
            ],
            5,
        )


def _lines(cart: CartRecord) -> None:
    currency = cart.quote_currency
    columns = [NumberColumn("Qty"), NumberColumn("Price", currency), NumberColumn("Total", currency)]
    edit = partial(cart_editor.draw_edit_button, cart.key) if cart.status == "open" else None
    about = "about " if currency != cart.base_currency else ""
    with card("Items", f"{about}{escaped(currency, 3)}, excl. tax and discount", edit, gap="small"):
        if cart.present:
            draw_lines(
                [product(line.name, line.sku, line.options) for line in cart.present],
                columns,
                [(line.qty, line.price, line.row_total) for line in cart.present],
                "Items",
            )
        else:
            st.caption("The cart is empty." if not cart.items_qty else "The shop does not tell the lines of this cart.")
        for kept, name, icon, why in (
            (cart.unavailable, "unavailable", "block", "Since"),
            (cart.removed, "removed", "remove_shopping_cart", "Removed"),
        ):
            if not kept:
                continue
            value = money(sum((line.row_total for line in kept), Decimal(0)), currency)
            with st.expander(f"{plural(len(kept), f'{name} line')} · {value}", icon=f":material/{icon}:"):
                draw_lines(
                    [
                        product(line.name, line.sku, line.options)
                        + f":small[:gray[ · {why} {when(line.state_since, desk.reader_zone())}]]"
                        for line in kept
                    ],
                    columns,
                    [(line.qty, line.price, line.row_total) for line in kept],
                    f"{name.capitalize()} items",
                )


def _totals(cart: CartRecord) -> None:
    totals, read = cart.totals, when(cart.totals_read_at, desk.reader_zone())
    if totals is None or cart.grand_total is None:
        with card("Totals", "" if cart.told_subtotal is None else "about"):
            if cart.told_subtotal is None:
                st.caption("The shop tells neither lines nor amounts of a cart that it has closed.")
            else:
                sums([("Subtotal", money(cart.told_subtotal, cart.quote_currency))])
                if cart.quote_currency != cart.base_currency:
                    st.caption(f"{money(cart.base_subtotal, cart.base_currency)} in the base currency")
                exact = " Synchronise to read the exact total from the shop." if _is_there(cart) else ""
                st.caption(f"Without tax, discount and shipping.{exact}")
            if totals is not None:
                it_was = f"{money(totals.grand_total, totals.currency)}{_with_coupon(cart)}"
                st.caption(f"The total was {it_was} when it was read, {read}. The cart has changed since.")
            _chosen("", cart.shipping_method)
        return
    exact = f"as read {read}" if cart.is_about else f"exact as of {read}"
    with card("Totals", "not reliable" if cart.unavailable_count else exact):
        sums(
            [(_row_label(each), money(each.amount, totals.currency)) for each in breakdown(totals)],
            ("Grand total", money(totals.grand_total, totals.currency)),
        )
        is_named = any(segment.code == "shipping" and segment.title for segment in totals.segments)
        _chosen(cart.coupon_code, None if is_named else cart.shipping_method)
        if cart.is_about and cart.is_outdated:
            again = " Synchronise to read it again." if _is_there(cart) else ""
            st.caption(f"The shop saved the cart after that, so the total may be another now.{again}")


def _is_there(cart: CartRecord) -> bool:
    """Whether the shop still has the cart open, whatever a person called it."""
    return cart.is_active and cart.gone_at is None


def _with_coupon(cart: CartRecord) -> str:
    return f" with coupon {escaped(cart.coupon_code, 40)}" if cart.coupon_code else ""


def _chosen(coupon_code: str | None, shipping_method: str | None) -> None:
    """What the customer entered or chose that the totals rest on; the code of the shipping where no line names it."""
    coupon = f"Coupon {escaped(coupon_code, 40)}" if coupon_code else ""
    shipping = f"Shipping by {escaped(shipping_method, 60)}" if shipping_method else ""
    if coupon or shipping:
        st.caption(dotted([coupon, shipping]))


def _row_label(row: TotalRow) -> str:
    """The shop's own words, and what they leave out: the lines are without tax, so a row that holds tax says so."""
    words = escaped(row.title, 60)
    if not words:
        return escaped(row.label, 60)
    if row.is_included:
        return f"{words}, included"
    return f"{words} with tax" if row.holds_tax and row.amount else words


_screen()
