"""The dialog that starts a cart: for a customer, whose open cart is shown and used if there is one, or for a guest.

What it is for and what came of it stand in the session in one object, changed in place, so that a second press while
the first is under way sends nothing. The cart's screen opens with its editor once the cart is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from crm_core.errors import DeskError
from crm_core.insight.cart_record import CartRecord
from crm_core.sales.new_carts import (
    Guest,
    Started,
    StartingPoint,
    account_of,
    countries_for,
    name_of,
    open_carts_of,
    start_for_customer,
    start_for_guest,
    starting_points,
    why_not_started,
)
from pages.widgets import cart_editor, desk, screen_address
from pages.widgets.cart_amount import labelled_amount
from pages.widgets.layout import card, row, sums
from pages.widgets.lines import NumberColumn, draw_lines, product
from pages.widgets.text import age, dotted, escaped, message, plain, plural

_OPEN = "new-cart"
_FIELD = "new-cart-"
_ICON = ":material/add_shopping_cart:"


@dataclass
class _Asked:
    """Who a cart is wanted for, on which screen, and how far that is."""

    opened_for: int | None
    """The customer on whose screen the dialog stands; None: the list of carts."""
    customer_key: int | None
    carts: list[CartRecord] | None = None
    guest: Guest | None = None
    """What was typed when it was last sent."""
    account: tuple[int, str] | None = None
    sending: bool = False
    error: DeskError | None = None
    started: Started | None = None


def draw_button(customer_key: int | None = None) -> None:
    """The button that opens the dialog, for that customer or for a guest; disabled, with the reason, where it can't.

    Nothing on a desk that reads no shop yet: its screens say what to do first.
    """
    if customer_key is None and not starting_points(desk.store()):
        return
    reason = why_not_started(desk.store(), customer_key)
    with row(gap="xsmall", width="content"):
        if reason:
            st.caption(f":material/lock: {escaped(reason, 300)}", width="content")
        st.button(
            "New cart",
            icon=_ICON,
            key="open-new-cart",
            disabled=reason is not None,
            on_click=open_for_guest if customer_key is None else open_for_customer,
            args=() if customer_key is None else (customer_key,),
        )


def open_for_customer(customer_key: int) -> None:
    """The dialog opens on this run, for that customer."""
    close()
    st.session_state[_OPEN] = _Asked(customer_key, customer_key)


def open_for_guest() -> None:
    """The dialog opens on this run, for somebody without an account."""
    close()
    st.session_state[_OPEN] = _Asked(None, None)


def draw_if_open() -> None:
    """Draws the dialog while it is open; call it once on the customer's screen, or on the list of carts."""
    asked: _Asked | None = st.session_state.get(_OPEN)
    if asked is not None:
        st.dialog("New cart", icon=_ICON, on_dismiss=close)(_body)(asked)


def opened_at() -> tuple[str, int | None] | None:
    """The screen that the dialog stands on and the customer whose screen that is; None: it is not open."""
    asked: _Asked | None = st.session_state.get(_OPEN)
    if asked is None:
        return None
    return ("carts" if asked.opened_for is None else "customer"), asked.opened_for


def close() -> None:
    """The dialog is closed and what was typed is forgotten."""
    for key in [str(key) for key in st.session_state]:
        if key == _OPEN or key.startswith(_FIELD):
            del st.session_state[key]


@desk.guarded
def _body(asked: _Asked) -> None:
    if _OPEN not in st.session_state:
        st.rerun()  # closed by a press: a run of the dialog alone cannot take it away
    if asked.started is not None:
        _go_to(asked.started.cart_key, asked.started.notes)
    elif asked.customer_key is not None:
        _for_customer(asked, asked.customer_key)
    else:
        _for_guest(asked)


def _go_to(cart_key: int, notes: Sequence[str] = ()) -> None:
    """The cart's screen, with the editor open."""
    close()
    for note in notes:
        desk.announce(message(note), icon=":material/warning:")
    cart_editor.open_editor(cart_key)
    screen_address.leave("pages/sales/cart.py", id=str(cart_key))


def _cancel() -> None:
    st.button("Cancel", type="tertiary", on_click=close)


def _only_cancel() -> None:
    with row(horizontal_alignment="right"):
        _cancel()


# ---- for a customer -------------------------------------------------------------------------------------------------


