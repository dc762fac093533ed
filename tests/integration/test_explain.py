"""pgscore.explain: what each input adds to a score, as the table has it."""

from __future__ import annotations

import json
from math import log
from typing import TYPE_CHECKING, Any

import pgscore
import pytest
from pgscore.command import run
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression

from tests.support.database import ANALYST, NOBODY, OPERATOR, SCIENTIST, refused
from tests.support.models import (
    LIGHT_INPUTS,
    churned,
    customers,
    light_pipeline,
    opaque_pipeline,
    pipeline,
    predictors,
    probability,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

_FORMS = ("p", "to_jsonb(p)", "(select s from (select p.*) s)")


def _publish(database: Database, name: str, model: object, **given: Any) -> None:  # noqa: ANN401
    pgscore.publish(database.dsn(SCIENTIST), name, model, profile="churn.customer_profile", **given)
    pgscore.promote(database.dsn(OPERATOR), name, 1)


def _explained(session: Session, call: str) -> list[dict[str | None, float]]:
    found: dict[int, dict[str | None, float]] = {}
    for customer, name, contribution in session.run(
        "select p.customer_id, e.input, e.contribution from churn.customer_profile p,"
        f" pgscore.explain({call}) e order by p.customer_id"
    ):
        found.setdefault(customer, {})[name] = contribution
    return list(found.values())


def _log_odds(probabilities: list[float]) -> list[float]:
    return [log(each / (1 - each)) for each in probabilities]


def test_reasons_of_trees_sum_to_the_score_in_every_form(shared: Database) -> None:
    session = shared.session(ANALYST)
    expected = _log_odds(probability(pipeline(), customers()))
    first = _explained(session, "'churn', p")
    for form in _FORMS:
        found = _explained(session, f"'churn', {form}")
        assert found == first
        assert [sum(each.values()) for each in found] == pytest.approx(expected, abs=1e-9)
    # As the table has them: no columns of categories.
    assert set(first[0]) == {None, *predictors()}
    assert len({each[None] for each in first}) == 1


def test_reasons_of_a_linear_model_are_sql_and_tell_values(serving: Database) -> None:
    _publish(serving, "light", light_pipeline())
    session = serving.session(ANALYST)
    # Of one who has no PL/Python.
    serving.session().run("drop function pgscore_trusted._walk_reasons")
    found = _explained(session, "'light', p")
    assert [sum(each.values()) for each in found] == pytest.approx(
        _log_odds(probability(light_pipeline(), customers()))
    )
    given = light_pipeline()[0].transform(customers()[LIGHT_INPUTS]) * light_pipeline()[-1].coef_[0]
    for row, terms in zip(found, given, strict=True):
        assert [row[name] for name in LIGHT_INPUTS] == pytest.approx(list(terms))
    given_row: dict[str, Any] = dict.fromkeys(LIGHT_INPUTS, 5) | {"more": "is left alone"}
    listed = session.run("select * from pgscore.explain('light', %s::jsonb)", json.dumps(given_row))
    assert listed[0][:2] == (None, None)
    assert {value for _, value, _ in listed[1:]} == {"5"}
    strengths = [abs(contribution) for _, _, contribution in listed[1:]]
    assert strengths == sorted(strengths, reverse=True)
    # The trees of another model are refused.
    with refused(
        "0A000", 'model "churn" version 1 cannot be explained: its trees take PL/Python, which this database lacks'
    ):
        session.run("select * from churn.customer_profile p, pgscore.explain('churn', p)")


def test_a_row_without_a_score_has_no_reasons(serving: Database) -> None:
    _publish(serving, "light", light_pipeline())
    session = serving.session(ANALYST)
    for value in (None, "Infinity", "NaN"):
        row = json.dumps(dict.fromkeys(LIGHT_INPUTS, 1) | {LIGHT_INPUTS[0]: value})
        assert session.value("select pgscore.score('light', %s::jsonb)", row) is None
        assert session.run("select * from pgscore.explain('light', %s::jsonb)", row) == []
    assert session.run("select * from pgscore.explain('light', null::jsonb)") == []
    assert (
        session.run("select * from churn.customer_profile p, pgscore.explain('churn', p, 1) where customer_id < 0")
        == []
    )


def test_a_named_version_and_the_positive_class(serving: Database) -> None:
    frame = predictors()[LIGHT_INPUTS].astype(float)
    forest = RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0).fit(frame, churned())
    _publish(serving, "forest", forest, positive="no")
    second = LinearRegression().fit(frame, churned() == "yes")
    pgscore.publish(serving.dsn(SCIENTIST), "forest", second, profile="churn.customer_profile")
    session = serving.session(ANALYST)
    rows = customers()[LIGHT_INPUTS].astype(float)
    # The score itself: a forest has no link.
    assert [sum(each.values()) for each in _explained(session, "'forest', p")] == pytest.approx(
        list(forest.predict_proba(rows)[:, 0])
    )
    assert [sum(each.values()) for each in _explained(session, "'forest', p, 2")] == pytest.approx(
        list(second.predict(rows))
    )
    with refused("0A000", 'model "forest" has no version 3'):
        session.run("select pgscore.explain('forest', '{}'::jsonb, 3)")


