"""The contract of a version: inputs, output, and the libraries that it was fitted with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

from .errors import INVALID_PARAMETER, Refusal

InputType = Literal["double precision", "text", "boolean"]
OutputKind = Literal["probability", "indicator", "value"]
Algorithm = Literal["pointsAbove", "pointsBelow"]
Label = str | int | float | bool

_INPUT_TYPES = ("double precision", "text", "boolean")
# Ten thousand trees that are added in single precision.
_LARGEST_TOLERANCE = 1e-2
# What contracts of the first release did not know.
_LATER = ("tolerance", "categorical", "known", "hashed", "graph_output", "reason_codes")
_OUTPUT_KINDS = ("probability", "indicator", "value")
_ALGORITHMS = ("pointsAbove", "pointsBelow")


@dataclass(frozen=True)
class Input:
    """One input of a model, named after the feature.

    Attributes:
        name: the feature's name, and the profile column's.
        type: the PostgreSQL type that the value is handed over in.
        nullable: whether the estimator accepts a missing value here.
    """

    name: str
    type: InputType
    nullable: bool

    @property
    def is_text(self) -> bool:
        """Whether the value travels in the array of texts rather than in that of numbers."""
        return self.type == "text"


@dataclass(frozen=True)
class Output:
    """What the score is.

    Attributes:
        kind: ``probability`` of the positive class (``predict_proba``), ``indicator`` (1 where ``predict`` gives the
            positive class, else 0: classifiers without probabilities), or ``value`` (``predict`` of anything else).
        classes: the labels in the estimator's order; empty for a value.
        positive: the position of the positive class in ``classes``; None for a value.
    """

    kind: OutputKind
    classes: tuple[Label, ...] = ()
    positive: int | None = None

    @property
    def width(self) -> int:
        """How many numbers say all: the classes' probabilities and the label's position; the position; a value."""
        return len(self.classes) + 1 if self.kind == "probability" else 1


@dataclass(frozen=True)
class Characteristic:
    """One of a scorecard's parts, each of which adds points to one reason code.

    Attributes:
        partial: the register of the program that holds its partial score.
        baseline: the partial score from which points count.
        by: the register whose number says which code it is; None: there is but one.
        keys: the numbers that this register may hold, sorted.
        codes: for each of them a reason code; without `by` a single one.
    """

    partial: int
    baseline: float
    by: int | None
    keys: tuple[float, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True)
class ReasonCodes:
    """Where a scorecard's reason codes come from.

    Attributes:
        algorithm: whether points are the partial score above the baseline, or below it.
        characteristics: in the order in which points are added, and equals are ranked.
    """

    algorithm: Algorithm
    characteristics: tuple[Characteristic, ...]


@dataclass(frozen=True)
class Contract:
    """Everything that is needed to call a version, and that its signature covers beside the artifact.

    Attributes:
        format: how the artifact is stored, ``joblib``, ``pickle``, ``skops``, as a booster's own file, or as another
            tool's: ``onnx``, ``pmml``, ``mojo``.
        inputs: in the order in which the estimator was fitted.
        frame: whether the estimator needs a DataFrame with column names; an array serves otherwise.
        missing_text: what the estimator knows a missing text as, ``nan`` (pandas' way) or ``none``.
        output: what the score is.
        libraries: the versions it was fitted with, by distribution name, ``python`` among them.
        types: what a skops artifact makes beside the types that skops itself trusts, sorted.
        tolerance: how far scores may be from the estimator's, as a part of the larger of 1, the score, and the sum of
            its absolute terms, where the estimator adds in single precision; None: 1e-12.
        categorical: whether the estimator knows texts as pandas' categories, and not as objects.
        known: by input, the only categories that are no mistake, where the estimator would take others for one of them.
        hashed: by input, the texts whose hashes the estimator tests, where it holds hashes alone: its program has them
            from golden rows, and with other ones it is another version.
        graph_output: the output of an ONNX graph that was chosen, where it has several; else None.
        reason_codes: where the reason codes of a scorecard come from; None: it has none.
    """

    format: str
    inputs: tuple[Input, ...]
    frame: bool
    missing_text: Literal["nan", "none"]
    output: Output
    libraries: dict[str, str]
    types: tuple[str, ...] = ()
    tolerance: float | None = None
    categorical: bool = False
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    hashed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    graph_output: str | None = None
    reason_codes: ReasonCodes | None = None

    @property
    def numbers(self) -> tuple[Input, ...]:
        """The inputs that travel in the array of numbers, booleans as 0 and 1 among them."""
        return tuple(each for each in self.inputs if not each.is_text)

    @property
    def texts(self) -> tuple[Input, ...]:
        """The inputs that travel in the array of texts."""
        return tuple(each for each in self.inputs if each.is_text)

    def to_json(self) -> str:
        """The canonical text: keys sorted, no blanks, so that equal contracts have equal bytes."""
        # What says nothing stays out, as signatures of former releases cover such texts.
        stated = {name: value for name, value in asdict(self).items() if name not in _LATER or value}
        return json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def signed_message(self, artifact_sha256: str) -> bytes:
        """The bytes that a signature covers, for an artifact with this hexadecimal sha256."""
        return f"pgscore artifact 1\n{artifact_sha256}\n{self.to_json()}".encode()

    def digest(self, artifact_sha256: str) -> str:
        """The hexadecimal sha256 that names artifact and contract together."""
        return hashlib.sha256(self.signed_message(artifact_sha256)).hexdigest()


def parse_contract(text: str) -> Contract:
    """Reads a contract from JSON.

    Raises:
        Refusal: the text is no JSON, or a part of it is missing or of the wrong type; the message names the part.
    """
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Refusal(INVALID_PARAMETER, f"the contract is not JSON: {error}") from None
    try:
        return _contract(found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refusal(INVALID_PARAMETER, f"the contract is malformed: {type(error).__name__}: {error}") from None


def _contract(found: dict[str, Any]) -> Contract:
    output = found["output"]
    if output["kind"] not in _OUTPUT_KINDS:
        raise ValueError(f"output.kind is {output['kind']!r}")
    classes = tuple(output["classes"])
    positive = output["positive"]
    if (positive is None) != (output["kind"] == "value"):
        raise ValueError("output.positive goes with a classifier, and only with one")
    if positive is not None and not (type(positive) is int and 0 <= positive < len(classes)):
        raise ValueError("output.positive is no position in output.classes")
    if found["missing_text"] not in ("nan", "none"):
        raise ValueError(f"missing_text is {found['missing_text']!r}")
    return Contract(
        format=str(found["format"]),
        inputs=tuple(_input(each) for each in found["inputs"]),
        frame=bool(found["frame"]),
        missing_text=found["missing_text"],
        output=Output(output["kind"], classes, positive),
        libraries={str(name): str(version) for name, version in found["libraries"].items()},
        types=tuple(str(name) for name in found["types"]),
        tolerance=_tolerance(found.get("tolerance")),
        categorical=bool(found.get("categorical", False)),
        known=_texts(found.get("known", {})),
        hashed=_texts(found.get("hashed", {})),
        graph_output=_name(found.get("graph_output")),
        reason_codes=_reason_codes(found.get("reason_codes")),
    )


def _reason_codes(found: Any) -> ReasonCodes | None:  # noqa: ANN401
    if found is None:
        return None
    if found["algorithm"] not in _ALGORITHMS:
        raise ValueError(f"reason_codes.algorithm is {found['algorithm']!r}")
    return ReasonCodes(found["algorithm"], tuple(_characteristic(each) for each in found["characteristics"]))


def _characteristic(found: dict[str, Any]) -> Characteristic:
    by = found["by"]
    keys, codes = tuple(float(key) for key in found["keys"]), tuple(found["codes"])
    if type(found["partial"]) is not int or not (by is None or type(by) is int):
        raise ValueError("reason_codes name what is no register")
    if len(codes) != (1 if by is None else len(keys)) or not all(isinstance(code, str) for code in codes):
        raise ValueError("reason_codes have other codes than keys")
    return Characteristic(found["partial"], float(found["baseline"]), by, keys, codes)


def _texts(found: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {str(name): tuple(map(str, texts)) for name, texts in found.items()}


def _name(found: Any) -> str | None:  # noqa: ANN401
    if found is not None and not (isinstance(found, str) and found):
        raise ValueError(f"graph_output is {found!r}")
    return found


def _tolerance(found: Any) -> float | None:  # noqa: ANN401
    if found is not None and not (type(found) is float and 0 < found <= _LARGEST_TOLERANCE):
        raise ValueError(f"tolerance is {found!r}")
    return found


def _input(found: dict[str, Any]) -> Input:
    if found["type"] not in _INPUT_TYPES:
        raise ValueError(f"input {found['name']!r} has type {found['type']!r}")
    return Input(str(found["name"]), cast("InputType", found["type"]), bool(found["nullable"]))
