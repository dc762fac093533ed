"""Readers of what puts transformers together: Pipeline, ColumnTransformer, FeatureUnion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from pgscore.errors import NotAProgramError

from .columns import Operation, Table
from .encoders import read_one_hot_encoder, read_ordinal_encoder
from .impute import read_simple_imputer
from .scaling import read_function, read_min_max_scaler, read_standard_scaler

if TYPE_CHECKING:
    from collections.abc import Callable

    from .domains import Domains

    Reader = Callable[[Any, Table, Domains, str], Table]


def transform(transformer: Any, table: Table, domains: Domains, name: str | None = None) -> Table:  # noqa: ANN401
    """What a fitted transformer makes of columns.

    Args:
        transformer: the transformer, or a word that stands for one: ``passthrough``, ``drop``, or None.
        table: the columns that it gets.
        domains: is narrowed to what it accepts.
        name: the name of its step.

    Raises:
        NotAProgramError: it cannot be part of a program; the message names it.
    """
    if transformer is None or (isinstance(transformer, str) and transformer == "passthrough"):
        return table
    if isinstance(transformer, str) and transformer == "drop":
        return Table(())
    reader = _READERS.get(type(transformer))
    if reader is None:
        raise NotAProgramError(
            part_name(transformer, name), f"is a {type(transformer).__name__}, which cannot become a program"
        )
    return reader(transformer, table, domains, part_name(transformer, name))


def part_name(estimator: Any, name: str | None) -> str:  # noqa: ANN401
    """How messages call a part of a pipeline."""
    return f"the {type(estimator).__name__}" if name is None else f"step {name!r}"


def _pipeline(pipeline: Pipeline, table: Table, domains: Domains, _: str) -> Table:
    for name, step in pipeline.steps:
        table = transform(step, table, domains, name)
    return table


def _column_transformer(transformer: ColumnTransformer, table: Table, domains: Domains, _: str) -> Table:
    weights = transformer.transformer_weights or {}
    names = [str(name) for name in getattr(transformer, "feature_names_in_", range(len(table.columns)))]
    parts = []
    for name, step, wanted in transformer.transformers_:
        positions = _positions(wanted, names)
        if not positions or (isinstance(step, str) and step == "drop"):
            continue
        chosen = Table(tuple(table.columns[n] for n in positions), table.sparse)
        parts.append(_weighted(transform(step, chosen, domains, name), weights.get(name), name))
    return Table(tuple(column for part in parts for column in part.columns), sparse=transformer.sparse_output_)


def _feature_union(union: FeatureUnion, table: Table, domains: Domains, _: str) -> Table:
    weights = union.transformer_weights or {}
    parts = [
        _weighted(transform(step, table, domains, name), weights.get(name), name)
        for name, step in union.transformer_list
    ]
    return Table(tuple(column for part in parts for column in part.columns), any(part.sparse for part in parts))


def _weighted(table: Table, weight: float | None, name: str) -> Table:
    if weight is None:
        return table
    return table.then(f"step {name!r}", [[Operation("multiply", float(weight))]] * len(table.columns))


def _positions(wanted: Any, names: list[str]) -> list[int]:  # noqa: ANN401
    """The positions of columns, in any of the ways in which a ColumnTransformer is told of them."""
    if isinstance(wanted, str):
        return [names.index(wanted)]
    if isinstance(wanted, slice):
        start, stop = wanted.start, wanted.stop
        if isinstance(start, str) or isinstance(stop, str):  # labels, the last one included
            start = None if start is None else names.index(start)
            stop = None if stop is None else names.index(stop) + 1
        return list(range(len(names)))[slice(start, stop, wanted.step)]
    if np.ndim(wanted) == 0:
        return [range(len(names))[int(wanted)]]
    entries = list(wanted)
    if entries and all(isinstance(each, bool | np.bool_) for each in entries):
        return [n for n, chosen in enumerate(entries) if chosen]
    return [names.index(each) if isinstance(each, str) else range(len(names))[int(each)] for each in entries]


_READERS: dict[type, Reader] = {
    Pipeline: _pipeline,
    ColumnTransformer: _column_transformer,
    FeatureUnion: _feature_union,
    FunctionTransformer: read_function,
    SimpleImputer: read_simple_imputer,
    StandardScaler: read_standard_scaler,
    MinMaxScaler: read_min_max_scaler,
    OneHotEncoder: read_one_hot_encoder,
    OrdinalEncoder: read_ordinal_encoder,
}
