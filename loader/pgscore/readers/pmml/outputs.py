"""The Output element: what may be the score instead of the prediction (`OutputUtil` of jpmml-evaluator)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgscore.readers.algebra.columns import NumberColumn
from pgscore.readers.writing.writer import Result

from .expressions import evaluated, expression_of, typed
from .tables import as_number, least, where_missing
from .targets import target_of
from .values import FAILS, Doubt, Number, Prediction, Tabulated, of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .fields import Scope
    from .values import Key, Outcome, Value
    from .xml import Element

_IDENTIFIERS = ("clusterId", "entityId", "predictedDisplayValue")
_AFFINITIES = ("affinity", "entityAffinity", "clusterAffinity")


def chosen(name: str, prediction: Prediction, scope: Scope) -> Prediction:
    """The output field of a name, as a prediction.

    Raises:
        NotAProgramError: there is none, or it is no number.
    """
    output = scope.model.first("Output")
    fields = [] if output is None else output.all("OutputField")
    found = next((each for each in fields if each.get("name") == name), None)
    if found is None:
        known = ", ".join(repr(each.get("name")) for each in fields[:20]) or "none"
        raise scope.model.refused(f"has no output field {name[:60]!r}; it has {known}")
    if _feature(found) == "predictedValue":
        return prediction
    for each in fields:
        if each is found:
            break
        if _feature(each) in FEATURES and _is_read(each, fields):
            scope.declare(each.need("name"), output_value(each, prediction, scope))
    value = output_value(found, prediction, scope)
    number = as_number(value, found.path, scope.writer)
    if number.type == "float" or value.type == "string":
        raise found.refused("is no number of double precision, and a score is one")
    scope.refuse_failing(number, shown=True)
    return Prediction("value", [scope.register(number)], type=number.type, tolerance=prediction.tolerance)


def _feature(field: Element) -> str:
    return field.get("feature") or "predictedValue"


def _is_read(field: Element, fields: list[Element]) -> bool:
    name = field.get("name")
    return any(each.get("field") == name for other in fields for each in other.walk() if each.tag != "OutputField")


def output_value(field: Element, prediction: Prediction, scope: Scope) -> Value:
    """What an output field gives.

    Raises:
        NotAProgramError: it is not supported.
    """
    feature = _feature(field)
    if field.get("segmentId") is not None:
        raise field.refused("is of a segment, which is not supported")
    if feature == "reasonCode":
        raise field.refused("is a reason code, which is no score: pgscore.reason_codes tells it beside the prediction")
    if feature not in FEATURES:
        raise field.refused(f"has the feature {feature[:60]!r}, which is no number that a score could be")
    found = FEATURES[feature](field, prediction, scope)
    return typed(found, field, scope) if field.get("dataType") is not None else found


def _predicted(field: Element, prediction: Prediction, scope: Scope) -> Value:
    """What is predicted: a number, or a class."""
    if prediction.kind == "value":
        (register,) = prediction.scores
        return _there(register, scope)
    registers = _outputs(prediction, scope)
    compared = registers if prediction.decide is None else prediction.decide
    if prediction.tie == "last":
        marks = scope.writer.link("argmax", compared[::-1])[::-1]
    else:
        marks = scope.writer.link("argmax", compared)
    mask = scope.writer.linear(registers, [0.0] * len(registers))
    code = scope.writer.linear([*marks, mask], [*(float(n) for n in range(len(marks))), 1.0])
    table: dict[Key, Outcome] = {float(n): of(label) for n, label in enumerate(prediction.classes)}
    del field
    return Tabulated(prediction.type, "categorical", code, False, table, FAILS, FAILS)


def _there(register: int, scope: Scope) -> Number:
    """A number that asking for fails where the model predicts none."""
    del scope
    doubt = Doubt(lambda: where_missing(register, is_text=False), shown=True)
    return Number("double", "continuous", NumberColumn(register), may_miss=False, fails=(doubt,))


def _outputs(prediction: Prediction, scope: Scope) -> list[int]:
    return scope.writer.outputs(Result(prediction.scores, prediction.link))


def _probability(field: Element, prediction: Prediction, scope: Scope) -> Value:
    """The probability of a class, or else of the one that is predicted."""
    if prediction.kind != "probability":
        raise field.refused("is a probability, and the model gives none")
    registers = _outputs(prediction, scope)
    text = field.get("value")
    if text is not None:
        label = target_of(scope).label(text, field)
        if label not in prediction.classes:
            raise field.refused(f"is the probability of {text[:60]!r}, which is no class of the model")
        return _there(registers[prediction.classes.index(label)], scope)
    if prediction.decide is not None:
        raise field.refused("is the probability of what is predicted, which the largest need not be")
    flipped = [scope.writer.linear([each], [-1.0]) for each in registers]
    found = flipped[0]
    for each in flipped[1:]:
        found = least([found, each], scope.writer)
    return _there(scope.writer.linear([found], [-1.0]), scope)


def _transformed(field: Element, _prediction: Prediction, scope: Scope) -> Value:
    """What an expression makes of fields and of outputs before it."""
    return evaluated(expression_of(field), scope)


def _affinity(field: Element, prediction: Prediction, scope: Scope) -> Value:
    """How near, or how alike, the cluster is."""
    del scope
    text = field.get("value")
    name = "affinity" if text is None else f"affinity:{text}"
    if name not in prediction.more:
        raise field.refused("is an affinity that the model does not have")
    return prediction.more[name]


FEATURES: dict[str, Callable[[Element, Prediction, Scope], Value]] = {
    "predictedValue": _predicted,
    "probability": _probability,
    "transformedValue": _transformed,
    "decision": _transformed,
    **dict.fromkeys(_AFFINITIES, _affinity),
    **dict.fromkeys(_IDENTIFIERS, _predicted),
}
