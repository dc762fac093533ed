"""Sessions that score a few rows start and plan as little as they can; those that last get the chosen engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.database import ANALYST, APPLICATION
from tests.support.models import assert_scores_are_right, pipeline

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_COMPLAIN = "insert into churn.complaints (customer_id, kind) values (%s, 'x')"
_MARK = "select current_setting('pgscore.lasting', true)"
_SCORE = "select churn_score from churn.customer_profile where customer_id = %s"
# An interpreter whose answer shows that it was asked.
_TELLTALE = """
create or replace function pgscore_trusted._walk(
    digest text, positive integer, numbers double precision[], texts text[]
) returns double precision language sql as 'select 0.125::double precision'
"""
_FIRST = 9


@pytest.fixture
def chosen(serving: Database) -> Database:
    """Version 1 serves, with the interpreter for one row, as if it had been measured to be much faster."""
    serving.session().run("select pgscore._serve('churn', 1, null, 'interpreter', 'sql')")
    return serving


def _interpreted(owner: Session, session: Session, customer: int = 1) -> bool:
    """Complains; whether the interpreter was asked."""
    session.run(_COMPLAIN, customer)
    return bool(owner.value(_SCORE, customer) == 0.125)


def test_the_first_nine_scores_of_a_session_are_sqls(chosen: Database) -> None:
    owner = chosen.session()
    owner.run(_TELLTALE)
    session = chosen.session(APPLICATION)
    assert [_interpreted(owner, session) for _ in range(_FIRST + 3)] == [False] * _FIRST + [True] * 3
    # What is rolled back does not count; what the session forgets is counted anew; other sessions count for themselves.
    session.run("discard all")
    session.run("begin")
    session.run(_COMPLAIN, 2)
    session.run("set constraints all immediate")
    assert session.value(_MARK) == "."
    session.run("rollback")
    assert session.value(_MARK) == ""
    assert [_interpreted(owner, session) for _ in range(_FIRST + 1)] == [False] * _FIRST + [True]
    other = chosen.session(APPLICATION)
    assert not _interpreted(owner, other)
    # A session may say what it will be, and nonsense is no harm.
    for mark, expected in (("on", True), ("sql", False), ("", False), ("'; drop", False), ("nine or more", False)):
        other.run("select set_config('pgscore.lasting', %s, false)", mark)
        assert _interpreted(owner, other) is expected, mark
    assert _interpreted(owner, other)
    # Many rows of one transaction count one by one, and changes that no model reads do not count.
    third = chosen.session()
    third.run("update churn.customer_profile set churn_scored_at = now() where customer_id = 1")
    assert third.value(_MARK) in (None, "")
    third.run("update churn.customer_profile set total_day_minutes = total_day_minutes + 1 where customer_id < 5")
    assert third.value(_MARK) == "...."


def test_both_give_the_same_numbers_whatever_the_session_is(chosen: Database) -> None:
    owner, session, analyst = chosen.session(), chosen.session(APPLICATION), chosen.session(ANALYST)
    for turn in range(_FIRST + 4):
        session.run(_COMPLAIN, 1 + turn % 5)
        assert_scores_are_right(owner, {1: pipeline()})
    assert session.value(_MARK) == "on"
    # A type that changes reaches open sessions, before and after.
    fresh = chosen.session(APPLICATION)
    fresh.run(_COMPLAIN, 7)
    owner.run("alter table churn.customer_profile alter column total_day_minutes type numeric")
    for each in (session, fresh):
        each.run(_COMPLAIN, 6)
    assert_scores_are_right(owner, {1: pipeline()})
    assert owner.run("select * from pgscore.stale") == []
    # Queries count nothing and follow: in read-only transactions, and in parallel workers.
    asked = (
        "select pgscore.score('churn', to_jsonb(p)), p.churn_score from churn.customer_profile p where customer_id < 6"
    )
    summed = "select sum(pgscore.score('churn', to_jsonb(p))) from churn.customer_profile p"
    totals = set()
    for mark in ("", "on", "sql"):
        analyst.run("select set_config('pgscore.lasting', %s, false)", mark)
        analyst.run("set default_transaction_read_only = on")
        assert all(found == pytest.approx(stored, abs=1e-12) for found, stored in analyst.run(asked))
        for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
            analyst.run(f"set {setting} = 0")
        totals.add(round(analyst.value(summed), 9))
        assert analyst.value(_MARK) == mark
    assert len(totals) == 1
    rescores = "select proparallel, provolatile from pg_proc where proname in ('_rescore', 'churn rescore')"
    assert set(owner.run(rescores)) == {("u", "v")}
    # What was named is taken from the first score on.
    owner.run("select pgscore._serve('churn', 1, 'interpreter')")
    owner.run(_TELLTALE)
    assert _interpreted(owner, chosen.session(APPLICATION))


@pytest.mark.parametrize(
    "lost",
    [
        "drop extension plpython3u cascade",
        "revoke all on schema pgscore_trusted from public, pgscore_reader, pgscore_owner",
    ],
)
def test_sql_goes_on_where_the_interpreter_is_gone(chosen: Database, lost: str) -> None:
    owner, lasting, young = chosen.session(), chosen.session(APPLICATION), chosen.session(APPLICATION)
    for turn in range(_FIRST + 2):
        lasting.run(_COMPLAIN, 1 + turn % 5)
    young.run(_COMPLAIN, 6)
    owner.run(lost)
    for turn in range(_FIRST + 2):
        for session in (lasting, young, chosen.session(APPLICATION)):
            session.run(_COMPLAIN, 1 + turn % 5)
            assert_scores_are_right(owner, {1: pipeline()})
    assert [session.value(_MARK) for session in (lasting, young)] == ["sql", "sql"]
    assert owner.run("select * from pgscore.stale") == []
    if "drop" in lost:
        analyst = chosen.session(ANALYST)
        for mark in ("", "on"):
            analyst.run("select set_config('pgscore.lasting', %s, false)", mark)
            assert (
                analyst.value("select count(pgscore.score('churn', to_jsonb(p))) from churn.customer_profile p") == 60
            )
        # The next promotion does without.
        owner.run("select pgscore.promote('churn', 1)")
        assert owner.row("select one_engine, many_engine from pgscore.model") == ("sql", "sql")


def test_a_large_program_is_no_part_of_the_queries_that_call_it(chosen: Database) -> None:
    session = chosen.session(ANALYST)
    query = "select pgscore.score('churn', p) from churn.customer_profile p order by p.customer_id"
    plain = session.run(query)
    # JIT compiles the plan, in which the program is a call.
    for setting in ("jit_above_cost", "jit_inline_above_cost", "jit_optimize_above_cost"):
        session.run(f"set {setting} = 0")
    session.run("set jit = on")
    assert session.run(query) == plain
    plan = "\n".join(line for (line,) in session.run(f"explain (verbose) {query}"))
    assert '_churn 1b"(' in plan
    assert plan.count("CASE WHEN") < 5
    session.run("set jit = off")
    assert session.run(query) == plain
    assert sum(line.count("CASE WHEN") for (line,) in session.run(f"explain (verbose) {query}")) > 50
