"""The `estimator` engine: a fitted estimator called with whole arrays."""

from __future__ import annotations

import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

from .array_memory import read_array
from .fitted_form import as_fitted, missing
from .threads import single_threaded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy
    import numpy.typing

    from .contract import Contract

    FloatArray = numpy.typing.NDArray[numpy.float64]
    BoolArray = numpy.typing.NDArray[numpy.bool_]
    Numbers = Sequence[Any] | bytes | None

# What scikit-learn raises when it refuses an input: infinity, an unseen category, a missing value.
_REFUSES = (ValueError, TypeError, ArithmeticError, LookupError)
# scikit-learn's trees refuse what a float32 does not hold.
_LARGEST_SINGLE = 3.4028234663852886e38


class ServedEstimator:
    """A fitted estimator with its contract."""

    def __init__(self, estimator: Any, contract: Contract) -> None:  # noqa: ANN401
        self._estimator = single_threaded(estimator)
        self._contract = contract
        # What is handed over as it comes: a row of it alone needs none of what sorts rows and columns.
        self._is_plain = not contract.frame and all(each.type == "double precision" for each in contract.inputs)

    @property
    def format(self) -> str:
        """The artifact's format."""
        return self._contract.format

    def scores(
        self, rows: int, numbers: Numbers, texts: Sequence[Any] | None
    ) -> tuple[list[float | None], list[str | None]]:
        """Scores whole arrays.

        Args:
            rows: the number of rows.
            numbers: rows x number inputs, nested or flat row by row; None for NULL, booleans as 0 and 1. Or an array
                of doubles as it stands in PostgreSQL's memory.
            texts: rows x text inputs, nested or flat row by row; None for NULL.

        Returns:
            A score for each row, None where an input is NULL that the model does not accept or where the estimator
            refuses the row; and for each row the reason of such a refusal, else None.
        """
        if rows == 1 and self._is_plain:
            score, reason = self._alone(numbers)
            return [score], [reason]
        values, answered, reasons = self._answers(self._score, 1, rows, numbers, texts)
        scores: list[float | None] = values[:, 0].tolist()
        for row in (~answered).nonzero()[0].tolist():
            scores[row] = None
        return scores, _by_row(reasons, rows)

    def _alone(self, numbers: Numbers) -> tuple[float | None, str | None]:
        """The score of one row of numbers, or the reason of its refusal; the same as of `_answers`, sooner."""
        import numpy as np

        inputs = self._contract.inputs
        given = _numbers(numbers).reshape(1, len(inputs))
        gaps = np.isnan(given[0])
        if gaps.any() and not all(inputs[place].nullable for place in gaps.nonzero()[0]):
            return None, None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                score = float(self._scored(given, 1)[0, 0])
            except _REFUSES as error:
                return None, _first_line(error)
        return (None if score != score else score), None  # noqa: PLR0124  NaN

    def outputs(
        self, rows: int, numbers: Numbers, texts: Sequence[Any] | None
    ) -> tuple[list[list[float | None]], list[str | None]]:
        """All that the estimator says of whole arrays, given as to `scores`.

        Returns:
            For each row the numbers that `Output.width` counts, None each where there is no score; and the reasons.
        """
        width = self._contract.output.width
        values, answered, reasons = self._answers(self._every, width, rows, numbers, texts)
        nothing: list[float | None] = [None] * width
        outputs = [row if known else nothing for row, known in zip(values.tolist(), answered, strict=True)]
        return outputs, _by_row(reasons, rows)

    def arrays(
        self, rows: int, numbers: Numbers, texts: Sequence[Any] | None, *, every: bool
    ) -> tuple[FloatArray, BoolArray, list[str | None] | None]:
        """The same as `scores`, or with `every` as `outputs`, in arrays.

        Returns:
            The numbers of a row behind those of the row before, and whether they hold; and the reasons, None where no
            row is refused.
        """
        import numpy as np

        width = self._contract.output.width if every else 1
        evaluate = self._every if every else self._score
        values, answered, reasons = self._answers(evaluate, width, rows, numbers, texts)
        return values.ravel(), np.repeat(answered, width), _by_row(reasons, rows) if reasons else None

    def _answers(
        self,
        evaluate: Callable[[list[Any]], FloatArray],
        width: int,
        rows: int,
        numbers: Numbers,
        texts: Sequence[Any] | None,
    ) -> tuple[FloatArray, BoolArray, dict[int, str]]:
        """Rows x width: the outputs; for each row whether they hold; and the reasons of rows that are refused."""
        import numpy as np

        inputs = self._contract.inputs
        # Columns are what is handed over: each in one piece, and the estimator's own.
        number_array = np.array(_numbers(numbers).reshape(rows, len(self._contract.numbers)), order="F")
        text_array = np.array(_array(texts, object).reshape(rows, len(self._contract.texts)), order="F")
        number_columns, text_columns = iter(number_array.T), iter(text_array.T)
        columns = [next(text_columns if each.is_text else number_columns) for each in inputs]

        accepted: BoolArray = np.ones(rows, dtype=bool)
        for each, column in zip(inputs, columns, strict=True):
            if not each.nullable:
                accepted &= ~missing(column)
        values = np.full((rows, width), np.nan)
        answered = accepted.copy()
        with warnings.catch_warnings():
            # Feature-name and version warnings would reach the server's log once per call.
            warnings.simplefilter("ignore")
            reasons = {
                row: reason
                for alike in self._alike(columns, np.flatnonzero(accepted))
                for row, reason in self._sift(evaluate, values, columns, alike)
            }
        answered[list(reasons)] = False
        # What is not a number is no score.
        answered &= ~np.isnan(values).any(axis=1)
        return values, answered, reasons

    def _alike(self, columns: list[Any], rows: Any) -> list[Any]:  # noqa: ANN401
        """These rows, parted so that each stands in a frame of the dtypes that it has alone.

        A missing truth makes objects of its column for all rows, and a step may look at objects otherwise:
        scikit-learn's SimpleImputer takes infinity among them.
        """
        import numpy as np

        kinds = [each.type for each in self._contract.inputs]
        gaps = [missing(column)[rows] for kind, column in zip(kinds, columns, strict=True) if kind == "boolean"]
        gaps = [each for each in gaps if each.any()]
        if not gaps or not self._contract.frame:
            return [rows]
        _, groups = np.unique(np.column_stack(gaps), axis=0, return_inverse=True)
        return [rows[groups.ravel() == group] for group in range(int(groups.max()) + 1)]

    def _sift(
        self,
        evaluate: Callable[[list[Any]], FloatArray],
        values: FloatArray,
        columns: list[Any],
        rows: Any,  # noqa: ANN401
    ) -> list[tuple[int, str]]:
        """Puts the outputs of these rows into `values`; the refused rows, each with its reason."""
        reason = _refusal(evaluate, values, columns, rows)
        if reason is None:
            return []
        # Most of what is refused is infinite, or past what trees hold: the others need not be searched for it. Or it is
        # a text that an encoder does not know: rows that have such a text in common are searched together.
        wild = _wild(columns, rows)
        parts = [part for part in (rows[~wild], rows[wild]) if len(part)]
        if len(parts) == 1:
            return self._search(evaluate, values, columns, _rare_first(columns, rows), reason)
        return [
            found
            for part in parts
            if (reason := _refusal(evaluate, values, columns, part)) is not None
            for found in self._search(evaluate, values, columns, _rare_first(columns, part), reason)
        ]

    def _search(
        self,
        evaluate: Callable[[list[Any]], FloatArray],
        values: FloatArray,
        columns: list[Any],
        rows: Any,  # noqa: ANN401
        reason: str,
    ) -> list[tuple[int, str]]:
        """The same of rows that were refused for a reason: halves them until those are found that are to blame."""
        if len(rows) == 1:
            return [(int(rows[0]), reason)]
        half = len(rows) // 2
        return [
            found
            for part in (rows[:half], rows[half:])
            if (why := _refusal(evaluate, values, columns, part)) is not None
            for found in self._search(evaluate, values, columns, part, why)
        ]

    def _score(self, columns: list[Any]) -> FloatArray:
        """Rows x 1: the score."""
        return self._scored(as_fitted(self._contract, columns), len(columns[0]))

    def _scored(self, given: Any, rows: int) -> FloatArray:  # noqa: ANN401
        """The same of what the estimator is given."""
        import numpy as np

        output = self._contract.output
        result: FloatArray
        if output.positive is None:
            result = np.asarray(self._estimator.predict(given), dtype=float)
        elif output.kind == "probability":
            result = np.asarray(self._estimator.predict_proba(given), dtype=float)[:, output.positive]
        else:
            labels = self._labels(given)
            result = (labels == self._estimator.classes_[output.positive]).astype(float)
        return result.reshape(rows, 1)

    def _every(self, columns: list[Any]) -> FloatArray:
        """Rows x width: probabilities, if it has them, and the label's position; or the value."""
        import numpy as np

        output = self._contract.output
        if output.positive is None:
            return self._score(columns)
        given = as_fitted(self._contract, columns)
        classes = {label: position for position, label in enumerate(self._estimator.classes_)}
        labels = np.array([[classes[label]] for label in self._labels(given)], dtype=float)
        if output.kind == "indicator":
            return labels
        # Boosters that were fitted on one class have two probabilities.
        probabilities = np.asarray(self._estimator.predict_proba(given), dtype=float)[:, : len(output.classes)]
        return np.column_stack([probabilities, labels])

    def _labels(self, given: Any) -> Any:  # noqa: ANN401
        """The label of each row; CatBoost gives a column of them where there are several classes."""
        import numpy as np

        return np.asarray(self._estimator.predict(given)).reshape(-1)


