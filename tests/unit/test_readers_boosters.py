"""XGBoost, LightGBM, CatBoost: every row in the leaf that the library finds, at every border."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from pgscore.errors import NotAProgramError, PgscoreError
from pgscore.publishing.describe import describe
from pgscore.readers import read_program
from pgscore_runtime.estimator import ServedEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor

from tests.support.programs import NUMBERS, Pair, customers, hard_rows, labels, pair

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

XGB: dict[str, Any] = {"n_estimators": 12, "max_depth": 4, "n_jobs": 1}
LGB: dict[str, Any] = {"n_estimators": 12, "min_child_samples": 3, "verbose": -1, "n_jobs": 1}
CAT: dict[str, Any] = {"iterations": 12, "depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1}

# How many classes, 0 for a number; and what is fitted.
_KINDS: dict[str, tuple[int, Callable[[], Any]]] = {
    "xgboost": (2, lambda: XGBClassifier(**XGB)),
    "xgboost, a base": (2, lambda: XGBClassifier(base_score=0.2, **XGB)),
    "xgboost, several classes": (3, lambda: XGBClassifier(**XGB)),
    "xgboost, a class": (3, lambda: XGBClassifier(objective="multi:softmax", **XGB)),
    "xgboost, dart": (2, lambda: XGBClassifier(booster="dart", rate_drop=0.5, **XGB)),
    "xgboost, leaf by leaf": (2, lambda: XGBClassifier(grow_policy="lossguide", max_leaves=20, **XGB)),
    "xgboost, exact": (2, lambda: XGBClassifier(tree_method="exact", **XGB)),
    "xgboost, forest": (2, lambda: XGBRFClassifier(**XGB)),
    "xgboost, forest of numbers": (0, lambda: XGBRFRegressor(**XGB)),
    "xgboost, numbers": (0, lambda: XGBRegressor(**XGB)),
    "xgboost, a quantile": (0, lambda: XGBRegressor(objective="reg:quantileerror", quantile_alpha=0.8, **XGB)),
    "xgboost, linear": (0, lambda: XGBRegressor(booster="gblinear", n_estimators=9, n_jobs=1)),
    "xgboost, linear classes": (3, lambda: XGBClassifier(booster="gblinear", n_estimators=9, n_jobs=1)),
    "lightgbm": (2, lambda: LGBMClassifier(**LGB)),
    "lightgbm, several classes": (3, lambda: LGBMClassifier(**LGB)),
    "lightgbm, a slope": (2, lambda: LGBMClassifier(objective="binary", sigmoid=2.5, **LGB)),
    "lightgbm, dart": (2, lambda: LGBMClassifier(boosting_type="dart", **LGB)),
    "lightgbm, forest": (2, lambda: LGBMClassifier(boosting_type="rf", subsample_freq=1, subsample=0.6, **LGB)),
    "lightgbm, numbers": (0, lambda: LGBMRegressor(**LGB)),
    "lightgbm, absolute": (0, lambda: LGBMRegressor(objective="regression_l1", **LGB)),
    "lightgbm, nothing is missing": (2, lambda: LGBMClassifier(use_missing=False, **LGB)),
    "catboost": (2, lambda: CatBoostClassifier(**CAT)),
    "catboost, missing last": (2, lambda: CatBoostClassifier(nan_mode="Max", **CAT)),
    "catboost, several classes": (3, lambda: CatBoostClassifier(**CAT)),
    "catboost, leaf by leaf": (2, lambda: CatBoostClassifier(grow_policy="Lossguide", **CAT)),
    "catboost, numbers": (0, lambda: CatBoostRegressor(**CAT)),
    "catboost, a quantile": (0, lambda: CatBoostRegressor(loss_function="Quantile:alpha=0.8", **CAT)),
}


def _target(frame: pd.DataFrame, classes: int) -> np.ndarray:
    found = labels(frame, classes)
    return found if classes == 0 else np.unique(found, return_inverse=True)[1]


def _scaled(model: Any) -> Any:  # noqa: ANN401
    return make_pipeline(
        ColumnTransformer(
            [("numbers", StandardScaler(), NUMBERS), ("plan", OneHotEncoder(handle_unknown="ignore"), ["plan"])],
            remainder="passthrough",
        ),
        model,
    )


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("missing", [False, True])
def test_a_booster_on_a_frame(kind: str, missing: bool) -> None:
    classes, make = _KINDS[kind]
    frame = customers(missing=missing)
    tested = _fitted(make(), frame[NUMBERS], _target(frame, classes))
    tested.assert_tolerable(hard_rows(tested, frame[NUMBERS]))


@pytest.mark.parametrize("kind", ["xgboost", "xgboost, several classes", "lightgbm", "catboost", "catboost, numbers"])
def test_a_booster_at_the_end_of_a_pipeline(kind: str) -> None:
    classes, make = _KINDS[kind]
    frame = customers()
    tested = _fitted(_scaled(make()), frame, _target(frame, classes))
    tested.assert_tolerable(hard_rows(tested, frame))


def _fitted(model: Any, frame: pd.DataFrame, target: np.ndarray) -> Pair:  # noqa: ANN401
    return pair(model.fit(frame, target), frame)


@pytest.mark.parametrize(
    "model",
    [
        XGBClassifier(enable_categorical=True, max_cat_to_onehot=1, **XGB),
        XGBClassifier(enable_categorical=True, max_cat_to_onehot=9, **XGB),
        LGBMClassifier(min_data_per_group=1, cat_smooth=0, cat_l2=0, max_cat_to_onehot=1, **LGB),
    ],
    ids=["xgboost", "xgboost, one category at a time", "lightgbm"],
)
@pytest.mark.parametrize("missing", [False, True])
def test_categories_of_texts(model: Any, missing: bool) -> None:  # noqa: ANN401
    frame = customers(missing=missing)[[*NUMBERS, "plan"]]
    model.fit(frame.assign(plan=frame["plan"].astype("category")), (frame["plan"].isin(["gold", "tin"])).astype(int))
    tested = pair(model, frame)
    assert any(step.get("sets") for step in tested.document["steps"])
    tested.assert_tolerable(hard_rows(tested, frame))


def test_categories_by_their_codes() -> None:
    frame = customers()[[*NUMBERS, "plan"]]
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(
        ColumnTransformer([("plan", encoder, ["plan"])], remainder="passthrough"),
        XGBClassifier(enable_categorical=True, feature_types=["c", "q", "q", "q"], **XGB),
    )
    tested = _fitted(model, frame, _target(frame, 2))
    tested.assert_tolerable(hard_rows(tested, frame))


_AT_CODES = [
    *[-0.0, -0.5, -1.0, -1.5, -1e-46, -1e-45, -7e-46, 0.5, 0.9999999701976776, 0.99999998, 1 - 2**-53, 2.9999999999],
    *[
        3.5,
        7.0,
        8.0,
        99.0,
        2.0**24,
        2.0**31 - 1,
        2.0**31,
        2.0**32 + 1,
        -(2.0**31),
        2.0**63,
        1e300,
        -1e300,
        np.inf,
        -np.inf,
    ],
]


@pytest.mark.parametrize(
    "model",
    [
        XGBClassifier(enable_categorical=True, feature_types=["c", "q"], max_cat_to_onehot=1, **XGB),
        XGBClassifier(enable_categorical=True, feature_types=["c", "q"], max_cat_to_onehot=99, **XGB),
        LGBMClassifier(min_data_per_group=1, cat_smooth=0, cat_l2=0, max_cat_to_onehot=1, **LGB),
        LGBMClassifier(min_data_per_group=1, cat_smooth=0, cat_l2=0, max_cat_to_onehot=99, **LGB),
    ],
    ids=["xgboost", "xgboost, one at a time", "lightgbm", "lightgbm, one at a time"],
)
@pytest.mark.parametrize("missing", [False, True])
def test_categories_that_are_numbers(model: Any, missing: bool) -> None:  # noqa: ANN401
    """Libraries truncate them, each in its own way."""
    random = np.random.default_rng(2)
    given = np.column_stack([random.integers(0, 9, 400), random.normal(size=400)]).astype(np.float64)
    target = (np.isin(given[:, 0], [0, 3, 4, 8]) ^ (given[:, 1] > 1)).astype(int)
    if missing:
        given[::11, 0] = np.nan
    more = {"categorical_feature": [0]} if isinstance(model, LGBMClassifier) else {}
    model.fit(given, target, **more)
    frame = pd.DataFrame(given, columns=["code", "number"])
    tested = pair(model, frame)
    assert any(step.get("sets") for step in tested.document["steps"])
    rows = [*hard_rows(tested, frame), *[[code, number] for code in _AT_CODES for number in (0.0, 2.0)]]
    tested.assert_tolerable(rows)


def _leaves(trees: dict[str, Any], row: Sequence[float]) -> list[int]:
    """The node at which each tree of a program ends."""
    ends = []
    for root in trees["roots"]:
        node = root
        while trees["feature"][node] >= 0:
            value = row[trees["of"][trees["feature"][node]]]
            # Without a threshold it asks for nothing but whether the value is missing.
            threshold = -np.inf if trees["threshold"][node] is None else trees["threshold"][node]
            left = bool(trees["missing_left"][node]) if np.isnan(value) else value <= threshold
            node = trees["left" if left else "right"][node]
        ends.append(node)
    return ends


@pytest.mark.parametrize("kind", ["xgboost", "xgboost, exact", "lightgbm", "catboost", "catboost, leaf by leaf"])
@pytest.mark.parametrize("missing", [False, True])
def test_every_row_ends_in_the_leaf_that_the_library_finds(kind: str, missing: bool) -> None:
    """At each threshold, and one double and one float32 before and behind it: scores alone would not show all."""
    classes, make = _KINDS[kind]
    frame = customers(missing=missing, rows=300)
    model = make().fit(frame[NUMBERS], _target(frame, classes))
    trees = read(model, frame[NUMBERS])
    rows = [list(row) for row in frame[NUMBERS].to_numpy()]
    for node, feature in enumerate(trees["feature"]):
        if feature >= 0 and trees["threshold"][node] is not None:
            border = trees["threshold"][node]
            near = [border, np.nextafter(border, np.inf), np.nextafter(border, -np.inf)]
            with np.errstate(over="ignore"):
                near += [float(np.nextafter(np.float32(border), np.float32(end))) for end in (np.inf, -np.inf)]
            for value in near:
                row = list(rows[node % 300])
                row[trees["of"][feature]] = value
                rows.append(row)
    given = pd.DataFrame(rows, columns=NUMBERS)
    if kind.startswith("xgboost"):
        found = model.apply(given)
    elif kind.startswith("lightgbm"):
        found = model.booster_.predict(given, pred_leaf=True)
    else:
        found = model.calc_leaf_indexes(given)
    ours = np.array([_leaves(trees, row) for row in rows])
    assert found.shape == ours.shape
    for of_library, of_program in zip(np.asarray(found).T.tolist(), ours.T.tolist(), strict=True):
        pairs = set(zip(of_library, of_program, strict=True))
        assert len(pairs) == len({leaf for leaf, _ in pairs}) == len({leaf for _, leaf in pairs})


@pytest.mark.parametrize("library", ["xgboost", "lightgbm", "catboost"])
def test_trees_up_to_the_best_iteration(library: str) -> None:
    frame = customers(rows=300)
    numbers, target = frame[NUMBERS], _target(frame, 2)
    given, asked = (numbers[:150], target[:150]), (numbers[150:], target[150:])
    if library == "xgboost":
        model = XGBClassifier(learning_rate=1.0, early_stopping_rounds=2, n_estimators=80)
        model.fit(*given, eval_set=[asked], verbose=False)
        best, trees = model.best_iteration, len(read(model, numbers)["roots"])
    elif library == "lightgbm":
        import lightgbm

        model = LGBMClassifier(learning_rate=1.0, n_estimators=80, min_child_samples=3, verbose=-1)
        model.fit(*given, eval_X=asked[0], eval_y=asked[1], callbacks=[lightgbm.early_stopping(2, verbose=False)])
        best, trees = model.best_iteration_ - 1, len(read(model, numbers)["roots"])
    else:
        model = CatBoostClassifier(**{**CAT, "iterations": 80}, learning_rate=1.0, early_stopping_rounds=2)
        model.fit(*given, eval_set=asked)
        best, trees = model.best_iteration_, len(read(model, numbers)["roots"])
    assert trees == best + 1 < 80
    tested = pair(model, numbers)
    tested.assert_tolerable(hard_rows(tested, numbers))


def read(model: Any, frame: pd.DataFrame) -> dict[str, Any]:  # noqa: ANN401
    """The trees of a model's program."""
    return next(step for step in pair(model, frame).document["steps"] if step["step"] == "trees")


