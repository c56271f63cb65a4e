"""A desk for the page tests: a store filled by the real synchronisation from a demo store that stays open."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest

from crm_core.magento.auth import Bearer
from crm_core.settings import settings
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.schema import migrate
from crm_core.store.tables import ENTITIES
from crm_core.sync.rules import Rules
from crm_core.sync.setting_up import add_channel
from crm_core.sync.work import read_entity
from demo_store import Shop, serve
from pages.widgets import desk as desk_widgets

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "carts": "pages/sales/carts.py",
    "orders": "pages/sales/orders.py",
    "cart": "pages/sales/cart.py",
    "order": "pages/sales/order.py",
    "customers": "pages/sales/customers.py",
    "customer": "pages/sales/customer.py",
    "attempts": "pages/sales/attempts.py",
    "several": "pages/sales/several.py",
    "channels": "pages/setup/channels.py",
}
_PATIENCE_SECONDS = 60


def new_session() -> AppTest:
    """A session of the app in which nothing is drawn yet.

    It looks for no custom components: there are none, and each session would search all installed packages for them,
    which takes longer than most tests.
    """
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=_PATIENCE_SECONDS)
    at._bidi_component_manager = BidiComponentManager()
    return at


@dataclass(frozen=True)
class Filled:
    """A filled store on disk, and the shop it was read from."""

    folder: Path
    shop: Shop
    url: str


@dataclass
class Desk:
    """The desk of one test: its store, and the shop behind it."""

    store: Store
    shop: Shop
    url: str

    def open(self, screen: str = "", **params: str) -> AppTest:
        """A new session at a screen, drawn; "" is the dashboard."""
        at = new_session()
        if not screen:
            at.query_params.update(params)
            return at.run()
        at.run()
        at.switch_page(PAGES[screen])
        for name in list(at.query_params):
            del at.query_params[name]
        at.query_params.update(params)
        return at.run()

    def rows(self, statement: Any) -> list[Any]:
        """What a statement finds in the store."""
        with self.store.reading() as connection:
            return list(connection.execute(statement))

    def do(self, statement: Any) -> None:
        """Change the store as no user could, to set a scene."""
        with self.store.writing() as connection:
            connection.execute(statement)

    def cart(self, **wanted: Any) -> int:
        """The key of a cart with these values in the store: the latest one that has nothing special about it.

        None of its lines is unavailable, and its order, if it has one, was not cancelled.
        """
        wanted = {"unavailable_count": 0, **wanted}
        cancelled = select(tables.order.c.id).where(tables.order.c.state == "canceled")
        query = select(tables.cart.c.id).where(*(tables.cart.c[name] == value for name, value in wanted.items()))
        query = query.where(tables.cart.c.order_id.is_(None) | tables.cart.c.order_id.not_in(cancelled))
        return int(self.rows(query.order_by(tables.cart.c.id.desc()).limit(1))[0].id)

    def order(self, **wanted: Any) -> int:
        """The key of an order with these values in the store; the latest one."""
        query = select(tables.order.c.id).where(*(tables.order.c[name] == value for name, value in wanted.items()))
        return int(self.rows(query.order_by(tables.order.c.id.desc()).limit(1))[0].id)

    def new_cart(self, *lines: tuple[str, int]) -> int:
        """The key of a cart that a shopper filled just now, mirrored."""
        origin_id = self.shop.add_cart(lines or (("MUG-01", 2),))
        self.read("carts")
        return record_key(1, origin_id)

    def read(self, *entities: str) -> None:
        """Synchronise the channel now."""
        for entity in entities:
            read_entity(self.store, 1, entity, holder="test")


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """A store with a small shop's carts and orders in it; copy it before you change it."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CRM_DATA_DIR", str(folder))
        settings.cache_clear()
        shop = Shop(orders=70, carts=60, customers=30, seed=5)
        migrate(settings().store_url)
        store = Store(settings().store_url)
        with serve(shop) as url:
            rules = Rules(admin_url=f"{url}/admin", allow_writes=True)
            add_channel(store, "Test shop", url, Bearer("demo"), rules, person="Maja", check_first=False)
            for entity in ENTITIES:
                read_entity(store, 1, entity, holder="test")
            store.close()
            settings.cache_clear()
            yield Filled(folder, shop, url)


def forget_store() -> None:
    """The app opens its store anew: tests of one process have a store each. The one that it had open is closed."""
    if desk_widgets._opened.cache_info().currsize:
        desk_widgets.store().close()
    desk_widgets._opened.cache_clear()


@pytest.fixture
def desk(filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A desk with a filled store of its own. The shop is shared: tests add to it and leave the rest alone."""
    shutil.copytree(filled.folder, tmp_path / "data")
    monkeypatch.setenv("CRM_USER", "Maja Petersen")
    forget_store()
    store = Store(settings().store_url)
    yield Desk(store, filled.shop, filled.url)
    store.close()
    forget_store()


@pytest.fixture
def empty_desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """A session on a desk that was just installed: nothing in its store, no channel."""
    monkeypatch.setenv("CRM_USER", "Maja Petersen")
    forget_store()
    yield new_session().run()
    forget_store()
