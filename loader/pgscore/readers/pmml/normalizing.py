"""Expressions that make numbers of numbers and categories: NormContinuous, NormDiscrete, Discretize, MapValues."""

from __future__ import annotations

from itertools import pairwise
from math import inf, nextafter
from typing import TYPE_CHECKING

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation
from pgscore.readers.algebra.curves import piecewise

from . import intervals
from .choices import guarded, written
from .predictors import listed, parsed
from .tables import as_number, joined, mapped
from .types import TYPES, Scalar, UnfitError, parse
from .values import FAILS, MISSING, Doubt, Number, Outcome, Tabulated, of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .expressions import Reader
    from .fields import Scope
    from .values import Key, Value
    from .xml import Element

_OUTLIERS = ("asIs", "asMissingValues", "asExtremeValues")
_TWO = 2
_MOST_ROWS = 100_000


def read_norm_continuous(expression: Element, scope: Scope) -> Number:
    """Lines between points (`NormalizationUtil.normalize`): norm + (x - orig) / (orig' - orig) * (norm' - norm)."""
    place, writer = expression.path, scope.writer
    number = as_number(scope.value(expression.need("field"), expression), place, writer)
    if number.type == "float":
        raise expression.refused("reads a float, which is rounded to single precision: not supported")
    points = [(each.number("orig"), each.number("norm")) for each in expression.all("LinearNorm")]
    if len(points) < _TWO or any(one[0] >= other[0] for one, other in pairwise(points)):
        raise expression.refused("has fewer than two LinearNorms, or some whose orig does not rise")
    treatment = expression.choice("outliers", "asIs", _OUTLIERS)
    instead = expression.optional_number("mapMissingTo")
    column = _lines(number, points, treatment, instead, scope)
    fails = number.fails
    if instead is not None:
        fails = tuple(Doubt(lambda doubt=doubt: doubt.table) for doubt in fails)  # type: ignore[misc]
    may_miss = (number.may_miss and instead is None) or treatment == "asMissingValues"
    return Number("double", "continuous", column, may_miss, fails)


def _lines(
    number: Number, points: list[tuple[float, float]], treatment: str, instead: float | None, scope: Scope
) -> NumberColumn:
    column = number.column
    if isinstance(column, CodeColumn):
        column = NumberColumn(written(column, scope.writer))
    (first, low), (second, high) = points[0], points[1]
    slopes = [(after - before) / (end - start) for (start, before), (end, after) in pairwise(points)]
    if len(points) == _TWO and treatment == "asIs":
        names = (("subtract", first), ("divide", second - first), ("multiply", high - low), ("add", low))
        neutral = {"subtract": 0.0, "divide": 1.0, "multiply": 1.0, "add": 0.0}
        column = column.then(*(Operation(name, value) for name, value in names if value != neutral[name]))
        return column if instead is None else column.then(Operation("fill", instead))
    ends: tuple[list[float] | None, list[float] | None] = {
        "asIs": ([low, slopes[0]], [points[-1][1], slopes[-1]]),
        "asExtremeValues": ([low], [points[-1][1]]),
        "asMissingValues": (None, None),
    }[treatment]
    knots = [point[0] for point in points]
    inner: list[list[float] | None] = [[point[1], slope] for point, slope in zip(points, slopes, strict=False)]
    pieces = [ends[0], *inner, [points[-1][1]], ends[1]]
    # The last point itself belongs to the lines; what is above it is an outlier.
    knots.append(nextafter(knots[-1], inf))
    register = scope.writer.register(column)
    return NumberColumn(piecewise(scope.writer, register, knots, pieces, closed="left", missing=instead))


def read_norm_discrete(expression: Element, scope: Scope) -> Tabulated:
    """1 where a field has a value, else 0; mapMissingTo where it is missing."""
    value = scope.value(expression.need("field"), expression)
    expression.choice("method", "indicator", ("indicator",))
    key = parsed(expression.need("value"), value.type, expression)
    instead = expression.optional_number("mapMissingTo")
    table = listed(value, [key], scope, expression)

    def mark(outcome: Outcome) -> Outcome:
        if outcome.kind == "missing":
            return outcome if instead is None else of(instead)
        if outcome.kind == "fails":
            return outcome
        return of(float(outcome.kind == "value" and outcome.value == key))

    found = mapped(table, mark, "double")
    return _with_failures(found, [value], expression, scope)


def _with_failures(found: Tabulated, values: Sequence[Value], expression: Element, scope: Scope) -> Tabulated:
    fails = [doubt for each in values if isinstance(each, Number) for doubt in each.fails]
    return guarded(found, fails, scope.writer, expression.path)


