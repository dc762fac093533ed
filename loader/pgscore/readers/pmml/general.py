"""Reader of GeneralRegressionModel: parameters, each times a product of factors and covariates, and a link."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.algebra.columns import CodeColumn, NumberColumn, Operation
from pgscore.readers.writing.linear_writer import write_linear

from .arithmetic import constant_power
from .choices import picked, summable, written
from .links import INVERSE, logc
from .matrices import matrix
from .predictors import listed, parsed
from .regression import refuse_float
from .tables import as_number, code_column, is_a_number, joined, mapped
from .targets import function_of, has_default, predicted_class, predicted_value, require_double, target_of
from .values import FAILS, Number, Outcome, Prediction, Tabulated, of
from .values import constant as constant_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore.readers.writing.writer import Writer

    from .fields import Scope
    from .models import ModelReader
    from .types import Scalar
    from .values import Doubt
    from .xml import Element

_TYPES = ("regression", "generalLinear", "generalizedLinear", "multinomialLogistic", "ordinalMultinomial")
_LINKS = ("cloglog", "identity", "log", "logc", "logit", "loglog", "negbin", "oddspower", "power", "probit")
_CUMULATIVE = ("logit", "probit", "cloglog", "loglog", "cauchit")
_TWO = 2
# Beyond it exp is infinite.
_LARGEST_EXPONENT = 709.782712893384


@dataclass(frozen=True, eq=False)
class _Parts:
    """What a model's lists say: which fields are factors, and the cells of its two matrices."""

    factors: dict[str, Element]
    covariates: frozenset[str]
    cells: dict[str | None, dict[str, list[Element]]]
    parameters: dict[str | None, list[Element]]


def read_general(model: Element, scope: Scope) -> Prediction:
    """Linear and generalized linear models, as `GeneralRegressionModelEvaluator` computes them."""
    require_double(model)
    kind = model.choice("modelType", None, (*_TYPES, "CoxRegression"))
    if kind == "CoxRegression":
        raise model.refused("is a CoxRegression, which is not supported")
    parts = _parts(model)
    if function_of(model) == "regression":
        if kind in ("multinomialLogistic", "ordinalMultinomial"):
            raise model.refused(f"has the modelType {kind!r}, and predicts a number")
        if set(parts.parameters) != {None}:
            raise model.refused("has parameters of classes, and predicts a number")
        found = _dot(model, parts.parameters[None], parts.cells.get(None, {}), parts, scope)
        if kind == "generalizedLinear":
            found = _linked(model, found, scope)
        return predicted_value(found, scope)
    return predicted_class(_classified(model, kind, parts, scope), scope)


def _parts(model: Element) -> _Parts:
    def names(tag: str) -> dict[str, Element]:
        found = model.first(tag)
        return {} if found is None else {each.need("name"): each for each in found.all("Predictor")}

    cells: dict[str | None, dict[str, list[Element]]] = {}
    for each in model.one("PPMatrix").all("PPCell"):
        of_class = cells.setdefault(each.get("targetCategory"), {})
        of_class.setdefault(each.need("parameterName"), []).append(each)
    parameters: dict[str | None, list[Element]] = {}
    for each in model.one("ParamMatrix").all("PCell"):
        parameters.setdefault(each.get("targetCategory"), []).append(each)
    return _Parts(names("FactorList"), frozenset(names("CovariateList")), cells, parameters)


def _dot(
    model: Element, parameters: Sequence[Element], cells: dict[str, list[Element]], parts: _Parts, scope: Scope
) -> int:
    """The register of Σ beta x; NaN where something that counts is missing."""
    if not parameters:
        raise model.refused("has no parameters for what it predicts")
    columns: list[NumberColumn | CodeColumn] = []
    weights: list[float] = []
    masks: dict[int, CodeColumn] = {}
    intercept = 0.0
    for parameter in parameters:
        row = cells.get(parameter.need("parameterName"))
        if row is None:
            intercept += parameter.number("beta")
            continue
        columns.append(_term(row, parts, masks, scope))
        weights.append(parameter.number("beta"))
    for mask in masks.values():
        columns.append(NumberColumn(written(mask, scope.writer)))
        weights.append(1.0)
    if not columns:
        return written(CodeColumn(0, (), np.zeros(0), intercept, intercept), scope.writer)
    return write_linear(columns, np.array(weights), intercept, scope.writer, finite=False)


