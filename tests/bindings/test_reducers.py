"""Each aggregate by itself, of columns of several types, against what GROUP BY says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from pytest_postgresql.janitor import DatabaseJanitor

from tests.support.database import Database, Session, named, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster


@dataclass(frozen=True)
class Case:
    """An aggregate.

    Attributes:
        aggregate: its name.
        of: the events' column.
        type: the type of the profile's column.
        oracle: what SQL calls it; FILTER is put behind it.
        order_by: the column that says which event is the last.
    """

    aggregate: str
    of: str
    type: str
    oracle: str
    order_by: str = ""

    @property
    def reducer(self) -> dict[str, object]:
        """The reducer, without its column."""
        named = {"aggregate": self.aggregate, "of": self.of, "order_by": self.order_by}
        return {name: value for name, value in named.items() if value}

    def __str__(self) -> str:
        return f"{self.aggregate} of {self.of or 'events'} as {self.type}"


def _first(column: str, direction: str) -> str:
    # There is no min(uuid); NULL is no value.
    return f"(array_agg(e.{column} order by e.{column} {direction}) filter (where e.{column} is not null{{and}}))[1]"


_LAST = "(array_agg(e.{} order by e.at desc nulls last, e.id desc){{filter}})[1]"
_CASES = [
    Case("count", "", "bigint", "count(e.id){filter}"),
    Case("count", "", "numeric", "count(e.id){filter}"),
    Case("sum", "small", "bigint", "coalesce(sum(e.small){filter}, 0)"),
    Case("sum", "whole", "bigint", "coalesce(sum(e.whole){filter}, 0)"),
    Case("sum", "whole", "numeric", "coalesce(sum(e.whole){filter}, 0)"),
    Case("sum", "large", "numeric", "coalesce(sum(e.large){filter}, 0)"),
    Case("sum", "exact", "numeric", "coalesce(sum(e.exact){filter}, 0)"),
    Case("sum", "rough", "double precision", "coalesce(sum(e.rough){filter}, 0)"),
    Case("sum", "short", "double precision", "coalesce(sum(e.short::double precision){filter}, 0)"),
    *(
        Case(name, column, type_, _first(column, direction))
        for name, direction in (("min", "asc"), ("max", "desc"))
        for column, type_ in {
            "small": "smallint", "whole": "integer", "exact": "numeric", "rough": "double precision", "short": "real",
            "kind": "text", "code": "varchar(9)", "at": "timestamptz", "day": "date", "mark": "uuid",
            "long": "interval",
        }.items()
    ),
    Case("last", "whole", "integer", _LAST.format("whole"), order_by="at"),
    Case("last", "exact", "numeric", _LAST.format("exact"), order_by="at"),
    Case("last", "kind", "text", _LAST.format("kind"), order_by="at"),
    Case("avg", "small", "numeric", "avg(e.small){filter}"),
    Case("avg", "whole", "numeric", "avg(e.whole){filter}"),
    Case("avg", "large", "numeric", "avg(e.large){filter}"),
    Case("avg", "exact", "numeric", "avg(e.exact){filter}"),
    Case("avg", "rough", "double precision", "avg(e.rough){filter}"),
    Case("avg", "short", "double precision", "avg(e.short){filter}"),
    *(
        Case("distinct", column, type_, f"count(distinct e.{column}){{filter}}")
        for column, type_ in {
            "kind": "bigint", "code": "numeric", "whole": "bigint", "exact": "bigint", "rough": "bigint",
            "at": "bigint",
            "mark": "bigint",
        }.items()
    ),
]  # fmt: skip
_TABLES = """
    drop schema if exists plain cascade;
    create schema plain;
    grant usage on schema plain to pgscore_owner;
    create table plain.profile (id integer primary key, everything {type}, flagged {type}, score double precision);
    create table plain.event (
        id integer primary key, who integer, flag boolean, small smallint, whole integer, large bigint, exact numeric,
        rough double precision, short real, kind text, code varchar(9), at timestamptz, day date, mark uuid,
        long interval
    ) {partitioned};
    create index on plain.event (who);
"""
_PARTITIONS = """
    create table plain.low partition of plain.event for values from (minvalue) to (15);
    create table plain.high partition of plain.event for values from (15) to (maxvalue)
