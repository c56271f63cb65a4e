"""What a running Magento 2.4.7 was asked and what it answered: exchanges by their names, one a line of a file here."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def exchanges(file: str = "exchanges") -> dict[str, dict[str, Any]]:
    """Those of a file: "exchanges" and "preflight" hold a `request` and a `response` each.

    "preflight_series" holds what tells why an order was refused: method, path, body, status and answer. "amounts" holds
    the other discounted orders and carts whose shipping is taxed or discounted: the orders without their addresses,
    payment, comments and options.
    """
    with (Path(__file__).parent / f"{file}.jsonl").open(encoding="utf-8") as lines:
        return {one["name"]: one for one in map(json.loads, lines)}


def recorded_exchanges() -> dict[str, dict[str, Any]]:
    """All that have a `request` and a `response`."""
    return exchanges() | exchanges("preflight")


def recorded(name: str) -> dict[str, Any]:
    """The one of them with that name."""
    return recorded_exchanges()[name]
