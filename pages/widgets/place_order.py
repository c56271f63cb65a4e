"""The drawer that turns a cart into an order: every check, what will be ordered on which terms, and what came of it.

It stays open over runs: which cart it is for, what the shop said and what came of placing stand in the session in one
object, changed in place, and nothing else does. The core makes sure that one order comes of any number of presses.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import assert_never

import streamlit as st

from crm_core.errors import BadInput, DeskError
from crm_core.insight.admin_places import places_of_cart
from crm_core.insight.breakdown import TotalRow, breakdown, compare
from crm_core.insight.cart_record import CartRecord
from crm_core.sales.cart_writing import Mended
from crm_core.sales.offer import Offer, PaymentOption, ShippingOption
from crm_core.sales.outcomes import AlreadyHeld, Outcome, Placed, Refused, TotalsChanged, Unclear
from crm_core.sales.preflight.check import Code, FixKind, Verdict
from crm_core.sales.preflight.plan import Plan
from crm_core.sales.preflight.run import Preflight
from crm_core.store.documents import Totals
from pages.widgets import admin_instead, cart_editor, desk
from pages.widgets.layout import row, spread
from pages.widgets.lines import NumberColumn, draw_lines, product
from pages.widgets.listing import Listing
from pages.widgets.mending import Outdated, forget
from pages.widgets.placing_outcome import draw_held, draw_placed, draw_unclear
from pages.widgets.placing_state import Placing
from pages.widgets.preflight_list import PLACE, Checking, draw_check, draw_rest, draw_to_settle
from pages.widgets.text import ago, dotted, escaped, mail_link, message, money, plain, plural, quantity

_STATE = "placing"
_FIELDS = ("placing-shipping", "placing-payment", "placing-po")


def open_dialog(cart_key: int) -> None:
    """The drawer opens on this run, for that cart."""
    close()
    cart_editor.close()
    now = st.session_state[_STATE] = Placing(cart_key)
    now.ask()


def draw_if_open(cart: CartRecord, here: Listing) -> None:
    """Draws the drawer while it is open for that cart; call it once on the cart's screen."""
    now: Placing | None = st.session_state.get(_STATE)
    if now is None:
        return
    title = f"{'Order placed' if isinstance(now.outcome, Placed) else 'Place order'} · cart {cart.origin_id}"
    icon = ":material/shopping_cart_checkout:"
    st.dialog(title, width=620, position="right", icon=icon, on_dismiss=close)(_body)(now, cart, here)


def opened_at() -> tuple[str, int] | None:
    """The screen that the drawer stands on and the cart that it is for; None: it is not open."""
    now: Placing | None = st.session_state.get(_STATE)
    return None if now is None else ("cart", now.cart_key)


def close() -> None:
    """The drawer is closed, with everything that was chosen, typed and found in it."""
    for key in (_STATE, *_FIELDS):
        st.session_state.pop(key, None)
    forget(PLACE)
    admin_instead.forget()


@desk.guarded
def _body(now: Placing, cart: CartRecord, here: Listing) -> None:
    if now.placing is not None:
        with st.spinner("Placing the order. It is sent once; wait for the shop's answer…"):
            now.came_of_it()
    match now.outcome:
        case Placed():
            if cart.status == "open" and not now.drawn_anew:
                now.drawn_anew = True
                st.rerun()  # the whole screen: the cart behind the drawer is Purchased now
            draw_placed(cart, now.outcome, here, close, partial(_settled, now))
        case AlreadyHeld():
            draw_held(now.outcome, close)
        case Unclear():
            draw_unclear(now.cart_key, now.outcome.attempt_id, partial(_settled, now))
        case Refused() | TotalsChanged() | None:
            _still_open(now, cart, now.outcome)
            places = partial(places_of_cart, desk.store(), cart)
            admin_instead.draw_admin_instead(places, "placing", cart.key, partial(_look_again, now, False))
        case _:
            assert_never(now.outcome)


