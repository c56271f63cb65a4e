"""The contract that any reader of a Magento must keep, by number (docs/magento.md); the client keeps the others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from crm_core.errors import ShopAnsweredNonsense, ShopFailed, ShopUnavailable
from crm_core.store import tables
from crm_core.sync import windows
from crm_core.sync.audit import expire_closed_carts, find_gone, reread
from crm_core.sync.record import synchronise_cart
from crm_core.sync.rules import Rules
from crm_core.sync.run import Progress
from crm_core.sync.windows import Stream
from demo_store import Faults
from tests.sync.conftest import Desk, Desks


class Killed(Exception):
    """Stands for the end of the process."""


def stamp(moment: datetime) -> str:
    """A time as Magento writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def add_carts(desk: Desk, count: int) -> list[int]:
    """So many carts of guests in the first store view."""
    return [desk.shop.add_cart(email=f"guest{number}@example.test", ready=False) for number in range(count)]


def stream(desk: Desk, store_id: int = 1) -> Stream:
    """The carts of a store view."""
    return Stream(desk.open.channel.id, "carts", store_id)


def covered(desk: Desk) -> datetime | None:
    """Up to when carts of the first store view are read."""
    with desk.store.reading() as connection:
        return windows.covered_until(connection, stream(desk))


def owed(desk: Desk) -> int:
    """How many windows of the first store view's carts are not finished."""
    with desk.store.reading() as connection:
        return len(windows.open_windows(connection, stream(desk)))


def test_09_a_row_that_changes_while_pages_are_read_appears_once_and_loses_no_other(desks: Desks) -> None:
    desk = desks.open(rules=Rules(page_size=5, connections=1))
    carts = add_carts(desk, 20)
    early = stamp(datetime.now(UTC) - timedelta(hours=2))
    for cart in carts:
        desk.shop.touch_cart(cart, early)

    def touch_a_later_one(progress: Progress) -> None:
        if progress.tally.read == 5:
            desk.shop.set_qty(carts[17], "MUG-01", 3)
            desk.shop.set_qty(carts[2], "MUG-01", 4)

    desk.run("carts", on_step=touch_a_later_one)
    desk.run("carts")
    assert desk.ids(tables.cart) == carts
    assert desk.cart(carts[17])["items_qty"] == 3
    assert desk.cart(carts[2])["items_qty"] == 4


def test_10_a_thousand_rows_of_one_second_are_all_mirrored_once(desks: Desks) -> None:
    desk = desks.open()
    carts = add_carts(desk, 1_000)
    second = stamp(datetime.now(UTC) - timedelta(hours=1))
    for cart in carts:
        desk.shop.touch_cart(cart, second)
    desk.run("carts", window_size=100)
    assert desk.ids(tables.cart) == carts
    assert owed(desk) == 0
    assert desk.run("carts").tally.read == 0


def test_11_a_row_committed_late_is_found_in_the_overlap(desk: Desk) -> None:
    add_carts(desk, 2)
    desk.run("carts")
    reached = covered(desk)
    assert reached is not None
    late = add_carts(desk, 1)[0]
    desk.shop.touch_cart(late, stamp(reached - timedelta(minutes=5)))
    desk.run("carts")
    assert late in desk.ids(tables.cart)


@pytest.mark.parametrize("hours", [-2, 2])
def test_12_the_shops_clock_rules_not_ours(desk: Desk, hours: int) -> None:
    desk.shop.set_clock(hours * 3600)
    desk.open.magento.websites()
    first = add_carts(desk, 3)
    desk.run("carts")
    changed = first[1]
    desk.shop.set_qty(changed, "MUG-01", 2)
    desk.run("carts")
    assert desk.ids(tables.cart) == first
    assert desk.cart(changed)["items_qty"] == 2
    desk.shop.deactivate_cart(changed)
    desk.run("carts")
    expire_closed_carts(desk.store)
    assert desk.cart(changed)["status"] == "closing"


def test_13_a_crash_between_pages_loses_nothing_and_doubles_nothing(desks: Desks) -> None:
    desk = desks.open(rules=Rules(page_size=5, connections=1))
    carts = add_carts(desk, 23)

    def die(progress: Progress) -> None:
        if progress.tally.read == 15:
            raise Killed

    with pytest.raises(Killed):
        desk.run("carts", on_step=die)
    assert desk.ids(tables.cart) == carts[:15]
    assert owed(desk) == 1
    again = desk.run("carts")
    assert desk.ids(tables.cart) == carts
    assert again.tally.added == 8
    assert desk.differences() == []


