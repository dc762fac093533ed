"""Reader of ClusteringModel: the cluster whose center is nearest, or most alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation

from .arithmetic import constant_power
from .choices import flag, written
from .matrices import numbers
from .predictors import listed
from .regression import refuse_float
from .tables import code_column, least
from .targets import function_of, require_double
from .types import UnfitError, cast
from .values import Number, Outcome, Prediction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .fields import Scope
    from .models import ModelReader
    from .values import Value
    from .xml import Element

_DISTANCES = ("euclidean", "squaredEuclidean", "chebychev", "cityBlock", "minkowski")
_SIMILARITIES = ("simpleMatching", "jaccard", "tanimoto", "binarySimilarity")
_COMPARES = ("absDiff", "gaussSim", "delta", "equal")
_PARAMETERS = ("c11", "c10", "c01", "c00", "d11", "d10", "d01", "d00")


@dataclass(frozen=True, eq=False)
class _Field:
    """A field that clusters are compared by."""

    element: Element
    compare: str
    weight: float


def read_clustering(model: Element, scope: Scope) -> Prediction:
    """The first cluster at the least distance, or of the largest similarity (`ClusteringModelEvaluator`)."""
    require_double(model)
    if function_of(model) != "clustering":
        raise model.refused("is no clustering")
    if model.get("modelClass") != "centerBased" or model.first("CenterFields", "Targets") is not None:
        raise model.refused("is not centerBased, or has CenterFields or Targets, which are not supported")
    measure = model.one("ComparisonMeasure")
    fields = [_field(each, measure) for each in model.all("ClusteringField")]
    clusters = model.all("Cluster")
    if not fields or not clusters:
        raise model.refused("has no ClusteringField, or no Cluster")
    ids = tuple(each.get("id") or str(n) for n, each in enumerate(clusters, start=1))
    if len(set(ids)) != len(ids):
        raise model.refused("has several clusters of one id")
    centers = [_center(each, len(fields)) for each in clusters]
    kind = measure.one(*_DISTANCES, *_SIMILARITIES)
    if kind.tag in _SIMILARITIES:
        scores = _similarities(kind, fields, centers, scope)
        affinities = scores
    else:
        affinities = _distances(model, kind, fields, centers, scope)
        scores = [scope.writer.linear([each], [-1.0]) for each in affinities]
    more: dict[str, Value] = {
        f"affinity:{name}": Number("double", "continuous", NumberColumn(each), may_miss=False)
        for name, each in zip(ids, affinities, strict=True)
    }
    winner = affinities[0]
    for each in affinities[1:]:
        winner = least([winner, each], scope.writer) if kind.tag in _DISTANCES else _largest([winner, each], scope)
    more["affinity"] = Number("double", "continuous", NumberColumn(winner), may_miss=False)
    if len(scores) == 1:
        raise model.refused("has one cluster, and so no choice")
    return Prediction("votes", scores, "argmax", ids, type="string", more=more)


def _largest(registers: Sequence[int], scope: Scope) -> int:
    flipped = [scope.writer.linear([each], [-1.0]) for each in registers]
    return scope.writer.linear([least(flipped, scope.writer)], [-1.0])


def _field(element: Element, measure: Element) -> _Field:
    if not element.flag("isCenterField", default=True):
        raise element.refused("is no center field, which is not supported")
    default = measure.choice("compareFunction", "absDiff", _COMPARES)
    return _Field(element, element.choice("compareFunction", default, _COMPARES), element.number("fieldWeight", 1.0))


def _center(cluster: Element, count: int) -> list[float]:
    found = numbers(cluster.one("Array"))
    if len(found) != count:
        raise cluster.refused(f"has {len(found)} numbers for {count} fields")
    return found


def _distances(
    model: Element, kind: Element, fields: Sequence[_Field], centers: Sequence[list[float]], scope: Scope
) -> list[int]:
    """The distance to each center: the root of the sum, with what is missing made up for by what is there."""
    inner, outer = {
        "euclidean": (2.0, 2.0), "squaredEuclidean": (2.0, 1.0), "minkowski": (0.0, 0.0),
    }.get(kind.tag, (1.0, 1.0))  # fmt: skip
    if kind.tag == "minkowski":
        inner = outer = kind.number("p-parameter")
        if inner <= 0:
            raise kind.refused("has a p-parameter that is not above 0")
    values = [scope.value(each.element.need("field"), each.element) for each in fields]
    for each in values:
        scope.refuse_failing(each)
    adjustment = _adjustment(model, values, scope)
    found = []
    for center in centers:
        parts = [_part(field, value, at, inner, scope) for field, value, at in zip(fields, values, center, strict=True)]
        if kind.tag == "chebychev":
            total = parts[0]
            for part in parts[1:]:
                total = _largest([total, part], scope)
        else:
            total = scope.writer.linear(parts, [1.0] * len(parts))
        if adjustment is not None:
            total = scope.writer.add({"step": "product", "of": [total, adjustment]})
        if kind.tag != "chebychev" and outer != 1:
            total = constant_power(total, 1 / outer, kind, scope.writer)
        found.append(total)
    return found


def _adjustment(model: Element, values: Sequence[Value], scope: Scope) -> int | None:
    """The sum of all weights over that of those that are there (`MeasureUtil.calculateAdjustment`)."""
    writer = scope.writer
    element = model.first("MissingValueWeights")
    weights = [1.0] * len(values) if element is None else numbers(element.one("Array"))
    if len(weights) != len(values):
        raise model.refused("has MissingValueWeights that are not one for each field")
    if not any(each.may_miss for each in values):
        return None
    marks = [_missing(each, scope) for each in values]
    there = writer.linear(marks, [-weight for weight in weights], sum(weights))
    # Where nothing is there, there is no cluster.
    present = writer.domains.of[there]
    present.minimum = max(present.minimum, 5e-324)
    whole = writer.add({"step": "clip", "of": there, "minimum": sum(weights), "maximum": sum(weights)})
    return writer.add({"step": "ratio", "of": [whole, there]})


def _missing(value: Value, scope: Scope) -> int:
    if isinstance(value, Number):
        return scope.writer.add({"step": "missing", "of": scope.register(value)})
    column = code_column(value, lambda each: float(each.kind == "missing"), scope.writer)
    return written(column, scope.writer)


def _part(field: _Field, value: Value, center: float, power: float, scope: Scope) -> int:
    """What a field adds to a distance; 0 where it is missing."""
    writer = scope.writer
    if field.compare in ("delta", "equal"):
        register = _equality(field, value, center, scope)
    else:
        number = scope.number(field.element.need("field"), field.element)
        refuse_float(field.element, number)
        moved = [Operation("subtract", center)] if center else []
        register = writer.number(scope.register(number), moved)
        if field.compare == "gaussSim":
            scale = field.element.number("similarityScale")
            if scale == 0:
                raise field.element.refused("has the similarityScale 0")
            square = writer.function("square", register)
            shape = [Operation("multiply", -np.log(2.0)), Operation("divide", scale * scale), Operation("exp")]
            register = constant_power(writer.number(square, shape), power, field.element, writer)
        elif power == 2:  # noqa: PLR2004  a square needs no absolute value
            register = writer.function("square", register)
        else:
            register = constant_power(writer.function("abs", register), power, field.element, writer)
    if field.weight != 1:
        register = writer.number(register, [Operation("multiply", field.weight)])
    return writer.add({"step": "fill", "of": register, "with": 0.0}) if value.may_miss else register


def _equality(field: _Field, value: Value, center: float, scope: Scope) -> int:
    """0 where it equals the center's number, else 1; with `equal` the other way round."""
    try:
        key = cast(value.type, center)
    except UnfitError:
        raise field.element.refused(f"compares a {value.type} with {center:g}, which is none") from None
    table = listed(value, [key], scope, field.element)
    same = float(field.compare == "equal")

    def number(outcome: Outcome) -> float:
        if not outcome.is_present:
            return 0.0
        return same if outcome.kind == "value" and outcome.value == key else 1.0 - same

    return written(code_column(table, number, scope.writer), scope.writer)


