"""What a record keeps when the shop forgets it: its store view, its customer, a guest's e-mail address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import select

from crm_core.insight.admin_places import places_of_order
from crm_core.insight.order_record import order_record
from crm_core.store import tables
from crm_core.sync.audit import find_gone, reread
from crm_core.sync.channels import OpenShop, channel_of_store, channel_of_website, open_shop
from crm_core.sync.record import synchronise_order
from crm_core.sync.rules import USUAL, Rules
from crm_core.sync.stores import synchronise_stores
from demo_store import Shop
from tests.sync.conftest import Desk, Desks

_MAIN_WEBSITE = Rules(websites=("base",))


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop whose second store view lives in Sydney."""
    shop = Shop()
    shop.records.settings["view_config"]["2"]["timezone"] = "Australia/Sydney"
    yield shop
    shop.close()


def _night(desk: Desk, *entities: str) -> None:
    """What the worker does in a night; the stores are read before."""
    synchronise_stores(desk.store, desk.open)
    for entity in entities:
        desk.run(entity)
        find_gone(desk.store, _afresh(desk), entity)
        reread(desk.store, _afresh(desk), entity)


def _afresh(desk: Desk) -> OpenShop:
    return open_shop(desk.store, desk.open.channel)


def _months(desk: Desk) -> list[tuple[int, date, int]]:
    total = tables.order_month_total
    query = select(total.c.store_id, total.c.local_month, total.c.orders).order_by(total.c.local_month)
    return [tuple(row.values()) for row in desk.all(query)]  # type: ignore[misc]


@pytest.mark.parametrize("rules", [USUAL, _MAIN_WEBSITE], ids=["all websites", "one website"])
def test_an_order_keeps_its_store_view_and_its_day_when_the_shop_deletes_the_store_view(
    desks: Desks, shop: Shop, rules: Rules
) -> None:
    desk = desks.open(shop, rules)
    order = shop.place(shop.add_cart(store_id=2))
    with shop.records.lock:
        stored = shop.records.state.get("order", order) or {}
        stored["created_at"] = "2026-05-31 22:30:00"
    desk.run_all()
    before = desk.order(order)
    assert (before["local_day"], before["local_hour"]) == (date(2026, 6, 1), 8)
    shop.delete_store_view(2)
    shop.act(order, "hold")
    _night(desk, "orders")
    synchronise_order(desk.store, desk.key(order), "anna")
    after = desk.order(order)
    kept = ("store_id", "local_day", "local_hour", "gone_at")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert after["state"] == "holded", "the rest is as the shop tells it"
    assert _months(desk) == [(2, date(2026, 6, 1), 1)]
    assert channel_of_store(desk.store, desk.open.channel.shop_id, after["store_id"]) == desk.open.channel
    assert desk.run("orders", full=True).tally.changed == 0
    assert desk.differences() == []


@pytest.mark.parametrize("rules", [USUAL, _MAIN_WEBSITE], ids=["all websites", "one website"])
def test_orders_of_a_deleted_store_view_are_not_looked_for_night_after_night(
    desks: Desks, shop: Shop, rules: Rules
) -> None:
    desk = desks.open(shop, rules)
    for store_id in (1, 2, 2):
        shop.place(shop.add_cart(store_id=store_id))
    lost = shop.place(shop.add_cart(store_id=1))
    desk.run_all()
    shop.delete_store_view(2)
    _night(desk, "orders")
    asked = len(shop.requests)
    assert find_gone(desk.store, _afresh(desk), "orders") == 0
    assert len(desk.requests(asked)) == (1 if rules == USUAL else 2), "the count, and which store views there are"
    shop.delete_order(lost)
    assert find_gone(desk.store, _afresh(desk), "orders") == 1
    assert desk.order(lost)["gone_at"] is not None


def test_an_order_keeps_its_customer_when_the_shop_deletes_them(desk: Desk) -> None:
    customer = desk.shop.add_customer("kim@example.test")
    order = desk.shop.place(desk.shop.add_cart(customer_id=customer))
    desk.run_all()
    desk.shop.delete_customer(customer)
    desk.shop.act(order, "hold")
    _night(desk, "customers", "orders")
    row = desk.order(order)
    assert (row["customer_id"], row["is_guest"], row["state"]) == (desk.key(customer), False, "holded")
    told = order_record(desk.store, desk.key(order))
    assert told.customer.key == desk.key(customer)
    assert told.customer.gone_at is not None
    assert told.customer.orders == 1
    assert "Customer" not in [place.label for place in places_of_order(told).places], "their page there is gone"
    assert desk.run("orders", full=True).tally.changed == 0


