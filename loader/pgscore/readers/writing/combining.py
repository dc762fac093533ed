"""What ensembles make of the predictors in them: their labels, their responses, sums and means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.dispatch import part_name, predict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.readers.algebra.columns import Table

    from .writer import Result, Writer

_TWO = 2
# Whose scores are what decision_function gives, wherever an estimator has one.
_DECIDING = ("sign", "argmax", "logistic", "softmax", "one_vs_rest")


def response(
    estimator: Any,  # noqa: ANN401
    table: Table,
    writer: Writer,
    methods: Sequence[str],
    name: str | None = None,
) -> tuple[str, list[int]]:
    """What the first of these methods that an estimator has gives, as `sklearn.utils._response` chooses it.

    Args:
        estimator: fitted.
        table: the columns that it gets.
        writer: takes the steps.
        methods: ``predict_proba``, ``decision_function``, ``predict``, in the order in which they are tried.
        name: the name of its step.

    Returns:
        The method, and a register for each column of what it gives: one for each class, one for a decision between two,
        one for a value or a label.

    Raises:
        NotAProgramError: the estimator cannot be part of a program, or this method of its cannot.
    """
    part = part_name(estimator, name)
    method = next((each for each in methods if hasattr(estimator, each)), methods[-1])
    result = predict(estimator, table, writer, name)
    if method == "decision_function":
        return method, decision(result, writer, part)
    classes = getattr(estimator, "classes_", None)
    if method == "predict_proba" or classes is None or len(classes) == 0:
        return method, writer.outputs(result, part)
    return method, [label(np.asarray(classes), result, writer, part)]


def decision(result: Result, writer: Writer, part: str) -> list[int]:
    """The registers of an estimator's ``decision_function``: one for two classes, else one for each.

    Raises:
        NotAProgramError: what was read of it does not tell.
    """
    if result.decision is not None:
        return result.decision() if callable(result.decision) else result.decision
    if result.link not in _DECIDING or result.tolerance is not None:
        raise NotAProgramError(part, "has a decision function that a program cannot give")
    if result.link == "softmax" and len(result.scores) == _TWO:
        # The log of the ratio of their probabilities (`DiscriminantAnalysisPredictionMixin`).
        return [writer.linear(result.scores, [-1.0, 1.0])]
    return result.scores


def marks(result: Result, writer: Writer, part: str) -> list[int]:
    """For each class a register that is 1 where its label is predicted, else 0."""
    if result.by_score and result.decide is None:
        return writer.link("sign" if len(result.scores) == 1 else "argmax", result.scores)
    outputs = writer.outputs(result, part)
    if result.link in ("sign", "argmax"):
        return outputs
    compared = outputs if result.decide is None else result.decide
    if result.tie == "first":
        return writer.link("argmax", compared)
    return writer.link("argmax", compared[::-1])[::-1]


def label(classes: np.ndarray, result: Result, writer: Writer, part: str) -> int:
    """The register of the label that is predicted, where labels are numbers."""
    if classes.dtype.kind not in "iufb":
        raise NotAProgramError(part, "hands on labels that are no numbers")
    return weighted(marks(result, writer, part), [float(each) for each in classes.tolist()], writer)


def weighted(registers: Sequence[int], weights: Sequence[float], writer: Writer, divide: float = 1.0) -> int:
    """A sum of weighted registers, from left to right and from 0, divided at the end."""
    if len(registers) == 1 and weights[0] == 1:
        register = registers[0]  # 0 + 1 x is x
    else:
        register = writer.add({"step": "linear", "of": list(registers), "weights": list(weights), "intercept": 0.0})
    return register if divide == 1 else writer.add({"step": "affine", "of": register, "divide": divide})


def mean(of_each: Sequence[Sequence[int]], writer: Writer) -> list[int]:
    """For each output the mean of what several estimators give: their sum in their order, divided by their number."""
    count = len(of_each)
    return [weighted(same, [1.0] * count, writer, float(count)) for same in zip(*of_each, strict=True)]


def constant(value: float, beside: int, writer: Writer) -> int:
    """A register that holds this number wherever another one holds any."""
    return writer.add({"step": "clip", "of": beside, "minimum": value, "maximum": value})
