"""Reader of trees: decision trees, forests, gradient boosting, histogram gradient boosting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.ensemble import Ensemble, Tree
from pgscore.readers.writing.tree_writer import write_ensemble
from pgscore.readers.writing.writer import Result

from .tree_arrays import from_scikit_learn, from_treelite

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer


def read_tree(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """A single tree, from its own arrays: treelite knows ensembles only."""
    _one_output(estimator, part)
    require_of_trees(estimator, table, writer, part)
    values = leaves(estimator)
    outputs = values.shape[1]
    tree = from_scikit_learn(estimator.tree_, values, -1 if outputs > 1 else 0)
    register = write_ensemble(Ensemble([tree], [0.0] * outputs, None, single=True), table.numbers(part), writer)
    return Result(list(range(register, register + outputs)), "identity")


def read_forest(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The mean of trees: their sum in their order, from 0, divided by their number."""
    _one_output(estimator, part)
    require_of_trees(estimator.estimators_[0], table, writer, part)
    outputs = 1
    if hasattr(estimator, "classes_"):
        outputs = len(estimator.classes_)
        # treelite divides a leaf's fractions by their sum once more, which moves some of them by a last digit.
        trees = [from_scikit_learn(each.tree_, leaves(each), -1) for each in estimator.estimators_]
    else:
        trees = from_treelite(estimator)
    ensemble = Ensemble(trees, [0.0] * outputs, float(len(trees)), single=True)
    register = write_ensemble(ensemble, table.numbers(part), writer)
    return Result(list(range(register, register + outputs)), "identity")


def read_boosted(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """Gradient boosting: the initial prediction, and the trees in their order."""
    writer.domains.require(part, table.numbers(part), missing=False, single=True)
    trees, base = _stages(estimator, part)
    register = write_ensemble(Ensemble(trees, base, None, single=True), table.numbers(part), writer)
    if not hasattr(estimator, "classes_"):
        return Result([register], "identity")
    if len(base) > 1:
        return Result(list(range(register, register + len(base))), "softmax")
    if estimator.loss == "exponential":
        doubled = writer.add({"step": "affine", "of": register, "multiply": 2.0})
        return Result([doubled], "logistic", "last", decision=[register])
    # It predicts the second class where the sum is 0.
    return Result([register], "logistic", "last")


def _stages(estimator: Any, part: str) -> tuple[list[Tree], list[float]]:  # noqa: ANN401
    stages = estimator.estimators_
    if isinstance(estimator.init_, DummyClassifier | DummyRegressor) and estimator.init is None:
        trees = from_treelite(estimator)
    elif isinstance(estimator.init_, DummyClassifier | DummyRegressor) or estimator.init_ == "zero":
        # treelite refuses an initial estimator that was given, even one that predicts a constant.
        trees = [
            from_scikit_learn(tree.tree_, estimator.learning_rate * tree.tree_.value[:, :, 0], number)
            for stage in stages
            for number, tree in enumerate(stage)
        ]
    else:
        raise NotAProgramError(part, f"starts from a {type(estimator.init_).__name__}, which is a model of its own")
    # The base as scikit-learn computes it for any row.
    constant = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), dtype=np.float32))
    return trees, [float(each) for each in constant[0]]


def leaves(estimator: Any) -> np.ndarray:  # noqa: ANN401
    """Nodes x outputs: what the leaves of a tree hold."""
    values: np.ndarray = np.asarray(estimator.tree_.value[:, 0, :], dtype=np.float64)
    return values


def _one_output(estimator: Any, part: str) -> None:  # noqa: ANN401
    if estimator.n_outputs_ != 1:
        raise NotAProgramError(part, "predicts several values at once")


def require_of_trees(tree: Any, table: Table, writer: Writer, part: str) -> None:  # noqa: ANN401
    """The check that scikit-learn's trees make: float32, and NaN where they know what to do with it."""
    given = np.zeros((1, 1))
    missing = bool(tree._support_missing_values(given)) and not table.sparse
    writer.domains.require(part, table.numbers(part), missing=missing, single=True)


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.tree.DecisionTreeClassifier": read_tree,
    "sklearn.tree.DecisionTreeRegressor": read_tree,
    "sklearn.tree.ExtraTreeClassifier": read_tree,
    "sklearn.tree.ExtraTreeRegressor": read_tree,
    "sklearn.ensemble.RandomForestClassifier": read_forest,
    "sklearn.ensemble.RandomForestRegressor": read_forest,
    "imblearn.ensemble.BalancedRandomForestClassifier": read_forest,
    "sklearn.ensemble.ExtraTreesClassifier": read_forest,
    "sklearn.ensemble.ExtraTreesRegressor": read_forest,
    "sklearn.ensemble.GradientBoostingClassifier": read_boosted,
    "sklearn.ensemble.GradientBoostingRegressor": read_boosted,
}
