"""Rows by an estimator: pgscore.score_rows beside predict_proba on a DataFrame, and beside a row each."""

from __future__ import annotations

import time
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from .contender import NotTheSameError
from .customers import CODED_CUSTOMERS, coded_predictors
from .figure import Detail, ratio
from .models import fitted
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .field import Field
    from .figure import Measured
    from .setting import Session

_TIMES = 8
_ALONE = 60
_TOLERANCE = 1e-9
_QUERY = f"select c.* from {CODED_CUSTOMERS} c, generate_series(1, {_TIMES})"  # noqa: S608  our own text


def against_pandas(model: str) -> Callable[[Field], list[Measured]]:
    """Rows in a second by score_rows, divided by those of predict_proba in the client, on a DataFrame that is there."""
    return partial(_compare, model, "pandas", _by_pandas)


def against_single_rows(model: str) -> Callable[[Field], list[Measured]]:
    """Rows in a second by score_rows, divided by those of a query that calls pgscore.score for each row."""
    return partial(_compare, model, "row by row", _by_rows)


@cache
def _frame() -> pd.DataFrame:
    return pd.concat([coded_predictors()] * _TIMES, ignore_index=True)


def by_program(model: str) -> Callable[[Field], list[Measured]]:
    """Rows in a second by score_rows where the model's program serves, divided by those where the estimator does."""
    return partial(_compare_engines, model)


def _compare_engines(model: str, field: Field) -> list[Measured]:
    field.ours(model)
    with field.server.session() as session:
        found = in_turn([partial(_served, session, model, engine) for engine in (None, "estimator")], field.effort.bulk)
    return ratio(
        [program / estimator for program, estimator in found],
        [
            Detail(side, spread([each[place] for each in found]), "rows/s")
            for place, side in enumerate(("program", "estimator"))
        ],
        f"of {len(_frame()):,} rows, {len(_frame().columns)} columns",
    )


def _served(session: Session, model: str, engine: str | None) -> float:
    _serve(session, model, engine)
    # Loads what it takes.
    session.run("select count(score) from pgscore.score_rows(%s, %s)", (model, CODED_CUSTOMERS))
    return _by_score_rows(session, model)


def _serve(session: Session, model: str, engine: str | None) -> None:
    """Has an engine serve a model; None: the one that the promotion chooses."""
    session.run("select pgscore.promote(name, serving, %s) from pgscore.model where name = %s", (engine, model))


def _compare(model: str, name: str, other: Callable[[Session, str], float], field: Field) -> list[Measured]:
    field.ours(model)
    with field.server.session() as session:
        # A net has a program, too, which walks one row after the other.
        _serve(session, model, "estimator")
        _check(session, model)
        found = in_turn([partial(_by_score_rows, session, model), partial(other, session, model)], field.effort.bulk)
    return ratio(
        [mine / theirs for mine, theirs in found],
        [
            Detail(side, spread([each[place] for each in found]), "rows/s")
            for place, side in enumerate(("score_rows", name))
        ],
        f"of {len(_frame()):,} rows, {len(_frame().columns)} columns",
    )


def _by_score_rows(session: Session, model: str) -> float:
    return len(_frame()) / session.seconds(f"select count(score) from pgscore.score_rows('{model}', '{_QUERY}')")  # noqa: S608


def _by_rows(session: Session, model: str) -> float:
    return _ALONE / session.seconds(
        f"select count(pgscore.score('{model}', c)) from {CODED_CUSTOMERS} c where c.id <= {_ALONE}"  # noqa: S608
    )


def _by_pandas(_: Session, model: str) -> float:
    # On one core, as the server.
    with threadpool_limits(1):
        start = time.perf_counter()
        fitted(model).predict_proba(_frame())
        return len(_frame()) / (time.perf_counter() - start)


def _check(session: Session, model: str) -> None:
    rows = session.run(f"select key::integer, score from pgscore.score_rows('{model}', '{CODED_CUSTOMERS}')")  # noqa: S608
    expected = fitted(model).predict_proba(coded_predictors())[:, 1]
    found = np.array([score for _, score in sorted(rows)], dtype=float)
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=0, atol=_TOLERANCE):
        raise NotTheSameError(f"score_rows gives other scores of {model} than the fitted estimator")
