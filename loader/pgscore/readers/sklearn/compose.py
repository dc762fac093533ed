"""Readers of what puts transformers together: Pipeline, ColumnTransformer, FeatureUnion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.readers.algebra.columns import Operation, Table
from pgscore.readers.dispatch import transform

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import FeatureUnion, Pipeline

    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer


def _pipeline(pipeline: Pipeline, table: Table, writer: Writer, _: str) -> Table:
    for name, step in pipeline.steps:
        table = transform(step, table, writer, name)
    return table


def _column_transformer(transformer: ColumnTransformer, table: Table, writer: Writer, _: str) -> Table:
    weights = transformer.transformer_weights or {}
    names = [str(name) for name in getattr(transformer, "feature_names_in_", range(len(table.columns)))]
    parts = []
    for name, step, wanted in transformer.transformers_:
        chosen_positions = positions(wanted, names)
        if not chosen_positions or (isinstance(step, str) and step == "drop"):
            continue
        chosen = Table(tuple(table.columns[n] for n in chosen_positions), table.sparse)
        parts.append(_weighted(transform(step, chosen, writer, name), weights.get(name), writer, name))
    return Table(tuple(column for part in parts for column in part.columns), sparse=transformer.sparse_output_)


def _feature_union(union: FeatureUnion, table: Table, writer: Writer, _: str) -> Table:
    weights = union.transformer_weights or {}
    parts = [
        _weighted(transform(step, table, writer, name), weights.get(name), writer, name)
        for name, step in union.transformer_list
    ]
    return Table(tuple(column for part in parts for column in part.columns), any(part.sparse for part in parts))


def _weighted(table: Table, weight: float | None, writer: Writer, name: str) -> Table:
    if weight is None:
        return table
    return writer.then(table, f"step {name!r}", [[Operation("multiply", float(weight))]] * len(table.columns))


def positions(wanted: Any, names: list[str]) -> list[int]:  # noqa: ANN401
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


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.pipeline.Pipeline": _pipeline,
    "sklearn.pipeline.FeatureUnion": _feature_union,
    "sklearn.compose.ColumnTransformer": _column_transformer,
}
