"""The lines of a cart, to change their quantities, to take them out, and to put others in their place."""

from __future__ import annotations

import streamlit as st

from crm_core.insight.cart_record import CartLine, CartRecord
from crm_core.sales.cart_fixes import RemoveLine, ReplaceLine, SetQuantity
from pages.widgets.layout import row, spread
from pages.widgets.lines import product
from pages.widgets.mending import Mending
from pages.widgets.product_search import Replaced, draw_product_search
from pages.widgets.text import escaped, money

_REPLACING = "replacing"
_FEWEST = 0.0001


def draw_lines_editor(mending: Mending, cart: CartRecord) -> None:
    """Every line with its quantity, the hidden ones too, and the search for another product."""
    kept = (*cart.present, *cart.unavailable)
    item_ids = {line.item_id for line in kept}
    pressed = mending.presses.change
    if isinstance(pressed, SetQuantity | RemoveLine | ReplaceLine) and pressed.item_id not in item_ids:
        mending.draw_trouble(mending.presses.spot)
    replaced = mending.value(_REPLACING)
    if replaced not in item_ids:
        replaced = None
    if not kept:
        st.caption("The cart is empty.")
    for line in kept:
        with st.container(border=True, gap="xsmall"):
            _draw_line(mending, cart, line)
        if line.item_id == replaced:
            with spread():
                st.markdown(f"**Replace {escaped(line.name, 80)} with**", width="content")
                st.button("Keep it", type="tertiary", on_click=_replace, args=(mending, None))
            draw_product_search(mending, f"instead-{line.item_id}", Replaced(line.item_id, line.qty))
    if replaced is None:
        with st.container(gap="xsmall"):
            st.markdown("**Add a product**")
            draw_product_search(mending, "search")


def _draw_line(mending: Mending, cart: CartRecord, line: CartLine) -> None:
    spot = f"line-{line.item_id}"
    is_hidden = line.state != "present"
    badge = ":orange-badge[:material/block: Not in the shop]" if is_hidden else ""
    with spread():
        st.markdown(product(line.name, line.sku, line.options, badge), width="content")
        about = "about " if cart.quote_currency != cart.base_currency else ""
        st.caption(f"{about}{money(line.price, cart.quote_currency)} each, without tax", width="content")
    with row(gap="xsmall"):
        if is_hidden:
            st.caption("The shop has disabled or deleted it. Remove or replace it.", width="content")
        else:
            _draw_quantity(mending, line, spot)
        with row(width="content", gap="xsmall", wrap=False):
            mending.button(
                "Remove",
                spot,
                lambda: RemoveLine(line.item_id, line.qty),
                name="remove",
                icon=":material/delete:",
                type="tertiary",
            )
            st.button(
                "Replace",
                key=f"{mending.place}-{spot}-replace",
                icon=":material/swap_horiz:",
                type="tertiary",
                on_click=_replace,
                args=(mending, line.item_id),
            )
    mending.draw_trouble(spot)


def _draw_quantity(mending: Mending, line: CartLine, spot: str) -> None:
    # Another change leaves what is typed here and not saved yet: only another quantity makes another field.
    key = f"{mending.place}-qty-{line.item_id}-{line.qty:f}"
    with st.form(f"{mending.place}-{spot}", border=False, width="content"), row(gap="xsmall", wrap=False):
        st.number_input(
            f"Quantity of {escaped(line.name, 80)}",
            min_value=_FEWEST,
            value=float(line.qty),
            step=1.0,
            format="%g",
            key=key,
            label_visibility="collapsed",
            width=110,
        )
        mending.submit(
            "Save", spot, lambda: SetQuantity(line.item_id, mending.quantity(key), line.qty), width="content"
        )


def _replace(mending: Mending, item_id: int | None) -> None:
    st.session_state[mending.key(_REPLACING)] = item_id
