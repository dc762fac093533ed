"""Nobody without pgscore_operator fails or blocks a release; ties are for who may read the table.

A promotion that waits for somebody fails after five seconds: that it does not fail shows that it did not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pgscore
import pytest
from pgscore.doctor import examine

from tests.support.command import run as command
from tests.support.command import run_json
from tests.support.database import ANALYST, NOBODY, OPERATOR, SCIENTIST, refused
from tests.support.models import customers, light_pipeline, pipeline, probability

if TYPE_CHECKING:
    from tests.support.database import Database, Session

_COPY = (
    "create table public.copied as select * from churn.customer_profile;"
    " grant usage on schema public to pgscore_owner, test_analyst; grant select on public.copied to test_analyst"
)
_SCORES = "select pgscore.score('churn', p) from {} p order by p.customer_id"
_TIE = "select pgscore._add_profile('churn', 'public.copied')"
_FORGET = "select pgscore._drop_profile('churn', 'public.copied')"
_GENERATED = (
    "select count(*) from pg_proc p join pg_type t on t.oid = any (p.proargtypes) or t.typarray = any (p.proargtypes)"
    " where t.typrelid = 'public.copied'::regclass"
)


def _answering(session: Session, table: str) -> int:
    """The version whose scores a table's rows have, in the form that is generated for them."""
    found = [score for (score,) in session.run(_SCORES.format(table))]
    for version, model in ((1, pipeline()), (2, light_pipeline())):
        if found == pytest.approx(probability(model, customers()), abs=1e-12, rel=0):
            return version
    raise AssertionError(found[:3])


def _outdated(session: Session) -> list[str]:
    return [table for (table,) in session.run("select profile::text from pgscore._outdated_profiles() order by 1")]


@pytest.fixture
def copied(unsigned: Database) -> Session:
    """A superuser's session, where an analyst may read table public.copied and has tied it."""
    session = unsigned.session()
    session.run(_COPY)
    unsigned.session(ANALYST).run(_TIE)
    return session


def test_a_reader_ties_a_table_whose_rows_are_then_scored_by_functions_of_their_own(
    unsigned: Database, copied: Session
) -> None:
    assert copied.value(_GENERATED) == 6
    assert _answering(unsigned.session(ANALYST), "public.copied") == 1
    plan = str(unsigned.session(ANALYST).run(f"explain (verbose, costs off) {_SCORES.format('public.copied')}"))
    assert "pgscore._late_score" not in plan
    assert "pgscore.score" not in plan
    assert _outdated(copied) == []


def test_a_tie_is_for_who_may_read_the_table(unsigned: Database) -> None:
    session, analyst = unsigned.session(), unsigned.session(ANALYST)
    session.run("create table public.hidden as select * from churn.customer_profile; create sequence public.counting")
    session.run(f"grant usage on schema public to {ANALYST}")
    with refused("42501", "test_analyst may not read table public.hidden, and so has no model score its rows"):
        analyst.run("select pgscore._add_profile('churn', 'public.hidden')")
    with refused("42501", "row-level security"):
        analyst.run("insert into pgscore.model_profile values ('churn', 'public.hidden')")
    with refused("42501", "permission denied"):
        unsigned.session(NOBODY).run("select pgscore._add_profile('churn', 'churn.customer_profile')")
    with refused("42809", "public.counting is no table"):
        analyst.run("select pgscore._add_profile('churn', 'public.counting')")
    with refused("42809", "temporary or the system's"):
        analyst.run("select pgscore._add_profile('churn', 'pg_catalog.pg_class')")
    with refused("42P01", 'the table that model "churn" is to score was dropped'):
        analyst.run("select pgscore._add_profile('churn', 1::regclass)")
    session.run("create schema closed; create table closed.profile as select * from churn.customer_profile")
    session.run(f"grant usage on schema closed to {ANALYST}; grant select on closed.profile to {ANALYST}")
    with refused("42501", "pgscore_owner may not use schema closed"):
        analyst.run("select pgscore._add_profile('churn', 'closed.profile')")
    assert session.run("select profile::text from pgscore.model_profile") == [("churn.customer_profile",)]


def test_what_is_tied_can_be_untied(unsigned: Database, copied: Session) -> None:
    analyst, scientist = unsigned.session(ANALYST), unsigned.session(SCIENTIST)
    with refused("42501", "test_scientist may not read table public.copied, and so does not drop it"):
        scientist.run(_FORGET)
    with refused("55006", 'a binding stores the scores that model "churn" gives for rows of table churn.customer'):
        analyst.run("select pgscore._drop_profile('churn', 'churn.customer_profile')")
    analyst.run(_FORGET)
    assert copied.value(_GENERATED) == 0
    assert _answering(analyst, "public.copied") == 1
    with refused("42704", 'model "churn" does not score table public.copied'):
        analyst.run(_FORGET)
    copied.run("drop table public.copied")


