"""Reader of XGBoost: boosted trees, random forests, dart and linear boosters, from the library's own JSON.

The JSON is described at https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html. treelite refuses models
that name categories, as all do since 3.1 that were fitted on them.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError

from .algebra.columns import ZERO_IS_MISSING, Operation, Table, TextColumn, coded
from .algebra.ensemble import Codes, Ensemble, Tree
from .algebra.singles import of_terms, of_trees
from .writing.linear_writer import write_linear
from .writing.tree_writer import write_ensemble
from .writing.writer import Result

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .algebra.columns import Column
    from .dispatch import PredictorReader
    from .writing.writer import Writer

# What an objective makes of the sums of leaves, where a program can.
_LINKS = {
    "binary:logistic": "logistic",
    "reg:logistic": "logistic",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:absoluteerror": "identity",
    "reg:quantileerror": "identity",
    "rank:pairwise": "identity",
    "rank:ndcg": "identity",
    "rank:map": "identity",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
}
_NEVER = 1e300
_LEAST = np.float32(1e-6)
# Those whose outputs are values; a regressor's logistic output is one, too.
_OF_VALUES = ("identity", "exp", "expit")


def read_xgboost(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The margins of a booster, and the link of its objective.

    Raises:
        NotAProgramError: its objective has another link, it predicts several values at once, or it takes another
            number than NaN for a missing one.
    """
    if not np.isnan(estimator.missing):
        raise NotAProgramError(part, f"takes {estimator.missing:g} for a missing value")
    learner = json.loads(estimator.get_booster().save_raw("json"))["learner"]
    objective = learner["objective"]["name"]
    is_classifier = hasattr(estimator, "classes_")
    link = _LINKS.get(objective)
    if link == "logistic" and not is_classifier:
        link = "expit"
    if link is None or (link in _OF_VALUES) == is_classifier:
        raise NotAProgramError(part, f"has the objective {objective!r}, whose predictions a program cannot give")
    outputs = len(estimator.classes_) if link == "softmax" else 1
    base = _base(learner["learner_model_param"], outputs, link)
    booster = learner["gradient_booster"]
    if booster["name"] == "gblinear" and link == "exp":
        # What a row's sum is off by is multiplied by its score: no tolerance is stated for both.
        raise NotAProgramError(part, f"has linear boosters with the objective {objective!r}")
    if booster["name"] == "gblinear":
        scores, tolerance = _linear(booster["model"], base, table, writer, part), of_terms(len(table.columns), link)
    else:
        drops = booster.get("weight_drop")
        model = _model(booster)
        if _number(learner["learner_model_param"].get("num_target", "1")) > 1:
            raise NotAProgramError(part, "predicts several values at once")
        trees = list(_trees(model, learner["attributes"], drops, part))
        columns = _present(_coded(table, model.get("cats", {}), writer, part), writer, part).numbers(part)
        register = write_ensemble(Ensemble(trees, base, None, single=True), columns, writer)
        scores, tolerance = (
            list(range(register, register + outputs)),
            of_trees(trees, [each if abs(each) < _NEVER else 0.0 for each in base], link),
        )
    return Result(scores, link, tolerance=tolerance)


def _model(booster: Mapping[str, Any]) -> Mapping[str, Any]:
    """The trees of a booster, or its weights: dart has them inside of another one."""
    found: Mapping[str, Any] = booster.get("gbtree", booster).get("model", {})
    return found


def _number(text: str) -> float:
    return float(text.strip("[]").split(",")[0])


def _base(parameters: Mapping[str, str], outputs: int, link: str) -> list[float]:
    """What each sum starts from; stored is what the link makes of it."""
    stored = np.array(parameters["base_score"].strip("[]").split(","), dtype=np.float32)
    # As XGBoost computes it, in single precision.
    if link in ("logistic", "expit"):
        # ProbToMargin of src/common/math.h leaves neither end: a single class has one.
        stored = np.clip(stored, _LEAST, np.float32(1) - _LEAST)
        stored = -np.log(np.float32(1) / stored - np.float32(1))
    elif link == "exp":
        stored = np.log(stored)
    # Of nothing but zeros the logarithm is infinite, and so is the sum; so large a number comes to the same.
    return [float(each) for each in np.broadcast_to(np.clip(stored.astype(np.float64), -_NEVER, _NEVER), (outputs,))]


def _linear(model: Mapping[str, Any], base: list[float], table: Table, writer: Writer, part: str) -> list[int]:
    """A linear booster, which leaves out what is missing: weights of features by outputs, the biases last."""
    columns = table.numbers(part)
    writer.domains.require(part, columns, missing=True, single=True)
    weights = np.array(model["weights"], dtype=np.float32).astype(np.float64).reshape(len(columns) + 1, len(base))
    # It starts all of its sums from the first one's base.
    base = [base[0]] * len(base)
    filled = writer.then(table, part, [[Operation("fill", 0.0)]] * len(columns)).numbers(part)
    return [
        write_linear(filled, weights[:-1, output], float(weights[-1, output]) + start, writer, finite=True)
        for output, start in enumerate(base)
    ]


