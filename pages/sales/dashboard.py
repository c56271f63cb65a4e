"""The figures of a period: what was sold beside the period before, what lies in carts, and which shop it is from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from math import nan
from typing import Any

import streamlit as st

from crm_core.insight.filters import Screen
from crm_core.insight.metrics import Dashboard, Figure, dashboard
from crm_core.insight.periods import Period
from pages.widgets import desk, first_run, listing, screen_address
from pages.widgets.charts import ACCENT, CONFIG, Slice
from pages.widgets.figures import bar_figure, is_by_week, line_figure
from pages.widgets.layout import card, row, spread
from pages.widgets.text import chart_pair, dotted, escaped, money, percent, plain, plural, when, whole_money

_PERIODS = {"7d": "7 d", "30d": "30 d", "90d": "90 d", "12m": "12 mo"}
_ALL = 0
_STORES_SHOWN = 8
_GROWING_SECONDS = 5
_LISTS = {"carts": "pages/sales/carts.py", "orders": "pages/sales/orders.py"}


@desk.guarded
def _screen() -> None:
    with spread():
        st.title("Dashboard", width="content", anchor=False)
        controls = row(width="content")
    names, params = desk.names(), st.query_params
    chosen = params.get("period", "30d")
    period = chosen if chosen in _PERIODS else "30d"
    wanted = params.get("channel", "")
    channel = next((each.id for each in names.channels if str(each.id) == wanted), None)
    shown = Period(preset=period)
    figures = dashboard(desk.store(), shown, channel, params.get("currency"), desk.reader_today())
    if not figures.currencies and first_run.draw_if_nothing_to_show("orders"):
        return
    with controls:
        _controls(period, channel, figures)
    st.caption(_what(figures))
    for problem in _unclear(figures):
        st.warning(escaped(problem, 300), icon=":material/edit:")
    if figures.importing:
        _importing(figures.importing, time.monotonic())
    _key_figures(figures, _PERIODS[period])
    left, right = st.columns([2, 1], gap="small")
    with left:
        _sold(figures, period, channel)
    with right:
        _by_status(figures, "carts", f"updated in {_PERIODS[period]}", period, channel)
        _by_status(figures, "orders", f"created in {_PERIODS[period]}", period, channel)


@st.fragment(run_every=_GROWING_SECONDS)
def _importing(names: tuple[str, ...], drawn_at: float) -> None:
    """Says that a first import is running, and draws the figures anew while it does."""
    if time.monotonic() - drawn_at > _GROWING_SECONDS / 2:
        st.rerun()
    importing = ", ".join(escaped(name, 40) for name in names)
    st.info(f"The first import of {importing} is still running: figures grow meanwhile.", icon=":material/sync:")


def _controls(period: str, channel: int | None, figures: Dashboard) -> None:
    names = desk.names()
    if len(names.channels) > 1:
        _control(
            "channel",
            st.selectbox,
            [_ALL, *(each.id for each in names.channels)],
            channel or _ALL,
            lambda id_: plain(names.channels_by_id[id_].name, 40) if id_ else "All channels",
            width=190,
        )
    if len(figures.currencies) > 1:
        _control("currency", st.segmented_control, list(figures.currencies), figures.currency, str, required=True)
    _control("period", st.segmented_control, list(_PERIODS), period, _PERIODS.__getitem__, required=True)


def _control(name: str, widget: Any, options: list[Any], value: Any, label: Any, **others: Any) -> None:
    """A widget that shows what the URL says, and writes it there."""
    key = f"dashboard-{name}"
    st.session_state[key] = value

    def changed() -> None:
        now = st.session_state[key]
        if now:
            st.query_params[name] = str(now)
        else:
            st.query_params.pop(name, None)

    widget(
        name.capitalize(),
        options,
        key=key,
        format_func=label,
        label_visibility="collapsed",
        on_change=changed,
        **others,
    )


def _unclear(figures: Dashboard) -> list[str]:
    """A sentence for each part of the address that means nothing here, and what is shown in its place."""
    names, params = desk.names(), st.query_params.to_dict()
    currencies = {*figures.currencies, *(each.base_currency for each in names.stores)}
    known = {
        "period": (set(_PERIODS), "the last 30 days are"),
        "channel": ({str(each.id) for each in names.channels}, "all channels are"),
        "currency": (currencies, f"{figures.currency} is"),
    }
    told = [
        f"There is no {name} “{params[name][:40]}” here: {instead} shown."
        for name, (values, instead) in known.items()
        if name in params and params[name] not in values
    ]
    others = ", ".join(f"“{name[:40]}”" for name in params if name not in known)
    return [*told, f"The address holds what means nothing here ({others}): it is not looked at."] if others else told


def _what(figures: Dashboard) -> str:
    first, final = figures.first, figures.final
    days = f"{first.day} {first:%b}{f' {first.year}' if first.year != final.year else ''} – {final.day} {final:%b %Y}"
    as_of = f"as of {when(figures.as_of, desk.reader_zone())}" if figures.as_of else "not read completely yet"
    others = " and ".join(escaped(each, 3) for each in figures.currencies if each != figures.currency)
    amounts = f"amounts in {escaped(figures.currency, 3)}"
    return dotted(
        [
            f"{days}, compared with the {figures.length} days before",
            f"orders and carts with {amounts} only, not in {others}" if others else amounts,
            "without cancelled orders, each store's own day",
            as_of,
        ]
    )


def _key_figures(figures: Dashboard, period: str) -> None:
    currency = figures.currency
    before = f"vs prev. {period}"
    with st.grid(4, min_column_width=160, gap="small"):
        _metric("Revenue", whole_money(figures.revenue.value or Decimal(0), currency), figures.revenue, before)
        _metric(
            "Orders",
            f"{figures.orders.value:,.0f}",
            figures.orders,
            before,
            hint="Created in these days. Cancelled ones are left out here and counted in Orders by status.",
        )
        _metric("Average order", money(figures.average_order.value, currency), figures.average_order, before)
        _metric(
            "Value of open carts",
            whole_money(figures.open_carts_value.value or Decimal(0), currency),
            figures.open_carts_value,
            "now",
            delta=plural(int(figures.open_carts.value or 0), "cart"),
            hint="All open carts as they are now, however old. Carts by status counts those updated in these days.",
        )


def _metric(label: str, value: str, figure: Figure, about: str, *, delta: str = "", hint: str | None = None) -> None:
    if not delta and figure.change is not None:
        colour = "green" if figure.change > 0 else "red" if figure.change < 0 else "gray"
        delta = f":{colour}[{percent(figure.change)}]"
    if not delta:
        delta = "new" if figure.value and not figure.previous else "—"
    st.metric(
        label,
        value,
        delta,
        delta_color="gray",
        delta_arrow="off",
        delta_description=about,
        help=hint,
        chart_data=_points(figure.by_day),
        chart_type="line",
        border=True,
    )


def _points(by_day: Sequence[Decimal | None]) -> list[float]:
    """A point a day: a straight line over days without a figure, nothing before the first or after the last one."""
    known = [at for at, each in enumerate(by_day) if each is not None]
    points = [nan if each is None else float(each) for each in by_day]
    for before, after in pairwise(known):
        step = (points[after] - points[before]) / (after - before)
        for at in range(before + 1, after):
            points[at] = points[before] + step * (at - before)
    return points if known else [0.0]


@st.fragment
@desk.guarded
def _sold(figures: Dashboard, period: str, channel: int | None) -> None:
    """Revenue or orders: over time, and by store view."""
    what = _over_time(figures)
    _by_store(figures, what, period, channel)


def _over_time(figures: Dashboard) -> str:
    """By day, by week in a long period, beside the period before; whether the reader wants revenue or orders."""
    with card():
        with spread():
            what = str(
                st.segmented_control(
                    "What",
                    ["Revenue", "Orders"],
                    default="Revenue",
                    required=True,
                    label_visibility="collapsed",
                    key="dashboard-what",
                )
            )
            by_week = ":gray[By week] &nbsp; " if is_by_week(figures) else ""
            st.markdown(
                f":small[{by_week}:color[:material/horizontal_rule:]{{foreground='{ACCENT}'}} "
                ":gray[This period] &nbsp; :gray[:material/more_horiz: Before]]",
                width="content",
            )
        figure = line_figure(figures, what)
        st.plotly_chart(
            figure, config=CONFIG, key="dashboard-over-time", alt=f"{what} by day, beside the period before"
        )
    return what


def _by_store(figures: Dashboard, what: str, period: str, channel: int | None) -> None:
    """Bars of the store views, the longest first; a press on one opens its orders."""
    if not figures.revenue_by_store:
        return
    of_revenue = what == "Revenue"
    stores = figures.revenue_by_store
    if not of_revenue:
        stores = tuple(sorted(stores, key=lambda each: -each.orders))
    several = len({each.channel for each in stores}) > 1
    slices = tuple(
        Slice(
            str(each.key),
            chart_pair(each.channel, each.store_view) if several else each.store_view,
            max(0.0, float(each.revenue if of_revenue else each.orders)),
            "accent",
            whole_money(each.revenue, figures.currency) if of_revenue else f"{each.orders:,}",
            dotted([each.channel if several else "", each.store_view]),
        )
        for each in stores[:_STORES_SHOWN]
    )
    more = f", the first {_STORES_SHOWN} of {len(stores)}" if len(stores) > _STORES_SHOWN else ""
    title = f"{what} by store view"
    with card(title, f"{_PERIODS[period]}{more}"):
        pressed = _pressed_bar(slices, f"{what.lower()}-by-store", title)
    if pressed:
        conditions: dict[str, Any] = {"stores": (int(pressed),), "created": Period(preset=period)}
        _open("orders", conditions, figures, channel)


@st.fragment
@desk.guarded
def _by_status(figures: Dashboard, screen: Screen, about: str, period: str, channel: int | None) -> None:
    """Bars of the statuses; a press on one opens the list of its rows."""
    found = figures.carts_by_status if screen == "carts" else figures.orders_by_status
    slices = tuple(
        Slice(each.status, each.style.label, each.rows, each.style.color, f"{each.rows:,}")
        for each in found
        if each.rows or (screen == "carts" and each.status != "closing")
    )
    with card(f"{screen.capitalize()} by status", about):
        if not slices:
            st.caption(f"No {screen} in this period.")
            return
        pressed = _pressed_bar(slices, f"{screen}-by-status", f"{screen.capitalize()} by status")
    if pressed:
        period_of = "updated" if screen == "carts" else "created"
        _open(screen, {"statuses": (pressed,), period_of: Period(preset=period)}, figures, channel)


def _open(screen: Screen, conditions: dict[str, Any], figures: Dashboard, channel: int | None) -> None:
    """Opens the list that a bar stands for, in the currency and of the channel that the dashboard shows."""
    found = listing.everything(
        screen,
        channel_ids=(channel,) if channel else (),
        currency=figures.currency if len(figures.currencies) > 1 else "",
        **conditions,
    )
    screen_address.leave(_LISTS[screen], **found.params())


def _pressed_bar(slices: tuple[Slice, ...], key: str, alt: str) -> str | None:
    """Draws the bars; the key of the one that was pressed on this run."""
    event: Any = st.plotly_chart(
        bar_figure(slices),
        config=CONFIG,
        on_select="rerun",
        selection_mode="points",
        key=f"dashboard-{key}",
        alt=alt,
    )
    points = event.selection.points
    keys = {each.key for each in slices}
    pressed = points[0].get("y") if points else None
    return pressed if pressed in keys else None


_screen()
