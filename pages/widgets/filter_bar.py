"""The filter bar: a box for the filter language, popovers instead of typing, and the active conditions as pills."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import streamlit as st

from crm_core.insight.directory import Directory
from crm_core.insight.filter_words import known_words
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.periods import PRESETS, Period
from crm_core.store.keys import origin_of
from pages.widgets import listing
from pages.widgets.addresses import country_name, country_options
from pages.widgets.layout import row
from pages.widgets.listing import Listing
from pages.widgets.text import escaped, plain

_PLACEHOLDERS = {
    "carts": "Filter: name, e-mail, cart, or total>500 country:DE",
    "orders": "Filter: name, e-mail, number, or total>500 country:DE",
    "customers": "Filter: name, e-mail, number, or country:DE",
}
_SEARCHED = {
    "carts": "customers' names, e-mail addresses, cart numbers and SKUs, not in product names",
    "orders": "customers' names, e-mail addresses, order numbers and SKUs, not in product names",
    "customers": "names, e-mail addresses and numbers",
}
_PROBLEMS = "filter-problems"
_FILLED = "filled"
_LONGEST = 1_000


def draw_filter_bar(here: Listing, names: Directory) -> None:
    """Box and popovers; each change goes to the first page of the list with the new filter.

    A popover is filled while it is open only: their many controls would cost every run more than the list itself.
    """
    with row(gap="xsmall"):
        with st.container(width=420):
            st.session_state["filter-text"] = here.filter.personal_text
            st.text_input(
                "Filter",
                key="filter-text",
                placeholder=_PLACEHOLDERS[here.screen],
                icon=":material/filter_list:",
                label_visibility="collapsed",
                autocomplete="off",
                help=f"{searched_in(here.screen)} Conditions: {', '.join(known_words(here.screen))}",
                on_change=_typed,
                args=(here, names),
            )
        with row(gap="xsmall", wrap=False, width="content"):
            is_carts = here.screen == "carts"
            _popover("Channel", lambda: _channels(here, names))
            _popover("Updated" if is_carts else "Dates", lambda: _dates(here))
            if here.screen == "customers":
                _popover("Group", lambda: _groups(here, names))
            else:
                _popover("Subtotal" if is_carts else "Total", lambda: _amount(here, names))
            _popover("More", lambda: _more(here))
    for problem in st.session_state.pop(_PROBLEMS, ()):
        st.warning(escaped(problem, 300), icon=":material/edit:")


def searched_in(screen: Screen) -> str:
    """A sentence that says where the words of a filter are looked for."""
    return f"Words are looked for in {_SEARCHED[screen]}."


def _popover(label: str, draw: Callable[[], None]) -> None:
    popover = st.popover(label, key=f"popover-{label.lower()}", on_change="rerun")
    if popover.open:
        with popover:
            draw()


def draw_conditions(here: Listing, names: Directory) -> None:
    """The active conditions but for the status, which has a control of its own; a press takes one away.

    That a list of carts leaves empty ones out is one of them, though it does so from the start.
    """
    conditions = [each for each in here.filter.conditions(names) if each.key != "status"]
    shown = {each.key: (each.label, each.without) for each in conditions}
    if here.screen == "carts" and here.filter.with_items:
        shown[_FILLED] = ("With items", here.filter.changed(with_items=False))
    if not shown:
        return
    with row(width="content", gap="xsmall"):
        st.session_state["filter-conditions"] = list(shown)
        st.pills(
            "Active filters",
            list(shown),
            key="filter-conditions",
            selection_mode="multi",
            label_visibility="collapsed",
            format_func=lambda key: f"{escaped(shown[key][0], 48)} :material/close:",
            on_change=_taken_away,
            args=({key: without for key, (_, without) in shown.items()},),
        )
        if conditions:
            st.button("Clear", type="tertiary", on_click=listing.show, args=(Filter(here.screen),))


def _typed(here: Listing, names: Directory) -> None:
    text = (st.session_state["filter-text"] or "")[:_LONGEST]
    typed, problems = Filter.from_text(here.screen, text, names)
    st.session_state[_PROBLEMS] = problems
    listing.show(listing.merged(here.filter, typed))


def _taken_away(without: dict[str, Filter]) -> None:
    for key, rest in without.items():
        if key not in st.session_state["filter-conditions"]:
            listing.show(rest)


def _controlled(key: str, value: Any, change: Callable[[Any], dict[str, Any]], here: Listing) -> dict[str, Any]:
    """What makes a widget show `value` and write what `change` makes of its new value into the URL."""
    st.session_state[key] = value

    def changed() -> None:
        listing.show(here.filter.changed(**change(st.session_state[key])))

    return {"key": key, "on_change": changed}


def _channels(here: Listing, names: Directory) -> None:
    known = [each.id for each in names.channels]
    chosen = [id_ for id_ in here.filter.channel_ids if id_ in known]
    st.pills(
        "Channel",
        known,
        selection_mode="multi",
        format_func=lambda id_: escaped(names.channels_by_id[id_].name, 40),
        **_controlled("filter-channels", chosen, lambda ids: {"channel_ids": tuple(ids)}, here),
    )
    if here.screen == "customers":
        _websites(here, names)
        return
    views = [each.key for each in names.stores if each.origin_id]
    st.multiselect(
        "Store view",
        views,
        placeholder="Any",
        format_func=lambda key: _store_label(names, key),
        **_controlled(
            "filter-stores",
            [key for key in here.filter.stores if key in views],
            lambda keys: {"stores": tuple(keys)},
            here,
        ),
    )


def _websites(here: Listing, names: Directory) -> None:
    known = {each.key: each.name for each in names.websites}
    _of_customers("Website", "websites", known, here, names)


def _groups(here: Listing, names: Directory) -> None:
    known = {each.key: each.code for each in names.groups if each.origin_id}  # 0 holds the guests
    _of_customers("Customer group", "groups", known, here, names)


def _of_customers(label: str, field: str, known: dict[int, str], here: Listing, names: Directory) -> None:
    """Any of what customers belong to; `known` are names by record key, `field` is that of the filter."""
    chosen: tuple[int, ...] = getattr(here.filter, field)
    st.multiselect(
        label,
        list(known),
        placeholder="Any",
        format_func=lambda key: _in_shop(names, known[key], key),
        **_controlled(
            f"filter-{field}", [key for key in chosen if key in known], lambda keys: {field: tuple(keys)}, here
        ),
    )


def _in_shop(names: Directory, name: str, key: int) -> str:
    """The name of a website or a group; with several shops, which call theirs alike, with the shop's channels."""
    shop_id = origin_of(key)[0]
    alone = len({each.shop_id for each in names.channels}) == 1
    channels = "" if alone else ", ".join(each.name for each in names.channels if each.shop_id == shop_id)
    return " · ".join(part for part in (plain(name, 40), plain(channels, 40)) if part)


