"""What a fitted estimator is, learnt by asking it: its contract, and what it gives for example rows."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pgscore_runtime.artifact import installed_version
from pgscore_runtime.contract import Contract, Input
from threadpoolctl import threadpool_limits

from pgscore.errors import PgscoreError

from .examples import Block, Change, ask, ask_sample, is_row_by_row, varied
from .fitted import (
    booster_versions,
    categories_of_a_booster,
    fitted_categories,
    native_categories,
    numbers_of_a_booster,
)
from .handover import hand_over, input_types, without_values
from .oracle import Oracle, output_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pgscore_runtime.contract import InputType

    from .examples import Answer
    from .fitted import Categories
    from .profile import Profile

_LIBRARIES = ("scikit-learn", "numpy", "scipy", "joblib", "pandas")
_MOST_TEXTS = 60
# Of a wide model the first inputs': the estimator is asked for each that it refuses.
_MOST_EDGES = 300
# So many rows are tried before it counts as refusing all.
_MOST_TRIED = 10
_COMPARED = 200


@dataclass(frozen=True)
class GoldenRow:
    """An example.

    Attributes:
        inputs: values by name, None for NULL, numbers also as the texts ``Infinity`` and ``-Infinity``.
        expected: the score that the fitted estimator gave; None where it refuses.
        outputs: all that it gave: the classes' probabilities and the label's position, or the value; None likewise.
        scale: the sum of the absolute terms of the score, where it is a sum, by which a difference is measured.
    """

    inputs: dict[str, Any]
    expected: float | None
    outputs: list[float] | None
    scale: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The row, with scores that JSON has no numbers for as the texts ``Infinity`` and ``-Infinity``."""
        return {
            "inputs": self.inputs,
            "expected": _jsonable(self.expected),
            "outputs": None if self.outputs is None else [_jsonable(value) for value in self.outputs],
            "scale": self.scale,
        }


def describe(
    estimator: Any,  # noqa: ANN401
    sample: pd.DataFrame,
    positive: object | None = None,
    kind: str = "joblib",
    types: tuple[str, ...] = (),
    *,
    profile: Profile | None = None,
    source: str = "the golden rows",
    framed: bool = True,
    sampled: bool = False,
) -> tuple[Contract, list[GoldenRow]]:
    """The contract of an estimator, and golden rows: the sample's, and edge cases.

    The estimator is asked about values as the database hands them over. The edge cases vary a row that it accepts, one
    input at a time: missing, infinite, larger than float32 holds, a text that was never seen, and each of the texts
    that the sample holds.

    Args:
        estimator: fitted; anything with ``predict``.
        sample: rows x inputs, in the order of `fitted.input_names`, of any dtypes.
        positive: the label of the positive class; without it, the second of two classes.
        kind: the format that its artifact is stored in.
        types: what a skops artifact asks for.
        profile: the table that holds the inputs, if there is one.
        source: where the sample comes from, for messages.
        framed: whether an estimator that knows no names is asked with frames first, or with arrays.
        sampled: whether the sample is the table's, and so does not show what the estimator was fitted on.

    Raises:
        PgscoreError: the sample has a column that cannot be an input, or one that does not fit the table or what the
            estimator was fitted on; the estimator refuses all of it; a booster has cut its categories' names; or there
            are more than two classes and none is named.
    """
    # One thread, as in the database: for few rows, threads wait for each other longer than they work.
    with threadpool_limits(1):
        return _describe(
            estimator, sample, positive, kind, types, profile=profile, source=source, framed=framed, sampled=sampled
        )


