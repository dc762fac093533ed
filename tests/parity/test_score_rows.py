"""pgscore.score_rows gives what the fitted estimator and pgscore.score give, for any source of rows and any engine."""

from __future__ import annotations

import math
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgscore_runtime.contract import parse_contract
from pgscore_runtime.estimator import ServedEstimator

from tests.support.examples import examples

from .bulk import COLUMNS, FLAGS, ODD, ROWS, TABLE, TEXTS, models, odd_rows, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Session

# Of a model that is no program pgscore.score takes milliseconds for a row.
_COMPARED = f"n % 7 = 0 or n > {ODD}"


def _by_key(found: list[tuple[Any, ...]]) -> dict[int, tuple[float | None, str | None]]:
    assert {version for _, _, version, _ in found} == {1}
    return {int(key): (score, reason) for key, score, _, reason in found}


def _same(found: dict[int, tuple[float | None, str | None]], wanted: dict[int, float | None]) -> None:
    for n, score in wanted.items():
        # How many rows are scored together may move the last bits.
        assert found[n][0] == (None if score is None else pytest.approx(score, abs=1e-12, rel=1e-9)), n


@pytest.mark.parametrize("name", list(models()))
def test_whole_rows_have_the_scores_of_the_fitted_estimator(session: Session, name: str) -> None:
    found = _by_key(session.run(f"select * from pgscore.score_rows('{name}', '{TABLE}')"))
    expected = models()[name].expected(rows())
    _same(found, dict(enumerate(expected, start=1)))
    assert [found[n][1] for n in range(1, ROWS + 1)] == [None] * ROWS
    assert len(set(expected)) > ROWS // 5


_SOURCES = {
    "a table": (f"'{TABLE}'::regclass", f"{TABLE} s"),
    "a query": (f"$$select * from {TABLE}$$", f"(select * from {TABLE} offset 0) s"),
    "other types": (
        "$$select * from others$$",
        "(select * from others offset 0) s",
    ),
    "a table of no model": ("'others'::regclass", "others s"),
    "a view": ("'others_view'", "others_view s"),
}


@pytest.fixture
def session(bulk: Session) -> Session:
    """The session with the table and the models."""
    return bulk


@pytest.fixture
def others(session: Session) -> Iterator[Session]:
    """Within a transaction: the same rows in columns of other types that serve, some by way of JSON only."""
    other = {
        "small": "small::numeric", "whole": "whole::double precision", "amount": "amount::numeric",
        "price": "price::double precision", "n1": "to_jsonb(n1)", "plan": "plan::varchar(30)", "code": "code::char(6)",
        "city": "to_json(city)", "tier": "tier::text", "open": "open::bulk_flag",
    }  # fmt: skip
    chosen = ", ".join(f'{other.get(name, f""""{name}" """)} as "{name}"' for name in COLUMNS)
    session.run("begin")
    session.run(f"create table others as select n, {chosen} from {TABLE}")
    session.run("create view others_view as select * from others")
    yield session
    session.run("rollback")


@pytest.mark.parametrize("source", list(_SOURCES))
@pytest.mark.parametrize("name", list(models()))
def test_any_source_gives_what_score_gives(others: Session, name: str, source: str) -> None:
    asked, rows_of = _SOURCES[source]
    found = _by_key(others.run(f"select * from pgscore.score_rows('{name}', {asked})"))
    wanted = dict(others.run(f"select s.n, pgscore.score('{name}', s) from {rows_of} where {_COMPARED}"))
    assert len(found) == others.value(f"select count(*) from {TABLE}")
    assert None in wanted.values() or not models()[name].refuses
    _same(found, wanted)


@pytest.mark.parametrize("name", list(models()))
def test_gaps_and_refusals(session: Session, name: str) -> None:
    found = _by_key(session.run(f"select * from pgscore.score_rows('{name}', '{TABLE}')"))
    inputs = set(models()[name].fitted.feature_names_in_)
    for number, (column, value) in enumerate(odd_rows(), start=ODD + 1):
        score, reason = found[number]
        if column not in inputs:
            assert score == pytest.approx(found[5][0], rel=1e-9)
        elif value == "null":
            assert reason is None
            assert (score is None) == models()[name].refuses or column in (*TEXTS, *FLAGS), column
        if reason is not None:
            assert score is None
            assert value in ("'Infinity'", "'-Infinity'", "'1e400'", "'-1e400'", "'3.5e38'", "'NaN'", "null"), reason
    if models()[name].refuses and not name.startswith("program"):
        assert any(reason and "infinity" in reason for _, reason in found.values())


