"""plpgsql_check finds nothing in the functions of pgscore's, of models and of bindings, but what has its reason."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.bindings import shop
from tests.generated import test_snapshots as snapshots
from tests.program.scoring import create
from tests.trust import test_search_path as programs

from .exceptions import unexplained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.database import Database, Session

# A function of triggers is checked for each table that has one, with the transition tables that any of them brings.
_CHECKED = """
    select n.nspname || '.' || p.proname, t.relation::regclass, f.level, f.message, f.detail, f.query
    from pg_proc p
    join pg_language l on l.oid = p.prolang
    join pg_namespace n on n.oid = p.pronamespace
    left join (
        select tgfoid as called, tgrelid as relation, max(tgoldtable) as old, max(tgnewtable) as new
        from pg_trigger where not tgisinternal and tgparentid = 0 group by tgfoid, tgrelid
    ) t on t.called = p.oid
    cross join lateral checking.plpgsql_check_function_tb(
        p.oid, coalesce(t.relation, 0), oldtable => t.old, newtable => t.new, fatal_errors => false,
        other_warnings => true, extra_warnings => true, performance_warnings => true, security_warnings => true,
        compatibility_warnings => true
    ) f
    where l.lanname = 'plpgsql' and n.nspname not in ('pg_catalog', 'information_schema', 'checking')
        and (p.prorettype <> 'trigger'::regtype or t.called is not null) and p.oid <> all (%s::oid[])
"""
_WITHOUT_A_TABLE = """
    select p.oid::regprocedure::text from pg_proc p join pg_language l on l.oid = p.prolang
    where l.lanname = 'plpgsql' and p.prorettype = 'trigger'::regtype
        and not exists (select from pg_trigger t where t.tgfoid = p.oid)
"""
# What the snapshots do not show.
_OPTIONS: list[dict[str, Any]] = [
    {"on_missing": "error"},
    {"on_missing": "insert", "timing": "statement"},
    {"on_error": "abort", "max_scoring_ms": "5"},
    {"max_scoring_ms": "5", "log": "false"},
]


@pytest.fixture
def checking(serving: Database) -> Session:
    """A superuser's session in a database with plpgsql_check, where two models are compiled and one serves."""
    session = serving.session()
    session.run("create schema checking; create extension plpgsql_check schema checking")
    return session


def _findings(session: Session, known: list[int]) -> set[str]:
    """What is found in all functions but those that are known, in one line each."""
    # As where it is read: no statement that reads it is planned while it is empty.
    session.run("set pgscore.scored = '1/1'")
    found: list[tuple[Any, ...]] = session.run(_CHECKED, known)
    assert session.run(_WITHOUT_A_TABLE) == [], "they are checked with their tables only"
    return {
        ": ".join(" ".join(str(part).split()) for part in (name, level, message, detail) if part)
        for name, _, level, message, detail, _ in found
    }


def _bindings() -> Iterator[Callable[[Session], None]]:
    """What makes and attaches tables, in each way that has a snapshot, and in some more."""
    for _, build, attach in snapshots._VARIANTS.values():
        yield partial(_attached, build, attach)
    for options in _OPTIONS:
        yield partial(_attached, shop.build, partial(shop.attach, **options))


def _attached(build: Callable[[Session], object], attach: Callable[[Session], object], session: Session) -> None:
    build(session)
    attach(session)


def test_all_functions(checking: Session) -> None:
    findings = _findings(checking, [])
    known = [number for (number,) in checking.run("select oid::bigint from pg_proc")]
    for make in _bindings():
        checking.run("begin")
        make(checking)
        findings |= _findings(checking, known)
        checking.run("rollback")
    for program in programs._programs():
        checking.run("begin")
        create(checking, program, 0 if program["link"] == "identity" else 1)
        findings |= _findings(checking, known)
        checking.run("rollback")
    wrong = unexplained("plpgsql_check", findings)
    assert not wrong, "\n".join(wrong)


def test_what_is_wrong_is_found(checking: Session) -> None:
    checking.run(
        "create function pgscore.wrong() returns integer language plpgsql stable as"
        " $$ declare unused integer; begin return (select count(*) from nowhere); end $$"
    )
    found = {each for each in _findings(checking, []) if each.startswith("pgscore.wrong: ")}
    assert found >= {
        'pgscore.wrong: error: relation "nowhere" does not exist',
        'pgscore.wrong: warning: unused variable "unused"',
    }
    assert unexplained("plpgsql_check", found)[:2] == sorted(found)[:2]
