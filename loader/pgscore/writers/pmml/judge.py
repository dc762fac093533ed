"""What JPMML-Evaluator says of a document that was written."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from importlib.metadata import version
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgscore.errors import PgscoreError
from pgscore.writers.checking import Answers

from .ending import result_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgscore_runtime.contract import Contract
    from pgscore_runtime.program import Program, ProgramInput

    Rows = Sequence[Sequence[float | str | None]]

_MOST_SAID = 300
# Expressions and trees are as deep as they are.
_OPTIONS = ["-Xss64m"]


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


@contextmanager
def java() -> Iterator[Any]:
    """A process of Java's with JPMML-Evaluator.

    Raises:
        PgscoreError: it cannot be started.
    """
    from jpmml_evaluator import PythonEvaluatorUtil, _classpath
    from jpmml_evaluator.py4j import Py4JBackend
    from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

    _check_java()
    with Path(os.devnull).open("w") as nowhere:
        try:
            # With a token: without one, whoever has a login on this machine could have it run code of theirs.
            port, token, process = launch_gateway(
                classpath=os.pathsep.join(_classpath(user_classpath=[])),
                javaopts=_OPTIONS,
                die_on_exit=True,
                return_proc=True,
                enable_auth=True,
                redirect_stdout=nowhere,
                redirect_stderr=nowhere,
            )
        except Exception as error:
            raise _no_java(_said(error)) from None
        gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=token))
        try:
            # Knows its classes from then on.
            gateway.jvm.java.lang.Class.forName(PythonEvaluatorUtil.JAVA_CLASS_NAME)
            yield Py4JBackend(gateway)
        finally:
            gateway.shutdown()
            process.stdin.close()
            process.kill()
            process.wait()


def _check_java() -> None:
    found = shutil.which("java")
    if found is None:
        raise _no_java("there is none on PATH")
    done = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise _no_java(f"{found} -version exits with {done.returncode}")


def _no_java(why: str) -> PgscoreError:
    return PgscoreError(
        f"Java cannot be started, with which JPMML-Evaluator checks a file of PMML: {why}",
        "Install Java 11 or newer, and have it on PATH.",
    )


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
            f"JPMML-Evaluator does not load the document: {_said(error)}", "No file was written."
        ) from None
    label, names = result_names(contract, [each.name for each in program.inputs])
    columns = dict(zip(found["columns"], found["data"], strict=True))
    nothing = [None] * len(rows)
    numbers = [columns.get(name, nothing) for name in names]
    listed = [[nan if value is None else float(value) for value in row] for row in zip(*numbers, strict=True)]
    errors = {n: _said(error) for n, error in enumerate(found["errors"] or nothing) if error is not None}
    return Answers(listed, None if label is None else list(columns.get(label, nothing)), errors)


def _handed(each: ProgramInput, value: float | str | None) -> float | str | bool | None:
    if value is None or (isinstance(value, float) and isnan(value)):
        return None
    return bool(value) if each.type == "boolean" else value


def _said(error: object) -> str:
    return " ".join(str(error).split())[:_MOST_SAID]


def has(_: ProgramInput, _value: float | str | None) -> bool:
    """PMML has all values."""
    return True
