"""FunctionTransformer: functions of numpy and scipy, and expressions of pandas."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pgscore.errors import NotAProgramError
from scipy import special  # type: ignore[import-untyped]
from sklearn import preprocessing as pre
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.support.programs import NUMBERS, customers, hard_rows, labels, pair

_LINEAR = LogisticRegression(max_iter=300, C=0.1)
_TREES = GradientBoostingClassifier(n_estimators=6, random_state=0)
_OPEN = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5)  # takes missing values, and infinity
_FOREST = RandomForestClassifier(n_estimators=3, random_state=0)  # takes missing values
_BOTH = (_LINEAR, _TREES)

_FULL, _GAPS = customers(), customers(missing=True)
_PLAIN = _FULL[NUMBERS]
_POSITIVE = _PLAIN.abs() + 1e-6
_POSITIVE_GAPS = _GAPS[NUMBERS].abs() + 1e-6


def _assert_same(prepared: Any, frame: pd.DataFrame, models: tuple[Any, ...] = _BOTH, classes: int = 2) -> None:  # noqa: ANN401
    for model in models:
        tested = pair(make_pipeline(clone(prepared), clone(model)).fit(frame, labels(_FULL, classes)), frame)
        tested.assert_close(hard_rows(tested, frame))


_FUNCTIONS = {
    "positive": (np.log, np.log2, np.log10, np.log1p, np.sqrt),
    "small": (np.exp, np.exp2, np.expm1, np.tanh, special.expit),
    "any": (np.abs, np.fabs, np.sign, np.floor, np.ceil, np.trunc, np.square, np.negative, np.sin, np.cos),
}


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero", "ignore:overflow")
@pytest.mark.parametrize(
    ("kind", "function"), [(kind, each) for kind, functions in _FUNCTIONS.items() for each in functions]
)
def test_functions(kind: str, function: Any) -> None:  # noqa: ANN401
    frames = {"positive": _POSITIVE, "small": _PLAIN.assign(amount=_PLAIN["amount"] / 50), "any": _PLAIN}
    models = (*_BOTH, _OPEN) if function in (np.log, np.exp) else _BOTH
    _assert_same(pre.FunctionTransformer(function), frames[kind], models)


@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero", "ignore:overflow")
@pytest.mark.parametrize(
    ("prepared", "frame", "models"),
    [
        (make_pipeline(pre.FunctionTransformer(np.log), pre.StandardScaler()), _POSITIVE, _BOTH),
        (make_pipeline(pre.FunctionTransformer(np.log), pre.StandardScaler()), _POSITIVE_GAPS, (_FOREST, _OPEN)),
        (
            make_pipeline(pre.FunctionTransformer(np.log1p), pre.StandardScaler(), SimpleImputer()),
            _POSITIVE_GAPS,
            _BOTH,
        ),
        (
            make_pipeline(
                pre.FunctionTransformer(np.negative),
                pre.MinMaxScaler(feature_range=(1, 2)),
                pre.FunctionTransformer(np.log),
            ),
            _PLAIN,
            _BOTH,
        ),
        (pre.FunctionTransformer(np.clip, kw_args={"a_min": 2, "a_max": 210}), _PLAIN, _BOTH),
        (pre.FunctionTransformer(np.reciprocal), _POSITIVE, _BOTH),
        (pre.FunctionTransformer(special.logit), _PLAIN.rank(pct=True) * 0.9 + 0.01, _BOTH),
    ],
)
def test_functions_and_what_follows(prepared: Any, frame: pd.DataFrame, models: tuple[Any, ...]) -> None:  # noqa: ANN401
    _assert_same(prepared, frame, models)


_EXPRESSIONS = """
ratio = amount / calls
turned = 3 / calls - (2 - shift)
size = log1p(abs(shift)) ** 2

shift = -shift ** 3 * 1e6 + sin(amount)
twice = ratio * ratio - 2 * size
constant = 2
"""


def test_expressions() -> None:
    frame = _PLAIN.assign(calls=_PLAIN["calls"] + 1)
    step = pre.FunctionTransformer(pd.DataFrame.eval, kw_args={"expr": _EXPRESSIONS})
    assert pickle.loads(pickle.dumps(step)).func is pd.DataFrame.eval
    _assert_same(make_pipeline(step, pre.StandardScaler()), frame)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("amount / calls", "is no assignment"),
        ("a = (", "is no assignment"),
        ("a = amount > 3", "says more than"),
        ("a = amount // 3", "says more than"),
        ("a = True + amount", "says more than"),
        ("a = __import__('os')", "says more than"),
        ("a = arctan(amount)", "calls arctan"),
        ("a = flag + amount", "computes with the boolean 'flag'"),
        ("a = " + "amount + " * 3000 + "1", "is too long|is no assignment"),
    ],
)
def test_expressions_that_are_no_program(text: str, reason: str) -> None:
    frame = _FULL.drop(columns="plan")
    step = pre.FunctionTransformer(pd.DataFrame.eval, kw_args={"expr": "b = amount + 1"})
    model = make_pipeline(step, clone(_TREES)).fit(frame, labels(_FULL, 2))
    contract = pair(model, frame).contract
    step.kw_args = {"expr": text}
    from pgscore.readers import read_program

    with pytest.raises(NotAProgramError, match=reason):
        read_program(model, contract)


def test_functions_of_marks_are_computed_in_half_precision_and_refused() -> None:
    marks = make_pipeline(MissingIndicator(), pre.FunctionTransformer(np.tanh), _LINEAR)
    fitted = marks.fit(_GAPS[NUMBERS], labels(_FULL, 2))
    with pytest.raises(NotAProgramError, match="calls tanh of a boolean"):
        pair(fitted, _GAPS[NUMBERS])
    _assert_same(make_pipeline(MissingIndicator(), pre.FunctionTransformer(np.sqrt)), _GAPS[NUMBERS], (_LINEAR,))
