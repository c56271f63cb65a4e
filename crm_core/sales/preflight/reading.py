"""What the shop says about a cart before an order: asked side by side, by search first, by id only where harmless.

A read of a cart by id recalculates it and saves it if a price has changed (observed on Magento 2.4.7). So the search is
asked first whether it is due to be, and then nothing is read by id, unless the person wants it recalculated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from crm_core.errors import ShopHasNoSuch
from crm_core.magento.cart_reading import CartReading, SelectedPayment
from crm_core.magento.catalogue import Catalogue
from crm_core.magento.directory import Country, Directory
from crm_core.magento.payloads import Address, Cart, Order, PaymentMethod, ShippingMethod, Totals, exact
from crm_core.magento.products import Product, Salability, StockItem
from crm_core.magento.promotions import Coupon, Promotions, Rule
from crm_core.sales.preflight.asking import Asked, Asking, Told
from crm_core.sales.preflight.standing import Standing
from crm_core.sales.shops import store_code
from crm_core.sales.stock_ids import stock_id
from crm_core.store.documents import decode_address
from crm_core.sync.channels import OpenShop

_NOT_ASKED: Told[Any] = Told(asked=False)


@dataclass(frozen=True)
class Stock:
    """Why a SKU cannot be sold as asked, in figures: the limits of one purchase, and how many are left to sell."""

    item: Told[StockItem]
    salable: Told[float | None]


@dataclass(frozen=True)
class CouponFacts:
    """What the shop knows of a code: None if there is no such coupon; the rule is None if it is gone."""

    coupon: Coupon | None
    rule: Rule | None


@dataclass(frozen=True)
class Reading:
    """Everything that the shop said. `cart` is None if the shop has none.

    What is `Told(asked=False)` was not asked: because reading it would have recalculated the cart, or because nothing
    hangs on it. Times are UTC by the shop's clock.
    """

    cart: Told[Cart | None]
    orders: Told[list[Order]]
    is_due: Told[bool]
    """Whether the shop recalculates the cart at the next read by id; before this reading did."""
    recalculated: bool
    """Whether this reading let the shop recalculate it."""
    store_code: str
    website_id: int
    now: datetime
    local_day: date
    """The day that it is in the store view's own time zone."""
    products: Told[dict[str, Product]] = _NOT_ASKED
    salable: Told[dict[str, Salability]] = _NOT_ASKED
    stock: Mapping[str, Stock] = field(default_factory=dict)
    """The figures of those SKUs that cannot be sold as asked."""
    countries: Mapping[str, Told[Country | None]] = field(default_factory=dict)
    rates: Told[dict[str, Decimal]] = _NOT_ASKED
    """Exchange rates from the base currency; asked for carts in another one."""
    coupon_code: Told[str | None] = _NOT_ASKED
    coupon: Told[CouponFacts] = _NOT_ASKED
    totals: Told[Totals] = _NOT_ASKED
    payment: Told[SelectedPayment | None] = _NOT_ASKED
    payment_methods: Told[list[PaymentMethod]] = _NOT_ASKED
    shipping_methods: Told[list[ShippingMethod]] = _NOT_ASKED

    @property
    def is_open(self) -> bool:
        """Whether the shop has the cart and it is active."""
        return self.cart.value is not None and self.cart.value.is_active is True

    @property
    def shipping_address(self) -> Address | None:
        """Where it goes; None for a virtual cart and for one without an address."""
        shipping = None if self.cart.value is None else self.cart.value.shipping
        return None if shipping is None else shipping.address


def read(asking: Asking, shop: OpenShop, known: Standing, *, recalculate: bool) -> Reading:
    """What the shop says now. Writes nothing, except that with `recalculate` a cart that is due is recalculated.

    Raises NotAllowed if the cart's store view is not known, and what stops every question alike: ChannelError.
    """
    return _Reader(asking, shop, known).read(recalculate=recalculate)


