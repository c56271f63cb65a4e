"""A shop that does not let the desk in any more: whatever a person does there pauses the channel, and asks no more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

import pytest

from crm_core.errors import ChannelError, DeskError, SignInFailed
from crm_core.magento.shop import Entity
from crm_core.sales.cart_addresses import AddressKind
from crm_core.sales.cart_fixes import (
    AddLine,
    Change,
    RemoveCoupon,
    RemoveLine,
    ReplaceLine,
    SetCoupon,
    SetQuantity,
    mend,
)
from crm_core.sales.countries import countries_of
from crm_core.sales.new_carts import Guest, countries_for, open_carts_of, start_for_customer, start_for_guest
from crm_core.sales.offer import Choice, prepare
from crm_core.sales.order_actions import Action, Cancel, Comment, Email, Hold, Invoice, Refund, Ship, Unhold, act
from crm_core.sales.placed_there import look_for_order
from crm_core.sales.placing import place
from crm_core.sales.preflight.run import preflight
from crm_core.sales.product_finding import find_products, product_choices
from crm_core.sales.several import check_several
from crm_core.store.keys import origin_of, record_key
from crm_core.sync.channels import channel_by_id, open_shop, pause
from crm_core.sync.pages import write_records
from crm_core.sync.reading import read_one
from crm_core.sync.record import synchronise_cart, synchronise_customer, synchronise_order
from crm_core.sync.transaction import writing
from demo_store.service import Request, Response
from tests.sales.actions.cart_changes import email, entered
from tests.sales.desk import PLACE, SHIP, Desk, answered, dropped_before_the_work

pytestmark = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
"""What the shop answers is the same to every database."""

READ, WRITE = r"GET .*", r"(POST|PUT|DELETE) .*"
REFUSED = answered(401, b'{"message":"Specified token does not exist"}')
"""What Magento answers to a revoked OAuth token (observed on 2.4.7)."""


@dataclass
class Records:
    """A guest's cart with a coupon, the choice to place it, and a customer with an order."""

    desk: Desk
    cart: int
    customer: int
    order: int
    choice: Choice
    item_id: int
    store_view: int


@pytest.fixture
def records(desk: Desk) -> Records:
    """All of them read by the desk before the shop shuts its door."""
    desk.shop.set_coupon("MORE20", percent=20)
    customer_id = desk.shop.add_customer("kim@example.test", store_id=2)
    ordered = desk.add_cart(("MUG-01", 2), customer_id=customer_id, email="kim@example.test", store_id=2)
    order_id = desk.shop.place(ordered)
    desk.synchronise(ordered)
    opened = open_shop(desk.store, desk.channel)
    found = read_one(opened, Entity.CUSTOMERS, customer_id)
    with writing(desk.store, desk.channel.shop_id, opened.magento.connection.shop_now()) as transaction:
        write_records(transaction, Entity.CUSTOMERS, found.records)
    cart_id = desk.add_cart(("MUG-01", 1), ("TEAPOT-01", 1), coupon="WELCOME10")
    desk.synchronise(cart_id)
    shop_id = desk.channel.shop_id
    return Records(
        desk,
        cart=desk.key(cart_id),
        customer=record_key(shop_id, customer_id),
        order=record_key(shop_id, order_id),
        choice=desk.choice(cart_id),
        item_id=int(desk.shop.cart(cart_id)["lines"][0]["item_id"]),
        store_view=record_key(shop_id, 2),
    )


Act = Callable[[Records], object]


def _mend(change: Callable[[Records], Change]) -> Act:
    return lambda records: mend(records.desk.store, records.cart, change(records), "Anna")


def _act(action: Action) -> Act:
    return lambda records: act(records.desk.store, records.order, action, "Anna")


READING: dict[str, Act] = {
    "synchronise a cart": lambda of: synchronise_cart(of.desk.store, of.cart, "Anna"),
    "synchronise an order": lambda of: synchronise_order(of.desk.store, of.order, "Anna"),
    "synchronise a customer": lambda of: synchronise_customer(of.desk.store, of.customer, "Anna"),
    "check": lambda of: preflight(of.desk.store, of.cart, "Anna"),
    "see what can be ordered": lambda of: prepare(of.desk.store, of.cart, "Anna"),
    "look for an order placed elsewhere": lambda of: look_for_order(of.desk.store, of.cart, "Anna"),
    "list the countries of a cart": lambda of: countries_of(of.desk.store, of.cart),
    "list the countries of a store view": lambda of: countries_for(of.desk.store, of.store_view),
    "find products": lambda of: find_products(of.desk.store, of.cart, "mug"),
    "see the choices of a product": lambda of: product_choices(of.desk.store, of.cart, "SLIPPER"),
    "list the open carts of a customer": lambda of: open_carts_of(of.desk.store, of.customer),
}
WRITING: dict[str, Act] = {
    "change a quantity": _mend(lambda of: SetQuantity(of.item_id, Decimal(3), Decimal(1))),
    "remove a line": _mend(lambda of: RemoveLine(of.item_id, Decimal(1))),
    "add a line": _mend(lambda _: AddLine("SOAP-02", Decimal(1))),
    "replace a line": _mend(lambda of: ReplaceLine(of.item_id, "SOAP-02", Decimal(1), Decimal(1))),
    "set a coupon": _mend(lambda _: SetCoupon("MORE20", "WELCOME10")),
    "take the coupon off": _mend(lambda _: RemoveCoupon("WELCOME10")),
    "enter an address": _mend(lambda of: entered(of.desk, origin_of(of.cart)[1], AddressKind.BOTH)),
    "enter an e-mail address": _mend(lambda of: email(of.desk, origin_of(of.cart)[1], "ada@example.test")),
    "start a cart for a customer": lambda of: start_for_customer(of.desk.store, of.customer, of.store_view, "Anna"),
    "start a cart for a guest": lambda of: start_for_guest(
        of.desk.store, Guest("ada@example.test", "NL", "Ada", "Vos"), of.store_view, "Anna"
    ),
    "comment": _act(Comment("Called.")),
    "e-mail": _act(Email()),
    "invoice": _act(Invoice()),
    "ship": _act(Ship()),
    "hold": _act(Hold()),
    "cancel": _act(Cancel()),
}
ANY = {**READING, **WRITING, "unhold": _act(Unhold()), "refund": _act(Refund())}


