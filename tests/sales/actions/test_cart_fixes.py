"""Who may change a cart, and when, against the demo store over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from sqlalchemy import update

from crm_core.errors import (
    ChangedMeanwhile,
    NotAllowed,
    NotFound,
    PermissionMissing,
    ShopUnavailable,
)
from crm_core.sales.cart_fixes import (
    AddLine,
    RemoveLine,
    SetQuantity,
    change_of,
    mend,
)
from crm_core.sales.decisions import mark_lost
from crm_core.sales.outcomes import Placed
from crm_core.sales.preflight.check import Code, Verdict
from crm_core.settings import settings
from crm_core.store import tables
from demo_store.service import Request, Response
from tests.sales.actions.cart_changes import (
    WRITE,
    events_of,
    in_shop,
    mended,
    on_sqlite,
    preflight_of,
    set_to,
    writes_to,
)
from tests.sales.desk import PLACE, Desk, answered, before


@on_sqlite
def test_a_missing_permission_and_a_shop_that_is_away_change_nothing(desk: Desk) -> None:
    cart_id = desk.add_cart()
    body = {"message": "%resources", "parameters": {"resources": "Magento_Cart::manage"}}
    desk.front.on(WRITE, answered(401, json.dumps(body).encode()))
    with pytest.raises(PermissionMissing):
        mended(desk, cart_id, AddLine("BOOK 01", Decimal(1)))
    desk.front.on(WRITE, answered(429, b'{"message":"Too Many Requests"}'))
    with pytest.raises(ShopUnavailable, match="Nothing was done"):
        mended(desk, cart_id, AddLine("BOOK 01", Decimal(1)))
    assert [kind for kind, _, _ in events_of(desk, cart_id)] == ["refused", "refused"]
    assert in_shop(desk, cart_id) == {"MUG-01": 2}


@pytest.mark.parametrize("case", ["lost", "read-only", "paused", "purchased", "nobody", "unknown"])
def test_a_cart_is_changed_only_as_it_may_be_ordered(desk: Desk, case: str) -> None:
    cart_id = desk.add_cart()
    change = set_to(desk, cart_id, 5)
    values: dict[str, Any] = {}
    if case == "lost":
        mark_lost(desk.store, desk.key(cart_id), "No answer", "Ben")
    elif case == "purchased":
        assert isinstance(desk.place(cart_id), Placed)
    elif case == "read-only":
        values = {"allow_writes": False}
    elif case == "paused":
        values = {"paused_at": datetime.now(UTC), "paused_reason": "The token is wrong."}
    if values:
        with desk.store.writing() as connection:
            connection.execute(update(tables.channel).values(**values))
    asked = len(desk.front.asked)
    key = desk.key(cart_id) + (case == "unknown")
    with pytest.raises(NotFound if case == "unknown" else NotAllowed):
        mend(desk.store, key, change, "" if case == "nobody" else "Anna")
    assert len(desk.front.asked) == asked


@on_sqlite
def test_a_cart_that_was_ordered_meanwhile_is_noticed_before_anything_is_written(desk: Desk) -> None:
    cart_id = desk.add_cart()
    desk.shop.place(cart_id)
    with pytest.raises(NotAllowed, match="Already ordered"):
        mended(desk, cart_id, AddLine("BOOK 01", Decimal(1)))
    assert writes_to(desk) == []


@on_sqlite
@pytest.mark.parametrize("is_taken", [True, False])
def test_a_change_is_not_sent_once_reading_took_so_long_that_another_may_be_at_the_cart(
    desk: Desk, is_taken: bool
) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))

    def slow(_request: Request, work: Callable[[], Response]) -> Response:
        desk.front.calm()
        clock.shift(timedelta(seconds=settings().longest_write + 1))
        if is_taken:
            mended(desk, cart_id, set_to(desk, cart_id, 3), "Ben")
        return work()

    desk.front.on(r"GET .*/carts/search", slow)
    with time_machine.travel(datetime.now(UTC)) as clock, pytest.raises(NotAllowed, match="Nothing more was sent"):
        mended(desk, cart_id, AddLine("BOOK 01", Decimal(1)), "Anna")
    assert in_shop(desk, cart_id) == {"MUG-01": 3 if is_taken else 1}
    assert [person for _, person, _ in events_of(desk, cart_id)] == ["Ben"] * is_taken


@on_sqlite
def test_nobody_is_let_at_a_cart_while_a_change_of_it_may_still_be_on_its_way(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 1))
    told: list[str] = []

    def slow_to_read(_request: Request, work: Callable[[], Response]) -> Response:
        desk.front.calm()
        desk.front.on(WRITE, slow_to_write)
        clock.shift(timedelta(seconds=settings().longest_write - 5))
        return work()

    def slow_to_write(_request: Request, work: Callable[[], Response]) -> Response:
        clock.shift(timedelta(seconds=settings().longest_write - 5))
        with pytest.raises(NotAllowed) as caught:
            mended(desk, cart_id, set_to(desk, cart_id, 3), "Ben")
        told.append(str(caught.value))
        return work()

    desk.front.on(r"GET .*/carts/search", slow_to_read)
    with time_machine.travel(datetime.now(UTC)) as clock:
        mended(desk, cart_id, set_to(desk, cart_id, 2), "Anna")
    assert told == ["Anna is changing this cart at the moment. Try again shortly."]
    assert in_shop(desk, cart_id) == {"MUG-01": 2}


@on_sqlite
def test_of_two_people_at_one_cart_the_second_is_told_who_is_first(desk: Desk) -> None:
    cart_id = desk.add_cart()
    told: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(NotAllowed) as caught:
            mended(desk, cart_id, AddLine("BOOK 02", Decimal(1)), "Ben")
        told.append(str(caught.value))

    desk.front.on(WRITE, before(meanwhile))
    mended(desk, cart_id, AddLine("BOOK 01", Decimal(1)))
    assert told == ["Anna is changing this cart at the moment. Try again shortly."]
    assert in_shop(desk, cart_id) == {"MUG-01": 2, "BOOK 01": 1}


def test_nobody_orders_a_cart_while_it_is_changed_nor_changes_one_while_it_is_ordered(desk: Desk) -> None:
    cart_id = desk.add_cart()
    choice = desk.choice(cart_id)
    told: list[str] = []

    def told_to(act: Callable[[], object]) -> None:
        with pytest.raises(NotAllowed) as caught:
            act()
        told.append(str(caught.value))

    desk.front.on(WRITE, before(lambda: told_to(lambda: desk.place(cart_id, choice, "Ben"))))
    mended(desk, cart_id, set_to(desk, cart_id, 3))
    assert desk.shop.orders_of(cart_id) == []

    desk.front.calm()
    choice = desk.choice(cart_id)
    desk.front.on(PLACE, before(lambda: told_to(lambda: mended(desk, cart_id, AddLine("BOOK 01", Decimal(1)), "Anna"))))
    assert isinstance(desk.place(cart_id, choice, "Ben"), Placed)
    assert told == [
        "Anna is changing this cart at the moment. Try again shortly.",
        "Ben is placing the order (started just now). Wait for the outcome.",
    ]


@on_sqlite
def test_the_fixes_of_a_preflight_mend_what_it_found(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 5), ("BOOK 01", 1), ("RARE-01", 3), coupon="WELCOME10")
    desk.shop.set_sale_limits("MUG-01", minimum=10)
    desk.shop.disable_product("BOOK 01")
    desk.shop.set_stock("RARE-01", 2)
    desk.shop.set_coupon("WELCOME10", expires="2020-01-01 00:00:00")
    done: set[Code] = set()
    for _ in range(6):
        wrong = [check for check in preflight_of(desk, cart_id).checks if check.verdict in (Verdict.FAIL, Verdict.LOOK)]
        found = [(check.code, change) for check in wrong for fix in check.fixes if (change := change_of(fix))]
        if not found:
            break
        code, change = found[0]
        done.add(code)
        mended(desk, cart_id, change)
    assert done >= {Code.HIDDEN_LINE, Code.BELOW_MINIMUM, Code.SHORT, Code.COUPON}
    assert preflight_of(desk, cart_id).blocking == ()
    assert isinstance(desk.place(cart_id), Placed)
    assert in_shop(desk, cart_id) == {"MUG-01": 10, "RARE-01": 2}


@on_sqlite
@pytest.mark.parametrize(
    ("kind", "is_hidden", "left"),
    [
        (SetQuantity, False, {"MUG-01": 3, "BOOK 01": 1}),
        (RemoveLine, False, {"BOOK 01": 1}),
        (RemoveLine, True, {"BOOK 01": 1}),
    ],
)
def test_a_fix_leaves_a_line_that_somebody_changed_after_the_check_and_the_next_checks_fix_mends_it(
    desk: Desk, kind: type[SetQuantity | RemoveLine], is_hidden: bool, left: dict[str, float]
) -> None:
    cart_id = desk.add_cart(("MUG-01", 7), ("BOOK 01", 1))

    def fix() -> SetQuantity | RemoveLine:
        """The fix once the line is hidden, or once only three pieces are left."""
        if is_hidden:
            desk.shop.disable_product("MUG-01")
        desk.shop.set_stock("MUG-01", 3)
        changes = [change_of(fix) for check in preflight_of(desk, cart_id).checks for fix in check.fixes]
        return next(change for change in changes if isinstance(change, kind))

    desk.synchronise(cart_id)
    found = fix()
    desk.shop.set_stock("MUG-01", 100)
    desk.shop.enable_product("MUG-01")
    desk.shop.set_qty(cart_id, "MUG-01", 5)
    desk.synchronise(cart_id)
    again = fix()
    sent = len(writes_to(desk))
    with pytest.raises(ChangedMeanwhile, match=r"holds 5 × .* now, not 7"):
        mended(desk, cart_id, found, "Ben")
    assert len(writes_to(desk)) == sent
    mended(desk, cart_id, again, "Ben")
    assert in_shop(desk, cart_id) == left
