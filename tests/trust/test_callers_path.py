"""What stands first in a caller's search_path, or in pg_temp, neither runs nor changes a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.database import ANALYST, refused
from tests.support.models import ENGINES, serve

from .typed import MODELS

if TYPE_CHECKING:
    from tests.support.database import Database, Session

# Of a dozen rows: each kind of value is among them, and scikit-learn takes milliseconds for one.
_ROWS = "typed.row r where r.id operator(pg_catalog.<=) 12"
_FORMS = {
    "typed": f"select pgscore.score('{{model}}', r) from {_ROWS} order by r.id",
    "a name that is no constant": "select pgscore.score(m.name, r) from pgscore.model m,"
    f" {_ROWS} and m.name operator(pg_catalog.=) '{{model}}' order by r.id",
    "record": f"select pgscore.score('{{model}}', s) from (select r.*, 1 as more from {_ROWS}) s order by s.id",
    "json": f"select pgscore.score('{{model}}', pg_catalog.to_jsonb(r)) from {_ROWS} order by r.id",
    "predict": f"select pgscore.predict('{{model}}', pg_catalog.to_jsonb(r)) from {_ROWS} order by r.id",
    "predict a record": f"select pgscore.predict('{{model}}', r) from {_ROWS} order by r.id",
    "one row": f"select (pgscore._rescore('{{model}}', null, r, true))[1] from {_ROWS} order by r.id",
    "a binding's one": "select pgscore._rescore('{model}', r, s, false) from typed.row s,"
    f" {_ROWS} and (s.id operator(pg_catalog.=) r.id or s.id operator(pg_catalog.=) (r.id operator(pg_catalog.+) 1))"
    " order by r.id, s.id",
    "a binding's many": "select (pgscore._score_rows('{model}', pg_catalog.array_agg(r order by r.id))).scores"
    f" from {_ROWS}",
    "late": f"select pgscore._late_score('{{model}}', r) from {_ROWS} order by r.id",
}
# Each would be found before what pg_catalog has; each leaves a mark, and gives something else.
_FUNCTIONS = [
    ("to_jsonb", "anyelement", "jsonb"),
    ("concat", "anyelement", "text"),
    ("pg_typeof", "anyelement", "regtype"),
    ("exp", "double precision", "double precision"),
    ("abs", "double precision", "double precision"),
    ("ln", "double precision", "double precision"),
    ("sqrt", "double precision", "double precision"),
    ("float8", "integer", "double precision"),
    ("float8", "numeric", "double precision"),
    ("text", "character", "text"),
    ("int4", "boolean", "integer"),
]
_OPERATORS = [
    *((name, kind, kind, "boolean") for name in ("=", "<>", "<", "<=", ">", ">=") for kind in
      ("double precision", "text", "integer", "boolean", "character", "numeric", "real")),
    *((name, kind, kind, kind) for name in ("+", "-", "*", "/") for kind in ("double precision", "integer", "numeric")),
    ("||", "text", "text", "text"),
    ("<@", "point", "box", "boolean"),
]  # fmt: skip
_TYPES = ("text", "float8", "int4", "bool", "jsonb", "numeric", "box", "point", "varchar", "bpchar", "name")


@pytest.fixture
def caller(typed: Database) -> Session:
    """An analyst whose schema evil comes before pg_catalog, and whose pg_temp holds domains named like types."""
    observer = typed.session()
    observer.run(f"grant create, temporary on database {typed.name} to {ANALYST}")
    session = typed.session(ANALYST)
    session.run("drop schema if exists evil cascade")
    session.run("create schema evil; create table evil.mark (what text)")
    session.run(
        "create function evil.note(what text) returns boolean language plpgsql volatile set search_path = pg_catalog as"
        " $$ begin raise exception 'evil ran: %', what using errcode = 'P6666'; end $$"
    )
    for name, argument, answer in _FUNCTIONS:
        session.run(
            f"create function evil.{name}({argument}) returns {answer} language plpgsql stable as"
            f" $$ begin perform evil.note('{name}'); return null; end $$"
        )
    for number, (name, left, right, answer) in enumerate(_OPERATORS):
        session.run(
            f"create function evil.op{number}({left}, {right}) returns {answer} language plpgsql stable as"
            f" $$ begin perform evil.note('operator {name}'); return null; end $$;"
            f" create operator evil.{name} (function = evil.op{number}, leftarg = {left}, rightarg = {right})"
        )
    for schema in ("evil", "pg_temp"):
        for name in _TYPES:
            session.run(
                f"create domain {schema}.{name} as pg_catalog.{name} check (evil.note('domain {schema}.{name}'))"
            )
    return session


def _asked(session: Session) -> dict[tuple[str, str], Any]:
    return {(model, form): session.run(sql.format(model=model)) for model in MODELS for form, sql in _FORMS.items()}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_callers_path_changes_no_score(typed: Database, caller: Session, engine: str) -> None:
    session = typed.session()
    for model in MODELS:
        serve(session, model, 1, engine)
    expected = _asked(session)
    prepared = _FORMS["typed"].format(model="typed_sum")
    for path in ("evil, pg_catalog", "pg_temp, evil, pg_catalog", "pg_temp, pg_catalog, evil"):
        caller.run(f"set search_path = {path}")
        if path == "evil, pg_catalog":  # they are found, so they would run
            with refused("P6666", "evil ran: operator +"):
                caller.run("select 1 + 1")
        assert _asked(caller) == expected, path
        caller.run(f"prepare asked as {prepared}")
        for _ in range(7):
            assert caller.run("execute asked") == expected["typed_sum", "typed"], path
        caller.run("deallocate asked")


def test_a_cast_of_the_types_owner_is_not_run(typed: Database) -> None:
    """Who owns an enum type can make a cast of it that runs as whoever asks for a score."""
    session = typed.session()
    expected = session.run(_FORMS["typed"].format(model="typed_sum"))
    session.run("begin")
    session.run(
        "create function typed.evil(typed.tint) returns text language plpgsql stable as"
        " $$ begin raise exception 'evil ran' using errcode = 'P6666'; end $$"
    )
    session.run("create cast (typed.tint as text) with function typed.evil(typed.tint)")
    assert typed.session() is not None
    with_cast = session.run(_FORMS["typed"].format(model="typed_sum"))
    changed = session.run(_FORMS["a binding's one"].format(model="typed_sum"))
    session.run("rollback")
    assert with_cast == expected
    assert len(changed) == len(expected) * 2
