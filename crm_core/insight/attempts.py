"""The attempts to place orders: a page of them, newest first, how they ended, and why some made no order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from crm_core.insight.alarms import Alarm, OrdersOfCart, orders_of_carts
from crm_core.insight.counts import Sum, sorted_sums
from crm_core.insight.directory import Directory
from crm_core.insight.names import full_name
from crm_core.insight.periods import Period, Today
from crm_core.insight.statuses import StatusStyle
from crm_core.store.database import Store
from crm_core.store.keys import record_key
from crm_core.store.tables import UNSETTLED_ATTEMPTS, attempt, cart

PAGE_ROWS = 50

OUTCOMES: Mapping[str, tuple[str, ...]] = {
    "placed": ("placed",),
    "refused": ("refused",),
    "not_placed": ("not_placed",),
    "open": UNSETTLED_ATTEMPTS,
}
"""How an attempt can stand, with the states of the table that mean it."""

_STYLES = {
    "placed": StatusStyle("Placed", "green", "check_circle", "✓"),
    "refused": StatusStyle("Refused", "red", "block", "✕"),
    "not_placed": StatusStyle("Not placed", "gray", "do_not_disturb_on", "◌"),
    "open": StatusStyle("Not settled", "orange", "help", "○"),
}

_REASONS = {
    "channel": "Channel paused or read-only",
    "shop": "Shop not reachable",
    "permission": "Permission missing",
    "attempt": "Someone else was placing it",
    "cart": "Cart closed, gone or ordered",
    "restored": "Ordered before",
    "customer": "Customer",
    "email": "E-mail address",
    "lines": "Lines changed",
    "hidden_line": "Product disabled or deleted",
    "variant": "Options of a product",
    "out_of_stock": "Out of stock",
    "short": "Not enough in stock",
    "below_minimum": "Quantity below the least",
    "above_maximum": "Quantity above the most",
    "increments": "Quantity not a multiple",
    "stock": "Stock",
    "website": "Not sold in this website",
    "price": "Price changed",
    "total": "Total changed",
    "currency": "Currency",
    "coupon": "Coupon",
    "shipping_address": "Shipping address",
    "billing_address": "Billing address",
    "shipping": "Shipping rate",
    "payment": "Payment method",
    "minimum_amount": "Below the minimum amount",
    "lock": "Locked by another request",
    "confirmation": "Confirmation",
    "rules": "A rule of the shop",
}
"""What a check's code is called where attempts that failed at it are counted."""

_FAILED = ("refused", "not_placed")
_FAILING = 500
"""The HTTP status from which on an answer tells of a failure, not of a refusal."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Wanted:
    """Which attempts: empty or None means all. `channel` is an id; days of `period` are days of the reader's zone."""

    outcomes: tuple[str, ...] = ()
    period: Period | None = None
    person: str | None = None
    channel: int | None = None
    reason: str | None = None

    def to_url(self) -> dict[str, str]:
        """The query parameters that `from_url` reads back."""
        found = {
            "outcome": ",".join(self.outcomes),
            "made": self.period.code if self.period else "",
            "person": self.person or "",
            "channel": "" if self.channel is None else str(self.channel),
            "reason": self.reason or "",
        }
        return {name: value for name, value in found.items() if value}

    @staticmethod
    def from_url(params: Mapping[str, str]) -> tuple[Wanted, list[str]]:
        """The filter in the parameters, and a sentence for each part that was left out as unclear."""
        problems = []
        outcomes = [each for each in params.get("outcome", "").split(",") if each]
        if unknown := [each for each in outcomes if each not in OUTCOMES]:
            problems.append(f"“{unknown[0]}” is not an outcome: there are {', '.join(OUTCOMES)}.")
        period = None
        if params.get("made"):
            try:
                period = Period.parse(params["made"])
            except ValueError as error:
                problems.append(f"{error}.")
        channel = params.get("channel", "")
        if channel and not (channel.isdecimal() and len(channel) < 10):
            problems.append(f"“{channel}” is not the number of a channel.")
            channel = ""
        wanted = Wanted(
            outcomes=tuple(dict.fromkeys(each for each in outcomes if each in OUTCOMES)),
            period=period,
            person=_name(params, "person"),
            channel=int(channel) if channel else None,
            reason=_name(params, "reason"),
        )
        return wanted, problems


