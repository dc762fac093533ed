"""Reader of MiningModel: segments that are added, averaged, asked to vote, chained, or of which the first counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pgscore.readers.writing.combining import marks, weighted
from pgscore.readers.writing.writer import Result

from .chains import note, read_chain, read_first
from .ensemble import is_forest, read_forest
from .fields import Scope
from .models import read_model
from .segments import CHAINS, VOTES, segmentation_of
from .selecting import given, present
from .targets import has_default, predicted_class, predicted_value, require_double, target_of
from .values import Prediction
from .votes import Votes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .models import ModelReader
    from .segments import Segmentation
    from .types import Scalar
    from .xml import Element

_EXACT = 2.0**53
# So many weights of a median may be any: all sums of some of them are looked at.
_MOST_WEIGHED, _ROUNDINGS = 18, 1e-12


def read_mining(model: Element, scope: Scope) -> Prediction:
    """Segments: sums, averages, medians, votes, weighted too; modelChain, selectFirst. Added trees are one step."""
    segmentation = segmentation_of(model, scope)
    if segmentation.method == "modelChain":
        return read_chain(segmentation, scope)
    if segmentation.method == "selectFirst":
        return read_first(segmentation, scope)
    if is_forest(segmentation):
        return read_forest(segmentation, scope)
    require_double(model)
    predictions = [_of_segment(segmentation, number, scope) for number in range(len(segmentation.segments))]
    if segmentation.function == "regression":
        return predicted_value(_aggregated(segmentation, predictions, scope), scope)
    return predicted_class(_classified(segmentation, predictions, scope), scope)


def _of_segment(segmentation: Segmentation, number: int, scope: Scope) -> Prediction:
    """What a segment gives.

    Raises:
        NotAProgramError: it is not for each row, or may be skipped, which is read of trees alone.
    """
    segment = segmentation.segments[number]
    if not segment.is_always:
        raise segment.element.refused(f"has a condition, in a {segmentation.method} of other models than trees")
    if segmentation.treatment == "skipSegment":
        raise segmentation.element.refused(f"skips segments, in a {segmentation.method} of other models than trees")
    if segment.model.tag == "MiningModel":
        _require_target(segment.model)
    by_vote = segmentation.method in VOTES
    ends = (
        scope.is_final and not has_default(target_of(scope)) and not (by_vote and segmentation.treatment == "continue")
    )
    found = read_model(segment.model, Scope(scope.document, segment.model, scope, is_final=ends))
    if by_vote and segmentation.treatment == "continue" and any(scope.writer.range(n).may_miss for n in found.scores):
        raise segment.model.refused(
            "may give nothing, and votes all the same: not supported of other models than trees"
        )
    note(found, segment.model, scope)
    return found


def _require_target(model: Element) -> None:
    """Refuses a chain or selection whose prediction the evaluator does not find, as it has no name."""
    fields = model.one("MiningSchema").all("MiningField")
    named = any(each.get("usageType") in ("target", "predicted") for each in fields)
    if not named and model.one("Segmentation").get("multipleModelMethod") in CHAINS:
        raise model.refused("has no target field, so that the evaluator finds no prediction of it")


def _aggregated(segmentation: Segmentation, predictions: Sequence[Prediction], scope: Scope) -> int:
    """The number that `SegmentationlUtil.aggregateValues` makes of numbers."""
    writer = scope.writer
    registers = [writer.outputs(Result(each.scores, each.link))[0] for each in predictions]
    weights = [segmentation.weight(each) for each in segmentation.segments]
    method = segmentation.method
    if method == "median":
        return _median(registers, scope)
    if method == "weightedMedian":
        if sum(weights) == 0 or not _is_clear(weights):
            raise segmentation.element.refused(
                f"has weights of a median that are all 0, or may halve within roundings, or more than {_MOST_WEIGHED}"
                " that are no integers"
            )
        return writer.add({"step": "median", "of": registers, "weights": weights})
    total = sum(weights)
    if method.endswith("verage") and total == 0:
        raise segmentation.element.refused("has weights that are all 0")
    return weighted(registers, weights, writer, total if method.endswith("verage") else 1.0)


def _is_clear(weights: Sequence[float]) -> bool:
    """Whether the order in which weights are added tells nothing of where half of them is reached.

    So it is of integers, whose sums are exact; and where no sum of some of them is next to a half.
    """
    if all(each == int(each) for each in weights) and sum(weights) < _EXACT:
        return True
    if len(weights) > _MOST_WEIGHED:
        return False
    sums = np.zeros(1)
    for each in weights:
        sums = np.concatenate([sums, sums + each])
    return bool((np.abs(sums - sum(weights) / 2) > _ROUNDINGS * sum(weights)).all())


def _median(registers: Sequence[int], scope: Scope) -> int:
    """The middle number, or of an even count the lower one and half of what the upper one is above it.

    As Percentile of commons-math estimates it.
    """
    writer = scope.writer
    if len(registers) == 1:
        return registers[0]
    ones = [1.0] * len(registers)
    lower = writer.add({"step": "median", "of": list(registers), "weights": ones})
    if len(registers) % 2 == 0:
        turned = [writer.add({"step": "affine", "of": each, "multiply": -1.0}) for each in registers]
        upper = writer.add({"step": "median", "of": turned, "weights": ones})
        between = writer.linear([upper, lower], [-1.0, -1.0])
        lower = writer.linear([lower, between], [1.0, 0.5])
    # A median takes NaN for the largest, and one that is missing leaves the row without a prediction.
    nothing = writer.linear([present(each, writer) for each in registers], ones)
    return writer.linear([lower, nothing], [1.0, 1.0])


def _classified(segmentation: Segmentation, predictions: Sequence[Prediction], scope: Scope) -> Prediction:
    labels: dict[Scalar, None] = dict.fromkeys(target_of(scope).categories)
    for each in predictions:
        labels |= dict.fromkeys(each.classes)
    classes = tuple(labels)
    if any(set(each.classes) != set(classes) for each in predictions):
        raise segmentation.element.refused("has segments of different classes")
    weights = [segmentation.weight(each) for each in segmentation.segments]
    if sum(weights) == 0:
        raise segmentation.element.refused("has weights that are all 0")
    if segmentation.method in VOTES:
        return _voted(segmentation, predictions, weights, classes, scope)
    if segmentation.method not in ("average", "weightedAverage"):
        raise segmentation.element.refused(f"has the multipleModelMethod {segmentation.method!r} of probabilities")
    if any(each.kind == "votes" for each in predictions):
        raise segmentation.element.refused("averages probabilities, and a segment has none")
    outputs = [_outputs(each, scope) for each in predictions]
    first = predictions[0].classes
    _require_order(segmentation, first)
    scores = [weighted([of_one[label] for of_one in outputs], weights, scope.writer, sum(weights)) for label in first]
    return Prediction("probability", scores, "identity", first)


def _require_order(segmentation: Segmentation, classes: tuple[Scalar, ...]) -> None:
    """Refuses averages whose first segment lists the classes in no order: of equal ones the first listed wins."""
    model = segmentation.segments[0].model
    if model.tag == "MiningModel" and model.one("Segmentation").get("multipleModelMethod") in VOTES:
        raise model.refused("gives shares of votes, whose order depends on the row, to an average")
    if model.tag != "TreeModel":
        return
    texts = ["true" if each is True else "false" if each is False else str(each) for each in classes]
    for node in model.walk():
        listed = [each.get("value") for each in node.all("ScoreDistribution")] if node.tag == "Node" else []
        if listed and listed != texts:
            raise node.refused("lists the classes in another order than the data dictionary, or not all of them")


def _outputs(prediction: Prediction, scope: Scope) -> dict[Scalar, int]:
    found = scope.writer.outputs(Result(prediction.scores, prediction.link))
    return dict(zip(prediction.classes, found, strict=True))


def _voted(
    segmentation: Segmentation, predictions: Sequence[Prediction], weights: Sequence[float],
    classes: tuple[Scalar, ...], scope: Scope,
) -> Prediction:  # fmt: skip
    writer = scope.writer
    votes = Votes(weights, segmentation.element)
    blocks: list[list[list[int]]] = [[[] for _ in classes] for _ in range(votes.blocks)]
    worth: list[list[float]] = [[] for _ in range(votes.blocks)]
    for number, each in enumerate(predictions):
        result = Result(each.scores, each.link, tie=each.tie, decide=each.decide)
        marked = dict(zip(each.classes, marks(result, writer, segmentation.segments[number].model.path), strict=True))
        # NaN in a vote leaves the row without a prediction.
        nothing = given(each, writer)
        worth[votes.block(number)].append(votes.leaf(number, [1.0])[0])
        for place, label in enumerate(classes):
            blocks[votes.block(number)][place].append(writer.linear([marked[label], nothing], [1.0, 1.0]))
    sums = [
        [writer.linear(registers, of_block) for registers in block]
        for block, of_block in zip(blocks, worth, strict=True)
    ]
    found = votes.counted(sums, writer)
    total = sum(weights)
    scores = [writer.add({"step": "affine", "of": each, "divide": total}) for each in found.sums]
    return Prediction("probability", scores, "identity", classes, found.decide)


MODELS: dict[str, ModelReader] = {"MiningModel": read_mining}
