"""The dashboard's figures against what the rows say, with the mistakes of older dashboards as the things not to do."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import delete

from crm_core.insight.filters import Filter
from crm_core.insight.grids import cart_page
from crm_core.insight.metrics import Dashboard, Figure, StatusFigure, dashboard
from crm_core.insight.periods import Period
from crm_core.insight.sorting import DEFAULT_SORT
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.tables import order_day_total
from tests.insight.factories import NOW, TODAY, ago, day, two_shops

_WEEK = Period(preset="7d")


def _week(store: Store, channel_id: int | None = None, currency: str | None = None) -> Dashboard:
    return dashboard(store, _WEEK, channel_id, currency, TODAY)


def _sold(figures: Dashboard) -> list[Decimal | None]:
    """Revenue and orders."""
    return [figures.revenue.value, figures.orders.value]


@pytest.fixture
def sold(store: Store) -> Store:
    """Orders: 300, and 100 less 30 in EUR this week, 50 in GBP; 200 EUR the week before; cancelled and gone ones."""
    rows = two_shops(store)
    rows.order(base_grand_total=Decimal("300.00"), created_at=ago(days=1), state="complete", status="complete")
    rows.order(
        base_grand_total=Decimal("100.00"), base_total_refunded=Decimal("30.00"), created_at=ago(days=6), store_id=2
    )
    rows.order(base_grand_total=Decimal("200.00"), created_at=ago(days=7))
    rows.order(base_grand_total=Decimal("999.00"), state="canceled", status="canceled", created_at=ago(days=1))
    rows.order(base_grand_total=Decimal("888.00"), gone_at=NOW, created_at=ago(days=1))
    rows.order(base_grand_total=Decimal("777.00"), created_at=ago(days=20))
    rows.order(shop_id=2, base_grand_total=Decimal("50.00"), base_currency="GBP", created_at=ago(days=2))
    rows.write()
    return store


def test_revenue_leaves_out_cancelled_and_deleted_orders_and_refunds(sold: Store) -> None:
    figures = _week(sold, currency="EUR")
    assert _sold(figures) == [Decimal(370), Decimal(2)]
    assert figures.average_order.value == Decimal(185)


def test_figures_stand_beside_the_period_as_long_before(sold: Store) -> None:
    figures = _week(sold, currency="EUR")
    assert (figures.first, figures.final) == (day("2026-11-15"), TODAY.utc)
    assert (figures.previous_first, figures.previous_final) == (day("2026-11-08"), day("2026-11-14"))
    assert [figures.revenue.previous, figures.orders.previous] == [Decimal(200), Decimal(1)]
    assert figures.average_order.previous == Decimal(200)
    assert figures.revenue.change == Decimal("0.8500")
    assert len(figures.days) == len(figures.revenue.by_day) == len(figures.previous_revenue_by_day) == 7


@pytest.mark.parametrize("previous", [None, Decimal(0), Decimal(-20)])
def test_beside_nothing_or_less_there_is_no_change(previous: Decimal | None) -> None:
    assert Figure(Decimal(50), previous, ()).change is None


def test_each_day_has_its_figure_and_a_day_without_orders_has_no_average(sold: Store) -> None:
    figures = _week(sold, currency="EUR")
    by_day = dict(zip(figures.days, figures.revenue.by_day, strict=True))
    assert by_day[day("2026-11-20")] == 300
    assert by_day[day("2026-11-15")] == 70
    assert sum(amount or 0 for amount in by_day.values()) == figures.revenue.value
    averages = dict(zip(figures.days, figures.average_order.by_day, strict=True))
    assert averages[day("2026-11-18")] is None
    assert figures.previous_orders_by_day == (0, 0, 0, 0, 0, 0, 1)


def test_currencies_are_never_mixed_and_the_one_with_most_orders_comes_first(sold: Store) -> None:
    assert _week(sold).currencies == ("EUR", "GBP")
    assert _week(sold).currency == "EUR"
    assert _sold(_week(sold, currency="GBP")) == [Decimal(50), Decimal(1)]
    assert [each.store_view for each in _week(sold, currency="GBP").revenue_by_store] == ["English"]


@pytest.mark.parametrize("currency", ["EUR", "XYZ", "E\0", ""])
def test_a_currency_that_nothing_is_in_counts_as_none(sold: Store, currency: str) -> None:
    figures = _week(sold, channel_id=2, currency=currency)
    assert (figures.currency, *_sold(figures)) == ("GBP", Decimal(50), Decimal(1))


def test_a_channel_sees_its_own_figures(sold: Store) -> None:
    assert _week(sold, channel_id=2).currency == "GBP"
    assert _sold(_week(sold, channel_id=1)) == [Decimal(370), Decimal(2)]
    assert _sold(_week(sold, channel_id=99)) == [Decimal(0), Decimal(0)]


def test_orders_by_status_count_what_the_grid_shows_for_the_same_days(sold: Store) -> None:
    found = _week(sold, currency="EUR").orders_by_status
    assert [(each.status, each.rows, each.amount) for each in found] == [
        ("processing", 1, Decimal(100)),
        ("complete", 1, Decimal(300)),
        ("canceled", 1, Decimal(999)),
    ]
    assert [each.style.color for each in found] == ["blue", "green", "red"]


def test_a_status_of_several_states_is_one_figure_with_the_look_of_most_of_its_orders(store: Store) -> None:
    rows = two_shops(store)
    for state in ("processing", "holded", "holded"):
        rows.order(state=state, status="check_address")
    rows.write()
    [found] = _week(store).orders_by_status
    assert (found.status, found.state, found.rows, found.style.color) == ("check_address", "holded", 3, "yellow")
    assert found.style.label == "Check address"


@pytest.mark.parametrize(
    "code", ["12m", "90d", "2026-10-01..2026-11-21", "2026-09-17..2026-10-31", "2026-10-01..2026-10-31"]
)
def test_over_months_the_figures_by_status_and_by_store_are_those_by_day(store: Store, code: str) -> None:
    rows = two_shops(store)
    for days in range(0, 400, 7):
        is_cancelled = days % 3 == 0
        rows.order(
            base_grand_total=Decimal(days + 1),
            base_total_refunded=Decimal("0.50"),
            created_at=ago(days=days),
            store_id=1 + days % 2,
            state="canceled" if is_cancelled else "complete",
            status="canceled" if is_cancelled else "complete",
        )
    rows.write()
    figures = dashboard(store, Period.parse(code), None, "EUR", TODAY)
    kept, cancelled = (
        sum(each.rows for each in figures.orders_by_status if (each.status == "canceled") is out)
        for out in (False, True)
    )
    days_in = [number for number in range(0, 400, 7) if figures.first <= ago(days=number).date() <= figures.final]
    assert cancelled == len([number for number in days_in if number % 3 == 0])
    assert (
        kept
        == sum(each.orders for each in figures.revenue_by_store)
        == figures.orders.value
        == len(days_in) - cancelled
    )
    assert sum(each.revenue for each in figures.revenue_by_store) == figures.revenue.value


def test_revenue_by_store_is_biggest_first(sold: Store) -> None:
    found = _week(sold, currency="EUR").revenue_by_store
    assert [(each.channel, each.store_view, each.orders, each.revenue) for each in found] == [
        ("Nordlicht", "German", 1, Decimal(300)),
        ("Nordlicht", "Austrian", 1, Decimal(70)),
    ]
    assert found[0].key == record_key(1, 1)


def test_a_cart_of_utcs_tomorrow_counts_where_it_is_still_evening(store: Store) -> None:
    rows = two_shops(store)
    rows.cart(updated_at=ago(days=-1))
    rows.write()
    figures = _week(store, currency="EUR")
    assert [each.rows for each in figures.carts_by_status if each.status == "open"] == [1]
    for preset in ("today", "7d"):  # with the amount no rollup knows the rows
        for amount in (None, Decimal(0)):
            wanted = Filter("carts", updated=Period(preset=preset), amount_from=amount)
            assert cart_page(store, wanted, DEFAULT_SORT["carts"], today=TODAY).matching.value == 1


def test_carts_by_status_follow_the_date_range_and_leave_out_empty_ones(store: Store) -> None:
    rows = two_shops(store)
    rows.cart(updated_at=ago(days=1), base_subtotal=Decimal(10))
    rows.cart(updated_at=ago(days=2), base_subtotal=Decimal(20))
    rows.cart(updated_at=ago(days=1), status="lost", base_subtotal=Decimal(5))
    rows.cart(updated_at=ago(days=30), base_subtotal=Decimal(400))
    rows.cart(updated_at=ago(days=1), items_qty=Decimal(0), base_subtotal=Decimal(0))
    rows.cart(shop_id=2, updated_at=ago(days=1), base_currency="GBP")
    rows.write()
    figures = _week(store, currency="EUR")
    assert [(each.status, each.rows, each.amount) for each in figures.carts_by_status] == [
        ("open", 2, Decimal(30)),
        ("closing", 0, Decimal(0)),
        ("purchased", 0, Decimal(0)),
        ("expired", 0, Decimal(0)),
        ("lost", 1, Decimal(5)),
    ]
    assert all(isinstance(each, StatusFigure) for each in figures.carts_by_status)
    assert [figures.open_carts.value, figures.open_carts_value.value] == [Decimal(3), Decimal(430)]
    assert sum(amount or 0 for amount in figures.open_carts_value.by_day) == Decimal(30)
    assert figures.currencies == ("EUR", "GBP")


def test_an_average_is_a_decimal_rounded_half_up_at_four_places(store: Store) -> None:
    rows = two_shops(store)
    for amount in ("0.01", "0.01", "0.0001"):
        rows.order(base_grand_total=Decimal(amount))
    rows.write()
    assert _week(store).average_order.value == Decimal("0.0067")


def test_sums_beyond_what_a_float_holds_are_exact(store: Store) -> None:
    rows = two_shops(store)
    for _ in range(3):
        rows.order(base_grand_total=Decimal("99999999999.9999"))
    rows.write()
    assert _week(store).revenue.value == Decimal("299999999999.9997")


def test_an_open_period_begins_with_the_first_order_and_ends_today(sold: Store) -> None:
    figures = dashboard(sold, Period(final=day("2026-11-16")), None, "EUR", TODAY)
    assert (figures.first, figures.final) == (day("2026-11-01"), day("2026-11-16"))
    figures = dashboard(sold, Period(first=day("2026-11-20")), None, "EUR", TODAY)
    assert (figures.first, figures.final) == (day("2026-11-20"), TODAY.utc)


def test_a_period_from_the_first_day_there_is_has_nothing_before_it(sold: Store) -> None:
    figures = dashboard(sold, Period(first=date.min, final=day("2026-11-16")), None, "EUR", TODAY)
    assert (figures.first, figures.previous_first, figures.previous_orders_by_day) == (date.min, date.min, ())
    assert figures.orders.previous == 0


def test_an_empty_store_has_figures_of_nothing(store: Store) -> None:
    figures = _week(store)
    assert (figures.currency, figures.currencies, figures.as_of, figures.importing) == ("", (), None, ())
    assert _sold(figures) == [Decimal(0), Decimal(0)]
    assert figures.average_order == Figure(None, None, (None,) * 7)
    assert figures.revenue.change is None
    assert (figures.orders_by_status, figures.revenue_by_store) == ((), ())


def test_figures_say_how_old_they_are_and_what_is_still_being_imported(store: Store) -> None:
    rows = two_shops(store)
    rows.state(1, "orders", last_success_at=ago(minutes=9))
    rows.state(1, "carts", last_success_at=ago(minutes=4))
    rows.state(2, "orders", last_success_at=ago(minutes=1))
    rows.state(2, "carts", last_success_at=None, first_import_done_at=None)
    rows.write()
    assert (_week(store).as_of, _week(store).importing) == (None, ("Harbour",))
    assert (_week(store, channel_id=1).as_of, _week(store, channel_id=1).importing) == (ago(minutes=9), ())


def test_figures_come_from_the_rollups_alone(sold: Store) -> None:
    with sold.writing() as connection:
        connection.execute(delete(order_day_total))
    assert _sold(_week(sold)) == [Decimal(0), Decimal(0)]
