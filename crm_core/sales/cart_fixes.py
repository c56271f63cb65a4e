"""Changing a cart so that it can be ordered: its lines, coupon, addresses and e-mail address.

A cart may be changed when an order may be placed for it, whatever its lines. It is read first; each write goes to the
cart's own store view once; the cart is read again after it, and the timeline says who did it. Every write makes Magento
calculate the cart anew, with today's prices and without the lines that it hides (observed on 2.4.7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Row

from crm_core.access.people import require_person
from crm_core.errors import BadInput, ChangedMeanwhile, DeskError, NotAllowed, ShopRefused
from crm_core.magento.catalogue import Catalogue
from crm_core.sales.cart_addresses import Addresses, AddressKind, enter_address, enter_email
from crm_core.sales.cart_writing import CartWriting, Mended, cart_writing
from crm_core.sales.coupons import remove_coupon, set_coupon
from crm_core.sales.journal import journalled
from crm_core.sales.obstacles import why_not
from crm_core.sales.preflight.check import Fix, FixKind, quantity
from crm_core.sales.preflight.standing import Standing
from crm_core.sales.sale_limits import limits_of
from crm_core.store.database import Store
from crm_core.store.documents import Address, decode_options
from crm_core.sync.record import synchronise_cart

_LONGEST_NAME = 80


@dataclass(frozen=True)
class SetQuantity:
    """The line holds exactly so many, if it held `seen` until now, which is what the person saw."""

    kind: ClassVar[str] = "line"
    doing: ClassVar[str] = "Change a quantity"
    item_id: int
    quantity: Decimal
    seen: Decimal


@dataclass(frozen=True)
class RemoveLine:
    """The line is gone; one that the shop hides, too. `seen` as for SetQuantity."""

    kind: ClassVar[str] = "line"
    doing: ClassVar[str] = "Remove a line"
    item_id: int
    seen: Decimal


@dataclass(frozen=True)
class AddLine:
    """So many more of the product are in the cart.

    A configurable one by its parent's SKU and `options`, attribute_id to value_index (`Catalogue.choices`).
    """

    kind: ClassVar[str] = "line"
    doing: ClassVar[str] = "Add a product"
    sku: str
    quantity: Decimal
    options: Mapping[int, int] | None = None


@dataclass(frozen=True)
class ReplaceLine:
    """The product is in the cart in place of the line. It is added first, so a refusal leaves the cart as it was.

    `seen` as for SetQuantity.
    """

    kind: ClassVar[str] = "line"
    doing: ClassVar[str] = "Replace a line"
    item_id: int
    sku: str
    quantity: Decimal
    seen: Decimal
    options: Mapping[int, int] | None = None


@dataclass(frozen=True)
class SetCoupon:
    """The cart has the coupon; a wrong one never costs the one that it has.

    Only if it had `seen` until now, which is the one that the person saw, None for none.
    """

    kind: ClassVar[str] = "coupon"
    doing: ClassVar[str] = "Set a coupon"
    code: str
    seen: str | None


@dataclass(frozen=True)
class RemoveCoupon:
    """The cart has no coupon, if it had `seen` until now, which is the one that the person saw."""

    kind: ClassVar[str] = "coupon"
    doing: ClassVar[str] = "Take the coupon off"
    seen: str


@dataclass(frozen=True)
class EnterAddress:
    """The cart has the address, if those that it takes the place of are as the person saw them.

    `shipping` is the way of shipping (carrier_method) to save a shipping address with.
    """

    kind: ClassVar[str] = "address"
    doing: ClassVar[str] = "Enter an address"
    which: AddressKind
    address: Address
    seen: Addresses
    shipping: str | None = None


@dataclass(frozen=True)
class EnterEmail:
    """The guest's cart has the e-mail address, if it had `seen` until now, which the person saw, None for none."""

    kind: ClassVar[str] = "address"
    doing: ClassVar[str] = "Enter an e-mail address"
    email: str
    seen: str | None


Change = SetQuantity | RemoveLine | AddLine | ReplaceLine | SetCoupon | RemoveCoupon | EnterAddress | EnterEmail


