"""Readers of SimpleImputer and MissingIndicator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, Column, NumberColumn, Operation, Table, TextColumn

if TYPE_CHECKING:
    from sklearn.impute import MissingIndicator, SimpleImputer

    from pgscore.readers.algebra.domains import Domains
    from pgscore.readers.dispatch import TransformerReader
    from pgscore.readers.writing.writer import Writer


def read_simple_imputer(imputer: SimpleImputer, table: Table, writer: Writer, part: str) -> Table:
    """What stands for missing values, without the columns that it drops, and its indicators behind the columns."""
    if table.sparse:
        raise NotAProgramError(part, "fills a sparse matrix")
    texts = [each for each in table.columns if isinstance(each, TextColumn)]
    _check_missing(imputer.missing_values, texts, table, writer.domains, part)
    # Where it was fitted on objects it takes any, infinity included.
    if getattr(imputer, "_fit_dtype", np.dtype(float)).kind != "O":
        writer.domains.require(part, table.columns, missing=True)
    filled = [
        _filled(column, statistic, part)
        for column, statistic in zip(table.columns, imputer.statistics_, strict=True)
        if imputer.keep_empty_features or not _is_nan(statistic)
    ]
    indicator = imputer.indicator_ if imputer.add_indicator else None
    indicators = [] if indicator is None else [_indicator(table.columns[n], writer) for n in indicator.features_]
    return Table((*filled, *indicators))


def _check_missing(missing: Any, texts: list[TextColumn], table: Table, domains: Domains, part: str) -> None:  # noqa: ANN401
    known_as = domains.contract.missing_text
    if missing is None and known_as == "none" and len(texts) == len(table.columns):
        return
    if not _is_nan(missing):
        raise NotAProgramError(part, f"fills where it finds {missing!r}, and a program fills where a value is missing")
    if known_as == "none" and any(
        domains.contract.inputs[each.source].type != "double precision" for each in table.columns
    ):
        raise NotAProgramError(part, "fills NaN among texts, and the model knows a missing text as None")


def _filled(column: Column, statistic: Any, part: str) -> Column:  # noqa: ANN401
    if isinstance(column, TextColumn):
        if not isinstance(statistic, str):
            raise NotAProgramError(part, f"fills texts with {statistic!r}")
        return TextColumn(column.source, statistic if column.fill is None else column.fill)
    if isinstance(statistic, str):
        raise NotAProgramError(part, f"fills numbers with {statistic!r}")
    return column.then(Operation("fill", float(statistic)))


def read_missing_indicator(indicator: MissingIndicator, table: Table, writer: Writer, part: str) -> Table:
    """1 where a column is missing, of those that it has found to be so; it refuses others that are now."""
    if table.sparse:
        raise NotAProgramError(part, "marks what is missing in a sparse matrix")
    texts = [each for each in table.columns if isinstance(each, TextColumn)]
    _check_missing(indicator.missing_values, texts, table, writer.domains, part)
    if not texts:  # beside which numbers are objects, that are not looked at for infinity
        writer.domains.require(part, table.columns, missing=True)
    marked = indicator.features_.tolist()
    if indicator.features == "missing-only" and indicator.error_on_new:
        for column in (each for n, each in enumerate(table.columns) if n not in marked):
            if isinstance(column, TextColumn):
                writer.domains.of[column.source].nullable &= column.fill is not None
            else:
                writer.domains.accept(part, [column], lambda values: ~np.isnan(values))
    marks = [_indicator(table.columns[n], writer) for n in marked]
    for mark in marks:
        if isinstance(mark, NumberColumn):
            writer.domains.marks.add(mark.source)
    booleans = [replace(mark, boolean=True) if isinstance(mark, CodeColumn) else mark for mark in marks]
    return Table(tuple(booleans), sparse=indicator.sparse is True)


def _indicator(column: Column, writer: Writer) -> Column:
    if isinstance(column, CodeColumn):
        unknown, missing = np.isnan([column.unknown, column.missing]).astype(float).tolist()
        return CodeColumn(column.source, column.keys, np.isnan(column.values).astype(float), unknown, missing)
    if isinstance(column, NumberColumn):
        if column.function_end:
            # What a function is not defined of is missing behind it.
            return NumberColumn(writer.add({"step": "missing", "of": writer.register(column)}))
        filled = any(each.name == "fill" for each in column.operations)
    else:
        filled = column.fill is not None
    return CodeColumn(column.source, (), np.zeros(0), 0.0, 0.0 if filled else 1.0)


def _is_nan(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.impute.SimpleImputer": read_simple_imputer,
    "sklearn.impute.MissingIndicator": read_missing_indicator,
}
