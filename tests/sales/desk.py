"""A desk that reads and writes a demo store over real HTTP, with a say in what single requests are answered."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Row, select

from crm_core.magento.auth import Bearer
from crm_core.magento.shop import Entity
from crm_core.sales.offer import Choice, Offer, prepare
from crm_core.sales.outcomes import Outcome
from crm_core.sales.placing import place
from crm_core.store import tables
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.sync.channels import Channel, open_shop
from crm_core.sync.pages import write_records
from crm_core.sync.reading import read_one
from crm_core.sync.record import synchronise_cart
from crm_core.sync.rules import Rules
from crm_core.sync.setting_up import add_channel
from crm_core.sync.transaction import writing
from crm_core.sync.work import read_entity
from demo_store import Shop
from demo_store.service import Request, Response

PLACE = r"PUT .*/carts/\d+/order$"
SHIP = r"POST .*/shipping-information$"

Answer = Callable[[Request, Callable[[], Response]], Response]
"""Answers a request; the callable does the shop's work and gives the shop's own answer."""


@dataclass
class Front:
    """Stands before the shop's service: the rules decide what a request is answered, the first that matches."""

    shop: Shop
    rules: list[tuple[re.Pattern[str], Answer]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def on(self, pattern: str, answer: Answer) -> None:
        """From now on, requests whose "METHOD /path?query" matches are answered by it."""
        self.rules.insert(0, (re.compile(pattern), answer))

    def calm(self) -> None:
        """From now on the shop answers everything itself."""
        self.rules.clear()

    def count(self, pattern: str) -> int:
        """How many requests so far match."""
        return sum(bool(re.search(pattern, each)) for each in self.asked)

    def answer(self, request: Request) -> Response:
        """The answer by the first rule that matches, else the shop's."""
        text = f"{request.method} {urlsplit(request.target).path}"
        self.asked.append(f"{request.method} {request.target}")
        for pattern, answer in list(self.rules):
            if pattern.search(text):
                return answer(request, lambda: self.shop.service.answer(request))
        return self.shop.service.answer(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    front: Front


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        response = self.server.front.answer(Request(self.command, self.path, headers, body, self.client_address[0]))
        if response.dropped:
            self.close_connection = True
            return
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 (http.server)


@contextmanager
def serve_front(front: Front) -> Iterator[str]:
    """The shop behind its front, answering on a thread while the block runs; gives its URL."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.front = front
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@dataclass
class Desk:
    """A store with one channel of one shop."""

    store: Store
    front: Front
    channel: Channel

    @property
    def shop(self) -> Shop:
        """The shop as its own people see it."""
        return self.front.shop

    def synchronise(self, cart_id: int) -> None:
        """Read the cart and its orders now, as the person's button does."""
        synchronise_cart(self.store, self.key(cart_id), "Anna")

    def add_cart(self, *lines: tuple[str, int], **details: Any) -> int:
        """The id of a cart that a shopper has just filled and brought up to the button, and that the desk has read."""
        cart_id = self.shop.add_cart(lines or (("MUG-01", 2),), **details)
        opened = open_shop(self.store, self.channel)
        found = read_one(opened, Entity.CARTS, cart_id)
        with writing(self.store, self.channel.shop_id, opened.magento.connection.shop_now()) as transaction:
            write_records(transaction, Entity.CARTS, found.records)
        return cart_id

    def row(self, cart_id: int) -> Row[Any]:
        """The cart as the mirror holds it."""
        with self.store.reading() as connection:
            return connection.execute(select(tables.cart).where(tables.cart.c.id == self.key(cart_id))).one()

    def attempts(self, cart_id: int) -> list[Row[Any]]:
        """Every try to place the cart, newest first."""
        attempt = tables.attempt
        ours = (attempt.c.shop_id == self.channel.shop_id) & (attempt.c.cart_origin_id == cart_id)
        with self.store.reading() as connection:
            return list(connection.execute(select(attempt).where(ours).order_by(attempt.c.id.desc())))

    def key(self, cart_id: int) -> int:
        """The key of a cart of the shop."""
        return record_key(self.channel.shop_id, cart_id)

    def offer(self, cart_id: int, person: str = "Anna") -> Offer:
        """What the person sees before placing."""
        return prepare(self.store, self.key(cart_id), person)

    def choice(self, cart_id: int, **wishes: Any) -> Choice:
        """The choice of the cart's own shipping and a check, unless `wishes` say otherwise."""
        offer = self.offer(cart_id)
        shipping = offer.chosen_shipping
        return offer.choose(
            wishes.get("shipping", None if shipping is None else shipping.code),
            wishes.get("payment", "checkmo"),
            wishes.get("po_number"),
        )

    def place(self, cart_id: int, choice: Choice | None = None, person: str = "Anna") -> Outcome:
        """Confirm the choice, by default the usual one of a fresh offer."""
        return place(self.store, self.key(cart_id), choice or self.choice(cart_id), person)


def connect(store: Store, url: str, name: str = "Shop", *, websites: tuple[str, ...] | None = None) -> Channel:
    """A channel that allows writes and has read the shop's store views."""
    rules = Rules(allow_writes=True, websites=websites)
    channel = add_channel(store, name, url, Bearer("demo"), rules, person="tests", check_first=False)
    read_entity(store, channel.id, "stores", holder="tests")
    return channel


def answered(status: int, body: bytes, content_type: str = "application/json; charset=utf-8") -> Answer:
    """Answers that, without any work done."""
    return lambda _request, _work: Response(status, body, {"Content-Type": content_type})


def dropped_after_the_work(_request: Request, work: Callable[[], Response]) -> Response:
    """Does the work and closes the connection without an answer."""
    work()
    return Response(0, b"", dropped=True)


def dropped_before_the_work(_request: Request, _work: Callable[[], Response]) -> Response:
    """Closes the connection without work and answer."""
    return Response(0, b"", dropped=True)


def unreadable_afterwards(front: Front, answer: Answer) -> Answer:
    """Does the work; from then on every read is answered by `answer`."""

    def do(_request: Request, work: Callable[[], Response]) -> Response:
        front.on(r"GET .*", answer)
        return work()

    return do


def before(act: Callable[[], object]) -> Answer:
    """Lets something happen in the shop just before it does the work."""

    def answer(_request: Request, work: Callable[[], Response]) -> Response:
        act()
        return work()

    return answer
