"""Statuses as badges and chips: the words are the shop's, the colours and icons are the same everywhere."""

from __future__ import annotations

from crm_core.insight.statuses import StatusStyle
from pages.widgets.grid import Chips
from pages.widgets.text import escaped, plain


def badge(style: StatusStyle) -> str:
    """Markdown of a badge, icon and word."""
    return f":{style.color}-badge[:material/{style.icon}: {escaped(style.label, 40)}]"


def coloured(style: StatusStyle, text: str) -> str:
    """Markdown of the icon in its colour and `text`, which is Markdown, in the colour around it."""
    return f":{style.color}[:material/{style.icon}:] {text}"


def chip(style: StatusStyle) -> str:
    """Sign and word, for the badge of a grid's status column."""
    return f"{style.sign} {plain(style.label, 24)}"


def chips(styles: set[StatusStyle]) -> Chips:
    """The badges that a page of rows needs."""
    ordered = sorted(styles, key=lambda style: (style.color, style.label))
    return Chips(tuple(chip(style) for style in ordered), tuple(style.color for style in ordered))