@pytest.mark.parametrize("ranker", [XGBRanker(**XGB), LGBMRanker(**LGB)], ids=["xgboost", "lightgbm"])
def test_a_ranker_gives_its_margin(ranker: Any) -> None:  # noqa: ANN401
    frame = customers(rows=120)[NUMBERS]
    grades = _target(customers(rows=120), 3)
    if isinstance(ranker, XGBRanker):
        ranker.fit(frame, grades, qid=np.repeat(np.arange(12), 10))
    else:
        ranker.fit(frame, grades, group=[10] * 12)
    tested = pair(ranker, frame)
    tested.assert_tolerable(hard_rows(tested, frame))


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])  # CatBoost does not fit such columns.
def test_trees_without_a_split(kind: str) -> None:
    frame = customers(rows=40)[NUMBERS]
    target = np.zeros(40, dtype=int)
    target[0] = 1
    _, make = _KINDS[kind]
    tested = _fitted(make(), frame * 0, target)
    tested.assert_tolerable(hard_rows(tested, frame))


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (XGBRegressor(missing=-1.0, **XGB), "takes -1 for a missing value"),
        (LGBMRegressor(zero_as_missing=True, **LGB), "takes zero for a missing value"),
        (LGBMRegressor(linear_tree=True, **LGB), "has linear models in its leaves"),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, str) else "",
)
def test_what_cannot_become_a_program_is_named(model: Any, why: str) -> None:  # noqa: ANN401
    frame = customers()
    model.fit(frame[NUMBERS], _target(frame, 0))
    contract, _ = describe(model, frame[NUMBERS])
    with pytest.raises(NotAProgramError, match=why):
        read_program(model, contract)


