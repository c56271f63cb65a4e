"""Who calls: bearer tokens, admin sign-in with its lock, OAuth 1.0a signatures, and the permissions of each."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from demo_store.records import Records
from demo_store.refusal import Refusal, not_authorised, required
from demo_store.state import Doc

_LOCK_AFTER = 6  # failed sign-ins of one user
_TOKEN_LIFE = 4 * 3600  # seconds
_CLOCK_AHEAD = 600  # seconds that a signature may be ahead of the shop
_WRONG = "The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later."
_PAIR = re.compile(r'([A-Za-z_]+)="([^"]*)"')


@dataclass
class Sessions:
    """What the shop forgets on restart: admin tokens with their end, and the nonces that were used."""

    admin_tokens: dict[str, float] = field(default_factory=dict)
    nonces: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True)
class Asking:
    """The parts of a request that a signature covers; `query` and `path` as sent, still encoded."""

    method: str
    host: str
    path: str
    query: str
    authorization: str


def admit(records: Records, sessions: Sessions, asking: Asking, resource: str) -> None:
    """Let a caller pass who may use an ACL resource; raise what Magento answers to the others.

    No token, a wrong or expired one, a switched-off bearer and a missing permission are one and the same 401.
    """
    kind, _, rest = asking.authorization.partition(" ")
    if kind.lower() == "oauth":
        acl = _signed(records, sessions, asking, rest)
    else:
        acl = _bearer(records, sessions, rest if kind.lower() == "bearer" else "", resource)
    if acl is not None and resource not in acl:
        raise not_authorised(resource)


def _bearer(records: Records, sessions: Sessions, token: str, resource: str) -> list[str] | None:
    """The permissions behind a bearer token; None means all."""
    ends = sessions.admin_tokens.get(token)
    if ends is not None and ends > records.now().timestamp():
        return None
    found = records.settings["tokens"].get(token)
    if found is None or not records.settings["integration_as_bearer"]:
        raise not_authorised(resource)
    acl: list[str] | None = found["acl"]
    return acl


def sign_in(records: Records, sessions: Sessions, body: Any) -> str:
    """POST integration/admin/token: a token for four hours; Refusal 401 for a wrong password or a locked account.

    The account locks from the 6th failure; then the right password fails too, with the same words.
    """
    given = body if isinstance(body, dict) else {}
    for name in ("username", "password"):
        if not isinstance(given.get(name), str):
            raise required(name)
    user = records.settings["admins"].get(given["username"])
    if user is None:
        raise Refusal(401, _WRONG)
    if user["failures"] >= _LOCK_AFTER or not hmac.compare_digest(user["password"], given["password"]):
        user["failures"] += 1
        records.keep_settings()
        raise Refusal(401, _WRONG)
    if user["second_factor"]:
        raise Refusal(
            400,
            "Please use the 2fa provider-specific endpoints to obtain a token.",
            {"active_providers": ["google"]},
        )
    user["failures"] = 0
    records.keep_settings()
    token = f"eyJraWQiOiIxIiwiYWxnIjoiSFMyNTYifQ.{secrets.token_urlsafe(48)}.{secrets.token_urlsafe(32)}"
    sessions.admin_tokens[token] = records.now().timestamp() + _TOKEN_LIFE
    return token


def _signed(records: Records, sessions: Sessions, asking: Asking, header: str) -> list[str] | None:
    """The permissions behind an OAuth 1.0a signature; None means all. The nonce is used up whatever the outcome."""
    given = {key: unquote(value) for key, value in _PAIR.findall(header)}
    consumer: Doc | None = records.settings["consumers"].get(given.get("oauth_consumer_key"))
    if consumer is None:
        raise Refusal(401, "A consumer having the specified key does not exist")
    ahead = int(given.get("oauth_timestamp") or 0) - records.now().timestamp()
    if ahead > _CLOCK_AHEAD:
        raise Refusal(401, "An error occurred validating the nonce")
    nonce = (given["oauth_consumer_key"], given.get("oauth_nonce", ""))
    if nonce in sessions.nonces:
        raise Refusal(401, "The nonce is already being used by the consumer with ID %1", [str(consumer["id"])])
    sessions.nonces.add(nonce)
    if given.get("oauth_token") != consumer["token"]:
        raise Refusal(401, "Specified token does not exist")
    method = given.get("oauth_signature_method", "")
    if method != "HMAC-SHA256":
        raise Refusal(400, "Signature method %1 is not supported", [method])
    expected = _signature(asking, given, consumer)
    if not hmac.compare_digest(expected, given.get("oauth_signature", "")):
        raise Refusal(401, "The signature is invalid. Verify and try again.")
    acl: list[str] | None = consumer["acl"]
    return acl


def _signature(asking: Asking, given: dict[str, str], consumer: Doc) -> str:
    """The signature as Magento computes it.

    Query values are decoded without turning `+` into a space, parameters are sorted naturally (2 before 10), and the
    path is decoded: so a `+`, 11 filter groups or an encoded path make a correct client's signature invalid.
    """
    pairs = [(key, value) for key, value in given.items() if key not in {"oauth_signature", "realm"}]
    for part in asking.query.split("&"):
        if part:
            key, _, value = part.partition("=")
            pairs.append((unquote(key), unquote(value)))
    pairs.sort(key=lambda pair: (_natural(pair[0]), _natural(pair[1])))
    joined = "&".join(f"{_encode(key)}={_encode(value)}" for key, value in pairs)
    base = "&".join(_encode(part) for part in (asking.method, f"http://{asking.host}{unquote(asking.path)}", joined))
    key = f"{_encode(consumer['secret'])}&{_encode(consumer['token_secret'])}"
    return b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()


def _natural(text: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


def _encode(text: str) -> str:
    return quote(text, safe="~")
