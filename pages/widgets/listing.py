"""Where a person is in a list: filter, order and page, all of them in the URL.

The URL is the only place that holds them, so reload, back and a shared link show the same. Widgets take their value
from it on every run, and their callbacks write it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

import streamlit as st

from crm_core.errors import DeskError
from crm_core.insight.filter_words import is_word, known_words
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.saved_filters import open_filter, save_filter
from crm_core.insight.sorting import DEFAULT_SORT, Sort, column_of
from pages.widgets import desk
from pages.widgets.screen_address import LEFT
from pages.widgets.text import message

_DEEPEST_PAGE = 1_000_000
_BESIDE_FILTERS = ("sort", "page", "f", LEFT)
"""What stands in a list's URL and is no filter."""

_MOST_NAMED = 3


@dataclass(frozen=True)
class Listing:
    """A place in the list of carts, of orders or of customers."""

    filter: Filter
    sort: Sort
    page: int = 1

    @property
    def screen(self) -> Screen:
        """The list it is a place in."""
        return self.filter.screen

    def filtered(self, new: Filter) -> Listing:
        """The first page of the list with another filter, in the same order."""
        return Listing(new, self.sort)

    def sorted_by(self, column: str) -> Listing:
        """The first page in the order of `column`: newest, highest or A first; pressed again the other way round."""
        usual = column_of(self.screen, column).usually_descends
        descending = not self.sort.descending if column == self.sort.column else usual
        return Listing(self.filter, Sort(column, descending))

    def at_page(self, page: int) -> Listing:
        """Another page of the same list."""
        return replace(self, page=page)

    def params(self) -> dict[str, str]:
        """The query parameters that `read` reads back. Personal conditions are saved, and stand there as an id."""
        here = self.filter
        if here.is_personal and not here.saved:
            here = here.changed(saved=save_filter(desk.store(), here, desk.person()))
        params = here.to_url()
        if self.sort != DEFAULT_SORT[self.screen]:
            params |= self.sort.to_url()
        if self.page > 1:
            params["page"] = str(self.page)
        return params


def read(screen: Screen) -> tuple[Listing, list[str]]:
    """The place that the URL names, and a sentence for each part of it that was left out as unclear."""
    params = st.query_params.to_dict()
    found, problems = open_filter(desk.store(), screen, params)
    sort, unsorted = Sort.from_url(screen, params)
    return Listing(found, sort, page_number(params, problems)), [*problems, *unsorted]


def unknown_names(screen: Screen) -> list[str]:
    """A sentence on the parameters of a list's URL that mean nothing there; none if all of them are known."""
    words = [each for each in known_words(screen) if is_word(each)]
    return not_filters((each for each in st.query_params if not is_word(each)), (*words, *_BESIDE_FILTERS))


def not_filters(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """A sentence on those of a URL's parameters that are none of `known`. Streamlit keeps its own to itself."""
    unknown = [each for each in names if each not in known]
    if not unknown:
        return []
    words = ", ".join(f"“{each[:40]}”" for each in unknown[:_MOST_NAMED])
    if len(unknown) > 1:
        others = f" and {len(unknown) - _MOST_NAMED} more" if len(unknown) > _MOST_NAMED else ""
        return [f"{words}{others} are no filters here; the list shows what it would without them."]
    meant = get_close_matches(unknown[0].lower(), known, 1)
    hint = f" Did you mean “{meant[0]}”?" if meant else ""
    return [f"{words} is no filter here; the list shows what it would without it.{hint}"]


def everything(screen: Screen, **conditions: Any) -> Listing:
    """The first page of a list in its usual order, with only these conditions."""
    return Listing(Filter(screen, **conditions), DEFAULT_SORT[screen])


def go(listing: Listing, **others: str) -> None:
    """Writes the place into the URL; the next run shows it. `others` are parameters beside it.

    Where the store can't keep what the URL carries as an id, nothing moves and the next run says why.
    """
    params = _params_or_told(listing)
    if params is not None:
        st.query_params.from_dict({**others, **params})


def leave(listing: Listing, page: str, **others: str) -> None:
    """Opens another page with the place in its URL, as `go` writes it."""
    params = _params_or_told(listing)
    if params is not None:
        st.switch_page(page, query_params={**others, **params})


def _params_or_told(listing: Listing) -> dict[str, str] | None:
    try:
        return listing.params()
    except DeskError as error:
        desk.announce(message(str(error)), icon=":material/error:")
        return None


def show(wanted: Filter) -> None:
    """Writes the filter into the URL, from its first page on.

    The order is the one that the URL has now: a fragment may have changed it since the caller's screen was drawn.
    """
    sort, _ = Sort.from_url(wanted.screen, st.query_params.to_dict())
    go(Listing(wanted, sort))


def merged(current: Filter, typed: Filter) -> Filter:
    """`current` with what was typed: each condition in the place of one of its kind, the words in that of its words.

    An amount's two ends are of one kind: what is typed is the whole range.
    """
    fresh = Filter(current.screen)
    changes = {
        field.name: getattr(typed, field.name)
        for field in fields(Filter)
        if field.compare and getattr(typed, field.name) != getattr(fresh, field.name)
    }
    if "amount_from" in changes or "amount_to" in changes:
        changes |= {"amount_from": typed.amount_from, "amount_to": typed.amount_to}
    return current.changed(**{"text": "", "email": "", **changes})


def page_number(params: Mapping[str, str], problems: list[str]) -> int:
    """The page that the parameters name, from 1; for one that cannot be the first one, and `problems` says so."""
    wanted = params.get("page", "1")
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= _DEEPEST_PAGE:
        return int(wanted[:9])
    problems.append("The page that the link names does not exist: the first one is shown.")
    return 1
