"""pgscore.score_rows: versions, keys, refusals, whose rights and whose search_path."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pgscore
import psycopg2
import pytest
from sklearn.base import clone

from tests.support.database import refused

from .bulk import COLUMNS, QUOTED, ROWS, TABLE, Model, models, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Session

    from .engines import Lab

_TYPED = QUOTED.replace('"share"', "share::numeric as share, now() as at, '1 day'::interval as \"for\"")
_ENGINES = ("near", "program_linear", "program_trees")


@pytest.fixture
def session(bulk: Session) -> Iterator[Session]:
    bulk.run("begin")
    yield bulk
    bulk.run("rollback")


def _scores(session: Session, model: str, source: str = f"'{TABLE}'", more: str = "") -> list[tuple[object, ...]]:
    return session.run(f"select * from pgscore.score_rows('{model}', {source}{more}) order by key")


@contextmanager
def _rejected(session: Session, sqlstate: str, message: str, hint: str = "") -> Iterator[None]:
    session.run("savepoint before")
    with refused(sqlstate, message, hint=hint):
        yield
    session.run("rollback to before")


# Versions -------------------------------------------------------------------------------------------------------------


def test_any_version_answers_and_says_so(lab: Lab, bulk: Session) -> None:
    other = clone(models()["bare"].fitted).fit(
        rows(2)[["amount", "n1", "n3"]], rows(2)["open"].map({True: "yes", False: "no"})
    )
    versions = [models()["bare"], Model(other, "yes", refuses=True), models()["program_linear"]]
    wanted = {}
    for version, model in enumerate(versions, start=1):
        published = pgscore.publish(
            lab.engine, "versioned", model.fitted, golden=rows().head(9), key=lab.key, positive="yes"
        )
        assert published.version == version
        wanted[version] = model.expected(rows())
    bulk.run("select pgscore._serve('versioned', 1, 'estimator')")
    for version, scores in wanted.items():
        for source in (f"'{TABLE}'::regclass", f"'select * from {TABLE}'"):
            found = bulk.run(
                f"select score, version from pgscore.score_rows('versioned', {source}, {version})"
                f" where key::integer <= {ROWS} order by key::integer"
            )
            assert [score for score, _ in found] == pytest.approx(scores, abs=1e-12)
            assert {each for _, each in found} == {version}
    assert bulk.value(f"select max(version) from pgscore.score_rows('versioned', '{TABLE}')") == 1


def test_versions_that_are_not_there(session: Session) -> None:
    with _rejected(session, "42704", 'model "nothing" is unknown'):
        _scores(session, "nothing")
    with _rejected(session, "42704", "model NULL is unknown"):
        session.run(f"select * from pgscore.score_rows(null, '{TABLE}')")
    with _rejected(session, "42704", 'model "near" has no version 9'):
        _scores(session, "near", more=", 9")
    session.run("insert into pgscore.model (name) values ('young')")
    with _rejected(session, "55000", 'model "young" has no promoted version'):
        _scores(session, "young")
    session.run("insert into pgscore.retirement (model, version, pruned_at, pruned_by) values ('bare', 1, now(), 'x')")
    with _rejected(session, "55000", 'model "bare" version 1 was pruned'):
        _scores(session, "bare", more=", 1")


# Keys -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", _ENGINES)
def test_keys(session: Session, model: str) -> None:
    session.run(
        f"create table keyed as select 'a,b' as shop, t.* from {TABLE} t where n in (3, 4);"
        " alter table keyed add primary key (n, shop); create view looked_at as select * from keyed"
    )
    found = {
        source + more: [key for key, *_ in _scores(session, model, source, more)]
        for source in ("'keyed'", "'looked_at'", "'select n, k.* from keyed k'")
        for more in ("", ", key => array['whole', 'shop']")
    }
    whole = [session.value(f"select whole::text from keyed where n = {n}") for n in (3, 4)]
    pairs = sorted(f'{{{each},"a,b"}}' for each in whole)
    assert found == {
        "'keyed'": ['{3,"a,b"}', '{4,"a,b"}'],
        "'looked_at'": ["a,b", "a,b"],
        "'select n, k.* from keyed k'": ["3", "4"],
        "'keyed', key => array['whole', 'shop']": pairs,
        "'looked_at', key => array['whole', 'shop']": pairs,
        "'select n, k.* from keyed k', key => array['whole', 'shop']": pairs,
    }
    with _rejected(session, "42703", 'table public.keyed has no column "nothing" for the key', "key names columns"):
        _scores(session, model, "'keyed'", ", key => array['nothing']")
    with _rejected(session, "42702", 'the query has more than one column "n" for the key'):
        _scores(session, model, "'select n, k.* from keyed k'", ", key => array['n']")


def test_a_column_may_be_called_as_the_statements_call_their_rows(session: Session) -> None:
    wanted = _scores(session, "program_linear", f"'select n1 as key, * from {TABLE}'")
    for name in ("pgscore_row", "pgscore_given", "pgscore_query", "pgscore_one"):
        assert _scores(session, "program_linear", f"'select n1 as {name}, * from {TABLE}'") == wanted
    session.run("create temporary table nothing ()")
    with _rejected(session, "42703", "table nothing has no column"):
        _scores(session, "program_linear", "'nothing'")


def test_a_key_may_be_null(session: Session) -> None:
    found = _scores(session, "bare", "'select null::text, 1.0 as amount, 2 as n1, 3 as n3'")
    assert [key for key, *_ in found] == [None]
    assert found[0][1] is not None


# Refusals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", _ENGINES)
def test_sources_that_do_not_fit(session: Session, model: str) -> None:
    for nothing in ("null::text", "''", "' ;'", "null::regclass"):
        with _rejected(session, "22023", "there is no query, and no table"):
            _scores(session, model, nothing)
    for name in ("no_such_table", " nowhere.table ", '"No such"'):
        with _rejected(session, "42P01", f"table {name.strip()} does not exist"):
            _scores(session, model, f"'{name}'")
    with _rejected(session, "42703", 'the query has no column "small", which the model reads'):
        _scores(session, model, "'select 1 as n'")
    with _rejected(session, "42703", 'the query has no column "small"'):
        _scores(session, model, "'select from pg_class limit 1'")
    with _rejected(session, "42702", 'the query has more than one column "small"'):
        _scores(session, model, f"'select small, t.* from {TABLE} t'")
    session.run(f"create table lacking as select {QUOTED} from {TABLE}; alter table lacking drop column city")
    with _rejected(session, "42703", 'table public.lacking has no column "city", which the model reads'):
        _scores(session, model, "'lacking'")
    # As pgscore.score has it: by the row, and by the table where the model scores that table.
    for changed, sqlstate, message in (
        ("1 as city", "42804", 'input "city" is the number 1, and the model wants text'),
        ("'x'::text as whole", "42804", 'input "whole" is the string "x", and the model wants double precision'),
        ("1 as open", "42804", 'input "open" is the number 1, and the model wants boolean'),
    ):
        name = changed.rsplit(" ", 1)[1]
        others = ", ".join(f'"{each}"' for each in COLUMNS if each != name)
        query = f"select {changed}, {others} from {TABLE} limit 1"
        with _rejected(session, sqlstate, message):
            session.run(f"select pgscore.score('{model}', s) from ({query}) s")
        with _rejected(session, sqlstate, message):
            _scores(session, model, f"$${query}$$")
    session.run(f"alter table {TABLE} alter column city type integer using 1")
    with _rejected(session, "42804", "cannot serve as text", "Fit the model on the column as it is"):
        _scores(session, model)


@pytest.mark.parametrize("model", ["near", "program_linear"])
def test_only_one_select_is_run(session: Session, model: str) -> None:
    wanted = _scores(session, model)
    for query in (
        f"select * from {TABLE};",
        f"  with t as (select * from {TABLE}) select * from t -- all of them",
        f"table {TABLE}",
        f"select * from {TABLE} order by n desc /* ; */ ;\n",
    ):
        assert _scores(session, model, f"$${query}$$") == wanted
    session.run("create table marks (n integer)")
    for query, sqlstate in (
        ("select 1; select 2", "42601"),
        (f"select * from {TABLE}) s; insert into marks values (1); --", "42601"),
        (f"with m as (insert into marks values (1) returning n) select t.* from {TABLE} t", "0A000"),
        ("insert into marks values (1) returning n", "42601"),
        (f"select * from {TABLE} for update", "0A000"),
        ("drop table marks", "42601"),
    ):
        with _rejected(session, sqlstate, ""):
            _scores(session, model, f"$${query}$$")
    assert session.run("select * from marks") == []
    session.run("set transaction read only")
    assert _scores(session, model) == wanted


# Rights, paths, settings ----------------------------------------------------------------------------------------------


def test_the_rights_are_the_callers(bulk: Session, lab: Lab) -> None:
    bulk.run("begin")
    bulk.run(
        "create role bulk_reader; grant pgscore_reader to bulk_reader;"
        f" create table readable as select * from {TABLE}; grant select on readable to bulk_reader;"
        " create role bulk_nobody; grant select on readable to bulk_nobody"
    )
    try:
        bulk.run("set role bulk_reader")
        for model in _ENGINES:
            assert len(_scores(bulk, model, "'readable'")) > ROWS
            assert len(_scores(bulk, model, "'select * from readable'")) > ROWS
            for source in (f"'{TABLE}'", f"'select * from {TABLE}'"):
                with _rejected(bulk, "42501", f"permission denied for table {TABLE}"):
                    _scores(bulk, model, source)
        bulk.run("set role bulk_nobody")
        with _rejected(bulk, "42501", "permission denied for schema pgscore"):
            _scores(bulk, "near", "'readable'")
    finally:
        bulk.run("rollback")


def test_a_hijacked_path_reaches_the_query_and_nothing_else(session: Session) -> None:
    wanted = {model: _scores(session, model) for model in _ENGINES}
    session.run(
        "create schema evil;"
        " create function evil.trap() returns boolean language plpgsql as $$ begin raise 'trapped'; end $$;"
        f" create table evil.mine as select * from public.{TABLE};"
        " create function evil.own() returns setof evil.mine language plpgsql as"
        " $$ begin return query select * from mine; end $$"
    )
    for name in ("text", "int4", "oid", "json", "jsonb", "float8", "bool", "name", "refcursor", "regclass", "record"):
        base = f"pg_catalog.{name}" if name != "record" else "pg_catalog.text"
        session.run(f"create domain evil.{name} as {base} check (evil.trap())")
    for name, arguments in (
        ("format", "pg_catalog.text, variadic pg_catalog.text[]"),
        ("format", "pg_catalog.text, pg_catalog.text"),
        ("rtrim", "pg_catalog.text, pg_catalog.text"),
        ("concat", "pg_catalog.text, pg_catalog.text, pg_catalog.text"),
        ("length", "pg_catalog.text"),
        ("to_regclass", "pg_catalog.text"),
        ("unnest", "pg_catalog.anyarray"),
        ("array_agg", "pg_catalog.anyelement"),
        ("row_to_json", "pg_catalog.record"),
        ("pg_typeof", "pg_catalog.text"),
        ("count", ""),
    ):
        session.run(
            f"create function evil.{name}({arguments}) returns boolean language plpgsql"
            " as 'begin return evil.trap(); end'"
        )
    for kind in ("int4", "text", "int8", "oid", "float8"):
        both = f"pg_catalog.{kind}, pg_catalog.{kind}"
        session.run(f"create function evil.trap({both}) returns pg_catalog.bool language sql as 'select evil.trap()'")
        for operator in ("=", "<", ">", "<>", "||"):
            session.run(
                f"create operator evil.{operator} (function = evil.trap,"
                f" leftarg = pg_catalog.{kind}, rightarg = pg_catalog.{kind})"
            )
    session.run("set local search_path = evil, public, pg_catalog")
    for model in _ENGINES:
        for source in (f"'{TABLE}'", f"'select * from {TABLE}'", "'mine'", "'select * from own()'"):
            key = ", key => array['n']" if "mine" in source else ""
            found = session.run(
                f"select * from pgscore.score_rows('{model}', {source}{key}) s order by s.key collate pg_catalog.\"C\""
            )
            assert found == sorted(wanted[model], key=lambda row: str(row[0]).encode()), (model, source)


@pytest.mark.parametrize("model", ["near", "bare", "program_linear"])
def test_settings_of_a_session_change_no_score(session: Session, model: str) -> None:
    sources = (
        f"'{TABLE}'",
        f"$$select n, t.* from (select {_TYPED}, n from {TABLE}) t$$",
    )
    wanted = [_scores(session, model, source) for source in sources]
    session.run(
        "set local extra_float_digits = -5; set local datestyle = 'German'; set local timezone = 'Asia/Tokyo';"
        " set local bytea_output = 'escape'; set local client_encoding = 'LATIN1'; set local work_mem = '64kB';"
        " set local intervalstyle = 'sql_standard'"
    )
    bits = "select key, encode(float8send(score), 'hex'), version, reason from pgscore.score_rows"
    found = [session.run(f"{bits}('{model}', {source}) order by key") for source in sources]
    session.run("set local extra_float_digits = 1")
    assert [_scores(session, model, source) for source in sources] == wanted
    session.run("reset datestyle; reset timezone; reset bytea_output; reset intervalstyle; reset work_mem")
    assert [session.run(f"{bits}('{model}', {source}) order by key") for source in sources] == found


# Older releases, and rows one by one ----------------------------------------------------------------------------------


def test_an_older_plpython_branch_serves(session: Session) -> None:
    wanted = {model: _scores(session, model) for model in ("near", "net", "bare")}
    session.run("drop function pgscore_trusted._estimate_rows, pgscore_trusted._count_row")
    assert {model: _scores(session, model) for model in wanted} == wanted
    assert session.value(f"select count(pgscore.score('near', t)) from {TABLE} t where n < 4") == 3


def test_nobody_makes_arrays_of_bytes(session: Session) -> None:
    """A forged array reads, and writes, what is behind it in the server's memory."""
    forger = "pgscore_trusted._array_of_memory"
    may = "has_function_privilege(r.oid, %s::regproc, 'execute')"
    assert session.run(f"select r.rolname from pg_roles r where not r.rolsuper and {may}", forger) == []
    back = f"{forger}(pgscore_trusted._array_memory(%s::double precision[]))"
    for array in ("{}", "{1,NULL,NaN}", "{{1,-Infinity},{NULL,4}}", "{NULL}"):
        assert session.value(f"select {back} = %s::double precision[]", array, array), array


