"""XGBoost and LightGBM: as they are fitted, written by hand, converted to ONNX, and asked in the client."""

from __future__ import annotations

import copy
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from xgboost import XGBClassifier

from .customers import MANY_CUSTOMERS, churned, declared, predictors
from .figure import Detail, ratio
from .models import LIGHTGBM, XGBOOST, fitted
from .pairs import in_turn, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .field import Field
    from .figure import Measured
    from .setting import Session

_TIMES = 2


def fit(model: str) -> Any:  # noqa: ANN401  neither library's estimators have types
    """100 trees of depth 6, or 500 of 31 leaves; one thread, as a backend has."""
    made: Any = (
        XGBClassifier(n_estimators=100, max_depth=6, n_jobs=1)
        if model == XGBOOST
        else LGBMClassifier(n_estimators=500, num_leaves=31, n_jobs=1, verbose=-1)
    )
    return made.fit(predictors(), (churned() == "yes").astype(int))


def margin(model: str) -> str:
    """The sum of all leaves, as nested CASE expressions."""
    trees = _xgboost() if model == XGBOOST else _lightgbm()
    return " + ".join(trees)


def to_onnx(model: str) -> bytes:
    """The model as onnxmltools converts it."""
    from onnxmltools.convert import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    given = [("row", FloatTensorType([None, len(declared())]))]
    if model == LIGHTGBM:
        made = convert_lightgbm(fitted(model), initial_types=given, zipmap=False)
    else:
        unnamed = copy.deepcopy(fitted(model))
        unnamed.get_booster().feature_names = None
        made = convert_xgboost(unnamed, initial_types=given)
    content: bytes = made.SerializeToString()
    return content


def against_own(model: str) -> Callable[[Field], list[Measured]]:
    """Rows in a second of a query, divided by those of predict_proba in the client, on a DataFrame that is there."""
    return partial(_compare, model, by_rows=False)


def rows_against_own(model: str) -> Callable[[Field], list[Measured]]:
    """The same of pgscore.score_rows."""
    return partial(_compare, model, by_rows=True)


def _compare(model: str, field: Field, *, by_rows: bool) -> list[Measured]:
    ours = field.ours(model)
    rows = len(predictors()) * _TIMES
    estimator, given = fitted(model), pd.concat([predictors()] * _TIMES, ignore_index=True)
    with field.server.session() as session:
        session.seconds(f"select {ours.score} from {MANY_CUSTOMERS} c where c.id = 1")  # noqa: S608  our own text
        measure = partial(_by_score_rows if by_rows else _by_query, session, model, rows)
        found = in_turn([measure, partial(_by_predict, estimator, given)], field.effort.bulk)
    return ratio(
        [mine / theirs for mine, theirs in found],
        [
            Detail(name, spread([each[side] for each in found]), "rows/s")
            for side, name in enumerate(("pgscore", f"{model}'s own predict_proba"))
        ],
        f"of {rows:,} rows",
    )


def _by_query(session: Session, model: str, rows: int) -> float:
    query = f"select sum(pgscore.score('{model}', c)) from {MANY_CUSTOMERS} c where c.id <= {rows}"  # noqa: S608
    return rows / session.seconds(query)


def _by_score_rows(session: Session, model: str, rows: int) -> float:
    query = f"select c.* from {MANY_CUSTOMERS} c where c.id <= {rows}"  # noqa: S608  our own text
    return rows / session.seconds(f"select count(score) from pgscore.score_rows('{model}', '{query}')")  # noqa: S608


def _by_predict(estimator: Any, given: Any) -> float:  # noqa: ANN401
    start = time.perf_counter()
    estimator.predict_proba(given)
    return len(given) / (time.perf_counter() - start)


def _xgboost() -> Iterable[str]:
    booster = fitted(XGBOOST).get_booster()
    stored = json.loads(booster.save_config())["learner"]["learner_model_param"]["base_score"]
    base = float(stored.strip("[]"))
    yield _number(float(np.log(base / (1 - base))))
    for tree in booster.get_dump(dump_format="json"):
        yield _of_xgboost(json.loads(tree))


def _of_xgboost(node: dict[str, Any]) -> str:
    if "leaf" in node:
        return _number(node["leaf"])
    children = {each["nodeid"]: _of_xgboost(each) for each in node["children"]}
    # XGBoost rounds to float32 and compares: as doubles that ends halfway to the float32 before.
    border = np.float32(node["split_condition"])
    halfway = (float(border) + float(np.nextafter(border, np.float32(-np.inf)))) / 2
    test = f"c.{node['split']} <= {_number(halfway)}"
    return f"(case when {test} then {children[node['yes']]} else {children[node['no']]} end)"


def _lightgbm() -> Iterable[str]:
    for tree in fitted(LIGHTGBM).booster_.dump_model()["tree_info"]:
        yield _of_lightgbm(tree["tree_structure"])


def _of_lightgbm(node: dict[str, Any]) -> str:
    if "leaf_value" in node:
        return _number(node["leaf_value"])
    left, right = (_of_lightgbm(node[side]) for side in ("left_child", "right_child"))
    test = f"c.{list(declared())[node['split_feature']]} <= {_number(node['threshold'])}"
    return f"(case when {test} then {left} else {right} end)"


def _number(value: float) -> str:
    return f"'{value!r}'::double precision"