def _numbers(values: Numbers) -> FloatArray:
    """An array of doubles; flat, where the values are as in PostgreSQL's memory."""
    return read_array(values) if isinstance(values, bytes) else _array(values, float)


def _by_row(reasons: dict[int, str], rows: int) -> list[str | None]:
    """A reason for each row."""
    found: list[str | None] = [None] * rows
    for row, reason in reasons.items():
        found[row] = reason
    return found


def _refusal(
    evaluate: Callable[[list[Any]], FloatArray],
    values: FloatArray,
    columns: list[Any],
    rows: Any,  # noqa: ANN401
) -> str | None:
    """Puts the outputs of these rows into `values`; or why they, or some of them, are refused."""
    if len(rows) == 0:
        return None
    try:
        # All rows, as they mostly are, need not be picked out. Only parts of them are asked about in another order.
        values[rows] = evaluate(columns if len(rows) == len(values) else [column[rows] for column in columns])
    except _REFUSES as error:
        return _first_line(error)
    return None


def _wild(columns: list[Any], rows: Any) -> BoolArray:  # noqa: ANN401
    """Which of these rows hold a number that is infinite, or past what a single holds."""
    import numpy as np

    wild: BoolArray = np.zeros(len(rows), dtype=bool)
    for column in columns:
        if column.dtype != object:
            wild |= np.abs(column[rows]) > _LARGEST_SINGLE
    return wild


def _rare_first(columns: list[Any], rows: Any) -> Any:  # noqa: ANN401
    """These rows in another order: by how many of them share the rarest of their texts."""
    import numpy as np

    shared = np.full(len(rows), len(rows))
    for column in columns:
        if column.dtype == object:
            texts = column[rows].tolist()
            times = Counter(texts)
            shared = np.minimum(shared, [times[text] for text in texts])
    return rows[np.argsort(shared, kind="stable")]


def _array(values: Sequence[Any] | None, dtype: type) -> Any:  # noqa: ANN401
    import numpy as np

    return np.asarray([] if values is None else values, dtype=dtype)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
