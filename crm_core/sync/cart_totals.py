"""What a cart comes to in its shop: its totals, read by id, as the store keeps them with the time they were read."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import select, update

from crm_core.errors import BadRecord
from crm_core.magento import payloads
from crm_core.magento.payloads import exact
from crm_core.store import documents, tables
from crm_core.store.types import milliseconds_to_instant, money_to_units
from crm_core.sync.cart_mapping import MappedCart
from crm_core.sync.changes import address_parts_changed, amount_changed, value_changed
from crm_core.sync.channels import OpenShop
from crm_core.sync.lookups import rows_where
from crm_core.sync.transaction import Transaction

logger = logging.getLogger(__name__)

_CENT = Decimal("0.01")


def totals_document(totals: payloads.Totals, quote_currency: str) -> documents.Totals:
    """The totals as the store keeps them; `quote_currency` where they don't name their own.

    A segment that is no amount of money is left out. Raises BadRecord for any other figure.
    """

    def amount(value: float | None) -> Decimal:
        return exact(value or 0)

    def known(value: float | None) -> Decimal | None:
        return None if value is None else exact(value)

    return documents.Totals(
        currency=totals.quote_currency_code or quote_currency,
        grand_total=amount(totals.grand_total),
        subtotal=amount(totals.subtotal),
        items_qty=amount(totals.items_qty),
        subtotal_incl_tax=known(totals.subtotal_incl_tax),
        discount_amount=known(totals.discount_amount),
        shipping_amount=known(totals.shipping_amount),
        shipping_incl_tax=known(totals.shipping_incl_tax),
        tax_amount=known(totals.tax_amount),
        base_currency=totals.base_currency_code,
        base_subtotal=known(totals.base_subtotal),
        base_grand_total=known(totals.base_grand_total),
        coupon_code=totals.coupon_code or None,
        segments=list(_segments(totals.total_segments or ())),
        items=[
            documents.TotalsItem(
                item_id=item.item_id,
                name=item.name or "",
                qty=amount(item.qty),
                price=amount(item.price),
                row_total=amount(item.row_total),
                row_total_incl_tax=known(item.row_total_incl_tax),
                tax_amount=known(item.tax_amount),
                discount_amount=known(item.discount_amount),
                options=_options(item.options),
            )
            for item in totals.items or ()
        ],
    )


def currency_of(shop: OpenShop, cart: payloads.Cart) -> str:
    """The cart's currency; its store view's base currency where the cart does not tell."""
    told = None if cart.currency is None else cart.currency.quote_currency_code
    view = shop.store_views.get(cart.store_id or 0)
    return told or ("XXX" if view is None else view.base_currency)


def is_recalculated(cart: payloads.Cart, totals: documents.Totals) -> bool:
    """Whether the totals rest on other lines or prices than the search told: reading them may have recalculated."""
    if totals.base_subtotal is None:
        return False
    lines = sum((exact(line.price or 0) * exact(line.qty or 0) for line in cart.items or ()), Decimal(0))
    return abs(lines - totals.base_subtotal) >= _CENT


def write_totals(transaction: Transaction, key: int, totals: documents.Totals) -> None:
    """The totals are kept with the time they were read; another coupon is activity of the cart's owner."""
    table = tables.cart
    old = transaction.connection.execute(
        select(
            table.c.totals,
            table.c.coupon_code,
            table.c.lost_at,
            table.c.last_activity_at,
            table.c.updated_at,
        ).where(table.c.id == key)
    ).one()
    values: dict[str, Any] = {
        "totals": documents.encode(totals),
        "grand_total": totals.grand_total,
        "coupon_code": totals.coupon_code,
        "totals_read_at": milliseconds_to_instant(transaction.asked_at),
        "totals_shop_time": milliseconds_to_instant(transaction.shop_now),
    }
    sentences: list[str] = []
    if old.totals is not None:
        before = money_to_units(documents.decode_totals(old.totals).grand_total)
        sentences += amount_changed("Total", before, money_to_units(totals.grand_total), totals.currency)
        coupon_changed = list(value_changed("Coupon", old.coupon_code, totals.coupon_code))
        sentences += coupon_changed
        if coupon_changed and old.updated_at > old.last_activity_at:
            values["last_activity_at"] = old.updated_at
            if old.lost_at is not None:
                values["activity_after_lost_at"] = old.updated_at
    transaction.connection.execute(update(table).where(table.c.id == key).values(**values))
    _write_options(transaction, key, totals)
    transaction.tell("cart", key, sentences, transaction.now)