def test_14_an_inactive_cart_keeps_its_lines_and_gets_its_status(desk: Desk) -> None:
    cart = desk.shop.add_cart([("MUG-01", 2), ("LAMP-01", 1)])
    desk.run_all()
    open_cart = desk.cart(cart)
    assert (open_cart["status"], open_cart["shipping_method"]) == ("open", "flatrate_flatrate")
    order = desk.shop.place(cart)
    desk.run_all()
    bought = desk.cart(cart)
    assert [line["state"] for line in desk.lines(cart)] == ["present", "present"]
    assert (bought["status"], bought["is_active"], bought["order_id"]) == ("purchased", False, desk.key(order))
    assert bought["base_subtotal"] == open_cart["base_subtotal"] > 0
    assert bought["shipping_address"] == open_cart["shipping_address"] is not None
    assert desk.differences() == []


def test_15_lines_that_the_shop_counts_but_hides_are_unavailable_and_kept(desk: Desk) -> None:
    cart = desk.shop.add_cart([("MUG-01", 1), ("LAMP-01", 2), ("BOWL-01", 1)])
    desk.run("carts")
    desk.shop.disable_product("LAMP-01")
    desk.shop.delete_product("BOWL-01")
    synchronise_cart(desk.store, desk.key(cart), "anna")
    assert desk.cart(cart)["items_count"] == 3
    assert desk.cart(cart)["unavailable_count"] == 2
    assert {line["sku"]: line["state"] for line in desk.lines(cart)} == {
        "MUG-01": "present",
        "LAMP-01": "unavailable",
        "BOWL-01": "unavailable",
    }
    mug = next(line for line in desk.lines(cart) if line["sku"] == "MUG-01")
    assert desk.cart(cart)["base_subtotal"] == mug["base_price"]


def test_15_lines_that_the_customer_took_out_are_removed_and_kept(desk: Desk) -> None:
    cart = desk.shop.add_cart([("MUG-01", 1), ("LAMP-01", 2)])
    desk.run("carts")
    desk.shop.set_qty(cart, "LAMP-01", 0)
    desk.run("carts")
    lamp = next(line for line in desk.lines(cart) if line["sku"] == "LAMP-01")
    assert lamp["state"] == "removed"
    assert lamp["state_since"] >= desk.cart(cart)["updated_at"]
    assert desk.cart(cart)["unavailable_count"] == 0


def test_16_a_guest_has_no_customer_and_the_mail_typed_in_an_address(desk: Desk) -> None:
    typed = desk.shop.add_cart(email="kim@example.test")
    silent = desk.shop.add_cart(email=None, ready=False)
    desk.run("carts")
    assert desk.cart(typed)["email"] == "kim@example.test"
    assert desk.cart(typed)["is_guest"]
    assert desk.cart(typed)["customer_id"] is None
    assert desk.cart(silent)["email"] is None


def test_17_a_cart_that_closes_without_an_order_expires_after_an_hour(desk: Desk) -> None:
    deleted, merged, bought, open_cart = (desk.shop.add_cart() for _ in range(4))
    desk.run_all()
    desk.shop.place(bought)
    desk.shop.delete_cart(bought)
    desk.shop.delete_cart(deleted)
    desk.shop.deactivate_cart(merged)
    desk.run_all()
    find_gone(desk.store, desk.open, "carts")
    assert expire_closed_carts(desk.store) == 0
    statuses = {cart: desk.cart(cart)["status"] for cart in (deleted, merged, bought, open_cart)}
    assert statuses == {deleted: "closing", merged: "closing", bought: "purchased", open_cart: "open"}
    desk.write("UPDATE cart SET closing_since = closing_since - 3600001 WHERE closing_since IS NOT NULL")
    assert expire_closed_carts(desk.store) == 2
    statuses = {cart: desk.cart(cart)["status"] for cart in (deleted, merged, bought, open_cart)}
    assert statuses == {deleted: "expired", merged: "expired", bought: "purchased", open_cart: "open"}
    assert desk.differences() == []


def test_17_a_cart_that_closed_long_ago_is_expired_at_once(desk: Desk) -> None:
    cart = desk.shop.add_cart()
    desk.shop.deactivate_cart(cart)
    desk.shop.touch_cart(cart, stamp(datetime.now(UTC) - timedelta(hours=3)))
    desk.run("carts")
    assert desk.cart(cart)["status"] == "expired"


