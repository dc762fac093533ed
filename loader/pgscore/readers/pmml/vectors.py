"""Reader of SupportVectorMachineModel: weighted kernels of a row and its support vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import NumberColumn
from pgscore.readers.writing.linear_writer import write_linear

from . import intervals
from .choices import written
from .matrices import numbers
from .predictors import listed, parsed
from .regression import refuse_float
from .tables import code_column, least
from .targets import function_of, predicted_value, require_double, rounded, target_of
from .values import Number, Prediction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgscore.readers.algebra.columns import FloatArray

    from .fields import Scope
    from .models import ModelReader
    from .types import Scalar
    from .values import Outcome
    from .xml import Element

_KERNELS = ("LinearKernelType", "PolynomialKernelType", "RadialBasisKernelType", "SigmoidKernelType")
_METHODS = ("OneAgainstAll", "OneAgainstOne")
_MOST_DEGREE = 20
# Where weights of vectors cancel each other by more than this, they are not added up before a row comes.
_CANCELLING = 100.0


def read_machine(model: Element, scope: Scope) -> Prediction:
    """Sums of kernels (`SupportVectorMachineModelEvaluator`): as they are, the least of them, or votes of pairs.

    A row has no prediction where a field is missing.
    """
    require_double(model)
    if model.flag("maxWins", default=False) or model.get("svmRepresentation") == "Coefficients":
        raise model.refused("has maxWins, or coefficients instead of support vectors, which is not supported")
    vectors = _vectors(model)
    columns = _columns(model, scope)
    machines = model.all("SupportVectorMachine")
    if not machines:
        raise model.refused("has no SupportVectorMachine")
    sums = [_sum(model, each, vectors, columns, scope) for each in machines]
    if function_of(model) == "regression":
        if len(sums) != 1:
            raise model.refused("has several SupportVectorMachines for one number")
        return predicted_value(sums[0], scope)
    if model.choice("classificationMethod", "OneAgainstAll", _METHODS) == "OneAgainstOne":
        return _pairs(model, machines, sums, scope)
    target = target_of(scope)
    labels = tuple(target.label(each.need("targetCategory"), each) for each in machines)
    if len(set(labels)) != len(labels) or len(labels) == 1:
        raise model.refused("has not one machine for each of several classes")
    scores = [scope.writer.linear([each], [-1.0]) for each in sums]
    return Prediction("votes", scores, "argmax", labels, type=target.type)


def _columns(model: Element, scope: Scope) -> list[NumberColumn]:
    found = []
    for each in model.one("VectorDictionary").one("VectorFields").all("FieldRef", "CategoricalPredictor"):
        if each.tag == "FieldRef":
            if each.get("mapMissingTo") is not None:
                raise each.refused("has a mapMissingTo, which is not supported here")
            number = scope.number(each.need("field"), each)
            refuse_float(each, number)
            scope.refuse_failing(number)
            scope.require_present(number)
            found.append(NumberColumn(scope.register(number)))
            continue
        value = scope.value(each.need("name"), each)
        scope.refuse_failing(value)
        if each.number("coefficient", 1.0) != 1:
            raise each.refused("has a coefficient, which is not supported here")
        key = parsed(each.need("value"), value.type, each)
        table = listed(value, [key], scope, each)
        marks = code_column(table, _is(key), scope.writer)
        register = written(marks, scope.writer)
        scope.require_present(Number("double", "continuous", NumberColumn(register), table.may_miss))
        found.append(NumberColumn(register))
    if not found:
        raise model.refused("reads no field")
    return found


def _is(key: Scalar) -> Callable[[Outcome], float]:
    """1 where a value is the key, else 0; NaN where it is missing."""
    return lambda each: float(each.kind == "value" and each.value == key) if each.is_present else np.nan


def _vectors(model: Element) -> dict[str, list[float]]:
    dictionary = model.one("VectorDictionary")
    count = len(dictionary.one("VectorFields").all("FieldRef", "CategoricalPredictor"))
    found = {}
    for each in dictionary.all("VectorInstance"):
        vector = numbers(each.one("Array", "REAL-SparseArray"))
        if len(vector) != count:
            raise each.refused(f"has {len(vector)} numbers for {count} fields")
        found[each.need("id")] = vector
    return found


def _sum(
    model: Element, machine: Element, vectors: dict[str, list[float]], columns: Sequence[NumberColumn], scope: Scope
) -> int:
    coefficients = machine.one("Coefficients")
    weights = [each.number("value", 0.0) for each in coefficients.all("Coefficient")]
    chosen = machine.one("SupportVectors").all("SupportVector")
    if len(weights) != len(chosen):
        raise machine.refused("has coefficients that are not one for each support vector")
    for each in chosen:
        if each.need("vectorId") not in vectors:
            raise each.refused(f"names the vector {each.need('vectorId')[:60]!r}, which there is none of")
    rows = np.array([vectors[each.need("vectorId")] for each in chosen]).reshape(len(chosen), len(columns))
    intercept = coefficients.number("absoluteValue", 0.0)
    return _kernel(model.one(*_KERNELS), rows, np.array(weights), intercept, columns, scope)


def _kernel(
    kernel: Element,
    rows: FloatArray,
    weights: FloatArray,
    intercept: float,
    columns: Sequence[NumberColumn],
    scope: Scope,
) -> int:
    if not len(weights):
        return write_linear(list(columns), np.zeros(len(columns)), intercept, scope.writer, finite=False)
    shape: dict[str, object]
    if kernel.tag == "LinearKernelType":
        total = weights @ rows
        if (np.abs(weights) @ np.abs(rows) <= _CANCELLING * np.maximum(np.abs(total), 1e-300)).all():
            return write_linear(list(columns), total, intercept, scope.writer, finite=False)
        shape = {"kernel": "poly", "gamma": 1.0, "constant": 0.0, "degree": 1}
    elif kernel.tag == "PolynomialKernelType":
        degree = kernel.number("degree", 1.0)
        if degree != int(degree) or not 1 <= degree <= _MOST_DEGREE:
            raise kernel.refused(f"has a degree that is no integer from 1 to {_MOST_DEGREE}")
        shape = {
            "kernel": "poly",
            "gamma": kernel.number("gamma", 1.0),
            "constant": kernel.number("coef0", 1.0),
            "degree": int(degree),
        }
    elif kernel.tag == "RadialBasisKernelType":
        shape = {"kernel": "rbf", "gamma": kernel.number("gamma", 1.0)}
    else:
        shape = {"kernel": "sigmoid", "gamma": kernel.number("gamma", 1.0), "constant": kernel.number("coef0", 1.0)}
    return scope.writer.add(
        {
            "step": "kernel",
            "of": [scope.writer.register(each) for each in columns],
            "vectors": rows.tolist(),
            "coefficients": weights.tolist(),
            "intercept": intercept,
            **shape,
        }
    )


def _pairs(model: Element, machines: Sequence[Element], sums: Sequence[int], scope: Scope) -> Prediction:
    """Votes: each machine's for one of two classes; of equals the one that got a vote first."""
    target, writer = target_of(scope), scope.writer
    votes: dict[Scalar, list[tuple[int, int]]] = {}
    for number, (machine, total) in enumerate(zip(machines, sums, strict=True)):
        first, second, mark = _vote(model, machine, total, scope)
        other = writer.linear([mark], [-1.0], 1.0)
        for text, register in ((first, mark), (second, other)):
            votes.setdefault(target.label(text, machine), []).append((number, register))
    labels = tuple(votes)
    if len(labels) == 1:
        raise model.refused("has machines for one class alone")
    scale = float(len(machines) + 1)
    scores = []
    for label in labels:
        registers = [register for _, register in votes[label]]
        # When it got its first vote: its machine's number, or behind all.
        times = [writer.linear([register], [number - scale], scale) for number, register in votes[label]]
        earliest = times[0]
        for each in times[1:]:
            earliest = least([earliest, each], writer)
        scores.append(writer.linear([*registers, earliest], [*[scale] * len(registers), -1.0]))
    return Prediction("votes", scores, "argmax", labels, type=target.type)


def _vote(model: Element, machine: Element, total: int, scope: Scope) -> tuple[str, str, int]:
    """The class that a machine votes for where the register is 1, the other one, and the register."""
    writer = scope.writer
    target = machine.need("targetCategory")
    alternate = model.get("alternateBinaryTargetCategory")
    if alternate is not None:
        nearest = rounded(total, writer)
        domain = writer.domains.of[nearest]
        domain.minimum, domain.maximum = max(domain.minimum, 0.0), min(domain.maximum, 1.0)
        return target, alternate, nearest
    threshold = machine.number("threshold", model.number("threshold", 0.0))
    below = intervals.steps(total, [threshold], lambda each: float(each < threshold), 0.0, writer)
    return target, machine.need("alternateTargetCategory"), below


MODELS: dict[str, ModelReader] = {"SupportVectorMachineModel": read_machine}
