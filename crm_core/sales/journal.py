"""A change that a person makes in a shop, one at a time per record, on the record's timeline from before it is sent.

The entry is committed before the shop is asked and says afterwards what came of it. A process that dies in between
leaves the entry that says so, so no change in a shop is without its person.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, delete, insert, select, update

from crm_core.errors import BadInput, ChannelError, NotAllowed, OutcomeUnknown, ShopRefused, ShopUnavailable
from crm_core.settings import settings
from crm_core.store.database import Store
from crm_core.store.lease import Lease, acquire, renew
from crm_core.store.tables import lease, record_event

T = TypeVar("T")

REFUSED = "refused"
UNCLEAR = "unclear"

_LONGEST_TEXT = 2000

_PAUSES = (0.0, 0.5, 1.5)
"""Seconds to wait before each look for a write that was not clearly answered."""


class Entry:
    """The timeline's entry of a change under way; unclear until it is told what came of it.

    It stays only if `is_sent`: the shop may have the change.
    """

    def __init__(self, kind: str, doing: str, stay: Callable[[], None]) -> None:
        self.is_sent = False
        self.stay = stay
        """Keeps everybody else away for as long as a write takes. Raises NotAllowed if that is too late."""
        self._done_kind = kind
        self.kind = UNCLEAR
        self.text = f"{doing}: begun, and what came of it is not known here"

    def done(self, text: str) -> None:
        """The shop did it; `text` is a sentence in the past."""
        self.kind, self.text = self._done_kind, text

    def refused(self, text: str) -> None:
        """The shop did not do it, surely."""
        self.kind, self.text = REFUSED, text

    def unclear(self, text: str) -> None:
        """Nobody knows whether the shop did it."""
        self.kind, self.text = UNCLEAR, text


@contextmanager
def journalled(store: Store, entity: str, key: int, *, kind: str, doing: str, person: str) -> Iterator[Entry]:
    """An entry on the timeline of the cart or order while `doing` it, such as "Cancel", and nobody else at the record.

    The block sends with `sent_once` and says what was done; no entry stays of what was never sent. Raises NotAllowed,
    naming the person, while somebody else changes the record through the desk.
    """
    name = _lease_name(entity, key)
    # As long as one answer of the shop can take, should this process die.
    seconds = settings().longest_write
    with store.writing() as connection:
        held = acquire(connection, name, person, seconds)
        if held is None:
            raise NotAllowed(changing(connection, entity, key) or f"Someone has just changed this {entity}. Try again.")
        entry = Entry(kind, doing, lambda: _stay(store, entity, held, seconds))
        event_id = connection.execute(
            insert(record_event)
            .values(entity=entity, record_id=key, at=datetime.now(UTC), kind=entry.kind, person=person, text=entry.text)
            .returning(record_event.c.id)
        ).scalar_one()
    try:
        yield entry
    finally:
        with store.writing() as connection:
            if entry.is_sent:
                changed = {"kind": entry.kind, "text": entry.text[:_LONGEST_TEXT], "at": datetime.now(UTC)}
                connection.execute(update(record_event).where(record_event.c.id == event_id).values(**changed))
            else:
                connection.execute(delete(record_event).where(record_event.c.id == event_id))
            # Given back without leaving a row for every record that was ever changed.
            connection.execute(delete(lease).where(lease.c.name == name, lease.c.token == held.token))


def sent_once(entry: Entry, doing: str, send: Callable[[], T]) -> T:
    """What the shop answered to the write; the entry says what came of it if it did not do it.

    Raises NotAllowed before it is sent if reading took so long that others may be at the record by now, and what the
    client raises. OutcomeUnknown is the caller's to find out about (`found_after_silence`): the entry stays unclear.
    """
    entry.stay()
    had_sent = entry.is_sent
    entry.is_sent = True
    try:
        return send()
    except BadInput:  # the client found it off before it sent anything
        entry.is_sent = had_sent
        raise
    except ShopUnavailable as unsent:
        entry.refused(f"{doing}: it did not reach the shop")
        raise ShopUnavailable(f"{unsent} Nothing was done.", unsent.retry_after) from unsent
    except (ShopRefused, ChannelError) as refused:
        entry.refused(f"{doing} refused by the shop: {refused}")
        raise


def found_after_silence(
    entry: Entry, doing: str, unknown: OutcomeUnknown, look: Callable[[], T | str], *, then: str, looks: int = 3
) -> T:
    """What `look` finds that a write did to which no clear answer came; it says in a sentence what is known otherwise.

    It looks at once, and twice more after short pauses, for the shop may still be at work; fewer `looks` where another
    would tell no more. Raises OutcomeUnknown if it finds nothing: what is known, and `then`, the sentence with what the
    person should do.
    """
    known = ""
    for pause in _PAUSES[:looks]:
        time.sleep(pause)
        found = look()
        if not isinstance(found, str):
            return found
        known = found
    entry.unclear(f"{doing}: sent once, and no clear answer came. {known}")
    raise OutcomeUnknown(
        f"{doing}: sent once, and no clear answer came. {unknown.why} {known} {then}", unknown.why
    ) from unknown


def changing(connection: Connection, entity: str, key: int) -> str | None:
    """Who changes the cart or order through the desk at the moment, in a sentence; None: nobody."""
    holder = connection.scalar(
        select(lease.c.holder).where(lease.c.name == _lease_name(entity, key), lease.c.expires_at > datetime.now(UTC))
    )
    return f"{holder} is changing this {entity} at the moment. Try again shortly." if holder else None


def _stay(store: Store, entity: str, held: Lease, seconds: float) -> None:
    """The lease lasts for another write. Raises NotAllowed if it ran out: whoever looked since saw nobody at work."""
    with store.writing() as connection:
        expires_at = connection.scalar(
            select(lease.c.expires_at).where(lease.c.name == held.name, lease.c.token == held.token).with_for_update()
        )
        if expires_at is None or expires_at <= datetime.now(UTC):
            raise NotAllowed(
                f"The shop took so long to tell how this {entity} is that somebody else may have changed it since. "
                "Nothing more was sent. Try again."
            )
        renew(connection, held, seconds)


def _lease_name(entity: str, key: int) -> str:
    return f"change:{entity}:{key}"
