"""`python -m crm_core sync`: read shops now, in this process, and tell what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from crm_core.access.people import person_of_this_machine
from crm_core.commands.console import err, opened, out, plain, row, table
from crm_core.errors import ChannelError, DeskError, NotAllowed, PermissionMissing, ShopUnreachable, StoreUnusable
from crm_core.store.database import Store
from crm_core.store.indexes import ensure_indexes
from crm_core.store.tables import ENTITIES
from crm_core.sync import run
from crm_core.sync.channels import Channel, channel_by_name, channels
from crm_core.sync.schedule import known_entities, last_read
from crm_core.sync.work import LEASE_SECONDS, read_entity, this_process

_PATIENCE_SECONDS = LEASE_SECONDS + 15
"""How long another process may be waited for: one that was killed holds its work until its lease ends."""


@dataclass(frozen=True)
class _Done:
    """What came of one entity of one channel: how far it got, or why it did not."""

    channel: Channel
    entity: str
    progress: run.Progress | None
    seconds: float
    trouble: DeskError | None


class _Rate(ProgressColumn):
    """Records a second: of late, or of all where they came in one go."""

    def render(self, task: Task) -> RenderableType:
        """Empty until known."""
        rate = task.finished_speed or task.speed
        if rate is None and task.completed and task.finished_time:
            rate = task.completed / task.finished_time
        return Text("" if rate is None else f"{rate:,.{0 if rate >= 10 else 1}f}/s")


def sync(
    channel: Annotated[str | None, typer.Option(help="Name of one channel. None: all that are not paused.")] = None,
    entity: Annotated[str | None, typer.Option(help=f"One of: {', '.join(ENTITIES)}. None: all.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything anew, not only what changed.")] = False,
) -> None:
    """Read now what changed in the shops; on the first run everything. Interrupted, the next run goes on."""
    wanted = ENTITIES if entity is None else (entity,)
    known_entities(wanted)
    with opened() as store:
        ensure_indexes(store)
        known = [channel_by_name(store, channel)] if channel is not None else channels(store)
        if not known:
            out.print("No channel is set up yet. Add one: python -m crm_core channel add NAME URL")
            return
        done = _read(store, [each for each in known if channel is not None or each.paused_at is None], wanted, full)
    for paused in known:
        if paused.paused_at is not None and channel is None:
            out.print(f"Not read: “{paused.name}” is paused: {plain(paused.paused_reason)}", soft_wrap=True)
    _print(done)
    if any(each.trouble is not None for each in done):
        raise typer.Exit(1)


def _read(store: Store, known: Sequence[Channel], wanted: Sequence[str], full: bool) -> list[_Done]:
    done: list[_Done] = []
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=err) as bars:
        for channel in known:
            entities = wanted
            if "stores" not in wanted and last_read(store, channel.id, "stores") is None:
                entities = ("stores", *wanted)
            for entity in entities:
                done.append(_read_one(store, bars, channel, entity, full))
                if isinstance(done[-1].trouble, StoreUnusable) and not _can_be_written(store):
                    return done
                if _ends_all(store, done[-1]):
                    break
    return done


def _can_be_written(store: Store) -> bool:
    try:
        store.check_writable()
    except StoreUnusable:
        return False
    return True


def _ends_all(store: Store, done: _Done) -> bool:
    """Whether the shop is not asked for the rest: the same would come of it, or its store views are not known.

    They tell which carts there are, and in which time zone an order's day lies.
    """
    if done.entity == "stores" and last_read(store, done.channel.id, "stores") is None:
        return True
    if isinstance(done.trouble, PermissionMissing):
        return done.entity == "stores"
    return isinstance(done.trouble, ChannelError | ShopUnreachable)


def _read_one(store: Store, bars: Progress, channel: Channel, entity: str, full: bool) -> _Done:
    name = plain(f"{channel.name}: {entity}")
    bar = bars.add_task(name, total=None)
    started = time.monotonic()

    def show(step: run.Progress) -> None:
        bars.update(bar, description=name, completed=step.tally.read, total=step.expected)

    progress, trouble = None, None
    try:
        while progress is None:
            progress = read_entity(
                store,
                channel.id,
                entity,
                holder=this_process(),
                person=person_of_this_machine(),
                full=full,
                on_step=show,
            )
            if progress is None:
                if time.monotonic() - started > _PATIENCE_SECONDS:
                    raise NotAllowed("Another process reads it at this moment. See the Channels screen, or try later.")
                bars.update(bar, description=f"{name} (read by another process, waiting)")
                time.sleep(0.5)
        bars.update(bar, description=name, completed=progress.tally.read, total=progress.tally.read)
    except DeskError as reason:
        trouble = reason
    return _Done(channel, entity, progress, time.monotonic() - started, trouble)


def _print(done: Sequence[_Done]) -> None:
    numbers = ("Read", "Added", "Changed", "Unchanged", "Quarantined", "Took")
    made = table("Channel", "Entity", *numbers, numbers=numbers)
    for each in done:
        if each.progress is None:
            row(made, each.channel.name, each.entity, *("–" for _ in numbers))
            continue
        tally = each.progress.tally
        counts = (tally.read, tally.added, tally.changed, tally.unchanged, tally.quarantined)
        row(made, each.channel.name, each.entity, *counts, f"{each.seconds:.1f} s")
    out.print(made)
    if any(each.entity == "stores" and each.progress is not None for each in done):
        out.print("Counted as stores: websites, store views and customer groups.")
    for each in done:
        if each.trouble is not None:
            err.print(plain(f"{each.channel.name}, {each.entity}: {each.trouble}"), style="red", soft_wrap=True)
    if any(each.progress is not None and each.progress.tally.quarantined for each in done):
        out.print("Quarantined records are tried again by later runs, ever less often; the Channels screen says why.")
