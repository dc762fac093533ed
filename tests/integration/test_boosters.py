"""Boosters in the database: as estimators, at the end of pipelines, and as files of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pgscore
import pytest
import xgboost
from catboost import CatBoost, CatBoostClassifier
from lightgbm import LGBMClassifier
from pgscore.command import run
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRegressor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.database import Database

_COLUMNS = list("abcd")


def _rows(count: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(3)
    values = random.normal(size=(count, len(_COLUMNS)))
    values[random.random(values.shape) < 0.1] = np.nan
    return pd.DataFrame(values, columns=_COLUMNS)


def _target(frame: pd.DataFrame) -> np.ndarray:
    found: np.ndarray = (frame["a"].fillna(0) + frame["b"].fillna(0) > 0).astype(int).to_numpy()
    return found


def _xgboost() -> Any:  # noqa: ANN401
    return XGBClassifier(n_estimators=15, max_depth=4)


_MODELS: dict[str, Callable[[], Any]] = {
    "xgboost": _xgboost,
    "pipeline": lambda: make_pipeline(StandardScaler(), _xgboost()),
    "lightgbm": lambda: LGBMClassifier(n_estimators=15, verbose=-1),
    "catboost": lambda: CatBoostClassifier(iterations=15, depth=4, verbose=0, allow_writing_files=False),
}


def _table(database: Database, name: str, frame: pd.DataFrame) -> None:
    session = database.session()
    session.run(f"create table churn.{name} (id serial primary key, a float8, b float8, c float8, d float8)")
    values = [[None if np.isnan(each) else each for each in row] for row in frame.to_numpy().tolist()]
    for row in values:
        session.run(f"insert into churn.{name} (a, b, c, d) values (%s, %s, %s, %s)", *row)


def _scores(database: Database, name: str) -> np.ndarray:
    session = database.session()
    return np.array(
        session.value(f"select array_agg(pgscore.score(%s, p) order by id) from churn.{name} p", name), dtype=float
    )


@pytest.mark.parametrize("name", _MODELS)
def test_a_fitted_booster_scores_rows_as_it_does_itself(shared: Database, name: str) -> None:
    frame = _rows()
    model = _MODELS[name]().fit(frame, _target(frame))
    _table(shared, name, frame)
    published = pgscore.publish(
        shared.dsn(), name, model, golden=frame.head(30), profile=f"churn.{name}", promoted=True
    )
    assert published.obstacle is None
    single = name in ("xgboost", "pipeline")
    assert (published.tolerance is not None) == single
    assert _scores(shared, name) == pytest.approx(model.predict_proba(frame)[:, 1], abs=1e-6 if single else 1e-12)


def _bare(name: str, frame: pd.DataFrame) -> Any:  # noqa: ANN401
    target = _target(frame)
    if name == "bare_xgboost":
        return xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(frame, target), 9)
    if name == "bare_lightgbm":
        return lightgbm.train({"objective": "binary", "verbose": -1}, lightgbm.Dataset(frame, target), 9)
    made = {"iterations": 9, "loss_function": "Logloss", "verbose": 0, "allow_writing_files": False}
    return CatBoost(made).fit(frame, target)


@pytest.mark.parametrize("name", ["bare_xgboost", "bare_lightgbm", "bare_catboost"])
@pytest.mark.parametrize("pickled", [False, True])
def test_a_booster_without_its_wrapper(shared: Database, tmp_path: Path, name: str, pickled: bool) -> None:
    """It is stored as its library saves it, also where it comes out of a pickle."""
    frame = _rows(100)
    booster = _bare(name, frame)
    source: Any = booster
    if pickled:
        source = tmp_path / "model.joblib"
        joblib.dump(booster, source)
    published = pgscore.publish(shared.dsn(), name, source, golden=frame.head(20))
    assert (published.obstacle, published.positive) == (None, 1)
    assert all(each.ok for each in published.verifications)
    kept, expected = shared.session().row(
        "select v.format, g.expected from pgscore.model_version v join pgscore.golden_row g using (model, version)"
        " where v.model = %s and v.version = %s and g.ordinal = 1",
        name,
        published.version,
    )
    assert kept == {"bare_xgboost": "xgboost-ubj", "bare_lightgbm": "lightgbm", "bare_catboost": "catboost"}[name]
    given = xgboost.DMatrix(frame.head(1)) if name == "bare_xgboost" else frame.head(1)
    more = {"prediction_type": "Probability"} if name == "bare_catboost" else {}
    assert expected == pytest.approx(float(np.ravel(booster.predict(given, **more))[-1]), abs=1e-6)


def test_codes_of_categories(shared: Database) -> None:
    """Numbers that are tested by category, in each engine."""
    random = np.random.default_rng(2)
    given = np.column_stack([random.integers(0, 9, 300), random.normal(size=300)]).astype(np.float64)
    target = (np.isin(given[:, 0], [0, 3, 4, 8]) ^ (given[:, 1] > 1)).astype(int)
    golden = pd.DataFrame(
        np.vstack([given[:20], [[-0.5, 0], [0.99999999, 0], [8.5, 2], [1e300, 0]]]), columns=["a", "b"]
    )
    categories = XGBClassifier(n_estimators=5, enable_categorical=True, feature_types=["c", "q"]).fit(given, target)
    codes = LGBMClassifier(n_estimators=5, verbose=-1, min_data_per_group=1, cat_smooth=0)
    for model in (categories, codes.fit(given, target, categorical_feature=[0])):
        name = f"codes_{type(model).__name__.lower()}"
        published = pgscore.publish(shared.dsn(), name, model, golden=golden)
        assert published.obstacle is None
        assert {each.engine: each.ok for each in published.verifications} == {"sql": True, "interpreter": True}


def _with_plans() -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(6)
    plans = random.choice(["gold", "größe", "", "7", " gold", "a'b"], 300)
    frame = pd.DataFrame({"a": random.normal(size=300), "plan": pd.Series(plans, dtype=object)})
    frame["region"] = pd.Series(random.integers(1, 9, 300).astype(str), dtype=object)
    frame["flag"] = random.random(300) < 0.5
    target = (frame["a"] > 0) ^ frame["plan"].isin(["gold", "a'b", ""]) ^ (frame["region"] > "4") ^ frame["flag"]
    return frame, target.astype(int).to_numpy()


@pytest.mark.parametrize("form", ["file", "pipeline"])
def test_categories_of_catboost(
    shared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """Its file holds hashes of them, and golden rows tell the texts. It was fitted on integers and truths as well."""
    frame, target = _with_plans()
    made = CatBoostClassifier(
        iterations=40, depth=5, verbose=0, allow_writing_files=False, one_hot_max_size=20,
        cat_features=["plan", "region", "flag"] if form == "file" else [1, 2, 3],
    )  # fmt: skip
    if form == "file":
        source = tmp_path / "model.cbm"
        model = made.fit(frame.astype({"region": int, "plan": "category"}), target)
        model.save_model(str(source))
    else:
        source = tmp_path / "model.joblib"
        model = make_pipeline(ColumnTransformer([("all", "passthrough", list(frame))]), made).fit(frame, target)
        joblib.dump(model, source)
    session, table = shared.session(), f"churn.hashed_{form}"
    session.run(f"create table {table} (id serial primary key, a float8, plan text, region text, flag boolean)")
    strange = frame.head(9).assign(plan=["never seen", "GOLD", "gold ", "1", "NaN", "\x7f", "𝄞", "g", "größe"])
    asked = pd.concat([frame, strange, strange.assign(region="99")], ignore_index=True)
    for row in asked.astype(object).to_numpy().tolist():
        session.run(f"insert into {table} (a, plan, region, flag) values (%s, %s, %s, %s)", *row)
    session.run(f"insert into {table} (a, region, flag) values (1, '1', true)")

    monkeypatch.setenv("PGSCORE_DSN", shared.dsn())
    for given, program in ((frame[frame["region"] != "3"], False), (frame, True)):
        given.to_csv(tmp_path / "rows.csv", index=False)
        arguments = ["--golden", str(tmp_path / "rows.csv"), "--profile", table]
        assert run(["publish", f"hashed_{form}", str(source), *arguments, *(["--promote"] if program else [])]) == 0
        said = " ".join(capsys.readouterr().out.split())
        assert ("tests input 'region' for a category that no golden row holds" in said) != program
    if form == "file":
        # The table's first 200 rows do not show all, and publish looks for the others: it is the same version then.
        session.run(f"create table {table}_late as select * from {table} order by region = '3', plan = '7', id")
        assert run(["publish", f"hashed_{form}", str(source), "--profile", f"{table}_late"]) == 0
        assert "version 2 is the version that stands" in capsys.readouterr().out
    answered = [*model.predict_proba(asked)[:, 1], np.nan]
    for engine in ("sql", "interpreter"):
        session.run("select pgscore.promote(%s, 2, %s)", f"hashed_{form}", engine)
        assert _scores(shared, f"hashed_{form}") == pytest.approx(answered, abs=1e-12, nan_ok=True)


def _write_xgboost(path: Path, frame: pd.DataFrame) -> Any:  # noqa: ANN401
    model = _xgboost().fit(frame, _target(frame))
    model.save_model(path)
    return model


def _write_number(path: Path, frame: pd.DataFrame) -> Any:  # noqa: ANN401
    model = XGBRegressor(n_estimators=9).fit(frame, frame["a"].fillna(0))
    model.save_model(path)
    return model


def _write_lightgbm(path: Path, frame: pd.DataFrame) -> Any:  # noqa: ANN401
    model = LGBMClassifier(n_estimators=15, verbose=-1).fit(frame, _target(frame))
    model.booster_.save_model(path)
    return model


def _write_catboost(path: Path, frame: pd.DataFrame) -> Any:  # noqa: ANN401
    model = CatBoostClassifier(iterations=15, verbose=0, allow_writing_files=False).fit(frame, _target(frame))
    model.save_model(str(path))
    return model


_FILES: dict[str, tuple[str, Callable[[Path, pd.DataFrame], Any]]] = {
    "model.ubj": ("xgboost-ubj", _write_xgboost),
    "model.json": ("xgboost-json", _write_xgboost),
    "number.ubj": ("xgboost-ubj", _write_number),
    "model.txt": ("lightgbm", _write_lightgbm),
    "model.cbm": ("catboost", _write_catboost),
}


@pytest.mark.parametrize("file", _FILES)
def test_a_file_of_its_own_is_published_without_pickle(shared: Database, tmp_path: Path, file: str) -> None:
    frame = _rows()
    kind, write = _FILES[file]
    model = write(tmp_path / file, frame)
    frame.head(30).to_csv(tmp_path / "golden.csv", index=False)
    name = file.replace(".", "_")
    _table(shared, name, frame)
    published = pgscore.publish(
        shared.dsn(), name, tmp_path / file, golden=tmp_path / "golden.csv", profile=f"churn.{name}", promoted=True
    )
    assert published.inputs == _COLUMNS
    wanted = model.predict_proba(frame)[:, 1] if hasattr(model, "predict_proba") else model.predict(frame)
    assert _scores(shared, name) == pytest.approx(wanted, abs=1e-6)
    assert shared.session().value("select format from pgscore.model_version where model = %s", name) == kind


@pytest.mark.parametrize("file", _FILES)
def test_a_file_that_is_cut_short_is_refused(shared: Database, tmp_path: Path, file: str) -> None:
    frame = _rows(60)
    _FILES[file][1](tmp_path / file, frame)
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[: 2 * len(content) // 3])
    with pytest.raises(pgscore.PgscoreError, match="is cut short"):
        pgscore.publish(shared.dsn(), "cut", tmp_path / file, golden=frame.head(5))
    assert not shared.session().value("select exists (select from pgscore.model where name = 'cut')")


def test_a_file_of_another_kind_than_its_ending_says_is_refused(shared: Database, tmp_path: Path) -> None:
    frame = _rows(60)
    _write_catboost(tmp_path / "model.cbm", frame)
    (tmp_path / "model.cbm").rename(tmp_path / "model.ubj")
    with pytest.raises(pgscore.PgscoreError, match="is no xgboost-ubj file, as its ending says"):
        pgscore.publish(shared.dsn(), "other", tmp_path / "model.ubj", golden=frame.head(5))
