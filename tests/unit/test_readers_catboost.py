"""CatBoost's categories, of which a model holds hashes and no texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor
from pgscore.errors import PgscoreError
from pgscore.publishing.compile import compile_program, completed
from pgscore.publishing.describe import describe
from pgscore.publishing.golden import read_golden
from pgscore_runtime.contract import parse_contract
from pgscore_runtime.estimator import ServedEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from tests.support.programs import NUMBERS, Pair, customers, hard_rows, labels, pair

if TYPE_CHECKING:
    from pathlib import Path

CAT: dict[str, Any] = {
    "iterations": 12, "depth": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1, "one_hot_max_size": 30,
}  # fmt: skip
_COLUMNS = [*NUMBERS, "plan"]
# The lower halves of their CityHash64s are equal.
_ALIKE = ("text 259924", "text 233372")


def _sets(tested: Pair) -> set[tuple[Any, ...]]:
    return {tuple(each) for step in tested.document["steps"] for each in step.get("sets", ())}


def _target(frame: pd.DataFrame) -> np.ndarray:
    return ((frame["amount"].fillna(200) > 200) ^ frame["plan"].isin(["gold", "tin"])).astype(int).to_numpy()


@pytest.mark.parametrize("policy", ["SymmetricTree", "Depthwise", "Lossguide"])
@pytest.mark.parametrize("classes", [0, 2, 3])
def test_categories_that_are_tested_one_by_one(policy: str, classes: int) -> None:
    frame = customers(rows=300)[_COLUMNS]
    frame.loc[5:40, NUMBERS] = np.nan
    made = (CatBoostClassifier if classes else CatBoostRegressor)(grow_policy=policy, cat_features=["plan"], **CAT)
    target = _target(frame) if classes == 2 else labels(frame, classes)
    tested = pair(made.fit(frame.astype({"plan": "category"}), target), frame)
    assert {("gold",), ("tin",)} <= _sets(tested)
    assert [each.nullable for each in tested.contract.inputs] == [True, True, True, False]
    tested.assert_tolerable(hard_rows(tested, frame))
    tested.assert_predictions(hard_rows(tested, frame, seed=1))


def test_any_text_is_a_category() -> None:
    texts = [
        "",
        " ",
        "ä",
        "a\u0308",
        "𝄞",
        "\x7f",
        "'",
        '"',
        "\\",
        "NaN",
        "None",
        "1",
        "1.0",
        "True",
        "\U0010ffff",
        "a\tb\nc",
    ]
    plans = np.repeat(np.array(texts, dtype=object), 12)
    frame = pd.DataFrame({"plan": pd.Series(plans, dtype=object), "x": np.tile(np.arange(12.0), len(texts))})
    model = CatBoostRegressor(**{**CAT, "iterations": 60, "depth": 6, "learning_rate": 1.0}, cat_features=["plan"])
    tested = pair(model.fit(frame, np.repeat(np.arange(len(texts)), 12) ** 2), frame)
    assert len(_sets(tested)) > 12
    tested.assert_tolerable([[text, 3.0] for text in [*texts, "never seen", "a", "2", "true", None]])


def test_texts_that_have_a_hash_in_common() -> None:
    frame = pd.DataFrame({"plan": np.repeat(["gold", _ALIKE[0], "tin"], 40), "x": np.tile(np.arange(40.0), 3)})
    model = CatBoostRegressor(cat_features=["plan"], **CAT).fit(frame, frame["plan"] == _ALIKE[0])
    strange = frame.assign(plan=np.resize(["gold", *_ALIKE, "tin"], 120)).astype({"plan": object})
    tested = pair(model, strange)
    assert tuple(sorted(_ALIKE)) in _sets(tested)
    tested.assert_tolerable([[text, 3.0] for text in (*_ALIKE, "gold", "tin", "never seen")])


@pytest.mark.parametrize("others", [[], NUMBERS, ["plan"]], ids=["alone", "numbers", "a text"])
def test_booleans_are_categories(others: list[str]) -> None:
    """They are the texts 0 and 1 to CatBoost; in an array of doubles it would refuse them."""
    frame = customers(rows=200)[[*others, "flag"]]
    categories = [name for name in ("plan", "flag") if name in frame]
    model = CatBoostRegressor(cat_features=categories, **CAT).fit(
        frame, labels(customers(rows=200), 0) + 90 * frame.flag
    )
    tested = pair(model, frame)
    tested.assert_tolerable(hard_rows(tested, frame))
    rows = frame.head(30).to_numpy(dtype=object).tolist()
    assert len({score for _, _, score in tested.both(rows)}) > 1


def _before(numbers: Any = "passthrough") -> ColumnTransformer:  # noqa: ANN401
    filled = SimpleImputer(strategy="constant", fill_value="none")
    return ColumnTransformer(
        [("plan", filled, ["plan"]), ("numbers", numbers, NUMBERS)], verbose_feature_names_out=False
    )


@pytest.mark.parametrize("named", [False, True])
def test_missing_categories_that_are_filled(named: bool) -> None:
    """With a text that may stand in a row as well."""
    frame = customers(rows=300, missing=True)[_COLUMNS]
    before = _before(StandardScaler()).set_output(transform="pandas" if named else "default")
    model = make_pipeline(before, CatBoostClassifier(cat_features=["plan" if named else 0], **CAT))
    tested = pair(model.fit(frame, (frame["amount"] > 200) ^ frame["plan"].isna()), frame)
    assert ("none",) in _sets(tested)
    assert tested.contract.inputs[3].nullable
    rows = [*hard_rows(tested, frame), [200.0, 4.0, 0.0, "none"], [200.0, 4.0, 0.0, None]]
    tested.assert_tolerable(rows)


@pytest.mark.parametrize("more", [{}, {"handle_unknown": "use_encoded_value", "unknown_value": -1}])
def test_integers_are_categories(more: dict[str, Any]) -> None:
    frame = customers(rows=300)[_COLUMNS]
    coded = ColumnTransformer(
        [("plan", OrdinalEncoder(dtype=int, **more), ["plan"]), ("numbers", "passthrough", NUMBERS)]
    )
    model = make_pipeline(coded.set_output(transform="pandas"), CatBoostClassifier(cat_features=["plan__plan"], **CAT))
    tested = pair(model.fit(frame, _target(frame)), frame)
    tested.assert_tolerable(hard_rows(tested, frame))


def test_inside_of_another_estimator() -> None:
    frame = customers(rows=300)[_COLUMNS]
    inner = []
    for seed in (0, 1):
        made = CatBoostClassifier(cat_features=["plan"], random_seed=seed, **CAT).fit(frame, _target(frame))
        # scikit-learn clones none that has categories.
        inner.append((f"model {seed}", FrozenEstimator(made)))
    tested = pair(VotingClassifier(inner, voting="soft").fit(frame, _target(frame)), frame)
    tested.assert_tolerable(hard_rows(tested, frame))


def _obstacle(model: Any, frame: pd.DataFrame) -> str | None:  # noqa: ANN401
    contract, golden = describe(model, frame)
    return compile_program(model, contract, golden)[1]


def test_a_category_that_no_golden_row_holds() -> None:
    frame = customers(rows=300)[_COLUMNS]
    model = CatBoostClassifier(cat_features=["plan"], **CAT).fit(frame, _target(frame))
    few = frame[frame["plan"].isin(["gold", "silver"])]
    assert _obstacle(model, few) == (
        "the CatBoostClassifier tests input 'plan' for 2 categories that no golden row holds, of which CatBoost keeps"
        " hashes and not the texts: with golden rows that hold every category it becomes a program"
    )
    assert _obstacle(model, frame) is None


def test_the_texts_are_part_of_the_contract() -> None:
    """Else the version without a program would stand, and golden rows with more categories would change nothing."""
    frame = customers(rows=300)[_COLUMNS]
    model = CatBoostClassifier(cat_features=["plan"], **CAT).fit(frame, _target(frame))
    found = []
    for given in (frame[frame["plan"] == "gold"], frame, frame.head(200)):
        contract, golden = describe(model, given)
        found.append(completed(contract, compile_program(model, contract, golden)[0]))
    few, every, others = found
    assert few.hashed == {}
    assert every.hashed == {"plan": tuple(sorted(text for (text,) in _sets(pair(model, frame))))}
    assert every == others == parse_contract(every.to_json())
    assert "hashed" not in few.to_json()


def _fish(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(plan=frame["plan"] + " fish is what was had for dinner")


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (
            CatBoostClassifier(cat_features=["plan"], **{**CAT, "one_hot_max_size": 2}),
            "computes statistics of categories",
        ),
        (CatBoostClassifier(text_features=["plan"], **CAT), "computes features of texts or of embeddings"),
    ],
    ids=["statistics", "texts"],
)
def test_what_cannot_become_a_program_is_named(model: Any, why: str) -> None:  # noqa: ANN401
    frame = _fish(customers(rows=300)[_COLUMNS])
    model.fit(frame, frame["plan"].str.contains("gold|tin").astype(int))
    assert why in str(_obstacle(model, frame))


def test_numbers_are_no_categories_to_catboost() -> None:
    """The database hands over doubles, which it refuses; the texts of integers are what it takes these for."""
    frame = customers(rows=200)[NUMBERS].astype({"calls": int})
    model = CatBoostRegressor(cat_features=["calls"], **CAT).fit(frame, frame["calls"] % 3)
    with pytest.raises(PgscoreError, match="column calls of the golden rows is a number, and CatBoost") as refused:
        describe(model, frame)
    assert "A category 7 is the text '7', too." in refused.value.hint
    texts = frame.astype({"calls": str}).astype({"calls": object})
    tested = pair(model, texts)
    assert ("2",) in _sets(tested)
    tested.assert_tolerable(hard_rows(tested, texts))
    assert model.predict(frame.head(9)) == pytest.approx(model.predict(texts.head(9)))


def test_a_csv_file_holds_no_numbers_where_catboost_has_categories(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b,c,d\n1,1,1.0,true\n2,,x,false\n")
    given = read_golden(tmp_path / "rows.csv").typed({"c": "text"}, ["b", "d"]).frame
    assert given.astype(object).fillna("").to_numpy().tolist() == [[1.0, "1", "1.0", True], [2.0, "", "x", False]]


def test_the_estimator_itself_gives_no_score_to_a_missing_category() -> None:
    frame = customers(rows=200)[_COLUMNS]
    model = CatBoostClassifier(cat_features=["plan"], **CAT).fit(frame, _target(frame))
    tested = pair(model, frame)
    for nothing in (None, np.nan):
        with pytest.raises(Exception, match=r"must be real number|NaN values should be converted"):
            model.predict(frame.head(1).assign(plan=pd.Series([nothing], dtype=object)))
    assert ServedEstimator(model, tested.contract).scores(1, [200.0, 4.0, 0.0], [None]) == ([None], [None])