def _settled(now: Placing, outcome: Outcome) -> None:
    now.outcome = outcome
    if isinstance(outcome, Refused):
        now.ask()


# ---- what the shop said ---------------------------------------------------------------------------------------------


def _still_open(now: Placing, cart: CartRecord, outcome: Refused | TotalsChanged | None) -> None:
    """The checks and the offer, below what kept the last try from an order."""
    checking = Checking(now.cart_key, partial(_look_again, now), partial(_fixed, now), partial(_not_fixed, now))
    if isinstance(outcome, Refused):
        said = "Magento refused the order. Nothing was placed." if outcome.status else "The order was not placed."
        st.error(f"**{said}**  \n{message(outcome.message)}", icon=":material/block:")
        if outcome.check is not None:
            draw_check(outcome.check, "refused", checking)
    if isinstance(outcome, TotalsChanged):
        st.warning(f"**Nothing was placed yet.** {_what_changed(outcome)}", icon=":material/price_change:")
    if isinstance(now.mended, Mended):
        st.success(message(now.mended.message, 300), icon=":material/check:")
        for note in now.mended.notes:
            st.warning(message(note, 300), icon=":material/warning:")
    elif now.mended is not None:
        desk.say(now.mended)
    if now.asked is not None:
        with st.spinner("Asking the shop: the cart, its stock, prices, coupon, shipping and payment…"):
            now.hear()
    if now.found is None:
        if now.error is not None:
            desk.say(now.error)
        with row(horizontal_alignment="right", gap="xsmall"):
            st.button("Try again", icon=":material/refresh:", on_click=_look_again, args=(now, False))
        return
    _draw_found(now, now.found, cart, checking, outcome)


def _what_changed(outcome: TotalsChanged) -> str:
    if outcome.lines_changed or outcome.after is None:
        return "The lines of the cart changed in the shop meanwhile. Look at them again."
    before, after = money(outcome.before, outcome.currency_before), money(outcome.after, outcome.currency)
    return f"The total is now **{after}** instead of {before}. Confirm it to place the order."


def _look_again(now: Placing, recalculate: bool) -> None:
    now.outcome = now.mended = None
    now.ask(recalculate=recalculate)


def _fixed(now: Placing, mended: Mended | Outdated) -> None:
    """The cart was changed, here or by somebody else, or may have been, so everything is checked again."""
    now.outcome, now.mended = None, mended
    now.ask()


def _not_fixed(now: Placing, why: Outdated) -> bool:
    """Told above the checks, which are made again: the one whose fix was pressed may be gone then."""
    _fixed(now, why)
    return True


def _not_edited(now: Placing, _why: Outdated) -> bool:
    """Told by the editor, which is too far down to see the top from; everything is checked again."""
    _look_again(now, False)
    return False


def _draw_found(
    now: Placing, found: Preflight, cart: CartRecord, checking: Checking, outcome: Refused | TotalsChanged | None
) -> None:
    offer = now.offer
    store_view = f"{escaped(cart.store_view.name, 60)} store view" if cart.store_view else ""
    who = (escaped(offer.customer, 60) or "Guest") if offer else ""
    with spread():
        where = dotted([who, store_view])
        is_read = found.reading is not None and found.reading.cart.is_told
        read = f"Read from the shop {ago(found.at, desk.reader_zone())}" if is_read else "Not read from the shop"
        st.caption(f":material/{'sync' if is_read else 'sync_problem'}: {dotted([read, where])}", width="content")
        st.button("Check again", icon=":material/refresh:", type="tertiary", on_click=_look_again, args=(now, False))
    shipping, payment, po_number = _chosen(offer)
    plan = Plan(shipping.code if shipping else None, payment.code if payment else None, po_number)
    planned = found.planned(plan) if offer else found
    draw_to_settle(planned, checking, outcome.check if isinstance(outcome, Refused) else None)
    draw_rest(planned)
    look = isinstance(outcome, TotalsChanged) and outcome.lines_changed
    if now.changes:
        label = f"{plural(len(now.changes), 'change')} in the shop that the desk did not know"
        with st.expander(label, icon=":material/sync:", expanded=look):
            for change in now.changes:
                st.markdown(f":small[{escaped(change, 300)}]")
    if offer is not None:
        _draw_lines(offer, look=look)
    if found.reading is not None and found.reading.is_open:
        editor = st.expander("Change the cart", icon=":material/edit:", key=f"{PLACE}-editor", on_change="rerun")
        if editor.open:
            with editor:
                cart_editor.draw_editor(now.cart_key, checking.on_changed, partial(_not_edited, now))
    if offer is not None:
        _draw_choices(offer, shipping)
        _draw_totals(offer, now.totals_before, shipping)
        _draw_mail(offer)
    _draw_confirm(now, planned, plan, shipping, payment)


