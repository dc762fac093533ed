"""Programs are read from text that nobody vouches for: each refusal names its place, and nothing else comes out."""

from __future__ import annotations

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgscore_runtime.errors import INVALID_PARAMETER, Refusal
from pgscore_runtime.interpreter import Interpreter
from pgscore_runtime.program import parse_program
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder

from tests.support.examples import examples
from tests.support.programs import NUMBERS, customers, labels, pair

_SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "program.schema.json").read_text())
_VALIDATOR = jsonschema.Draft202012Validator(_SCHEMA)


def example() -> dict[str, Any]:
    """A program with every step, every kind of node and every optional field."""
    return {
        "program": 1,
        "inputs": [
            {"name": "minutes", "type": "double precision", "nullable": True, "minimum": -1e300, "maximum": 1e300},
            {"name": "plan", "type": "text", "nullable": True, "known": ["gold", "silver"]},
            {"name": "flag", "type": "boolean", "nullable": False},
        ],
        "require": [{"of": 3, "nullable": True, "minimum": -1e300, "maximum": 1e300}],
        "decide": [3, 5],
        "steps": [
            {"step": "affine", "of": 0, "subtract": 179.8, "divide": 54.5, "multiply": 2, "add": 1},
            {"step": "clip", "of": 3, "minimum": -5, "maximum": 5},
            {"step": "function", "of": 4, "name": "square"},
            {"step": "fill", "of": 5, "with": 0.5},
            {"step": "fill", "of": 1, "with": "none"},
            {"step": "missing", "of": 1},
            {
                "step": "lookup",
                "of": 7,
                "keys": ["gold", "none"],
                "values": [0.25, None],
                "unknown": 0,
                "missing": None,
            },
            {
                "step": "trees",
                "of": [0, 7, 2],
                "precision": "float64",
                "base": [0.5, 0.25],
                "divide": 2,
                "roots": [0, 3],
                "target": [-1, 1],
                "feature": [0, -1, -1, 1, -1, 2, -1, -1],
                "threshold": [10, None, None, None, None, 0.5, None, None],
                "set": [-1, -1, -1, 0, -1, -1, -1, -1],
                "missing_left": [1, 0, 0, 0, 0, 0, 0, 0],
                "left": [1, 0, 2, 4, 4, 6, 5, 6],
                "right": [2, -1, -1, 5, -1, 7, -1, -1],
                "values": [1, 2, 3, 4, 5, 6, 7],
                "sets": [["gold", "none"]],
            },
            {"step": "linear", "of": [6, 8, 10, 11], "weights": [0.5, 1, 1, 1], "intercept": -1.5},
        ],
        "scores": [12],
        "link": "logistic",
        "tie": "first",
    }


def _with(path: str, value: Any) -> dict[str, Any]:  # noqa: ANN401
    changed = example()
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = changed
    for part in way:
        place = place[part]
    if value is _ABSENT:
        del place[last]
    else:
        place[last] = value
    return changed


_ABSENT = object()


