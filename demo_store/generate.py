"""A trading history: people, carts and orders over several months up to now, the same for the same seed."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from faker import Faker

from demo_store import addresses, carts, catalog, checkout, customers, orders, placing, totals
from demo_store.assortment import NEW_IN, stock_up
from demo_store.records import Records
from demo_store.state import Doc

_DAYS = 150  # how far back the history goes
_PLACES = {  # locale: store views that sell there, country
    "nl_NL": ((2, 2, 2, 1), "NL"),
    "de_DE": ((4, 4, 1), "DE"),
    "fr_FR": ((1,), "FR"),
    "en_US": ((3,), "US"),
}
_LOCALES = ("nl_NL", "nl_NL", "nl_NL", "de_DE", "de_DE", "fr_FR", "en_US", "en_US", "en_US")
_US_PLACES = (
    (43, "NY", "New York", "Albany", "12207"),
    (12, "CA", "California", "San Diego", "92101"),
    (57, "TX", "Texas", "Austin", "78701"),
    (62, "WA", "Washington", "Seattle", "98101"),
    (32, "MA", "Massachusetts", "Boston", "02108"),
)
_HOURS = (1, 1, 0, 0, 0, 1, 2, 4, 6, 7, 8, 8, 8, 7, 7, 7, 7, 8, 9, 10, 10, 9, 6, 3)
_NOTES = (
    "Customer called about the delivery date.",
    "Asked for gift wrapping – écrire une carte.",
    "Address checked by telephone.",
    "Leave with the neighbours at number 12.",
    "Wants an invoice with VAT number.",
)


@dataclass
class _Author:
    """Writes the history: its own dice, its people, and the shop's clock turned back to the moment it tells."""

    records: Records
    dice: random.Random
    now: datetime
    fakers: dict[str, Faker]
    sold: list[Doc]
    mails: set[str]
    filling: set[int]  # customers with an open cart

    def at(self, moment: datetime) -> None:
        """Turn the shop's clock to a moment."""
        self.records.settings["clock_offset"] = (moment - self.now).total_seconds()

    def person(self) -> Doc:
        """Someone with a name and an address, and the store view where they shop (`store_id`)."""
        locale = self.dice.choice(_LOCALES)
        fake = self.fakers[locale]
        views, country = _PLACES[locale]
        first, last = fake.first_name(), fake.last_name()
        given: Doc = {"firstname": first, "lastname": last, "country_id": country, "telephone": fake.phone_number()}
        given |= {"street": [fake.street_address()], "city": fake.city(), "postcode": fake.postcode()}
        if country == "US":
            ident, code, region, city, postcode = self.dice.choice(_US_PLACES)
            given |= {"region_id": ident, "region_code": code, "region": region, "city": city, "postcode": postcode}
        if self.dice.random() < 0.12:
            given["company"] = fake.company()
        ending = self.dice.choice(("com", "net", "org"))
        mail = f"{_ascii(first)}.{_ascii(last)}{self.dice.randrange(100)}@example.{ending}"
        return {"address": given, "email": mail, "store_id": self.dice.choice(views)}

    def mail_of(self, person: Doc) -> str:
        """The person's e-mail address, with another number where a customer has it already."""
        mail: str = person["email"]
        while mail in self.mails:
            mail = mail.replace("@", f"{self.dice.randrange(10)}@")
        self.mails.add(mail)
        return mail

    def moment(self, days: float) -> datetime:
        """A moment within the last `days`, more likely lately and in the hours in which people shop."""
        back = days * (1 - self.dice.random() ** 0.7)
        hour = self.dice.choices(range(24), _HOURS)[0]
        day = self.now - timedelta(days=back)
        moment = day.replace(hour=hour, minute=self.dice.randrange(60), second=self.dice.randrange(60), microsecond=0)
        return moment if moment < self.now else self.now - timedelta(minutes=self.dice.randrange(5, 600))


