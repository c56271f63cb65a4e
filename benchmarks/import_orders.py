"""The import of orders, beside a hand-written floor and beside pandas, in one run from one replaying server.

Bounds (docs/performance.md): the first import of an empty entity at least as fast as the floor, with all indexes kept
at least half as fast, at least 5 times pandas, with less than 200 MB of memory; a run that finds 100 changed orders
among 20,000 takes at most 30 ms of our own time.
"""

from __future__ import annotations

import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import requests
from rich.console import Console
from rich.table import Table

ORDERS = 100_000
PANDAS_ORDERS = 5_000
TICK_ORDERS = 20_000
CHANGED = 100
PAGE = 100
_ROUNDS = 5


def main() -> None:
    """Measure all, each in a process of its own, and print the table.

    Sizes may be given: orders [rounds]. "memory" after them imports once, and prints the peak memory of that alone.
    """
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else _ROUNDS
    if sys.argv[3:] == ["memory"]:
        with _replaying(orders) as (port, _):
            rate, _, memory = _measured("first", port, orders)
        print(f"First import of {orders:,} orders: {memory:.0f} MB at its peak, {rate:,.0f} orders a second.")
        return
    with _replaying(orders) as (port, size):
        # One after another, round by round, so that the noise of the machine hits all alike.
        results: dict[str, list[list[float]]] = {}
        for _ in range(rounds):
            for role in ("floor", "first", "indexed", "pandas"):
                few = min(orders, PANDAS_ORDERS) if role == "pandas" else orders
                results.setdefault(role, []).append(_measured(role, port, few))
    with _replaying(TICK_ORDERS) as (port, _):
        own, own_cpu = _measured("tick", port, TICK_ORDERS)
    table = Table(title=f"Import of {orders:,} orders of {size / 1000:.1f} KB and 1.7 items, medians of {rounds}")
    table.add_column("", no_wrap=True)
    for heading in ("orders/s", "of the floor", "worst, best", "times pandas", "CPU µs", "peak MB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for role, name in (
        ("floor", "hand-written floor"),
        ("first", "first import"),
        ("indexed", "all indexes kept"),
        ("pandas", "pandas"),
    ):
        rates, cpu, peaks = ([figures[place] for figures in results[role]] for place in range(3))
        # Round by round, as the machine's speed changes within a run.
        of_floor = [ours / theirs for ours, (theirs, *_) in zip(rates, results["floor"], strict=True)]
        of_pandas = [ours / theirs for ours, (theirs, *_) in zip(rates, results["pandas"], strict=True)]
        table.add_row(
            name,
            f"{statistics.median(rates):,.0f}",
            f"{statistics.median(of_floor):.2f}",
            f"{min(of_floor):.2f}, {max(of_floor):.2f}",
            f"{statistics.median(of_pandas):.1f}",
            f"{statistics.median(cpu):.0f}",
            f"{max(peaks):.0f}",
        )
    console = Console(width=110)  # also where the output is kept in a file
    console.print(table)
    console.print(
        f"A run that finds {CHANGED} changed orders among {TICK_ORDERS:,}: {own:.1f} ms beside the shop's own time, "
        f"{own_cpu:.1f} ms of CPU (median)."
    )


@contextmanager
def _replaying(orders: int) -> Iterator[tuple[int, int]]:
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.replay", str(orders)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout is not None  # noqa: S101
        port, size = server.stdout.readline().split()
        yield int(port), int(size)
    finally:
        server.kill()
        server.wait()


