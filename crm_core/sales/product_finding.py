"""Finding a product for a cart in words: with its price in the cart's store view, what is left of it, and its choices.

Nothing here writes, and no cart is read. Prices are the catalogue's, as the shop keeps them, with or without tax; what
the cart takes can differ by special and tier prices and the catalogue's rules, and shows once the product is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

from crm_core.errors import BadInput
from crm_core.magento.catalogue import ADDABLE_TYPES, Catalogue
from crm_core.magento.payloads import exact
from crm_core.magento.products import Choice, Product
from crm_core.sales.preflight.asking import Asking
from crm_core.sales.preflight.standing import Standing, standing
from crm_core.sales.shops import reader, store_code
from crm_core.sales.stock_ids import stock_id
from crm_core.store.database import Store
from crm_core.sync.channels import OpenShop, opened

PAGE_PRODUCTS = 10
_UNITS = Decimal("0.0001")
_CONFIGURABLE = "configurable"


@dataclass(frozen=True)
class FoundProduct:
    """A product that may go into the cart; `why_not` says why it can't, in a sentence, None: it can.

    `price` is in the cart's currency, None where it hangs on what is chosen. `left` is how many can still be sold, None
    where the shop does not tell or keeps no count; `is_salable` None: not told.
    """

    sku: str
    name: str
    type_id: str
    price: Decimal | None
    is_salable: bool | None
    left: Decimal | None
    why_not: str | None

    @property
    def needs_choices(self) -> bool:
        """Whether a variant must be chosen first: see `product_choices`."""
        return self.type_id == _CONFIGURABLE


@dataclass(frozen=True)
class FoundProducts:
    """One page of products, by name. `notes` say what the shop did not tell of them.

    Prices are in `currency`, the cart's; `is_converted`: from the shop's base currency, by the rate of the cart.
    """

    products: tuple[FoundProduct, ...]
    total: int
    page: int
    pages: int
    currency: str
    is_converted: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class FoundVariant:
    """One product that a configurable one comes as; `options`, attribute_id to value_index, lead to it."""

    product: FoundProduct
    options: Mapping[int, int]


@dataclass(frozen=True)
class ProductChoices:
    """What is to be chosen of a configurable product, in the shop's order, and what each choice leads to."""

    choices: tuple[Choice, ...]
    variants: tuple[FoundVariant, ...]
    notes: tuple[str, ...]

    def variant(self, options: Mapping[int, int]) -> FoundVariant | None:
        """The variant that exactly these choices lead to; None: there is none."""
        return next((each for each in self.variants if dict(each.options) == dict(options)), None)


def find_products(store: Store, cart_key: int, words: str, page: int = 1) -> FoundProducts:
    """Products whose name or SKU holds every word, a page of ten of them, with price and stock for this cart.

    Raises BadInput without a word or with too many, NotFound for an unknown cart, NotAllowed if no channel reads it,
    and what the client raises: PermissionMissing names the permission to see products. Stock that cannot be read is a
    note.
    """
    with _finder(store, cart_key) as finder:
        found = finder.catalogue.search(words, finder.code, page=page, page_size=PAGE_PRODUCTS)
        products, notes = finder.told(found.items)
    total = len(found.items) if found.total_count is None else found.total_count
    return FoundProducts(
        products=products,
        total=total,
        page=page,
        pages=max(1, -(-total // PAGE_PRODUCTS)),
        currency=finder.known.row.quote_currency,
        is_converted=finder.known.row.quote_currency != finder.known.row.base_currency,
        notes=notes,
    )


def product_choices(store: Store, cart_key: int, sku: str) -> ProductChoices:
    """What to choose of the configurable product before it can go into the cart, its variants with price and stock.

    Raises BadInput for a SKU that is no configurable product any more, and otherwise as `find_products`; the words of
    the choices need a permission of their own.
    """
    with _finder(store, cart_key) as finder:
        product = finder.catalogue.products([sku], finder.code).get(sku)
        if product is None or product.type_id != _CONFIGURABLE:
            raise BadInput(f"The shop no longer has {sku} to choose from. Search for it again.")
        choices = finder.catalogue.choices(product, finder.code)
        told, notes = finder.told([variant.product for variant in choices.variants])
    variants = tuple(
        FoundVariant(found, variant.options) for found, variant in zip(told, choices.variants, strict=True)
    )
    if not choices.choices:
        raise BadInput(f"The shop does not tell what {product.name or sku} comes in. Add a variant by its own SKU.")
    return ProductChoices(tuple(choices.choices), variants, notes)


@contextmanager
def _finder(store: Store, cart_key: int) -> Iterator[_Finder]:
    known = standing(store, cart_key)
    with opened(store, reader(known.channel)) as shop:
        yield _Finder(known, shop)


class _Finder:
    """The shop of one cart, and what its products are to that cart."""

    def __init__(self, known: Standing, shop: OpenShop) -> None:
        self.known = known
        self.shop = shop
        self.code = store_code(shop, known.row.store_id)
        self.catalogue = Catalogue(shop.magento.connection)

    def told(self, products: Sequence[Product]) -> tuple[tuple[FoundProduct, ...], tuple[str, ...]]:
        """The products with their stock, asked side by side, and what could not be read of it."""
        if not products:
            return (), ()
        counted = [each.sku for each in products if each.type_id != _CONFIGURABLE]
        with Asking(self.shop.channel.connections) as asking:
            first = asking.ask(self._stock_id).told()  # one question for it, not one of each of the others
            if first.value is None:
                return tuple(self._found(each, None, None) for each in products), (_no_stock(first.trouble),)
            stock = first.value
            salable_asked = asking.ask(partial(self.catalogue.are_salable, [each.sku for each in products], stock))
            left_asked = {sku: asking.ask(partial(self.catalogue.salable_quantity, sku, stock)) for sku in counted}
            salable = salable_asked.told()
            left = {sku: asked.told() for sku, asked in left_asked.items()}
        troubles = [each.trouble for each in (salable, *left.values()) if each.trouble is not None]
        found = tuple(
            self._found(
                each,
                (salable.value or {}).get(each.sku),
                None if each.sku not in left else left[each.sku].value,
            )
            for each in products
        )
        return found, tuple(dict.fromkeys(map(_no_stock, troubles)))

    def _stock_id(self) -> int:
        return stock_id(self.shop.magento.connection, self.known.website_code)

    def _found(self, product: Product, is_salable: bool | None, left: float | None) -> FoundProduct:
        row = self.known.row
        base_price = None if product.price is None or product.type_id == _CONFIGURABLE else exact(product.price)
        rate = Decimal(row.base_to_quote_rate)
        return FoundProduct(
            sku=product.sku,
            name=product.name or product.sku,
            type_id=product.type_id or "",
            price=None if base_price is None else (base_price * rate).quantize(_UNITS, rounding=ROUND_HALF_UP),
            is_salable=is_salable,
            left=exact(left) if left is not None and left > 0 else None,
            why_not=self._why_not(product, is_salable),
        )

    def _why_not(self, product: Product, is_salable: bool | None) -> str | None:
        view = self.shop.store_views[self.known.row.store_id]
        if not product.is_enabled:
            return "The shop has it switched off."
        if product.type_id not in ADDABLE_TYPES:
            return "The desk cannot put this type of product into a cart. The customer can, in the shop."
        if product.needs_custom_options:
            return "It needs something entered that only the shop's own page asks for."
        if view.website_id not in product.website_ids:
            return "It is not sold in this cart's website."
        return "It is out of stock." if is_salable is False else None


def _no_stock(trouble: object) -> str:
    return f"The stock is not known: {trouble}"
