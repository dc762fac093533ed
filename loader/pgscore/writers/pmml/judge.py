"""What JPMML-Evaluator says of a document that was written."""

from __future__ import annotations

from importlib.metadata import version
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError
from pgscore.jpmml import java, said
from pgscore.writers.checking import Answers

from .ending import result_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgscore_runtime.contract import Contract
    from pgscore_runtime.program import Program, ProgramInput

    Rows = Sequence[Sequence[float | str | None]]


def judge_pmml(path: Path, program: Program, contract: Contract, rows: Rows) -> tuple[str, Answers]:
    """Evaluates rows with a document, in a process of Java's that ends with it.

    Args:
        path: the document.
        program: what it is made of.
        contract: its contract.
        rows: values in the order of the inputs; None where missing.

    Returns:
        What evaluated it, and what it gives.

    Raises:
        PgscoreError: Java cannot be started, or the document not be loaded.
    """
    with java() as backend:
        return f"JPMML-Evaluator {version('jpmml_evaluator')}", evaluate(backend, path, program, contract, rows)


def evaluate(backend: Any, path: Path, program: Program, contract: Contract, rows: Rows) -> Answers:  # noqa: ANN401
    """Evaluates rows with a document.

    Raises:
        PgscoreError: it is not loaded.
    """
    from jpmml_evaluator import PythonEvaluatorUtil, make_evaluator

    data = [[_handed(each, row[n]) for row in rows] for n, each in enumerate(program.inputs)]
    given = {"columns": [each.name for each in program.inputs], "data": data}
    try:
        evaluator = make_evaluator(str(path), backend=backend)
        found = PythonEvaluatorUtil.evaluateAll(backend, evaluator.javaEvaluator, given, None, 1)
    except Exception as error:
        raise PgscoreError(
            f"JPMML-Evaluator does not load the document: {said(error)}", "No file was written."
        ) from None
    label, names = result_names(contract, [each.name for each in program.inputs])
    columns = dict(zip(found["columns"], found["data"], strict=True))
    nothing = [None] * len(rows)
    numbers = [columns.get(name, nothing) for name in names]
    listed = [[nan if value is None else float(value) for value in row] for row in zip(*numbers, strict=True)]
    errors = {n: said(error) for n, error in enumerate(found["errors"] or nothing) if error is not None}
    return Answers(listed, None if label is None else list(columns.get(label, nothing)), errors)


def _handed(each: ProgramInput, value: float | str | None) -> float | str | bool | None:
    if value is None or (isinstance(value, float) and isnan(value)):
        return None
    return bool(value) if each.type == "boolean" else value


def has(_: ProgramInput, _value: float | str | None) -> bool:
    """PMML has all values."""
    return True
