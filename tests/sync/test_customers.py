"""Customers in the mirror: what is counted of them, and one of them read from the shop now."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from crm_core.errors import ChannelError, NotFound
from crm_core.store import tables
from crm_core.sync.audit import find_gone
from crm_core.sync.record import synchronise_customer
from crm_core.sync.removal import remove_channel
from tests.sync.conftest import Desk


def _counted(desk: Desk) -> list[tuple[int, int]]:
    total = tables.customer_total
    return [tuple(row.values()) for row in desk.all(select(total.c.customers, total.c.subscribed))]  # type: ignore[misc]


def test_counts_of_customers_follow_what_becomes_of_them(desk: Desk) -> None:
    kim, leo = (desk.shop.add_customer(f"{name}@example.test") for name in ("kim", "leo"))
    desk.run("customers")
    assert _counted(desk) == [(2, 0)]
    desk.shop.subscribe(kim, True)
    synchronise_customer(desk.store, desk.key(kim), "anna")
    assert _counted(desk) == [(2, 1)]
    desk.shop.delete_customer(kim)
    assert find_gone(desk.store, desk.open, "customers") == 1
    assert _counted(desk) == [(1, 0)]
    desk.shop.delete_customer(leo)
    synchronise_customer(desk.store, desk.key(leo), "anna")
    assert _counted(desk) == []
    assert desk.differences() == []


def test_customers_of_two_websites_are_counted_apart(desk: Desk) -> None:
    for store_id in (1, 1, 3):
        desk.shop.add_customer(f"kim{store_id}{len(desk.shop.requests)}@example.test", store_id=store_id)
        desk.run("customers")
    assert sorted(_counted(desk)) == [(1, 0), (2, 0)]
    assert desk.differences() == []


def test_customers_that_go_with_their_channel_are_not_counted_any_more(desk: Desk) -> None:
    desk.shop.add_customer("kim@example.test")
    desk.run("customers")
    assert _counted(desk) == [(1, 0)]
    remove_channel(desk.store, desk.open.channel.name)
    assert _counted(desk) == []
    assert desk.differences() == []


def test_a_customer_read_now_tells_what_changed(desk: Desk) -> None:
    kim = desk.shop.add_customer("kim@example.test")
    desk.run("customers")
    assert synchronise_customer(desk.store, desk.key(kim), "anna").changes == []
    desk.shop.subscribe(kim, True)
    told = synchronise_customer(desk.store, desk.key(kim), "anna")
    assert (told.found, told.changes) == (True, ["Subscribed to the newsletter"])
    desk.shop.delete_customer(kim)
    told = synchronise_customer(desk.store, desk.key(kim), "anna")
    assert (told.found, told.changes) == (False, ["The shop no longer has this customer"])
    assert desk.customer(kim)["gone_at"] is not None


def test_a_customer_nobody_knows_or_no_channel_reads_is_told_so(desk: Desk) -> None:
    with pytest.raises(NotFound):
        synchronise_customer(desk.store, desk.key(4711), "anna")
    kim = desk.shop.add_customer("kim@example.test")
    desk.run("customers")
    desk.write("UPDATE channel SET website_ids = '[99]'")
    with pytest.raises(ChannelError, match=r"store view\. Add its website to a channel under Channels"):
        synchronise_customer(desk.store, desk.key(kim), "anna")


def test_names_and_addresses_are_kept_folded_to_sort_and_search_by(desk: Desk) -> None:
    kim = desk.shop.add_customer("Kim.Wren@Example.test")
    desk.run("customers")
    row = desk.customer(kim)
    assert row["email_key"] == "kim.wren@example.test"
    assert row["name_key"] == f"{row['lastname']} {row['firstname']}".casefold()
