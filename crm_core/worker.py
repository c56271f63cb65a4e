"""The worker: looks what is due, reads it in threads, keeps house, and stops cleanly.

What is due and who holds it is in the store (crm_core.sync.schedule, crm_core.store.lease); Huey only hands jobs to
threads, of this process or of another worker beside the same queue. A job that is lost is due again seconds later.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from huey import Huey, PostgresHuey, SqliteHuey
from sqlalchemy import URL, text

from crm_core.errors import DeskError, LeaseLost, NotFound
from crm_core.sales.placing import settle
from crm_core.settings import settings
from crm_core.store.database import Store
from crm_core.store.engines import clear_errors, parse_url, sqlite_file
from crm_core.store.indexes import ensure_indexes, refresh_statistics
from crm_core.store.lease import release_all
from crm_core.sync import schedule
from crm_core.sync.audit import expire_closed_carts
from crm_core.sync.housekeeping import Chore, check_rollups, forget_old_runs, keep_house
from crm_core.sync.nightly import audit, claim_audits
from crm_core.sync.removal import forget_uncovered
from crm_core.sync.run import Progress
from crm_core.sync.transaction import Tally
from crm_core.sync.work import LEASE_SECONDS, read_entity, this_process

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How often the worker looks what is due, and Huey's threads for jobs on SQLite."""

STOP_SECONDS = 3.0
"""How long work under way may take to come to its next commit when the worker stops; then it is cut off there."""

CHORES = (
    Chore("expiry", timedelta(minutes=1), expire_closed_carts),
    Chore("scope", timedelta(hours=1), forget_uncovered),
    Chore("runs", timedelta(hours=1), forget_old_runs),
    Chore("rollups", timedelta(days=1), check_rollups),
    Chore("statistics", timedelta(days=1), refresh_statistics),
)

_QUEUE_LOCK = 4_711_028
"""Number of PostgreSQL's advisory lock that lets one process make Huey's tables at a time."""

_SETTLE_SECONDS = 2.0
_CHORES_SECONDS = 20.0
_AUDIT_SECONDS = 60.0
_HEALTH_SECONDS = 10.0
_AFTER_TROUBLE_SECONDS = 5.0


class Stopping(Exception):
    """The worker stops: the run under way ends after its last commit, and nothing is lost."""


@dataclass
class _Duty:
    """What a loop does again and again: `do` every so many seconds, first at once."""

    every: float
    do: Callable[[], object]
    next_at: float = 0.0


def run(store: Store, threads: int, lease_seconds: float = LEASE_SECONDS) -> None:
    """Work until SIGTERM or SIGINT, then end within five seconds; what was under way is due at once for others.

    Call it in the main thread. Indexes that a killed import left out are built first.
    """
    for name in ensure_indexes(store):
        logger.info("Built the index %s, which an import had left out.", name)
    stop = threading.Event()
    queue, queue_url = _queue(store), _queue_url(store)
    read = queue.task(name="read", expires=schedule.CLAIM)(_reader(store, stop, lease_seconds))
    audit_channel = queue.task(name="audit")(_auditor(store, stop))
    consumer = queue.create_consumer(
        workers=threads,
        periodic=False,
        initial_delay=0.1,
        max_delay=LOOK_SECONDS,
        shutdown_timeout=STOP_SECONDS,
    )
    consumer.start()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())

    # Leases of the clock tell when something was last begun; those of the process are given back when it ends.
    by_clock = f"{this_process()} by the clock"

    def enqueue_due() -> None:
        for due in schedule.claim_due(store):
            with clear_errors(queue_url):
                read(due.channel_id, due.entity)

    def enqueue_audits() -> None:
        for channel_id in claim_audits(store, by_clock, datetime.now(UTC)):
            with clear_errors(queue_url):
                audit_channel(channel_id)

    # A thread of its own: what became of an order must not wait for an import.
    house = [
        _Duty(_SETTLE_SECONDS, lambda: settle(store)),
        _Duty(_CHORES_SECONDS, lambda: keep_house(store, CHORES, by_clock)),
    ]
    housekeeper = threading.Thread(target=_keep_doing, args=(house, stop), name="housekeeper", daemon=True)
    housekeeper.start()
    logger.info("%s is kept in step with its shops, with %d threads.", store, threads)
    duties = [
        _Duty(LOOK_SECONDS, enqueue_due),
        _Duty(_AUDIT_SECONDS, enqueue_audits),
        _Duty(_HEALTH_SECONDS, consumer.check_worker_health),
    ]
    _keep_doing(duties, stop)
    consumer.stop(graceful=True)
    with store.writing() as connection:
        release_all(connection, this_process())
    logger.info("The worker has stopped.")
    housekeeper.join(0.5)
    if threading.active_count() > 1:
        # A request still on its way to a shop would keep the process for its whole time limit.
        logging.shutdown()
        os._exit(0)


