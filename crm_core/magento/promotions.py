"""What the shop says about a coupon and the rule behind it: facts to judge a code by before it is put on a cart.

A wrong code takes the right one off a cart, and an order with a dead one is refused with 404 while the cart still looks
discounted (both observed on Magento 2.4.7). Nothing here writes. Needs the permission Magento_SalesRule::quote.
"""

from __future__ import annotations

from datetime import date

import msgspec

from crm_core.errors import ShopAnsweredNonsense
from crm_core.magento.connection import Connection
from crm_core.magento.decoding import decode
from crm_core.magento.payloads import Id, Number, UtcTime
from crm_core.magento.search import Search
from crm_core.magento.shop import Magento


class Coupon(msgspec.Struct, frozen=True, gc=False):
    """A coupon code. A limit of 0 or None is none; `times_used` lags, because Magento counts a use later by a queue."""

    id: Id = msgspec.field(name="coupon_id")
    rule_id: Id
    code: str
    expiration_date: UtcTime | None = None
    times_used: Number | None = None
    usage_limit: Number | None = None
    usage_per_customer: Number | None = None


class Rule(msgspec.Struct, frozen=True, gc=False):
    """The cart price rule behind a coupon: whom and when it serves. Dates are days of the website's own time zone.

    What it takes off, and from which lines, only the shop can tell: in the totals of the cart.
    """

    rule_id: Id
    name: str | None = None
    is_active: bool | None = None
    from_date: date | None = None
    to_date: date | None = None
    website_ids: list[Id] | None = None
    customer_group_ids: list[Id] | None = None
    uses_per_customer: Number | None = None


class Promotions:
    """The shop's coupons and cart price rules. Every method raises what `Connection.get` raises."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._shop = Magento(connection)

    def coupon(self, code: str) -> Coupon | None:
        """The coupon of that code, in any case of its letters; None if the shop has none."""
        search = Search(page_size=1).where("code", "eq", code)
        page = self._shop.page("/V1/coupons/search", search, Coupon)
        if page.bad:
            raise ShopAnsweredNonsense(f"The shop's answer about a coupon cannot be read: {page.bad[0].reason}")
        return page.items[0] if page.items else None

    def rule(self, rule_id: int) -> Rule:
        """The rule of that id. Raises ShopHasNoSuch if the shop has none."""
        answer = self._connection.get(f"/V1/salesRules/{rule_id}")
        rule: Rule = decode(answer, Rule, f"cart price rule {rule_id}")
        return rule
