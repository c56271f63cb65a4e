"""Callers are let in and kept out as a running Magento does."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest
import requests
from oauthlib.oauth1 import Client

from demo_store import Shop
from tests.demo_store.conftest import Api

_SECRETS = ("consumer-key", "consumer-secret", "token", "token-secret")
_REFUSED = {
    "message": "The consumer isn't authorized to access %resources.",
    "parameters": {"resources": "Magento_Sales::actions_view"},
}
_QUERY = "searchCriteria[pageSize]=1"


def signed(
    api: Api, target: str, *, secrets: tuple[str, str, str, str] = _SECRETS, method: str = "HMAC-SHA256", **given: Any
) -> requests.Response:
    """A GET below V1, signed by a correct OAuth 1.0a client; `target` as it goes over the wire."""
    key, secret, token, token_secret = secrets
    client = Client(key, secret, token, token_secret, signature_method=method, **given)
    _, headers, _ = client.sign(f"{api.url}/rest/V1/{target}")
    request = requests.Request("GET", api.url, headers=headers).prepare()
    request.url = f"{api.url}/rest/V1/{target}"
    with requests.Session() as session:
        return session.send(request, timeout=20)


@pytest.fixture
def consumer(shop: Shop) -> None:
    """The shop knows an OAuth consumer."""
    shop.add_consumer(*_SECRETS)


def _orders(*filters: str) -> str:
    parts = []
    for group, value in enumerate(filters):
        key = quote(f"searchCriteria[filter_groups][{group}][filters][0]")
        parts.append(f"{key}{quote('[field]')}=created_at&{key}{quote('[value]')}={value}")
    return "orders?" + "&".join(parts)


@pytest.mark.usefixtures("consumer")
def test_a_correct_hmac_sha256_signature_is_accepted(api: Api) -> None:
    assert signed(api, f"orders?{quote(_QUERY, safe='=')}").status_code == 200
    assert signed(api, _orders("2026-01-01%2000%3A00%3A00")).status_code == 200
    assert signed(api, "orders?searchCriteria=", realm="shop").status_code == 200


@pytest.mark.usefixtures("consumer")
def test_a_space_sent_as_plus_and_eleven_filter_groups_break_a_correct_signature(api: Api) -> None:
    invalid = (401, "The signature is invalid. Verify and try again.")
    assert signed(api, _orders(*["2026"] * 10)).status_code == 200
    for target in (_orders("2026-01-01+00%3A00%3A00"), _orders(*["2026"] * 11)):
        answer = signed(api, target)
        assert (answer.status_code, answer.json()["message"]) == invalid


@pytest.mark.usefixtures("consumer")
def test_a_wrong_secret_token_method_or_clock_is_refused(shop: Shop, api: Api) -> None:
    key, secret, token, token_secret = _SECRETS
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"secrets": (key, "x", token, token_secret)}, 401, "The signature is invalid. Verify and try again."),
        ({"secrets": (key, secret, "x", token_secret)}, 401, "Specified token does not exist"),
        ({"secrets": ("x", secret, token, token_secret)}, 401, "A consumer having the specified key does not exist"),
        ({"method": "HMAC-SHA1"}, 400, "Signature method %1 is not supported"),
        ({"timestamp": str(int(time.time()) + 3600)}, 401, "An error occurred validating the nonce"),
    ]
    for given, status, message in cases:
        answer = signed(api, "orders?searchCriteria=", **given)
        assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert signed(api, "orders?searchCriteria=", timestamp=str(int(time.time()) - 3600)).status_code == 200
    assert shop.requests[-1].startswith("GET /rest/V1/orders")


@pytest.mark.usefixtures("consumer")
def test_a_nonce_is_used_up_even_by_a_bad_signature(api: Api) -> None:
    key, _, token, token_secret = _SECRETS
    signed(api, "orders?searchCriteria=", secrets=(key, "wrong", token, token_secret), nonce="n1")
    answer = signed(api, "orders?searchCriteria=", nonce="n1")
    assert (answer.status_code, answer.json()["parameters"]) == (401, ["1"])


def test_a_token_reaches_only_what_its_acl_names(shop: Shop, api: Api) -> None:
    shop.add_token("carts-only", {"Magento_Cart::manage"})
    narrow = Api(api.url, "carts-only")
    assert narrow.ask("GET", f"carts/search?{_QUERY}").status_code == 200
    answer = narrow.ask("GET", f"orders?{_QUERY}")
    assert (answer.status_code, answer.json()) == (401, _REFUSED)
    assert "WWW-Authenticate" not in answer.headers


def test_no_token_a_wrong_one_and_a_switched_off_bearer_look_alike(shop: Shop, api: Api) -> None:
    shop.add_consumer(*_SECRETS)
    assert Api(api.url, "nonsense").ask("GET", f"orders?{_QUERY}").json() == _REFUSED
    shop.allow_integration_as_bearer(on=False)
    answer = api.ask("GET", f"orders?{_QUERY}")
    assert (answer.status_code, answer.json()) == (401, _REFUSED)
    assert signed(api, "orders?searchCriteria=").status_code == 200


def test_an_admin_token_works_until_it_expires(shop: Shop, api: Api) -> None:
    token = api.ask("POST", "integration/admin/token", {"username": "demo", "password": "admin"}).json()
    admin = Api(api.url, token)
    assert admin.ask("GET", f"orders?{_QUERY}").status_code == 200
    shop.set_clock(5 * 3600)
    assert admin.ask("GET", f"orders?{_QUERY}").json() == _REFUSED


def test_six_failed_sign_ins_lock_the_account(api: Api) -> None:
    right = {"username": "demo", "password": "admin"}
    for _ in range(5):
        assert api.ask("POST", "integration/admin/token", right | {"password": "x"}).status_code == 401
    assert api.ask("POST", "integration/admin/token", right).status_code == 200
    for _ in range(6):
        wrong = api.ask("POST", "integration/admin/token", right | {"password": "x"})
    locked = api.ask("POST", "integration/admin/token", right)
    assert (locked.status_code, locked.json()) == (401, wrong.json())


def test_a_second_factor_is_asked_for(shop: Shop, api: Api) -> None:
    shop.add_admin("careful", "secret", second_factor=True)
    answer = api.ask("POST", "integration/admin/token", {"username": "careful", "password": "secret"})
    assert answer.status_code == 400
    assert answer.json()["parameters"] == {"active_providers": ["google"]}
