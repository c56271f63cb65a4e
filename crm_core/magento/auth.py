"""The three kinds of credentials that a Magento shop accepts, and how each signs a request.

No secret is ever part of a repr, a log line or an exception.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

import msgspec
from requests import PreparedRequest
from requests.auth import AuthBase
from requests_oauthlib import OAuth1

from crm_core.errors import BadInput, SignInFailed

# They log signed parameters and signatures at DEBUG, which must not happen at any level of the program's own log.
for _name in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_USUAL_LIFE = 4 * 3600.0
_RENEW_AT = 0.8
_CLOCK_TOLERANCE = 300.0


class Bearer(msgspec.Struct, frozen=True, tag="bearer"):
    """An integration's access token, sent as bearer. Since Magento 2.4.4 the shop must allow that use of it."""

    token: str

    def __post_init__(self) -> None:
        _check_typed("token", self.token)

    def __repr__(self) -> str:
        return "Bearer(token=***)"


class OAuth(msgspec.Struct, frozen=True, tag="oauth"):
    """An integration's four OAuth 1.0a values; each request is signed with HMAC-SHA256."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            _check_typed(name.replace("_", " "), getattr(self, name))

    def __repr__(self) -> str:
        return "OAuth(consumer_key=***, consumer_secret=***, token=***, token_secret=***)"


class AdminPassword(msgspec.Struct, frozen=True, tag="admin"):
    """An admin user, who signs in for a token of a few hours. Does not work for users with two-factor sign-in."""

    username: str
    password: str

    def __post_init__(self) -> None:
        if not self.username.strip() or not self.password:
            raise BadInput("The name or the password of the admin user is empty.")

    def __repr__(self) -> str:
        return f"AdminPassword(username={self.username!r}, password=***)"


Credentials = Bearer | OAuth | AdminPassword
"""Any of the three."""

_credentials: msgspec.json.Decoder[Credentials] = msgspec.json.Decoder(Credentials)


def credentials_to_json(credentials: Credentials) -> bytes:
    """The credentials with their secrets in clear, for the caller to encrypt at once."""
    return msgspec.json.encode(credentials)


def credentials_from_json(data: bytes) -> Credentials:
    """The credentials that `credentials_to_json` wrote. Raises BadInput, without the data, if they are not that."""
    try:
        return _credentials.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BadInput("The stored credentials cannot be read. Enter them again.") from None


class SignIn(Protocol):
    """How a connection signs its requests. Safe to use from several threads."""

    def sign(self) -> AuthBase:
        """What adds a fresh signature to one request. Raises SignInFailed if the shop has refused the credentials."""
        ...

    def worked(self, used: AuthBase) -> None:
        """The shop accepted a request that was signed so."""
        ...

    def renew(self, refused: AuthBase, resource: str) -> bool:
        """Whether a request refused with 401 for lack of `resource` is worth one more try, freshly signed."""
        ...


def sign_in(
    credentials: Credentials,
    fetch_token: Callable[[AdminPassword], str],
    shop_time: Callable[[], float | None],
) -> SignIn:
    """The way to sign in with these credentials.

    `fetch_token` exchanges a password for a token, once, or raises SignInFailed. `shop_time` tells the shop's clock in
    seconds since 1970 UTC, or None before its first answer.
    """
    if isinstance(credentials, AdminPassword):
        return _AdminSignIn(credentials, fetch_token)
    if isinstance(credentials, OAuth):
        return _OAuthSignIn(credentials, shop_time)
    return _TokenSignIn(credentials)


class _BearerHeader(AuthBase):
    """Adds one token; told from a header with a later token by identity."""

    def __init__(self, token: str) -> None:
        self._value = f"Bearer {token}"

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


class _TokenSignIn:
    """Sends the same token each time; a refused one stays refused."""

    def __init__(self, credentials: Bearer) -> None:
        self._header = _BearerHeader(credentials.token)

    def sign(self) -> AuthBase:
        return self._header

    def worked(self, used: AuthBase) -> None:
        """Nothing to remember."""

    def renew(self, refused: AuthBase, resource: str) -> bool:
        return False


class _Signature(AuthBase):
    """Signs one request with a nonce of its own; `dated_by_shop` tells by whose clock."""

    def __init__(self, credentials: OAuth, shop_time: float | None) -> None:
        self.dated_by_shop = shop_time is not None
        self._sign = OAuth1(
            credentials.consumer_key,
            credentials.consumer_secret,
            credentials.token,
            credentials.token_secret,
            signature_method="HMAC-SHA256",
            timestamp=str(int(time.time() if shop_time is None else shop_time)),
        )

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        signed: PreparedRequest = self._sign(request)
        return signed


class _OAuthSignIn:
    """Signs each request anew: a nonce is burnt even by a refused request (observed on Magento 2.4.7).

    Signatures carry the shop's time, because Magento refuses those dated more than 600 s ahead of its own clock.
    """

    def __init__(self, credentials: OAuth, shop_time: Callable[[], float | None]) -> None:
        self._credentials = credentials
        self._shop_time = shop_time

    def sign(self) -> AuthBase:
        return _Signature(self._credentials, self._shop_time())

    def worked(self, used: AuthBase) -> None:
        """Nothing to remember."""

    def renew(self, refused: AuthBase, resource: str) -> bool:
        """Once, if the request carried this machine's time and the shop's answer shows that its clock is far off."""
        now = self._shop_time()
        dated_here = isinstance(refused, _Signature) and not refused.dated_by_shop
        return dated_here and now is not None and abs(time.time() - now) > _CLOCK_TOLERANCE


class _AdminSignIn:
    """Signs in when first needed and again at 80 % of the token's life; a refused password is never tried again.

    Six failures lock the account of the person whose password it is, so after one every request raises SignInFailed
    until a new connection is made. A 401 on a token that has worked is answered by signing in once, since tokens end
    early; on a token just issued it can only mean that the user's role lacks the permission.
    """

    def __init__(self, credentials: AdminPassword, fetch_token: Callable[[AdminPassword], str]) -> None:
        self._credentials = credentials
        self._fetch_token = fetch_token
        self._lock = threading.Lock()
        self._header: _BearerHeader | None = None
        self._has_worked = False
        self._renew_at = 0.0
        self._failure: SignInFailed | None = None
        self._lacking: set[str] = set()

    def sign(self) -> AuthBase:
        with self._lock:
            if self._failure:
                raise self._failure
            if self._header is None or time.monotonic() >= self._renew_at:
                try:
                    token = self._fetch_token(self._credentials)
                except SignInFailed as failure:
                    self._failure = failure
                    raise
                self._header = _BearerHeader(token)
                self._has_worked = False
                self._renew_at = time.monotonic() + _RENEW_AT * _life(token)
            return self._header

    def worked(self, used: AuthBase) -> None:
        with self._lock:
            self._has_worked = self._has_worked or used is self._header

    def renew(self, refused: AuthBase, resource: str) -> bool:
        with self._lock:
            if self._failure or resource in self._lacking:
                return False
            if refused is not self._header:
                return True
            if not self._has_worked:
                self._lacking.add(resource)
                return False
            self._header = None
            return True


def _check_typed(name: str, secret: str) -> None:
    """A line break in a header makes requests quote the whole header in its error, so it is caught before."""
    if not secret or not all("!" <= character <= "~" for character in secret):
        raise BadInput(f"The {name} is empty, or has spaces, line breaks or other characters that it cannot have.")


def _life(token: str) -> float:
    """Seconds that the token is valid: what a JWT says (Magento 2.4.4 and later), else Magento's usual four hours."""
    try:
        payload = token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        life = float(claims["exp"] - claims["iat"])
    except (IndexError, KeyError, TypeError, ValueError, msgspec.DecodeError):
        return _USUAL_LIFE
    return life if life > 0 else _USUAL_LIFE