@dataclass(frozen=True)
class AttemptRow:
    """An attempt as a person looks it over. Amounts are in `currency`, times in UTC."""

    id: int
    claimed_at: datetime
    person: str
    channel: str
    cart_key: int
    cart_origin_id: int
    is_mirrored: bool
    """Whether the cart is in the store; one of a channel that was removed is not."""
    name: str
    """The cart's customer; empty for a nameless guest."""
    currency: str
    shown_grand_total: Decimal | None
    """What the person agreed to."""
    placed_grand_total: Decimal | None
    """What the order holds; None while there is none, or it was not read back."""
    outcome: str
    reason: str | None
    answer_status: int | None
    """HTTP status of the shop's answer; None: it gave none."""
    message: str
    alarm: str | None
    """What an alarm about several live orders of the cart says by now; None: there was none."""
    duration_ms: int | None
    order_key: int | None
    order_increment_id: str | None


@dataclass(frozen=True)
class ReasonCount:
    """Why attempts made no order: how many carts it hit, and what those came to, per currency.

    A cart that was tried several times counts once, with its latest attempt for that reason.
    """

    reason: str
    """The code of the check that should have said so."""
    carts: int
    value: tuple[Sum, ...]


@dataclass(frozen=True)
class AttemptPage:
    """A page of attempts with what stands around it; `pages` is at least 1, `page` the number of this one, from 1."""

    rows: tuple[AttemptRow, ...]
    matching: int
    page: int
    pages: int
    outcomes: Mapping[str, int]
    """The attempts by outcome, whatever outcome is asked for."""
    reasons: tuple[ReasonCount, ...]
    """Most carts first, whatever outcome and reason are asked for."""
    people: tuple[str, ...]
    """Everybody who ever tried."""


def outcome_style(outcome: str) -> StatusStyle:
    """The look of an outcome of OUTCOMES."""
    return _STYLES[outcome]


def reason_words(reason: str) -> str:
    """What the code of a check is called; the code itself where it has no words yet."""
    return _REASONS.get(reason, reason)


def outcome_of_state(state: str) -> str:
    """The outcome that a state of the table means."""
    return next(outcome for outcome, states in OUTCOMES.items() if state in states)


def answer_words(outcome: str, answer_status: int | None) -> str:
    """What the shop's answer to an attempt meant; empty where that is plain, or where it was not asked to place."""
    if outcome == "placed":
        return "No clear answer came, and the order was found in the shop" if answer_status is None else ""
    if answer_status is None:
        return ""
    return "The shop refused it" if answer_status < _FAILING else "The shop failed over it"