"""
# Event n of customer who, and values that follow from seed: NULL is one of them, and equal ones that look different.
_ROWS = """
    insert into plain.event
    select n, who, s % 3 > 0, s - 3, s * 1000003 - 3, s * 5000000000000000 - 2,
        (array[1.0, 1.00, 2.50, null, -7, 0.1])[s + 1],
        (array[0.1, 0.2, 1e9, null, -0.3, 0.7])[s + 1], (array[0.1, 0.2, 1e4, null, -0.3, 0.7])[s + 1]::real,
        (array['b', 'a', '', null, 'Ä', 'a'])[s + 1], (array['b', 'a', null, '', 'zz', 'a '])[s + 1],
        (array[timestamptz '2026-01-01 12:00Z', null, '2026-01-01 13:00+01', '2026-03-01Z', '2025-1-1Z', null])[s + 1],
        (array[date '2026-01-01', null, '2026-01-02', '2025-12-31', null, 'infinity'])[s + 1],
        (array[null, '00000000-0000-0000-0000-00000000000' || s])[1 + (s > 0)::integer]::uuid,
        (array[interval '1 month', '30 days', null, '1 year', '-1 day', '720 hours'])[s + 1]
    from (values {values}) v (n, who, s)
"""


def _rows(*events: tuple[int, int | None, int]) -> str:
    values = ", ".join(f"({n}, {'null::integer' if who is None else who}, {seed})" for n, who, seed in events)
    return _ROWS.replace("{values}", values)


_STEPS = [
    _rows((1, 1, 0)),
    _rows((2, 1, 1), (3, 2, 2), (4, 1, 3), (5, 9, 4), (6, None, 5), (20, 2, 0), (21, 3, 5)),
    _rows((7, 3, 3)),  # NULL, and nothing else
    "insert into plain.profile (id) values (9)",  # after its event
    "update plain.event set whole = whole + 1, exact = exact * 3, rough = rough / 3, kind = kind || 'x',"
    " at = at - interval '1 year' where id in (1, 3, 21)",
    "update plain.event set kind = kind",
    "update plain.event set flag = not flag where id in (2, 20)",
    "update plain.event set who = 3 - who where who in (1, 2)",
    "update plain.event set who = null where id = 4; update plain.event set who = 1 where id = 6",
    "update plain.event set exact = null, whole = null, kind = null, at = null where id in (20, 21)",
    "delete from plain.event where id = 2",
    f"begin; {_rows((8, 2, 5), (22, 2, 4))}; delete from plain.event where id = 8;"
    " update plain.event set who = 1, small = 9 where id = 22; commit",
    f"begin; {_rows((9, 1, 2))}; {_rows((10, 1, 5))}; {_rows((23, 1, 0))}; commit",
    "update plain.profile set id = 8 where id = 1",
    "update plain.event set who = 8 where who = 1",
    "insert into plain.profile (id) values (1)",
    "update plain.event set id = id + 30, who = 1 where id < 5",  # to another partition
    "delete from plain.event where who = 8",
    "delete from plain.profile where id = 2; insert into plain.profile (id) values (2)",
    "begin; delete from plain.event; savepoint s; " + _rows((50, 1, 1)) + "; rollback to s; commit",
    _rows((11, 1, 1), (24, 2, 2)),
    "truncate plain.event",
    _rows((12, 3, 1)),
]
# What cannot be added up and taken away again.
_ODD = [
    "insert into plain.event (id, who, exact, rough, short) values (60, 1, 'NaN', 'NaN', 'NaN'), (61, 2, 'Infinity',"
    " 'Infinity', 'Infinity'), (62, 2, 4, 1e100, 4)",
    "update plain.event set who = 2 where id = 60",
    "delete from plain.event where id = 60",
    "update plain.event set exact = 5, rough = 5, short = 5 where id = 61",
    "insert into plain.event (id, who, rough, short) values (63, 1, 1e16, 1e7), (64, 1, 0.1, 0.1)",
    "delete from plain.event where id = 63",
]


@pytest.fixture(scope="module")
def plain(cluster: PrivateCluster, installed_template: NoopExecutor) -> Iterator[Database]:
    """A database for all of these tests, each of which makes its tables anew."""
    with DatabaseJanitor(
        user=cluster.user,
        host=cluster.host,
        port=cluster.port,
        password=cluster.password,
        dbname=named("reducers"),
        template_dbname=installed_template.template_dbname,
    ):
        database = Database(cluster, named("reducers"))
        yield database
        database.close()


@pytest.fixture
def session(plain: Database) -> Iterator[Session]:
    """A superuser's session, which ends with the test."""
    session = Session(plain.dsn())
    yield session
    session.close()


def _build(session: Session, case: Case, timing: str, *, partitioned: bool) -> None:
    session.run("reset role")
    session.run(_TABLES.format(type=case.type, partitioned="partition by range (id)" if partitioned else ""))
    if partitioned:
        session.run(_PARTITIONS)
    reducers = [
        {**case.reducer, "column": "everything"},
        {**case.reducer, "column": "flagged", "where": {"flag": True}},
    ]
    session.run(
        "select pgscore.attach('plain', 'plain.event', 'plain.profile', 'who', 'id', %s, 'score', timing => %s)",
        json.dumps(reducers),
        timing,
    )


