"""What reduce makes of a profile, against what the triggers of a real binding make of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgscore import PgscoreError
from pgscore.bundle.make import binding_document, make_bundle, pin
from pgscore.bundle.reducing.binding import Binding
from pgscore.bundle.reducing.division import average
from pgscore.database import row, transaction

from tests.support.examples import examples

from . import movement
from .node import RefusedError

if TYPE_CHECKING:
    from tests.support.database import Database, Session

    from .node import Node

# What the profile's row always tells.
_ALWAYS = ("count", "sum", "min", "max")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_ROW = f"select key, value from {movement.PROFILE} p, jsonb_each_text(to_jsonb(p)) where customer = 1"
_READ = f"select key, value from jsonb_each_text(to_jsonb(jsonb_populate_record(null::{movement.PROFILE}, %s)))"


@pytest.fixture
def moving(shopping: Database) -> Session:
    """A session where the tables are attached, without rows."""
    session = shopping.session()
    movement.build(session)
    return session


def _documents(dsn: str) -> list[dict[str, Any]]:
    """Both of the profile; that of the other model, which is not published, is in no bundle."""
    document = json.loads(make_bundle(dsn, "shop", bindings=[(movement.EVENTS, movement.PROFILE)]))
    with transaction(dsn) as connection:
        pin(connection)
        (number,) = row(connection, "select number from pgscore.binding where model = 'other'").values()
        other = binding_document(connection, number)
    return [document | {"bindings": [each]} for each in (*document["bindings"], other)]


def _plain(value: Any) -> Any:  # noqa: ANN401
    """A value that reduce gives, as JSON."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal) or (isinstance(value, float) and value in (float("inf"), -float("inf"))):
        return str(value).replace("inf", "Infinity") if not isinstance(value, Decimal) else f"{value:f}"
    return "NaN" if isinstance(value, float) and value != value else value  # noqa: PLR0124


def _is_told(binding: Binding, profile: dict[str, Any], events: list[dict[str, Any]], column: str) -> bool:
    try:
        binding.reduce(profile, events, [column])
    except PgscoreError:
        return False
    return True


def _profile(session: Session) -> dict[str, Any]:
    (row,) = session.row(f"select to_jsonb(p)::text from {movement.PROFILE} p where customer = 1")
    found: dict[str, Any] = json.loads(row, parse_float=Decimal)
    return found


def _given(binding: dict[str, Any], profile: dict[str, Any]) -> dict[str, Any]:
    """A profile as JavaScript is given it: numbers that doubles may not hold are texts."""
    types = {name: each["type"] for name, each in binding["profile_columns"].items()}
    floats = ("double precision", "real")
    return {
        name: value
        if isinstance(value, str | bool) or value is None
        else float(value)
        if types.get(name) in floats
        else str(value)
        for name, value in profile.items()
    }


def _reduced(
    node: Node, document: dict[str, Any], profile: dict[str, Any], events: list[dict[str, Any]]
) -> dict[str, Any]:
    """What JavaScript makes of each column; a RefusedError where it refuses."""
    (binding,) = document["bindings"]
    columns = [each["column"] for each in binding["reducers"]]
    node.ask("open", document=document)
    return dict(zip(columns, node.reduced_columns(_given(binding, profile), events, columns), strict=True))


def _is_equal(one: str | None, other: str | None) -> bool:
    """Whether values are equal as PostgreSQL writes them: JavaScript's numbers have no zeros at their ends."""
    numbers = [each for each in (one, other) if each is not None and _NUMBER.fullmatch(each)]
    return one == other or (len(numbers) == len((one, other)) and Decimal(numbers[0]) == Decimal(numbers[1]))


def test_reduce_gives_what_triggers_give(shopping: Database, moving: Session, node: Node) -> None:
    documents = _documents(shopping.dsn())
    bindings = [Binding(each["bindings"][0], "bindings[0]") for each in documents]
    listed = [movement.reducers(), movement.extremes()]
    told: Counter[tuple[str, bool]] = Counter()

    @settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
    @given(movement.histories())
    def run(history: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
        before, after = history
        moving.run(f"delete from {movement.EVENTS}; delete from {movement.PROFILE}")
        moving.run(f"insert into {movement.PROFILE} (customer) values (1)")
        try:
            for event in before:
                movement.insert(moving, event)
        except psycopg2.DataError:
            return
        profile = _profile(moving)
        try:
            for event in after:
                movement.insert(moving, event)
        except psycopg2.DataError:
            # A sum that is past its type, an average that is below the least double.
            assert not all(_is_told(binding, profile, after, name) for binding in bindings for name in binding.columns)
            return
        expected = dict(moving.run(_ROW))
        for document, binding, reducers in zip(documents, bindings, listed, strict=True):
            in_javascript = _reduced(node, document, profile, after)
            for reducer in reducers:
                column = reducer["column"]
                other = in_javascript[column]
                try:
                    reduced = binding.reduce(profile, after, [column])
                except PgscoreError:
                    assert reducer["aggregate"] not in _ALWAYS, reducer
                    assert isinstance(other, RefusedError), (column, other, before, after)
                    told[column, False] += 1
                    continue
                told[column, True] += 1
                assert not isinstance(other, RefusedError), (column, other.message, before, after)
                found = dict(moving.run(_READ, json.dumps({column: _plain(reduced[column])})))
                assert found[column] == expected[column], (column, reduced[column], before, after)
                found = dict(moving.run(_READ, json.dumps({column: _plain(other[column])})))
                assert _is_equal(found[column], expected[column]), (column, other[column], before, after)

    run()
    for reducer in movement.reducers():
        assert told[reducer["column"], True], reducer


@settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    total=st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**12), max_value=10**12)
    | st.decimals(allow_nan=False, allow_infinity=False).filter(lambda each: abs(each.adjusted()) < 300),
    count=st.integers(1, 20) | st.sampled_from([9999, 10_000, 10_001, 123_456_789]),
)
def test_averages_have_the_digits_of_postgresqls_division(shared_session: Session, total: Decimal, count: int) -> None:
    written = f"{total:f}"
    found = average(Decimal(written) if total else Decimal(written).copy_abs(), count)
    assert f"{found:f}" == shared_session.value("select (%s::numeric / %s::numeric)::text", written, count)
