"""Signing in: each kind of credentials, no second try of a refused password, and no secret where it can be seen."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import re
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote, unquote, urlsplit

import pytest
import time_machine

from crm_core.errors import BadInput, DeskError, PermissionMissing, ShopUnavailable, SignInFailed
from crm_core.magento.auth import (
    AdminPassword,
    Bearer,
    Credentials,
    OAuth,
    credentials_from_json,
    credentials_to_json,
)
from crm_core.magento.connection import Connection
from crm_core.magento.search import Filter, Search
from tests.magento.conftest import TOKEN, Answer, Request, ScriptedShop, html, replay

Connect = Callable[..., Connection]

OAUTH = OAuth("the-consumer-key", "the-consumer-secret", "the-token", "the-token-secret")
ADMIN = AdminPassword("rep", "pass word é")
EVERY_KIND = [Bearer(TOKEN), OAUTH, ADMIN]
TOKEN_PATH = "/rest/V1/integration/admin/token"
LACKS_ORDERS = Answer(
    {
        "message": "The consumer isn't authorized to access %resources.",
        "parameters": {"resources": "Magento_Sales::actions_view"},
    },
    401,
)


def jwt(life: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 1_000, "exp": 1_000 + life}).encode()).rstrip(b"=").decode()
    return f"admin-jwt.{claims}.signature"


def magento_signature(request: Request, url: str) -> str:
    """The signature as Magento computes it: parameters sorted naturally by name, so that 2 comes before 10."""
    header = dict(re.findall(r'(\w+)="([^"]*)"', request.headers["Authorization"]))
    parts = urlsplit(url)
    parameters = [(name, unquote(value)) for name, value in header.items() if name != "oauth_signature"]
    parameters += [
        (unquote(name), unquote(value)) for name, _, value in (pair.partition("=") for pair in parts.query.split("&"))
    ]
    encoded = [(quote(name, safe="~"), quote(value, safe="~")) for name, value in parameters]

    def naturally(pair: tuple[str, str]) -> list[tuple[int, int, str]]:
        return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", pair[0]) if part]

    joined = "&".join(f"{name}={value}" for name, value in sorted(encoded, key=naturally))
    address = f"{parts.scheme}://{parts.netloc}{parts.path}"
    base = "&".join([request.method, quote(address, safe="~"), quote(joined, safe="~")])
    key = f"{OAUTH.consumer_secret}&{OAUTH.token_secret}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()


def signature_of(request: Request) -> str:
    match = re.search(r'oauth_signature="([^"]*)"', request.headers["Authorization"])
    assert match
    return unquote(match[1])


@pytest.mark.parametrize("credentials", EVERY_KIND)
def test_credentials_survive_being_stored(credentials: Credentials) -> None:
    assert credentials_from_json(credentials_to_json(credentials)) == credentials


@pytest.mark.parametrize("data", [b"", b"{}", b'{"type": "magic"}', b'{"type": "bearer", "token": 5}', b"\xff"])
def test_unreadable_credentials_are_told_without_their_text(data: bytes) -> None:
    with pytest.raises(BadInput, match="Enter them again") as raised:
        credentials_from_json(data)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("credentials", EVERY_KIND)
def test_27_a_repr_shows_no_secret(credentials: Credentials) -> None:
    shown = f"{credentials!r} {credentials} {[credentials]!r}"
    assert not [secret for secret in ("the-", "s3cr3t", "pass word") if secret in shown]


@pytest.mark.parametrize(("username", "password"), [("", "right"), (" ", "right"), ("rep", "")])
def test_an_admin_without_name_or_password_is_refused_before_the_shop_counts_a_failure(
    username: str, password: str
) -> None:
    with pytest.raises(BadInput, match="empty"):
        AdminPassword(username, password)


@pytest.mark.parametrize("token", ["", " x", "x y", "x\n", "x\r\nHost: evil", "tökén", "\u200bx"])
def test_a_token_that_no_header_can_carry_is_refused_before_it_can_be_quoted(token: str) -> None:
    with pytest.raises(BadInput) as raised:
        Bearer(token)
    assert token not in str(raised.value) or not token.strip()
    with pytest.raises(BadInput):
        OAuth("a", "b", token, "d")


def test_a_token_is_sent_as_bearer(shop: ScriptedShop, connect: Connect) -> None:
    shop.on("GET", ".*", Answer([]))
    connect(Bearer(TOKEN)).get("/V1/store/websites")
    assert shop.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_04_the_oauth_signature_is_the_one_that_magento_computes(shop: ScriptedShop, connect: Connect) -> None:
    shop.on("GET", ".*", Answer({"items": []}))
    search = Search(page_size=2).where_any(Filter("customer_email", "like", "%a+b~c'(d)@example.test"))
    for number in range(9):
        search = search.where("updated_at", "gteq", datetime(2026, 1, 1, 0, 0, number, tzinfo=UTC))
    connect(OAUTH).get("/V1/orders", search.only("items[entity_id,increment_id],total_count").parameters())
    (request,) = shop.requests
    assert "%20" in request.query
    assert "%5B" in request.query
    assert 'oauth_signature_method="HMAC-SHA256"' in request.headers["Authorization"]
    assert signature_of(request) == magento_signature(request, f"{shop.url}{request.path}?{request.query}")
    assert request.parameters["searchCriteria[filter_groups][9][filters][0][value]"] == "2026-01-01 00:00:08"


def test_04_the_golden_vector_of_magentos_signature() -> None:
    """Fixed nonce, time and secrets: guards the reimplementation above and oauthlib against drifting together."""
    header = (
        'OAuth oauth_consumer_key="the-consumer-key", oauth_nonce="n", oauth_signature_method="HMAC-SHA256", '
        'oauth_timestamp="1", oauth_token="the-token", oauth_version="1.0"'
    )
    query = "searchCriteria%5BpageSize%5D=2&fields=a%20b"
    base = (
        "GET&https%3A%2F%2Fshop.example%2Frest%2FV1%2Forders&fields%3Da%2520b%26oauth_consumer_key%3Dthe-consumer-key"
        "%26oauth_nonce%3Dn%26oauth_signature_method%3DHMAC-SHA256%26oauth_timestamp%3D1%26oauth_token%3Dthe-token"
        "%26oauth_version%3D1.0%26searchCriteria%255BpageSize%255D%3D2"
    )
    digest = hmac.new(b"the-consumer-secret&the-token-secret", base.encode(), hashlib.sha256).digest()
    request = Request("GET", "/rest/V1/orders", query, {"Authorization": header}, b"")
    assert (
        magento_signature(request, f"https://shop.example/rest/V1/orders?{query}") == base64.b64encode(digest).decode()
    )


def test_27_every_try_is_signed_anew(shop: ScriptedShop, connect: Connect) -> None:
    shop.on("GET", ".*", html(503), html(503), Answer([]))
    connect(OAUTH).get("/V1/store/websites")
    nonces = {re.findall(r'oauth_nonce="([^"]*)"', request.headers["Authorization"])[0] for request in shop.requests}
    assert len(nonces) == 3


@pytest.mark.parametrize("hours", [2, -2])
def test_12_oauth_goes_by_the_shops_clock_however_wrong_this_machines_is(
    shop: ScriptedShop, connect: Connect, hours: int
) -> None:
    shop_now = datetime.now(UTC)
    shop.date = format_datetime(shop_now, usegmt=True)

    def refuse_the_future(request: Request) -> Answer:
        stamp = int(re.findall(r'oauth_timestamp="(\d+)"', request.headers["Authorization"])[0])
        return replay("auth_oauth_future_timestamp") if stamp > shop_now.timestamp() + 600 else Answer([])

    shop.on("GET", ".*", refuse_the_future)
    connection = connect(OAUTH)
    with time_machine.travel(shop_now + timedelta(hours=hours), tick=True):
        connection.get("/V1/store/websites")
        assert len(shop.requests) == (2 if hours > 0 else 1)
        connection.get("/V1/store/websites")
        assert len(shop.requests) == (3 if hours > 0 else 2)
        assert connection.clock_offset == pytest.approx(-hours * 3600, abs=5)


def test_a_refused_signature_is_not_tried_again_and_names_a_wrong_clock(shop: ScriptedShop, connect: Connect) -> None:
    shop.on("GET", ".*", replay("auth_oauth_wrong_signature"))
    with pytest.raises(SignInFailed, match="signature is invalid") as raised:
        connect(OAUTH).get("/V1/orders")
    assert "clock" not in str(raised.value)
    assert len(shop.requests) == 1
    shop.date = "Sat, 21 Nov 2020 18:16:48 GMT"
    with pytest.raises(SignInFailed, match=r"clock is .* off"):
        connect(OAUTH).get("/V1/orders")


def test_26_a_missing_permission_is_told_by_its_acl_name(shop: ScriptedShop, connect: Connect) -> None:
    shop.on("GET", ".*", replay("auth_none_carts"))
    with pytest.raises(PermissionMissing, match="Magento_Cart::manage") as raised:
        connect(Bearer(TOKEN)).get("/V1/carts/search")
    assert raised.value.resource == "Magento_Cart::manage"
    assert len(shop.requests) == 1


def test_an_admin_signs_in_once_for_many_requests(shop: ScriptedShop, connect: Connect) -> None:
    shop.on("POST", TOKEN_PATH, Answer(jwt(3600)))
    shop.on("GET", ".*", Answer([]))
    connection = connect(ADMIN)
    for _ in range(3):
        connection.get("/V1/store/websites")
    (sign_in,) = shop.sent("POST")
    assert sign_in.json == {"username": "rep", "password": "pass word é"}
    assert {request.headers["Authorization"] for request in shop.sent("GET")} == {f"Bearer {jwt(3600)}"}


def test_a_token_is_renewed_before_its_life_ends(shop: ScriptedShop, connect: Connect) -> None:
    shop.on("POST", TOKEN_PATH, Answer(jwt(0.2)), Answer(jwt(3600)))
    shop.on("GET", ".*", Answer([]))
    connection = connect(ADMIN)
    connection.get("/V1/store/websites")
    time.sleep(0.17)
    connection.get("/V1/store/websites")
    assert shop.sent("GET")[-1].headers["Authorization"] == f"Bearer {jwt(3600)}"


@pytest.mark.parametrize("token", ["opaque-32-characters", "a.b.c", "a.e30.c", jwt(-5)])
def test_a_token_that_tells_no_life_is_used_all_the_same(shop: ScriptedShop, connect: Connect, token: str) -> None:
    shop.on("POST", TOKEN_PATH, Answer(token))
    shop.on("GET", ".*", Answer([]))
    connection = connect(ADMIN)
    connection.get("/V1/store/websites")
    connection.get("/V1/store/websites")
    assert len(shop.sent("POST")) == 1


def test_26_a_token_that_ended_early_is_renewed_once_and_the_read_repeated(
    shop: ScriptedShop, connect: Connect
) -> None:
    shop.on("POST", TOKEN_PATH, Answer(jwt(3600)), Answer(jwt(7200)))
    shop.on("GET", ".*", Answer([]), LACKS_ORDERS, Answer([1]))
    connection = connect(ADMIN)
    connection.get("/V1/orders")
    assert connection.get("/V1/orders") == b"[1]"
    assert len(shop.sent("POST")) == 2


def test_26_a_permission_that_a_renewed_token_lacks_is_named_and_costs_one_sign_in(
    shop: ScriptedShop, connect: Connect
) -> None:
    shop.on("POST", TOKEN_PATH, Answer(jwt(3600)))
    shop.on("GET", "/rest/V1/store/websites", Answer([]))
    shop.on("GET", "/rest/V1/orders", LACKS_ORDERS)
    connection = connect(ADMIN)
    for _ in range(3):
        connection.get("/V1/store/websites")
        with pytest.raises(PermissionMissing, match="Magento_Sales::actions_view"):
            connection.get("/V1/orders")
    assert len(shop.sent("POST")) == 2


def test_a_write_refused_for_a_token_that_ended_is_not_repeated_but_the_next_one_is_signed_anew(
    shop: ScriptedShop, connect: Connect
) -> None:
    shop.on("POST", TOKEN_PATH, Answer(jwt(3600)), Answer(jwt(7200)))
    shop.on("GET", ".*", Answer([]))
    shop.on("PUT", ".*", LACKS_ORDERS, Answer(5))
    connection = connect(ADMIN)
    connection.get("/V1/orders")
    with pytest.raises(PermissionMissing):
        connection.send("PUT", "/V1/carts/1/order", store="default")
    assert len(shop.sent("PUT")) == 1
    assert connection.send("PUT", "/V1/carts/1/order", store="default") == b"5"
    assert shop.sent("PUT")[-1].headers["Authorization"] == f"Bearer {jwt(7200)}"


def test_26_a_refused_password_is_tried_once_only(shop: ScriptedShop, connect: Connect) -> None:
    shop.on("POST", TOKEN_PATH, replay("auth_lock_1_wrong"))
    connection = connect(ADMIN)
    for _ in range(5):
        with pytest.raises(SignInFailed, match=r"rep.*Enter them again"):
            connection.get("/V1/orders")
    with pytest.raises(SignInFailed):
        connection.send("PUT", "/V1/carts/1/order", store="default")
    assert len(shop.requests) == 1


def test_26_a_second_factor_ends_the_attempt_and_points_to_an_integration(shop: ScriptedShop, connect: Connect) -> None:
    second_factor = {
        "message": "Please use the 2fa provider-specific endpoints to obtain a token.",
        "parameters": {"active_providers": ["google"]},
    }
    shop.on("POST", TOKEN_PATH, Answer(second_factor, 400))
    connection = connect(ADMIN)
    for _ in range(3):
        with pytest.raises(SignInFailed, match=r"second factor.*integration"):
            connection.get("/V1/orders")
    assert len(shop.requests) == 1


def test_a_shop_that_is_down_does_not_count_as_a_refused_password(shop: ScriptedShop, connect: Connect) -> None:
    shop.on("POST", TOKEN_PATH, html(503), Answer(jwt(3600)))
    shop.on("GET", ".*", Answer([]))
    connection = connect(ADMIN, read_tries=1)
    with pytest.raises(ShopUnavailable):
        connection.get("/V1/orders")
    connection.get("/V1/orders")


@pytest.mark.parametrize("credentials", EVERY_KIND)
def test_27_no_secret_is_logged_or_raised(
    shop: ScriptedShop, connect: Connect, credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    shop.on("POST", TOKEN_PATH, Answer(jwt(3600)))
    shop.on("GET", ".*", Answer([]), html(500), html(200), LACKS_ORDERS, replay("auth_oauth_wrong_signature"))
    shop.on("PUT", ".*", Answer(drop=True))
    caplog.set_level(logging.DEBUG)
    connection = connect(credentials, read_tries=1)
    told = [repr(connection)]
    parameters = Search().where("customer_email", "eq", "person@example.test").parameters()
    for _ in range(6):
        try:
            connection.get("/V1/orders", parameters)
        except DeskError as error:
            told += traceback.format_exception(error)
    try:
        connection.send("PUT", "/V1/carts/1/order", {"paymentMethod": {"method": "checkmo"}}, store="default")
    except DeskError as error:
        told += traceback.format_exception(error)
    assert len(told) > 5
    everything = "\n".join(told) + caplog.text
    assert "GET /rest/V1/orders" in caplog.text
    secrets = ["s3cr3t", "the-consumer-secret", "the-token-secret", "the-consumer-key", "pass word", "admin-jwt"]
    assert not [secret for secret in [*secrets, "oauth_signature", "person"] if secret in everything]