def _describe(
    estimator: Any,  # noqa: ANN401
    sample: pd.DataFrame,
    positive: object | None,
    kind: str,
    types: tuple[str, ...],
    *,
    profile: Profile | None,
    source: str,
    framed: bool,
    sampled: bool,
) -> tuple[Contract, list[GoldenRow]]:
    sample = sample.set_axis([str(name) for name in sample.columns], axis=1)
    categories = fitted_categories(estimator, list(sample.columns))
    wanted = input_types(sample, source, categories, profile)
    known = native_categories(estimator, list(sample.columns))
    _refuse_kinds(estimator, wanted, source)
    oracle = Oracle(estimator, output_of(estimator, positive), framed=framed, known=known)
    handed = hand_over(sample, wanted, oracle.nothing, profile.padded if profile else None)
    template = _template(oracle, handed, source, profile)
    _check_given(oracle, sample, handed, source, profile)
    if sampled and profile is not None:
        _check_known(handed, categories, profile)
        texts = [name for name, each in wanted.items() if each == "text" and name not in categories]
        _refuse_numbers(oracle, handed, template, texts, profile)

    examples = _Examples(oracle, handed, alone=not is_row_by_row(estimator))
    inputs = examples.add_edges(template, wanted)
    golden_rows = examples.golden_rows(inputs)
    contract = Contract(
        format=kind,
        inputs=inputs,
        frame=_needs_frame(examples, inputs, golden_rows),
        missing_text=oracle.missing_text,
        output=oracle.output,
        libraries=_libraries(estimator),
        types=types,
        categorical=oracle.categorical,
        known=known,
    )
    return contract, golden_rows


class _Examples:
    """The rows that the estimator is asked for: those that were given, then edge cases.

    Args:
        oracle: the estimator.
        given: rows x inputs, as the database hands them over.
        alone: whether it is asked for each edge case alone.
    """

    def __init__(self, oracle: Oracle, given: pd.DataFrame, *, alone: bool) -> None:
        self.oracle = oracle
        self.given = given
        self._alone = alone
        self._blocks: list[Block] = []
        self._answers: dict[int, Answer] = {}

    def add_edges(self, template: pd.DataFrame, types: Mapping[str, InputType]) -> tuple[Input, ...]:
        """Adds what a row gives when one of its inputs is missing or otherwise; says which of them may be missing."""
        nothing = self.oracle.nothing
        without = [Change(name, None, kind) for name, kind in types.items()]
        blocks = varied(template, without[:_MOST_EDGES], nothing)
        answers = ask(self.oracle, blocks, alone=self._alone)
        others = varied(template, without[_MOST_EDGES:], nothing, _MOST_EDGES)
        nullable = answers | ask(self.oracle, others, alone=self._alone)
        inputs = tuple(
            Input(name, kind, nullable=nullable[place] is not None) for place, (name, kind) in enumerate(types.items())
        )
        edges = [Change(each.name, value, each.type) for each in inputs for value in edge_values(each, self.given)]
        last = varied(template, edges[:_MOST_EDGES], nothing, len(answers))
        self._blocks = blocks + last
        self._answers = answers | ask(self.oracle, last, alone=self._alone)
        return inputs

    def golden_rows(self, inputs: Sequence[Input], *, framed: bool | None = None) -> list[GoldenRow]:
        """What the estimator gives for each; asked with frames or with arrays, where that is named."""
        sample = _askable(self.given, inputs)
        together = iter(ask_sample(self.oracle, self.given[sample], framed=framed, alone=self._alone))
        given = [next(together) if each else None for each in sample]
        golden_rows = _golden_rows(self.oracle, inputs, self.given, given)
        answers = self._answers if framed is None else self._ask_again(inputs, framed=framed)
        edges: dict[int, GoldenRow] = {}
        for block in self._blocks:
            found = _golden_rows(self.oracle, inputs, block.frame, [answers.get(place) for place in block.places])
            edges.update(zip(block.places, found, strict=True))
        return golden_rows + [edges[place] for place in sorted(edges)]

    def _ask_again(self, inputs: Sequence[Input], *, framed: bool) -> dict[int, Answer]:
        blocks = []
        for block in self._blocks:
            asked = _askable(block.frame, inputs)
            places = tuple(place for place, each in zip(block.places, asked, strict=True) if each)
            blocks.append(Block(block.frame[asked], places))
        return ask(self.oracle, blocks, framed=framed, alone=self._alone)


