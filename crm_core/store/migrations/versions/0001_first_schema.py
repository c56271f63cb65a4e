"""The first schema."""

# ruff: noqa: E501

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """The schema is of version 0001 afterwards."""
    op.create_table(
        "cart_created_total",
        sa.Column("created_day", sa.Date(), nullable=False, comment="UTC day of created_at"),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("carts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "created_day", "shop_id", "store_id", "base_currency", name=op.f("pk_cart_created_total")
        ),
        comment="Carts with items, by day of their creation: how far down a list sorted by it a day begins.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cart_day_total",
        sa.Column("updated_day", sa.Date(), nullable=False, comment="UTC day of updated_at"),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("carts", sa.Integer(), nullable=False),
        sa.Column("base_subtotal", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "updated_day", "shop_id", "store_id", "status", "base_currency", name=op.f("pk_cart_day_total")
        ),
        comment="Carts with items, by day of their last update and status.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cart_item",
        sa.Column("cart_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("product_type", sa.Text(), nullable=False),
        sa.Column("qty", sa.BigInteger(), nullable=False),
        sa.Column(
            "base_price", sa.BigInteger(), nullable=False, comment="one piece, base currency, without tax and discount"
        ),
        sa.Column("options", sa.Text(), nullable=True, comment="JSON of the chosen options"),
        sa.Column("state", sa.String(length=12), nullable=False, comment="present, removed or unavailable"),
        sa.Column("state_since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("cart_id", "item_id", name=op.f("pk_cart_item")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_cart_item_sku", "cart_item", ["sku", "cart_id"], unique=False)
    op.create_table(
        "cart_status_total",
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("is_filled", sa.Boolean(), nullable=False, comment="items_qty > 0"),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("carts", sa.Integer(), nullable=False),
        sa.Column("base_subtotal", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "shop_id", "store_id", "status", "is_filled", "base_currency", name=op.f("pk_cart_status_total")
        ),
        comment="All carts, by status.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer_total",
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("website_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False, comment="-1: the shop names none"),
        sa.Column("customers", sa.Integer(), nullable=False),
        sa.Column("subscribed", sa.Integer(), nullable=False, comment="those of them who get the newsletter"),
        sa.PrimaryKeyConstraint("shop_id", "website_id", "group_id", name=op.f("pk_customer_total")),
        comment="Customers that are not gone, by website and group.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column(
            "token",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="fencing token: grows with every new holder",
        ),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "order_day_total",
        sa.Column("local_day", sa.Date(), nullable=False),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("base_grand_total", sa.BigInteger(), nullable=False),
        sa.Column("base_total_refunded", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "local_day", "shop_id", "store_id", "status", "state", "base_currency", name=op.f("pk_order_day_total")
        ),
        comment="Orders that are not gone, by the store's own day and status.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "order_month_total",
        sa.Column("local_month", sa.Date(), nullable=False, comment="its first day"),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("base_grand_total", sa.BigInteger(), nullable=False),
        sa.Column("base_total_refunded", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "local_month", "shop_id", "store_id", "status", "state", "base_currency", name=op.f("pk_order_month_total")
        ),
        comment="Orders that are not gone, by the store's own month and status: far fewer rows than by day.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "order_status_total",
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("base_grand_total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "shop_id", "store_id", "status", "state", "base_currency", name=op.f("pk_order_status_total")
        ),
        comment="All orders that are not gone, by status.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "order_updated_total",
        sa.Column("updated_day", sa.Date(), nullable=False, comment="UTC day of updated_at"),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "updated_day", "shop_id", "store_id", "base_currency", name=op.f("pk_order_updated_total")
        ),
        comment="Orders that are not gone, by day of their last update: how far down a list sorted by it a day begins.",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False, comment="cart, order or customer"),
        sa.Column(
            "record_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="record key"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind", sa.String(length=24), nullable=False, comment="changed, lost, reopened, placed, refused, ..."
        ),
        sa.Column("person", sa.Text(), nullable=True, comment="null: the shop"),
        sa.Column(
            "text", sa.Text(), nullable=False, comment="one sentence; words of the shop or of a person in it are data"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_event")),
        comment="What happened to a record, for its timeline.",
    )
    op.create_index("ix_record_event_entity_record_id_at", "record_event", ["entity", "record_id", "at"], unique=False)
    op.create_table(
        "sales_order_item",
        sa.Column(
            "order_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column(
            "parent_item_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="set on children of configurable and bundle lines: never sum their money",
        ),
        sa.Column("quote_item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("product_type", sa.Text(), nullable=False),
        sa.Column("qty_ordered", sa.BigInteger(), nullable=False),
        sa.Column("qty_invoiced", sa.BigInteger(), nullable=True),
        sa.Column("qty_shipped", sa.BigInteger(), nullable=True),
        sa.Column("qty_refunded", sa.BigInteger(), nullable=True),
        sa.Column("qty_canceled", sa.BigInteger(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=False, comment="one piece without tax, order currency"),
        sa.Column("price_incl_tax", sa.BigInteger(), nullable=True),
        sa.Column("row_total", sa.BigInteger(), nullable=False, comment="without tax, after discount, order currency"),
        sa.Column(
            "row_total_incl_tax",
            sa.BigInteger(),
            nullable=True,
            comment="after discount: what the customer pays for the line",
        ),
        sa.Column("tax_amount", sa.BigInteger(), nullable=True),
        sa.Column("discount_amount", sa.BigInteger(), nullable=True),
        sa.Column("base_price", sa.BigInteger(), nullable=False),
        sa.Column("base_row_total", sa.BigInteger(), nullable=False, comment="without tax, after discount"),
        sa.PrimaryKeyConstraint("order_id", "item_id", name=op.f("pk_sales_order_item")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sales_order_item_sku", "sales_order_item", ["sku", "order_id"], unique=False)
    op.create_table(
        "saved_filter",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("screen", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="conditions with personal data, kept out of URLs"),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filter")),
    )
    op.create_table(
        "shop",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop")),
        sa.UniqueConstraint("base_url", name=op.f("uq_shop_base_url")),
        comment="One Magento, by its normalised base URL. Mirrored rows and conversion claims belong to it.",
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("cart_origin_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=True, comment="through which it was placed"),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.String(length=12),
            nullable=False,
            comment="claimed, sent, unclear, placed, refused or not_placed",
        ),
        sa.Column(
            "holds",
            sa.Boolean(),
            nullable=False,
            comment="nobody else may place: claimed, sent, unclear, or placed and not cancelled",
        ),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "held_until", sa.BigInteger(), nullable=True, comment="claimed: what was not sent by then holds nothing"
        ),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "lookup_until",
            sa.BigInteger(),
            nullable=True,
            comment="sent or unclear: how long the shop is asked for the order",
        ),
        sa.Column(
            "last_order_before",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="highest order of this cart before sending: ours can only be later",
        ),
        sa.Column("lookups", sa.Integer(), nullable=False, comment="how often the shop was asked for the order"),
        sa.Column("looked_up_at", sa.BigInteger(), nullable=True, comment="when it was last asked"),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("shown_grand_total", sa.BigInteger(), nullable=True, comment="what the person agreed to"),
        sa.Column("placed_grand_total", sa.BigInteger(), nullable=True, comment="what the order holds"),
        sa.Column("shipping_method", sa.Text(), nullable=True),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("answer_status", sa.Integer(), nullable=True, comment="HTTP status; null: no answer"),
        sa.Column(
            "message", sa.Text(), nullable=True, comment="the shop's, with parameters filled in, or what is known"
        ),
        sa.Column("order_origin_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("order_increment_id", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column(
            "reason",
            sa.String(length=24),
            nullable=True,
            comment="refused or not_placed: code of the check that it belongs to; null: none",
        ),
        sa.Column(
            "alarm",
            sa.Text(),
            nullable=True,
            comment="placed: the live orders that the shop has for the cart, where there are several",
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_attempt_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        comment="Every try to place an order, and the claim that lets only one person try at a time.",
    )
    op.create_index("ix_attempt_shop_id_cart_origin_id", "attempt", ["shop_id", "cart_origin_id"], unique=False)
    op.create_index(
        "uq_attempt_holds",
        "attempt",
        ["shop_id", "cart_origin_id"],
        unique=True,
        postgresql_where=sa.text("holds"),
        sqlite_where=sa.text("holds"),
    )
    op.create_table(
        "cart",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column(
            "customer_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="key of the customer; null: guest",
        ),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("firstname", sa.Text(), nullable=True),
        sa.Column("lastname", sa.Text(), nullable=True),
        sa.Column(
            "name_key",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
            comment="crm_core.store.search_keys.name_key",
        ),
        sa.Column(
            "email_key",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
            comment="crm_core.store.search_keys.email_key",
        ),
        sa.Column("is_guest", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_virtual", sa.Boolean(), nullable=False),
        sa.Column("items_count", sa.Integer(), nullable=False, comment="lines, as the shop counts them"),
        sa.Column("items_qty", sa.BigInteger(), nullable=False, comment="pieces, as the shop counts them"),
        sa.Column("unavailable_count", sa.Integer(), nullable=False, comment="lines the shop counts but does not list"),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("quote_currency", sa.String(length=3), nullable=False),
        sa.Column("base_to_quote_rate", sa.Text(), nullable=False, comment="exact decimal"),
        sa.Column(
            "base_subtotal",
            sa.BigInteger(),
            nullable=False,
            comment="sum of price x qty of the lines: without tax and discount",
        ),
        sa.Column(
            "billing_country",
            sa.String(length=2).with_variant(sa.String(length=2, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "billing_region",
            sa.String(length=60).with_variant(sa.String(length=60, collation="C"), "postgresql"),
            nullable=True,
            comment="crm_core.store.search_keys.region_key",
        ),
        sa.Column("billing_address", sa.Text(), nullable=True, comment="JSON address"),
        sa.Column("shipping_address", sa.Text(), nullable=True, comment="JSON address"),
        sa.Column("shipping_method", sa.Text(), nullable=True, comment="carrier_method"),
        sa.Column("reserved_order_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "updated_at",
            sa.BigInteger(),
            nullable=False,
            comment="the shop's; moves also when nothing a person sees changed",
        ),
        sa.Column("content_hash", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("synchronised_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "last_activity_at",
            sa.BigInteger(),
            nullable=False,
            comment="lines, quantities, coupon, address or customer changed",
        ),
        sa.Column("closing_since", sa.BigInteger(), nullable=True, comment="inactive or gone without an order since"),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.Column("made_from_order", sa.Boolean(), nullable=False, comment="the shop no longer has the cart itself"),
        sa.Column(
            "order_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="key of its order that is not cancelled, else of the latest cancelled one",
        ),
        sa.Column(
            "order_cancelled",
            sa.Boolean(),
            nullable=True,
            comment="whether all of its orders are cancelled; null: no order",
        ),
        sa.Column("status", sa.String(length=16), nullable=False, comment="one of CART_STATUSES"),
        sa.Column("totals", sa.Text(), nullable=True, comment="JSON totals as last read, in quote currency"),
        sa.Column(
            "grand_total",
            sa.BigInteger(),
            nullable=True,
            comment="of those totals, in quote currency; null: the shop told other lines since",
        ),
        sa.Column("coupon_code", sa.Text(), nullable=True, comment="of those totals"),
        sa.Column("totals_read_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "totals_shop_time",
            sa.BigInteger(),
            nullable=True,
            comment="totals_read_at by the shop's clock, as updated_at is",
        ),
        sa.Column("lost_at", sa.BigInteger(), nullable=True, comment="decision"),
        sa.Column("lost_by", sa.Text(), nullable=True, comment="decision"),
        sa.Column("lost_reason", sa.Text(), nullable=True, comment="decision"),
        sa.Column(
            "activity_after_lost_at",
            sa.BigInteger(),
            nullable=True,
            comment="new shop activity since it was called lost: a person should look",
        ),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_cart_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart")),
    )
    op.create_index(
        "ix_cart_closing_since",
        "cart",
        ["closing_since"],
        unique=False,
        postgresql_where=sa.text("status = 'closing'"),
        sqlite_where=sa.text("status = 'closing'"),
    )
    op.create_index("ix_cart_customer_id", "cart", ["customer_id"], unique=False)
    op.create_index("ix_cart_email_key", "cart", ["email_key"], unique=False)
    op.create_index(
        "ix_cart_filled_activity",
        "cart",
        ["last_activity_at", "id", "items_qty"],
        unique=False,
        postgresql_where=sa.text("items_qty > 0"),
        sqlite_where=sa.text("items_qty > 0"),
    )
    op.create_index(
        "ix_cart_filled_created",
        "cart",
        ["created_at", "id", "items_qty"],
        unique=False,
        postgresql_where=sa.text("items_qty > 0"),
        sqlite_where=sa.text("items_qty > 0"),
    )
    op.create_index(
        "ix_cart_filled_grid",
        "cart",
        [
            "updated_at",
            "id",
            "shop_id",
            "store_id",
            "origin_id",
            "status",
            "is_guest",
            "created_at",
            "last_activity_at",
            "items_qty",
            "base_currency",
            "base_subtotal",
            "grand_total",
            "billing_country",
            "billing_region",
            "name_key",
            "email_key",
        ],
        unique=False,
        postgresql_where=sa.text("items_qty > 0"),
        sqlite_where=sa.text("items_qty > 0"),
    )
    op.create_index(
        "ix_cart_filled_name",
        "cart",
        ["name_key", "id", "items_qty"],
        unique=False,
        postgresql_where=sa.text("items_qty > 0"),
        sqlite_where=sa.text("items_qty > 0"),
    )
    op.create_index(
        "ix_cart_filled_number",
        "cart",
        ["origin_id", "id", "items_qty"],
        unique=False,
        postgresql_where=sa.text("items_qty > 0"),
        sqlite_where=sa.text("items_qty > 0"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_cart_filled_rest",
            "cart",
            ["id", "shop_id", "store_id", "grand_total", "billing_country", "billing_region", "items_qty"],
            unique=False,
            postgresql_where=sa.text("items_qty > 0"),
        )
    op.create_index(
        "ix_cart_filled_status",
        "cart",
        ["status", "updated_at", "id", "items_qty"],
        unique=False,
        postgresql_where=sa.text("items_qty > 0"),
        sqlite_where=sa.text("items_qty > 0"),
    )
    op.create_index(
        "ix_cart_filled_subtotal",
        "cart",
        ["base_subtotal", "id", "items_qty"],
        unique=False,
        postgresql_where=sa.text("items_qty > 0"),
        sqlite_where=sa.text("items_qty > 0"),
    )
    op.create_index(
        "ix_cart_filled_updated",
        "cart",
        ["updated_at", "id", "items_qty"],
        unique=False,
        postgresql_where=sa.text("items_qty > 0"),
        sqlite_where=sa.text("items_qty > 0"),
    )
    op.create_index("ix_cart_updated_at_id", "cart", ["updated_at", "id"], unique=False)
    op.create_table(
        "channel",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("admin_url", sa.Text(), nullable=True),
        sa.Column("secret_keys_off", sa.Boolean(), nullable=False, comment="Magento's admin URLs need no secret key"),
        sa.Column("credentials", sa.LargeBinary(), nullable=False, comment="encrypted"),
        sa.Column("credentials_kind", sa.String(length=16), nullable=False, comment="token, oauth or password"),
        sa.Column("website_ids", sa.Text(), nullable=True, comment="JSON list of the websites in scope; null: all"),
        sa.Column("allow_writes", sa.Boolean(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("every_seconds", sa.Integer(), nullable=False),
        sa.Column(
            "overlap_seconds", sa.Integer(), nullable=False, comment="how far a window reaches back: late commits"
        ),
        sa.Column("connections", sa.SmallInteger(), nullable=False, comment="requests to the shop at the same time"),
        sa.Column("page_size", sa.SmallInteger(), nullable=False),
        sa.Column(
            "totals_a_run", sa.SmallInteger(), nullable=False, comment="totals of carts read by id, nobody asking"
        ),
        sa.Column("start_date", sa.BigInteger(), nullable=True, comment="records created before are not mirrored"),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "paused_reason",
            sa.Text(),
            nullable=True,
            comment="why reading stopped until the credentials or settings change",
        ),
        sa.Column(
            "resumed_at",
            sa.BigInteger(),
            nullable=True,
            comment="when a person last set it going; a refused sign-in is tried anew then",
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_channel_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
        sa.UniqueConstraint("name", name=op.f("uq_channel_name")),
        comment="A shop with the websites in scope, its credentials and its rules. Channels of one shop don't overlap.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_channel_shop_id"), "channel", ["shop_id"], unique=False)
    op.create_table(
        "customer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("website_id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=True),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("firstname", sa.Text(), nullable=False),
        sa.Column("lastname", sa.Text(), nullable=False),
        sa.Column(
            "name_key",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
            comment="crm_core.store.search_keys.name_key",
        ),
        sa.Column(
            "email_key",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
            comment="crm_core.store.search_keys.email_key",
        ),
        sa.Column(
            "billing_country",
            sa.String(length=2).with_variant(sa.String(length=2, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "billing_region",
            sa.String(length=60).with_variant(sa.String(length=60, collation="C"), "postgresql"),
            nullable=True,
            comment="crm_core.store.search_keys.region_key",
        ),
        sa.Column(
            "addresses",
            sa.Text(),
            nullable=False,
            comment="JSON list of addresses, as crm_core.store.documents reads them",
        ),
        sa.Column("is_subscribed", sa.Boolean(), nullable=True, comment="newsletter; null: the shop does not say"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "synchronised_at",
            sa.BigInteger(),
            nullable=False,
            comment="when the shop last said this, or that nothing changed",
        ),
        sa.Column("gone_at", sa.BigInteger(), nullable=True, comment="when the shop was found not to have it any more"),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_customer_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
    )
    op.create_index(
        "ix_customer_created",
        "customer",
        ["created_at", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_index(
        "ix_customer_email",
        "customer",
        ["email_key", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_index(
        "ix_customer_gone",
        "customer",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NOT NULL"),
        sqlite_where=sa.text("gone_at IS NOT NULL"),
    )
    op.create_index(
        "ix_customer_grid",
        "customer",
        [
            "created_at",
            "id",
            "shop_id",
            "website_id",
            "group_id",
            "origin_id",
            "is_subscribed",
            "updated_at",
            "billing_country",
            "billing_region",
            "name_key",
            "email_key",
            "gone_at",
        ],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_index(
        "ix_customer_name",
        "customer",
        ["name_key", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_index(
        "ix_customer_number",
        "customer",
        ["origin_id", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_index(
        "ix_customer_updated",
        "customer",
        ["updated_at", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_table(
        "customer_group",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_customer_group_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_group")),
    )
    op.create_index(op.f("ix_customer_group_shop_id"), "customer_group", ["shop_id"], unique=False)
    op.create_table(
        "sales_order",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("increment_id", sa.Text(), nullable=False),
        sa.Column(
            "cart_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="key of the cart it came from (Magento's quote_id)",
        ),
        sa.Column("customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("firstname", sa.Text(), nullable=True),
        sa.Column("lastname", sa.Text(), nullable=True),
        sa.Column(
            "name_key",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
            comment="crm_core.store.search_keys.name_key",
        ),
        sa.Column(
            "email_key",
            sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql"),
            nullable=False,
            comment="crm_core.store.search_keys.email_key",
        ),
        sa.Column("is_guest", sa.Boolean(), nullable=False),
        sa.Column("is_virtual", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("order_currency", sa.String(length=3), nullable=False),
        sa.Column("items_qty", sa.BigInteger(), nullable=False),
        sa.Column("grand_total", sa.BigInteger(), nullable=False),
        sa.Column("subtotal", sa.BigInteger(), nullable=False),
        sa.Column("tax_amount", sa.BigInteger(), nullable=True),
        sa.Column("shipping_amount", sa.BigInteger(), nullable=True),
        sa.Column("discount_amount", sa.BigInteger(), nullable=True),
        sa.Column("total_paid", sa.BigInteger(), nullable=True),
        sa.Column("total_due", sa.BigInteger(), nullable=True),
        sa.Column("total_invoiced", sa.BigInteger(), nullable=True),
        sa.Column("total_refunded", sa.BigInteger(), nullable=True),
        sa.Column("total_canceled", sa.BigInteger(), nullable=True),
        sa.Column("base_grand_total", sa.BigInteger(), nullable=False),
        sa.Column("base_subtotal", sa.BigInteger(), nullable=True),
        sa.Column("base_tax_amount", sa.BigInteger(), nullable=True),
        sa.Column("base_shipping_amount", sa.BigInteger(), nullable=True),
        sa.Column("base_discount_amount", sa.BigInteger(), nullable=True),
        sa.Column("base_total_paid", sa.BigInteger(), nullable=True),
        sa.Column("base_total_invoiced", sa.BigInteger(), nullable=True),
        sa.Column("base_total_refunded", sa.BigInteger(), nullable=True),
        sa.Column("base_total_canceled", sa.BigInteger(), nullable=True),
        sa.Column("coupon_code", sa.Text(), nullable=True),
        sa.Column("discount_description", sa.Text(), nullable=True),
        sa.Column("payment_method", sa.Text(), nullable=True),
        sa.Column("payment_title", sa.Text(), nullable=True),
        sa.Column("po_number", sa.Text(), nullable=True),
        sa.Column("shipping_method", sa.Text(), nullable=True),
        sa.Column("shipping_description", sa.Text(), nullable=True),
        sa.Column(
            "billing_country",
            sa.String(length=2).with_variant(sa.String(length=2, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "billing_region",
            sa.String(length=60).with_variant(sa.String(length=60, collation="C"), "postgresql"),
            nullable=True,
            comment="crm_core.store.search_keys.region_key",
        ),
        sa.Column("billing_address", sa.Text(), nullable=True, comment="JSON address"),
        sa.Column(
            "shipping_address", sa.Text(), nullable=True, comment="JSON address; = where it is the billing address"
        ),
        sa.Column("comments", sa.Text(), nullable=False, comment="JSON list of the status history, newest first"),
        sa.Column("remote_ip", sa.Text(), nullable=True),
        sa.Column(
            "relation_parent_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="origin id of the order that this one replaces",
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("local_day", sa.Date(), nullable=False, comment="day of created_at in the store view's zone"),
        sa.Column("local_hour", sa.SmallInteger(), nullable=False),
        sa.Column("content_hash", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("synchronised_at", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.Column("placed_by", sa.Text(), nullable=True, comment="person who placed it through the desk"),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_sales_order_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_order")),
    )
    op.create_index("ix_sales_order_cart_id", "sales_order", ["cart_id"], unique=False)
    op.create_index(
        "ix_sales_order_created",
        "sales_order",
        ["created_at", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_index("ix_sales_order_customer_id", "sales_order", ["customer_id"], unique=False)
    op.create_index("ix_sales_order_email_key", "sales_order", ["email_key"], unique=False)
    op.create_index(
        "ix_sales_order_gone",
        "sales_order",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NOT NULL"),
        sqlite_where=sa.text("gone_at IS NOT NULL"),
    )
    op.create_index(
        "ix_sales_order_grid",
        "sales_order",
        [
            "created_at",
            "id",
            "shop_id",
            "store_id",
            "increment_id",
            "status",
            "is_guest",
            "updated_at",
            "local_day",
            "base_currency",
            "base_grand_total",
            "base_subtotal",
            "base_total_paid",
            "billing_country",
            "billing_region",
            "name_key",
            "email_key",
            "gone_at",
        ],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_index(
        "ix_sales_order_name",
        "sales_order",
        ["name_key", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_index(
        "ix_sales_order_number",
        "sales_order",
        ["increment_id", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_index(
            "ix_sales_order_rest",
            "sales_order",
            [
                "id",
                "shop_id",
                "store_id",
                "base_subtotal",
                "base_total_paid",
                "billing_country",
                "billing_region",
                "gone_at",
            ],
            unique=False,
            postgresql_where=sa.text("gone_at IS NULL"),
        )
    op.create_index(
        "ix_sales_order_status",
        "sales_order",
        ["status", "created_at", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_index(
        "ix_sales_order_total",
        "sales_order",
        ["base_grand_total", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_index(
        "ix_sales_order_updated",
        "sales_order",
        ["updated_at", "id", "gone_at"],
        unique=False,
        postgresql_where=sa.text("gone_at IS NULL"),
        sqlite_where=sa.text("gone_at IS NULL"),
    )
    op.create_table(
        "store_view",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.Integer(), nullable=False),
        sa.Column("website_id", sa.Integer(), nullable=False, comment="origin id of its website"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False, comment="IANA name; a day in a chart is this store's own day"),
        sa.Column("base_currency", sa.String(length=3), nullable=False),
        sa.Column("display_currency", sa.String(length=3), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_store_view_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_view")),
    )
    op.create_index(op.f("ix_store_view_shop_id"), "store_view", ["shop_id"], unique=False)
    op.create_table(
        "website",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("shop_id", sa.Integer(), nullable=False),
        sa.Column("origin_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["shop_id"], ["shop.id"], name=op.f("fk_website_shop_id_shop")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_website")),
    )
    op.create_index(op.f("ix_website_shop_id"), "website", ["shop_id"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False),
        sa.Column("origin_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "payload",
            sa.LargeBinary(),
            nullable=True,
            comment="the record as the shop sent it; null: the shop could not send it",
        ),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_tried_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_quarantine_channel_id_channel"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        sa.UniqueConstraint(
            "channel_id", "entity", "origin_id", name=op.f("uq_quarantine_channel_id_entity_origin_id")
        ),
        comment="Records that could not be mirrored, retried until they can.",
    )
    op.create_table(
        "sync_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="first, tick or full"),
        sa.Column("person", sa.Text(), nullable=True, comment="null: the schedule"),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("renewed_at", sa.BigInteger(), nullable=False, comment="last sign of life"),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("expected", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("read", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("added", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("changed", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("unchanged", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("quarantined", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_sync_run_channel_id_channel"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_run")),
    )
    op.create_index(
        "ix_sync_run_channel_id_entity_started_at", "sync_run", ["channel_id", "entity", "started_at"], unique=False
    )
    op.create_table(
        "sync_state",
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False, comment="stores, customers, orders or carts"),
        sa.Column("due_at", sa.BigInteger(), nullable=False, comment="when the worker reads it next"),
        sa.Column("requested_by", sa.Text(), nullable=True, comment="person who asked for it now; null: the schedule"),
        sa.Column("requested_full", sa.Boolean(), nullable=False),
        sa.Column("first_import_done_at", sa.BigInteger(), nullable=True),
        sa.Column("last_started_at", sa.BigInteger(), nullable=True),
        sa.Column("last_success_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False, comment="in a row"),
        sa.Column(
            "remote_count",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="records in scope, as the shop counted them when last asked",
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_sync_state_channel_id_channel"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("channel_id", "entity", name=op.f("pk_sync_state")),
        comment="What is due, per channel and entity.",
    )
    op.create_table(
        "sync_window",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("entity", sa.String(length=16), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False, comment="carts: origin id of the store view; others: 0"),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="first, tick or full"),
        sa.Column("lo", sa.BigInteger(), nullable=False),
        sa.Column("hi", sa.BigInteger(), nullable=False),
        sa.Column(
            "last_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="origin id up to which the window is mirrored",
        ),
        sa.Column("state", sa.String(length=8), nullable=False, comment="open or done"),
        sa.Column(
            "expected",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="records in it, as the shop counted them when it was cut",
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_sync_window_channel_id_channel"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_window")),
        comment="A closed range of updated_at, walked by entity_id. Watermark: the hi of the latest contiguous one done.",
    )
    op.create_index(
        "ix_sync_window_channel_id_entity_store_id_hi",
        "sync_window",
        ["channel_id", "entity", "store_id", "hi"],
        unique=False,
    )