def _keep_doing(duties: Sequence[_Duty], stop: threading.Event) -> None:
    """Do each duty in its time until told to stop. Trouble is told, and after a pause things go on."""
    while not stop.is_set():
        for duty in duties:
            if time.monotonic() < duty.next_at:
                continue
            duty.next_at = time.monotonic() + duty.every
            try:
                duty.do()
            except DeskError as trouble:
                logger.warning("%s", trouble)
                stop.wait(_AFTER_TROUBLE_SECONDS)
            except Exception:
                logger.exception("Something unexpected went wrong; the worker goes on.")
                stop.wait(_AFTER_TROUBLE_SECONDS)
        stop.wait(LOOK_SECONDS)


def _queue(store: Store) -> Huey:
    """The job queue of this store. Raises StoreUnusable, with what to do, if its file cannot be made or opened."""
    url = _queue_url(store)
    if store.dialect_name == "sqlite":
        with clear_errors(url):
            return SqliteHuey(_store_file(store).name, filename=url.database, results=False)
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with store.writing() as connection:
        # Two workers that start at once would both find Huey's tables missing, and one would fail to make them.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _QUEUE_LOCK})
        return PostgresHuey("desk", dsn=dsn, results=False)


def _queue_url(store: Store) -> URL:
    """Where the job queue is kept: a file beside an SQLite store, tables of Huey's own in a PostgreSQL store."""
    url = parse_url(store.url)
    if store.dialect_name == "postgresql":
        return url
    return url.set(database=str(_store_file(store).with_name("jobs.db")))


def _store_file(store: Store) -> Path:
    return sqlite_file(parse_url(store.url)) or settings().data_dir / "desk.db"


def _reader(store: Store, stop: threading.Event, lease_seconds: float) -> Callable[[int, str], None]:
    """The job: one entity of one channel. Whatever happens is noted in the schedule; nothing is raised."""

    def on_step(_: Progress) -> None:
        if stop.is_set():
            raise Stopping

    def read(channel_id: int, entity: str) -> None:
        try:
            read_entity(store, channel_id, entity, holder=this_process(), on_step=on_step, lease_seconds=lease_seconds)
        except Stopping:
            return  # it is due, and the lease is free: another worker, or the next one, goes on
        except (LeaseLost, NotFound) as reason:
            logger.info("%s", reason)
        except DeskError:
            return  # noted in the schedule and told in the log where it happened
        except Exception as bug:
            logger.exception("Reading %s of channel %d failed unexpectedly.", entity, channel_id)
            schedule.finish_failed(store, channel_id, entity, bug)

    return read


def _auditor(store: Store, stop: threading.Event) -> Callable[[int], None]:
    """The nightly job: what ticks cannot see of one channel. Cut off by the worker's end, it is done the next night."""

    def on_step(_: Tally) -> None:
        if stop.is_set():
            raise Stopping

    def audit_channel(channel_id: int) -> None:
        try:
            audit(store, channel_id, this_process(), on_step)
        except (Stopping, NotFound):
            return
        except Exception:
            logger.exception("The audit of channel %d failed unexpectedly.", channel_id)

    return audit_channel