def _for_customer(asked: _Asked, customer_key: int) -> None:
    name = name_of(desk.store(), customer_key)
    if asked.carts is None and asked.error is None:
        try:
            with st.spinner("Asking the shop for open carts…"):
                asked.carts = open_carts_of(desk.store(), customer_key)
        except DeskError as error:
            asked.error = error
    if asked.carts is None:
        _trouble(asked)
        with row(horizontal_alignment="right", gap="xsmall"):
            _cancel()
            st.button("Try again", icon=":material/refresh:", on_click=_look_again, args=(asked,))
        return
    points = [each for each in starting_points(desk.store(), customer_key) if each.reason is None]
    here = [each for each in asked.carts if _is_of(each, points)]
    if here:
        st.info(
            f"**{escaped(name, 80)} has an open cart.** Magento keeps one per customer and website, so go on with it. "
            "Nothing in it changes until you change it.",
            icon=":material/shopping_cart:",
        )
    elif asked.carts:
        st.caption(f"{escaped(name, 80)} has an open cart in another website, too.")
    for cart in asked.carts:
        _draw_cart(cart)
    _trouble(asked)
    if here:
        _only_cancel()
        return
    st.markdown(f"An empty cart for **{escaped(name, 80)}**")
    point = _choose_point(points, first=True)
    st.caption("It is in the shop from the start: the customer sees it there, and it comes back if you stop halfway.")
    with row(horizontal_alignment="right", gap="xsmall"):
        _cancel()
        st.button(
            "Start cart",
            type="primary",
            icon=_ICON,
            key="new-cart-start",
            disabled=point is None,
            on_click=_start_for_customer,
            args=(asked, customer_key, point),
        )


def _is_of(cart: CartRecord, points: Sequence[StartingPoint]) -> bool:
    return cart.store_view is not None and any(each.website_id == cart.store_view.website_id for each in points)


def _draw_cart(cart: CartRecord) -> None:
    where = f"{escaped(cart.store_view.name, 40)} store view" if cart.store_view else ""
    with card(f"Cart {cart.origin_id}", dotted([where, f"idle for {age(cart.last_activity_at)}"]), gap="small"):
        if cart.present:
            draw_lines(
                [product(line.name, line.sku, line.options) for line in cart.present],
                [NumberColumn("Qty"), NumberColumn("Total", cart.quote_currency)],
                [(line.qty, line.row_total) for line in cart.present],
                f"Items of cart {cart.origin_id}",
                "Items",
            )
        elif not cart.items_qty:
            st.caption("The cart is empty.")
        if cart.unavailable_count:
            st.caption(f":material/warning: {plural(cart.unavailable_count, 'line')} unavailable")
        sums([], labelled_amount(cart))
        with row(horizontal_alignment="right"):
            if st.button("Use this cart", type="primary", key=f"new-cart-use-{cart.key}"):
                _go_to(cart.key)


def _look_again(asked: _Asked) -> None:
    asked.carts = asked.error = None


def _start_for_customer(asked: _Asked, customer_key: int, point: StartingPoint) -> None:
    if asked.sending or asked.started is not None:
        return
    asked.sending, asked.error = True, None
    try:
        asked.started = start_for_customer(desk.store(), customer_key, point.store_view_key, desk.person())
    except DeskError as error:
        asked.error, asked.carts = error, None  # a cart may be there now: they are read again
    finally:
        asked.sending = False


# ---- for a guest ----------------------------------------------------------------------------------------------------


def _for_guest(asked: _Asked) -> None:
    point = _choose_point([each for each in starting_points(desk.store()) if each.reason is None], first=False)
    if point is None:
        st.caption("Which store view it is in decides on currency, prices and the language of e-mails.")
        _only_cancel()
        return
    if asked.account is not None and asked.guest is not None:
        _offer_account(asked, asked.guest, point, *asked.account)
        return
    try:
        with st.spinner("Reading the shop's countries…"):
            countries = {each.id: plain(each.name, 60) for each in countries_for(desk.store(), point.store_view_key)}
    except DeskError as error:
        desk.say(error)
        _only_cancel()
        return
    _draw_form(asked, point, countries)
    _trouble(asked)


