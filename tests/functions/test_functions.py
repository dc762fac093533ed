"""Each function answers with the bundle's scores, and with problems that say what is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pgscore
import pytest
from pgscore import PgscoreError
from pgscore.bundle import load

from tests.bundle.samples import SAMPLES, seal
from tests.support.migrate import ROOT

from .callers import CALLERS, HANDLERS, deployed, loaded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .callers import Response

_DOCUMENT = json.loads(SAMPLES["churn"].read_bytes())
_GOLDEN = _DOCUMENT["golden"]
_ROW = _GOLDEN[0]["inputs"]
_COUNTER = "number_customer_service_calls"
# Nothing of this is needed to score: neither what makes bundles, nor what fits models, nor what checks signatures.
_HEAVY = {"psycopg2", "sqlalchemy", "numpy", "pandas", "sklearn", "typer", "rich", "alembic", "cryptography"}
# What each platform's own library imports is the platform's.
_FRAMEWORK = {"aws": "base64", "azure": "azure.functions", "google": "flask, functions_framework"}


@pytest.fixture(scope="module", params=CALLERS)
def call(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, bytes], Response]:
    platform, caller = CALLERS[request.param]
    return caller(deployed(platform, tmp_path_factory.mktemp("function")))


def _post(call: Callable[[str, bytes], Response], said: Any) -> Response:  # noqa: ANN401
    return call("POST", json.dumps(said).encode())


def test_a_row_and_many_rows_have_the_scores_of_the_golden_rows(call: Callable[[str, bytes], Response]) -> None:
    answered = _post(call, {"row": _ROW})
    assert answered[:3] == (200, "application/json", {"model": "churn", "version": 1, "score": _GOLDEN[0]["expected"]})
    answered = _post(call, {"rows": [each["inputs"] for each in _GOLDEN]})
    expected = [each["expected"] for each in _GOLDEN]
    scores = [each["score"] for each in answered.said["rows"]]
    assert None in expected
    assert scores == [None if each is None else pytest.approx(each, rel=1e-12) for each in expected]


def test_events_are_reduced_first(call: Callable[[str, bytes], Response]) -> None:
    answered = _post(call, {"row": _ROW, "events": [{}, {}]})
    moved = {**_ROW, _COUNTER: _ROW[_COUNTER] + 2}
    assert answered.said == {"model": "churn", "version": 1, "score": load(_DOCUMENT).score(moved)}


@pytest.mark.parametrize("body", [b"", b"{", b'{"row": NaN}'])
def test_what_is_no_json_is_400(call: Callable[[str, bytes], Response], body: bytes) -> None:
    status, kind, said, _ = call("POST", body)
    assert (status, kind) == (400, "application/problem+json")
    assert (said["status"], said["title"]) == (400, "Bad Request")


def test_another_method_is_405(call: Callable[[str, bytes], Response]) -> None:
    status, kind, said, headers = call("GET", b"")
    assert (status, kind, headers["allow"]) == (405, "application/problem+json", "POST")
    assert said["detail"] == "GET is not answered here: send POST"


def test_what_the_model_does_not_take_is_422_with_the_field(call: Callable[[str, bytes], Response]) -> None:
    status, kind, problem, _ = _post(call, {"rows": [_ROW, {**_ROW, "state": 5}]})
    assert (status, kind) == (422, "application/problem+json")
    detail = 'input "state" is the number 5, and the model wants text'
    assert problem["errors"] == [{"pointer": "/rows/1/state", "detail": detail}]


@pytest.mark.parametrize("platform", HANDLERS)
def test_only_what_the_key_has_signed_is_deployed(
    platform: str, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = deployed(platform, tmp_path)
    monkeypatch.setenv("PGSCORE_PUBLIC_KEY", "publisher.pub")
    (place / "publisher.pub").write_bytes(key.with_name(key.name + ".pub").read_bytes())
    with pytest.raises(PgscoreError, match="carries no signature"):
        loaded(platform, place)
    (place / "churn.json").write_text(json.dumps(seal(_DOCUMENT, key)))
    loaded(platform, place)
    other = tmp_path / "other.pem"
    pgscore.generate_key(other)
    (place / "churn.json").write_text(json.dumps(seal(_DOCUMENT, other)))
    with pytest.raises(PgscoreError, match="is signed with key"):
        loaded(platform, place)


@pytest.mark.parametrize("platform", HANDLERS)
def test_a_cold_start_imports_the_standard_library_alone(platform: str, tmp_path: Path) -> None:
    code = (
        f"import sys, {_FRAMEWORK[platform]}; before = set(sys.modules); import {HANDLERS[platform]};"
        " print(*(set(sys.modules) - before))"
    )
    place = deployed(platform, tmp_path)
    done = subprocess.run([sys.executable, "-c", code], cwd=place, env={}, capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert "pgscore_runtime" in imported
    assert not imported & _HEAVY
    assert imported - {"pgscore", "pgscore_runtime", HANDLERS[platform]} <= {*sys.stdlib_module_names, "__future__"}


def test_a_signature_takes_cryptography_and_no_driver(key: Path, tmp_path: Path) -> None:
    place = deployed("aws", tmp_path)
    (place / "publisher.pub").write_bytes(key.with_name(key.name + ".pub").read_bytes())
    (place / "churn.json").write_text(json.dumps(seal(_DOCUMENT, key)))
    done = subprocess.run(
        [sys.executable, "-c", "import sys, handler; print(*sys.modules)"],
        cwd=place,
        env={"PGSCORE_PUBLIC_KEY": "publisher.pub"},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    assert imported & _HEAVY == {"cryptography"}


@pytest.mark.parametrize("platform", HANDLERS)
def test_requirements_have_neither_scikit_learn_nor_a_driver(platform: str) -> None:
    text = (ROOT / "examples/functions" / platform / "requirements.txt").read_text()
    wanted = {re.split("[^a-z-]", line)[0] for line in text.splitlines() if line[0].isalpha()}
    assert "pgscore" in wanted
    assert wanted <= {"pgscore", "cryptography", "azure-functions", "functions-framework"}
