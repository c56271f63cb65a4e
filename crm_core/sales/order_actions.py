"""What people do with an order: comment, e-mail, invoice, ship, hold, unhold, cancel, refund.

Each is sent to the shop once, after the order was read there, and the order is mirrored again right after it. An answer
that is not clear is looked for in the order, never asked for by sending again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from crm_core.access.people import require_person
from crm_core.errors import (
    BadInput,
    DeskError,
    NotAllowed,
    OutcomeUnknown,
    ShopRefused,
)
from crm_core.insight.amounts import price
from crm_core.insight.statuses import CANCELLED_STATE
from crm_core.magento.order_actions import OrderActions, Track
from crm_core.sales.journal import Entry, found_after_silence, journalled, sent_once
from crm_core.sales.order_rules import HELD, Kind, OpenLine, OrderStanding, order_standing
from crm_core.sales.shops import reader
from crm_core.store.database import Store
from crm_core.store.documents import decode_comments
from crm_core.sync.channels import Channel, OpenShop, opened
from crm_core.sync.record import RecordChanges, synchronise_order

_BASIC_PLANE = 0xFFFF
"""Characters beyond it are stored as ???? in comments (observed on Magento 2.4.7)."""


@dataclass(frozen=True)
class Comment:
    """Add a comment. `notify` e-mails it to the customer, `visible` shows it in the customer's account.

    `status` moves the order to another status of its present state; None leaves it. Emoji become question marks in
    Magento (observed on 2.4.7).
    """

    kind: ClassVar[Kind] = Kind.COMMENT
    text: str
    notify: bool = False
    visible: bool = False
    status: str | None = None


@dataclass(frozen=True)
class Email:
    """Send the order's confirmation to the customer, again if it was sent before."""

    kind: ClassVar[Kind] = Kind.EMAIL


@dataclass(frozen=True)
class Invoice:
    """Invoice so many of each line by item_id; None: everything that is open.

    `capture` takes the money where the way of paying can; offline ones count as paid either way.
    """

    kind: ClassVar[Kind] = Kind.INVOICE
    items: Mapping[int, Decimal] | None = None
    notify: bool = False
    capture: bool = True


@dataclass(frozen=True)
class Ship:
    """Ship so many of each line by item_id; None: everything that is open. `tracks` are the parcels' numbers."""

    kind: ClassVar[Kind] = Kind.SHIP
    items: Mapping[int, Decimal] | None = None
    tracks: tuple[Track, ...] = ()
    notify: bool = False


@dataclass(frozen=True)
class Hold:
    """Put the order on hold."""

    kind: ClassVar[Kind] = Kind.HOLD


@dataclass(frozen=True)
class Unhold:
    """Take the order off hold."""

    kind: ClassVar[Kind] = Kind.UNHOLD


@dataclass(frozen=True)
class Cancel:
    """Cancel what is not invoiced."""

    kind: ClassVar[Kind] = Kind.CANCEL


@dataclass(frozen=True)
class Refund:
    """Record that so many of each line by item_id (None: everything) was paid back. No money moves by it.

    `shipping_amount` is in the order's base currency; None refunds all shipping. `return_to_stock` lists item_ids.
    """

    kind: ClassVar[Kind] = Kind.REFUND
    items: Mapping[int, Decimal] | None = None
    shipping_amount: Decimal | None = None
    notify: bool = False
    return_to_stock: tuple[int, ...] = ()


Action = Comment | Email | Invoice | Ship | Hold | Unhold | Cancel | Refund


@dataclass(frozen=True)
class ActionState:
    """An action as a screen offers it; not `enabled`, the `reason` says why."""

    kind: Kind
    label: str
    enabled: bool
    reason: str | None


@dataclass(frozen=True)
class ActionDone:
    """The shop did it. `changes` are what Synchronise then brought, `notes` what could not be read, in sentences."""

    message: str
    changes: list[str]
    notes: list[str]


def available(store: Store, order_key: int) -> list[ActionState]:
    """Every action on the order with whether it can be taken, as far as the store can tell. Raises NotFound."""
    standing = order_standing(store, order_key)
    reasons = {kind: standing.why_not(kind) for kind in Kind}
    return [ActionState(kind, kind.label, reason is None, reason) for kind, reason in reasons.items()]


