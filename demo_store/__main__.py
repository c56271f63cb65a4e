"""The command line: `python -m demo_store --port 8180 --live`."""

from __future__ import annotations

import signal
import sqlite3
import threading
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from demo_store.faults import USAGE, of_names
from demo_store.live import Live
from demo_store.server import answering, listen
from demo_store.shop import Shop
from demo_store.state import InUse, OtherFormat


def run(
    port: Annotated[int, typer.Option(help="The port to answer on.")] = 8180,
    host: Annotated[str, typer.Option(help="The address to bind.")] = "127.0.0.1",
    orders: Annotated[int, typer.Option(help="How many orders a new shop has.")] = 1200,
    carts: Annotated[int, typer.Option(help="How many unordered carts a new shop has.")] = 500,
    customers: Annotated[int, typer.Option(help="How many customers a new shop has.")] = 400,
    seed: Annotated[int, typer.Option(help="The same seed makes the same shop.")] = 1,
    db: Annotated[Path, typer.Option(help="Where the shop keeps itself; a second start goes on from there.")] = Path(
        "data/demo.db"
    ),
    live: Annotated[bool, typer.Option("--live", help="Let shoppers come in every 20 seconds or so.")] = False,
    fault: Annotated[list[str] | None, typer.Option(help=f"Misbehave; may be repeated: {USAGE}.")] = None,
) -> None:
    """A small Magento 2 over HTTP with generated data; bearer token "demo", admin user demo/admin."""
    try:
        faults = of_names(fault or [])
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from None
    try:
        # Whoever calls while the data is made waits for an answer, and is not turned away.
        door = listen(port, host)
    except OSError as problem:
        typer.echo(f"Port {port} on {host} cannot be used ({problem.strerror}): choose another with --port.", err=True)
        raise typer.Exit(1) from None
    is_known = db.exists()
    try:
        shop = Shop(db, orders=orders, carts=carts, customers=customers, seed=seed)
    except OtherFormat as problem:
        typer.echo(
            f"The shop's file {db} cannot be used: {problem}. It holds made-up data only: delete it, and the next "
            "start makes a new one; or name another file by --db.",
            err=True,
        )
        raise typer.Exit(1) from None
    except InUse:
        typer.echo(f"Another demo store has the shop's file {db} open: stop it, or name another by --db.", err=True)
        raise typer.Exit(1) from None
    except (OSError, sqlite3.Error, msgspec.DecodeError) as problem:
        typer.echo(f"The shop's file {db} cannot be used ({problem}): move it away, or name another by --db.", err=True)
        raise typer.Exit(1) from None
    shop.faults = faults
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    try:
        with answering(shop, door) as server:
            kept = f"It goes on with the shop kept in {db}." if is_known else f"It keeps itself in {db}."
            typer.echo(f"The demo store answers at {server.url} (token: demo). {kept}")
            if live:
                Live(shop, seed).run(stop)
            else:
                stop.wait()
    finally:
        shop.close()


if __name__ == "__main__":
    typer.run(run)
