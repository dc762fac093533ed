"""Readers of ensembles that add up what estimators give, each of a part of the columns: bagging, AdaBoost, isolation.

Where the estimators are trees, they become one ensemble: the sum of their leaves in their order is the library's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import Table
from pgscore.readers.algebra.doubles import last_true
from pgscore.readers.algebra.ensemble import Ensemble
from pgscore.readers.dispatch import predict
from pgscore.readers.writing.combining import constant, decision, marks, mean, weighted
from pgscore.readers.writing.tree_writer import write_ensemble
from pgscore.readers.writing.writer import Result

from .tree_arrays import from_scikit_learn
from .trees import leaves, require_of_trees

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import FloatArray
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

_TREES = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)
_TWO = 2
# Of a median step.
_MOST_MEMBERS, _MOST_WEIGHT = 1000, 1e300


def read_bagging(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The mean of probabilities, of votes where there are none, or of values; each estimator sees its own columns."""
    classes = len(getattr(estimator, "classes_", (0,)))
    parts = [
        (_unsampled(each), features)
        for each, features in zip(estimator.estimators_, estimator.estimators_features_, strict=True)
    ]
    if all(type(each) in _TREES for each, _ in parts):
        outputs = _of_trees(parts, classes, table, writer, part)
        return Result(outputs, "identity")
    of_each, decisions = [], []
    for number, (each, features) in enumerate(parts):
        name = f"estimators_[{number}]"
        result = predict(each, _chosen(table, features), writer, name)
        if hasattr(each, "classes_") and not hasattr(each, "predict_proba"):
            found = marks(result, writer, name)
        else:
            found = writer.outputs(result, name)
        of_each.append(_spread(found, each, classes, part))
        if hasattr(each, "decision_function") and result.tolerance is None:
            decisions.append(decision(result, writer, name))
    means = mean(of_each, writer)
    return Result(means, "identity", decision=mean(decisions, writer) if len(decisions) == len(parts) else None)


def _unsampled(estimator: Any) -> Any:  # noqa: ANN401
    """What is behind imbalanced-learn's samplers, which have their say when it is fitted only."""
    steps = getattr(estimator, "steps", [])
    return steps[-1][1] if steps and all(hasattr(step, "fit_resample") for _, step in steps[:-1]) else estimator


def _chosen(table: Table, features: Any) -> Table:  # noqa: ANN401
    return Table(tuple(table.columns[int(n)] for n in np.asarray(features).tolist()), table.sparse)


def _spread(found: list[int], estimator: Any, classes: int, part: str) -> list[int]:  # noqa: ANN401
    known = np.asarray(getattr(estimator, "classes_", range(len(found)))).tolist()
    if known != list(range(classes)):
        raise NotAProgramError(part, "has an estimator that has not seen every class")
    return found


def _of_trees(parts: list[tuple[Any, Any]], classes: int, table: Table, writer: Writer, part: str) -> list[int]:
    trees = []
    for each, features in parts:
        require_of_trees(each, _chosen(table, features), writer, part)
        values = leaves(each)
        if hasattr(each, "classes_"):
            known = np.zeros((len(values), classes))
            known[:, np.asarray(each.classes_, dtype=np.int64)] = values
            values = known
        trees.append(from_scikit_learn(each.tree_, values, -1 if classes > 1 else 0, features))
    ensemble = Ensemble(trees, [0.0] * classes, float(len(trees)), single=True)
    register = write_ensemble(ensemble, table.numbers(part), writer)
    return list(range(register, register + classes))


