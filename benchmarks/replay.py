"""A server process that replays ready-made pages of orders as fast as it can, for the benchmark of the import.

It answers the searches that the import and its rivals send: a range of updated_at, a last id, a page size. Order n has
entity_id FIRST_ID + n and was updated ten seconds after the one before it, the last one an hour ago. Bodies come from a
hundred orders of the demo store with ids and times put in. Pages stand ready but for these: with a server that takes
its time, a reader that waits for it would be measured by that.
"""

from __future__ import annotations

import json
import random
import re
import socket
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from demo_store import Shop

FIRST_ID = 1_000_000
_STEP = 10
_ID = b"7777777"
_TIME = b"2001-01-01 01:01:01"
_KINDS = 100
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: %b\r\nContent-Length: %d\r\n\r\n"
_FILTER = re.compile(r"\[filter_groups\]\[(\d+)\]\[filters\]\[0\]\[(field|value|condition_type)\]=([^&]*)")


class Replay:
    """The orders, and which of them got another status since."""

    def __init__(self, orders: int) -> None:
        self.orders = orders
        self.kinds = _kinds()
        self.end = int(time.time()) - 3_600
        self.changed: dict[int, int] = {}
        self.changes = 0
        self._ready = lru_cache(_KINDS)(self._make_ready)

    def updated(self, number: int) -> int:
        """When the order was updated last, in seconds since 1970."""
        return self.changed.get(number) or self.end - (self.orders - 1 - number) * _STEP

    def page(self, numbers: Sequence[int]) -> bytes:
        """The orders as Magento sends them, in a row."""
        if not numbers:
            return b""
        if self.changed or numbers[-1] - numbers[0] != len(numbers) - 1:
            return b",".join([self._one(number) for number in numbers])
        template, marks = self._ready(numbers[0] % _KINDS, len(numbers))
        ids = [FIRST_ID + number for number in numbers]
        stamps = [_stamp(self.updated(number)) for number in numbers]
        return template % tuple([ids[place] if is_id else stamps[place] for place, is_id in marks])

    def _one(self, number: int) -> bytes:
        template, marks = self.kinds[number % _KINDS]
        stamp = _stamp(self.updated(number))
        body = template % tuple([FIRST_ID + number if is_id else stamp for is_id in marks])
        if number in self.changed:
            body = body.replace(b'"status":"', b'"status":"step_%d_' % self.changes)
        return body

    def _make_ready(self, first: int, count: int) -> tuple[bytes, list[tuple[int, bool]]]:
        kinds = [self.kinds[(first + place) % _KINDS] for place in range(count)]
        marks = [(place, is_id) for place, (_, of_kind) in enumerate(kinds) for is_id in of_kind]
        return b",".join([template for template, _ in kinds]), marks

    def numbers(self, low: int | None, high: int | None, after: int) -> tuple[range, list[int]]:
        """Orders of the range of time behind the id: those as they were made, and those changed since, both by id."""
        start = self.end - (self.orders - 1) * _STEP
        first = 0 if low is None else max(0, -(-(low - start) // _STEP))
        last = self.orders - 1 if high is None else min(self.orders - 1, (high - start) // _STEP)
        changed = sorted(
            number
            for number, moment in self.changed.items()
            if number > after and (low is None or moment >= low) and (high is None or moment <= high)
        )
        return range(max(first, after + 1), last + 1), changed

    def answer(self, target: str) -> bytes:
        """The body of the answer to a GET."""
        if target.startswith("/change/"):
            self.changes += 1
            for number in random.Random(1).sample(range(self.orders), int(target.rsplit("/", 1)[1])):
                self.changed[number] = self.end + 3_500 + self.changes
        query = unquote(target)
        if "searchCriteria" not in query:
            return b"[]"
        filters: dict[str, dict[str, str]] = {}
        for group, key, value in _FILTER.findall(query):
            filters.setdefault(group, {})[key] = value
        low = high = None
        after = -1
        for one in filters.values():
            match one["field"], one["condition_type"]:
                case "updated_at", "gteq":
                    low = _seconds(one["value"])
                case "updated_at", "lteq":
                    high = _seconds(one["value"])
                case "entity_id", "gt":
                    after = int(one["value"]) - FIRST_ID
        made, changed = self.numbers(low, high, after)
        # Ranges of the benchmark hold either orders as they were made, or changed ones.
        chosen: range | list[int] = made if len(made) else changed
        if "fields=total_count" in query:
            return b'{"total_count":%d}' % len(chosen)
        size = int(query.split("[pageSize]=")[1].split("&")[0])
        page = self.page(chosen[:size])
        return b'{"items":[%b],"search_criteria":{},"total_count":%d}' % (page, len(chosen))


def serve(replay: Replay, listener: socket.socket) -> None:
    """Answer on the socket until the process ends: one thread a connection, kept alive, nothing compressed."""
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_talk, args=(replay, client), daemon=True).start()


def _talk(replay: Replay, client: socket.socket) -> None:
    data = b""
    with client:
        while True:
            while b"\r\n\r\n" not in data:
                received = client.recv(65_536)
                if not received:
                    return
                data += received
            head, data = data.split(b"\r\n\r\n", 1)
            body = replay.answer(head.split(b" ", 2)[1].decode())
            client.sendall(_HEAD % (formatdate(usegmt=True).encode(), len(body)))
            client.sendall(body)


def _kinds() -> list[tuple[bytes, list[bool]]]:
    """A hundred orders, 1.7 items each on average, to put ids and times into; and which of the places takes an id."""
    shop = Shop(orders=400, carts=0, customers=60)
    dice = random.Random(1)
    found: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    for stored in shop.records.state.all("order"):
        order = shop.order(stored["entity_id"])
        if len(order["items"]) in found:
            found[len(order["items"])].append(order)
    for orders in found.values():
        # The shortest that Magento sends: even they are a little longer than the 6 KB that the bounds speak of.
        orders.sort(key=lambda order: len(json.dumps(order)))
        del orders[len(orders) // 10 :]
    kinds = [_template(_marked(dice.choice(found[1 if number % 10 < 3 else 2]))) for number in range(_KINDS)]
    shop.close()
    return kinds


def _marked(order: dict[str, Any]) -> bytes:
    mark = int(_ID)
    marked = order | {
        "entity_id": mark,
        "quote_id": mark,
        "increment_id": f"{mark}",
        "created_at": _TIME.decode(),
        "updated_at": _TIME.decode(),
        "items": [
            item | {"item_id": int(f"{mark}{place}"), "order_id": mark, "quote_item_id": int(f"{mark}{place}")}
            for place, item in enumerate(order["items"])
        ],
    }
    return json.dumps(marked, separators=(",", ":")).encode()


def _template(body: bytes) -> tuple[bytes, list[bool]]:
    marks = [found == _ID for found in re.findall(re.escape(_ID) + b"|" + re.escape(_TIME), body)]
    return body.replace(b"%", b"%%").replace(_ID, b"%d").replace(_TIME, b"%b"), marks


def _stamp(seconds: int) -> bytes:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)).encode()


def _seconds(stamp: str) -> int:
    return int(datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())


def main() -> None:
    """Serve so many orders on a free port, which is printed with the size of an order in bytes."""
    replay = Replay(int(sys.argv[1]))
    listener = socket.create_server(("127.0.0.1", 0))
    size = round(len(replay.page(range(_KINDS))) / _KINDS)
    print(listener.getsockname()[1], size, flush=True)
    serve(replay, listener)


if __name__ == "__main__":
    main()