@pytest.mark.parametrize("order_first", [True, False])
def test_18_a_cart_is_purchased_whichever_of_it_and_its_order_comes_first(desk: Desk, order_first: bool) -> None:
    cart = desk.shop.add_cart([("MUG-01", 2)])
    order = desk.shop.place(cart)
    for entity in ("orders", "carts") if order_first else ("carts", "orders"):
        desk.run(entity)
    bought = desk.cart(cart)
    assert (bought["status"], bought["order_id"], bought["order_cancelled"]) == ("purchased", desk.key(order), False)
    assert [(line["sku"], line["qty"]) for line in desk.lines(cart)] == [("MUG-01", 2)]
    assert bought["base_subtotal"] == desk.order(order)["base_subtotal"]
    assert desk.differences() == []


def test_18_an_order_whose_cart_the_shop_deleted_makes_a_purchased_cart(desk: Desk) -> None:
    cart = desk.shop.add_cart([("MUG-01", 2), ("LAMP-01", 1)])
    order = desk.shop.place(cart)
    desk.shop.delete_cart(cart)
    desk.run_all()
    made = desk.cart(cart)
    assert (made["status"], made["made_from_order"], made["order_id"]) == ("purchased", True, desk.key(order))
    assert made["gone_at"] is not None
    assert [line["sku"] for line in desk.lines(cart)] == ["MUG-01", "LAMP-01"]
    assert made["items_count"] == 2
    assert made["base_subtotal"] == desk.order(order)["base_subtotal"]
    assert desk.differences() == []


def test_18_an_order_seen_by_a_tick_whose_cart_is_deleted_makes_a_purchased_cart(desk: Desk) -> None:
    add_carts(desk, 1)
    desk.run_all()
    cart = desk.shop.add_cart()
    desk.shop.place(cart)
    desk.shop.delete_cart(cart)
    desk.run_all()
    assert desk.cart(cart)["made_from_order"]


def test_19_lines_and_money_of_an_order_come_from_parents_only(desk: Desk) -> None:
    children = [row for row in desk.shop.records.state.all("product") if row.get("parent_id")]
    cart = desk.shop.add_cart([(children[0]["sku"], 2), ("MUG-01", 1)])
    order = desk.shop.place(cart)
    desk.shop.delete_cart(cart)
    desk.run_all()
    item = tables.order_item
    lines = desk.all(select(item).where(item.c.order_id == desk.key(order)))
    parents = [line for line in lines if line["parent_item_id"] is None]
    assert (len(lines), len(parents)) == (3, 2)
    assert sum(line["row_total"] for line in parents) == desk.order(order)["subtotal"]
    assert [line["sku"] for line in desk.lines(cart)] == [line["sku"] for line in parents]
    assert desk.cart(cart)["base_subtotal"] == desk.order(order)["base_subtotal"]


def test_20_two_store_views_with_their_own_currency_and_numbers_do_not_mix(desk: Desk) -> None:
    euro = desk.shop.place(desk.shop.add_cart([("MUG-01", 1)], store_id=1))
    dollar = desk.shop.place(
        desk.shop.add_cart([("MUG-01", 1)], store_id=3, address={"country_id": "US", "region_id": 43, "region": "NY"})
    )
    records = desk.shop.records
    stored = records.state.get("order", dollar)
    assert stored is not None
    stored["increment_id"] = desk.shop.order(euro)["increment_id"]
    records.changed("order", [dollar])
    desk.run_all()
    first, second = desk.order(euro), desk.order(dollar)
    assert first["increment_id"] == second["increment_id"]
    assert (first["order_currency"], second["order_currency"]) == ("EUR", "USD")
    assert first["base_currency"] == second["base_currency"] == "EUR"
    assert second["grand_total"] > second["base_grand_total"]
    assert desk.cart(desk.shop.order(dollar)["quote_id"])["quote_currency"] == "USD"
    assert desk.differences() == []


def test_21_one_mail_on_two_websites_is_two_customers(desk: Desk) -> None:
    here = desk.shop.add_customer("kim@example.test", store_id=1)
    there = desk.shop.add_customer("kim@example.test", store_id=3)
    desk.shop.subscribe(there, True)
    desk.run("customers")
    assert desk.customer(here)["website_id"] != desk.customer(there)["website_id"]
    assert (desk.customer(here)["is_subscribed"], desk.customer(there)["is_subscribed"]) == (False, True)