def why_not_changed(store: Store, cart_key: int) -> str | None:
    """Why the cart can't be changed now; None: it can. Asks the store only. Raises NotFound."""
    return why_not(store, cart_key, for_change=True)


def change_of(fix: Fix) -> Change | None:
    """What carries the fix of a check out at once; None where a person has to choose or to enter something first."""
    arguments: Mapping[str, Any] = fix.arguments
    match fix.kind:
        case FixKind.SET_QUANTITY:
            return SetQuantity(arguments["item_id"], arguments["quantity"], arguments["seen"])
        case FixKind.REMOVE_LINE:
            return RemoveLine(arguments["item_id"], arguments["seen"])
        case FixKind.SET_COUPON:
            return SetCoupon(arguments["code"], None)
        case FixKind.REMOVE_COUPON:
            return RemoveCoupon(arguments["code"])
        case _:
            return None


def mend(store: Store, cart_key: int, change: Change, person: str) -> Mended:
    """The cart is changed in the shop and mirrored as it is now.

    Raises before anything is sent: NotAllowed with the reason, ChangedMeanwhile, with what it is now, if what is to be
    changed is not as the person saw it, BadInput for what can't be, NotFound, and what `synchronise_cart` raises. After
    sending: ShopRefused in the shop's words, PermissionMissing, ShopUnavailable if it did not reach the shop,
    OutcomeUnknown if the cart does not show what came of it: look before doing it anew.
    """
    require_person(person)
    _require_open(store, cart_key)
    with journalled(store, "cart", cart_key, kind=change.kind, doing=change.doing, person=person) as entry:
        synchronise_cart(store, cart_key, person)
        _require_open(store, cart_key)
        with cart_writing(store, cart_key, person, entry) as cart:
            return _carried_out(cart, change)


def _carried_out(cart: CartWriting, change: Change) -> Mended:
    match change:
        case SetQuantity():
            return _set_quantity(cart, change)
        case RemoveLine():
            return _remove(cart, change)
        case AddLine():
            return _add(cart, change)
        case ReplaceLine():
            return _replace(cart, change)
        case SetCoupon():
            return set_coupon(cart, change.code, change.seen)
        case RemoveCoupon():
            return remove_coupon(cart, change.seen)
        case EnterAddress():
            return enter_address(cart, change.which, change.address, change.seen, change.shipping)
        case EnterEmail():
            return enter_email(cart, change.email, change.seen)


def _require_open(store: Store, cart_key: int) -> None:
    reason = why_not_changed(store, cart_key)
    if reason is not None:
        raise NotAllowed(reason)


def _set_quantity(cart: CartWriting, change: SetQuantity) -> Mended:
    line = _line(cart, change)
    if line.state != "present":
        raise BadInput(f"The shop has disabled or deleted {_called(line.name)}. Remove or replace the line.")
    with _limits_told(cart, line.sku, change.quantity):
        cart.write(
            f"Make it {quantity(change.quantity)} × {_called(line.name)}",
            lambda: cart.editing.set_quantity(cart.cart_id, cart.code, change.item_id, change.quantity),
            lambda now: any(each.item_id == change.item_id and each.qty == change.quantity for each in now.lines),
        )
    return cart.done(lambda _: f"Now {quantity(change.quantity)} × {_called(line.name)}.")


def _remove(cart: CartWriting, change: RemoveLine) -> Mended:
    line = _line(cart, change)
    _take_out(cart, line)
    return cart.done(lambda _: f"{_called(line.name)} removed.")


def _add(cart: CartWriting, change: AddLine) -> Mended:
    item_id, name = _put_in(cart, change.sku, change.quantity, change.options)
    return cart.done(lambda now: f"{quantity(change.quantity)} × {name}{_chosen(now, item_id)} added.")