def _term(
    row: Sequence[Element], parts: _Parts, masks: dict[int, CodeColumn], scope: Scope
) -> NumberColumn | CodeColumn:
    """The column of a parameter's product. Covariates count only where its factors are not 0."""
    factors = [each for each in row if each.need("predictorName") in parts.factors]
    others = [each for each in row if each not in factors]
    for each in others:
        if each.need("predictorName") not in parts.covariates:
            raise each.refused(f"names {each.need('predictorName')!r}, which is neither factor nor covariate")
    place, writer = row[0].path, scope.writer
    product = _covariates(others, scope) if others else None
    if not factors:
        assert product is not None  # noqa: S101  a row has cells
        return summable(product.column, writer)
    tables = [_factor(each, parts, scope) for each in factors]
    both = joined(tables, _multiplied, "double", writer, place, "continuous")
    if product is None:
        return _of_factors(both, masks, writer)
    scaled = _scaled(product, both, scope, place)

    def label(outcome: Outcome) -> Outcome:
        return of(int(outcome.value != 0)) if outcome.kind == "value" else outcome

    labels = mapped(both, label, "integer")
    found = picked(labels, [constant_value(0.0, "double"), scaled], writer, place)
    number = as_number(found, place, writer)
    scope.refuse_failing(number, shown=not has_default(target_of(scope)))
    return summable(number.column, writer)


def _scaled(product: Number, factor: Tabulated, scope: Scope, place: str) -> Number:
    values = {outcome.value for outcome in factor.outcomes if outcome.kind == "value"}
    if values <= {0.0, 1.0}:
        return product
    weights = written(as_number(factor, place, scope.writer).column, scope.writer)
    register = scope.writer.add({"step": "product", "of": [scope.register(product), weights]})
    return Number("double", "continuous", NumberColumn(register), product.may_miss, product.fails)


def _multiplied(row: Sequence[Outcome]) -> Outcome:
    found = 1.0
    for each in row:
        if each.kind in ("missing", "fails"):
            return each
        found *= float(each.value)
    return of(found + 0.0)


def _of_factors(table: Tabulated, masks: dict[int, CodeColumn], writer: Writer) -> NumberColumn | CodeColumn:
    """Factors alone, 0 where they are missing, for which a mask of their field makes up."""
    if table.source is None:
        return code_column(table, is_a_number, writer)
    if table.may_miss or table.may_fail:
        mask = code_column(table, lambda each: 0.0 if each.is_present else np.nan, writer)
        masks[table.source] = mask
    return code_column(table, lambda each: float(each.value) if each.kind == "value" else 0.0, writer)


def _factor(cell: Element, parts: _Parts, scope: Scope) -> Tabulated:
    """1 where a field has the cell's value, else 0; or what a contrast matrix has for the two."""
    name = cell.need("predictorName")
    value = scope.value(name, cell)
    scope.refuse_failing(value, shown=not has_default(target_of(scope)))
    key = parsed(cell.need("value"), value.type, cell)
    predictor = parts.factors[name]
    contrasts = predictor.first("Matrix")
    if contrasts is None:
        table = listed(value, [key], scope, cell)
        return mapped(table, lambda each: _indicator(each, key), "double")
    elements = predictor.one("Categories").all("Category")
    categories = [parsed(each.need("value"), value.type, each) for each in elements]
    entries = matrix(contrasts)
    if key not in categories or len(entries) < len(categories) or any(len(row) < len(categories) for row in entries):
        raise cell.refused("has a value that the contrast matrix does not have")
    weights = {category: entries[n][categories.index(key)] for n, category in enumerate(categories)}
    table = listed(value, categories, scope, cell)

    def contrast(outcome: Outcome) -> Outcome:
        if outcome.kind in ("missing", "fails"):
            return outcome
        return of(weights[outcome.value]) if outcome.kind == "value" and outcome.value in weights else FAILS

    found = mapped(table, contrast, "double")
    scope.refuse_failing(found)
    return found


