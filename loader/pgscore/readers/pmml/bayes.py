"""Reader of NaiveBayesModel: logarithms of counts and densities, added by class."""

from __future__ import annotations

from math import log, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation
from pgscore.readers.writing.linear_writer import write_linear

from .choices import written
from .conversions import converted
from .normalizing import discretized
from .predictors import listed, parsed
from .regression import refuse_float
from .tables import as_number, code_column
from .targets import function_of, predicted_class, require_double, target_of
from .values import Outcome, Prediction

if TYPE_CHECKING:
    from .fields import Scope
    from .models import ModelReader
    from .types import Scalar
    from .values import Value
    from .xml import Element

    Columns = dict[Scalar, list[NumberColumn | CodeColumn]]

_TWO = 2


def read_bayes(model: Element, scope: Scope) -> Prediction:
    """The softmax of the sums (`NaiveBayesModelEvaluator`): ln(count), and the logarithm of what each input gives.

    Missing inputs, and values that are not listed, add nothing.
    """
    require_double(model)
    if function_of(model) != "classification":
        raise model.refused("predicts no classes")
    target = target_of(scope)
    threshold = model.number("threshold")
    priors: dict[Scalar, float] = {}
    for each in model.one("BayesOutput").one("TargetValueCounts").all("TargetValueCount"):
        count = each.number("count")
        if count <= 0:
            raise each.refused("has a count that is not above 0")
        priors[target.label(each.need("value"), each)] = log(count)
    if len(priors) < _TWO:
        raise model.refused("has fewer than two classes")
    columns: Columns = {label: [] for label in priors}
    for each in model.one("BayesInputs").all("BayesInput"):
        _input(each, threshold, columns, scope)
    scores = [
        write_linear(columns[label], np.ones(len(columns[label])), prior, scope.writer, finite=False)
        for label, prior in priors.items()
    ]
    return predicted_class(Prediction("probability", scores, "softmax", tuple(priors)), scope)


def _input(element: Element, threshold: float, columns: Columns, scope: Scope) -> None:
    value = scope.value(element.need("fieldName"), element)
    stats = element.first("TargetValueStats")
    if stats is not None:
        scope.refuse_failing(value)
        _continuous(stats, value, threshold, columns, scope)
        return
    derived = element.first("DerivedField")
    if derived is not None:
        bins = discretized(derived.one("Discretize"), value, scope)
        value = converted(
            bins, derived.need("dataType"), derived.get("optype") or bins.optype, derived.path, scope.writer
        )
    scope.refuse_failing(value)
    _discrete(element, value, threshold, columns, scope)


def _class(element: Element, columns: Columns, scope: Scope) -> Scalar:
    label = target_of(scope).label(element.need("value"), element)
    if label not in columns:
        raise element.refused("names a class that BayesOutput does not have")
    return label


def _continuous(stats: Element, value: Value, threshold: float, columns: Columns, scope: Scope) -> None:
    """Ln of the normal density, but not below the threshold."""
    number = as_number(value, stats.path, scope.writer)
    refuse_float(stats, number)
    register, writer = scope.register(number), scope.writer
    for each in stats.all("TargetValueStat"):
        label = _class(each, columns, scope)
        normal = each.first("GaussianDistribution")
        if normal is None:
            raise each.refused("has no GaussianDistribution, and no other is supported")
        mean, variance = normal.number("mean"), normal.number("variance")
        if variance <= 0:
            raise normal.refused("has a variance that is not above 0")
        deviation = sqrt(variance)
        scaled = writer.number(register, [Operation("subtract", mean), Operation("divide", deviation)])
        square = writer.function("square", scaled)
        rest = log(deviation) + 0.5 * log(2 * pi)
        density = writer.number(
            square,
            [Operation("multiply", -0.5), Operation("add", -rest), Operation("exp"), Operation("minimum", threshold)],
        )
        found = writer.function("log", density)
        if number.may_miss:
            found = writer.add({"step": "fill", "of": found, "with": 0.0})
        columns[label].append(NumberColumn(found))


def _discrete(element: Element, value: Value, threshold: float, columns: Columns, scope: Scope) -> None:
    """ln(count / sum of counts), or of the threshold where the count is 0."""
    counts: dict[Scalar, dict[Scalar, float]] = {}
    totals: dict[Scalar, float] = {}
    for pair in element.all("PairCounts"):
        of_value: dict[Scalar, float] = {}
        for each in pair.one("TargetValueCounts").all("TargetValueCount"):
            label = _class(each, columns, scope)
            of_value[label] = each.number("count")
            totals[label] = totals.get(label, 0.0) + of_value[label]
        counts[parsed(pair.need("value"), value.type, pair)] = of_value
    if not counts:
        raise element.refused("has neither PairCounts nor TargetValueStats")
    table = listed(value, list(counts), scope, element)
    for label, columns_ in columns.items():
        chances = {
            key: threshold if of_value[label] == 0 else of_value[label] / totals[label]
            for key, of_value in counts.items()
            if label in of_value
        }
        if any(each < 0 for each in chances.values()):
            raise element.refused("has a count or a threshold below 0")

        def chance(outcome: Outcome, chances: dict[Scalar, float] = chances) -> float:
            return chances.get(outcome.value, 1.0) if outcome.kind == "value" else 1.0

        if all(chances.values()):
            columns_.append(code_column(table, lambda each, chance=chance: log(chance(each)), scope.writer))  # type: ignore[misc]
            continue
        # ln(0) is minus infinity, which no table holds.
        register = written(code_column(table, chance, scope.writer), scope.writer)
        columns_.append(NumberColumn(scope.writer.function("log", register)))


MODELS: dict[str, ModelReader] = {"NaiveBayesModel": read_bayes}