def test_an_unknown_category_is_refused_where_the_library_takes_the_next_one() -> None:
    frame = customers()[[*NUMBERS, "plan"]]
    model = XGBClassifier(enable_categorical=True, **XGB)
    model.fit(frame.assign(plan=frame["plan"].astype("category")), _target(frame, 2))
    contract, golden = describe(model, frame)
    assert contract.known == {"plan": ("gold", "silver", "tin", "wood")}
    strange = [row for row in golden if row.inputs["plan"] == "never seen"]
    assert strange
    assert all(row.expected is None for row in strange)
    # The library itself has an answer.
    asked = frame.head(1).assign(plan=pd.Categorical(["never seen"]))
    assert model.predict_proba(asked).shape == (1, 2)


@pytest.mark.parametrize("model", [XGBClassifier(**XGB), XGBClassifier(booster="dart", **XGB), LGBMClassifier(**LGB)])
def test_what_a_sparse_matrix_does_not_hold(model: Any) -> None:  # noqa: ANN401
    """XGBoost takes it for missing, and LightGBM for 0: numbers near it, too, where rows are not sparse."""
    frame = customers()
    frame["shift"] = np.random.default_rng(3).choice([-2.0, -1e-20, 0.0, 1e-20, 3.0], len(frame))
    prepared = ColumnTransformer([("plan", OneHotEncoder(), ["plan"])], remainder="passthrough", sparse_threshold=1.0)
    fitted = make_pipeline(prepared, model).fit(frame, np.tile([0, 1], len(frame) // 2))
    assert hasattr(fitted[:-1].transform(frame), "tocsr")
    tested = pair(fitted, frame)
    rows = list(hard_rows(tested, frame))
    near = float(np.float32(1e-35))
    for value in (0.0, -0.0, 5e-324, -5e-324, near, -near, float(np.nextafter(-near, 0)), 1e-40, -1e-40):
        rows += [
            [value if name == "shift" else each for name, each in zip(frame, row, strict=True)] for row in rows[:9]
        ]
    tested.assert_tolerable(rows)


def test_categories_that_look_like_numbers_stay_categories() -> None:
    """In an array XGBoost takes the text '1.0' for the code 1, and refuses 'true'; the first rows do not show it."""
    codes = np.repeat(["1.0", "gold", "true"], 40)
    frame = pd.DataFrame({"code": pd.Series(codes, dtype=object), "x": np.arange(120.0)})
    model = XGBRegressor(enable_categorical=True, **XGB).fit(frame.astype({"code": "category"}), codes == "true")
    contract, _ = describe(model, frame.head(4))
    assert contract.frame
    served = ServedEstimator(model, contract)
    for code in ("1.0", "gold", "true"):
        (score,), (reason,) = served.scores(1, [7.0], [code])
        asked = pd.DataFrame({"code": pd.Categorical([code]), "x": [7.0]})
        assert (score, reason) == (float(model.predict(asked)[0]), None)


def test_categories_whose_names_xgboost_cuts_are_refused() -> None:
    frame = customers()[["plan"]].replace({"silver": "größe"}).astype({"plan": "category"})
    model = XGBRegressor(enable_categorical=True, **XGB).fit(frame, frame["plan"].cat.codes)
    row = frame[frame["plan"] == "tin"].head(1)
    # The library finds it beside the others, and alone it does not.
    assert model.predict(row) == pytest.approx(2, abs=0.1)
    with pytest.raises(ValueError, match="Found a category not in the training set"):
        model.predict(row.astype(str).astype("category"))
    message = "the XGBRegressor knows categories whose names are not ASCII, which XGBoost cuts: what it gives"
    with pytest.raises(PgscoreError, match=message) as refused:
        describe(model, frame.astype({"plan": object}))
    assert "have an OrdinalEncoder make numbers of them" in refused.value.hint
    assert not isinstance(refused.value, NotAProgramError)


def test_categories_of_dart() -> None:
    frame = customers()[["plan", "calls"]].astype({"plan": "category"})
    fitted = XGBClassifier(booster="dart", enable_categorical=True, **XGB).fit(frame, np.tile([0, 1], len(frame) // 2))
    contract, _ = describe(fitted, customers()[["plan", "calls"]].head(9), "1")
    assert contract.known == {"plan": ("gold", "silver", "tin", "wood")}


def test_a_base_score_for_several_classes_is_served() -> None:
    """XGBoost's `set_params` sets it once more, and refuses each row from then on."""
    frame = customers()[NUMBERS]
    for booster in ("gbtree", "dart"):
        fitted = XGBClassifier(booster=booster, base_score=0.4, **XGB).fit(frame, np.tile([0, 1, 2], len(frame) // 3))
        wanted = fitted.predict_proba(frame)[:, 1].tolist()
        tested = pair(fitted, frame)
        served = ServedEstimator(fitted, tested.contract)
        assert served.scores(len(frame), frame.to_numpy().tolist(), None)[0] == pytest.approx(wanted, rel=1e-6)