def _needs_frame(examples: _Examples, inputs: tuple[Input, ...], golden_rows: list[GoldenRow]) -> bool:
    """Whether an array without names, which costs far less for one row, does not give the same."""
    oracle = examples.oracle
    if oracle.categorical:
        # Only frames hold categories: in an array XGBoost takes the text '1.0' for the number, which is another code.
        return True
    answered = [n for n, row in enumerate(golden_rows[: len(examples.given)]) if row.expected is not None]
    rows = examples.given.iloc[answered[:_COMPARED]]
    # An array without texts holds booleans as numbers.
    plain = rows if any(each.is_text for each in inputs) else rows.astype(np.float64)
    refused = not oracle.framed or rows.empty or oracle.refusal(plain, framed=False) is not None
    if refused or not oracle.alike(rows, plain):
        return oracle.framed
    if all(each.type == "double precision" for each in inputs):
        return False
    # An array of objects may be checked otherwise than the columns of a frame.
    return examples.golden_rows(inputs, framed=False) != golden_rows


def _template(oracle: Oracle, handed: pd.DataFrame, source: str, profile: Profile | None) -> pd.DataFrame:
    """A row that the estimator accepts, with as few missing values as can be."""
    gaps = handed.isna().sum(axis=1).to_numpy()
    order = np.argsort(gaps, kind="stable")
    reasons = []
    for position in order[:_MOST_TRIED]:
        row = handed.iloc[[position]].reset_index(drop=True)
        oracle.choose_form(row)
        reason = oracle.refusal(row)
        if reason is None:
            return row
        reasons.append(reason)
    if gaps[order[0]] == 0:
        raise PgscoreError(
            f"the estimator refuses a row without missing values of {source}: {reasons[0]}"
            f"{_told(handed, reasons[0], profile)}"
        )
    empty = without_values(handed, handed.columns)
    if empty:
        what = f"{', '.join(empty)} {'has' if len(empty) == 1 else 'have'} no value in any of {source}"
    else:
        missing = handed.isna().sum()
        what = f"none of the {len(handed)} in {source} is complete: " + ", ".join(
            f"{name} is missing in {count}" for name, count in missing[missing > 0].items()
        )
    raise PgscoreError(
        f"there is no row without missing values, and the estimator accepts none with them: {what} ({reasons[0]})",
        "Give rows with values there (--golden FILE.csv); or fill the column first, by a default or a binding; or"
        " have the model accept missing values.",
    )


def _told(handed: pd.DataFrame, reason: str, profile: Profile | None) -> str:
    """Which column it is that is read as numbers and holds texts, where the reason shows the text."""
    for name in handed.columns:
        if "string to float" in reason and handed[name].dtype == object:
            text = next((each for each in handed[name] if isinstance(each, str) and repr(each) in reason), None)
            if text is not None:
                return f" (column {name}{f', {profile.declared[name]},' if profile else ''} holds it)"
    return ""


def _check_given(
    oracle: Oracle, sample: pd.DataFrame, handed: pd.DataFrame, source: str, profile: Profile | None
) -> None:
    """That the rows, as they were given, get the scores that they get as the database hands them over."""
    chosen = np.flatnonzero(handed.notna().all(axis=1).to_numpy())[:_COMPARED]
    given = sample.iloc[chosen].reset_index(drop=True)
    rows = handed.iloc[chosen].reset_index(drop=True)
    # A char(n) was given as people write it.
    padded = {name: rows[name] for name in (profile.padded if profile else {}) if name in rows}
    if len(chosen):
        oracle.check_as_given(given.assign(**padded), rows, source)


def _check_known(handed: pd.DataFrame, categories: Mapping[str, Categories], profile: Profile) -> None:
    """Refuses a table in which an encoder knows not one of a column's values: '1' where '1.0' was fitted, say."""
    for name, learnt in categories.items():
        values = handed[name].dropna()
        if len(values) and not set(values) & set(learnt.values):
            raise PgscoreError(
                f"no value of column {name} of {profile.name} is known to the model, which was fitted on"
                f" {learnt.words()}; the column holds {values.iloc[0]!r}",
                "If they are meant to be unknown, give rows of what it was fitted on (--golden FILE.csv).",
            )


