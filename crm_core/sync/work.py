"""One piece of work: read one entity of one channel, under its lease, with the schedule kept and trouble noted."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import insert, select

from crm_core.errors import DeskError, LeaseLost
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.lease import Lease, acquire, check, release, renew
from crm_core.sync import schedule
from crm_core.sync.channels import Channel, OpenShop, channel_by_id, lease_name, opened
from crm_core.sync.days import take_over_zone
from crm_core.sync.dearest_totals import read_dearest_totals
from crm_core.sync.run import OnStep, Progress, run_entity
from crm_core.sync.schedule import Request
from crm_core.sync.stores import MovedZone, synchronise_stores
from crm_core.sync.windows import FIRST, TICK

logger = logging.getLogger(__name__)

_NONCE = secrets.token_hex(4)

LEASE_SECONDS = 60.0
"""How long a worker may be silent before another takes its work over."""


def this_process() -> str:
    """A name for this process that no other has, also on another machine, to hold leases under."""
    return f"{socket.gethostname()}:{os.getpid()}:{_NONCE}"


def read_entity(
    store: Store,
    channel_id: int,
    entity: str,
    *,
    holder: str,
    person: str | None = None,
    full: bool = False,
    on_step: OnStep | None = None,
    lease_seconds: float = LEASE_SECONDS,
) -> Progress | None:
    """Read one entity of a channel now, unless someone else does: None then, and nothing was done.

    What the schedule holds ready (a person's request, a full pass) is done with it; carts bring the totals that the
    channel's rules ask for. `holder` names this process.
    `on_step` is called as by `run_entity`. A DeskError is noted in the schedule, pauses the channel if a person must
    mend it, and is raised on; a missing permission stops this entity only.
    """
    with holding(store, lease_name(channel_id, entity), holder, lease_seconds) as lease:
        if lease is None:
            return None
        channel = channel_by_id(store, channel_id)
        request = schedule.begin(store, channel_id, entity)
        started = time.monotonic()
        try:
            with opened(store, channel) as shop:
                asked_by = person or request.person
                if entity == "stores":
                    progress = _read_stores(store, shop, request, asked_by, lease, lease_seconds)
                else:
                    progress = run_entity(
                        store, shop, entity, full=full or request.full, person=asked_by, lease=lease, on_step=on_step
                    )
                    if entity == "carts":
                        tell = None if on_step is None else partial(on_step, progress)
                        read_dearest_totals(store, shop, lease=lease, on_step=tell)
        except LeaseLost:
            raise
        except DeskError as trouble:
            logger.warning("%s: %s: %s", channel.name, entity, trouble)
            schedule.finish_failed(store, channel_id, entity, trouble)
            raise
        schedule.finish(store, channel, entity, request)
        _tell(channel, entity, progress, time.monotonic() - started)
        return progress


@contextmanager
def holding(store: Store, name: str, holder: str, seconds: float = LEASE_SECONDS) -> Iterator[Lease | None]:
    """The lease for the length of the block, renewed from a thread; None if someone else holds it."""
    with store.writing() as connection:
        lease = acquire(connection, name, holder, seconds)
    if lease is None:
        yield None
        return
    ended = threading.Event()
    keeper = threading.Thread(target=_keep, args=(store, lease, seconds, ended), name=f"lease {name}", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        ended.set()
        keeper.join()
        with store.writing() as connection:
            release(connection, lease)


def _keep(store: Store, lease: Lease, seconds: float, ended: threading.Event) -> None:
    while not ended.wait(seconds / 4):
        try:
            with store.writing() as connection:
                renew(connection, lease, seconds)
        except LeaseLost:
            return  # the next commit finds out by itself
        except DeskError as trouble:
            logger.warning("The lease %s could not be renewed now: %s", lease.name, trouble)


def _read_stores(
    store: Store, shop: OpenShop, request: Request, person: str | None, lease: Lease, lease_seconds: float
) -> Progress:
    """Mirror the shop's structure, take over moved time zones, and leave a row in sync_run as other runs do."""
    tally, moved = synchronise_stores(store, shop, lease=lease)
    for zone in moved:
        _take_over(store, shop.channel, zone, lease, lease_seconds)
    kind = FIRST if request.is_first else TICK
    now = datetime.now(UTC)
    with store.writing() as connection:
        check(connection, lease)  # the channel may have been removed meanwhile
        connection.execute(
            insert(tables.sync_run).values(
                channel_id=shop.channel.id,
                entity="stores",
                kind=kind,
                person=person,
                started_at=request.started_at,
                renewed_at=now,
                finished_at=now,
                expected=tally.read,
                read=tally.read,
                added=tally.added,
                changed=tally.changed,
                unchanged=tally.unchanged,
            )
        )
    return Progress(kind, tally, tally.read)


def _take_over(store: Store, channel: Channel, moved: MovedZone, lease: Lease, lease_seconds: float) -> None:
    """Rebuild the days of a store view while nobody reads orders of the shop; if somebody does, the next run tries."""
    with store.reading() as connection:
        siblings = connection.scalars(
            select(tables.channel.c.id).where(tables.channel.c.shop_id == channel.shop_id).order_by(tables.channel.c.id)
        ).all()
    with ExitStack() as leases:
        for sibling in siblings:
            name = lease_name(sibling, "orders")
            if leases.enter_context(holding(store, name, lease.holder, lease_seconds)) is None:
                logger.info("%s: a store view's time zone changed; its orders are being read, so later.", channel.name)
                return
        changed = take_over_zone(store, channel.shop_id, moved)
    logger.info("%s: the days of %d orders are those of %s now.", channel.name, changed, moved.zone.key)


def _tell(channel: Channel, entity: str, progress: Progress, seconds: float) -> None:
    """Into the log: a first or a full read, and what went into quarantine; the usual looks only where more is asked."""
    tally = progress.tally
    level = logging.INFO if progress.kind != TICK or tally.quarantined else logging.DEBUG
    logger.log(
        level,
        "%s: %s: %d read, %d added, %d changed, %d quarantined in %.1f s",
        channel.name,
        entity,
        tally.read,
        tally.added,
        tally.changed,
        tally.quarantined,
        seconds,
    )
