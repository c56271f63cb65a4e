"""Finding a product in words and putting it into a cart, with its price, what is left of it, and its choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import streamlit as st

from crm_core.errors import DeskError
from crm_core.sales.cart_fixes import AddLine, Change, ReplaceLine
from crm_core.sales.product_finding import (
    FoundProduct,
    FoundProducts,
    ProductChoices,
    find_products,
    product_choices,
)
from pages.widgets import desk
from pages.widgets.layout import pager, row, spread
from pages.widgets.mending import Mending
from pages.widgets.text import escaped, message, money, plain, plural, quantity

_FEW_LEFT = 20


@dataclass(frozen=True)
class Replaced:
    """The line that a product is to take the place of, with the quantity that the person sees there."""

    item_id: int
    quantity: Decimal


@dataclass
class _Search:
    """What a person searches for and what was found; `chosen` is the SKU whose choices are shown."""

    words: str = ""
    page: int = 1
    found: FoundProducts | DeskError | None = None
    chosen: str | None = None
    choices: ProductChoices | DeskError | None = None


def draw_product_search(mending: Mending, name: str, replaces: Replaced | None = None) -> None:
    """The search, its results, and a button on each that adds it, or puts it in place of the line `replaces`.

    `name` sets this search apart from others at the place.
    """
    search: _Search = st.session_state.setdefault(mending.key(name), _Search())
    with st.form(f"{mending.place}-{name}-form", border=False), row(gap="xsmall", wrap=False):
        st.text_input(
            "Product",
            key=mending.key(name, "words"),
            placeholder="Name or SKU",
            label_visibility="collapsed",
            icon=":material/search:",
        )
        st.form_submit_button(
            "Search", key=f"{mending.place}-{name}-go", on_click=_search, args=(mending, name), width="content"
        )
    if search.found is None and search.words:
        with st.spinner("Searching the shop…"):
            search.found = _found(mending, search)
    mending.draw_trouble(name)
    match search.found:
        case DeskError():
            desk.say(search.found)
        case FoundProducts():
            _draw_found(mending, name, search, search.found, replaces)


def _search(mending: Mending, name: str) -> None:
    words = str(mending.value(name, "words") or "").strip()
    st.session_state[mending.key(name)] = _Search(words)


def _found(mending: Mending, search: _Search) -> FoundProducts | DeskError:
    try:
        return find_products(desk.store(), mending.cart_key, search.words, search.page)
    except DeskError as error:
        return error


def _draw_found(mending: Mending, name: str, search: _Search, found: FoundProducts, replaces: Replaced | None) -> None:
    if not found.products:
        st.caption(f"The shop has no product with “{escaped(search.words, 80)}” in its name or SKU.")
        return
    with spread():
        rate = f" in {escaped(found.currency, 3)} at the cart's rate" if found.is_converted else ""
        st.caption(
            f"{plural(found.total, 'product')} · catalogue prices{rate}; the shop sets the final one in the cart",
            width="content",
        )
        st.number_input(
            "Quantity",
            min_value=0.0001,
            value=1.0 if replaces is None else float(replaces.quantity),
            step=1.0,
            format="%g",
            key=mending.key(name, "pieces"),
            width=110,
        )
    for note in found.notes:
        st.caption(f":orange[:material/warning:] {message(note, 300)}")
    for each in found.products:
        with st.container(border=True, gap="xsmall"):
            _draw_product(mending, name, search, each, found, replaces)
    if found.pages > 1:
        key = mending.key(name, "page", search.words)
        pager(found.pages, key=key, on_change=_turn, args=(search, key))


def _turn(search: _Search, key: str) -> None:
    search.page, search.found, search.chosen, search.choices = int(st.session_state[key]), None, None, None


def _draw_product(
    mending: Mending, name: str, search: _Search, found: FoundProduct, page: FoundProducts, replaces: Replaced | None
) -> None:
    spot = f"{name}-{found.sku}"
    with spread(wrap=False):  # a long name takes more lines, and the prices and buttons of all products stand in line
        st.markdown(f"{escaped(found.name, 120)}  \n:small[:gray[{escaped(found.sku, 64)}]]")
        with row(width="content", gap="small"):
            st.markdown(_price_and_stock(found, page), width="content", text_alignment="right")
            if found.needs_choices:
                st.button(
                    "Choose",
                    key=f"{mending.place}-{spot}-choose",
                    icon=":material/tune:",
                    disabled=found.why_not is not None,
                    on_click=_choose,
                    args=(search, found.sku),
                )
            else:
                _draw_add(mending, name, spot, found, replaces)
    if found.why_not:
        st.caption(f":material/block: {escaped(found.why_not, 200)}")
    mending.draw_trouble(spot)
    if search.chosen == found.sku and found.why_not is None:
        _draw_choices(mending, name, search, found, page, replaces)


def _price_and_stock(found: FoundProduct, page: FoundProducts) -> str:
    price = ":small[:gray[Price by choice]]" if found.price is None else money(found.price, page.currency)
    if page.is_converted and found.price is not None:
        price = f":small[:gray[about]] {price}"
    if found.is_salable is False:
        stock = ":red[Out of stock]"
    elif found.is_salable is None:
        stock = ":gray[Stock not known]"
    elif found.left is None:
        stock = ":green[In stock]"
    else:
        stock = f":{'orange' if found.left < _FEW_LEFT else 'green'}[{quantity(found.left)} left]"
    return f"{price}  \n:small[{stock}]"


def _choose(search: _Search, sku: str) -> None:
    search.chosen = None if search.chosen == sku else sku
    search.choices = None


def _draw_choices(
    mending: Mending, name: str, search: _Search, found: FoundProduct, page: FoundProducts, replaces: Replaced | None
) -> None:
    if search.choices is None:
        with st.spinner("Reading what it comes in…"):
            search.choices = _choices(mending, found.sku)
    if isinstance(search.choices, DeskError):
        desk.say(search.choices)
        return
    for note in search.choices.notes:
        st.caption(f":orange[:material/warning:] {message(note, 300)}")
    options: dict[int, int] = {}
    with row(gap="xsmall", vertical_alignment="bottom"):
        for choice in search.choices.choices:
            words = {number: plain(word, 60) for number, word in choice.values.items()}
            value = st.selectbox(
                escaped(choice.label, 40),
                list(words),
                index=None,
                format_func=words.__getitem__,
                placeholder="Choose",
                key=mending.key(name, found.sku, choice.attribute_id),
                width=180,
            )
            if value is not None:
                options[choice.attribute_id] = value
    if len(options) < len(search.choices.choices):
        return
    variant = search.choices.variant(options)
    if variant is None:
        st.caption(":material/block: It does not come like that. Choose otherwise.")
        return
    with spread():
        st.markdown(_price_and_stock(variant.product, page), width="content")
        _draw_add(mending, name, f"{name}-{found.sku}", variant.product, replaces, found.sku, options)
    if variant.product.why_not:
        st.caption(f":material/block: {escaped(variant.product.why_not, 200)}")


def _choices(mending: Mending, sku: str) -> ProductChoices | DeskError:
    try:
        return product_choices(desk.store(), mending.cart_key, sku)
    except DeskError as error:
        return error


def _draw_add(
    mending: Mending,
    name: str,
    spot: str,
    found: FoundProduct,
    replaces: Replaced | None,
    parent: str | None = None,
    options: Mapping[int, int] | None = None,
) -> None:
    """The button that puts it into the cart: by its parent's SKU and the choices, where there are some."""

    def change() -> Change:
        pieces, sku = mending.quantity(mending.key(name, "pieces")), parent or found.sku
        if replaces is not None:
            return ReplaceLine(replaces.item_id, sku, pieces, replaces.quantity, options)
        return AddLine(sku, pieces, options)

    mending.button(
        "Add" if replaces is None else "Put it in",
        spot,
        change,
        name=f"add-{found.sku}",
        icon=":material/add_shopping_cart:",
        disabled=found.why_not is not None,
    )
