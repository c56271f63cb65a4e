"""Starting a cart in a shop, for a customer or for a guest: empty, in the store view that the person chose.

Magento keeps one open cart per customer and website, and hands that one out when asked for a new one (observed on
2.4.7). So the shop is asked first, and a cart that is there is named and left alone. The cart is mirrored at once;
whoever stops halfway leaves it in the shop, from where it comes back with every synchronisation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select

from crm_core.access.people import require_person
from crm_core.errors import BadInput, BadRecord, DeskError, NotAllowed, OutcomeUnknown, ShopUnavailable, not_in_store
from crm_core.insight.cart_record import CartRecord, cart_record
from crm_core.insight.names import full_name
from crm_core.magento import payloads
from crm_core.magento.cart_editing import CartEditing
from crm_core.magento.search import Search
from crm_core.magento.shop import Entity
from crm_core.sales.address_rules import is_email
from crm_core.sales.countries import Country, countries_sold_to
from crm_core.sales.journal import Entry, found_after_silence, journalled, sent_once
from crm_core.sales.obstacles import of_channel
from crm_core.sales.shops import reader
from crm_core.store.database import Store
from crm_core.store.keys import origin_of, record_key
from crm_core.store.search_keys import email_key
from crm_core.store.tables import customer, record_event, store_view, website
from crm_core.sync.channels import Channel, OpenShop, channel_of_store, channels, opened, pausing_on_trouble
from crm_core.sync.pages import write_records
from crm_core.sync.reading import map_records
from crm_core.sync.transaction import writing

STARTED = "started"
"""The kind of the timeline's entry."""

_MOST_OPEN = 50


@dataclass(frozen=True)
class StartingPoint:
    """A store view in which a cart may be started; `reason` says why not, None: it may."""

    store_view_key: int
    website_id: int
    channel: str
    website: str
    name: str
    reason: str | None


@dataclass(frozen=True)
class Guest:
    """Who a guest's cart is for: kept in its billing address, where Magento takes the order's e-mail address from."""

    email: str
    country_id: str
    firstname: str | None = None
    lastname: str | None = None


@dataclass(frozen=True)
class Started:
    """The cart is in the shop and on the desk; `notes` are sentences about what did not go as it should."""

    cart_key: int
    notes: list[str]


# ---- beforehand -----------------------------------------------------------------------------------------------------


def starting_points(store: Store, customer_key: int | None = None) -> list[StartingPoint]:
    """The store views that a cart can be in, by channel, website and name: all that are read, for a guest.

    A customer's are those of their website, first the one that they registered in. Asks the store only, and that again
    only once something in it has changed: every drawing of the list of carts asks. Raises NotFound for an unknown
    customer.
    """
    return store.kept(("starting points", customer_key), lambda: _starting_points(store, customer_key))


def _starting_points(store: Store, customer_key: int | None) -> list[StartingPoint]:
    query = (
        select(store_view, website.c.name.label("website"))
        .outerjoin(
            website, (website.c.shop_id == store_view.c.shop_id) & (website.c.origin_id == store_view.c.website_id)
        )
        .where(store_view.c.is_active, store_view.c.origin_id != 0)
    )
    whose = None if customer_key is None else _customer(store, customer_key)
    if whose is not None:
        query = query.where(store_view.c.shop_id == whose.shop_id, store_view.c.website_id == whose.website_id)
    with store.reading() as connection:
        views = connection.execute(query.order_by(website.c.name, store_view.c.name, store_view.c.id)).all()
    known = channels(store)
    points = []
    for view in views:
        channel = next((each for each in known if each.shop_id == view.shop_id and each.covers(view.website_id)), None)
        if channel is None and whose is None:
            continue
        reason = of_channel(channel, "customer", "start carts")
        name = "" if channel is None else channel.name
        points.append(StartingPoint(view.id, view.website_id, name, view.website or "", view.name, reason))
    own = None if whose is None else record_key(whose.shop_id, whose.store_id or 0)
    return sorted(points, key=lambda each: (each.store_view_key != own, each.channel))


