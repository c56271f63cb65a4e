from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isnan
from typing import Any

from sqlalchemy import delete, insert, select, update

from crm_core.insight.metrics import Dashboard, dashboard
from crm_core.insight.periods import Period, Today
from crm_core.store import tables
from pages.widgets.figures import line_figure
from pages.widgets.text import money, whole_money
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, words_of


def test_the_figures_are_those_of_the_store_with_their_period_currency_and_time(desk: Desk) -> None:
    at = desk.open()
    figures = dashboard(desk.store, Period(preset="30d"), None, None, Today.now())
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown["Revenue"] == whole_money(figures.revenue.value or Decimal(0), "EUR")
    assert shown["Orders"] == f"{figures.orders.value:,.0f}"
    assert shown["Average order"] == money(figures.average_order.value, "EUR")
    assert shown["Value of open carts"] == whole_money(figures.open_carts_value.value or Decimal(0), "EUR")
    words = words_of(at)
    assert "amounts in EUR" in words
    assert "as of " in words
    assert "compared with the 30 days before" in words


def test_figures_are_new_only_where_there_are_some(desk: Desk) -> None:
    day = tables.order_day_total.c.local_day
    today = datetime.now(UTC).date()
    desk.do(delete(tables.order_day_total).where(day <= today - timedelta(days=15)))
    assert [each.delta for each in desk.open(period="30d").metric[:3]] == ["new", "new", "new"]
    desk.do(delete(tables.order_day_total))
    without = desk.open(period="30d").metric[:3]
    assert [(each.value, each.delta) for each in without] == [("€0", "—"), ("0", "—"), ("—", "—")]


def test_the_small_lines_have_a_point_a_day_and_none_before_the_first_order(desk: Desk) -> None:
    day = tables.order_day_total.c.local_day
    today = datetime.now(UTC).date()
    desk.do(delete(tables.order_day_total).where(day <= today - timedelta(days=15)))
    revenue, _, average = (list(metric.proto.chart_data) for metric in desk.open(period="30d").metric[:3])
    # One more while it is tomorrow already in some of the demo's stores.
    assert len(revenue) == len(average) in (30, 31)
    assert all(isnan(each) for each in average[:14])
    first = next(at for at, each in enumerate(revenue) if each)
    last = len(revenue) - 1 - next(at for at, each in enumerate(reversed(revenue)) if each)
    assert all(each > 0 for each in average[first : last + 1])


def test_another_period_is_in_the_address_and_shown_from_it(desk: Desk) -> None:
    at = desk.open()
    at.segmented_control(key="dashboard-period").set_value("90d").run()
    assert at.query_params["period"] in ("90d", ["90d"])
    assert "compared with the 90 days before" in words_of(at)
    assert "vs prev. 90 d" in str(at.metric[0].proto)


def test_an_address_edited_by_hand_shows_the_usual_figures_and_says_so(desk: Desk) -> None:
    at = desk.open(period="1000y", channel="x", currency="<b>", colour="red")
    assert is_well(at)
    assert "amounts in EUR" in words_of(at)
    told = " ".join(each.value for each in at.warning)
    assert all(word in told for word in ("1000y", "“x”", "colour", "EUR is shown"))
    assert not desk.open(period="7d", channel="1", currency="EUR").warning


def test_orders_over_time_take_the_place_of_revenue(desk: Desk) -> None:
    at = desk.open()
    assert "Revenue by store view" in words_of(at)
    at.segmented_control(key="dashboard-what").set_value("Orders").run()
    assert is_well(at)
    assert len(at.get("plotly_chart")) == 4
    assert "Orders by store view" in words_of(at)


def test_a_long_period_is_drawn_by_the_week_and_says_so(desk: Desk) -> None:
    figures = dashboard(desk.store, Period(preset="12m"), None, None, Today.now())
    before, now = _lines(figures)
    assert len(now["x"]) == len(now["y"]) == len(before["y"]) == len(figures.days) // 7
    assert (figures.days[-1] - now["x"][-1]).days == 6
    by_day = [int(each or 0) for each in figures.orders.by_day]
    assert [int(each) for each in now["y"][-2:]] == [sum(by_day[-14:-7]), sum(by_day[-7:])]
    shorter = dashboard(desk.store, Period(preset="90d"), None, None, Today.now())
    assert len(_lines(shorter)[0]["x"]) == len(shorter.days)
    assert "By week" in words_of(desk.open(period="12m"))
    assert "By week" not in words_of(desk.open(period="90d"))


def _lines(figures: Dashboard) -> list[dict[str, Any]]:
    return list(line_figure(figures, "Orders").to_dict()["data"])


def test_a_channel_to_choose_is_named_as_it_is(desk: Desk) -> None:
    with desk.store.reading() as connection:
        known = dict(connection.execute(select(tables.channel)).mappings().one())
    desk.do(update(tables.channel).values(name="Harbour & Sons", website_ids="[1]"))
    desk.do(insert(tables.channel).values(known | {"id": 2, "name": "Nordlicht *Outfitters*", "website_ids": "[2]"}))
    at = desk.open(period="12m")
    assert at.selectbox[0].options == ["All channels", "Harbour & Sons", "Nordlicht *Outfitters*"]
