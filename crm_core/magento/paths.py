"""What a request's path may hold: the code of a store view, and a text such as a SKU or a coupon code."""

from __future__ import annotations

import re
from urllib.parse import quote

from crm_core.errors import BadInput

_STORE_CODE = re.compile(r"(?!all\Z)[A-Za-z][A-Za-z0-9_]*\Z")


def store_view(code: str) -> str:
    """The code, if it can be that of one store view; else BadInput.

    ``all`` and no code at all are refused: Magento then applies the default view's rules (observed on Magento 2.4.7).
    """
    if not _STORE_CODE.match(code):
        raise BadInput(f"“{code}” is not the code of a store view. Synchronise the channel's store views first.")
    return code


def segment(text: str) -> str:
    """The text as one segment of a path, slashes and spaces encoded; BadInput for what could not be one.

    A server that does not accept an encoded slash answers 404 to a SKU with one. With OAuth, Magento 2.4.5 to 2.4.7
    finds the signature of most encoded segments invalid (Laminas decodes them first; mended in 2.4.8, read in the
    source): `Connection` tells that as ShopRefused, not as a failed sign-in. So search with parameters where possible.
    """
    if not text.strip() or text in (".", ".."):
        raise BadInput(f"“{text}” is neither a SKU nor a code that the shop can be asked for.")
    return quote(text, safe="")
