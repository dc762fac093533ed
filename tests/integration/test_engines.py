"""Which engines a version has, which of them serves, and what a program that cannot be trusted does."""

from __future__ import annotations

import json
import math
from contextlib import closing
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pgscore
import psycopg2
import pytest
from pgscore.command import run
from sklearn.tree import DecisionTreeRegressor

from tests.support.database import ANALYST, APPLICATION, OPERATOR, SCIENTIST, refused
from tests.support.models import (
    COUNTER,
    ENGINES,
    LIGHT_INPUTS,
    OBSTACLE,
    assert_scores_are_right,
    customers,
    light_pipeline,
    opaque_pipeline,
    pipeline,
    predictors,
    probability,
    serve,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

_COMPLAIN = "insert into churn.complaints (customer_id, kind) values (%s, 'billing')"
_REVOKE = "update pgscore_trusted.trusted_key set revoked_at = now()"
_WITHOUT_ARTIFACT = ["interpreter", "sql"]
_ALL = sorted(ENGINES)
_FORMS = {
    "a row of the table": "p",
    "json": "to_jsonb(p)",
    "a row of a subquery": "s",
}


def _scores(session: Session, model: str, argument: str = "p") -> list[float | None]:
    rows = "churn.customer_profile p, lateral (select p.*) s order by p.customer_id"
    return [score for (score,) in session.run(f"select pgscore.score('{model}', {argument}) from {rows}")]


def _near(model: Any) -> Any:  # noqa: ANN401
    return pytest.approx(probability(model, customers()), abs=1e-12, rel=0)


def _engines(found: list[pgscore.Verification]) -> list[str]:
    """The engines, after checking that each gives what the fitted estimator gave."""
    assert [each.engine for each in found if not each.ok] == []
    return sorted(each.engine for each in found)


def _publish(database: Database, name: str, model: object, **given: Any) -> pgscore.Published:  # noqa: ANN401
    return pgscore.publish(database.dsn(SCIENTIST), name, model, profile="churn.customer_profile", **given)


def _serving(session: Session, model: str) -> tuple[Any, ...]:
    return session.row(
        "select serving, engine, one_engine, many_engine from pgscore.model where name = %s",
        model,
    )


def _served_by_its_program(database: Database, name: str) -> None:
    """It has all but the estimator engine, answers, and does not without a reason serve by what it does not have."""
    assert _engines(pgscore.verify(database.dsn(SCIENTIST), name)) == _WITHOUT_ARTIFACT
    pgscore.promote(database.dsn(OPERATOR), name, 1)
    session = database.session(ANALYST)
    assert set(_serving(session, name)[2:]) <= set(_WITHOUT_ARTIFACT)
    for argument in _FORMS.values():
        assert _scores(session, name, argument) == _near(light_pipeline())
    with refused("22023", f'model "{name}" version 1 has no engine "estimator" in this database'):
        database.session(OPERATOR).run("select pgscore.promote(%s, 1, 'estimator')", name)
    assert _serving(session, name)[:2] == (1, None)


def test_a_program_without_a_signature_serves_and_nothing_is_unpickled(serving: Database, key: Path) -> None:
    published = _publish(serving, "unsigned", light_pipeline())
    assert (published.created, published.problem, published.obstacle) == (True, None, None)
    assert _engines(published.verifications) == _WITHOUT_ARTIFACT
    _served_by_its_program(serving, "unsigned")
    signed = _publish(serving, "signed", light_pipeline(), key=key)
    assert _engines(signed.verifications) == _ALL


def test_a_program_signed_by_a_stranger_serves_and_nothing_is_unpickled(serving: Database, tmp_path: Path) -> None:
    pgscore.generate_key(tmp_path / "stranger.pem")
    published = _publish(serving, "stranger", light_pipeline(), key=tmp_path / "stranger.pem")
    assert published.problem is None
    _served_by_its_program(serving, "stranger")
    # With the key trusted, the same version has the engine that it lacked.
    pgscore.trust_key(serving.dsn(), pgscore.read_public_key(tmp_path / "stranger.pem.pub"), "no stranger any more")
    assert _engines(pgscore.verify(serving.dsn(SCIENTIST), "stranger")) == _ALL


def test_a_program_with_unconfirmed_types_serves_and_none_of_them_is_made(serving: Database, key: Path) -> None:
    published = _publish(serving, "trees", pipeline(), key=key, format="skops")
    assert published.problem is None
    assert _engines(published.verifications) == _WITHOUT_ARTIFACT
    pgscore.promote(serving.dsn(OPERATOR), "trees", 1)
    assert _scores(serving.session(ANALYST), "trees") == _near(pipeline())
    assert pgscore.confirm(serving.dsn(OPERATOR), "trees", 1) == []
    assert _engines(pgscore.verify(serving.dsn(SCIENTIST), "trees")) == _ALL


def test_what_stands_in_the_way_of_a_program_is_said(
    opaque: Database, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = opaque.session()
    assert session.run("select version from pgscore.program where model = 'churn' order by 1") == [(1,), (2,)]

    model = tmp_path / "model.joblib"
    command = ["publish", "told", str(model), "--profile", "churn.customer_profile"]
    command += ["--key", str(key), "--dsn", opaque.dsn(SCIENTIST)]
    said = []
    for fitted in (opaque_pipeline(), light_pipeline()):
        joblib.dump(fitted, model)
        assert run(command) == 0
        text = capsys.readouterr().out
        assert run([*command, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        said.append(
            (f"Only the estimator engine serves it: {OBSTACLE}." in " ".join(text.split()), document["obstacle"])
        )
        assert "estimator" in text
    assert said == [(True, OBSTACLE), (False, None)]


def test_the_engine_that_is_named_serves(serving: Database) -> None:
    session = serving.session()
    with closing(psycopg2.connect(serving.dsn(OPERATOR))) as operator:
        for engine in ENGINES:
            pgscore.promote(operator, "churn", 1, engine=engine)
            _served_by(session, engine)
            # The next one finds what this one found.
            session.run(
                "set session_replication_role = replica;"
                f"update churn.customer_profile set {COUNTER} = {COUNTER} - 1 where customer_id < 10;"
                "update churn.customer_profile set churn_score = null, churn_model_version = null;"
                "reset session_replication_role"
            )


def _served_by(session: Session, engine: str) -> None:
    assert _serving(session, "churn") == (1, engine, engine, engine)
    for form, argument in _FORMS.items():
        assert _scores(session, "churn", argument) == _near(pipeline()), (engine, form)
    labels = [
        each["label"]
        for (each,) in session.run(
            "select pgscore.predict('churn', p) from churn.customer_profile p order by p.customer_id"
        )
    ]
    assert labels == list(pipeline().predict(customers()[list(predictors())]))
    # One complaint, and many in one statement: a binding scores them apart.
    session.run(_COMPLAIN, 1)
    session.run("insert into churn.complaints (customer_id, kind) select i, 'x' from generate_series(2, 9) i")
    assert assert_scores_are_right(session, {1: pipeline()}) == 9
    assert session.run("select * from pgscore.stale") == []
    # Each function that is generated for the model calls this engine and no other, or the one for a row, which does.
    calls = {
        "sql": ('pgscore_models."_churn 1',),
        "interpreter": ("pgscore._interpret", "pgscore_trusted._walk("),
        "estimator": ("pgscore._estimate(", "pgscore._estimate_row("),
    }
    sources = session.run(
        "select prosrc from pg_proc where split_part(proname, ' ', 1) = 'churn' and proname <> 'churn serving'"
        " and pronamespace = 'pgscore_models'::regnamespace"
    )
    assert len(sources) == 7
    for (source,) in sources:
        called = {name for name, found in calls.items() if any(call in source for call in found)}
        assert called == (set() if 'pgscore_models."churn one"(' in source else {engine}), source


def test_the_engine_that_is_named_holds_until_the_next_promotion(serving: Database) -> None:
    session, operator = serving.session(), serving.session(OPERATOR)
    session.run(
        "prepare typed as select pgscore.score('churn', p) from churn.customer_profile p order by p.customer_id"
    )
    for engine in (*ENGINES, *reversed(ENGINES)):
        operator.run("select pgscore.promote('churn', 2, engine => %s)", engine)
        for _ in range(2):
            assert [score for (score,) in session.run("execute typed")] == _near(light_pipeline())
    operator.run("select pgscore.promote('churn', 2)")
    serving_now = _serving(session, "churn")
    assert serving_now[:2] == (2, None)
    # The estimator engine is never chosen where there is another.
    assert set(serving_now[2:]) <= set(_WITHOUT_ARTIFACT)
    assert session.value("select count(*) from pgscore.promotion") == 2


def test_the_estimator_engine_is_measured_by_arrays_for_many_rows(opaque: Database) -> None:
    one, many = opaque.session().row(
        "select one_us, many_us from pgscore.measurement where (model, version, engine) = ('churn', 3, 'estimator')"
    )
    # What a call costs, however many rows it has, is nearly all of the time for one.
    assert 0 < 10 * many < one


def test_an_engine_that_a_version_does_not_have_is_refused(opaque: Database) -> None:
    operator, before = opaque.session(OPERATOR), _serving(opaque.session(), "churn")
    assert before == (3, None, "estimator", "estimator")
    for engine in ("sql", "interpreter"):
        with refused("22023", f'model "churn" version 3 has no engine "{engine}" in this database'):
            operator.run("select pgscore.promote('churn', 3, %s)", engine)
    for engine in ("gpu", "", "SQL"):
        with refused("22023", f'model "churn" version 1 has no engine "{engine}" in this database'):
            operator.run("select pgscore.promote('churn', 1, %s)", engine)
    with pytest.raises(pgscore.PgscoreError, match="has no engine") as caught:
        pgscore.promote(opaque.dsn(OPERATOR), "churn", 3, engine="sql")
    assert (caught.value.sqlstate, caught.value.hint) == ("22023", "It has estimator.")
    assert _serving(opaque.session(), "churn") == before
    assert _scores(opaque.session(ANALYST), "churn") == _near(opaque_pipeline())


def test_a_program_too_large_for_sql_is_interpreted(serving: Database, key: Path) -> None:
    random = np.random.default_rng(0)
    frame = predictors()[LIGHT_INPUTS].sample(6000, replace=True, random_state=0) + random.normal(0, 1, (6000, 3))
    model = DecisionTreeRegressor(random_state=0).fit(frame, random.normal(0, 1, 6000))
    assert model.tree_.node_count > 10_000
    published = _publish(serving, "large", model, key=key)
    assert published.obstacle is None
    assert _engines(published.verifications) == ["estimator", "interpreter"]
    operator = serving.session(OPERATOR)
    with refused("22023", 'model "large" version 1 has no engine "sql" in this database'):
        operator.run("select pgscore.promote('large', 1, 'sql')")
    operator.run("select pgscore.promote('large', 1)")
    session = serving.session(ANALYST)
    assert _serving(session, "large") == (1, None, "interpreter", "interpreter")
    expected = pytest.approx(list(model.predict(customers()[LIGHT_INPUTS].astype(float))), abs=1e-12, rel=0)
    for argument in _FORMS.values():
        assert _scores(session, "large", argument) == expected


def test_a_revoked_key_leaves_a_program_serving(serving: Database) -> None:
    session = serving.session()
    session.run(_REVOKE)
    analyst, application = serving.session(ANALYST), serving.session(APPLICATION)
    assert _scores(analyst, "churn") == _near(pipeline())
    application.run(_COMPLAIN, 1)
    assert assert_scores_are_right(session, {1: pipeline()}) == 1
    assert session.run("select * from pgscore.stale") == []
    for version, model in ((1, pipeline()), (2, light_pipeline())):
        assert _engines(pgscore.verify(serving.dsn(SCIENTIST), "churn", version)) == _WITHOUT_ARTIFACT
        pgscore.promote(serving.dsn(OPERATOR), "churn", version)
        found = _scores(serving.session(ANALYST), "churn")
        assert found[1:] == pytest.approx(probability(model, customers())[1:], abs=1e-12, rel=0)
    assert pgscore.rollback(serving.dsn(OPERATOR), "churn").version == 1
    assert session.run("select engine from pgscore.measurement where version = 1 order by 1") == [
        ("interpreter",),
        ("sql",),
    ]


def test_a_revoked_key_stops_the_estimator_engine_that_was_named(serving: Database) -> None:
    """Who asks for the artifact gets it or nothing: no other engine stands in unasked."""
    operator = serving.session(OPERATOR)
    operator.run("select pgscore.promote('churn', 1, 'estimator')")
    serving.session().run(_REVOKE)
    with refused("42501", "which this database does not trust"):
        _scores(serving.session(ANALYST), "churn")
    serving.session(OPERATOR).run("select pgscore.promote('churn', 1)")
    assert _scores(serving.session(ANALYST), "churn") == _near(pipeline())


def _functions(session: Session, version: int) -> set[str]:
    found = session.run(
        "select proname from pg_proc where pronamespace = 'pgscore_models'::regnamespace and starts_with(proname, %s)",
        f"_churn {version}",
    )
    return {name for (name,) in found}


def test_a_pruned_version_loses_its_functions_and_publishing_brings_them_back(serving: Database, key: Path) -> None:
    session, operator = serving.session(), serving.session(OPERATOR)
    others, own = _functions(session, 1), _functions(session, 2)
    assert {"_churn 2", "_churn 2p"} <= own
    operator.run("select pgscore.retire('churn', 2)")
    assert _functions(session, 2) == own
    operator.run("select pgscore.prune('churn', dry_run => true)")
    assert _functions(session, 2) == own
    operator.run("select pgscore.prune('churn')")
    assert _functions(session, 2) == set()
    assert _functions(session, 1) == others
    assert _scores(session, "churn") == _near(pipeline())
    with refused("55000", 'model "churn" version 2 was pruned'):
        serving.session(SCIENTIST).run("select * from pgscore.verify('churn', 2)")

    again = _publish(serving, "churn", light_pipeline(), key=key)
    assert (again.version, again.restored) == (2, True)
    assert _functions(session, 2) == own
    assert _engines(again.verifications) == _ALL
    operator.run("select pgscore.retire('churn', 2, undo => true)")
    operator.run("select pgscore.promote('churn', 2, 'sql')")
    assert _scores(serving.session(ANALYST), "churn") == _near(light_pipeline())


def test_a_promotion_measures_each_engine_and_serves_by_the_fastest(serving: Database) -> None:
    session, operator = serving.session(), serving.session(OPERATOR)
    assert session.value("select count(*) from pgscore.measurement where version = 2") == 0
    operator.run("select pgscore.promote('churn', 2)")
    measured = {
        engine: (one, many)
        for engine, one, many in session.run(
            "select engine, one_us, many_us from pgscore.measurement where model = 'churn' and version = 2"
        )
    }
    # scikit-learn is the last resort: nothing is to be chosen by its time.
    assert sorted(measured) == ["interpreter", "sql"]
    for one, many in measured.values():
        assert 0 <= one < math.inf
        assert 0 <= many < math.inf
    # sql is not given up for more than half of its time.
    version, named, *chosen = _serving(session, "churn")
    assert (version, named) == (2, None)
    for position, engine in enumerate(chosen):
        assert engine == "sql" or 2 * measured[engine][position] <= measured["sql"][position]
    shown = pgscore.show_model(serving.dsn(), "churn").versions[0]
    assert {engine: (each.one_us, each.many_us) for engine, each in shown.engines.items()} == measured

    # The next promotion measures anew, and leaves other versions' measurements alone.
    others = "select * from pgscore.measurement where version = 1 order by engine"
    times = "select count(*), min(measured_at) from pgscore.measurement where version = 2"
    before, (_, at) = session.run(others), session.row(times)
    operator.run("select pgscore.promote('churn', 2, 'interpreter')")
    assert session.run(others) == before
    assert session.row(times)[0] == 2
    assert session.row(times)[1] > at


@pytest.mark.parametrize(
    ("times", "engine"),
    [
        # The least counts: what disturbs a run makes it longer.
        ({"sql": [255, 35, 300], "interpreter": [100, 90, 110]}, "sql"),
        ({"sql": [100, 100, 100], "interpreter": [51, 51, 51]}, "sql"),
        ({"sql": [100, 100, 100], "interpreter": [50, 50, 50]}, "interpreter"),
        # Once lucky is not clearly faster.
        ({"sql": [100, 101, 102, 103], "interpreter": [20, 90, 90, 90]}, "sql"),
        ({"sql": [100, 101, 102, 103], "interpreter": [20, 30, 40, 900]}, "interpreter"),
        # sql was disturbed all the time, but for once.
        ({"sql": [500, 30, 500, 500], "interpreter": [20, 20, 20, 20]}, "sql"),
        ({"sql": [0, 0], "interpreter": [0, 0]}, "interpreter"),
        ({"interpreter": [7, 8], "onnx": [9, 2]}, "onnx"),
        ({"sql": [100], "interpreter": [40], "onnx": [30]}, "onnx"),
        # No golden row has a score: nothing was measured.
        ({"sql": [], "interpreter": []}, "sql"),
        ({"estimator": []}, "estimator"),
    ],
)
def test_sql_is_kept_unless_it_is_clearly_beaten(
    shared_session: Session, times: dict[str, list[float]], engine: str
) -> None:
    assert shared_session.value("select pgscore._choose_engine(%s)", json.dumps(times)) == engine


def test_the_counter_moves_the_score_in_each_engine_alike(serving: Database) -> None:
    """The three engines beside each other, over more values of the counter than the golden rows hold."""
    session = serving.session()
    found = {}
    for engine in ENGINES:
        serve(session, "churn", 2, engine)
        found[engine] = [
            score
            for (score,) in session.run(
                f"select pgscore.score('churn', to_jsonb(p) || jsonb_build_object('{COUNTER}', i))"
                " from churn.customer_profile p, generate_series(0, 40) i where customer_id < 11"
                " order by customer_id, i"
            )
        ]
    assert len(set(found["estimator"])) > 300
    for engine in ENGINES:
        assert found[engine] == pytest.approx(found["estimator"], abs=1e-12, rel=0)


def test_a_session_loads_an_artifact_in_a_parallel_plan_too(opaque: Database) -> None:
    session = opaque.session(ANALYST)
    for name in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
        session.run(f"set {name} = 0")
    query = "select pgscore.score('churn', p) from churn.customer_profile p order by p.customer_id"
    assert "Parallel Seq Scan" in "\n".join(line for (line,) in session.run(f"explain {query}"))
    assert [score for (score,) in session.run(query)] == _near(opaque_pipeline())
