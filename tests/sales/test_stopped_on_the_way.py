"""A web server or a firewall that stops one kind of call does not stop the channel that everybody works with."""

from __future__ import annotations

import pytest

from crm_core.errors import ShopRefused, WrongAddress
from crm_core.sales.order_actions import Comment, act
from crm_core.sales.outcomes import Placed
from crm_core.sales.preflight.check import Code, Verdict
from crm_core.sync.channels import channel_by_id
from tests.sales.desk import Desk, answered
from tests.sales.preflight.shop_side import check


def _is_paused(desk: Desk) -> bool:
    return channel_by_id(desk.store, desk.channel.id).paused_at is not None


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_sku_that_a_web_server_does_not_let_through_leaves_its_figures_untold(desk: Desk) -> None:
    cart = desk.add_cart(("BOOK 01", 2))
    desk.shop.set_stock("BOOK 01", 1)
    desk.front.on(r"BOOK%2001", answered(404, b"<html>Not Found</html>", "text/html"))
    told = check(desk, cart)
    assert [each.verdict for each in told.of(Code.SHORT)] == [Verdict.FAIL]
    assert not _is_paused(desk)


def test_a_person_who_meets_a_shop_under_deployment_does_not_pause_the_channel_of_everybody(desk: Desk) -> None:
    cart = desk.add_cart()
    desk.front.on("GET", answered(404, b"File not found.", "text/html"))
    with pytest.raises(WrongAddress, match="try later"):
        desk.synchronise(cart)
    assert not _is_paused(desk)
    desk.front.calm()
    desk.synchronise(cart)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_text_that_a_firewall_stops_is_refused_and_says_so(desk: Desk) -> None:
    placed = desk.place(desk.add_cart())
    assert isinstance(placed, Placed)
    desk.front.on(r"POST .*/comments$", answered(403, b"<html>Blocked</html>", "text/html"))
    with pytest.raises(ShopRefused, match="firewall"):
        act(desk.store, placed.order_key, Comment("<script>"), "Maja")
    assert not _is_paused(desk)