def why_not_started(store: Store, customer_key: int | None = None) -> str | None:
    """Why no cart can be started for the customer, or for any guest; None: one can be. Asks the store only."""
    if customer_key is not None and _customer(store, customer_key).gone_at is not None:
        return "The shop no longer has this customer."
    points = starting_points(store, customer_key)
    if not points:
        return "No store view to sell in is known here. Add a channel, or synchronise it, under Channels."
    return None if any(each.reason is None for each in points) else points[0].reason


def name_of(store: Store, customer_key: int) -> str:
    """The customer's name, or the e-mail address of one without. Raises NotFound."""
    whose = _customer(store, customer_key)
    return full_name(whose.firstname, whose.lastname) or str(whose.email)


def open_carts_of(store: Store, customer_key: int) -> list[CartRecord]:
    """The customer's open carts as the shop has them now, newest first; read by search, which changes nothing.

    Carts in websites that no channel reads are left out. Raises NotAllowed, saying why, if the shop can't be asked for
    them, and what the client raises.
    """
    points = starting_points(store, customer_key)
    if not points:
        raise NotAllowed(why_not_started(store, customer_key) or "")
    with opened(store, _channel(store, points[0].store_view_key)) as shop:
        asked_at = datetime.now(UTC)
        keys = _mirrored(store, shop, _active(shop, customer_key), asked_at)
    return [cart_record(store, key) for key in keys]


def account_of(store: Store, store_view_key: int, email: str) -> tuple[int, str] | None:
    """Key and name of the customer who has an account with that e-mail address where the store view is; None: nobody.

    Capitals don't matter, as they don't to Magento. As far as the desk has read the shop's customers.
    """
    same_website = (customer.c.shop_id == store_view.c.shop_id) & (customer.c.website_id == store_view.c.website_id)
    with store.reading() as connection:
        rows = connection.execute(
            select(customer.c.id, customer.c.email, customer.c.firstname, customer.c.lastname)
            .join_from(customer, store_view, same_website)
            .where(
                store_view.c.id == store_view_key,
                customer.c.email_key == email_key(email),
                customer.c.gone_at.is_(None),
            )
        ).all()
    # The key is cut, so long addresses that begin alike share one.
    whole = email.strip().casefold()
    row = next((each for each in rows if each.email.strip().casefold() == whole), None)
    return None if row is None else (row.id, full_name(row.firstname, row.lastname))


def countries_for(store: Store, store_view_key: int) -> tuple[Country, ...]:
    """The countries that the store view sells to. Raises NotAllowed if no channel reads it, else as the client."""
    with opened(store, _channel(store, store_view_key)) as shop:
        return countries_sold_to(shop, origin_of(store_view_key)[1])


# ---- starting -------------------------------------------------------------------------------------------------------


def start_for_customer(store: Store, customer_key: int, store_view_key: int, person: str) -> Started:
    """The customer has an empty cart in that store view, and the desk has it too; sent once.

    Raises NotAllowed, saying why: also if the shop has an open cart of the customer in that website already, which is
    mirrored then. Raises what the client raises; OutcomeUnknown if no clear answer came and the shop shows no new cart.
    """
    require_person(person)
    _require(why_not_started(store, customer_key))
    point = _point(store, store_view_key, customer_key)
    _require(point.reason)
    name = name_of(store, customer_key)
    doing = f"Start a cart in {point.name}"
    with (
        opened(store, _channel(store, store_view_key)) as shop,
        journalled(store, "customer", customer_key, kind=STARTED, doing=doing, person=person) as entry,
    ):
        asked_at = datetime.now(UTC)
        there = _active(shop, customer_key)
        _mirrored(store, shop, there, asked_at)
        _require_none(shop, there, origin_of(store_view_key)[1], name)
        cart_id = _sent(store, shop, entry, doing, customer_key, store_view_key, {each.id for each in there})
        if any(each.id == cart_id for each in there):
            entry.refused(f"{doing}: the shop handed out cart {cart_id}, which was there")
            raise NotAllowed(
                f"The shop handed out cart {cart_id}, which {name} has in another website. Use that cart: this shop "
                "keeps one open cart per customer over all its websites."
            )
        entry.done(f"Cart {cart_id} started in {point.name}")
    key = record_key(shop.channel.shop_id, cart_id)
    _tell(store, key, person, f"Started for {name}")
    row = _read_at_once(store, shop, cart_id)
    notes = []
    if row.items_count:
        notes.append(f"{name} has begun to fill this cart in the shop meanwhile. Look at what is in it.")
    return Started(key, notes)


