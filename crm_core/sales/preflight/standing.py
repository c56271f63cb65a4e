"""Where a cart stands on the desk: its row and lines as last mirrored, who holds it, the channel that reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from crm_core.errors import not_in_store
from crm_core.sales.attempts import Attempt, holder_in
from crm_core.sales.journal import changing
from crm_core.sales.obstacles import with_buyer
from crm_core.store.database import Store
from crm_core.store.documents import Totals, decode_totals
from crm_core.store.keys import record_key
from crm_core.store.tables import cart, cart_item, store_view, sync_state, website
from crm_core.sync.channels import Channel, channel_of_store


@dataclass(frozen=True)
class Standing:
    """What the desk knows of a cart before the shop is asked. Times are UTC."""

    row: Row[Any]
    """The cart's row; its amounts and prices are the ones to compare the shop's with.

    `buyer_key` is the customer's, None where the shop has none for it (any more).
    """
    lines: list[Row[Any]]
    """Its lines, those that the shop no longer shows included."""
    totals: Totals | None
    """What it came to when the desk last read that, None if it never did."""
    holder: Attempt | None
    """The attempt that keeps everybody else from placing."""
    changing: str | None
    """Who changes it through the desk at the moment, in a sentence; None: nobody."""
    channel: Channel | None
    last_read_at: datetime | None
    """When the channel's carts were last in step with the shop."""
    website_code: str | None
    display_currency: str | None
    """What the cart's store view sells in; None while the desk does not know the store view."""


def standing(store: Store, cart_key: int) -> Standing:
    """The cart as the desk knows it. Raises NotFound for a cart that is not in the store."""
    with store.reading() as connection:
        row = connection.execute(with_buyer(select(cart).where(cart.c.id == cart_key))).one_or_none()
        if row is None:
            raise not_in_store("cart")
        lines = connection.execute(
            select(cart_item).where(cart_item.c.cart_id == cart_key).order_by(cart_item.c.item_id)
        ).all()
        view = connection.execute(
            select(store_view.c.display_currency, website.c.code.label("website_code"))
            .outerjoin(website, (website.c.shop_id == row.shop_id) & (website.c.origin_id == store_view.c.website_id))
            .where(store_view.c.id == record_key(row.shop_id, row.store_id))
        ).one_or_none()
        holder = holder_in(connection, cart_key)
        changed = changing(connection, "cart", cart_key)
    channel = channel_of_store(store, row.shop_id, row.store_id)
    last_read_at = None
    if channel is not None:
        with store.reading() as connection:
            last_read_at = connection.scalar(
                select(sync_state.c.last_success_at).where(
                    sync_state.c.channel_id == channel.id, sync_state.c.entity == "carts"
                )
            )
    return Standing(
        row=row,
        lines=list(lines),
        totals=None if row.totals is None else decode_totals(row.totals),
        holder=holder,
        changing=changed,
        channel=channel,
        last_read_at=last_read_at,
        website_code=None if view is None else view.website_code,
        display_currency=None if view is None else view.display_currency,
    )
