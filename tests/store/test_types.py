"""Amounts, quantities and moments come back exactly as they went in, and nothing calculates with them in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, case, create_engine, func, insert, literal, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import StatementError

from crm_core.store.database import Store
from crm_core.store.engines import parse_url
from crm_core.store.tables import order
from crm_core.store.types import (
    BigInt,
    Instant,
    Money,
    Quantity,
    instant_to_milliseconds,
    milliseconds_to_instant,
    money_to_units,
    units_to_money,
)

_table = Table(
    "value",
    MetaData(),
    Column("id", BigInt, primary_key=True),
    Column("amount", Money),
    Column("pieces", Quantity),
    Column("at", Instant),
    Column("count", Integer),
)
_units = st.integers(-(2**63) + 1, 2**63 - 1)
_amounts = _units.map(units_to_money)
_moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)).map(  # noqa: DTZ001 - naive bounds
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A table with a column of each type, on each database; examples share it and take what they wrote back."""
    url = "sqlite://" if request.param == "sqlite" else str(request.getfixturevalue("postgresql_server"))
    engine = create_engine(parse_url(url) if request.param == "postgresql" else url)
    with engine.connect() as opened:
        _table.create(opened)
        yield opened
        opened.rollback()
    engine.dispose()


@given(amounts=st.lists(st.none() | _amounts, min_size=1, max_size=20))
def test_amounts_come_back_exactly(connection: Connection, amounts: list[Decimal | None]) -> None:
    with connection.begin_nested() as nested:
        connection.execute(insert(_table), [{"amount": amount, "pieces": amount} for amount in amounts])
        read = connection.execute(select(_table.c.amount, _table.c.pieces).order_by(_table.c.id)).all()
        nested.rollback()
    assert [row.amount for row in read] == amounts
    assert [row.pieces for row in read] == amounts


@given(amounts=st.lists(st.integers(-(10**15), 10**15).map(units_to_money), min_size=1, max_size=50))
def test_sums_minima_and_maxima_are_exact_amounts(connection: Connection, amounts: list[Decimal]) -> None:
    column = _table.c.amount
    with connection.begin_nested() as nested:
        connection.execute(insert(_table), [{"amount": amount} for amount in amounts])
        read = connection.execute(select(func.sum(column), func.min(column), func.max(column))).one()
        nested.rollback()
    assert tuple(read) == (sum(amounts, Decimal(0)), min(amounts), max(amounts))


@given(moment=_moments)
def test_moments_come_back_in_utc_to_the_millisecond(connection: Connection, moment: datetime) -> None:
    with connection.begin_nested() as nested:
        elsewhere = moment.astimezone(timezone(timedelta(hours=5, minutes=30)))
        connection.execute(insert(_table), [{"at": elsewhere}])
        read = connection.execute(select(_table.c.at)).scalar_one()
        nested.rollback()
    assert read == moment
    assert read.tzinfo is UTC


def test_comparison_coalesce_and_case_are_allowed(connection: Connection) -> None:
    column = _table.c.amount
    with connection.begin_nested() as nested:
        connection.execute(insert(_table), [{"amount": Decimal("9.99")}, {"amount": None}, {"amount": Decimal(12)}])
        assert connection.execute(select(_table.c.amount).where(column > Decimal(10))).scalars().all() == [Decimal(12)]
        assert connection.execute(select(_table.c.amount).where(column.between(9, 10))).scalars().all() == [
            Decimal("9.99")
        ]
        filled = (
            connection.execute(select(func.coalesce(column, literal(Decimal("0.5"), Money()))).order_by(_table.c.id))
            .scalars()
            .all()
        )
        assert filled == [Decimal("9.99"), Decimal("0.5"), Decimal(12)]
        chosen = connection.execute(
            select(func.sum(case((column > 10, column), else_=literal(1, Money()))))
        ).scalar_one()
        assert chosen == Decimal(14)  # 12, and 1 for each of the others
        nested.rollback()


def test_a_constant_amount_without_its_type_is_refused(store: Store) -> None:
    for open_connection in (store.reading, store.writing):
        with open_connection() as opened, pytest.raises(StatementError, match="literal"):
            opened.execute(select(func.coalesce(order.c.total_paid, Decimal("0.5"))))


@pytest.mark.parametrize("name", ["amount", "pieces"])
@pytest.mark.parametrize(
    "build",
    [
        lambda column: column + 1,
        lambda column: column - column,
        lambda column: column * 2,
        lambda column: column / 2,
        lambda column: column // 2,
        lambda column: column % 2,
        lambda column: -column,
        lambda column: 2 + column,
        lambda column: 2 * column,
        lambda column: 2 - column,
        lambda column: 2 / column,
        func.avg,
        lambda column: func.sum(column) / func.count(),
        lambda column: func.sum(column) * 2,
        lambda column: func.min(column) - func.max(column),
        lambda column: func.coalesce(column, 0) + 1,
        lambda column: func.avg(func.coalesce(column, 0)),
        lambda column: column.label("x") * literal(2),
        lambda column: func.sum(_table.c.pieces) * column,
    ],
)
def test_arithmetic_raises_when_the_statement_is_built(build: Callable[[object], object], name: str) -> None:
    with pytest.raises(TypeError, match="calculate in Decimal"):
        build(_table.c[name])


def test_arithmetic_on_plain_numbers_still_works(connection: Connection) -> None:
    with connection.begin_nested() as nested:
        connection.execute(insert(_table), [{"count": 2}, {"count": 4}])
        assert connection.execute(select(func.avg(_table.c.count), func.sum(_table.c.count) * 2)).one() == (3, 12)
        nested.rollback()


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "922337203685477.5808", "1e30"])
def test_an_amount_that_does_not_fit_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r"not an amount|does not fit"):
        money_to_units(Decimal(amount))


def test_a_float_is_refused_because_it_is_not_exact() -> None:
    with pytest.raises(TypeError, match="use Decimal"):
        money_to_units(0.1)  # type: ignore[arg-type] # that is the point


@pytest.mark.parametrize(
    ("amount", "units"), [("0.00005", 1), ("0.00004999", 0), ("-0.00005", -1), ("10.1", 101_000), ("-0", 0)]
)
def test_more_than_four_places_are_rounded_half_up(amount: str, units: int) -> None:
    assert money_to_units(Decimal(amount)) == units


@given(_units)
def test_units_and_amounts_are_the_same_thing(units: int) -> None:
    assert money_to_units(units_to_money(units)) == units


@given(st.integers(-60_000_000_000_000, 250_000_000_000_000))
def test_milliseconds_and_moments_are_the_same_thing(milliseconds: int) -> None:
    assert instant_to_milliseconds(milliseconds_to_instant(milliseconds)) == milliseconds


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        instant_to_milliseconds(datetime(2026, 5, 1))  # noqa: DTZ001 - that is the point
