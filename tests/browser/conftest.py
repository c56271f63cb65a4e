"""One desk for all browser tests: the real app and worker as processes, on a demo store that the tests can act in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, BrowserType, Page, ViewportSize, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from sqlalchemy import func, select

from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.tables import cart, sync_state
from crm_core.sync.schedule import request_sync
from demo_store import Shop, serve
from tests.browser.chromium import NoChromium, chromium
from tests.front_door.app import free_port

ROOT = Path(__file__).resolve().parents[2]
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
_SCREEN = ViewportSize(width=1440, height=900)
_PATIENCE_SECONDS = 90

expect.set_options(timeout=20_000)  # the default of 5 s is too short where the cores are shared


def drawn(page: Page) -> None:
    """Wait until the screen is drawn to its end: until then, old parts stand beside new ones and push them about.

    An expander that is still growing counts as not drawn: what it holds moves away under a press.
    """
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_function(
        "() => [...document.querySelectorAll('details')].every((each) => each.getAnimations().length === 0)"
    )


@dataclass
class Desk:
    """A started product: its address and its process."""

    url: str
    process: subprocess.Popen[str]

    def stop(self) -> int:
        """Press Ctrl-C and return the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


@contextmanager
def started_desk(data: Path, **settings: str) -> Iterator[Desk]:
    """run.py on a free port with its data in `data`, ready; it ends with the block if nobody stopped it before."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    environment |= {"CRM_DATA_DIR": str(data), "CRM_PORT": str(port), "CRM_USER": "Maja Petersen", **settings}
    process = subprocess.Popen(
        [sys.executable, "run.py"],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "is ready" in line:
            break
    else:
        raise AssertionError("The desk did not start:\n" + "".join(said))
    desk = Desk(f"http://127.0.0.1:{port}", process)
    try:
        yield desk
    finally:
        if process.poll() is None:
            desk.stop()
        process.stdout.close()


@pytest.fixture(scope="session")
def browsers() -> Iterator[BrowserType]:
    """What starts Chromium; without one the tests are skipped with the reason, unless REQUIRE_BROWSER is set."""
    try:
        chromium()
    except NoChromium as reason:
        if os.environ.get("REQUIRE_BROWSER"):
            raise
        pytest.skip(str(reason))
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="session")
def browser(browsers: BrowserType) -> Iterator[Browser]:
    """Headless Chromium, for whoever needs a device of their own."""
    with browsers.launch(executable_path=chromium(), args=_FLAGS) as started:
        yield started


@pytest.fixture(scope="session")
def reader(browsers: BrowserType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A reader's own Chromium, headless: it keeps the scripts that it has loaded and compiled.

    That is two fifths of what a page costs a new context, which keeps nothing.
    """
    with browsers.launch_persistent_context(
        tmp_path_factory.mktemp("reader"), executable_path=chromium(), args=_FLAGS, viewport=_SCREEN, locale="en-GB"
    ) as started:
        yield started


@dataclass
class Floor:
    """The desk with the shop behind it: `shop` acts as its people, `open` shows a page of the desk."""

    desk: Desk
    shop: Shop
    reader: BrowserContext
    store: Store
    tabs: list[Page] = field(default_factory=list)

    def tab(self) -> Page:
        """A person's own tab, still empty."""
        page = self.reader.new_page()
        page.set_default_timeout(20_000)
        self.tabs.append(page)
        return page

    def open(self, path: str) -> Page:
        """A person's own tab at an address of the desk, drawn: it has a heading, or says what is wrong."""
        page = self.tab()
        page.goto(f"{self.desk.url}/{path}")
        page.get_by_role("heading", level=1).or_(page.get_by_role("alert")).first.wait_for()
        drawn(page)
        return page

    def cart_page(self, cart_id: int) -> Page:
        """The tab of a cart, by its number in the shop, as the worker has just mirrored it."""
        self.mirror(cart_id)
        page = self.tab()
        page.goto(f"{self.desk.url}/cart?id={record_key(1, cart_id)}")
        page.get_by_role("button", name="Synchronise").wait_for()
        drawn(page)
        return page

    def mirror(self, *cart_ids: int) -> None:
        """Asks the worker to read the shop, and returns once the mirror holds these carts and the worker is done."""
        keys = [record_key(1, cart_id) for cart_id in cart_ids]
        asked_at = datetime.now(UTC)
        request_sync(self.store, 1, "the tests")
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while self._began_before(asked_at) or self._found(keys) < len(keys):
            assert time.monotonic() < give_up_at, f"Carts {cart_ids} were not mirrored in time."
            time.sleep(0.05)

    def _began_before(self, moment: datetime) -> bool:
        """Whether the latest look at some entity began before that moment, or is not over."""
        state = sync_state.c
        with self.store.reading() as connection:
            looks = connection.execute(select(state.last_started_at, state.last_success_at)).all()
        return any(began is None or done is None or began < moment or done < began for began, done in looks)

    def _found(self, keys: list[int]) -> int:
        with self.store.reading() as connection:
            return int(connection.execute(select(func.count()).where(cart.c.id.in_(keys))).scalar_one())

    def orders_of(self, cart_id: int) -> list[dict[str, object]]:
        """What the shop holds for a cart: its orders."""
        return [order for order in self.shop.records.state.all("order") if order["quote_id"] == cart_id]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure tells what the person saw: of each tab its dialogs and alerts, not the first tab's whole page."""
    floor = getattr(item, "funcargs", {}).get("floor")
    if call.when == "call" and call.excinfo is not None and isinstance(floor, Floor):
        error = call.excinfo.value
        if isinstance(error, AssertionError | PlaywrightError):
            told = str(error).split("Aria snapshot:")[0].rstrip()
            error.args = ("\n".join([told, *map(_on_screen, floor.tabs)]),)
    return (yield)


def _on_screen(page: Page) -> str:
    try:
        state = page.get_by_test_id("stApp").get_attribute("data-test-script-state", timeout=1_000)
        shown = page.get_by_role("dialog").or_(page.get_by_role("alert")).or_(page.get_by_role("heading", level=1))
        parts = [part.aria_snapshot(timeout=1_000) for part in shown.all()]
    except PlaywrightError as gone:
        return f"{page.url}: {gone}"
    return "\n".join([f"{page.url}: {state}", *parts])


@pytest.fixture
def floor(opened_floor: Floor) -> Iterator[Floor]:
    """The desk with the shop behind it. The test's tabs are closed after it: open ones go on asking the desk."""
    yield opened_floor
    while opened_floor.tabs:
        opened_floor.tabs.pop().close()


@pytest.fixture(scope="session")
def opened_floor(reader: BrowserContext, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """The desk on a shop with generated data, read when it is asked to be; writes are allowed."""
    data = tmp_path_factory.mktemp("desk")
    shop = Shop(orders=60, carts=80, customers=40, seed=3)
    with serve(shop) as url:
        add = ["-m", "crm_core", "channel", "add", "Test shop", url, "--token", "demo", "--allow-writes"]
        add += ["--every", "3600"]
        environment = os.environ | {"CRM_DATA_DIR": str(data), "CRM_USER": "Maja Petersen"}
        added = subprocess.run(
            [sys.executable, *add], cwd=ROOT, env=environment, check=False, capture_output=True, text=True
        )
        assert added.returncode == 0, added.stderr
        with started_desk(data) as desk, closing(Store(f"sqlite:///{data / 'desk.db'}")) as store:
            floor = Floor(desk, shop, reader, store)
            floor.mirror()
            yield floor
