"""What keeps a channel from being read, in one line for the command line."""

from __future__ import annotations

from crm_core.commands.console import age, until
from crm_core.insight.health import ChannelHealth


def is_stopped(health: ChannelHealth) -> bool:
    """Whether something of the channel is read no more for now: it is paused, or failed several times in a row."""
    return any(each.state == "stopped" for each in health.entities)


def trouble_of(health: ChannelHealth) -> str | None:
    """What of the channel is not read, why, and when a running worker tries it again; None if all of it is read."""
    if health.paused_at is not None:
        return f"paused {age(health.paused_at)}: {health.paused_reason}"
    failing = [each for each in health.entities if each.last_error]
    told = []
    for error in dict.fromkeys(each.last_error for each in failing):
        alike = [each for each in failing if each.last_error == error]
        verb = "stopped" if any(each.state == "stopped" for each in alike) else "failed at the last turn"
        again = min((each.next_due_at for each in alike if each.next_due_at is not None), default=None)
        when = "Being tried again now" if any(each.is_under_way for each in alike) else f"Tried again {until(again)}"
        told.append(f"{', '.join(each.entity for each in alike)} {verb}: {error} {when}.")
    return " ".join(told) or None