class _Reader:
    """The questions about one cart, in the order that lets the shop answer most of them at once."""

    def __init__(self, asking: Asking, shop: OpenShop, known: Standing) -> None:
        self._asking = asking
        self._shop = shop
        self._known = known
        connection = shop.magento.connection
        self._carts = CartReading(connection)
        self._catalogue = Catalogue(connection)
        self._directory = Directory(connection)
        self._promotions = Promotions(connection)
        self._id: int = known.row.origin_id
        self._code = store_code(shop, known.row.store_id)
        self._coupons: dict[str, Asked[CouponFacts]] = {}
        self._countries: dict[str, Asked[Country | None]] = {}

    def read(self, *, recalculate: bool) -> Reading:
        """All of it."""
        ask, magento, row = self._asking.ask, self._shop.magento, self._known.row
        cart_asked = ask(lambda: magento.cart_by_search(self._id))
        due_asked = ask(lambda: self._carts.is_due_to_recalculate(self._id))
        orders_asked = ask(lambda: magento.orders_of_cart(self._id))
        # What the desk knows of the cart is mostly still true: asking on that strength saves a round.
        guessed = _quantities((line.sku, line.qty) for line in self._known.lines if line.state == "present")
        skus = sorted({line.sku for line in self._known.lines if line.state != "removed" and line.sku})
        products_asked = self._products(skus)
        salable_asked = self._salable(guessed)
        for country in {row.billing_country, _country_of(self._known)} - {None}:
            self._country(country)
        if row.coupon_code:
            self._facts(row.coupon_code)
        rates_asked = (
            ask(lambda: self._directory.exchange_rates(self._code))
            if row.quote_currency != row.base_currency
            else Asked[dict[str, Decimal]](None)
        )
        told = cart_asked.told()
        cart = told.value
        if cart is None or not cart.is_active:
            return self._reading(told, orders_asked.told(), due_asked.told(), recalculated=False)
        if cart.store_id is not None and cart.store_id != row.store_id:
            self._code = store_code(self._shop, cart.store_id)
            self._countries.clear()
            products_asked = self._products(skus)
        wanted = _quantities((item.sku or "", exact(item.qty or 0.0)) for item in cart.items or ())
        news = sorted(wanted.keys() - set(skus))
        more_asked = self._products(news)
        if wanted != guessed:
            salable_asked = self._salable(wanted)
        shipping = None if cart.shipping is None else cart.shipping.address
        for address in (cart.billing_address, shipping):
            if address is not None and address.country_id:
                self._country(address.country_id)
        due = due_asked.told()
        by_id = due.value is False or recalculate
        recalculated = by_id and due.value is not False
        totals_asked = Asked[Totals](None)
        if by_id:
            totals_asked = ask(lambda: magento.totals(self._id, self._code))
            if recalculated:
                totals_asked.told()  # the other reads would recalculate it, too, all at the same time
                told = ask(lambda: magento.cart_by_search(self._id)).told()
        payment_asked, methods_asked, shipping_asked = self._by_id(shipping, cart, asked=by_id)
        code_asked = Asked[str | None](None) if by_id else self._coupon_by_search()
        salable = salable_asked.told()
        stock_asked = {
            sku: (ask(partial(self._catalogue.stock_item, sku)), ask(partial(self._salable_quantity, sku)))
            for sku, answer in (salable.value or {}).items()
            if answer.salable is False
        }
        totals = totals_asked.told()
        # The totals name the coupon as GET coupons does, a dead one too (observed on Magento 2.4.7).
        code = _coupon_in(totals) if by_id else code_asked.told()
        coupon = self._facts(code.value).told() if code.value else Told[CouponFacts](asked=False)
        products = products_asked.told()
        if news:
            more = more_asked.told()
            products = Told({**(products.value or {}), **(more.value or {})}, products.trouble or more.trouble)
        return self._reading(
            told,
            orders_asked.told(),
            due,
            recalculated=recalculated,
            products=products,
            salable=salable,
            stock={sku: Stock(item.told(), left.told()) for sku, (item, left) in stock_asked.items()},
            countries={name: asked.told() for name, asked in self._countries.items()},
            rates=rates_asked.told(),
            coupon_code=code,
            coupon=coupon,
            totals=totals,
            payment=payment_asked.told(),
            payment_methods=methods_asked.told(),
            shipping_methods=shipping_asked.told(),
        )

    def _by_id(
        self, address: Address | None, cart: Cart, *, asked: bool
    ) -> tuple[Asked[SelectedPayment | None], Asked[list[PaymentMethod]], Asked[list[ShippingMethod]]]:
        ask, checkout, cart_id, code = self._asking.ask, self._shop.checkout, self._id, self._code
        if not asked:
            return Asked(None), Asked(None), Asked(None)
        estimate = Asked[list[ShippingMethod]](None)
        if address is not None and address.country_id and not cart.is_virtual:
            estimate = ask(lambda: checkout.estimate_shipping_methods(cart_id, code, address))
        payment = ask(lambda: self._carts.selected_payment_method(cart_id, code))
        return payment, ask(lambda: checkout.payment_methods(cart_id, code)), estimate

    def _coupon_by_search(self) -> Asked[str | None]:
        """The code that the desk has read before, if the cart still has it: a search can ask for a known one only."""
        known: str | None = self._known.row.coupon_code
        if known is None:
            return Asked(None)
        return self._asking.ask(lambda: known if self._carts.has_coupon(self._id, known) else None)

    def _products(self, skus: list[str]) -> Asked[dict[str, Product]]:
        code = self._code
        return self._asking.ask(lambda: self._catalogue.products(skus, code)) if skus else Asked(None)

    def _salable(self, quantities: Mapping[str, Decimal]) -> Asked[dict[str, Salability]]:
        if not quantities:
            return Asked(None)
        return self._asking.ask(lambda: self._catalogue.salable(quantities, self._stock_id()))

    def _salable_quantity(self, sku: str) -> float | None:
        return self._catalogue.salable_quantity(sku, self._stock_id())

    def _stock_id(self) -> int:
        return stock_id(self._shop.magento.connection, self._known.website_code)

    def _country(self, country_id: str) -> None:
        if country_id not in self._countries:
            code = self._code
            self._countries[country_id] = self._asking.ask(lambda: self._directory.country(code, country_id))

    def _facts(self, code: str) -> Asked[CouponFacts]:
        if code not in self._coupons:
            self._coupons[code] = self._asking.ask(lambda: _coupon_facts(self._promotions, code))
        return self._coupons[code]

    def _reading(
        self,
        cart: Told[Cart | None],
        orders: Told[list[Order]],
        is_due: Told[bool],
        *,
        recalculated: bool,
        **more: Any,
    ) -> Reading:
        view = self._shop.store_views[self._store_id(cart.value)]
        # A shop that did not answer is not asked for the time, too.
        now = self._shop.magento.connection.shop_now() if cart.is_told else datetime.now(UTC)
        return Reading(
            cart=cart,
            orders=orders,
            is_due=is_due,
            recalculated=recalculated,
            store_code=self._code,
            website_id=view.website_id,
            now=now,
            local_day=now.astimezone(view.timezone).date(),
            **more,
        )

    def _store_id(self, cart: Cart | None) -> int:
        own: int = self._known.row.store_id
        return own if cart is None or cart.store_id is None else cart.store_id


def _quantities(lines: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """How many of each SKU, over all lines."""
    wanted: dict[str, Decimal] = {}
    for sku, qty in lines:
        if sku and qty > 0:
            wanted[sku] = wanted.get(sku, Decimal(0)) + qty
    return wanted


def _coupon_in(totals: Told[Totals]) -> Told[str | None]:
    return Told((totals.value.coupon_code if totals.value else None) or None, totals.trouble)


def _country_of(known: Standing) -> str | None:
    """The country that the desk knows the cart to go to."""
    text = known.row.shipping_address
    return None if text is None else decode_address(text).country_id


def _coupon_facts(promotions: Promotions, code: str) -> CouponFacts:
    coupon = promotions.coupon(code)
    if coupon is None:
        return CouponFacts(None, None)
    try:
        return CouponFacts(coupon, promotions.rule(coupon.rule_id))
    except ShopHasNoSuch:
        return CouponFacts(coupon, None)
