"""Our side of the benchmark of the import: a fresh store and a channel of the replaying server."""

from __future__ import annotations

import statistics
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from crm_core.magento.auth import Bearer
from crm_core.magento.checkout import Checkout
from crm_core.magento.connection import Connection
from crm_core.magento.shop import Magento
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.schema import migrate
from crm_core.sync import schedule
from crm_core.sync.channels import OpenShop, StoreViewRow, channel_by_name
from crm_core.sync.run import run_entity

_TICKS = 9


class Desk:
    """An empty store with one channel of the shop at `url`, in `folder`."""

    def __init__(self, url: str, folder: Path) -> None:
        address = f"sqlite:///{folder / 'desk.db'}"
        migrate(address)
        self._url = url
        self._store = Store(address)
        now = datetime.now(UTC)
        with self._store.writing() as connection:
            for number, name in ((1, "Replay"), (2, "Neighbour")):
                base_url = url if number == 1 else "http://neighbour.example"
                connection.execute(insert(tables.shop).values(id=number, base_url=base_url, created_at=now))
                connection.execute(
                    insert(tables.channel).values(
                        id=number,
                        shop_id=number,
                        name=name,
                        credentials=b"",
                        credentials_kind="token",
                        created_at=now,
                        created_by="benchmark",
                    )
                )
                connection.execute(insert(tables.sync_state).values(channel_id=number, entity="orders", due_at=now))
        to_shop = Connection(url, Bearer("replay"))
        views = {
            number: StoreViewRow("view", 1, ZoneInfo("Europe/Amsterdam"), "EUR", is_active=True)
            for number in range(1, 5)
        }
        self._shop = OpenShop(channel_by_name(self._store, "Replay"), Magento(to_shop), Checkout(to_shop), views)

    def read(self, *, keep_indexes: bool) -> int:
        """Import all orders; with `keep_indexes` into a table that another shop's order makes not empty."""
        if keep_indexes:
            self._add_neighbour()
        return run_entity(self._store, self._shop, "orders").tally.added

    def tick(self, changed: int) -> tuple[float, float]:
        """Milliseconds of a run that finds so many changed orders: beside the shop's own time, and of CPU; medians."""
        # As the worker does: a run after the first import does not look whether that one left indexes out.
        request = schedule.begin(self._store, self._shop.channel.id, "orders")
        self.read(keep_indexes=False)
        schedule.finish(self._store, self._shop.channel, "orders", request)
        own, cpu = [], []
        for _ in range(_TICKS):
            with urllib.request.urlopen(f"{self._url}/change/{changed}") as answer:
                answer.read()
            before, started, busy = self._shop.magento.connection.shop_seconds, time.perf_counter(), time.process_time()
            tally = run_entity(self._store, self._shop, "orders").tally
            if tally.changed != changed:
                raise SystemExit(f"{tally} instead of {changed} changed orders")
            taken = time.perf_counter() - started
            cpu.append((time.process_time() - busy) * 1000)
            own.append((taken - (self._shop.magento.connection.shop_seconds - before)) * 1000)
        return statistics.median(own), statistics.median(cpu)

    def _add_neighbour(self) -> None:
        with self._store.writing() as connection:
            connection.execute(
                insert(tables.order).values(
                    id=2 << 40 | 1,
                    shop_id=2,
                    origin_id=1,
                    store_id=1,
                    increment_id="1",
                    name_key="",
                    email_key="",
                    is_guest=True,
                    is_virtual=False,
                    state="new",
                    status="pending",
                    base_currency="EUR",
                    order_currency="EUR",
                    items_qty=Decimal(0),
                    grand_total=Decimal(0),
                    subtotal=Decimal(0),
                    base_grand_total=Decimal(0),
                    comments="[]",
                    created_at=datetime.now(UTC) - timedelta(days=1),
                    updated_at=datetime.now(UTC),
                    local_day=datetime.now(UTC).date(),
                    local_hour=0,
                    content_hash=0,
                    first_seen_at=datetime.now(UTC),
                    synchronised_at=datetime.now(UTC),
                )
            )