def _replace(cart: CartWriting, change: ReplaceLine) -> Mended:
    line = _line(cart, change)
    if change.sku == line.sku:
        raise BadInput(
            f"{_called(line.name)} is what the line holds already. Choose another product, or change its quantity."
        )
    item_id, name = _put_in(cart, change.sku, change.quantity, change.options)
    trouble: DeskError | None = None
    try:
        if item_id == change.item_id:
            # The shop took it for the same thing and let the line grow.
            cart.write(
                "Set the quantity",
                lambda: cart.editing.set_quantity(cart.cart_id, cart.code, change.item_id, change.quantity),
                lambda now: any(each.item_id == item_id and each.qty == change.quantity for each in now.lines),
            )
        else:
            _take_out(cart, line)
    except DeskError as error:
        trouble = error

    def told(now: Standing) -> str:
        what = f"{name}{_chosen(now, item_id)}"
        if trouble is not None:
            return f"{what} was added, but {_called(line.name)} is still in the cart: {trouble}"
        return f"{_called(line.name)} replaced by {quantity(change.quantity)} × {what}."

    return cart.done(told)


def _put_in(cart: CartWriting, sku: str, pieces: Decimal, options: Mapping[int, int] | None) -> tuple[int | None, str]:
    """The line that holds the product now, None if the shop did not tell it, and the product's name."""
    held = _pieces(cart.before)
    alike = sum((line.qty for line in cart.before.lines if line.sku == sku and line.state == "present"), Decimal(0))
    with _limits_told(cart, sku, alike + pieces):
        added = cart.write(
            f"Add {quantity(pieces)} × {sku}",
            lambda: cart.editing.add_item(cart.cart_id, cart.code, sku, pieces, options),
            lambda now: _pieces(now) >= held + pieces,
        )
    return (None, sku) if added is None else (added.item_id, _called(added.name or sku))


@contextmanager
def _limits_told(cart: CartWriting, sku: str, pieces: Decimal) -> Iterator[None]:
    """A refusal of so many pieces says how many may be bought at once too, where that is what they go beyond."""
    try:
        yield
    except ShopRefused as refused:
        try:
            limits = limits_of(Catalogue(cart.connection).stock_item(sku))
        except DeskError:  # the shop's own words stand for themselves
            raise refused from None
        if limits.allow(pieces):
            raise
        words = f"{str(refused).rstrip('.')}. {sku} is sold {limits.words}."
        raise ShopRefused(words, refused.status, refused.parameters) from refused


def _take_out(cart: CartWriting, line: Row[Any]) -> None:
    hidden = cart.before.row.unavailable_count

    def shows(now: Standing) -> bool:
        listed = any(each.item_id == line.item_id and each.state == "present" for each in now.lines)
        return not listed and (line.state == "present" or now.row.unavailable_count < hidden)

    cart.write(
        f"Remove {_called(line.name)}", lambda: cart.editing.remove_item(cart.cart_id, cart.code, line.item_id), shows
    )


def _line(cart: CartWriting, change: SetQuantity | RemoveLine | ReplaceLine) -> Row[Any]:
    """The line that is in the cart. Raises ChangedMeanwhile if it is not, or if it holds another quantity than seen."""
    for line in cart.before.lines:
        if line.item_id == change.item_id and line.state != "removed":
            if line.qty != change.seen:
                raise ChangedMeanwhile(
                    f"The line has changed meanwhile: it holds {quantity(line.qty)} × {_called(line.name)} now, "
                    f"not {quantity(change.seen)}. It was left so; if you still want to change it, do it again."
                )
            return line
    raise ChangedMeanwhile(
        "That line is no longer in the cart, so nothing was changed. Look at what the cart holds now."
    )


def _called(name: str) -> str:
    """The product's name for a sentence, which says what was done even where the name has hundreds of characters."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"


def _chosen(now: Standing, item_id: int | None) -> str:
    """Such as " (Colour Navy, Size M)": what was chosen of the line; empty where nothing was, or it is not told."""
    line = next((each for each in now.lines if each.item_id == item_id), None)
    if line is None or line.options is None:
        return ""
    return f" ({', '.join(f'{each.label} {each.value}' for each in decode_options(line.options))})"


def _pieces(standing: Standing) -> Decimal:
    """How many pieces of anything the shop lists in the cart."""
    return sum((line.qty for line in standing.lines if line.state == "present"), Decimal(0))
