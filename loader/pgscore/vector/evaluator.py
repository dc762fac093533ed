"""A program, ready to be evaluated for whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pgscore_runtime.interpreter import BEYOND, Interpreter
from pgscore_runtime.links import link_outputs

from .links import link_function
from .steps import compile_steps, is_known
from .texts import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from pgscore_runtime.program import Program

    FloatArray = npt.NDArray[np.float64]
    BoolArray = npt.NDArray[np.bool_]

# So many rows at a time that their columns stay in a processor's cache.
_MOST_ROWS = 8192
_LEAST_ROWS = 256
_CELLS = 2**19


class Answers(NamedTuple):
    """What a version says of rows.

    Attributes:
        outputs: rows x outputs, and what decides of the label where that is something else; NaN where there are none.
        answered: for each row whether it has outputs. They may be NaN all the same, and such a score is NULL.
        reasons: for each row that was refused its position, and why.
    """

    outputs: FloatArray
    answered: BoolArray
    reasons: dict[int, str]


class Evaluator:
    """A program as functions of columns."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._compiled = compile_steps(program)
        self._link = link_function(program.link)
        # What it takes to say why a row is refused: the inputs alone.
        self._refusing = Interpreter(program._replace(steps=(), scores=(), link="identity", require=(), decide=()))

    def answers(self, columns: Sequence[npt.NDArray[Any]], rows: int) -> Answers:
        """Evaluates the program for all rows.

        Args:
            columns: for each input its values: float64 for numbers, booleans as 0 and 1, NaN where missing; objects for
                texts, None or NaN where missing.
            rows: how many there are of each.

        Returns:
            To the last bit what `pgscore_runtime.interpreter.Interpreter` gives for each row.
        """
        coded = [
            self._compiled.vocabularies[n].encode(column) if n in self._compiled.vocabularies else column
            for n, column in enumerate(columns)
        ]
        size = max(_LEAST_ROWS, min(_MOST_ROWS, _CELLS // self._compiled.width))
        parts, accepted, refused = [], np.ones(rows, dtype=bool), np.zeros(rows, dtype=bool)
        with np.errstate(all="ignore"):
            for start in range(0, rows, size):
                part = slice(start, start + size)
                registers = [column[part] for column in coded]
                self._check(registers, accepted[part], refused[part])
                parts.append(self._evaluate(registers, min(rows - start, size), accepted[part], refused[part]))
        outputs = np.concatenate(parts) if parts else np.zeros((0, self._width))
        outputs[~accepted] = np.nan
        return Answers(outputs, accepted, self._reasons(columns, np.flatnonzero(refused)))

    @property
    def _width(self) -> int:
        return link_outputs(self._program.link, len(self._program.scores)) + len(self._program.decide)

    def _evaluate(
        self, registers: list[npt.NDArray[Any]], rows: int, accepted: BoolArray, refused: BoolArray
    ) -> FloatArray:
        for step in self._compiled.steps:
            step(registers, rows)
        for of, nullable, minimum, maximum in self._program.require:
            value = registers[of]
            beyond = accepted & ~((value >= minimum) & (value <= maximum)) & ~(np.isnan(value) & nullable)
            refused |= beyond
            accepted &= ~beyond
        linked = self._link([registers[register] for register in self._program.scores])
        return np.column_stack([*linked, *(registers[register] for register in self._program.decide)])

    def _check(self, registers: list[npt.NDArray[Any]], accepted: BoolArray, refused: BoolArray) -> None:
        """Notes which rows are refused, and which have no score because something is missing that must not be."""
        lacking = np.zeros(len(accepted), dtype=bool)
        for n, (each, value) in enumerate(zip(self._program.inputs, registers, strict=True)):
            if n in self._compiled.vocabularies:
                missing = value == MISSING
                if each.known is not None:
                    known = self._compiled.vocabularies[n].membership(map(str, each.known), missing=True)
                    refused |= known(value) != 0
            else:
                missing = np.isnan(value)
                refused |= ~missing & ~((value >= each.minimum) & (value <= each.maximum))
                if each.known is not None:
                    refused |= ~missing & ~is_known(value, np.array(sorted(each.known), dtype=np.float64))
            if not each.nullable:
                lacking |= missing
        refused &= ~lacking
        accepted &= ~(refused | lacking)

    def _reasons(self, columns: Sequence[npt.NDArray[Any]], rows: npt.NDArray[np.intp]) -> dict[int, str]:
        given: dict[bool, list[list[Any]]] = {True: [], False: []}
        for each, column in zip(self._program.inputs, columns, strict=True):
            given[each.is_text].append(column[rows].tolist())
        found = {}
        for n, row in enumerate(rows.tolist()):
            numbers, texts = ([column[n] for column in given[is_text]] for is_text in (False, True))
            _, reason = self._refusing.outputs(numbers, texts)
            found[row] = reason or BEYOND
        return found
