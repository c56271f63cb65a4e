"""The desk's own reasons: a channel, a person, a permission or another's work that stops a cart stops its preflight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from crm_core.errors import NotAllowed, NotFound, SignInFailed
from crm_core.magento.auth import Bearer
from crm_core.sales import claims
from crm_core.sales.claims import Terms
from crm_core.sales.decisions import mark_lost
from crm_core.sales.journal import journalled
from crm_core.sales.obstacles import why_not
from crm_core.sales.preflight.check import Code, FixKind, Verdict
from crm_core.sales.preflight.run import preflight
from crm_core.store import tables
from crm_core.sync.channels import channel_by_name, pause
from crm_core.sync.setting_up import set_credentials
from tests.sales.desk import Desk, answered
from tests.sales.preflight.shop_side import check, in_step, on_sqlite, verdicts


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"allow_writes": False}, "read-only"),
        ({"paused_at": datetime(2026, 1, 1, tzinfo=UTC), "paused_reason": "Moving"}, "paused"),
    ],
)
@on_sqlite
def test_a_channel_that_may_not_write_blocks(desk: Desk, change: dict[str, object], words: str) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    with desk.store.writing() as connection:
        connection.execute(update(tables.channel).values(**change))
    [channel] = check(desk, cart).of(Code.CHANNEL)
    assert channel.verdict is Verdict.FAIL
    assert words in channel.title
    assert channel.fixes[0].arguments == {"channel_id": desk.channel.id}
    assert why_not(desk.store, desk.key(cart)) is not None


@on_sqlite
def test_a_paused_channel_is_asked_nothing(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    pause(desk.store, desk.channel.id, "Moving")
    asked = len(desk.front.asked)
    told = check(desk, cart)
    assert len(desk.front.asked) == asked
    assert told.reading is None
    assert told.summary == "1 thing to settle"


@on_sqlite
def test_a_channel_that_is_behind_is_to_be_looked_at(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    long_ago = datetime.now(UTC) - timedelta(hours=3)
    with desk.store.writing() as connection:
        connection.execute(update(tables.sync_state).values(last_success_at=long_ago))
    told = check(desk, cart)
    [channel] = told.of(Code.CHANNEL)
    assert channel.verdict is Verdict.LOOK
    assert "3 hours ago" in channel.detail
    assert told.summary.startswith("Can be placed · 1 thing to look at · ")


@on_sqlite
def test_a_sign_in_that_is_refused_pauses_the_channel(desk: Desk) -> None:
    cart = desk.add_cart()
    desk.front.on(r"GET .*", answered(401, b'{"message":"The account sign-in was incorrect."}'))
    with pytest.raises(SignInFailed):
        check(desk, cart)
    assert channel_by_name(desk.store, "Shop").paused_at is not None
    paused = check(desk, cart)
    assert verdicts(paused, Code.CHANNEL) == [Verdict.FAIL]
    assert paused.reading is None


@on_sqlite
def test_a_permission_that_is_missing_is_named_and_what_hangs_on_it_is_not_green(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    desk.shop.add_token("poor", {"Magento_Cart::manage", "Magento_Sales::actions_view", "Magento_Catalog::products"})
    set_credentials(desk.store, "Shop", Bearer("poor"), check_first=False)
    told = check(desk, cart)
    [permission] = told.of(Code.PERMISSION)
    assert permission.verdict is Verdict.UNKNOWN
    assert "Magento_InventorySalesApi::stock" in permission.title
    assert verdicts(told, Code.STOCK) == [Verdict.UNKNOWN]
    assert told.verdict is Verdict.UNKNOWN
    desk.shop.add_token("poorer", {"Magento_Sales::actions_view"})
    set_credentials(desk.store, "Shop", Bearer("poorer"), check_first=False)
    assert Verdict.FAIL in verdicts(check(desk, cart), Code.PERMISSION)
    set_credentials(desk.store, "Shop", Bearer("nobody"), check_first=False)


@on_sqlite
def test_nobody_and_nothing_unknown_is_checked(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    with pytest.raises(NotAllowed):
        preflight(desk.store, desk.key(cart), "")
    with pytest.raises(NotFound):
        preflight(desk.store, desk.key(cart + 99), "Anna")
    desk.shop.remove_token("demo")
    assert Verdict.FAIL in verdicts(check(desk, cart), Code.PERMISSION)


def test_another_persons_attempt_blocks_and_says_whose_it_is(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    claims.claim(
        desk.store, desk.key(cart), desk.channel.id, "Ben", Terms("EUR", Decimal(10), "flatrate_flatrate", "checkmo")
    )
    [attempt] = check(desk, cart).of(Code.ATTEMPT)
    assert attempt.verdict is Verdict.FAIL
    assert "Ben" in attempt.title


@on_sqlite
def test_a_cart_that_somebody_is_changing_is_not_green_since_placing_would_refuse(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    in_step(desk)
    choice = desk.choice(cart)
    with journalled(desk.store, "cart", desk.key(cart), kind="line", doing="Change a quantity", person="Ben"):
        told = check(desk, cart)
        [attempt] = told.of(Code.ATTEMPT)
        assert (told.verdict, attempt.verdict) == (Verdict.FAIL, Verdict.FAIL)
        assert attempt.detail.startswith("Ben is changing this cart")
        with pytest.raises(NotAllowed, match="Ben is changing this cart"):
            desk.place(cart, choice)
    assert check(desk, cart).verdict is Verdict.PASS


@on_sqlite
def test_a_cart_whose_order_was_deleted_in_the_shop_is_not_green_since_placing_would_refuse(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    desk.shop.place(cart)
    desk.synchronise(cart)
    [order] = desk.shop.orders_of(cart)
    desk.shop.delete_order(order)
    desk.shop.restore_cart(cart)
    in_step(desk)
    told = check(desk, cart)
    [deleted] = told.of(Code.CART)
    assert deleted.verdict is Verdict.FAIL
    assert deleted.fixes[0].arguments["order_key"] == desk.key(order)
    reason = why_not(desk.store, desk.key(cart))
    assert reason is not None
    assert reason.startswith("Already ordered")


@on_sqlite
def test_a_lost_cart_is_to_be_reopened_first(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    mark_lost(desk.store, desk.key(cart), "Bought elsewhere", "Ben")
    told = check(desk, cart)
    assert FixKind.REOPEN in {fix.kind for each in told.blocking for fix in each.fixes}
    assert told.verdict is Verdict.FAIL


@on_sqlite
def test_an_order_made_in_the_shop_meanwhile_is_linked_and_mirrored(desk: Desk) -> None:
    cart = desk.add_cart(("MUG-01", 2))
    order = desk.shop.order(desk.shop.place(cart))
    [status] = check(desk, cart).of(Code.CART)
    assert status.fixes[0].kind is FixKind.OPEN_ORDER
    assert status.fixes[0].arguments["increment_id"] == order["increment_id"]
    row = desk.row(cart)
    assert (row.status, row.order_id) == ("purchased", status.fixes[0].arguments["order_key"])
