"""Random carts in a shop where random things happen, checked and then placed: what was promised against what came."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from crm_core.sales.preflight.check import STANDING, Verdict
from crm_core.sales.preflight.refusal import explain_refusal
from demo_store import Shop
from tests.sales.desk import Desk
from tests.sales.preflight.shop_side import check, in_step, place_raw

US = {"street": ["1 State St"], "city": "Albany", "postcode": "12207", "country_id": "US", "region_id": 43}
SKUS = ("MUG-01", "MUG-02", "LAMP-01", "TEAPOT-01", "BOOK 01", "ROBE-M", "COURSE-01", "PAN-28")
FIELDS = ("firstname", "lastname", "city", "telephone", "postcode", "street", "region_id", "country_id")

Undo = Callable[[], object]


@dataclass
class Tally:
    """How many carts were checked with each verdict, and how many of those the shop then took."""

    checked: Counter[Verdict] = field(default_factory=Counter)
    placed: Counter[Verdict] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    """What was promised and did not come."""


def try_carts(desk: Desk, count: int, seed: int) -> Tally:
    """So many random carts, each with its own troubles, checked and then placed as they stand."""
    chance = random.Random(seed)
    in_step(desk)
    desk.shop.switch_payment("purchaseorder", on=True)
    tally = Tally()
    for number in range(count):
        cart = _cart(desk, chance)
        with _troubles(desk.shop, cart, chance) as names:
            told = check(desk, cart, recalculate=chance.random() < 0.7)
            answer = place_raw(desk, cart)
            verdict = told.verdict
            tally.checked[verdict] += 1
            tally.placed[verdict] += answer.status == 200
            what = f"{number}: {names}, {verdict}, then {answer}: {told.blocking or told.summary}"
            if answer.status == 200:
                if verdict is Verdict.FAIL:
                    tally.broken.append(what)
            elif verdict in {Verdict.PASS, Verdict.LOOK}:
                cause = explain_refusal(answer.status, answer.message, dict(answer.parameters or {}), check(desk, cart))
                if cause not in STANDING or "minimum" not in names:
                    tally.broken.append(f"{what} because of {cause}")
            elif verdict is Verdict.FAIL:
                cause = explain_refusal(answer.status, answer.message, dict(answer.parameters or {}), told)
                if cause not in {each.code for each in told.blocking}:
                    tally.broken.append(f"{what} laid to {cause}")
    return tally


def _cart(desk: Desk, chance: random.Random) -> int:
    lines = tuple((sku, chance.randint(1, 4)) for sku in chance.sample(SKUS, chance.randint(1, 3)))
    details: dict[str, Any] = {}
    if chance.random() < 0.25:
        details |= {"store_id": 3, "address": US}
    if chance.random() < 0.3:
        details["customer_id"] = desk.shop.add_customer(
            f"c{chance.random()}@example.test", store_id=details.get("store_id", 1), address=details.get("address")
        )
    if chance.random() < 0.3:
        code = f"C{chance.randint(1, 10**9)}"
        desk.shop.set_coupon(code, percent=chance.choice((10, 50)))
        details["coupon"] = code
    return desk.add_cart(*lines, **details)


@contextmanager
def _troubles(shop: Shop, cart: int, chance: random.Random) -> Iterator[list[str]]:
    """None, one or two things happen to the cart or the shop; what happened to the shop is undone afterwards."""
    names = chance.sample(sorted(TROUBLES), chance.choice((0, 0, 1, 1, 1, 2)))
    # Closing the cart comes last: nothing can happen to it after that.
    undo = [TROUBLES[name](shop, cart, chance) for name in sorted(names, key="closed".__eq__)]
    yield names
    for each in reversed(undo):
        each()


def _line(shop: Shop, cart: int, chance: random.Random) -> str:
    sku: str = chance.choice(shop.cart(cart)["lines"])["sku"]
    return sku


def _stock(shop: Shop, cart: int, chance: random.Random) -> Undo:
    sku = _line(shop, cart, chance)
    shop.set_stock(sku, chance.choice((0, 1)), in_stock=chance.random() < 0.5)
    return lambda: shop.set_stock(sku, 100_000)


def _limits(shop: Shop, cart: int, chance: random.Random) -> Undo:
    sku = _line(shop, cart, chance)
    limits = chance.choice(({"minimum": 3}, {"maximum": 2}, {"increments": 3}))
    shop.set_sale_limits(sku, **limits)
    return lambda: shop.set_sale_limits(sku)


def _disabled(shop: Shop, cart: int, chance: random.Random) -> Undo:
    sku = _line(shop, cart, chance)
    shop.disable_product(sku)
    return lambda: shop.enable_product(sku)


def _price(shop: Shop, cart: int, chance: random.Random) -> Undo:
    shop.set_price(_line(shop, cart, chance), chance.randint(5, 90))
    return lambda: None


def _countries(shop: Shop, _cart: int, chance: random.Random) -> Undo:
    site = chance.choice(("base", "us"))
    kept = shop.records.site(1 if site == "base" else 3)["countries"]
    shop.set_countries(["BE"], site)
    return lambda: shop.set_countries(kept, site)


def _field(shop: Shop, cart: int, chance: random.Random) -> Undo:
    name = chance.choice(FIELDS)
    for part in chance.choice((("shipping",), ("billing",), ("shipping", "billing"))):
        shop.cart(cart)[part][name] = [""] if name == "street" else None
        if name == "region_id":
            shop.cart(cart)[part]["region_code"] = None
    return lambda: None


def _email(shop: Shop, cart: int, chance: random.Random) -> Undo:
    shop.cart(cart)["billing"]["email"] = chance.choice((None, "nobody"))
    return lambda: None


def _carrier(shop: Shop, _cart: int, _chance: random.Random) -> Undo:
    shop.switch_carrier("flatrate", on=False)
    return lambda: shop.switch_carrier("flatrate", on=True)


def _dearer(shop: Shop, _cart: int, chance: random.Random) -> Undo:
    shop.set_shipping_price("flatrate", chance.randint(3, 9))
    return lambda: shop.set_shipping_price("flatrate", "2.95")


def _unpaid(shop: Shop, cart: int, chance: random.Random) -> Undo:
    payment = {"id": 1, "method": chance.choice(("free", "purchaseorder", "banktransfer")), "po_number": None}
    if chance.random() < 0.3:
        payment["po_number"] = "4711"
    shop.cart(cart)["payment"] = chance.choice((None, payment))
    return lambda: None


def _payment_off(shop: Shop, _cart: int, _chance: random.Random) -> Undo:
    shop.switch_payment("checkmo", on=False)
    return lambda: shop.switch_payment("checkmo", on=True)


def _coupon(shop: Shop, cart: int, chance: random.Random) -> Undo:
    code = shop.cart(cart)["coupon_code"]
    if code is not None:
        shop.set_coupon(code, **chance.choice(({"active": False}, {"expires": "2020-01-01 00:00:00"})))
    return lambda: None


def _minimum(shop: Shop, _cart: int, chance: random.Random) -> Undo:
    shop.set_minimum_order(chance.randint(20, 200), chance.choice((None, "Order more please")))
    return lambda: shop.set_minimum_order(None)


def _unshipped(shop: Shop, cart: int, _chance: random.Random) -> Undo:
    shop.cart(cart)["shipping_method"] = None
    return lambda: None


def _customer(shop: Shop, cart: int, _chance: random.Random) -> Undo:
    customer = shop.cart(cart)["customer_id"]
    if customer:
        shop.delete_customer(customer)
    return lambda: None


def _closed(shop: Shop, cart: int, chance: random.Random) -> Undo:
    chance.choice((shop.deactivate_cart, shop.delete_cart))(cart)
    return lambda: None


def _website(shop: Shop, cart: int, chance: random.Random) -> Undo:
    product = shop.records.product_of_sku(_line(shop, cart, chance))
    assert product is not None
    product["website_ids"] = []
    return lambda: product.update(website_ids=[1, 2])


def _rate(shop: Shop, _cart: int, _chance: random.Random) -> Undo:
    shop.set_rate("USD", "1.2")
    return lambda: shop.set_rate("USD", "1.1")


TROUBLES: dict[str, Callable[[Shop, int, random.Random], Undo]] = {
    "stock": _stock,
    "limits": _limits,
    "disabled": _disabled,
    "price": _price,
    "countries": _countries,
    "field": _field,
    "email": _email,
    "carrier": _carrier,
    "dearer": _dearer,
    "unpaid": _unpaid,
    "payment off": _payment_off,
    "coupon": _coupon,
    "minimum": _minimum,
    "unshipped": _unshipped,
    "customer": _customer,
    "closed": _closed,
    "website": _website,
    "rate": _rate,
}
"""Each makes one trouble and gives what undoes it in the shop."""
