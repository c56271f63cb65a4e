"""One cart and one order with everything around them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm_core.errors import NotFound
from crm_core.insight.cart_record import cart_record
from crm_core.insight.counts import Sum
from crm_core.insight.order_record import order_record
from crm_core.store.database import Store
from crm_core.store.documents import Address, Comment, Option, Totals, TotalsSegment, encode
from crm_core.store.keys import record_key
from tests.insight.factories import ago, two_shops


def test_a_cart_shows_its_lines_apart_by_what_became_of_them(store: Store) -> None:
    rows = two_shops(store)
    key = rows.cart(items_count=2, unavailable_count=1)
    rows.cart_line(key, 1, qty=Decimal("1.5"), base_price=Decimal("10.0001"), options=encode([Option("Colour", "Red")]))
    rows.cart_line(key, 2, state="removed", state_since=ago(hours=5))
    rows.cart_line(key, 3, state="unavailable")
    rows.write()
    record = cart_record(store, key)
    assert [[line.item_id for line in part] for part in (record.present, record.removed, record.unavailable)] == [
        [1],
        [2],
        [3],
    ]
    [line] = record.present
    assert (line.price, line.row_total) == (Decimal("10.0001"), Decimal("15.0002"))
    assert line.options == (Option("Colour", "Red"),)
    assert record.removed[0].state_since == ago(hours=5)


def test_a_cart_says_where_it_is_and_what_it_is_worth_in_both_currencies(store: Store) -> None:
    rows = two_shops(store)
    key = rows.cart(
        77,
        store_id=2,
        quote_currency="USD",
        base_to_quote_rate="1.1001",
        base_subtotal=Decimal("562.2500"),
        billing_address=encode(Address(city="Hamburg", street=["Elbchaussee 1"])),
    )
    rows.cart_line(key, 1, qty=Decimal(3), base_price=Decimal("24.0000"))
    rows.write()
    record = cart_record(store, key)
    assert [(line.price, line.row_total) for line in record.present] == [(Decimal("26.4024"), Decimal("79.2072"))]
    assert record.channel is not None
    assert record.store_view is not None
    assert (record.channel.name, record.store_view.name, record.origin_id) == ("Nordlicht", "Austrian", 77)
    assert (record.base_subtotal, record.about_subtotal) == (Decimal("562.25"), Decimal("618.5312"))
    assert (record.totals, record.grand_total, record.shipping_address) == (None, None, None)
    assert record.billing_address is not None
    assert record.billing_address.city == "Hamburg"


def test_totals_are_shown_as_they_were_read(store: Store) -> None:
    totals = Totals(
        currency="EUR",
        grand_total=Decimal("131.64"),
        subtotal=Decimal(120),
        items_qty=Decimal(2),
        segments=[TotalsSegment("tax", "Steuer", Decimal("11.64"))],
    )
    rows = two_shops(store)
    key = rows.cart(totals=encode(totals), grand_total=Decimal("131.64"), totals_read_at=ago(minutes=3))
    rows.write()
    record = cart_record(store, key)
    assert record.totals == totals
    assert (record.grand_total, record.totals_read_at) == (Decimal("131.64"), ago(minutes=3))


def test_cart_and_order_know_each_other_and_earlier_cancelled_orders(store: Store) -> None:
    rows = two_shops(store)
    cart_key, second = record_key(1, 5), record_key(1, 9)
    first = rows.order(8, cart_id=cart_key, state="canceled", status="canceled")
    rows.order(9, cart_id=cart_key, placed_by="maja")
    rows.cart(5, order_id=second, order_cancelled=False, status="purchased")
    rows.write()
    cart = cart_record(store, cart_key)
    assert cart.order is not None
    assert (cart.order.key, cart.order.is_cancelled) == (second, False)
    assert [(each.key, each.is_cancelled) for each in cart.orders] == [(second, False), (first, True)]
    order = order_record(store, second)
    assert order.cart is not None
    assert (order.cart.key, order.cart.origin_id, order.cart.status) == (cart_key, 5, "purchased")
    assert order_record(store, first).placed_by is None


def test_an_order_whose_cart_is_not_mirrored_has_no_link(store: Store) -> None:
    rows = two_shops(store)
    key = rows.order(8, cart_id=record_key(1, 4711))
    rows.write()
    assert order_record(store, key).cart is None


def test_children_of_a_configurable_line_stand_below_it(store: Store) -> None:
    rows = two_shops(store)
    key = rows.order()
    rows.order_line(key, 1, product_type="configurable")
    rows.order_line(key, 2, parent_item_id=1, row_total=Decimal(0))
    rows.order_line(key, 3, parent_item_id=99)
    rows.write()
    lines = order_record(store, key).lines
    assert [(line.item_id, [child.item_id for child in line.children]) for line in lines] == [(1, [2]), (3, [])]


def test_a_customer_comes_with_the_orders_that_count_and_their_value_per_currency(store: Store) -> None:
    rows = two_shops(store)
    customer = rows.customer(is_subscribed=True, addresses=encode([Address(city="Kiel")]))
    rows.group()
    key = rows.cart(customer_id=customer)
    rows.order(customer_id=customer, base_grand_total=Decimal(100), base_total_refunded=Decimal(25))
    rows.order(customer_id=customer, base_grand_total=Decimal(50))
    rows.order(customer_id=customer, base_grand_total=Decimal(70), base_currency="GBP")
    rows.order(customer_id=customer, base_grand_total=Decimal(900), state="canceled", status="canceled")
    rows.order(customer_id=customer, base_grand_total=Decimal(800), gone_at=ago(days=1))
    rows.order(base_grand_total=Decimal(700))
    rows.write()
    found = cart_record(store, key).customer
    assert (found.key, found.name, found.group, found.is_subscribed) == (customer, "Anna Keller", "General", True)
    assert (found.orders, found.value) == (3, (Sum("EUR", Decimal(125)), Sum("GBP", Decimal(70))))
    assert [address.city for address in found.addresses] == ["Kiel"]


def test_a_guest_is_known_by_the_address_that_guests_of_the_same_shop_gave(store: Store) -> None:
    rows = two_shops(store)
    key = rows.cart(is_guest=True, email="Guest@example.com", firstname=None)
    rows.order(is_guest=True, email="guest@EXAMPLE.com", base_grand_total=Decimal(40))
    rows.order(is_guest=True, shop_id=2, email="guest@example.com")
    rows.order(is_guest=False, email="guest@example.com")
    rows.order(is_guest=True, email="other@example.com")
    nameless = rows.cart(is_guest=True, email=None, firstname=None, lastname=None)
    rows.write()
    found = cart_record(store, key).customer
    assert (found.key, found.name, found.orders, found.value) == (None, "Keller", 1, (Sum("EUR", Decimal(40)),))
    nobody = cart_record(store, nameless).customer
    assert (nobody.name, nobody.email, nobody.orders, nobody.value) == ("", None, 0, ())


def test_the_timeline_holds_events_attempts_under_way_and_comments_newest_first(store: Store) -> None:
    rows = two_shops(store)
    cart_key = rows.cart(created_at=ago(days=9))
    rows.event("cart", cart_key, "Quantity of Fjell Parka 1 → 2", ago(hours=2))
    rows.event("cart", cart_key, "Marked lost: too dear", ago(hours=1), kind="lost", person="maja")
    rows.event("order", cart_key, "of an order with the same key", ago(hours=1))
    rows.attempt(cart_key, state="sent", holds=True, claimed_at=ago(minutes=1), settled_at=None)
    rows.attempt(cart_key, state="refused", claimed_at=ago(hours=3))
    comments = [Comment(created_at=ago(hours=4), comment="<b>Call</b>"), Comment(created_at=ago(hours=5))]
    order_key = rows.order(created_at=ago(days=1), comments=encode(comments), placed_by="tom")
    rows.write()
    cart = cart_record(store, cart_key)
    assert [(each.kind, each.person) for each in cart.timeline] == [
        ("placing", "maja"),
        ("lost", "maja"),
        ("changed", None),
        ("created", None),
    ]
    assert [each.state for each in cart.attempts] == ["refused", "sent"]
    order = order_record(store, order_key)
    assert [(each.kind, each.person, each.text) for each in order.timeline] == [
        ("comment", None, "<b>Call</b>"),
        ("placed", "tom", f"Order {order.increment_id} placed"),
    ]
    assert len(order.comments) == 2


def test_an_attempt_without_a_clear_answer_stands_in_the_timeline_once(store: Store) -> None:
    rows = two_shops(store)
    cart_key = rows.cart()
    said = "The order was sent once, and no clear answer came."
    rows.attempt(cart_key, state="unclear", holds=True, claimed_at=ago(minutes=1), settled_at=None, message=said)
    rows.event("cart", cart_key, said, ago(minutes=1), kind="unclear", person="maja")
    rows.write()
    timeline = cart_record(store, cart_key).timeline
    assert [each.kind for each in timeline if each.text == said] == ["unclear"]


def test_an_order_placed_through_the_desk_begins_its_timeline_once(store: Store) -> None:
    rows = two_shops(store)
    key = rows.order(created_at=ago(hours=1, seconds=2), placed_by="tom")
    rows.event("order", key, "Order 9 placed for 119.00 EUR.", ago(hours=1), kind="placed", person="tom")
    rows.write()
    assert [each.text for each in order_record(store, key).timeline] == ["Order 9 placed for 119.00 EUR."]


def test_an_order_shows_only_the_attempt_that_made_it(store: Store) -> None:
    rows = two_shops(store)
    cart_key = rows.cart(5)
    order_key = rows.order(9, cart_id=cart_key)
    rows.attempt(cart_key, state="refused")
    rows.attempt(cart_key, state="placed", holds=True, order_origin_id=9, placed_grand_total=Decimal(119))
    rows.write()
    [attempt] = order_record(store, order_key).attempts
    assert (attempt.state, attempt.order_key, attempt.placed_grand_total) == ("placed", order_key, Decimal(119))


@pytest.mark.parametrize(
    ("paid", "refunded", "standing"),
    [
        (None, None, "unpaid"),
        ("40", None, "partly paid"),
        ("119", "0", "paid"),
        ("119", "20", "partly refunded"),
        ("119", "119", "refunded"),
    ],
)
def test_an_order_says_what_came_in_for_it_and_what_went_back(
    store: Store, paid: str | None, refunded: str | None, standing: str
) -> None:
    rows = two_shops(store)
    key = rows.order(
        grand_total=Decimal(119), total_paid=paid and Decimal(paid), total_refunded=refunded and Decimal(refunded)
    )
    rows.write()
    assert order_record(store, key).payment == standing


@pytest.mark.parametrize(
    ("due", "canceled", "still"),
    [("119", None, "119"), ("119", "119", "0"), ("119", "20", "99"), ("0", "119", "0"), (None, None, "0")],
)
def test_nothing_is_due_of_what_was_cancelled(store: Store, due: str | None, canceled: str | None, still: str) -> None:
    rows = two_shops(store)
    key = rows.order(total_due=due and Decimal(due), total_canceled=canceled and Decimal(canceled))
    rows.write()
    assert order_record(store, key).still_due == Decimal(still)


@pytest.mark.parametrize("key", [0, -1, 99, record_key(1, 1), 2**62])
def test_an_id_that_does_not_exist_is_told_so(store: Store, key: int) -> None:
    for read in (cart_record, order_record):
        with pytest.raises(NotFound, match="list of"):
            read(store, key)


def test_a_record_whose_channel_and_store_view_are_unknown_is_shown_without_them(store: Store) -> None:
    rows = two_shops(store)
    rows.shop(3)
    cart_key, order_key = rows.cart(1, shop_id=3), rows.order(1, shop_id=3)
    rows.write()
    for record in (cart_record(store, cart_key), order_record(store, order_key)):
        assert (record.channel, record.store_view) == (None, None)
