"""The read side at a million orders and a million carts, on SQLite and on PostgreSQL: milliseconds a call, its bound.

A call is what a screen asks for: the count, the sums, the age of the figures and the rows, with everything that Python
does for them. Beside it stands its SQL alone, which is what the bounds are for: the same statements once more through
the driver. Something is committed before each call, so that nothing is given again from the last one. The best of
seven: other work on the machine can only add to it. CRM_BENCH_ROWS sets another size, CRM_BENCH_URLS names stores that
are filled already.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, event

from benchmarks.data import fill_store, settle, touch
from crm_core.errors import TooSlow
from crm_core.insight.cart_record import cart_record
from crm_core.insight.counts import status_counts
from crm_core.insight.filters import Filter, Screen
from crm_core.insight.grids import Page, cart_page, order_page
from crm_core.insight.health import channel_health
from crm_core.insight.metrics import dashboard
from crm_core.insight.neighbours import neighbours
from crm_core.insight.order_record import order_record
from crm_core.insight.periods import Period, Today
from crm_core.insight.sorting import COLUMNS, DEFAULT_SORT, Sort, is_walkable
from crm_core.store.database import Store

_ROWS = int(os.environ.get("CRM_BENCH_ROWS", "1000000"))
_ROUNDS = 7
_TODAY = Today.now()

Call = Callable[[], object]
Case = tuple[str, Call, float | None, float | None]
"""Name, call, and the bounds in milliseconds on SQLite and on PostgreSQL; None: measured only."""

Taken = tuple[float, float] | None
"""Milliseconds of the whole call and of its SQL; None: given up."""


def main() -> None:
    """Fill both databases, measure, print the table."""
    results: dict[str, dict[str, Taken]] = {}
    bounds: dict[str, dict[str, float | None]] = {}
    with ExitStack() as stack:
        for url in _urls(stack):
            store = Store(url)
            stack.callback(store.close)
            settle(store)
            for name, call, on_sqlite, on_postgresql in _cases(store):
                results.setdefault(name, {})[store.dialect_name] = _milliseconds(store, call)
                bounds[name] = {"sqlite": on_sqlite, "postgresql": on_postgresql}
    _report(results, bounds)


def _urls(stack: ExitStack) -> Iterator[str]:
    if given := os.environ.get("CRM_BENCH_URLS"):
        yield from given.split(",")
        return
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="desk-bench-"))
    for url in (f"sqlite:///{Path(folder) / 'desk.db'}", stack.enter_context(_postgresql())):
        fill_store(url, orders=_ROWS, carts=_ROWS)
        yield url


@contextmanager
def _postgresql() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns of an unset XDG_RUNTIME_DIR when it is imported
        from pgserver.postgres_server import get_server
    folder = tempfile.mkdtemp(prefix="desk-pg-")  # short: a socket's path has a limit
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def _cases(store: Store) -> Iterator[Case]:
    yield from _grid_cases(store, "carts")
    yield from _grid_cases(store, "orders")
    for code in ("30d", "12m"):
        yield f"dashboard, {code}", partial(dashboard, store, Period(preset=code), None, None, _TODAY), 20, 20
    cart_key, order_key = (
        _read(store, Filter(screen), DEFAULT_SORT[screen], 1).rows[0].key for screen in ("carts", "orders")
    )
    yield "a cart's record", partial(cart_record, store, cart_key), None, None
    yield "an order's record", partial(order_record, store, order_key), None, None
    yield "health of the channels", partial(channel_health, store, count_rows=False), None, None


def _grid_cases(store: Store, screen: Screen) -> Iterator[Case]:
    default, plain = DEFAULT_SORT[screen], Filter(screen)
    pages = _read(store, plain, default, 1).pages
    for column in COLUMNS[screen]:
        sort, back = Sort(column.key), Sort(column.key, descending=False)
        near, far = (10, 60) if column.key in _QUICK_SORTS[screen] else (300, 300)
        label = f"{screen} by {column.key}"
        yield f"{label}: first page", partial(_read, store, plain, sort, 1), near, near
        if not is_walkable(screen, sort):
            yield f"{label}, ascending: first page", partial(_read, store, plain, back, 1), near, near
            continue
        middle = _read(store, plain, sort, pages // 2)
        yield f"{label}: next", partial(_read, store, plain, sort, middle.page + 1, middle), near, near
        yield f"{label}: previous", partial(_read, store, plain, sort, middle.page - 1, middle), near, near
        yield f"{label}: jump to the middle", partial(_read, store, plain, sort, pages // 2), near, far
        yield f"{label}: last page", partial(_read, store, plain, sort, pages), near, far
    key = _read(store, plain, default, 3).rows[7].key
    yield f"{screen}: neighbours", partial(neighbours, store, plain, default, key, today=_TODAY), 10, 10
    yield f"{screen}: counts by status", partial(status_counts, store, plain, today=_TODAY), 10, 10
    for text in _FILTERS[screen]:
        wanted, problems = Filter.from_text(screen, text)
        if problems:
            raise ValueError(problems)
        yield f"{screen}, {text}", partial(_read, store, wanted, default, 1), None, None
        yield f"{screen}, {text}: by status", partial(status_counts, store, wanted, today=_TODAY), None, None


_QUICK_SORTS: dict[Screen, tuple[str, ...]] = {
    "carts": ("status", "subtotal", "updated", "created", "number"),
    "orders": ("status", "total", "updated", "created", "number"),
}
"""The sorts whose pages must come within 10 ms; others have 300 ms, though some of them have an index too."""

_FILTERS: dict[Screen, tuple[str, ...]] = {
    "carts": (
        "status:open",
        "status:open,lost",
        "status:lost country:DE",
        "channel:2",
        "updated:30d",
        "total>=390 country:DE",
        "total>=399.9",
        "anna",
        "keller77",
        "nobody",
        "123456",
        "sku:NL-00042",
        "email:anna.keller77@example.com",
    ),
    "orders": (
        "status:pending",
        "status:complete country:DE",
        "created:30d",
        "created:30d country:FR",
        "updated:7d",
        "total>=399.9",
        "keller77",
        "nobody",
        "123456",
    ),
}


def _read(store: Store, wanted: Filter, sort: Sort, page: int, near: Page[Any] | None = None) -> Page[Any]:
    read: Callable[..., Page[Any]] = cart_page if wanted.screen == "carts" else order_page
    return read(store, wanted, sort, page, near=near, today=_TODAY)


def _milliseconds(store: Store, call: Call) -> Taken:
    whole, alone = [], []
    try:
        statements = _statements(call)
        for _ in range(_ROUNDS):
            touch(store)
            start = time.perf_counter()
            call()
            whole.append((time.perf_counter() - start) * 1000)
            with store.reading() as connection:
                start = time.perf_counter()
                for statement, parameters in statements:
                    connection.exec_driver_sql(statement, parameters).all()
                alone.append((time.perf_counter() - start) * 1000)
            if whole[0] > 1000:
                break
    except TooSlow:
        return None
    return min(whole), min(alone)


def _statements(call: Call) -> list[tuple[str, Any]]:
    """The queries that the call makes, as the driver gets them."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith(("SELECT", "WITH")):
            found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        call()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return found


def _report(results: dict[str, dict[str, Taken]], bounds: dict[str, dict[str, float | None]]) -> None:
    table = Table(title=f"{_ROWS:,} orders and {_ROWS:,} carts: milliseconds a call, and its SQL alone (bound)")
    table.add_column("What")
    for title in ("SQLite", "its SQL", "PostgreSQL", "its SQL"):
        table.add_column(title, justify="right")
    for name, found in results.items():
        cells = [_cells(found.get(dialect), bounds[name][dialect]) for dialect in ("sqlite", "postgresql")]
        table.add_row(name, *cells[0], *cells[1])
    Console(width=110).print(table)


def _cells(taken: Taken, limit: float | None) -> tuple[str, str]:
    if taken is None:
        return "", "not run, or too slow"
    whole, alone = f"{taken[0]:.1f}", f"{taken[1]:.1f}"
    if limit is None:
        return whole, alone
    return whole, f"{alone} ({limit:g})" if taken[1] <= limit else f"[red]{alone} ({limit:g})[/red]"


if __name__ == "__main__":
    main()