def _is_paused(desk: Desk) -> bool:
    reason = channel_by_id(desk.store, desk.channel.id).paused_reason
    return reason is not None and "Specified token does not exist" in reason


@pytest.mark.parametrize("name", [*READING, *WRITING])
def test_whatever_a_person_does_pauses_the_channel_of_a_shop_that_refuses_the_sign_in(
    records: Records, name: str
) -> None:
    desk = records.desk
    desk.front.on(READ, REFUSED)
    with pytest.raises(SignInFailed):
        ANY[name](records)
    assert _is_paused(desk)


@pytest.mark.parametrize("name", WRITING)
def test_a_write_that_is_refused_for_the_sign_in_pauses_the_channel(records: Records, name: str) -> None:
    desk = records.desk
    desk.front.on(WRITE, REFUSED)
    with pytest.raises(SignInFailed):
        WRITING[name](records)
    assert _is_paused(desk)


@pytest.mark.parametrize("name", ANY)
def test_nothing_more_is_asked_of_a_shop_whose_channel_is_paused(records: Records, name: str) -> None:
    desk = records.desk
    pause(desk.store, desk.channel.id, "The sign-in failed.")
    asked = len(desk.front.asked)
    with suppress(DeskError):
        ANY[name](records)
    assert len(desk.front.asked) == asked


@pytest.mark.parametrize("pattern", [READ, SHIP, PLACE])
def test_placing_that_is_refused_for_the_sign_in_pauses_the_channel(records: Records, pattern: str) -> None:
    desk = records.desk
    desk.front.on(pattern, REFUSED)
    with suppress(ChannelError):
        place(desk.store, records.cart, records.choice, "Anna")
    assert _is_paused(desk)


def test_checking_several_carts_pauses_the_channel(records: Records) -> None:
    records.desk.front.on(READ, REFUSED)
    [checked] = check_several(records.desk.store, [records.cart], "Anna")
    assert "Specified token does not exist" in checked.trouble
    assert _is_paused(records.desk)


def _then_nobody_is_let_in(desk: Desk, status: int) -> Callable[[Request, Callable[[], Response]], Response]:
    """Answers with that status without any work done (0: not at all); from then on every read is refused."""

    def answer(request: Request, work: Callable[[], Response]) -> Response:
        desk.front.on(READ, REFUSED)
        if not status:
            return dropped_before_the_work(request, work)
        return answered(status, b'{"message":"Not today"}')(request, work)

    return answer


@pytest.mark.parametrize(
    ("pattern", "status", "name"),
    [
        (r"PUT .*/coupons/", 400, "set a coupon"),
        (r"PUT .*/items/", 0, "change a quantity"),
        (r"POST .*/hold$", 0, "hold"),
        (r"POST .*/customers/\d+/carts$", 0, "start a cart for a customer"),
    ],
)
def test_a_sign_in_refused_while_an_outcome_is_looked_for_pauses_the_channel(
    records: Records, pattern: str, status: int, name: str
) -> None:
    desk = records.desk
    desk.front.on(pattern, _then_nobody_is_let_in(desk, status))
    with pytest.raises(DeskError):
        WRITING[name](records)
    assert _is_paused(desk)


def test_a_sign_in_refused_while_an_order_is_looked_for_pauses_the_channel(records: Records) -> None:
    desk = records.desk
    desk.front.on(PLACE, _then_nobody_is_let_in(desk, 0))
    place(desk.store, records.cart, records.choice, "Anna")
    assert _is_paused(desk)


def test_a_guests_address_that_is_refused_for_the_sign_in_pauses_the_channel(records: Records) -> None:
    desk = records.desk
    desk.front.on(r"POST .*/billing-address$", REFUSED)
    with pytest.raises(DeskError):
        WRITING["start a cart for a guest"](records)
    assert _is_paused(desk)
