"""From an answer's bytes to typed payloads; one bad record never spoils its page.

The whole page is decoded typed in one go. Only if that fails is it taken apart, record by record, and each record that
does not fit is mended where PHP's habits are the cause, or handed back as raw bytes with the reason.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import inspect

from crm_core.errors import OutcomeUnknown, ShopAnsweredNonsense, ShopRefused
from crm_core.magento.misfit import in_words

T = TypeVar("T")

EntityId = Annotated[int, msgspec.Meta(gt=0, le=2**63 - 1)]
"""The number of a record that a write made."""

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class BadItem:
    """A record that cannot be mirrored as it came: its bytes, why, and its id if that could be read."""

    raw: bytes
    reason: str
    id: int | None = None


@dataclass(frozen=True, slots=True)
class SearchPage(Generic[T]):
    """One page of a search: the good records in the shop's order, the bad ones apart.

    `total_count` is what the shop counts for the whole search, None if it does not tell. `page_size` is the size that
    was really asked for: the shop's own limit may have lowered it. `last_id` is the highest id on the page, good or
    bad; None if no id could be read.
    """

    items: list[T]
    bad: list[BadItem] = field(default_factory=list)
    total_count: int | None = None
    page_size: int = 0
    last_id: int | None = None

    @property
    def is_last(self) -> bool:
        """Whether the page is short, so nothing follows. Not judged by `total_count`, which moves between pages."""
        return len(self.items) + len(self.bad) < self.page_size


@dataclass(frozen=True, slots=True)
class RawPage:
    """The shop's answer to a search, not looked into yet: `data` to the request `what` for `page_size` records."""

    data: bytes
    page_size: int
    what: str

    def decoded(self, kind: type[T]) -> SearchPage[T]:
        """The page. Raises ShopAnsweredNonsense if not even its frame can be read; bad records are in `bad`."""
        return decode_page(self.data, kind, self.page_size, self.what)


class _LoosePage(msgspec.Struct, gc=False):
    items: list[msgspec.Raw] | dict[str, msgspec.Raw] | None = None
    total_count: int | None = None


class _Identity(msgspec.Struct, gc=False):
    id: int | None = None
    entity_id: int | None = None


_loose_pages = msgspec.json.Decoder(_LoosePage, strict=False)
_identities = msgspec.json.Decoder(_Identity, strict=False)


# msgspec 0.22 crashes the process if two threads make decoders of the same types at once.
_making = threading.Lock()


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    with _making:
        return msgspec.json.Decoder(kind, strict=False)


