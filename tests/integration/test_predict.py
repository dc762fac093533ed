"""pgscore.predict: label and class probabilities, or value, as the fitted estimator gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pgscore
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import NearestCentroid
from sklearn.svm import SVC, LinearSVC

from tests.support.database import ANALYST, NOBODY, refused
from tests.support.models import LIGHT_INPUTS, churned, customers, pipeline, predictors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.database import Database, Session

_NUMBERS = predictors()[LIGHT_INPUTS].astype(float)
_LEVELS = pd.cut(predictors()["total_day_minutes"], 3, labels=["low", "middle", "high"]).astype(str)
_PROFILE = "(select * from churn.customer_profile order by customer_id limit 20)"


def _promote(database: Database, key: Path, name: str, model: object, **given: Any) -> None:  # noqa: ANN401
    published = pgscore.publish(
        database.dsn(), name, model, profile="churn.customer_profile", key=key, promoted=True, **given
    )
    assert {each.ok for each in published.verifications} == {True}
    # Where a program answers, the artifact still loads.
    assert "estimator" in {each.engine for each in published.verifications}


def _predictions(session: Session, name: str, argument: str = "r") -> list[Any]:
    return [found for (found,) in session.run(f"select pgscore.predict('{name}', {argument}) from {_PROFILE} r")]


def test_two_classes_in_all_forms(shared_session: Session) -> None:
    frame = customers().head(20)[list(predictors())]
    probabilities = pipeline().predict_proba(frame)
    labels = pipeline().predict(frame)
    table = [f for (f,) in shared_session.run("select pgscore.predict('churn', p) from churn.customer_profile p"
                                              " order by customer_id limit 20")]  # fmt: skip
    for found in (table, _predictions(shared_session, "churn"), _predictions(shared_session, "churn", "to_jsonb(r)")):
        assert [each["label"] for each in found] == list(labels)
        assert {each["version"] for each in found} == {1}
        for each, expected in zip(found, probabilities, strict=True):
            assert each["probabilities"] == pytest.approx(dict(zip(["no", "yes"], expected, strict=True)), abs=1e-12)


def test_more_classes(shared: Database, shared_session: Session, key: Path) -> None:
    model = RandomForestClassifier(n_estimators=7, max_depth=4, random_state=0).fit(_NUMBERS, _LEVELS)
    _promote(shared, key, "levels", model, positive="high")
    found = _predictions(shared_session, "levels")
    frame = customers().head(20)[LIGHT_INPUTS].astype(float)
    assert [each["label"] for each in found] == list(model.predict(frame))
    for each, expected in zip(found, model.predict_proba(frame), strict=True):
        assert each["probabilities"] == pytest.approx(dict(zip(model.classes_, expected, strict=True)), abs=1e-12)


def test_labels_of_other_types(shared: Database, shared_session: Session, key: Path) -> None:
    codes = _LEVELS.map({"low": 1, "middle": 2, "high": 3}).astype(int)
    _promote(shared, key, "codes", RandomForestClassifier(n_estimators=3).fit(_NUMBERS, codes), positive="3")
    found = _predictions(shared_session, "codes")[0]
    assert type(found["label"]) is int
    assert set(found["probabilities"]) == {"1", "2", "3"}
    _promote(shared, key, "truths", RandomForestClassifier(n_estimators=3).fit(_NUMBERS, churned() == "yes"))
    assert type(_predictions(shared_session, "truths")[0]["label"]) is bool


@pytest.mark.filterwarnings("ignore:The `probability` parameter was deprecated:FutureWarning")
def test_the_label_is_what_predict_gives_not_the_most_probable(
    shared: Database, shared_session: Session, key: Path
) -> None:
    model = SVC(probability=True, random_state=0).fit(_NUMBERS.head(120), _LEVELS.head(120))
    _promote(shared, key, "margins", model, positive="low")
    frame = customers().head(20)[LIGHT_INPUTS].astype(float)
    assert [each["label"] for each in _predictions(shared_session, "margins")] == list(model.predict(frame))
    for name, program in (
        ("sides", SVC(probability=True, random_state=0).fit(_NUMBERS.head(120), churned().head(120))),
        ("centroids", NearestCentroid().fit(_NUMBERS, _LEVELS)),
    ):
        _promote(shared, key, name, program, positive=str(program.classes_[1]))
        assert shared_session.value("select count(*) from pgscore.program where model = %s", name) == 1
        assert [each["label"] for each in _predictions(shared_session, name)] == list(program.predict(frame))


def test_a_classifier_without_probabilities(shared: Database, shared_session: Session, key: Path) -> None:
    model = LinearSVC(random_state=0).fit(_NUMBERS / 100, churned())
    _promote(shared, key, "margin", model)
    expected = model.predict(customers().head(20)[LIGHT_INPUTS].astype(float))
    assert _predictions(shared_session, "margin") == [{"version": 1, "label": label} for label in expected]


def test_values(shared: Database, shared_session: Session, key: Path) -> None:
    regressor = LinearRegression().fit(_NUMBERS, _NUMBERS.sum(axis=1))
    clusters = KMeans(3, n_init=1, random_state=0).fit(_NUMBERS)  # anything with predict
    frame = customers().head(20)[LIGHT_INPUTS].astype(float)
    for name, model in (("amount", regressor), ("segment", clusters)):
        _promote(shared, key, name, model)
        found = _predictions(shared_session, name)
        assert [each["value"] for each in found] == pytest.approx(list(model.predict(frame)), rel=1e-12)


def test_what_is_not_scored_is_not_predicted(shared_session: Session) -> None:
    call = "select pgscore.predict('churn', to_jsonb(p) || %s) from churn.customer_profile p where customer_id = 1"
    assert shared_session.value(call, '{"total_day_minutes": null}') is None
    assert shared_session.value(call, '{"total_day_minutes": "Infinity"}') is None
    with refused("42704", 'model "nothing" is unknown'):
        shared_session.run("select pgscore.predict('nothing', '{}'::jsonb)")


def test_who_may_predict(shared: Database) -> None:
    assert len(_predictions(shared.session(ANALYST), "churn")) == 20
    with refused("42501", "permission denied"):
        shared.session(NOBODY).run("select pgscore.predict('churn', '{}'::jsonb)")
