"""What the writers of one transaction share: connection, clocks, rollup differences, tally and events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, select

from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.lease import Lease, check
from crm_core.store.rollups import Deltas
from crm_core.store.types import instant_to_milliseconds
from crm_core.store.upsert import Row, mark_for_driver
from crm_core.sync.channels import Channel, hold_open

_MOST_EVENTS = 20
"""Sentences of one record in one transaction that the timeline keeps; a cart can hold hundreds of lines."""


@dataclass(slots=True)
class Tally:
    """How many records were read, and what became of them."""

    read: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0

    def add(self, other: Tally) -> None:
        """Count the other's records too."""
        self.read += other.read
        self.added += other.added
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.quarantined += other.quarantined


@dataclass(slots=True)
class Transaction:
    """One write transaction on the mirror of a shop. `now` and `shop_now` are milliseconds since 1970 UTC.

    `now` is this machine's clock, `shop_now` the shop's; `asked_at` is when by this machine's clock the shop was asked
    for what is written, and becomes the `synchronised_at` of the rows. `told` collects per record key what changed, in
    sentences. `is_news` is False for a first import: that the desk learns of an order after its cart is no event of the
    cart.
    """

    connection: Connection
    dialect_name: str
    shop_id: int
    now: int
    shop_now: int
    asked_at: int
    deltas: Deltas
    is_news: bool = True
    tally: Tally = field(default_factory=Tally)
    told: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    _events: list[Row] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """What stands for a value in a statement as text."""
        return mark_for_driver(self.dialect_name)

    def since(self, shop_time: int) -> int:
        """A moment of the shop's clock by this machine's clock, never in the future."""
        return self.now - max(0, self.shop_now - shop_time)

    def is_outdated(self, old: Any, updated_at: int) -> bool:
        """Whether the row `old` was read later than what is written now, which is of the shop's `updated_at`.

        A page is on its way for seconds; meanwhile a person may have changed a record and read it back, or found it
        gone. What the shop dates later than what is kept is never outdated, so clocks of several machines that differ
        lose no change that the shop dates.
        """
        is_dated_later = old.gone_at is None and updated_at > old.updated_at
        return bool(old.synchronised_at > self.asked_at and not is_dated_later)

    def tell(self, entity: str, key: int, sentences: Iterable[str], at: int, kind: str = "changed") -> None:
        """Put what changed of a record, noticed now and done `at`, on its timeline if it is news."""
        sentences = list(sentences)
        self.mention(entity, key, sentences)
        if self.is_news:
            self._events.extend((entity, key, at, kind, sentence) for sentence in sentences[:_MOST_EVENTS])

    def mention(self, entity: str, key: int, sentences: Iterable[str]) -> None:
        """Tell what changed of a record to whoever asked for it; its timeline tells it anyway, as it does comments."""
        self.told.setdefault((entity, key), []).extend(sentences)

    def write_events(self) -> None:
        """The timelines hold what was told."""
        if self._events:
            mark = self.mark
            self.connection.exec_driver_sql(
                "INSERT INTO record_event (entity, record_id, at, kind, text) "
                f"VALUES ({mark}, {mark}, {mark}, {mark}, {mark})",
                self._events,
            )
            self._events.clear()


def mark_gone(transaction: Transaction, table: Table, keys: Iterable[int]) -> None:
    """The rows say since when the shop no longer has them."""
    rows = [(transaction.now, transaction.asked_at, key) for key in keys]
    if rows:
        mark = transaction.mark
        transaction.connection.exec_driver_sql(
            f"UPDATE {table.name} SET gone_at = {mark}, synchronised_at = {mark} WHERE id = {mark}", rows
        )


@contextmanager
def writing(
    store: Store,
    shop_id: int,
    shop_now: datetime,
    *,
    asked_at: datetime | None = None,
    lease: Lease | None = None,
    channel: Channel | None = None,
    is_news: bool = True,
) -> Iterator[Transaction]:
    """A transaction on the mirror of a shop: commits rows, rollups, events and position together, or nothing.

    Who writes records that the shop told says when it was asked for them, by this machine's clock, so that they take
    the place of nothing newer. Raises LeaseLost if another worker took the lease over. Who writes what was read without
    a lease names the `channel` it was read through: raises NotFound or ChannelError if that was removed or paused
    meanwhile.

    Transactions of one shop follow each other, so that a page of orders and a page of carts never miss each other's
    rows; those of people wait for a page at most.
    """
    with store.writing() as connection:
        if lease is not None:
            check(connection, lease)
        if channel is not None:
            hold_open(connection, channel)
        if store.dialect_name == "postgresql":
            connection.execute(
                select(tables.shop.c.id).where(tables.shop.c.id == shop_id).with_for_update(key_share=True)
            )
        now = datetime.now(UTC)
        transaction = Transaction(
            connection=connection,
            dialect_name=store.dialect_name,
            shop_id=shop_id,
            now=instant_to_milliseconds(now),
            shop_now=instant_to_milliseconds(shop_now),
            asked_at=instant_to_milliseconds(asked_at or now),
            deltas=Deltas(store.dialect_name),
            is_news=is_news,
        )
        yield transaction
        transaction.write_events()
        transaction.deltas.apply(connection)