def attempt_page(
    store: Store, wanted: Wanted, page: int, *, names: Directory, today: Today, zone: tzinfo = UTC
) -> AttemptPage:
    """A page of attempts, newest first; a number outside the pages there are gives the nearest one."""
    with store.reading() as connection:
        outcomes = _by_outcome(connection, _where(replace(wanted, outcomes=()), today, zone))
        matching = sum(outcomes[each] for each in wanted.outcomes or OUTCOMES)
        pages = max(1, -(-matching // PAGE_ROWS))
        page = min(max(1, page), pages)
        found = connection.execute(
            select(attempt)
            .where(*_where(wanted, today, zone))
            .order_by(attempt.c.id.desc())
            .limit(PAGE_ROWS)
            .offset((page - 1) * PAGE_ROWS)
        ).all()
        keys = {record_key(row.shop_id, row.cart_origin_id) for row in found}
        customers = {
            row.id: full_name(row.firstname, row.lastname)
            for row in connection.execute(
                select(cart.c.id, cart.c.firstname, cart.c.lastname).where(cart.c.id.in_(keys))
            )
        }
        alarmed = {record_key(row.shop_id, row.cart_origin_id) for row in found if row.alarm}
        orders = orders_of_carts(connection, alarmed)
        reasons = _reasons(connection, _where(replace(wanted, outcomes=(), reason=None), today, zone))
        people = connection.scalars(select(attempt.c.person).distinct().order_by(attempt.c.person)).all()
    return AttemptPage(
        rows=tuple(_row(row, customers, orders, names) for row in found),
        matching=matching,
        page=page,
        pages=pages,
        outcomes=outcomes,
        reasons=reasons,
        people=tuple(people),
    )


def _name(params: Mapping[str, str], parameter: str) -> str | None:
    # PostgreSQL takes no NUL in a text, not even to compare it.
    return params.get(parameter, "").replace("\0", "") or None


def _where(wanted: Wanted, today: Today, zone: tzinfo) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.outcomes:
        conditions.append(attempt.c.state.in_([state for each in wanted.outcomes for state in OUTCOMES[each]]))
    if wanted.period is not None:
        first, final = wanted.period.days(today.reader)
        if first and first > date.min + _DAY:
            conditions.append(attempt.c.claimed_at >= datetime.combine(first, time(), zone))
        if final and final < date.max - 2 * _DAY:
            conditions.append(attempt.c.claimed_at < datetime.combine(final + _DAY, time(), zone))
    if wanted.person is not None:
        conditions.append(attempt.c.person == wanted.person)
    if wanted.channel is not None:
        conditions.append(attempt.c.channel_id == wanted.channel)
    if wanted.reason is not None:
        conditions.append(attempt.c.reason == wanted.reason)
    return conditions


def _by_outcome(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> dict[str, int]:
    query = select(attempt.c.state, func.count().label("n")).where(*conditions).group_by(attempt.c.state)
    found = {row.state: row.n for row in connection.execute(query)}
    return {outcome: sum(found.get(state, 0) for state in states) for outcome, states in OUTCOMES.items()}


def _reasons(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> tuple[ReasonCount, ...]:
    latest = (
        select(func.max(attempt.c.id))
        .where(*conditions, attempt.c.state.in_(_FAILED), attempt.c.reason.is_not(None))
        .group_by(attempt.c.reason, attempt.c.shop_id, attempt.c.cart_origin_id)
    )
    counted = connection.execute(
        select(
            attempt.c.reason,
            attempt.c.currency,
            func.count().label("carts"),
            func.sum(attempt.c.shown_grand_total).label("value"),
        )
        .where(attempt.c.id.in_(latest))
        .group_by(attempt.c.reason, attempt.c.currency)
    ).all()
    reasons = []
    for reason in {row.reason for row in counted}:
        rows = [row for row in counted if row.reason == reason]
        value = {row.currency: row.value for row in rows if row.currency and row.value is not None}
        reasons.append(ReasonCount(reason, sum(row.carts for row in rows), sorted_sums(value)))
    return tuple(sorted(reasons, key=lambda each: (-each.carts, each.reason)))


def _row(
    row: Row[Any], customers: Mapping[int, str], orders: Mapping[int, OrdersOfCart], names: Directory
) -> AttemptRow:
    channel = names.channels_by_id.get(row.channel_id)
    cart_key = record_key(row.shop_id, row.cart_origin_id)
    name = customers.get(cart_key)
    return AttemptRow(
        id=row.id,
        claimed_at=row.claimed_at,
        person=row.person,
        channel=channel.name if channel else "",
        cart_key=cart_key,
        cart_origin_id=row.cart_origin_id,
        is_mirrored=name is not None,
        name=name or "",
        currency=row.currency or "",
        shown_grand_total=row.shown_grand_total,
        placed_grand_total=row.placed_grand_total,
        outcome=outcome_of_state(row.state),
        reason=row.reason,
        answer_status=row.answer_status,
        message=row.message or "",
        alarm=Alarm(orders.get(cart_key, OrdersOfCart())).words if row.alarm else None,
        duration_ms=row.duration_ms,
        order_key=None if row.order_origin_id is None else record_key(row.shop_id, row.order_origin_id),
        order_increment_id=row.order_increment_id,
    )
