"""Changes of a cart whose answer was lost, against the demo store over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from crm_core.errors import (
    OutcomeUnknown,
)
from crm_core.sales.cart_addresses import AddressKind
from crm_core.sales.cart_fixes import (
    AddLine,
    Change,
)
from tests.sales.actions.cart_changes import (
    WRITE,
    coupon,
    email,
    entered,
    events_of,
    in_shop,
    mended,
    on_sqlite,
    removal,
    set_to,
    writes_to,
)
from tests.sales.desk import Desk, dropped_after_the_work, dropped_before_the_work

SILENT: list[Callable[[Desk, int], Change]] = [
    lambda desk, cart_id: set_to(desk, cart_id, 5),
    lambda desk, cart_id: removal(desk, cart_id, "BOOK 01"),
    lambda _desk, _cart_id: AddLine("MUG-01", Decimal(1)),
    lambda desk, cart_id: coupon(desk, cart_id, "WELCOME10"),
    lambda desk, cart_id: entered(desk, cart_id, AddressKind.BOTH),
    lambda desk, cart_id: email(desk, cart_id, "ada@example.test"),
]


@on_sqlite
@pytest.mark.parametrize("change", SILENT)
def test_an_answer_that_was_lost_is_found_in_the_cart_and_nothing_is_sent_again(
    desk: Desk, change: Callable[[Desk, int], Change]
) -> None:
    cart_id = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1))
    desk.front.on(WRITE, dropped_after_the_work)
    wanted = change(desk, cart_id)
    assert mended(desk, cart_id, wanted).message
    assert len(writes_to(desk)) == 1
    assert [kind for kind, _, _ in events_of(desk, cart_id)] == [wanted.kind]


@on_sqlite
def test_a_hidden_line_whose_removal_was_not_answered_is_counted(desk: Desk) -> None:
    cart_id = desk.add_cart(("MUG-01", 2), ("BOOK 01", 1))
    desk.shop.disable_product("BOOK 01")
    desk.front.on(WRITE, dropped_before_the_work)
    with pytest.raises(OutcomeUnknown):
        mended(desk, cart_id, removal(desk, cart_id, "BOOK 01"))
    desk.front.on(WRITE, dropped_after_the_work)
    mended(desk, cart_id, removal(desk, cart_id, "BOOK 01"))
    assert in_shop(desk, cart_id) == {"MUG-01": 2}


@on_sqlite
def test_what_the_cart_does_not_show_stays_unclear(desk: Desk) -> None:
    cart_id = desk.add_cart(coupon="WELCOME10")
    desk.shop.set_coupon("MORE20", percent=20)
    desk.front.on(WRITE, dropped_before_the_work)
    with pytest.raises(OutcomeUnknown, match=r"does not show it so far.*had the coupon WELCOME10 before"):
        mended(desk, cart_id, coupon(desk, cart_id, "MORE20"))
    assert len(writes_to(desk)) == 1
    assert [kind for kind, _, _ in events_of(desk, cart_id)] == ["unclear"]
