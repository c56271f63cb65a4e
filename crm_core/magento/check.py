"""Whether a shop can be used with given credentials, told in words: what is wrong, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.exceptions import InvalidURL

from crm_core.errors import (
    BadInput,
    DeskError,
    PermissionMissing,
    ShopAnsweredNonsense,
    ShopHasNoSuch,
    ShopRefused,
    ShopUnavailable,
    ShopUnreachable,
    SignInFailed,
    WrongAddress,
)
from crm_core.magento.auth import Bearer, Credentials, OAuth
from crm_core.magento.connection import Connection
from crm_core.magento.payloads import StoreConfig, StoreView, Website
from crm_core.magento.search import Search
from crm_core.magento.shop import Entity, Magento

PAGE_SIZE = 100
"""Records to a page that the product asks for; a shop that allows fewer is slower to read."""

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\Z|[0-9a-fA-F:.]+\Z")
_NOTICEABLE_OFFSET = 60.0
_OAUTH_TOLERANCE = 600.0


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was found, and for a person what to do about it."""

    level: Level
    title: str
    advice: str = ""


@dataclass(slots=True)
class CheckReport:
    """All that was found, and what the shop told about itself.

    `base_url` is the address under which the API answers; it may differ from the one asked for by ``/index.php``.
    """

    base_url: str
    findings: list[Finding] = field(default_factory=list)
    websites: list[Website] = field(default_factory=list)
    store_views: list[StoreView] = field(default_factory=list)
    store_configs: list[StoreConfig] = field(default_factory=list)
    counts: dict[Entity, int] = field(default_factory=dict)

    @property
    def is_usable(self) -> bool:
        """Whether nothing found keeps the shop from being read."""
        return all(finding.level is not Level.PROBLEM for finding in self.findings)

    def add(self, level: Level, title: str, advice: str = "") -> None:
        """Note a finding."""
        self.findings.append(Finding(level, title, advice))


@dataclass(frozen=True, slots=True)
class _Need:
    """A permission that the product needs: its ACL name, where the shop's admin ticks it, and what it is for."""

    resource: str
    place: str
    purpose: str
    path: str
    is_required: bool = True


_NEEDS = (
    _Need(
        "Magento_Backend::store",
        "Stores > Settings > All Stores",
        "websites, store views and time zones",
        "/V1/store/websites",
    ),
    _Need("Magento_Sales::actions_view", "Sales > Operations > Orders > Actions > View", "orders", Entity.ORDERS.path),
    _Need("Magento_Cart::manage", "Carts > Manage carts", "carts, and placing orders", Entity.CARTS.path),
    _Need("Magento_Customer::customer", "Customers", "customers", Entity.CUSTOMERS.path),
    _Need("Magento_Customer::group", "Customers > Customer Groups", "customer groups", "/V1/customerGroups/search"),
    _Need(
        "Magento_Catalog::products",
        "Catalog > Inventory > Products",
        "checking the products of a cart before an order is placed",
        "/V1/products",
        is_required=False,
    ),
    _Need(
        "Magento_Catalog::attributes_attributes",
        "Stores > Attributes > Product",
        "adding products that come in sizes or colours",
        "/V1/products/attributes",
        is_required=False,
    ),
    _Need(
        "Magento_InventorySalesApi::stock",
        "Stores > Inventory > Sales Stock",
        "checking the stock before an order is placed",
        "/V1/inventory/stock-resolver/website/none",
        is_required=False,
    ),
    _Need(
        "Magento_CatalogInventory::cataloginventory",
        "Stores > Settings > Configuration > Inventory Section",
        "the fewest and the most that may be bought at once",
        "/V1/stockItems/none",
        is_required=False,
    ),
    _Need(
        "Magento_SalesRule::quote",
        "Marketing > Promotions > Cart Price Rules",
        "checking a coupon before an order is placed",
        "/V1/coupons/search",
        is_required=False,
    ),
)


