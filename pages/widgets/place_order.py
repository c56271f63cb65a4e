"""The drawer that turns a cart into an order: what will be ordered, on which terms, and what came of it.

It stays open over runs: which cart it is for, what the shop offered and what came of placing stand in the session, and
nothing else does. The core makes sure that one order comes of any number of presses.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import assert_never

import streamlit as st

from crm_core.errors import DeskError
from crm_core.insight.admin_places import places_of_cart
from crm_core.insight.grids import neighbours
from crm_core.insight.records import CartRecord, order_record
from crm_core.sales.offer import Offer, ShippingOption, prepare
from crm_core.sales.outcomes import AlreadyHeld, Outcome, Placed, Refused, TotalsChanged, Unclear, outcome_of
from crm_core.sales.placing import place, settle
from crm_core.sales.preflight.check import Verdict
from pages.widgets import desk
from pages.widgets.admin_instead import draw_admin_instead
from pages.widgets.layout import key_facts, row, spread
from pages.widgets.lines import NumberColumn, draw_lines, product
from pages.widgets.listing import Listing
from pages.widgets.text import escaped, mail_link, message, money, plural, quantity, when

_OPEN = "placing"
_OFFER = "placing-offer"
_OUTCOME = "placing-outcome"
_ERROR = "placing-error"
_DRAWN_ANEW = "placing-drawn-anew"
_FIELDS = ("placing-shipping", "placing-payment", "placing-po")
_LOOK_AGAIN_SECONDS = 2


def open_dialog(cart_key: int) -> None:
    """The drawer opens on this run, for that cart."""
    close()
    st.session_state[_OPEN] = cart_key


def draw_if_open(cart: CartRecord, here: Listing) -> None:
    """Draws the drawer while it is open for that cart; call it once on the cart's screen."""
    if st.session_state.get(_OPEN) != cart.key:
        return
    done = isinstance(st.session_state.get(_OUTCOME), Placed)
    title = f"{'Order placed' if done else 'Place order'} · cart {cart.origin_id}"
    icon = ":material/shopping_cart_checkout:"
    st.dialog(title, width=620, position="right", icon=icon, on_dismiss=close)(_body)(cart, here)


def close() -> None:
    """The drawer is closed: the person is done with it, or went to another screen."""
    for key in (_OPEN, _OFFER, _OUTCOME, _ERROR, _DRAWN_ANEW, *_FIELDS):
        st.session_state.pop(key, None)


def _body(cart: CartRecord, here: Listing) -> None:
    outcome: Outcome | None = st.session_state.get(_OUTCOME)
    match outcome:
        case Placed():
            if cart.status == "open" and not st.session_state.get(_DRAWN_ANEW):
                st.session_state[_DRAWN_ANEW] = True
                st.rerun()  # the whole screen: the cart behind the drawer is Purchased now
            _placed(cart, outcome, here)
        case AlreadyHeld():
            _held(outcome)
        case Unclear():
            _unclear(outcome.attempt_id)
        case Refused() | TotalsChanged() | None:
            _still_open(cart, outcome)
        case _:
            assert_never(outcome)


# ---- before ---------------------------------------------------------------------------------------------------------


def _still_open(cart: CartRecord, outcome: Refused | TotalsChanged | None) -> None:
    """The offer, below what kept the last try from an order."""
    if isinstance(outcome, Refused):
        said = "Magento refused the order." if outcome.status else "The order was not placed."
        st.error(f"**{said} Nothing was placed.**  \n{message(outcome.message)}", icon=":material/block:")
    if isinstance(outcome, TotalsChanged):
        st.warning(f"**Nothing was placed yet.** {_what_changed(outcome)}", icon=":material/price_change:")
    error: DeskError | None = st.session_state.get(_ERROR)
    offer: Offer | None = st.session_state.get(_OFFER)
    if offer is None and error is None:
        try:
            with st.spinner("Reading the cart from the shop…"):
                offer = st.session_state[_OFFER] = prepare(desk.store(), cart.key, desk.person())
        except DeskError as raised:
            error = st.session_state[_ERROR] = raised
    if error is not None:
        desk.say(error)
    if offer is None:
        with row(horizontal_alignment="right", gap="xsmall"):
            st.button("Try again", icon=":material/refresh:", on_click=_look_again)
    else:
        _draw_offer(cart, offer)
    draw_admin_instead(partial(places_of_cart, desk.store(), cart), "placing", cart.key)


def _what_changed(outcome: TotalsChanged) -> str:
    if outcome.lines_changed:
        return "The lines of the cart changed in the shop meanwhile. Look at them again."
    before, after = money(outcome.before, outcome.currency_before), money(outcome.after, outcome.currency)
    return f"The total is now **{after}** instead of {before}. Confirm it to place the order."


