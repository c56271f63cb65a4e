"""The Actions menu of an order and the dialogs behind it: what the shop is asked to do, and what it said to that.

Which order and which action stand in the session in one object. It is changed in place, which Streamlit cannot
interrupt, so a second press while the first is under way sends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, assert_never

import streamlit as st

from crm_core.errors import DeskError, NotAllowed, OutcomeUnknown
from crm_core.insight.order_record import OrderRecord
from crm_core.magento.order_actions import Track
from crm_core.sales.order_actions import (
    Action,
    ActionState,
    Cancel,
    Comment,
    Email,
    Hold,
    Invoice,
    Refund,
    Ship,
    Unhold,
    act,
    available,
    open_lines,
)
from crm_core.sales.order_amounts import amount_of, pieces_left
from crm_core.sales.order_rules import Kind, OpenLine
from crm_core.sync.record import synchronise_order
from pages.widgets import desk
from pages.widgets.layout import row
from pages.widgets.text import dotted, escaped, message, money, plural, quantity

_OPEN = "order-action"
_MENU = "order-actions-menu"
_FIELD = "order-action-"
_MOST_PARCELS = 10
_MOST_NAMED = 8
_EVERYTHING, _CHOSEN = "everything", "chosen"
_AT_ONCE = frozenset((Kind.HOLD, Kind.UNHOLD))
"""What needs no words and can be taken back: asked of the shop without a dialog."""

_WITH_AMOUNT = frozenset((Kind.INVOICE, Kind.CANCEL, Kind.REFUND))
"""What is confirmed with the amount it comes to, so the order is read first."""

_ICONS = {
    Kind.COMMENT: ":material/chat:",
    Kind.EMAIL: ":material/mail:",
    Kind.INVOICE: ":material/receipt_long:",
    Kind.SHIP: ":material/local_shipping:",
    Kind.HOLD: ":material/pause_circle:",
    Kind.UNHOLD: ":material/play_circle:",
    Kind.CANCEL: ":material/cancel:",
    Kind.REFUND: ":material/undo:",
}
_CONFIRM = {
    Kind.COMMENT: "Add comment",
    Kind.EMAIL: "Send e-mail",
    Kind.INVOICE: "Make invoice",
    Kind.SHIP: "Make shipment",
    Kind.HOLD: "Hold",
    Kind.UNHOLD: "Unhold",
    Kind.CANCEL: "Cancel the order",
    Kind.REFUND: "Record refund",
}


@dataclass
class _Asked:
    """An action that a person chose. `sending` holds further presses off; `error` is what came of the last one."""

    order_key: int
    kind: Kind
    parcels: int = 1
    is_read: bool = False
    sending: bool = False
    error: DeskError | None = None
    is_done: bool = False


# ---- the menu -------------------------------------------------------------------------------------------------------


def draw_menu(order_key: int) -> None:
    """The menu: every action, beside those that cannot be taken now the reason."""
    menu = st.popover("Actions", icon=":material/bolt:", key=_MENU, on_change="rerun")
    if not menu.open:
        return
    states = available(desk.store(), order_key)
    reasons = {state.reason for state in states}
    shared = next(iter(reasons)) if len(reasons) == 1 else None
    with menu, st.container(gap="xxsmall", width=304):
        if shared:
            st.caption(f":material/lock: {escaped(shared, 300)}")
        for state in states:
            _draw_choice(order_key, state, None if shared else state.reason)


def _draw_choice(order_key: int, state: ActionState, reason: str | None) -> None:
    with row(wrap=False):
        with st.container(width=124 if reason else "stretch"):
            st.button(
                state.label,
                icon=_ICONS[state.kind],
                type="tertiary",
                key=f"order-actions-{state.kind.value}",
                disabled=not state.enabled,
                on_click=_choose,
                args=(order_key, state.kind),
            )
        if reason:
            st.caption(escaped(reason, 300))


def _choose(order_key: int, kind: Kind) -> None:
    close()
    st.session_state[_MENU] = False
    asked = st.session_state[_OPEN] = _Asked(order_key, kind)
    if kind in _AT_ONCE:
        _send(asked)


def opened_at() -> tuple[str, int] | None:
    """The screen that the dialog stands on and the order that it is for; None: it is not open."""
    asked: _Asked | None = st.session_state.get(_OPEN)
    return None if asked is None else ("order", asked.order_key)


def close() -> None:
    """The dialog is closed and what was typed is forgotten."""
    for key in [str(key) for key in st.session_state]:
        if key == _OPEN or key.startswith(_FIELD):
            del st.session_state[key]


def _send(asked: _Asked) -> None:
    """Asks the shop, once however often it is pressed meanwhile."""
    if asked.sending or asked.is_done:
        return
    asked.sending = True
    try:
        done = act(desk.store(), asked.order_key, _filled_in(asked), desk.person())
    except DeskError as error:
        asked.error = error
    else:
        asked.is_done = True
        desk.announce(message(done.message), icon=_ICONS[asked.kind])
        for note in done.notes:
            desk.announce(message(note), icon=":material/warning:")
    finally:
        asked.sending = False


# ---- the dialogs ----------------------------------------------------------------------------------------------------


def draw_if_asked(order: OrderRecord) -> None:
    """The dialog of the chosen action while it is open; an action without one has it only to say why it failed."""
    asked: _Asked | None = st.session_state.get(_OPEN)
    if asked is None:
        return
    if asked.is_done:
        close()
    elif asked.kind not in _AT_ONCE or asked.error is not None:
        title = f"{asked.kind.label} · {escaped(order.increment_id, 40)}"
        st.dialog(title, icon=_ICONS[asked.kind], on_dismiss=close)(_body)(asked, order)


def _body(asked: _Asked, order: OrderRecord) -> None:
    if asked.is_done:
        st.rerun()  # the whole screen: it shows the order as it is now
    if asked.kind in _WITH_AMOUNT and not asked.is_read:
        _read(asked)
    _draw_form(asked, order)
    if asked.error is not None:
        desk.say(asked.error)
    with row(horizontal_alignment="right", gap="xsmall"):
        if isinstance(asked.error, OutcomeUnknown):
            if st.button("Close", on_click=close):
                st.rerun()
            return
        if st.button("Back", type="tertiary", on_click=close):
            st.rerun()
        st.button(
            dotted([_CONFIRM[asked.kind], _amount(asked)]),
            type="primary",
            icon=_ICONS[asked.kind],
            key="order-actions-confirm",
            on_click=_send,
            args=(asked,),
        )


def _read(asked: _Asked) -> None:
    """The order is read from the shop, so that the dialog tells what is left of it now, or that nothing is."""
    try:
        with st.spinner("Reading the order…"):
            synchronise_order(desk.store(), asked.order_key, desk.person())
        [state] = [each for each in available(desk.store(), asked.order_key) if each.kind is asked.kind]
        if state.reason is not None:
            raise NotAllowed(state.reason)
    except DeskError as error:
        asked.error = error
    asked.is_read = True


def _amount(asked: _Asked) -> str:
    """Such as "€93.20" or "about €31.00": what the action comes to as filled in now; empty where it has no amount."""
    action = _filled_in(asked)
    if not isinstance(action, Invoice | Refund | Cancel):
        return ""
    found = amount_of(desk.store(), asked.order_key, action)
    return f"{'about ' if found.is_about else ''}{money(found.value, found.currency)}"


def _draw_form(asked: _Asked, order: OrderRecord) -> None:
    match asked.kind:
        case Kind.COMMENT:
            st.text_area("Comment", key=f"{_FIELD}text", height=112)
            st.checkbox("E-mail it to the customer", key=f"{_FIELD}notify")
            st.checkbox("Show it in the customer's account", key=f"{_FIELD}visible")
        case Kind.EMAIL:
            st.markdown(
                f"The shop sends the order's confirmation to **{escaped(order.email, 80)}**, again if it did before."
            )
        case Kind.INVOICE:
            _draw_invoice(asked)
        case Kind.SHIP:
            _draw_shipment(asked)
        case Kind.CANCEL:
            _draw_cancellation(asked)
        case Kind.REFUND:
            _draw_refund(asked, order)


def _draw_cancellation(asked: _Asked) -> None:
    pieces = [f"{quantity(most)} × {escaped(line.name, 60)}" for line, most in _left(asked)]
    if len(pieces) > _MOST_NAMED:
        pieces[_MOST_NAMED:] = [f"and {plural(len(pieces) - _MOST_NAMED, 'line')} more"]
    st.markdown(f"**{_amount(asked)}** of this order is not invoiced and is cancelled:")
    st.markdown("  \n".join(f":small[{each}]" for each in pieces))
    st.caption("A cancellation cannot be undone.")


def _draw_invoice(asked: _Asked) -> None:
    _draw_quantities(asked)
    st.markdown(f"The invoice comes to **{_amount(asked)}**.")
    st.checkbox(
        "Take the payment with it",
        value=True,
        key=f"{_FIELD}capture",
        help="Where the way of paying can. A cheque or a bank transfer counts as paid either way.",
    )
    st.checkbox("E-mail the invoice to the customer", key=f"{_FIELD}notify")
    st.caption("An invoice cannot be undone, only refunded.")


def _draw_shipment(asked: _Asked) -> None:
    _draw_quantities(asked)
    for at in range(asked.parcels):
        shown: Literal["visible", "collapsed"] = "collapsed" if at else "visible"
        with row(gap="xsmall", wrap=False):
            st.text_input("Carrier", key=f"{_FIELD}carrier-{at}", placeholder="Such as DHL", label_visibility=shown)
            st.text_input("Tracking number", key=f"{_FIELD}number-{at}", label_visibility=shown)
    if asked.parcels < _MOST_PARCELS:
        st.button("Another parcel", icon=":material/add:", type="tertiary", on_click=_add_parcel, args=(asked,))
    st.checkbox("E-mail the shipment to the customer", key=f"{_FIELD}notify")
    st.caption("A shipment cannot be undone.")


def _add_parcel(asked: _Asked) -> None:
    asked.parcels += 1


def _draw_refund(asked: _Asked, order: OrderRecord) -> None:
    _draw_quantities(asked)
    if order.shipping_amount:  # of a free one the shop refunds nothing
        st.number_input(
            f"Shipping to refund, in {escaped(order.base_currency, 3)}",
            value=None,
            min_value=0.0,
            step=1.0,
            format="%.2f",
            placeholder="All that is left of it",
            key=f"{_FIELD}shipping",
        )
    st.warning(
        f"This moves no money: it records that you pay the customer **{_amount(asked)}** back yourself.",
        icon=":material/payments:",
    )
    st.checkbox("Put the pieces back into stock", key=f"{_FIELD}restock")
    st.checkbox("E-mail the refund to the customer", key=f"{_FIELD}notify")
    st.caption("A refund cannot be undone.")


def _draw_quantities(asked: _Asked) -> None:
    """Everything that is left, or so many of each line; one piece leaves nothing to choose."""
    left = _left(asked)
    pieces = sum((most for _, most in left), Decimal(0))
    if len(left) == 1 and pieces == 1:
        st.markdown(f"{asked.kind.label}: **{escaped(left[0][0].name, 80)}**")
    if pieces <= 1:
        return
    st.segmented_control(
        "Pieces",
        [_EVERYTHING, _CHOSEN],
        default=_EVERYTHING,
        required=True,
        format_func=lambda which: f"All {quantity(pieces)} that are left" if which == _EVERYTHING else "Choose",
        key=f"{_FIELD}pieces",
    )
    if _filled("pieces") != _CHOSEN:
        return
    for line, most in left:
        label = f"{escaped(line.name, 60)} :gray[{escaped(line.sku, 40)}, {quantity(most)} left]"
        key = f"{_FIELD}qty-{line.item_id}"
        if most == most.to_integral_value():
            st.number_input(label, min_value=0, max_value=int(most), value=int(most), key=key)
        else:
            st.number_input(label, min_value=0.0, max_value=float(most), value=float(most), step=1.0, key=key)


def _left(asked: _Asked) -> list[tuple[OpenLine, Decimal]]:
    """The lines of which something is left to do, and how much."""
    left = [(line, pieces_left(line, asked.kind)) for line in open_lines(desk.store(), asked.order_key)]
    return [(line, most) for line, most in left if most]


# ---- what was filled in ---------------------------------------------------------------------------------------------


def _filled_in(asked: _Asked) -> Action:
    """The action as filled in now: what was typed last arrives together with the press, before it is drawn."""
    notify = bool(_filled("notify"))
    match asked.kind:
        case Kind.COMMENT:
            return Comment(_filled("text") or "", notify=notify, visible=bool(_filled("visible")))
        case Kind.EMAIL:
            return Email()
        case Kind.INVOICE:
            return Invoice(_quantities(asked), notify=notify, capture=bool(_filled("capture")))
        case Kind.SHIP:
            return Ship(_quantities(asked), _tracks(asked), notify=notify)
        case Kind.HOLD:
            return Hold()
        case Kind.UNHOLD:
            return Unhold()
        case Kind.CANCEL:
            return Cancel()
        case Kind.REFUND:
            shipping = _filled("shipping")
            items = _quantities(asked)
            pieces = [line.item_id for line, _ in _left(asked)] if items is None else list(items)
            return Refund(
                items,
                shipping_amount=None if shipping is None else Decimal(str(shipping)),
                notify=notify,
                return_to_stock=tuple(pieces) if _filled("restock") else (),
            )
        case _:
            assert_never(asked.kind)


def _filled(field: str) -> Any:
    return st.session_state.get(f"{_FIELD}{field}")


def _quantities(asked: _Asked) -> dict[int, Decimal] | None:
    """How much of each line by item_id; None for everything that is left."""
    if _filled("pieces") != _CHOSEN:
        return None
    chosen = {line.item_id: Decimal(str(_filled(f"qty-{line.item_id}") or 0)) for line, _ in _left(asked)}
    return {item_id: amount for item_id, amount in chosen.items() if amount}


def _tracks(asked: _Asked) -> tuple[Track, ...]:
    rows = [(_filled(f"number-{at}") or "", _filled(f"carrier-{at}") or "") for at in range(asked.parcels)]
    return tuple(
        Track(number.strip(), carrier.strip()) for number, carrier in rows if number.strip() or carrier.strip()
    )