def test_the_example_is_a_program() -> None:
    _VALIDATOR.validate(example())
    program = parse_program(json.dumps(example()))
    assert [each.name for each in program.inputs] == ["minutes", "plan", "flag"]
    outputs, reason = Interpreter(program).outputs([10.0, 1.0], ["gold"])
    assert reason is None
    assert outputs is not None
    assert len(outputs) == 4  # two of them decide
    assert sum(outputs[:2]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("program", 2, "program is 2, and this version reads format 1 only"),
        ("program", True, "program is true, and"),
        ("extra", 1, "it has a field 'extra', which means nothing there"),
        ("tie", _ABSENT, "it has no tie"),
        ("tie", "never", "tie is 'never', not one of first, last"),
        ("link", "probit", "link is 'probit', not one of identity"),
        ("scores", [], "the number of scores is 0, not within 1 to 1"),
        ("scores", [12, 12], "the number of scores is 2, not within 1 to 1"),
        ("scores", [13], r"scores\[0\] is 13, and only registers 0 to 12 come before it"),
        ("scores", [1], r"scores\[0\] is 1, which holds a text, and a number is wanted"),
        ("scores", [True], r"scores\[0\] is true, not the number of a register"),
        ("inputs.1.name", "minutes", r"inputs\[1\]\.name is 'minutes', as that of an input before it"),
        ("inputs.1.name", "a\0", r"inputs\[1\]\.name holds U\+0000"),
        ("inputs.1.name", "\ud800", r"inputs\[1\]\.name holds half of a surrogate pair"),
        ("inputs.1.name", "ä" * 501, r"inputs\[1\]\.name has 1,002 bytes"),
        ("inputs.1.minimum", 1, r"inputs\[1\]\.minimum stands at a text"),
        ("inputs.1.known", ["silver", "gold"], r"inputs\[1\]\.known\[1\] is 'gold', and does not come after"),
        ("inputs.1.known", ["gold", "gold"], r"inputs\[1\]\.known\[1\] is 'gold', and does not come after"),
        ("inputs.1.known", ["gold", 1], r"inputs\[1\]\.known\[1\] is 1, not a text"),
        ("inputs.0.known", [1, "gold"], r"inputs\[0\]\.known\[1\] is 'gold', not a number"),
        ("inputs.0.minimum", 1e301, r"inputs\[0\]\.minimum is above the maximum"),
        ("inputs.0.maximum", 10**400, r"inputs\[0\]\.maximum is 10+\.\.\., not a finite double"),
        ("inputs.0.nullable", 1, r"inputs\[0\]\.nullable is 1, not true or false"),
        ("inputs.0.type", "integer", r"inputs\[0\]\.type is 'integer', not one of double precision"),
        ("require", {}, r"require is an object"),
        ("require.0.of", 99, r"require\[0\]\.of is 99, and only registers 0 to 12"),
        ("require.0.of", 1, r"require\[0\]\.of is 1, which holds a text"),
        ("require.0.nullable", 1, r"require\[0\]\.nullable is 1"),
        ("require.0.minimum", "x", r"require\[0\]\.minimum is 'x', not a number"),
        ("require.0.maximum", -2e300, r"require\[0\]\.minimum is above the maximum"),
        ("decide", {}, r"decide is an object"),
        ("decide", [3], r"decide has 1 entries, and there are 2 outputs"),
        ("decide", [3, 99], r"decide\[1\] is 99, and only registers 0 to 12"),
        ("decide", [3, 1], r"decide\[1\] is 1, which holds a text"),
        ("steps.0.step", "exec", r"steps\[0\]\.step is 'exec', not one of affine"),
        ("steps.0.of", 3, r"steps\[0\]\.of is 3, and only registers 0 to 2 come before it"),
        ("steps.0.of", -1, r"steps\[0\]\.of is -1, and only"),
        ("steps.0.of", 1, r"steps\[0\]\.of is 1, which holds a text"),
        ("steps.0.divide", 0, r"steps\[0\]\.divide is 0"),
        ("steps.0.add", False, r"steps\[0\]\.add is false, not a number"),
        ("steps.1.minimum", 6, r"steps\[1\]\.minimum is above the maximum"),
        ("steps.2.name", "cube", r"steps\[2\]\.name is 'cube', not one of abs, sqrt, square"),
        ("steps.3.with", "a", r"steps\[3\]\.with is 'a', not a number"),
        ("steps.4.with", 1, r"steps\[4\]\.with is 1, not a text"),
        ("steps.6.values", [0.25], r"steps\[6\]\.values has 1 entries for 2 keys"),
        ("steps.6.unknown", "0", r"steps\[6\]\.unknown is '0', not a number"),
        ("steps.8.of", [6, 8, 10, 13], r"steps\[8\]\.of\[3\] is 13, and only registers 0 to 11 come before it"),
        ("steps.8.weights", [1, 1], r"steps\[8\]\.weights has 2 entries for 4 registers"),
        ("steps.7.precision", "float32", r"steps\[7\]\.precision is 'float32'"),
        ("steps.7.base", [], r"steps\[7\]\.base has 0 entries"),
        ("steps.7.divide", 0.0, r"steps\[7\]\.divide is 0"),
        ("steps.7.cover", [1], r"steps\[7\]\.cover has 1 entries, and feature has 8"),
        ("steps.7.cover", [1, 1, 1, -1, 1, 1, 1, 1], r"steps\[7\]\.cover\[3\] is -1.0, and a cover is not negative"),
        ("steps.7.cover", [1, True, 1, 1, 1, 1, 1, 1], r"steps\[7\]\.cover\[1\] is true, not a number"),
        ("steps.8.center", [1, 1], r"steps\[8\]\.center has 2 entries for 4 registers"),
        ("steps.7.left", [1], r"steps\[7\]\.left has 1 entries, and feature has 8"),
        ("steps.7.roots", [0, 0], r"steps\[7\]\.roots\[1\] is 0, which is the root of another tree"),
        ("steps.7.roots", [0, 8], r"steps\[7\]\.roots\[1\] is 8, not within 0 to 7"),
        ("steps.7.target", [-1, 2], r"steps\[7\]\.target\[1\] is 2, not within -1 to 1"),
        ("steps.7.target", [1], r"steps\[7\]\.target has 1 entries for 2 roots"),
        ("steps.7.feature.0", 3, r"steps\[7\]\.feature\[0\] is 3, not within -1 to 2"),
        ("steps.7.feature.0", 1, r"steps\[7\]\.threshold\[0\] is a number, and register 7 holds a text"),
        ("steps.7.threshold.0", None, r"steps\[7\]\.threshold\[0\] is null, and the node tests no set"),
        ("steps.7.threshold.1", 1, r"steps\[7\]\.threshold\[1\] is 1\.0, and the node is a leaf"),
        ("steps.7.threshold.3", 1, r"steps\[7\]\.threshold\[3\] stands beside a set"),
        ("steps.7.set.1", 0, r"steps\[7\]\.set\[1\] is 0, and the node is a leaf"),
        ("steps.7.set.3", 1, r"steps\[7\]\.set\[3\] is 1, not within -1 to 0"),
        ("steps.7.sets.0", [1, 2], r"steps\[7\]\.set\[3\] is 0, whose members are not of the type of register 7"),
        ("steps.7.missing_left.0", 2, r"steps\[7\]\.missing_left\[0\] is 2, not within 0 to 1"),
        ("steps.7.left.0", 0, r"steps\[7\]\.left\[0\] is 0, and a child stands behind its parent"),
        ("steps.7.right.0", 1, r"steps\[7\]\.right\[0\] is 1, which is a root or has another parent"),
        ("steps.7.right.3", 6, r"steps\[7\]\.feature\[5\] belongs to a node that is neither a root nor the child"),
        ("steps.7.left.2", 6, r"steps\[7\]\.left\[2\] is 6, and its leaf would end at 8 of 7 values"),
        ("steps.7.right.2", 1, r"steps\[7\]\.right\[2\] is 1, and the node is a leaf"),
    ],
)  # fmt: skip
def test_each_refusal_names_its_place(path: str, value: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(Refusal, match=f"^the program is refused: {message}") as raised:
        parse_program(json.dumps(_with(path, value)))
    assert raised.value.sqlstate == INVALID_PARAMETER


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not JSON"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"a":' * 100_000, "it is nested too deeply"),
        ("1" * 10_000, "it is not JSON"),
        ('{"program": 1, "program": 1}', "it is not JSON: an object has two fields of one name"),
        ('{"program": NaN}', "it is not JSON: NaN is no JSON"),
        ("null", "it is null, not an object"),
        (" " * (64 * 2**20 + 1), "it has more than 64 MB"),
    ],
)
def test_texts_that_are_no_programs(text: str, message: str) -> None:
    with pytest.raises(Refusal, match=f"the program is refused: {message}"):
        parse_program(text)


