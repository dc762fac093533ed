"""Golden rows are replayed in arrays: how often something is called must not grow with a model's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pgscore
import psycopg2
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.support.database import refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.database import Database, Session

_ROWS, _NARROW, _WIDE = 40, 3, 60


class _Counting(psycopg2.extensions.connection):
    """A connection that counts its statements."""

    statements = 0

    def cursor(self, *given: Any, **named: Any) -> Any:  # noqa: ANN401
        """Each statement of pgscore's has a cursor of its own."""
        self.statements += 1
        return super().cursor(*given, **named)


def _fitted(width: int, last: object) -> tuple[Any, pd.DataFrame]:
    random = np.random.default_rng(2)
    frame = pd.DataFrame({f"n{n}": random.normal(size=_ROWS) for n in range(width)})
    frame.iloc[::4, 0] = np.nan
    frame["active"] = random.random(_ROWS) < 0.5
    frame["plan"] = pd.Series(random.choice(["basic", "plus"], _ROWS), dtype=object)
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    prepared = make_column_transformer((numbers, [*frame.columns[:width], "active"]), (encoder, ["plan"]))
    return make_pipeline(prepared, last).fit(frame, frame["n1"] > 0), frame


@pytest.fixture(scope="module")
def connection(shared: Database) -> Iterator[_Counting]:
    """For all publications here: its backend imports scikit-learn once."""
    connection = psycopg2.connect(shared.dsn(), connection_factory=_Counting)
    yield connection
    connection.close()


def _counted(cursor: Any) -> dict[str, int]:  # noqa: ANN401
    cursor.execute("select funcname, sum(calls)::integer from pg_stat_xact_user_functions group by 1")
    return dict(cursor.fetchall())


def _publish(
    connection: _Counting,
    key: Path,
    name: str,
    width: int,
    last: object,
) -> tuple[pgscore.Published, dict[str, int]]:
    """Publishes and promotes; how often each function was called when the version is proved once more."""
    model, frame = _fitted(width, last)
    published = pgscore.publish(connection, name, model, golden=frame, key=key, promoted=True)
    cursor = psycopg2.extensions.connection.cursor(connection)
    cursor.execute("set local track_functions = 'all'")
    # What another transaction has left there, a moment ago, does not count.
    before = _counted(cursor)
    cursor.execute("select pgscore._promote(%s, 1, null, 60, false)", (name,))
    calls = {function: many - before.get(function, 0) for function, many in _counted(cursor).items()}
    cursor.execute("select count(*) from pgscore.golden_row where model = %s and expected is null", (name,))
    ((calls["refused"],),) = cursor.fetchall()
    connection.rollback()
    return published, calls


@pytest.mark.parametrize("last", [LogisticRegression(), KNeighborsClassifier(3)], ids=["program", "estimator"])
def test_a_publication_takes_as_many_steps_however_wide_it_is(connection: _Counting, key: Path, last: object) -> None:
    statements = []
    for width in (_NARROW, _WIDE):
        connection.statements = 0
        name = f"wide_{width}_{type(last).__name__.lower()}"
        published, calls = _publish(connection, key, name, width, last)
        statements.append(connection.statements)
        assert {each.ok for each in published.verifications} == {True}
        assert {each.rows for each in published.verifications} == {published.golden_rows}
        engines = len(published.verifications)
        # Ten rows first, then a hundred, then all others; and once for measuring.
        assert calls["_golden_differences"] == 1
        assert calls["_golden_arrays"] <= 3 * engines + 1
        # A value at a time only where JSON has no number for it, which is a row of each input.
        assert calls.get("_payload_value", 0) <= (engines + 1) * width
        if engines == 1:
            # It is measured row by row, for as long as that may take.
            assert calls["_replay_estimator"] <= 3
            continue
        # Two functions have this name. The list of engines, and the replay, ask whether it is there.
        assert calls["_estimate"] <= 2 * (calls["refused"] + 3) + 3
    # It begins and ends transactions too, but asks for nothing twice.
    assert statements[0] == statements[1] <= 6


def test_a_publication_that_promotes_proves_once_and_says_what_came_of_it(connection: _Counting, key: Path) -> None:
    """What pgscore.promote has replayed is not replayed for the report."""
    model, frame = _fitted(_NARROW, LogisticRegression())
    published = pgscore.publish(connection, "proved_once", model, golden=frame, key=key, promoted=True)
    assert published.promoted
    assert published.verifications == pgscore.verify(connection, "proved_once", 1)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("inputs - 'n0'", 'the row has no input "n0"'),
        ('inputs || \'{"n0": "many"}\'', 'input "n0" is the string "many", and the model wants double precision'),
        ("inputs || '{\"n0\": true}'", 'input "n0" is the boolean true, and the model wants double precision'),
        ("inputs || '{\"active\": 1}'", 'input "active" is the number 1, and the model wants boolean'),
        ("inputs || '{\"plan\": [1]}'", 'input "plan" is the array [1], and the model wants text'),
    ],
)
def test_a_golden_row_that_is_none(
    shared: Database, connection: _Counting, key: Path, inputs: str, message: str
) -> None:
    """Whatever a publisher may have stored as one."""
    _replayable(connection, key)
    session = shared.session()
    session.run("begin")
    session.run("set local session_replication_role = 'replica'")
    session.run(f"update pgscore.golden_row set inputs = {inputs} where model = 'replayable' and ordinal = 2")
    with refused("42703" if "no input" in message else "42804", message):
        session.run("select * from pgscore._replay('sql', 'replayable', 1, 1, 10)")
    session.run("rollback")


def test_numbers_that_json_holds_and_a_double_does_not(shared: Database, connection: _Counting, key: Path) -> None:
    _replayable(connection, key)
    session = shared.session()
    session.run("begin")
    session.run("set local session_replication_role = 'replica'")
    numbers = {"1e400": np.inf, "-1e400": -np.inf, "1e-400": 0, '"-Infinity"': -np.inf, "1e300": 1e300}
    for number, wanted in numbers.items():
        assert _first_number(session, number) == wanted
    for missing in ("null", '"NaN"'):
        assert np.isnan(_first_number(session, missing))
    session.run("rollback")


def _first_number(session: Session, number: str) -> float:
    session.run(
        f"update pgscore.golden_row set inputs = inputs || '{{\"n0\": {number}}}'"
        " where model = 'replayable' and ordinal = 2"
    )
    found: float = session.value("select numbers[1] from pgscore._golden_arrays('replayable', 1, 2, 2)")
    return found


def _replayable(connection: _Counting, key: Path) -> None:
    model, frame = _fitted(_NARROW, LogisticRegression())
    pgscore.publish(connection, "replayable", model, golden=frame, key=key)
