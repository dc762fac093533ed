"""Fitted and published with one scikit-learn, scored by a server that has another: programs right, pickles refused."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgscore_runtime.contract import parse_contract

from tests.drawn.engines import asked_of_program
from tests.drawn.expected import Expected
from tests.drawn.judge import judge
from tests.support.database import refused
from tests.support.migrate import ROOT

if TYPE_CHECKING:
    from .conftest import Meeting

_SEED, _MODELS = "31", "70"
# Some become no program, and the oldest libraries refuse more of what is drawn.
_FEWEST = 40


def _published(meeting: Meeting, folder: Path) -> list[dict[str, Any]]:
    file = folder / "told.json"
    path = os.pathsep.join(str(ROOT / each) for each in (".", "loader", "plpython"))
    arguments = [meeting.dsn, str(meeting.key), _SEED, _MODELS, str(file)]
    done = subprocess.run(
        [meeting.publisher, "-W", "ignore", "-m", "tests.sklearns.publisher", *arguments],
        env={**os.environ, "PYTHONPATH": path}, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = json.loads(file.read_text())
    return told


def test_programs_are_right_where_the_server_has_another_scikit_learn(meeting: Meeting, tmp_path: Path) -> None:
    told = _published(meeting, tmp_path)
    assert len(told) >= _FEWEST
    problems: list[tuple[str, str]] = []
    for model in told:
        # The estimator engine is bound to its versions, and asked for nothing.
        if model["verified"] != {"interpreter": True, "sql": True} or model["problem"] is not None:
            problems.append((model["key"], f"{model['model']} {model['verified']} {model['problem']}"))
        contract = parse_contract(
            meeting.session.value("select contract::text from pgscore.model_version where model = %s", model["model"])
        )
        meeting.session.run("begin")
        answers = asked_of_program(meeting.session, contract, model["rows"], model["model"])
        meeting.session.run("rollback")
        expected = [Expected(**each) for each in model["expected"]]
        problems += [(model["key"], what) for what, _ in judge(contract, model["rows"], expected, answers).problems]
    assert problems == []


def test_an_artifact_of_another_scikit_learn_is_refused(meeting: Meeting) -> None:
    model = meeting.session.value("select min(model) from pgscore.model_version where format = 'joblib'")
    with refused("0A000", "scikit-learn"):
        meeting.session.run("select pgscore._load(%s, 1)", model)
