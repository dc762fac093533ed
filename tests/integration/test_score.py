"""pgscore.score in its three forms; nothing here changes the database."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.database import ANALYST, NOBODY, refused
from tests.support.models import counters, customers, pipeline, probability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.database import Database, Session

_TYPED = "select pgscore.score('churn', p) from churn.customer_profile p order by p.customer_id"
_FORMS = {
    "a row of the table": _TYPED,
    "a row by its whole-row name": "select pgscore.score('churn', customer_profile) from churn.customer_profile"
    " order by customer_id",
    "a subquery": "select pgscore.score('churn', s) from (select p.*, 1 as more from churn.customer_profile p) s"
    " order by s.customer_id",
    "a common table expression": "with c as (select * from churn.customer_profile where customer_id > 0)"
    " select pgscore.score('churn', c) from c order by c.customer_id",
    "a materialized one": "with c as materialized (select * from churn.customer_profile)"
    " select pgscore.score('churn', c) from c order by c.customer_id",
    "a view": "select pgscore.score('churn', v) from pg_temp.customers v order by v.customer_id",
    "json": "select pgscore.score('churn', to_jsonb(p)) from churn.customer_profile p order by p.customer_id",
    "a lateral row": "select s.score from churn.customer_profile p,"
    " lateral (select pgscore.score('churn', p) as score) s order by p.customer_id",
}


@pytest.fixture
def session(shared_session: Session) -> Iterator[Session]:
    shared_session.run("begin")
    shared_session.run("create temporary view customers as select * from churn.customer_profile")
    yield shared_session
    shared_session.run("rollback")


@pytest.mark.parametrize("form", _FORMS)
def test_all_forms_give_what_the_fitted_pipeline_gives(session: Session, form: str) -> None:
    found = [score for (score,) in session.run(_FORMS[form])]
    assert found == pytest.approx(probability(pipeline(), customers()), abs=1e-12, rel=0)
    assert len(found) == len(counters(session))


def test_score_with_a_model_that_is_no_constant(session: Session) -> None:
    found = session.run(
        "select pgscore.score(m.name, p) from churn.customer_profile p, pgscore.model m"
        " where m.name = 'churn' order by p.customer_id"
    )
    assert found == session.run(_TYPED)


def test_score_in_where_and_order_by(session: Session) -> None:
    scores = sorted((score for (score,) in session.run(_TYPED)), reverse=True)
    found = session.run(
        "select pgscore.score('churn', p) from churn.customer_profile p"
        " where pgscore.score('churn', p) >= %s order by 1 desc",
        scores[9],
    )
    assert [score for (score,) in found] == [score for score in scores if score >= scores[9]]
    assert 10 <= len(found) < len(scores)


def test_json_of_a_document(session: Session) -> None:
    row = json.loads(customers().head(1).to_json(orient="records"))[0]
    found = session.value("select pgscore.score('churn', %s::jsonb)", json.dumps(row))
    assert found == pytest.approx(probability(pipeline(), customers())[0], abs=1e-12)


def test_the_typed_form_is_inlined(session: Session) -> None:
    # With jit a large expression stands in a function of its own, where it is not compiled.
    session.run("set jit = off")
    plan = "\n".join(line for (line,) in session.run(f"explain (verbose, costs off) {_TYPED}"))
    assert "CASE WHEN" in plan  # the trees themselves
    assert "pgscore.score" not in plan
    # What is out of the ordinary goes to the careful function; nothing else is called.
    assert set(re.findall(r"pgscore_models\.\S+ \S+?\(", plan)) == {'pgscore_models."_churn 1p"('}


@pytest.mark.parametrize("row", ["p", "to_jsonb(p)", "s"], ids=["a row of the table", "json", "a row of a subquery"])
def test_an_unknown_model_is_refused(session: Session, row: str) -> None:
    rows = "from churn.customer_profile p, lateral (select p.*) s where p.customer_id = 1"
    with refused("42704", 'model "nothing" is unknown'):
        session.run(f"select pgscore.score('nothing', {row}) {rows}")


def test_null_as_a_model_is_refused(session: Session) -> None:
    with refused("42704", "model NULL is unknown"):
        session.run("select pgscore.score(null, p) from churn.customer_profile p")


def test_a_model_without_a_promoted_version_is_refused(installed: Database) -> None:
    session = installed.session()
    session.run("insert into pgscore.model (name) values ('young')")
    with refused("55000", 'model "young" has no promoted version'):
        session.run("select pgscore.score('young', p) from churn.customer_profile p limit 1")
    with refused("55000", 'model "young" has no promoted version'):
        session.run("select pgscore.score('young', '{}'::jsonb)")


def test_a_missing_input_is_refused(session: Session) -> None:
    with refused("42703", 'the row has no input "state"'):
        session.run("select pgscore.score('churn', to_jsonb(p) - 'state') from churn.customer_profile p")


def test_a_record_without_an_input_is_refused(session: Session) -> None:
    with refused("42703", "the row has no input"):
        session.run("select pgscore.score('churn', s) from (select 1 as account_length) s")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("'{\"state\": 5}'", 'input "state" is the number 5, and the model wants text'),
        (
            '\'{"total_day_minutes": "5"}\'',
            'input "total_day_minutes" is the string "5", and the model wants double precision',
        ),
        (
            "'{\"total_day_minutes\": true}'",
            'input "total_day_minutes" is the boolean true, and the model wants double precision',
        ),
        ("'{\"state\": [1]}'", 'input "state" is the array [1], and the model wants text'),
    ],
)
def test_an_input_of_the_wrong_type_is_refused(session: Session, change: str, message: str) -> None:
    with refused("42804", message):
        session.run(
            f"select pgscore.score('churn', to_jsonb(p) || {change}::jsonb)"
            " from churn.customer_profile p where p.customer_id = 1"
        )


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_the_estimator_refuses_is_null_in_a_query(session: Session, value: str) -> None:
    changed = "jsonb_build_object('total_day_minutes', %s)"
    assert (
        session.value(
            f"select pgscore.score('churn', to_jsonb(p) || {changed})"
            " from churn.customer_profile p where p.customer_id = 1",
            value,
        )
        is None
    )


@pytest.mark.parametrize("form", ["p", "to_jsonb(p)", "s"])
def test_null_in_a_required_input_is_null_for_that_row_only(session: Session, form: str) -> None:
    session.run("alter table churn.customer_profile alter column total_day_minutes drop not null")
    session.run("update churn.customer_profile set total_day_minutes = null where customer_id = 2")
    found = session.run(
        f"select pgscore.score('churn', {form}) from churn.customer_profile p, lateral (select p.*) s"
        " where p.customer_id < 4 order by p.customer_id"
    )
    expected = probability(pipeline(), customers())
    assert found[1] == (None,)
    assert [found[0][0], found[2][0]] == pytest.approx([expected[0], expected[2]], abs=1e-12)


def test_a_null_row_scores_null(session: Session) -> None:
    assert session.value("select pgscore.score('churn', null::churn.customer_profile)") is None


def test_score_writes_nothing(session: Session) -> None:
    before = session.value("select count(*) from pgscore.prediction_log")
    session.run("set transaction read only")
    session.run(_TYPED)
    assert session.value("select count(*) from pgscore.prediction_log") == before


def test_verify_compares_the_golden_rows(session: Session) -> None:
    found = session.run("select * from pgscore.verify('churn')")
    assert {engine for engine, *_ in found} == {"sql", "interpreter", "estimator"}
    for _, rows, difference, ok in found:
        assert ok
        assert rows > len(customers())
        assert difference <= 1e-12
    with refused("42704", 'model "churn" has no version 9'):
        session.run("select * from pgscore.verify('churn', 9)")


def test_invariant_7_an_analyst_scores_and_nobody_does_not(shared: Database) -> None:
    analyst = shared.session(ANALYST)
    found = [score for (score,) in analyst.run(_TYPED)]
    assert found == pytest.approx(probability(pipeline(), customers()), abs=1e-12)
    with refused("42501", "permission denied for schema pgscore"):
        shared.session(NOBODY).run("select pgscore.score('churn', '{}'::jsonb)")
