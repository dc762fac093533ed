"""The segments of a mining model, and how what they give becomes one prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .models import OTHERS
from .predicates import PREDICATES
from .targets import has_default, target_of

if TYPE_CHECKING:
    from .fields import Scope
    from .xml import Element

MOST_SEGMENTS = 20_000
METHODS = (
    "sum", "weightedSum", "average", "weightedAverage", "median", "weightedMedian", "majorityVote",
    "weightedMajorityVote", "modelChain", "selectFirst",
)  # fmt: skip
VOTES = ("majorityVote", "weightedMajorityVote")
AVERAGES = ("average", "weightedAverage")
CHAINS = ("modelChain", "selectFirst")
_TREATMENTS = ("continue", "skipSegment", "returnMissing")


@dataclass(frozen=True, eq=False)
class Segment:
    """A segment.

    Attributes:
        element: where it stands.
        model: its model.
        weight: how much it counts, where that matters.
        is_always: whether its predicate is True.
    """

    element: Element
    model: Element
    weight: float
    is_always: bool


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a mining model is made of.

    Attributes:
        model: the mining model.
        element: the Segmentation.
        function: of the model.
        method: how predictions become one.
        treatment: of segments without a prediction.
        threshold: how large a part of the segments may be skipped.
        segments: them.
    """

    model: Element
    element: Element
    function: str
    method: str
    treatment: str
    threshold: float
    segments: tuple[Segment, ...]

    @property
    def weighs(self) -> bool:
        """Whether weights count."""
        return self.method.startswith("weighted")

    def weight(self, segment: Segment) -> float:
        """How much a segment counts."""
        return segment.weight if self.weighs else 1.0


def segmentation_of(model: Element, scope: Scope) -> Segmentation:
    """The segments of a mining model.

    Raises:
        NotAProgramError: it says what is not supported, or what the evaluator refuses.
    """
    function = model.choice("functionName", None, ("classification", "regression"))
    element = model.one("Segmentation")
    method = element.choice("multipleModelMethod", None, METHODS)
    local = element.first("LocalTransformations")
    if local is not None and local.children:
        raise local.refused("are of a Segmentation, which the evaluator does not take")
    if model.first("Regression", "DecisionTree") is not None:
        raise model.refused("has models beside its Segmentation, which is not supported")
    segments = tuple(_segment(each, function if method != "modelChain" else None) for each in element.all("Segment"))
    if not 1 <= len(segments) <= MOST_SEGMENTS:
        raise element.refused(f"has {len(segments):,} segments: 1 to {MOST_SEGMENTS:,} are read")
    treatment = element.choice("missingPredictionTreatment", "continue", _TREATMENTS)
    threshold = element.number("missingThreshold", 1.0)
    if not 0 <= threshold <= 1:
        raise element.refused("has a missingThreshold that is not from 0 to 1")
    found = Segmentation(model, element, function, method, treatment, threshold, segments)
    _require_fit(found, scope)
    return found


def _require_fit(found: Segmentation, scope: Scope) -> None:
    by_value = ("sum", "weightedSum", "weightedMedian", "median")
    if found.method in (VOTES if found.function == "regression" else by_value):
        raise found.element.refused(f"has the multipleModelMethod {found.method!r} in a {found.function}")
    if found.treatment == "skipSegment" and found.method == "modelChain":
        raise found.element.refused("skips segments of a modelChain, which the evaluator does not")
    if found.threshold < 1 and found.treatment == "continue":
        raise found.element.refused("has a missingThreshold without skipSegment, which is not supported")
    if found.method in CHAINS and scope.model.first("Targets") is not None and has_default(target_of(scope)):
        raise scope.model.one("Targets").refused("has TargetValues of a chain of models, which is not supported")


def _segment(element: Element, function: str | None) -> Segment:
    if element.first("VariableWeight") is not None:
        raise element.one("VariableWeight").refused("is not supported")
    predicate, model = element.one(*PREDICATES), element.one(*OTHERS)
    if function is not None and model.get("functionName") != function:
        raise model.refused(f"has another functionName than the mining model, {function!r}")
    weight = element.number("weight", 1.0)
    if weight < 0:
        raise element.refused("has a negative weight")
    return Segment(element, model, weight, predicate.tag == "True")
