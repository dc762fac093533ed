"""Boosters that are no programs: where the server has their libraries, where it has not, and where it has others."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
import pgscore
import pytest
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier, LGBMRegressor
from pgscore.keys import sign
from pgscore.publishing.artifact import open_artifact
from pgscore.publishing.describe import describe
from sklearn.model_selection import GridSearchCV
from xgboost import XGBRegressor

from examples.server.cluster import PrivateCluster
from tests.support import migrate
from tests.support.command import run
from tests.support.database import Database, Session, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    "PGSCORE_SERVER_ROOT" in os.environ, reason="the packages are made for the Python of this machine"
)
_ROWS = 300
# Of a backend that PL/Python, numpy and a booster run in.
_THREADS = "select count(*) from pg_ls_dir('/proc/' || pg_backend_pid() || '/task')"


def _frame() -> pd.DataFrame:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(random.normal(size=(_ROWS, 2)), columns=["a", "b"])
    frame.loc[::9, "b"] = np.nan
    return frame.assign(plan=random.choice(["gold", "silver", "tin", "wood"], _ROWS))


def _target(frame: pd.DataFrame) -> Any:  # noqa: ANN401
    return ((frame["a"] > 0) ^ frame["plan"].isin(["gold", "tin"])).astype(int)


def _catboost() -> Any:  # noqa: ANN401
    """With statistics of the categories."""
    return CatBoostClassifier(
        iterations=12, depth=4, verbose=0, allow_writing_files=False, cat_features=["plan"], one_hot_max_size=1
    )


# What is fitted, of which columns; what of it is no program.
_MODELS: dict[str, tuple[Callable[[], Any], list[str], str]] = {
    "catboost": (_catboost, ["a", "b", "plan"], "computes statistics of categories"),
    "lightgbm": (
        lambda: LGBMRegressor(n_estimators=9, linear_tree=True, verbose=-1),
        ["a", "b"],
        "has linear models in its leaves",
    ),
    "xgboost": (lambda: XGBRegressor(n_estimators=9, missing=-1.0), ["a"], "takes -1 for a missing value"),
}


@pytest.fixture(scope="module")
def boosted(key: Path) -> Iterator[Database]:
    """A server of its own, with the boosters' libraries."""
    build = [str(migrate.ROOT / "docker" / "server-python"), "boosters"]
    path = subprocess.run(build, check=True, capture_output=True, text=True).stdout.strip()
    with PrivateCluster(python_path=path) as cluster:
        database = Database(cluster, "postgres")
        migrate.upgrade(database.dsn())
        pgscore.trust_key(database.dsn(), pgscore.read_public_key(key.with_name(key.name + ".pub")), "the tests")
        _make_table(database.session())
        yield database
        database.close()


def _make_table(session: Session) -> None:
    session.run("create table public.row (id integer primary key, a float8, b float8, plan text)")
    lines = _frame().to_csv(header=False, na_rep="\\N")
    session.copy("copy public.row from stdin with (format csv, null '\\N')", lines)


@pytest.mark.parametrize("name", _MODELS)
def test_the_estimator_engine_serves_it_in_one_thread(boosted: Database, key: Path, name: str) -> None:
    make, columns, obstacle = _MODELS[name]
    frame = _frame()
    model = make().fit(frame[columns], _target(frame))
    published = pgscore.publish(
        boosted.dsn(), name, model, golden=frame[columns].head(30), profile="public.row", key=key, promoted=True
    )
    assert obstacle in (published.obstacle or "")
    assert [(each.engine, each.ok) for each in published.verifications] == [("estimator", True)]
    session = boosted.session()
    found = session.run("select r.score from pgscore.score_rows(%s, 'public.row') r order by r.key::integer", name)
    wanted = model.predict_proba(frame[columns])[:, 1] if name == "catboost" else model.predict(frame[columns])
    assert np.array(found, dtype=float)[:, 0] == pytest.approx(wanted, abs=1e-12)
    assert session.value(_THREADS) == 1


def test_what_is_fitted_inside_of_another_has_one_thread_too(boosted: Database, key: Path) -> None:
    frame = _frame()[["a", "b"]]
    inner = LGBMClassifier(n_estimators=3, linear_tree=True, verbose=-1, n_jobs=2)
    model = GridSearchCV(inner, {"max_depth": [3]}, cv=2).fit(frame, _target(_frame()))
    pgscore.publish(boosted.dsn(), "search", model, golden=frame.head(30), profile="public.row", key=key, promoted=True)
    session = boosted.session()
    assert session.value("select count(score) from pgscore.score_rows('search', 'public.row')") == _ROWS
    assert session.value(_THREADS) == 1


def test_the_doctor_knows_the_libraries(boosted: Database) -> None:
    versions = run(boosted.dsn(), "doctor").stdout
    assert "xgboost 3." in versions
    assert "lightgbm 4." in versions
    assert "catboost 1." in versions


@pytest.mark.parametrize("name", _MODELS)
def test_a_server_without_the_library(shared: Database, key: Path, tmp_path: Path, name: str) -> None:
    """Published, since a server may get the library later; not verified and not promoted, each in a sentence."""
    make, columns, obstacle = _MODELS[name]
    frame = _frame()
    joblib.dump(make().fit(frame[columns], _target(frame)), tmp_path / "model.joblib")
    frame[columns].head(30).to_csv(tmp_path / "rows.csv", index=False)
    model = f"without_{name}"
    says = f"the server's Python has no {name}, and the model was fitted with "
    published = run(
        shared.dsn(), "publish", model, tmp_path / "model.joblib", "--golden", tmp_path / "rows.csv", "--key", key
    ).stdout
    assert obstacle in published
    assert says in published
    assert "Install docker/requirements-boosters.txt, or " in published
    for function in ("pgscore.verify(%s, 1)", "pgscore.promote(%s, 1)"):
        with refused("0A000", says, hint="docker/requirements-boosters.txt"):
            shared.session().run(f"select * from {function}", model)


@pytest.mark.parametrize(("patch", "is_refused"), [("{0}.{1}.99", False), ("{0}.99.0", True)])
def test_a_server_with_another_version(boosted: Database, key: Path, patch: str, is_refused: bool) -> None:
    """As with scikit-learn: another major or minor version is refused, a patch is not."""
    frame = _frame()[["a"]]
    model = XGBRegressor(n_estimators=3, missing=-1.0).fit(frame, frame["a"])
    contract, golden = describe(model, frame.head(5))
    here = contract.libraries["xgboost"]
    version = patch.format(*here.split("."))
    other = replace(contract, libraries={**contract.libraries, "xgboost": version})
    session = boosted.session()
    with open_artifact(model) as artifact:
        signed = sign(other, artifact.sha256, key)
        session.run("begin")
        session.run(
            "select pgscore._publish('other', %s, %s, %s, 'joblib', %s, %s, %s, '{}', %s, null)",
            other.digest(artifact.sha256), artifact.sha256, artifact.size, other.to_json(), signed.value, signed.key_id,
            json.dumps([each.to_json() for each in golden]),
        )  # fmt: skip
        session.run(
            "select pgscore._store_chunk('other', max(version), %s) from pgscore.model_version where model = 'other'",
            b"".join(artifact.pieces()),
        )
        session.run("commit")
    load = "select pgscore._load('other', max(version)) from pgscore.model_version where model = 'other'"
    if is_refused:
        with refused("0A000", f"the model was fitted with xgboost {version}, and the server's Python has {here}"):
            session.run(load)
    else:
        session.run(load)
