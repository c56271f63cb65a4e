"""The generated shop looks real, adds up, comes back after a restart and goes on living."""

from __future__ import annotations

import collections
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from demo_store import Shop, serve
from demo_store.live import Live
from tests.demo_store.conftest import Api


@pytest.fixture(scope="module")
def history() -> Shop:
    """A shop with a history; tests only look at it."""
    return Shop(orders=250, carts=120, customers=80, seed=7)


def _d(value: Any) -> Decimal:
    return Decimal(str(value or 0))


def test_the_sizes_are_those_that_were_asked_for(history: Shop) -> None:
    state = history.records.state
    orders = state.all("order")
    assert (len(orders), len(state.all("customer"))) == (250, 80)
    assert len(state.all("cart")) == 370
    assert len({order["quote_id"] for order in orders}) == 250


def test_orders_of_every_state_over_months_up_to_now_and_none_in_the_future(history: Shop) -> None:
    orders = history.records.state.all("order")
    states = collections.Counter(order["state"] for order in orders)
    assert set(states) == {"new", "processing", "complete", "closed", "canceled", "holded"}
    assert states["complete"] > 100
    days = [order["created_at"] for order in orders]
    now = datetime.now(UTC)
    assert min(days) < (now - timedelta(days=90)).strftime("%Y-%m-%d") < max(days)
    assert max(order["updated_at"] for order in orders) <= now.strftime("%Y-%m-%d %H:%M:%S")
    assert {order["store_id"] for order in orders} == {1, 2, 3, 4}
    assert any(order["customer_is_guest"] for order in orders)


def test_nobody_bought_before_they_had_their_account(history: Shop) -> None:
    since = {customer["id"]: customer["created_at"] for customer in history.records.state.all("customer")}
    carts = [cart for cart in history.records.state.all("cart") if cart["customer_id"]]
    assert len(carts) > 100
    assert [cart["entity_id"] for cart in carts if cart["created_at"] < since[cart["customer_id"]]] == []


def test_every_amount_of_every_order_adds_up(history: Shop) -> None:
    for order in history.records.state.all("order"):
        for prefix in ("", "base_"):
            parts = ("subtotal", "discount_amount", "shipping_amount", "tax_amount", "discount_tax_compensation_amount")
            total = sum(_d(order[f"{prefix}{name}"]) for name in parts)
            assert total == _d(order[f"{prefix}grand_total"])
            own = [item for item in order["items"] if "parent_item_id" not in item]
            rows = sum(_d(item[f"{prefix}row_total"]) + _d(item[f"{prefix}discount_amount"]) for item in own)
            assert rows == _d(order[f"{prefix}subtotal"])
            assert sum(_d(item[f"{prefix}price"]) * _d(item["qty_ordered"]) for item in own) == rows
            if order["state"] == "complete" and "total_refunded" not in order:
                assert order[f"{prefix}total_paid"] == order[f"{prefix}grand_total"]
                assert order[f"{prefix}total_due"] == 0
            if order["state"] == "closed":
                assert order[f"{prefix}total_refunded"] == order[f"{prefix}total_paid"]


def test_totals_of_every_open_cart_are_the_sum_of_its_segments(history: Shop) -> None:
    for cart in history.records.state.all("cart"):
        sums = cart["sums"]
        parts = ("subtotal", "discount_amount", "shipping_amount", "tax_amount", "compensation")
        assert sum(_d(sums[name]) for name in parts) == _d(sums["grand_total"])


def test_carts_are_open_closed_empty_ordered_and_some_hold_a_hidden_line(history: Shop) -> None:
    carts = history.records.state.all("cart")
    ordered = {order["quote_id"] for order in history.records.state.all("order")}
    assert any(cart["is_active"] and cart["lines"] for cart in carts)
    assert any(cart["is_active"] and not cart["lines"] for cart in carts)
    assert any(not cart["is_active"] and cart["entity_id"] not in ordered for cart in carts)
    assert any(cart["trigger_recollect"] for cart in carts)
    hidden = history.records.product_of_sku("DRAWER-OLD") or {}
    assert any(line["product_id"] == hidden["id"] for cart in carts for line in cart["lines"] if cart["is_active"])


def test_a_customer_has_one_open_cart(history: Shop) -> None:
    restored = {order["quote_id"] for order in history.records.state.all("order")}
    holders = [
        cart["customer_id"]
        for cart in history.records.state.all("cart")
        if cart["is_active"] and cart["customer_id"] and cart["entity_id"] not in restored
    ]
    assert len(holders) == len(set(holders)) > 20