def test_what_cannot_be_explained_says_so(serving: Database, key: Any) -> None:  # noqa: ANN401
    _publish(serving, "opaque", opaque_pipeline(), key=key)
    session = serving.session(ANALYST)
    with refused("0A000", 'model "opaque" version 1 cannot be explained: it has no program'):
        session.run("select * from churn.customer_profile p, pgscore.explain('opaque', p)")
    with refused("42704", 'model "nobody\'s" is unknown'):
        session.run("select * from pgscore.explain('nobody''s', '{}'::jsonb)")
    with refused("42703", 'the row has no input "'):
        session.run("select * from pgscore.explain('churn', '{}'::jsonb)")
    with refused("42501", "permission denied for schema pgscore"):
        serving.session(NOBODY).run("select * from pgscore.explain('churn', '{}'::jsonb)")


def test_sessions_and_search_paths_change_no_reason(serving: Database) -> None:
    _publish(serving, "light", light_pipeline())
    session = serving.session(ANALYST)
    explained = "select p.customer_id, e.* from churn.customer_profile p, pgscore.explain('{}', p) e"
    plain = [sorted(session.run(explained.format(name)), key=repr) for name in ("churn", "light")]
    session.run("set extra_float_digits = -15; set datestyle = 'German'; set search_path = pg_temp")
    session.run("create domain pg_temp.text as pg_catalog.text check (false)")
    session.run("create function pg_temp.abs(float8) returns float8 language sql as 'select 0::float8'")
    for name, expected in zip(("churn", "light"), plain, strict=True):
        session.run(f"create temporary table as_{name} as {explained.format(name)}")
        # What the driver is shown is another matter.
        session.run("set extra_float_digits = 1")
        assert sorted(session.run(f"select * from as_{name}"), key=repr) == expected
        session.run("set extra_float_digits = -15")


def test_the_command_and_python_explain_a_row(
    shared: Database, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    dsn = shared.dsn(ANALYST)
    found = pgscore.explain(dsn, "churn", key=[7])
    assert found is not None
    assert found.total == pytest.approx(_log_odds(probability(pipeline(), customers()))[6])
    assert found.total == pytest.approx(found.base + sum(each.contribution for each in found.contributions))
    values = {
        str(name): value.item() if hasattr(value, "item") else value for name, value in customers().iloc[6].items()
    }
    assert pgscore.explain(dsn, "churn", values=values, version=1) == found
    assert run(["explain", "churn", "7", "--top", "2", "--dsn", dsn]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "churn version 1"
    assert [line.split()[0] for line in shown[3:5]] == [each.input for each in found.contributions[:2]]
    assert shown[5].split()[:2] == ["17", "others"]
    (tmp_path / "row.json").write_text(json.dumps(values))
    assert run(["explain", "churn", "--row", f"@{tmp_path / 'row.json'}", "--json", "--dsn", dsn]) == 0
    assert json.loads(capsys.readouterr().out)["base"] == found.base
    for arguments, code, said in (
        (["churn"], 2, "name a row by its key, or give it with --row"),
        (["churn", "0"], 1, "table churn.customer_profile has no row 0"),
        (["churn", "1", "2"], 1, "has a primary key of 1 columns, and 2 values are given"),
        (["nothing", "1"], 1, 'model "nothing" is unknown'),
        (["churn", "1", "--version", "9"], 1, 'model "churn" has no version 9'),
    ):
        assert (run(["explain", *arguments, "--dsn", dsn]), said in capsys.readouterr().err) == (code, True)
