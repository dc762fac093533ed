"""Reader of LightGBM: boosted trees and random forests of doubles, as treelite reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError

from .algebra.columns import Table, TextColumn, coded
from .algebra.ensemble import Codes, Ensemble, Tree
from .writing.tree_writer import write_ensemble
from .writing.writer import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .algebra.columns import Column, FloatArray
    from .dispatch import PredictorReader
    from .writing.writer import Writer

# What an objective makes of the sums of leaves, where a program can.
_LINKS = {
    "binary": "logistic",
    "multiclass": "softmax",
    "multiclassova": "one_vs_all",
    "cross_entropy": "logistic",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "lambdarank": "identity",
    "rank_xendcg": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
}
# Those whose outputs are values; a regressor's logistic output is one, too.
_OF_VALUES = ("identity", "exp", "expit", "square_signed")
# Where a node's decision type says what it takes for missing, and what it says where zeros are.
_MISSING_TYPE, _ZERO = 2, 1
# kZeroThreshold of LightGBM's meta.h.
_NEAR_ZERO = float(np.float32(1e-35))


def read_lightgbm(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The sums of a booster's leaves, up to the best iteration, and the link of its objective.

    It checks nothing: infinity is a number like any other.

    Raises:
        NotAProgramError: its objective has another link, or its leaves are linear models.
    """
    booster = estimator.booster_
    objective, *options = str(booster.dump_model(num_iteration=0)["objective"]).split(" ")
    link = _link(objective, options, is_classifier=hasattr(estimator, "classes_"))
    if link is None:
        raise NotAProgramError(part, f"has the objective {objective!r}, whose predictions a program cannot give")
    if booster.params.get("linear_tree"):
        raise NotAProgramError(part, "has linear models in its leaves")
    if any(code >> _MISSING_TYPE & 3 == _ZERO for code in _decision_types(booster)):
        raise NotAProgramError(part, "takes zero for a missing value")
    trees, average = _trees(booster, sparse=table.sparse)
    outputs = len(estimator.classes_) if link in ("softmax", "one_vs_all") else 1
    columns = _coded(table, booster.pandas_categorical or []).numbers(part)
    divide = float(len(trees) // outputs) if average else None
    register = write_ensemble(Ensemble(trees, [0.0] * outputs, divide, single=False), columns, writer)
    scores = list(range(register, register + outputs))
    slope = dict(option.split(":") for option in options if ":" in option).get("sigmoid", "1")
    if float(slope) != 1:
        scores = [writer.add({"step": "affine", "of": score, "multiply": float(slope)}) for score in scores]
    return Result(scores, link)


def _link(objective: str, options: Sequence[str], *, is_classifier: bool) -> str | None:
    link = _LINKS.get(objective)
    if link == "logistic" and not is_classifier:
        link = "expit"
    if "sqrt" in options:
        # It was fitted on roots.
        link = "square_signed" if link == "identity" else None
    return None if (link in _OF_VALUES) == is_classifier else link


def _decision_types(booster: Any) -> set[int]:  # noqa: ANN401
    lines = (line for line in booster.model_to_string().splitlines() if line.startswith("decision_type="))
    return {int(code) for line in lines for code in line.partition("=")[2].split()}


def _trees(booster: Any, *, sparse: bool) -> tuple[list[Tree], bool]:  # noqa: ANN401
    """The trees, each with the output that it is added to, and whether their mean counts and not their sum."""
    import treelite

    model = treelite.frontend.from_lightgbm(booster)
    header: Callable[[str], Any] = model.get_header_accessor().get_field
    trees = [
        _tree(model.get_tree_accessor(number).get_field, max(0, output), sparse=sparse)
        for number, output in enumerate(header("class_id").tolist())
    ]
    return trees, bool(header("average_tree_output")[0])


def _tree(array: Callable[[str], Any], target: int, *, sparse: bool) -> Tree:
    thresholds = array("threshold").astype(np.float64)
    left = array("cleft").astype(np.int64)
    return Tree(
        feature=np.where(left == -1, -1, array("split_index")).astype(np.int64),
        # Rows of a sparse matrix keep what is near zero.
        threshold=thresholds if sparse else _past_zero(thresholds),
        left=left,
        right=array("cright").astype(np.int64),
        missing_left=array("default_left").astype(np.int64),
        values=array("leaf_value").astype(np.float64).reshape(-1, 1),
        target=target,
        codes=dict(_codes(array)),
        cover=array("data_count").astype(np.float64) if len(array("data_count")) else None,
    )


def _past_zero(thresholds: FloatArray) -> FloatArray:
    """Thresholds for numbers of which those near zero are taken for zero, as LightGBM does before it compares."""
    below = (thresholds >= -_NEAR_ZERO) & (thresholds < 0)
    above = (thresholds >= 0) & (thresholds < _NEAR_ZERO)
    return np.where(below, np.nextafter(-_NEAR_ZERO, -np.inf), np.where(above, _NEAR_ZERO, thresholds))


def _codes(array: Callable[[str], Any]) -> Iterator[tuple[int, Codes]]:
    """Tests of categories: those that are listed go left; all others right, as missing ones do."""
    listed, starts, ends = array("category_list"), array("category_list_begin"), array("category_list_end")
    for node in np.flatnonzero(ends > starts).tolist():
        chosen = frozenset(listed[starts[node] : ends[node]].tolist())
        yield node, Codes(chosen, chosen, others_left=False)


def _coded(table: Table, categories: Sequence[Sequence[Any]]) -> Table:
    """The columns, with the code of its category for a text, as pandas had numbered them. Others are missing."""
    of_texts = iter([each for each in categories if all(isinstance(name, str) for name in each)])
    columns: list[Column] = []
    for column in table.columns:
        known = next(of_texts, None) if isinstance(column, TextColumn) else None
        columns.append(coded(column, known) if isinstance(column, TextColumn) and known else column)
    return Table(tuple(columns), table.sparse)


PREDICTORS: dict[str, PredictorReader] = {
    "pgscore_runtime.boosters.LightGBMFile": read_lightgbm,
    **{f"lightgbm.sklearn.{name}": read_lightgbm for name in ("LGBMClassifier", "LGBMRegressor", "LGBMRanker")},
}
