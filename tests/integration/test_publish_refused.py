"""Bad input to publish: a clear sentence, and nothing is stored."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import joblib
import pandas as pd
import pgscore
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from tests.support.database import ANALYST, SCIENTIST, waiting_publisher
from tests.support.models import LIGHT_INPUTS, churned, customers, light_pipeline, predictors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.database import Database, Session

_STORED = (
    "select (select count(*) from pgscore.model), (select count(*) from pgscore.model_version),"
    " (select count(*) from pgscore.golden_row), (select count(*) from pgscore.model_profile)"
)


@pytest.fixture
def dsn(shared: Database, shared_session: Session) -> Iterator[str]:
    """The database; when the test ends, nothing was stored in it."""
    before = shared_session.row(_STORED)
    yield shared.dsn()
    assert shared_session.row(_STORED) == before


def _refused(dsn: str, source: object, message: str, **given: Any) -> pgscore.PgscoreError:  # noqa: ANN401
    with pytest.raises(pgscore.PgscoreError) as caught:
        pgscore.publish(dsn, given.pop("model", "bad"), source, **given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture(scope="session")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "model.joblib"
    joblib.dump(light_pipeline(), path)
    return path


def test_a_file_that_does_not_exist(dsn: str) -> None:
    _refused(dsn, "/nonexistent.joblib", "/nonexistent.joblib cannot be read: No such file", golden=customers())


@pytest.mark.parametrize("content", [b"", b"these are words", b"PK\x03\x04", b"\x80\x04."])
def test_a_file_that_is_no_pickle(dsn: str, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(content)
    _refused(dsn, path, "the artifact is not a joblib, pickle or skops file, or is cut short", golden=customers())


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_that_is_cut_short(dsn: str, tmp_path: Path, file: Path, share: float) -> None:
    path = tmp_path / "model.joblib"
    content = file.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    _refused(dsn, path, "is cut short", golden=customers())


def test_a_file_fitted_with_another_scikit_learn(dsn: str, tmp_path: Path, file: Path) -> None:
    path = tmp_path / "model.joblib"
    content = file.read_bytes()
    assert b"1.9.1" in content
    path.write_bytes(content.replace(b"1.9.1", b"1.8.0"))
    _refused(dsn, path, "was fitted with scikit-learn 1.8.0, and this Python has 1.9.1", golden=customers())


def test_a_pickle_of_something_else(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump({"coefficients": [1, 2]}, path)
    _refused(dsn, path, "holds a dict, which has no predict method", golden=customers())


def test_an_estimator_that_is_not_fitted(dsn: str) -> None:
    _refused(dsn, LogisticRegression(), "the LogisticRegression is not fitted", golden=customers())


def test_a_profile_that_does_not_exist(dsn: str) -> None:
    _refused(dsn, light_pipeline(), "there is no table churn.nothing in this database", profile="churn.nothing")


def test_a_profile_without_a_column(dsn: str) -> None:
    message = "table churn.complaints has no column total_day_minutes, total_intl_calls, number_customer_service_calls"
    _refused(dsn, light_pipeline(), message, profile="churn.complaints", golden=customers())


def test_a_profile_with_a_column_of_a_type_that_cannot_serve(dsn: str) -> None:
    model = LinearRegression().fit(predictors()[["account_length"]].set_axis(["created_at"], axis=1), [1.0] * 600)
    golden = pd.DataFrame({"created_at": [1.0, 2.0]})
    message = "types that cannot serve as inputs: created_at (timestamp with time zone)"
    _refused(dsn, model, message, profile="churn.complaints", golden=golden)


def test_golden_rows_of_another_type_than_the_column(dsn: str) -> None:
    model = LinearRegression().fit(predictors()[["account_length"]].set_axis(["state"], axis=1), [1.0] * 600)
    message = "column state of churn.customer_profile is text, and the golden rows hold numbers such as 1.0"
    _refused(dsn, model, message, profile="churn.customer_profile", golden=pd.DataFrame({"state": [1.0, 2.0]}))


def test_no_golden_rows(dsn: str) -> None:
    _refused(dsn, light_pipeline(), "there are no golden rows, and nothing is published unproved")
    _refused(dsn, light_pipeline(), "the golden rows are empty", golden=customers().head(0))
    _refused(dsn, light_pipeline(), "the golden rows lack the columns total_intl_calls", golden=_lacking())
    all_missing = customers().assign(total_intl_calls=float("nan"))
    _refused(
        dsn,
        light_pipeline(),
        "there is no row without missing values, and the estimator accepts none",
        golden=all_missing,
    )


def _lacking() -> pd.DataFrame:
    return customers().drop(columns="total_intl_calls")


def test_a_golden_file_that_is_no_csv(dsn: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    _refused(dsn, light_pipeline(), "is no CSV file with a header", golden=empty)
    _refused(dsn, light_pipeline(), "cannot be read: No such file or directory", golden=tmp_path / "none.csv")


def test_a_model_on_an_array_with_another_number_of_columns(dsn: str) -> None:
    model = LogisticRegression(max_iter=500).fit(predictors()[LIGHT_INPUTS].to_numpy(), churned())
    message = "was fitted on 3 columns without names, and the golden rows have 20"
    _refused(dsn, model, message, golden=customers())


def test_many_classes_without_a_positive_one(dsn: str) -> None:
    levels = predictors()["number_customer_service_calls"].clip(0, 2)
    model = DecisionTreeClassifier(max_depth=2).fit(predictors()[LIGHT_INPUTS], levels)
    refusal = _refused(dsn, model, "the model has 3 classes: 0, 1, 2", golden=customers())
    assert "--positive" in refusal.hint
    _refused(dsn, model, "class '7' is not among the model's: 0, 1, 2", golden=customers(), positive="7")
    several = DecisionTreeClassifier(max_depth=2).fit(predictors()[LIGHT_INPUTS], predictors()[LIGHT_INPUTS[1:]])
    _refused(dsn, several, "with several outputs cannot be scored as one number", golden=customers())


@pytest.mark.parametrize("name", ["Churn", "1st", "a-b", "", "x" * 51, "a'b"])
def test_a_name_that_is_no_identifier(dsn: str, name: str) -> None:
    _refused(dsn, light_pipeline(), "is no identifier", model=name, golden=customers())


def test_a_key_that_is_none(dsn: str, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("no key")
    _refused(dsn, light_pipeline(), "is no Ed25519 private key in PEM", golden=customers(), key=path)


def test_unknown_models(dsn: str) -> None:
    for ask in (pgscore.verify, pgscore.show_model):
        with pytest.raises(pgscore.PgscoreError, match=r"model .nothing. is unknown"):
            ask(dsn, "nothing")
    with pytest.raises(pgscore.PgscoreError, match=r"model .nothing. is unknown"):
        pgscore.promote(dsn, "nothing", 1)


def test_a_database_that_cannot_be_reached(dsn: str) -> None:
    error = _refused("postgresql://nobody@127.0.0.1:1/x", light_pipeline(), "cannot be reached", golden=customers())
    assert isinstance(error, pgscore.UnreachableError)
    assert dsn


def test_a_database_without_pgscore(empty: Database) -> None:
    error = _refused(empty.dsn(), light_pipeline(), "pgscore", golden=customers())
    assert "alembic upgrade core@head" in error.hint


def test_invariant_7_a_reader_publishes_nothing(dsn: str, shared: Database) -> None:
    assert dsn
    error = _refused(shared.dsn(ANALYST), light_pipeline(), "permission denied", golden=customers())
    assert error.sqlstate == "42501"


def test_a_connection_lost_in_the_middle_stores_nothing(serving: Database, key: Path) -> None:
    holder, observer = serving.session(), serving.session()
    before = observer.row(_STORED)
    holder.run("begin")
    holder.run("lock table pgscore.model in exclusive mode")

    def publish() -> pgscore.Published:
        return pgscore.publish(serving.dsn(SCIENTIST), "late", light_pipeline(), golden=customers(), key=key)

    with ThreadPoolExecutor(1) as other:
        publishing = other.submit(publish)
        observer.run("select pg_terminate_backend(%s, 10000)", waiting_publisher(observer))
        with pytest.raises(pgscore.UnreachableError, match="connection to the database was lost"):
            publishing.result()
    holder.run("rollback")
    assert observer.row(_STORED) == before
    published = publish()
    assert (published.version, published.created, published.problem) == (1, True, None)