def _draw_form(asked: _Asked, point: StartingPoint, countries: Mapping[str, str]) -> None:
    typed = asked.guest or Guest("", "")
    # Enter would press the first button of the form, which is Cancel.
    with st.form("new-cart-form", border=False, enter_to_submit=False):
        st.text_input(
            "E-mail address *",
            value=typed.email,
            key="new-cart-email",
            icon=":material/mail:",
            placeholder="name@example.com",
        )
        st.caption("If a customer's account has this address, you can start the cart for the customer.")
        with st.grid(2, min_column_width=160, gap="xsmall"):
            st.text_input("First name", value=typed.firstname or "", key="new-cart-firstname", max_chars=255)
            st.text_input("Last name", value=typed.lastname or "", key="new-cart-lastname", max_chars=255)
        codes = list(countries)
        own = typed.country_id if typed.country_id in countries else codes[0] if len(codes) == 1 else None
        st.selectbox(
            "Country *",
            codes,
            index=None if own is None else codes.index(own),
            format_func=countries.__getitem__,
            placeholder="Choose",
            key=f"new-cart-country-{point.store_view_key}",
        )
        with row(horizontal_alignment="right", gap="xsmall"):
            st.form_submit_button("Cancel", type="tertiary", key="new-cart-cancel", on_click=close)
            st.form_submit_button(
                "Start cart", type="primary", icon=_ICON, key="new-cart-start", on_click=_submit, args=(asked, point)
            )


def _offer_account(asked: _Asked, guest: Guest, point: StartingPoint, customer_key: int, name: str) -> None:
    st.info(
        f"**{escaped(name, 80) or 'Somebody'} has an account with {escaped(guest.email, 120)}.** A cart of the account "
        "has its prices and addresses, and the customer sees it in the shop.",
        icon=":material/person:",
    )
    with row(horizontal_alignment="right", gap="xsmall"):
        st.button("Back", type="tertiary", key="new-cart-back", on_click=_back, args=(asked,))
        st.button("Start as guest", key="new-cart-as-guest", on_click=_start_for_guest, args=(asked, guest, point))
        st.button(
            "Start it for the customer",
            type="primary",
            icon=_ICON,
            key="new-cart-for-account",
            on_click=_switch_to,
            args=(asked, customer_key),
        )


def _back(asked: _Asked) -> None:
    asked.account = None


def _switch_to(asked: _Asked, customer_key: int) -> None:
    asked.customer_key, asked.account = customer_key, None


def _submit(asked: _Asked, point: StartingPoint) -> None:
    """Starts the cart, unless there is an account to offer first."""
    typed = st.session_state
    asked.error = None
    asked.guest = Guest(
        email=(typed.get("new-cart-email") or "").strip(),
        country_id=typed.get(f"new-cart-country-{point.store_view_key}") or "",
        firstname=typed.get("new-cart-firstname"),
        lastname=typed.get("new-cart-lastname"),
    )
    try:
        asked.account = account_of(desk.store(), point.store_view_key, asked.guest.email)
    except DeskError as error:
        asked.error = error
        return
    if asked.account is None:
        _start_for_guest(asked, asked.guest, point)


def _start_for_guest(asked: _Asked, guest: Guest, point: StartingPoint) -> None:
    if asked.sending or asked.started is not None:
        return
    asked.sending, asked.error, asked.account = True, None, None
    try:
        asked.started = start_for_guest(desk.store(), guest, point.store_view_key, desk.person())
    except DeskError as error:
        asked.error = error
    finally:
        asked.sending = False


# ---- both -----------------------------------------------------------------------------------------------------------


def _choose_point(points: Sequence[StartingPoint], *, first: bool) -> StartingPoint | None:
    """The store view that is chosen: the only one, the first one if `first`, else what the person picks."""
    several_channels = len({each.channel for each in points}) > 1
    several_websites = len({(each.channel, each.website) for each in points}) > 1

    def label(point: StartingPoint) -> str:
        channel = plain(point.channel, 40) if several_channels else ""
        website = plain(point.website, 40) if several_websites else ""
        return dotted([plain(point.name, 60), website, channel])

    if len(points) == 1:
        st.caption(f"Store view {escaped(label(points[0]), 150)}")
        return points[0]
    by_key = {each.store_view_key: each for each in points}
    chosen = st.selectbox(
        "Store view",
        list(by_key),
        index=0 if first and points else None,
        format_func=lambda key: label(by_key[key]),
        placeholder="Choose",
        key="new-cart-view",
    )
    return by_key.get(chosen) if chosen is not None else None


def _trouble(asked: _Asked) -> None:
    if asked.error is not None:
        desk.say(asked.error)
