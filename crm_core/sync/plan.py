"""What a run is to read: the windows that are owed as it begins, and the ticks that a long one adds to keep up."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from crm_core.magento.shop import Entity
from crm_core.store import tables
from crm_core.sync import schedule, windows
from crm_core.sync.channels import OpenShop, channel_in
from crm_core.sync.windows import FIRST, FULL, TICK, Stream, Window


class Plan:
    """The windows of one run of an entity. `kind` is what the run is: first, tick or full."""

    def __init__(self, shop: OpenShop, entity: Entity) -> None:
        self.kind = TICK
        self._shop = shop
        self._entity = entity
        self._asked_at: datetime | None = None
        self._added: set[int] = set()
        self._pause_began = time.monotonic()

    def begin(self, connection: Connection, shop_now: datetime, now: datetime, *, full: bool) -> list[Window]:
        """The windows to read, newest first, now rows; call it before the run has its own row in sync_run.

        A full pass that is under way goes on; one that is asked for meanwhile follows it.
        """
        self._asked_at = self._last_begun(connection)
        unended = windows.full_pass(connection, self._streams)
        anew = full and "open" not in unended
        overlap, asked = self._shop.channel.overlap, self._last_asked(shop_now, now)
        owed: list[Window] = []
        for stream in self._streams:
            owed += windows.owe(connection, stream, shop_now, overlap, full=anew, asked=asked)
        if anew and channel_in(connection, self._shop.channel.id).rules == self._shop.channel.rules:
            schedule.note_full_pass(connection, self._shop.channel.id, self._entity.value)
        kinds = {window.kind for window in owed}
        self.kind = FULL if unended or FULL in kinds else FIRST if FIRST in kinds else TICK
        self._asked_at, self._pause_began = now, time.monotonic()
        return owed

    def wants_ticks(self, unread: Iterable[Window]) -> bool:
        """Whether the run has lasted for an interval of the channel without a look at what changed meanwhile.

        Only a long one: a run of nothing but ticks must end, however slow the shop, and the next follows at once. And
        only so long after those it added before were read, or a slow shop would be asked for nothing else.
        """
        if self._added or time.monotonic() - self._pause_began < self._shop.channel.every_seconds:
            return False
        return any(window.kind != TICK or window.expected is not None for window in unread)

    def add_ticks(self, connection: Connection, shop_now: datetime, now: datetime) -> list[Window]:
        """New windows for what changed meanwhile."""
        overlap, asked = self._shop.channel.overlap, self._last_asked(shop_now, now)
        ticks = [windows.add_tick(connection, stream, shop_now, overlap, asked) for stream in self._streams]
        self._added |= {tick.id for tick in ticks}
        self._asked_at = now
        return ticks

    def parted(self, window: Window, older: Window) -> None:
        """The window was split, so `older` is to be read too."""
        if window.id in self._added:
            self._added.add(older.id)

    def walked(self, window: Window) -> None:
        """The window was read to its end."""
        if window.id in self._added:
            self._added.remove(window.id)
            self._pause_began = time.monotonic()

    def end(self, connection: Connection) -> None:
        """All was read: finished windows are forgotten but the newest of each stream, and a full pass has ended."""
        for stream in self._streams:
            windows.forget_done(connection, stream)
        if self.kind == FULL:
            windows.end_full_pass(connection, self._shop.channel.id, self._entity.value)

    @property
    def _streams(self) -> list[Stream]:
        channel_id = self._shop.channel.id
        if self._entity is Entity.CARTS:
            return [Stream(channel_id, self._entity.value, store_id) for store_id in sorted(self._shop.store_views)]
        return [Stream(channel_id, self._entity.value, 0)]

    def _last_begun(self, connection: Connection) -> datetime | None:
        run = tables.sync_run.c
        of_entity = (run.channel_id == self._shop.channel.id) & (run.entity == self._entity.value)
        began: datetime | None = connection.scalar(select(func.max(run.started_at)).where(of_entity))
        return began

    def _last_asked(self, shop_now: datetime, now: datetime) -> datetime | None:
        """When the shop was last asked what changed, by this machine's clock or by the shop's, whichever is behind."""
        return None if self._asked_at is None else self._asked_at + min(shop_now - now, timedelta())
