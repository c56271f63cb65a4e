"""Windows: closed ranges of `updated_at` that are walked by ascending id, kept as rows so that no kill loses one.

A stream is one channel and entity, for carts one store view too. Its windows together cover all the time from the
beginning to the shop's clock when it was last asked. A range is a row before the first request for it is sent, so
whatever was begun is finished by whoever comes next; wide ranges are cut, newest part first, in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select, update

from crm_core.store import tables
from crm_core.store.upsert import mark_for_driver

WINDOW_SIZE = 2_000
"""Records that a window holds at most, as far as seconds allow: wide ones make Magento's COUNT and sort slow."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
"""Magento keeps times to the second, so neighbouring windows are one second apart."""

FIRST = "first"
TICK = "tick"
FULL = "full"

_FIRST_GUESS = timedelta(days=30)
_GROWTH = 8
_FILL = 0.8

_rows = tables.sync_window


class Stream(NamedTuple):
    """What windows follow each other in: `store_id` is the origin id of the store view for carts, else 0."""

    channel_id: int
    entity: str
    store_id: int


@dataclass(frozen=True, slots=True)
class Window:
    """`updated_at` from `lo` to `hi`, both included, in UTC; mirrored up to the origin id `last_id`.

    `expected` is how many records the shop counted in it, None if it was not asked.
    """

    id: int
    stream: Stream
    kind: str
    lo: datetime
    hi: datetime
    last_id: int
    expected: int | None

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is mirrored yet, so it may still be cut."""
        return self.last_id == 0

    def is_wide(self, size: int) -> bool:
        """Whether it may hold more than `size` records and should be cut; a single second cannot be."""
        return (
            self.is_whole
            and self.hi - self.lo >= SECOND
            and (self.expected > size if self.expected is not None else self.kind != TICK)
        )


class Cut(NamedTuple):
    """Where to cut a window: its newer part begins at `at` and holds `newer` records; `older` is what remains."""

    at: datetime
    newer: int
    older: int


def first_guess(neighbour: Window | None, size: int) -> timedelta:
    """How long a newer part of `size` might be: judged by the density of the newer `neighbour` if there is one."""
    if neighbour is None or neighbour.expected is None:
        return _FIRST_GUESS
    span = neighbour.hi - neighbour.lo + SECOND
    return next_guess(span, neighbour.expected, size) if neighbour.expected else span * _GROWTH


def next_guess(span: timedelta, count: int, size: int) -> timedelta:
    """A better length for a newer part of `size` when `span` holds `count` records: shorter if they are too many."""
    wanted = span * (_FILL * size / max(1, count))
    longest = span / 2 if count > size else span * _GROWTH
    return max(SECOND, min(wanted, longest))


def cut_at(window: Window, span: timedelta) -> datetime:
    """The whole second where a newer part of about `span` begins, inside the window."""
    seconds = int(span.total_seconds())
    return max(window.lo, window.hi - timedelta(seconds=max(0, seconds - 1)))


# ---- the rows -------------------------------------------------------------------------------------------------------


def open_windows(connection: Connection, stream: Stream) -> list[Window]:
    """The windows that are not walked to their end, newest first."""
    found = connection.execute(
        select(_rows).where(_of(stream), _rows.c.state == "open").order_by(_rows.c.hi.desc(), _rows.c.lo.desc())
    )
    return [_window(row) for row in found.mappings()]


def covered_until(connection: Connection, stream: Stream) -> datetime | None:
    """The newest moment that any window of the stream reaches to, done or still owed; None before the first."""
    covered: datetime | None = connection.scalar(select(func.max(_rows.c.hi)).where(_of(stream)))
    return covered


def owe(
    connection: Connection,
    stream: Stream,
    shop_now: datetime,
    overlap: timedelta,
    *,
    full: bool,
    asked: datetime | None = None,
) -> list[Window]:
    """What a run has to read, newest first: what earlier ones left, and a new window up to the shop's clock.

    That one reaches from where the stream's cover ends, less the overlap for late commits; the first one, and one of a
    full pass, from the beginning. A full pass takes the place of what is owed. A tick that was never begun is
    stretched, so a shop that is down collects no windows. Call it while nobody reads the stream.

    The cover ends where the shop's Date told it to, but no later than `asked`, when the shop was last asked: a Date
    may be ahead of the clock that dates the records, as behind a proxy that dates answers anew.
    """
    hi = _clock(shop_now)
    owed = open_windows(connection, stream)
    covered = covered_until(connection, stream)
    anew = full and covered is not None
    if anew:
        connection.execute(delete(_rows).where(_of(stream), _rows.c.state == "open"))
        owed = []
    elif owed and owed[0].kind == TICK and owed[0].is_whole and owed[0].hi <= hi:
        lo = min(owed[0].lo, _begin(owed[0].hi, overlap, asked))  # one that is owed again may begin later
        connection.execute(update(_rows).where(_rows.c.id == owed[0].id).values(lo=lo, hi=hi, expected=None))
        return [replace(owed[0], lo=lo, hi=hi, expected=None), *owed[1:]]
    kind = FULL if anew else FIRST if covered is None else TICK
    return [_add(connection, stream, kind, hi, covered, overlap, asked), *owed]


def owe_again(connection: Connection, stream: Stream, lo: datetime) -> None:
    """The next run reads again what changed from then on up to where the stream's cover ends; none: it reads all."""
    hi = covered_until(connection, stream)
    if hi is not None and lo <= hi:
        _insert(connection, Window(0, stream, TICK, lo.replace(microsecond=0), hi, 0, None))


