"""Boosters' files that are bad, by `pgscore publish`: a sentence, exit code 1, and nothing is stored."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier
from pgscore.command import run
from xgboost import XGBClassifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.database import Database, Session

_STORED = (
    "select (select count(*) from pgscore.model), (select count(*) from pgscore.model_version),"
    " (select count(*) from pgscore.golden_row), (select count(*) from pgscore.artifact_chunk),"
    " (select count(*) from pgscore.model_profile)"
)
_FILES = ("model.json", "model.ubj", "model.txt", "model.cbm")
Publish = "Callable[..., str]"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(4).normal(size=(80, 3)), columns=["a", "b", "c"]).round(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, frame: pd.DataFrame) -> Path:
    """A model in each format, and rows."""
    made = tmp_path_factory.mktemp("boosters")
    target = (frame["a"] > 0).astype(int)
    booster = XGBClassifier(n_estimators=3).fit(frame, target)
    booster.save_model(made / "model.json")
    booster.save_model(made / "model.ubj")
    LGBMClassifier(n_estimators=3, verbose=-1).fit(frame, target).booster_.save_model(made / "model.txt")
    last = CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False).fit(frame, target)
    last.save_model(str(made / "model.cbm"))
    frame.head(20).to_csv(made / "rows.csv", index=False)
    return made


@pytest.fixture
def refused(
    shared: Database,
    shared_session: Session,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., str]]:
    """Runs the command, and gives what it says; when the test ends, nothing was stored."""
    monkeypatch.setenv("PGSCORE_DSN", shared.dsn())
    before = shared_session.row(_STORED)

    def publish(file: Path, *options: str | Path) -> str:
        given = options or ("--golden", folder / "rows.csv")
        assert run(["publish", "bad", str(file), *map(str, given)]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        # A sentence, and below it what to do.
        sentence, *hints = [line for line in said.err.splitlines() if line.strip()]
        assert len(hints) <= 1, said.err
        return f"{sentence} {' '.join(hints)}"

    yield publish
    assert shared_session.row(_STORED) == before


@pytest.mark.parametrize("name", _FILES)
def test_a_file_that_is_cut_short(refused: Callable[..., str], folder: Path, tmp_path: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    for size in (100, len(content) // 3, 2 * len(content) // 3, len(content) - 300, len(content) - 12):
        (tmp_path / name).write_bytes(content[:size])
        assert "is cut short" in refused(tmp_path / name), size


def _newer(name: str, content: bytes) -> bytes:
    if name == "model.json":
        return re.sub(rb'"version":\[3,', b'"version":[4,', content)
    if name == "model.ubj":
        # Behind the length of its array.
        start, found, behind = content.partition(b"version[#L" + struct.pack(">q", 3) + b"i\x03")
        return start + found[:-1] + b"\x04" + behind
    if name == "model.txt":
        return content.replace(b"version=v4", b"version=v5")
    return content.replace(b"FlabuffersModel_v1", b"FlabuffersModel_v2")


@pytest.mark.parametrize("name", _FILES)
def test_a_file_of_a_newer_format(refused: Callable[..., str], folder: Path, tmp_path: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    newer = _newer(name, content)
    assert newer != content
    (tmp_path / name).write_bytes(newer)
    assert re.search(r"was written by \w+ .*, which \S+, as is installed here, does not read", refused(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "written"),
    [("model.cbm", "model.ubj"), ("model.ubj", "model.json"), ("model.json", "model.txt"), ("words", "model.cbm")],
)
def test_a_file_of_another_kind_than_its_ending_says(
    refused: Callable[..., str], folder: Path, tmp_path: Path, name: str, written: str
) -> None:
    content = b"these are words" if name == "words" else (folder / name).read_bytes()
    (tmp_path / written).write_bytes(content)
    kind = {"model.ubj": "xgboost-ubj", "model.json": "xgboost-json", "model.txt": "lightgbm", "model.cbm": "catboost"}
    assert f"is no {kind[written]} file, as its ending says" in refused(tmp_path / written)


def test_a_pickle_with_a_boosters_ending(refused: Callable[..., str], tmp_path: Path) -> None:
    joblib.dump([1, 2], tmp_path / "model.cbm")
    assert "is no catboost file, as its ending says" in refused(tmp_path / "model.cbm")


def test_json_that_is_no_model(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text('{"learner": 1, "version": [3, 0, 0]}')
    assert "is no XGBoost model, or is cut short" in refused(tmp_path / "model.json")


@pytest.mark.parametrize("name", _FILES)
def test_a_table_that_lacks_inputs(refused: Callable[..., str], folder: Path, name: str) -> None:
    says = refused(folder / name, "--profile", "churn.complaints", "--golden", folder / "rows.csv")
    assert "table churn.complaints has no column a, b, c" in says


@pytest.mark.parametrize("name", _FILES)
def test_rows_that_lack_inputs(
    refused: Callable[..., str], folder: Path, tmp_path: Path, frame: pd.DataFrame, name: str
) -> None:
    frame[["a", "c"]].head(9).to_csv(tmp_path / "rows.csv", index=False)
    assert "lack the columns b, which the model reads" in refused(folder / name, "--golden", tmp_path / "rows.csv")


@pytest.mark.parametrize("name", _FILES)
def test_text_where_a_number_is_wanted(
    refused: Callable[..., str], folder: Path, tmp_path: Path, frame: pd.DataFrame, name: str
) -> None:
    frame.head(9).assign(b="gold").to_csv(tmp_path / "rows.csv", index=False)
    said = refused(folder / name, "--golden", tmp_path / "rows.csv")
    assert "column b of the rows of " in said
    assert "is text, and the model was fitted on numbers there" in said


def test_it_prints_the_tolerance(
    shared: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PGSCORE_DSN", shared.dsn())
    for name, is_single in (("model.ubj", True), ("model.txt", False)):
        given: list[Any] = ["publish", f"printed_{is_single}".lower(), folder / name, "--golden", folder / "rows.csv"]
        assert run(list(map(str, given))) == 0
        assert ("It adds in single precision, so scores may be" in capsys.readouterr().out) == is_single