def test_limits() -> None:
    changed = example()
    changed["steps"] += [{"step": "missing", "of": 0}] * 10_000
    with pytest.raises(Refusal, match=r"steps has 10,009 entries, and at most 10,000 are allowed"):
        parse_program(json.dumps(changed))
    with pytest.raises(Refusal, match=r"steps\[8\]\.of brings the program past 100,000 registers"):
        parse_program(json.dumps(_with("steps.8.of", [6] * 100_000)))
    with pytest.raises(Refusal, match=r"inputs\[0\]\.known brings the program past 1,000,000 keys"):
        parse_program(json.dumps(_with("inputs.0.known", list(range(1_000_001)))))
    with pytest.raises(Refusal, match=r"steps\[7\]\.sets has 9 entries, and at most 8"):
        parse_program(json.dumps(_with("steps.7.sets", [[]] * 9)))


@pytest.mark.parametrize("depth", [1000, 1001])
def test_depth(depth: int) -> None:
    # A comb: each inner node has a leaf to its left and the next inner node to its right.
    size = 2 * depth + 1
    inner = range(0, size - 1, 2)
    step = {
        "step": "trees", "of": [0], "precision": "float64", "base": [0], "roots": [0], "target": [0], "sets": [],
        "feature": [0 if n in inner else -1 for n in range(size)],
        "threshold": [n if n in inner else None for n in range(size)],
        "set": [-1] * size, "missing_left": [0] * size, "values": list(range(size)),
        "left": [n + 1 if n in inner else n for n in range(size)],
        "right": [n + 2 if n in inner else -1 for n in range(size)],
    }  # fmt: skip
    text = json.dumps({**_with("decide", _ABSENT), "scores": [3], "steps": [step], "link": "identity"})
    if depth > 1000:
        with pytest.raises(Refusal, match="belongs to a node deeper than 1,000"):
            parse_program(text)
        return
    interpreter = Interpreter(parse_program(text))
    assert interpreter.outputs([1e9, 0.0], [None]) == ([float(size - 1)], None)
    assert interpreter.outputs([3.0, 0.0], [None]) == ([5.0], None)


