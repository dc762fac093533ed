"""What a function of a cloud waits for at its start: fresh processes that import, load a model, and score a row."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import joblib
import pgscore

from .contender import NotTheSameError
from .customers import predictors
from .figure import Detail, Measured
from .models import TREES, fitted
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .field import Field

# Each prints the seconds for the imports, for the model, and for the first score; and the score.
_OURS = """
import sys, time
t = [time.perf_counter()]
from pgscore.bundle import load
from pgscore.bundle.answering import answer
t.append(time.perf_counter())
bundle = load(sys.argv[1])
t.append(time.perf_counter())
answered = answer(bundle, "POST", '{"row": ' + sys.argv[2] + "}")
t.append(time.perf_counter())
import json
print(json.dumps([*(b - a for a, b in zip(t, t[1:])), json.loads(answered.body)["score"]]))
"""
_PICKLED = """
import sys, time
t = [time.perf_counter()]
import joblib, json, pandas, sklearn.ensemble, sklearn.pipeline
t.append(time.perf_counter())
model = joblib.load(sys.argv[1])
t.append(time.perf_counter())
score = model.predict_proba(pandas.DataFrame([json.loads(sys.argv[2])]))[0, 1]
t.append(time.perf_counter())
print(json.dumps([*(b - a for a, b in zip(t, t[1:])), score]))
"""
_SAME = 1e-12
_GOLDEN = 20


def start(field: Field) -> list[Measured]:
    """Milliseconds for the imports of a function, with the modules compiled as a deployment should have them."""
    ours, _ = _measured(field)
    return [Measured(spread([each[0] for each in ours]).times(1e3), "ms")]


def whole(field: Field) -> list[Measured]:
    """Milliseconds until the first score of 100 trees is there, and the same where the pipeline is unpickled."""
    ours, theirs = _measured(field)
    details = [
        Detail(f"{name}: {part}", spread([each[n] for each in found]).times(1e3), "ms")
        for name, found in (("pgscore", ours), ("pickled", theirs))
        for n, part in enumerate(("imports", "model", "first score"))
    ]
    ratios = [sum(other[:3]) / sum(mine[:3]) for mine, other in zip(ours, theirs, strict=True)]
    total = spread([sum(each[:3]) for each in ours]).times(1e3)
    note = f"{total.median:.0f} ms, of which {spread([each[1] for each in ours]).times(1e3).median:.0f} to load"
    return [Measured(spread(ratios), part="pickled", note=note, details=details)]


def _measured(field: Field) -> tuple[list[list[float]], list[list[float]]]:
    folder = field.folder / "functions"
    if not folder.exists():
        field.ours(TREES)
        folder.mkdir()
        (folder / "trees.json").write_text(pgscore.make_bundle(field.server.dsn, TREES, golden=_GOLDEN))
        joblib.dump(fitted(TREES), folder / "trees.joblib")
    found: tuple[list[list[float]], list[list[float]]] = ([], [])
    sides = [
        partial(_side, _OURS, folder, folder / "trees.json", found[0].append),
        partial(_side, _PICKLED, folder, folder / "trees.joblib", found[1].append),
    ]
    in_turn(sides, 1)
    # The first ones compiled the modules.
    found[0].clear()
    found[1].clear()
    in_turn(sides, field.effort.first)
    if any(abs(mine[3] - other[3]) > _SAME for mine, other in zip(*found, strict=True)):
        raise NotTheSameError("the function's score is not the fitted estimator's")
    return found


def _side(code: str, folder: Path, model: Path, keep: Callable[[list[float]], None]) -> float:
    row = json.dumps(predictors().iloc[0].to_dict())
    done = subprocess.run(  # noqa: S603  our own code
        [sys.executable, "-c", code, str(model), row],
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
            "PYTHONPYCACHEPREFIX": str(folder / "compiled"),
        },
        check=True,
        capture_output=True,
        text=True,
    )
    found: list[float] = json.loads(done.stdout)
    keep(found)
    return sum(found[:3])