def open_lines(store: Store, order_key: int) -> tuple[OpenLine, ...]:
    """How much of each line can still be invoiced, shipped and refunded, to choose from. Raises NotFound."""
    return order_standing(store, order_key).lines


def act(store: Store, order_key: int, action: Action, person: str) -> ActionDone:
    """The shop has done it, the order is mirrored as it is now, and the timeline says who did it.

    The order is read first, so its state in the shop counts. Raises before anything is sent: NotAllowed with the
    reason, BadInput for quantities or a text that cannot be, and what `synchronise_order` raises. After sending:
    ShopRefused in the shop's words, PermissionMissing, ShopUnavailable if it did not reach the shop, OutcomeUnknown if
    the order does not show what came of it: look again before doing it anew.
    """
    require_person(person)
    standing = order_standing(store, order_key)
    if standing.door is not None:
        raise NotAllowed(standing.door)
    with journalled(store, "order", order_key, kind=action.kind, doing=action.kind.label, person=person) as entry:
        synchronise_order(store, order_key, person)
        before = order_standing(store, order_key)
        channel = _require(before, action)
        with opened(store, channel) as shop:
            return _act(store, shop, before, action, person, entry)


def _require(before: OrderStanding, action: Action) -> Channel:
    """The channel to act through. Raises NotAllowed or BadInput, saying why the order as it is does not allow it."""
    reason = before.why_not(action.kind)
    if reason is not None:
        raise NotAllowed(reason)
    match action:
        case Comment():
            if not action.text.strip():
                raise BadInput("Type a comment.")
        case Invoice():
            _require_left(action.items, {line.item_id: (line, line.to_invoice) for line in before.lines}, "invoice")
        case Ship():
            _require_left(action.items, {line.item_id: (line, line.to_ship) for line in before.lines}, "ship")
            if any(not track.number.strip() or not track.title.strip() for track in action.tracks):
                raise BadInput("Give each parcel a carrier's name and a tracking number.")
        case Refund():
            _require_left(action.items, {line.item_id: (line, line.to_refund) for line in before.lines}, "refund")
    return reader(before.channel, "this order's store view")


def _require_left(
    items: Mapping[int, Decimal] | None, lines: Mapping[int, tuple[OpenLine, Decimal]], doing: str
) -> None:
    for item_id, quantity in (items or {}).items():
        if item_id not in lines:
            raise BadInput("A chosen line is not in this order. Choose again.")
        line, left = lines[item_id]
        if quantity > left:
            raise BadInput(f"Only {left.normalize():f} of {line.name} are left to {doing}.")


def _act(store: Store, shop: OpenShop, before: OrderStanding, action: Action, person: str, entry: Entry) -> ActionDone:
    label, number = action.kind.label, before.row.increment_id
    try:
        said = sent_once(entry, label, lambda: _send(OrderActions(shop.magento.connection), before, action))
    except OutcomeUnknown as unknown:
        return _after_silence(store, before, action, person, entry, unknown)
    except ShopRefused:
        _mirrored(store, before, person)
        raise
    changes = _mirrored(store, before, person)
    if action.kind is Kind.CANCEL and said is False:
        reason = order_standing(store, before.row.id).why_not(Kind.CANCEL) or "It gave no reason."
        entry.refused(f"The shop refused to cancel the order. {reason}")
        raise ShopRefused(f"The shop did not cancel order {number}. {reason}", 200)
    return _done(store, before, action, said, changes, entry)


def _send(actions: OrderActions, before: OrderStanding, action: Action) -> bool | int | None:
    """The one request; its answer where it holds more than that it was done."""
    order_id: int = before.row.origin_id
    match action:
        case Comment():
            actions.comment(
                order_id, action.text.strip(), notify=action.notify, visible=action.visible, status=action.status
            )
        case Email():
            return actions.email(order_id)
        case Invoice():
            return actions.invoice(order_id, notify=action.notify, capture=action.capture, items=action.items)
        case Ship():
            return actions.ship(order_id, notify=action.notify, items=action.items, tracks=action.tracks)
        case Hold():
            actions.hold(order_id)
        case Unhold():
            actions.unhold(order_id)
        case Cancel():
            return actions.cancel(order_id)
        case Refund():
            return actions.refund_offline(
                order_id,
                notify=action.notify,
                items=action.items,
                shipping_amount=action.shipping_amount,
                return_to_stock=action.return_to_stock,
            )
    return None


