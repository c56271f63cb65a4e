"""Personal conditions, name and e-mail, kept in the store so that a URL carries an id in their place."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import insert, select

from crm_core.insight.filters import Filter, Screen
from crm_core.store.database import Store
from crm_core.store.tables import saved_filter


def save_filter(store: Store, wanted: Filter, person: str) -> str:
    """The id under which the filter's personal conditions are kept; the same conditions keep their id.

    Ids are random: nobody can learn from one who is looked for.
    """
    text = wanted.personal_text
    with store.reading() as connection:
        known = connection.execute(
            select(saved_filter.c.id).where(
                saved_filter.c.screen == wanted.screen, saved_filter.c.text == text, saved_filter.c.person == person
            )
        ).scalar()
    if known is not None:
        return str(known)
    id = secrets.token_urlsafe(9)
    with store.writing() as connection:
        connection.execute(
            insert(saved_filter).values(
                id=id, screen=wanted.screen, text=text, person=person, created_at=datetime.now(UTC)
            )
        )
    return id


def open_filter(store: Store, screen: Screen, params: Mapping[str, str]) -> tuple[Filter, list[str]]:
    """The whole filter of a URL, its saved conditions included, and a sentence for each part that was left out."""
    wanted, problems = Filter.from_url(screen, params)
    if not wanted.saved:
        return wanted, problems
    with store.reading() as connection:
        text = connection.execute(
            select(saved_filter.c.text).where(saved_filter.c.id == wanted.saved, saved_filter.c.screen == screen)
        ).scalar()
    if text is None:
        problems.append("The saved filter in the link does not exist: its name and e-mail conditions were left out.")
        return wanted.changed(saved=""), problems
    personal, _ = Filter.from_text(screen, text)
    return wanted.changed(text=personal.text, email=personal.email, saved=wanted.saved), problems