def _refuse_kinds(estimator: Any, wanted: dict[str, InputType], source: str) -> None:  # noqa: ANN401
    """Refuses texts where a booster was fitted on numbers, and numbers where one takes texts for categories."""
    texts = [name for name in numbers_of_a_booster(estimator, list(wanted)) if wanted[name] == "text"]
    if texts:
        raise PgscoreError(
            f"column {texts[0]} of {source} is text, and the model was fitted on numbers there",
            "Give the numbers, or the codes of categories, that it was fitted on.",
        )
    numbers = [name for name in categories_of_a_booster(estimator, list(wanted)) if wanted[name] == "double precision"]
    if numbers:
        raise PgscoreError(
            f"column {numbers[0]} of {source} is a number, and CatBoost refuses a double for a category",
            "Cast it to text: in a view that --profile names, and in golden rows. A category 7 is the text '7', too.",
        )


def _refuse_numbers(
    oracle: Oracle, handed: pd.DataFrame, template: pd.DataFrame, texts: list[str], profile: Profile
) -> None:
    """Refuses texts that the estimator reads as numbers, as scikit-learn does where they look like some."""
    rows = handed.dropna().head(_COMPARED)
    for name in texts if len(rows) else ():
        numbers = pd.to_numeric(rows[name], errors="coerce")
        if numbers.isna().any():
            continue
        (strange,) = varied(template, [Change(name, "never seen", "text")], oracle.nothing)
        if oracle.refusal(strange.frame) is None:
            continue
        changed = rows.assign(**{name: numbers.astype(np.float64)})
        if oracle.refusal(changed) is None and np.array_equal(oracle.scores(changed), oracle.scores(rows)):
            raise PgscoreError(
                f"column {name} of {profile.name} is {profile.declared[name]}, and the model reads it as numbers",
                "Name a view in --profile that makes a number of it; or, where the model was fitted on such texts, give"
                " rows of what it was fitted on (--golden FILE.csv).",
            )


def edge_values(described: Input, handed: pd.DataFrame) -> list[Any]:
    """Values of an input that are tried beside those of the rows: infinite, past float32, never seen, each text."""
    if described.type == "double precision":
        return [np.inf, -1e39, 0.0]
    if described.type == "boolean":
        return [True, False]
    texts = sorted(handed[described.name].dropna().unique())
    return [*texts[:_MOST_TEXTS], "", "never seen"]


def _askable(frame: pd.DataFrame, inputs: Sequence[Input]) -> np.ndarray:
    """Which rows have all that the estimator does not do without."""
    found: np.ndarray = frame[[each.name for each in inputs if not each.nullable]].notna().all(axis=1).to_numpy()
    return found


def _golden_rows(
    oracle: Oracle, inputs: Sequence[Input], frame: pd.DataFrame, answers: Sequence[Answer]
) -> list[GoldenRow]:
    columns = [plain_values(frame[each.name]) for each in inputs]
    golden_rows = []
    for outputs, *values in zip(answers, *columns, strict=True):
        given = {each.name: value for each, value in zip(inputs, values, strict=True)}
        if outputs is None or np.isnan(outputs).any():
            golden_rows.append(GoldenRow(given, None, None))
        else:
            golden_rows.append(GoldenRow(given, float(oracle.score_of(outputs[np.newaxis])[0]), outputs.tolist()))
    return golden_rows


def plain_values(values: pd.Series[Any]) -> list[Any]:
    """A column's values as golden rows have them: None where one is missing, texts for infinities."""
    missing = values.isna().tolist()
    return [None if gone else _jsonable(value) for value, gone in zip(values.tolist(), missing, strict=True)]


def _jsonable(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, float) and np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _libraries(estimator: Any) -> dict[str, str]:  # noqa: ANN401
    versions = {name: installed_version(name) for name in _LIBRARIES}
    found = {name: version for name, version in versions.items() if version is not None}
    return {"python": platform.python_version(), **found, **booster_versions(estimator)}
