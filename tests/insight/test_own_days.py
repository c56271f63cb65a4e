"""Today is another day elsewhere: presets hold what came a moment ago, wherever its store and the reader are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from crm_core.insight.filters import Filter
from crm_core.insight.grids import cart_page, order_page
from crm_core.insight.metrics import dashboard
from crm_core.insight.periods import PRESETS, Period, Today
from crm_core.insight.sorting import DEFAULT_SORT
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from tests.insight.factories import Rows, day

AMSTERDAM, NEW_YORK, TOKYO, UTC_ZONE = "Europe/Amsterdam", "America/New_York", "Asia/Tokyo", "UTC"
NIGHT = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
"""The 23rd in Amsterdam and Tokyo, the 22nd in UTC and New York."""
MORNING = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
"""The 23rd everywhere but in New York."""

DUTCH, AMERICAN = 1, 2


class Shop(Rows):
    """A shop with a Dutch and an American store."""

    def __init__(self, store: Store, zones: tuple[str, str] = (AMSTERDAM, NEW_YORK)) -> None:
        super().__init__(store)
        self.zones = dict(zip((DUTCH, AMERICAN), zones, strict=True))
        self.shop(1)
        self.channel(1)
        self.website()
        for store_id, zone in self.zones.items():
            self.store_view(store_id, f"View {store_id}", timezone=zone)

    def ordered(self, moment: datetime, store_id: int = DUTCH) -> None:
        """An order of 10 EUR, made at that moment."""
        local = moment.astimezone(ZoneInfo(self.zones[store_id]))
        self.order(
            store_id=store_id,
            base_grand_total=Decimal(10),
            created_at=moment,
            local_day=local.date(),
            local_hour=local.hour,
        )


def _today(now: datetime, zone: str = UTC_ZONE) -> Today:
    return Today.at(now.astimezone(ZoneInfo(zone)))


def _orders(store: Store, code: str, today: Today, stores: tuple[int, ...] = ()) -> int:
    """Orders created in the period, by the rollup; the rows by themselves, asked by an amount, are as many."""
    by_rollup, by_row = (
        order_page(
            store,
            Filter("orders", created=Period(preset=code), stores=stores, amount_from=amount),
            DEFAULT_SORT["orders"],
            today=today,
        )
        for amount in (None, Decimal(0))
    )
    assert by_rollup.matching.value == by_row.matching.value == len(by_rollup.rows) == len(by_row.rows)
    return len(by_row.rows)


@pytest.mark.parametrize("now", [NIGHT, MORNING], ids=["night", "morning"])
@pytest.mark.parametrize("reader", [UTC_ZONE, AMSTERDAM, NEW_YORK, TOKYO])
@pytest.mark.parametrize("zone", [AMSTERDAM, NEW_YORK, TOKYO])
def test_what_was_ordered_a_moment_ago_is_in_every_preset(store: Store, now: datetime, reader: str, zone: str) -> None:
    rows = Shop(store, (zone, zone))
    rows.ordered(now)
    rows.cart(updated_at=now, created_at=now)
    rows.write()
    today = _today(now, reader)
    for code in PRESETS:
        assert _orders(store, code, today) == 1
        figures = dashboard(store, Period(preset=code), None, "EUR", today)
        assert figures.orders.value == 1
        assert figures.orders.by_day[-1] == 1
        assert len(figures.days) == figures.length == len(figures.previous_orders_by_day)
        for amount in (None, Decimal(0)):
            carts = Filter("carts", updated=Period(preset=code), amount_from=amount)
            assert cart_page(store, carts, DEFAULT_SORT["carts"], today=today).matching.value == 1
        assert sum(each.rows for each in figures.carts_by_status) == 1


def test_today_is_each_stores_own_day(store: Store) -> None:
    rows = Shop(store)
    rows.ordered(NIGHT, DUTCH)  # on the 23rd
    rows.ordered(NIGHT - timedelta(hours=1), DUTCH)  # on the 22nd, which is over there
    rows.ordered(NIGHT - timedelta(hours=1), AMERICAN)  # on the 22nd
    rows.ordered(NIGHT - timedelta(hours=20), AMERICAN)  # on the 21st
    rows.write()
    for reader in (UTC_ZONE, AMSTERDAM, NEW_YORK, TOKYO):
        today = _today(NIGHT, reader)
        assert _orders(store, "today", today) == 2
        assert _orders(store, "today", today, stores=(record_key(1, DUTCH),)) == 1
        assert _orders(store, "today", today, stores=(record_key(1, AMERICAN),)) == 1
        assert _orders(store, "7d", today) == 4


@pytest.mark.parametrize("code", ["7d", "30d", "12m"])
def test_the_dashboard_counts_as_many_days_of_each_store_and_as_many_before(store: Store, code: str) -> None:
    rows = Shop(store)
    for back in range(800):
        for store_id in (DUTCH, AMERICAN):
            rows.ordered(NIGHT - timedelta(days=back), store_id)
    rows.write()
    figures = dashboard(store, Period(preset=code), None, "EUR", _today(NIGHT))
    assert figures.length == {"7d": 7, "30d": 30, "12m": 365}[code]
    assert (figures.final, len(figures.days)) == (day("2026-11-23"), figures.length + 1)
    assert figures.orders.value == figures.orders.previous == 2 * figures.length
    assert [figures.orders.by_day[at] for at in (0, 1, -2, -1)] == [1, 2, 2, 1]
    assert sum(each or 0 for each in figures.orders.by_day) == figures.orders.value
    assert sum(figures.previous_orders_by_day) == figures.orders.previous
    assert len(figures.previous_orders_by_day) == len(figures.days)
    assert (figures.final - figures.previous_final).days == figures.length
    assert {each.orders for each in figures.revenue_by_store} == {figures.length}
    assert sum(each.rows for each in figures.orders_by_status) == figures.orders.value
    shown = order_page(
        store, Filter("orders", created=Period(preset=code)), DEFAULT_SORT["orders"], today=_today(NIGHT)
    )
    assert shown.matching.value == figures.orders.value


def test_days_that_were_chosen_are_the_same_everywhere(store: Store) -> None:
    rows = Shop(store)
    for store_id in (DUTCH, AMERICAN):
        rows.ordered(NIGHT, store_id)
    rows.write()
    chosen = Period(first=day("2026-11-23"), final=day("2026-11-23"))
    page = order_page(store, Filter("orders", created=chosen), DEFAULT_SORT["orders"], today=_today(NIGHT))
    assert [row.store_view for row in page.rows] == ["View 1"]
    assert dashboard(store, chosen, None, "EUR", _today(NIGHT)).orders.value == 1
