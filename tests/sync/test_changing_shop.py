"""The windows against a shop that changes while it is read: nothing lost, nothing doubled, whatever happens when.

The shop does what fools clients, too: it dates carts anew that a person looks at after a price has changed, hides lines
while it goes on counting them, and gives carts back whose order was cancelled. And now and then something between them
dates its answers anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import time_machine
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import RowMapping, func, select

from crm_core.errors import NotFound
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.sync.record import synchronise_cart
from crm_core.sync.rules import Rules
from crm_core.sync.run import Progress
from demo_store import Shop, serve
from tests.sync.conftest import Desk, connect
from tests.sync.life import Life

OVERLAP = 600
PAGE = 3
WINDOW = 4

Deed = tuple[str, int, int]


class World:
    """A shop whose people act between our commits, and a desk that may be killed after any of them."""

    def __init__(self, desk: Desk, clock: time_machine.Traveller) -> None:
        self.desk = desk
        self.clock = clock
        self.shop = desk.shop
        self.carts: list[int] = []
        self.has_hidden = False

    def act(self, deed: Deed) -> None:
        """One deed of the shop's people; the numbers tell which cart, and by how much."""
        kind, which, amount = deed
        if kind in ("add", "edit", "late commit", "restore") or not self.carts:
            self.shop.enable_product("MUG-01")  # nobody buys what is switched off
        if kind == "restore":
            self.carts.append(self.shop.add_cart())
            self.shop.act(self.shop.place(self.carts[-1]), "cancel")
            self.shop.restore_cart(self.carts[-1])
            return
        if kind == "add" or not self.carts:
            self.carts.append(self.shop.add_cart(ready=False))
            return
        cart = self.carts[which % len(self.carts)]
        match kind:
            case "edit":
                self.shop.set_qty(cart, "MUG-01", 1 + amount)
            case "same second":
                # Changed together: a cluster that no cut can part.
                second = _stamp(datetime.now(UTC))
                for each in self.carts[: 2 + amount]:
                    self.shop.touch_cart(each, second)
            case "long ago":
                second = _stamp(datetime.now(UTC) - timedelta(days=1 + which))
                for each in self.carts[: 2 + amount]:
                    self.shop.touch_cart(each, second)
            case "new price":
                self.shop.set_price("MUG-01", 20 + amount)
            case "look":
                # By its id, which recalculates and dates a cart whose price has changed.
                with suppress(NotFound):
                    synchronise_cart(self.desk.store, self.desk.key(cart), "anna")
            case "hide":
                self.shop.disable_product("MUG-01")
                self.has_hidden = True
            case "late commit":
                # Visible only now, with a time of up to nearly an overlap ago.
                self.shop.set_qty(cart, "MUG-01", 11 + amount)
                self.shop.touch_cart(cart, _stamp(datetime.now(UTC) - timedelta(seconds=amount * 60)))
            case "time passes":
                self.wait(amount * 120)

    def run(self, meanwhile: list[Deed], lives_for: int | None, *, full: bool, date_ahead: int = 0) -> None:
        """A run of carts, a deed after each of its commits; it is killed before that statement or commit."""
        self.shop.faults.date_ahead = date_ahead
        self.wait(0)
        todo = list(meanwhile)
        life = Life()

        def step(_: Progress) -> None:
            if todo:
                with life.of_others():
                    self.act(todo.pop(0))

        with life.of(lives_for):
            self.desk.run("carts", on_step=step, window_size=WINDOW, full=full)

    def wait(self, seconds: int) -> None:
        """Time passes for both sides; that a clock was set is told by the shop's next answer only."""
        self.clock.shift(seconds)
        self.desk.open.magento.websites()

    def mirrored(self) -> list[tuple[int, datetime, int]]:
        """Id, time and pieces of each mirrored cart."""
        return [(row["origin_id"], row["updated_at"], int(row["items_qty"])) for row in self.rows()]

    def rows(self) -> list[RowMapping]:
        """The mirrored carts."""
        table = tables.cart
        return self.desk.all(
            select(table).where(table.c.shop_id == self.desk.open.channel.shop_id).order_by(table.c.id)
        )

    def there(self) -> list[tuple[int, datetime, int]]:
        """The same of each cart, as the shop has it."""
        return [
            (
                cart["entity_id"],
                datetime.strptime(cart["updated_at"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC),
                int(cart["items_qty"]),
            )
            for cart in sorted(self.shop.records.state.all("cart"), key=lambda cart: int(cart["entity_id"]))
        ]

    def pieces(self) -> int:
        """Lines of the mirrored carts."""
        shop_id = self.desk.open.channel.shop_id
        item, cart = tables.cart_item, tables.cart
        query = select(func.count().label("n")).select_from(item).join(cart, cart.c.id == item.c.cart_id)
        return int(self.desk.all(query.where(cart.c.shop_id == shop_id))[0]["n"])

    def owed(self) -> int:
        """Windows that are not finished."""
        window = tables.sync_window
        query = select(window.c.id).where(window.c.channel_id == self.desk.open.channel.id, window.c.state == "open")
        return len(self.desk.all(query))


@contextmanager
def world_of(store: Store) -> Iterator[World]:
    """A new shop, and a desk on it in the store."""
    shop = Shop()
    rules = Rules(page_size=PAGE, overlap_seconds=OVERLAP, connections=2)
    with time_machine.travel(datetime.now(UTC)) as clock, serve(shop) as url:
        yield World(connect(store, shop, url, rules), clock)
    shop.close()


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _deeds(*kinds: str) -> st.SearchStrategy[Deed]:
    return st.tuples(st.sampled_from(kinds), st.integers(0, 40), st.integers(0, 9))


past = _deeds("add", "add", "edit", "long ago", "long ago")
deeds = _deeds(
    "add", "edit", "edit", "same second", "late commit", "time passes", "new price", "look", "look", "hide", "restore"
)
# A full run mends what others lost, and so does a tick within the overlap: neither may always come to their help.
fulls = st.sampled_from([False, False, False, True])
pauses = st.sampled_from([0, OVERLAP // 2, 3 * OVERLAP])
kills = st.none() | st.integers(0, 200)
dates = st.sampled_from([0, 0, 1_000, -1_000])
runs = st.tuples(st.lists(deeds, max_size=8), kills, fulls, dates, st.lists(deeds, max_size=2), pauses)


@settings(
    max_examples=20,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(before=[("add", 0, 0)], history=[([], None, False, 1_000, [("edit", 0, 1)], 3 * OVERLAP)])
@given(before=st.lists(past, min_size=4, max_size=14), history=st.lists(runs, min_size=1, max_size=4))
def test_nothing_is_lost_or_doubled_for_any_interleaving_and_any_kill(
    store: Store, before: list[Deed], history: list[tuple[list[Deed], int | None, bool, int, list[Deed], int]]
) -> None:
    with world_of(store) as world:
        for deed in before:
            world.act(deed)
        for meanwhile, lives_for, full, date_ahead, afterwards, pause in history:
            world.run(meanwhile, lives_for, full=full, date_ahead=date_ahead)
            for deed in afterwards:
                world.act(deed)
            world.wait(pause)
        world.run([], None, full=False)
        assert world.mirrored() == world.there()
        # A line that was hidden whenever its cart was read was never told.
        assert world.pieces() == len(world.carts) or (world.has_hidden and world.pieces() < len(world.carts))
        assert world.owed() == 0
        world.desk.run("orders")
        assert {row["status"] for row in world.rows()} <= {"open"}
        assert world.desk.differences() == []