def _store_label(names: Directory, key: int) -> str:
    view = names.stores_by_key[key]
    channel = names.channel_name(view.shop_id, view.origin_id)
    return " · ".join(part for part in (plain(view.name, 40), plain(channel or view.website, 40)) if part)


def _dates(here: Listing) -> None:
    _period(here, "updated", "Updated")
    if here.screen != "carts":
        _period(here, "created", "Created")
    orders = here.screen == "orders"
    st.caption("Updated: days of UTC. Created: each store's own days and its own today." if orders else "Days of UTC.")


def _period(here: Listing, field: str, label: str) -> None:
    period: Period | None = getattr(here.filter, field)
    st.pills(
        label,
        list(PRESETS),
        format_func=lambda code: PRESETS[code].capitalize(),
        **_controlled(
            f"filter-{field}",
            period.preset if period else None,
            lambda code: {field: Period(preset=code) if code else None},
            here,
        ),
    )
    days = tuple(day for day in (period.first, period.final) if day) if period and period.first else ()
    nothing: Any = ()
    st.date_input(
        "Between",
        value=nothing,
        min_value=date(2000, 1, 1),
        max_value=date(2100, 1, 1),
        format="DD/MM/YYYY",
        **_controlled(f"filter-{field}-days", days, lambda chosen: _days(field, period, chosen), here),
    )


def _days(field: str, before: Period | None, chosen: tuple[date, ...]) -> dict[str, Any]:
    match chosen:
        case (first, final):
            return {field: Period(first=first, final=final)}
        case (first,):
            return {field: Period(first=first, final=before.final if before and before.first is None else None)}
        case _:
            return {field: None}


def _amount(here: Listing, names: Directory) -> None:
    low, high = here.filter.amount_from, here.filter.amount_to
    with row(gap="xsmall"):
        _bound("From", low, lambda amount: _in_order(amount, high), here)
        _bound("To", high, lambda amount: _in_order(low, amount), here)
    currencies = sorted({each.base_currency for each in names.stores if each.base_currency})
    if len(currencies) > 1:
        chosen = here.filter.currency if here.filter.currency in currencies else None
        st.pills(
            "Currency",
            currencies,
            **_controlled("filter-currency", chosen, lambda code: {"currency": code or ""}, here),
        )
    st.caption("In the base currency, without tax." if here.screen == "carts" else "In the base currency, with tax.")


def _bound(
    label: str, value: Decimal | None, change: Callable[[Decimal | None], dict[str, Any]], here: Listing
) -> None:
    def changed(number: float | None) -> dict[str, Any]:
        return change(None if number is None else Decimal(str(number)))

    shown = None if value is None else float(value)
    st.number_input(
        label,
        value=None,
        width=140,
        step=10.0,
        format="%.2f",
        **_controlled(f"filter-amount-{label}", shown, changed, here),
    )


def _in_order(low: Decimal | None, high: Decimal | None) -> dict[str, Any]:
    if low is not None and high is not None and low > high:
        low, high = high, low
    return {"amount_from": low, "amount_to": high}


def _more(here: Listing) -> None:
    if here.screen == "carts":
        _period(here, "created", "Created")
    st.multiselect(
        "Billing country",
        country_options(),
        placeholder="Any",
        format_func=country_name,
        **_controlled(
            "filter-countries",
            [code for code in here.filter.countries if code in country_options()],
            lambda codes: {"countries": tuple(codes)},
            here,
        ),
    )
    if here.screen == "customers":
        st.pills(
            "Newsletter",
            [True, False],
            format_func=lambda yes: "Yes" if yes else "No",
            **_controlled("filter-newsletter", here.filter.is_subscribed, lambda yes: {"is_subscribed": yes}, here),
        )
        _deleted(here)
        return
    st.text_input(
        "SKU", placeholder="Any", **_controlled("filter-sku", here.filter.sku, lambda sku: {"sku": sku or ""}, here)
    )
    st.pills(
        "Bought as",
        [False, True],
        format_func=lambda guest: "Guest" if guest else "Customer",
        **_controlled("filter-guest", here.filter.is_guest, lambda guest: {"is_guest": guest}, here),
    )
    if here.screen == "carts":
        st.toggle(
            "Empty carts too",
            **_controlled("filter-empty", not here.filter.with_items, lambda on: {"with_items": not on}, here),
        )
    else:
        _deleted(here)


def _deleted(here: Listing) -> None:
    st.toggle(
        "Deleted in the shop", **_controlled("filter-deleted", here.filter.gone, lambda on: {"gone": bool(on)}, here)
    )
