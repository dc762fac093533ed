"""orbital (Posit): a fitted pipeline as a query over a table, beside `pgscore.score` over the same scan."""

from __future__ import annotations

import copy
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from sklearn.pipeline import Pipeline

from .contender import BaselineError, NotTheSameError
from .customers import CUSTOMERS, MANY, MANY_CUSTOMERS, declared, predictors
from .figure import Detail, Measured, ratio
from .models import BOOSTERS, fitted
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from .field import Field
    from .setting import Session

_COLUMN = "output_probability.1"
_COMPARED = 200
# It computes in the float32 of the ONNX graph that it comes from, and a row on a border may fall on its other side.
_TOLERANCE = 1e-5
_SAME = 0.95


def query(model: str, table: str) -> str:
    """The SELECT that orbital makes of a model: a row for each row of the table, with the column `_COLUMN`.

    Raises:
        BaselineError: orbital cannot.
    """
    import orbital
    import orbital.types

    pipeline = copy.deepcopy(fitted(model))
    if model in BOOSTERS:
        pipeline = Pipeline([("classify", pipeline)])
    else:
        # Of labels that are texts it makes literals that PostgreSQL refuses.
        pipeline[-1].classes_ = np.arange(len(pipeline[-1].classes_))
    # All as doubles: integer columns would have it add casts.
    features = {name: orbital.types.DoubleColumnType() for name in declared()}
    try:
        made: str = orbital.export_sql("bench_rows", orbital.parse_pipeline(pipeline, features), dialect="postgres")
    except Exception as error:
        raise BaselineError(f"orbital does not take {model}: {error}") from error
    # It has no word for a schema.
    return made.replace('"bench_rows"', table)


def compare(model: str) -> Callable[[Field], list[Measured]]:
    """Rows in a second through pgscore, divided by those of orbital's query."""
    return partial(_compare, model)


def compare_if_taken(model: str) -> Callable[[Field], list[Measured]]:
    """The same of a model that orbital may not take: its line says so then."""
    return partial(_compare_if_taken, model)


def _compare_if_taken(model: str, field: Field) -> list[Measured]:
    try:
        query(model, CUSTOMERS)
    except BaselineError as error:
        return [Measured(spread([0.0]), "rows/s", note=str(error).splitlines()[0])]
    return _compare(model, field)


def _compare(model: str, field: Field) -> list[Measured]:
    ours = field.ours(model)
    theirs = f'select sum(s."{_COLUMN}") from ({query(model, MANY_CUSTOMERS)}) s'  # noqa: S608  our own text
    mine = f"select sum({ours.score}) from {MANY_CUSTOMERS} c"  # noqa: S608  our own text
    with field.server.session() as session:
        _check(session, model)
        found = in_turn([partial(session.seconds, each) for each in (mine, theirs)], field.effort.bulk)
    return ratio(
        [orbital / pgscore for pgscore, orbital in found],
        [
            Detail(name, spread([MANY / each[side] for each in found]), f"rows/s, of {MANY:,} rows")
            for side, name in enumerate(("pgscore", "orbital"))
        ],
    )


def _check(session: Session, model: str) -> None:
    few = f"(select * from {CUSTOMERS} where id <= {_COMPARED} order by id)"  # noqa: S608  our own text
    found = session.run(f'select s."{_COLUMN}" from ({query(model, few)}) s')  # noqa: S608  our own text
    expected = np.sort(fitted(model).predict_proba(predictors().head(_COMPARED))[:, 1])
    near = np.abs(np.sort([float(score) for (score,) in found]) - expected) <= _TOLERANCE
    if np.mean(near) < _SAME:
        raise NotTheSameError(f"orbital: {np.sum(~near)} of {_COMPARED} scores of {model} are wrong")
