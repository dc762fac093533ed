"""From probabilities to results: classes that were balanced in training, and the label, which is genmodel's own."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from pgscore.errors import NotAProgramError
from pgscore.readers.writing.combining import constant
from pgscore.readers.writing.writer import Result

from .calibration import calibrated

if TYPE_CHECKING:
    from pgscore.readers.writing.writer import Writer

    from .document import MojoDocument

_TWO = 2


def labelled(document: MojoDocument, result: Result, writer: Writer) -> Result:
    """The result with the probabilities and the label that genmodel gives.

    `hex.genmodel.GenModel.correctProbabilities` and `getPrediction`: of two classes the second from the model's
    default_threshold on, the one of the largest F1 in training. Of more the most probable; of equal ones genmodel draws
    one, by a hash of the row's numbers, and a program takes the first.
    """
    if document.settings.boolean("balance_classes"):
        result = _corrected(document, result, writer)
    if len(document.output.classes) != _TWO:
        return result
    result = thresholded(result, document.settings.number("default_threshold"), writer)
    return calibrated(document, result, writer) if document.target == "calibrated" else result


def thresholded(result: Result, threshold: float, writer: Writer) -> Result:
    """The label of the second class from a probability on; where that is NaN there is no score."""
    if not isfinite(threshold):
        raise NotAProgramError("model.ini", f"has default_threshold = {threshold}")
    # The same steps as those of the outputs, told apart from them so that reasons are about sums and not about these.
    probability = writer.outputs(replace(result, tolerance=None))[1]
    return replace(result, decide=[constant(threshold, probability, writer), probability], tie="last")


def _corrected(document: MojoDocument, result: Result, writer: Writer) -> Result:
    """The probabilities as if classes were as frequent as in the data, and not as in the sample."""
    prior = document.settings.numbers("prior_class_distrib")
    sampled = document.settings.numbers("model_class_distrib")
    classes = len(document.output.classes)
    if len(prior) != classes or len(sampled) != classes:
        raise NotAProgramError("model.ini", "does not say how frequent each class was")
    weighted = []
    for register, is_, was in zip(writer.outputs(result), prior, sampled, strict=True):
        ratio = is_ / was if is_ and was else 1.0
        if not (isfinite(ratio) and ratio >= 0):
            raise NotAProgramError("model.ini", "has frequencies of classes that are none")
        weighted.append(writer.add({"step": "affine", "of": register, "multiply": ratio}))
    return over_sum(weighted, writer)


def over_sum(registers: list[int], writer: Writer) -> Result:
    """Numbers divided by their sum; where that is 0, 0 as they are."""
    total = writer.linear(registers, [1.0] * len(registers))
    if writer.range(total).low > 0:
        return Result(registers, "normalize")
    if any(writer.range(each).low < 0 for each in registers):
        raise NotAProgramError("the trees", "add up to a negative number for a class")
    parts = [writer.add({"step": "ratio", "of": [each, total]}) for each in registers]
    return Result([writer.add({"step": "fill", "of": each, "with": 0.0}) for each in parts], "identity")