@cache
def _page_decoder(kind: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    fields: list[tuple[str, Any, Any]] = [("items", list[kind] | None, None), ("total_count", int | None, None)]  # type: ignore[valid-type]
    with _making:
        return msgspec.json.Decoder(msgspec.defstruct(f"{kind.__name__}Page", fields, gc=False), strict=False)


@cache
def _shape(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def decode(data: bytes, kind: Any, what: str) -> Any:
    """The answer as `kind`. Raises ShopAnsweredNonsense naming `what` was asked for if it cannot be read as that."""
    try:
        return _decoder(kind).decode(data)
    except _UNREADABLE:
        try:
            return _mended(data, kind)
        except _UNREADABLE as unreadable:
            raise _nonsense(what, unreadable, data) from unreadable


def decode_outcome(data: bytes, kind: Any, what: str) -> Any:
    """The answer to the write `what` as `kind`. Raises OutcomeUnknown if it cannot be read: it may have been done."""
    try:
        return decode(data, kind, what)
    except ShopAnsweredNonsense:
        raise _unreadable(what) from None


def decode_new_id(data: bytes, what: str) -> int:
    """The number of the record that the write `what` made, sent as 12 or as "12". Raises OutcomeUnknown for others."""
    try:
        return msgspec.json.decode(data, type=EntityId, strict=False)
    except _UNREADABLE:
        raise _unreadable(what) from None


def expect_done(data: bytes, what: str) -> None:
    """Nothing, if the answer to the write `what` is `true`; Magento also says `false` with success, a ShopRefused."""
    if not decode_outcome(data, bool, what):
        raise ShopRefused(f"The shop answered that it did not do {what}. Look in the shop for the reason.", 200)


def decode_page(data: bytes, kind: type[T], page_size: int, what: str) -> SearchPage[T]:
    """The page of a search. Raises ShopAnsweredNonsense if not even its frame can be read; bad records are in `bad`."""
    struct: Any = kind
    try:
        page = _page_decoder(struct).decode(data)
        items: list[T] = page.items or []
        bad: list[BadItem] = []
    except _UNREADABLE:
        try:
            page = _loose_pages.decode(data)
        except _UNREADABLE as unreadable:
            raise _nonsense(what, unreadable, data) from unreadable
        raws = page.items.values() if isinstance(page.items, dict) else page.items or ()
        items, bad = _one_by_one(raws, struct)
    id_field = "entity_id" if "entity_id" in struct.__struct_fields__ else "id"
    ids = [getattr(item, id_field) for item in items]
    ids += [record.id for record in bad if record.id is not None]
    return SearchPage(items, bad, page.total_count, page_size, max(ids, default=None))


def _one_by_one(raws: Any, kind: Any) -> tuple[list[Any], list[BadItem]]:
    items: list[Any] = []
    bad: list[BadItem] = []
    for raw in raws:
        data = bytes(raw)
        try:
            items.append(_decoder(kind).decode(data))
        except _UNREADABLE:
            try:
                items.append(_mended(data, kind))
            except _UNREADABLE as unreadable:
                bad.append(BadItem(data, in_words(unreadable, data), _id_of(data)))
    return items, bad


def _id_of(data: bytes) -> int | None:
    try:
        identity = _identities.decode(data)
    except _UNREADABLE:
        return None
    return identity.id if identity.entity_id is None else identity.entity_id


def _nonsense(what: str, cause: Exception, data: bytes) -> ShopAnsweredNonsense:
    return ShopAnsweredNonsense(
        f"The shop's answer to {what} cannot be read. {in_words(cause, data)} Nothing of it was kept. "
        "If it happens again, look for a module or a proxy that changes the shop's answers."
    )


def _unreadable(what: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{what} was answered with success, but the answer cannot be read, so its outcome is not known. "
        "Look in the shop before sending it again.",
        "The shop answered with success, but the answer cannot be read.",
    )


def _mended(data: bytes, kind: Any) -> Any:
    """The data as `kind` after undoing what PHP does to types: `[]` for nothing, numbers for texts, gaps in lists."""
    return msgspec.convert(_mend(msgspec.json.decode(data), _shape(kind)), kind, strict=False)


def _mend(value: Any, kind: inspect.Type) -> Any:
    if isinstance(kind, inspect.UnionType):
        inner = next(choice for choice in kind.types if not isinstance(choice, inspect.NoneType))
        if kind.includes_none and (value is None or _stands_for_nothing(value, inner)):
            return None
        return _mend(value, inner)
    if isinstance(kind, inspect.StructType):
        if not isinstance(value, dict):
            return {} if value == [] else value
        return {
            known.encode_name: _mend(value[known.encode_name], known.type)
            for known in kind.fields
            if known.encode_name in value
        }
    if isinstance(kind, inspect.ListType):
        if isinstance(value, dict):
            value = list(value.values())
        elif isinstance(value, str):
            value = [value]
        return [_mend(entry, kind.item_type) for entry in value] if isinstance(value, list) else value
    return _mend_scalar(value, kind)


def _stands_for_nothing(value: Any, kind: inspect.Type) -> bool:
    if value == []:
        return not isinstance(kind, inspect.ListType | inspect.AnyType)
    if value == "":
        return not isinstance(kind, inspect.StrType | inspect.ListType | inspect.AnyType)
    return isinstance(kind, inspect.DateTimeType) and isinstance(value, str) and value.startswith("0000-00-00")


def _mend_scalar(value: Any, kind: inspect.Type) -> Any:
    if isinstance(kind, inspect.StrType) and isinstance(value, int | float):
        return str(int(value)) if isinstance(value, bool) else str(value)
    if isinstance(kind, inspect.IntType | inspect.FloatType) and isinstance(value, bool):
        return int(value)
    if isinstance(kind, inspect.BoolType) and isinstance(value, int | float):
        return bool(value)
    if isinstance(kind, inspect.DateTimeType) and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return value
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    return value