def start_for_guest(store: Store, guest: Guest, store_view_key: int, person: str) -> Started:
    """There is an empty cart of nobody in that store view, with the guest's e-mail address in its billing address.

    Raises BadInput for an e-mail address or country that the shop would not take, NotAllowed saying why, and what the
    client raises before there is a cart. An e-mail address that could not be saved is a note.
    """
    require_person(person)
    email = guest.email.strip()
    if not is_email(email):
        raise BadInput(f"“{email}” is not an e-mail address." if email else "Enter the guest's e-mail address.")
    _require(_point(store, store_view_key, None).reason)
    store_id = origin_of(store_view_key)[1]
    with opened(store, _channel(store, store_view_key)) as shop:
        if guest.country_id not in {each.id for each in countries_sold_to(shop, store_id)}:
            raise BadInput("Choose the country: one that the store view sells to.")
        code = shop.store_views[store_id].code
        cart_id = _sent_for_nobody(shop, code)
        key = record_key(shop.channel.shop_id, cart_id)
        address = payloads.Address(
            firstname=(guest.firstname or "").strip() or None,
            lastname=(guest.lastname or "").strip() or None,
            country_id=guest.country_id,
            email=email,
        )
        doing = f"Start the cart for {email}"
        with journalled(store, "cart", key, kind=STARTED, doing=doing, person=person) as entry:
            note = _with_address(store, shop, entry, cart_id, code, address)
    row = _read_at_once(store, shop, cart_id)
    return Started(key, [] if note is None or row.email == email else [note])


def _sent(
    store: Store, shop: OpenShop, entry: Entry, doing: str, customer_key: int, store_view_key: int, there: set[int]
) -> int:
    """The id of the customer's cart that the shop answered with, or shows as new where it gave no clear answer."""
    customer_id = origin_of(customer_key)[1]
    code = shop.store_views[origin_of(store_view_key)[1]].code
    editing = CartEditing(shop.magento.connection)
    try:
        return sent_once(entry, doing, lambda: editing.create_cart_for_customer(customer_id, code))
    except OutcomeUnknown as unknown:
        then = "Look at the customer's open carts in a minute, before you start another."
        return found_after_silence(entry, doing, unknown, lambda: _new_one(store, shop, customer_key, there), then=then)


def _new_one(store: Store, shop: OpenShop, customer_key: int, there: set[int]) -> int | str:
    """The id of the customer's newest open cart that was not there; else what is known, in a sentence."""
    try:
        with pausing_on_trouble(store, shop.channel):
            new = [each.id for each in _active(shop, customer_key) if each.id not in there]
    except DeskError as trouble:
        return f"The customer's carts could not be read again: {trouble}"
    return max(new) if new else "The shop shows no new cart of the customer so far."


def _sent_for_nobody(shop: OpenShop, code: str) -> int:
    try:
        return CartEditing(shop.magento.connection).create_guest_cart(code)
    except ShopUnavailable as unsent:
        raise ShopUnavailable(f"{unsent} Nothing was done.", unsent.retry_after) from unsent
    except OutcomeUnknown as unknown:
        raise OutcomeUnknown(
            f"Start a cart: sent once, and no clear answer came. {unknown.why} At worst an empty cart of nobody was "
            "left in the shop, so you may start it again.",
            unknown.why,
        ) from unknown


