"""What the catalogue's answers hold, typed: products, the choices of a configurable one, and stock.

A product's `price` is the catalogue's, in the base currency and in the scope of the store view asked; with or without
tax as the shop keeps its prices. What a cart takes can differ: special and tier prices, catalogue rules, tax.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from crm_core.magento.payloads import Id, Number

ENABLED = 1
"""The status of a product that is switched on; 2 is switched off."""


class ChoiceValue(msgspec.Struct, frozen=True, gc=False):
    """One value that a configurable product comes in, by the number of its word."""

    value_index: Id


class ConfigurableOption(msgspec.Struct, frozen=True, gc=False):
    """An attribute to choose by, such as the size, and the values that there are."""

    attribute_id: Id
    label: str | None = None
    position: Number | None = None
    values: list[ChoiceValue] | None = None


class ProductExtension(msgspec.Struct, frozen=True, gc=False):
    """What modules add to a product: its websites, and of a configurable one the options and the variants' ids."""

    website_ids: list[Id] | None = None
    configurable_product_options: list[ConfigurableOption] | None = None
    configurable_product_links: list[Id] | None = None


class CustomAttribute(msgspec.Struct, frozen=True, gc=False):
    """An attribute of a product by its code; mostly a text, sometimes a list."""

    attribute_code: str
    value: Any = None


class Product(msgspec.Struct, frozen=True, gc=False):
    """A product as the store view asked sees it; `status` and price may differ in another website."""

    id: Id
    sku: str
    name: str | None = None
    price: float | None = None
    status: Number | None = None
    type_id: str | None = None
    extension_attributes: ProductExtension | None = None
    custom_attributes: list[CustomAttribute] | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether the product is switched on in the website of the store view asked."""
        return self.status == ENABLED

    @property
    def website_ids(self) -> list[int]:
        """The websites that the product is sold in."""
        return (self.extension_attributes and self.extension_attributes.website_ids) or []

    @property
    def options(self) -> list[ConfigurableOption]:
        """What is to be chosen before a configurable product can be put into a cart, in the shop's order."""
        options = (self.extension_attributes and self.extension_attributes.configurable_product_options) or []
        return sorted(options, key=lambda option: (option.position or 0, option.attribute_id))

    @property
    def variant_ids(self) -> list[int]:
        """The ids of the products that a configurable one consists of."""
        return (self.extension_attributes and self.extension_attributes.configurable_product_links) or []

    @property
    def needs_custom_options(self) -> bool:
        """Whether something must be typed or chosen that the desk cannot ask for, such as an engraving.

        Told by the attribute `required_options`, which a configurable product bears for its own options, too.
        """
        return self.type_id != "configurable" and str(self.attribute("required_options") or "0") != "0"

    def attribute(self, code: str) -> Any:
        """The value of the attribute of that code, None if the product has none."""
        return next((each.value for each in self.custom_attributes or () if each.attribute_code == code), None)


class AttributeOption(msgspec.Struct, frozen=True, gc=False):
    """A word that an attribute can have, and its number as a text; empty for the blank one."""

    label: str | None = None
    value: str | None = None


class ProductAttribute(msgspec.Struct, frozen=True, gc=False):
    """An attribute of products with the words that it can have."""

    attribute_code: str
    id: Id = msgspec.field(name="attribute_id")
    options: list[AttributeOption] | None = None


class StockItem(msgspec.Struct, frozen=True, gc=False):
    """A product's stock record: the quantities that may be bought at once, the shop-wide settings already applied.

    `qty` does not subtract open orders, so it is no answer to how many can be sold (observed on Magento 2.4.7).
    """

    qty: float | None = None
    is_in_stock: bool | None = None
    min_sale_qty: float | None = None
    max_sale_qty: float | None = None
    enable_qty_increments: bool | None = None
    qty_increments: float | None = None


class StockError(msgspec.Struct, frozen=True, gc=False):
    """A reason why a quantity cannot be sold: a code of Magento's modules, and its sentence in the shop's language."""

    code: str
    message: str | None = None


class Salability(msgspec.Struct, frozen=True, gc=False):
    """Whether a quantity of a SKU can be sold from a stock now; `salable` is None where the shop cannot tell.

    It cannot for SKUs that it does not know, and for those of products without a stock of their own. A disabled
    product is told as not salable.
    """

    sku: str
    salable: bool | None = None
    errors: list[StockError] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose of a configurable product: `values` are the words by value_index."""

    attribute_id: int
    label: str
    values: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Variant:
    """One product that a configurable one comes as; `options` are the choices that lead to it, for `add_item`."""

    product: Product
    options: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Choices:
    """What to choose of a configurable product, in the shop's order, and what each choice leads to."""

    choices: list[Choice]
    variants: list[Variant]
