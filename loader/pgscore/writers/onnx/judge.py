"""What ONNX Runtime says of a graph that was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime

from pgscore.errors import PgscoreError
from pgscore.writers.checking import Answers

from .writer import is_bool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.program import Program, ProgramInput

    Rows = Sequence[Sequence[float | str | None]]

# What the runtime says on stderr of its own accord is not for the user: what is wrong, it raises.
_FATAL = 4


class Judge:
    """A graph, loaded.

    Args:
        content: the file.
        program: what it is made of.

    Raises:
        PgscoreError: the runtime does not load it.
    """

    def __init__(self, content: bytes, program: Program) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _FATAL
        self._program = program
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise PgscoreError(
                f"ONNX Runtime {onnxruntime.__version__} does not load the graph: {' '.join(str(error).split())}",
                "No file was written.",
            ) from None

    def outputs(self, rows: Rows) -> Answers:
        """All numbers of each row, and the labels, where there are some.

        Args:
            rows: values in the order of the inputs; None where missing.
        """
        *labels, numbers = self._session.run(None, _fed(self._program, rows))
        return Answers(numbers.tolist(), labels[0].tolist() if labels else None, {})


def _fed(program: Program, rows: Rows) -> dict[str, Any]:
    fed = {}
    for position, each in enumerate(program.inputs):
        values = [row[position] for row in rows]
        if each.is_text:
            column = np.array(["" if value is None else value for value in values], dtype=object)
        elif is_bool(each):
            column = np.array([bool(value) for value in values])
        else:
            column = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
        fed[each.name] = column.reshape(-1, 1)
    return fed


def has(each: ProgramInput, value: float | str | None) -> bool:
    """Whether ONNX has a value of an input: it has no NULL, and the signs for one mean that."""
    if value is None:
        return each.nullable or each.type == "double precision"
    return not (each.is_text and each.nullable and value == "")
