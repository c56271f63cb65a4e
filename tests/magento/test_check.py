"""What is wrong with a channel is told in words, with what to do about it."""

from __future__ import annotations

import re
import socket
import ssl
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from crm_core.errors import BadInput
from crm_core.magento.auth import AdminPassword, Bearer, Credentials, OAuth
from crm_core.magento.check import CheckReport, Level, check, normalise_base_url
from crm_core.magento.shop import Entity
from tests.magento.conftest import TOKEN, Answer, Request, ScriptedShop, html, replay

OAUTH = OAuth("key", "secret", "token", "token-secret")
RESOURCES = {
    "/rest/V1/store/.*": "Magento_Backend::store",
    "/rest/V1/orders": "Magento_Sales::actions_view",
    "/rest/V1/carts/search": "Magento_Cart::manage",
    "/rest/V1/customers/search": "Magento_Customer::customer",
    "/rest/V1/customerGroups/search": "Magento_Customer::group",
    "/rest/V1/products": "Magento_Catalog::products",
    "/rest/V1/products/attributes": "Magento_Catalog::attributes_attributes",
    "/rest/V1/inventory/stock-resolver/.*": "Magento_InventorySalesApi::stock",
    "/rest/V1/stockItems/none": "Magento_CatalogInventory::cataloginventory",
    "/rest/V1/coupons/search": "Magento_SalesRule::quote",
}
HELPFUL = [resource for resource in RESOURCES.values() if re.match("Magento_(Catalog|Inventory|SalesRule)", resource)]


def lacking(resource: str) -> Answer:
    message = "The consumer isn't authorized to access %resources."
    return Answer({"message": message, "parameters": {"resources": resource}}, 401)


def healthy(shop: ScriptedShop, without: str = "", prefix: str = "") -> None:
    """Let the shop answer every question of a check, apart from those for which the permission is missing."""
    views = [{"id": 2, "code": "nl", "name": "Nederlands", "website_id": 1, "store_group_id": 1, "is_active": 1}]
    for path, resource in RESOURCES.items():
        answer = lacking(resource) if resource == without else Answer({"items": [], "total_count": 1234})
        shop.on("GET", path.replace("/rest", f"{prefix}/rest", 1), answer)
    if without != "Magento_Backend::store":
        shop.on("GET", f"{prefix}/rest/V1/store/websites", replay("store_websites"))
        shop.on("GET", f"{prefix}/rest/V1/store/storeViews", Answer(views))
        shop.on("GET", f"{prefix}/rest/V1/store/storeConfigs", replay("store_storeConfigs_one"))


def problems(report: CheckReport) -> list[str]:
    return [f"{found.title}: {found.advice}" for found in report.findings if found.level is Level.PROBLEM]


def warnings(report: CheckReport) -> list[str]:
    return [f"{found.title}: {found.advice}" for found in report.findings if found.level is Level.WARNING]


def test_a_healthy_shop_tells_about_itself(shop: ScriptedShop) -> None:
    healthy(shop)
    report = check(f"{shop.url}/rest/V1/", Bearer(TOKEN))
    assert report.is_usable
    assert {found.level for found in report.findings} == {Level.OK}
    assert report.base_url == shop.url
    assert [site.code for site in report.websites] == ["base", "us"]
    assert [view.code for view in report.store_views] == ["nl"]
    assert report.counts == {Entity.CARTS: 1234, Entity.ORDERS: 1234, Entity.CUSTOMERS: 1234}
    titles = [found.title for found in report.findings]
    assert "Store view nl: Europe/Amsterdam, prices in EUR" in titles
    assert "1,234 orders" in titles
    assert not shop.sent("POST")
    assert not shop.sent("PUT")


@pytest.mark.parametrize("resource", sorted(set(RESOURCES.values()) - set(HELPFUL)))
def test_a_missing_permission_is_named_with_its_place_in_the_admin(shop: ScriptedShop, resource: str) -> None:
    healthy(shop, without=resource)
    report = check(shop.url, Bearer(TOKEN))
    (problem,) = problems(report)
    assert f"The permission {resource} is missing" in problem
    assert "System > Extensions > Integrations" in problem
    assert not report.is_usable