def forget_outdated(transaction: Transaction, carts: Iterable[tuple[MappedCart, Any, bool]]) -> None:
    """Carts of which the shop tells something else than when their total was read have no grand total any more.

    The totals are kept as what they were. `carts` are each as told now, its old row, and whether its lines are others
    than mirrored. The total stands where it was read with those lines, and where nothing changed but the cart's
    updated_at: reading by id can move that (observed on Magento 2.4.7). A coupon changes nothing that a search tells,
    so crm_core.insight.subtotals calls the total of a cart that was saved later about.
    """
    outdated, refilled = [], {}
    for cart, old, is_refilled in carts:
        if cart.updated_at > old.totals_shop_time and _is_for_another(cart, old):
            outdated.append(cart.key)
        elif is_refilled:
            refilled[cart.key] = cart
    read = rows_where(transaction.connection, tables.cart, ("id", "totals"), "id", refilled)
    outdated += [row.id for row in read if not _is_of(refilled[row.id], documents.decode_totals(row.totals))]
    if outdated:
        mark = transaction.mark
        sql = f"UPDATE cart SET grand_total = NULL WHERE id = {mark}"
        transaction.connection.exec_driver_sql(sql, [(key,) for key in outdated])


def _is_for_another(cart: MappedCart, old: Any) -> bool:
    """Whether who buys, where it goes and how, or the currency is not what it was: taxes and prices depend on it."""
    names, addresses = ["store_id", "quote_currency", "base_to_quote_rate"], ["billing_address"]
    if cart.lines is not None:
        names.append("shipping_method")
        addresses.append("shipping_address")
    return (
        cart.customer_key != old.customer_id
        or any(getattr(cart, name) != getattr(old, name) for name in names)
        or any(address_parts_changed(getattr(old, name), getattr(cart, name)) for name in addresses)
    )


def _is_of(cart: MappedCart, totals: documents.Totals) -> bool:
    """Whether the totals were read with the lines that the shop tells now."""
    lines = {line.item_id: line.qty for line in cart.lines or ()}
    if totals.base_subtotal is None or {item.item_id: money_to_units(item.qty) for item in totals.items} != lines:
        return False
    return abs(money_to_units(totals.base_subtotal) - cart.base_subtotal) < money_to_units(_CENT)


def _write_options(transaction: Transaction, key: int, totals: documents.Totals) -> None:
    """What was chosen of each line, in words: a search does not tell it (observed on Magento 2.4.7)."""
    table = tables.cart_item
    for item in totals.items:
        if item.options:
            chosen = documents.encode(item.options)
            here = (table.c.cart_id == key) & (table.c.item_id == item.item_id)
            transaction.connection.execute(update(table).where(here).values(options=chosen))


def _segments(told: Iterable[payloads.TotalSegment]) -> Iterator[documents.TotalsSegment]:
    for segment in told:
        try:
            value = exact(segment.value or 0)
        except BadRecord as bad:  # an extension may put a weight there: no reason to know nothing of the cart
            logger.warning("The total “%s” was left out: %s", segment.code, bad)
            continue
        yield documents.TotalsSegment(segment.code, segment.title or segment.code, value)


def _options(text: str | None) -> list[documents.Option]:
    """The choices in a line's totals; none where they are of a kind that is not words for words."""
    try:
        return documents.decode_options(text) if text else []
    except msgspec.DecodeError:
        return []
