"""Readers of feature selectors: the columns that `get_support` names, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import feature_selection
from sklearn import utils as sklearn_utils

from pgscore.readers.algebra.columns import Table, TextColumn
from pgscore.readers.dispatch import predict

if TYPE_CHECKING:
    from pgscore.readers.dispatch import PredictorReader, TransformerReader
    from pgscore.readers.writing.writer import Result, Writer


def read_selector(selector: Any, table: Table, writer: Writer, part: str) -> Table:  # noqa: ANN401
    """The selected columns, after the check that `SelectorMixin.transform` makes of all of them.

    It makes none where NaN is allowed (then infinity is, too), and of a frame that shall stay one. Numbers beside
    texts of a frame become objects, of which it finds NaN alone.
    """
    support = np.asarray(selector.get_support())
    is_frame = hasattr(selector, "feature_names_in_")
    # As `sklearn.utils._set_output._get_output_config` reads it.
    stays = is_frame and getattr(selector, "_sklearn_output_config", {}).get("transform", "default") != "default"
    if not stays and not _allows_nan(selector):
        if is_frame and any(isinstance(column, TextColumn) for column in table.columns):
            for column in table.columns:
                _require_value(column, writer, part)
        else:
            writer.domains.require(part, table.columns, missing=False)
    return Table(tuple(column for column, chosen in zip(table.columns, support, strict=True) if chosen), table.sparse)


def _require_value(column: Any, writer: Writer, part: str) -> None:  # noqa: ANN401
    if not isinstance(column, TextColumn):
        writer.domains.accept(part, [column], lambda values: ~np.isnan(values))
    elif column.fill is None and writer.domains.contract.missing_text != "none":
        writer.domains.of[column.source].nullable = False


def _allows_nan(selector: Any) -> bool:  # noqa: ANN401
    get_tags = getattr(sklearn_utils, "get_tags", None)
    if get_tags is None:  # before scikit-learn 1.6
        return bool(selector._get_tags()["allow_nan"])
    return bool(get_tags(selector).input_tags.allow_nan)


def read_eliminating(selector: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The scores of the estimator that is left, of the columns that it has left."""
    return predict(selector.estimator_, read_selector(selector, table, writer, part), writer)


_SELECTORS = (
    "SelectKBest", "SelectPercentile", "SelectFpr", "SelectFdr", "SelectFwe", "GenericUnivariateSelect",
    "VarianceThreshold", "SelectFromModel", "SequentialFeatureSelector", "RFE", "RFECV",
)  # fmt: skip

SELECTORS = tuple(getattr(feature_selection, name) for name in _SELECTORS)

TRANSFORMERS: dict[str, TransformerReader] = {f"sklearn.feature_selection.{name}": read_selector for name in _SELECTORS}

PREDICTORS: dict[str, PredictorReader] = {
    f"sklearn.feature_selection.{name}": read_eliminating for name in ("RFE", "RFECV")
}