def _look_again() -> None:
    for key in (_OFFER, _OUTCOME, _ERROR):
        st.session_state.pop(key, None)


def _draw_offer(cart: CartRecord, offer: Offer) -> None:
    store_view = cart.store_view.name if cart.store_view else offer.store_view
    channel = cart.channel.name if cart.channel else ""
    with spread():
        st.caption(
            f":material/sync: Read from the shop just now · {escaped(offer.customer, 60) or 'Guest'} · "
            f"{escaped(channel, 60)}, {escaped(store_view, 60)} store view",
            width="content",
        )
        st.button("Check again", icon=":material/refresh:", type="tertiary", on_click=_look_again)
    for check in offer.preflight.obstacles:
        st.error(message(check.sentence), icon=":material/error:")
    for check in offer.preflight.checks:
        if check.verdict is Verdict.LOOK:
            st.warning(message(check.sentence), icon=":material/warning:")
    changes = offer.preflight.changes
    if changes:
        with st.expander(f"{plural(len(changes), 'change')} in the shop since the desk last read it"):
            for change in changes:
                st.markdown(f":small[{escaped(change, 300)}]")
    _draw_lines(offer)
    shipping, payment = _draw_choices(offer)
    _draw_totals(offer, shipping)
    st.caption(":material/mail: Magento e-mails the confirmation to the customer, if the shop is set up to.")
    amount = money(offer.grand_total(shipping), offer.currency)
    with row(horizontal_alignment="right", gap="xsmall"):
        missing = _missing(offer, shipping, payment)
        if missing:
            st.caption(missing, width="content")
        if st.button("Cancel", type="tertiary", on_click=close):
            st.rerun()
        st.button(
            f"Place order · {amount}",
            type="primary",
            icon=":material/lock:" if missing else ":material/check:",
            key="placing-confirm",
            disabled=bool(missing),
            on_click=_confirm,
            args=(cart.key, offer),
        )


def _missing(offer: Offer, shipping: ShippingOption | None, payment: str | None) -> str:
    """What keeps the order from being confirmed as it stands; empty: nothing."""
    if offer.preflight.obstacles:
        return "Settle the red lines first."
    if shipping is None and not offer.is_virtual:
        return "Choose the shipping first."
    return "" if payment else "Choose the payment first."


def _draw_lines(offer: Offer) -> None:
    pieces = sum((line.qty for line in offer.lines), Decimal(0))
    unit = "piece" if pieces == 1 else "pieces"
    label = f"Will be ordered: {quantity(pieces)} {unit} in {plural(len(offer.lines), 'line')}"
    with st.expander(label, icon=":material/shopping_bag:", expanded=len(offer.lines) <= 4):
        draw_lines(
            [product(line.name, line.sku) for line in offer.lines],
            [NumberColumn("Qty"), NumberColumn("Total", offer.currency)],
            [(line.qty, line.row_total) for line in offer.lines],
            "Lines of the order",
        )


def _draw_choices(offer: Offer) -> tuple[ShippingOption | None, str | None]:
    """What the person chose to ship with (None also for nothing to ship) and to pay with; None: nothing yet."""
    shipping: ShippingOption | None = None
    with row(gap="small", vertical_alignment="top"):
        if not offer.is_virtual and offer.shipping:
            labels = {each.code: f"{each.title} · {money(each.price, offer.currency)}" for each in offer.shipping}
            start = offer.chosen_shipping
            code = st.selectbox(
                "Shipping",
                list(labels),
                index=list(labels).index(start.code) if start else None,
                placeholder="Choose",
                format_func=labels.__getitem__,
                key="placing-shipping",
            )
            shipping = next((each for each in offer.shipping if each.code == code), None)
        methods = {each.code: each for each in offer.payment_with(shipping)}
        if st.session_state.get("placing-payment") not in methods:
            st.session_state.pop("placing-payment", None)
        payment = st.selectbox(
            "Payment",
            list(methods),
            index=0 if len(methods) == 1 else None,
            placeholder="Choose" if methods else "None fits",
            format_func=lambda code: methods[code].title,
            key="placing-payment",
            help="Only methods that need nothing from the customer",
        )
    if payment and methods[payment].needs_po_number:
        st.text_input("Purchase order number", key="placing-po", max_chars=32)
    return shipping, payment