def _with_address(
    store: Store, shop: OpenShop, entry: Entry, cart_id: int, code: str, address: payloads.Address
) -> str | None:
    """None if the shop saved the address, else what is to be done about it. The cart's entry says either."""
    entry.is_sent = True  # the cart is there, whatever becomes of its address
    lacking = f"Cart {cart_id} was started, but its e-mail address was not saved"
    try:
        with pausing_on_trouble(store, shop.channel):
            shop.checkout.set_billing_address(cart_id, code, address)
    except OutcomeUnknown:
        entry.unclear(f"Started; whether the e-mail address {address.email} was saved is not known")
        return f"{lacking}, as far as is known. Enter it with the billing address."
    except DeskError as trouble:
        entry.done(f"Started for {address.email}, which was not saved: {trouble}")
        return f"{lacking}: {trouble} Enter it with the billing address."
    entry.done(f"Started for {address.email}")
    return None


# ---- the shop and the mirror ----------------------------------------------------------------------------------------


def _active(shop: OpenShop, customer_key: int) -> list[payloads.Cart]:
    """The customer's open carts in the whole shop, newest first."""
    search = Search(page_size=_MOST_OPEN).where("customer_id", "eq", origin_of(customer_key)[1])
    page = shop.magento.carts(search.where("is_active", "eq", True).ordered("entity_id", "DESC"))
    if page.bad:
        raise BadRecord(f"An open cart of the customer cannot be read: {page.bad[0].reason}")
    return page.items


def _require_none(shop: OpenShop, there: Iterable[payloads.Cart], store_id: int, name: str) -> None:
    """Raise NotAllowed if one of the carts is of the store view's website."""
    website_id = shop.store_views[store_id].website_id
    for each in there:
        view = shop.store_views.get(each.store_id or 0)
        if view is not None and view.website_id == website_id:
            raise NotAllowed(
                f"{name} has an open cart there already: cart {each.id}. Use that one: Magento keeps one open cart per "
                "customer and website."
            )


def _mirrored(store: Store, shop: OpenShop, carts: Iterable[payloads.Cart], asked_at: datetime) -> list[int]:
    """The keys of those carts that the channel reads, which are on the desk now as the shop tells them."""
    mapped, rejected = map_records(shop, Entity.CARTS, [each for each in carts if each.store_id in shop.store_views])
    if rejected:
        raise BadRecord(rejected[0].reason)
    if mapped:
        shop_now = shop.magento.connection.shop_now()
        with writing(store, shop.channel.shop_id, shop_now, asked_at=asked_at, channel=shop.channel) as transaction:
            write_records(transaction, Entity.CARTS, mapped)
    return [each.key for each in mapped]


def _read_at_once(store: Store, shop: OpenShop, cart_id: int) -> CartRecord:
    """The new cart, mirrored. Raises ShopUnavailable, naming it, if the shop does not show it now."""
    asked_at = datetime.now(UTC)
    try:
        with pausing_on_trouble(store, shop.channel):
            cart = shop.magento.cart_by_search(cart_id)
        keys = [] if cart is None else _mirrored(store, shop, [cart], asked_at)
        trouble = "The shop does not show it yet."
    except DeskError as error:
        keys, trouble = [], str(error)
    if not keys:
        raise ShopUnavailable(
            f"Cart {cart_id} was started in the shop, but could not be read: {trouble} Do not start another: it comes "
            "with the next synchronisation."
        )
    return cart_record(store, keys[0])


def _tell(store: Store, key: int, person: str, text: str) -> None:
    with store.writing() as connection:
        connection.execute(
            insert(record_event).values(
                entity="cart", record_id=key, at=datetime.now(UTC), kind=STARTED, person=person, text=text
            )
        )


# ---- the store ------------------------------------------------------------------------------------------------------


def _customer(store: Store, key: int) -> Row[Any]:
    with store.reading() as connection:
        row = connection.execute(select(customer).where(customer.c.id == key)).one_or_none()
    if row is None:
        raise not_in_store("customer")
    return row


def _point(store: Store, store_view_key: int, customer_key: int | None) -> StartingPoint:
    for each in starting_points(store, customer_key):
        if each.store_view_key == store_view_key:
            return each
    raise BadInput("Choose the store view: one of those that are offered.")


def _channel(store: Store, store_view_key: int) -> Channel:
    """The channel that reads the store view. Raises NotAllowed if none does."""
    return reader(channel_of_store(store, *origin_of(store_view_key)), "this store view")


def _require(reason: str | None) -> None:
    if reason is not None:
        raise NotAllowed(reason)
