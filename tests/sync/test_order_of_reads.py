"""Two reads of one record under way at once: what was asked of the shop last stands, whichever is written last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from crm_core.magento.shop import Entity
from crm_core.store import documents, tables
from crm_core.sync.pages import write_page
from crm_core.sync.reading import Answer, Pace, Question, ask_page, open_answer, window_search
from crm_core.sync.record import keep_cart, synchronise_cart, synchronise_customer, synchronise_order
from crm_core.sync.windows import Stream, owe
from demo_store import orders
from tests.sync.conftest import Desk


@contextmanager
def _page_under_way(desk: Desk, entity: str, store_id: int = 0) -> Iterator[Callable[[], None]]:
    """The worker's page of one record, which the shop has sent; what is given writes it as the worker does."""
    shop = desk.open
    with desk.store.writing() as connection:
        stream = Stream(shop.channel.id, entity, store_id)
        [window] = owe(connection, stream, shop.magento.connection.shop_now(), shop.channel.overlap, full=False)
    question = Question(window_search(shop, window), 0, Pace(shop.channel.page_size))
    answer = ask_page(shop, Entity(entity), question)
    assert isinstance(answer, Answer)
    page = open_answer(shop, Entity(entity), answer)
    assert len(page.items) == 1

    def write() -> None:
        write_page(desk.store, shop, window, page, run_id=0)

    yield write


def _timeline(desk: Desk, entity: str) -> list[str]:
    event = tables.record_event
    return [row["text"] for row in desk.all(select(event.c.text).where(event.c.entity == entity).order_by(event.c.id))]


@pytest.fixture
def order(desk: Desk) -> int:
    """A mirrored order."""
    order = desk.shop.place(desk.shop.add_cart())
    desk.run_all()
    return order


def test_a_page_that_was_under_way_does_not_undo_what_a_person_has_read_since(desk: Desk, order: int) -> None:
    desk.shop.act(order, "hold")
    with _page_under_way(desk, "orders") as write:
        desk.shop.act(order, "unhold")
        desk.shop.act(order, "cancel")
        synchronise_order(desk.store, desk.key(order), "anna")
        read = desk.order(order)
        write()
    assert desk.order(order) == read
    assert read["state"] == "canceled"
    assert not any("hold" in told for told in _timeline(desk, "order"))
    assert desk.differences() == []
    desk.run("orders")
    assert desk.order(order)["state"] == "canceled"


def test_a_comment_that_a_person_has_read_since_is_not_lost_to_an_older_page(desk: Desk, order: int) -> None:
    with _page_under_way(desk, "orders") as write:
        with desk.shop.records.lock:
            found = orders.existing(desk.shop.records, order)
            orders.comment(desk.shop.records, found, {"statusHistory": {"comment": "Rang her"}})
        synchronise_order(desk.store, desk.key(order), "anna")
        write()
    told = documents.decode_comments(desk.order(order)["comments"])
    assert "Rang her" in [comment.comment for comment in told]


def test_a_new_comment_is_told_to_who_asked_and_no_change_beside_it_stands_on_the_timeline(
    desk: Desk, order: int
) -> None:
    found = orders.existing(desk.shop.records, order)
    for words, told in (("Rang her", ["Comment added"]), ("", [])):
        with desk.shop.records.lock:
            orders.comment(desk.shop.records, found, {"statusHistory": {"comment": words}})
        assert synchronise_order(desk.store, desk.key(order), "anna").changes == told
    assert "Comment added" not in _timeline(desk, "order")


def test_an_order_that_a_person_has_found_deleted_since_stays_gone(desk: Desk, order: int) -> None:
    desk.shop.act(order, "hold")
    with _page_under_way(desk, "orders") as write:
        desk.shop.delete_order(order)
        synchronise_order(desk.store, desk.key(order), "anna")
        write()
    assert desk.order(order)["gone_at"] is not None
    assert desk.differences() == []


def test_a_cart_that_a_person_has_read_since_stays_as_they_saw_it(desk: Desk) -> None:
    cart = desk.shop.add_cart([("MUG-01", 1)])
    desk.run_all()
    desk.shop.set_qty(cart, "MUG-01", 5)
    with _page_under_way(desk, "carts", 1) as write:
        desk.shop.set_qty(cart, "MUG-01", 2)
        synchronise_cart(desk.store, desk.key(cart), "anna")
        read = desk.cart(cart), desk.lines(cart)
        write()
    assert (desk.cart(cart), desk.lines(cart)) == read
    assert read[0]["items_qty"] == 2
    assert not any("5" in told for told in _timeline(desk, "cart") if "Quantity" in told)
    assert desk.differences() == []


def test_a_customer_whom_a_person_has_read_since_stays_as_they_saw_them(desk: Desk) -> None:
    customer = desk.shop.add_customer("kim@example.test")
    with _page_under_way(desk, "customers") as write:
        desk.run("customers")
        desk.shop.subscribe(customer, True)
        synchronise_customer(desk.store, desk.key(customer), "anna")
        write()
    assert desk.customer(customer)["is_subscribed"]
    assert desk.differences() == []


def test_a_page_that_was_asked_for_after_a_persons_read_is_written_though_that_came_first(desk: Desk) -> None:
    cart = desk.shop.add_cart([("MUG-01", 1)])
    desk.run_all()
    asked_at = datetime.now(UTC)
    read = desk.open.magento.cart_by_search(cart)
    with desk.shop.records.lock:
        desk.shop.cart(cart)["billing"]["lastname"] = "Moved"  # its updated_at stays
    with _page_under_way(desk, "carts", 1) as write:
        keep_cart(desk.store, desk.open, desk.key(cart), cart=read, orders=[], totals=None, asked_at=asked_at)
        write()
    assert desk.cart(cart)["lastname"] == "Moved"


@pytest.mark.parametrize("entity", ["orders", "carts"])
def test_what_the_shop_dates_later_is_written_however_far_the_desks_clocks_are_apart(desk: Desk, entity: str) -> None:
    cart = desk.shop.add_cart([("MUG-01", 1)])
    order = desk.shop.place(desk.shop.add_cart())
    desk.run_all()
    desk.write("UPDATE cart SET synchronised_at = synchronised_at + 3600000")
    desk.write("UPDATE sales_order SET synchronised_at = synchronised_at + 3600000")
    desk.shop.set_clock(60)
    desk.open.magento.websites()
    desk.shop.set_qty(cart, "MUG-01", 5)
    desk.shop.act(order, "cancel")
    desk.run(entity)
    assert desk.cart(cart)["items_qty"] == (5 if entity == "carts" else 1)
    assert desk.order(order)["state"] == ("canceled" if entity == "orders" else "new")
