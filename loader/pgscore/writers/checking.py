"""Whether a file that was written says what its program says: on golden rows, and on rows made of them.

Of each input one golden row each is asked about in which it is missing, infinite either way, or a text that nobody
knows: where the format has such a value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import inf, isfinite, isnan, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.links import link_outputs

from pgscore.errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgscore_runtime.program import Program, ProgramInput

    from .source import SourceVersion

    Row = list[float | str | None]

ROUNDINGS = 1e-12
_UNKNOWN_TEXT = "a text that nobody knows"
# So many rows that are made of golden ones are enough, and are checked in a moment.
_MOST_MADE = 500


class Asked(NamedTuple):
    """A row that is asked about.

    Attributes:
        values: in the order of the inputs; None where missing.
        named: the same as golden rows have it.
        called: what sentences call it.
    """

    values: Row
    named: dict[str, Any]
    called: str


class Answers(NamedTuple):
    """What a file gives for rows.

    Attributes:
        numbers: for each row all numbers, NaN where there are none.
        labels: where the file gives some.
        errors: of the rows that whoever evaluated it refused, by their positions, why.
    """

    numbers: list[list[float]]
    labels: list[Any] | None
    errors: dict[int, str]


@dataclass(frozen=True)
class Checked:
    """What came of it.

    Attributes:
        rows: how many rows were compared.
        largest: the largest difference of a number, as a part of what is allowed to be different by 1e-12.
    """

    rows: int
    largest: float


def rows_of(source: SourceVersion, has: Callable[[ProgramInput, float | str | None], bool]) -> list[Asked]:
    """The rows that are asked about.

    Args:
        source: the version, with golden rows.
        has: whether the format has a value of an input, None for a missing one.
    """
    inputs = source.program.inputs
    golden = [[_value(each, row.inputs[each.name]) for each in inputs] for row in source.golden or []]
    asked = [(values, f"golden row {n}") for n, values in enumerate(golden, 1)]
    made = list(_made(inputs, golden)) if golden else []
    asked += made[:: 1 + len(made) // _MOST_MADE]
    return [
        Asked(values, {each.name: _jsonable(value) for each, value in zip(inputs, values, strict=True)}, called)
        for values, called in asked
        if all(has(each, value) for each, value in zip(inputs, values, strict=True))
    ]


def _made(inputs: Sequence[ProgramInput], golden: list[Row]) -> Iterator[tuple[Row, str]]:
    for position, each in enumerate(inputs):
        values: list[float | str | None] = [None]
        values += [_UNKNOWN_TEXT, ""] if each.is_text else [] if each.type == "boolean" else [inf, -inf, 0.0]
        for n, value in enumerate(values):
            number = (position + n) % len(golden)
            row = [*golden[number]]
            row[position] = value
            yield row, f"golden row {number + 1} with {each.name} {'missing' if value is None else repr(value)}"


def _value(each: ProgramInput, given: Any) -> float | str | None:  # noqa: ANN401
    if given is None or each.is_text:
        return given  # type: ignore[no-any-return]
    number = float(given)
    return None if isnan(number) else number


def _jsonable(value: float | str | None) -> float | str | None:
    if isinstance(value, float) and not isfinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def check(source: SourceVersion, asked: Sequence[Asked], answers: Answers, judge: str) -> Checked:
    """Compares what a file gives with what its program gives.

    Args:
        source: the version.
        asked: the rows.
        answers: what the file gives for them.
        judge: who evaluated the file.

    Raises:
        PgscoreError: a number, or a label, is another one; the message says of which row.
    """
    from pgscore.readers.writing.terms import absolute_terms, deciding_terms

    document = json.loads(source.text)
    named = [each.named for each in asked]
    outputs, decides = expected(source.program, asked)
    scales, deciding = absolute_terms(document, named), deciding_terms(document, named)
    numbers, labels, errors = answers
    largest = 0.0
    for n, row in enumerate(asked):
        allowed = ROUNDINGS * max(1.0, scales[n])
        for position, (found, wanted) in enumerate(zip(numbers[n], outputs[n], strict=True)):
            apart = _apart(found, wanted, allowed)
            if apart > 1:
                raise _other(source, row, position, found, wanted, judge, errors.get(n))
            largest = max(largest, apart * allowed)
        if labels is not None:
            _check_label(source, row, labels[n], decides[n], 2 * ROUNDINGS * max(1.0, scales[n], deciding[n]), judge)
    return Checked(len(asked), largest)


def _apart(found: float, wanted: float, allowed: float) -> float:
    """How far two numbers are apart, where 1 is what may be."""
    if found == wanted or (isnan(found) and isnan(wanted)) or not isfinite(allowed):
        # What overflows in one order of additions need not in another.
        return 0.0
    apart = abs(found - wanted) / (allowed * max(1.0, abs(wanted)))
    return inf if isnan(apart) else apart


def _other(
    source: SourceVersion, row: Asked, position: int, found: float, wanted: float, judge: str, error: str | None
) -> PgscoreError:
    classes = source.contract.output.classes
    of = f" for class {classes[position]}" if classes else ""
    given = f"refuses {row.called}{of} ({error})" if error else f"gives {found!r}{of} for {row.called}"
    return PgscoreError(
        f"{judge} {given}, and the program gives {wanted!r}: no file was written",
        f"The row is {json.dumps(row.named, ensure_ascii=False)}.",
    )


def _check_label(
    source: SourceVersion,
    row: Asked,
    label: object,
    decides: list[float],
    distance: float,
    judge: str,
) -> None:
    if any(map(isnan, decides)) or not isfinite(distance):
        return
    classes = source.contract.output.classes
    ranked = sorted(range(len(decides)), key=lambda n: decides[n], reverse=True)
    best = [n for n in ranked if decides[n] >= decides[ranked[0]] - distance]
    if len(best) > 1 and decides[best[0]] == decides[best[1]]:
        tied = sorted(n for n in ranked if decides[n] == decides[ranked[0]])
        best = [*best, tied[0] if source.program.tie == "first" else tied[-1]]
    if label not in [classes[n] for n in best]:
        raise PgscoreError(
            f"{judge} gives the label {label!r} for {row.called}, and the program {classes[best[0]]!r}: no file was"
            " written",
            f"The row is {json.dumps(row.named, ensure_ascii=False)}.",
        )


def expected(program: Program, asked: Sequence[Asked]) -> tuple[list[list[float]], list[list[float]]]:
    """What a program gives for rows: its outputs, NaN where there are none, and what decides of labels."""
    interpreter = Interpreter(program)
    count = link_outputs(program.link, len(program.scores))
    outputs, decides = [], []
    for row in asked:
        pairs = list(zip(program.inputs, row.values, strict=True))
        texts, numbers = ([value for each, value in pairs if each.is_text == is_text] for is_text in (True, False))
        found, _ = interpreter.outputs(numbers, texts)  # type: ignore[arg-type]
        found = found if found is not None else [nan] * (count + len(program.decide))
        outputs.append(found[:count])
        decides.append(found[count:] or found[:count])
    return outputs, decides
