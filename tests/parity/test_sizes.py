"""Models of sizes that bite: many inputs, many categories, more trees than the sql engine takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from .engines import ENGINES

if TYPE_CHECKING:
    from .engines import Lab, Published

_INPUTS = 120
_NUMBERS = {"x": "numeric", "y": "real", "z": "double precision"}
_CATEGORIES = 1000


def _wide() -> pd.DataFrame:
    """120 truths, three numbers and a text."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"b{n}": random.random(80) < 0.5 for n in range(_INPUTS)})
    numbers = {name: random.normal(0, 10, 80) for name in ("x", "y", "z")}
    return frame.assign(**numbers, plan=random.choice(["gold", "tin"], 80).astype(object))


def _agree(published: Published, wanted: list[float | None], engines: tuple[str, ...] = ENGINES) -> None:
    for engine in engines:
        published.serve(engine)
        asked = published.asked_of(engine)
        expected = {n: None if wanted[n] is None else pytest.approx(wanted[n], rel=1e-11, abs=1e-11) for n in asked}
        for form in ("typed", "json", "record"):
            assert published.scores(form, engine) == expected
        assert {n: score for n, (score, _) in published.bound_scores(engine, single=True).items()} == expected
        many = published.bound_scores(engine, single=False)
        assert {n: many[n][0] for n in asked if n in many} == {n: expected[n] for n in asked if n in many}


@pytest.mark.parametrize("kind", ["linear", "trees"])
def test_more_inputs_than_a_function_has_arguments(lab: Lab, kind: str) -> None:
    frame = _wide()
    prepared = ColumnTransformer(
        [("plan", OneHotEncoder(handle_unknown="ignore"), ["plan"]), ("numbers", StandardScaler(), ["x", "y", "z"])],
        remainder="passthrough",
    )
    wanted = frame["x"] + 9 * frame[f"b{_INPUTS - 1}"]
    model: Any = (
        LogisticRegression(C=0.1, max_iter=300)
        if kind == "linear"
        else GradientBoostingRegressor(n_estimators=12, random_state=0)
    )
    fitted = make_pipeline(prepared, model).fit(frame, wanted > 0 if kind == "linear" else wanted)
    types = {str(name): "text" if name == "plan" else "boolean" for name in frame} | _NUMBERS
    published = lab.publish(f"wide_{kind}", fitted, frame.head(3), types, None)
    assert published.verified == dict.fromkeys(ENGINES, True)
    rows = frame.head(20).to_numpy(dtype=object).tolist()
    rows[3][0], rows[4][-2], rows[5][-3], rows[6][-1] = None, np.inf, 1e308, "never seen"
    rows[7][-2], rows[8][-4] = 5e-324, -1e39
    published.insert(rows)
    _agree(published, [each.score if each is not None else None for each in published.expected()])


@pytest.mark.parametrize("kind", ["linear", "trees"])
def test_a_thousand_one_hot_columns(lab: Lab, kind: str) -> None:
    random = np.random.default_rng(0)
    names = [f"city {n:04} ä" for n in range(_CATEGORIES)]
    frame = pd.DataFrame({"city": np.array(names * 2, dtype=object), "x": random.normal(0, 1, 2 * _CATEGORIES)})
    prepared = ColumnTransformer(
        [("city", OneHotEncoder(handle_unknown="ignore"), ["city"])], remainder=StandardScaler()
    )
    value = frame["x"] + np.tile(random.normal(0, 3, _CATEGORIES), 2)
    model: Any = Ridge() if kind == "linear" else GradientBoostingRegressor(n_estimators=30, random_state=0)
    fitted = make_pipeline(prepared, model).fit(frame, value)
    types = {"city": "text", "x": "real"}
    published = lab.publish(f"cities_{kind}", fitted, frame.head(5), types, None)
    assert published.verified == dict.fromkeys(ENGINES, True)
    rows = frame.iloc[::25].to_numpy(dtype=object).tolist()
    rows += [["", 0.0], ["city 0001 ä ", 0.0], ["CITY 0001 ä", 0.5], ["city 9999 ä", 0.5], [None, 0.5]]
    published.insert(rows)
    _agree(published, [each.score if each is not None else None for each in published.expected()])


def test_past_the_limit_of_the_sql_engine(lab: Lab) -> None:
    random = np.random.default_rng(0)
    # 500 trees of depth 6 have 60,000 nodes, and the limit is at 10,000, which fewer of them pass as well.
    frame = pd.DataFrame(random.normal(0, 1, (2000, 4)), columns=list("abcd"))
    fitted = GradientBoostingRegressor(n_estimators=200, max_depth=6, random_state=0).fit(
        frame, frame["a"] * frame["b"] + random.normal(0, 1, 2000)
    )
    published = lab.publish("large", fitted, frame.head(5), dict.fromkeys("abcd", "double precision"), None)
    assert lab.session.value("select size > pgscore._largest_sql_program() from pgscore.program where model = 'large'")
    assert lab.session.value("select pgscore._engines('large', 1)") == ["interpreter", "estimator"]
    assert published.verified == {"interpreter": True, "estimator": True}
    published.insert(frame.head(20).to_numpy(dtype=object).tolist())
    wanted = fitted.predict(frame.head(20)).tolist()
    _agree(published, wanted, ENGINES[1:])
    interpreter = Interpreter(parse_program(json.dumps(published.document)))
    published.serve("interpreter")
    assert list(published.scores("typed", "interpreter").values()) == [
        interpreter.score(row, [], 0) for row in published.rows
    ]
