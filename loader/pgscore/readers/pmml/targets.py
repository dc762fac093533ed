"""What a model predicts: the target field, and what a Targets element makes of a prediction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pgscore.readers.algebra.singles import ROUNDING, Tolerance
from pgscore.readers.writing.writer import Result

from . import intervals
from .types import TYPES, Scalar, UnfitError, parse
from .values import Prediction

if TYPE_CHECKING:
    from pgscore.readers.writing.writer import Writer

    from .fields import Scope
    from .xml import Element

_FUNCTIONS = ("classification", "regression", "clustering")
_CASTS = ("round", "ceiling", "floor")
# Math.round gives a long.
_LONGEST = 2.0**63
_TWO = 2


@dataclass(frozen=True, eq=False)
class Target:
    """What a model predicts.

    Attributes:
        name: the field's, or None where the mining schema has none.
        type: the data type of the prediction.
        optype: its operational type.
        categories: the valid values of the field, in the order of the data dictionary.
        element: the Target, or None.
    """

    name: str | None
    type: str
    optype: str
    categories: tuple[Scalar, ...]
    element: Element | None

    def label(self, text: str, place: Element) -> Scalar:
        """A class as the field's type has it.

        Raises:
            NotAProgramError: it is none of the type, or of the categories that are known.
        """
        try:
            found = parse(self.type, text)
        except UnfitError:
            raise place.refused(f"names the class {text[:60]!r}, which is no {self.type}") from None
        if self.categories and found not in self.categories:
            raise place.refused(f"names the class {text[:60]!r}, which the target field does not have")
        return found


def function_of(model: Element) -> str:
    """The mining function of a model.

    Raises:
        NotAProgramError: it is none of those that are read.
    """
    return model.choice("functionName", None, _FUNCTIONS)


def target_of(scope: Scope) -> Target:
    """The target of a model, as `ModelManager.createTargetFields` finds it.

    Raises:
        NotAProgramError: it has several, or one of a type that is not supported.
    """
    model = scope.model
    found = [each for each in scope.schema.values() if each.get("usageType") in ("target", "predicted")]
    if len(found) > 1:
        raise found[1].refused("is a second target, and a program predicts one")
    name = found[0].need("name") if found else None
    targets = model.first("Targets")
    alike = [] if targets is None else targets.all("Target")
    element = next((each for each in alike if each.get("field") == name), None)
    field = None if name is None else scope.document.fields.get(name)
    if field is None:
        if name is not None:
            raise found[0].refused("is a target that is not in the DataDictionary")
        kind = "double" if function_of(model) == "regression" else _kind_of_classes(scope)
        return Target(None, kind, "continuous" if kind == "double" else "categorical", (), element)
    optype = found[0].get("optype") or field.optype
    if element is not None:
        optype = element.get("optype") or optype
    if field.type not in TYPES:
        raise field.element.refused(f"has the dataType {field.type!r}, whose values are no numbers, texts or booleans")
    return Target(name, field.type, optype, field.valid, element)


def _kind_of_classes(scope: Scope) -> str:
    """The data type of classes without a field: in a segment the mining model's (`createSegmentModelEvaluator`)."""
    parent = scope.parent
    if parent is None or parent.model.get("functionName") != "classification":
        return "string"
    return target_of(parent).type


def require_double(model: Element) -> None:
    """Refuses a model that computes in float32.

    Raises:
        NotAProgramError: it does.
    """
    if model.get("x-mathContext") not in (None, "double") or model.get("mathContext") not in (None, "double"):
        raise model.refused("computes in single precision, which is not supported for this model")


def has_default(target: Target) -> bool:
    """Whether a row gets a prediction where the model has none."""
    return target.element is not None and target.element.first("TargetValue") is not None