@pytest.mark.parametrize("resource", HELPFUL)
def test_a_permission_that_only_helps_is_a_warning(shop: ScriptedShop, resource: str) -> None:
    healthy(shop, without=resource)
    report = check(shop.url, Bearer(TOKEN))
    assert report.is_usable
    (warning,) = warnings(report)
    assert f"The permission {resource} is missing" in warning


def test_a_shop_without_a_module_that_only_helps_is_healthy(shop: ScriptedShop) -> None:
    healthy(shop)
    shop.on("GET", "/rest/V1/inventory/.*", replay("err_unknown_route"))
    assert warnings(check(shop.url, Bearer(TOKEN))) == []


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (Bearer(TOKEN), "bin/magento config:set oauth/consumer/enable_integration_as_bearer 1"),
        (OAUTH, "four OAuth values"),
        (AdminPassword("rep", "x"), "role has none"),
    ],
)
def test_credentials_that_are_accepted_for_nothing_say_what_may_be_wrong(
    shop: ScriptedShop, credentials: Credentials, words: str
) -> None:
    for path, resource in RESOURCES.items():
        shop.on("GET", path, lacking(resource))
    shop.on("POST", "/rest/V1/integration/admin/token", Answer("opaque"))
    (problem,) = problems(check(shop.url, credentials))
    assert words in problem


def test_a_bad_oauth_signature_is_a_refused_sign_in(shop: ScriptedShop) -> None:
    shop.on("GET", ".*", replay("auth_oauth_wrong_signature"))
    (problem,) = problems(check(shop.url, OAUTH))
    assert "sign-in is refused" in problem
    assert "signature is invalid" in problem
    assert "Copy the credentials" in problem


def test_a_refused_password_is_tried_once(shop: ScriptedShop) -> None:
    shop.on("POST", ".*", replay("auth_lock_1_wrong"))
    (problem,) = problems(check(shop.url, AdminPassword("rep", "x")))
    assert "six failures" in problem
    assert len(shop.requests) == 1


def test_a_second_factor_is_explained(shop: ScriptedShop) -> None:
    shop.on("POST", ".*", Answer({"message": "Please use the 2fa provider-specific endpoints."}, 400))
    (problem,) = problems(check(shop.url, AdminPassword("rep", "x")))
    assert "second factor" in problem
    assert "integration" in problem
    assert len(shop.requests) == 1


def test_an_api_under_index_php_is_found_and_told(shop: ScriptedShop) -> None:
    shop.on("GET", ".*", html(404))
    healthy(shop, prefix="/index.php")
    report = check(shop.url, Bearer(TOKEN))
    assert report.is_usable
    assert report.base_url == f"{shop.url}/index.php"
    assert f"Use {shop.url}/index.php" in warnings(report)[0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (html(200), "text/html instead of JSON"),
        (html(404), "not Magento's REST API"),
        (html(301, Location="https://www.shop.example/rest"), "redirects to https://www.shop.example."),
        (html(403), "firewall"),
        (html(401), "password of its own"),
        (replay("maintenance"), "maintenance"),
        (Answer({"message": "Internal Error"}, 500), "Internal Error"),
        (Answer(drop=True), "broke before the answer was complete"),
        (replay("err_unknown_route"), "does not match any route"),
        (replay("err_unknown_route"), "Check that it is a Magento 2 shop"),
        (Answer({"message": "Internal Error."}, 500), "Internal Error. Try later"),
        (Answer("<html>a shop's front page</html>"), "Something else than Magento answers"),
    ],
)
def test_what_answers_instead_of_the_api_is_told(shop: ScriptedShop, answer: Answer, words: str) -> None:
    shop.on("GET", ".*", answer)
    (problem,) = problems(check(shop.url, Bearer(TOKEN)))
    assert words in problem


