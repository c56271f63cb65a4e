"""The cards of several carts: those ready to be ordered, those that are not and why, and what came of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import streamlit as st

from crm_core.insight.attempts import reason_words
from crm_core.insight.counts import sorted_sums
from crm_core.sales.preflight.check import Code
from crm_core.sales.several import Candidate, Kind, NotReady, Ready, Result
from pages.widgets.layout import card, row, spread
from pages.widgets.text import dotted, escaped, message, money, plural

KINDS: dict[Kind, str] = {
    "placed": "placed",
    "unclear": "unclear",
    "held": "someone else was first",
    "refused": "not placed",
}
"""How a cart of several can end, in words, in the order in which they are counted."""

_ICONS: dict[Kind, str] = {
    "placed": ":green[:material/check_circle:]",
    "unclear": ":orange[:material/help:]",
    "held": ":blue[:material/lock_clock:]",
    "refused": ":red[:material/block:]",
}


def cart_title(candidate: Candidate) -> str:
    """Markdown of the customer's name and the cart's number."""
    return f"**{escaped(candidate.name, 60) or 'Guest'}** :gray[· cart {candidate.cart_id}]"


def sums(amounts: Iterable[tuple[str, Decimal]]) -> str:
    """Such as "€12.00 · £7.00": amounts with their currencies added up, each currency on its own."""
    found: dict[str, Decimal] = {}
    for currency, amount in amounts:
        found[currency] = found.get(currency, Decimal(0)) + amount
    return " · ".join(money(each.amount, each.currency) for each in sorted_sums(found))


def draw_result(candidate: Candidate, result: Result) -> None:
    """What came of one cart, with the way to its order once that is read, until then or else to the cart."""
    amount = "" if result.total is None else f" :gray[· {money(result.total, result.currency)}]"
    said = f"  \n:gray[{message(result.message, 400)}]" if result.message else ""
    with spread(gap="xsmall", wrap=False):
        st.markdown(f":small[{_ICONS[result.kind]} &nbsp;{cart_title(candidate)}{amount}{said}]")
        if result.order_key is not None and result.increment_id is not None:
            _link("order", result.order_key, f"Order {escaped(result.increment_id, 40)}")
        else:
            words = KINDS[result.kind]
            _link("cart", result.cart_key, words[:1].upper() + words[1:])


def draw_ready(
    title: str,
    aside: str,
    group: Sequence[Ready],
    picked: Mapping[int, Candidate],
    wanted: Mapping[int, bool],
    ticks: dict[int, bool],
) -> None:
    """The card of a group of carts that can be ordered.

    `wanted` says for each whether it is ticked; what the person ticks or unticks is written into `ticks`.
    """
    if not group:
        return
    amount = sums((each.currency, each.total) for each in group)
    with card(f"{title}: {plural(len(group), 'cart')}", dotted([amount, aside])):
        for each in group:
            _draw_tick(picked[each.cart_key], each, wanted[each.cart_key], ticks)


def _draw_tick(candidate: Candidate, ready: Ready, wanted: bool, ticks: dict[int, bool]) -> None:
    key = f"several-tick-{ready.cart_key}"
    st.session_state[key] = wanted

    def changed() -> None:
        ticks[ready.cart_key] = st.session_state[key]

    free = escaped(ready.payment, 60) if ready.total == 0 else ""
    with spread(gap="xsmall", wrap=False):
        with row(gap="xsmall"):
            st.checkbox(cart_title(candidate), key=key, width="content", on_change=changed)
            st.caption(dotted([escaped(ready.shipping, 80) or "Nothing to send", free]), width="content")
        _link("cart", ready.cart_key, money(ready.total, ready.currency))
    for look in ready.looks:
        st.caption(f":orange[:material/visibility:] {_sentence(look.title, look.detail)}")


def draw_not_ready(
    picked: Mapping[int, Candidate], stopped: Sequence[NotReady], on_recalculate: Callable[[tuple[int, ...]], None]
) -> None:
    """Why the rest cannot be ordered as they are, the reason of most carts first.

    `on_recalculate` is called with the carts that the person lets the shop recalculate.
    """
    if not stopped:
        return
    amount = _amount([picked[each.cart_key] for each in stopped])
    with card(f"Cannot be ordered as they are: {plural(len(stopped), 'cart')}", amount):
        for reason, _ in Counter(_reason(each) for each in stopped).most_common():
            _draw_reason(reason, picked, [each for each in stopped if _reason(each) == reason], on_recalculate)


def _draw_reason(
    reason: str,
    picked: Mapping[int, Candidate],
    group: Sequence[NotReady],
    on_recalculate: Callable[[tuple[int, ...]], None],
) -> None:
    carts = [picked[each.cart_key] for each in group]
    with spread(gap="xsmall"):
        st.markdown(f":red[:material/block:] &nbsp;**{escaped(reason, 60)}**", width="content")
        st.caption(dotted([plural(len(group), "cart"), _amount(carts)]), width="content")
    is_shared = len({(each.why, each.detail) for each in group}) == 1
    if is_shared:
        st.caption(_sentence(group[0].why, group[0].detail))
    for each, cart in zip(group, carts, strict=True):
        why = "" if is_shared else f"  \n:small[:gray[{_sentence(each.why, each.detail)}]]"
        with spread(gap="xsmall", wrap=False):
            st.markdown(f":small[{cart_title(cart)}]{why}")
            _link("cart", each.cart_key, _amount([cart]))
    waiting = tuple(each.cart_key for each in group if each.can_recalculate)
    if waiting:
        st.button(
            f"Let the shop recalculate {plural(len(waiting), 'cart')}",
            key="several-recalculate",
            icon=":material/calculate:",
            on_click=on_recalculate,
            args=(waiting,),
        )


def _amount(carts: Sequence[Candidate]) -> str:
    about = "about " if any(cart.is_about for cart in carts) else ""
    return about + sums((cart.currency, cart.amount) for cart in carts)


def _reason(stopped: NotReady) -> str:
    if stopped.can_recalculate:
        return reason_words(Code.PRICE)  # its totals and rates were not read for that reason
    return "Not checked" if stopped.code is None else reason_words(stopped.code)


def _sentence(title: str, detail: str) -> str:
    return f"{escaped(title, 200).rstrip('.')}. {escaped(detail, 300)}".strip()


def _link(page: str, key: int, label: str) -> None:
    st.page_link(
        f"pages/sales/{page}.py",
        label=label,
        icon=":material/chevron_right:",
        icon_position="right",
        width="content",
        query_params={"id": str(key)},
    )
