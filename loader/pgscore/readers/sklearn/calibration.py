"""Reader of CalibratedClassifierCV and of IsotonicRegression.

A calibrator gets what its estimator's decision_function gives, or else its probabilities, of one class at a time, as
`sklearn.calibration._CalibratedClassifier.predict_proba` has it; the means of all pairs of estimator and calibrator are
the probabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.columns import NumberColumn
from pgscore.readers.algebra.singles import ROUNDING
from pgscore.readers.writing.combining import mean, response
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import Table
    from pgscore.readers.dispatch import PredictorReader
    from pgscore.readers.writing.writer import Writer

_METHODS = ("decision_function", "predict_proba")
_EPSILON = 1e-12
_ROUNDINGS = 100
_TWO = 2


def read_calibrated(estimator: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """The mean of the calibrated probabilities of each pair."""
    pairs = estimator.calibrated_classifiers_
    if len(pairs) == 1 and len(estimator.classes_) == _TWO and pairs[0].method == "sigmoid":
        # One logistic function, which ends the program.
        _, given = response(pairs[0].estimator, table, writer, _METHODS)
        return Result([_sigmoid_score(pairs[0].calibrators[0], given[-1], writer)], "logistic")
    return Result(mean([_probabilities(each, table, writer, part) for each in pairs], writer), "identity")


def _probabilities(pair: Any, table: Table, writer: Writer, part: str) -> list[int]:  # noqa: ANN401
    method, given = response(pair.estimator, table, writer, _METHODS)
    if pair.method == "temperature":
        return _tempered(pair.calibrators[0], method, given, writer, part)
    classes = len(pair.classes)
    if classes == _TWO:
        # Of two probabilities the second one.
        second = _calibrated(pair.calibrators[0], given[-1], writer, part)
        return [writer.add({"step": "affine", "of": second, "multiply": -1.0, "add": 1.0}), second]
    # The estimator may not have seen every class.
    positions = np.searchsorted(pair.classes, pair.estimator.classes_).tolist()
    if len(positions) != classes or len(given) != classes:
        raise NotAProgramError(part, "has an estimator that has not seen every class")
    calibrated = [
        _calibrated(calibrator, register, writer, part)
        for calibrator, register in zip(pair.calibrators, given, strict=True)
    ]
    return writer.link("normalize", [calibrated[positions.index(n)] for n in range(classes)])


def _calibrated(calibrator: Any, register: int, writer: Writer, part: str) -> int:  # noqa: ANN401
    if hasattr(calibrator, "a_"):
        return writer.add({"step": "function", "of": _sigmoid_score(calibrator, register, writer), "name": "expit"})
    return write_isotonic(calibrator, register, writer, part)


def _sigmoid_score(calibrator: Any, register: int, writer: Writer) -> int:  # noqa: ANN401
    """-(a x + b), of which the calibrated probability is the logistic function."""
    return writer.add(
        {"step": "affine", "of": register, "multiply": -float(calibrator.a_), "add": -float(calibrator.b_)}
    )


def _tempered(calibrator: Any, method: str, given: list[int], writer: Writer, part: str) -> list[int]:  # noqa: ANN401
    """The softmax of logits over a temperature; probabilities become logits by their logarithm.

    scikit-learn takes decisions for probabilities where those of all rows that it is asked for are within 0 and 1 and
    sum to 1; that of a row does so by chance alone.
    """
    writer.domains.require(part, [NumberColumn(each) for each in given], missing=False)
    beta = float(calibrator.beta_)
    error = max(writer.range(each).error for each in given)
    count = max(_TWO, len(given))
    if method == "predict_proba":
        if len(given) == _TWO:
            given = [writer.add({"step": "affine", "of": given[1], "multiply": -1.0, "add": 1.0}), given[1]]
        shifted = [writer.add({"step": "affine", "of": each, "add": _EPSILON}) for each in given]
        given = [writer.add({"step": "function", "of": each, "name": "log"}) for each in shifted]
    elif len(given) == 1:
        given = [writer.add({"step": "affine", "of": given[0], "multiply": -1.0}), given[0]]
    tempered = writer.link("softmax", [writer.add({"step": "affine", "of": each, "multiply": beta}) for each in given])
    if error and method == "predict_proba":
        # p^b over the sum of such powers, which is no less than the power of an equal part times their number, or 1; a
        # power moves by no more than d^b, or b d. The logarithms are rounded to float32, and at most log(1e12).
        moved = error**beta if beta <= 1 else beta * error * count ** (beta - 1)
        for register in tempered:
            writer.note(register, (1 + count) * moved + _ROUNDINGS * (1 + beta) * ROUNDING)
    return tempered


def write_isotonic(model: Any, register: int, writer: Writer, part: str) -> int:  # noqa: ANN401
    """The register of what an IsotonicRegression makes of another.

    It is numpy.interp of its thresholds, or the same formula in float32 where these are; before that it checks for a
    finite number, rounds to the thresholds' type, and clips.
    """
    knots = [float(each) for each in model.X_thresholds_]
    heights = [float(each) for each in model.y_thresholds_]
    single = model.X_thresholds_.dtype == np.float32
    writer.domains.require(part, [NumberColumn(register)], missing=False)
    found = writer.range(register)
    if single and not found.error:
        # It rounds doubles to float32.
        writer.single_part = part
        writer.note(register, ROUNDING * found.most)
        writer.sources.add(register)
    if model.out_of_bounds == "raise" and len(knots) > 1:
        domain = writer.domains.of[register]
        domain.minimum, domain.maximum = max(domain.minimum, knots[0]), min(domain.maximum, knots[-1])
    if len(knots) == 1:
        knots, heights = [knots[0], np.nextafter(knots[0], np.inf)], heights * 2
    rises = np.diff(np.array(heights)) / np.diff(np.array(knots))
    pieces: list[list[float] | None] = [[heights[0]]]
    pieces += [[height, slope] for height, slope in zip(heights, rises.tolist(), strict=False)]
    pieces.append([heights[-1]])
    if model.out_of_bounds == "nan" and len(model.X_thresholds_) > 1:
        # The last knot is within.
        knots.append(float(np.nextafter(knots[-1], np.inf)))
        pieces = [None, *pieces[1:], None]
    return writer.add(
        {"step": "piecewise", "of": register, "knots": knots, "coefficients": pieces, "closed": "left", "missing": None}
    )


def read_isotonic(model: Any, table: Table, writer: Writer, part: str) -> Result:  # noqa: ANN401
    """A regression on one input."""
    if model.X_thresholds_.dtype == np.float32:
        raise NotAProgramError(part, "was fitted on float32, to which it rounds its input")
    (column,) = table.numbers(part)
    writer.domains.require(part, [column], missing=False)
    return Result([write_isotonic(model, writer.register(column), writer, part)], "identity")


PREDICTORS: dict[str, PredictorReader] = {
    "sklearn.calibration.CalibratedClassifierCV": read_calibrated,
    "sklearn.isotonic.IsotonicRegression": read_isotonic,
}
