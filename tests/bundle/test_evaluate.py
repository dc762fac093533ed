"""A bundle answers as the database does: scores, predictions, reasons and refusals of payloads."""

from __future__ import annotations

import json
from decimal import Decimal
from math import inf, isclose, nan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pgscore.bundle import Bundle, load
from pytest_postgresql.janitor import DatabaseJanitor
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier

from tests.support.database import Database, named
from tests.support.examples import examples

from .node import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_postgresql.executors import NoopExecutor

    from examples.server.cluster import PrivateCluster
    from tests.support.database import Session

    from .node import Node

_NUMBERS: list[Any] = [
    *(None, 0, 1, -1, 3, 2.5, -0.0, 1e39, -1e39, 5e-324, 1.7e308, "NaN", "Infinity", "-Infinity"),
    *(9007199254740993, 10**400, -(10**400), Decimal("1e-400"), Decimal("0.1"), 0.1),
]
_WRONG: list[Any] = ["5", "nan", "", True, False, [1, 2], {"a": None}, "ä"]
_TEXTS: list[Any] = [None, "gold", "tin", "Gold", "", "gold ", "\U0001f600", 'a"b\\', 5, 1e-7, True, ["x"]]
_BOOLEANS: list[Any] = [None, True, False, 1, "true"]


def _frame() -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame(random.normal(0, 2, (90, 3)), columns=["a", "b", "c"])


def _models() -> dict[str, tuple[Any, pd.DataFrame]]:
    frame = _frame()
    signs = (frame["a"] + frame["b"] > 0).to_numpy()
    thirds = np.digitize(frame["a"], [-1, 1])
    holes = frame.mask(np.random.default_rng(5).random(frame.shape) < 0.2)
    mixed = frame.assign(flag=signs, plan=pd.Categorical(np.array(["gold", "silver", "tin"])[thirds]))
    return {
        "truths": (LogisticRegression().fit(frame, signs), frame),
        "halves": (LogisticRegression().fit(frame, thirds.astype(float)), frame),
        "large": (LogisticRegression().fit(frame, thirds + 2**53 - 1), frame),
        "sides": (RidgeClassifier().fit(frame, thirds), frame),
        "value": (RandomForestRegressor(5, max_depth=3, random_state=0).fit(frame, frame["c"]), frame),
        "decided": (FixedThresholdClassifier(LogisticRegression(), threshold=0.3).fit(frame, signs), frame),
        "holes": (HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5).fit(holes, signs), holes),
        "mixed": (
            HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5, categorical_features="from_dtype").fit(
                mixed, thirds
            ),
            mixed,
        ),
    }


@pytest.fixture(scope="module")
def published(cluster: PrivateCluster, installed_template: NoopExecutor) -> Iterator[tuple[Session, dict[str, Bundle]]]:
    """A session, and the bundle of each model; nothing is changed."""
    name = named("bundled")
    connection: dict[str, Any] = {each: getattr(cluster, each) for each in ("user", "host", "port", "password")}
    with DatabaseJanitor(**connection, dbname=name, template_dbname=installed_template.template_dbname):
        database = Database(cluster, name)
        found = {}
        for model, (estimator, sample) in _models().items():
            classes = getattr(estimator, "classes_", None)
            positive: dict[str, Any] = {} if classes is None else {"positive": str(classes[1])}
            done = pgscore.publish(database.dsn(), model, estimator, golden=sample.head(20), promoted=True, **positive)
            assert done.obstacle is None, (model, done.obstacle)
            found[model] = load(pgscore.make_bundle(database.dsn(), model).encode())
        yield database.session(), found
        database.close()


def _payload(draw: Callable[[st.SearchStrategy[Any]], Any], bundle: Bundle) -> dict[str, Any]:
    row: dict[str, Any] = {"other": 1}
    for each in bundle._inputs:
        usual = {"text": _TEXTS[:4], "boolean": _BOOLEANS[:3]}.get(each.type, _NUMBERS)
        wrong = {"text": _TEXTS, "boolean": _BOOLEANS}.get(each.type, _WRONG)
        values = st.one_of(
            st.sampled_from(usual), st.floats(-9, 9) if each.type == "double precision" else st.nothing()
        )
        if draw(st.integers(0, 40)) == 0:
            values = st.sampled_from(wrong)
        if draw(st.integers(0, 60)):
            row[each.name] = draw(values)
    return row


def _as_json(row: dict[str, Any]) -> str:
    """The row's text; decimals and long integers with all digits."""
    parts = [
        f"{json.dumps(name)}: {value:f}" if isinstance(value, Decimal) else f"{json.dumps(name)}: {json.dumps(value)}"
        for name, value in row.items()
    ]
    return f"{{{', '.join(parts)}}}"


def _asked(session: Session, query: str, *parameters: object) -> Any:  # noqa: ANN401
    try:
        return session.run(query, *parameters)
    except psycopg2.Error as error:
        return error.diag.message_primary


def _answered(call: Any, row: dict[str, Any]) -> Any:  # noqa: ANN401
    try:
        return call(row)
    except pgscore.PgscoreError as error:
        return str(error)