def _similarities(kind: Element, fields: Sequence[_Field], centers: Sequence[list[float]], scope: Scope) -> list[int]:
    """A quotient of how many fields are 1 or 0 in the row and in the center (`MeasureUtil.evaluateSimilarity`)."""
    marks = [_mark(each, scope) for each in fields]
    c11, c10, c01, c00, d11, d10, d01, d00 = _weights(kind)
    found = []
    for center in centers:
        if any(each not in (0.0, 1.0) for each in center):
            raise kind.refused("compares with centers that are not all 0 or 1")
        ones = sum(center)
        above = [c11 - c01 if each else c10 - c00 for each in center]
        below = [d11 - d01 if each else d10 - d00 for each in center]
        zeros = len(center) - ones
        numerator = scope.writer.linear(marks, above, c01 * ones + c00 * zeros)
        denominator = scope.writer.linear(marks, below, d01 * ones + d00 * zeros)
        # Over 0 there is none, and so no row of it has a cluster.
        is_zero = CodeColumn(denominator, (0.0,), np.ones(1), 0.0, 1.0)
        domain = scope.writer.domains.of[scope.writer.lookup(is_zero, [0.0])]
        domain.maximum = min(domain.maximum, 0.0)
        found.append(scope.writer.add({"step": "ratio", "of": [numerator, denominator]}))
    return found


def _weights(kind: Element) -> tuple[float, ...]:
    if kind.tag == "binarySimilarity":
        return tuple(kind.number(f"{name}-parameter") for name in _PARAMETERS)
    return {
        "simpleMatching": (1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0),
        "jaccard": (1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0),
        "tanimoto": (1.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 1.0),
    }[kind.tag]


def _mark(field: _Field, scope: Scope) -> int:
    """1 or 0, as a field is true or false; a row has no cluster where it is neither, or missing."""
    element = field.element
    value = scope.value(element.need("field"), element)
    table = flag(value, element.path, scope.writer)
    number = code_column(table, lambda each: float(bool(each.value)) if each.kind == "value" else np.nan, scope.writer)
    register = written(number, scope.writer)
    if table.may_miss or table.may_fail:
        scope.writer.domains.of[register].nullable = False
    return register


MODELS: dict[str, ModelReader] = {"ClusteringModel": read_clustering}