def _indicator(outcome: Outcome, key: Scalar) -> Outcome:
    if outcome.kind in ("missing", "fails"):
        return outcome
    return of(float(outcome.kind == "value" and outcome.value == key))


def _covariates(cells: Sequence[Element], scope: Scope) -> Number:
    """The product of covariates, each to its power."""
    writer = scope.writer
    fails: list[Doubt] = []
    may_miss = False
    columns: list[NumberColumn | CodeColumn] = []
    for cell in cells:
        number = scope.number(cell.need("predictorName"), cell)
        refuse_float(cell, number)
        exponent = cell.number("value")
        fails += number.fails
        may_miss |= number.may_miss
        column = number.column
        if exponent != 1:
            column = NumberColumn(constant_power(written(column, writer), exponent, cell, writer))
        columns.append(column)
    if len(columns) == 1:
        (column,) = columns
        if len(cells) == 1 and isinstance(column, NumberColumn):
            found = Number("double", "continuous", column, may_miss, tuple(fails))
            scope.refuse_failing(found, shown=not has_default(target_of(scope)))
            return found
    registers = [written(each, writer) for each in columns]
    register = registers[0] if len(registers) == 1 else writer.add({"step": "product", "of": registers})
    return Number("double", "continuous", NumberColumn(register), may_miss, tuple(fails))


def _offset(model: Element, register: int, scope: Scope) -> int:
    """With its offset: a variable, which has to be there, or a value."""
    name = model.get("offsetVariable")
    if name is not None:
        return scope.writer.linear([register, _present(model, name, scope)], [1.0, 1.0])
    value = model.optional_number("offsetValue")
    return register if not value else scope.writer.number(register, [Operation("add", value)])


def _present(model: Element, name: str, scope: Scope) -> int:
    number = scope.number(name, model)
    refuse_float(model, number)
    scope.refuse_failing(number)
    register = scope.register(number)
    scope.require_present(number)
    return register


def _linked(model: Element, register: int, scope: Scope) -> int:
    register = _offset(model, register, scope)
    name = model.choice("linkFunction", None, _LINKS)
    register = _inverse(model, name, register, scope)
    trials = model.get("trialsVariable")
    if trials is not None:
        number = scope.number(trials, model)
        if number.type != "integer":
            raise model.refused("has trials that are no integer, which is not supported")
        return scope.writer.add({"step": "product", "of": [register, _present(model, trials, scope)]})
    value = model.optional_number("trialsValue")
    return register if value is None else scope.writer.number(register, [Operation("multiply", value)])


def _inverse(model: Element, name: str, register: int, scope: Scope) -> int:
    """The inverse of a link (`GeneralRegressionModelUtil.computeLink`)."""
    writer = scope.writer
    if name == "logc":
        return logc(register, writer)
    if name == "negbin":
        scale = model.number("distParameter")
        if scale == 0:
            raise model.refused("has the distParameter 0")
        power = [
            Operation("multiply", -1.0),
            Operation("exp"),
            Operation("subtract", 1.0),
            Operation("multiply", scale),
        ]
        return writer.function("reciprocal", writer.number(register, power))
    if name in ("oddspower", "power"):
        parameter = model.number("linkParameter")
        if parameter == 0:
            return INVERSE["logit" if name == "oddspower" else "exp"](register, writer)
        if name == "power":
            return constant_power(register, 1 / parameter, model, writer)
        base = writer.number(register, [Operation("multiply", parameter), Operation("add", 1.0)])
        powered = constant_power(base, -1 / parameter, model, writer)
        return writer.function("reciprocal", writer.number(powered, [Operation("add", 1.0)]))
    return INVERSE[{"identity": "none", "log": "exp"}.get(name, name)](register, writer)


