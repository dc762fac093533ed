"""The `estimator` engine: a fitted estimator called with whole arrays."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy
    import numpy.typing

    from .contract import Contract, Input

    FloatArray = numpy.typing.NDArray[numpy.float64]
    BoolArray = numpy.typing.NDArray[numpy.bool_]

# What scikit-learn raises when it refuses an input: infinity, an unseen category, a missing value.
_REFUSES = (ValueError, TypeError, ArithmeticError, LookupError)


class ServedEstimator:
    """A fitted estimator with its contract."""

    def __init__(self, estimator: Any, contract: Contract) -> None:  # noqa: ANN401
        self._estimator = _single_threaded(estimator)
        self._contract = contract

    def scores(
        self, rows: int, numbers: Sequence[Any] | None, texts: Sequence[Any] | None
    ) -> tuple[list[float | None], list[str | None]]:
        """Scores whole arrays.

        Args:
            rows: the number of rows.
            numbers: rows x number inputs, nested or flat row by row; None for NULL, booleans as 0 and 1.
            texts: rows x text inputs, nested or flat row by row; None for NULL.

        Returns:
            A score for each row, None where an input is NULL that the model does not accept or where the estimator
            refuses the row; and for each row the reason of such a refusal, else None.
        """
        import numpy as np

        inputs = self._contract.inputs
        number_array: FloatArray = _array(numbers, float).reshape(rows, len(self._contract.numbers))
        text_array = _array(texts, object).reshape(rows, len(self._contract.texts))
        number_columns, text_columns = iter(number_array.T), iter(text_array.T)
        columns = [next(text_columns if each.is_text else number_columns) for each in inputs]

        accepted: BoolArray = np.ones(rows, dtype=bool)
        for each, column in zip(inputs, columns, strict=True):
            if not each.nullable:
                accepted &= ~_missing(column)
        values = np.full(rows, np.nan)
        reasons: list[str | None] = [None] * rows
        answered = accepted.copy()
        with warnings.catch_warnings():
            # Feature-name and version warnings would reach the server's log once per call.
            warnings.simplefilter("ignore")
            for position, reason in self._fill(values, columns, np.flatnonzero(accepted)):
                reasons[position] = reason
                answered[position] = False
        scores = [value if known else None for value, known in zip(values.tolist(), answered, strict=True)]
        return scores, reasons

    def _fill(self, values: FloatArray, columns: list[Any], rows: Any) -> list[tuple[int, str]]:  # noqa: ANN401
        """Puts the scores of these rows into `values`; halves what is refused until the refused rows are found."""
        if len(rows) == 0:
            return []
        try:
            values[rows] = self._evaluate([column[rows] for column in columns])
        except _REFUSES as error:
            if len(rows) == 1:
                return [(int(rows[0]), _first_line(error))]
            half = len(rows) // 2
            return self._fill(values, columns, rows[:half]) + self._fill(values, columns, rows[half:])
        return []

    def _evaluate(self, columns: list[Any]) -> FloatArray:
        import numpy as np

        output = self._contract.output
        given = self._frame(columns) if self._contract.frame else self._matrix(columns)
        result: FloatArray
        if output.positive is None:
            result = np.asarray(self._estimator.predict(given), dtype=float).reshape(len(columns[0]))
        elif output.kind == "probability":
            result = np.asarray(self._estimator.predict_proba(given), dtype=float)[:, output.positive]
        else:
            labels = np.asarray(self._estimator.predict(given))
            result = (labels == self._estimator.classes_[output.positive]).astype(float)
        return result

    def _frame(self, columns: list[Any]) -> Any:  # noqa: ANN401
        import pandas as pd

        frame = {}
        for each, column in zip(self._contract.inputs, columns, strict=True):
            # Left to itself, pandas turns None among texts into NaN, which is another category.
            kept = each.is_text and self._contract.missing_text == "none"
            frame[each.name] = pd.Series(self._as_fitted(each, column), dtype=object if kept else None)
        return pd.DataFrame(frame)

    def _matrix(self, columns: list[Any]) -> Any:  # noqa: ANN401
        import numpy as np

        if not self._contract.texts:
            return np.column_stack(columns)
        matrix = np.empty((len(columns[0]), len(columns)), dtype=object)
        for position, (each, column) in enumerate(zip(self._contract.inputs, columns, strict=True)):
            matrix[:, position] = self._as_fitted(each, column)
        return matrix

    def _as_fitted(self, described: Input, column: Any) -> Any:  # noqa: ANN401
        import numpy as np

        if described.type == "double precision":
            return column
        missing = _missing(column)
        if described.type == "boolean" and not missing.any():
            return column.astype(bool)
        values = column.astype(object)
        if described.type == "boolean":
            values[~missing] = column[~missing].astype(bool)
        values[missing] = None if self._contract.missing_text == "none" else np.nan
        return values


def _array(values: Sequence[Any] | None, dtype: type) -> Any:  # noqa: ANN401
    import numpy as np

    return np.asarray([] if values is None else values, dtype=dtype)


def _missing(column: Any) -> BoolArray:  # noqa: ANN401
    import numpy as np

    if column.dtype == object:
        return np.array([value is None for value in column], dtype=bool)
    missing: BoolArray = np.isnan(column)
    return missing


def _single_threaded(estimator: Any) -> Any:  # noqa: ANN401
    """Turns off joblib's workers: a backend is one thread, and scores one row far faster without them."""
    if hasattr(estimator, "get_params"):
        jobs = [name for name in estimator.get_params(deep=True) if name.split("__")[-1] == "n_jobs"]
        if jobs:
            estimator.set_params(**dict.fromkeys(jobs, 1))
    return estimator


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
