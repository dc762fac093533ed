"""One row over HTTP: requests a second of `pgscore serve`, beside FastAPI with an unpickled pipeline, and MLflow's.

wrk asks. MLflow is sent its `dataframe_records`, a list of one object, and answers with a list of two probabilities.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pgscore

from examples.churn.setting import ROOT

from .contender import BaselineError, NotTheSameError
from .customers import declared, predictors
from .figure import Detail, Measured, ratio
from .models import TREES, fitted
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .field import Field

_CLIENTS, _SECONDS = 16, 3
_PATIENCE = 60.0
_RATE = re.compile(r"Requests/sec:\s*([\d.]+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def beside_fastapi(field: Field) -> list[Measured]:
    """Requests/s of one process each, and the 99th percentile of their latency.

    Raises:
        BaselineError: wrk is not installed, or a service does not start.
        NotTheSameError: one of them computes something else.
    """
    return _beside(field, "FastAPI", _fastapi)


def beside_mlflow(field: Field) -> list[Measured]:
    """The same beside `mlflow models serve`, in this environment, with one process.

    Raises:
        BaselineError: wrk is not installed, or a service does not start.
        NotTheSameError: one of them computes something else.
    """
    return _beside(field, "MLflow", _mlflow)


def _beside(field: Field, word: str, other: Callable[[Path, Path, int], _Service]) -> list[Measured]:
    if shutil.which("wrk") is None:
        raise BaselineError("wrk is not installed: apt-get install wrk")
    field.ours(TREES)
    expected = float(fitted(TREES).predict_proba(predictors().iloc[[0]])[0, 1])
    with tempfile.TemporaryDirectory(prefix="pgscore-") as name:
        folder = Path(name)
        bundle, pickled = folder / "trees.json", folder / "trees.pickle"
        bundle.write_text(pgscore.make_bundle(field.server.dsn, TREES))
        pickled.write_bytes(pickle.dumps(fitted(TREES)))
        services = _pgscore(bundle, _free_port()), other(pickled, folder, _free_port())
        with _running(services[0].command), _running(services[1].command):
            sides = [_Side(each, folder / f"{number}.lua") for number, each in enumerate(services)]
            for side in sides:
                side.check(expected)
            found = in_turn([side.measure for side in sides], field.effort.crowds)
    details = []
    for called, side, rates in zip(("pgscore", word), sides, zip(*found, strict=True), strict=True):
        details.append(Detail(called, spread(list(rates)), "requests/s"))
        details.append(Detail(f"{called}, 99 %", spread(side.latencies).times(1000), "ms"))
    return ratio([one / their for one, their in found], details)


@dataclass(frozen=True)
class _Service:
    """A web service: how it is started, where and what it is asked, and where its answer has the score."""

    command: list[str]
    address: str
    body: object
    score: Callable[[Any], float]


def _row() -> dict[str, float]:
    return {str(name): float(value) for name, value in predictors().iloc[0].items()}


def _pgscore(bundle: Path, port: int) -> _Service:
    program = str(Path(sys.executable).with_name("pgscore"))
    command = [program, "serve", "--bundle", str(bundle), "--port", str(port), "--no-log-requests"]
    address = f"http://127.0.0.1:{port}/models/{TREES}/score"
    return _Service(command, address, {"row": _row()}, lambda answer: float(answer["score"]))


def _fastapi(pickled: Path, _folder: Path, port: int) -> _Service:
    command = [sys.executable, "-m", "bench.web_pickled", str(pickled), str(port), *declared()]
    return _Service(command, f"http://127.0.0.1:{port}/score", _row(), lambda answer: float(answer["score"]))


def _mlflow(pickled: Path, folder: Path, port: int) -> _Service:
    model = folder / "mlflow"
    save = [sys.executable, "-m", "bench.web_mlflow", str(pickled), str(model), json.dumps(_row())]
    done = subprocess.run(save, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BaselineError(f"MLflow does not save the pipeline: {done.stderr.strip().splitlines()[-1]}")
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    command += ["--model-uri", str(model), "--port", str(port)]
    address, body = f"http://127.0.0.1:{port}/invocations", {"dataframe_records": [_row()]}
    return _Service(command, address, body, lambda answer: float(answer["predictions"][0][1]))


def _environment() -> dict[str, str]:
    """It looks for uvicorn on PATH, would log each request, and would tell its makers that it was used."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "UVICORN_ACCESS_LOG": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


class _Side:
    """A service, as wrk asks it."""

    def __init__(self, service: _Service, script: Path) -> None:
        self._address, self._body, self._script = service.address, json.dumps(service.body), script
        self._score = service.score
        self.latencies: list[float] = []
        script.write_text(
            f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [[{self._body}]]\n'
        )

    def check(self, expected: float) -> None:
        request = urllib.request.Request(  # noqa: S310  our own address
            self._address, self._body.encode(), {"content-type": "application/json"}
        )
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
                    score = self._score(json.load(answer))
            except urllib.error.HTTPError as error:
                raise BaselineError(f"{self._address} answers {error.code}") from None
            except OSError:
                if time.monotonic() > deadline:
                    raise BaselineError(f"{self._address} does not answer") from None
                time.sleep(0.1)
            else:
                break
        if abs(score - expected) > 1e-9:  # noqa: PLR2004
            raise NotTheSameError(f"{self._address} says {score}, and the pipeline {expected}")

    def measure(self) -> float:
        """Requests/s."""
        done = subprocess.run(  # noqa: S603  our own arguments
            [
                *("wrk", "-t1", f"-c{_CLIENTS}", f"-d{_SECONDS}s", "--latency", "-s", str(self._script), self._address),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        rate, late = _RATE.search(done.stdout), _P99.search(done.stdout)
        if rate is None or late is None or "Non-2xx" in done.stdout:
            raise BaselineError(f"wrk says {' '.join(done.stdout.split())}")
        self.latencies.append(float(late[1]) * _UNITS[late[2]])
        return float(rate[1])


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(  # noqa: S603  our own arguments
        command,
        cwd=ROOT,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
