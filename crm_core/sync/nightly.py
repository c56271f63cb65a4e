"""The nightly audit of a channel: what its ticks cannot see is found once a day, in the shop's night if possible."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from crm_core.errors import DeskError, LeaseLost, PermissionMissing
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.lease import Lease, acquire
from crm_core.store.tables import ENTITIES
from crm_core.sync.audit import OnTally, find_gone, reread
from crm_core.sync.channels import Channel, channel_by_id, channels, lease_name, opened
from crm_core.sync.schedule import last_successes
from crm_core.sync.work import holding

logger = logging.getLogger(__name__)

NIGHT = range(1, 6)
"""Hours of the shop's local time in which it is audited."""

AT_MOST_EVERY = timedelta(hours=20)
AT_LEAST_EVERY = timedelta(hours=48)
"""A worker that never runs at night audits by day then."""

RETRY = timedelta(minutes=15)
_PATIENCE_SECONDS = 120.0


def claim_audits(store: Store, holder: str, now: datetime) -> list[int]:
    """The ids of the channels to be audited now by the caller; no other worker gets them for 20 hours."""
    claimed = []
    for channel in channels(store):
        if channel.paused_at is None and _is_due(store, channel, now):
            with store.writing() as connection:
                if acquire(connection, _name(channel.id), holder, AT_MOST_EVERY.total_seconds()) is not None:
                    claimed.append(channel.id)
    return claimed


def audit(store: Store, channel_id: int, holder: str, on_step: OnTally | None = None) -> None:
    """Mark what is gone from the shop, and read anew what changes there without a trace, entity by entity.

    Trouble is told in the log; then the audit is due again in 15 minutes. What `on_step` raises ends it.
    """
    channel = channel_by_id(store, channel_id)
    try:
        for entity in _read_before(store, channel_id):
            _audit_entity(store, channel, entity, holder, on_step)
    except LeaseLost as reason:
        logger.info("%s", reason)
    except DeskError as trouble:
        logger.warning("%s: the audit stopped: %s", channel.name, trouble)
        with store.writing() as connection:
            connection.execute(
                update(tables.lease)
                .where(tables.lease.c.name == _name(channel_id))
                .values(expires_at=datetime.now(UTC) + RETRY)
            )


def _audit_entity(store: Store, channel: Channel, entity: str, holder: str, on_step: OnTally | None) -> None:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        with holding(store, lease_name(channel.id, entity), holder) as lease:
            if lease is not None:
                _audit_held(store, channel, entity, lease, on_step)
                return
        time.sleep(1)
    logger.info("%s: %s are being read for long; they are audited tomorrow.", channel.name, entity)


def _audit_held(store: Store, channel: Channel, entity: str, lease: Lease, on_step: OnTally | None) -> None:
    started = time.monotonic()
    try:
        with opened(store, channel) as shop:
            gone = find_gone(store, shop, entity, lease=lease, on_step=on_step)
            tally = reread(store, shop, entity, lease=lease, on_step=on_step)
    except PermissionMissing as missing:
        logger.info("%s: %s are not audited: %s", channel.name, entity, missing)
        return
    logger.info(
        "%s: %s audited: %d gone, %d read anew, %d of them changed in %.1f s",
        channel.name,
        entity,
        gone,
        tally.read,
        tally.changed,
        time.monotonic() - started,
    )


def _is_due(store: Store, channel: Channel, now: datetime) -> bool:
    """Whether it is night in the shop, or no audit began for two days, and none began for 20 hours."""
    if not _read_before(store, channel.id) or channel.created_at > now - AT_MOST_EVERY:
        return False
    with store.reading() as connection:
        free_at = connection.scalar(select(tables.lease.c.expires_at).where(tables.lease.c.name == _name(channel.id)))
        view = tables.store_view.c
        zone = connection.scalar(
            select(view.timezone).where(view.shop_id == channel.shop_id).order_by(view.id).limit(1)
        )
    if free_at is not None and free_at > now:
        return False
    began = channel.created_at if free_at is None else free_at - AT_MOST_EVERY
    if began < now - AT_LEAST_EVERY:
        return True
    return zone is not None and now.astimezone(ZoneInfo(zone)).hour in NIGHT


def _read_before(store: Store, channel_id: int) -> list[str]:
    """What of the channel was read to its end before, in the order of work: not what a permission is missing for."""
    successes = last_successes(store, channel_id)
    return [entity for entity in ENTITIES[1:] if successes[entity] is not None]


def _name(channel_id: int) -> str:
    return f"audit:{channel_id}"
