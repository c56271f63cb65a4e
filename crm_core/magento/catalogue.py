"""The shop's products, and how many of each can be sold: to check a cart's lines, and to find something to add.

Nothing here writes. Prices, status and words are those of the store view asked, which is always named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from crm_core.errors import BadInput, ShopAnsweredNonsense, ShopFailed, ShopRefused
from crm_core.magento.connection import Connection
from crm_core.magento.decoding import SearchPage, decode
from crm_core.magento.paths import segment, store_view
from crm_core.magento.payloads import Id
from crm_core.magento.products import Choice, Choices, Product, ProductAttribute, Salability, StockItem, Variant
from crm_core.magento.search import MOST_GROUPS, Filter, Search, id_chunks
from crm_core.magento.shop import Magento

T = TypeVar("T")

ADDABLE_TYPES = ("simple", "virtual", "configurable")
"""The types of products that the desk can put into a cart."""

_MOST_SKUS = 20  # SKUs of one search: each up to 64 characters, three bytes apiece once encoded
_MOST_SALABLE = 10  # more numbered parameters break OAuth: Magento sorts them naturally, 2 before 10
_STOCKED_TYPES = frozenset(("simple", "virtual", "downloadable"))
_PRODUCT_FIELDS = "items[id,sku,name,status,type_id,price,extension_attributes,custom_attributes],total_count"
_ATTRIBUTE_FIELDS = "items[attribute_id,attribute_code,options],total_count"


class _Stock(msgspec.Struct):
    stock_id: Id


class Catalogue:
    """Products and stock of the shop. Every method raises what `Connection.get` raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._shop = Magento(connection)

    def products(self, skus: Iterable[str], store_code: str) -> dict[str, Product]:
        """Those of the products that exist, by SKU as the shop spells it; disabled ones are among them.

        The SKU of a cart's line is a product's own, or of a configurable line the chosen variant's; with custom options
        Magento appends theirs, and no product has that SKU. Magento_Catalog::products.
        """
        found: dict[str, Product] = {}
        for chunk in _chunks(skus, _MOST_SKUS):
            search = Search(page_size=len(chunk)).where_any(*_sku_filters(chunk)).ordered("entity_id")
            products = self._all("/V1/products", search.only(_PRODUCT_FIELDS), Product, store_code)
            found.update((product.sku, product) for product in products)
        return found

    def search(self, words: str, store_code: str, *, page: int = 1, page_size: int = 20) -> SearchPage[Product]:
        """Enabled products whose name or SKU holds every word, by name: those of `ADDABLE_TYPES`, of every website.

        ``%`` and ``_`` stand for anything, as in Magento. Raises BadInput without a word, or with too many.
        Magento_Catalog::products.
        """
        terms = words.split()
        if not terms:
            raise BadInput("Type a part of the product's name or SKU.")
        search = Search(page_size=page_size, current_page=page).where("status", "eq", 1)
        search = search.where("type_id", "in", ADDABLE_TYPES)
        if len(terms) > MOST_GROUPS - len(search.groups):
            raise BadInput("These are too many words to search products by. Leave some out.")
        for term in terms:
            search = search.where_any(Filter("name", "like", f"%{term}%"), Filter("sku", "like", f"%{term}%"))
        return self._page("/V1/products", search.ordered("name").only(_PRODUCT_FIELDS), Product, store_code)

    def choices(self, product: Product, store_code: str) -> Choices:
        """What is to be chosen of a configurable product, in words, and the variants that there are.

        Variants are told whatever their status and stock: check them. Without Magento_Catalog::attributes_attributes
        the words cannot be read, which raises PermissionMissing. Magento_Catalog::products as well.
        """
        if not product.options:
            return Choices([], [])
        ids = {option.attribute_id for option in product.options}
        known = Search(page_size=len(ids)).where("attribute_id", "in", sorted(ids)).only(_ATTRIBUTE_FIELDS)
        attributes = {
            attribute.id: attribute
            for attribute in self._all("/V1/products/attributes", known, ProductAttribute, store_code)
        }
        choices = []
        for option in product.options:
            words = _words(attributes.get(option.attribute_id))
            values = [value.value_index for value in option.values or ()]
            label = option.label or f"Attribute {option.attribute_id}"
            choices.append(Choice(option.attribute_id, label, {each: words.get(each, str(each)) for each in values}))
        codes = {number: attribute.attribute_code for number, attribute in attributes.items()}
        variants = []
        for each in self._by_id(product.variant_ids, store_code):
            options = {number: _index(each.attribute(code)) for number, code in codes.items()}
            complete = {number: index for number, index in options.items() if index is not None}
            if complete.keys() == ids:
                variants.append(Variant(each, complete))
        return Choices(choices, variants)

    def stock_id(self, website_code: str) -> int:
        """The stock that the website sells from; callers keep it. Magento_InventorySalesApi::stock."""
        answer = self._connection.get(f"/V1/inventory/stock-resolver/website/{segment(website_code)}")
        stock: _Stock = decode(answer, _Stock, f"the stock of website {website_code}")
        return stock.stock_id

    def salable(self, quantities: Mapping[str, Decimal], stock_id: int) -> dict[str, Salability]:
        """For each SKU whether so many of it can be sold from the stock now, and if not why; open orders count.

        One SKU that the shop does not know makes it fail over all that were asked for together, and one of a product
        without stock of its own makes it refuse them (observed on Magento 2.4.7). Then the known ones are asked for
        again, and the others are told as unknown. Magento_InventorySalesApi::stock, and Magento_Catalog::products.
        """
        told: dict[str, Salability] = {}
        for chunk in _chunks(quantities, _MOST_SALABLE):
            asked = {sku: quantities[sku] for sku in chunk}
            try:
                answers = self._salable(asked, stock_id, tries=1)
            except (ShopFailed, ShopRefused):
                answers = self._salable(self._with_own_stock(asked), stock_id)
            by_sku = {answer.sku.casefold(): answer for answer in answers}
            told.update((sku, by_sku.get(sku.casefold()) or Salability(sku)) for sku in asked)
        return told

    def are_salable(self, skus: Iterable[str], stock_id: int) -> dict[str, bool | None]:
        """For each SKU whether it can be sold from the stock at all now; None where the shop does not tell.

        A configurable one was told as salable while a variant was out of stock, and not once it was switched off
        itself (observed on Magento 2.4.7): ask for the variants. Magento_InventorySalesApi::stock.
        """
        told: dict[str, bool | None] = {}
        path = "/V1/inventory/are-products-salable"
        for chunk in _chunks(skus, _MOST_SALABLE):
            parameters = [(f"skus[{number}]", sku) for number, sku in enumerate(chunk)]
            answer = self._connection.get(path, [*parameters, ("stockId", str(stock_id))])
            answers: list[Salability] = decode(answer, list[Salability], f"GET {path}")
            by_sku = {each.sku.casefold(): each.salable for each in answers}
            told.update((sku, by_sku.get(sku.casefold())) for sku in chunk)
        return told

    def salable_quantity(self, sku: str, stock_id: int) -> float | None:
        """How many can still be sold from the stock, open orders subtracted; 0 for a disabled product.

        None where the shop does not tell: it fails over an unknown SKU (observed on Magento 2.4.7), and refuses one of
        a product without stock of its own. Magento_InventorySalesApi::stock.
        """
        path = f"/V1/inventory/get-product-salable-quantity/{segment(sku)}/{stock_id}"
        try:
            answer = self._connection.get(path, tries=1)
        except (ShopFailed, ShopRefused):
            return None
        quantity: float = decode(answer, float, f"the salable quantity of {sku}")
        return quantity

    def stock_item(self, sku: str) -> StockItem:
        """The limits to the quantity of one purchase. Magento_CatalogInventory::cataloginventory.

        Raises ShopHasNoSuch for an unknown SKU, ShopRefused for one with special characters over OAuth (see `segment`).
        """
        item: StockItem = decode(self._connection.get(f"/V1/stockItems/{segment(sku)}"), StockItem, f"stock of {sku}")
        return item

    def _salable(self, quantities: Mapping[str, Decimal], stock_id: int, tries: int | None = None) -> list[Salability]:
        if not quantities:
            return []
        path = "/V1/inventory/are-product-salable-for-requested-qty"
        parameters = [
            (f"sku_requests[{number}][{name}]", text)
            for number, (sku, quantity) in enumerate(quantities.items())
            for name, text in (("sku", sku), ("qty", format(quantity, "f")))
        ]
        answer = self._connection.get(path, [*parameters, ("stock_id", str(stock_id))], tries=tries)
        answers: list[Salability] = decode(answer, list[Salability], f"GET {path}")
        return answers

    def _with_own_stock(self, quantities: Mapping[str, Decimal]) -> dict[str, Decimal]:
        search = (
            Search(page_size=len(quantities))
            .where_any(*_sku_filters(quantities))
            .only("items[id,sku,type_id],total_count")
        )
        stocked = {
            product.sku.casefold()
            for product in self._all("/V1/products", search, Product, None)
            if product.type_id in _STOCKED_TYPES
        }
        return {sku: quantity for sku, quantity in quantities.items() if sku.casefold() in stocked}

    def _by_id(self, ids: Sequence[int], store_code: str) -> list[Product]:
        found: list[Product] = []
        for chunk in id_chunks(ids):
            search = Search(page_size=len(chunk)).where("entity_id", "in", chunk).ordered("entity_id")
            found += self._all("/V1/products", search.only(_PRODUCT_FIELDS), Product, store_code)
        return found

    def _all(self, path: str, search: Search, kind: type[T], store_code: str | None) -> list[T]:
        """Everything that the search finds, in pages if the shop limits them."""
        found: list[T] = []
        while True:
            page = self._page(path, search, kind, store_code)
            if page.bad:
                raise ShopAnsweredNonsense(f"The shop's answer to GET {path} cannot be read: {page.bad[0].reason}")
            found += page.items
            if page.is_last or (page.total_count is not None and len(found) >= page.total_count):
                return found
            search = search.page(search.current_page + 1)

    def _page(self, path: str, search: Search, kind: type[T], store_code: str | None) -> SearchPage[T]:
        store = None if store_code is None else store_view(store_code)
        return self._shop.page(path, search, kind, store=store)


def _chunks(skus: Iterable[str], size: int) -> Iterator[list[str]]:
    distinct = list(dict.fromkeys(skus))
    for start in range(0, len(distinct), size):
        yield distinct[start : start + size]


def _sku_filters(skus: Iterable[str]) -> list[Filter]:
    """Filters to be joined by OR; a SKU with a comma needs its own, as Magento's lists cannot carry one."""
    listed = [sku for sku in skus if "," not in sku]
    alone = [Filter("sku", "eq", sku) for sku in skus if "," in sku]
    return [Filter("sku", "in", listed), *alone] if listed else alone


def _words(attribute: ProductAttribute | None) -> dict[int, str]:
    """The words of the attribute by their number."""
    options = (attribute.options if attribute else None) or ()
    return {int(each.value): each.label or each.value for each in options if each.value and each.value.isdecimal()}


def _index(value: Any) -> int | None:
    """The number of a word, which Magento keeps with a product as a text."""
    return int(value) if str(value).isdecimal() else None
