"""`python -m crm_core worker`: the process that keeps the mirror in step."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from crm_core.commands.console import opened
from crm_core.worker import run


def worker(
    threads: Annotated[int, typer.Option(min=1, max=32, help="How many things are read at the same time.")] = 8,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Tell of every look at a shop, not of first ones alone.")
    ] = False,
) -> None:
    """Read every channel when it is due, until interrupted. Several workers may run, on several machines."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    logging.getLogger("huey").setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    with opened() as store:
        run(store, threads)
