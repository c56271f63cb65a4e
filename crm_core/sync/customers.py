"""Customers of a shop into the store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from crm_core.store import documents, tables
from crm_core.store.rollups import CustomerFacts
from crm_core.store.upsert import upsert
from crm_core.sync.changes import value_changed
from crm_core.sync.customer_mapping import CUSTOMER_COLUMNS, MappedCustomer
from crm_core.sync.lookups import rows_where
from crm_core.sync.transaction import Transaction, mark_gone

_OLD = (
    "id", "content_hash", "first_seen_at", "gone_at", "email", "firstname", "lastname", "is_subscribed", "addresses",
    "group_id", "shop_id", "website_id", "store_id", "updated_at", "synchronised_at",
)  # fmt: skip
_AT = {name: place for place, name in enumerate(CUSTOMER_COLUMNS)}


def write_customers(transaction: Transaction, customers: Sequence[MappedCustomer]) -> None:
    """The customers are in the store as the shop tells them; unchanged ones, and ones read later, are not written.

    One whose website or store view was deleted in the shop keeps those it had: the shop tells none then, by its foreign
    keys.
    """
    connection, tally = transaction.connection, transaction.tally
    by_key = {customer.key: customer for customer in customers}
    known = {row.id: row for row in rows_where(connection, tables.customer, _OLD, "id", by_key, lock=True)}
    rows = []
    for key, customer in sorted(by_key.items()):
        old = known.get(key)
        tally.read += 1
        if old is not None and old.content_hash == customer.content_hash and old.gone_at is None:
            tally.unchanged += 1
            continue
        if old is not None:
            if transaction.is_outdated(old, customer.values[_AT["updated_at"]]):
                tally.unchanged += 1
                continue
            customer = _still_of(old, customer)
        first_seen = transaction.now if old is None else old.first_seen_at
        rows.append((*customer.values, customer.content_hash, first_seen, transaction.asked_at, None))
        if old is None:
            tally.added += 1
        else:
            tally.changed += 1
            transaction.tell("customer", key, _changes(old, customer), customer.values[_AT["updated_at"]])
        transaction.deltas.customers(None if old is None else _old_facts(old), _new_facts(customer))
    upsert(connection, tables.customer, CUSTOMER_COLUMNS, rows)


def customers_gone(transaction: Transaction, keys: Collection[int]) -> int:
    """The customers are marked as gone from the shop and kept; returns how many were not before."""
    known = rows_where(transaction.connection, tables.customer, _OLD, "id", keys, lock=True)
    gone = [row for row in known if row.gone_at is None]
    for row in gone:
        transaction.tell("customer", row.id, ["The shop no longer has this customer"], transaction.now, "gone")
        transaction.deltas.customers(_old_facts(row), None)
    mark_gone(transaction, tables.customer, [row.id for row in gone])
    return len(gone)


def _still_of(old: Any, customer: MappedCustomer) -> MappedCustomer:
    """The customer with the website and the store view of before where the shop names none any more."""
    values = list(customer.values)
    for name in ("website_id", "store_id"):
        values[_AT[name]] = values[_AT[name]] or getattr(old, name)
    return customer._replace(values=tuple(values))


def _old_facts(row: Any) -> CustomerFacts:
    return CustomerFacts(row.shop_id, row.website_id, row.group_id, bool(row.is_subscribed), row.gone_at is not None)


def _new_facts(customer: MappedCustomer) -> CustomerFacts:
    shop_id, website_id, group_id, is_subscribed = (
        customer.values[_AT[name]] for name in ("shop_id", "website_id", "group_id", "is_subscribed")
    )
    return CustomerFacts(shop_id, website_id, group_id, bool(is_subscribed), is_gone=False)


def _changes(old: Any, customer: MappedCustomer) -> Iterator[str]:
    new = {name: customer.values[place] for name, place in _AT.items() if place < len(customer.values)}
    if old.gone_at is not None:
        yield "The shop has the customer again"
    yield from value_changed("E-mail", old.email, new["email"])
    yield from value_changed("Name", f"{old.firstname} {old.lastname}", f"{new['firstname']} {new['lastname']}")
    if bool(old.is_subscribed) != bool(new["is_subscribed"]):
        yield "Subscribed to the newsletter" if new["is_subscribed"] else "Unsubscribed from the newsletter"
    if documents.decode_addresses(old.addresses) != documents.decode_addresses(new["addresses"]):
        yield "Addresses changed"
    if old.group_id != new["group_id"]:
        yield "Customer group changed"