def generate(records: Records, *, orders: int, carts: int, customers: int, seed: int) -> None:
    """Stock the shop and write its history: customers, then carts and orders in the order in which they began."""
    author = _Author(records, random.Random(seed), records.now(), {}, [], set(), set())
    author.at(author.now - timedelta(days=_DAYS + 30))
    stock_up(records)
    rare = {"RARE-01"}  # so few that shoppers would soon be refused
    new = {child for one in records.state.all("product") if one["sku"] in NEW_IN for child in one["children"]}
    author.sold = [
        one
        for one in records.state.all("product")
        if one["type_id"] != "configurable" and one["sku"] not in rare and one["id"] not in new
    ]
    if orders or carts or customers:
        author.fakers = {locale: Faker(locale) for locale in _PLACES}
        for fake in author.fakers.values():
            fake.seed_instance(seed)
        accounts = [_customer(author) for _ in range(customers)]
        guests = [author.person() for _ in range(max(40, (orders + carts) // 4))]
        stories = [(author.moment(_DAYS), True) for _ in range(orders)]
        stories += [(author.moment(author.dice.choice((2, 10, 30, 60))), False) for _ in range(carts)]
        for moment, bought in sorted(stories, key=lambda story: story[0]):
            _story(author, moment, accounts, guests, bought=bought)
        author.at(author.now)
        _surprises(author)
    author.at(author.now)
    records.keep_settings()


def _customer(author: _Author) -> Doc:
    person = author.person()
    author.at(author.moment(_DAYS))
    return customers.create(
        author.records,
        author.mail_of(person),
        person["address"],
        person["store_id"],
        group_id=author.dice.choice((1, 1, 1, 1, 2, 3)),
        is_subscribed=author.dice.random() < 0.4,
    )


def _story(author: _Author, moment: datetime, accounts: list[Doc], guests: list[Doc], *, bought: bool) -> None:
    """One cart: begun, filled, perhaps taken through the checkout, perhaps bought."""
    records, dice = author.records, author.dice
    author.at(moment)
    account = dice.choice(accounts) if accounts and dice.random() < 0.7 else None
    if account is not None and account["id"] in author.filling:
        account = None  # a customer has one open cart; this is somebody else
    guest = dice.choice(guests)
    store = account["store_id"] if account else guest["store_id"]
    cart = carts.create(records, store, account)
    if account is not None:
        account["created_at"] = min(account["created_at"], cart["created_at"])
        records.state.touch("customer", account["id"])
        if not bought:
            author.filling.add(account["id"])
    if not bought and dice.random() < 0.05:
        return  # looked in and left: an empty cart
    for _ in range(dice.choices((1, 2, 3, 4, 6), (38, 30, 18, 10, 4))[0]):
        _add_something(author, cart)
    author.at(later := min(moment + timedelta(seconds=dice.randrange(60, 5400)), author.now))
    reached = bought or dice.random() < 0.55
    if bought and dice.random() < 0.12:
        cart["coupon_code"] = "WELCOME10"
    if reached:
        given = account["addresses"][0] if account else guest["address"] | {"email": guest["email"]}
        _check_out(author, cart, addresses.entered(given))
    else:
        carts.saved(records, cart, None)
    if bought:
        _buy(author, cart, later)
    elif dice.random() < 0.1:
        cart["is_active"] = 0  # merged at a sign-in
    records.state.touch("cart", cart["entity_id"])


def _add_something(author: _Author, cart: Doc) -> None:
    records = author.records
    product = author.dice.choice(author.sold)
    parent = records.product(product.get("parent_id"))
    qty = author.dice.choices((1, 2, 3, 4, 6, 12), (60, 20, 8, 6, 4, 2))[0]
    if Decimal(str(product["price"])) > 140:
        qty = 1
    sku = parent["sku"] if parent else product["sku"]
    carts.add_line(records, cart, sku, Decimal(qty), product["sku"] if parent else None)


def _check_out(author: _Author, cart: Doc, address: dict[str, Any]) -> None:
    records, dice = author.records, author.dice
    totals.collect(records, cart)
    if cart["is_virtual"]:
        checkout.set_billing(records, cart, {"address": address}, None)
    else:
        info = {"shipping_address": address, "billing_address": address}
        offered = checkout.rates(records, cart, address["country_id"], cart["store_id"]) or [
            {"carrier_code": "flatrate", "method_code": "flatrate"}
        ]
        rate = dice.choice(offered)
        info |= {"shipping_carrier_code": rate["carrier_code"], "shipping_method_code": rate["method_code"]}
        if cart["lines"]:
            checkout.set_shipping(records, cart, {"addressInformation": info}, None)
    method = dice.choices(("checkmo", "banktransfer", "cashondelivery"), (45, 40, 15))[0]
    cart["payment"] = {"id": records.next_id("cart_payment"), "method": method, "po_number": None}


def _buy(author: _Author, cart: Doc, moment: datetime) -> None:
    """Place the order and let it live: most are invoiced and shipped in days, some are cancelled, held or refunded."""
    records, dice = author.records, author.dice
    ident = placing.place(records, cart["entity_id"], None, None, f"198.51.100.{dice.randrange(1, 255)}")
    order = orders.existing(records, ident)
    fate = dice.random()
    if dice.random() < 0.15 and _moves(author, moment, 0.05, 1):
        note = {"is_visible_on_front": dice.randrange(2)}
        orders.add_comment(records, order, dice.choice(_NOTES), note, order["status"])
    if fate < 0.07:
        if _moves(author, moment, 0.1, 3):
            orders.cancel(records, order)
            if dice.random() < 0.15:
                cart |= {"is_active": 1, "reserved_order_id": None}
        return
    if fate < 0.09:
        if _moves(author, moment, 0.1, 2):
            orders.hold(records, order)
        return
    if not _moves(author, moment, 0.02, 2):
        return
    orders.invoice(records, order, {})
    if fate < 0.13 or order["state"] != "processing" or not _moves(author, moment, 2, 5):
        return
    orders.ship(
        records, order, {"tracks": [{"track_number": f"3S{ident:07d}", "title": "PostNL", "carrier_code": "custom"}]}
    )
    if fate > 0.94 and _moves(author, moment, 6, 20):
        some = None
        if fate < 0.97:
            item = order["items"][0]
            some = {"items": [{"order_item_id": item["item_id"], "qty": 1}]}
        orders.refund(records, order, some)


def _moves(author: _Author, moment: datetime, least: float, most: float) -> bool:
    """Turn the clock to a moment so many days later; False where that is still to come."""
    then = moment + timedelta(days=author.dice.uniform(least, most))
    if then > author.now:
        return False
    author.at(then)
    return True


def _surprises(author: _Author) -> None:
    """What every real shop has: a product taken off sale and one with a new price, in carts that nobody touched."""
    records = author.records
    discontinued = catalog.by_sku(records, "DRAWER-OLD")
    discontinued["status"] = 2
    records.state.touch("product", discontinued["id"])
    dearer = catalog.by_sku(records, "TEAPOT-01")
    dearer["price"] = 59.95
    records.state.touch("product", dearer["id"])
    for cart in records.state.all("cart"):
        if any(line["product_id"] == dearer["id"] for line in cart["lines"]):
            cart["trigger_recollect"] = 1
            records.state.touch("cart", cart["entity_id"])


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    return "".join(char for char in plain if char.isalnum())