def _close(one: Any, other: Any) -> bool:  # noqa: ANN401
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[name], other[name]) for name in one)
    if isinstance(one, float) or isinstance(other, float):
        return one == other or (
            None not in (one, other) and isclose(float(one), float(other), rel_tol=1e-12, abs_tol=1e-12)
        )
    return type(one) is type(other) and one == other


def _in_javascript(node: Node, bundle: Bundle, text: str) -> dict[str, Any]:
    """What pgscore.js says of a row, whose text it reads itself: by method, a value or what is refused."""
    node.ask("open", document=bundle._found.document)
    answers = {method: node.rows(method, [text])[0] for method in ("score", "predict", "explain")}
    return {name: each.message if isinstance(each, RefusedError) else each for name, each in answers.items()}


def _is_shown(one: str | None, other: str | None) -> bool:
    """Whether a value is shown as another one: JavaScript has only a double of a number, and not its digits."""
    try:
        return one == other or float(one or "x") == float(other or "x")
    except ValueError:
        return False


def test_payloads_are_answered_as_the_database_answers(
    published: tuple[Session, dict[str, Bundle]], node: Node
) -> None:
    session, bundles = published

    @settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(bundles)))
        bundle = bundles[name]
        row = _payload(data.draw, bundle)
        text = _as_json(row)
        score = _asked(session, "select pgscore.score(%s, %s::jsonb)", name, text)
        found, other = _answered(bundle.score, row), _in_javascript(node, bundle, text)
        if isinstance(score, str):
            assert found == score
            assert other == dict.fromkeys(other, score)
            assert _answered(bundle.predict, row) == score
            return
        assert _close(found, score[0][0]), (name, row)
        assert _close(other["score"], score[0][0]), (name, row)
        said = _asked(session, "select pgscore.predict(%s, %s::jsonb)", name, text)
        assert _close(bundle.predict(row), said[0][0]), (name, row)
        assert _close(other["predict"], said[0][0]), (name, row)
        reasons = _asked(session, "select * from pgscore.explain(%s, %s::jsonb)", name, text)
        explained = _answered(bundle.explain, row)
        if isinstance(reasons, str):
            assert other["explain"] == explained == reasons
            return
        in_javascript = {each["input"]: each["contribution"] for each in other["explain"]}
        assert sorted(explained[1:]) == sorted(explained[1:], key=lambda each: each[0])
        wanted = {key: (value, added) for key, value, added in reasons}
        assert all(_is_shown(each["value"], wanted[each["input"]][0]) for each in other["explain"])
        assert {each.input: each.value for each in explained} == {key: value for key, (value, _) in wanted.items()}
        for each in explained:
            assert isclose(each.contribution, wanted[each.input][1], rel_tol=1e-9, abs_tol=1e-12), (name, row)
            assert isclose(in_javascript[each.input], each.contribution, rel_tol=1e-9, abs_tol=1e-12), (name, row)

    run()


def test_an_explanation_is_ordered_by_strength(published: tuple[Session, dict[str, Bundle]]) -> None:
    session, bundles = published
    row = {"a": 1.5, "b": -2, "c": 0.25}
    found = bundles["value"].explain(row)
    wanted = session.run("select * from pgscore.explain('value', %s::jsonb)", json.dumps(row))
    assert [(each.input, each.value) for each in found] == [(name, value) for name, value, _ in wanted]


def test_labels_keep_their_types_and_all_their_digits(published: tuple[Session, dict[str, Bundle]]) -> None:
    _, bundles = published
    row = {"a": 3, "b": 3, "c": 0}
    truths, halves, said = (bundles[name].predict(row) or {} for name in ("truths", "halves", "large"))
    assert truths["label"] is True
    assert type(halves["label"]) is float
    assert said["label"] == 2**53 + 1
    assert list(said["probabilities"]) == [str(2**53 + n) for n in (-1, 0, 1)]


def test_rows_may_be_numpys(published: tuple[Session, dict[str, Bundle]]) -> None:
    _, bundles = published
    bundle = bundles["value"]
    plain = bundle.score({"a": 1, "b": 0.5, "c": 0.25})
    assert bundle.score({"a": np.int64(1), "b": np.float32(0.5), "c": np.float64(0.25)}) == plain
    assert bundle.score({"a": nan, "b": 0.5, "c": 0.25}) is None or plain is not None
    frame = _frame()
    assert bundle.scorer().score(frame).tolist() == pytest.approx(
        bundle.score_many({"a": a, "b": b, "c": c} for a, b, c in frame.to_numpy()), rel=1e-12
    )


def test_what_the_model_refuses_has_a_reason(published: tuple[Session, dict[str, Bundle]]) -> None:
    _, bundles = published
    row = {"a": inf, "b": 0, "c": 0}
    assert bundles["truths"].score(row) is None
    assert "input a is inf" in (bundles["truths"].reason(row) or "")
    assert bundles["truths"].reason(row | {"a": None}) is None
