"""One cart with everything that is mirrored of it: what its page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import Connection, select

from crm_core.errors import NotFound
from crm_core.insight.directory import ChannelName, Directory, StoreView
from crm_core.insight.linked import LinkedOrder, linked_orders
from crm_core.insight.names import full_name
from crm_core.insight.related import (
    AttemptLine,
    CustomerFacts,
    TimelineEntry,
    address_in,
    attempts_of,
    customer_facts,
    timeline,
)
from crm_core.insight.subtotals import told_subtotal, was_saved_later
from crm_core.store.database import Store
from crm_core.store.documents import Address, Option, Totals, decode_options, decode_totals
from crm_core.store.tables import cart, cart_item, order

_UNITS = Decimal("0.0001")


@dataclass(frozen=True)
class CartLine:
    """A line of a cart; amounts are in the cart's own currency, without tax and discount.

    The shop tells them in its base currency: in another one they are by its rate, so about what it will say.
    `state` is present, removed (taken out of the cart) or unavailable (the shop counts it but does not list it).
    """

    item_id: int
    sku: str
    name: str
    product_type: str
    qty: Decimal
    price: Decimal
    row_total: Decimal
    options: tuple[Option, ...]
    state: str
    state_since: datetime


@dataclass(frozen=True)
class CartRecord:
    """A cart with everything that is mirrored of it.

    `base_subtotal` is the sum of the lines in `base_currency`; `about_subtotal` is it in `quote_currency` by the shop's
    rate. `totals`, with `coupon_code`, are in `quote_currency`, as read at `totals_read_at`, None if they never were;
    `grand_total` is theirs, None also if the cart has changed since. `totals_shop_time` is when they were read by the
    clock of `updated_at`. `activity_after_lost_at` is None unless the cart is lost. `order` is the order that the cart
    became, or the latest cancelled one; `orders` are all of them.
    """

    key: int
    shop_id: int
    origin_id: int
    channel: ChannelName | None
    store_view: StoreView | None
    status: str
    name: str
    email: str | None
    customer: CustomerFacts
    is_guest: bool
    is_active: bool
    is_virtual: bool
    items_count: int
    items_qty: Decimal
    unavailable_count: int
    base_currency: str
    quote_currency: str
    base_subtotal: Decimal
    about_subtotal: Decimal
    totals: Totals | None
    grand_total: Decimal | None
    coupon_code: str | None
    totals_read_at: datetime | None
    totals_shop_time: datetime | None
    billing_address: Address | None
    shipping_address: Address | None
    shipping_method: str | None
    created_at: datetime
    updated_at: datetime
    last_activity_at: datetime
    synchronised_at: datetime
    closing_since: datetime | None
    gone_at: datetime | None
    made_from_order: bool
    lost_at: datetime | None
    lost_by: str | None
    lost_reason: str | None
    activity_after_lost_at: datetime | None
    order: LinkedOrder | None
    orders: tuple[LinkedOrder, ...]
    present: tuple[CartLine, ...]
    unavailable: tuple[CartLine, ...]
    removed: tuple[CartLine, ...]
    attempts: tuple[AttemptLine, ...]
    timeline: tuple[TimelineEntry, ...]

    @property
    def told_subtotal(self) -> Decimal | None:
        """The subtotal, about, in the cart's own currency; None where the shop never told the lines."""
        return told_subtotal(self.status, self.items_qty, self.about_subtotal)

    @property
    def amount(self) -> Decimal | None:
        """What the cart comes to, in its own currency: its total, else its subtotal; None if neither was ever told."""
        return self.told_subtotal if self.grand_total is None else self.grand_total

    @property
    def is_about(self) -> bool:
        """Whether the cart may come to something else than `amount`; the total of what was ordered for it does not."""
        if self.grand_total is None:
            return True
        if self.order is not None and not self.order.is_cancelled and self.order.grand_total == self.grand_total:
            return False
        return self.unavailable_count > 0 or self.is_outdated

    @property
    def is_outdated(self) -> bool:
        """Whether the shop saved the cart after its totals were read."""
        return was_saved_later(self.updated_at, self.totals_shop_time)

    @property
    def alarm(self) -> str | None:
        """What must be mended in the shop: an attempt found several live orders of the cart, and they still are."""
        return next((each.alarm.words for each in self.attempts if each.alarm and each.alarm.holds), None)


