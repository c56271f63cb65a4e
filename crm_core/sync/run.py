"""One run: what an entity of a channel owes is read from the shop, page by page, and committed as it comes.

Several windows are read at once, as many as the channel allows connections. Threads only wait for the shop; one thread
looks into what they bring, and writes. Whatever stops a run, the next one goes on where it stopped: windows are rows,
and a page and its position commit together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain

from sqlalchemy import ColumnElement, Connection, insert, select, update

from crm_core.errors import ShopAnsweredNonsense
from crm_core.magento.shop import Entity
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.indexes import without_secondary_indexes
from crm_core.store.keys import record_key
from crm_core.store.lease import Lease, check
from crm_core.sync import quarantine, windows
from crm_core.sync.audit import find_gone
from crm_core.sync.cart_links import make_carts
from crm_core.sync.channels import OpenShop
from crm_core.sync.missing_carts import since_when, supply_missing_carts
from crm_core.sync.pages import note_progress, put_and_leave, write_page, write_records
from crm_core.sync.plan import Plan
from crm_core.sync.reading import (
    Answer,
    Pace,
    Page,
    Question,
    ask_page,
    open_answer,
    pass_failure,
    read_one,
    window_search,
)
from crm_core.sync.transaction import Tally, writing
from crm_core.sync.windows import FULL, TICK, WINDOW_SIZE, Cut, Stream, Window


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `expected` is how many records the shop counted in what is to be read, None before it did."""

    kind: str
    tally: Tally
    expected: int | None


_Result = Answer | Page | Cut | int
"""What a reading thread brings: a page to look into, one past a failure, where to cut a window, or what it holds."""

OnStep = Callable[[Progress], None]


def run_entity(
    store: Store,
    shop: OpenShop,
    entity: str,
    *,
    full: bool = False,
    person: str | None = None,
    lease: Lease | None = None,
    on_step: OnStep | None = None,
    window_size: int = WINDOW_SIZE,
) -> Progress:
    """Read customers, orders or carts of a channel: what changed, or with `full` everything anew, also what is gone.

    A channel's first run reads everything in any case, newest first. A full pass that was cut off goes on with the next
    run, asked for again or not. The caller holds the lease and keeps it; each commit checks it. Windows are cut to hold
    `window_size` records at most. `on_step` is called after every commit; what it raises ends the run, and nothing is
    lost. Raises what the shop's client raises, LeaseLost and StoreUnusable; the run's row in sync_run then tells the
    error.
    """
    run = _Run(store, shop, Entity(entity), lease, on_step, window_size)
    run.begin(full=full, person=person)
    try:
        run.read()
        run.retry_quarantined()
        if run.entity is Entity.CARTS:
            run.supply_carts()
        run.find_gone()
        run.finish()
    except BaseException as trouble:
        run.fail(str(trouble) or type(trouble).__name__)
        raise
    return run.progress()


