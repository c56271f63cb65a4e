"""Carts of a shop into the store: rows, lines, activity, status, rollups.

What people decided (lost, by whom, why) is never written here; new activity in the shop on a lost cart raises a flag.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from crm_core.store import tables
from crm_core.store.rollups import CartFacts
from crm_core.store.search_keys import email_key, name_key
from crm_core.store.upsert import Row, upsert
from crm_core.sync.cart_links import (
    LINE_COLUMNS,
    Standing,
    lines_from_orders,
    links_of,
    save_standings,
    standing_of,
    standings,
)
from crm_core.sync.cart_mapping import MappedCart, MappedLine
from crm_core.sync.cart_totals import forget_outdated
from crm_core.sync.changes import address_changed, amount_changed, quantity, status_changed, value_changed
from crm_core.sync.lookups import rows_where
from crm_core.sync.transaction import Transaction

PRESENT = "present"
REMOVED = "removed"
UNAVAILABLE = "unavailable"

_COLUMNS = (
    "id", "shop_id", "origin_id", "store_id", "customer_id", "email", "firstname", "lastname", "name_key",
    "email_key", "is_guest", "is_active", "is_virtual", "items_count", "items_qty", "unavailable_count",
    "base_currency", "quote_currency", "base_to_quote_rate", "base_subtotal", "billing_country", "billing_region",
    "billing_address", "shipping_address", "shipping_method", "reserved_order_id", "created_at", "updated_at",
    "content_hash", "first_seen_at", "synchronised_at", "last_activity_at", "closing_since", "gone_at",
    "made_from_order", "order_id", "order_cancelled", "status", "activity_after_lost_at",
)  # fmt: skip
_ALSO_OLD = (
    "content_hash", "first_seen_at", "synchronised_at", "last_activity_at", "customer_id", "is_guest", "email",
    "firstname", "lastname",
    "billing_address", "shipping_address", "shipping_method", "unavailable_count", "activity_after_lost_at",
    "quote_currency", "base_to_quote_rate", "grand_total", "totals_shop_time",
)  # fmt: skip
_OLD = (*Standing._fields, *_ALSO_OLD)


def write_carts(transaction: Transaction, carts: Sequence[MappedCart]) -> None:
    """The carts are in the store as the shop tells them; unchanged ones, and ones read later, are not written.

    Lines that vanished while the shop's count agrees are kept as removed, with the time; where it counts more lines
    than it lists, vanished ones are unavailable. Inactive carts keep the lines they had, or take those of their order,
    and keep whose they were where the shop tells it no more.
    """
    connection, tally = transaction.connection, transaction.tally
    by_key = {cart.key: cart for cart in carts}
    known = {row.id: row for row in rows_where(connection, tables.cart, _OLD, "id", by_key, lock=True)}
    tally.read += len(by_key)
    written = [
        _still_of(known.get(key), cart)
        for key, cart in sorted(by_key.items())
        if key not in known or not _is_kept(transaction, known[key], cart)
    ]
    tally.unchanged += len(by_key) - len(written)
    if not written:
        return
    keys = [cart.key for cart in written]
    links = links_of(transaction, keys)
    old_lines = _lines_of(transaction, keys & known.keys())
    rows, lines, bare = [], [], {}
    with_totals = []
    for cart in written:
        old = known.get(cart.key)
        before = old_lines.get(cart.key, {})
        moved_at = cart.updated_at if old is None or cart.updated_at > old.updated_at else transaction.now
        changed_lines = _changed_lines(cart, before, moved_at)
        lines += changed_lines
        link = links.get(cart.key)
        standing = _standing(transaction, cart, old).with_link(link).judged(transaction)
        if not cart.is_active and link is not None and not before:
            bare[cart.key] = link.order_key
        active_at = _activity(cart, old, before, changed_lines)
        rows.append(_row(transaction, cart, old, standing, active_at))
        if old is None:
            tally.added += 1
            transaction.deltas.carts(None, standing.facts)
            continue
        if old.grand_total is not None:
            with_totals.append((cart, old, _is_refilled(before, changed_lines)))
        tally.changed += 1
        transaction.deltas.carts(_facts(old), standing.facts)
        transaction.tell("cart", cart.key, _changes(cart, old, before, changed_lines), moved_at)
        transaction.tell("cart", cart.key, status_changed(old.status, standing.status), transaction.now, "status")
    upsert(connection, tables.cart, _COLUMNS, rows)
    upsert(connection, tables.cart_item, LINE_COLUMNS, lines)
    forget_outdated(transaction, with_totals)
    if bare:
        _take_lines(transaction, bare)


def carts_gone(transaction: Transaction, keys: Collection[int]) -> int:
    """The carts are marked as gone from the shop, with the status that follows; returns how many were not before."""
    known = standings(transaction, keys)
    changes = [
        (old, old._replace(gone_at=transaction.now).judged(transaction))
        for old in known.values()
        if old.gone_at is None
    ]
    for old, _ in changes:
        transaction.tell("cart", old.id, ["The shop no longer has this cart"], transaction.now, "gone")
    save_standings(transaction, changes)
    return len(changes)


def _is_kept(transaction: Transaction, old: Any, cart: MappedCart) -> bool:
    """Whether the row stays as it is: the shop tells nothing else, or told the row later."""
    is_same = old.content_hash == cart.content_hash and old.gone_at is None
    return is_same or transaction.is_outdated(old, cart.updated_at)


def _still_of(old: Any, cart: MappedCart) -> MappedCart:
    """The cart with whom it was of where the shop tells it no more.

    An inactive cart comes without its shipping address, in which a guest's e-mail may stand, and one whose customer was
    deleted, without a customer (both observed on Magento 2.4.7).
    """
    if old is None or cart.is_active:
        return cart
    if cart.customer_key is None and old.customer_id is not None:
        cart = cart._replace(customer_key=old.customer_id, is_guest=bool(old.is_guest))
    return cart._replace(
        email=cart.email or old.email,
        firstname=cart.firstname or old.firstname,
        lastname=cart.lastname or old.lastname,
    )


def _facts(old: Any) -> CartFacts:
    return CartFacts(
        old.shop_id,
        old.store_id,
        old.status,
        old.base_currency,
        old.items_qty,
        old.base_subtotal,
        old.created_at,
        old.updated_at,
    )


def _standing(transaction: Transaction, cart: MappedCart, old: Any) -> Standing:
    """The cart as it stands now, its status and link not yet judged."""
    return Standing(
        id=cart.key,
        shop_id=transaction.shop_id,
        store_id=cart.store_id,
        status="",
        base_currency=cart.base_currency,
        items_qty=cart.items_qty,
        base_subtotal=cart.base_subtotal if cart.lines is not None or old is None else old.base_subtotal,
        created_at=cart.created_at,
        updated_at=cart.updated_at,
        is_active=cart.is_active,
        gone_at=None,
        order_id=None,
        order_cancelled=None,
        lost_at=None if old is None else old.lost_at,
        closing_since=None if old is None else old.closing_since,
    )


def _row(transaction: Transaction, cart: MappedCart, old: Any, standing: Standing, active_at: int) -> Row:
    told = cart.lines is not None or old is None
    flag = None if old is None else old.activity_after_lost_at
    if old is not None and old.lost_at is not None and active_at > old.last_activity_at:
        flag = active_at
    return (
        cart.key,
        transaction.shop_id,
        cart.origin_id,
        cart.store_id,
        cart.customer_key,
        cart.email,
        cart.firstname,
        cart.lastname,
        name_key(cart.lastname, cart.firstname),
        email_key(cart.email),
        cart.is_guest,
        cart.is_active,
        cart.is_virtual,
        cart.items_count,
        cart.items_qty,
        cart.unavailable_count if told else old.unavailable_count,
        cart.base_currency,
        cart.quote_currency,
        cart.base_to_quote_rate,
        standing.base_subtotal,
        cart.billing_country,
        cart.billing_region,
        cart.billing_address,
        cart.shipping_address if told else old.shipping_address,
        cart.shipping_method if told else old.shipping_method,
        cart.reserved_order_id,
        cart.created_at,
        cart.updated_at,
        cart.content_hash,
        transaction.now if old is None else old.first_seen_at,
        transaction.asked_at,
        active_at,
        standing.closing_since,
        None,
        False,
        standing.order_id,
        standing.order_cancelled,
        standing.status,
        flag,
    )


# ---- lines ----------------------------------------------------------------------------------------------------------


def _lines_of(transaction: Transaction, keys: Collection[int]) -> dict[int, dict[int, Any]]:
    lines: dict[int, dict[int, Any]] = defaultdict(dict)
    for row in rows_where(transaction.connection, tables.cart_item, LINE_COLUMNS, "cart_id", keys):
        lines[row.cart_id][row.item_id] = row
    return lines


def _changed_lines(cart: MappedCart, before: Mapping[int, Any], moved_at: int) -> list[Row]:
    """The rows of lines that are new, changed or vanished; `moved_at` is since when.

    A product that is deleted or disabled leaves the cart's updated_at alone, so that is when it was noticed.
    """
    if cart.lines is None:
        return []
    rows: list[Row] = []
    for line in cart.lines:
        old = before.get(line.item_id)
        is_kept = old is not None and old.state == PRESENT
        if old is not None and is_kept and _line(old) == line:
            continue
        rows.append(
            (
                cart.key,
                *line,
                None if old is None else old.options,
                PRESENT,
                old.state_since if old is not None and is_kept else moved_at,
            )
        )
    listed = {line.item_id for line in cart.lines}
    gone = UNAVAILABLE if cart.unavailable_count else REMOVED
    for item_id, old in before.items():
        if item_id not in listed and old.state not in (gone, REMOVED):
            rows.append((cart.key, *_line(old), old.options, gone, moved_at))
    return rows


def _line(row: Any) -> MappedLine:
    return MappedLine(row.item_id, row.sku, row.name, row.product_type, row.qty, row.base_price)


def _take_lines(transaction: Transaction, order_of: dict[int, int]) -> None:
    """Carts first seen inactive take their lines from their order."""
    subtotals = lines_from_orders(transaction, order_of)
    changed = rows_where(transaction.connection, tables.cart, Standing._fields, "id", subtotals)
    for row in changed:
        old = standing_of(row)
        transaction.deltas.carts(old.facts, old._replace(base_subtotal=subtotals[old.id]).facts)
    if changed:
        mark = transaction.mark
        transaction.connection.exec_driver_sql(
            f"UPDATE cart SET base_subtotal = {mark} WHERE id = {mark}",
            [(subtotals[row.id], row.id) for row in changed],
        )


# ---- what happened --------------------------------------------------------------------------------------------------


def _activity(cart: MappedCart, old: Any, before: Mapping[int, Any], changed_lines: Sequence[Row]) -> int:
    """When the cart's owner last did something, by the shop's clock in milliseconds.

    Lines, quantities, addresses, the customer, a guest's e-mail and being active again count; a new price, and
    updated_at alone, do not.
    """
    if old is None:
        return cart.updated_at
    active = (
        cart.customer_key != old.customer_id
        or (cart.is_guest and cart.email != old.email)
        or any(address_changed("", old.billing_address, cart.billing_address))
        or (cart.is_active and not old.is_active)
    )
    if cart.lines is not None:
        active = (
            active
            or any(address_changed("", old.shipping_address, cart.shipping_address))
            or any(_is_activity(dict(zip(LINE_COLUMNS, row, strict=True)), before) for row in changed_lines)
        )
    return max(cart.updated_at, int(old.last_activity_at)) if active else int(old.last_activity_at)


def _is_activity(line: Mapping[str, Any], before: Mapping[int, Any]) -> bool:
    """Whether a changed line is the customer's doing: a disabled product or another price is the shop's."""
    old = before.get(line["item_id"])
    if old is None or line["state"] == REMOVED or old.state == REMOVED:
        return True
    return bool(line["qty"] != old.qty)


def _is_refilled(before: Mapping[int, Any], changed_lines: Sequence[Row]) -> bool:
    """Whether a line is new, gone or back, or of another quantity or price; what it is called does not matter."""
    for row in changed_lines:
        line = dict(zip(LINE_COLUMNS, row, strict=True))
        old = before.get(line["item_id"])
        if old is None or any(line[name] != getattr(old, name) for name in ("state", "qty", "base_price")):
            return True
    return False


def _changes(cart: MappedCart, old: Any, before: Mapping[int, Any], changed_lines: Sequence[Row]) -> Iterator[str]:
    if old.gone_at is not None:
        yield "The shop has the cart again"
    for row in changed_lines:
        line = dict(zip(LINE_COLUMNS, row, strict=True))
        was = before.get(line["item_id"])
        name = line["name"]
        if was is None:
            yield f"{name} added, quantity {quantity(line['qty'])}"
        elif line["state"] != was.state:
            yield {
                PRESENT: f"{name} is back, quantity {quantity(line['qty'])}",
                REMOVED: f"{name} removed",
                UNAVAILABLE: f"{name} is unavailable",
            }[line["state"]]
        else:
            if line["qty"] != was.qty:
                yield f"Quantity of {name} {quantity(was.qty)} → {quantity(line['qty'])}"
            yield from amount_changed(f"Price of {name}", was.base_price, line["base_price"], cart.base_currency)
    if cart.customer_key != old.customer_id:
        yield "Customer changed" if cart.customer_key else "The cart has no customer any more"
    yield from value_changed("E-mail", old.email, cart.email)
    yield from value_changed(
        "Name",
        f"{old.firstname or ''} {old.lastname or ''}".strip(),
        f"{cart.firstname or ''} {cart.lastname or ''}".strip(),
    )
    yield from address_changed("Billing address", old.billing_address, cart.billing_address)
    if cart.lines is not None:
        yield from address_changed("Shipping address", old.shipping_address, cart.shipping_address)
        yield from value_changed("Shipping method", old.shipping_method, cart.shipping_method)
