"""A store view that the shop opens later, in a channel of some websites: orders that came before it was known here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from crm_core.store import tables
from crm_core.sync.channels import open_shop
from crm_core.sync.rules import Rules
from crm_core.sync.stores import synchronise_stores
from crm_core.sync.windows import Stream, covered_until, owe, owe_again
from demo_store import Shop
from tests.sync.conftest import Desk, Desks


@pytest.mark.parametrize(
    ("shop_ahead", "date_ahead"),
    [(timedelta(), 0), (timedelta(hours=-1), 0), (timedelta(hours=1), 0), (timedelta(), 3_600)],
    ids=["clocks agree", "the shop's is behind", "the shop's is ahead", "only its Date is"],
)
def test_orders_of_a_new_store_view_that_came_before_it_was_known_are_read_once_it_is(
    desks: Desks, shop_ahead: timedelta, date_ahead: int
) -> None:
    shop = Shop()
    shop.set_clock(shop_ahead.total_seconds())
    shop.faults.date_ahead = date_ahead
    views = shop.records.settings["views"]
    new = next(view for view in views if view["id"] == 2)
    views.remove(new)
    desk = desks.open(shop, Rules(websites=("base",)))
    desk.run_all()
    now = datetime.now(UTC)
    desk.write(
        "UPDATE sync_state SET last_success_at = :then WHERE entity = 'stores'",
        then=int((now - timedelta(minutes=45)).timestamp() * 1000),
    )
    views.append(new)
    order = shop.place(shop.add_cart(store_id=2))
    shop.touch_order(order, (now + shop_ahead - timedelta(minutes=30)).strftime("%Y-%m-%d %H:%M:%S"))
    desk.run("orders")
    assert desk.ids(tables.order) == []

    synchronise_stores(desk.store, desk.open)
    desk.open = replace(desk.open, store_views=open_shop(desk.store, desk.open.channel).store_views)
    desk.run("orders")
    assert desk.ids(tables.order) == [order]
    asked = len(desk.requests())
    desk.run("orders")
    assert len(desk.requests(asked)) == 1, "once is enough"
    shop.close()


def test_what_is_owed_again_keeps_the_overlap_for_late_commits(desk: Desk) -> None:
    stream, overlap = Stream(desk.open.channel.id, "orders", 0), timedelta(minutes=10)
    desk.run("orders")
    with desk.store.writing() as connection:
        covered = covered_until(connection, stream)
        assert covered is not None
        owe_again(connection, stream, covered - timedelta(minutes=1))
        [owed] = owe(connection, stream, covered + timedelta(hours=1), overlap, full=False)
    assert owed.lo == covered - overlap
    assert owed.hi > covered