def normalise_base_url(address: str) -> str:
    """The shop's address as every part of the product writes it: scheme, host and path, without what follows /rest.

    Without a scheme https is meant. ``/index.php`` is kept, and a host in other letters becomes DNS's.
    Raises BadInput for what is no web address.
    """
    text = address.strip()
    if not text:
        raise BadInput("The address of the shop is missing. Write it like https://shop.example.")
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise BadInput(f"“{address}” is not a web address. Write it like https://shop.example.") from None
    host = _dns_name(parts.hostname or "")
    if parts.scheme.lower() not in ("http", "https") or not _HOST.match(host) or re.search(r"\s", parts.path):
        raise BadInput(f"“{address}” is not a web address. Write it like https://shop.example.")
    if parts.username is not None:
        raise BadInput("The address must not hold a name or password; give them as credentials.")
    scheme = parts.scheme.lower()
    place = f"[{host}]" if ":" in host else host
    if port is not None and port != {"http": 80, "https": 443}[scheme]:
        place = f"{place}:{port}"
    segments = [segment for segment in parts.path.split("/") if segment]
    if "rest" in segments:
        segments = segments[: segments.index("rest")]
    return "/".join([f"{scheme}://{place}", *segments])


def _dns_name(host: str) -> str:
    """The host as DNS and requests write it: ``möbel.example`` in ASCII letters; as it is if that cannot be done."""
    if host.isascii():
        return host
    request = PreparedRequest()
    try:
        request.prepare_url(f"https://{host}", None)
    except InvalidURL:
        return host
    return urlsplit(request.url or "").hostname or host


def check(
    base_url: str,
    credentials: Credentials,
    *,
    connect_timeout: float = 10.0,
    read_timeout: float = 60.0,
) -> CheckReport:
    """Try everything that reading the shop needs. Never writes, and raises nothing of the shop's doing.

    Raises BadInput if `base_url` is no web address. An admin's password is tried once.
    """
    report = CheckReport(normalise_base_url(base_url))
    with _connect(report.base_url, credentials, connect_timeout, read_timeout) as connection:
        failure = _reach(connection)
    if isinstance(failure, WrongAddress) and not report.base_url.endswith("/index.php"):
        moved = f"{report.base_url}/index.php"
        with _connect(moved, credentials, connect_timeout, read_timeout) as connection:
            answered = _reach(connection)
        if answered is None or isinstance(answered, PermissionMissing | SignInFailed):
            report.base_url, failure = moved, answered
            report.add(
                Level.WARNING, "The API answers only under /index.php", f"Use {moved} as the channel's base URL."
            )
    if failure is not None and not isinstance(failure, PermissionMissing):
        report.add(Level.PROBLEM, _title(failure), str(failure))
        return report
    report.add(Level.OK, f"Magento's REST API answers at {report.base_url}")
    with _connect(report.base_url, credentials, connect_timeout, read_timeout) as connection:
        if _check_permissions(report, connection, credentials):
            _read_facts(report, Magento(connection))
        _check_clock(report, connection, credentials)
    return report


def _connect(base_url: str, credentials: Credentials, connect_timeout: float, read_timeout: float) -> Connection:
    return Connection(
        base_url,
        credentials,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        read_tries=2,
        retry_wait=0.2,
    )


def _reach(connection: Connection) -> DeskError | None:
    """What keeps a protected address from answering; an open one would hide a wrong token, which Magento ignores."""
    try:
        Magento(connection).websites()
    except ShopHasNoSuch as refusal:
        return WrongAddress(
            f"What answers at {connection.base_url}/rest does not know Magento's REST API ({refusal}). "
            "Check that it is a Magento 2 shop, and the base URL."
        )
    except DeskError as failure:
        return failure
    return None


def _title(failure: DeskError) -> str:
    for kind, title in (
        (WrongAddress, "The shop's API cannot be used at this address"),
        (SignInFailed, "The sign-in is refused"),
        (ShopUnreachable, "The shop cannot be reached"),
        (ShopUnavailable, "The shop does not answer now"),
        (ShopAnsweredNonsense, "Something else than Magento answers"),
        (ShopRefused, "The shop refuses a plain read"),
    ):
        if isinstance(failure, kind):
            return title
    return "The shop cannot be read"


