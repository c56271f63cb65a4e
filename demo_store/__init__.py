"""A small Magento 2 over HTTP with generated data: to try the product out, and for its tests."""

from __future__ import annotations

from demo_store.faults import Faults
from demo_store.refusal import Refusal
from demo_store.server import serve
from demo_store.shop import Shop

__all__ = ["Faults", "Refusal", "Shop", "serve"]
