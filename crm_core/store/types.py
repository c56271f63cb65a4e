"""Exact column types: money as 1/10000 in a 64-bit integer, times as UTC milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import operators
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import NullType, TypeDecorator

MONEY_SCALE = 10_000
"""Units of an amount in the store: Magento keeps DECIMAL(20,4)."""

_MONEY_LIMIT = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FORBIDDEN = {
    operators.add,
    operators.sub,
    operators.mul,
    operators.truediv,
    operators.floordiv,
    operators.mod,
    operators.neg,
}
_REFUSAL = "No arithmetic on amounts and quantities in SQL: fetch the sums and calculate in Decimal."

BigInt = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit integer that SQLite can use as its row id when it is the primary key."""


def money_to_units(amount: Decimal | int) -> int:
    """The amount in 1/10000 of its currency, rounded half up.

    Raises ValueError if it is not finite or does not fit, TypeError for a float, which is not exact.
    """
    if isinstance(amount, int):
        amount = Decimal(amount)
    elif not isinstance(amount, Decimal):
        raise TypeError(f"{amount!r} is not an exact amount: use Decimal")
    if not amount.is_finite():
        raise ValueError(f"{amount} is not an amount")
    units = int((amount * MONEY_SCALE).to_integral_value(rounding=ROUND_HALF_UP))
    if abs(units) > _MONEY_LIMIT:
        raise ValueError(f"{amount} does not fit the store")
    return units


def units_to_money(units: int) -> Decimal:
    """The exact amount behind 1/10000 units, with four decimal places."""
    return Decimal(units).scaleb(-4)


class _Exact(TypeDecorator[Decimal]):
    """A decimal with four places: Decimal in Python, a 64-bit integer of 1/10000 in the store."""

    impl = BigInteger
    cache_ok = True

    class Comparator(TypeDecorator.Comparator[Decimal]):
        """Refuses arithmetic."""

        def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
            """Apply `op` unless it is arithmetic, which raises TypeError."""
            if op in _FORBIDDEN:
                raise TypeError(_REFUSAL)
            return super().operate(op, *other, **kwargs)

        def reverse_operate(self, op: OperatorType, other: Any, **kwargs: Any) -> ColumnElement[Any]:
            """Apply `op` with this value on the right unless it is arithmetic, which raises TypeError."""
            if op in _FORBIDDEN:
                raise TypeError(_REFUSAL)
            return super().reverse_operate(op, other, **kwargs)

    comparator_factory = Comparator

    def process_bind_param(self, value: Decimal | int | None, dialect: Dialect) -> int | None:
        """Decimal, or a whole number, to 1/10000 units."""
        return None if value is None else money_to_units(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        """1/10000 units to Decimal (PostgreSQL gives a sum of bigint as a numeric)."""
        return None if value is None else units_to_money(int(value))


class Money(_Exact):
    """An amount: Decimal in Python, a 64-bit integer of 1/10000 in the store.

    In SQL only sum, min, max, comparison, coalesce and case are allowed on it. Arithmetic and avg raise TypeError when
    the statement is built: SQL would mix scales or lose exactness silently. An average is sum / count in Decimal. A
    constant in coalesce or case is 0 or has its type, ``literal(Decimal("0.5"), Money())``: the store refuses a Decimal
    without one.
    """

    cache_ok = True


class Quantity(_Exact):
    """A quantity of goods, kept and guarded like Money, as Magento keeps DECIMAL(12,4)."""

    cache_ok = True


class avg(GenericFunction[Any]):  # noqa: N801 - the name is the SQL function's
    """SQL's avg, which raises TypeError for an amount or a quantity when the statement is built."""

    type = NullType()
    inherit_cache = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        if any(isinstance(getattr(argument, "type", None), _Exact) for argument in arguments):
            raise TypeError(_REFUSAL)
        super().__init__(*arguments, **options)


def instant_to_milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 UTC. Raises ValueError for a naive time: its zone would be a guess."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return (moment - _EPOCH) // _MILLISECOND


def milliseconds_to_instant(milliseconds: int) -> datetime:
    """The aware UTC time of milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


class Instant(TypeDecorator[datetime]):
    """A moment: aware UTC datetime in Python, milliseconds since 1970 in the store, the same on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Aware datetime to milliseconds."""
        return None if value is None else instant_to_milliseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Milliseconds to aware UTC datetime."""
        return None if value is None else milliseconds_to_instant(int(value))
