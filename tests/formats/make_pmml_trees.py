# mypy: ignore-errors
"""Makes PMML documents of trees and ensembles, and stores what jpmml-evaluator gives for those that are drawn.

Run in an environment that has `requirements-pmml.txt`, with Java: ``python make_pmml_trees.py [word ...]``.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import jpmml_evaluator
import numpy as np
import pandas as pd
from jpmml_evaluator.jpype import JPypeBackend
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn2pmml import sklearn2pmml
from sklearn2pmml.decoration import CategoricalDomain
from sklearn2pmml.pipeline import PMMLPipeline
from xgboost import XGBClassifier, XGBRegressor

# The tests' own package is found wherever this is called.
sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.formats import pmml_drawn, pmml_trees
from tests.formats.make_pmml import write

_SEED = 20261126
_EACH = 16
_TYPES = {"double": float, "float": float, "integer": int, "boolean": lambda text: text == "true", "string": str}


def _data() -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    random = np.random.default_rng(_SEED)
    frame = pd.DataFrame(
        {
            "minutes": random.normal(100, 30, 200).round(2),
            "calls": random.integers(0, 9, 200).astype(float),
            "plan": random.choice(["gold", "silver", "none"], 200),
        }
    )
    score = frame["minutes"] + 5 * frame["calls"] + 20 * (frame["plan"] == "gold") + random.normal(0, 15, 200)
    targets = {
        "two": np.where(score > 130, "yes", "no"),
        "flag": (score > 130).astype(int),
        "three": np.digitize(score, [110, 140]),
        "value": score / 7,
    }
    return frame, {name: pd.Series(values, name="y") for name, values in targets.items()}


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = frame.iloc[:24].to_dict("records")
    base = found[0]
    found += [{**base, "minutes": value} for value in (0.0, -0.0, 1e300, -1e300, 100.0, 99.999999999)]
    found += [{**base, name: None} for name in base]
    found.append(dict.fromkeys(base))
    return found


def _estimators() -> dict[str, tuple[Any, str, list[str]]]:
    """By the name of the fixture: what is fitted, on which target, and on which columns."""
    tree = DecisionTreeClassifier(max_depth=2, random_state=0)
    numbers, every = ["minutes", "calls"], ["minutes", "calls", "plan"]
    voters = [
        ("a", tree),
        ("b", DecisionTreeClassifier(max_depth=3, random_state=0)),
        ("c", DecisionTreeClassifier(max_depth=1, random_state=0)),
    ]
    return {
        "tree_classifier": (DecisionTreeClassifier(max_depth=4, random_state=0), "three", numbers),
        "tree_regressor": (DecisionTreeRegressor(max_depth=4, random_state=0), "value", numbers),
        "tree_categories": (DecisionTreeClassifier(max_depth=4, random_state=0), "two", every),
        "forest_classifier": (RandomForestClassifier(6, max_depth=3, random_state=0), "three", numbers),
        "forest_categories": (RandomForestClassifier(5, max_depth=3, random_state=0), "two", every),
        "forest_regressor": (RandomForestRegressor(6, max_depth=3, random_state=0), "value", every),
        "forest_extra": (ExtraTreesClassifier(4, max_depth=3, random_state=0), "two", numbers),
        "forest_bagging": (BaggingClassifier(tree, n_estimators=4, random_state=0), "two", numbers),
        "forest_isolation": (IsolationForest(n_estimators=4, max_samples=32, random_state=0), "value", numbers),
        "boosting_two": (GradientBoostingClassifier(n_estimators=6, max_depth=2, random_state=0), "two", every),
        "boosting_three": (GradientBoostingClassifier(n_estimators=3, max_depth=2, random_state=0), "three", numbers),
        "boosting_value": (GradientBoostingRegressor(n_estimators=6, max_depth=2, random_state=0), "value", numbers),
        "histogram_two": (HistGradientBoostingClassifier(max_iter=5, max_depth=3), "two", numbers),
        "histogram_value": (HistGradientBoostingRegressor(max_iter=5, max_depth=3), "value", numbers),
        "xgboost_two": (XGBClassifier(n_estimators=6, max_depth=3), "flag", numbers),
        "xgboost_three": (XGBClassifier(n_estimators=3, max_depth=2), "three", numbers),
        "xgboost_value": (XGBRegressor(n_estimators=6, max_depth=3), "value", numbers),
        "lightgbm_two": (LGBMClassifier(n_estimators=6, max_depth=3, verbose=-1), "two", numbers),
        "lightgbm_value": (LGBMRegressor(n_estimators=6, max_depth=3, verbose=-1), "value", numbers),
        "voting_hard": (VotingClassifier(voters), "three", numbers),
        "voting_soft": (VotingClassifier(voters, voting="soft", weights=[1, 2, 1]), "two", numbers),
        "voting_value": (
            VotingRegressor(
                [
                    ("a", DecisionTreeRegressor(max_depth=2, random_state=0)),
                    ("b", RandomForestRegressor(3, max_depth=2, random_state=0)),
                ]
            ),
            "value",
            numbers,
        ),
        "stacking": (StackingClassifier(voters[:2], LogisticRegression()), "two", numbers),
    }


def _document(estimator: Any, target: pd.Series, frame: pd.DataFrame, columns: list[str]) -> str:  # noqa: ANN401
    steps: list[tuple[str, Any]] = []
    if "plan" in columns:
        texts = make_pipeline(CategoricalDomain(with_statistics=False), OneHotEncoder(sparse_output=False))
        steps.append(("columns", ColumnTransformer([("n", "passthrough", columns[:2]), ("t", texts, ["plan"])])))
    pipeline = PMMLPipeline([*steps, ("model", estimator)])
    if isinstance(estimator, IsolationForest):
        pipeline.fit(frame[columns])
    else:
        pipeline.fit(frame[columns], target)
    with tempfile.NamedTemporaryFile(suffix=".pmml") as file:
        sklearn2pmml(pipeline, file.name)
        text = Path(file.name).read_text()
    return re.sub(r"\s*<Timestamp>[^<]*</Timestamp>", "", text).replace("\t", " ")


def fitted(words: list[str], backend: JPypeBackend) -> None:
    """Documents that sklearn2pmml makes."""
    frame, targets = _data()
    for name, (estimator, target, columns) in _estimators().items():
        if words and not any(word in name for word in words):
            continue
        text = _document(estimator, targets[target], frame, columns)
        write(f"trees_{name}", text, [{each: row[each] for each in columns} for row in _rows(frame)], backend)


def drawn(backend: JPypeBackend) -> None:
    """Documents that are drawn, their rows, and what is predicted of each, in one file."""
    found = []
    for kind, draw in pmml_drawn.DRAWN.items():
        for seed in range(_EACH):
            drawing, model = draw(seed)
            text, rows = drawing.document(model), drawing.rows()
            evaluator = jpmml_evaluator.make_evaluator(text.encode(), backend=backend)
            given = [_predicted(evaluator, row, drawing) for row in rows]
            found.append({"name": f"{kind}-{seed}", "pmml": text, "rows": rows, "expected": given})
    content = json.dumps(found, ensure_ascii=True, separators=(",", ":")).encode()
    path = Path(__file__).parent / "pmml_drawn.json.gz"
    path.write_bytes(gzip.compress(content, mtime=0))
    print(f"{path.name}: {len(found)} documents, {path.stat().st_size:,} bytes")


def _predicted(evaluator: Any, row: dict[str, str], drawing: pmml_drawn.Drawing) -> dict[str, str] | None:  # noqa: ANN401
    """What the evaluator gives for a row; None where that is nothing."""
    arguments = {name: _TYPES[pmml_drawn.KINDS[name].type](text) if text else None for name, text in row.items()}
    try:
        found = evaluator.evaluate(arguments)
    except jpmml_evaluator.JavaError:
        return None
    if found.get("target") is None:
        return None
    if drawing.function == "regression":
        return {"value": repr(found["target"])}
    chances = {label: repr(found[f"p_{label}"]) for label in drawing.classes if found.get(f"p_{label}") is not None}
    return {"label": found["target"], **chances}


def main(words: list[str]) -> None:
    """Makes all, or those whose names hold one of the words."""
    warnings.simplefilter("ignore")
    JPypeBackend.createJVM()
    backend = JPypeBackend()
    for name, (text, rows) in pmml_trees.documents().items():
        if not words or any(word in name for word in words):
            write(f"trees_{name}", text, rows, backend)
    fitted(words, backend)
    if not words or "drawn" in words:
        drawn(backend)


if __name__ == "__main__":
    main(sys.argv[1:])