def test_rows_of_a_binding_are_scored_in_one_call(session: Session) -> None:
    with _watched(session) as calls:
        together = session.row(
            "select (s.given).scores, (s.given).reasons, s.n"
            f" from (select pgscore._score_rows('near', array_agg(t)) as given, array_agg(n) as n from {TABLE} t) s"
        )
        late = session.row(
            f"select (s.given).scores, (s.given).reasons from"
            f" (select pgscore._late_rows('near', array_agg(t)) as given from {TABLE} t) s"
        )
        found = _by_key(session.run(f"select * from pgscore.score_rows('near', '{TABLE}')"))
    assert late == together[:2]
    assert {n: (score, reason) for score, reason, n in zip(*together, strict=True)} == found
    assert [rows_of for rows_of, _ in calls] == [len(found)] * 3


@contextmanager
def _watched(session: Session) -> Iterator[list[tuple[int, int]]]:
    """How many rows an estimator is asked about in each call, and where the sequence `seen` stands then."""
    calls: list[tuple[int, int]] = []
    types = "text, integer, text, integer, double precision[], text[], boolean"
    session.run("begin")
    session.run(
        "create sequence seen;"
        f" alter function pgscore._estimate({types}) rename to _watched;"
        " create function pgscore._estimate(model text, version integer, digest text, rows integer,"
        " numbers double precision[], texts text[], every boolean default false) returns pgscore.scored"
        " language plpgsql stable as"
        " $$ begin raise notice 'asked about % after %', rows, (select last_value from public.seen);"
        " return pgscore._watched(model, version, digest, rows, numbers, texts, every); end $$"
    )
    try:
        with session.said() as said:
            yield calls
        asked = [text.split() for _, text in said if text.startswith("asked about")]
        calls[:] = [(int(each[2]), int(each[4])) for each in asked]
    finally:
        session.run("rollback")


def test_a_large_query_is_scored_in_chunks(session: Session) -> None:
    query = "select nextval('seen'), n / 1000.0 as amount, 1.0 as n1, 2.0 as n3 from generate_series(1, {}) n"
    for rows_of, chunks in ((40000, [1000, 16000, 23000]), (5000, [1000, 4000]), (0, [])):
        with _watched(session) as calls:
            found = session.value(f"select count(*) from pgscore.score_rows('bare', $${query.format(rows_of)}$$)")
        assert found == rows_of
        # What has been read when a chunk is scored is that chunk and those before: the query waits for it.
        assert calls == list(zip(chunks, accumulate(chunks), strict=True))


def test_long_texts_make_short_chunks(session: Session) -> None:
    sizes = [
        session.value(
            "select pgscore._next_chunk_rows(1000, 8192, array_fill(repeat(md5('x'), %s), array[1000]))", length
        )
        for length in (1, 200, 2000)
    ]
    assert sizes == [8192, 1000, 250]
    assert session.value("select pgscore._next_chunk_rows(3000, 8192, null)") == 8192
    widths = [
        session.value("select pgscore._most_chunk_rows(jsonb_agg(i)) from generate_series(1, %s) i", n)
        for n in (1, 100, 1600)
    ]
    assert widths == [32768, 4000, 250]


_SPECIAL = [math.inf, -math.inf, math.nan, -0.0, 5e-324, 1e39]
_VALUES = st.one_of(st.none(), st.floats(-1e3, 1e3), st.sampled_from(_SPECIAL))
_ALIKE = [HealthCheck.function_scoped_fixture]


@settings(max_examples=examples(25), deadline=None, suppress_health_check=_ALIKE)
@given(values=st.lists(st.tuples(_VALUES, _VALUES, _VALUES), min_size=1, max_size=30))
def test_any_numbers_have_the_score_or_the_refusal_of_the_fitted_estimator(
    session: Session, values: list[tuple[float | None, ...]]
) -> None:
    contract = parse_contract(session.value("select contract::text from pgscore.model_version where model = 'bare'"))
    scores, reasons = ServedEstimator(models()["bare"].fitted, contract).scores(len(values), values, None)
    literals = [
        [str(n), *("null::text" if value is None else f"'{value!r}'" for value in row)] for n, row in enumerate(values)
    ]
    given_rows = ", ".join(f"({', '.join(row)})" for row in literals)
    query = f"select n, a::float8 as amount, b::float8 as n1, c::float8 as n3 from (values {given_rows}) v (n, a, b, c)"
    found = _by_key(session.run("select * from pgscore.score_rows('bare', %s)", query))
    _same(found, dict(enumerate(scores)))
    assert [found[n][1] for n in range(len(values))] == reasons
