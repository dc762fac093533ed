"""Reader of histogram gradient boosting, which compares doubles and knows categories by codes of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import Table
from pgscore.readers.algebra.ensemble import Codes, Ensemble, Tree
from pgscore.readers.dispatch import transform
from pgscore.readers.writing.tree_writer import write_ensemble
from pgscore.readers.writing.writer import Result

from .tree_arrays import from_treelite

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

    from pgscore.readers.algebra.columns import Column
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

_LINKS = {
    "squared_error": "identity",
    "absolute_error": "identity",
    "quantile": "identity",
    "poisson": "exp",
    "gamma": "exp",
}
_WORD = 32


def read_histogram(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The scores of histogram gradient boosting. It checks nothing: infinity is a number like any other."""
    if not hasattr(estimator, "classes_") and estimator.loss not in _LINKS:
        raise NotAProgramError(part, f"has the loss {estimator.loss!r}, whose predictions a program cannot give")
    if len(getattr(estimator, "classes_", "..")) == 1:
        raise NotAProgramError(part, "was fitted on one class, and gives probabilities of two")
    if estimator.is_categorical_ is None:
        trees = from_treelite(estimator)
    else:
        # treelite sends codes that were never seen to the right, where scikit-learn treats them as missing.
        table = _encoded(estimator, table, writer)
        trees = list(_categorical_trees(estimator))
    columns = table.numbers(part)
    if any(column.source in writer.domains.inexact for column in columns):
        # Other trees split halfway between values; these may at a value, and so tear rows that they were fitted on.
        raise NotAProgramError(part, "splits at values that are computed otherwise in the last bits before it")
    base = [float(each) for each in np.ravel(estimator._baseline_prediction)]
    register = write_ensemble(Ensemble(trees, base, None, single=False), columns, writer)
    if not hasattr(estimator, "classes_"):
        return Result([register], _LINKS[estimator.loss])
    if len(base) == 1:
        return Result([register], "logistic")
    return Result(list(range(register, register + len(base))), "softmax")


def _encoded(estimator: Any, table: Table, writer: Writer) -> Table:  # noqa: ANN401
    """The columns behind its own encoder: categories first."""
    inner: ColumnTransformer = estimator._preprocessor
    columns: list[Column] = []
    for name, step, chosen in inner.transformers_:
        if step == "drop":
            continue
        part = Table(
            tuple(column for column, wanted in zip(table.columns, _mask(chosen, table), strict=True) if wanted)
        )
        # The numbers pass a function that checks nothing.
        passed = part if isinstance(step, FunctionTransformer) else transform(step, part, writer, name)
        columns.extend(passed.columns)
    return Table(tuple(columns))


def _mask(chosen: Any, table: Table) -> list[bool]:  # noqa: ANN401
    entries = np.asarray(chosen)
    if entries.dtype == bool:
        return [bool(each) for each in entries]
    return [n in set(entries.tolist()) for n in range(len(table.columns))]


def _categorical_trees(estimator: Any) -> Any:  # noqa: ANN401
    known_bits, rows = estimator._bin_mapper.make_known_categories_bitsets()
    known = [_codes(row) for row in known_bits]
    for stage in estimator._predictors:
        for target, predictor in enumerate(stage):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            yield Tree(
                feature=np.where(leaf, -1, nodes["feature_idx"]).astype(np.int64),
                threshold=nodes["num_threshold"].astype(np.float64),
                left=nodes["left"].astype(np.int64),
                right=nodes["right"].astype(np.int64),
                missing_left=nodes["missing_go_to_left"].astype(np.int64),
                values=nodes["value"].astype(np.float64).reshape(-1, 1),
                target=target,
                cover=nodes["count"].astype(np.float64),
                codes={
                    int(n): Codes(
                        _codes(predictor.raw_left_cat_bitsets[nodes["bitset_idx"][n]]),
                        known[rows[nodes["feature_idx"][n]]],
                    )
                    for n in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf)
                },
            )


def _codes(bits: Any) -> frozenset[int]:  # noqa: ANN401
    return frozenset(
        word * _WORD + bit for word, value in enumerate(bits.tolist()) for bit in range(_WORD) if value >> bit & 1
    )


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.ensemble.HistGradientBoostingClassifier": read_histogram,
    "sklearn.ensemble.HistGradientBoostingRegressor": read_histogram,
}
