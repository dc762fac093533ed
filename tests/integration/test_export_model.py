"""pgscore export-model: files that other tools evaluate give what the database gives, or there is no file."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pgscore
import pytest
from pgscore import jpmml
from pgscore.command import run
from pgscore.writers.checking import expected as checking_expected
from pgscore.writers.json_writer import document_sha256
from pgscore.writers.onnx.judge import Judge
from pgscore.writers.pmml import judge as pmml_judge
from pgscore.writers.source import read_source
from pgscore_runtime.tree_arrays import Trees
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from tests.support.database import ANALYST, NOBODY, OPERATOR, SCIENTIST
from tests.support.models import churned, customers, opaque_pipeline, pipeline, predictors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from tests.support.database import Database

_ROWS = 1000
_TEXTS = list(predictors().select_dtypes(exclude="number").columns)
_NUMBERS = list(predictors().select_dtypes("number").columns)


def _missing(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.astype(dict.fromkeys(frame.select_dtypes("number"), float)).copy()
    chance = np.random.default_rng(0)
    for name in frame:
        frame.loc[(chance.random(len(frame)) < 0.1) & (frame.index > 0), name] = None
    return frame


def _prepared(*, missing: bool) -> ColumnTransformer:
    scale = make_pipeline(SimpleImputer(), StandardScaler()) if missing else StandardScaler()
    fill = SimpleImputer(strategy="constant", fill_value="none")
    encode = OneHotEncoder(handle_unknown="ignore")
    return ColumnTransformer(
        [("numbers", scale, _NUMBERS), ("texts", make_pipeline(fill, encode) if missing else encode, _TEXTS)]
    )


_MODELS: dict[str, tuple[Any, bool]] = {
    "boosting": (pipeline(), False),
    "imputed": (make_pipeline(_prepared(missing=True), LogisticRegression(max_iter=500)), True),
    "histogram": (HistGradientBoostingClassifier(max_iter=30, categorical_features=_TEXTS, random_state=0), True),
    "perceptron": (
        make_pipeline(_prepared(missing=False), MLPClassifier((6, 4), max_iter=40, tol=0.1, random_state=0)),
        False,
    ),
    "xgboost": (XGBClassifier(n_estimators=100, max_depth=5, random_state=0), True),
}


@pytest.fixture(scope="module")
def java() -> Iterator[Any]:
    """One process of Java's for all that is asked here beside the command."""
    with jpmml.java() as backend:
        yield backend