def _draw_totals(offer: Offer, shipping: ShippingOption | None) -> None:
    now, before = offer.totals, offer.totals_before
    pieces = quantity(now.items_qty)
    labels = (f"Subtotal, {pieces} items", "Discount", "Shipping", "Tax", "**Grand total**")
    in_shop = (
        now.subtotal,
        now.discount_amount,
        shipping.price if shipping else now.shipping_incl_tax,
        now.tax_amount,
        offer.grand_total(shipping),
    )
    in_desk = before and (
        before.subtotal,
        before.discount_amount,
        before.shipping_incl_tax,
        before.tax_amount,
        before.grand_total,
    )
    columns = [NumberColumn("In the shop now", offer.currency)]
    if before and before.currency == offer.currency:
        columns.insert(0, NumberColumn("In the desk", offer.currency))
    rows = [
        (label, (in_desk[at], in_shop[at]) if in_desk and len(columns) == 2 else (in_shop[at],))
        for at, label in enumerate(labels)
        if at in {0, len(labels) - 1} or in_shop[at] or (in_desk and in_desk[at])
    ]
    draw_lines([label for label, _ in rows], columns, [numbers for _, numbers in rows], "Totals of the order", "Totals")


def _confirm(cart_key: int, offer: Offer) -> None:
    """Places the order on what the person sees; a second press while the first was under way does nothing."""
    if isinstance(st.session_state.get(_OUTCOME), Placed | Unclear | AlreadyHeld):
        return
    st.session_state.pop(_ERROR, None)
    st.session_state.pop(_OUTCOME, None)
    try:
        choice = offer.choose(
            st.session_state.get("placing-shipping"),
            st.session_state.get("placing-payment") or "",
            st.session_state.get("placing-po"),
        )
        outcome = place(desk.store(), cart_key, choice, desk.person())
    except DeskError as error:
        st.session_state[_ERROR] = error
        return
    st.session_state[_OUTCOME] = outcome
    if isinstance(outcome, TotalsChanged) and outcome.offer is not None:
        st.session_state[_OFFER] = outcome.offer


# ---- after ----------------------------------------------------------------------------------------------------------


def _placed(cart: CartRecord, outcome: Placed, here: Listing) -> None:
    number = f"Order {escaped(outcome.increment_id, 40)}" if outcome.increment_id else "The order"
    total = outcome.agreed_grand_total if outcome.grand_total is None else outcome.grand_total
    st.success(
        f"**{number}** is placed for {money(total, outcome.currency)}.  \nThe cart is now Purchased.",
        icon=":material/check_circle:",
    )
    if outcome.differs or outcome.increment_id is None:
        st.warning(message(outcome.message), icon=":material/warning:")
    admin = None
    if outcome.increment_id:
        order = order_record(desk.store(), outcome.order_key)
        admin = order.admin
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
        _order_link(outcome.order_key)
        if admin and admin.url:
            st.link_button("Open in Magento", admin.url, icon=":material/open_in_new:")
        filter_ = here.filter.changed(statuses=("open",))
        around = neighbours(desk.store(), filter_, here.sort, cart.key, today=desk.reader_today())
        following = around.next or around.previous
        if following and st.button("Next open cart", type="tertiary", icon=":material/arrow_forward:"):
            close()
            st.switch_page(
                "pages/sales/cart.py", query_params={"id": str(following), **here.filtered(filter_).params()}
            )


def _next_steps(outcome: Placed, cart: CartRecord) -> list[str]:
    steps = ["Invoice and ship it with Actions on the order's page, or in Magento."]
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


def _held(outcome: AlreadyHeld) -> None:
    said = "You did this already, in another tab." if outcome.by == desk.person() else "Nothing was placed by you."
    st.info(f"**{said}**  \n{message(outcome.message)}", icon=":material/lock_clock:")
    with row(gap="xsmall"):
        if outcome.order_key is not None:
            _order_link(outcome.order_key)
        if st.button("Close", on_click=close):
            st.rerun()


@st.fragment(run_every=_LOOK_AGAIN_SECONDS)
@desk.guarded
def _unclear(attempt_id: int) -> None:
    settle(desk.store())
    now = outcome_of(desk.store(), attempt_id)
    if not isinstance(now, Unclear):
        st.session_state[_OUTCOME] = now
        st.rerun()
    until = f" until {when(now.lookup_until, desk.reader_zone())}" if now.lookup_until else ""
    st.warning(
        f"**The shop gave no clear answer.** It may have placed the order. The desk asks it for the order{until}; "
        f"nobody can place this cart meanwhile.  \n{message(now.known)}",
        icon=":material/help:",
    )
    st.caption(":shimmer[Asking the shop…] You may close this; the outcome will stand in the cart's timeline.")
