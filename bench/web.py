"""One row over HTTP: requests a second of `pgscore serve`, beside FastAPI with an unpickled pipeline; wrk asks."""

from __future__ import annotations

import json
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
from pathlib import Path
from typing import TYPE_CHECKING

import pgscore

from examples.churn.setting import ROOT

from .contender import BaselineError, NotTheSameError
from .customers import declared, predictors
from .figure import Detail, Measured, ratio
from .models import TREES, fitted
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .field import Field

_CLIENTS, _SECONDS = 16, 3
_PATIENCE = 60.0
_RATE = re.compile(r"Requests/sec:\s*([\d.]+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


def one_row(field: Field) -> list[Measured]:
    """Requests/s of one process each, and the 99th percentile of their latency.

    Raises:
        BaselineError: wrk is not installed, or a service does not start.
        NotTheSameError: one of them computes something else.
    """
    if shutil.which("wrk") is None:
        raise BaselineError("wrk is not installed: apt-get install wrk")
    field.ours(TREES)
    row = {name: float(value) for name, value in predictors().iloc[0].items()}
    expected = float(fitted(TREES).predict_proba(predictors().iloc[[0]])[0, 1])
    with tempfile.TemporaryDirectory(prefix="pgscore-") as name:
        folder = Path(name)
        bundle, pickled = folder / "trees.json", folder / "trees.pickle"
        bundle.write_text(pgscore.make_bundle(field.server.dsn, TREES))
        pickled.write_bytes(pickle.dumps(fitted(TREES)))
        ours, theirs = _free_port(), _free_port()
        serve = [str(Path(sys.executable).with_name("pgscore")), "serve", "--bundle", str(bundle)]
        tutorial = [sys.executable, "-m", "bench.web_pickled", str(pickled), str(theirs), *declared()]
        with (
            _running([*serve, "--port", str(ours), "--no-log-requests"]),
            _running(tutorial),
        ):
            sides = (
                _Side(f"http://127.0.0.1:{ours}/models/{TREES}/score", {"row": row}, folder / "ours.lua"),
                _Side(f"http://127.0.0.1:{theirs}/score", row, folder / "theirs.lua"),
            )
            for side in sides:
                side.check(expected)
            found = in_turn([side.measure for side in sides], field.effort.crowds)
    details = []
    for word, side, rates in zip(("pgscore", "FastAPI"), sides, zip(*found, strict=True), strict=True):
        details.append(Detail(word, spread(list(rates)), "requests/s"))
        details.append(Detail(f"{word}, 99 %", spread(side.latencies).times(1000), "ms"))
    return ratio([one / other for one, other in found], details)


class _Side:
    """A service, and what it is asked."""

    def __init__(self, address: str, body: object, script: Path) -> None:
        self._address, self._body, self._script = address, json.dumps(body), script
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
                    score = json.load(answer)["score"]
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
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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
