"""Names of people as the screens write them."""

from __future__ import annotations


def full_name(firstname: str | None, lastname: str | None) -> str:
    """First and last name with one space between; empty for a nameless guest."""
    return " ".join(part for part in (firstname, lastname) if part)
