"""Reader of CatBoost: trees over numbers and single categories, from the library's own JSON.

The JSON is described at https://catboost.ai/docs/en/concepts/json-model; treelite does not read CatBoost.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pgscore.errors import NotAProgramError

from .algebra.columns import Table, constant
from .algebra.ensemble import Codes, Ensemble, Tree
from .hashed_categories import Hashed, hashed
from .writing.tree_writer import write_ensemble
from .writing.writer import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .algebra.columns import Column
    from .algebra.ensemble import FloatArray, IntArray
    from .dispatch import PredictorReader
    from .writing.writer import Writer

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
# What a program has no test for.
_NO_PROGRAM = {"OnlineCtr": "computes statistics of categories, as of those of more values than its one_hot_max_size"}
# Those whose outputs are values.
_OF_VALUES = ("identity", "exp")


class _Test(NamedTuple):
    """A test of a column: the number up to which it goes left, or codes of categories; and where a missing one goes."""

    column: int
    border: float
    missing_left: int
    codes: Codes | None = None


class _Features(NamedTuple):
    """What the splits of trees are about: numbers, and categories by the place of their column; both by number."""

    numbers: Mapping[int, Mapping[str, Any]]
    categories: Mapping[int, int]
    hashed: Mapping[int, Hashed]


def read_catboost(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The sums of a model's leaves, and the link of its loss.

    Raises:
        NotAProgramError: its loss has another link, a tree tests something else than a number or a category, or a
            category of which nobody knows the text.
    """
    document = _document(estimator, part)
    loss = str(document["model_info"]["params"]["loss_function"]["type"])
    link = _LINKS.get(loss)
    if link is None or (link in _OF_VALUES) == _is_classifier(estimator):
        raise NotAProgramError(part, f"has the loss {loss!r}, whose predictions a program cannot give")
    scale, bias = document.get("scale_and_bias", [1, [0]])
    outputs = len(bias) if len(bias) > 1 else (len(estimator.classes_) if link in ("softmax", "one_vs_all") else 1)
    features, columns = _features(document, table, writer, part)
    trees = [_oblivious(each, features, float(scale), outputs) for each in document.get("oblivious_trees", ())]
    trees += [_grown(each, features, float(scale), outputs) for each in document.get("trees", ())]
    base = [float(each) for each in np.broadcast_to(np.asarray(bias, dtype=np.float64), (outputs,))]
    register = write_ensemble(Ensemble(trees, base, None, single=True), columns.numbers(part), writer)
    return Result(list(range(register, register + outputs)), link)


def _features(document: Mapping[str, Any], table: Table, writer: Writer, part: str) -> tuple[_Features, Table]:
    """What the splits test, and the columns with codes for those categories that they test."""
    tested: dict[int, set[int]] = {}
    for split in _splits(document):
        kind = split["split_type"]
        if kind == "OneHotFeature":
            tested.setdefault(split["cat_feature_index"], set()).add(split["value"])
        elif kind != "FloatFeature":
            raise NotAProgramError(part, _NO_PROGRAM.get(kind, f"has a {kind} in its trees"))
    known = document["features_info"]
    numbers = {each["feature_index"]: each for each in known.get("float_features") or ()}
    categories = {each["feature_index"]: each["flat_feature_index"] for each in known.get("categorical_features") or ()}
    columns: list[Column] = list(table.columns)
    found: dict[int, Hashed] = {}
    for number, place in categories.items():
        column = columns[place]
        columns[place] = constant(column, 0.0)
        if number in tested:
            found[number] = hashed(column, tested[number], writer, part)
            columns[place] = found[number].column
    return _Features(numbers, categories, found), Table(tuple(columns), table.sparse)


def _splits(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for tree in document.get("oblivious_trees", ()):
        yield from tree.get("splits") or ()
    waiting = list(document.get("trees", ()))
    while waiting:
        node = waiting.pop()
        if "split" in node:
            yield node["split"]
            waiting += [node["left"], node["right"]]


def _is_classifier(estimator: Any) -> bool:  # noqa: ANN401
    return hasattr(estimator, "predict_proba")


def _document(estimator: Any, part: str) -> dict[str, Any]:  # noqa: ANN401
    if estimator.get_text_feature_indices() or estimator.get_embedding_feature_indices():
        raise NotAProgramError(part, "computes features of texts or of embeddings")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        try:
            estimator.save_model(str(path), format="json")
        except Exception as error:  # such as a border of minus infinity
            reason = re.sub(r"^.*?: ", "", str(error).strip().splitlines()[0])
            raise NotAProgramError(part, f"is no model that CatBoost writes as JSON ({reason})") from None
        found: dict[str, Any] = json.loads(path.read_text())
    return found


def _oblivious(tree: Mapping[str, Any], features: _Features, scale: float, outputs: int) -> Tree:
    """A tree whose nodes of one level make one test; the first test is the lowest bit of a leaf's number."""
    # From the root on, so that the leaves stand in the order of their numbers.
    tests = [_test(split, features) for split in reversed(tree.get("splits") or ())]
    leaves = 2 ** len(tests)
    nodes = [test for level, test in enumerate(tests) for _ in range(2**level)]
    values = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(leaves, outputs)
    children = 2 * np.arange(len(nodes))
    weights = np.asarray(tree.get("leaf_weights") or (), dtype=np.float64)
    return _tree(nodes, children + 1, children + 2, values * scale, weights if len(weights) == leaves else None)


def _grown(tree: Mapping[str, Any], features: _Features, scale: float, outputs: int) -> Tree:
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
    tests = [_test(node["split"], features) for node in inner]
    values = np.array([node["value"] for node in leaves], dtype=np.float64).reshape(len(leaves), outputs)
    weights = np.array([node["weight"] for node in leaves if "weight" in node], dtype=np.float64)
    return _tree(tests, left, right, values * scale, weights if len(weights) == len(leaves) else None)


def _test(split: Mapping[str, Any], features: _Features) -> _Test:
    if split["split_type"] == "OneHotFeature":
        # It goes right where the category has this hash.
        number = split["cat_feature_index"]
        codes = Codes(frozenset(), frozenset([features.hashed[number].codes[split["value"]]]), others_left=True)
        return _Test(features.categories[number], 0.0, 1, codes)
    feature = features.numbers[split["float_feature_index"]]
    # It goes right where the float32 is larger; a missing value counts as the largest, or as the smallest.
    missing_left = int(feature["nan_value_treatment"] != "AsTrue")
    return _Test(feature["flat_feature_index"], float(split["border"]), missing_left)


def _tree(tests: list[_Test], left: IntArray, right: IntArray, values: FloatArray, weights: FloatArray | None) -> Tree:
    leaves, outputs = values.shape
    no_child = np.full(leaves, -1)
    return Tree(
        feature=np.array([*(each.column for each in tests), *no_child], dtype=np.int64),
        threshold=np.array([*(each.border for each in tests), *np.zeros(leaves)], dtype=np.float64),
        left=np.concatenate([left, no_child]).astype(np.int64),
        right=np.concatenate([right, no_child]).astype(np.int64),
        missing_left=np.array([*(each.missing_left for each in tests), *np.zeros(leaves)], dtype=np.int64),
        values=np.vstack([np.zeros((len(tests), outputs)), values]),
        target=-1 if outputs > 1 else 0,
        codes={node: each.codes for node, each in enumerate(tests) if each.codes is not None},
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