def test_an_operator_unties_too_and_a_view_keeps_what_it_needs(unsigned: Database, copied: Session) -> None:
    copied.run("create view public.scored as select p.customer_id, pgscore.score('churn', p) from public.copied p")
    unsigned.session(OPERATOR).run(_FORGET)
    assert copied.value(_GENERATED) == 1
    unsigned.session(OPERATOR).run("select pgscore.promote('churn', 2)")
    found = [score for (score,) in copied.run("select score from public.scored order by customer_id")]
    assert found == pytest.approx(probability(light_pipeline(), customers()), abs=1e-12)


def test_a_table_that_was_dropped_is_forgotten_by_its_name(unsigned: Database, copied: Session) -> None:
    copied.run("drop table public.copied cascade; create table public.copied (a integer)")
    unsigned.session(OPERATOR).run("select pgscore.promote('churn', 2)")
    assert _answering(copied, "churn.customer_profile") == 2
    (finding,) = [each for each in examine(unsigned.dsn()) if each.subject == "churn" and each.is_to_mend]
    assert (finding.code, finding.remedy) == (
        "scored-recreated",
        "select pgscore._add_profile('churn', 'public.copied');",
    )
    forgotten = {"model": "churn", "table": "public.copied"}
    assert run_json(unsigned.dsn(SCIENTIST), "forget", "churn", "public.copied") == forgotten
    assert copied.run("select profile::text from pgscore.model_profile") == [("churn.customer_profile",)]
    command(unsigned.dsn(), "forget", "churn", "public.copied", expect=1)


def test_the_command_and_python_forget(unsigned: Database, copied: Session) -> None:
    assert "churn has forgotten public.copied." in command(unsigned.dsn(), "forget", "churn", "public.copied").stdout
    unsigned.session(ANALYST).run(_TIE)
    pgscore.forget_profile(unsigned.dsn(ANALYST), "churn", "public.copied")
    assert copied.value(_GENERATED) == 0


@pytest.mark.parametrize(
    "held",
    [
        _TIE,
        f"{_FORGET}; {_TIE}",
        "insert into pgscore.model_profile values ('churn', 'public.copied') on conflict do nothing",
        "delete from pgscore.model_profile",
        "select pgscore._generate_profile('churn.customer_profile')",
        "lock table pgscore.promotion, pgscore.model in access share mode",
        "select pgscore.score('churn', p) from churn.customer_profile p",
    ],
)
def test_a_reader_with_an_open_transaction_stands_in_no_promotions_way(
    unsigned: Database, copied: Session, held: str
) -> None:
    analyst, operator = unsigned.session(ANALYST), unsigned.session(OPERATOR)
    analyst.run("begin")
    analyst.run(held)
    operator.run("select pgscore.promote('churn', 2, 'sql')")
    for table in ("churn.customer_profile", "public.copied"):
        assert _answering(copied, table) == 2
    analyst.run("commit")
    copied.run("select pgscore._generate_profile('public.copied')")
    assert _outdated(copied) == []
    assert operator.value("select pgscore.rollback('churn')") == 1
    for table in ("churn.customer_profile", "public.copied"):
        assert _answering(copied, table) == 1


def test_what_a_reader_holds_is_left_out_and_said_and_mended(unsigned: Database, copied: Session) -> None:
    analyst, operator = unsigned.session(ANALYST), unsigned.session(OPERATOR)
    copied.run("alter table public.copied alter column total_day_minutes type numeric")
    analyst.run("begin")
    analyst.run("select pgscore._generate_profile('public.copied')")
    with operator.said() as said:
        operator.run("select pgscore.promote('churn', 2, 'sql')")
    (warned,) = [text for severity, text in said if severity == "WARNING"]
    assert warned.startswith("rows of table public.copied are scored, but slowly")
    analyst.run("commit")
    assert _answering(copied, "public.copied") == 2
    assert _answering(copied, "churn.customer_profile") == 2
    assert _outdated(copied) == ["copied"]
    (finding,) = [each for each in examine(unsigned.dsn()) if "scored slowly" in each.sentence]
    assert (finding.subject, finding.level) == ("public.copied", "warning")
    unsigned.session(ANALYST).run(finding.remedy)
    assert _outdated(copied) == []
    assert _answering(copied, "public.copied") == 2


