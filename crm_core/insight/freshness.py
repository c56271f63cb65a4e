"""How old the mirrored figures are: the time of the oldest of the latest synchronisations that they rest on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from crm_core.insight.directory import Directory
from crm_core.insight.filters import Filter
from crm_core.store.keys import origin_of
from crm_core.store.tables import sync_state


@dataclass(frozen=True)
class Freshness:
    """`as_of`: every channel concerned was in step with its shop then, UTC; None while one never was.

    `importing` names the channels whose first import has not finished: figures lack what is still to come.
    """

    as_of: datetime | None
    importing: tuple[str, ...]


def freshness(
    connection: Connection, entities: Collection[str], names: Directory, channel_ids: Collection[int] = ()
) -> Freshness:
    """How old the figures of these entities ("carts", "orders", ...) are; of all channels if none is named."""
    concerned = [each for each in names.channels if not channel_ids or each.id in channel_ids]
    states = {
        (row.channel_id, row.entity): row
        for row in connection.execute(
            select(
                sync_state.c.channel_id,
                sync_state.c.entity,
                sync_state.c.last_success_at,
                sync_state.c.first_import_done_at,
            ).where(sync_state.c.entity.in_(entities))
        )
    }
    moments: list[datetime] = []
    importing: set[str] = set()
    complete = bool(concerned)
    for each in concerned:
        for entity in entities:
            state = states.get((each.id, entity))
            if state is None or state.first_import_done_at is None:
                importing.add(each.name)
            if state is None or state.last_success_at is None:
                complete = False
            else:
                moments.append(state.last_success_at)
    return Freshness(min(moments) if complete and moments else None, tuple(sorted(importing)))


def channels_of(wanted: Filter, names: Directory) -> set[int]:
    """The channels whose rows the filter can show; empty: all of them."""
    if wanted.channel_ids:
        return set(wanted.channel_ids)
    found = [names.channel_of(*origin_of(key)) for key in wanted.stores]
    found += [names.channel_of_website(*origin_of(key)) for key in wanted.websites]
    return {each.id for each in found if each}