def test_the_same_seed_makes_the_same_shop() -> None:
    def names(seed: int) -> list[tuple[str, float]]:
        shop = Shop(orders=15, carts=5, customers=5, seed=seed)
        return [(one["customer_email"], one["grand_total"]) for one in shop.records.state.all("order")]

    assert names(3) == names(3) != names(4)


def test_a_restart_keeps_everything_and_generates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "demo.db"
    first = Shop(path, orders=5, carts=3, customers=2)
    cart = first.add_cart([("MUG-01", 2)])
    order = first.place(cart)
    first.set_price("MUG-01", 20)
    first.delete_order(1)
    first.close()
    second = Shop(path, orders=500)
    assert second.order(order)["quote_id"] == cart
    assert (second.cart(cart)["is_active"], second.cart(cart)["trigger_recollect"]) == (0, 1)
    assert len(second.records.state.all("order")) == 5
    assert second.add_cart() > cart
    second.close()


def test_an_answer_is_on_disk_before_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "shop" / "demo.db"
    shop = Shop(path)
    cart = shop.add_cart()
    with serve(shop) as url:
        order = Api(url).ask("PUT", f"carts/{cart}/order").json()
    again = Shop(shutil.copytree(path.parent, tmp_path / "as left") / path.name)  # the first was never closed
    assert again.order(order)["quote_id"] == cart
    shop.close()
    again.close()


def test_a_living_shop_gains_carts_and_orders() -> None:
    shop = Shop(orders=10, carts=10, customers=10)
    before = {kind: len(shop.records.state.all(kind)) for kind in ("cart", "order")}
    living = Live(shop, seed=2)
    for _ in range(30):
        living.happen()
    assert len(shop.records.state.all("cart")) > before["cart"]
    assert len(shop.records.state.all("order")) > before["order"]


def test_a_shop_that_is_started_again_sees_other_shoppers_and_nobody_fills_two_carts() -> None:
    shop = Shop(orders=10, carts=0, customers=40)
    filled = []
    for _ in range(3):
        before = set(shop.records.state.ids("cart"))
        living = Live(shop, seed=2)
        for _ in range(20):
            living.happen()
        carts = [one for one in shop.records.state.all("cart") if one["entity_id"] not in before]
        filled.append([(one["customer_id"], [line["sku"] for line in one["lines"]]) for one in carts])
    assert filled[0] != filled[1] != filled[2]
    shopping = [one["customer_id"] for one in shop.records.state.all("cart") if one["is_active"] and one["customer_id"]]
    assert shopping
    assert len(shopping) == len(set(shopping))


def test_a_living_shop_that_is_full_gains_orders_and_changes_but_no_carts() -> None:
    shop = Shop(orders=10, carts=10, customers=10)
    living = Live(shop, seed=2, most_carts=20)
    orders, stamps = len(shop.records.state.all("order")), {one["updated_at"] for one in shop.records.state.all("cart")}
    shop.set_clock(3600)
    for _ in range(60):
        living.happen()
    assert len(shop.records.state.all("cart")) == 20
    assert len(shop.records.state.all("order")) > orders
    assert {one["updated_at"] for one in shop.records.state.all("cart")} - stamps


def test_the_command_line_starts_it_and_a_signal_ends_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "demo_store", "--port", "0", "--orders", "3", "--carts", "2", "--customers", "1"]
    with subprocess.Popen(
        [*command, "--db", str(tmp_path / "demo.db"), "--live"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split(" at ")[1].split(" ")[0]
        headers = {"Authorization": "Bearer demo"}
        answer = requests.get(f"{url}/rest/V1/orders?searchCriteria=", headers=headers, timeout=20)
        assert answer.json()["total_count"] == 3
        process.terminate()
        assert process.wait(20) == 0


def test_a_taken_port_is_a_clear_error(api: Api, tmp_path: Path) -> None:
    port = api.url.rpartition(":")[2]
    command = [sys.executable, "-m", "demo_store", "--port", port, "--orders", "0", "--carts", "0", "--customers", "0"]
    done = subprocess.run(
        [*command, "--db", str(tmp_path / "demo.db")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"Port {port}" in done.stderr
    assert "--port" in done.stderr


def test_a_file_that_is_no_shop_is_a_clear_error_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "demo.db"
    path.write_text("the diary of somebody, and long enough to be taken for something else" * 20)
    before = path.read_bytes()
    command = [sys.executable, "-m", "demo_store", "--port", "0", "--db", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "--db" in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == before