@cache
def _of_readers() -> list[dict[str, Any]]:
    """Programs that readers wrote, with most of what they can write."""
    frame = customers(missing=True)
    numbers = make_pipeline(SimpleImputer(add_indicator=True), FunctionTransformer(np.abs), MinMaxScaler(clip=True))
    prepared = ColumnTransformer(
        [
            ("numbers", numbers, NUMBERS),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["plan", "flag"]),
        ]
    )
    models = [
        LogisticRegression(),
        RandomForestClassifier(n_estimators=3, max_depth=3, random_state=0),
        HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=5, random_state=0),
    ]
    documents = [pair(make_pipeline(prepared, model).fit(frame, labels(frame, 3)), frame).document for model in models]
    categorical = HistGradientBoostingClassifier(categorical_features=["plan"], max_iter=2, min_samples_leaf=5)
    some = frame.drop(columns="flag")
    return [*documents, pair(categorical.fit(some, labels(frame, 2)), some).document, example()]


def test_what_readers_write_is_valid_by_the_schema() -> None:
    for document in _of_readers():
        _VALIDATOR.validate(document)
        parse_program(json.dumps(document))
    with pytest.raises(jsonschema.ValidationError):
        _VALIDATOR.validate(_with("steps.0.exec", "1"))
    with pytest.raises(jsonschema.ValidationError):
        _VALIDATOR.validate(_with("inputs.1.maximum", 1))


_STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 14), st.integers(), st.text(max_size=3), st.just([]), st.just({}),
    st.floats(allow_nan=False, allow_infinity=False), st.lists(st.integers(-2, 9), max_size=4),
    st.sampled_from(["sqrt", "trees", "softmax", "text", "double precision", 1e308, -1e308, 5e-324]),
)  # fmt: skip


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, inner in entries for place in [(*way, key), *_places(inner, (*way, key))]]


@settings(deadline=None, max_examples=examples(300))
@given(data=st.data())
def test_a_damaged_program_is_refused_or_evaluates(data: st.DataObject) -> None:
    changed = copy.deepcopy(data.draw(st.sampled_from(_of_readers())))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(_places(changed)))
        place = changed
        for part in way:
            place = place[part]
        if data.draw(st.booleans()):
            place[last] = data.draw(_STRANGE)
        else:
            del place[last]
    try:
        program = parse_program(json.dumps(changed))
    except Refusal as refusal:
        assert refusal.message.startswith("the program is refused: ")  # noqa: PT017
        return
    interpreter = Interpreter(program)
    texts = sum(each.is_text for each in program.inputs)
    numbers = len(program.inputs) - texts
    for number in (None, 0.0, 1.0, float("inf"), -float("inf"), 1e308, -1e308, 5e-324):
        for text in (None, "gold", "?"):
            interpreter.scores(1, [number] * numbers, [text] * texts, 0)