def test_a_shop_that_is_not_there_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        (problem,) = problems(check(f"http://127.0.0.1:{taken.getsockname()[1]}", Bearer(TOKEN)))
    assert "cannot be reached: Nothing answers" in problem
    (problem,) = problems(check("no-such-shop.invalid", Bearer(TOKEN)))
    assert "no-such-shop.invalid cannot be found" in problem


def test_a_certificate_that_nobody_signed_is_told(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "shop.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    class Quiet(HTTPServer):
        def handle_error(self, *_: object) -> None:
            """The client hangs up in the middle of the handshake, as it should."""

    with Quiet(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        (problem,) = problems(check(f"https://localhost:{server.server_port}", Bearer(TOKEN)))
        server.shutdown()
        thread.join()
    assert "self-signed certificate" in problem
    assert "REQUESTS_CA_BUNDLE" in problem


def test_a_limit_on_pages_is_told(shop: ScriptedShop) -> None:
    healthy(shop)

    def limited(request: Request) -> Answer:
        if int(request.parameters["searchCriteria[pageSize]"]) > 50:
            return replay("limit_page_size_over")
        return Answer({"items": [], "total_count": 5})

    shop.on("GET", "/rest/V1/orders", limited)
    report = check(shop.url, Bearer(TOKEN))
    assert report.is_usable
    assert "pages of 50 records at most" in warnings(report)[0]


@pytest.mark.parametrize(
    ("credentials", "minutes", "words"),
    [(Bearer(TOKEN), -120, "ahead of"), (Bearer(TOKEN), 120, "behind"), (OAUTH, -120, "OAuth")],
)
def test_a_wrong_clock_is_told(shop: ScriptedShop, credentials: Credentials, minutes: int, words: str) -> None:
    healthy(shop)
    shop.date = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    report = check(shop.url, credentials)
    (warning,) = warnings(report)
    assert words in warning
    assert report.is_usable


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("shop.example", "https://shop.example"),
        ("  https://Shop.Example/ ", "https://shop.example"),
        ("http://shop.example:80/", "http://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("https://shop.example:8443/", "https://shop.example:8443"),
        ("https://shop.example/rest/V1/orders?x=1", "https://shop.example"),
        ("https://shop.example/index.php/rest/default/V1", "https://shop.example/index.php"),
        ("https://shop.example/shop//sub/", "https://shop.example/shop/sub"),
        ("https://shop.example/#top", "https://shop.example"),
        ("https://Möbel.example/rest", "https://xn--mbel-5qa.example"),
        ("https://straße.example:8443", "https://xn--strae-oqa.example:8443"),
        ("localhost:8080", "https://localhost:8080"),
        ("http://[::1]:8080/rest", "http://[::1]:8080"),
        ("http://127.0.0.1", "http://127.0.0.1"),
    ],
)
def test_an_address_is_written_in_one_way(typed: str, address: str) -> None:
    assert normalise_base_url(typed) == address
    assert normalise_base_url(address) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "https://",
        "ftp://shop.example",
        "javascript:alert(1)",
        "https://shop example",
        "https://shop.example/a b",
        "https://shop.example:99999",
        "https://shop.example:port",
        "https://user:pass@shop.example",
        "https://-",
        "https://[::1",
        "https://<b>",
        "https://☃.example",
        "https://ö ö",
        "  ",
    ],
)
def test_an_address_that_is_none_is_refused(typed: str) -> None:
    with pytest.raises(BadInput, match="address"):
        normalise_base_url(typed)


def test_a_missing_address_is_not_quoted() -> None:
    with pytest.raises(BadInput, match="missing") as refused:
        normalise_base_url(" ")
    assert "“" not in str(refused.value)


@given(st.text(max_size=60))
def test_any_text_gives_an_address_or_a_clear_refusal(typed: str) -> None:
    try:
        address = normalise_base_url(typed)
    except BadInput:
        return
    assert normalise_base_url(address) == address
    assert address.startswith(("http://", "https://"))
