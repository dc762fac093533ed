"""JPMML-Evaluator, in a process of Java's of its own: one inside of Python's would outlive what it was started for."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import PgscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_SAID = 300
# Expressions and trees are as deep as they are.
_OPTIONS = ["-Xss64m"]


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
            raise _no_java(said(error)) from None
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
        f"Java cannot be started, with which JPMML-Evaluator evaluates PMML: {why}",
        "Install Java 11 or newer, and have it on PATH.",
    )


def said(error: object) -> str:
    """What an error says, in a line."""
    return " ".join(str(error).split())[:_MOST_SAID]
