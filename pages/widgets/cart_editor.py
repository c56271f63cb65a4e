"""Mending a cart so that it can be ordered: the drawer with the whole editor, and the form of a single fix.

Nothing is written to the shop before a person presses; each press is one change, and the cart is read again after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from crm_core.insight.cart_record import CartRecord, cart_record
from crm_core.sales.cart_addresses import AddressKind
from crm_core.sales.cart_fixes import RemoveCoupon, SetCoupon, why_not_changed
from crm_core.sales.cart_writing import Mended
from crm_core.sales.preflight.check import Check, Fix, FixKind
from pages.widgets import desk
from pages.widgets.address_form import draw_address_form, draw_addresses_editor, draw_email_form
from pages.widgets.cart_amount import short_amount
from pages.widgets.cart_editor_lines import draw_lines_editor
from pages.widgets.layout import row, spread
from pages.widgets.mending import Mending, OnChanged, OnOutdated, forget
from pages.widgets.product_search import Replaced, draw_product_search
from pages.widgets.text import escaped, message

_OPEN = "editing"
_CHANGED = "editing-changed"
_PLACE = "edit"
_ITEMS, _COUPON, _ADDRESSES = "Items", "Coupon", "Addresses"
_FORMS = frozenset((FixKind.ENTER_ADDRESS, FixKind.ENTER_EMAIL, FixKind.REPLACE_LINE))


# ---- the drawer -----------------------------------------------------------------------------------------------------


def open_editor(cart_key: int, section: str = _ITEMS) -> None:
    """The drawer opens on this run, for that cart, at its "Items", "Coupon" or "Addresses"."""
    close()
    st.session_state[_OPEN] = cart_key
    st.session_state[f"{_PLACE}-section"] = section


def draw_edit_button(cart_key: int, section: str = _ITEMS) -> None:
    """The button that opens the drawer at a section; disabled, with the reason, where the cart can't be changed."""
    reason = why_not_changed(desk.store(), cart_key)
    st.button(
        "Edit",
        icon=":material/edit:" if reason is None else ":material/lock:",
        type="tertiary",
        key=f"open-editor-{section}",
        help=None if reason is None else message(reason, 300),
        disabled=reason is not None,
        on_click=open_editor,
        args=(cart_key, section),
    )


def draw_editor_if_open(cart: CartRecord) -> None:
    """Draws the drawer while it is open; call it once on the cart's screen."""
    if st.session_state.get(_OPEN) is None:
        return
    title = f"Edit cart {cart.origin_id}"
    st.dialog(title, width=620, position="right", icon=":material/edit:", on_dismiss=close)(_body)(cart.key)


def opened_at() -> tuple[str, int] | None:
    """The screen that the drawer stands on and the cart that it is for; None: it is not open."""
    opened: int | None = st.session_state.get(_OPEN)
    return None if opened is None else ("cart", opened)


def close() -> None:
    """The drawer is closed and what was typed is forgotten."""
    for key in (_OPEN, _CHANGED):
        st.session_state.pop(key, None)
    forget(_PLACE)


@desk.guarded
def _body(cart_key: int) -> None:
    if st.session_state.pop(_CHANGED, False):
        st.rerun()  # the whole screen: the cart behind the drawer has changed
    draw_editor(cart_key, _changed)
    with row(horizontal_alignment="right"):
        if st.button("Close", on_click=close):
            st.rerun()


def _changed(_: Mended) -> None:
    st.session_state[_CHANGED] = True


# ---- the editor -----------------------------------------------------------------------------------------------------


def draw_editor(cart_key: int, on_changed: OnChanged, on_outdated: OnOutdated | None = None) -> None:
    """Everything of a cart that can be changed, with what came of the last press."""
    cart = cart_record(desk.store(), cart_key)
    mending = Mending(cart_key, _PLACE, on_changed, on_outdated)
    st.session_state.setdefault(f"{_PLACE}-section", _ITEMS)
    with spread():
        section = st.segmented_control(
            "What to change",
            (_ITEMS, _COUPON, _ADDRESSES),
            required=True,
            key=f"{_PLACE}-section",
            label_visibility="collapsed",
        )
        if cart.grand_total is not None:
            st.markdown(f":small[:gray[Total]] **{short_amount(cart)}**", width="content")
    mending.draw_done()
    reason = why_not_changed(desk.store(), cart_key)
    if reason is not None:
        st.warning(message(reason), icon=":material/lock:")
        return
    if section == _COUPON:
        _draw_coupon(mending, cart)
    elif section == _ADDRESSES:
        draw_addresses_editor(mending, cart)
    else:
        draw_lines_editor(mending, cart)


def _draw_coupon(mending: Mending, cart: CartRecord) -> None:
    if cart.totals_read_at is None:
        st.caption("The desk has not read yet whether the cart has a coupon. Synchronise tells it.")
    elif cart.coupon_code is None:
        st.caption("The cart has no coupon.")
    else:
        with spread():
            st.markdown(f":material/sell: Coupon **{escaped(cart.coupon_code, 80)}**", width="content")
            taken = RemoveCoupon(cart.coupon_code)
            mending.button("Take it off", "coupon", lambda: taken, name="remove", icon=":material/delete:")
    with st.form(f"{_PLACE}-coupon-form", border=False), row(gap="xsmall", wrap=False):
        st.text_input(
            "Coupon code",
            key=mending.key("coupon"),
            placeholder="Another code" if cart.coupon_code else "Coupon code",
            label_visibility="collapsed",
            icon=":material/sell:",
        )
        mending.submit(
            "Put it on",
            "coupon",
            lambda: SetCoupon(str(mending.value("coupon") or ""), cart.coupon_code),
            width="content",
        )
    mending.draw_trouble("coupon")
    st.caption("The code is looked up first, so that a wrong one does not cost the cart the one that it has.")


# ---- a single fix ---------------------------------------------------------------------------------------------------


def needs_form(fix: Fix) -> bool:
    """Whether a person has to enter or to choose something for the fix: `draw_fix` then draws it."""
    return fix.kind in _FORMS


def draw_fix(cart_key: int, check: Check, fix: Fix, on_changed: OnChanged, on_outdated: OnOutdated) -> None:
    """The form of a fix that needs one, with what the shop said to the last press of it."""
    cart = cart_record(desk.store(), cart_key)
    place = f"fix-{check.code}-{check.item_id or 0}-{fix.kind}"
    mending = Mending(cart_key, place, on_changed, on_outdated)
    arguments: Mapping[str, Any] = fix.arguments
    match fix.kind:
        case FixKind.ENTER_ADDRESS:
            draw_address_form(mending, cart, AddressKind(arguments["kind"]))
        case FixKind.ENTER_EMAIL:
            draw_email_form(mending, cart)
        case FixKind.REPLACE_LINE:
            draw_product_search(mending, "search", Replaced(arguments["item_id"], arguments["seen"]))
