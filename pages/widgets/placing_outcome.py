"""What came of placing an order, as the drawer shows it: placed, somebody else was first, or not known yet."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from crm_core.insight.admin_places import address_of_order
from crm_core.insight.cart_record import CartRecord
from crm_core.insight.neighbours import neighbours
from crm_core.insight.order_record import order_record
from crm_core.insight.statuses import cart_status_style
from crm_core.sales.outcomes import AlreadyHeld, Outcome, Placed, Unclear, outcome_of, what_follows
from crm_core.sales.placing import settle
from pages.widgets import desk, listing
from pages.widgets.layout import key_facts, row
from pages.widgets.listing import Listing
from pages.widgets.text import escaped, mail_link, message, money, when

_LOOK_AGAIN_SECONDS = 2


def draw_placed(
    cart: CartRecord, outcome: Placed, here: Listing, close: Callable[[], None], settled: Callable[[Outcome], None]
) -> None:
    """The order's number, what happens next, and the way on; an alarm before everything else.

    While the order could not be read, it is asked for again and again; `settled` is told the outcome with its number.
    """
    if outcome.alarm:
        st.error(f"**Mend this first.**  \n{message(outcome.alarm)}", icon=":material/notification_important:")
    number = f"Order {escaped(outcome.increment_id, 40)}" if outcome.increment_id else "The order"
    total = outcome.agreed_grand_total if outcome.grand_total is None else outcome.grand_total
    stands = "The cart is now Purchased."
    if cart.status != "purchased":
        label = escaped(cart_status_style(cart.status).label, 40)
        stands = f"The desk shows the cart as {label} until it has read the order."
    st.success(
        f"**{number}** is placed for {money(total, outcome.currency)}.  \n{stands}",
        icon=":material/check_circle:",
    )
    if outcome.increment_id is None:
        _draw_unread(cart.key, outcome.attempt_id, settled)
    elif outcome.differs:
        st.warning(message(outcome.message), icon=":material/warning:")
    admin_url = None
    if outcome.increment_id:
        order = order_record(desk.store(), outcome.order_key)
        admin_url = address_of_order(order)
        key_facts(
            [
                ("Customer", escaped(order.name, 60) or "Guest"),
                ("Total", f"**{money(order.grand_total, order.order_currency)}**"),
                ("Shipping", escaped(order.shipping_description, 60) or "None"),
                ("Payment", escaped(order.payment_title or order.payment_method, 60) or "None"),
            ],
            4,
        )
    st.markdown("**What happens next**")
    for line in _next_steps(outcome, cart):
        st.markdown(f":small[:gray[:material/chevron_right:] &nbsp;{line}]")
    with row(gap="xsmall"):
        if outcome.increment_id:
            _order_link(outcome.order_key)
        if admin_url:
            st.link_button("Open in Magento", admin_url, icon=":material/open_in_new:")
        filter_ = here.filter.changed(statuses=("open",))
        around = neighbours(desk.store(), filter_, here.sort, cart.key, today=desk.reader_today())
        following = around.next or around.previous
        if following and st.button("Next open cart", type="tertiary", icon=":material/arrow_forward:"):
            close()
            listing.leave(here.filtered(filter_), "pages/sales/cart.py", id=str(following))


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@desk.guarded
def _draw_unread(cart_key: int, attempt_id: int, settled: Callable[[Outcome], None]) -> None:
    """That the order's number is not known, until the shop tells it."""
    settle(desk.store(), [cart_key])
    now = outcome_of(desk.store(), attempt_id)
    if not isinstance(now, Placed) or now.increment_id is not None:
        settled(now)
        st.rerun()
    st.warning(message(now.message), icon=":material/warning:")
    st.caption(":shimmer[Waiting for the number…] You may close this; it will stand in the cart's timeline.")


def _next_steps(outcome: Placed, cart: CartRecord) -> list[str]:
    is_read = outcome.increment_id is not None
    there = "with Actions on the order's page, or in Magento" if is_read else "in Magento, or here once it is read"
    ship = "Once that is mended, invoice and ship the order that stays" if outcome.alarm else "Invoice and ship it"
    steps = [f"{ship} {there}."]
    if cart.email:
        steps.insert(0, f"If the shop is set up to, Magento e-mails the confirmation to {mail_link(cart.email)}.")
    attempt = next((each for each in cart.attempts if each.id == outcome.attempt_id), None)
    if attempt is not None:
        took = f", in {attempt.duration_ms / 1000:.1f} s" if attempt.duration_ms else ""
        placed = when(attempt.settled_at or attempt.claimed_at, desk.reader_zone())
        steps.append(f"Placed by {escaped(attempt.person, 60)} at {placed}{took}.")
    return steps


def _order_link(key: int) -> None:
    order_page = "pages/sales/order.py"
    st.page_link(order_page, label="View order", icon=":material/receipt_long:", query_params={"id": str(key)})


def draw_held(outcome: AlreadyHeld, close: Callable[[], None]) -> None:
    """Who was first, and the order that came of it."""
    said = "You did this already, in another tab." if outcome.by == desk.person() else "Nothing was placed by you."
    st.info(f"**{said}**  \n{message(outcome.message)}", icon=":material/lock_clock:")
    with row(gap="xsmall"):
        if outcome.order_key is not None and outcome.increment_id is not None:
            _order_link(outcome.order_key)
        if st.button("Close", on_click=close):
            st.rerun()


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@desk.guarded
def draw_unclear(cart_key: int, attempt_id: int, settled: Callable[[Outcome], None]) -> None:
    """What is known of an order without a clear answer, looked up again and again; `settled` is told the outcome."""
    settle(desk.store(), [cart_key])
    now = outcome_of(desk.store(), attempt_id)
    if not isinstance(now, Unclear):
        settled(now)
        st.rerun()
    until = when(now.lookup_until, desk.reader_zone()) if now.lookup_until else ""
    follows = what_follows(desk.store(), cart_key, now, until)
    st.warning(
        f"**The shop gave no clear answer.** It may have placed the order. {message(follows)}  \n{message(now.known)}",
        icon=":material/help:",
    )
    st.caption(":shimmer[Waiting for the outcome…] You may close this; it will stand in the cart's timeline.")
