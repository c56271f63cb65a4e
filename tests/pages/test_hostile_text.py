"""Whatever a shop or a person wrote is shown as it is, on every screen: never as a link, a picture or a colour."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, update

from crm_core.store import tables
from crm_core.store.documents import Address, Comment, Option, Totals, TotalsSegment, encode
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, markdown_of

HOSTILE = (
    "**evil** [evil](http://evil.example) ![evil](http://evil.example/x.png) <img src=x onerror=alert(1)> "
    "www.evil.example evil@evil.example :material/home: :smile: :red[evil] $evil$ `evil` ~~evil~~ -> =HYPERLINK(1)"
)
_LIVE = re.compile(
    r"\*\*evil\*\*|\]\(http|(?<!\\)<img|(?<!\\)\[evil|www\.evil|evil@evil|evil\.example|(?<!\\):material/home|(?<!\\):smile|"
    r"(?<!\\):red\[evil|(?<!\\)\$evil|(?<!\\)`evil|(?<!\\)~~evil"
)


@pytest.fixture
def hostile(desk: Desk) -> Desk:
    """A desk where every text that a shop or a person can write is hostile."""
    now = datetime.now(UTC)
    address = Address(
        firstname=HOSTILE, company=HOSTILE, street=[HOSTILE], city=HOSTILE, region=HOSTILE, telephone=HOSTILE
    )
    person = {"firstname": HOSTILE, "lastname": HOSTILE, "email": HOSTILE}
    addresses = {"billing_address": encode(address), "shipping_address": encode(address), "billing_region": HOSTILE}
    totals = Totals("EUR", 1, 1, 1, coupon_code=HOSTILE, segments=[TotalsSegment("x", HOSTILE, 1)])  # type: ignore[arg-type]
    desk.do(update(tables.channel).values(name=HOSTILE[:80]))
    desk.do(update(tables.store_view).values(name=HOSTILE))
    desk.do(update(tables.website).values(name=HOSTILE))
    desk.do(update(tables.customer_group).values(code=HOSTILE))
    desk.do(update(tables.customer).values(**person, addresses=encode([address])))
    desk.do(
        update(tables.cart).values(
            **person, **addresses, shipping_method=HOSTILE, coupon_code=HOSTILE, lost_by=HOSTILE, lost_reason=HOSTILE,
            lost_at=now, activity_after_lost_at=now, totals=encode(totals), grand_total=1, totals_read_at=now,
        )
    )  # fmt: skip
    desk.do(update(tables.cart_item).values(name=HOSTILE, sku=HOSTILE[:64], options=encode([Option(HOSTILE, HOSTILE)])))
    comment = Comment(created_at=now, status="x", comment=HOSTILE)
    desk.do(
        update(tables.order).values(
            **person, **addresses, coupon_code=HOSTILE, discount_description=HOSTILE, discount_amount=-1,
            payment_title=HOSTILE, po_number=HOSTILE, shipping_description=HOSTILE, remote_ip=HOSTILE,
            placed_by=HOSTILE, comments=encode([comment]), increment_id=HOSTILE,
        )
    )  # fmt: skip
    desk.do(update(tables.order_item).values(name=HOSTILE, sku=HOSTILE))
    for entity, table in (("cart", tables.cart), ("order", tables.order)):
        events = [
            {"entity": entity, "record_id": row.id, "at": now, "kind": HOSTILE[:20], "person": HOSTILE, "text": HOSTILE}
            for row in desk.rows(select(table.c.id))
        ]
        desk.do(insert(tables.record_event).values(events))
    tried = {"person": HOSTILE, "state": "refused", "holds": False, "claimed_at": now, "lookups": 0, "channel_id": 1}
    tried |= {"message": HOSTILE, "reason": HOSTILE[:24], "alarm": HOSTILE, "currency": "EUR", "shown_grand_total": 1}
    tried |= {"order_increment_id": HOSTILE, "settled_at": now}
    carts = desk.rows(select(tables.cart.c.shop_id, tables.cart.c.origin_id))
    desk.do(
        insert(tables.attempt).values([{**tried, "shop_id": r.shop_id, "cart_origin_id": r.origin_id} for r in carts])
    )
    desk.do(
        insert(tables.quarantine).values(
            channel_id=1, entity="carts", origin_id=1, reason=HOSTILE, first_seen_at=now, last_tried_at=now
        )
    )
    desk.do(update(tables.sync_state).values(last_error=HOSTILE))
    return desk


@pytest.mark.parametrize(
    "screen",
    ["", "carts", "orders", "customers", "attempts", "channels", "open", "lost", "purchased", "order", "customer"],
)
def test_hostile_text_is_never_markup(hostile: Desk, screen: str) -> None:
    if screen in {"open", "purchased"}:
        at = hostile.open("cart", id=str(hostile.cart(status=screen)))
    elif screen == "lost":
        key = hostile.cart(status="open")
        hostile.do(update(tables.cart).where(tables.cart.c.id == key).values(status="lost"))
        at = hostile.open("cart", id=str(key))
    elif screen == "order":
        at = hostile.open("order", id=str(hostile.order(state="complete")))
    elif screen == "customer":
        bought = tables.order.c.customer_id
        key = hostile.rows(select(bought).where(bought.is_not(None), tables.order.c.state == "complete"))[0].customer_id
        at = hostile.open("customer", id=str(key))
        at.session_state["admin-instead-customer"] = True
        at.run()
    else:
        at = hostile.open(screen)
    assert not at.exception
    assert is_well(at) or screen == "channels"
    texts = [text for text in markdown_of(at) if "evil" in text]
    assert texts
    for text in texts:
        assert not _LIVE.search(text), text


def test_hostile_text_is_never_markup_where_a_cart_is_edited(hostile: Desk) -> None:
    key = hostile.rows(select(tables.cart_item.c.cart_id).where(tables.cart_item.c.state == "present"))[0].cart_id
    hostile.do(update(tables.cart).where(tables.cart.c.id == key).values(status="open"))
    at = hostile.open("cart", id=str(key))
    at.button(key="open-editor-Items").click().run()
    for section in ("Items", "Coupon", "Addresses"):
        at.segmented_control(key="edit-section").set_value(section).run()
        assert not at.exception
        texts = [text for text in markdown_of(at) if "evil" in text]
        assert len(texts) > 3
        for text in texts:
            assert not _LIVE.search(text), text


def test_a_hostile_filter_is_shown_as_it_was_typed(desk: Desk) -> None:
    at = desk.open("carts")
    at.text_input(key="filter-text").set_value(HOSTILE).run()
    assert not at.exception
    for text in markdown_of(at):
        assert not _LIVE.search(text), text


def test_a_paused_channel_tells_its_reason_as_it_is(desk: Desk) -> None:
    desk.do(update(tables.channel).values(paused_at=datetime.now(UTC), paused_reason=HOSTILE))
    at = desk.open("channels")
    assert at.error
    for text in markdown_of(at):
        assert not _LIVE.search(text), text


def test_names_of_ten_thousand_characters_and_from_right_to_left_keep_the_screens_whole(desk: Desk) -> None:
    desk.do(update(tables.cart).values(firstname="ن" * 10_000, lastname="\u202eabc" * 2_000))
    for at in (desk.open("carts"), desk.open("cart", id=str(desk.cart(status="open")))):
        assert is_well(at)
        assert all(len(text) < 3_000 for text in markdown_of(at))
        assert "\u202e" not in "".join(markdown_of(at))
