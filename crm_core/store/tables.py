"""The tables. What a shop says and what people decided stand in separate columns; the second kind is marked "decision".

Mirrored records have the key `id` = record_key(shop_id, origin_id), so an upsert needs no look-up and lines reach their
record without one. Names of columns that mirror Magento are Magento's own; amounts without `base_` are in the record's
currency, those with it in the website's base currency. Times are UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

from crm_core.store.search_keys import KEY_LENGTH, REGION_LENGTH
from crm_core.store.types import BigInt, Instant, Money, Quantity

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _compared_by_character(length: int) -> TypeEngine[str]:
    """A text whose order is the same on every database: by a language's rules PostgreSQL sorts it much more slowly."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


Folded = _compared_by_character(KEY_LENGTH)
"""A case-folded copy of a text to sort and search by."""

_Country = _compared_by_character(2)
_Region = _compared_by_character(REGION_LENGTH)

# ---- shops and channels -------------------------------------------------------------------------------------------

shop = Table(
    "shop",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("base_url", Text, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    comment="One Magento, by its normalised base URL. Mirrored rows and conversion claims belong to it.",
)

channel = Table(
    "channel",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("shop_id", ForeignKey(shop.c.id), nullable=False, index=True),
    Column("name", Text, nullable=False, unique=True),
    Column("admin_url", Text),
    Column(
        "secret_keys_off", Boolean, nullable=False, default=False, comment="Magento's admin URLs need no secret key"
    ),
    Column("credentials", LargeBinary, nullable=False, comment="encrypted"),
    Column("credentials_kind", String(16), nullable=False, comment="token, oauth or password"),
    Column("website_ids", Text, comment="JSON list of the websites in scope; null: all"),
    Column("allow_writes", Boolean, nullable=False, default=False),
    Column("is_demo", Boolean, nullable=False, default=False),
    Column("every_seconds", Integer, nullable=False, default=300),
    Column(
        "overlap_seconds", Integer, nullable=False, default=600, comment="how far a window reaches back: late commits"
    ),
    Column("connections", SmallInteger, nullable=False, default=2, comment="requests to the shop at the same time"),
    Column("page_size", SmallInteger, nullable=False, default=100),
    Column(
        "totals_a_run", SmallInteger, nullable=False, default=0, comment="totals of carts read by id, nobody asking"
    ),
    Column("start_date", Instant, comment="records created before are not mirrored"),
    Column("paused_at", Instant),
    Column("paused_reason", Text, comment="why reading stopped until the credentials or settings change"),
    Column("resumed_at", Instant, comment="when a person last set it going; a refused sign-in is tried anew then"),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    sqlite_autoincrement=True,
    comment="A shop with the websites in scope, its credentials and its rules. Channels of one shop don't overlap.",
)

website = Table(
    "website",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("shop_id", ForeignKey(shop.c.id), nullable=False, index=True),
    Column("origin_id", Integer, nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
)

store_view = Table(
    "store_view",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("shop_id", ForeignKey(shop.c.id), nullable=False, index=True),
    Column("origin_id", Integer, nullable=False),
    Column("website_id", Integer, nullable=False, comment="origin id of its website"),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("timezone", Text, nullable=False, comment="IANA name; a day in a chart is this store's own day"),
    Column("base_currency", String(3), nullable=False),
    Column("display_currency", String(3), nullable=False),
    Column("locale", Text, nullable=False),
    Column("base_url", Text, nullable=False),
)

customer_group = Table(
    "customer_group",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("shop_id", ForeignKey(shop.c.id), nullable=False, index=True),
    Column("origin_id", Integer, nullable=False),
    Column("code", Text, nullable=False),
)

# ---- the mirror ---------------------------------------------------------------------------------------------------

customer = Table(
    "customer",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("shop_id", ForeignKey(shop.c.id), nullable=False),
    Column("origin_id", BigInt, nullable=False),
    Column("website_id", Integer, nullable=False),
    Column("store_id", Integer),
    Column("group_id", Integer),
    Column("email", Text, nullable=False),
    Column("firstname", Text, nullable=False),
    Column("lastname", Text, nullable=False),
    Column("name_key", Folded, nullable=False, comment="crm_core.store.search_keys.name_key"),
    Column("email_key", Folded, nullable=False, comment="crm_core.store.search_keys.email_key"),
    Column("billing_country", _Country),
    Column("billing_region", _Region, comment="crm_core.store.search_keys.region_key"),
    Column("addresses", Text, nullable=False, comment="JSON list of addresses, as crm_core.store.documents reads them"),
    Column("is_subscribed", Boolean, comment="newsletter; null: the shop does not say"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("content_hash", BigInt, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("synchronised_at", Instant, nullable=False, comment="when the shop last said this, or that nothing changed"),
    Column("gone_at", Instant, comment="when the shop was found not to have it any more"),
)

CART_STATUSES = ("open", "closing", "purchased", "expired", "lost")
"""Values of cart.status, by the rules of crm_core.sync.cart_status."""

cart = Table(
    "cart",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("shop_id", ForeignKey(shop.c.id), nullable=False),
    Column("origin_id", BigInt, nullable=False),
    Column("store_id", Integer, nullable=False),
    Column("customer_id", BigInt, comment="key of the customer; null: guest"),
    Column("email", Text),
    Column("firstname", Text),
    Column("lastname", Text),
    Column("name_key", Folded, nullable=False, comment="crm_core.store.search_keys.name_key"),
    Column("email_key", Folded, nullable=False, comment="crm_core.store.search_keys.email_key"),
    Column("is_guest", Boolean, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("is_virtual", Boolean, nullable=False),
    Column("items_count", Integer, nullable=False, comment="lines, as the shop counts them"),
    Column("items_qty", Quantity, nullable=False, comment="pieces, as the shop counts them"),
    Column("unavailable_count", Integer, nullable=False, comment="lines the shop counts but does not list"),
    Column("base_currency", String(3), nullable=False),
    Column("quote_currency", String(3), nullable=False),
    Column("base_to_quote_rate", Text, nullable=False, comment="exact decimal"),
    Column("base_subtotal", Money, nullable=False, comment="sum of price x qty of the lines: without tax and discount"),
    Column("billing_country", _Country),
    Column("billing_region", _Region, comment="crm_core.store.search_keys.region_key"),
    Column("billing_address", Text, comment="JSON address"),
    Column("shipping_address", Text, comment="JSON address"),
    Column("shipping_method", Text, comment="carrier_method"),
    Column("reserved_order_id", Text),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False, comment="the shop's; moves also when nothing a person sees changed"),
    Column("content_hash", BigInt, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("synchronised_at", Instant, nullable=False),
    Column(
        "last_activity_at", Instant, nullable=False, comment="lines, quantities, coupon, address or customer changed"
    ),
    Column("closing_since", Instant, comment="inactive or gone without an order since"),
    Column("gone_at", Instant),
    Column("made_from_order", Boolean, nullable=False, default=False, comment="the shop no longer has the cart itself"),
    Column("order_id", BigInt, comment="key of its order that is not cancelled, else of the latest cancelled one"),
    Column("order_cancelled", Boolean, comment="whether all of its orders are cancelled; null: no order"),
    Column("status", String(16), nullable=False, comment="one of CART_STATUSES"),
    Column("totals", Text, comment="JSON totals as last read, in quote currency"),
    Column("grand_total", Money, comment="of those totals, in quote currency; null: the shop told other lines since"),
    Column("coupon_code", Text, comment="of those totals"),
    Column("totals_read_at", Instant),
    Column("totals_shop_time", Instant, comment="totals_read_at by the shop's clock, as updated_at is"),
    Column("lost_at", Instant, comment="decision"),
    Column("lost_by", Text, comment="decision"),
    Column("lost_reason", Text, comment="decision"),
    Column(
        "activity_after_lost_at", Instant, comment="new shop activity since it was called lost: a person should look"
    ),
)

cart_item = Table(
    "cart_item",
    metadata,
    Column("cart_id", BigInt, primary_key=True, autoincrement=False),
    Column("item_id", BigInt, primary_key=True, autoincrement=False),
    Column("sku", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("product_type", Text, nullable=False),
    Column("qty", Quantity, nullable=False),
    Column("base_price", Money, nullable=False, comment="one piece, base currency, without tax and discount"),
    Column("options", Text, comment="JSON of the chosen options"),
    Column("state", String(12), nullable=False, default="present", comment="present, removed or unavailable"),
    Column("state_since", Instant, nullable=False),
    sqlite_with_rowid=False,
)

order = Table(
    "sales_order",
    metadata,
    Column("id", BigInt, primary_key=True, autoincrement=False),
    Column("shop_id", ForeignKey(shop.c.id), nullable=False),
    Column("origin_id", BigInt, nullable=False),
    Column("store_id", Integer, nullable=False),
    Column("increment_id", Text, nullable=False),
    Column("cart_id", BigInt, comment="key of the cart it came from (Magento's quote_id)"),
    Column("customer_id", BigInt),
    Column("email", Text),
    Column("firstname", Text),
    Column("lastname", Text),
    Column("name_key", Folded, nullable=False, comment="crm_core.store.search_keys.name_key"),
    Column("email_key", Folded, nullable=False, comment="crm_core.store.search_keys.email_key"),
    Column("is_guest", Boolean, nullable=False),
    Column("is_virtual", Boolean, nullable=False),
    Column("state", String(32), nullable=False),
    Column("status", String(32), nullable=False),
    Column("base_currency", String(3), nullable=False),
    Column("order_currency", String(3), nullable=False),
    Column("items_qty", Quantity, nullable=False),
    Column("grand_total", Money, nullable=False),
    Column("subtotal", Money, nullable=False),
    Column("tax_amount", Money),
    Column("shipping_amount", Money),
    Column("discount_amount", Money),
    Column("total_paid", Money),
    Column("total_due", Money),
    Column("total_invoiced", Money),
    Column("total_refunded", Money),
    Column("total_canceled", Money),
    Column("base_grand_total", Money, nullable=False),
    Column("base_subtotal", Money),
    Column("base_tax_amount", Money),
    Column("base_shipping_amount", Money),
    Column("base_discount_amount", Money),
    Column("base_total_paid", Money),
    Column("base_total_invoiced", Money),
    Column("base_total_refunded", Money),
    Column("base_total_canceled", Money),
    Column("coupon_code", Text),
    Column("discount_description", Text),
    Column("payment_method", Text),
    Column("payment_title", Text),
    Column("po_number", Text),
    Column("shipping_method", Text),
    Column("shipping_description", Text),
    Column("billing_country", _Country),
    Column("billing_region", _Region, comment="crm_core.store.search_keys.region_key"),
    Column("billing_address", Text, comment="JSON address"),
    Column("shipping_address", Text, comment="JSON address; = where it is the billing address"),
    Column("comments", Text, nullable=False, comment="JSON list of the status history, newest first"),
    Column("remote_ip", Text),
    Column("relation_parent_id", BigInt, comment="origin id of the order that this one replaces"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("local_day", Date, nullable=False, comment="day of created_at in the store view's zone"),
    Column("local_hour", SmallInteger, nullable=False),
    Column("content_hash", BigInt, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("synchronised_at", Instant, nullable=False),
    Column("gone_at", Instant),
    Column("placed_by", Text, comment="person who placed it through the desk"),
)

order_item = Table(
    "sales_order_item",
    metadata,
    Column("order_id", BigInt, primary_key=True, autoincrement=False),
    Column("item_id", BigInt, primary_key=True, autoincrement=False),
    Column("parent_item_id", BigInt, comment="set on children of configurable and bundle lines: never sum their money"),
    Column("quote_item_id", BigInt),
    Column("product_id", BigInt),
    Column("sku", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("product_type", Text, nullable=False),
    Column("qty_ordered", Quantity, nullable=False),
    Column("qty_invoiced", Quantity),
    Column("qty_shipped", Quantity),
    Column("qty_refunded", Quantity),
    Column("qty_canceled", Quantity),
    Column("price", Money, nullable=False, comment="one piece without tax, order currency"),
    Column("price_incl_tax", Money),
    Column("row_total", Money, nullable=False, comment="without tax, after discount, order currency"),
    Column("row_total_incl_tax", Money, comment="after discount: what the customer pays for the line"),
    Column("tax_amount", Money),
    Column("discount_amount", Money),
    Column("base_price", Money, nullable=False),
    Column("base_row_total", Money, nullable=False, comment="without tax, after discount"),
    sqlite_with_rowid=False,
)

ONLY_ON = "only_on"
"""Key in an index's `info`: the only kind of database that has this index."""

# Secondary indexes of the big tables: built after the first import of an empty entity (crm_core.store.indexes).

# Each sort of a grid that must be quick to leaf through has a narrow one; one wide one holds all that a grid sorts and
# filters by, so that any other sort or filter reads it instead of the rows, which are ten times as wide. They hold
# only what the grid shows by default, and that condition's column too: without it SQLite would look into the row.
# PostgreSQL has a second, half as wide, for sorts by what has no narrow one: its time goes into the pages it reads.
# SQLite spends it on each row, and would be no quicker.


def _partial_index(name: str, condition: str, *columns: Column[Any], on_sqlite: bool = True) -> None:
    where = text(condition)
    index = Index(name, *columns, postgresql_where=where, sqlite_where=where if on_sqlite else None)
    if not on_sqlite:
        index.info[ONLY_ON] = "postgresql"
        index.ddl_if(dialect="postgresql")


_THERE = "gone_at IS NULL"
_partial_index("ix_customer_updated", _THERE, customer.c.updated_at, customer.c.id, customer.c.gone_at)
_partial_index("ix_customer_created", _THERE, customer.c.created_at, customer.c.id, customer.c.gone_at)
_partial_index("ix_customer_name", _THERE, customer.c.name_key, customer.c.id, customer.c.gone_at)
_partial_index("ix_customer_email", _THERE, customer.c.email_key, customer.c.id, customer.c.gone_at)
_partial_index("ix_customer_number", _THERE, customer.c.origin_id, customer.c.id, customer.c.gone_at)
_partial_index(
    "ix_customer_grid",
    _THERE,
    customer.c.created_at,
    customer.c.id,
    customer.c.shop_id,
    customer.c.website_id,
    customer.c.group_id,
    customer.c.origin_id,
    customer.c.is_subscribed,
    customer.c.updated_at,
    customer.c.billing_country,
    customer.c.billing_region,
    customer.c.name_key,
    customer.c.email_key,
    customer.c.gone_at,
)
_partial_index("ix_customer_gone", "gone_at IS NOT NULL", customer.c.created_at, customer.c.id)

_FILLED = "items_qty > 0"
_partial_index("ix_cart_filled_updated", _FILLED, cart.c.updated_at, cart.c.id, cart.c.items_qty)
_partial_index("ix_cart_filled_created", _FILLED, cart.c.created_at, cart.c.id, cart.c.items_qty)
_partial_index("ix_cart_filled_subtotal", _FILLED, cart.c.base_subtotal, cart.c.id, cart.c.items_qty)
_partial_index("ix_cart_filled_number", _FILLED, cart.c.origin_id, cart.c.id, cart.c.items_qty)
_partial_index("ix_cart_filled_name", _FILLED, cart.c.name_key, cart.c.id, cart.c.items_qty)
_partial_index("ix_cart_filled_activity", _FILLED, cart.c.last_activity_at, cart.c.id, cart.c.items_qty)
_partial_index("ix_cart_filled_status", _FILLED, cart.c.status, cart.c.updated_at, cart.c.id, cart.c.items_qty)
_partial_index(
    "ix_cart_filled_grid",
    _FILLED,
    cart.c.updated_at,
    cart.c.id,
    cart.c.shop_id,
    cart.c.store_id,
    cart.c.origin_id,
    cart.c.status,
    cart.c.is_guest,
    cart.c.created_at,
    cart.c.last_activity_at,
    cart.c.items_qty,
    cart.c.base_currency,
    cart.c.base_subtotal,
    cart.c.grand_total,
    cart.c.billing_country,
    cart.c.billing_region,
    cart.c.name_key,
    cart.c.email_key,
)
_partial_index(
    "ix_cart_filled_rest",
    _FILLED,
    cart.c.id,
    cart.c.shop_id,
    cart.c.store_id,
    cart.c.grand_total,
    cart.c.billing_country,
    cart.c.billing_region,
    cart.c.items_qty,
    on_sqlite=False,
)
Index("ix_cart_updated_at_id", cart.c.updated_at, cart.c.id)
Index("ix_cart_customer_id", cart.c.customer_id)
Index("ix_cart_email_key", cart.c.email_key)
_partial_index("ix_cart_closing_since", "status = 'closing'", cart.c.closing_since)
Index("ix_cart_item_sku", cart_item.c.sku, cart_item.c.cart_id)

_partial_index("ix_sales_order_updated", _THERE, order.c.updated_at, order.c.id, order.c.gone_at)
_partial_index("ix_sales_order_created", _THERE, order.c.created_at, order.c.id, order.c.gone_at)
_partial_index("ix_sales_order_total", _THERE, order.c.base_grand_total, order.c.id, order.c.gone_at)
_partial_index("ix_sales_order_number", _THERE, order.c.increment_id, order.c.id, order.c.gone_at)
_partial_index("ix_sales_order_name", _THERE, order.c.name_key, order.c.id, order.c.gone_at)
_partial_index("ix_sales_order_status", _THERE, order.c.status, order.c.created_at, order.c.id, order.c.gone_at)
_partial_index(
    "ix_sales_order_grid",
    _THERE,
    order.c.created_at,
    order.c.id,
    order.c.shop_id,
    order.c.store_id,
    order.c.increment_id,
    order.c.status,
    order.c.is_guest,
    order.c.updated_at,
    order.c.local_day,
    order.c.base_currency,
    order.c.base_grand_total,
    order.c.base_subtotal,
    order.c.base_total_paid,
    order.c.billing_country,
    order.c.billing_region,
    order.c.name_key,
    order.c.email_key,
    order.c.gone_at,
)
_partial_index(
    "ix_sales_order_rest",
    _THERE,
    order.c.id,
    order.c.shop_id,
    order.c.store_id,
    order.c.base_subtotal,
    order.c.base_total_paid,
    order.c.billing_country,
    order.c.billing_region,
    order.c.gone_at,
    on_sqlite=False,
)
_partial_index("ix_sales_order_gone", "gone_at IS NOT NULL", order.c.created_at, order.c.id)
Index("ix_sales_order_cart_id", order.c.cart_id)
Index("ix_sales_order_customer_id", order.c.customer_id)
Index("ix_sales_order_email_key", order.c.email_key)
Index("ix_sales_order_item_sku", order_item.c.sku, order_item.c.order_id)

# ---- rollups: one per dimension, changed by (new - old) with the rows they count ------------------------------------

order_status_total = Table(
    "order_status_total",
    metadata,
    Column("shop_id", Integer, primary_key=True),
    Column("store_id", Integer, primary_key=True),
    Column("status", String(32), primary_key=True),
    Column("state", String(32), primary_key=True),
    Column("base_currency", String(3), primary_key=True),
    Column("orders", Integer, nullable=False),
    Column("base_grand_total", Money, nullable=False),
    sqlite_with_rowid=False,
    comment="All orders that are not gone, by status.",
)

order_day_total = Table(
    "order_day_total",
    metadata,
    Column("local_day", Date, primary_key=True),
    Column("shop_id", Integer, primary_key=True),
    Column("store_id", Integer, primary_key=True),
    Column("status", String(32), primary_key=True),
    Column("state", String(32), primary_key=True),
    Column("base_currency", String(3), primary_key=True),
    Column("orders", Integer, nullable=False),
    Column("base_grand_total", Money, nullable=False),
    Column("base_total_refunded", Money, nullable=False),
    sqlite_with_rowid=False,
    comment="Orders that are not gone, by the store's own day and status.",
)

order_month_total = Table(
    "order_month_total",
    metadata,
    Column("local_month", Date, primary_key=True, comment="its first day"),
    Column("shop_id", Integer, primary_key=True),
    Column("store_id", Integer, primary_key=True),
    Column("status", String(32), primary_key=True),
    Column("state", String(32), primary_key=True),
    Column("base_currency", String(3), primary_key=True),
    Column("orders", Integer, nullable=False),
    Column("base_grand_total", Money, nullable=False),
    Column("base_total_refunded", Money, nullable=False),
    sqlite_with_rowid=False,
    comment="Orders that are not gone, by the store's own month and status: far fewer rows than by day.",
)

cart_status_total = Table(
    "cart_status_total",
    metadata,
    Column("shop_id", Integer, primary_key=True),
    Column("store_id", Integer, primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("is_filled", Boolean, primary_key=True, comment="items_qty > 0"),
    Column("base_currency", String(3), primary_key=True),
    Column("carts", Integer, nullable=False),
    Column("base_subtotal", Money, nullable=False),
    sqlite_with_rowid=False,
    comment="All carts, by status.",
)

cart_day_total = Table(
    "cart_day_total",
    metadata,
    Column("updated_day", Date, primary_key=True, comment="UTC day of updated_at"),
    Column("shop_id", Integer, primary_key=True),
    Column("store_id", Integer, primary_key=True),
    Column("status", String(16), primary_key=True),
    Column("base_currency", String(3), primary_key=True),
    Column("carts", Integer, nullable=False),
    Column("base_subtotal", Money, nullable=False),
    sqlite_with_rowid=False,
    comment="Carts with items, by day of their last update and status.",
)

order_updated_total = Table(
    "order_updated_total",
    metadata,
    Column("updated_day", Date, primary_key=True, comment="UTC day of updated_at"),
    Column("shop_id", Integer, primary_key=True),
    Column("store_id", Integer, primary_key=True),
    Column("base_currency", String(3), primary_key=True),
    Column("orders", Integer, nullable=False),
    sqlite_with_rowid=False,
    comment="Orders that are not gone, by day of their last update: how far down a list sorted by it a day begins.",
)

cart_created_total = Table(
    "cart_created_total",
    metadata,
    Column("created_day", Date, primary_key=True, comment="UTC day of created_at"),
    Column("shop_id", Integer, primary_key=True),
    Column("store_id", Integer, primary_key=True),
    Column("base_currency", String(3), primary_key=True),
    Column("carts", Integer, nullable=False),
    sqlite_with_rowid=False,
    comment="Carts with items, by day of their creation: how far down a list sorted by it a day begins.",
)

customer_total = Table(
    "customer_total",
    metadata,
    Column("shop_id", Integer, primary_key=True),
    Column("website_id", Integer, primary_key=True),
    Column("group_id", Integer, primary_key=True, comment="-1: the shop names none"),
    Column("customers", Integer, nullable=False),
    Column("subscribed", Integer, nullable=False, comment="those of them who get the newsletter"),
    sqlite_with_rowid=False,
    comment="Customers that are not gone, by website and group.",
)

# ---- reading the shops ----------------------------------------------------------------------------------------------

ENTITIES = ("stores", "customers", "orders", "carts")
"""What is mirrored of a shop, in the order of work: an order tells what became of its cart, so it comes first."""

sync_state = Table(
    "sync_state",
    metadata,
    Column("channel_id", ForeignKey(channel.c.id, ondelete="CASCADE"), primary_key=True),
    Column("entity", String(16), primary_key=True, comment="stores, customers, orders or carts"),
    Column("due_at", Instant, nullable=False, comment="when the worker reads it next"),
    Column("requested_by", Text, comment="person who asked for it now; null: the schedule"),
    Column("requested_full", Boolean, nullable=False, default=False),
    Column("first_import_done_at", Instant),
    Column("last_started_at", Instant),
    Column("last_success_at", Instant),
    Column("last_error", Text),
    Column("failures", Integer, nullable=False, default=0, comment="in a row"),
    Column("remote_count", BigInt, comment="records in scope, as the shop counted them when last asked"),
    comment="What is due, per channel and entity.",
)

sync_window = Table(
    "sync_window",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("channel_id", ForeignKey(channel.c.id, ondelete="CASCADE"), nullable=False),
    Column("entity", String(16), nullable=False),
    Column("store_id", Integer, nullable=False, comment="carts: origin id of the store view; others: 0"),
    Column("kind", String(12), nullable=False, comment="first, tick or full"),
    Column("lo", Instant, nullable=False),
    Column("hi", Instant, nullable=False),
    Column("last_id", BigInt, nullable=False, comment="origin id up to which the window is mirrored"),
    Column("state", String(8), nullable=False, comment="open or done"),
    Column("expected", BigInt, comment="records in it, as the shop counted them when it was cut"),
    Index("ix_sync_window_channel_id_entity_store_id_hi", "channel_id", "entity", "store_id", "hi"),
    comment="A closed range of updated_at, walked by entity_id. Watermark: the hi of the latest contiguous one done.",
)

sync_run = Table(
    "sync_run",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("channel_id", ForeignKey(channel.c.id, ondelete="CASCADE"), nullable=False),
    Column("entity", String(16), nullable=False),
    Column("kind", String(12), nullable=False, comment="first, tick or full"),
    Column("person", Text, comment="null: the schedule"),
    Column("started_at", Instant, nullable=False),
    Column("renewed_at", Instant, nullable=False, comment="last sign of life"),
    Column("finished_at", Instant),
    Column("expected", BigInt),
    Column("read", BigInt, nullable=False, default=0),
    Column("added", BigInt, nullable=False, default=0),
    Column("changed", BigInt, nullable=False, default=0),
    Column("unchanged", BigInt, nullable=False, default=0),
    Column("quarantined", BigInt, nullable=False, default=0),
    Column("error", Text),
    Index("ix_sync_run_channel_id_entity_started_at", "channel_id", "entity", "started_at"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInt, nullable=False, comment="fencing token: grows with every new holder"),
    Column("expires_at", Instant, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("channel_id", ForeignKey(channel.c.id, ondelete="CASCADE"), nullable=False),
    Column("entity", String(16), nullable=False),
    Column("origin_id", BigInt, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, comment="the record as the shop sent it; null: the shop could not send it"),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_tried_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False, default=1),
    UniqueConstraint("channel_id", "entity", "origin_id"),
    comment="Records that could not be mirrored, retried until they can.",
)

# ---- what people did ------------------------------------------------------------------------------------------------

UNSETTLED_ATTEMPTS = ("claimed", "sent", "unclear")
"""Values of attempt.state of which it is not known yet whether they make an order."""

attempt = Table(
    "attempt",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("shop_id", ForeignKey(shop.c.id), nullable=False),
    Column("cart_origin_id", BigInt, nullable=False),
    Column("channel_id", Integer, comment="through which it was placed"),
    Column("person", Text, nullable=False),
    Column("state", String(12), nullable=False, comment="claimed, sent, unclear, placed, refused or not_placed"),
    Column(
        "holds",
        Boolean,
        nullable=False,
        comment="nobody else may place: claimed, sent, unclear, or placed and not cancelled",
    ),
    Column("claimed_at", Instant, nullable=False),
    Column("held_until", Instant, comment="claimed: what was not sent by then holds nothing"),
    Column("sent_at", Instant),
    Column("settled_at", Instant),
    Column("lookup_until", Instant, comment="sent or unclear: how long the shop is asked for the order"),
    Column("last_order_before", BigInt, comment="highest order of this cart before sending: ours can only be later"),
    Column("lookups", Integer, nullable=False, default=0, comment="how often the shop was asked for the order"),
    Column("looked_up_at", Instant, comment="when it was last asked"),
    Column("currency", String(3)),
    Column("shown_grand_total", Money, comment="what the person agreed to"),
    Column("placed_grand_total", Money, comment="what the order holds"),
    Column("shipping_method", Text),
    Column("payment_method", Text),
    Column("answer_status", Integer, comment="HTTP status; null: no answer"),
    Column("message", Text, comment="the shop's, with parameters filled in, or what is known"),
    Column("order_origin_id", BigInt),
    Column("order_increment_id", Text),
    Column("duration_ms", Integer),
    Column("reason", String(24), comment="refused or not_placed: code of the check that it belongs to; null: none"),
    Column("alarm", Text, comment="placed: the live orders that the shop has for the cart, where there are several"),
    Index("ix_attempt_shop_id_cart_origin_id", "shop_id", "cart_origin_id"),
    Index(
        "uq_attempt_holds",
        "shop_id",
        "cart_origin_id",
        unique=True,
        postgresql_where=text("holds"),
        sqlite_where=text("holds"),
    ),
    comment="Every try to place an order, and the claim that lets only one person try at a time.",
)

record_event = Table(
    "record_event",
    metadata,
    Column("id", BigInt, primary_key=True),
    Column("entity", String(16), nullable=False, comment="cart, order or customer"),
    Column("record_id", BigInt, nullable=False, comment="record key"),
    Column("at", Instant, nullable=False),
    Column("kind", String(24), nullable=False, comment="changed, lost, reopened, placed, refused, ..."),
    Column("person", Text, comment="null: the shop"),
    Column("text", Text, nullable=False, comment="one sentence; words of the shop or of a person in it are data"),
    Index("ix_record_event_entity_record_id_at", "entity", "record_id", "at"),
    comment="What happened to a record, for its timeline.",
)

saved_filter = Table(
    "saved_filter",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("screen", String(16), nullable=False),
    Column("text", Text, nullable=False, comment="conditions with personal data, kept out of URLs"),
    Column("person", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)
