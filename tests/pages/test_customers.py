"""The list of customers and the page of one, as people see them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, insert, select, update

from crm_core.insight.filters import Filter
from crm_core.insight.grids import customer_page
from crm_core.insight.sorting import DEFAULT_SORT
from crm_core.store import tables
from crm_core.store.documents import Address, encode
from crm_core.store.keys import origin_of, record_key
from tests.pages.conftest import Desk
from tests.pages.screens import is_well, params_of, words_of


def _buyer(desk: Desk) -> int:
    """The key of the customer with the most orders."""
    order = tables.order.c
    query = select(order.customer_id).where(order.customer_id.is_not(None), order.state != "canceled")
    return int(desk.rows(query.group_by(order.customer_id).order_by(func.count().desc()).limit(1))[0][0])


def test_customers_are_listed_newest_first_with_what_they_bought(desk: Desk) -> None:
    at = desk.open("customers")
    assert is_well(at)
    page = customer_page(desk.store, Filter("customers"), DEFAULT_SORT["customers"])
    grid = at.dataframe[0].value
    assert list(grid["email"]) == [row.email for row in page.rows]
    assert any(each.startswith("€") for each in grid["value"].dropna())  # the newest have bought nothing yet
    assert f"**{page.matching}** of {page.total:,} customers" in words_of(at)
    assert "Created, newest first" in words_of(at)


def test_the_popovers_of_customers_write_the_same_address_as_the_keyboard(desk: Desk) -> None:
    at = desk.open("customers")
    for popover in ("channel", "dates", "group", "more"):
        at.session_state[f"popover-{popover}"] = True
    at.run()
    assert is_well(at)
    at.multiselect(key="filter-groups").set_value([record_key(1, 1)]).run()
    at.multiselect(key="filter-websites").set_value([record_key(1, 1)]).run()
    at.pills(key="filter-created").set_value("90d").run()
    at.pills(key="filter-newsletter").set_value(True).run()
    assert is_well(at)
    typed, _ = Filter.from_text("customers", "group:1.1 website:1.1 created:90d newsletter:yes")
    assert params_of(at) == typed.to_url()


def test_deleted_customers_are_shown_apart(desk: Desk) -> None:
    key = _buyer(desk)
    desk.do(update(tables.customer).where(tables.customer.c.id == key).values(gone_at=datetime.now(UTC)))
    at = desk.open("customers", deleted="yes")
    assert len(at.dataframe[0].value) == 1
    at = desk.open("customer", id=str(key))
    assert "no longer has this customer" in words_of(at)


def test_a_customer_shows_carts_orders_products_and_addresses(desk: Desk) -> None:
    key = _buyer(desk)
    at = desk.open("customer", id=str(key))
    assert is_well(at)
    words = words_of(at)
    for label in ("Bought, less refunds", "Average order", "Orders", "Products bought", "Address book", "Timeline"):
        assert label in words
    orders = desk.rows(select(func.count()).where(tables.order.c.customer_id == key))[0][0]
    assert len(at.dataframe[-1].value) == min(orders, 50)
    row = desk.rows(select(tables.customer).where(tables.customer.c.id == key))[0]
    assert row.lastname in at.title[0].value


def test_a_customer_who_never_bought_says_so_in_every_part(desk: Desk) -> None:
    origin_id = desk.shop.add_customer(f"new{datetime.now(UTC).timestamp():.0f}@example.test")
    desk.read("customers")
    at = desk.open("customer", id=str(record_key(1, origin_id)))
    assert is_well(at)
    words = words_of(at)
    assert "No cart of this customer" in words
    assert "No order of this customer" in words
    assert "Nothing yet" in words


def test_a_customer_of_very_many_carts_and_a_very_long_name_stays_readable(desk: Desk) -> None:
    key = _buyer(desk)
    one = dict(desk.rows(select(tables.cart).limit(1))[0]._mapping)
    many = [
        {**one, "id": record_key(1, 900_000 + at), "origin_id": 900_000 + at, "customer_id": key} for at in range(60)
    ]
    desk.do(insert(tables.cart).values(many))
    desk.do(update(tables.customer).where(tables.customer.c.id == key).values(lastname="x" * 10_000))
    at = desk.open("customer", id=str(key))
    assert is_well(at)
    assert len(at.title[0].value) < 200
    assert not desk.rows(select(tables.saved_filter)), "looking at a customer writes nothing"
    assert "The newest 50 of" in at.button(key="all-carts").label


def test_every_address_of_a_long_book_can_be_seen(desk: Desk) -> None:
    key = _buyer(desk)
    book = encode([Address(street=[f"Lane {at}"], city=f"Town {at}", country_id="NL") for at in range(9)])
    desk.do(update(tables.customer).where(tables.customer.c.id == key).values(addresses=book))
    at = desk.open("customer", id=str(key))
    assert "9 addresses" in words_of(at)
    assert [each.label for each in at.expander if "address" in each.label] == ["5 more addresses"]
    for number in range(9):
        assert f"Town {number}" in words_of(at)


def test_synchronise_tells_what_changed_with_the_customer(desk: Desk) -> None:
    key = record_key(1, desk.shop.add_customer(f"kim{datetime.now(UTC).timestamp():.0f}@example.test"))
    desk.read("customers")
    at = desk.open("customer", id=str(key))
    desk.shop.subscribe(origin_of(key)[1], True)
    at.button(key="synchronise").click().run()
    assert is_well(at)
    assert "Subscribed to the newsletter" in words_of(at)
    desk.shop.delete_customer(origin_of(key)[1])
    at.button(key="synchronise").click().run()
    assert "no longer has" in words_of(at)


def test_a_cart_and_an_order_lead_to_their_customer_and_a_guests_to_nobody(desk: Desk) -> None:
    cart = desk.rows(select(tables.cart).where(tables.cart.c.customer_id.is_not(None)).limit(1))[0]
    order = desk.rows(select(tables.order).where(tables.order.c.customer_id.is_not(None)).limit(1))[0]
    for screen, row in (("cart", cart), ("order", order)):
        links = str([link.proto for link in desk.open(screen, id=str(row.id)).get("page_link")])
        assert f"id={row.customer_id}" in links
    guest = desk.cart(is_guest=True)
    assert "customer" not in str([link.proto.page for link in desk.open("cart", id=str(guest)).get("page_link")])


def test_a_customer_that_does_not_exist_is_told_so_with_a_way_back(desk: Desk) -> None:
    for id_ in ("999999", "x", ""):
        at = desk.open("customer", id=id_)
        assert not at.exception
        assert at.warning
        assert "Customers" in str([link.proto.label for link in at.get("page_link")])
