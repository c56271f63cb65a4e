"""What the commands share: the store, plain output, and secrets that never need to stand on a command line."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from crm_core.errors import BadInput
from crm_core.insight.spans import span
from crm_core.store.database import Store, open_store

_PIPE_COLUMNS = 240
"""Width of a table that goes into a file or a script: an address folded to 80 columns is of no use there."""

_width = None if sys.stdout.isatty() else _PIPE_COLUMNS
out = Console(markup=False, emoji=False, highlight=False, soft_wrap=False, width=_width)
"""Where results go. Text of a shop is data: no markup, no emoji codes."""

err = Console(stderr=True, markup=False, emoji=False, highlight=False)
"""Where progress and messages go."""


@contextmanager
def opened() -> Iterator[Store]:
    """The store of the settings for the length of a command."""
    store = open_store()
    try:
        yield store
    finally:
        store.close()


def plain(text: str | None) -> str:
    """The text on one line without control characters, which could steer a terminal; empty for None."""
    return "".join(character if character.isprintable() else " " for character in text or "").strip()


def table(*columns: str, numbers: Iterable[str] = ()) -> Table:
    """An empty table with these headings; the columns in `numbers` are aligned to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return made


def row(made: Table, *cells: Any) -> None:
    """Add a row of plain texts."""
    made.add_row(*(plain(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in cells))


def age(moment: datetime | None) -> str:
    """How long ago, in the largest unit that fits: "2 min ago"; "never" for None."""
    if moment is None:
        return "never"
    return f"{span((datetime.now(UTC) - moment).total_seconds())} ago"


def until(moment: datetime | None) -> str:
    """How long until the worker's turn, in the largest unit that fits: "in 2 min"; "at once" for None or the past."""
    now = datetime.now(UTC)
    return "at once" if moment is None or moment <= now else f"in {span((moment - now).total_seconds())}"


def secret(given: str | None, what: str, hint: str) -> str:
    """The secret as given, else as typed without echo. Raises BadInput, with `hint`, where nobody can type."""
    if given is None:
        if not sys.stdin.isatty():
            raise BadInput(f"{what} is missing: {hint}")
        given = getpass.getpass(f"{what} (not shown): ")
    given = given.strip()
    if not given:
        raise BadInput(f"{what} is empty: {hint}")
    return given


def secret_from_stdin(what: str) -> str:
    """The first line of the standard input. Raises BadInput if it is empty."""
    line = sys.stdin.readline().strip("\r\n")
    if not line:
        raise BadInput(f"The standard input holds no {what}.")
    return line


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether to go on: `yes` was given, or a person answers y. Raises BadInput where nobody can answer."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise BadInput("Add --yes to do it without a question.")
    return input(f"{question} [y/N] ").strip().casefold() in {"y", "yes"}