def _trees(
    model: Mapping[str, Any], attributes: Mapping[str, str], drops: list[float] | None, part: str
) -> Iterator[Tree]:
    """The trees up to the best iteration, each with the output that it is added to."""
    ends = model["iteration_indptr"]
    rounds = int(attributes["best_iteration"]) + 1 if "best_iteration" in attributes else len(ends) - 1
    for number in range(ends[rounds]):
        tree = model["trees"][number]
        if int(tree["tree_param"]["size_leaf_vector"]) > 1:
            raise NotAProgramError(part, "has trees that predict several values at once")
        yield _tree(tree, model["tree_info"][number], 1.0 if drops is None else drops[number])


def _tree(tree: Mapping[str, Any], target: int, weight: float) -> Tree:
    left = np.array(tree["left_children"], dtype=np.int64)
    numbers = np.array(tree["split_conditions"], dtype=np.float32)
    values = np.where(left < 0, numbers * np.float32(weight), 0)
    return Tree(
        feature=np.where(left < 0, -1, np.array(tree["split_indices"], dtype=np.int64)),
        # It goes left where the float32 is smaller: where it is at most the float32 before.
        threshold=np.nextafter(numbers, np.float32(-np.inf)).astype(np.float64),
        left=left,
        right=np.array(tree["right_children"], dtype=np.int64),
        missing_left=np.array(tree["default_left"], dtype=np.int64),
        values=values.astype(np.float64).reshape(-1, 1),
        target=target,
        codes=dict(_codes(tree)),
        cover=np.array(tree["sum_hessian"], dtype=np.float32).astype(np.float64),
    )


def _codes(tree: Mapping[str, Any]) -> Iterator[tuple[int, Codes]]:
    """Tests of categories: those that are listed go right, and all others left."""
    for node, start, size in zip(
        tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
    ):
        yield node, Codes(frozenset(), frozenset(tree["categories"][start : start + size]), others_left=True)


def knows_names(estimator: Any) -> list[bool]:  # noqa: ANN401
    """For each column, whether a fitted booster knows categories of it by name."""
    learner = json.loads(estimator.get_booster().save_raw("json"))["learner"]
    found = [_has_names(each) for each in _model(learner["gradient_booster"]).get("cats", {}).get("enc", ())]
    return found or [False] * int(learner["learner_model_param"]["num_feature"])


def _has_names(encoded: Mapping[str, Any]) -> bool:
    return "offsets" in encoded and bool(encoded["values"])


def category_names(estimator: Any) -> list[list[str] | None]:  # noqa: ANN401
    """The names of categories that a fitted booster knows, in the order of their codes; None where a column has none.

    Raises:
        NotAProgramError: it has cut them.
    """
    booster = json.loads(estimator.get_booster().save_raw("json"))["learner"]["gradient_booster"]
    model = _model(booster)
    return [_names(each, f"the {type(estimator).__name__}") for each in model.get("cats", {}).get("enc", ())]


def _names(encoded: Mapping[str, Any], part: str) -> list[str] | None:
    if not _has_names(encoded):
        return None
    text, ends = bytes(each % 256 for each in encoded["values"]), encoded["offsets"]
    if not text.isascii():
        # XGBoost counts characters and stores as many bytes, and so takes different names for one.
        raise NotAProgramError(part, "knows categories whose names are not ASCII, which XGBoost cuts")
    return [text[start:end].decode() for start, end in pairwise(ends)]


def _present(table: Table, writer: Writer, part: str) -> Table:
    """The columns as XGBoost sees them: what a sparse matrix does not hold, which is 0, is missing."""
    if not table.sparse:
        return table
    return writer.then(table, part, [[Operation(ZERO_IS_MISSING)]] * len(table.columns))


def _coded(table: Table, cats: Mapping[str, Any], writer: Writer, part: str) -> Table:
    """The columns, with the code of its category for a text: as the booster has numbered them. Others are refused."""
    names = [_names(each, part) for each in cats.get("enc", ())] or [None] * len(table.columns)
    columns: list[Column] = []
    for column, known in zip(table.columns, names, strict=True):
        if isinstance(column, TextColumn) and known is not None:
            writer.domains.of[column.source].restrict(known)
            columns.append(coded(column, known))
        else:
            columns.append(column)
    return Table(tuple(columns), table.sparse)


PREDICTORS: dict[str, PredictorReader] = {
    f"xgboost.sklearn.{name}": read_xgboost
    for name in ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker")
}