def _published(database: Database, name: str) -> pd.DataFrame:
    """Publishes a model, and promotes it; gives rows to score."""
    model, missing = _MODELS[name]
    frame = predictors()[_NUMBERS] if name == "xgboost" else predictors()
    frame = _missing(frame) if missing else frame
    if name != "boosting":
        model.fit(frame, (churned() == "yes").astype(int) if name == "xgboost" else churned())
    # Others use the database too, and such names.
    published = pgscore.publish(database.dsn(SCIENTIST), f"exported_{name}", model, golden=frame.head(40))
    assert published.problem is None
    pgscore.promote(database.dsn(OPERATOR), published.model, published.version)
    chance = np.random.default_rng(1)
    rows = frame.iloc[chance.integers(0, len(frame), _ROWS)].reset_index(drop=True)
    # Other numbers than the model was fitted on, whole ones among them, and texts that it does not know.
    rows = rows.astype(dict.fromkeys(_NUMBERS, float))
    rows.loc[::2, _NUMBERS] = (rows.loc[::2, _NUMBERS] * chance.normal(1, 0.3, (_ROWS // 2, len(_NUMBERS)))).round(1)
    if name != "xgboost":
        rows.loc[::17, "state"] = "a state that nobody knows"
    return rows


@pytest.mark.parametrize("name", _MODELS)
def test_files_score_as_the_database_does(
    shared: Database,
    tmp_path: Path,
    java: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setattr(pmml_judge, "java", lambda: nullcontext(java))
    frame, model = _published(shared, name), f"exported_{name}"
    records = json.loads(frame.to_json(orient="records", double_precision=15))
    call = "select pgscore.score(%s, r) from jsonb_array_elements(%s) with ordinality as e (r, n) order by n"
    wanted = [score for (score,) in shared.session(ANALYST).run(call, model, json.dumps(records))]
    assert sum(score is None for score in wanted) < _ROWS / 4
    source = read_source(shared.dsn(), model, None, golden=False)
    values = [[record[each.name] for each in source.program.inputs] for record in records]
    for ending in ("onnx", "pmml"):
        path = tmp_path / f"{name}.{ending}"
        done = pgscore.export_model(shared.dsn(OPERATOR), model, path)
        assert (done.version, done.format, done.path) == (1, ending, path)
        assert done.rows >= 40
        assert done.largest_difference < 1e-12
        assert done.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        if ending == "onnx":
            found = Judge(path.read_bytes(), source.program).outputs(values)
        else:
            found = pmml_judge.evaluate(java, path, source.program, source.contract, values)
        scores = [None if row[1] != row[1] else row[1] for row in found.numbers]
        assert [score is None for score in scores] == [score is None for score in wanted]
        there = np.array([pair for pair in zip(scores, wanted, strict=True) if None not in pair], dtype=float)
        np.testing.assert_allclose(there[:, 0], there[:, 1], rtol=0, atol=1e-12)
    assert {each.name for each in tmp_path.iterdir()} == {f"{name}.onnx", f"{name}.pmml"}


def test_json_has_what_a_version_is(shared: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "churn.json"
    # Readers have the program and the contract, and no golden rows.
    assert run(["export-model", "churn", "--to", str(path), "--dsn", shared.dsn(ANALYST)]) == 0
    document = json.loads(path.read_text())
    session = shared.session()
    program = session.value("select program from pgscore.program where model = 'churn' and version = 1")
    assert document["program"] == program
    assert (document["pgscore"], document["model"], document["version"]) == (1, "churn", 1)
    assert [each["name"] for each in document["contract"]["inputs"]] == [each["name"] for each in program["inputs"]]
    assert "golden" not in document
    assert document["sha256"] == document_sha256(document)
    assert document["sha256"] in path.read_text()
    capsys.readouterr()
    arguments = ["export-model", "churn", "2", "--to", str(path), "--golden", "--force", "--json"]
    assert run([*arguments, "--dsn", shared.dsn(OPERATOR)]) == 0
    said = json.loads(capsys.readouterr().out)
    document = json.loads(path.read_text())
    assert (said["version"], said["bytes"]) == (2, path.stat().st_size)
    golden = session.run("select inputs, expected from pgscore.golden_row where model = 'churn' and version = 2")
    assert sorted(map(str, [(row["inputs"], row["expected"]) for row in document["golden"]])) == sorted(
        map(str, golden)
    )


def test_what_is_refused_leaves_nothing(shared: Database, tmp_path: Path) -> None:
    there, link = tmp_path / "there.onnx", tmp_path / "link.onnx"
    there.write_text("mine")
    link.symlink_to(there)
    refusals: list[tuple[dict[str, Any], str, str]] = [
        ({"to": there}, "is there already", "--force"),
        ({"to": link}, "is no plain file", ""),
        ({"to": tmp_path / "no" / "model.onnx"}, "there is no folder", ""),
        ({"to": tmp_path / "model"}, "does not say which format", ".onnx"),
        ({"to": tmp_path / "model.onnx", "format": "mojo"}, "mojo is no format", "onnx"),
        ({"to": tmp_path / "model.onnx", "golden": True}, "golden rows do not go into", "JSON"),
        ({"to": tmp_path / "model.onnx", "version": 99}, "has no version 99", "show"),
        ({"to": tmp_path / "model.onnx", "model": "nobody's"}, "is unknown", "list"),
    ]
    for given, message, hint in refusals:
        arguments = {"model": "churn", **given}
        with pytest.raises(pgscore.PgscoreError, match=message) as caught:
            pgscore.export_model(shared.dsn(OPERATOR), **arguments)
        assert hint.lower() in (caught.value.hint + str(caught.value)).lower()
    for login, message in ((ANALYST, "may not read golden rows"), (NOBODY, "permission denied")):
        with pytest.raises(pgscore.DeniedError, match=message):
            pgscore.export_model(shared.dsn(login), "churn", tmp_path / "model.onnx")
    assert there.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"there.onnx", "link.onnx"}


def test_a_version_that_is_no_program_is_refused(shared: Database, key: Path, tmp_path: Path) -> None:
    pgscore.publish(shared.dsn(SCIENTIST), "exported_opaque", opaque_pipeline(), golden=customers(), key=key)
    with pytest.raises(pgscore.PgscoreError, match="version 1 of model exported_opaque is no program"):
        pgscore.export_model(shared.dsn(OPERATOR), "exported_opaque", tmp_path / "model.json", version=1)
    with pytest.raises(pgscore.PgscoreError, match="has no promoted version"):
        pgscore.export_model(shared.dsn(OPERATOR), "exported_opaque", tmp_path / "model.json")


@pytest.mark.parametrize("ending", ["onnx", "pmml"])
def test_a_file_that_says_something_else_is_not_written(
    shared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Of a program whose first leaf is another one than the file's."""
    from pgscore.writers import dispatch

    def other(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        source = read_source(*arguments, **named)
        (trees,) = source.program.steps
        assert isinstance(trees, Trees)
        leaves = [value + 1e-9 for value in trees.values]
        return replace(source, program=source.program._replace(steps=(trees._replace(values=leaves),)))

    monkeypatch.setattr(dispatch, "read_source", other)
    monkeypatch.setattr("pgscore.writers.checking.expected", _of_the_database(shared))
    with pytest.raises(pgscore.PgscoreError, match=r"golden row 1.*, and the program gives 0\.\d+: no file") as caught:
        pgscore.export_model(shared.dsn(OPERATOR), "churn", tmp_path / f"model.{ending}", version=1)
    assert "account_length" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def _of_the_database(database: Database) -> Any:  # noqa: ANN401
    right = read_source(database.dsn(), "churn", 1, golden=False).program

    def expected(_: Any, asked: Any) -> Any:  # noqa: ANN401
        return checking_expected(right, asked)

    return expected


@pytest.mark.parametrize(
    ("ending", "package", "command"),
    [
        ("onnx", "onnxruntime", r"pip install 'pgscore\[formats\]'"),
        ("pmml", "jpmml_evaluator", "pip install jpmml_evaluator, and install Java"),
    ],
)
def test_what_checks_a_file_has_to_be_there(
    shared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, package: str, command: str
) -> None:
    from pgscore.writers import dispatch

    monkeypatch.setattr(dispatch, "find_spec", lambda name: None if name == package else name)
    with pytest.raises(pgscore.PgscoreError, match=f"there is no {package} here") as caught:
        pgscore.export_model(shared.dsn(OPERATOR), "churn", tmp_path / f"model.{ending}")
    assert re.search(command, caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_java_has_to_be_there(shared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pgscore.PgscoreError, match="Java cannot be started") as caught:
        pgscore.export_model(shared.dsn(OPERATOR), "churn", tmp_path / "model.pmml")
    assert "Install Java" in caught.value.hint
    # One that dies at once.
    (tmp_path / "java").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "java").chmod(0o755)
    with pytest.raises(pgscore.PgscoreError, match="Java cannot be started"):
        pgscore.export_model(shared.dsn(OPERATOR), "churn", tmp_path / "model.pmml")
    assert [path.name for path in tmp_path.iterdir()] == ["java"]