# ---- the terms ------------------------------------------------------------------------------------------------------


def _draw_lines(offer: Offer, *, look: bool) -> None:
    pieces = sum((line.qty for line in offer.lines), Decimal(0))
    unit = "piece" if pieces == 1 else "pieces"
    label = f"Will be ordered: {quantity(pieces)} {unit} in {plural(len(offer.lines), 'line')}"
    with st.expander(label, icon=":material/shopping_bag:", expanded=look or len(offer.lines) <= 4):
        draw_lines(
            [product(line.name, line.sku, line.options) for line in offer.lines],
            [NumberColumn("Qty"), NumberColumn("Total", offer.currency)],
            [(line.qty, line.row_total) for line in offer.lines],
            "Lines of the order",
        )


def _chosen(offer: Offer | None) -> tuple[ShippingOption | None, PaymentOption | None, str | None]:
    """What stands in the fields, set to the cart's own choice, or the only one, where nothing that is offered does."""
    if offer is None:
        return None, None, None
    at, how, number = _FIELDS
    codes = {each.code: each for each in offer.shipping}
    shipping = codes.get(st.session_state.get(at) or "", offer.chosen_shipping)
    methods = {each.code: each for each in offer.payment_with(shipping)}
    payment = methods.get(st.session_state.get(how) or "", offer.chosen_payment(shipping))
    # Written on every run: a field whose options were worded anew, with another price, would forget its choice.
    st.session_state[at] = shipping.code if shipping else None
    st.session_state[how] = payment.code if payment else None
    return shipping, payment, st.session_state.get(number)


def _draw_choices(offer: Offer, shipping: ShippingOption | None) -> None:
    """The ways to ship and to pay, side by side; one below the other on a phone."""
    at, how, number = _FIELDS
    left, right = st.columns(2, gap="small") if offer.shipping else (None, st.container())
    if left is not None:
        ways = {each.code: f"{money(each.price, offer.currency)} · {plain(each.title, 60)}" for each in offer.shipping}
        left.selectbox(
            "Shipping", list(ways), placeholder="Choose", format_func=lambda code: ways.get(code, code), key=at
        )
    methods = {each.code: each for each in offer.payment_with(shipping)}
    right.selectbox(
        "Payment",
        list(methods),
        placeholder="Choose" if methods else "None fits",
        format_func=lambda code: plain(methods[code].title, 60) if code in methods else code,
        key=how,
        help="Only methods that need nothing from the customer",
    )
    chosen = methods.get(st.session_state.get(how) or "")
    if chosen and chosen.needs_po_number:
        st.text_input("Purchase order number", key=number, max_chars=32)


def _draw_totals(offer: Offer, before: Totals | None, shipping: ShippingOption | None) -> None:
    """The rows that make up the total, beside those that it had when the desk read it last."""
    is_known = before is not None and before.currency == offer.currency
    after = offer.breakdown(shipping)
    known = breakdown(before) if before and is_known else after
    rows = [each for each in compare(known, after) if each.row.code == "subtotal" or each.before or each.now]
    labels = [*(_total_label(each.row, offer.totals.items_qty) for each in rows), "**Grand total**"]
    columns = [NumberColumn("Now", offer.currency)]
    numbers = [[*(each.now for each in rows), offer.grand_total(shipping)]]
    if before and is_known:
        columns.insert(0, NumberColumn("Before", offer.currency))
        numbers.insert(0, [*(each.before for each in rows), before.grand_total])
    draw_lines(labels, columns, list(zip(*numbers, strict=True)), "Totals of the order", "Totals")


