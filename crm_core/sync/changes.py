"""What changed of a record, in sentences: for its timeline and for the person who synchronised it.

Names and words of a shop in a sentence are data. Amounts are told with their currency.
"""

from __future__ import annotations

from collections.abc import Iterator

from crm_core.insight.amounts import price, reads_alike
from crm_core.insight.statuses import order_status_label
from crm_core.store import documents
from crm_core.store.types import units_to_money


def quantity(units: int) -> str:
    """A quantity of 1/10000 units for a person, without needless zeros."""
    return format(units_to_money(units).normalize(), "f")


def value_changed(what: str, old: str | None, new: str | None) -> Iterator[str]:
    """A sentence if a text changed; nothing and the empty text are the same."""
    old, new = old or "", new or ""
    if old != new:
        if not old:
            yield f"{what}: {new}"
        elif not new:
            yield f"{what} removed (was {old})"
        else:
            yield f"{what} {old} → {new}"


def amount_changed(what: str, old: int | None, new: int | None, currency: str) -> Iterator[str]:
    """A sentence if an amount of 1/10000 units changed by what its currency shows.

    Nothing and zero are the same, and what was nothing is not told.
    """
    if (old or 0) == (new or 0):
        return
    was, now = units_to_money(old or 0), units_to_money(new or 0)
    if not reads_alike(was, now, currency):
        before = f"{price(was, currency)} → " if old else ""
        yield f"{what} {before}{price(now, currency)}"


def address_changed(what: str, old: str | None, new: str | None) -> Iterator[str]:
    """A sentence if what an address says changed; its number in the shop does not count."""
    parts = address_parts_changed(old, new)
    if parts:
        yield f"{what} changed: {', '.join(parts)}" if old and new else f"{what} {'entered' if new else 'removed'}"


def address_parts_changed(old: str | None, new: str | None) -> dict[str, str]:
    """What an address says now, by the words for each part of it that changed; empty for a part that it lacks now."""
    if old == new:
        return {}
    before = documents.decode_address(old) if old else documents.Address()
    after = documents.decode_address(new) if new else documents.Address()
    return {
        _ADDRESS_WORDS.get(name) or name.replace("_", " ").removesuffix(" id"): (
            ", ".join(after.street) if name == "street" else getattr(after, name) or ""
        )
        for name in documents.Address.__struct_fields__
        if name not in ("origin_id", "region_id", "region_code", "is_default_billing", "is_default_shipping")
        and getattr(before, name) != getattr(after, name)
    }


_ADDRESS_WORDS = {
    "firstname": "first name",
    "middlename": "middle name",
    "lastname": "last name",
    "vat_id": "VAT number",
    "email": "e-mail",
}
"""What a field of an address is called where it is not its name in words."""


def status_changed(old: str, new: str) -> Iterator[str]:
    """A sentence if a cart's or an order's status changed, in the words of the screens."""
    if old != new:
        yield f"Status {order_status_label(old)} → {order_status_label(new)}"
