"""Synchronise: what a person is told, and what stands in the store afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal

import pytest
from sqlalchemy import select

from crm_core.errors import ChannelError, NotAllowed, NotFound, SignInFailed
from crm_core.insight.order_record import order_record
from crm_core.magento.auth import AdminPassword
from crm_core.store import documents, tables
from crm_core.store.database import Store
from crm_core.sync.channels import channel_by_id
from crm_core.sync.record import synchronise_cart, synchronise_customer, synchronise_order
from crm_core.sync.removal import remove_channel
from crm_core.sync.setting_up import set_credentials
from demo_store import Faults
from tests.conftest import OnEvent
from tests.sync.conftest import Desk


@pytest.fixture
def filled(desk: Desk) -> tuple[Desk, int]:
    """A desk that mirrors one guest's cart of two lines, and the cart."""
    cart = desk.shop.add_cart([("MUG-01", 1), ("LAMP-01", 2)])
    desk.run_all()
    return desk, cart


def test_a_cart_as_before_has_no_changes_and_a_new_time_and_its_total(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    before = desk.cart(cart)
    result = synchronise_cart(desk.store, desk.key(cart), "anna")
    after = desk.cart(cart)
    assert (result.found, result.changes, result.notes) == (True, [], [])
    assert after["synchronised_at"] > before["synchronised_at"]
    assert after["totals_read_at"] == after["synchronised_at"]
    totals = documents.decode_totals(after["totals"])
    assert after["grand_total"] == totals.grand_total == Decimal(str(desk.shop.cart(cart)["grand_total"]))
    assert totals.currency == "EUR"
    assert len(totals.items) == 2


def test_what_changed_is_told_in_sentences_and_kept_on_the_timeline(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    synchronise_cart(desk.store, desk.key(cart), "anna")
    desk.shop.set_qty(cart, "MUG-01", 3)
    desk.shop.set_qty(cart, "LAMP-01", 0)
    desk.shop.add_to_cart(cart, "BOWL-01", 2)
    mug, lamp, bowl = (
        next(row["name"] for row in desk.shop.records.state.all("product") if row["sku"] == sku)
        for sku in ("MUG-01", "LAMP-01", "BOWL-01")
    )
    result = synchronise_cart(desk.store, desk.key(cart), "anna")
    assert result.changes[:3] == [f"Quantity of {mug} 1 → 3", f"{bowl} added, quantity 2", f"{lamp} removed"]
    assert result.changes[3].startswith("Total ")
    event = tables.record_event
    kept = desk.all(select(event).where(event.c.record_id == desk.key(cart)).order_by(event.c.id))
    assert [row["text"] for row in kept] == result.changes
    assert desk.differences() == []


def test_a_new_price_is_told_and_is_not_the_customers_doing(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    active = desk.cart(cart)["last_activity_at"]
    desk.shop.touch_cart(cart, "2026-01-01 10:00:00")
    desk.shop.set_price("MUG-01", "24.20")
    result = synchronise_cart(desk.store, desk.key(cart), "anna")
    assert any(change.startswith("Price of Stoneware mug, blue") for change in result.changes)
    assert desk.cart(cart)["last_activity_at"] == active


def test_an_order_placed_meanwhile_makes_the_cart_purchased(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    order = desk.shop.place(cart)
    result = synchronise_cart(desk.store, desk.key(cart), "anna")
    assert "Status Open → Purchased" in result.changes
    assert desk.cart(cart)["order_id"] == desk.key(order)
    assert desk.order(order)["cart_id"] == desk.key(cart)
    assert [line["state"] for line in desk.lines(cart)] == ["present", "present"]
    assert desk.differences() == []


def test_an_order_that_goes_where_the_bill_goes_keeps_that_address_once_until_they_differ(
    filled: tuple[Desk, int],
) -> None:
    desk, cart = filled
    number = desk.shop.place(cart)
    synchronise_cart(desk.store, desk.key(cart), "anna")
    kept = desk.order(number)
    same = order_record(desk.store, desk.key(number))
    assert len(kept["shipping_address"]) == 1 < len(kept["billing_address"])
    assert same.billing_address == same.shipping_address is not None
    state = desk.shop.records.state
    order = state.get("order", number)
    assert order is not None
    order["billing_address"]["city"] = "Utrecht"
    state.put("order", number, order)
    state.commit()
    assert synchronise_order(desk.store, desk.key(number), "anna").changes == ["Billing address changed: city"]
    differ = order_record(desk.store, desk.key(number))
    assert differ.shipping_address == same.shipping_address
    assert differ.billing_address is not None
    assert differ.billing_address.city == "Utrecht"


def test_a_cart_that_is_gone_is_said_to_be_and_closes(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    desk.shop.delete_cart(cart)
    result = synchronise_cart(desk.store, desk.key(cart), "anna")
    assert not result.found
    assert result.changes == ["The shop no longer has this cart", "Status Open → Closing"]
    assert desk.cart(cart)["gone_at"] is not None
    again = synchronise_cart(desk.store, desk.key(cart), "anna")
    assert (again.found, again.changes) == (False, [])
    assert desk.differences() == []


def test_a_cancelled_order_opens_its_restored_cart_and_lets_it_be_ordered_again(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    order = desk.shop.place(cart)
    synchronise_cart(desk.store, desk.key(cart), "anna")
    desk.write(
        "INSERT INTO attempt (shop_id, cart_origin_id, person, state, holds, claimed_at, order_origin_id, lookups)"
        " VALUES (:shop, :cart, 'anna', 'placed', :yes, 0, :order, 0)",
        shop=desk.open.channel.shop_id,
        cart=cart,
        order=order,
        yes=True,
    )
    desk.shop.act(order, "cancel")
    desk.shop.restore_cart(cart)
    result = synchronise_order(desk.store, desk.key(order), "anna")
    assert result.changes[0] == "Status Pending → Canceled"
    restored = desk.cart(cart)
    assert (restored["status"], restored["order_cancelled"]) == ("open", True)
    assert desk.all(select(tables.attempt.c.holds))[0]["holds"] is False
    second = desk.shop.place(cart)
    synchronise_cart(desk.store, desk.key(cart), "anna")
    assert desk.cart(cart)["order_id"] == desk.key(second)
    assert desk.differences() == []


def test_an_order_that_is_gone_is_kept_and_leaves_revenue(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    order = desk.shop.place(cart)
    desk.run_all()
    desk.shop.delete_order(order)
    result = synchronise_order(desk.store, desk.key(order), "anna")
    assert (result.found, result.changes) == (False, ["The shop no longer has this order"])
    assert desk.order(order)["gone_at"] is not None
    assert desk.cart(cart)["status"] == "purchased"
    assert desk.all(select(tables.order_status_total)) == []
    assert desk.differences() == []


def test_a_lost_cart_stays_lost_and_new_activity_raises_a_flag(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    desk.write("UPDATE cart SET status = 'lost', lost_at = 1, lost_by = 'ben', lost_reason = 'too dear'")
    desk.write("UPDATE cart_status_total SET status = 'lost'")
    desk.write("UPDATE cart_day_total SET status = 'lost'")
    desk.write("UPDATE cart SET last_activity_at = last_activity_at - 60000")
    desk.shop.set_qty(cart, "MUG-01", 5)
    desk.run_all()
    lost = desk.cart(cart)
    assert (lost["status"], lost["lost_by"], lost["lost_reason"]) == ("lost", "ben", "too dear")
    assert lost["activity_after_lost_at"] == lost["updated_at"]
    assert desk.differences() == []


def test_what_lies_beside_the_record_may_be_unreadable(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    desk.shop.faults = Faults(fail_every=1, matching=r"/totals|/orders")
    result = synchronise_cart(desk.store, desk.key(cart), "anna")
    assert result.found
    assert [note.split(" could not")[0] for note in result.notes] == ["The total", "Its orders"]


def test_a_customers_changes_are_told_with_the_cart(desk: Desk) -> None:
    customer = desk.shop.add_customer("kim@example.test")
    cart = desk.shop.add_cart(customer_id=customer)
    desk.run_all()
    desk.shop.subscribe(customer, True)
    result = synchronise_cart(desk.store, desk.key(cart), "anna")
    assert result.changes == ["Its customer: Subscribed to the newsletter"]
    assert desk.customer(customer)["is_subscribed"]
    desk.shop.delete_customer(customer)
    result = synchronise_cart(desk.store, desk.key(cart), "anna")
    assert "Its customer: The shop no longer has this customer" in result.changes
    assert "The cart has no customer any more" in result.changes


def test_a_shop_that_lets_us_in_no_more_leaves_everything_as_it_was(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    before = desk.cart(cart)
    desk.shop.remove_token("demo")
    with pytest.raises(ChannelError):
        synchronise_cart(desk.store, desk.key(cart), "anna")
    assert desk.cart(cart) == before


def test_an_unknown_key_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        synchronise_cart(desk.store, desk.key(4711), "anna")
    with pytest.raises(NotFound):
        synchronise_order(desk.store, desk.key(4711), "anna")


def test_a_refused_sign_in_pauses_the_channel_so_that_it_is_not_tried_again(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    order = desk.shop.place(cart)
    desk.run_all()
    channel = desk.open.channel
    for synchronise, key in ((synchronise_cart, desk.key(cart)), (synchronise_order, desk.key(order))):
        set_credentials(desk.store, channel.name, AdminPassword("maja", "no-longer-this"), check_first=False)
        with pytest.raises(SignInFailed):
            synchronise(desk.store, key, "anna")
        assert channel_by_id(desk.store, channel.id).paused_at is not None
        with pytest.raises(ChannelError, match="paused"):
            synchronise(desk.store, key, "anna")


def test_nothing_is_asked_of_a_shop_for_nobody(filled: tuple[Desk, int]) -> None:
    desk, cart = filled
    for synchronise in (synchronise_cart, synchronise_order, synchronise_customer):
        with pytest.raises(NotAllowed, match="Sign in"):
            synchronise(desk.store, desk.key(cart), " ")


def test_what_is_read_while_the_last_channel_of_the_shop_is_removed_is_not_left_behind(
    filled: tuple[Desk, int], on_event: OnEvent
) -> None:
    desk, cart = filled
    removed: list[bool] = []

    def remove(*_: object) -> None:
        if not removed:
            removed.append(True)
            with closing(Store(desk.store.url)) as elsewhere:
                remove_channel(elsewhere, desk.open.channel.name)

    on_event(desk.store._writing, "checkout", remove)
    with pytest.raises(NotFound, match="removed"):
        synchronise_cart(desk.store, desk.key(cart), "anna")
    assert removed
    assert desk.ids(tables.cart) == []
    assert desk.differences() == []


def test_people_who_synchronise_one_cart_at_once_leave_rollups_that_equal_a_recount(desk: Desk) -> None:
    cart = desk.shop.add_cart()
    desk.run("carts")

    def look() -> None:
        for pieces in range(1, 11):
            desk.shop.set_qty(cart, "MUG-01", pieces)
            synchronise_cart(desk.store, desk.key(cart), "anna")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(look) for _ in range(4)]:
            done.result()
    assert desk.differences() == []