def _wrong(session: Session, case: Case) -> list[tuple[object, ...]]:
    """Profiles whose counters are not what GROUP BY says."""
    everything = case.oracle.format_map({"filter": "", "and": ""})
    some = case.oracle.format_map({"filter": " filter (where e.flag)", "and": " and e.flag"})
    same = "p.{0} is not distinct from g.{0}"
    # The order of the terms decides about a float's last digits.
    if case.type == "double precision" and case.aggregate in ("sum", "avg"):
        same = f"({same} or abs(p.{{0}} - g.{{0}}) <= 1e-9 * abs(g.{{0}}) + 1e-12)"
    return session.run(
        f"""
        select p.id, p.everything::text, g.everything::text, p.flagged::text, g.flagged::text
        from (
            select c.id, {everything} as everything, {some} as flagged
            from plain.profile c left join plain.event e on e.who = c.id group by c.id
        ) g join plain.profile p on p.id = g.id
        where not ({same.format("everything")} and {same.format("flagged")})
        """
    )


@pytest.mark.parametrize("case", _CASES, ids=str)
def test_invariant_1_an_aggregate_is_what_group_by_says(session: Session, case: Case) -> None:
    for timing in ("commit", "statement"):
        for partitioned in (False, True):
            where = f"{timing}{', partitioned' if partitioned else ''}"
            _build(session, case, timing, partitioned=partitioned)
            session.run("insert into plain.profile (id) values (1), (2), (3)")
            for step in [*_STEPS, *_ODD]:
                session.run(step)
                assert _wrong(session, case) == [], (where, step)
            # What is compared later is not found to differ.
            session.run("call pgscore.reconcile('plain.event', 'plain.profile', repair => false)")
            assert session.value("select differing from pgscore.reconciliation where finished is not null") == 0, where
            # Attached once more, all that is there is counted.
            before = session.run("select id, everything::text, flagged::text from plain.profile order by id")
            session.run("select pgscore.detach('plain.event', 'plain.profile')")
            session.run("update plain.profile set everything = null, flagged = null")
            session.run(
                "select pgscore.attach('plain', 'plain.event', 'plain.profile', 'who', 'id', %s, 'score')",
                json.dumps([{**case.reducer, "column": "everything"}]),
            )
            assert session.run("select id, everything::text from plain.profile order by id") == [
                (key, everything) for key, everything, _ in before
            ]


@pytest.mark.parametrize(
    ("reducer", "type_", "reason"),
    [
        ({"aggregate": "avg", "of": "kind"}, "numeric", 'column "kind" of type text has no average'),
        ({"aggregate": "avg", "of": "whole"}, "bigint", "must be numeric, without a precision, for an average"),
        ({"aggregate": "avg", "of": "whole"}, "numeric(9, 2)", "must be numeric, without a precision, for an average"),
        ({"aggregate": "avg", "of": "rough"}, "numeric", "must be double precision"),
        ({"aggregate": "avg"}, "numeric", 'has no column "'),
        ({"aggregate": "distinct", "of": "kind"}, "integer", "which a distinct can overflow"),
        ({"aggregate": "distinct"}, "bigint", 'has no column "'),
        ({"aggregate": "distinct", "of": "mark", "deletes": "ignore"}, "bigint", "cannot ignore deletes"),
        ({"aggregate": "avg", "of": "whole", "deletes": "ignore"}, "numeric", "cannot ignore deletes"),
        ({"aggregate": "distinct", "of": "whole", "order_by": "at"}, "bigint", 'takes an "order_by"'),
    ],
)
def test_an_aggregate_that_does_not_fit_its_columns_is_refused(
    session: Session, reducer: dict[str, str], type_: str, reason: str
) -> None:
    session.run(_TABLES.format(type=type_, partitioned=""))
    with refused("22023", reason):
        session.run(
            "select pgscore.attach('plain', 'plain.event', 'plain.profile', 'who', 'id', %s, 'score')",
            json.dumps([{**reducer, "column": "everything"}]),
        )


def test_values_without_an_order_cannot_be_told_apart(session: Session) -> None:
    session.run(_TABLES.format(type="bigint", partitioned=""))
    session.run("alter table plain.event add column place point")
    with refused("22023", "has no order, which distinct needs"):
        session.run(
            "select pgscore.attach('plain', 'plain.event', 'plain.profile', 'who', 'id', %s, 'score')",
            json.dumps([{"column": "everything", "aggregate": "distinct", "of": "place"}]),
        )