def test_null_among_the_numbers_of_an_array_is_missing(session: Session) -> None:
    digest = session.value("select digest from pgscore.model_version where model = 'bare'")
    call = "(pgscore._estimate('bare', 1, %s, {}, %s::double precision[], null)).*"
    scores = session.row(f"select {call.format(2)}", digest, [[1.0, 2.0, 3.0], [1.0, None, 3.0]])[1]
    assert scores[1] is None
    assert scores[0] == session.row(f"select {call.format(1)}", digest, [[1.0, 2.0, 3.0]])[1][0]


def test_many_rows_one_by_one_are_told_of_once(bulk: Session, lab: Lab) -> None:
    """In a session of its own: others have been told."""
    with psycopg2.connect(lab.dsn) as connection, connection.cursor() as cursor:
        told = connection.notices
        for _ in range(2):
            # Not of a few rows in each of many statements, as an application has them.
            for _ in range(60):
                cursor.execute(f"select pgscore.score('bare', t) from {TABLE} t where n <= 2")
            cursor.execute(
                "select pgscore._rescore('bare', null, t, true), pgscore._score_rows('bare', array[t])"
                f" from {TABLE} t where n <= 120"
            )
            cursor.execute(f"select * from pgscore.score_rows('bare', '{TABLE}')")
        assert told == []
        cursor.execute(f"select pgscore.score('bare', to_jsonb(t)) from {TABLE} t where n <= 99")
        assert told == []
        for _ in range(2):
            cursor.execute(f"select pgscore.score('bare', t) from {TABLE} t where n <= 120")
        (said,) = told
        assert 'model "bare" is no program' in said
        assert "pgscore.score_rows('bare', " in said
