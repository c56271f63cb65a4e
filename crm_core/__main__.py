"""The command line: `python -m crm_core`. Trouble that a person can mend is one message and a status, no traceback."""

from __future__ import annotations

import logging
import sys

import typer

from crm_core.commands import channel, convert, installation, sync, worker
from crm_core.commands.console import err, plain
from crm_core.errors import BadInput, DeskError

app = typer.Typer(
    name="python -m crm_core",
    help="Magento Sales Desk on the command line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("migrate")(installation.migrate)
app.add_typer(channel.commands, name="channel")
app.command("sync")(sync.sync)
app.command("convert")(convert.convert)
app.command("worker")(worker.worker)
app.command("doctor")(installation.doctor)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; its exit status: 0 done, 1 it could not be done, 2 the words were off, 130 interrupted."""
    # A command says itself what came of it; only the worker, which sets it up, keeps a log.
    logging.getLogger("crm_core").addHandler(logging.NullHandler())
    try:
        app(arguments, standalone_mode=True, prog_name="python -m crm_core")
    except DeskError as trouble:
        for line in str(trouble).splitlines():
            err.print(plain(line), style="red", soft_wrap=True)
        return 2 if isinstance(trouble, BadInput) else 1
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
