"""A demo shop and someone who talks to it over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from demo_store import Shop, serve


class Api:
    """Talks REST to a shop with a bearer token; every answer is checked for its status by the test."""

    def __init__(self, url: str, token: str = "demo") -> None:  # noqa: S107
        self.url = url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: Any = None, store: str = "") -> requests.Response:
        """Send a request to a path below V1, in a store view's code where given; no cookie is sent back."""
        self.session.cookies.clear()
        scope = f"{store}/" if store else ""
        return self.session.request(method, f"{self.url}/rest/{scope}V1/{path}", json=body, timeout=20)

    def get(self, path: str, store: str = "") -> Any:
        """The decoded answer of a GET that must succeed."""
        response = self.ask("GET", path, store=store)
        assert response.status_code == 200, response.text
        return response.json()

    def search(self, entity: str, *filters: tuple[str, object, str], **paging: object) -> Any:
        """The answer of a search; every filter is a group of its own."""
        parts = [f"searchCriteria[{name}]={value}" for name, value in paging.items()] or ["searchCriteria="]
        for group, (field, value, condition) in enumerate(filters):
            key = f"searchCriteria[filter_groups][{group}][filters][0]"
            parts += [f"{key}[field]={field}", f"{key}[value]={value}", f"{key}[condition_type]={condition}"]
        return self.get(f"{entity}?{'&'.join(parts)}")

    def found(self, cart_id: int) -> Any:
        """A cart as carts/search shows it, which never changes it."""
        return self.search("carts/search", ("entity_id", cart_id, "eq"))["items"][0]


@pytest.fixture
def shop() -> Shop:
    """A shop with its catalogue, and nobody in it yet."""
    made = Shop()
    made.service.place_seconds = 0
    return made


@pytest.fixture
def api(shop: Shop) -> Iterator[Api]:
    """Someone with every permission talking to `shop`."""
    with serve(shop) as url:
        talker = Api(url)
        yield talker
        talker.session.close()
