"""The shop misbehaves on request, and otherwise speaks HTTP as Magento's front does."""

from __future__ import annotations

import http.client
import threading
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests

from demo_store import Faults, Shop, serve
from demo_store.faults import of_names
from tests.demo_store.conftest import Api

_WEBSITES = "store/websites"


def test_an_answer_can_be_dropped_after_the_work_was_done(shop: Shop, api: Api) -> None:
    cart = shop.add_cart()
    shop.faults = Faults(drop=True, matching=r"^PUT .*/order", times=1)
    with pytest.raises(requests.ConnectionError):
        api.ask("PUT", f"carts/{cart}/order")
    assert len(shop.orders_of(cart)) == 1
    assert api.ask("PUT", f"carts/{cart}/order").status_code == 404


def test_every_nth_request_can_fail(shop: Shop, api: Api) -> None:
    shop.faults = Faults(fail_every=3)
    assert [api.ask("GET", _WEBSITES).status_code for _ in range(6)] == [200, 200, 500, 200, 200, 500]
    shop.faults = Faults(fail_every=1, fail_status=503)
    answer = api.ask("GET", _WEBSITES)
    assert (answer.status_code, "html" in answer.headers["Content-Type"]) == (503, True)
    assert "Retry-After" not in answer.headers


def test_it_can_throttle_answer_html_and_cut_answers_short(shop: Shop, api: Api) -> None:
    shop.faults = Faults(throttle_every=1, retry_after=7)
    answer = api.ask("GET", _WEBSITES)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    shop.faults = Faults(html=True)
    assert api.ask("GET", _WEBSITES).text.startswith("<!doctype html>")
    shop.faults = Faults(truncate=True)
    with pytest.raises(requests.JSONDecodeError):
        api.ask("GET", _WEBSITES).json()
    shop.maintenance(on=True)
    assert api.ask("GET", _WEBSITES).status_code == 503


def test_it_can_be_slow(shop: Shop, api: Api) -> None:
    shop.faults = Faults(slow=0.2)
    before = time.monotonic()
    api.get(_WEBSITES)
    assert time.monotonic() - before >= 0.2


def test_the_last_page_can_come_again_past_the_end(shop: Shop, api: Api) -> None:
    made = [shop.add_cart() for _ in range(5)]
    shop.faults = Faults(repeat_last_page=True)
    order = {"sortOrders][0][field": "entity_id", "sortOrders][0][direction": "ASC"}
    for page in (3, 4, 40):
        found = api.search("carts/search", pageSize=2, currentPage=page, **order)
        assert [cart["id"] for cart in found["items"]] == made[4:]


def test_a_poisoned_cart_spoils_every_page_that_holds_it(shop: Shop, api: Api) -> None:
    made = [shop.add_cart() for _ in range(3)]
    shop.faults = Faults(poison={made[1]})
    for ident, status in zip(made, (200, 500, 200), strict=True):
        key = "searchCriteria[filter_groups][0][filters][0]"
        assert api.ask("GET", f"carts/search?{key}[field]=entity_id&{key}[value]={ident}").status_code == status
    assert api.ask("GET", "carts/search?searchCriteria[pageSize]=3").status_code == 500


def test_page_sizes_can_be_limited(shop: Shop, api: Api) -> None:
    shop.faults = Faults(limit=50)
    answer = api.ask("GET", "orders?searchCriteria[pageSize]=51")
    assert (answer.status_code, answer.json()["parameters"]) == (400, {"max": 50})


def test_faults_of_the_command_line() -> None:
    assert of_names(["limit=10", "poison=7", "drop"]) == Faults(limit=10, poison={7}, drop=True)
    assert of_names(["fail=503", "slow=0.5"]) == Faults(fail_every=5, fail_status=503, slow=0.5)
    assert of_names(["date=-60"]) == Faults(date_ahead=-60)


@pytest.mark.parametrize(
    "name", ["nonsense", "fail=3", "slow=x", "slow=-1", "slow=nan", "limit=0", "throttle=-2", "drop=1"]
)
def test_a_fault_that_does_not_exist_is_told_with_those_that_do(name: str) -> None:
    with pytest.raises(ValueError, match=f"no fault '{name}'; the faults are slow=2 "):
        of_names([name])


def test_the_date_header_is_the_shops_clock(shop: Shop, api: Api) -> None:
    shop.set_clock(-7200)
    date = parsedate_to_datetime(api.ask("GET", _WEBSITES).headers["Date"])
    assert abs(time.time() - 7200 - date.timestamp()) < 5
    assert shop.cart(shop.add_cart())["created_at"] == shop.cart(1)["updated_at"] < time.strftime("%Y-%m-%d %H:%M:%S")


def test_the_date_header_alone_may_be_wrong(shop: Shop, api: Api) -> None:
    shop.faults = Faults(date_ahead=720)
    date = parsedate_to_datetime(api.ask("GET", _WEBSITES).headers["Date"])
    assert abs(time.time() + 720 - date.timestamp()) < 5
    assert shop.cart(shop.add_cart())["created_at"] <= time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())


def test_a_session_cookie_that_is_sent_back_serialises_requests(shop: Shop, api: Api) -> None:
    shop.faults = Faults(slow=0.1)
    headers = {"Authorization": "Bearer demo", "Cookie": "PHPSESSID=one"}

    def ask() -> None:
        requests.get(f"{api.url}/rest/V1/{_WEBSITES}", headers=headers, timeout=20).close()

    assert "Set-Cookie" not in requests.get(f"{api.url}/rest/V1/{_WEBSITES}", headers=headers, timeout=20).headers
    people = [threading.Thread(target=ask) for _ in range(4)]
    before = time.monotonic()
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert time.monotonic() - before >= 0.4  # four waits of 0.1 s, one after another


def test_a_connection_is_kept_open_and_ends_with_the_server(shop: Shop) -> None:
    with serve(shop) as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        for _ in range(2):
            connection.request("GET", f"/index.php/rest/all/V1/{_WEBSITES}", headers={"Authorization": "Bearer demo"})
            response = connection.getresponse()
            assert (response.status, response.headers["Set-Cookie"][:10]) == (200, "PHPSESSID=")
            response.read()
    with pytest.raises((http.client.HTTPException, OSError)):
        _again(connection)
    connection.close()


def _again(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/")
    connection.getresponse()