def cart_record(store: Store, key: int) -> CartRecord:
    """The cart with that record key, as one snapshot of the store holds it. Raises NotFound."""
    with store.reading() as connection:
        row = connection.execute(select(cart).where(cart.c.id == key)).one_or_none()
        if row is None:
            raise NotFound(f"There is no cart with the id {key} here. Look for its number in the list of carts.")
        names = Directory.read(connection)
        channel = names.channel_of(row.shop_id, row.store_id)
        rate = Decimal(row.base_to_quote_rate)
        lines = _cart_lines(connection, key, rate)
        orders = linked_orders(connection, order.c.cart_id == key)
        mine = next((each for each in orders if each.key == row.order_id), None)
        attempts = attempts_of(connection, key)
        beginning = TimelineEntry(row.created_at, "created", None, "Cart created")
        return CartRecord(
            key=row.id,
            shop_id=row.shop_id,
            origin_id=row.origin_id,
            channel=channel,
            store_view=names.store(row.shop_id, row.store_id),
            status=row.status,
            name=full_name(row.firstname, row.lastname),
            email=row.email,
            customer=customer_facts(connection, row),
            is_guest=row.is_guest,
            is_active=row.is_active,
            is_virtual=row.is_virtual,
            items_count=row.items_count,
            items_qty=row.items_qty,
            unavailable_count=row.unavailable_count,
            base_currency=row.base_currency,
            quote_currency=row.quote_currency,
            base_subtotal=row.base_subtotal,
            about_subtotal=_exact(row.base_subtotal * rate),
            totals=decode_totals(row.totals) if row.totals else None,
            grand_total=row.grand_total,
            coupon_code=row.coupon_code,
            totals_read_at=row.totals_read_at,
            totals_shop_time=row.totals_shop_time,
            billing_address=address_in(row.billing_address),
            shipping_address=address_in(row.shipping_address),
            shipping_method=row.shipping_method,
            created_at=row.created_at,
            updated_at=row.updated_at,
            last_activity_at=row.last_activity_at,
            synchronised_at=row.synchronised_at,
            closing_since=row.closing_since,
            gone_at=row.gone_at,
            made_from_order=row.made_from_order,
            lost_at=row.lost_at,
            lost_by=row.lost_by,
            lost_reason=row.lost_reason,
            activity_after_lost_at=row.activity_after_lost_at if row.status == "lost" else None,
            order=mine,
            orders=orders,
            present=tuple(line for line in lines if line.state == "present"),
            unavailable=tuple(line for line in lines if line.state == "unavailable"),
            removed=tuple(line for line in lines if line.state == "removed"),
            attempts=attempts,
            timeline=timeline(connection, "cart", key, beginning, attempts=attempts),
        )


def _cart_lines(connection: Connection, key: int, rate: Decimal) -> list[CartLine]:
    rows = connection.execute(select(cart_item).where(cart_item.c.cart_id == key).order_by(cart_item.c.item_id))
    return [
        CartLine(
            item_id=row.item_id,
            sku=row.sku,
            name=row.name,
            product_type=row.product_type,
            qty=row.qty,
            price=_exact(row.base_price * rate),
            row_total=_exact(row.base_price * row.qty * rate),
            options=tuple(decode_options(row.options)) if row.options else (),
            state=row.state,
            state_since=row.state_since,
        )
        for row in rows
    ]


def _exact(amount: Decimal) -> Decimal:
    return amount.quantize(_UNITS, ROUND_HALF_UP)