def predicted_value(register: int, scope: Scope, tolerance: Tolerance | None = None) -> Prediction:
    """The prediction of a regression, as `TargetUtil.evaluateRegression` makes it of the model's number.

    Args:
        register: the number; NaN where the model has none.
        scope: of the model.
        tolerance: how far the number may be from the evaluator's.

    Raises:
        NotAProgramError: the target says what is not supported.
    """
    target, writer = target_of(scope), scope.writer
    element = target.element
    if element is not None and has_default(target):
        values = element.all("TargetValue")
        if len(values) != 1:
            raise element.refused("has several TargetValues for a number")
        register = writer.add({"step": "fill", "of": register, "with": values[0].number("defaultValue")})
    if element is not None:
        register = _rescaled(register, element, writer)
    if target.type == "integer":
        _require_whole(register, writer)
    elif target.type == "float":
        tolerance = tolerance or Tolerance(_TWO * ROUNDING)
    elif target.type != "double":
        raise scope.model.refused(f"predicts a number for the target {target.name!r}, which is a {target.type}")
    return Prediction("value", [register], type=target.type, tolerance=tolerance)


def _rescaled(register: int, element: Element, writer: Writer) -> int:
    low, high = element.optional_number("min"), element.optional_number("max")
    for name, end in (("minimum", low), ("maximum", high)):
        if end is not None:
            register = writer.add({"step": "clip", "of": register, name: end})
    factor, constant = element.number("rescaleFactor", 1.0), element.number("rescaleConstant", 0.0)
    if (factor, constant) != (1.0, 0.0):
        register = writer.add({"step": "affine", "of": register, "multiply": factor, "add": constant})
    if element.get("castInteger") is None:
        return register
    kind = element.choice("castInteger", None, _CASTS)
    return rounded(register, writer) if kind == "round" else writer.function(_ROUNDED[kind], register)


_ROUNDED = {"ceiling": "ceil", "floor": "floor"}


def rounded(register: int, writer: Writer) -> int:
    """Math.round: the nearest integer, of two the one above, within those of 64 bits."""
    floor = writer.function("floor", register)
    rest = writer.linear([register, floor], [1.0, -1.0])
    # Infinity less infinity is NaN, and infinity stays: what is behind the point counts where it is.
    up = intervals.steps(rest, [0.5], lambda each: float(each >= 0.5), 0.0, writer)  # noqa: PLR2004  a half
    both = writer.linear([floor, up], [1.0, 1.0])
    return writer.add({"step": "clip", "of": both, "minimum": -_LONGEST, "maximum": _LONGEST})


def _require_whole(register: int, writer: Writer) -> None:
    """A number that is no integer of 32 bits is no prediction of an integer field (`TypeUtil.cast`)."""
    floor = writer.function("floor", register)
    rest = writer.domains.of[writer.linear([register, floor], [1.0, -1.0])]
    rest.maximum = min(rest.maximum, 0.0)
    domain = writer.domains.of[register]
    domain.minimum, domain.maximum = max(domain.minimum, -(2.0**31)), min(domain.maximum, 2.0**31 - 1)


def predicted_class(prediction: Prediction, scope: Scope) -> Prediction:
    """The prediction of a classification, with the prior probabilities of its target where the model has none.

    Raises:
        NotAProgramError: the target says what is not supported.
    """
    target = target_of(scope)
    if not has_default(target) or target.element is None:
        return replace(prediction, type=target.type)
    priors = {target.label(each.need("value"), each): each for each in target.element.all("TargetValue")}
    if set(priors) != set(prediction.classes):
        raise target.element.refused("has TargetValues that are not those of the classes")
    given = [priors[each].number("priorProbability") for each in prediction.classes]
    total = sum(given)
    if total <= 0:
        raise target.element.refused("has prior probabilities that are all 0")
    outputs = scope.writer.outputs(Result(prediction.scores, prediction.link))
    filled = [
        scope.writer.add({"step": "fill", "of": register, "with": prior / total})
        for register, prior in zip(outputs, given, strict=True)
    ]
    return replace(prediction, scores=filled, link="identity", decide=None, type=target.type)
