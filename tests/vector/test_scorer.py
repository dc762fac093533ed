"""Scores outside of the database are those in it, and what cannot be scored is refused in a sentence."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
import pytest
from pgscore.vector.fetching import FetchedVersion
from pgscore.vector.frames import as_shown, columns_of
from pgscore_runtime.contract import Contract, Input, Output

from tests.support import models
from tests.support.database import ANALYST, NOBODY, SCIENTIST
from tests.support.migrate import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.database import Database

_X = Input("x", "double precision", nullable=True)
_T = Input("t", "text", nullable=True)
_B = Input("b", "boolean", nullable=True)


def _scores(database: Database) -> list[float]:
    rows = database.session().run("select pgscore.score('churn', p) from churn.customer_profile p order by customer_id")
    return [score for (score,) in rows]


def test_a_program_scores_as_the_database_does(shared: Database) -> None:
    scorer = pgscore.Scorer.fetch(shared.dsn(ANALYST), "churn")
    frame = models.customers().set_index("customer_id")
    assert (scorer.model, scorer.version, len(scorer.inputs)) == ("churn", 1, 19)
    found = scorer.score(frame)
    assert found.tolist() == _scores(shared)
    assert found.index.equals(frame.index)
    np.testing.assert_allclose(found, models.probability(models.pipeline(), frame), rtol=0, atol=1e-15)
    # NULL where the model accepts none, and a reason where it refuses a row.
    frame.loc[1, "total_day_minutes"] = None
    frame.loc[2, "total_day_minutes"] = np.inf
    answers = scorer.answers(frame)
    assert answers["score"].isna().tolist() == [True, True] + [False] * (len(frame) - 2)
    assert answers["reason"].notna().tolist() == [False, True] + [False] * (len(frame) - 2)
    assert answers["reason"][2].startswith("input total_day_minutes is inf")
    assert set(answers["version"]) == {1}
    assert scorer.predict(frame)["label"].tolist()[:2] == [None, None]
    assert len(scorer.answers(frame.head(0))) == 0


def test_predictions_are_those_of_the_database(shared: Database) -> None:
    frame = models.customers()
    for version in (1, 2):
        found = pgscore.Scorer.fetch(shared.dsn(), "churn", version=version).predict(frame)
        model = models.pipeline() if version == 1 else models.light_pipeline()
        read = frame[list(model.feature_names_in_)]
        assert found["label"].tolist() == model.predict(read).tolist()
        np.testing.assert_allclose(found[["no", "yes"]], model.predict_proba(read), rtol=0, atol=1e-15)


def test_an_artifact_is_unpickled_for_who_trusts_its_key(opaque: Database, key: Path, tmp_path: Path) -> None:
    public, other = key.with_name(key.name + ".pub"), tmp_path / "other.pem"
    pgscore.generate_key(other)
    for trusted in ([], [other.with_name("other.pem.pub")]):
        with pytest.raises(pgscore.DeniedError, match="none that you trust") as caught:
            pgscore.Scorer.fetch(opaque.dsn(), "churn", trusted=trusted)
        assert "trusted=[" in caught.value.hint
    with pytest.raises(pgscore.DeniedError, match="may not read artifacts") as caught:
        pgscore.Scorer.fetch(opaque.dsn(SCIENTIST), "churn", trusted=[public])
    assert "grant select on pgscore.artifact_chunk" in caught.value.hint
    scorer = pgscore.Scorer.fetch(opaque.dsn(), "churn", trusted=[public])
    frame = models.customers().astype({"total_intl_calls": float})
    assert scorer.score(frame).tolist() == _scores(opaque)
    assert scorer.predict(frame)["label"].tolist() == models.opaque_pipeline().predict(
        frame[models.LIGHT_INPUTS]
    ).tolist()  # fmt: skip
    frame.loc[0, "total_intl_calls"] = np.inf
    assert "infinity" in scorer.answers(frame)["reason"][0]
    # What was changed afterwards is not unpickled.
    session = opaque.session()
    session.run("alter table pgscore.artifact_chunk disable trigger all")
    session.run("update pgscore.artifact_chunk set content = set_byte(content, 99, 0) where version = 3")
    with pytest.raises(pgscore.PgscoreError, match="does not cover this artifact"):
        pgscore.Scorer.fetch(opaque.dsn(), "churn", trusted=[public])


@pytest.mark.parametrize(
    ("login", "model", "version", "error", "message"),
    [
        (None, "nobody's", None, pgscore.NotFoundError, "is unknown"),
        (None, "churn", 9, pgscore.NotFoundError, "has no version 9"),
        (NOBODY, "churn", None, pgscore.DeniedError, "permission denied"),
    ],
)
def test_what_cannot_be_fetched(
    shared: Database, login: str | None, model: str, version: int | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        pgscore.Scorer.fetch(shared.dsn(login), model, version=version)


def test_a_model_of_which_no_version_is_promoted(installed: Database) -> None:
    installed.session().run("insert into pgscore.model (name) values ('waiting')")
    with pytest.raises(pgscore.PgscoreError, match="'waiting' has no promoted version"):
        pgscore.Scorer.fetch(installed.dsn(), "waiting")


def test_a_database_that_is_not_there() -> None:
    with pytest.raises(pgscore.UnreachableError, match="cannot be reached"):
        pgscore.Scorer.fetch("postgresql://127.0.0.1:1/nothing", "churn")


@pytest.mark.parametrize(
    ("series", "wanted", "expected"),
    [
        (pd.Series([1, 2**53 + 1]), _X, [1.0, float(2**53)]),
        (pd.Series([1, None], dtype="Int64"), _X, [1.0, None]),
        (pd.Series([Decimal("0.1"), None, Decimal("1e400"), Decimal("NaN")]), _X, [0.1, None, np.inf, None]),
        (pd.Series([10**400, 1], dtype=object), _X, [np.inf, 1.0]),
        # As a column of type real is read.
        (pd.Series([1.1, 123456792, -0.0, np.nan, np.inf, 1e-45], dtype="float32"), _X,
         [1.1, 123456790.0, -0.0, None, np.inf, 1e-45]),
        (pd.Series([1.1, None], dtype="Float32"), _X, [1.1, None]),
        (pd.Series([1.5, 2.5]).astype("category"), _X, [1.5, 2.5]),
        (pd.Series([None, None]), _X, [None, None]),
        (pd.Series([np.nan, np.nan]), _T, [None, None]),
        (pd.Series(["a ", None, np.nan, pd.NA, ""], dtype=object), _T, ["a ", None, None, None, ""]),
        (pd.Series(["a", None], dtype="string"), _T, ["a", None]),
        (pd.Series(["a", None]).astype("category"), _T, ["a", None]),
        (pd.Series([True, False]), _B, [1.0, 0.0]),
        (pd.Series([True, None], dtype="boolean"), _B, [1.0, None]),
        (pd.Series([True, None, np.nan], dtype=object), _B, [1.0, None, None]),
    ],
)  # fmt: skip
def test_types_that_serve(series: pd.Series[Any], wanted: Input, expected: list[Any]) -> None:
    (column,) = columns_of(pd.DataFrame({wanted.name: series}), [wanted])
    assert column.dtype == (object if wanted.is_text else np.float64)
    assert [None if value is None or value != value else value for value in column.tolist()] == expected  # noqa: PLR0124


@pytest.mark.parametrize(
    ("series", "wanted", "found"),
    [
        (pd.Series([True, False]), _X, "bool"),
        (pd.Series(["1", "2"], dtype=object), _X, "str"),
        (pd.Series([1.0, "2"], dtype=object), _X, "float"),
        (pd.Series([True, 1.0], dtype=object), _X, "bool"),
        (pd.Series([1j]), _X, "complex128"),
        (pd.Series(pd.to_datetime(["2026-11-26"]), dtype="datetime64[us]"), _X, "datetime64"),
        (pd.Series([1, 2]), _T, "int64"),
        (pd.Series(["a", 1], dtype=object), _T, "str"),
        (pd.Series([1, 0]), _B, "int64"),
        (pd.Series(["t"], dtype=object), _B, "str"),
    ],
)
def test_types_that_cannot_serve(series: pd.Series[Any], wanted: Input, found: str) -> None:
    with pytest.raises(pgscore.PgscoreError, match=f'"{wanted.name}".* type {found}.*cannot serve as {wanted.type}'):
        columns_of(pd.DataFrame({wanted.name: series}), [wanted])


def test_columns_that_are_missing_or_there_twice() -> None:
    with pytest.raises(pgscore.PgscoreError, match="no column t, b, which the model reads"):
        columns_of(pd.DataFrame({"x": [1.0], "T": ["a"]}), [_X, _T, _B])
    with pytest.raises(pgscore.PgscoreError, match="more than one column x"):
        columns_of(pd.DataFrame([[1.0, 2.0]], columns=["x", "x"]), [_X])
    not_a_frame: Any = [1.0]
    with pytest.raises(pgscore.PgscoreError, match="a list is given"):
        columns_of(not_a_frame, [_X])


def test_floats_of_four_bytes_are_what_they_are_shown_as() -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**32, 20_000, dtype=np.uint32)
    values = np.concatenate([bits.view(np.float32), random.normal(0, 100, 5000).astype(np.float32)])
    expected = np.array([float(str(value)) for value in values])
    np.testing.assert_array_equal(as_shown(values), expected)


def test_the_extra_spark_is_what_its_lane_installs() -> None:
    pins = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "docker" / "spark.txt").read_text(), re.MULTILINE))
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["spark"]
    assert f"pyspark=={pins['pyspark']}" in extra


@pytest.mark.parametrize(("tie", "label"), [("first", "a"), ("last", "c")])
def test_the_label_of_equal_outputs(tie: str, label: str) -> None:
    """A version need not come from a database; the last row has NaN among its outputs, and so no label."""
    contract = Contract("joblib", (_X,), True, "nan", Output("indicator", ("a", "b", "c"), 1), {})
    program = {
        "program": 1, "inputs": [{"name": "x", "type": "double precision", "nullable": True}], "steps": [],
        "scores": [0, 0, 0], "link": "identity", "tie": tie,
    }  # fmt: skip
    scorer = pgscore.Scorer(FetchedVersion("m", 1, contract.to_json(), json.dumps(program)))
    assert scorer.predict(pd.DataFrame({"x": [1.0, None]}))["label"].tolist() == [label, None]


def test_spark_is_not_installed(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    import pgscore.spark

    monkeypatch.setitem(sys.modules, "pyspark", None)
    nothing: Any = None
    calls: list[Callable[[], object]] = [
        lambda: pgscore.spark.profile(nothing, shared.dsn(), "churn.customer_profile"),
        lambda: pgscore.spark.score(nothing, shared.dsn(), "churn"),
        lambda: pgscore.spark.write(nothing, shared.dsn(), "churn", "churn.customer_profile"),
    ]
    for call in calls:
        with pytest.raises(pgscore.PgscoreError, match="pyspark is not installed") as caught:
            call()
        assert caught.value.hint == "pip install 'pgscore[spark]'"
