"""The few shapes the screens are built of: rows, cards, key facts and sums."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


def row(**options: Any) -> DeltaGenerator:
    """A line of elements, centred on each other, that wraps by itself on a narrow screen."""
    return st.container(horizontal=True, **{"vertical_alignment": "center", "gap": "small", **options})


def spread(**options: Any) -> DeltaGenerator:
    """A line whose first element stands left and whose last stands right."""
    return row(horizontal_alignment="distribute", **options)


def card(title: str = "", aside: str = "", action: Callable[[], None] | None = None, **options: Any) -> DeltaGenerator:
    """A framed block; `title` in bold, right of it `aside`, both Markdown, and the button that `action` draws."""
    block = st.container(border=True, **{"gap": "xsmall", **options})
    if title:
        with block, spread():
            st.markdown(f"**{title}**", width="content")
            if aside or action:
                with row(width="content"):
                    if aside:
                        st.caption(aside, width="content")
                    if action:
                        action()
    return block


def key_facts(facts: Iterable[tuple[str, str]], columns: int) -> None:
    """Label over value, side by side. Labels and values are Markdown."""
    with st.grid(columns, min_column_width=116, gap=("small", "medium")):
        for label, value in facts:
            st.markdown(f":small[:gray[{label}]]  \n{value}")


def sums(lines: Iterable[tuple[str, str]], total: tuple[str, str] | None = None) -> None:
    """Label left and value right, a line each, the last one bold. Labels and values are Markdown."""
    for label, value in lines:
        with spread(wrap=False):
            # The longer of the two has the rest of the line, where it wraps: else the other would be pushed out of it.
            is_name = len(label) > len(value)
            st.markdown(f":small[:gray[{label}]]", width="stretch" if is_name else "content")
            st.markdown(f":small[{value}]", width="content" if is_name else "stretch", text_alignment="right")
    if total:
        with spread(wrap=False):
            st.markdown(f"**{total[0]}**", width="content")
            st.markdown(f"**{total[1]}**", width="content")


def pager(pages: int, *, key: str, on_change: Callable[..., None], args: tuple[Any, ...] = ()) -> None:
    """The numbers of up to seven pages, and the arrows beside them.

    Of two to four pages in a space that just holds them Streamlit 1.67 draws one: it rounds down what fits.
    """
    roomy = {2: 160, 3: 224, 4: 224}
    st.pagination(pages, key=key, on_change=on_change, args=args, width=roomy.get(pages) or "content")


def nothing_here(icon: str, title: str, text: str) -> DeltaGenerator:
    """An empty state: what is missing and why; the block returned takes the row of next steps."""
    with st.container(border=True, horizontal_alignment="center", gap="small"):
        st.space("medium")
        st.markdown(f"## :violet[:material/{icon}:]", text_alignment="center", anchors=False)
        st.markdown(f"**{title}**", text_alignment="center")
        with st.container(width=480):
            st.caption(text, text_alignment="center")
        steps = row(horizontal_alignment="center")
        st.space("medium")
    return steps
