"""Several carts at once, on a real HTTP shop: checked side by side, ordered one by one, stopped between two."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from crm_core.errors import BadInput, NotAllowed
from crm_core.sales.preflight.check import Code
from crm_core.sales.several import (
    MOST,
    Checked,
    NotReady,
    Ready,
    Result,
    candidates,
    check_several,
    convert,
    results_since,
)
from crm_core.store import tables
from demo_store.service import Request, Response
from tests.sales.desk import PLACE, SHIP, Desk, answered, dropped_before_the_work
from tests.sales.preflight.shop_side import in_step

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def up_to_date(desk: Desk) -> None:
    in_step(desk)


def _connections(desk: Desk, connections: int) -> None:
    with desk.store.writing() as connection:
        connection.execute(update(tables.channel).values(connections=connections))


def _checked(desk: Desk, cart_ids: Sequence[int], *, recalculate: bool = False) -> list[Checked]:
    """The carts checked, in the order in which they were named."""
    keys = [desk.key(cart_id) for cart_id in cart_ids]
    found = {each.cart_key: each for each in check_several(desk.store, keys, "Anna", recalculate=recalculate)}
    return [found[key] for key in keys]


def _ready(desk: Desk, cart_ids: Sequence[int], method: str = "checkmo") -> list[Ready]:
    judged = [each.with_payment(method) for each in _checked(desk, cart_ids)]
    assert all(isinstance(each, Ready) for each in judged), judged
    return [each for each in judged if isinstance(each, Ready)]


def _convert(desk: Desk, ready: Sequence[Ready]) -> list[Result]:
    return list(convert(desk.store, ready, "Anna"))


def _kinds(results: Sequence[Result]) -> list[str]:
    return [each.kind for each in results]


def test_what_is_picked_is_shown_as_the_desk_knows_it(desk: Desk) -> None:
    first, second = desk.add_cart(("MUG-01", 1)), desk.add_cart(("LAMP-01", 1))
    keys = [desk.key(second), desk.key(first), desk.key(second), desk.key(99_999)]
    found = candidates(desk.store, keys)
    assert [each.cart_id for each in found] == [second, first]
    assert (found[0].name, found[0].currency) == ("Anna de Vries", "EUR")
    with pytest.raises(BadInput, match=f"at most {MOST}"):
        candidates(desk.store, range(1, MOST + 2))


def test_a_cart_that_nothing_speaks_against_is_ready_once_the_payment_is_chosen(desk: Desk) -> None:
    cart_id = desk.add_cart()
    [checked] = _checked(desk, [cart_id])
    undecided = checked.with_payment(None)
    assert isinstance(undecided, Ready)
    assert undecided.choice is None
    assert "checkmo" in {option.code for option in checked.payments}
    ready = checked.with_payment("checkmo")
    assert isinstance(ready, Ready)
    assert (ready.total, ready.currency, ready.looks) == (
        Decimal(str(desk.shop.cart(cart_id)["grand_total"])),
        "EUR",
        (),
    )
    assert ready.choice is not None
    assert (ready.choice.payment_method, ready.choice.grand_total) == ("checkmo", ready.total)
    assert "Flat Rate" in ready.shipping


@on_sqlite
def test_a_way_of_paying_that_the_shop_does_not_offer_for_a_cart_leaves_that_cart_out(desk: Desk) -> None:
    [checked] = _checked(desk, [desk.add_cart()])
    refused = checked.with_payment("banktransfer-of-another-shop")
    assert isinstance(refused, NotReady)
    assert refused.code is Code.PAYMENT
    assert "does not offer" in refused.why


@on_sqlite
def test_a_purchase_order_needs_its_own_number_and_is_never_one_choice_for_all(desk: Desk) -> None:
    desk.shop.switch_payment("purchaseorder", on=True)
    [checked] = _checked(desk, [desk.add_cart()])
    assert checked.offer is not None
    assert "purchaseorder" in {option.code for option in checked.offer.payment}
    assert "purchaseorder" not in {option.code for option in checked.payments}
    assert isinstance(checked.with_payment("purchaseorder"), NotReady)


def test_what_the_shop_would_take_but_a_person_should_see_is_told_apart(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1), ("LAMP-01", 1))
    desk.shop.disable_product("LAMP-01")
    try:
        [checked] = _checked(desk, [cart_id])
    finally:
        desk.shop.enable_product("LAMP-01")
    looked = checked.with_payment("checkmo")
    assert isinstance(looked, Ready)
    assert looked.looks
    assert looked.choice is not None


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda desk, _: desk.shop.set_stock("MUG-01", 1), Code.SHORT),
        (lambda desk, cart_id: desk.shop.deactivate_cart(cart_id), Code.CART),
        (lambda desk, _: desk.shop.switch_carrier("flatrate", on=False), Code.SHIPPING),
    ],
)
@on_sqlite
def test_a_cart_that_cannot_be_ordered_names_the_check_that_stops_it(
    desk: Desk, spoil: Callable[[Desk, int], object], code: Code
) -> None:
    cart_id = desk.add_cart(("MUG-01", 2))
    spoil(desk, cart_id)
    [checked] = _checked(desk, [cart_id])
    for method in (None, "checkmo"):
        stopped = checked.with_payment(method)
        assert isinstance(stopped, NotReady)
        assert stopped.code is code
        assert stopped.why


def test_a_cart_whose_prices_changed_waits_for_a_person_to_let_the_shop_recalculate_it(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    desk.shop.set_price("MUG-01", "24.20")
    [checked] = _checked(desk, [cart_id])
    stopped = checked.with_payment("checkmo")
    assert isinstance(stopped, NotReady)
    assert stopped.can_recalculate
    assert not [each for each in desk.front.asked if f"/carts/{cart_id}/" in each], "a read by id would write"
    [again] = _checked(desk, [cart_id], recalculate=True)
    assert isinstance(again.with_payment("checkmo"), Ready)


@on_sqlite
def test_a_shop_that_lets_nobody_in_is_told_for_each_cart_and_stops_nobody(desk: Desk) -> None:
    carts = [desk.add_cart(), desk.add_cart()]
    desk.front.on(r".", answered(401, b'{"message": "The consumer isn\'t authorized to access %resources."}'))
    found = _checked(desk, carts)
    for each in found:
        stopped = each.with_payment("checkmo")
        assert isinstance(stopped, NotReady)
        assert stopped.why


def _carts_asked(desk: Desk) -> list[int]:
    """The carts in the order in which the shop was asked for them by id, each as often as it was asked again later."""
    found = [int(match[1]) for each in desk.front.asked if (match := re.search(r"/carts/(\d+)/", each))]
    return [each for at, each in enumerate(found) if at == 0 or found[at - 1] != each]


@on_sqlite
def test_a_channel_with_one_connection_has_its_carts_checked_one_after_the_other(desk: Desk) -> None:
    carts = [desk.add_cart() for _ in range(4)]
    _connections(desk, 1)
    desk.front.asked.clear()
    _checked(desk, carts)
    assert _carts_asked(desk) == carts


@on_sqlite
def test_carts_are_checked_side_by_side_as_far_as_the_channel_allows(desk: Desk) -> None:
    carts = [desk.add_cart() for _ in range(4)]
    _connections(desk, 2)
    together = threading.Barrier(2, timeout=20)
    asked: set[str] = set()

    def meet(request: Request, work: Callable[[], Response]) -> Response:
        first = request.target not in asked
        asked.add(request.target)
        if first:
            together.wait()  # breaks, and fails the check, unless two carts are under way at once
        return work()

    desk.front.on(r"GET .*/carts/\d+/totals", meet)
    assert all(isinstance(each.with_payment("checkmo"), Ready) for each in _checked(desk, carts))
    assert not together.broken


@on_sqlite
def test_whoever_stops_taking_checks_has_no_further_cart_asked_for(desk: Desk) -> None:
    carts = [desk.add_cart() for _ in range(5)]
    _connections(desk, 1)
    desk.front.asked.clear()
    with closing(check_several(desk.store, [desk.key(each) for each in carts], "Anna")) as coming:
        next(coming)
    assert _carts_asked(desk) == carts[:1]


@on_sqlite
def test_nobody_checks_or_converts_without_a_name(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        list(check_several(desk.store, [desk.key(desk.add_cart())], ""))
    with pytest.raises(NotAllowed):
        list(convert(desk.store, [], ""))


def test_the_ready_ones_are_ordered_one_by_one_and_a_refused_one_stops_none(desk: Desk) -> None:
    carts = [desk.add_cart(("MUG-01", 1)), desk.add_cart(("CUSHION-01", 3)), desk.add_cart(("BOOK 01", 1))]
    ready = _ready(desk, carts)
    started = datetime.now(UTC) - timedelta(seconds=1)
    desk.shop.set_stock("CUSHION-01", 1)
    results = _convert(desk, ready)
    assert _kinds(results) == ["placed", "refused", "placed"]
    assert [len(desk.shop.orders_of(each)) for each in carts] == [1, 0, 1]
    assert results[1].message
    placed = desk.shop.order(desk.shop.orders_of(carts[0])[0])
    assert (results[0].increment_id, results[0].total) == (placed["increment_id"], Decimal(str(placed["grand_total"])))
    assert desk.front.count(PLACE) == 3
    kept = results_since(desk.store, [desk.key(each) for each in carts], started)
    assert [kept[desk.key(each)].kind for each in carts] == ["placed", "refused", "placed"]
    assert kept[desk.key(carts[0])].order_key == results[0].order_key
    assert results_since(desk.store, [desk.key(each) for each in carts], datetime.now(UTC)) == {}


def test_whoever_stops_taking_results_has_the_cart_in_hand_finished_and_no_other_touched(desk: Desk) -> None:
    carts = [desk.add_cart() for _ in range(3)]
    with closing(convert(desk.store, _ready(desk, carts), "Anna")) as coming:
        assert next(coming).kind == "placed"
    assert [len(desk.shop.orders_of(each)) for each in carts] == [1, 0, 0]
    assert desk.front.count(SHIP) == 1


def test_two_people_converting_the_same_carts_make_one_order_each(desk: Desk) -> None:
    carts = [desk.add_cart() for _ in range(3)]
    ready = _ready(desk, carts)
    found: dict[str, list[Result]] = {}

    def press(person: str) -> None:
        found[person] = list(convert(desk.store, ready, person))

    people = [threading.Thread(target=press, args=(person,)) for person in ("Anna", "Ben")]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert [len(desk.shop.orders_of(each)) for each in carts] == [1, 1, 1]
    for anna, ben in zip(found["Anna"], found["Ben"], strict=True):
        assert sorted((anna.kind, ben.kind)) == ["held", "placed"]


@on_sqlite
def test_an_order_that_comes_to_nothing_is_placed_without_a_way_of_paying_to_choose(desk: Desk) -> None:
    desk.shop.set_price("MUG-01", 0)
    desk.shop.set_shipping_price("flatrate", 0)
    cart_id = desk.add_cart(("MUG-01", 1))
    [checked] = _checked(desk, [cart_id])
    assert checked.is_free
    undecided, ready = checked.with_payment(None), checked.with_payment("checkmo")
    assert isinstance(ready, Ready)
    assert ready == undecided
    assert ready.choice is not None
    assert (ready.total, ready.choice.payment_method) == (Decimal(0), "free")
    assert _kinds(_convert(desk, [ready])) == ["placed"]


@on_sqlite
def test_a_total_that_changed_is_shown_again_and_placed_only_on_the_new_terms(desk: Desk) -> None:
    cart_id = desk.add_cart()
    [ready] = _ready(desk, [cart_id])
    desk.shop.set_shipping_price("flatrate", "11.25")
    [changed] = _convert(desk, [ready])
    assert changed.kind == "refused"
    assert desk.shop.orders_of(cart_id) == []
    assert changed.again is not None
    again = changed.again.with_payment("checkmo")
    assert isinstance(again, Ready)
    assert again.total > ready.total
    assert f"{again.total:.2f}" in changed.message
    assert _kinds(_convert(desk, [again])) == ["placed"]


@on_sqlite
def test_a_cart_that_was_ordered_meanwhile_is_told_with_its_order(desk: Desk) -> None:
    cart_id = desk.add_cart()
    [ready] = _ready(desk, [cart_id])
    order = desk.shop.place(cart_id)
    [held] = _convert(desk, [ready])
    assert held.kind == "held"
    assert held.increment_id == desk.shop.order(order)["increment_id"]


@on_sqlite
def test_no_clear_answer_is_unclear_until_the_order_is_found(desk: Desk) -> None:
    carts = [desk.add_cart(), desk.add_cart()]
    ready = _ready(desk, carts)
    desk.front.on(PLACE, dropped_before_the_work)
    [unclear] = _convert(desk, ready[:1])
    desk.front.calm()
    assert unclear.kind == "unclear"
    assert unclear.message.endswith(
        "The desk asks the shop for it while its worker runs. Don't order it elsewhere meanwhile."
    )
    assert _kinds(_convert(desk, ready[1:])) == ["placed"]
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert results_since(desk.store, [desk.key(carts[0])], since)[desk.key(carts[0])].kind == "unclear"


@on_sqlite
def test_a_shop_that_shuts_its_door_is_not_asked_for_the_rest_of_its_carts(desk: Desk) -> None:
    carts = [desk.add_cart() for _ in range(3)]
    ready = _ready(desk, carts)
    desk.front.on(r".", answered(401, b'{"message": "The consumer isn\'t authorized to access %resources."}'))
    desk.front.asked.clear()
    results = _convert(desk, ready)
    assert _kinds(results) == ["refused"] * 3
    assert len(desk.front.asked) <= 2, "only the reads of the first cart"
    assert all("Not tried" in each.message for each in results[1:])


@on_sqlite
def test_a_cart_without_a_chosen_payment_is_not_placed(desk: Desk) -> None:
    cart_id = desk.add_cart()
    [checked] = _checked(desk, [cart_id])
    undecided = checked.with_payment(None)
    assert isinstance(undecided, Ready)
    [result] = _convert(desk, [undecided])
    assert (result.kind, desk.shop.orders_of(cart_id)) == ("refused", [])