def _measured(role: str, port: int, orders: int) -> list[float]:
    """The numbers that a role's own process prints."""
    command = [sys.executable, "-c", _CHILD, role, str(port), str(orders)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [float(number) for number in done.stdout.split()]


_CHILD = "import sys; from benchmarks.import_orders import play; play(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))"


def play(role: str, port: int, orders: int) -> None:
    """Play one role against the server and print orders a second, CPU µs an order and peak memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"http://127.0.0.1:{port}"
        if role in ("floor", "pandas"):
            rival = _floor if role == "floor" else _pandas()
            started, busy = time.perf_counter(), time.process_time()
            count = rival(url, Path(folder), orders)
        else:
            # Imported here, so that the rivals' memory does not hold the product.
            from benchmarks.desk import Desk

            desk = Desk(url, Path(folder))
            if role == "tick":
                print(*desk.tick(CHANGED))
                return
            started, busy = time.perf_counter(), time.process_time()
            count = desk.read(keep_indexes=role == "indexed")
        taken, cpu = time.perf_counter() - started, time.process_time() - busy
        if count != orders:
            raise SystemExit(f"{role} brought {count} of {orders} orders")
        print(orders / taken, cpu / orders * 1e6, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


# ---- the rivals -----------------------------------------------------------------------------------------------------


def _pages(url: str, orders: int) -> Iterator[bytes]:
    """The pages in the order of ids, over one connection."""
    session = requests.Session()
    after = 0
    for _ in range(0, orders, PAGE):
        group = "searchCriteria[filter_groups][0][filters][0]"
        query = {
            f"{group}[field]": "entity_id",
            f"{group}[value]": str(after),
            f"{group}[condition_type]": "gt",
            "searchCriteria[sortOrders][0][field]": "entity_id",
            "searchCriteria[sortOrders][0][direction]": "ASC",
            "searchCriteria[pageSize]": str(PAGE),
            "searchCriteria[currentPage]": "1",
        }
        body = session.get(f"{url}/rest/V1/orders?{urlencode(query, quote_via=quote)}").content
        yield body
        after = (after or 999_999) + PAGE


_ORDER = (
    "entity_id", "increment_id", "quote_id", "store_id", "state", "status", "created_at", "updated_at",
    "customer_email", "customer_firstname", "customer_lastname", "customer_id", "base_currency_code",
    "order_currency_code", "grand_total", "base_grand_total", "subtotal", "base_subtotal", "tax_amount",
    "shipping_amount", "discount_amount", "total_paid", "total_due", "total_qty_ordered", "coupon_code",
)  # fmt: skip
_ITEM = (
    "item_id", "order_id", "parent_item_id", "quote_item_id", "product_id", "sku", "name", "product_type",
    "qty_ordered", "qty_invoiced", "qty_shipped", "price", "row_total", "tax_amount", "base_price", "base_row_total",
)  # fmt: skip
_ADDRESS = (
    "firstname", "lastname", "company", "city", "postcode", "region", "country_id", "telephone", "email",
    "address_type",
)  # fmt: skip


def _floor(url: str, folder: Path, orders: int) -> int:
    """What a programmer writes by hand when only speed counts: three typed tables, four indexes, one connection."""
    database = sqlite3.connect(folder / "floor.db")
    database.executescript(
        f"""
        PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
        CREATE TABLE orders (entity_id INTEGER PRIMARY KEY, {", ".join(_ORDER[1:])});
        CREATE TABLE items (item_id INTEGER PRIMARY KEY, {", ".join(_ITEM[1:])});
        CREATE TABLE addresses (order_id INTEGER, {", ".join(_ADDRESS)}, street, PRIMARY KEY (order_id, address_type));
        CREATE INDEX orders_updated ON orders (updated_at);
        CREATE INDEX orders_number ON orders (increment_id);
        CREATE INDEX orders_email ON orders (customer_email);
        CREATE INDEX items_order ON items (order_id);
        """
    )
    count = 0
    for body in _pages(url, orders):
        page = orjson.loads(body)["items"]
        order_rows, item_rows, address_rows = [], [], []
        for order in page:
            get = order.get
            order_rows.append(tuple([get(name) for name in _ORDER]))
            item_rows += [tuple([item.get(name) for name in _ITEM]) for item in order["items"]]
            addresses = [order.get("billing_address")]
            addresses += [
                one["shipping"].get("address") for one in order["extension_attributes"]["shipping_assignments"]
            ]
            for address in addresses:
                if address:
                    values = [address.get(name) for name in _ADDRESS]
                    address_rows.append((order["entity_id"], *values, "\n".join(address["street"])))
        with database:
            _insert(database, "orders", order_rows)
            _insert(database, "items", item_rows)
            _insert(database, "addresses", address_rows)
        count += len(page)
    database.close()
    return count


def _insert(database: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    database.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _pandas() -> Callable[[str, Path, int], int]:
    """The import with pandas, which is loaded here, so that its loading is not measured."""
    import pandas as pd

    return partial(_with_frames, pd)


def _with_frames(pd: Any, url: str, folder: Path, orders: int) -> int:
    """What a data scientist writes: frames of all fields, appended to two tables."""
    database = sqlite3.connect(folder / "pandas.db")
    count = 0
    for body in _pages(url, orders):
        page = orjson.loads(body)["items"]
        frame = pd.json_normalize(page)
        plain = [column for column in frame.columns if not frame[column].map(lambda cell: isinstance(cell, list)).any()]
        frame[plain].reindex(columns=_known(database, "orders", plain)).to_sql(
            "orders", database, if_exists="append", index=False
        )
        items = pd.json_normalize([item for order in page for item in order["items"]])
        plain = [column for column in items.columns if not items[column].map(lambda cell: isinstance(cell, list)).any()]
        items[plain].reindex(columns=_known(database, "items", plain)).to_sql(
            "items", database, if_exists="append", index=False
        )
        count += len(page)
    database.close()
    return count


def _known(database: sqlite3.Connection, table: str, columns: list[str]) -> list[str]:
    """The columns that the table has, or these if it does not exist yet."""
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")] or columns


if __name__ == "__main__":
    main()
