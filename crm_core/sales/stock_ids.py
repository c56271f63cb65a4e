"""Which stock a website sells from: asked of the shop once, then known for as long as the process runs."""

from __future__ import annotations

import threading

from crm_core.errors import BadInput
from crm_core.magento.catalogue import Catalogue
from crm_core.magento.connection import Connection

_known: dict[tuple[str, str], int] = {}
_lock = threading.Lock()


def stock_id(connection: Connection, website_code: str | None) -> int:
    """The stock of the website. Raises BadInput if the desk does not know the website, and what the client raises."""
    if website_code is None:
        raise BadInput("The website of this cart is not known. Synchronise the channel first.")
    key = (connection.base_url, website_code)
    with _lock:
        known = _known.get(key)
    if known is None:
        known = Catalogue(connection).stock_id(website_code)
        with _lock:
            _known[key] = known
    return known