def test_a_guests_order_that_the_shop_gives_to_their_new_account_is_theirs(desk: Desk) -> None:
    order = desk.shop.place(desk.shop.add_cart(email="kim@example.test"))
    desk.run_all()
    assert desk.order(order)["is_guest"]
    customer = desk.shop.add_customer("kim@example.test")
    with desk.shop.records.lock:
        stored = desk.shop.records.state.get("order", order) or {}
        stored |= {"customer_id": customer, "customer_is_guest": 0}
    synchronise_order(desk.store, desk.key(order), "anna")
    row = desk.order(order)
    assert (row["customer_id"], row["is_guest"]) == (desk.key(customer), False)


def test_a_customer_keeps_their_website_when_the_shop_deletes_it(desks: Desks, shop: Shop) -> None:
    desk = desks.open(shop, Rules(websites=("base", "us")))
    stays, kim = shop.add_customer("leo@example.test"), shop.add_customer("kim@example.test", store_id=3)
    desk.run("customers")
    before = desk.customer(kim)
    settings = shop.records.settings
    settings["websites"] = [website for website in settings["websites"] if website["id"] != before["website_id"]]
    shop.delete_store_view(3)
    with shop.records.lock:
        stored = shop.records.state.get("customer", kim) or {}
        stored |= {"website_id": None, "store_id": None, "firstname": "Kimberley"}
    _night(desk, "customers")
    after = desk.customer(kim)
    assert (after["website_id"], after["store_id"]) == (before["website_id"], before["store_id"])
    assert (after["firstname"], after["gone_at"]) == ("Kimberley", None)
    assert channel_of_website(desk.store, desk.open.channel.shop_id, after["website_id"]) == desk.open.channel
    asked = len(shop.requests)
    assert find_gone(desk.store, _afresh(desk), "customers") == 0
    assert len(desk.requests(asked)) == 2, "the count, and which websites there are"
    shop.delete_customer(stays)
    assert find_gone(desk.store, _afresh(desk), "customers") == 1
    assert desk.differences() == []


def test_a_guests_cart_that_closes_keeps_the_address_that_stood_with_the_shipping(desk: Desk) -> None:
    cart = desk.shop.add_cart(email="guest@example.test")
    with desk.shop.records.lock:
        stored = desk.shop.cart(cart)
        stored["billing"] = dict.fromkeys(stored["billing"])
        stored["shipping"]["email"] = "guest@example.test"
    desk.run_all()
    before = desk.cart(cart)
    assert (before["email"], before["email_key"]) == ("guest@example.test", "guest@example.test")
    desk.shop.deactivate_cart(cart)
    desk.run_all()
    after = desk.cart(cart)
    assert (after["email"], after["email_key"]) == (before["email"], before["email_key"])
    assert after["status"] == "closing"
    event = tables.record_event
    told = desk.all(select(event.c.text).where(event.c.record_id == desk.key(cart)))
    assert [row["text"] for row in told] == ["Status Open → Closing"]


def test_a_guest_who_takes_their_address_out_of_an_open_cart_has_none(desk: Desk) -> None:
    cart = desk.shop.add_cart(email="guest@example.test")
    desk.run_all()
    with desk.shop.records.lock:
        stored = desk.shop.cart(cart)
        for address in ("billing", "shipping"):
            stored[address]["email"] = None
    desk.shop.touch_cart(cart)
    desk.run("carts")
    assert desk.cart(cart)["email"] is None


def test_an_ordered_cart_keeps_its_customer_when_the_shop_deletes_them(desk: Desk) -> None:
    customer = desk.shop.add_customer("kim@example.test")
    cart = desk.shop.add_cart(customer_id=customer)
    desk.shop.place(cart)
    desk.run_all()
    before = desk.cart(cart)
    desk.shop.delete_customer(customer)
    desk.run("carts", full=True)
    after = desk.cart(cart)
    kept = ("customer_id", "is_guest", "email", "firstname", "lastname")
    assert [after[name] for name in kept] == [before[name] for name in kept]
    assert after["customer_id"] == desk.key(customer)
