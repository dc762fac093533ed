"""Segments one after the other: chains, in which later ones read what earlier ones gave, and the first that fits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pgscore.readers.algebra.columns import NumberColumn
from pgscore.readers.algebra.singles import ROUNDING, Tolerance
from pgscore.readers.writing.writer import Result

from .fields import Scope
from .models import read_model
from .outputs import FEATURES, output_value
from .selecting import chosen_of, guarded
from .values import Number

if TYPE_CHECKING:
    from .segments import Segment, Segmentation
    from .selecting import Guarded
    from .values import Prediction, Value
    from .xml import Element

# What exp, sums of it, a quotient and the rest to 1 add in float32, where a margin moves a probability by a quarter.
_LINK_ROUNDINGS = 32


def read_chain(segmentation: Segmentation, scope: Scope) -> Prediction:
    """The prediction of the last segment, which reads what the ones before it gave.

    Raises:
        NotAProgramError: a segment is not for each row, or cannot be part of a program.
    """
    *earlier, last = segmentation.segments
    returns = segmentation.treatment == "returnMissing"
    if returns and not scope.is_final:
        raise segmentation.element.refused("is a chain within another model that ends where a prediction is missing")
    for segment in segmentation.segments:
        if not segment.is_always:
            raise segment.element.refused("has a condition, in a chain of models")
    if last.model.get("functionName") != segmentation.function:
        raise last.model.refused("has another functionName than the mining model that it is the last segment of")
    for segment in earlier:
        # What has no prediction has no output either, and asking for it fails.
        ends = returns or bool(_outputs(segment.model))
        inner = Scope(scope.document, segment.model, scope, is_final=ends)
        prediction = read_model(segment.model, inner)
        note(prediction, segment.model, inner)
        if ends and scope.writer.range(prediction.scores[0]).may_miss:
            scope.writer.domains.of[prediction.scores[0]].nullable = False
        declare(segment.model, prediction, inner, scope)
        if segmentation.treatment == "returnMissing" and not ends:
            raise segmentation.element.refused(
                "is a chain within another model that ends where a prediction is missing"
            )
    return read_model(last.model, Scope(scope.document, last.model, scope, is_final=scope.is_final))


def note(prediction: Prediction, model: Element, scope: Scope) -> None:
    """Notes how far what a model adds in float32 may be from the evaluator's, and what a link in float32 adds."""
    tolerance = prediction.tolerance
    if isinstance(tolerance, Tolerance):
        wider = replace(tolerance, relative=tolerance.relative + _LINK_ROUNDINGS * ROUNDING)
        scope.writer.outputs(Result(prediction.scores, prediction.link, tolerance=wider), model.path)


def declare(model: Element, prediction: Prediction, inner: Scope, outer: Scope) -> None:
    """Makes the output fields of a segment known to those behind it; those that are not supported nothing may read.

    The evaluator asks for all of them, and where that fails the row has no prediction.
    """
    for field in _outputs(model):
        feature, name = field.get("feature") or "predictedValue", field.need("name")
        if feature not in FEATURES:
            continue
        if feature == "predictedValue" and prediction.kind == "value" and field.get("dataType") in ("float", "double"):
            # Of a float the last bits are as far off as the sum is.
            value: Value = Number("double", "continuous", NumberColumn(prediction.scores[0]))
        else:
            value = output_value(field, prediction, inner)
        inner.refuse_failing(value)
        inner.declare(name, value)
        outer.declare(name, value)


def _outputs(model: Element) -> list[Element]:
    output = model.first("Output")
    return [] if output is None else output.all("OutputField")


def read_first(segmentation: Segmentation, scope: Scope) -> Prediction:
    """The prediction of the first segment whose predicate is true; if others skip, of the first that gives one.

    Raises:
        NotAProgramError: a segment cannot be part of a program.
    """
    first = segmentation.segments[0]
    if first.is_always and segmentation.treatment != "skipSegment":
        return read_model(first.model, Scope(scope.document, first.model, scope, is_final=scope.is_final))
    return chosen_of(segmentation, [_guarded(each, scope) for each in segmentation.segments], scope)


def _guarded(segment: Segment, scope: Scope) -> Guarded:
    return guarded(
        lambda: read_model(segment.model, Scope(scope.document, segment.model, scope, is_final=False)), scope
    )
