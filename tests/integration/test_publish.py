"""Publishing what data scientists fit: every kind is scored as its fitted estimator scores."""

from __future__ import annotations

import csv
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sqlalchemy import create_engine

from tests.support.database import OPERATOR, SCIENTIST
from tests.support.models import ENGINES, LIGHT_INPUTS, churned, customers, light_pipeline, predictors, serve

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from tests.support.database import Database, Session

_NUMBERS = predictors()[LIGHT_INPUTS]


def _publish(publisher: Connection, key: Path, name: str, model: object, **given: Any) -> pgscore.Published:  # noqa: ANN401
    published = pgscore.publish(publisher, name, model, key=key, promoted=True, **given)
    assert published.problem is None
    assert {each.ok for each in published.verifications} == {True}
    # Where a program answers, the artifact still loads.
    assert "estimator" in {each.engine for each in published.verifications}
    return published


def _scores(session: Session, name: str, rows: str) -> list[float | None]:
    return [score for (score,) in session.run(f"select pgscore.score('{name}', r) from {rows} r")]


@pytest.mark.parametrize("as_text", [False, True], ids=["estimator", "file"])
def test_a_publisher_publishes_and_an_operator_promotes(
    serving: Database, key: Path, tmp_path: Path, *, as_text: bool
) -> None:
    golden = tmp_path / "golden.csv"
    customers().to_csv(golden, index=False)
    source: object = light_pipeline()
    if as_text:
        source = tmp_path / "model.pickle"
        source.write_bytes(pickle.dumps(light_pipeline()))
    published = pgscore.publish(
        serving.dsn(SCIENTIST), "other", source, golden=golden, profile="churn.customer_profile", key=key
    )
    assert (published.version, published.created, published.promoted, published.problem) == (1, True, False, None)
    with pytest.raises(pgscore.PgscoreError, match="permission denied"):
        pgscore.promote(serving.dsn(SCIENTIST), "other", 1)
    pgscore.promote(serving.dsn(OPERATOR), "other", 1)
    session = serving.session()
    assert session.row("select published_by, format from pgscore.model_version where model = 'other'") == (
        SCIENTIST,
        "pickle" if as_text else "joblib",
    )
    found = _scores(session, "other", "(select * from churn.customer_profile order by customer_id)")
    assert found == pytest.approx(light_pipeline().predict_proba(customers()[LIGHT_INPUTS])[:, 1], abs=1e-12)


def test_the_same_bytes_again_are_the_version_that_stands(serving: Database, key: Path) -> None:
    again = pgscore.publish(
        serving.dsn(), "churn", light_pipeline(), profile="churn.customer_profile", key=key, metrics={"auc": 0.5}
    )
    assert (again.version, again.created) == (2, False)
    session = serving.session()
    assert session.run("select version, metrics from pgscore.model_version order by 1") == [(1, {}), (2, {})]


def test_an_engine_of_sqlalchemy_serves_as_a_database(shared: Database) -> None:
    engine = create_engine(shared.dsn().replace("postgresql://", "postgresql+psycopg2://"))
    assert [each.model for each in pgscore.list_models(engine) if each.model == "churn"] == ["churn"]
    engine.dispose()