def _total_label(row: TotalRow, items_qty: Decimal) -> str:
    if row.code != "subtotal":
        return escaped(row.label, 60)
    words = row.label if row.holds_tax else f"{row.label} without tax"
    return f"{words}, {'1 item' if items_qty == 1 else f'{quantity(items_qty)} items'}"


def _draw_mail(offer: Offer) -> None:
    if offer.email:
        st.markdown(
            f":small[:gray[:material/mail:] {mail_link(offer.email)} :gray[gets Magento's order confirmation if the "
            "shop is set up to send it, which cannot be known here. It can be sent again from the order.]]"
        )


# ---- confirming -----------------------------------------------------------------------------------------------------


def _draw_confirm(
    now: Placing, planned: Preflight, plan: Plan, shipping: ShippingOption | None, payment: PaymentOption | None
) -> None:
    offer = now.offer
    missing = _missing(planned, offer, shipping, payment)
    # What the last press brought stands here in short, too: the top may be out of sight.
    if now.error is not None:
        desk.say(now.error)
    elif isinstance(now.outcome, Refused):
        st.caption(
            f":red[:material/block: Nothing was placed: {escaped(now.outcome.message, 160)}] The check is at the top."
        )
    elif isinstance(now.outcome, TotalsChanged):
        st.caption(f":orange[:material/price_change:] Nothing was placed yet. {_what_changed(now.outcome)}")
    amount = f" · {money(offer.grand_total(shipping), offer.currency)}" if offer else ""
    with row(horizontal_alignment="right", gap="xsmall"):
        if missing:
            st.caption(missing, width="content")
        with row(wrap=False, width="content", gap="xsmall"):  # what is missing may take a line, the two stay together
            if st.button("Cancel", type="tertiary", on_click=close):
                st.rerun()
            st.button(
                f"Place order{amount}",
                type="primary",
                icon=":material/lock:" if missing else ":material/check:",
                key=f"placing-confirm-{now.presses}",
                disabled=bool(missing),
                on_click=_confirm,
                args=(now, now.presses, offer, plan),
            )


def _missing(
    planned: Preflight, offer: Offer | None, shipping: ShippingOption | None, payment: PaymentOption | None
) -> str:
    """What keeps the order from being confirmed as it stands; empty: nothing."""
    if planned.obstacles:
        return "Settle the red lines first."
    if offer is None:
        waits = any(fix.kind is FixKind.RECALCULATE for check in planned.checks for fix in check.fixes)
        return (
            "Check the changed price first: the total is not known."
            if waits
            else "The shop has not told the total. Check again."
        )
    if any(each.verdict is Verdict.UNKNOWN for code in (Code.SHIPPING, Code.PAYMENT) for each in planned.of(code)):
        return "The shop has not told how it can be sent and paid. Check again."
    if shipping is None and not offer.is_virtual:
        return "Choose the shipping first."
    return "" if payment else "Choose the payment first."


def _confirm(now: Placing, drawn_at: int, offer: Offer, plan: Plan) -> None:
    """Places the order on what the person sees; a second press of the same button does nothing.

    Nor does a press on a button that was drawn before the person chose something else.
    """
    if now.presses != drawn_at:
        return
    now.presses += 1
    now.outcome = now.mended = now.error = None
    at, how, number = (st.session_state.get(key) for key in _FIELDS)
    try:
        if (at, how) != (plan.shipping, plan.payment):
            raise BadInput("The shipping or the payment was changed just before. Look at the total, then press again.")
        now.send(offer.choose(at, how or "", number))
    except DeskError as error:
        now.error = error
