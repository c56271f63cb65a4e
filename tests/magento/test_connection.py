"""Reads are repeated with care, writes are sent once, and everything that goes wrong is told by its kind."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from crm_core.errors import (
    DeskError,
    OutcomeUnknown,
    PermissionMissing,
    ShopAnsweredNonsense,
    ShopFailed,
    ShopHasNoSuch,
    ShopRefused,
    ShopUnavailable,
    ShopUnreachable,
    SignInFailed,
    WrongAddress,
)
from crm_core.magento.auth import Bearer
from crm_core.magento.connection import Connection
from tests.magento.conftest import TOKEN, Answer, Request, ScriptedShop, html, replay

Connect = Callable[..., Connection]

ORDER = ("PUT", "/V1/carts/7/order", {"paymentMethod": {"method": "checkmo"}})


def test_a_read_asks_for_json_in_the_default_view_or_the_one_named(shop: ScriptedShop, connection: Connection) -> None:
    shop.on("GET", ".*", Answer({"ok": True}))
    assert connection.get("/V1/orders", [("a b", "c")]) == b'{"ok": true}'
    connection.get("/V1/carts/7/totals", store="us_en")
    plain, of_view = shop.requests
    assert (plain.path, plain.query) == ("/rest/V1/orders", "a%20b=c")
    assert of_view.path == "/rest/us_en/V1/carts/7/totals"
    assert plain.headers["Accept"] == "application/json"


def test_reads_go_below_the_base_url_each_with_its_own_address_and_as_it_was_quoted(shop: ScriptedShop) -> None:
    shop.on("GET", ".*", Answer([]))
    with Connection(f"{shop.url}/two words", Bearer(TOKEN)) as connection:
        connection.get("/V1/products/a%2Fb%20%C3%BC", [("a", "b")])
        connection.get("/V1/orders/1")
    assert [(each.path, each.query) for each in shop.requests] == [
        ("/two%20words/rest/V1/products/a%2Fb%20%C3%BC", "a=b"),
        ("/two%20words/rest/V1/orders/1", ""),
    ]


def test_the_proxy_that_the_environment_names_is_used_but_not_for_hosts_that_it_excludes(
    shop: ScriptedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.on("GET", ".*", Answer([]))
    shop.on("PUT", ".*", Answer(1))
    monkeypatch.setenv("http_proxy", shop.url)
    monkeypatch.setenv("no_proxy", "elsewhere.invalid")
    with Connection("http://magento.invalid", Bearer(TOKEN)) as behind_it:
        assert behind_it.get("/V1/orders", [("a b", "c")]) == b"[]"
        behind_it.send(*ORDER, store="default")
    assert [request.headers["Host"] for request in shop.requests] == ["magento.invalid"] * 2
    beside_it = Connection("http://elsewhere.invalid", Bearer(TOKEN), read_tries=1)
    with beside_it, pytest.raises(ShopUnavailable, match=r"elsewhere\.invalid"):
        beside_it.get("/V1/orders")
    assert len(shop.requests) == 2


def test_cookies_are_dropped_because_magento_queues_requests_of_one_session(
    shop: ScriptedShop, connection: Connection
) -> None:
    shop.on("GET", ".*", Answer([], headers={"Set-Cookie": "PHPSESSID=abc; path=/"}))
    shop.on("PUT", ".*", Answer(1, headers={"Set-Cookie": "PHPSESSID=abc; path=/"}))
    for _ in range(2):
        connection.get("/V1/store/websites")
        connection.send(*ORDER, store="default")
    assert not [request for request in shop.requests if "Cookie" in request.headers]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (html(200), ShopAnsweredNonsense, "text/html instead of JSON"),
        (html(403), WrongAddress, "firewall"),
        (html(404), WrongAddress, "not Magento's REST API"),
        (html(401), SignInFailed, "password of its own"),
        (html(301, Location="https://x.example/rest/V1/a?b=c"), WrongAddress, "redirects to https://x.example. "),
        (html(302, Location="/login"), WrongAddress, "redirects to /login"),
        (html(414), ShopRefused, "414"),
        (replay("customer_missing"), ShopHasNoSuch, "customerId = 999999"),
        (replay("carts_search_no_criteria"), ShopRefused, '"searchCriteria" is required'),
        (replay("auth_bogus_store_prefix"), ShopRefused, "cannot be processed"),
        (replay("auth_none_carts"), PermissionMissing, "Magento_Cart::manage"),
    ],
)
def test_25_an_answer_that_will_not_change_is_told_by_its_kind_and_not_asked_again(
    shop: ScriptedShop, connection: Connection, answer: Answer, kind: type[DeskError], words: str
) -> None:
    shop.on("GET", ".*", answer)
    with pytest.raises(kind, match=re.escape(words)) as raised:
        connection.get("/V1/customers/999999")
    assert type(raised.value) is kind
    assert len(shop.requests) == 1


@pytest.mark.parametrize(
    ("answer", "tries"),
    [
        (replay("maintenance"), 4),
        (html(502), 4),
        (Answer({"message": "Too Many Requests"}, 429), 4),
        (Answer(drop=True), 4),
        (Answer([1, 2, 3], truncate_to=3), 4),
        (replay("carts_search_bad_filter_field_sql"), 2),
        (html(504), 2),
        (Answer([], delay=0.4), 2),
    ],
)
def test_25_what_may_pass_is_tried_again_but_not_for_ever(
    shop: ScriptedShop, connect: Connect, answer: Answer, tries: int
) -> None:
    shop.on("GET", ".*", answer)
    patience = answer.delay / 2 or 30.0  # a busy machine must not make a prompt answer one that is too late
    with pytest.raises(ShopUnavailable) as raised:
        connect(read_timeout=patience).get("/V1/orders")
    assert isinstance(raised.value, ShopFailed) is (tries == 2)
    assert len(shop.requests) == tries


def test_25_a_read_passes_once_the_shop_is_back(shop: ScriptedShop, connection: Connection) -> None:
    shop.on("GET", ".*", replay("maintenance"), Answer(drop=True), Answer([1], truncate_to=1), Answer([1]))
    assert connection.get("/V1/orders") == b"[1]"
    assert connection.requests_made == 4


@pytest.mark.parametrize("answer", [html(503), html(500), Answer(drop=True)])
def test_a_read_that_may_fail_is_sent_only_as_often_as_asked(
    shop: ScriptedShop, connection: Connection, answer: Answer
) -> None:
    shop.on("GET", ".*", answer)
    with pytest.raises(ShopUnavailable):
        connection.get("/V1/orders", tries=1)
    assert len(shop.requests) == 1


def test_a_write_that_no_store_view_can_move_names_none(shop: ScriptedShop, connection: Connection) -> None:
    shop.on("POST", "/rest/V1/orders/1/hold", Answer(True))
    assert connection.send("POST", "/V1/orders/1/hold", store=None) == b"true"


def test_25_the_pause_that_a_shop_asks_for_is_kept(shop: ScriptedShop, connection: Connection) -> None:
    shop.on("GET", ".*", Answer({"message": "Too Many Requests"}, 429, {"Retry-After": "1"}), Answer([]))
    before = time.monotonic()
    connection.get("/V1/orders")
    assert time.monotonic() - before >= 1.0


@pytest.mark.parametrize("wish", ["3600", "date"])
def test_25_a_pause_too_long_to_wait_for_is_handed_to_the_caller(
    shop: ScriptedShop, connection: Connection, wish: str
) -> None:
    if wish == "date":
        wish = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    shop.on("GET", ".*", html(503, **{"Retry-After": wish}))
    with pytest.raises(ShopUnavailable) as raised:
        connection.get("/V1/orders")
    assert raised.value.retry_after == pytest.approx(3600, abs=10)
    assert len(shop.requests) == 1


@pytest.mark.parametrize("wish", ["9" * 12, "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_is_made_to_wait_longer_than_a_day(shop: ScriptedShop, connection: Connection, wish: str) -> None:
    shop.on("GET", ".*", html(503, **{"Retry-After": wish}))
    with pytest.raises(ShopUnavailable) as raised:
        connection.get("/V1/orders")
    assert raised.value.retry_after == 86_400


@pytest.mark.parametrize("wish", ["soon", "-5", "", "Sat, 21 Nov 2026 18:16:49822599999"])
def test_a_pause_that_cannot_be_read_is_ignored(shop: ScriptedShop, connection: Connection, wish: str) -> None:
    shop.on("GET", ".*", html(503, **{"Retry-After": wish}), Answer([]))
    assert connection.get("/V1/orders") == b"[]"


def test_a_write_is_sent_in_its_store_view_with_its_body(shop: ScriptedShop, connection: Connection) -> None:
    shop.on("PUT", ".*", Answer(82))
    assert connection.send(*ORDER, store="us_en") == b"82"
    (request,) = shop.requests
    assert request.path == "/rest/us_en/V1/carts/7/order"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.json == {"paymentMethod": {"method": "checkmo"}}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(82, drop=True),
        Answer(82, truncate_to=1),
        Answer(82, delay=0.6),
        html(200),
        html(500),
        html(502),
        html(503),
        html(504),
        html(408),
        replay("carts_search_bad_filter_field_sql"),
    ],
)
def test_29_after_anything_but_a_clear_answer_a_write_is_not_repeated_and_its_outcome_is_unknown(
    shop: ScriptedShop, connect: Connect, answer: Answer
) -> None:
    shop.on("PUT", ".*", answer)
    with pytest.raises(OutcomeUnknown, match="Look in the shop") as raised:
        connect(write_timeout=0.3).send(*ORDER, store="default")
    assert "Try later" not in str(raised.value)
    assert len(shop.sent("PUT")) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (replay("place_customer_no_address"), ShopRefused),
        (replay("place_customer_ready_again"), ShopHasNoSuch),
        (replay("auth_none_carts"), PermissionMissing),
        (replay("auth_oauth_wrong_signature"), SignInFailed),
        (html(301, Location="https://elsewhere.example/"), WrongAddress),
        (html(404), WrongAddress),
        (html(403), ShopRefused),
        (html(405), ShopRefused),
        (Answer({"message": "Too Many Requests"}, 429, {"Retry-After": "5"}), ShopUnavailable),
    ],
)
def test_30_a_clear_no_to_a_write_is_told_as_such_and_not_repeated(
    shop: ScriptedShop, connection: Connection, answer: Answer, kind: type[DeskError]
) -> None:
    shop.on("PUT", ".*", answer)
    with pytest.raises(DeskError) as raised:
        connection.send(*ORDER, store="default")
    assert type(raised.value) is kind
    assert len(shop.requests) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_an_encoded_slash_that_a_web_server_does_not_take_speaks_of_that_call_and_not_of_the_address(
    shop: ScriptedShop, connection: Connection, status: int
) -> None:
    shop.on("GET", ".*", html(status))
    with pytest.raises(ShopRefused, match=r"special characters") as raised:
        connection.get("/V1/stockItems/A%2FB")
    assert raised.value.status == status
    assert type(raised.value) is ShopRefused


def test_a_write_that_never_left_is_known_not_to_have_happened() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: every connection is refused
        nobody = Connection(f"http://127.0.0.1:{taken.getsockname()[1]}", Bearer(TOKEN), retry_wait=0.01)
        with pytest.raises(ShopUnreachable, match="Nothing answers"):
            nobody.send(*ORDER, store="default")
        assert nobody.requests_made == 1
        nobody.close()


def test_a_read_of_a_shop_that_refuses_connections_is_tried_just_once_more() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with Connection(f"http://127.0.0.1:{taken.getsockname()[1]}", Bearer(TOKEN), retry_wait=0.01) as nobody:
            with pytest.raises(ShopUnreachable, match="Nothing answers"):
                nobody.get("/V1/orders")
            assert nobody.requests_made == 2


def test_a_write_does_not_go_over_a_connection_that_may_have_gone_stale(
    shop: ScriptedShop, connection: Connection
) -> None:
    shop.on("GET", ".*", Answer([], truncate_to=99))  # the shop closes after this answer, without saying so
    shop.on("PUT", ".*", Answer(5))
    for _ in range(5):
        connection.get("/V1/orders")
        assert connection.send(*ORDER, store="default") == b"5"


@pytest.mark.parametrize(
    ("address", "kind", "words"),
    [
        ("http://no-such-host.invalid", ShopUnreachable, "cannot be found"),
        ("http://127.0.0.1:99999", WrongAddress, "not an address"),
        ("http://", WrongAddress, "not an address"),
        ("shop.example", WrongAddress, "not an address"),
        (f"http://{'a' * 70}.example", WrongAddress, "not an address"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_in_words(address: str, kind: type[DeskError], words: str) -> None:
    with Connection(address, Bearer(TOKEN), read_tries=1) as connection:
        with pytest.raises(kind, match=words):
            connection.get("/V1/orders")
        with pytest.raises(kind, match=words):
            connection.send(*ORDER, store="default")


def test_tls_towards_a_port_that_speaks_none_is_told(shop: ScriptedShop) -> None:
    address = shop.url.replace("http://", "https://")
    with Connection(address, Bearer(TOKEN)) as connection:
        with pytest.raises(WrongAddress, match=r"secure connection.*no TLS"):
            connection.get("/V1/orders")
        with pytest.raises(WrongAddress, match="secure connection"):
            connection.send(*ORDER, store="default")


@pytest.mark.parametrize(
    "target", ["http://[::1", "http://[bad]/", "http://shop:port/", "\xe9\xff", "http://\xfc..x/", "", "//"]
)
def test_25_a_redirect_to_what_is_no_address_is_a_wrong_address(
    shop: ScriptedShop, connection: Connection, target: str
) -> None:
    for method in ("GET", "PUT"):
        shop.on(method, ".*", html(302, Location=target))
    for _ in range(6):  # more often than there are connections: each must be free again
        with pytest.raises(WrongAddress):
            connection.get("/V1/orders")
    with pytest.raises(WrongAddress):
        connection.send(*ORDER, store="us_en")


def test_requests_and_the_shops_own_time_are_counted(shop: ScriptedShop, connection: Connection) -> None:
    shop.on("GET", ".*", Answer([], delay=0.1))
    connection.get("/V1/orders")
    connection.get("/V1/orders")
    assert connection.requests_made == 2
    assert connection.shop_seconds >= 0.2


def test_no_more_requests_than_agreed_are_under_way_at_once(shop: ScriptedShop, connect: Connect) -> None:
    shop.on("GET", ".*", Answer([], delay=0.05))
    connection = connect(connections=2)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: connection.get("/V1/orders"), range(12)))
    assert shop.most_under_way == 2
    assert connection.requests_made == 12


def test_two_threads_do_not_wait_for_each_other(shop: ScriptedShop, connection: Connection) -> None:
    both = threading.Barrier(2, timeout=5)

    def wait_for_the_other(_: Request) -> Answer:
        both.wait()
        return Answer([])

    shop.on("GET", ".*", wait_for_the_other)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: connection.get("/V1/orders"), range(2))) == [b"[]", b"[]"]
