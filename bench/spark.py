"""Rows that Spark scores in a second, on one core and on two; each in a Spark of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from examples.churn.setting import ROOT

from .contender import BaselineError
from .figure import Detail, Measured
from .models import LINEAR, TREES
from .pairs import spread

if TYPE_CHECKING:
    from .field import Field

_CORES = (1, 2)


def rates(field: Field) -> list[Measured]:
    """Rows/s for both models, and how many times as many two cores do as one.

    Raises:
        BaselineError: Spark cannot be installed or started.
    """
    for model in (LINEAR, TREES):
        field.ours(model)
    found = {cores: _run(field, cores) for cores in _CORES}
    return [
        each for model in (LINEAR, TREES) for each in _figures(model, {n: rows[model] for n, rows in found.items()})
    ]


def _figures(model: str, rows: dict[int, list[float]]) -> list[Measured]:
    # The best of several, since nothing makes Spark faster than it is.
    best = {cores: max(values) for cores, values in rows.items()}
    details = [Detail(f"{cores} cores", spread(values), "rows/s") for cores, values in rows.items()]
    single, double = _CORES
    return [
        *(Measured(spread([best[n]]), "rows/s", f"{model}-local[{n}]") for n in _CORES),
        Measured(spread([best[double] / best[single]]), part=f"{model}-two-cores/one", details=details),
    ]


def installed() -> str:
    """PYTHONPATH with Spark, which is installed where it is not there.

    Raises:
        BaselineError: it cannot be.
    """
    folder = subprocess.run(  # noqa: S603  our own script
        [ROOT / "docker" / "spark-python"], capture_output=True, text=True, check=False
    )
    if folder.returncode:
        raise BaselineError(f"spark: {last_line(folder.stderr)}")
    return os.pathsep.join(filter(None, [folder.stdout.strip(), os.environ.get("PYTHONPATH")]))


def last_line(said: str) -> str:
    """What a program said at its end."""
    return (said.strip().splitlines() or ["it said nothing"])[-1]


def _run(field: Field, cores: int) -> dict[str, list[float]]:
    done = subprocess.run(  # noqa: S603  our own module
        [sys.executable, "-m", "bench.spark_session", str(cores), LINEAR, TREES],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": installed(), "PGSCORE_DSN": field.server.dsn},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BaselineError(f"spark: {last_line(done.stderr)}")
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found
