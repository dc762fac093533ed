"""Ensembles of small trees by masks: to the last bit what walking them gives."""

from __future__ import annotations

import json
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pgscore.publishing.describe import describe
from pgscore.readers import read_program
from pgscore_runtime import masks
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier

from tests.support.models import LIGHT_INPUTS, churned, pipeline, predictors
from tests.support.programs import hard_rows, pair

if TYPE_CHECKING:
    import pandas as pd

_NUMBERS = predictors()[LIGHT_INPUTS].astype(float)


def _interpreters(document: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> tuple[Interpreter, ...]:
    """One that scores by masks, one that walks, and one that has prepared nothing."""
    text = json.dumps(document)
    program = parse_program(text)
    assert all(masks.fits(step) for step in program.steps)  # type: ignore[arg-type]
    by_masks = Interpreter(program)
    if len(program.scores) == 1 or program.link == "identity":
        assert _is_quick(by_masks, len(program.inputs))
    monkeypatch.setattr(masks, "fits", lambda _: False)
    return by_masks, Interpreter(parse_program(text)), Interpreter(program, first_rows=10_000)


def _is_quick(interpreter: Interpreter, inputs: int) -> bool:
    """Whether it has another way to score, from the next row on at least."""
    interpreter.score([None] * inputs, [None] * inputs, 0)
    return interpreter.score.__module__.endswith(".quick")


def _missing() -> pd.DataFrame:
    frame = _NUMBERS.copy()
    frame.iloc[::5, 0] = np.nan
    frame.iloc[::7, 2] = np.nan
    return frame


def _classes() -> Any:  # noqa: ANN401
    return (_NUMBERS.sum(axis=1) > _NUMBERS.sum(axis=1).median()).astype(int) + (_NUMBERS[LIGHT_INPUTS[0]] > 100)


@pytest.mark.parametrize(
    ("model", "sample"),
    [
        (pipeline(), predictors()),  # sets of texts beside numbers
        (HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=8).fit(_missing(), churned()), _NUMBERS),
        (GradientBoostingRegressor(n_estimators=9, max_depth=3).fit(_NUMBERS, _NUMBERS.sum(axis=1)), _NUMBERS),
        (GradientBoostingRegressor(n_estimators=9, max_depth=1).fit(_NUMBERS, _NUMBERS.sum(axis=1)), _NUMBERS),
        (HistGradientBoostingClassifier(max_iter=12, max_leaf_nodes=31).fit(_missing(), churned()), _NUMBERS),
        (HistGradientBoostingClassifier(max_iter=9, max_leaf_nodes=20).fit(_missing(), _classes()), _NUMBERS),
        (GradientBoostingRegressor(n_estimators=64, max_depth=8).fit(_NUMBERS, _NUMBERS.sum(axis=1)), _NUMBERS),
        (RandomForestClassifier(20, max_depth=6, random_state=0).fit(_NUMBERS, _classes()), _NUMBERS),
    ],
    ids=["sets", "missing", "depth 3", "stumps", "31 leaves", "several classes", "many leaves", "leaves of classes"],
)
def test_masks_give_what_walking_gives(model: Any, sample: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    tested = pair(model, sample)
    by_masks, walking, unprepared = _interpreters(tested.document, monkeypatch)
    rows = hard_rows(tested, sample)
    assert len(rows) > 50
    is_text = [each.is_text for each in tested.contract.inputs]
    for row in rows:
        numbers = [value for value, text in zip(row, is_text, strict=True) if not text]
        texts = [value for value, text in zip(row, is_text, strict=True) if text]
        expected = walking.outputs(numbers, texts)
        assert by_masks.outputs(numbers, texts) == unprepared.outputs(numbers, texts) == expected
        for positive, output in enumerate(expected[0] or [None]):
            assert by_masks.score(numbers, texts, positive) == output
            assert unprepared.score(numbers, texts, positive) == output


def test_the_first_rows_are_scored_without_preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    tested = pair(GradientBoostingRegressor(n_estimators=9).fit(_NUMBERS, _NUMBERS.sum(axis=1)), _NUMBERS)
    program = parse_program(json.dumps(tested.document))
    prepared: list[Any] = []
    scorer = masks.scorer

    def counted(trees: Any) -> Any:  # noqa: ANN401
        prepared.append(trees)
        return scorer(trees)

    monkeypatch.setattr(masks, "scorer", counted)
    interpreter, (row, *_) = Interpreter(program, first_rows=3), hard_rows(tested, _NUMBERS)
    expected = Interpreter(program).outputs(row, [])[0]
    prepared.clear()
    assert expected is not None
    for _ in range(3):
        assert interpreter.score(row, [], 0) == expected[0]
        assert not interpreter.score.__module__.endswith(".quick")
    assert not prepared
    assert interpreter.outputs(row, [])[0] == expected
    assert interpreter.score(row, [], 0) == expected[0]
    assert len(prepared) == 1
    assert interpreter.score.__module__.endswith(".quick")


def test_trees_in_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where masks of all trees together would take much memory; sums go on where the part before ended."""
    model = GradientBoostingRegressor(n_estimators=60, max_depth=5).fit(_NUMBERS, _NUMBERS.sum(axis=1))
    tested = pair(model, _NUMBERS)
    whole = Interpreter(parse_program(json.dumps(tested.document)))
    monkeypatch.setattr(masks, "_MOST_BYTES", 40_000)
    program = parse_program(json.dumps(tested.document))
    parts = masks.blocks(program.steps[0])  # type: ignore[arg-type]
    assert len(parts) >= 3, "see _MOST_BYTES"
    kept = sum(sum(mask.bit_length() for mask in each) / 8 for part in parts for _, _, each in part.numbers())
    assert kept < 2 * 40_000
    divided = Interpreter(program)
    for row in hard_rows(tested, _NUMBERS):
        assert divided.outputs(row, []) == whole.outputs(row, [])
        assert divided.score(row, [], 0) == whole.score(row, [], 0)


def test_what_does_not_fit_is_walked() -> None:
    # Two trees of more than eight leaves are walked faster.
    deep = GradientBoostingRegressor(n_estimators=2, max_depth=4).fit(_NUMBERS, _NUMBERS.sum(axis=1))
    contract, _ = describe(deep, _NUMBERS)
    document = read_program(deep, contract).program
    assert not masks.fits(parse_program(json.dumps(document)).steps[0])  # type: ignore[arg-type]
    empty = {**document["steps"][0], "roots": [], "target": [], "values": [], "sets": []}
    empty |= {name: [] for name in ("feature", "threshold", "set", "missing_left", "left", "right", "cover")}
    program = parse_program(json.dumps({**document, "steps": [empty]}))
    assert not masks.fits(program.steps[0])  # type: ignore[arg-type]
    assert Interpreter(program).outputs([1.0, 2.0, 3.0], [])[0] == [empty["base"][0]]


@pytest.mark.parametrize("is_plain", [True, False])
def test_sums_lose_what_an_estimator_loses(*, is_plain: bool) -> None:
    """Python 3.12 and newer keep what rounding loses, unless told not to; `is_plain` is how older ones are."""
    numbers = [1.0, 1e16, 1.0, -1e16, 0.1, 0.2, 1e100, 3.0, -1e100]
    start = masks.plain_start(0.3) if is_plain else masks.plain_start(0.3, is_plain=False)
    assert sum(numbers, start) == reduce(add, numbers, 0.3) == 0.0
    assert type(sum(numbers[:1], start)) is float
