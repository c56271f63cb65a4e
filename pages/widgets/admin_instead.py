"""“In the Magento admin instead”: the admin's pages that open, the way to those that don't, and what came of it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from crm_core.errors import DeskError
from crm_core.insight.admin_places import AdminPlaces
from crm_core.sales.placed_there import PlacedThere, look_for_order
from pages.widgets import desk
from pages.widgets.layout import row
from pages.widgets.text import ago, escaped, money

_FOUND = "placed-there"


def draw_admin_instead(
    find: Callable[[], AdminPlaces],
    where: str,
    cart_key: int | None = None,
    on_ordered: Callable[[], None] = lambda: None,
) -> None:
    """One line that opens on a press; for a cart it ends with “I placed it there”, which asks the shop.

    `find` is asked while it is open only; `where` tells it from another one on the same screen. `on_ordered` is called,
    before the next drawing, when an order of the cart was found.
    """
    expander = st.expander(
        "In the Magento admin instead", icon=":material/open_in_new:", key=f"admin-instead-{where}", on_change="rerun"
    )
    if expander.open:
        with expander:
            _draw_places(find(), where)
            if cart_key is not None:
                _placed_there(cart_key, where, on_ordered)


def forget() -> None:
    """What came of “I placed it there” is forgotten."""
    st.session_state.pop(_FOUND, None)


def _draw_places(places: AdminPlaces, where: str) -> None:
    linked = [(place.label, place.url) for place in places.places if place.url is not None]
    if linked:
        with row(gap="xsmall"):
            for number, (label, url) in enumerate(linked):
                st.link_button(escaped(label, 60), url, icon=":material/open_in_new:", key=f"admin-{where}-{number}")
        st.caption("They open where you are signed in to the admin.")
    if places.reason:
        st.caption(f":material/link_off: {escaped(places.reason, 400)}")
    for place in places.places:
        if place.url is None:
            st.markdown(f":small[:material/lock: {escaped(place.label, 60)}: :gray[{escaped(place.way, 200)}]]")


def _placed_there(cart_key: int, where: str, on_ordered: Callable[[], None]) -> None:
    st.button(
        "I placed it there",
        icon=":material/sync:",
        key=f"placed-there-{where}",
        help="Ask the shop for the order now",
        on_click=_ask,
        args=(cart_key, on_ordered),
    )
    about, found = st.session_state.get(_FOUND, (None, None))
    if about != cart_key:
        return
    match found:
        case DeskError():
            desk.say(found)
        case PlacedThere():
            _draw_found(found)


def _ask(cart_key: int, on_ordered: Callable[[], None]) -> None:
    try:
        found = look_for_order(desk.store(), cart_key, desk.person())
    except DeskError as error:
        st.session_state[_FOUND] = (cart_key, error)
        return
    st.session_state[_FOUND] = (cart_key, found)
    if found.order is not None:
        on_ordered()


def _draw_found(found: PlacedThere) -> None:
    if found.order is not None:
        st.success(
            f"Order **{escaped(found.order.increment_id, 40)}** was placed from this cart.",
            icon=":material/check_circle:",
        )
        _order_link(found.order.key, found.order.increment_id)
        return
    if not found.others:
        st.info(
            "The shop has no order of this cart, nor another of this customer in the last 24 hours. Submit it in the "
            "admin, then press again.",
            icon=":material/search_off:",
        )
        return
    st.info(
        "The shop has no order of this cart, but the customer has others of the last 24 hours. An order made in the "
        "admin has a cart of its own there: if it is the one you placed, mark this cart lost with that reason.",
        icon=":material/help:",
    )
    for other in found.others[:3]:
        _order_link(
            other.key,
            other.increment_id,
            f", {money(other.grand_total, other.currency)}, {ago(other.created_at, desk.reader_zone())}",
        )


def _order_link(key: int, increment_id: str, more: str = "") -> None:
    label = f"Order {escaped(increment_id, 40)}{more}"
    st.page_link("pages/sales/order.py", label=label, icon=":material/receipt_long:", query_params={"id": str(key)})