@pytest.mark.parametrize(
    ("name", "model", "expected"),
    [
        ("regressor", LinearRegression().fit(_NUMBERS, _NUMBERS.sum(axis=1)), "predict"),
        ("tree_regressor", DecisionTreeRegressor(max_depth=4).fit(_NUMBERS, _NUMBERS.sum(axis=1)), "predict"),
        ("classifier", DecisionTreeClassifier(max_depth=3).fit(_NUMBERS, churned()), "predict_proba"),
        ("indicator", LinearSVC(random_state=0).fit(_NUMBERS / 100, churned()), "indicator"),
        ("boolean_labels", LogisticRegression(max_iter=500).fit(_NUMBERS, churned() == "yes"), "predict_proba"),
        ("pipeline_of_steps", make_pipeline(SimpleImputer(), LinearRegression()).fit(_NUMBERS, _NUMBERS.sum(axis=1)),
         "predict"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_kinds_of_estimators(
    publisher: Connection,
    shared_session: Session,
    key: Path,
    name: str,
    model: Any,  # noqa: ANN401
    expected: str,
) -> None:
    _publish(publisher, key, name, model, profile="churn.customer_profile")
    frame = customers()[LIGHT_INPUTS].astype(float)
    found = _scores(shared_session, name, "(select * from churn.customer_profile order by customer_id)")
    if expected == "predict":
        wanted = model.predict(frame)
    elif expected == "indicator":
        wanted = (model.predict(frame) == "yes").astype(float)
    else:
        wanted = model.predict_proba(frame)[:, 1]
    assert found == pytest.approx(wanted, abs=1e-12, rel=1e-14)


def test_one_of_many_classes(publisher: Connection, shared_session: Session, key: Path) -> None:
    labels = pd.cut(predictors()["total_day_minutes"], 3, labels=["low", "middle", "high"]).astype(str)
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(predictors()[["total_day_charge"]], labels)
    _publish(publisher, key, "level", model, golden=customers(), positive="high")
    found = _scores(
        shared_session, "level", "(select total_day_charge from churn.customer_profile order by customer_id)"
    )
    position = list(model.classes_).index("high")
    assert found == pytest.approx(model.predict_proba(customers()[["total_day_charge"]])[:, position], abs=1e-12)


def test_a_model_fitted_on_an_array_takes_the_golden_rows_names(
    publisher: Connection, shared_session: Session, key: Path
) -> None:
    model = LogisticRegression(max_iter=500).fit(_NUMBERS.to_numpy(), churned())
    _publish(publisher, key, "unnamed", model, golden=customers()[LIGHT_INPUTS], profile="churn.customer_profile")
    found = _scores(shared_session, "unnamed", "(select * from churn.customer_profile order by customer_id)")
    expected = model.predict_proba(customers()[LIGHT_INPUTS].to_numpy())[:, 1]
    assert found == pytest.approx(expected, abs=1e-12)


def test_null_reaches_a_model_that_accepts_it(publisher: Connection, shared_session: Session, key: Path) -> None:
    frame = predictors()[[*LIGHT_INPUTS]].astype(float)
    frame.iloc[::7, 0] = np.nan
    model = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(frame, churned())
    _publish(publisher, key, "accepting", model, golden=frame.head(30))
    inputs = shared_session.value("select contract -> 'inputs' from pgscore.model_version where model = 'accepting'")
    assert [each["nullable"] for each in inputs] == [True, True, True]
    row = pd.DataFrame([[np.nan, 3.0, 2.0]], columns=LIGHT_INPUTS)
    for engine in ENGINES:
        serve(shared_session, "accepting", 1, engine)
        found = shared_session.value(
            "select pgscore.score('accepting', jsonb_build_object('total_day_minutes', null, 'total_intl_calls', 3,"
            " 'number_customer_service_calls', 2))"
        )
        assert found == pytest.approx(model.predict_proba(row)[0, 1], abs=1e-12)


@pytest.fixture(scope="module")
def typed_table(shared_session: Session) -> pd.DataFrame:
    """Table typed, with a column of each type that can serve; the frame that it was made from."""
    shared_session.run(
        """
        create type tint as enum ('red', 'green', 'blue');
        create domain share as numeric(5, 2) check (value >= 0);
        create table typed (
            id integer primary key, small smallint, whole integer, big bigint, exact numeric(12, 4), single real,
            dbl double precision, "the share" share, flag boolean, fixed char(4), limited varchar(10), colour tint,
            "Zip" text
        );
        insert into typed
        select i, i % 7, i * 3, i * 100000000000, i / 8.0, 1.1 * (i % 9), i / 3.0, (i % 50) / 4.0, i % 3 = 0,
            (array['ab', 'cd', 'abcd'])[1 + i % 3], (array['x', 'yy', 'zzz '])[1 + i % 3],
            (enum_range(null::tint))[1 + i % 3], lpad((i % 5)::text, 5, '0')
        from generate_series(1, 80) i;
        grant usage on schema public to pgscore_owner;
        """
    )
    rows = shared_session.run(
        'select small, whole, big, exact::float8, single::text::float8, dbl, "the share"::float8, flag,'
        ' fixed, limited, colour::text, "Zip" from typed order by id'
    )
    names = [
        "small",
        "whole",
        "big",
        "exact",
        "single",
        "dbl",
        "the share",
        "flag",
        "fixed",
        "limited",
        "colour",
        "Zip",
    ]
    return pd.DataFrame(rows, columns=names)


def _typed_model(frame: pd.DataFrame) -> Any:  # noqa: ANN401
    texts = ["fixed", "limited", "colour", "Zip"]
    prepared = ColumnTransformer(
        [("texts", OneHotEncoder(), texts), ("flag", OrdinalEncoder(), ["flag"])], remainder="passthrough"
    )
    target = frame["whole"] + frame["flag"] * 5.0 + (frame["Zip"] == "00003") * 11 + (frame["fixed"] == "ab  ") * 7
    return make_pipeline(prepared, DecisionTreeRegressor(max_depth=7, random_state=0)).fit(frame, target)


def test_columns_of_every_type_that_can_serve(
    publisher: Connection, shared_session: Session, key: Path, typed_table: pd.DataFrame
) -> None:
    model = _typed_model(typed_table)
    _publish(publisher, key, "typed", model, profile="public.typed")
    expected = pytest.approx(model.predict(typed_table), abs=1e-12)
    for engine in ENGINES:
        serve(shared_session, "typed", 1, engine)
        assert _scores(shared_session, "typed", "(select t.*, 1 as more from typed t order by t.id)") == expected
        found = shared_session.run("select pgscore.score('typed', t) from typed t order by id")
        assert [score for (score,) in found] == expected
    types = shared_session.value(
        "select jsonb_object_agg(i ->> 'name', i ->> 'type') from pgscore.model_version v,"
        " jsonb_array_elements(v.contract -> 'inputs') i where v.model = 'typed'"
    )
    assert (types["flag"], types["Zip"], types["colour"], types["single"]) == (
        "boolean",
        "text",
        "text",
        "double precision",
    )


def test_a_golden_csv_whose_texts_look_like_numbers(
    publisher: Connection, shared_session: Session, key: Path, typed_table: pd.DataFrame, tmp_path: Path
) -> None:
    frame = typed_table[["Zip", "whole"]].copy()
    frame.loc[frame["Zip"] == "00004", "Zip"] = "NA"
    prepared = ColumnTransformer([("texts", OneHotEncoder(handle_unknown="ignore"), ["Zip"])], remainder="passthrough")
    model = make_pipeline(prepared, LinearRegression()).fit(frame, frame["whole"] + (frame["Zip"] == "NA") * 11)
    golden = tmp_path / "golden.csv"
    frame.to_csv(golden, index=False, quoting=csv.QUOTE_NONNUMERIC)
    _publish(publisher, key, "zip", model, golden=golden, profile="public.typed")
    inputs = (
        "select distinct inputs ->> 'Zip' from pgscore.golden_row where model = 'zip' and inputs ->> 'Zip' is not null"
    )
    edges = ["", "never seen"]
    found = sorted(zip_code for (zip_code,) in shared_session.run(inputs))
    assert found == sorted(["00000", "00001", "00002", "00003", "NA", *edges])
    score = shared_session.value("""select pgscore.score('zip', '{"Zip": "NA", "whole": 5}'::jsonb)""")
    assert score == pytest.approx(model.predict(pd.DataFrame({"Zip": ["NA"], "whole": [5]}))[0], abs=1e-9)
