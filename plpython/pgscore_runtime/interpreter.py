"""The `interpreter` engine: walks a program with the standard library alone.

A program is turned into closures over constants when it is constructed; never into source code.
"""

from __future__ import annotations

from math import nan
from operator import add, mul, sub, truediv
from typing import TYPE_CHECKING, Any

from .checks import shown
from .flat import walker
from .functions import FUNCTIONS
from .links import link_function
from .steps import Affine, Clip, Fill, Function, Linear, Lookup, Missing, step_outputs
from .tree_arrays import Trees

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .program import Program, ProgramInput
    from .quick import Score

_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "subtract": sub,
    "divide": truediv,
    "multiply": mul,
    "add": add,
}


# Why a row is refused where no input of it is.
BEYOND = "a number that the model computes of the inputs is missing, or beyond what it accepts"


class Interpreter:
    """A program, ready to be evaluated.

    Args:
        program: the program.
        first_rows: so many rows are evaluated before anything is prepared that pays where many follow.

    Attributes:
        score: gives the score for one row, given as to `outputs`: the output at a position; None where there is none.
    """

    def __init__(self, program: Program, first_rows: int = 0) -> None:
        inputs = program.inputs
        self._inputs = inputs
        self._sources = _sources(inputs)
        self._numbers = tuple((n, each.minimum, each.maximum) for n, each in enumerate(inputs) if not each.is_text)
        self._required = tuple(n for n, each in enumerate(inputs) if each.is_text and not each.nullable)
        self._known = tuple((n, each.known) for n, each in enumerate(inputs) if each.known is not None)
        self._steps = _compiled(program, first_rows)
        self._scores = program.scores
        self._decide = program.decide
        self._required_of_steps = program.require
        self._link = link_function(program.link)
        self._program, self._first_rows = program, first_rows
        self.score: Score = self._first_score

    def outputs(
        self, numbers: Sequence[float | None], texts: Sequence[str | None]
    ) -> tuple[list[float] | None, str | None]:
        """The outputs for one row.

        Args:
            numbers: the values of the number inputs in their order, booleans as 0 and 1; None or NaN where missing.
            texts: the values of the text inputs in their order; None where missing.

        Returns:
            One output for each class, or one for a value, then what decides of the label if that is something else, and
            None; None and None where an input is missing that must
            not be; None and the reason where the row is refused.
        """
        registers: list[Any] = (
            [(texts if is_text else numbers)[position] for is_text, position in self._sources] if texts else [*numbers]
        )
        for position, minimum, maximum in self._numbers:
            value = registers[position]
            if value is None or not minimum <= value <= maximum:
                if value is None or value != value:  # noqa: PLR0124  NaN
                    if self._inputs[position].nullable:
                        registers[position] = nan
                        continue
                    return None, None
                return None, self._reason(registers)
        for position in self._required:
            if registers[position] is None:
                return None, None
        for position, known in self._known:
            value = registers[position]
            if value not in known and value is not None and value == value:  # noqa: PLR0124  NaN
                return None, self._reason(registers)
        for step in self._steps:
            step(registers)
        for register, nullable, minimum, maximum in self._required_of_steps:
            value = registers[register]
            if not minimum <= value <= maximum and not (nullable and value != value):  # noqa: PLR0124  NaN
                return None, BEYOND
        linked = self._link([registers[register] for register in self._scores])
        return [*linked, *(registers[register] for register in self._decide)] if self._decide else linked, None

    def _first_score(self, numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        if self._first_rows > 0:
            self._first_rows -= 1
            return self._score(numbers, texts, positive)
        # Only now, as sessions that do not come here are not to pay for the module.
        from .quick import quick_score

        self.score = quick_score(self._program, self._score) or self._score
        return self.score(numbers, texts, positive)

    def _score(self, numbers: Sequence[float | None], texts: Sequence[str | None], positive: int) -> float | None:
        outputs, _ = self.outputs(numbers, texts)
        if outputs is None:
            return None
        score = outputs[positive]
        return None if score != score else score  # noqa: PLR0124  NaN

    def scores(
        self,
        rows: int,
        numbers: Sequence[Any] | None,
        texts: Sequence[Any] | None,
        positive: int | None,
    ) -> tuple[list[float | None], list[str | None]]:
        """Scores whole arrays, as the estimator engine does.

        Args:
            rows: the number of rows.
            numbers: rows x number inputs, nested or flat row by row; None for NULL, booleans as 0 and 1.
            texts: rows x text inputs, nested or flat row by row; None for NULL.
            positive: the position of the positive class, or None for a value.

        Returns:
            A score for each row, None where an input is NULL that must not be, where the row is refused and where the
            score is NaN; and for each row the reason of such a refusal, else None.
        """
        text_inputs = sum(each.is_text for each in self._inputs)
        number_rows = _by_row(numbers, rows, len(self._inputs) - text_inputs)
        text_rows = _by_row(texts, rows, text_inputs)
        scores: list[float | None] = []
        reasons: list[str | None] = []
        for row_numbers, row_texts in zip(number_rows, text_rows, strict=True):
            outputs, reason = self.outputs(row_numbers, row_texts)
            score = None if outputs is None else outputs[positive or 0]
            scores.append(None if score is None or score != score else score)  # noqa: PLR0124  NaN
            reasons.append(reason)
        return scores, reasons

    def _reason(self, registers: list[Any]) -> str | None:
        """Why a row is refused; None where an input is missing that must not be, which comes first."""
        reason = None
        for each, value in zip(self._inputs, registers, strict=True):
            if value is None or value != value:  # noqa: PLR0124  NaN
                if not each.nullable:
                    return None
            elif reason is None:
                reason = _refused(each, value)
        return reason


def _refused(described: ProgramInput, value: Any) -> str | None:  # noqa: ANN401
    if not described.is_text and not described.minimum <= value <= described.maximum:
        accepted = f"{described.minimum} to {described.maximum}"
        return f"input {described.name} is {shown(value)}, and the model accepts {accepted}"
    if described.known is not None and value not in described.known:
        return f"input {described.name} is {shown(value)}, which the model does not know"
    return None


def _sources(inputs: tuple[ProgramInput, ...]) -> tuple[tuple[bool, int], ...]:
    """For each input whether it is a text, and its position among the texts or numbers."""
    seen = {True: 0, False: 0}
    sources = []
    for each in inputs:
        sources.append((each.is_text, seen[each.is_text]))
        seen[each.is_text] += 1
    return tuple(sources)


def _by_row(values: Sequence[Any] | None, rows: int, width: int) -> list[Sequence[Any]]:
    given = [] if values is None else values
    if width == 0:
        return [()] * rows
    if len(given) == rows and rows > 0 and isinstance(given[0], list | tuple):
        return list(given)
    return [given[start : start + width] for start in range(0, rows * width, width)]


def _compiled(program: Program, first_rows: int) -> tuple[Callable[[list[Any]], None], ...]:
    """For each step a function that appends its registers to those before it."""
    defined = len(program.inputs)
    compiled = []
    for step in program.steps:
        compiled.append(walker(step, defined, first_rows) if isinstance(step, Trees) else _compiler(type(step))(step))
        defined += step_outputs(step)
    return tuple(compiled)


def _compiler(kind: type) -> Callable[[Any], Callable[[list[Any]], None]]:
    if kind in _COMPILERS:
        return _COMPILERS[kind]
    # Only where a program has such a step: the module costs a backend 2 ms.
    from .formulas import FORMULA_COMPILERS

    return FORMULA_COMPILERS[kind]


def _affine(step: Affine) -> Callable[[list[Any]], None]:
    of = step.of
    operations = tuple((_OPERATIONS[name], operand) for name, operand in step.operations)

    def affine(registers: list[Any]) -> None:
        value = registers[of]
        for operation, operand in operations:
            value = operation(value, operand)
        registers.append(value)

    return affine


def _clip(step: Clip) -> Callable[[list[Any]], None]:
    of, minimum, maximum = step.of, step.minimum, step.maximum

    def clip(registers: list[Any]) -> None:
        value = registers[of]
        registers.append(minimum if value < minimum else maximum if value > maximum else value)

    return clip


def _function(step: Function) -> Callable[[list[Any]], None]:
    of, function = step.of, FUNCTIONS[step.name]
    return lambda registers: registers.append(function(registers[of]))


def _fill(step: Fill) -> Callable[[list[Any]], None]:
    of, filling = step.of, step.value

    def fill(registers: list[Any]) -> None:
        value = registers[of]
        registers.append(filling if value is None or value != value else value)  # noqa: PLR0124  NaN

    return fill


def _missing(step: Missing) -> Callable[[list[Any]], None]:
    of = step.of

    def missing(registers: list[Any]) -> None:
        value = registers[of]
        registers.append(1.0 if value is None or value != value else 0.0)  # noqa: PLR0124  NaN

    return missing


def _lookup(step: Lookup) -> Callable[[list[Any]], None]:
    of, get, unknown, when_missing = step.of, step.table.get, step.unknown, step.missing

    def lookup(registers: list[Any]) -> None:
        value = registers[of]
        registers.append(when_missing if value is None or value != value else get(value, unknown))  # noqa: PLR0124  NaN

    return lookup


def _linear(step: Linear) -> Callable[[list[Any]], None]:
    terms = tuple(zip(step.of, step.weights, strict=True))
    intercept = step.intercept

    def linear(registers: list[Any]) -> None:
        total = intercept
        for register, weight in terms:
            total += weight * registers[register]
        registers.append(total)

    return linear


_COMPILERS: dict[type, Callable[[Any], Callable[[list[Any]], None]]] = {
    Affine: _affine,
    Clip: _clip,
    Function: _function,
    Fill: _fill,
    Missing: _missing,
    Lookup: _lookup,
    Linear: _linear,
}
