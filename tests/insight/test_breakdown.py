"""The rows under which a grand total stands add up to it, in every order and cart that was recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from crm_core.insight.breakdown import Compared, TotalRow, breakdown, compare
from crm_core.insight.order_record import OrderRecord, order_record
from crm_core.magento import payloads
from crm_core.store.database import Store
from crm_core.store.documents import Totals, TotalsSegment
from crm_core.sync.cart_totals import totals_document
from tests.insight.factories import Rows, two_shops
from tests.recorded import exchanges, recorded_exchanges

_AMOUNTS = ("subtotal", "tax_amount", "shipping_amount", "discount_amount", "grand_total", "base_grand_total")
_LINE = (
    *("price", "price_incl_tax", "row_total", "row_total_incl_tax", "tax_amount", "discount_amount"),
    *("base_price", "base_row_total", "qty_ordered"),
)


def _answers() -> Iterator[Any]:
    for one in recorded_exchanges().values():
        yield one["response"]["body"]
    for one in exchanges("amounts").values():
        yield one["answer"]


def _recorded_orders() -> dict[str, dict[str, Any]]:
    """Every recorded order by its number, as it was when it was recorded last."""
    bodies = [body for body in _answers() if isinstance(body, dict)]
    found = [one for body in bodies for one in (body, *(body.get("items") or ())) if isinstance(one, dict)]
    return {one["increment_id"]: one for one in found if {"increment_id", "quote_id", "subtotal"} <= one.keys()}


def _recorded_totals() -> list[Totals]:
    bodies = [body for body in _answers() if isinstance(body, dict) and "total_segments" in body]
    return [totals_document(msgspec.convert(body, payloads.Totals), "EUR") for body in bodies]


def _money(record: dict[str, Any], name: str) -> Decimal:
    return Decimal(str(record.get(name) or 0))


def _put(rows: Rows, order: dict[str, Any]) -> int:
    totals: dict[str, Any] = {name: _money(order, name) for name in _AMOUNTS}
    key = rows.order(**totals)
    for item in order["items"]:
        amounts = {name: _money(item, name) for name in _LINE}
        kind, parent = item["product_type"], item.get("parent_item_id")
        rows.order_line(key, item["item_id"], product_type=kind, parent_item_id=parent, **amounts)
    return key


def _sum(rows: Sequence[TotalRow]) -> Decimal:
    return sum((row.amount for row in rows if not row.is_included), Decimal(0))


def _told(rows: Sequence[TotalRow]) -> list[tuple[str, str]]:
    return [(row.label, f"{row.amount:.2f}") for row in rows]


@pytest.fixture(scope="module")
def orders() -> dict[str, dict[str, Any]]:
    return _recorded_orders()


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_the_lines_of_every_recorded_order_and_its_shipping_are_what_the_customer_pays(
    store: Store, orders: dict[str, dict[str, Any]]
) -> None:
    rows = two_shops(store)
    keys = {number: _put(rows, order) for number, order in orders.items()}
    rows.write()
    discounted = 0
    for number, order in orders.items():
        record = order_record(store, keys[number])
        shipping = _money(order, "shipping_incl_tax") - _money(order, "shipping_discount_amount")
        lines = sum((line.total for line in record.lines), Decimal(0))
        assert lines + shipping == _money(order, "grand_total"), number
        assert _sum(record.breakdown) == _money(order, "grand_total"), number
        assert "rest" not in {row.code for row in record.breakdown}, number
        discounted += bool(order.get("discount_amount"))
    assert discounted == 21, "all that were recorded with a discount"


def _record(store: Store, order: dict[str, Any]) -> OrderRecord:
    rows = two_shops(store)
    key = _put(rows, order)
    rows.write()
    return order_record(store, key)


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_an_order_whose_discount_holds_tax_is_told_with_tax(store: Store, orders: dict[str, dict[str, Any]]) -> None:
    record = _record(store, orders["000000159"])
    assert [f"{line.total:.2f}" for line in record.lines] == ["33.30", "9.13"]
    assert _told(record.breakdown) == [
        ("Subtotal with tax", "46.25"),
        ("Discount", "-3.82"),
        ("Shipping with tax", "20.00"),
        ("Tax, included", "10.83"),
    ]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_an_order_whose_discount_is_without_tax_is_told_without(
    store: Store, orders: dict[str, dict[str, Any]]
) -> None:
    told = _told(_record(store, orders["000000160"]).breakdown)
    assert told == [("Subtotal", "46.25"), ("Discount", "-4.63"), ("Shipping", "20.00"), ("Tax", "8.74")]


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_bundle_that_is_priced_by_its_parts_comes_to_what_they_come_to(store: Store) -> None:
    rows = two_shops(store)
    key = rows.order()
    whole = {"row_total": Decimal(100), "row_total_incl_tax": Decimal(118), "discount_amount": Decimal(0)}
    part = {"row_total": Decimal(45), "row_total_incl_tax": Decimal(54), "discount_amount": Decimal(5)}
    rows.order_line(key, 1, product_type="bundle", **whole)
    rows.order_line(key, 2, parent_item_id=1, **part)
    rows.order_line(key, 3, parent_item_id=1, **part)
    rows.write()
    (line,) = order_record(store, key).lines
    assert line.total == 108


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_a_line_without_a_total_with_tax_comes_to_its_total_and_its_tax(store: Store) -> None:
    rows = two_shops(store)
    key = rows.order()
    rows.order_line(key, row_total=Decimal(27), tax_amount=Decimal("5.67"), discount_amount=Decimal(3))
    rows.write()
    (line,) = order_record(store, key).lines
    assert line.total == Decimal("32.67")


def test_the_rows_of_every_recorded_cart_add_up() -> None:
    recorded = _recorded_totals()
    assert len(recorded) > 20
    for totals in recorded:
        rows = breakdown(totals)
        assert _sum(rows) == totals.grand_total, totals
        assert "rest" not in {row.code for row in rows}, totals
        assert {row.title for row in rows} <= {each.title for each in totals.segments}, "the shop's own words"


def _totals(name: str) -> Totals:
    return totals_document(msgspec.convert(exchanges("amounts")[name]["answer"], payloads.Totals), "EUR")


def test_taxed_shipping_is_told_with_tax_where_the_subtotal_is() -> None:
    # The shop's own rows tell the subtotal with tax and the shipping without: with the tax 69.79, without it 58.96.
    assert _told(breakdown(_totals("pf29_03_totals"))) == [
        ("Subtotal with tax", "46.25"),
        ("Discount", "-3.82"),
        ("Shipping with tax", "20.00"),
        ("Tax, included", "10.83"),
    ]


def test_taxed_shipping_is_told_without_tax_where_the_subtotal_is() -> None:
    hundred, shipping, tax = Decimal(100), Decimal(10), Decimal("23.1")
    told = Totals(
        currency="EUR",
        grand_total=Decimal("133.1"),
        subtotal=hundred,
        items_qty=Decimal(1),
        subtotal_incl_tax=Decimal(121),
        shipping_amount=shipping,
        shipping_incl_tax=Decimal("12.1"),
        tax_amount=tax,
        segments=[TotalsSegment("subtotal", "Subtotal", hundred)],
    )
    assert _told(breakdown(told)) == [("Subtotal", "100.00"), ("Shipping", "10.00"), ("Tax", "23.10")]
    shown_with_tax = replace(told, segments=[TotalsSegment("subtotal", "Subtotal", Decimal(121))])
    assert [row.label for row in breakdown(shown_with_tax)] == [
        "Subtotal with tax",
        "Shipping with tax",
        "Tax, included",
    ]


def _plain(grand_total: str, *segments: TotalsSegment) -> Totals:
    return Totals(
        currency="EUR",
        grand_total=Decimal(grand_total),
        subtotal=Decimal(100),
        items_qty=Decimal(1),
        tax_amount=Decimal(21),
        segments=list(segments),
    )


def test_an_extensions_row_counts_if_the_total_holds_it() -> None:
    card = TotalsSegment("giftcardaccount", "Gift card", Decimal(-50))
    points = TotalsSegment("points", "Points earned", Decimal(7))
    assert _told(breakdown(_plain("71", card))) == [("Subtotal", "100.00"), ("Gift card", "-50.00"), ("Tax", "21.00")]
    assert _told(breakdown(_plain("121", points))) == [("Subtotal", "100.00"), ("Tax", "21.00")]


def test_what_no_row_explains_is_told_apart() -> None:
    rows = breakdown(_plain("116"))
    assert _told(rows) == [("Subtotal", "100.00"), ("Tax", "21.00"), ("Other", "-5.00")]
    assert _sum(rows) == 116


def test_two_times_stand_side_by_side() -> None:
    before = (TotalRow("subtotal", "", Decimal(100)), TotalRow("tax", "", Decimal(21)))
    discount, tax = TotalRow("discount", "", Decimal(-10)), TotalRow("tax", "", Decimal("18.9"))
    assert compare(before, (before[0], tax, discount)) == [
        Compared(before[0], Decimal(100), Decimal(100)),
        Compared(discount, Decimal(0), Decimal(-10)),
        Compared(tax, Decimal(21), Decimal("18.9")),
    ]
    with_tax = TotalRow("subtotal", "", Decimal(121), holds_tax=True)
    assert compare(before, (with_tax,)) == [
        Compared(before[0], Decimal(100), None),
        Compared(with_tax, None, Decimal(121)),
        Compared(before[1], Decimal(21), Decimal(0)),
    ]