def _check_permissions(report: CheckReport, connection: Connection, credentials: Credentials) -> bool:
    """Whether the credentials can read at all; each permission that they lack becomes a finding of its own."""
    query = Search(page_size=1).only("total_count").parameters()
    failures: dict[_Need, DeskError] = {}
    for need in _NEEDS:
        try:
            connection.get(need.path, () if need.path.startswith("/V1/store") else query)
        except DeskError as refusal:
            # The permission was enough to look, where the shop only lacks the module or what was looked for.
            if need.is_required or not isinstance(refusal, ShopHasNoSuch):
                failures[need] = refusal
    required = [need for need in _NEEDS if need.is_required]
    if all(isinstance(failures.get(need), PermissionMissing | SignInFailed) for need in required):
        report.add(Level.PROBLEM, "The credentials are accepted for nothing", _advice_for_refused(credentials))
        return False
    for need, failure in failures.items():
        level = Level.PROBLEM if need.is_required else Level.WARNING
        if isinstance(failure, PermissionMissing):
            report.add(
                level,
                f"The permission {failure.resource or need.resource} is missing",
                f"It is needed for {need.purpose}. Tick “{need.place}” for the integration (System > Extensions > "
                "Integrations > API) or for the user's role, save, and confirm the integration again.",
            )
        else:
            report.add(level, f"Reading {need.purpose} failed", str(failure))
    if not failures:
        report.add(Level.OK, "The credentials have every permission that is needed")
    return True


def _advice_for_refused(credentials: Credentials) -> str:
    if isinstance(credentials, Bearer):
        return (
            "Either the token is wrong or its integration is not active (System > Extensions > Integrations), or the "
            "shop does not take integration tokens as bearer, as is usual since Magento 2.4.4. For that, run in the "
            "shop “bin/magento config:set oauth/consumer/enable_integration_as_bearer 1” and "
            "“bin/magento cache:flush”, or use the integration's four OAuth values instead."
        )
    if isinstance(credentials, OAuth):
        return (
            "Copy the four OAuth values again from the integration (System > Extensions > Integrations) and see that "
            "it is active: all four change together when it is activated anew."
        )
    return f"The user {credentials.username} signs in, but the user's role has none of the permissions needed."


def _read_facts(report: CheckReport, magento: Magento) -> None:
    """What the shop tells about itself, as far as the permissions go: a missing one has its finding already."""
    try:
        report.websites = magento.websites()
        report.store_views = magento.store_views()
        report.store_configs = magento.store_configs()
        for config in report.store_configs:
            report.add(
                Level.OK,
                f"Store view {config.code}: {config.timezone}, prices in "
                f"{config.default_display_currency_code or config.base_currency_code}",
            )
    except PermissionMissing:
        pass
    except DeskError as failure:
        report.add(Level.PROBLEM, "Reading the store views failed", str(failure))
    for entity in Entity:
        try:
            report.counts[entity] = magento.count(entity, Search())
        except DeskError:
            continue
        report.add(Level.OK, f"{report.counts[entity]:,} {entity}")
    _check_page_size(report, magento)


def _check_page_size(report: CheckReport, magento: Magento) -> None:
    """A search that finds nothing, so that only the shop's limit on pages can refuse it."""
    nothing = Search(page_size=PAGE_SIZE).where("entity_id", "eq", 0)
    try:
        magento.orders(nothing)
    except DeskError:
        return
    limit = magento.connection.page_limit
    if limit is not None:
        report.add(
            Level.WARNING,
            f"The shop allows pages of {limit} records at most",
            "Reading adapts to it, but takes more requests. For speed, raise it in the shop (Stores > Settings > "
            "Configuration > Services > Magento Web API), or with "
            f"“bin/magento config:set webapi/validation/maximum_page_size {PAGE_SIZE}”.",
        )


def _check_clock(report: CheckReport, connection: Connection, credentials: Credentials) -> None:
    offset = connection.clock_offset
    if offset is None or abs(offset) <= _NOTICEABLE_OFFSET:
        return
    side = "behind" if offset > 0 else "ahead of"
    advice = "Reading goes by the shop's clock, so nothing is lost; set this machine's clock right all the same."
    if offset > 0:
        advice = "So that nothing is lost, reading reaches back as much further each time. Set the wrong one right."
    if isinstance(credentials, OAuth) and offset < -_OAUTH_TOLERANCE:
        advice += " Magento refuses OAuth signatures from a clock so far ahead, so each first request is sent twice."
    report.add(Level.WARNING, f"This machine's clock is {abs(offset):.0f} s {side} the shop's", advice)