def _kind(expression: Element) -> str:
    kind = expression.get("dataType") or "string"
    if kind not in TYPES:
        raise expression.refused(f"has the dataType {kind!r}, whose values are no numbers, texts or booleans")
    return kind


def _stated(expression: Element, text: str | None, kind: str) -> Outcome:
    """What an attribute states: a value, something that fails, or nothing."""
    if text is None:
        return MISSING
    try:
        return of(parse(kind, text))
    except UnfitError:
        del expression
        return FAILS


def read_discretize(expression: Element, scope: Scope) -> Value:
    """The bin of a number; of bins that overlap the last."""
    return discretized(expression, scope.value(expression.need("field"), expression), scope)


def discretized(expression: Element, value: Value, scope: Scope) -> Tabulated:
    """The bin of a value, as a Discretize has them."""
    number = as_number(value, expression.path, scope.writer)
    kind = _kind(expression)
    if number.type == "float":
        raise expression.refused("reads a float, which is rounded to single precision: not supported")
    bins = []
    for each in expression.all("DiscretizeBin"):
        ((span, _),) = intervals.spans([each.one("Interval")])
        bins.append((span, _stated(each, each.need("binValue"), kind)))
    default = _stated(expression, expression.get("defaultValue"), kind)

    def outcome(x: float) -> Outcome:
        return next((found for span, found in reversed(bins) if x in span), default)

    missing = _stated(expression, expression.get("mapMissingTo"), kind)
    knots = intervals.starts(span for span, _ in bins)
    code, rows = intervals.coded(scope.register(number), knots, outcome, missing, scope.writer)
    table: dict[Key, Outcome] = {float(n): row for n, row in enumerate(rows)}
    found = Tabulated(kind, "categorical", code, False, table, Outcome("never"), Outcome("never"))
    return _with_failures(found, [number], expression, scope)


def read_map_values(expression: Element, scope: Scope) -> Value:
    """The row of a table whose columns are what fields are (`DiscretizationUtil.mapValue`)."""
    kind = _kind(expression)
    pairs = expression.all("FieldColumnPair")
    if not pairs:
        raise expression.refused("maps no field")
    if expression.first("TableLocator") is not None:
        raise expression.refused("has a table that is elsewhere, and only an InlineTable is read")
    values = [scope.value(each.need("field"), each) for each in pairs]
    columns = [_local(each.need("column")) for each in pairs]
    rows = _rows(expression, [each.type for each in values], columns, kind)
    tables = [
        listed(value, [row[0][n] for row in rows], scope, pair)
        for n, (value, pair) in enumerate(zip(values, pairs, strict=True))
    ]
    missing = _stated(expression, expression.get("mapMissingTo"), kind)
    default = _stated(expression, expression.get("defaultValue"), kind)
    found: dict[tuple[object, ...], Outcome] = {}
    for keys, result in rows:
        # Two rows that match are an error, where a row of the table meets them.
        known = tuple(map(_key, keys))
        found[known] = FAILS if known in found else result

    def match(row: Sequence[Outcome]) -> Outcome:
        for outcome in row:
            if outcome.kind == "fails":
                return FAILS
            if outcome.kind == "missing":
                return missing
        if any(each.kind == "same" for each in row):
            return default
        return found.get(tuple(_key(each.value) for each in row), default)

    table = joined(tables, match, kind, scope.writer, expression.path)
    return _with_failures(table, values, expression, scope)


def _key(value: Scalar) -> object:
    return (type(value).__name__, value)


def _local(column: str) -> str:
    return column.rpartition(":")[2]


def _rows(
    expression: Element, kinds: Sequence[str], columns: Sequence[str], kind: str
) -> list[tuple[list[Scalar], Outcome]]:
    output = _local(expression.need("outputColumn"))
    elements = expression.one("InlineTable").all("row")
    if len(elements) > _MOST_ROWS:
        raise expression.refused(f"has more than {_MOST_ROWS:,} rows")
    found = []
    for row in elements:
        cells = {_local(each.tag): each.text for each in row.children}
        if any(column not in cells for column in columns):
            # A row without a cell is never matched.
            continue
        keys = [parsed(cells[column], each, row) for column, each in zip(columns, kinds, strict=True)]
        result = _stated(expression, cells[output], kind) if output in cells else FAILS
        found.append((keys, result))
    return found


EXPRESSIONS: dict[str, Reader] = {
    "NormContinuous": read_norm_continuous,
    "NormDiscrete": read_norm_discrete,
    "Discretize": read_discretize,
    "MapValues": read_map_values,
}
