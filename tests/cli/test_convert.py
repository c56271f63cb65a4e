"""`convert`: a cart becomes an order, and the program's status says what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select
from sqlalchemy.pool import Pool

from crm_core.settings import settings
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.sync.channels import channel_by_name
from crm_core.sync.removal import Removal, remove_channel
from demo_store import Shop
from demo_store.service import Request, Response
from tests.cli.conftest import Desk, Said
from tests.sales.desk import PLACE, Front, answered, dropped_before_the_work, serve_front


@pytest.fixture
def front() -> Iterator[Front]:
    """A shop without records, and a say in what it answers."""
    shop = Shop()
    shop.service.place_seconds = 0.01
    yield Front(shop)
    shop.close()


@pytest.fixture
def connected(desk: Desk, front: Front) -> Iterator[Desk]:
    """A desk with one channel, “Shop”, that allows writes."""
    with serve_front(front) as url:
        said = desk("channel", "add", "Shop", url, "--token", "demo", "--allow-writes", "--no-check")
        assert said.status == 0, said.err
        yield desk


def _cart(desk: Desk, front: Front, *lines: tuple[str, int], **details: Any) -> str:
    """The number of a cart that a shopper filled and the desk has read."""
    number = str(front.shop.add_cart(lines or (("MUG-01", 2),), **details))
    assert desk("sync").status == 0
    return number


def _convert(desk: Desk, cart: str, *options: str) -> Said:
    return desk("convert", "--channel", "Shop", cart, *options)


def _orders(front: Front, cart: str) -> list[str]:
    return [front.shop.order(each)["increment_id"] for each in front.shop.orders_of(int(cart))]


def test_a_cart_is_placed_and_the_order_told(connected: Desk, front: Front, store: Store) -> None:
    cart = _cart(connected, front)
    said = _convert(connected, cart, "--payment", "checkmo")
    assert said.status == 0, said.err
    (number,) = _orders(front, cart)
    assert f"Order {number} placed for €" in said.out
    assert "As anna." in said.err
    with store.reading() as connection:
        attempt = connection.execute(select(tables.attempt)).one()
    assert (attempt.person, attempt.state, attempt.payment_method) == ("anna", "placed", "checkmo")
    again = _convert(connected, cart, "--payment", "checkmo")
    assert again.status == 1
    assert number in again.err
    assert again.err.count("anna placed") == 1, "it is said once who did"
    assert len(_orders(front, cart)) == 1


def test_json_holds_what_a_script_needs(connected: Desk, front: Front) -> None:
    front.shop.switch_payment("purchaseorder", on=True)
    cart = _cart(connected, front)
    said = _convert(connected, cart, "--payment", "purchaseorder", "--po-number", "4711", "--json")
    assert said.status == 0, said.err
    told = json.loads(said.out)
    assert (told["status"], told["outcome"], told["cart"]) == (0, "placed", int(cart))
    order = front.shop.order(told["order"]["id"])
    assert told["order"]["increment_id"] == order["increment_id"]
    assert float(told["order"]["grand_total"]) == order["grand_total"]
    assert told["order"]["currency"] == "EUR"
    assert order["payment"]["po_number"] == "4711"


def test_a_dry_run_shows_the_offer_and_every_check_and_orders_nothing(connected: Desk, front: Front) -> None:
    cart = _cart(connected, front)
    said = _convert(connected, cart, "--payment", "checkmo", "--dry-run")
    assert said.status == 0, said.err
    assert "flatrate_flatrate" in said.out
    assert re.search(r"€\d+\.\d\d\b", said.out), said.out
    assert not re.search(r"\d EUR\b", said.out)
    assert not re.search(r"\d\.\d{4}\b", said.out)
    assert "Will pass" in said.out
    assert "Nothing was ordered." in said.out
    told = json.loads(_convert(connected, cart, "--payment", "checkmo", "--dry-run", "--json").out)
    assert told["outcome"] == "ready"
    assert {check["code"] for check in told["checks"]} >= {"cart", "payment", "shipping", "minimum_amount"}
    assert told["offer"]["lines"][0]["sku"] == "MUG-01"
    assert front.count(PLACE) == 0
    assert _orders(front, cart) == []


def test_a_dry_run_without_a_way_of_paying_shows_the_checks_and_what_there_is_to_choose(
    connected: Desk, front: Front
) -> None:
    cart = _cart(connected, front)
    said = _convert(connected, cart, "--dry-run")
    assert said.status == 2
    assert "Choose how it is paid with --payment. The shop offers for this total: checkmo" in said.err
    assert "Will pass" in said.out
    for method in ("banktransfer", "cashondelivery"):
        front.shop.switch_payment(method, on=False)
    assert _convert(connected, cart, "--dry-run").status == 0
    assert front.count(PLACE) == 0


def test_a_dry_run_says_what_would_fail(connected: Desk, front: Front) -> None:
    cart = _cart(connected, front)
    front.shop.set_stock("MUG-01", 0, in_stock=False)
    said = _convert(connected, cart, "--payment", "checkmo", "--dry-run")
    assert said.status == 1
    assert "out of stock" in said.err
    assert "Will fail" in said.out
    placed = _convert(connected, cart, "--payment", "checkmo")
    assert placed.status == 1
    assert "out of stock" in placed.err
    assert _orders(front, cart) == []


def test_a_cart_that_cannot_be_ordered_is_checked_all_the_same(connected: Desk, front: Front) -> None:
    cart = _cart(connected, front, email=None)
    said = _convert(connected, cart, "--dry-run", "--json")
    assert said.status == 1
    told = json.loads(said.out)
    assert "e-mail" in told["message"]
    assert any(check["code"] == "email" and check["verdict"] == "fail" for check in told["checks"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--payment. The shop offers for this total: "),
        (("--payment", "paypal"), "checkmo"),
        (("--payment", "checkmo", "--shipping", "dhl_dhl"), "flatrate_flatrate (€"),
        (("--payment", "purchaseorder"), "purchase order number with --po-number"),
        ((), "purchaseorder (with --po-number)"),
    ],
)
def test_a_choice_that_is_missing_or_not_offered_ends_with_2_and_names_what_there_is(
    connected: Desk, front: Front, options: tuple[str, ...], words: str
) -> None:
    front.shop.switch_payment("purchaseorder", on=True)
    cart = _cart(connected, front)
    said = _convert(connected, cart, *options)
    assert said.status == 2
    assert words in said.err
    assert front.count(PLACE) == 0


def test_all_that_is_left_to_choose_is_told_at_once(connected: Desk, front: Front) -> None:
    front.shop.switch_payment("purchaseorder", on=True)
    front.shop.switch_carrier("tablerate", on=True)
    cart = _cart(connected, front)
    front.shop.switch_carrier("flatrate", on=False)
    for dry_run in ((), ("--dry-run",)):
        said = _convert(connected, cart, *dry_run)
        assert said.status == 2
        assert "Choose how it is sent with --shipping. The shop offers: " in said.err
        assert "tablerate_bestway (€" in said.err
        assert "Choose how it is paid with --payment. The shop offers: " in said.err
        assert "checkmo" in said.err
    said = _convert(connected, cart, "--payment", "purchaseorder")
    assert "--shipping. The shop offers: " in said.err
    assert "with --po-number." in said.err
    assert front.count(PLACE) == 0


@pytest.mark.parametrize("path", ["payment-methods", "estimate-shipping-methods"])
def test_what_the_shop_does_not_tell_is_not_left_to_choose(connected: Desk, front: Front, path: str) -> None:
    cart = _cart(connected, front)
    front.on(rf"\w+ .*/{path}", answered(500, b'{"message":"Internal error"}'))
    for dry_run in ((), ("--dry-run",)):
        said = _convert(connected, cart, "--payment", "checkmo", *dry_run)
        assert said.status == 1, said.err
        assert "could not be checked" in said.err
        assert "Choose how" not in said.err
    assert front.count(PLACE) == 0


def test_words_that_are_off_end_with_2(connected: Desk, front: Front) -> None:
    cart = _cart(connected, front)
    unknown = _convert(connected, "999")
    assert unknown.status == 2
    assert "knows no cart 999" in unknown.err
    assert connected("convert", "--channel", "Ship", cart).status == 2
    assert connected("convert", cart).status == 2
    words = _convert(connected, "abc")
    assert words.status == 2
    assert words.err.strip() == "“abc” is not the number of a cart. It is the one in the cart's heading, such as 237."
    assert _convert(connected, "0").status == 2
    told = json.loads(_convert(connected, "999", "--json").out)
    assert (told["status"], told["outcome"]) == (2, "usage")


@pytest.mark.parametrize("cart", ["0", "-7", "٣", "12345678901", "9" * 5000], ids=["0", "-7", "arabic", "11", "5000"])
def test_a_number_that_no_cart_can_have_ends_with_2(connected: Desk, cart: str) -> None:
    words = connected("convert", "--channel", "Shop", "--json", "--", cart)
    assert words.status == 2
    assert json.loads(words.out)["outcome"] == "usage"


def test_a_store_that_cannot_be_used_is_told_in_json_too(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE_URL", f"sqlite:///{tmp_path}")
    settings.cache_clear()
    said = _convert(desk, "7", "--json")
    assert said.status == 1
    told = json.loads(said.out)
    assert (told["outcome"], told["cart"]) == ("trouble", 7)
    assert told["message"]


def test_a_cart_of_another_channel_is_not_touched_through_this_one(connected: Desk, front: Front, store: Store) -> None:
    cart = _cart(connected, front, store_id=3)
    url = channel_by_name(store, "Shop").base_url
    assert connected("channel", "set", "Shop", "--website", "base").status == 0
    added = connected("channel", "add", "States", url, "--token", "demo", "--website", "us", "--allow-writes")
    assert added.status == 0, added.err
    assert connected("sync").status == 0
    said = _convert(connected, cart, "--payment", "checkmo")
    assert said.status == 2
    assert "belongs to channel “States”" in said.err
    assert front.count(PLACE) == 0


def test_a_cart_that_the_shop_closed_is_said_to_be_closed_once_with_what_to_do(connected: Desk, front: Front) -> None:
    cart = _cart(connected, front)
    front.shop.deactivate_cart(int(cart))
    said = _convert(connected, cart, "--payment", "checkmo")
    assert said.status == 1
    assert said.err.count("closed") == 1
    assert "press New cart" in said.err


def test_a_total_that_is_another_one_by_the_time_it_is_placed_is_told_with_both(connected: Desk, front: Front) -> None:
    cart = _cart(connected, front, ("MUG-01", 1), ("CUSHION-01", 1))
    front.shop.disable_product("CUSHION-01")
    said = _convert(connected, cart, "--payment", "checkmo")
    assert said.status == 1
    assert re.search(r"The total was €\S+ when it was read and is €\S+ now\. Nothing was ordered\.", said.err)
    assert _orders(front, cart) == []


def test_a_read_only_channel_ends_with_1(connected: Desk, front: Front) -> None:
    cart = _cart(connected, front)
    connected("channel", "set", "Shop", "--read-only")
    said = _convert(connected, cart, "--payment", "checkmo")
    assert said.status == 1
    assert "read-only" in said.err


def test_a_refusal_ends_with_1_in_the_shops_words(connected: Desk, front: Front) -> None:
    cart = _cart(connected, front)
    front.shop.set_minimum_order("5000.00", "Please order for at least €5,000.")
    said = _convert(connected, cart, "--payment", "checkmo", "--json")
    assert said.status == 1
    told = json.loads(said.out)
    assert (told["outcome"], told["http_status"]) == ("refused", 400)
    assert told["message"] == "Please order for at least €5,000."
    assert told["check"]["code"] == "minimum_amount"
    words = _convert(connected, cart, "--payment", "checkmo").err
    assert "Magento refused the order. Nothing was placed.\nPlease order for at least €5,000." in words


def test_an_answer_that_never_came_ends_with_3_and_is_not_sent_again(connected: Desk, front: Front) -> None:
    cart = _cart(connected, front)
    front.on(PLACE, dropped_before_the_work)
    said = _convert(connected, cart, "--payment", "checkmo")
    assert said.status == 3
    assert "no clear answer came" in said.err
    assert "The desk asks the shop for it until" in " ".join(said.err.split())
    front.calm()
    again = _convert(connected, cart, "--payment", "checkmo")
    assert again.status == 1
    assert "gave no clear answer" in again.err
    assert front.count(PLACE) == 1


def test_who_removes_the_channel_meanwhile_is_not_told_that_a_worker_looks(
    connected: Desk, front: Front, store: Store
) -> None:
    cart = _cart(connected, front)

    gone: list[Removal] = []

    def removed(request: Request, work: Callable[[], Response]) -> Response:
        gone.append(remove_channel(store, "Shop"))
        return dropped_before_the_work(request, work)

    front.on(PLACE, removed)
    said = _convert(connected, cart, "--payment", "checkmo")
    assert len(gone) == 1, "The removal had not ended when convert looked, or failed."
    assert said.status == 3
    words = " ".join(said.err.split())
    assert "asks the shop for it until" not in words
    assert "Nobody looks for it: no channel reads the cart any more. Look in the shop" in words


def test_an_order_is_told_though_the_store_cannot_be_used_any_more_right_after_it(
    connected: Desk, front: Front, store_url: str
) -> None:
    cart = _cart(connected, front)
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    def lost_once_it_is_read_back(*_: Any) -> None:
        """The store's file is gone once placing has read what came of it, which is the last that it reads."""
        read_back = any("attempt.alarm IS NULL" in each for each in asked)
        if front.count(PLACE) and read_back and re.search(r"FROM attempt\s+WHERE attempt.id = ", asked[-1]):
            Path(store_url.removeprefix("sqlite:///")).unlink(missing_ok=True)

    event.listen(Engine, "before_cursor_execute", note)
    event.listen(Pool, "checkin", lost_once_it_is_read_back)
    try:
        said = _convert(connected, cart, "--payment", "checkmo", "--json")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
        event.remove(Pool, "checkin", lost_once_it_is_read_back)
    assert not Path(store_url.removeprefix("sqlite:///")).exists()
    assert said.status == 0, said.out
    assert json.loads(said.out)["order"]["increment_id"] == _orders(front, cart)[0]


def test_a_shop_that_is_away_ends_with_1(connected: Desk, front: Front) -> None:
    cart = _cart(connected, front)
    front.on(r"GET .*", answered(404, b'{"message":"Request does not match any route."}'))
    said = _convert(connected, cart, "--payment", "checkmo")
    assert said.status == 1
    assert said.err
    assert front.count(PLACE) == 0