def test_22_a_newsletter_choice_that_moves_no_time_is_seen_by_the_audit(desk: Desk) -> None:
    customer = desk.shop.add_customer("kim@example.test")
    desk.run("customers")
    before = desk.customer(customer)
    desk.shop.subscribe(customer, True)
    reread(desk.store, desk.open, "customers")
    assert desk.customer(customer)["is_subscribed"]
    assert desk.customer(customer)["updated_at"] == before["updated_at"]


def test_24_a_poisonous_row_is_quarantined_and_the_others_are_mirrored(desks: Desks) -> None:
    desk = desks.open(rules=Rules(page_size=50, connections=1))
    carts = add_carts(desk, 50)
    poison = carts[36]
    desk.shop.faults = Faults(poison={poison})
    result = desk.run("carts")
    assert result.tally.quarantined == 1
    assert desk.ids(tables.cart) == [cart for cart in carts if cart != poison]
    assert owed(desk) == 0
    held = desk.all(select(tables.quarantine))
    assert [(row["origin_id"], row["tries"]) for row in held] == [(poison, 2)]
    assert "500" in held[0]["reason"]
    desk.shop.faults = Faults()
    desk.write("UPDATE quarantine SET last_tried_at = last_tried_at - 3600000")
    desk.run("carts")
    assert desk.ids(tables.cart) == carts
    assert desk.all(select(tables.quarantine)) == []
    assert desk.differences() == []


def test_24_a_shop_that_fails_over_every_page_blames_no_record(desk: Desk) -> None:
    add_carts(desk, 3)
    desk.shop.faults = Faults(fail_every=1, matching=r"carts/search\?(?!.*total_count)")
    with pytest.raises(ShopFailed):
        desk.run("carts")
    assert desk.all(select(tables.quarantine)) == []


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        (Faults(html=True), ShopAnsweredNonsense),
        (Faults(truncate=True), ShopAnsweredNonsense),
        (Faults(fail_every=1), ShopFailed),
        (Faults(fail_every=1, fail_status=503), ShopUnavailable),
        (Faults(throttle_every=1, retry_after=0), ShopUnavailable),
        (Faults(drop=True), ShopUnavailable),
    ],
)
def test_25_a_shop_that_answers_nonsense_moves_no_watermark(desk: Desk, faults: Faults, error: type[Exception]) -> None:
    carts = add_carts(desk, 3)
    desk.run("carts")
    add = desk.shop.add_cart(ready=False)
    faults.matching = "carts/search"
    desk.shop.faults = faults
    asked = len(desk.shop.requests)
    with pytest.raises(error):
        desk.run("carts")
    assert len(desk.requests(asked)) <= 12
    assert desk.ids(tables.cart) == carts
    run = desk.all(select(tables.sync_run).order_by(tables.sync_run.c.id.desc()))[0]
    assert run["error"]
    assert run["finished_at"] is not None
    assert desk.all(select(tables.quarantine)) == []
    desk.shop.faults = Faults()
    desk.run("carts")
    assert desk.ids(tables.cart) == [*carts, add]


def test_23_amounts_are_exact_to_the_last_of_four_places(desk: Desk) -> None:
    prices = {"MUG-01": "0.1", "LAMP-01": "0.0001", "BOWL-01": "19.99"}
    for sku, price in prices.items():
        desk.shop.set_price(sku, Decimal(price))
    cart = desk.shop.add_cart([(sku, 3) for sku in prices], store_id=3, ready=False)
    desk.run("carts")
    net = {line["sku"]: line["base_price"] for line in desk.lines(cart)}
    for line in desk.shop.cart(cart)["lines"]:
        assert net[line["sku"]] == Decimal(str(line["base_unit"]))
    assert desk.cart(cart)["base_subtotal"] == sum(net.values()) * 3


def test_a_full_run_counts_what_the_shop_has(desk: Desk) -> None:
    carts = add_carts(desk, 4)
    desk.run("carts")
    result = desk.run("carts", full=True)
    assert (result.kind, result.tally.read, result.tally.unchanged) == ("full", 4, 4)
    state = tables.sync_state
    counted = desk.all(select(state.c.remote_count).where(state.c.entity == "carts"))
    assert counted[0]["remote_count"] == len(carts)
    with desk.store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.cart)) == 4
