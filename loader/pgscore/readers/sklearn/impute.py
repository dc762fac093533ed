"""Reader of SimpleImputer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import CodeColumn, Column, NumberColumn, Operation, Table, TextColumn

if TYPE_CHECKING:
    from sklearn.impute import SimpleImputer

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
    indicators = [] if indicator is None else [_indicator(table.columns[n], part) for n in indicator.features_]
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


def _indicator(column: Column, part: str) -> CodeColumn:
    if isinstance(column, CodeColumn):
        unknown, missing = np.isnan([column.unknown, column.missing]).astype(float).tolist()
        return CodeColumn(column.source, column.keys, np.isnan(column.values).astype(float), unknown, missing)
    if isinstance(column, NumberColumn):
        if column.function_end:
            raise NotAProgramError(part, "marks what is missing behind a function")
        filled = any(each.name == "fill" for each in column.operations)
    else:
        filled = column.fill is not None
    return CodeColumn(column.source, (), np.zeros(0), 0.0, 0.0 if filled else 1.0)


def _is_nan(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


TRANSFORMERS: dict[str, TransformerReader] = {
    "sklearn.impute.SimpleImputer": read_simple_imputer,
}