def add_tick(
    connection: Connection, stream: Stream, shop_now: datetime, overlap: timedelta, asked: datetime | None
) -> Window:
    """A new window from where the stream's cover ends, while older ones are being read; `asked` as for `owe`."""
    return _add(connection, stream, TICK, _clock(shop_now), covered_until(connection, stream), overlap, asked)


def full_pass(connection: Connection, streams: Sequence[Stream]) -> set[str]:
    """Of a full pass that has not ended, whether some windows of these streams are "open", and some "done".

    The streams are those of one channel and entity.
    """
    if not streams:
        return set()
    of_streams = _of_entity(*streams[0][:2]) & _rows.c.store_id.in_([stream.store_id for stream in streams])
    return set(connection.scalars(select(_rows.c.state).where(of_streams, _rows.c.kind == FULL).distinct()))


def end_full_pass(connection: Connection, channel_id: int, entity: str) -> None:
    """No window of the entity is of a full pass any more; what a store view that was lost meanwhile owes is a tick.

    Until then those that the pass has walked tell the next run that there is one, and what not to walk again.
    """
    connection.execute(update(_rows).where(_of_entity(channel_id, entity), _rows.c.kind == FULL).values(kind=TICK))


def _clock(shop_now: datetime) -> datetime:
    """A Date header is cut to the second, so the shop's clock may be a second further than it tells."""
    return shop_now.replace(microsecond=0) + SECOND


def _begin(covered: datetime, overlap: timedelta, asked: datetime | None) -> datetime:
    """Where a tick begins."""
    seen = covered if asked is None else min(covered, asked.replace(microsecond=0))
    return max(BEGINNING, seen - max(overlap, 2 * SECOND))


def _add(
    connection: Connection,
    stream: Stream,
    kind: str,
    hi: datetime,
    covered: datetime | None,
    overlap: timedelta,
    asked: datetime | None,
) -> Window:
    if covered is not None and covered > hi:
        # The shop's clock was set back. So is the cover, or changes made meanwhile would lie in time read already.
        connection.execute(update(_rows).where(_of(stream), _rows.c.hi > hi, _rows.c.state == "done").values(hi=hi))
        covered = hi
    lo = BEGINNING if covered is None or kind != TICK else _begin(covered, overlap, asked)
    return _insert(connection, Window(0, stream, kind, lo, hi, 0, None))


def split(connection: Connection, window: Window, cut: Cut) -> tuple[Window, Window]:
    """The newer and the older part, in the place of the window, which must be whole."""
    newer = replace(window, lo=cut.at, expected=cut.newer)
    connection.execute(update(_rows).where(_rows.c.id == window.id).values(lo=newer.lo, expected=newer.expected))
    return newer, _insert(connection, replace(window, hi=cut.at - SECOND, expected=cut.older))


def expect(connection: Connection, window: Window, expected: int) -> Window:
    """The window with what the shop counts in it."""
    connection.execute(update(_rows).where(_rows.c.id == window.id).values(expected=expected))
    return replace(window, expected=expected)


def advance(connection: Connection, window: Window, last_id: int, *, done: bool) -> None:
    """The window is mirrored up to `last_id`; call it in the transaction that writes the page."""
    # Once a page: as text, it costs a tenth of what building the statement costs.
    mark = mark_for_driver(connection.dialect.name)
    connection.exec_driver_sql(
        f"UPDATE sync_window SET last_id = {mark}, state = {mark} WHERE id = {mark}",
        (last_id, "done" if done else "open", window.id),
    )


def forget_done(connection: Connection, stream: Stream) -> None:
    """Drop finished windows but the newest one, if the stream owes nothing: that one tells where its cover ends."""
    mark = mark_for_driver(connection.dialect.name)
    of_stream = f"channel_id = {mark} AND entity = {mark} AND store_id = {mark}"
    connection.exec_driver_sql(
        f"DELETE FROM sync_window WHERE {of_stream}"
        f" AND id <> (SELECT id FROM sync_window WHERE {of_stream} ORDER BY hi DESC, id DESC LIMIT 1)"
        f" AND NOT EXISTS (SELECT 1 FROM sync_window WHERE {of_stream} AND state = 'open')",
        (*stream, *stream, *stream),
    )


def _insert(connection: Connection, window: Window) -> Window:
    id_: int = connection.execute(
        insert(_rows)
        .values(
            channel_id=window.stream.channel_id,
            entity=window.stream.entity,
            store_id=window.stream.store_id,
            kind=window.kind,
            lo=window.lo,
            hi=window.hi,
            last_id=window.last_id,
            state="open",
            expected=window.expected,
        )
        .returning(_rows.c.id)
    ).scalar_one()
    return replace(window, id=id_)


def _of(stream: Stream) -> ColumnElement[bool]:
    return _of_entity(stream.channel_id, stream.entity) & (_rows.c.store_id == stream.store_id)


def _of_entity(channel_id: int, entity: str) -> ColumnElement[bool]:
    return (_rows.c.channel_id == channel_id) & (_rows.c.entity == entity)


def _window(row: RowMapping) -> Window:
    return Window(
        row["id"],
        Stream(row["channel_id"], row["entity"], row["store_id"]),
        row["kind"],
        row["lo"],
        row["hi"],
        row["last_id"],
        row["expected"],
    )
