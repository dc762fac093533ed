"""Reader of CatBoost: trees over numbers, from the library's own JSON.

The JSON is described at https://catboost.ai/docs/en/concepts/json-model; treelite does not read CatBoost.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError

from .algebra.ensemble import Ensemble, Tree
from .writing.tree_writer import write_ensemble
from .writing.writer import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .algebra.columns import Table
    from .algebra.ensemble import FloatArray, IntArray
    from .dispatch import PredictorReader
    from .writing.writer import Writer

    _Features = Sequence[Mapping[str, Any]]

# What a loss makes of the sums of leaves, where a program can.
_LINKS = {
    "Logloss": "logistic",
    "CrossEntropy": "logistic",
    "MultiClass": "softmax",
    "MultiClassOneVsAll": "one_vs_all",
    "RMSE": "identity",
    "MAE": "identity",
    "Quantile": "identity",
    "LogLinQuantile": "identity",
    "MAPE": "identity",
    "Huber": "identity",
    "Expectile": "identity",
    "Lq": "identity",
    "YetiRank": "identity",
    "QueryRMSE": "identity",
    "PairLogit": "identity",
    "Poisson": "exp",
    "Tweedie": "exp",
}
# What its trees test beside numbers. Of categories the model holds nothing but hashes of 32 bits: which texts have one
# cannot be told from it, and golden rows would show some of them only.
_NO_PROGRAM = {
    "OneHotFeature": "tests categories, of which CatBoost keeps hashes and not the texts",
    "OnlineCtr": "computes statistics of categories",
}
# Those whose outputs are values.
_OF_VALUES = ("identity", "exp")


def read_catboost(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The sums of a model's leaves, and the link of its loss.

    Raises:
        NotAProgramError: its loss has another link, or a tree tests something else than a number.
    """
    document = _document(estimator)
    loss = str(document["model_info"]["params"]["loss_function"]["type"])
    link = _LINKS.get(loss)
    if link is None or (link in _OF_VALUES) == _is_classifier(estimator):
        raise NotAProgramError(part, f"has the loss {loss!r}, whose predictions a program cannot give")
    scale, bias = document.get("scale_and_bias", [1, [0]])
    outputs = len(bias) if len(bias) > 1 else (len(estimator.classes_) if link in ("softmax", "one_vs_all") else 1)
    features = document["features_info"].get("float_features", [])
    trees = [_oblivious(each, features, float(scale), outputs, part) for each in document.get("oblivious_trees", ())]
    trees += [_grown(each, features, float(scale), outputs, part) for each in document.get("trees", ())]
    base = [float(each) for each in np.broadcast_to(np.asarray(bias, dtype=np.float64), (outputs,))]
    register = write_ensemble(Ensemble(trees, base, None, single=True), table.numbers(part), writer)
    return Result(list(range(register, register + outputs)), link)


def _is_classifier(estimator: Any) -> bool:  # noqa: ANN401
    return hasattr(estimator, "predict_proba")


def _document(estimator: Any) -> dict[str, Any]:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        estimator.save_model(str(path), format="json")
        found: dict[str, Any] = json.loads(path.read_text())
    return found


def _oblivious(tree: Mapping[str, Any], features: _Features, scale: float, outputs: int, part: str) -> Tree:
    """A tree whose nodes of one level make one test; the first test is the lowest bit of a leaf's number."""
    # From the root on, so that the leaves stand in the order of their numbers.
    tests = [_test(split, features, part) for split in reversed(tree.get("splits") or ())]
    leaves = 2 ** len(tests)
    nodes = [test for level, test in enumerate(tests) for _ in range(2**level)]
    values = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(leaves, outputs)
    children = 2 * np.arange(len(nodes))
    weights = np.asarray(tree.get("leaf_weights") or (), dtype=np.float64)
    return _tree(nodes, children + 1, children + 2, values * scale, weights if len(weights) == leaves else None)


def _grown(tree: Mapping[str, Any], features: _Features, scale: float, outputs: int, part: str) -> Tree:
    """A tree of any shape, as nested nodes; its inner nodes come first, then its leaves."""
    inner: list[Mapping[str, Any]] = []
    leaves: list[Mapping[str, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop(0)
        if "split" in node:
            inner.append(node)
            waiting += [node["left"], node["right"]]
        else:
            leaves.append(node)
    places = {id(node): place for place, node in enumerate([*inner, *leaves])}
    left, right = (np.array([places[id(node[side])] for node in inner], dtype=np.int64) for side in ("left", "right"))
    tests = [_test(node["split"], features, part) for node in inner]
    values = np.array([node["value"] for node in leaves], dtype=np.float64).reshape(len(leaves), outputs)
    weights = np.array([node["weight"] for node in leaves if "weight" in node], dtype=np.float64)
    return _tree(tests, left, right, values * scale, weights if len(weights) == len(leaves) else None)


def _test(split: Mapping[str, Any], features: _Features, part: str) -> tuple[int, float, int]:
    """The column of a test, the number up to which it goes left, and whether a missing value does."""
    if split["split_type"] != "FloatFeature":
        kind = split["split_type"]
        raise NotAProgramError(part, _NO_PROGRAM.get(kind, f"has a {kind} in its trees"))
    feature = features[split["float_feature_index"]]
    # It goes right where the float32 is larger; a missing value counts as the largest, or as the smallest.
    return feature["flat_feature_index"], float(split["border"]), int(feature["nan_value_treatment"] != "AsTrue")


def _tree(
    tests: list[tuple[int, float, int]], left: IntArray, right: IntArray, values: FloatArray, weights: FloatArray | None
) -> Tree:
    leaves, outputs = values.shape
    no_child = np.full(leaves, -1)
    columns, borders, missing_left = zip(*tests, strict=True) if tests else ((), (), ())
    return Tree(
        feature=np.concatenate([columns, no_child]).astype(np.int64),
        threshold=np.concatenate([borders, np.zeros(leaves)]),
        left=np.concatenate([left, no_child]).astype(np.int64),
        right=np.concatenate([right, no_child]).astype(np.int64),
        missing_left=np.concatenate([missing_left, np.zeros(leaves)]).astype(np.int64),
        values=np.vstack([np.zeros((len(tests), outputs)), values]),
        target=-1 if outputs > 1 else 0,
        cover=None if weights is None else _covers(left, right, weights),
    )


def _covers(left: IntArray, right: IntArray, weights: FloatArray) -> FloatArray:
    """The weights of leaves, which stand last, summed up to the root: children stand behind their parents."""
    cover = np.concatenate([np.zeros(len(left)), weights])
    for node in range(len(left) - 1, -1, -1):
        cover[node] = cover[left[node]] + cover[right[node]]
    return cover


PREDICTORS: dict[str, PredictorReader] = {
    f"catboost.core.{name}": read_catboost for name in ("CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker")
}
