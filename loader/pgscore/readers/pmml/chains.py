"""Segments one after the other: chains, in which later ones read what earlier ones gave, and the first that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgscore.readers.algebra.columns import NumberColumn
from pgscore.readers.writing.combining import marks, weighted
from pgscore.readers.writing.writer import Result

from . import expressions
from .fields import Scope
from .models import read_model
from .selecting import Guarded, chosen_of, given, guarded
from .values import MISSING, NEVER, Number, Tabulated, of

if TYPE_CHECKING:
    from .segments import Segment, Segmentation
    from .types import Scalar
    from .values import Prediction, Value
    from .xml import Element


def read_chain(segmentation: Segmentation, scope: Scope) -> Prediction:
    """The prediction of the last segment, which reads what the ones before it gave.

    Raises:
        NotAProgramError: a segment is not for each row, or cannot be part of a program.
    """
    *earlier, last = segmentation.segments
    ends = segmentation.treatment == "returnMissing" and scope.is_final
    for segment in segmentation.segments:
        if not segment.is_always:
            raise segment.element.refused("has a condition, in a chain of models")
    if last.model.get("functionName") != segmentation.function:
        raise last.model.refused("has another functionName than the mining model that it is the last segment of")
    for segment in earlier:
        inner = Scope(scope.document, segment.model, scope, is_final=ends)
        prediction = read_model(segment.model, inner)
        note(prediction, segment.model, inner)
        declare(segment.model, prediction, inner, scope)
        if segmentation.treatment == "returnMissing" and not ends:
            raise segmentation.element.refused(
                "is a chain within another model that ends where a prediction is missing"
            )
    return read_model(last.model, Scope(scope.document, last.model, scope, is_final=scope.is_final))


def note(prediction: Prediction, model: Element, scope: Scope) -> None:
    """Notes how far what a model adds in float32 may be from the evaluator's."""
    if prediction.tolerance is not None:
        scope.writer.outputs(
            Result(prediction.scores, prediction.link, tolerance=prediction.tolerance),
            model.path,  # type: ignore[arg-type]
        )


def declare(model: Element, prediction: Prediction, inner: Scope, outer: Scope) -> None:
    """Makes the output fields of a segment known to those behind it."""
    output = model.first("Output")
    for field in [] if output is None else output.all("OutputField"):
        value = _output(field, prediction, inner)
        if value is not None:
            inner.declare(field.need("name"), value)
            outer.declare(field.need("name"), value)


def _output(field: Element, prediction: Prediction, scope: Scope) -> Value | None:
    """What an output field gives, as `OutputUtil` does it; None where it is not supported: then nothing may read it."""
    feature = field.get("feature") or "predictedValue"
    kind, optype = field.get("dataType"), field.get("optype") or "continuous"
    if feature == "transformedValue":
        return expressions.derived(field, scope)
    registers = scope.writer.outputs(Result(prediction.scores, prediction.link))
    if feature == "predictedValue" and prediction.kind == "value":
        kind = kind or prediction.type
        if kind not in ("double", "float") or prediction.type not in ("double", "float"):
            return None
        # Of a float the last bits are as far off as the sum is, at least.
        return Number("double", optype, NumberColumn(registers[0]))
    if feature == "probability" and prediction.kind == "probability":
        label = field.get("value")
        places = [place for place, each in enumerate(prediction.classes) if _text(each) == label]
        return Number("double", optype, NumberColumn(registers[places[0]])) if places else None
    if feature == "predictedValue" and prediction.kind != "value":
        return _label(prediction, scope)
    return None


def _text(label: Scalar) -> str:
    return ("true" if label else "false") if isinstance(label, bool) else str(label)


def _label(prediction: Prediction, scope: Scope) -> Tabulated:
    """The class that is predicted: a table over its number."""
    writer = scope.writer
    result = Result(prediction.scores, prediction.link, tie=prediction.tie, decide=prediction.decide)
    found = weighted(
        marks(result, writer, scope.model.path), [float(n) for n in range(len(prediction.classes))], writer
    )
    register = writer.linear([found, given(prediction, writer)], [1.0, 1.0])
    table = {float(number): of(label) for number, label in enumerate(prediction.classes)}
    return Tabulated(prediction.type, "categorical", register, is_text=False, table=table, other=NEVER, missing=MISSING)


def read_first(segmentation: Segmentation, scope: Scope) -> Prediction:
    """The prediction of the first segment whose predicate is true; of the first of these that gives one, if others skip.

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
