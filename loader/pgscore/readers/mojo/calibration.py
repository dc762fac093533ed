"""Calibrated probabilities of two classes, where a model was trained with `calibrate_model`.

genmodel gives them beside its probabilities, and the label goes by those that are not calibrated
(hex.genmodel.algos.tree.CalibrationMojoHelper, EasyPredictModelWrapper.predictBinomial).
"""

from __future__ import annotations

import math
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pgscore.errors import NotAProgramError
from pgscore.readers.algebra.curves import piecewise
from pgscore.readers.writing.writer import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgscore.readers.writing.writer import Writer

    from .document import MojoDocument

_WHERE = "model.ini"
_TWO = 2


def calibrated(document: MojoDocument, result: Result, writer: Writer) -> Result:
    """The result with calibrated probabilities, and its own label."""
    method = document.settings.needed("calib_method")
    if method not in METHODS or result.decide is None:
        raise NotAProgramError(_WHERE, f"has calib_method = {method[:40]}, which a program cannot give")
    second = METHODS[method](document, writer.outputs(result), writer)
    first = writer.linear([second], [-1.0], 1.0)
    return Result([first, second], "identity", result.tie, decide=result.decide)


def _platt(document: MojoDocument, outputs: list[int], writer: Writer) -> int:
    """A logistic function of the first class's probability."""
    beta = document.settings.numbers("calib_glm_beta")
    if len(beta) != _TWO or not np.isfinite(beta).all():
        raise NotAProgramError(_WHERE, "does not have two numbers in calib_glm_beta")
    return writer.function(
        "expit", writer.add({"step": "affine", "of": outputs[0], "multiply": beta[0], "add": beta[1]})
    )


def _isotonic(document: MojoDocument, outputs: list[int], writer: Writer) -> int:
    """What the second class's probability is between thresholds, and at each of them (IsotonicRegressionUtils.score).

    A threshold that is there twice is where it jumps. At such a probability itself it is what Java's binary search
    comes upon.
    """
    least, most = (document.settings.number(f"calib_{end}_x") for end in ("min", "max"))
    at, values = (_doubles(document, f"calib/thresholds_{axis}") for axis in "xy")
    rising = all(one <= other for one, other in pairwise(at))
    if not (at and len(at) == len(values) and rising and at[0] <= least <= most <= at[-1]):
        raise NotAProgramError("calib/thresholds_x", "does not rise from the least to the largest probability")
    if len(set(at)) < len(at) and outputs[1] in writer.domains.inexact:
        raise NotAProgramError(
            "calib/thresholds_x", "jumps at probabilities that are computed otherwise in the last bits"
        )
    knots: list[float] = []
    pieces: list[list[float]] = [[values[0]]]
    for place, x in enumerate(at):
        if place + 1 < len(at) and at[place + 1] == x:
            continue
        slope = (values[place + 1] - values[place]) / (at[place + 1] - x) if place + 1 < len(at) else 0.0
        met = values[_searched(at, x)]
        if met != values[place]:
            # The probability alone, and what is behind it.
            knots.append(x)
            pieces.append([met])
        knots.append(x if met == values[place] else math.nextafter(x, math.inf))
        pieces.append([values[place], slope])
    if any(one >= other for one, other in pairwise(knots)):
        raise NotAProgramError("calib/thresholds_x", "has jumps at two doubles beside each other")
    within = writer.add({"step": "clip", "of": outputs[1], "minimum": least, "maximum": most})
    return piecewise(writer, within, knots, pieces)


def _searched(at: list[float], x: float) -> int:
    """Which of the places of a number java.util.Arrays.binarySearch finds."""
    low, high = 0, len(at) - 1
    while low <= high:
        middle = (low + high) >> 1
        if at[middle] == x:
            return middle
        low, high = (middle + 1, high) if at[middle] < x else (low, middle - 1)
    return low


def _doubles(document: MojoDocument, name: str) -> list[float]:
    """Doubles in big-endian order, their number before them."""
    content = document.archive.read(name)
    if len(content) < 4 or len(content) != 4 + 8 * struct.unpack_from(">i", content)[0]:  # noqa: PLR2004
        raise NotAProgramError(name, "is damaged: it is not as long as it says")
    found = np.frombuffer(content, dtype=">f8", offset=4)
    if not np.isfinite(found).all():
        raise NotAProgramError(name, "has a number that is not finite")
    return [float(each) for each in found]


METHODS: dict[str, Callable[[MojoDocument, list[int], Writer], int]] = {"platt": _platt, "isotonic": _isotonic}