class _Run:
    def __init__(
        self,
        store: Store,
        shop: OpenShop,
        entity: Entity,
        lease: Lease | None,
        on_step: OnStep | None,
        window_size: int,
    ) -> None:
        self.entity = entity
        self._store = store
        self._shop = shop
        self._lease = lease
        self._on_step = on_step
        self._window_size = window_size
        self._plan = Plan(shop, entity)
        self._is_first = False
        self._run_id = 0
        self._tally = Tally()
        self._expected: int | None = None
        self._owed: list[Window] = []
        self._oldest_tick: datetime | None = None
        self._last_cut: dict[Stream, Window] = {}
        self._held: set[int] = set()

    @property
    def _in_state(self) -> ColumnElement[bool]:
        """The row of sync_state that tells about the entity of the channel."""
        state = tables.sync_state.c
        return (state.channel_id == self._shop.channel.id) & (state.entity == self.entity.value)

    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self._plan.kind, replace(self._tally), self._expected)

    # ---- its row ----------------------------------------------------------------------------------------------------

    def begin(self, *, full: bool, person: str | None) -> None:
        """Owe what is to be read: rows first, requests afterwards."""
        shop_now = self._shop.magento.connection.shop_now()
        now = datetime.now(UTC)
        with self._writing() as connection:
            self._owed = self._plan.begin(connection, shop_now, now, full=full)
            self._held = quarantine.held(connection, self._shop.channel.id, self.entity.value)
            done_at = connection.scalar(select(tables.sync_state.c.first_import_done_at).where(self._in_state))
            self._is_first = done_at is None
            self._run_id = connection.execute(
                insert(tables.sync_run)
                .values(
                    channel_id=self._shop.channel.id,
                    entity=self.entity.value,
                    kind=self._plan.kind,
                    person=person,
                    started_at=now,
                    renewed_at=now,
                    read=0,
                    added=0,
                    changed=0,
                    unchanged=0,
                    quarantined=0,
                )
                .returning(tables.sync_run.c.id)
            ).scalar_one()
        self._oldest_tick = min((window.lo for window in self._owed), default=None)
        if any(window.expected is not None for window in self._owed):
            self._expected = sum(window.expected or 0 for window in self._owed)
        self._step()

    def finish(self) -> None:
        """Nothing is owed any more, and the run's row says when it ended."""
        with self._writing() as connection:
            self._plan.end(connection)
            self._end(connection, None)

    def fail(self, error: str) -> None:
        """The run's row says when it ended, and why."""
        with self._store.writing() as connection:
            self._end(connection, error)

    def _end(self, connection: Connection, error: str | None) -> None:
        now = datetime.now(UTC)
        connection.execute(
            update(tables.sync_run)
            .where(tables.sync_run.c.id == self._run_id)
            .values(
                renewed_at=now,
                finished_at=now,
                error=error,
                read=self._tally.read,
                added=self._tally.added,
                changed=self._tally.changed,
                unchanged=self._tally.unchanged,
                quarantined=self._tally.quarantined,
            )
        )

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._store.writing() as connection:
            if self._lease is not None:
                check(connection, self._lease)
            yield connection

    def _step(self) -> None:
        if self._on_step is not None:
            self._on_step(self.progress())

    # ---- reading ----------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Walk all windows that are owed, newest first, those that ticks add meanwhile included."""
        # A first import that was stopped after its last page never came to build them; a full pass may follow it, too.
        may_lack = self._is_first or any(window.kind != TICK for window in self._owed)
        without = without_secondary_indexes(self._store, self.entity.value) if may_lack else nullcontext()
        pool = ThreadPoolExecutor(self._shop.channel.connections, thread_name_prefix="reading")
        under_way: dict[Future[_Result], Window] = {}
        try:
            with without:
                while self._owed or under_way:
                    self._keep_up(under_way.values())
                    while self._owed and len(under_way) < self._shop.channel.connections:
                        self._start(pool, under_way, self._newest())
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        self._take(pool, under_way, under_way.pop(future), future.result())
        finally:
            # After trouble, an answer that is still on its way is of no use to anyone.
            pool.shutdown(wait=False, cancel_futures=True)

    def _newest(self) -> Window:
        window = max(self._owed, key=lambda owed: (owed.hi, owed.lo))
        self._owed.remove(window)
        return window

    def _start(self, pool: ThreadPoolExecutor, under_way: dict[Future[_Result], Window], window: Window) -> None:
        if window.is_wide(self._window_size):
            neighbour = self._last_cut.get(window.stream)
            under_way[pool.submit(_cut, self._shop, window, neighbour, self._window_size)] = window
        else:
            self._read_on(pool, under_way, window, Pace(self._shop.channel.page_size))

    def _read_on(
        self,
        pool: ThreadPoolExecutor,
        under_way: dict[Future[_Result], Window],
        window: Window,
        pace: Pace,
    ) -> None:
        question = Question(window_search(self._shop, window), window.last_id, pace)
        under_way[pool.submit(ask_page, self._shop, self.entity, question)] = window

    def _take(
        self,
        pool: ThreadPoolExecutor,
        under_way: dict[Future[_Result], Window],
        window: Window,
        result: _Result,
    ) -> None:
        """Commit what a reading thread brought; the next request of the same window leaves before that."""
        if isinstance(result, Answer):
            question = result.question
            try:
                result = open_answer(self._shop, self.entity, result)
            except ShopAnsweredNonsense as failure:
                under_way[pool.submit(pass_failure, self._shop, self.entity, question, failure)] = window
                return
        if isinstance(result, int):
            self._counted(window, result)
        elif isinstance(result, Cut):
            self._split(window, result)
        elif _is_too_much(window, result, self._window_size):
            with self._writing() as connection:
                self._owed.append(windows.expect(connection, window, result.total_count or 0))
        else:
            if window.is_whole and window.expected is None:
                self._expected = (self._expected or 0) + (result.total_count or len(result.items))
            if not result.is_last:
                self._read_on(pool, under_way, replace(window, last_id=result.last_id), result.pace)
            if result.is_last or result.last_id > window.last_id:
                self._write(window, result)
        self._step()

    def _write(self, window: Window, page: Page) -> None:
        batch, tally = write_page(
            self._store, self._shop, window, page, run_id=self._run_id, lease=self._lease, held=self._held
        )
        self._held |= {record.origin_id for record in batch.rejected}
        self._tally.add(tally)
        if page.is_last:
            self._plan.walked(window)

    def _counted(self, window: Window, count: int) -> None:
        """The shop counted a whole window: all of the stream, for a first import or a full pass."""
        self._expected = (self._expected or 0) + count
        with self._writing() as connection:
            self._owed.append(windows.expect(connection, window, count))
            connection.execute(update(tables.sync_state).where(self._in_state).values(remote_count=self._expected))
            connection.execute(
                update(tables.sync_run).where(tables.sync_run.c.id == self._run_id).values(expected=self._expected)
            )

    def _split(self, window: Window, cut: Cut) -> None:
        with self._writing() as connection:
            if cut.at <= window.lo:
                self._owed.append(windows.expect(connection, window, cut.newer))
                return
            newer, older = windows.split(connection, window, cut)
            if not cut.newer:
                windows.advance(connection, newer, 0, done=True)
        self._plan.parted(window, older)
        if not cut.newer:
            self._plan.walked(newer)
        self._last_cut[window.stream] = newer
        self._owed += [newer, older] if cut.newer else [older]

    def _keep_up(self, under_way: Iterable[Window]) -> None:
        """What changes during a long import is read about as often as the channel is read at all."""
        if self._plan.wants_ticks(chain(self._owed, under_way)):
            shop_now = self._shop.magento.connection.shop_now()
            with self._writing() as connection:
                self._owed += self._plan.add_ticks(connection, shop_now, datetime.now(UTC))

    # ---- afterwards -------------------------------------------------------------------------------------------------

    def retry_quarantined(self) -> None:
        """Ask again for records in quarantine whose time has come; those that pass, or are gone, leave it."""
        if not self._held:
            return
        channel = self._shop.channel
        with self._store.reading() as connection:
            due = quarantine.due(connection, channel.id, self.entity.value, datetime.now(UTC))
        for origin_id in due:
            batch = read_one(self._shop, self.entity, origin_id)
            shop_now = self._shop.magento.connection.shop_now()
            with writing(
                self._store, channel.shop_id, shop_now, asked_at=batch.asked_at, lease=self._lease
            ) as transaction:
                write_records(transaction, self.entity, batch.records)
                put_and_leave(transaction, self._shop, self.entity.value, batch, due)
                if not batch.rejected and not batch.records:
                    quarantine.leave(transaction.connection, channel.id, self.entity.value, [origin_id])
                    if self.entity is Entity.CARTS:
                        # Nobody looked for the cart of its order as long as it was known to be there.
                        transaction.tally.added += make_carts(transaction, [record_key(channel.shop_id, origin_id)])
                note_progress(transaction, self._run_id)
            self._tally.add(transaction.tally)
            self._step()

    def supply_carts(self) -> None:
        """Orders whose cart the shop deleted have one in the store."""
        since = None
        if self._plan.kind == TICK and self._oldest_tick is not None:
            since = since_when(self._store, self._shop, self._oldest_tick)

        def count(tally: Tally) -> None:
            self._tally.add(tally)
            self._step()

        supply_missing_carts(self._store, self._shop, changed_since=since, lease=self._lease, on_step=count)

    def find_gone(self) -> None:
        """A full pass tells what is gone from the shop, too."""
        if self._plan.kind == FULL:
            find_gone(self._store, self._shop, self.entity.value, lease=self._lease, on_step=lambda _: self._step())


def _is_too_much(window: Window, page: Page, window_size: int) -> bool:
    """Whether the first page of a tick tells that it must be cut before it is walked."""
    return (
        window.is_whole
        and window.expected is None
        and page.total_count is not None
        and page.total_count > window_size
        and window.hi > window.lo
    )


def _cut(shop: OpenShop, window: Window, neighbour: Window | None, size: int) -> Cut | int:
    """Where to cut a wide window, by counting; or how much it holds, if that is not known yet."""
    entity = Entity(window.stream.entity)
    if window.expected is None:
        return shop.magento.count(entity, window_search(shop, window))
    span = windows.first_guess(neighbour, size)
    while True:
        at = windows.cut_at(window, span)
        count = shop.magento.count(entity, window_search(shop, replace(window, lo=at)))
        if count <= size or at == window.hi:
            return Cut(at, count, max(0, window.expected - count))
        span = windows.next_guess(window.hi - at + windows.SECOND, count, size)
