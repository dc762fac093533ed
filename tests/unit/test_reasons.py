"""Reasons of fitted models: what boosters say themselves, and all coalitions of a table's inputs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor, Pool
from lightgbm import LGBMClassifier, LGBMRegressor
from pgscore.readers import read_program
from pgscore_runtime import shapley
from pgscore_runtime.entry import load_reasons
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program
from pgscore_runtime.reasons import Explainer
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from xgboost import DMatrix, XGBClassifier, XGBRegressor

from tests.support.programs import NUMBERS, Pair, customers, labels, pair
from tests.support.shapley import expectation, players, shapley_values

if TYPE_CHECKING:
    import pandas as pd

_QUIET: dict[str, Any] = {"verbose": 0, "allow_writing_files": False}
_FEW: dict[str, Any] = {"n_estimators": 8, "random_state": 0}


def _explained(tested: Pair, rows: list[list[Any]]) -> np.ndarray:
    """What each input adds, and the base, for rows of inputs."""
    explainer = Explainer(parse_program(json.dumps(tested.document)), tested.contract.output.positive or 0)
    texts = [each.is_text for each in tested.contract.inputs]
    found = [
        explainer.reasons(
            [value for value, text in zip(row, texts, strict=True) if not text],
            [value for value, text in zip(row, texts, strict=True) if text],
        )
        for row in rows
    ]
    return np.array([each[:-1] if each is not None else [np.nan] for each in found])


def _codes(classes: int) -> np.ndarray:
    wanted = labels(customers(), classes)
    return np.unique(wanted, return_inverse=True)[1] if classes else wanted


def _contributions(model: Any, frame: pd.DataFrame) -> np.ndarray:  # noqa: ANN401
    """What a booster says itself of the second class, or of the value."""
    if isinstance(model, CatBoostClassifier | CatBoostRegressor):
        found = np.asarray(model.get_feature_importance(Pool(frame), type="ShapValues"))
    elif isinstance(model, LGBMClassifier | LGBMRegressor):
        found = np.asarray(model.predict(frame, pred_contrib=True))
        found = found.reshape(len(frame), -1, frame.shape[1] + 1)
    else:
        found = model.get_booster().predict(DMatrix(frame), pred_contribs=True)
    return found[:, min(1, found.shape[1] - 1)] if found.ndim > 2 else found


@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize("kind", ["lightgbm", "xgboost", "catboost"])
def test_boosters_say_the_same_of_themselves(kind: str, classes: int) -> None:
    models = {
        "lightgbm": (LGBMRegressor, LGBMClassifier, {"num_leaves": 15, "min_child_samples": 3, "verbose": -1} | _FEW),
        "xgboost": (XGBRegressor, XGBClassifier, {"max_depth": 5} | _FEW),
        "catboost": (CatBoostRegressor, CatBoostClassifier, {"iterations": 8, "depth": 5} | _QUIET),
    }
    regressor, classifier, options = models[kind]
    frame = customers(missing=True)[NUMBERS]
    model = (classifier if classes else regressor)(**options).fit(frame, _codes(classes))
    found = _explained(pair(model, frame), frame.to_numpy().tolist())
    expected = _contributions(model, frame)
    # XGBoost adds in single precision.
    close = 3e-6 if kind == "xgboost" else 1e-12
    assert np.abs(found - expected).max() <= close * np.abs(expected).max()


_MODELS = [
    DecisionTreeClassifier(max_depth=5, random_state=0),
    RandomForestRegressor(max_depth=5, **_FEW),
    RandomForestClassifier(max_depth=5, **_FEW),
    GradientBoostingClassifier(**_FEW),
    HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=5),
    HistGradientBoostingRegressor(max_iter=8, min_samples_leaf=5, loss="poisson"),
    # Of trees that are not symmetric CatBoost's own values do not add up to what it predicts.
    CatBoostRegressor(iterations=4, depth=4, grow_policy="Lossguide", **_QUIET),
]


@pytest.mark.parametrize("model", _MODELS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("weighted", [False, True])
def test_inputs_are_players_through_scaling_and_categories(model: Any, weighted: bool) -> None:  # noqa: ANN401
    frame = customers(rows=90)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepared = ColumnTransformer([("numbers", StandardScaler(), NUMBERS), ("plan", one_hot, ["plan", "flag"])])
    weights = np.random.default_rng(2).integers(0, 3, len(frame)) if weighted else None
    wanted = labels(frame, 0 if "Regressor" in type(model).__name__ else 3)
    steps = make_pipeline(prepared, model)
    fitted = steps.fit(frame, wanted, **{f"{steps.steps[-1][0]}__sample_weight": weights})
    tested = pair(fitted, frame)
    rows = [*frame.head(6).to_numpy().tolist(), [200.0, 3.0, 0.0, "unseen", True]]
    rows = [[float(value) if isinstance(value, bool) else value for value in row] for row in rows]
    (trees,) = tested.document["steps"]
    positive = tested.contract.output.positive or 0
    output = tested.document["scores"][positive] - len(NUMBERS) - 2
    for row, found in zip(rows, _explained(tested, rows), strict=True):
        values, base = shapley_values(expectation(trees, output, row, players(tested.document)), len(row))
        assert found == pytest.approx([*values, base], abs=1e-10 * (abs(base) + 1))


def test_reasons_of_a_linear_model_are_its_coefficients_times_what_it_is_given() -> None:
    frame = customers()
    prepared = ColumnTransformer(
        [
            ("standard", StandardScaler(), ["amount", "shift"]),
            ("range", MinMaxScaler(), ["calls"]),
            ("plan", OneHotEncoder(handle_unknown="ignore"), ["plan"]),
        ]
    )
    model = make_pipeline(prepared, LogisticRegression()).fit(frame, labels(frame, 2))
    tested = pair(model, frame)
    names = [each.name for each in tested.contract.inputs]
    rows = frame[names].to_numpy().tolist()
    found = dict(zip([*names, None], _explained(tested, rows).T, strict=True))
    given = model[:-1].transform(frame) * model[-1].coef_[0]
    columns = ["amount", "shift", "calls", *["plan"] * 4]
    for name in names:
        assert found[name] == pytest.approx(sum(given[:, n] for n, each in enumerate(columns) if each == name))
    assert found[None] == pytest.approx(model[-1].intercept_[0])
    assert sum(found.values()) == pytest.approx(model.decision_function(frame))


def test_reasons_are_in_the_space_of_the_logarithm_where_the_link_is_one() -> None:
    frame = customers()[NUMBERS]
    wanted = labels(customers(), 0) - labels(customers(), 0).min() + 1
    model = make_pipeline(StandardScaler(), PoissonRegressor()).fit(frame, wanted)
    found = _explained(pair(model, frame), frame.to_numpy().tolist())
    assert np.exp(found.sum(axis=1)) == pytest.approx(model.predict(frame))


def test_a_side_that_no_row_takes_counts_where_rows_took_it_in_fitting() -> None:
    frame = customers(missing=True)[NUMBERS]
    # Whether an amount is missing is what there is to learn.
    wanted = frame["amount"].isna() * 50.0 + frame["calls"].fillna(3)
    model = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=3).fit(frame, wanted)
    tested = pair(model, frame)
    # Whoever publishes says that there is always a value: those tests test nothing any more.
    inputs = tuple(replace(each, nullable=False) for each in tested.contract.inputs)
    contract = replace(tested.contract, inputs=inputs)
    without = Pair(model, contract, read_program(model, contract).program)
    (trees,) = without.document["steps"]
    assert [] in trees["sets"]
    rows = frame.dropna().to_numpy().tolist()
    assert _explained(without, rows) == pytest.approx(_explained(tested, rows), abs=1e-12)


def test_models_that_know_one_thing_only() -> None:
    frame = customers()[NUMBERS]
    constant = RandomForestRegressor(**_FEW).fit(frame, np.full(len(frame), 3.0))
    assert _explained(pair(constant, frame), frame.head(1).to_numpy().tolist()).tolist() == [[0, 0, 0, 3]]
    boosted = GradientBoostingClassifier(**_FEW, max_depth=1).fit(frame, labels(customers(), 2))
    found = _explained(pair(boosted, frame), frame.to_numpy().tolist())
    assert found.sum(axis=1) == pytest.approx(boosted.decision_function(frame))


def test_covers_change_no_score() -> None:
    frame = customers(missing=True)[NUMBERS]
    document = pair(LGBMRegressor(verbose=-1, **_FEW).fit(frame, labels(customers(), 0)), frame).document
    (trees,) = document["steps"]
    assert len(trees["cover"]) == len(trees["feature"])
    bare = document | {"steps": [{name: value for name, value in trees.items() if name != "cover"}]}
    one, other = (Interpreter(parse_program(json.dumps(each))) for each in (document, bare))
    for row in frame.to_numpy().tolist():
        assert one.outputs(row, []) == other.outputs(row, [])


def test_a_backend_keeps_what_explains_each_class_apart() -> None:
    frame = customers()[NUMBERS]
    model = GradientBoostingClassifier(**_FEW).fit(frame, labels(customers(), 2))
    program = json.dumps(pair(model, frame).document)
    session: dict[str, Any] = {}
    for positive in (1, 0):
        assert load_reasons(session, "runtime:", program, positive) is None
    name = f"runtime:{hashlib.sha256(program.encode()).hexdigest()} reasons"
    row = frame.iloc[3].to_list()
    second, first = (session[f"{name} {positive}"].reasons(row, []) for positive in (1, 0))
    assert [-each for each in first[:-1]] == pytest.approx(second[:-1])
    assert first[-1] + second[-1] == pytest.approx(1)
    refusal = load_reasons(session, "runtime:", program.replace('"cover"', '"covers"'), 1)
    assert refusal is not None
    assert "covers" in refusal[1]


def test_trees_that_are_not_kept_are_made_ready_for_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = customers(missing=True)[NUMBERS]
    model = LGBMRegressor(num_leaves=15, min_child_samples=3, verbose=-1, **_FEW).fit(frame, labels(customers(), 0))
    tested, rows = pair(model, frame), frame.head(9).to_numpy().tolist()
    expected = _explained(tested, rows)
    monkeypatch.setattr(shapley, "_MOST_KEPT", 20)
    assert _explained(tested, rows).tolist() == expected.tolist()
