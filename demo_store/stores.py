"""The shop's structure as the API answers it: websites, groups, views, their configuration, countries, currencies."""

from __future__ import annotations

import random
from typing import Any

from demo_store.records import Records
from demo_store.refusal import Refusal
from demo_store.state import Doc

MODULES = (
    *("Magento_Store", "Magento_Config", "Magento_Directory", "Magento_Backend", "Magento_User"),
    *("Magento_Authorization", "Magento_Eav", "Magento_Customer", "Magento_Integration", "Magento_Catalog"),
    *("Magento_CatalogInventory", "Magento_Quote", "Magento_Sales", "Magento_SalesRule", "Magento_Checkout"),
    *("Magento_Inventory", "Magento_InventorySales", "Magento_InventorySalesApi", "Magento_Payment"),
    *("Magento_OfflinePayments", "Magento_OfflineShipping", "Magento_Tax", "Magento_Newsletter", "Magento_Webapi"),
)


def _shuffled(rows: list[Doc]) -> list[Doc]:
    """In an order that varies from call to call, as Magento's lists of stores do (observed on 2.4.7)."""
    return random.sample(rows, len(rows))


def websites(records: Records) -> list[Doc]:
    """GET store/websites: every website, the admin's (id 0) too."""
    return _shuffled(records.settings["websites"])


def groups(records: Records) -> list[Doc]:
    """GET store/storeGroups: every store group, the admin's (id 0) too."""
    return _shuffled(records.settings["groups"])


def views(records: Records) -> list[Doc]:
    """GET store/storeViews: every store view, the admin's (id 0) too."""
    return _shuffled(records.settings["views"])


def configs(records: Records, codes: list[str], base_url: str) -> list[Doc]:
    """GET store/storeConfigs: the views' configuration, the admin's left out; only of `codes` where any are given."""
    found = []
    for view in records.settings["views"]:
        if view["id"] == 0 or (codes and view["code"] not in codes):
            continue
        own = records.settings["view_config"][str(view["id"])]
        body: Doc = {
            "id": view["id"],
            "code": view["code"],
            "website_id": view["website_id"],
            "locale": own["locale"],
            "base_currency_code": "EUR",
            "default_display_currency_code": own["currency"],
            "timezone": own["timezone"],
            "weight_unit": "kgs",
        }
        for secure in ("", "secure_"):
            body |= {
                f"{secure}base_url": base_url,
                f"{secure}base_link_url": base_url,
                f"{secure}base_static_url": f"{base_url}static/",
                f"{secure}base_media_url": f"{base_url}media/",
            }
        found.append(body)
    return _shuffled(found)


def countries(records: Records, store_id: int) -> list[Doc]:
    """GET directory/countries: those that the store view's website sells to."""
    allowed = records.site(store_id)["countries"]
    return [one for one in records.settings["countries"] if one["id"] in allowed]


def country(records: Records, store_id: int, code: str) -> Doc:
    """GET directory/countries/:id; Refusal 404 for a country that the website does not sell to."""
    found = next((one for one in countries(records, store_id) if one["id"] == code), None)
    if found is None:
        raise Refusal(404, "The country isn't available.")
    return found


def currency(records: Records) -> Doc:
    """GET directory/currency: base currency, currencies sold in, and their rates."""
    rates: dict[str, Any] = records.settings["rates"]
    return {
        "base_currency_code": "EUR",
        "base_currency_symbol": "€",
        "default_display_currency_code": "EUR",
        "default_display_currency_symbol": "€",
        "available_currency_codes": list(rates),
        "exchange_rates": [{"currency_to": code, "rate": rate} for code, rate in rates.items()],
    }


def stock(records: Records) -> Doc:
    """GET inventory/stock-resolver/website/:code: one stock serves every website."""
    channels = [{"type": "website", "code": one["code"]} for one in records.settings["websites"] if one["id"]]
    return {"stock_id": 1, "name": "Default Stock", "extension_attributes": {"sales_channels": channels}}