def _mirrored(store: Store, before: OrderStanding, person: str) -> RecordChanges | str:
    """What Synchronise brings after the action; the trouble, in a sentence, if the order can't be read now."""
    try:
        return synchronise_order(store, before.row.id, person)
    except DeskError as trouble:
        return f"The order could not be read again: {trouble}"


def _done(
    store: Store,
    before: OrderStanding,
    action: Action,
    said: bool | int | None,
    changes: RecordChanges | str,
    entry: Entry,
) -> ActionDone:
    message = _message(before, order_standing(store, before.row.id), action, said)
    entry.done(message)
    if isinstance(changes, str):
        return ActionDone(message, [], [changes])
    return ActionDone(message, changes.changes, changes.notes)


def _after_silence(
    store: Store, before: OrderStanding, action: Action, person: str, entry: Entry, unknown: OutcomeUnknown
) -> ActionDone:
    """The order itself is asked what came of it, a few times: the shop may still be at work."""

    def look() -> RecordChanges | str:
        changes = _mirrored(store, before, person)
        if action.kind is Kind.EMAIL:
            return "An order does not tell whether it was e-mailed: ask the customer."
        if isinstance(changes, str) or _shows(before, order_standing(store, before.row.id), action):
            return changes
        return f"Order {before.row.increment_id} does not show so far that it was done."

    changes = found_after_silence(
        entry,
        action.kind.label,
        unknown,
        look,
        then="Synchronise the order in a minute, before you try again.",
        looks=1 if action.kind is Kind.EMAIL else 3,
    )
    return _done(store, before, action, None, changes, entry)


def _shows(before: OrderStanding, now: OrderStanding, action: Action) -> bool:
    """Whether the order shows now that the action was done since."""
    match action:
        case Comment():
            known = {comment.origin_id for comment in decode_comments(before.row.comments)}
            news = [comment for comment in decode_comments(now.row.comments) if comment.origin_id not in known]
            stored = "".join("????" if ord(character) > _BASIC_PLANE else character for character in action.text)
            return any((comment.comment or "").strip() == stored.strip() for comment in news)
        case Email():
            return False
        case Invoice():
            return _left(now, "to_invoice") < _left(before, "to_invoice")
        case Ship():
            return _left(now, "to_ship") < _left(before, "to_ship")
        case Hold():
            return bool(now.row.state == HELD)
        case Unhold():
            return bool(now.row.state != HELD)
        case Cancel():
            return bool(now.row.state == CANCELLED_STATE)
        case Refund():
            return bool((now.row.total_refunded or 0) > (before.row.total_refunded or 0))


def _left(standing: OrderStanding, what: str) -> Decimal:
    return sum((getattr(line, what) for line in standing.lines), Decimal(0))


def _message(before: OrderStanding, now: OrderStanding, action: Action, said: bool | int | None) -> str:
    """What was done, in a sentence for the person and for the timeline."""
    number = before.row.increment_id
    match action:
        case Comment():
            return (
                "Comment added; the shop e-mails it to the customer, if it sends such e-mails."
                if action.notify
                else "Comment added."
            )
        case Email():
            if said:
                return f"The shop sent the order's e-mail to {before.row.email}."
            return (
                "The shop took it, but sent no e-mail at once: it sends them later by its own schedule, or they are "
                "switched off there."
            )
        case Invoice():
            invoiced = (now.row.total_invoiced or Decimal(0)) - (before.row.total_invoiced or Decimal(0))
            return f"Order {number} invoiced{_amount(invoiced, now)}."
        case Ship():
            numbers = ", ".join(track.number for track in action.tracks)
            return f"Order {number} shipped{f', tracking {numbers}' if numbers else ''}."
        case Hold():
            return f"Order {number} is on hold."
        case Unhold():
            return f"Order {number} is off hold."
        case Cancel():
            return f"Order {number} is cancelled."
        case Refund():
            refunded = (now.row.total_refunded or Decimal(0)) - (before.row.total_refunded or Decimal(0))
            return f"Refund recorded{_amount(refunded, now)}. No money was moved: pay it back yourself."


def _amount(amount: Decimal, now: OrderStanding) -> str:
    """The amount in the order's currency; nothing where the order could not be read again."""
    return f" for {price(amount, now.row.order_currency)}" if amount > 0 else ""