def read_adaboost(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The softmax of weighted votes, of which one against a class counts as a part of its weight.

    `sklearn.ensemble.AdaBoostClassifier.decision_function`, whose sign or largest number is the label.
    """
    classes = len(estimator.classes_)
    if classes < _TWO:
        raise NotAProgramError(part, "knows one class only")
    if getattr(estimator, "algorithm", None) == "SAMME.R":
        # Up to scikit-learn 1.5 the default; it adds logarithms of probabilities.
        raise NotAProgramError(part, "was fitted with algorithm='SAMME.R', which scikit-learn has given up")
    # It checks before its estimators do.
    writer.domains.require(part, table.columns, missing=False)
    weights = estimator.estimator_weights_[: len(estimator.estimators_)].tolist()
    total = float(estimator.estimator_weights_.sum())
    votes = [(np.where(np.eye(classes) > 0, weight, -1 / (classes - 1) * weight)) for weight in weights]
    if all(type(each) in _TREES for each in estimator.estimators_):
        sums = _votes_of_trees(estimator, votes, total, table, writer, part)
    else:
        sums = _votes(estimator, votes, total, table, writer)
    if classes > _TWO:
        scores = [writer.add({"step": "affine", "of": each, "divide": float(classes - 1)}) for each in sums]
        return Result(scores, "softmax", decide=sums, decision=sums)
    score = writer.add({"step": "linear", "of": sums, "weights": [-1.0, 1.0], "intercept": 0.0})
    halves = [writer.add({"step": "affine", "of": score, "divide": divide}) for divide in (-float(_TWO), float(_TWO))]
    return Result(halves, "softmax", decide=[constant(0.0, score, writer), score], decision=[score])


def _votes_of_trees(
    estimator: Any,  # noqa: ANN401
    votes: list[FloatArray],
    total: float,
    table: Table,
    writer: Writer,
    part: str,
) -> list[int]:
    trees = []
    for each, vote in zip(estimator.estimators_, votes, strict=True):
        require_of_trees(each, table, writer, part)
        chosen = np.searchsorted(estimator.classes_, each.classes_)[np.argmax(leaves(each), axis=1)]
        trees.append(from_scikit_learn(each.tree_, vote[chosen], -1))
    classes = len(estimator.classes_)
    register = write_ensemble(Ensemble(trees, [0.0] * classes, total, single=True), table.numbers(part), writer)
    return list(range(register, register + classes))


def _votes(estimator: Any, votes: list[FloatArray], total: float, table: Table, writer: Writer) -> list[int]:  # noqa: ANN401
    of_each = []
    for number, (each, vote) in enumerate(zip(estimator.estimators_, votes, strict=True)):
        name = f"estimators_[{number}]"
        if not np.array_equal(each.classes_, estimator.classes_):
            raise NotAProgramError(name, "has not seen every class")
        of_each.append([_vote(mark, vote, writer) for mark in marks(predict(each, table, writer, name), writer, name)])
    return [weighted(same, [1.0] * len(of_each), writer, total) for same in zip(*of_each, strict=True)]


def _vote(mark: int, vote: FloatArray, writer: Writer) -> int:
    """The weight of a vote for a class, and against it."""
    against, in_favour = float(vote[1, 0]), float(vote[0, 0])
    step = {"step": "lookup", "of": mark, "keys": [1.0], "values": [in_favour]}
    return writer.add({**step, "unknown": against, "missing": against})


def read_median(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The weighted median of what the estimators give.

    `sklearn.ensemble.AdaBoostRegressor._get_median_predict`: numpy's argsort, cumsum of the weights in that order, and
    the first sum that is half of the last one. argsort may put equal values in any order. That moves the sums behind
    some of them and before others, all of which stand for the same value; the sum behind all of them is the same, but
    for its rounding.
    """
    # It checks before its estimators do.
    writer.domains.require(part, table.columns, missing=False)
    weights = estimator.estimator_weights_[: len(estimator.estimators_)].tolist()
    if not all(0 <= weight <= _MOST_WEIGHT for weight in weights):
        raise NotAProgramError(part, "has weights that are negative, or not finite")
    if len(weights) > _MOST_MEMBERS:
        raise NotAProgramError(part, f"has more than {_MOST_MEMBERS:,} estimators, of which a program takes a median")
    if all(type(each) in _TREES for each in estimator.estimators_):
        trees = []
        for number, each in enumerate(estimator.estimators_):
            require_of_trees(each, table, writer, part)
            trees.append(from_scikit_learn(each.tree_, leaves(each), number))
        ensemble = Ensemble(trees, [0.0] * len(trees), None, single=True)
        register = write_ensemble(ensemble, table.numbers(part), writer)
        found = list(range(register, register + len(trees)))
    else:
        names = [f"estimators_[{number}]" for number in range(len(weights))]
        found = [
            writer.outputs(predict(each, table, writer, name), name)[0]
            for name, each in zip(names, estimator.estimators_, strict=True)
        ]
    return Result([writer.add({"step": "median", "of": found, "weights": weights})], "identity")


def read_isolation(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """What predict gives: 1, and -1 where the trees isolate a row early.

    `sklearn.ensemble.IsolationForest.predict`: the sum of path lengths, in the order of the trees, is compared with the
    double from which on a row is no outlier. Its inputs are rounded to float32 and not checked.
    """
    trees = []
    for number, (each, features) in enumerate(zip(estimator.estimators_, estimator.estimators_features_, strict=True)):
        lengths = estimator._decision_path_lengths[number] + estimator._average_path_length_per_tree[number] - 1.0
        trees.append(from_scikit_learn(each.tree_, np.asarray(lengths, dtype=np.float64).reshape(-1, 1), 0, features))
    register = write_ensemble(Ensemble(trees, [0.0], None, single=True), table.numbers(part), writer)
    is_outlier = _outlying(estimator)
    most = writer.range(register).high + 1
    low, high = np.array([0.0]), np.array([max(most, 1.0)])
    if not is_outlier(low)[0]:
        return Result([constant(1.0, register, writer)], "identity")
    if is_outlier(high)[0]:
        return Result([constant(-1.0, register, writer)], "identity")
    last = float(last_true(is_outlier, low, high)[0])
    step = {
        "step": "piecewise",
        "of": register,
        "knots": [last],
        "coefficients": [[-1.0], [1.0]],
        "closed": "right",
        "missing": None,
    }
    return Result([writer.add(step)], "identity")


def _outlying(estimator: Any) -> Any:  # noqa: ANN401
    from sklearn.ensemble._iforest import _average_path_length

    denominator = len(estimator.estimators_) * _average_path_length([estimator._max_samples])

    def is_outlier(depths: FloatArray) -> Any:  # noqa: ANN401
        ratios = np.divide(depths, denominator, out=np.ones_like(depths), where=denominator != 0)
        return -(2**-ratios) - estimator.offset_ < 0

    return is_outlier


PREDICTORS: dict[str, PredictorReader] = {
    "imblearn.ensemble.BalancedBaggingClassifier": read_bagging,
    "imblearn.ensemble.EasyEnsembleClassifier": read_bagging,
    "imblearn.ensemble.RUSBoostClassifier": read_adaboost,
    "sklearn.ensemble.BaggingClassifier": read_bagging,
    "sklearn.ensemble.BaggingRegressor": read_bagging,
    "sklearn.ensemble.AdaBoostClassifier": read_adaboost,
    "sklearn.ensemble.AdaBoostRegressor": read_median,
    "sklearn.ensemble.IsolationForest": read_isolation,
}