def test_a_table_that_is_locked_stands_in_no_promotions_way(unsigned: Database, copied: Session) -> None:
    owner, operator = unsigned.session(), unsigned.session(OPERATOR)
    owner.run("begin")
    owner.run("lock table public.copied, churn.customer_profile in access exclusive mode")
    with operator.said() as said:
        operator.run("select pgscore.promote('churn', 2, 'sql')")
    assert said == []
    owner.run("commit")
    assert _answering(copied, "public.copied") == 2
    assert _outdated(copied) == []


@pytest.mark.parametrize(
    ("change", "sqlstate", "sentence"),
    [
        (
            "drop column total_intl_calls",
            "42703",
            'table public.copied has no column "total_intl_calls", which the mod',
        ),
        (
            "alter column total_intl_calls type text",
            "42804",
            'column "total_intl_calls" of table public.copied is of type text, which cannot serve as double precision',
        ),
    ],
)
def test_a_table_that_lost_an_input_stands_in_no_promotions_way(
    unsigned: Database, copied: Session, change: str, sqlstate: str, sentence: str
) -> None:
    copied.run(f"alter table public.copied {change}")
    unsigned.session(OPERATOR).run("select pgscore.promote('churn', 2)")
    assert _answering(copied, "churn.customer_profile") == 2
    for call in (
        _SCORES.format("public.copied"),
        "select (pgscore._rescore('churn', null, p, true))[1] from public.copied p",
        "select pgscore._rescore('churn', null, p, true) from public.copied p",
        "select pgscore._score_rows('churn', array_agg(p)) from public.copied p",
    ):
        with refused(sqlstate, sentence):
            unsigned.session(ANALYST).run(call)
    assert _outdated(copied) == []
    assert "public.copied" in {each.subject for each in examine(unsigned.dsn()) if each.level == "error"}


def test_a_schema_out_of_reach_stands_in_no_promotions_way(unsigned: Database, copied: Session) -> None:
    copied.run("revoke usage on schema public from pgscore_owner, public")
    unsigned.session(OPERATOR).run("select pgscore.promote('churn', 2)")
    assert _answering(copied, "public.copied") == 2
    assert _outdated(copied) == ["copied"]
    unsigned.session(ANALYST).run(_FORGET)
    assert _outdated(copied) == []


def test_a_publication_that_is_left_open_stands_in_no_promotions_way(unsigned: Database) -> None:
    scientist, operator = unsigned.session(SCIENTIST), unsigned.session(OPERATOR)
    contract = unsigned.session().value("select contract::text from pgscore.model_version where version = 2")
    scientist.run("begin")
    scientist.run(
        "select pgscore._publish('churn', %s, %s, 10, 'joblib', %s, null, null, '{}', '[{\"inputs\": {}}]', null)",
        "0" * 64,
        "0" * 64,
        contract,
    )
    operator.run("select pgscore.promote('churn', 2, 'sql')")
    operator.run("select pgscore.rollback('churn')")


def test_a_view_of_a_versions_functions_stands_in_no_prunings_way(unsigned: Database, copied: Session) -> None:
    copied.run("""create view public.held as select pgscore_models."_churn 2"(1, 2, 3) as score""")
    operator = unsigned.session(OPERATOR)
    operator.run("select pgscore.retire('churn', 2)")
    assert len(operator.run("select * from pgscore.prune('churn')")) == 1
    again = pgscore.publish(unsigned.dsn(), "churn", light_pipeline(), profile="churn.customer_profile")
    assert (again.version, again.restored) == (2, True)


def test_a_version_that_takes_too_long_is_refused_before_anything_is_locked(unsigned: Database) -> None:
    session, operator, other = unsigned.session(), unsigned.session(OPERATOR), unsigned.session(OPERATOR)
    session.run("alter table pgscore.golden_row disable trigger immutable")
    session.run(
        "insert into pgscore.golden_row select model, version, ordinal + 100000 * i, inputs, expected, outputs, scale"
        " from pgscore.golden_row, generate_series(1, 3000) i where version = 2 and ordinal = 1"
    )
    slow = operator.start("select pgscore.promote('churn', 2, 'sql', 0.2)")
    other.run("select pgscore.promote('churn', 1, 'sql')")
    with pytest.raises(Exception, match=r'model "churn" version 2 takes too long: [0-9.]+ seconds to golden row'):
        slow.result()
    assert session.value("select serving from pgscore.model") == 1
