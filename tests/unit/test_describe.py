"""What is learnt of a fitted estimator by asking it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pgscore.errors import PgscoreError
from pgscore.publishing.compile import scaled
from pgscore.publishing.describe import GoldenRow, describe
from pgscore.publishing.fitted import input_names
from pgscore.publishing.golden import Given
from pgscore.readers import Reading
from pgscore_runtime.contract import Contract, Output
from pgscore_runtime.estimator import ServedEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.support.models import LIGHT_INPUTS, churned, light_pipeline, pipeline, predictors, probability

_SAMPLE = predictors().head(20)


def test_a_pipeline_with_texts_needs_a_frame() -> None:
    contract, golden = describe(pipeline(), _SAMPLE)
    assert contract.frame
    assert [each.name for each in contract.inputs] == list(_SAMPLE)
    assert {each.name for each in contract.texts} == {"state", "area_code", "international_plan", "voice_mail_plan"}
    assert (contract.output.kind, contract.output.classes, contract.output.positive) == (
        "probability",
        ("no", "yes"),
        1,
    )
    assert [each.nullable for each in contract.inputs] == [each.is_text for each in contract.inputs]
    assert [row.expected for row in golden[:20]] == pytest.approx(probability(pipeline(), _SAMPLE), abs=1e-14)
    # One more for each input, with that input missing.
    missing = {name: row.expected for row in golden[20:39] for name, value in row.inputs.items() if value is None}
    assert len(missing) == 19
    assert {name for name, expected in missing.items() if expected is not None} == {e.name for e in contract.texts}
    assert set(contract.libraries) >= {"python", "scikit-learn", "numpy"}


def test_a_numeric_pipeline_is_served_with_arrays() -> None:
    contract, golden = describe(light_pipeline(), _SAMPLE[LIGHT_INPUTS])
    assert not contract.frame
    assert [row.expected for row in golden[20:23]] == [None, None, None]


def test_missing_numbers_that_are_accepted() -> None:
    model = HistGradientBoostingClassifier(max_iter=3).fit(_SAMPLE[LIGHT_INPUTS], churned().head(20))
    contract, golden = describe(model, _SAMPLE[LIGHT_INPUTS])
    assert all(each.nullable for each in contract.inputs)
    assert all(row.expected is not None for row in golden[:23])


def test_an_encoder_that_learnt_none_gets_none() -> None:
    frame = pd.DataFrame({"colour": pd.Series(["a", "b", None, "a"], dtype=object), "x": [1.0, 2.0, 3.0, 4.0]})
    prepared = ColumnTransformer(
        [("texts", OneHotEncoder(handle_unknown="error"), ["colour"])], remainder="passthrough"
    )
    model = make_pipeline(prepared, LinearRegression()).fit(frame, frame["x"])
    contract, golden = describe(model, frame)
    assert contract.missing_text == "none"
    assert contract.inputs[0].nullable
    numbers = [None if row.inputs["x"] is None else float(row.inputs["x"]) for row in golden]
    colours = [row.inputs["colour"] for row in golden]
    served = ServedEstimator(model, contract)
    scores, reasons = served.scores(len(golden), numbers, colours)
    assert scores == [row.expected for row in golden]
    assert served.outputs(len(golden), numbers, colours)[0] == [[row.expected] for row in golden]
    refused = [(row.inputs["colour"], row.inputs["x"]) for row, reason in zip(golden, reasons, strict=True) if reason]
    assert refused == [("", 1.0), ("never seen", 1.0), ("a", "Infinity")]


def test_booleans_and_integers() -> None:
    frame = pd.DataFrame({"flag": [True, False, True, False], "count": [1, 2, 3, 5]})
    contract, golden = describe(LinearRegression().fit(frame, [1.0, 2.0, 3.0, 4.0]), frame)
    assert [each.type for each in contract.inputs] == ["boolean", "double precision"]
    assert golden[0].inputs == {"flag": True, "count": 1}
    assert contract.output.kind == "value"


def test_infinity_that_the_estimator_refuses_is_a_golden_row_without_a_score() -> None:
    sample = _SAMPLE[LIGHT_INPUTS].astype(float)
    sample.iloc[3, 0] = np.inf
    _, golden = describe(light_pipeline(), sample)
    assert golden[3].inputs["total_day_minutes"] == "Infinity"
    assert golden[3].expected is None
    assert all(row.expected is not None for n, row in enumerate(golden[:20]) if n != 3)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-02")], "which cannot serve: numbers, texts"),
        ([b"a", b"b"], "holds a bytes in the golden rows, which cannot serve"),
    ],
)  # fmt: skip
def test_inputs_that_cannot_serve(column: list[Any], message: str) -> None:
    frame = pd.DataFrame({"x": pd.Series(column, dtype=object)})

    class _Anything:
        def predict(self, given: Any) -> Any:  # noqa: ANN401
            return np.zeros(len(given))

    with pytest.raises(PgscoreError, match=message):
        describe(_Anything(), frame)


def test_an_estimator_that_refuses_all_golden_rows() -> None:
    frame = _SAMPLE[LIGHT_INPUTS].assign(total_day_minutes="many")
    with pytest.raises(
        PgscoreError,
        match=r"refuses a row without missing values of the golden rows: .*column total_day_minutes holds it",
    ):
        describe(light_pipeline(), frame)


def test_names() -> None:
    assert input_names(light_pipeline(), None, ["other"]) == (LIGHT_INPUTS, "the estimator")
    unnamed = LogisticRegression(max_iter=500).fit(_SAMPLE[LIGHT_INPUTS].to_numpy(), churned().head(20))
    assert input_names(unnamed, None, ["a", "b", "c"]) == (["a", "b", "c"], "the golden rows")
    assert input_names(unnamed, ["c", "b", "a"], ["a", "b", "c"]) == (["c", "b", "a"], "inputs")
    with pytest.raises(PgscoreError, match="fitted on 3 columns without names, and the golden rows have 2"):
        input_names(unnamed, None, ["a", "b"])
    with pytest.raises(PgscoreError, match="fitted on 3 columns without names, and nothing names them"):
        input_names(unnamed, None, None)
    with pytest.raises(PgscoreError, match="fitted on 3 inputs, and 2 are named"):
        input_names(unnamed, ["a", "b"], None)
    with pytest.raises(PgscoreError, match="and others are named: a, b"):
        input_names(light_pipeline(), ["a", "b"], None)
    with pytest.raises(PgscoreError, match="have the same name: a"):
        input_names(unnamed, ["a", "b", "a"], None)
    with pytest.raises(PgscoreError, match="64 bytes, and a column's name has 1 to 63"):
        input_names(unnamed, ["a", "b", "\u00e9" * 32], None)
    with pytest.raises(PgscoreError, match="is not fitted"):
        input_names(LogisticRegression(), None, [])


def test_inputs_are_selected_in_the_estimators_order() -> None:
    given = Given(_SAMPLE, named=True, source="these rows")
    assert list(given.select(LIGHT_INPUTS[::-1])) == LIGHT_INPUTS[::-1]
    with pytest.raises(PgscoreError, match="these rows lack the columns absent"):
        given.select(["absent"])


def test_golden_rows_hold_edge_cases() -> None:
    contract, golden = describe(pipeline(), _SAMPLE)
    edges = golden[39:]
    assert {row.inputs["total_day_minutes"] for row in edges} >= {"Infinity", -1e39, 0.0}
    assert {row.inputs["state"] for row in edges} >= {*_SAMPLE["state"], "", "never seen"}
    refused = [row for row in edges if row.expected is None]
    assert refused
    assert all(row.outputs is None for row in refused)
    width = contract.output.width
    assert all(row.outputs is not None and len(row.outputs) == width for row in edges if row.expected is not None)


def test_outputs_say_all_that_the_estimator_says() -> None:
    labels = pd.Series(["low", "middle", "high", "low"] * 5)
    model = LogisticRegression(max_iter=500).fit(_SAMPLE[LIGHT_INPUTS], labels)
    contract, golden = describe(model, _SAMPLE[LIGHT_INPUTS], "high")
    assert contract.output.classes == ("high", "low", "middle")
    for row, wanted, label in zip(
        golden, model.predict_proba(_SAMPLE[LIGHT_INPUTS]), model.predict(_SAMPLE[LIGHT_INPUTS]), strict=False
    ):
        assert row.outputs is not None
        assert row.outputs[:3] == pytest.approx(list(wanted), abs=1e-14)
        assert contract.output.classes[int(row.outputs[3])] == label
        assert row.expected == row.outputs[0]


@pytest.mark.parametrize(("link", "kept"), [("softmax", False), ("logistic", False), ("identity", True)])
def test_labels_of_equal_probabilities(link: str, kept: bool) -> None:
    """A softmax makes equal numbers of scores that differ in the last bit, by which the estimator tells classes."""
    outputs = [[0.2, 0.4, 0.4, 2.0], [0.4, 0.2, 0.4 - 1e-9, 0.0]]
    rows = [GoldenRow({"x": 1.0}, row[1], row) for row in outputs]
    output = Output("probability", (0, 1, 2), 1)
    contract = Contract("joblib", (), frame=False, missing_text="nan", output=output, libraries={})
    document = {
        "program": 1,
        "inputs": [{"name": "x", "type": "double precision", "nullable": False}],
        "steps": [{"step": "affine", "of": 0, "add": 1.0}, {"step": "affine", "of": 0, "add": 2.0}],
        "scores": [0] if link == "logistic" else [0, 1, 2],
        "link": link,
        "tie": "first",
    }
    tied, told = scaled(rows, contract, Reading(document, None))
    assert (tied.outputs is not None) is kept
    assert told.outputs == outputs[1]
