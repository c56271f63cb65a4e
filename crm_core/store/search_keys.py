"""Short, case-folded copies of names and addresses, which the grids sort by and search in.

They stand in an index that covers a whole grid, so they are cut: PostgreSQL refuses index entries above 2,700 bytes,
and a shop may hold any text. The full text stands in the columns they are made of.
"""

from __future__ import annotations

KEY_LENGTH = 100
"""Characters of a name or an e-mail address that sorting and searching look at."""

REGION_LENGTH = 60
"""Characters of a region kept in the column billing_region; the whole region stands in the billing address."""


def name_key(lastname: str | None, firstname: str | None) -> str:
    """The column name_key: last name and first name, case-folded and cut; empty for a nameless guest."""
    return f"{lastname or ''} {firstname or ''}".strip().casefold()[:KEY_LENGTH]


def email_key(email: str | None) -> str:
    """The column email_key: the address, case-folded and cut; empty if there is none."""
    return (email or "").strip().casefold()[:KEY_LENGTH]


def region_key(region: str | None) -> str | None:
    """The column billing_region: the region, cut."""
    return region[:REGION_LENGTH] if region else None