def _classified(model: Element, kind: str, parts: _Parts, scope: Scope) -> Prediction:
    labels = _labels(model, kind, parts, scope)
    writer = scope.writer
    by_label = {None if text is None else target_of(scope).label(text, model): text for text in parts.parameters}
    scores = []
    for label in labels[:-1]:
        text = by_label.get(label)
        own = parts.parameters.get(text) if label in by_label else None
        if kind == "ordinalMultinomial":
            if own is None or len(own) != 1 or None not in parts.parameters:
                raise model.refused(f"has not one intercept for the class {label!r}, or no other parameters")
            own = [*parts.parameters[None], *own]
        elif own is None and len(labels) == _TWO:
            own = parts.parameters.get(None)
        if own is None:
            raise model.refused(f"has no parameters for the class {label!r}")
        cells = parts.cells.get(text) or parts.cells.get(None)
        if cells is None and parts.cells:
            raise model.refused(f"has no PPMatrix for the class {label!r}")
        scores.append(_dot(model, own, cells or {}, parts, scope))
    if kind == "generalizedLinear":
        link = model.choice("linkFunction", None, _LINKS)
        plain = not any(model.get(each) for each in ("offsetVariable", "offsetValue", "trialsVariable", "trialsValue"))
        if link == "logit" and plain and len(labels) == _TWO:
            return Prediction("probability", scores, "logistic", labels[::-1], tie="last")
        linked = [_linked(model, each, scope) for each in scores]
        return Prediction("probability", [*linked, writer.linear(linked[-1:], [-1.0], 1.0)], classes=labels)
    if kind == "ordinalMultinomial":
        return Prediction("probability", _cumulative(model, scores, scope), classes=labels)
    return _logistic(scores, labels, scope)


def _cumulative(model: Element, scores: Sequence[int], scope: Scope) -> list[int]:
    name = model.choice("cumulativeLink", None, _CUMULATIVE)
    below = [INVERSE[name](_offset(model, each, scope), scope.writer) for each in scores]
    between = [scope.writer.linear([here, before], [1.0, -1.0]) for before, here in pairwise(below)]
    return [below[0], *between, scope.writer.linear(below[-1:], [-1.0], 1.0)]


def _logistic(scores: Sequence[int], labels: tuple[Scalar, ...], scope: Scope) -> Prediction:
    """Exp of each, and 1 for the last, over their sum: of which nothing is left where one is beyond all doubles."""
    writer = scope.writer
    for each in scores:
        domain = writer.domains.of[each]
        domain.maximum = min(
            domain.maximum, _LARGEST_EXPONENT - np.log(len(scores) + 1) if len(scores) > 1 else _LARGEST_EXPONENT
        )
    if len(scores) == 1:
        return Prediction("probability", list(scores), "logistic", labels[::-1], tie="last")
    last = writer.add({"step": "clip", "of": scores[0], "minimum": 0.0, "maximum": 0.0})
    return Prediction("probability", [*scores, last], "softmax", labels)


def _labels(model: Element, kind: str, parts: _Parts, scope: Scope) -> tuple[Scalar, ...]:
    """The classes, that of reference last."""
    target = target_of(scope)
    if kind in ("regression", "generalLinear"):
        raise model.refused(f"has the modelType {kind!r}, and predicts classes")
    if len(target.categories) < _TWO:
        raise model.refused("predicts classes, and its target field lists fewer than two values")
    text = model.get("targetReferenceCategory")
    reference = None if text is None else target.label(text, model)
    if reference is None and kind != "ordinalMultinomial":
        known = {target.label(each, model) for each in parts.parameters if each is not None}
        rest = [each for each in target.categories if each not in known]
        if len(rest) != 1:
            raise model.refused("does not say which class is the one of reference")
        reference = rest[0]
    if reference is None:
        return target.categories
    return (*(each for each in target.categories if each != reference), reference)


MODELS: dict[str, ModelReader] = {"GeneralRegressionModel": read_general}
