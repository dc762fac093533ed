"""Reader of RegressionModel: tables of coefficients, and what a normalization makes of their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn
from pgscore.readers.writing.linear_writer import write_linear

from .links import INVERSE, normalized
from .predictors import power, product, value_terms
from .targets import function_of, has_default, predicted_class, predicted_value, require_double, target_of
from .values import Prediction

if TYPE_CHECKING:
    from pgscore.readers.algebra.columns import NumberColumn

    from .fields import Scope
    from .models import ModelReader
    from .values import Number, Value
    from .xml import Element

_METHODS = ("none", "simplemax", "softmax", "logit", "probit", "cloglog", "exp", "loglog", "cauchit")
_TWO = 2


def read_regression(model: Element, scope: Scope) -> Prediction:
    """Regression and classification, as `RegressionModelEvaluator` and `RegressionTableUtil` compute them.

    A missing numeric predictor leaves the row without a prediction, and a missing categorical one adds nothing.
    """
    tables = model.all("RegressionTable")
    if not _only_hands_on(model, tables, scope):
        require_double(model)
    method = model.choice("normalizationMethod", "none", _METHODS)
    if function_of(model) == "regression":
        if len(tables) != 1:
            raise model.refused("has no RegressionTable, or several, for one number")
        return predicted_value(inverse(method, _sum(tables[0], scope, []), model, scope), scope)
    return _classified(model, tables, method, scope)


def _only_hands_on(model: Element, tables: list[Element], scope: Scope) -> bool:
    """Whether it computes in float32 of nothing but sums of an earlier segment that are float32 themselves.

    So the documents of XGBoost end; what exp and a quotient add is in what was noted of the sums (`chains.note`).
    """
    if model.get("x-mathContext") != "float":
        return False
    for table in tables:
        if table.number("intercept", 0.0) != 0 or table.first("CategoricalPredictor", "PredictorTerm") is not None:
            return False
        for each in table.all("NumericPredictor"):
            column = scope.number(each.need("name"), each).column
            plain = each.number("coefficient") == 1 and each.number("exponent", 1.0) == 1
            if not plain or isinstance(column, CodeColumn) or column.source not in scope.writer.errors:
                return False
    return True


def inverse(method: str, register: int, model: Element, scope: Scope) -> int:
    """The register of what a normalization method makes of a number."""
    method = "logit" if method == "softmax" else method
    if method not in INVERSE:
        raise model.refused(f"has the normalizationMethod {method!r}, which is not supported here")
    return INVERSE[method](register, scope.writer)


def _classified(model: Element, tables: list[Element], method: str, scope: Scope) -> Prediction:
    target = target_of(scope)
    if len(tables) < _TWO:
        raise model.refused("has fewer than two RegressionTables for classes")
    labels = tuple(target.label(each.need("targetCategory"), each) for each in tables)
    if len(set(labels)) != len(labels) or (target.categories and len(target.categories) != len(labels)):
        raise model.refused("has RegressionTables that are not one for each class")
    if target.optype == "ordinal":
        if method in ("simplemax", "softmax", "exp"):
            raise model.refused(f"has the normalizationMethod {method!r} for an ordinal target")
        return predicted_class(Prediction("probability", _ordinal(model, tables, method, scope), classes=labels), scope)
    if len(tables) == _TWO and (
        method not in ("simplemax", "softmax") or (method == "softmax" and _is_empty(tables[1]))
    ):
        return predicted_class(_binary(model, tables, method, labels, scope), scope)
    before: list[Value] = []
    scores = [_sum(each, scope, before) for each in tables]
    if method == "softmax":
        found = Prediction("probability", scores, "softmax", labels)
    elif method == "simplemax":
        found = Prediction("probability", normalized(scores, scope.writer), classes=labels)
    elif method == "logit":
        found = Prediction(
            "probability", normalized([INVERSE["logit"](z, scope.writer) for z in scores], scope.writer), classes=labels
        )
    elif method == "none":
        rest = scope.writer.linear(scores[:-1], [-1.0] * len(scores[:-1]), 1.0)
        found = Prediction("probability", [*scores[:-1], rest], classes=labels)
    else:
        raise model.refused(f"has the normalizationMethod {method!r} for {len(tables)} classes")
    return predicted_class(found, scope)


def _binary(model: Element, tables: list[Element], method: str, labels: tuple[object, ...], scope: Scope) -> Prediction:
    """The first table gives the first class's probability; the second's, which is asked for all the same, the rest."""
    before: list[Value] = []
    score = _sum(tables[0], scope, before)
    other = _sum(tables[1], scope, before) if not _is_empty(tables[1]) else None
    if other is not None:
        # Where the second has none there is none at all.
        nothing = scope.writer.linear([scope.writer.add({"step": "missing", "of": other})], [1.0])
        mask = CodeColumn(nothing, (0.0,), np.zeros(1), np.nan, np.nan)
        score = scope.writer.linear([score, scope.writer.lookup(mask, [0.0])], [1.0, 1.0])
    if method in ("logit", "softmax"):
        return Prediction("probability", [score], "logistic", (labels[1], labels[0]), tie="last")  # type: ignore[arg-type]
    first = _clipped(score, scope) if method == "none" else inverse(method, score, model, scope)
    rest = scope.writer.linear([first], [-1.0], 1.0)
    return Prediction("probability", [first, rest], classes=labels)  # type: ignore[arg-type]


def _ordinal(model: Element, tables: list[Element], method: str, scope: Scope) -> list[int]:
    """Tables give the probabilities of a class or any before it; each class gets what the one before leaves."""
    found: list[int] = []
    before: list[Value] = []
    for table in tables[:-1]:
        score = _sum(table, scope, before)
        here = _clipped(score, scope) if method == "none" else inverse(method, score, model, scope)
        found.append(here if not found else scope.writer.linear([here, *found], [1.0, *[-1.0] * len(found)]))
    _sum(tables[-1], scope, before)
    return [*found, scope.writer.linear(found, [-1.0] * len(found), 1.0)]


def _clipped(register: int, scope: Scope) -> int:
    return scope.writer.add({"step": "clip", "of": register, "minimum": 0.0, "maximum": 1.0})


def _is_empty(table: Element) -> bool:
    predictors = table.first("NumericPredictor", "CategoricalPredictor", "PredictorTerm")
    return predictors is None and table.number("intercept") == 0


def _sum(table: Element, scope: Scope, before: list[Value]) -> int:
    """The register of a table's sum; NaN where a numeric predictor is missing.

    Args:
        table: a RegressionTable.
        scope: of the model.
        before: numbers that are asked for before: with one that is missing the evaluator asks for no other.
    """
    columns: list[NumberColumn | CodeColumn] = []
    weights: list[float] = []
    for each in table.all("NumericPredictor"):
        number = scope.number(each.need("name"), each)
        _ask(number, before, scope)
        refuse_float(each, number)
        column = power(number, _exponent(each), scope)
        columns.append(column)
        weights.append(each.number("coefficient"))
    for values, predictors in _runs(table, scope):
        scope.refuse_failing(values, unless=before)
        columns.append(value_terms(values, predictors, scope))
        weights.append(1.0)
    for each in table.all("PredictorTerm"):
        numbers = [scope.number(ref.need("field"), ref) for ref in each.all("FieldRef")]
        for ref, number in zip(each.all("FieldRef"), numbers, strict=True):
            _ask(number, before, scope)
            refuse_float(ref, number)
        columns.append(product(numbers, each, scope))
        weights.append(each.number("coefficient"))
    return write_linear(columns, np.array(weights), table.number("intercept"), scope.writer, finite=False)


def _ask(number: Number, before: list[Value], scope: Scope) -> None:
    """Without a default a row has no score whether a number is missing or fails, and its order does not matter."""
    default = has_default(target_of(scope))
    scope.refuse_failing(number, shown=not default, unless=before)
    if default and number.may_miss:
        before.append(number)


def refuse_float(element: Element, number: Value) -> None:
    """Refuses a number that the evaluator rounds to float32."""
    if number.type == "float":
        raise element.refused("reads a float, which is rounded to single precision: not supported in a sum")


def _exponent(predictor: Element) -> int:
    found = predictor.number("exponent", 1.0)
    if found != int(found):
        raise predictor.refused("has an exponent that is no integer")
    return int(found)


def _runs(table: Element, scope: Scope) -> list[tuple[Value, list[Element]]]:
    """Categorical predictors of one field that follow each other: of such a run the first that matches counts."""
    found: list[tuple[str, list[Element]]] = []
    for each in table.all("CategoricalPredictor"):
        name = each.need("name")
        if found and found[-1][0] == name:
            found[-1][1].append(each)
        else:
            found.append((name, [each]))
    return [(scope.value(name, group[0]), group) for name, group in found]


MODELS: dict[str, ModelReader] = {"RegressionModel": read_regression}
