"""A bundle that answers: score, predict, explain and reduce, as the database does."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore_runtime.errors import Refusal
from pgscore_runtime.interpreter import Interpreter

from pgscore.errors import PgscoreError

from .opened import HINT, as_malformed
from .payload import arrays, shown_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pgscore_runtime.reasons import Explainer

    from pgscore.vector.scorer import Scorer

    from .opened import Golden, Opened
    from .reducing.binding import Binding

    Row = Mapping[str, Any]

_LARGEST_DIFFERENCE = 1e307
# So many rows are walked before what makes later ones fast is prepared, as in the database.
_FIRST_ROWS = 8


class Contribution(NamedTuple):
    """What an input adds to a score.

    Attributes:
        input: its name; None for the base, what the score is before any input has added to it.
        value: what the row has there, as text; None where it is missing.
        contribution: what it adds in the space of the link (log-odds, log, the value itself).
    """

    input: str | None
    value: str | None
    contribution: float


class Bundle:
    """A version, ready to answer; `load` makes it.

    Rows are mappings of the inputs' names to their values: numbers, decimals, booleans, texts, None.

    Attributes:
        model: the model's name.
        version: the version's number.
        inputs: the names of the inputs, in the contract's order.
        bindings: the names of the bindings that it holds.
        sha256: of what it says.
        key_id: the key whose signature it carries, or None. It was checked where `load` was told to want it.
    """

    def __init__(self, found: Opened) -> None:
        """Makes a bundle ready that was opened.

        Raises:
            PgscoreError: a golden row gives anything else than the fitted estimator gave.
        """
        self.model, self.version = found.model, found.version
        self.sha256, self.key_id = found.sha256, found.key_id
        self._found = found
        self._inputs = found.program.inputs
        self.inputs = tuple(each.name for each in self._inputs)
        self._bindings = _bindings(found)
        self.bindings = tuple(self._bindings)
        self._explainer: Explainer | None = None
        # The rows are walked without preparing what pays where many follow: who scores one is not to wait for that.
        self._interpreter = Interpreter(found.program, first_rows=len(found.golden))
        for position, golden in enumerate(found.golden, start=1):
            self._check(golden, position)
        self._interpreter = Interpreter(found.program, _FIRST_ROWS)

    def prepare(self) -> None:
        """Makes ready for many rows, which otherwise comes after the first few: so none of them waits for it."""
        self._interpreter = Interpreter(self._found.program)
        texts = sum(each.is_text for each in self._inputs)
        self._interpreter.score([None] * (len(self._inputs) - texts), [None] * texts, self._found.positive)

    def score(self, row: Row) -> float | None:
        """The score, as `pgscore.score` gives it for a row as JSON; None where it gives NULL.

        Raises:
            PgscoreError: an input is not there, or of another type.
        """
        return self._interpreter.score(*arrays(self._inputs, row), self._found.positive)

    def score_many(self, rows: Iterable[Row]) -> list[float | None]:
        """The scores of rows. Where there are many, and numpy is there, `scorer` is faster.

        Raises:
            PgscoreError: as `score` does.
        """
        return [self.score(row) for row in rows]

    def reason(self, row: Row) -> str | None:
        """Why the model refuses a row; None where it has a score, or an input is missing.

        Raises:
            PgscoreError: as `score` does.
        """
        return self._interpreter.outputs(*arrays(self._inputs, row))[1]

    def predict(self, row: Row) -> dict[str, Any] | None:
        """What `pgscore.predict` says: version, label and class probabilities, or version and value.

        Raises:
            PgscoreError: as `score` does.
        """
        return self._prediction(self._labelled(self._interpreter.outputs(*arrays(self._inputs, row))[0]))

    def explain(self, row: Row) -> list[Contribution]:
        """What each input adds to the score, the strongest first, after the base; empty where there is no score.

        Raises:
            PgscoreError: as `score` does; or the version cannot be explained.
        """
        if self._explainer is None:
            from pgscore_runtime.reasons import Explainer

            try:
                self._explainer = Explainer(self._found.program, self._found.positive)
            except Refusal as refusal:
                raise PgscoreError(
                    f'model "{self.model}" version {self.version} cannot be explained: {refusal.message}',
                    "docs/guide/explaining.md says which models can.",
                ) from None
        reasons = self._explainer.reasons(*arrays(self._inputs, row))
        if reasons is None:
            return []
        each = [
            Contribution(name, shown_value(row, name), added) for name, added in zip(self.inputs, reasons, strict=False)
        ]
        # NaN is the largest, as in SQL.
        each.sort(key=lambda one: -abs(one.contribution) if one.contribution == one.contribution else -inf)
        return [Contribution(None, None, reasons[-2]), *each]

    def reduce(
        self,
        profile: Row,
        events: Iterable[Row],
        *,
        binding: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """The profile as the triggers of a binding would leave it after these events: docs/guide/reduce.md.

        Args:
            profile: its columns, which are not changed.
            events: inserted ones, in their order.
            binding: the binding's name; None: the only one.
            columns: which of its columns to move; the others are not in what comes back. None: all.

        Raises:
            PgscoreError: there is no such binding, a value is none of its column's type, or the profile alone does not
                tell what a column would be.
        """
        return self._binding(binding).reduce(profile, events, columns)

    def _binding(self, name: str | None) -> Binding:
        if not self._bindings:
            raise PgscoreError(
                f"the bundle of model {self.model!r} holds no binding, so nothing says what events do",
                f"Make it with one: pgscore bundle {self.model} --binding EVENTS:PROFILE",
            )
        if name is None and len(self._bindings) > 1:
            raise PgscoreError("the bundle holds several bindings", f"Name one of {', '.join(self.bindings)}.")
        found = self._bindings.get(self.bindings[0] if name is None else name)
        if found is None:
            raise PgscoreError(f"the bundle holds no binding {name}", f"It holds {', '.join(self.bindings)}.")
        return found

    def scorer(self) -> Scorer:
        """What scores whole frames of pandas with numpy, many thousands of rows a second.

        Raises:
            PgscoreError: numpy or pandas is missing.
        """
        import json

        from pgscore.vector.fetching import FetchedVersion
        from pgscore.vector.scorer import Scorer

        document = self._found.document
        return Scorer(
            FetchedVersion(self.model, self.version, json.dumps(document["contract"]), json.dumps(document["program"]))
        )

    def _labelled(self, outputs: list[float] | None) -> list[float] | None:
        """All outputs, and the position of the label behind them; of a value it alone. None where one is NaN."""
        if outputs is None or any(each != each for each in outputs):  # noqa: PLR0124  NaN
            return None
        if self._found.kind == "value":
            return outputs
        count = len(self._found.labels)
        decide = outputs[count:] or outputs
        largest = max(decide)
        if self._found.program.tie == "first":
            position = decide.index(largest)
        else:
            position = count - 1 - decide[::-1].index(largest)
        return [*(outputs[:count] if self._found.kind == "probability" else ()), position]

    def _prediction(self, outputs: list[float] | None) -> dict[str, Any] | None:
        if outputs is None:
            return None
        if self._found.kind == "value":
            return {"version": self.version, "value": outputs[0]}
        labels = self._found.labels
        said = {"version": self.version, "label": list(labels.values())[int(outputs[-1])]}
        if self._found.kind == "probability":
            said["probabilities"] = dict(zip(labels, outputs, strict=False))
        return said

    def _check(self, golden: Golden, position: int) -> None:
        numbers, texts = arrays(self._inputs, golden.inputs)
        given_outputs, _ = self._interpreter.outputs(numbers, texts)
        score = None if given_outputs is None else given_outputs[self._found.positive]
        score = None if score != score else score  # noqa: PLR0124  NaN
        outputs = self._labelled(given_outputs)
        if score == golden.expected and outputs == golden.outputs:
            return
        differences = [_distance(golden.expected, score)]
        if golden.outputs is not None:
            given: Sequence[float | None] = outputs or [None] * len(golden.outputs)
            if len(given) != len(golden.outputs):
                differences.append(inf)
            differences += [_distance(one, other) for one, other in zip(golden.outputs, given, strict=False)]
        worst = max(differences)
        allowed = self._found.tolerance * max(1.0, abs(golden.expected or 0.0), golden.scale)
        if worst == 0 or (worst < inf and worst <= allowed):
            return
        raise PgscoreError(
            f"the bundle of model {self.model!r} version {self.version} is refused: golden row {position} gives {score}"
            f" here, and the fitted estimator gave {golden.expected}; {worst:g} apart, and {allowed:g} is allowed",
            "Evaluate it where it was made, and report the difference: it is a bug.",
        )


def _bindings(found: Opened) -> dict[str, Binding]:
    if not found.bindings:
        return {}
    # Only where there are some: the module knows times and decimals.
    from .reducing.binding import Binding

    try:
        read = [Binding(each, f"bindings[{n}]") for n, each in enumerate(found.bindings)]
    except Refusal as refusal:
        raise as_malformed(refusal) from None
    if len({each.name for each in read}) != len(read):
        raise PgscoreError("the bundle is refused: it has two bindings of one name", HINT)
    return {each.name: each for each in read}


def _distance(one: float | None, other: float | None) -> float:
    if one == other:
        return 0.0
    if one is None or other is None or inf in (abs(one), abs(other)):
        return inf
    if (one < 0) != (other < 0) and max(abs(one), abs(other)) > _LARGEST_DIFFERENCE:
        return inf
    return abs(one - other)
